//! Draws the frame's upper line (what is read, how much there is) and its lower one (keys, or a message).

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::inspector;
use super::text::{label, over, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::action::{Action, Mode};
use crate::app::notice::Level;
use crate::app::sheet::{Sheet, Topic};
use crate::app::status::{Partial, Reading};
use crate::keymap::Keymap;
use crate::model::text::{self, Safe};

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

/// One piece of the header.
struct Piece {
    words: Safe,
    role: Role,
    /// The lower, the longer it stays when room runs out.
    rank: u8,
    /// It may be cut to so many columns; anything else is shown whole or not at all.
    least: usize,
}

impl Piece {
    fn whole(words: &str, role: Role, rank: u8) -> Self {
        let words = Safe::line(words);
        Self {
            least: words.width(),
            words,
            role,
            rank,
        }
    }

    fn elastic(words: &str, role: Role, rank: u8, least: usize) -> Self {
        let words = Safe::line(words);
        Self {
            least: words.width().min(least),
            words,
            role,
            rank,
        }
    }
}

pub(super) fn header(app: &App, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    // The corners stay, and a piece takes three columns beside its words: `─ words `.
    let room = usize::from(frame.width.saturating_sub(2));
    let pieces = pieces(app, keymap, frame.width >= ROOMY);
    let mut widths = vec![0; pieces.len()];
    let mut left = room;
    let mut by_rank: Vec<usize> = (0..pieces.len()).collect();
    by_rank.sort_by_key(|at| pieces[*at].rank);
    for at in by_rank {
        let piece = &pieces[at];
        // What can be cut takes a third of the line at most.
        let most = piece.words.width().min(piece.least.max(room / 3));
        if left >= piece.least + 3 {
            widths[at] = most.min(left - 3);
            left -= widths[at] + 3;
        }
    }
    let mut spans: Vec<Span<'static>> = Vec::new();
    for (piece, width) in pieces.iter().zip(widths).filter(|(_, width)| *width > 0) {
        spans.push(label(if spans.is_empty() { " " } else { "─ " }, theme.style(Role::Border)));
        spans.push(span(&piece.words.cut(width), theme.style(piece.role)));
        spans.push(label(" ", theme.style(Role::Border)));
    }
    buffer.set_line(frame.x + 1, frame.y, &Line::from(spans), frame.width.saturating_sub(2));
}

/// From this width the header also says how long reading takes, and which key leads to what is wrong.
const ROOMY: u16 = 80;

/// What the header has to say, from left to right.
fn pieces(app: &App, keymap: &Keymap, roomy: bool) -> Vec<Piece> {
    let status = app.status();
    let mut pieces = vec![
        Piece::whole("spanscope", Role::Accent, 6),
        Piece::elastic(&app.named().join(" "), Role::Dim, 8, 8),
    ];
    let newer = match app.list().newer() {
        0 => String::new(),
        count => format!(" +{} new", grouped(count)),
    };
    let left = status
        .left()
        .filter(|_| roomy)
        .map_or_else(String::new, |left| format!(" ≈ {} left", text::roughly(left)));
    let key = keymap.keys_of(Action::ToggleSources).into_iter().next().filter(|_| roomy);
    // Behind the first thing that is wrong.
    let mut key = key.map_or_else(String::new, |key| format!(" ({key})"));
    let mut add = |words: String, role, rank| pieces.push(Piece::whole(&words, role, rank));
    match (status.reading(), app.list().follows()) {
        // Nothing more will come, so there is nothing to pause; rows above the cursor's page may still be unseen.
        (Reading::Ended, _) => add(format!("■ ended{newer}"), Role::Dim, 0),
        (Reading::Kept, _) => add(format!("■ kept store, no source{newer}"), Role::Dim, 0),
        (Reading::Waiting, _) => add("waiting".to_owned(), Role::Dim, 0),
        (Reading::History(percent), true) => add(format!("reading {percent}%{left}"), Role::Warn, 0),
        (Reading::History(percent), false) => {
            add(format!("❚❚ paused{newer}"), Role::Warn, 0);
            add(format!("reading {percent}%{left}"), Role::Warn, 1);
        }
        (Reading::Following, true) => add("● following".to_owned(), Role::Good, 0),
        (Reading::Polling, true) => add("● following (polling)".to_owned(), Role::Warn, 0),
        (Reading::Following | Reading::Polling, false) => add(format!("❚❚ paused{newer}"), Role::Warn, 0),
    }
    if status.rate() > 0 && !app.is_quiet() {
        add(format!("{} lines/s", grouped(status.rate())), Role::Text, 7);
    }
    let count = app.matching().map_or_else(|| "…".to_owned(), grouped);
    let word = if app.matching() == Some(1) { "interaction" } else { "interactions" };
    add(format!("{count} {word}"), Role::Text, 4);
    if status.rejected() > 0 {
        add(
            format!("⚠ {} rejected{}", grouped(status.rejected()), std::mem::take(&mut key)),
            Role::Warn,
            1,
        );
    }
    let unreadable = status.progress().problems.len() as u64;
    if unreadable > 0 {
        add(
            format!("⚠ {} unreadable{}", grouped(unreadable), std::mem::take(&mut key)),
            Role::Warn,
            3,
        );
    }
    match status.partial() {
        Some(Partial::Unfilled) => add(format!("⚠ partial history{key}"), Role::Warn, 3),
        Some(Partial::Bounded) => add(format!("older lines left out{key}"), Role::Dim, 9),
        // Said already.
        Some(Partial::Reading | Partial::Unreadable) | None => {}
    }
    if !app.filter_text().is_empty() {
        pieces.push(Piece::elastic(&format!("filter: {}", app.filter_text()), Role::Accent, 2, 15));
    }
    if let Some(search) = app.search_text() {
        pieces.push(Piece::elastic(&format!("/{search}"), Role::Match, 5, 8));
    }
    pieces
}

pub(super) fn footer(app: &App, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let (x, y, whole) = (frame.x + 1, frame.bottom() - 1, frame.width.saturating_sub(2));
    if app.prompt().is_some() {
        return;
    }
    if app.help().is_some() {
        // What the inspector's lower border says is not said of the help.
        let line = Safe::line(&format!("└{}┘", "─".repeat(usize::from(whole))));
        buffer.set_span(frame.x, y, &span(&line, theme.style(Role::Border)), frame.width);
    }
    // The inspector's lower border is this line too, and holds its place on the right.
    let shown = app
        .screen()
        .inspector
        .filter(|_| app.help().is_none())
        .map(|_| app.inspector().viewer());
    let reader = app.reader().map(|reader| inspector::status(reader.viewer(), theme));
    if let Some(place) = &reader {
        let place_width = (place.width() as u16).min(whole);
        over(x + whole - place_width, y, place, place_width, buffer);
    }
    let place = reader.or_else(|| Some(inspector::status(shown?, theme)));
    let place = place.map_or(0, |place| place.width() as u16);
    let width = whole.saturating_sub(place);
    if let Some((notice, _)) = app.notice() {
        let role = match notice.level {
            Level::Info => Role::Good,
            Level::Warn => Role::Warn,
            Level::Error => Role::Error,
        };
        let words = Safe::line(&notice.text);
        let mut room = usize::from(width);
        if words.width() + 2 > room {
            // A message is worth more than the place: it takes the line.
            room = usize::from(whole);
            let blank = Safe::line(&"─".repeat(room));
            buffer.set_span(x, y, &span(&blank, theme.style(Role::Border)), whole);
        }
        let line = Line::from(vec![
            label(" ", theme.style(Role::Text)),
            span(&words.cut(room.saturating_sub(2)), theme.style(role)),
            label(" ", theme.style(Role::Text)),
        ]);
        over(x, y, &line, whole, buffer);
        return;
    }
    let follow = if app.list().follows() { "pause" } else { "follow" };
    let inspecting;
    let hints: &[(Action, &'static str)] = match app.mode() {
        Mode::List if widens(app) => &[
            (Action::Open, "leave out a term"),
            (Action::Filter, "filter"),
            (Action::Back, "clear it"),
            (Action::Help, "help"),
            (Action::Follow, follow),
        ],
        Mode::List => &[
            (Action::Open, "open"),
            (Action::Filter, "filter"),
            (Action::Copy, "copy"),
            (Action::Diagnose, "diagnose"),
            (Action::Help, "help"),
            (Action::Follow, follow),
        ],
        Mode::Inspector => {
            inspecting = of_the_inspector(app);
            &inspecting
        }
        Mode::Costs => &[
            (Action::Open, "its interactions"),
            (Action::CostKey, "by"),
            (Action::CostWindow, "time"),
            (Action::Back, "back"),
            (Action::Help, "help"),
            (Action::Explain, "why dear"),
            (Action::NextPane, "next pane"),
        ],
        Mode::Timeline => &[
            (Action::Open, "go there"),
            (Action::EarlierBar, "earlier"),
            (Action::LaterBar, "later"),
            (Action::Back, "back"),
            (Action::Help, "help"),
            (Action::Timeline, "what is shown"),
        ],
        Mode::Sources => &[
            (Action::Open, "rejected lines"),
            (
                Action::SortSources,
                if app.sources().by_name() { "trouble first" } else { "by name" },
            ),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Mode::Rejects if app.reader().is_some() => &[
            (Action::CopyReject, "copy"),
            (Action::Wrap, "wrap"),
            (Action::Back, "back"),
            (Action::Help, "help"),
            (Action::Search, "search"),
        ],
        Mode::Rejects => &[
            (Action::Open, "read"),
            (Action::CopyReject, "copy"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Mode::Comparison => &[
            (Action::Back, "back"),
            (Action::Search, "search"),
            (Action::Wrap, "wrap"),
            (Action::Help, "help"),
        ],
        Mode::Diagnosis => &[
            (Action::Open, "evidence"),
            (Action::CopyDiagnosis, "copy for a ticket"),
            (Action::Back, "back"),
            (Action::Help, "help"),
        ],
        Mode::Health => &[
            (Action::Back, "back"),
            (Action::Search, "search"),
            (Action::Refresh, "ask again"),
            (Action::Help, "help"),
        ],
        Mode::Sessions => &[
            (Action::Open, "its interactions"),
            (Action::Back, "back"),
            (Action::Refresh, "ask again"),
            (Action::Help, "help"),
        ],
        Mode::Sheet => match app.sheet().map(Sheet::topic) {
            Some(Topic::Prompts) if app.sheet().is_some_and(Sheet::is_changes) => &[
                (Action::Back, "back"),
                (Action::Search, "search"),
                (Action::Wrap, "wrap"),
                (Action::Help, "help"),
            ],
            Some(Topic::Prompts) => &[
                (Action::Open, "who used it"),
                (Action::Compare, "what changed"),
                (Action::Back, "back"),
                (Action::Help, "help"),
                (Action::Search, "search"),
                (Action::Refresh, "ask again"),
            ],
            Some(Topic::Spike(_)) | None => &[
                (Action::Open, "its interactions"),
                (Action::Back, "back"),
                (Action::Search, "search"),
                (Action::Help, "help"),
                (Action::Refresh, "ask again"),
            ],
        },
        Mode::Columns => &[
            (Action::ToggleColumn, "show, hide"),
            (Action::ColumnEarlier, "left"),
            (Action::ColumnLater, "right"),
            (Action::SortByColumn, "sort"),
            (Action::Back, "back"),
            (Action::DesignedColumns, "as designed"),
        ],
        Mode::Help => &[(Action::Search, "search"), (Action::Back, "back")],
        Mode::Sort | Mode::Copy => &[(Action::Back, "back")],
        // They stand beside the line being typed.
        Mode::Prompt => &[],
    };
    let acts = has_rows(app);
    let offered = hints.iter().filter(|(action, _)| acts || !ROWS_ONLY.contains(action));
    over(x, y, &offers(offered, keymap, theme, width), width, buffer);
}

/// Whether Enter leaves out a term of the filter that nothing matches.
fn widens(app: &App) -> bool {
    app.list().lines().is_empty() && app.widened().any(|(.., best)| best)
}

/// What the inspector's keys do now: what is folded is opened first.
fn of_the_inspector(app: &App) -> Vec<(Action, &'static str)> {
    let (inspector, viewer) = (app.inspector(), app.inspector().viewer());
    let json: &[_] = match viewer.levels() {
        None if viewer.has_json() => &[(Action::FoldJson, "fold")],
        None => &[],
        Some((0, _)) => &[(Action::UnfoldJson, "unfold")],
        Some(_) => &[(Action::UnfoldJson, "unfold"), (Action::FoldJson, "fold")],
    };
    let tab = (Action::NextTab, "next tab");
    let back = (Action::Back, "back");
    let copy = (Action::Copy, "copy");
    let help = (Action::Help, "help");
    let search = (Action::Search, "search");
    let zoom = (Action::Zoom, "zoom");
    match inspector.repeats() {
        Some(open) => {
            let repeated = if open { "fold what repeats" } else { "open what repeats" };
            [&[(Action::ToggleRepeated, repeated), back, help], json, &[tab, copy, search]].concat()
        }
        None if viewer.levels().is_some() => [json, &[back, tab, copy, help, search, zoom]].concat(),
        None => [&[tab, back, copy], json, &[help, search, zoom]].concat(),
    }
}

/// What does nothing where there are no rows.
const ROWS_ONLY: [Action; 11] = [
    Action::Open,
    Action::Copy,
    Action::Diagnose,
    Action::Explain,
    Action::SortSources,
    Action::CopyReject,
    Action::CopyDiagnosis,
    Action::Compare,
    Action::EarlierBar,
    Action::LaterBar,
    Action::NextTab,
];

/// Whether the pane that has the keys has a row, or whatever it is made of, to act on.
fn has_rows(app: &App) -> bool {
    match app.mode() {
        Mode::List => !app.list().lines().is_empty() || widens(app),
        Mode::Inspector => app.inspector().span().is_some(),
        Mode::Costs => !app.costs().rows().is_empty(),
        Mode::Timeline => app.timeline().line().is_some_and(|line| !line.bars.is_empty()),
        Mode::Sources => !app.sources().rows().is_empty(),
        Mode::Rejects => app
            .rejects()
            .is_some_and(|rejects| rejects.reader().is_some() || !rejects.list().rows().is_empty()),
        Mode::Diagnosis => app.diagnosis().is_some_and(|diagnosis| diagnosis.told().is_some()),
        Mode::Sessions => app.sessions().is_some_and(|sessions| !sessions.list().rows().is_empty()),
        Mode::Sheet => app.sheet().is_some_and(|sheet| sheet.selected().is_some()),
        Mode::Comparison | Mode::Health | Mode::Columns | Mode::Help | Mode::Sort | Mode::Copy | Mode::Prompt => true,
    }
}

/// Keys and what they do, as many as have room; the first ones are worth most.
pub(super) fn offers<'a>(
    hints: impl Iterator<Item = &'a (Action, &'static str)>,
    keymap: &Keymap,
    theme: &Theme,
    width: u16,
) -> Line<'static> {
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
    Line::from(spans)
}
