//! Draws the frame's upper line (what is read, how much there is) and its lower one (keys, or a message).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::{label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::action::{Action, Mode};
use crate::app::notice::Level;
use crate::app::status::Reading;
use crate::keymap::Keymap;
use crate::model::text::Safe;

/// `1,204`: exact counts are read in groups.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

pub(super) fn header(app: &App, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let status = app.status();
    let mut pieces: Vec<(Safe, Role)> = Vec::new();
    let (reading, role) = match status.reading() {
        Reading::History(percent) => (format!("reading history {percent} %"), Role::Warn),
        Reading::Following if app.list().follows() => ("● following".to_owned(), Role::Good),
        Reading::Following => paused(app),
        Reading::Polling => ("● polling".to_owned(), Role::Warn),
        Reading::Ended => ("■ ended".to_owned(), Role::Dim),
        Reading::Waiting => ("waiting".to_owned(), Role::Dim),
    };
    pieces.push((Safe::line(&reading), role));
    let count = app.matching().map_or_else(|| "…".to_owned(), grouped);
    let so_far = if status.partial() { " so far" } else { "" };
    let word = if app.matching() == Some(1) { "interaction" } else { "interactions" };
    pieces.push((Safe::line(&format!("{count} {word}{so_far}")), Role::Text));
    if status.rate() > 0 {
        pieces.push((Safe::line(&format!("{} lines/s", grouped(status.rate()))), Role::Text));
    }
    if status.problems() > 0 {
        pieces.push((Safe::line(&format!("⚠ {} not read", grouped(status.problems()))), Role::Warn));
    }
    if !app.filter_text().is_empty() {
        pieces.push((Safe::line(&format!("filter: {}", app.filter_text())), Role::Accent));
    }
    if let Some(search) = app.search_text() {
        pieces.push((Safe::line(&format!("/{search}")), Role::Match));
    }
    let room = usize::from(frame.width).saturating_sub(4);
    let taken: usize = pieces.iter().map(|(piece, _)| piece.width() + 3).sum::<usize>() + "spanscope".len();
    let sources = Safe::line(&app.sources().join(" "));
    let mut spans: Vec<Span<'static>> = vec![label(" spanscope ", theme.style(Role::Accent))];
    let left = room.saturating_sub(taken + 3);
    if left >= 8 {
        spans.push(label("─ ", theme.style(Role::Border)));
        spans.push(span(&sources.cut(left), theme.style(Role::Dim)));
        spans.push(label(" ", theme.style(Role::Border)));
    }
    for (piece, role) in pieces {
        spans.push(label("─ ", theme.style(Role::Border)));
        spans.push(span(&piece, theme.style(role)));
        spans.push(label(" ", theme.style(Role::Border)));
    }
    buffer.set_line(frame.x + 1, frame.y, &Line::from(spans), frame.width.saturating_sub(2));
}

fn paused(app: &App) -> (String, Role) {
    match app.list().newer() {
        0 => ("❚❚ paused".to_owned(), Role::Warn),
        count => (format!("❚❚ paused +{} new", grouped(count)), Role::Warn),
    }
}

pub(super) fn footer(app: &App, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let (x, y, width) = (frame.x + 1, frame.bottom() - 1, frame.width.saturating_sub(2));
    if app.prompt().is_some() {
        return;
    }
    if let Some((notice, _)) = app.notice() {
        let role = match notice.level {
            Level::Info => Role::Good,
            Level::Warn => Role::Warn,
            Level::Error => Role::Error,
        };
        let line = Line::from(vec![
            label(" ", theme.style(Role::Text)),
            span(&Safe::line(&notice.text), theme.style(role)),
            label(" ", theme.style(Role::Text)),
        ]);
        buffer.set_line(x, y, &line, width);
        return;
    }
    let hints: &[(Action, &'static str)] = match app.mode() {
        Mode::List => &[
            (Action::Open, "open"),
            (Action::Filter, "filter"),
            (Action::Search, "search"),
            (Action::Copy, "copy"),
            (Action::Help, "help"),
            (Action::Follow, "follow"),
        ],
        Mode::Inspector => &[
            (Action::NextTab, "next tab"),
            (Action::Search, "search"),
            (Action::Copy, "copy"),
            (Action::Zoom, "zoom"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Mode::Costs => &[
            (Action::Open, "show its interactions"),
            (Action::NextPane, "next pane"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Mode::Help | Mode::Sort | Mode::Copy => &[(Action::Back, "back")],
        Mode::Prompt => &[(Action::Accept, "accept"), (Action::Cancel, "cancel")],
    };
    let mut spans = Vec::new();
    let mut taken = 1;
    for (action, words) in hints {
        let Some(key) = keymap.keys_of(*action).into_iter().next() else {
            continue;
        };
        let key = Safe::line(&key);
        // A hint that does not fit whole is left out.
        taken += key.width() + words.len() + 3;
        if taken > usize::from(width) {
            break;
        }
        spans.push(label(" ", theme.style(Role::Text)));
        spans.push(span(&key, theme.style(Role::Key)));
        spans.push(label(" ", theme.style(Role::Text)));
        spans.push(label(words, theme.style(Role::Dim)));
        spans.push(label(" ", theme.style(Role::Text)));
    }
    buffer.set_line(x, y, &Line::from(spans), width);
}
