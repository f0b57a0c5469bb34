//! Draws the sources: a row each, and at the foot all that is known of the one under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::empty::wrapped;
use super::status::grouped;
use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::sources::Row;
use crate::insight::sources::Trouble;
use crate::model::record::Activity;
use crate::model::text as figures;
use crate::model::text::Safe;

/// A column of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// The name: takes what is left.
    Name,
    /// What it is doing.
    State,
    Dialect,
    Lines,
    /// Lines a second.
    Rate,
    Rejects,
    /// How much of it is read.
    Read,
    /// How long until its history is read.
    Left,
    /// Bytes not yet in the store.
    Behind,
    Size,
    /// When it was last written to.
    Written,
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Name => "source",
            Self::State => "state",
            Self::Dialect => "dialect",
            Self::Lines => "lines",
            Self::Rate => "lines/s",
            Self::Rejects => "rejected",
            Self::Read => "history",
            Self::Left => "left",
            Self::Behind => "behind",
            Self::Size => "size",
            Self::Written => "written",
        }
    }

    const fn align(self) -> Align {
        match self {
            Self::Name | Self::State | Self::Dialect => Align::Left,
            _ => Align::Right,
        }
    }
}

/// The columns for this width. The least important ones go first; none is squeezed.
fn columns(width: u16) -> &'static [(Column, u16)] {
    use Column::{Behind, Dialect, Left, Lines, Name, Rate, Read, Rejects, Size, State, Written};
    match width {
        0..56 => &[(Name, 0), (State, 11), (Rejects, 8)],
        56..76 => &[(Name, 0), (State, 11), (Lines, 9), (Rejects, 8), (Read, 7)],
        76..110 => &[(Name, 0), (State, 11), (Lines, 11), (Rate, 7), (Rejects, 8), (Read, 7), (Left, 8)],
        110..150 => &[
            (Name, 0),
            (State, 11),
            (Dialect, 14),
            (Lines, 10),
            (Rate, 7),
            (Rejects, 8),
            (Read, 7),
            (Left, 8),
            (Behind, 8),
        ],
        150.. => &[
            (Name, 0),
            (State, 11),
            (Dialect, 20),
            (Lines, 13),
            (Rate, 8),
            (Rejects, 10),
            (Size, 8),
            (Read, 7),
            (Left, 8),
            (Behind, 8),
            (Written, 12),
        ],
    }
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let pane = app.sources();
    let columns = columns(area.width);
    let taken: u16 = columns.iter().map(|(_, width)| width + 1).sum();
    let name = area.width.saturating_sub(taken + 1);
    let mut x = area.x + 1;
    for (column, width) in columns {
        let width = if *column == Column::Name { name } else { *width };
        let sorted = *column == if pane.by_name() { Column::Name } else { Column::State };
        let mark = if sorted { "↓" } else { "" };
        let title = text::pad(
            &Safe::line(&format!("{}{mark}", column.title())),
            usize::from(width),
            column.align(),
        );
        let role = if sorted { Role::Strong } else { Role::Dim };
        buffer.set_span(x, area.y, &span(&title, theme.style(role)), width);
        x += width + 1;
    }
    if pane.rows().is_empty() {
        let words = Safe::line(if app.named().is_empty() { "no source" } else { "no file yet" });
        buffer.set_span(area.x + 1, area.y + 1, &span(&words, theme.style(Role::Dim)), area.width - 1);
        return;
    }
    let height = app.screen().source_rows();
    for (nth, (index, row)) in pane.rows().iter().enumerate().skip(pane.top()).take(height).enumerate() {
        let place = Rect {
            y: area.y + 1 + nth as u16,
            height: 1,
            ..area
        };
        one(app, row, columns, name, theme, place, buffer);
        if index == pane.at() {
            buffer.set_style(place, theme.style(Role::Selected));
        }
    }
    let detail = Rect {
        y: area.y + 1 + height as u16,
        height: area.height.saturating_sub(1 + height as u16),
        ..area
    };
    if let Some(row) = pane.selected() {
        detail_of(app, row, theme, detail, buffer);
    }
}

/// A glyph and a word: the colour only repeats them.
const fn state(activity: Option<Activity>) -> (&'static str, Role) {
    match activity {
        Some(Activity::Failed) => ("✕ failed", Role::Error),
        Some(Activity::Waiting) => ("○ waiting", Role::Warn),
        Some(Activity::Reading) => ("◐ reading", Role::Warn),
        Some(Activity::Following) => ("● following", Role::Good),
        Some(Activity::Ended) => ("■ ended", Role::Dim),
        Some(Activity::Gone) => ("– gone", Role::Dim),
        None => ("· not read", Role::Dim),
    }
}

