//! Draws what stands in place of the list where it has no rows: why that is so, and what to try.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::status::grouped;
use super::text::{self, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::status::{Partial, Reading};
use crate::app::widen::Trial;
use crate::model::query::Window;
use crate::model::text::Safe;

/// The dialect of JSON of which no format knows anything.
const GENERIC: &str = "generic";
/// Reasons and files named at most.
const NAMED: usize = 3;

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let width = usize::from(area.width.saturating_sub(2)).min(100);
    let lines = words(app)
        .into_iter()
        .flat_map(|(words, role)| wrapped(&Safe::line(&words), width).into_iter().map(move |line| (line, role)));
    for (y, (line, role)) in (area.y + 1..area.bottom()).zip(lines) {
        buffer.set_span(area.x + 1, y, &span(&line, theme.style(role)), area.width - 1);
    }
}

fn words(app: &App) -> Vec<(String, Role)> {
    let (list, status) = (app.list(), app.status());
    if let Some(error) = list.error() {
        return vec![(error.to_owned(), Role::Error), ("r asks again".to_owned(), Role::Dim)];
    }
    if !list.is_loaded() {
        return vec![("reading …".to_owned(), Role::Dim)];
    }
    if !app.filter_text().is_empty() || app.window() != Window::default() {
        return nothing_matches(app);
    }
    let mut lines = Vec::new();
    match status.reading() {
        Reading::History(percent) => lines.push((format!("no interaction so far: {percent}% is read"), Role::Text)),
        Reading::Ended => lines.push((
            "no interaction: everything has been read, and nothing more will come".to_owned(),
            Role::Text,
        )),
        Reading::Kept => {
            lines.push((format!("no interaction is kept in {}", app.named().join(" ")), Role::Text));
            lines.push(("name a file or a directory beside --db to read into it".to_owned(), Role::Dim));
        }
        Reading::Following | Reading::Polling | Reading::Waiting if status.progress().inputs == 0 => {
            lines.push((format!("no file yet in {}", app.named().join(" ")), Role::Text));
            lines.push((
                "*.jsonl *.ndjson *.json *.log are read as soon as they appear".to_owned(),
                Role::Dim,
            ));
            lines.push(("q leaves; `spanscope demo` shows invented traffic".to_owned(), Role::Dim));
        }
        Reading::Following | Reading::Polling | Reading::Waiting => {
            lines.push(("no interaction yet".to_owned(), Role::Text));
            lines.push(("new lines appear here as they are written".to_owned(), Role::Dim));
        }
    }
    lines.extend(what_was_read(app));
    let generic = status
        .stats()
        .and_then(|stats| stats.tally.dialects.get(GENERIC))
        .copied()
        .unwrap_or(0);
    if generic > 0 {
        let hint = "JSON of a shape that nothing knows: a [dialect.NAME] table in the settings says which field is what, `spanscope config` shows one";
        lines.push((hint.to_owned(), Role::Dim));
    }
    if status.progress().inputs > 0 || status.rejected() > 0 {
        let hint = "`spanscope formats` lists what is recognised, --dialect NAME insists on one";
        lines.push((hint.to_owned(), Role::Dim));
    }
    lines
}

fn nothing_matches(app: &App) -> Vec<(String, Role)> {
    let so_far = if app.status().partial() == Some(Partial::Reading) {
        " so far"
    } else {
        ""
    };
    let mut lines = Vec::new();
    let all = app.status().interactions();
    let of = if all == 0 { String::new() } else { format!(" of {}", grouped(all)) };
    lines.push((format!("no interaction{of} matches{so_far}"), Role::Text));
    if !app.filter_text().is_empty() {
        lines.push((format!("filter: {}", app.filter_text()), Role::Accent));
        lines.extend(widened(app));
        lines.push(("f changes the filter, Esc clears it".to_owned(), Role::Dim));
    }
    let Window { since, until } = app.window();
    for (option, at) in [("--since", since), ("--until", until)] {
        if let Some(at) = at {
            let clock = text::clock(at, app.now(), app.timezone());
            lines.push((format!("{option} {}", clock.as_str()), Role::Accent));
        }
    }
    lines
}

/// What would match in place of the filter, and whether what it asks for was logged.
fn widened(app: &App) -> Vec<(String, Role)> {
    let all = app.status().interactions();
    let line = |(trial, count, best): (&Trial, u64, bool)| match trial {
        Trial::Without(term) if best => Some((format!("Enter leaves out {term}: then {} match", grouped(count)), Role::Text)),
        Trial::Without(term) => Some((format!("without {term}: {}", grouped(count)), Role::Dim)),
        Trial::Logged(field) if count < all && app.window() == Window::default() => {
            let role = if count == 0 { Role::Warn } else { Role::Dim };
            Some((
                format!("{} was logged with {} of {}", field.name(), grouped(count), grouped(all)),
                role,
            ))
        }
        Trial::Logged(_) => None,
    };
    app.widened().filter_map(line).collect()
}

/// Lines that were read without becoming an interaction, and files that could not be.
fn what_was_read(app: &App) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    if let Some(stats) = app.status().stats() {
        let tally = &stats.tally;
        let kinds = [
            (tally.rejected, "rejected"),
            (tally.other, "recognised without a span"),
            (tally.blank, "blank"),
        ];
        let counts: Vec<String> = kinds
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(count)))
            .collect();
        if !counts.is_empty() {
            let role = if tally.rejected > 0 { Role::Warn } else { Role::Text };
            lines.push((format!("{} lines were read: {}", grouped(tally.lines), counts.join(", ")), role));
        }
        let mut reasons: Vec<(&String, &u64)> = tally.rejects.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons.iter().take(NAMED) {
            lines.push((format!("{} × {reason}", grouped(**count)), Role::Warn));
        }
        if tally.rejected > 0 {
            lines.push(("L, then Enter: the lines themselves, each with its reason".to_owned(), Role::Dim));
        }
    }
    let pending = app.status().progress().pending;
    if pending > 0 {
        let words = format!(
            "{} of a last line that has no end yet: a record is read when its line ends",
            text::bytes(pending).as_str()
        );
        lines.push((words, Role::Warn));
    }
    let problems = &app.status().progress().problems;
    for (path, why) in problems.iter().take(NAMED) {
        lines.push((format!("{path}: {why}"), Role::Warn));
    }
    if let more @ 1.. = problems.len().saturating_sub(NAMED) {
        lines.push((format!("and {more} more"), Role::Warn));
    }
    lines
}

/// The text in lines of at most so many columns, broken between words where there are some.
pub(super) fn wrapped(text: &Safe, width: usize) -> Vec<Safe> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.as_str().split(' ') {
        let longer = if line.is_empty() {
            word.to_owned()
        } else {
            format!("{line} {word}")
        };
        if !line.trim().is_empty() && Safe::line(&longer).width() > width {
            lines.push(Safe::line(&std::mem::replace(&mut line, word.to_owned())));
        } else {
            line = longer;
        }
    }
    lines.push(Safe::line(&line).cut(width));
    lines
}
