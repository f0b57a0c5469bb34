//! Draws the strip above the list: a bar for each step of time. Its height says how much; words say of what.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::status::grouped;
use super::text::{self, label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::layout::Focus;
use crate::app::timeline::{Measure, Timeline};
use crate::model::span::Nanos;
use crate::model::text::Safe;
use crate::model::timeline::{Bar, Timeline as Counted};
use crate::model::usage::{Cost, CostBasis};

/// A cell filled from below, by eighths.
const LEVELS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let pane = app.timeline();
    let focused = app.focus() == Focus::Timeline;
    let title = theme.style(if focused { Role::Accent } else { Role::Strong });
    let counted = pane.line().filter(|line| !line.bars.is_empty());
    let Some(line) = counted.filter(|_| pane.error().is_none()) else {
        let words = match (pane.error(), pane.line()) {
            (Some(error), _) => Safe::line(error),
            (None, Some(_)) => Safe::from_static("nothing yet"),
            (None, None) => Safe::from_static("counting …"),
        };
        let role = if pane.error().is_some() { Role::Error } else { Role::Dim };
        let words = Line::from(vec![label(" over time  ", title), span(&words, theme.style(role))]);
        buffer.set_line(area.x, area.y, &words, area.width);
        return;
    };
    let place = Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    let wide = pane.bar_width(place.width);
    let end = u16::try_from(line.bars.len()).map_or(place.width, |bars| bars.saturating_mul(wide).min(place.width));
    heading(app, line, place.x + end, theme, Rect { height: 1, ..area }, buffer);
    bars(pane, line, wide, theme, place, buffer);
    let here = if focused {
        pane.at()
    } else {
        app.list().row().and_then(|row| line.bar_of(row.start))
    };
    if let Some(x) = here.and_then(|bar| u16::try_from(bar).ok()).map(|bar| place.x + bar * wide) {
        let column = Rect { x, width: wide, ..place }.intersection(place);
        if focused {
            cursor(theme, column, buffer);
        } else {
            mark(theme, column, buffer);
        }
    }
}

/// The bar under the cursor is hatched from the top of the strip to its foot: a full cell shows no background, and neither its colour reversed.
fn cursor(theme: &Theme, column: Rect, buffer: &mut Buffer) {
    for place in column.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        let glyph = match LEVELS.iter().position(|level| *level == cell.symbol()) {
            Some(0) => "░",
            Some(_) => "▒",
            None => continue,
        };
        cell.set_symbol(glyph).set_style(theme.style(Role::Strong));
    }
}

/// The bar of the row under the list's cursor: its full cells are hatched, and so is what is above it. Where there is neither, all of it is.
fn mark(theme: &Theme, column: Rect, buffer: &mut Buffer) {
    let symbols: Vec<&str> = column.positions().filter_map(|place| Some(buffer.cell(place)?.symbol())).collect();
    let plain = !symbols.iter().any(|symbol| matches!(*symbol, " " | "█"));
    for place in column.positions() {
        let Some(cell) = buffer.cell_mut(place) else { continue };
        match cell.symbol() {
            " " => cell.set_symbol("░").set_style(theme.style(Role::Dim)),
            "█" => cell.set_symbol("▓"),
            symbol if plain && LEVELS.contains(&symbol) => cell.set_symbol("▒"),
            _ => continue,
        };
    }
}

