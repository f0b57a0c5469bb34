//! Draws a page that explains something at length.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::inspector;
use super::text::{label, span};
use super::theme::{Role, Theme};
use crate::app::sheet::{Sheet, Topic};
use crate::model::text::Safe;

pub(super) fn draw(sheet: &Sheet, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let title = match sheet.topic() {
        Topic::Spike(Some(feature)) => Safe::concat(&[&Safe::from_static(" why "), &Safe::line(feature), &Safe::from_static(" is dear")]),
        Topic::Spike(None) => Safe::from_static(" why calls without a feature are dear"),
        Topic::Prompts if sheet.is_changes() => Safe::from_static(" what changed in a system prompt"),
        Topic::Prompts => Safe::from_static(" system prompts"),
    };
    buffer.set_span(area.x, area.y, &span(&title, theme.style(Role::Strong)), area.width);
    let rows = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(1),
        height: area.height.saturating_sub(1),
    };
    if sheet.is_loaded() {
        inspector::text(sheet.viewer(), theme, rows, buffer);
        let selected = sheet.selected().into_iter().flat_map(|stretch| sheet.viewer().rows_of(stretch));
        for y in selected.filter_map(|nth| u16::try_from(nth).ok()) {
            let line = Rect {
                y: rows.y + y,
                height: 1,
                ..rows
            };
            buffer.set_style(line, theme.style(Role::Selected));
        }
    } else {
        buffer.set_span(rows.x, rows.y, &label("reading …", theme.style(Role::Dim)), rows.width);
    }
}
