//! Draws what is offered above the line being typed: actions and views with their keys, completions with what they mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::palette::Entry;
use crate::app::prompt::{Choices, Prompt, PromptKind};
use crate::keymap::Keymap;
use crate::model::text::Safe;

/// Columns for what it does, or is called.
const MOST_LEFT: usize = 76;
/// Lines at most.
const MOST: u16 = 12;
/// Draws the choices above the prompt; `above` is the line under them.
pub(super) fn draw(app: &App, prompt: &Prompt, keymap: &Keymap, theme: &Theme, frame: Rect, above: u16, buffer: &mut Buffer) {
    // What stands on the left, and on the right of it.
    let rows: Vec<(Safe, Safe)> = match prompt.choices() {
        Choices::None => return,
        Choices::Entries(entries) => entries.iter().map(|entry| entry_row(app, *entry, keymap)).collect(),
        Choices::Completions(_, all) => all.iter().map(|one| (Safe::line(&one.text), Safe::line(&one.note))).collect(),
    };
    if rows.is_empty() && prompt.kind() != PromptKind::Palette {
        return;
    }
    let height = MOST.min(frame.height.saturating_sub(4)).min((rows.len() as u16).max(1));
    let width = frame.width.saturating_sub(2);
    let area = Rect {
        x: frame.x + 1,
        y: above.saturating_sub(height),
        width,
        height,
    };
    Clear.render(area, buffer);
    buffer.set_style(area, theme.style(Role::Text));
    if rows.is_empty() {
        buffer.set_span(
            area.x,
            area.y,
            &label(" nothing fits these letters", theme.style(Role::Dim)),
            area.width,
        );
        return;
    }
    let at = prompt.at().unwrap_or(0);
    let top = (at + 1).saturating_sub(usize::from(height));
    let left = rows.iter().map(|(left, _)| left.width()).max().unwrap_or(0);
    // Keys are short and stand there whole; the filter of a view has a third of the line.
    let note = rows
        .iter()
        .map(|(_, note)| note.width())
        .max()
        .unwrap_or(0)
        .min(usize::from(width) / 3);
    let left = left.min(usize::from(width).saturating_sub(note + 4)).min(MOST_LEFT);
    for (y, (number, (one, note))) in (area.top()..area.bottom()).zip(rows.iter().enumerate().skip(top)) {
        let chosen = prompt.at() == Some(number);
        // What is longer than the column goes on into free room.
        let left = left.max(one.width().min(usize::from(width).saturating_sub(note.width() + 4)));
        let line = Line::from(vec![
            label(if chosen { "▸" } else { " " }, theme.style(Role::Accent)),
            span(&text::pad(one, left, Align::Left), theme.style(Role::Text)),
            label("  ", theme.style(Role::Text)),
            span(&note.cut(usize::from(width).saturating_sub(left + 4)), theme.style(Role::Dim)),
        ]);
        buffer.set_line(area.x, y, &line, area.width);
        if chosen {
            buffer.set_style(Rect { y, height: 1, ..area }, theme.style(Role::Selected));
        }
    }
}

fn entry_row(app: &App, entry: Entry, keymap: &Keymap) -> (Safe, Safe) {
    match entry {
        Entry::Action(action) => (Safe::line(action.help()), Safe::line(&keymap.keys_of(action).join("  "))),
        Entry::View(at) => app.views().get(at).map_or_else(
            || (Safe::default(), Safe::default()),
            |view| (Safe::line(&format!("view {}", view.name)), Safe::line(&view.filter)),
        ),
    }
}
