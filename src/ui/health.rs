//! Draws the log's health.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::inspector;
use super::text::label;
use super::theme::{Role, Theme};
use crate::app::Health;

pub(super) fn draw(health: &Health, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let title = label(" what the log lacks", theme.style(Role::Strong));
    buffer.set_span(area.x, area.y, &title, area.width);
    let rows = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    if health.is_loaded() {
        inspector::text(health.viewer(), theme, rows, buffer);
    } else {
        buffer.set_span(rows.x, rows.y, &label("reading …", theme.style(Role::Dim)), rows.width);
    }
}
