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
/// Columns of a reason, at least and at most: as many as those in sight need.
const REASON: (usize, usize) = (8, 24);
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
    if let Some(error) = rejects.list().error() {
        return say(&Safe::line(error), Role::Error, buffer);
    }
    if rejects.list().rows().is_empty() {
        let words = if rejects.list().is_loaded() { "none" } else { "reading …" };
        return say(&Safe::line(words), Role::Dim, buffer);
    }
    let heads = ["offset", "size", "why", "what is wrong", "how it begins"].map(Safe::from_static);
    let list = rejects.list();
    let in_sight = || {
        list.rows()
            .iter()
            .enumerate()
            .skip(list.top())
            .take(usize::from(rows.height.saturating_sub(1)))
    };
    let widest = |of: fn(&RejectRow) -> &str| in_sight().map(|(_, row)| Safe::line(of(row)).width()).max().unwrap_or(0);
    let reason = widest(|row| &row.reason).clamp(REASON.0, REASON.1);
    // As wide as those in sight need, and a third of the line at most; none where that is too little.
    let detail = match usize::from(rows.width) {
        0..100 => 0,
        width => widest(|row| &row.detail).clamp(heads[3].width(), width / 3),
    };
    let room = (reason, detail);
    buffer.set_line(rows.x, rows.y, &columns(heads, None, room, theme, rows.width), rows.width);
    for (y, (index, row)) in (rows.top() + 1..rows.bottom()).zip(in_sight()) {
        let place = Rect { y, height: 1, ..rows };
        one(row, room, theme, place, buffer);
        if index == list.at() {
            buffer.set_style(place, theme.style(Role::Selected));
        }
    }
}

/// Where it stands, why it was rejected, and how it begins.
fn one(row: &RejectRow, room: (usize, usize), theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let cells = [
        Safe::line(&row.origin.offset.to_string()),
        text::bytes(u64::from(row.origin.length)),
        Safe::line(&row.reason),
        Safe::line(&row.detail),
        Safe::of_bytes(&row.bytes),
    ];
    let roles = [Role::Dim, Role::Text, Role::Warn, Role::Dim, Role::Text];
    buffer.set_line(area.x, area.y, &columns(cells, Some(roles), room, theme, area.width), area.width);
}

/// Offset, size, reason, detail where there is room for it, and the beginning of the line; without roles they are headings.
fn columns(cells: [Safe; 5], roles: Option<[Role; 5]>, (reason, detail): (usize, usize), theme: &Theme, width: u16) -> Line<'static> {
    let width = usize::from(width);
    let fixed = [
        (OFFSET, Align::Right),
        (LENGTH, Align::Right),
        (reason, Align::Left),
        (detail, Align::Left),
    ];
    let mut spans = vec![label(" ", theme.style(Role::Text))];
    let mut left = width.saturating_sub(1);
    for (nth, cell) in cells.iter().enumerate() {
        let style = theme.style(roles.map_or(Role::Dim, |roles| roles[nth]));
        match fixed.get(nth) {
            Some((0, _)) => {}
            Some((cells, align)) => {
                spans.push(span(&text::pad(cell, *cells, *align), style));
                spans.push(label("  ", theme.style(Role::Text)));
                left = left.saturating_sub(cells + 2);
            }
            None => spans.push(span(&cell.cut(left), style)),
        }
    }
    Line::from(spans)
}
