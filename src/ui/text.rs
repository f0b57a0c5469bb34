//! From `Safe` text to the cells of the screen: spans, padding, and figures ready to draw.
//!
//! The only door to a ratatui `Span`: whatever comes from a trace has passed `model::text` before. No arithmetic on money
//! or tokens here; it lives beside the reports', in `model::text`, so that both write the same digits.

use jiff::tz::TimeZone;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use crate::model::moment::shown;
use crate::model::span::Nanos;
use crate::model::text::{self, Safe};
use crate::model::usage::{Cost, CostBasis};

/// Safe text in a style.
#[must_use]
pub fn span(text: &Safe, style: Style) -> Span<'static> {
    Span::styled(text.as_str().to_owned(), style)
}

/// Our own words in a style.
#[must_use]
pub fn label(text: &'static str, style: Style) -> Span<'static> {
    Span::styled(text, style)
}

/// Which side the text leans to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// Exactly `width` columns: filled with spaces, or cut with `…`.
#[must_use]
pub fn pad(text: &Safe, width: usize, align: Align) -> Safe {
    let cut = text.cut(width);
    let fill = Safe::line(&" ".repeat(width.saturating_sub(cut.width())));
    match align {
        Align::Left => Safe::concat(&[&cut, &fill]),
        Align::Right => Safe::concat(&[&fill, &cut]),
    }
}

/// A line of at most `width` columns: what does not fit is cut with `…`.
#[must_use]
pub fn fit(line: Line<'static>, width: usize) -> Line<'static> {
    if line.width() <= width {
        return line;
    }
    let mut left = width;
    let mut spans = Vec::new();
    for piece in line.spans {
        if piece.width() < left {
            left -= piece.width();
            spans.push(piece);
        } else {
            // The mark is wanted also where the piece ends with the line.
            spans.push(span(&Safe::line(&format!("{} ", piece.content)).cut(left), piece.style));
            break;
        }
    }
    Line::from(spans)
}

/// The row under the cursor. A style that reverses leaves its bars as they are, and a cell on both sides of each: their full cells would be
/// the empty ones.
pub fn select(row: Rect, bars: &[Rect], style: Style, buffer: &mut Buffer) {
    let spared = if style.add_modifier.contains(Modifier::REVERSED) {
        bars
    } else {
        &[]
    };
    let around = |bar: &Rect| Rect {
        x: bar.x.saturating_sub(1),
        width: bar.width + 2,
        ..*bar
    };
    let spared: Vec<Rect> = spared.iter().map(around).collect();
    for place in row.positions().filter(|place| !spared.iter().any(|bar| bar.contains(*place))) {
        buffer.set_style(Rect::from((place, (1, 1).into())), style);
    }
}

/// Writes a line over others: nothing of their emphasis shines through.
pub fn over(x: u16, y: u16, line: &Line<'static>, width: u16, buffer: &mut Buffer) {
    let width = width.min(line.width() as u16);
    for place in Rect::new(x, y, width, 1).intersection(buffer.area).positions() {
        buffer[place].modifier = Modifier::empty();
    }
    buffer.set_line(x, y, line, width);
}

/// `$0.0240`, `≥$0.0240`, `unknown`, `$0.000012`, `$1,234.56`.
#[must_use]
pub fn money(cost: Option<Cost>, basis: CostBasis) -> Safe {
    Safe::line(&text::money(cost, basis))
}

/// `850`, `2.6k`, `1.2M`, `–` when not logged.
#[must_use]
pub fn tokens(count: Option<u64>) -> Safe {
    Safe::line(&text::tokens(count))
}

/// `142ms`, `1.9s`, `2m 05s`; `–` when not logged.
#[must_use]
pub fn duration(nanos: Option<Nanos>) -> Safe {
    Safe::line(&text::duration(nanos))
}

/// `48 KB`.
#[must_use]
pub fn bytes(count: u64) -> Safe {
    Safe::line(&text::bytes(count))
}

/// A share (1 is all) as `41%`.
#[must_use]
pub fn percent(share: f64) -> Safe {
    Safe::line(&text::percent(share))
}

/// `15:02:11` on the day of `now`, `Nov 22 15:02` in its year, else `2024-11-22`.
#[must_use]
pub fn clock(at: Nanos, now: Nanos, tz: &TimeZone) -> Safe {
    Safe::line(&shown(at, now, tz))
}

/// As `clock`, in so many columns: where the month does not fit, the day and the time do.
#[must_use]
pub fn moment(at: Nanos, now: Nanos, tz: &TimeZone, cells: usize) -> Safe {
    let whole = clock(at, now, tz);
    let skip = if whole.width() > cells {
        whole.as_str().find(' ').map_or(0, |at| at + 1)
    } else {
        0
    };
    Safe::line(&whole.as_str()[skip..])
}

#[cfg(test)]
#[path = "text/tests.rs"]
mod tests;
