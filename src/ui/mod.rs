//! Draws the state of the explorer and decides nothing: every pane reads `&App` and writes cells.
//!
//! ```text
//! ┌ spanscope ─ sources ─ ● following ─ interactions ─ filter ─────────┐  status
//! │ interactions over time                         │ cost by feature   │  timeline, costs
//! │ list, with the spans of open interactions      │                   │  list, tree
//! ├ prompt ─ response ─ documents ─ … ─────────────────────────────────┤
//! │ what the model was told                                            │  inspector
//! └ keys of the pane, a message, or the line being typed ──────────────┘  status, overlay
//! ```

mod ascii;
mod comparison;
mod costs;
mod diagnosis;
mod empty;
mod health;
pub mod inspector;
mod list;
mod overlay;
mod palette;
mod rejects;
mod sessions;
mod sheet;
mod sources;
mod status;
pub mod text;
pub mod theme;
mod timeline;
mod tree;

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders, Widget as _};

use crate::app::App;
use crate::app::layout::{Focus, MINIMUM};
use crate::keymap::Keymap;
use crate::model::text::Safe;
pub use ascii::plain;
use theme::{Role, Theme};

/// Draws one frame; `pending` are the keys of a sequence that is not finished, `ascii` asks for frames and bars without line drawing.
pub fn draw(app: &App, keymap: &Keymap, pending: &[KeyEvent], theme: &Theme, ascii: bool, frame: &mut Frame<'_>) {
    let area = frame.area();
    render(app, keymap, theme, area, frame.buffer_mut());
    if !app.screen().too_small {
        overlay::following(&keymap.following(app.mode(), pending), theme, area, frame.buffer_mut());
    }
    if ascii {
        plain(area, frame.buffer_mut());
    }
}

/// Draws into a buffer of any size.
pub fn render(app: &App, keymap: &Keymap, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let screen = app.screen();
    buffer.set_style(area, theme.style(Role::Text));
    if screen.too_small || area.intersection(screen.frame) != screen.frame {
        let (width, height) = MINIMUM;
        let words = [
            format!("the terminal is too small: {}×{}, needs {width}×{height}", area.width, area.height),
            format!("too small, needs {width}×{height}"),
        ]
        .map(|words| Safe::line(&words))
        .into_iter()
        .find(|words| words.width() <= usize::from(area.width))
        .unwrap_or(Safe::from_static("too small"));
        if !area.is_empty() {
            buffer.set_span(area.x, area.y, &text::span(&words, theme.style(Role::Warn)), area.width);
        }
        return;
    }
    Block::new()
        .borders(Borders::ALL)
        .border_style(theme.style(Role::Border))
        .render(screen.frame, buffer);
    if let Some(area) = screen.list {
        list::draw(app, theme, area, buffer);
    }
    if let Some(area) = screen.timeline {
        timeline::draw(app, theme, area, buffer);
    }
    if let Some(area) = screen.costs {
        costs::draw(app, theme, area, buffer);
        if screen.list.is_some() {
            // The line between the list and the panel.
            for y in area.top()..area.bottom() {
                buffer.set_span(area.x - 1, y, &text::label("│", theme.style(Role::Border)), 1);
            }
        }
    }
    if let Some(area) = screen.sources {
        match (app.sheet(), app.health(), app.sessions(), app.rejects()) {
            (Some(sheet), ..) => sheet::draw(sheet, theme, area, buffer),
            (None, Some(health), ..) => health::draw(health, theme, area, buffer),
            (None, None, Some(open), _) => sessions::draw(app, open, theme, area, buffer),
            (None, None, None, Some(open)) => rejects::draw(open, theme, area, buffer),
            (None, None, None, None) => sources::draw(app, theme, area, buffer),
        }
    }
    if let (Some(area), Some(open)) = (screen.diagnosis, app.diagnosis()) {
        diagnosis::draw(open, theme, area, buffer);
    }
    if let (Some(area), Some(open)) = (screen.comparison, app.comparison()) {
        comparison::draw(open, theme, area, buffer);
    }
    if let Some(area) = screen.inspector {
        // Its sides and its lower border lie on the frame.
        let area = Rect {
            x: area.x - 1,
            width: area.width + 2,
            height: area.height + 1,
            ..area
        };
        let focused = app.focus() == Focus::Inspector;
        let rows = screen.header_rows(app.inspector().header().is_some());
        inspector::draw(app.inspector(), rows, theme, focused, area, buffer);
        let border = theme.style(if focused { Role::BorderFocused } else { Role::Border });
        buffer.set_span(area.x, area.y, &text::label("├", border), 1);
        buffer.set_span(area.right() - 1, area.y, &text::label("┤", border), 1);
    }
    status::header(app, keymap, theme, screen.frame, buffer);
    status::footer(app, keymap, theme, screen.frame, buffer);
    overlay::draw(app, keymap, theme, screen.frame, buffer);
    if let (Some(area), Some(_)) = (screen.costs, screen.list) {
        // The line beside the panel meets the lines above and below it, where nothing is written there and nothing lies over it.
        for (y, beside, joint) in [(area.y - 1, area.y, "┬"), (area.bottom(), area.bottom() - 1, "┴")] {
            let is = |y, symbol| buffer.cell((area.x - 1, y)).is_some_and(|cell| cell.symbol() == symbol);
            if is(y, "─") && is(beside, "│") {
                buffer.set_span(area.x - 1, y, &text::label(joint, theme.style(Role::Border)), 1);
            }
        }
    }
}
