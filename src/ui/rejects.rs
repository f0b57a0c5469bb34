//! Draws the rejected lines of a source, or one of them as it was kept.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::inspector;
use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::Rejects;
use crate::model::query::RejectRow;
use crate::model::text::Safe;

/// Columns of an offset.
const OFFSET: usize = 12;
/// Columns of a length.
const LENGTH: usize = 7;

pub(super) fn draw(rejects: &Rejects, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let words = if rejects.reader().is_some() {
        " rejected line of "
    } else {
        " rejected lines of "
    };
    let uri = Safe::line(rejects.uri());
    let title = Line::from(vec![
        label(words, theme.style(Role::Strong)),
        span(
            &uri.cut(usize::from(area.width).saturating_sub(words.len() + 1)),
            theme.style(Role::Accent),
        ),
    ]);
    buffer.set_line(area.x, area.y, &title, area.width);
    let rows = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    if let Some(reader) = rejects.reader() {
        inspector::text(reader.viewer(), theme, rows, buffer);
        return;
    }
    let say = |words: &Safe, role, buffer: &mut Buffer| {
        buffer.set_span(rows.x + 1, rows.y, &span(words, theme.style(role)), rows.width.saturating_sub(1));
    };
    if let Some(error) = rejects.error() {
        return say(&Safe::line(error), Role::Error, buffer);
    }
    if rejects.rows().is_empty() {
        let words = if rejects.is_loaded() { "none" } else { "reading …" };
        return say(&Safe::line(words), Role::Dim, buffer);
    }
    for (y, (index, row)) in (rows.top()..rows.bottom()).zip(rejects.rows().iter().enumerate().skip(rejects.top())) {
        let place = Rect { y, height: 1, ..rows };
        one(row, theme, place, buffer);
        if index == rejects.at() {
            buffer.set_style(place, theme.style(Role::Selected));
        }
    }
}

/// Where it stands, why it was rejected, and how it begins.
fn one(row: &RejectRow, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let reason = match width {
        0..60 => 14,
        60..100 => 20,
        _ => 24,
    };
    let detail = if width < 100 { 0 } else { width / 4 };
    let offset = Safe::line(&row.origin.offset.to_string());
    let beginning = Safe::line(&String::from_utf8_lossy(&row.bytes));
    let mut spans = vec![
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&offset, OFFSET, Align::Right), theme.style(Role::Dim)),
        label("  ", theme.style(Role::Text)),
        span(
            &text::pad(&text::bytes(u64::from(row.origin.length)), LENGTH, Align::Right),
            theme.style(Role::Text),
        ),
        label("  ", theme.style(Role::Text)),
        span(&text::pad(&Safe::line(&row.reason), reason, Align::Left), theme.style(Role::Warn)),
        label("  ", theme.style(Role::Text)),
    ];
    if detail > 0 {
        spans.push(span(
            &text::pad(&Safe::line(&row.detail), detail, Align::Left),
            theme.style(Role::Dim),
        ));
        spans.push(label("  ", theme.style(Role::Text)));
    }
    let taken: usize = spans.iter().map(ratatui::text::Span::width).sum();
    spans.push(span(&beginning.cut(width.saturating_sub(taken)), theme.style(Role::Text)));
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
}
