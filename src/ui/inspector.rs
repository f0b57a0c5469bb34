//! Draws the inspector: its tabs in the upper border, the visible rows, search and place in the lower one.
//!
//! It draws what `app::inspector` found visible and measures nothing itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget as _};

use super::text::{label, span};
use super::theme::{Role, Theme};
use crate::app::inspector::{Inspector, Tab};
use crate::app::viewer::{Hit, Piece, Tone, Viewer};
use crate::model::text::Safe;

/// Draws the pane. The state should have been resized to `area` less its borders.
pub fn draw(inspector: &Inspector, theme: &Theme, focused: bool, area: Rect, buffer: &mut Buffer) {
    let border = theme.style(if focused { Role::BorderFocused } else { Role::Border });
    let block = Block::new()
        .borders(Borders::ALL)
        .border_style(border)
        .title_top(tabs(inspector, theme, area.width))
        .title_bottom(status(inspector.viewer(), theme).right_aligned());
    let inner = block.inner(area);
    block.render(area, buffer);
    if inner.is_empty() {
        return;
    }
    if inspector.span().is_none() {
        let words = label("Nothing is open. Enter opens a span.", theme.style(Role::Dim));
        buffer.set_span(inner.x, inner.y, &words, inner.width);
        return;
    }
    text(inspector.viewer(), theme, inner, buffer);
}

/// The visible rows of a text.
pub(super) fn text(viewer: &Viewer, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for (y, row) in (area.y..area.bottom()).zip(viewer.rows()) {
        let line: Line<'static> = row.iter().map(|piece| span(&piece.text, style(piece, theme))).collect();
        buffer.set_line(area.x, y, &line, area.width);
    }
}

/// `[prompt]─ response ─ documents …`: the brackets tell the tab in front where there are no colours.
fn tabs(inspector: &Inspector, theme: &Theme, width: u16) -> Line<'static> {
    let titles: usize = Tab::ALL.iter().map(|tab| tab.title().len() + 3).sum();
    let roomy = titles < usize::from(width);
    let front = |at: usize| Tab::ALL.get(at).is_some_and(|tab| *tab == inspector.tab());
    let mut spans = Vec::new();
    for (at, tab) in Tab::ALL.into_iter().enumerate() {
        let (role, open, close) = if front(at) {
            (Role::Accent, "[", "]")
        } else {
            (Role::Dim, " ", " ")
        };
        if roomy && at > 0 {
            spans.push(label("─", theme.style(Role::Border)));
        }
        // Without room for a line between them, neighbours share the blank.
        if roomy || at == 0 || front(at) {
            spans.push(label(open, theme.style(role)));
        }
        spans.push(label(tab.title(), theme.style(role)));
        if roomy || !front(at + 1) {
            spans.push(label(close, theme.style(role)));
        }
    }
    Line::from(spans)
}

/// `⚠ 2 hidden characters  3/17  row total  42%`.
pub(super) fn status(viewer: &Viewer, theme: &Theme) -> Line<'static> {
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut add = |text: String, role: Role| {
        spans.push(label(" ", theme.style(Role::Dim)));
        spans.push(span(&Safe::line(&text), theme.style(role)));
    };
    match viewer.hidden() {
        0 => {}
        1 => add("⚠ 1 hidden character".to_owned(), Role::Hidden),
        count => add(format!("⚠ {count} hidden characters"), Role::Hidden),
    }
    if let Some((current, count)) = viewer.search_position() {
        let more = if viewer.search_capped() { "+" } else { "" };
        add(
            if count == 0 {
                "no match".to_owned()
            } else {
                format!("{current}/{count}{more}")
            },
            Role::Match,
        );
    }
    if !viewer.wraps() {
        add("unwrapped".to_owned(), Role::Dim);
    }
    if !viewer.fits() {
        let (rows, exact) = viewer.total_rows();
        let about = if exact { "" } else { "≈" };
        add(format!("{about}{rows} rows  {}%", viewer.percent()), Role::Dim);
    }
    if !spans.is_empty() {
        spans.push(label(" ", theme.style(Role::Dim)));
    }
    Line::from(spans)
}

fn style(piece: &Piece, theme: &Theme) -> Style {
    let base = theme.style(match piece.tone {
        Tone::Text => Role::Text,
        Tone::Dim | Tone::Label => Role::Dim,
        Tone::Heading => Role::Strong,
        Tone::System | Tone::User | Tone::Assistant => Role::Speaker,
        Tone::Tool => Role::Tool,
        Tone::Number => Role::Tokens,
        Tone::Cost => Role::Money,
        Tone::Warning => Role::Warn,
        Tone::Error => Role::Error,
        Tone::Hidden => Role::Hidden,
    });
    match piece.hit {
        Hit::None => base,
        Hit::Match => base.patch(theme.style(Role::Match)),
        // Told apart without colour: the one the reader is at is reversed.
        Hit::Current => base.patch(theme.style(Role::Match)).patch(theme.style(Role::Selected)),
    }
}
