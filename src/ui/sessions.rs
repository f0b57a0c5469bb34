//! Draws the sessions: a row a conversation, with what all its interactions come to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::{App, Sessions};
use crate::model::query::SessionRow;
use crate::model::text::{Safe, tokens};
use crate::model::usage::CostBasis;

/// A column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Last,
    Session,
    User,
    Ask,
    Interactions,
    Failed,
    Findings,
    Tokens,
    Cost,
    Over,
}

impl Field {
    const fn head(self) -> &'static str {
        match self {
            Self::Last => "last↓",
            Self::Session => "session",
            Self::User => "user",
            Self::Ask => "last question",
            Self::Interactions => "inter.",
            Self::Failed => "failed",
            Self::Findings => "found",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Over => "over",
        }
    }

    const fn align(self) -> Align {
        match self {
            Self::Last | Self::Session | Self::User | Self::Ask => Align::Left,
            _ => Align::Right,
        }
    }
}

/// The columns for a pane of this width; the question takes what is left.
fn columns(width: u16) -> Vec<(Field, usize)> {
    use Field::{Ask, Cost, Failed, Findings, Interactions, Last, Over, Session, Tokens, User};
    let fixed: &[(Field, usize)] = match width {
        0..70 => &[(Last, 8), (Session, 13), (Ask, 0), (Interactions, 6), (Cost, 9)],
        70..100 => &[
            (Last, 8),
            (Session, 14),
            (Ask, 0),
            (Interactions, 6),
            (Failed, 6),
            (Tokens, 6),
            (Cost, 9),
        ],
        100..140 => &[
            (Last, 8),
            (Session, 14),
            (Ask, 0),
            (Interactions, 6),
            (Failed, 6),
            (Findings, 5),
            (Tokens, 6),
            (Cost, 9),
            (Over, 7),
        ],
        140.. => &[
            (Last, 12),
            (Session, 18),
            (User, 10),
            (Ask, 0),
            (Interactions, 6),
            (Failed, 6),
            (Findings, 6),
            (Tokens, 7),
            (Cost, 10),
            (Over, 8),
        ],
    };
    let taken: usize = fixed.iter().map(|(_, cells)| cells + 1).sum();
    let rest = usize::from(width).saturating_sub(taken + 1);
    fixed
        .iter()
        .map(|(field, cells)| (*field, if *field == Field::Ask { rest } else { *cells }))
        .collect()
}

pub(super) fn draw(app: &App, sessions: &Sessions, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let partial = app.status().sums_lack_lines();
    let title = if partial { " sessions, partial" } else { " sessions" };
    buffer.set_span(area.x, area.y, &label(title, theme.style(Role::Strong)), area.width);
    let said = title.len() as u16;
    let beside = "  interactions without one are not here";
    if area.width > said + beside.len() as u16 {
        let width = area.width - said;
        buffer.set_span(area.x + said, area.y, &label(beside, theme.style(Role::Dim)), width);
    }
    let say = |line: u16, words: &Safe, role| (area.y + 2 + line, span(&words.cut(usize::from(area.width) - 2), theme.style(role)));
    let words: Vec<(u16, _)> = match (
        sessions.list().error(),
        sessions.list().is_loaded(),
        sessions.list().rows().is_empty(),
    ) {
        (Some(error), ..) => vec![
            say(0, &Safe::line(error), Role::Error),
            say(1, &Safe::from_static("r asks again"), Role::Dim),
        ],
        (None, false, _) => vec![say(0, &Safe::from_static("reading …"), Role::Dim)],
        (None, true, true) => vec![
            say(0, &Safe::from_static("no session is logged with these interactions"), Role::Text),
            say(1, &Safe::from_static("with a session_id a conversation is one row here"), Role::Dim),
        ],
        (None, true, false) => Vec::new(),
    };
    for (y, line) in words.iter().filter(|(y, _)| *y < area.bottom()) {
        buffer.set_span(area.x + 1, *y, line, area.width - 1);
    }
    let columns = columns(area.width);
    let mut cells = |y: u16, of: &dyn Fn(Field, usize) -> (Safe, Role)| {
        let mut x = area.x + 1;
        for (field, cells) in &columns {
            let (words, role) = of(*field, *cells);
            // Not filled up with blanks: a style may underline.
            let words = words.cut(*cells);
            let before = match field.align() {
                Align::Left => 0,
                Align::Right => (*cells - words.width()) as u16,
            };
            buffer.set_span(x + before, y, &span(&words, theme.style(role)), *cells as u16 - before);
            x += *cells as u16 + 1;
        }
    };
    if area.height < 3 || sessions.list().rows().is_empty() {
        return;
    }
    cells(area.y + 1, &|field, _| {
        let role = if field == Field::Last { Role::Strong } else { Role::Dim };
        (Safe::from_static(field.head()), role)
    });
    let visible = || (area.y + 2..area.bottom()).zip(sessions.list().rows().iter().enumerate().skip(sessions.list().top()));
    for (y, (_, row)) in visible() {
        cells(y, &|field, cells| cell(app, row, field, cells, partial));
    }
    if let Some((y, _)) = visible().find(|(_, (at, _))| *at == sessions.list().at()) {
        buffer.set_style(Rect { y, height: 1, ..area }, theme.style(Role::Selected));
    }
}

fn cell(app: &App, row: &SessionRow, field: Field, cells: usize, partial: bool) -> (Safe, Role) {
    let count = |count: u64, role: Role| {
        let role = if count == 0 { Role::Dim } else { role };
        (Safe::line(&count.to_string()), role)
    };
    match field {
        Field::Last => (text::moment(row.last, app.now(), app.timezone(), cells), Role::Time),
        Field::Session => (Safe::line(&row.session), Role::Text),
        Field::User => row
            .user
            .as_deref()
            .map_or((Safe::from_static("–"), Role::Dim), |user| (Safe::line(user), Role::Text)),
        Field::Ask if row.ask.is_empty() => (Safe::from_static("not logged"), Role::Dim),
        Field::Ask => (Safe::line(&row.ask), Role::Text),
        Field::Interactions => count(row.interactions, Role::Text),
        Field::Failed => count(row.failed, Role::Error),
        Field::Findings => count(row.with_finding, Role::Warn),
        Field::Tokens => {
            let least = row.tokens.is_some() && (row.tokens_at_least || partial);
            let words = format!("{}{}", if least { "≥" } else { "" }, tokens(row.tokens));
            (Safe::line(&words), Role::Tokens)
        }
        Field::Cost if row.calls == 0 => (Safe::from_static("–"), Role::Dim),
        Field::Cost => {
            let least = row.cost_at_least || partial;
            let basis = if least { CostBasis::LowerBound } else { CostBasis::Computed };
            (
                text::money(row.cost, basis),
                if row.cost.is_none() { Role::Warn } else { Role::Money },
            )
        }
        Field::Over if row.interactions < 2 => (Safe::from_static("–"), Role::Dim),
        Field::Over => (text::duration(Some(row.last.saturating_sub(row.first))), Role::Time),
    }
}