/// What the bars show, then either what all of them are or, with the keys on the strip, what the one under the cursor holds. The time
/// they span ends above the last of them, at column `end`, where it can.
fn heading(app: &App, line: &Counted, end: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let pane = app.timeline();
    let focused = app.focus() == Focus::Timeline;
    let clock = |at: Nanos| text::clock(at, app.now(), app.timezone());
    let step = step_name(line.step);
    // Lines that are still to come only add.
    let partial = if app.status().sums_lack_lines() { ", partial" } else { "" };
    let title = format!(" {}{partial}", pane.measure().title());
    let words = match pane.at().filter(|_| focused).and_then(|at| Some((at, line.bars.get(at)?))) {
        Some((at, bar)) => format!("  {} + {step}: {}", clock(line.start_of(at)).as_str(), holds(bar)),
        None => format!("  {step} a bar, most {}", figure(pane.measure(), most(pane.measure(), line))),
    };
    let words = match line.outside {
        (0, 0) => words,
        (earlier, 0) => format!("{words}; {} long before", grouped(earlier)),
        (0, later) => format!("{words}; {} long after", grouped(later)),
        (earlier, later) => format!("{words}; {} long before, {} long after", grouped(earlier), grouped(later)),
    };
    let words = Line::from(vec![
        span(&Safe::line(&title), theme.style(if focused { Role::Accent } else { Role::Strong })),
        span(&Safe::line(&words), theme.style(if focused { Role::Text } else { Role::Dim })),
    ]);
    let words = text::fit(words, usize::from(area.width));
    buffer.set_line(area.x, area.y, &words, area.width);
    let last = line.start_of(line.bars.len()).saturating_sub(1);
    let range = Safe::line(&format!("{} – {} ", clock(line.from).as_str(), clock(last).as_str()));
    let least = area.x + words.width() as u16 + 2;
    let x = (end + 1).saturating_sub(range.width() as u16).max(least);
    if x + range.width() as u16 <= area.right() {
        buffer.set_span(x, area.y, &span(&range, theme.style(Role::Dim)), range.width() as u16);
    }
}

fn bars(pane: &Timeline, line: &Counted, wide: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let measure = pane.measure();
    let most = most(measure, line).max(1);
    let rows = u128::from(area.height);
    let style = theme.style(match measure {
        Measure::Interactions => Role::Bar,
        Measure::Cost => Role::Money,
        Measure::Errors => Role::Error,
    });
    for (x, bar) in (area.left()..area.right()).step_by(usize::from(wide)).zip(&line.bars) {
        let cells = wide.min(area.right() - x);
        let Some(value) = measure.of(bar) else {
            for x in x..x + cells {
                buffer.set_span(x, area.bottom() - 1, &label("?", theme.style(Role::Warn)), 1);
            }
            continue;
        };
        // The least there is still shows.
        let mut eighths = (value * rows * 8 / most).max(u128::from(value > 0));
        if eighths == 0 && bar.interactions > 0 {
            for x in x..x + cells {
                buffer.set_span(x, area.bottom() - 1, &label("·", theme.style(Role::BarEmpty)), 1);
            }
        }
        for y in (area.top()..area.bottom()).rev() {
            let level = eighths.min(8);
            if level == 0 {
                break;
            }
            for x in x..x + cells {
                buffer.set_span(x, y, &label(LEVELS[level as usize], style), 1);
            }
            eighths -= level;
        }
    }
}

/// The greatest of all bars.
fn most(measure: Measure, line: &Counted) -> u128 {
    line.bars.iter().filter_map(|bar| measure.of(bar)).max().unwrap_or(0)
}

fn figure(measure: Measure, value: u128) -> String {
    match measure {
        Measure::Interactions | Measure::Errors => grouped(u64::try_from(value).unwrap_or(u64::MAX)),
        Measure::Cost => {
            let cost = Cost(i128::try_from(value).unwrap_or(i128::MAX));
            text::money(Some(cost), CostBasis::Computed).as_str().to_owned()
        }
    }
}

/// Everything that is known of a bar: `12 interactions, $0.24, 2 failed`.
fn holds(bar: &Bar) -> String {
    if bar.interactions == 0 {
        return "nothing".to_owned();
    }
    let count = grouped(bar.interactions);
    let word = if bar.interactions == 1 { "interaction" } else { "interactions" };
    let basis = if bar.at_least { CostBasis::LowerBound } else { CostBasis::Computed };
    let cost = text::money(bar.cost, basis);
    let errors = match bar.errors {
        0 => String::new(),
        errors => format!(", {} failed", grouped(errors)),
    };
    format!("{count} {word}, {}{errors}", cost.as_str())
}

/// A round time in its largest unit: `5m`, `12h`.
fn step_name(step: Nanos) -> String {
    const UNITS: [(Nanos, &str); 5] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
    ];
    let whole = UNITS.iter().find(|(unit, _)| step % unit == 0);
    whole.map_or_else(|| format!("{step}ns"), |(unit, name)| format!("{}{name}", step / unit))
}
