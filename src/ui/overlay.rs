//! Draws what lies over the panes: the help, the menus, the line being typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Clear, Widget as _};
use strum::IntoEnumIterator as _;

use super::palette;
use super::status::offers;
use super::text::{self, Align, label, over, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::action::{Action, Mode};
use crate::app::columns::Columns;
use crate::app::layout::heading;
use crate::app::moves;
use crate::app::palette::fits;
use crate::app::prompt::{Prompt, PromptKind};
use crate::keymap::Keymap;
use crate::model::text::{Safe, width};

pub(super) fn draw(app: &App, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    if let Some((top, typed)) = app.help() {
        help(app, top, typed, keymap, theme, frame, buffer);
    }
    if app.sort_menu() {
        menu(" sort by ", &moves::menu(true), keymap, theme, frame, buffer);
    } else if let Some(menu) = app.columns_menu() {
        columns(app, menu, theme, frame, buffer);
    } else if app.copy_menu() {
        menu(" copy ", &moves::menu(false), keymap, theme, frame, buffer);
    } else if let Some(prompt) = app.prompt() {
        let above = line(prompt, keymap, theme, frame, buffer);
        palette::draw(app, prompt, keymap, theme, frame, above, buffer);
    }
}

fn popup(title: &'static str, area: Rect, theme: &Theme, buffer: &mut Buffer) -> Rect {
    uncover(area, buffer);
    Clear.render(area, buffer);
    let block = Block::new()
        .borders(Borders::ALL)
        .border_style(theme.style(Role::BorderFocused))
        .title_top(Line::from(label(title, theme.style(Role::Accent))));
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

/// Words and figures that an area would cover by half go whole: what would be left of `$0.0117` is another figure.
fn uncover(area: Rect, buffer: &mut Buffer) {
    let is_word = |buffer: &Buffer, x: u16, y: u16| {
        let cell = buffer.cell((x, y));
        cell.is_some_and(|cell| cell.symbol().chars().any(|c| c.is_alphanumeric() || "$.,…".contains(c)))
    };
    for y in area.top()..area.bottom() {
        let left = (buffer.area.left()..area.left()).rev().take_while(|x| is_word(buffer, *x, y));
        let left: Vec<u16> = left.take_while(|_| is_word(buffer, area.left(), y)).collect();
        let right = (area.right()..buffer.area.right()).take_while(|x| is_word(buffer, *x, y));
        let right: Vec<u16> = right.take_while(|_| is_word(buffer, area.right() - 1, y)).collect();
        for x in left.into_iter().chain(right) {
            buffer[(x, y)].set_symbol(" ");
        }
    }
}

fn help(app: &App, top: usize, typed: &str, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let wide = frame.width.min(120);
    let area = Rect {
        x: frame.x + (frame.width - wide) / 2,
        y: frame.y + 1,
        width: wide,
        height: frame.height - 2,
    };
    let inner = popup(" help ", area, theme, buffer);
    let hint = if typed.is_empty() {
        keymap
            .keys_of(Action::Search)
            .into_iter()
            .next()
            .map(|key| format!(" {key} searches "))
    } else {
        Some(format!(" /{typed} "))
    };
    if let Some(hint) = hint {
        let hint = Safe::line(&hint);
        let x = area.right().saturating_sub(hint.width() as u16 + 2).max(area.x + 8);
        let hint = Line::from(span(&hint, theme.style(Role::Dim)));
        over(x, area.y, &hint, area.right().saturating_sub(x + 1), buffer);
    }
    let tables = || Mode::iter().map(Some).chain([None]).flat_map(|mode| keymap.table(mode));
    let longest = tables().map(|(_, keys)| width(&keys.join(" "))).max().unwrap_or(0);
    let column = longest.min(usize::from(inner.width) / 4);
    let mut lines: Vec<Line<'static>> = Vec::new();
    // The keys of the pane that it was asked in come first.
    let here = app.pane_mode();
    let others = Mode::iter().filter(|mode| *mode != here).map(Some);
    for mode in [Some(here), None].into_iter().chain(others) {
        let mut table = keymap.table(mode);
        table.retain(|(action, keys)| typed.is_empty() || fits(*action, &keys.join(" "), typed));
        if table.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        let title = mode.map_or("Everywhere", Mode::title);
        lines.push(Line::from(label(title, theme.style(Role::Strong))));
        for (action, keys) in table {
            // What it does may need several lines; its keys stand before the first.
            let mut keys = text::pad(&Safe::line(&keys.join(" ")), column, Align::Right);
            for words in wrapped(action.help(), usize::from(inner.width).saturating_sub(column + 2)) {
                lines.push(Line::from(vec![
                    span(&keys, theme.style(Role::Key)),
                    label("  ", theme.style(Role::Text)),
                    span(&words, theme.style(Role::Text)),
                ]));
                keys = text::pad(&Safe::default(), column, Align::Right);
            }
        }
    }
    if lines.is_empty() {
        lines.push(Line::from(label("nothing is called so", theme.style(Role::Dim))));
    }
    let most = lines.len().saturating_sub(usize::from(inner.height));
    if most > 0 {
        let first = top.min(most);
        let words = format!(" {}–{} of {} ", first + 1, first + usize::from(inner.height), lines.len());
        let words = Safe::line(&words);
        let x = area.right().saturating_sub(words.width() as u16 + 2).max(area.x + 1);
        let words = Line::from(span(&words, theme.style(Role::Dim)));
        over(x, area.bottom() - 1, &words, area.right().saturating_sub(x + 1), buffer);
    }
    for (y, line) in (inner.top()..inner.bottom()).zip(lines.iter().skip(top.min(most))) {
        buffer.set_line(inner.x, y, line, inner.width);
    }
}

/// Words in lines of at most so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<Safe> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| width(line));
        match lines.last_mut() {
            Some(line) if last == 0 => line.push_str(word),
            Some(line) if last + 1 + width(word) <= columns => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| Safe::line(line)).collect()
}

fn menu(title: &'static str, actions: &[Action], keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let first = |action: &Action| (keymap.keys_of(*action).into_iter().next().unwrap_or_default(), *action);
    keys(title, &actions.iter().map(first).collect::<Vec<_>>(), theme, frame, buffer);
}

/// Every column, those shown marked, in their order.
fn columns(app: &App, menu: &Columns, theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let width = frame.width.min(28);
    let height = (menu.order.len() as u16 + 2).min(frame.height.saturating_sub(2));
    let area = Rect {
        x: frame.right() - width,
        y: frame.bottom().saturating_sub(height + 1),
        width,
        height,
    };
    let inner = popup(" columns ", area, theme, buffer);
    let sort = app.list().sort();
    let top = (menu.at + 1).saturating_sub(usize::from(inner.height));
    for (y, (at, (column, shown))) in (inner.top()..inner.bottom()).zip(menu.order.iter().enumerate().skip(top)) {
        let mark = match (sort.key == *column, sort.descending) {
            (true, true) => " ↓",
            (true, false) => " ↑",
            (false, _) => "",
        };
        let words = Safe::line(&format!(" {} {}{mark}", if *shown { "[x]" } else { "[ ]" }, heading(*column)));
        let role = if *shown { Role::Text } else { Role::Dim };
        let row = text::pad(&words, usize::from(inner.width), Align::Left);
        buffer.set_span(inner.x, y, &span(&row, theme.style(role)), inner.width);
        if at == menu.at {
            buffer.set_style(Rect { y, height: 1, ..inner }, theme.style(Role::Selected));
        }
    }
}

/// What may follow the keys typed so far.
pub(super) fn following(rest: &[(String, Action)], theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    if !rest.is_empty() {
        keys(" then ", rest, theme, frame, buffer);
    }
}

/// Keys and what they do, in the lower right corner.
fn keys(title: &'static str, rows: &[(String, Action)], theme: &Theme, frame: Rect, buffer: &mut Buffer) {
    let widest = rows.iter().map(|(_, action)| action.help().len() as u16).max().unwrap_or(0);
    // As wide as its words: a blank and the key before them, a blank and the border after them.
    let width = frame.width.min(widest + 10).max(frame.width.min(44));
    let height = (rows.len() as u16 + 2).min(frame.height);
    let area = Rect {
        x: frame.right() - width,
        y: frame.bottom().saturating_sub(height + 1).max(frame.y),
        width,
        height,
    };
    let inner = popup(title, area, theme, buffer);
    for (y, (key, action)) in (inner.top()..inner.bottom()).zip(rows) {
        let line = Line::from(vec![
            label(" ", theme.style(Role::Text)),
            span(&text::pad(&Safe::line(key), 6, Align::Left), theme.style(Role::Key)),
            label(action.help(), theme.style(Role::Text)),
        ]);
        buffer.set_line(inner.x, y, &text::fit(line, usize::from(inner.width)), inner.width);
    }
}

/// Draws the line being typed; the row above which there is room for what is offered.
fn line(prompt: &Prompt, keymap: &Keymap, theme: &Theme, frame: Rect, buffer: &mut Buffer) -> u16 {
    let (title, accept) = match prompt.kind() {
        PromptKind::Filter => (" filter: ", "filter"),
        PromptKind::Search | PromptKind::Help => (" search: ", "search"),
        PromptKind::Palette => (" : ", "do it"),
        PromptKind::Time => (" go to time: ", "go there"),
        PromptKind::ViewName => (" name of the view: ", "save"),
    };
    let (x, y, width) = (frame.x + 1, frame.bottom() - 1, frame.width.saturating_sub(2));
    let blank = |y: u16, buffer: &mut Buffer| {
        let row = Rect::new(x, y, width, 1);
        Clear.render(row, buffer);
        buffer.set_style(row, theme.style(Role::Text));
    };
    blank(y, buffer);
    buffer.set_span(x, y, &label(title, theme.style(Role::Accent)), width);
    let room = usize::from(width).saturating_sub(title.len() + 1);
    let before: String = prompt.text().chars().take(prompt.cursor()).collect();
    let after: String = prompt.text().chars().skip(prompt.cursor()).collect();
    let (before, after) = (Safe::line(&before), Safe::line(&after));
    // The cursor stays in sight: what does not fit disappears on the left.
    let mut skipped = before.as_str();
    while crate::model::text::width(skipped) > room.saturating_sub(1) {
        let mut rest = skipped.chars();
        rest.next();
        skipped = rest.as_str();
    }
    let before = Safe::line(skipped);
    let mut at = x + title.len() as u16;
    buffer.set_span(at, y, &span(&before, theme.style(Role::Text)), room as u16);
    at += before.width() as u16;
    let under = if after.is_empty() { Safe::from_static(" ") } else { after };
    buffer.set_span(at, y, &span(&under, theme.style(Role::Text)), (x + width).saturating_sub(at));
    // What the keys mean, where the words typed leave room.
    let free = (x + width).saturating_sub(at + under.width() as u16 + 1);
    let hints = [(Action::Accept, accept), (Action::Cancel, "cancel")];
    let hints = offers(hints.iter(), keymap, theme, free);
    over(x + width - hints.width() as u16, y, &hints, free, buffer);
    buffer.set_style(
        Rect {
            x: at.min(x + width - 1),
            y,
            width: 1,
            height: 1,
        },
        theme.style(Role::Cursor),
    );
    if let Some(error) = prompt.error() {
        let row = y - 1;
        blank(row, buffer);
        let column = (title.len() + error.column).min(usize::from(width).saturating_sub(2));
        buffer.set_span(x + column as u16, row, &label("^", theme.style(Role::Error)), 1);
        let hint = error.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let words = Safe::line(&format!("{}{hint}", error.message));
        // Beside the mark where there is room, else above it.
        let right = usize::from(width).saturating_sub(column + 2);
        if words.width() <= right {
            buffer.set_span(x + column as u16 + 2, row, &span(&words, theme.style(Role::Error)), right as u16);
            return row;
        }
        blank(row - 1, buffer);
        buffer.set_span(x, row - 1, &span(&words.cut(usize::from(width)), theme.style(Role::Error)), width);
        return row - 1;
    }
    y
}
