//! Draws two interactions side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::inspector;
use super::text::{label, span};
use super::theme::{Role, Theme};
use crate::app::comparison::Comparison;
use crate::model::text::Safe;

pub(super) fn draw(open: &Comparison, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    buffer.set_span(area.x, area.y, &label(" comparison", theme.style(Role::Strong)), area.width);
    let place = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    if let Some(error) = open.error() {
        buffer.set_span(place.x, place.y, &span(&Safe::line(error), theme.style(Role::Warn)), place.width);
    } else if open.is_told() {
        inspector::text(open.viewer(), theme, place, buffer);
    } else {
        buffer.set_span(place.x, place.y, &label("looking …", theme.style(Role::Dim)), place.width);
    }
}