/// Hundredths that were read, rounded down: a hundred is all of it.
fn share(row: &Row) -> Option<u64> {
    let (read, whole) = row.standing.coverage()?;
    Some((u128::from(read) * 100 / u128::from(whole)) as u64)
}

fn dialects(row: &Row) -> Vec<(&str, u64)> {
    let mut dialects: Vec<(&str, u64)> = row
        .standing
        .tally
        .dialects
        .iter()
        .map(|(name, lines)| (name.as_str(), *lines))
        .collect();
    dialects.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    dialects
}

fn one(app: &App, row: &Row, columns: &[(Column, u16)], name: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let standing = &row.standing;
    let none = || (Safe::from_static("–"), Role::Dim);
    let mut x = area.x + 1;
    for (column, width) in columns {
        let width = if *column == Column::Name { name } else { *width };
        let cells = usize::from(width);
        let (words, role) = match column {
            Column::Name => (tail(&Safe::line(&standing.uri), cells), Role::Text),
            Column::State => {
                let (words, role) = state(standing.activity);
                (Safe::from_static(words), role)
            }
            Column::Dialect => match dialects(row).as_slice() {
                [] => none(),
                [(only, _)] => (Safe::line(only), Role::Text),
                [(most, _), rest @ ..] => (Safe::line(&format!("{most} +{}", rest.len())), Role::Text),
            },
            Column::Lines => (Safe::line(&grouped(standing.tally.lines)), Role::Text),
            Column::Rate if row.rate == 0 => (Safe::from_static("0"), Role::Dim),
            Column::Rate => (Safe::line(&grouped(row.rate)), Role::Text),
            Column::Rejects if standing.tally.rejected == 0 => (Safe::from_static("0"), Role::Dim),
            Column::Rejects => (Safe::line(&grouped(standing.tally.rejected)), Role::Warn),
            Column::Read => share(row).map_or_else(none, |share| {
                let role = if share < 100 { Role::Warn } else { Role::Text };
                (Safe::line(&format!("{share}%")), role)
            }),
            Column::Left => row
                .left
                .filter(|_| standing.remaining > 0)
                .map_or_else(none, |left| (Safe::line(&format!("≈ {}", figures::roughly(left))), Role::Time)),
            Column::Behind => match row.behind {
                Some((bytes, _)) => (text::bytes(bytes), Role::Warn),
                None => (Safe::from_static("0"), Role::Dim),
            },
            Column::Size => standing.size.map_or_else(none, |size| (text::bytes(size), Role::Text)),
            Column::Written => standing
                .modified
                .map_or_else(none, |at| (text::clock(at, app.now(), app.timezone()), Role::Time)),
        };
        let cell = match column.align() {
            Align::Right => text::pad(&words, cells, Align::Right),
            Align::Left => words.cut(cells),
        };
        buffer.set_span(x, area.y, &span(&cell, theme.style(role)), width);
        x += width + 1;
    }
}

/// The end of a path says more than its beginning: what does not fit goes on the left, but not the scheme that says another machine has it.
fn tail(path: &Safe, columns: usize) -> Safe {
    if figures::width(path.as_str()) <= columns {
        return path.clone();
    }
    let scheme = path.as_str().find("://").map_or("", |end| &path.as_str()[..=end]);
    let mut rest = &path.as_str()[scheme.len()..];
    let columns = columns.saturating_sub(scheme.len());
    // More characters than twice the columns never fit, marks or not: what is far off is not measured.
    if let Some((at, _)) = rest.char_indices().rev().nth(columns * 2) {
        rest = &rest[at..];
    }
    while figures::width(rest) + 1 > columns.max(1) {
        let mut chars = rest.chars();
        if chars.next().is_none() {
            break;
        }
        rest = chars.as_str();
    }
    Safe::line(&format!("{scheme}…{rest}"))
}

