//! Draws the list of interactions; the spans of open ones are `tree`'s.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use super::{empty, tree};
use crate::app::App;
use crate::app::layout::{Focus, heading};
use crate::app::list::{ListLine, Selected};
use crate::app::status::Partial;
use crate::app::tree::Spans;
use crate::model::column::Column;
use crate::model::span::Status;
use crate::model::text::Safe;
use crate::model::trace::{FindingKind, Interaction};

/// Before what was marked to be compared.
const MARKED: &str = "≠";
/// Cells in which an answer begins to say something.
const ANSWER: usize = 12;

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    headings(app, theme, area, buffer);
    let rows = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let list = app.list();
    if list.lines().is_empty() {
        empty::draw(app, theme, rows, buffer);
        return;
    }
    let focused = app.focus() == Focus::List;
    for (y, (index, line)) in (rows.top()..rows.bottom()).zip(list.lines().iter().enumerate().skip(list.top())) {
        let row = Rect { y, height: 1, ..rows };
        let mut bar = None;
        match *line {
            ListLine::Interaction(at) => interaction(app, &list.rows()[at], theme, row, buffer),
            ListLine::Span(at, number) => {
                if let Some((open, trace)) = app.trees().get(list.rows()[at].trace).and_then(|open| Some((open, open.loaded()?))) {
                    bar = tree::draw(open, trace, number, app.screen(), theme, row, buffer);
                    let span = trace.spans.get(number).map(|node| node.key);
                    if span.is_some()
                        && app
                            .marked()
                            .is_some_and(|marked| (marked.trace, marked.span) == (list.rows()[at].trace, span))
                    {
                        buffer.set_span(row.x, y, &label(MARKED, theme.style(Role::Accent)), 1);
                    }
                }
            }
            ListLine::Note(at) => {
                let words = match app.trees().get(list.rows()[at].trace).map(|open| &open.spans) {
                    Some(Spans::Failed(why)) => Safe::line(&format!("   could not be read: {why}")),
                    Some(Spans::Gone) => Safe::from_static("   no longer in the store: h closes it, r asks again"),
                    Some(Spans::Loading | Spans::Loaded(_)) | None => Safe::from_static("   loading …"),
                };
                buffer.set_span(row.x, y, &span(&words, theme.style(Role::Dim)), row.width);
            }
        }
        if index == list.at() {
            let selected = theme.style(Role::Selected);
            if focused {
                text::select(row, bar.as_slice(), selected, buffer);
            } else {
                buffer.set_style(row, theme.style(Role::SelectedDim));
                buffer.set_style(Rect { width: 1, ..row }, selected);
            }
        }
    }
}

fn headings(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let sort = app.list().sort();
    let mut x = area.x + 1;
    for (column, width) in &app.screen().columns {
        let (sorted, cells) = (*column == sort.key, usize::from(*width));
        let mark = match (sorted, sort.descending) {
            (true, true) => "↓",
            (true, false) => "↑",
            (false, _) => "",
        };
        let name = heading(*column);
        // The mark is worth more than the last letter.
        let name = if name.len() + 1 > cells && !mark.is_empty() {
            name.get(..cells - 1)
        } else {
            Some(name)
        };
        let title = Safe::line(&format!("{}{mark}", name.unwrap_or_default()));
        let align = if column.is_number() { Align::Right } else { Align::Left };
        let cell = text::pad(&title, cells, align);
        buffer.set_span(
            x,
            area.y,
            &span(&cell, theme.style(if sorted { Role::Strong } else { Role::Dim })),
            *width,
        );
        x += width + 1;
    }
}

