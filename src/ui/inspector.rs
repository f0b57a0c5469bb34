//! Draws the inspector: its tabs in the upper border, the visible rows, search and place in the lower one.
//!
//! It draws what `app::inspector` found visible and measures nothing itself.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Widget as _};

use super::text::{fit, label, over, span};
use super::theme::{Role, Theme};
use crate::app::inspector::{Header, Inspector, Tab};
use crate::app::viewer::{Hit, Piece, Tone, Viewer};
use crate::insight::context::{Level, Portion};
use crate::model::text::{self, Safe};

/// Draws the pane. The state should have been resized to `area` less its borders and the rows of its header.
pub fn draw(inspector: &Inspector, rows: u16, theme: &Theme, focused: bool, area: Rect, buffer: &mut Buffer) {
    let border = theme.style(if focused { Role::BorderFocused } else { Role::Border });
    let block = Block::new().borders(Borders::ALL).border_style(border);
    let inner = block.inner(area);
    block.render(area, buffer);
    if area.width > 2 && area.height > 0 {
        over(area.x + 1, area.y, &tabs(inspector, theme, area.width), area.width - 2, buffer);
        let place = status(inspector.viewer(), theme);
        let width = (place.width() as u16).min(area.width - 2);
        over(area.right() - 1 - width, area.bottom() - 1, &place, width, buffer);
    }
    if inner.is_empty() {
        return;
    }
    if inspector.span().is_none() {
        let words = label("Nothing is open. Enter opens a span.", theme.style(Role::Dim));
        buffer.set_span(inner.x, inner.y, &words, inner.width);
        return;
    }
    let rows = rows.min(inner.height);
    if let Some(header) = inspector.header() {
        let width = usize::from(inner.width);
        for (row, line) in (0..rows).zip([fitting_gauge(header, theme, width), portions(header, theme, width)]) {
            buffer.set_line(inner.x, inner.y + row, &fit(line, usize::from(inner.width)), inner.width);
        }
    }
    let below = Rect {
        y: inner.y + rows,
        height: inner.height - rows,
        ..inner
    };
    self::text(inspector.viewer(), theme, below, buffer);
}

/// The gauge with as many words and cells as there is room for: the words go first, then half of the bar, then the bar, and what came in last.
fn fitting_gauge(header: &Header, theme: &Theme, width: usize) -> Line<'static> {
    let forms = [
        (20, Some("the call before")),
        (20, Some("before")),
        (10, Some("before")),
        (0, Some("before")),
    ];
    let mut forms = forms.into_iter().map(|(cells, since)| gauge(header, theme, cells, since));
    forms
        .find(|line| line.width() <= width)
        .unwrap_or_else(|| gauge(header, theme, 0, None))
}