/// All that is known of one source, the most important first: the lower lines may not fit.
fn detail_of(app: &App, row: &Row, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    if area.is_empty() {
        return;
    }
    let width = usize::from(area.width);
    let title = tail(&Safe::line(&row.standing.uri), width.saturating_sub(4));
    let rule = Safe::line(&"─".repeat(width));
    buffer.set_span(area.x, area.y, &span(&rule, theme.style(Role::Border)), area.width);
    // It meets the frame on both sides.
    buffer.set_span(area.x - 1, area.y, &label("├", theme.style(Role::Border)), 1);
    buffer.set_span(area.right(), area.y, &label("┤", theme.style(Role::Border)), 1);
    buffer.set_span(area.x + 1, area.y, &label(" ", theme.style(Role::Border)), 1);
    buffer.set_span(area.x + 2, area.y, &span(&title, theme.style(Role::Accent)), area.width - 2);
    let end = area.x + 2 + title.width() as u16;
    buffer.set_span(
        end,
        area.y,
        &label(" ", theme.style(Role::Border)),
        area.right().saturating_sub(end),
    );
    let room = width.saturating_sub(2);
    let lines = words(app, row)
        .into_iter()
        .flat_map(|(words, role)| wrapped(&Safe::line(&words), room).into_iter().map(move |line| (line, role)));
    for (y, (line, role)) in (area.y + 1..area.bottom()).zip(lines) {
        buffer.set_span(area.x + 1, y, &span(&line, theme.style(role)), area.width - 1);
    }
}

fn words(app: &App, row: &Row) -> Vec<(String, Role)> {
    let standing = &row.standing;
    let tally = &standing.tally;
    let mut lines = Vec::new();
    if let Some(problem) = &standing.problem {
        lines.push((format!("last error: {problem}"), Role::Error));
    }
    let reading = match standing.activity {
        None => "not read in this run: what is in the store stays".to_owned(),
        Some(Activity::Waiting) => "waiting: it is not there yet, or its host does not answer".to_owned(),
        Some(Activity::Gone) => "it has no name any more; what was written to it has been read".to_owned(),
        Some(Activity::Failed) => "cannot be read now, and is tried again".to_owned(),
        Some(Activity::Ended) => "read to its end; nothing more will come".to_owned(),
        Some(Activity::Following) => "followed: new lines appear as they are written".to_owned(),
        Some(Activity::Reading) => {
            let left = row
                .left
                .map(|left| format!(", ≈ {} left", figures::roughly(left)))
                .unwrap_or_default();
            format!(
                "reading: {}% of its bytes, {} to go{left}",
                share(row).unwrap_or(0),
                figures::bytes(standing.remaining)
            )
        }
    };
    let (_, role) = state(standing.activity);
    lines.push((reading, if role == Role::Error { Role::Warn } else { Role::Text }));
    if tally.rejected > 0 {
        let mut reasons: Vec<_> = tally.rejects.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let reasons: Vec<String> = reasons
            .iter()
            .map(|(reason, count)| format!("{} × {reason}", grouped(**count)))
            .collect();
        lines.push((format!("rejected: {} (Enter shows them)", reasons.join(", ")), Role::Warn));
    }
    if standing.skipped > 0 {
        let words = format!("{} of older lines are left alone (--since)", figures::bytes(standing.skipped));
        lines.push((words, Role::Warn));
    }
    if standing.unread > 0 {
        let words = format!(
            "{} were left out by an earlier run, and this one does not read them",
            figures::bytes(standing.unread)
        );
        lines.push((words, Role::Warn));
    }
    if let Some((bytes, age)) = row.behind {
        let since = figures::roughly(age);
        lines.push((format!("{} not yet in the store, for {since}", figures::bytes(bytes)), Role::Warn));
    }
    if standing.pending > 0 {
        let words = format!("{} of a last line that is not finished", figures::bytes(standing.pending));
        lines.push((words, Role::Dim));
    }
    let dialects: Vec<String> = dialects(row)
        .iter()
        .map(|(name, lines)| format!("{name} {}", grouped(*lines)))
        .collect();
    let counts = [
        (tally.span, "with spans"),
        (tally.other, "other"),
        (tally.rejected, "rejected"),
        (tally.blank, "blank"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(count)))
        .collect();
    if tally.lines > 0 {
        let lines_word = if tally.lines == 1 { "line" } else { "lines" };
        let read_as = if dialects.is_empty() {
            String::new()
        } else {
            format!("; {}", dialects.join(", "))
        };
        let words = format!("{} {lines_word}: {}{read_as}", grouped(tally.lines), counts.join(", "));
        lines.push((words, Role::Text));
    }
    let mut facts = Vec::new();
    if let Some(size) = standing.size {
        facts.push(format!("{} there", figures::bytes(size)));
    }
    facts.push(format!("{} in the store", figures::bytes(standing.bytes)));
    if standing.generations > 1 {
        facts.push(format!("{} files or generations under this name", standing.generations));
    }
    if let Some(at) = standing.modified {
        facts.push(format!("last written {}", text::clock(at, app.now(), app.timezone()).as_str()));
    }
    lines.push((facts.join(", "), Role::Dim));
    if standing.trouble() == Trouble::Failed && standing.activity != Some(Activity::Failed) {
        lines.push(("what came before the error is in the store".to_owned(), Role::Dim));
    }
    lines
}