fn interaction(app: &App, row: &Interaction, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let open = app.trees().expanded(row.trace).is_some();
    let selected = Selected {
        trace: row.trace,
        span: None,
    };
    let (mark, role) = match (app.marked() == Some(selected), app.marks().contains(row.trace), open) {
        (true, ..) => (MARKED, Role::Accent),
        (false, true, _) => ("◆", Role::Accent),
        (false, false, true) => ("▾", Role::Dim),
        (false, false, false) => ("▸", Role::Dim),
    };
    buffer.set_span(area.x, area.y, &label(mark, theme.style(role)), 1);
    let mut x = area.x + 1;
    for (column, width) in &app.screen().columns {
        let cells = usize::from(*width);
        let missing = |value: &Option<String>| {
            value
                .as_deref()
                .map_or_else(|| (Safe::from_static("–"), Role::Dim), |value| (Safe::line(value), Role::Text))
        };
        let (words, role) = match column {
            Column::Time => (text::moment(row.start, app.now(), app.timezone(), cells), Role::Time),
            Column::Feature => missing(&row.feature),
            Column::User => missing(&row.user),
            Column::Ask => {
                let mut place = Rect { x, width: *width, ..area };
                if open && let Some(words) = lacking(app.status().partial()) {
                    // On the right of the column: the question gives way.
                    let least = place.width.saturating_sub(words.len() as u16 + 1);
                    buffer.set_span(x + least + 1, area.y, &label(words, theme.style(Role::Warn)), words.len() as u16);
                    place.width = least;
                }
                ask(row, theme, place, buffer);
                x += width + 1;
                continue;
            }
            Column::Model => match row.models.as_slice() {
                [] => (Safe::from_static("–"), Role::Dim),
                [one] => (Safe::line(short(one)), Role::Text),
                [first, ..] => (Safe::line(&format!("{} +{}", short(first), row.models.len() - 1)), Role::Text),
            },
            Column::Tokens => (text::tokens(row.usage.total()), Role::Tokens),
            Column::Cost if row.calls == 0 => (Safe::from_static("–"), Role::Dim),
            Column::Cost => (
                text::money(row.cost, row.cost_basis),
                if row.unpriced_calls > 0 { Role::Warn } else { Role::Money },
            ),
            Column::Took => (text::duration(row.duration), Role::Time),
            Column::Session => missing(&row.session),
            Column::Service => missing(&row.service),
            Column::Name if row.name.is_empty() => (Safe::from_static("–"), Role::Dim),
            Column::Name => (Safe::line(&row.name), Role::Text),
            Column::Status => (
                Safe::from_static(row.status.name()),
                if row.status == Status::Error { Role::Error } else { Role::Dim },
            ),
            Column::Spans => (Safe::line(&row.spans.to_string()), Role::Text),
            Column::Calls => (Safe::line(&row.llm_calls.to_string()), Role::Text),
            Column::Tools => (Safe::line(&row.tool_calls.to_string()), Role::Text),
            Column::Searches => (Safe::line(&row.retrievals.to_string()), Role::Text),
            Column::Flags => (
                Safe::line(&row.findings.iter().map(FindingKind::letter).collect::<String>()),
                if row.status == Status::Error { Role::Error } else { Role::Warn },
            ),
        };
        // What leans left is not filled up: a style may underline.
        let cell = if column.is_number() {
            text::pad(&words, cells, Align::Right)
        } else {
            words.cut(cells)
        };
        buffer.set_span(x, area.y, &span(&cell, theme.style(role)), *width);
        x += width + 1;
    }
}

/// What an open tree may lack.
const fn lacking(partial: Option<Partial>) -> Option<&'static str> {
    match partial {
        Some(Partial::Reading) => Some("partial so far"),
        Some(Partial::Unreadable | Partial::Unfilled | Partial::Bounded) => Some("partial"),
        None => None,
    }
}

/// The provider's own name in front of a model says little in a narrow column.
fn short(model: &str) -> &str {
    model.strip_prefix("claude-").unwrap_or(model)
}

fn ask(row: &Interaction, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    let (ask, answer) = (Safe::line(&row.ask), Safe::line(&row.answer));
    let mut spans = Vec::new();
    if ask.is_empty() && answer.is_empty() {
        let name = if row.name.is_empty() {
            Safe::line(&row.trace_id)
        } else {
            Safe::line(&row.name)
        };
        spans.push(span(&name.cut(width), theme.style(Role::Dim)));
    } else {
        let none = Safe::from_static("no answer logged");
        let answer = if answer.is_empty() { &none } else { &answer };
        // Three fifths, or more where the answer needs less; all of it where an answer would be too short to say anything.
        let most = (width * 3 / 5).max(width.saturating_sub(answer.width() + 3));
        let ask = ask.cut(if width - most < ANSWER + 3 { width } else { most });
        let left = width.saturating_sub(ask.width() + 3);
        spans.push(span(&ask, theme.style(Role::Text)));
        if left >= ANSWER.min(answer.width()) {
            spans.push(label(" → ", theme.style(Role::Dim)));
            spans.push(span(&answer.cut(left), theme.style(Role::Dim)));
        }
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
}