/// `ctx ▕███████████████▍·▏ 172k of 200k 86.0%  temp 1.0 ▲  +571 since the call before`.
fn gauge(header: &Header, theme: &Theme, cells: usize, since: Option<&str>) -> Line<'static> {
    let mut spans = vec![label("ctx ", theme.style(Role::Dim))];
    let say = |text: String, role: Role| span(&Safe::line(&text), theme.style(role));
    match header.gauge {
        None => spans.push(label("input tokens not logged", theme.style(Role::Dim))),
        Some(gauge) => {
            let role = match gauge.level() {
                Level::Fine => Role::Good,
                Level::NearlyFull => Role::Warn,
                Level::Full => Role::Error,
            };
            if let Some(permille) = gauge.permille()
                && cells > 0
            {
                let eighths = (permille.min(1000) as usize * cells * 8).div_ceil(1000);
                let full = "█".repeat(eighths / 8);
                let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
                let used = eighths.div_ceil(8);
                // Where 80 and 90 % are.
                let marks = [cells * 8 / 10, cells * 9 / 10];
                let rest: String = (used..cells).map(|cell| if marks.contains(&cell) { '·' } else { ' ' }).collect();
                spans.push(label("▕", theme.style(Role::Dim)));
                spans.push(say(format!("{full}{part}"), role));
                spans.push(say(rest, Role::BarEmpty));
                spans.push(label("▏ ", theme.style(Role::Dim)));
            }
            let used = text::tokens(Some(gauge.used));
            match (gauge.window, gauge.percent()) {
                (Some(window), Some(percent)) => {
                    spans.push(say(format!("{used} of {} ", text::tokens(Some(window))), Role::Tokens));
                    spans.push(say(percent, role));
                }
                _ => spans.push(say(format!("{used}, window unknown"), Role::Dim)),
            }
            if gauge.level() != Level::Fine {
                spans.push(label(" ▲", theme.style(role)));
            }
        }
    }
    match &header.temperature {
        Some(temperature) => {
            spans.push(label("  temp ", theme.style(Role::Dim)));
            let role = if header.hot { Role::Warn } else { Role::Text };
            spans.push(say(format!("{temperature}{}", if header.hot { " ▲" } else { "" }), role));
        }
        None => spans.push(label("  temp not logged", theme.style(Role::Dim))),
    }
    if let (Some(grown), Some(since)) = (header.grown, since) {
        let sign = if grown < 0 { "-" } else { "+" };
        let tokens = text::tokens(u64::try_from(grown.unsigned_abs()).ok());
        spans.push(say(format!("  {sign}{tokens} since {since}"), Role::Dim));
    }
    Line::from(spans)
}

/// `≈ system 40% documents 31% …  new: tool results +212 characters`: by characters, which the log's tokens cannot tell apart. What came in is
/// left out where it does not fit whole; then the smallest shares are told as one.
fn portions(header: &Header, theme: &Theme, width: usize) -> Line<'static> {
    if header.shares.is_empty() {
        return Line::default();
    }
    let say = |text: String, role: Role| span(&Safe::line(&text), theme.style(role));
    let mut spans = shares(&header.shares, None, theme);
    if !header.changes.is_empty() {
        spans.push(label("  new:", theme.style(Role::Dim)));
        for (portion, change) in &header.changes {
            let sign = if *change < 0 { "" } else { "+" };
            spans.push(say(format!(" {} {sign}{change}", portion.name()), Role::Dim));
        }
        spans.push(label(" characters", theme.style(Role::Dim)));
    }
    let mut line = Line::from(spans);
    let (mut told, mut rest) = (header.shares.clone(), None);
    while line.width() > width && !told.is_empty() {
        line = Line::from(shares(&told, rest, theme));
        let least = told.iter().enumerate().min_by(|(_, a), (_, b)| a.1.total_cmp(&b.1));
        if let Some(at) = least.map(|(at, _)| at) {
            rest = Some(rest.unwrap_or(0.0) + told.remove(at).1);
        }
    }
    line
}

/// What a prompt is made of, and what all the rest of it makes.
fn shares(told: &[(Portion, f64)], rest: Option<f64>, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = vec![label("≈", theme.style(Role::Dim))];
    let rest = rest.map(|share| ("rest", share));
    for (name, share) in told.iter().map(|(portion, share)| (portion.name(), *share)).chain(rest) {
        spans.push(span(&Safe::line(&format!(" {name} ")), theme.style(Role::Dim)));
        spans.push(span(&Safe::line(&text::percent(share)), theme.style(Role::Text)));
    }
    spans
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
        spans.push(label(if spans.is_empty() { " " } else { "  " }, theme.style(Role::Dim)));
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
    if viewer.shows_blanks() {
        add("blanks shown".to_owned(), Role::Dim);
    }
    if let Some((open, levels)) = viewer.levels() {
        add(format!("{open} of {levels} levels"), Role::Dim);
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
        Tone::Folded => Role::Accent,
        Tone::System | Tone::User | Tone::Assistant => Role::Speaker,
        Tone::Key => Role::Field,
        Tone::Code => Role::Code,
        Tone::Quoted => Role::Quoted,
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
