//! Draws one span of an open interaction: its place in the tree, what it is, what it used, and when.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::layout::Screen;
use crate::app::tree::Open;
use crate::model::column::Column;
use crate::model::span::SpanKind;
use crate::model::text::Safe;
use crate::model::trace::{Span, Trace};

/// Room for `128.4k → 12.3k`.
const TOKENS: u16 = 14;

/// Returns where its bar is.
pub(super) fn draw(
    open: &Open,
    trace: &Trace,
    number: usize,
    screen: &Screen,
    theme: &Theme,
    area: Rect,
    buffer: &mut Buffer,
) -> Option<Rect> {
    let node = trace.spans.get(number)?;
    let above = open.has_children(number) && !node.counted;
    let (left, free) = figures(node, above.then_some(trace), screen, theme, area, buffer);
    let mut spans = vec![label("  ", theme.style(Role::Dim))];
    let branches = open.branches(number);
    // Deep trees would push everything off the screen: beyond eight levels only the depth is told.
    let shown = branches.len().saturating_sub(8);
    if shown > 0 {
        spans.push(span(&Safe::line(&format!("+{shown} ")), theme.style(Role::Dim)));
    }
    for (at, last) in branches.iter().enumerate().skip(shown) {
        let piece = match (at + 1 == branches.len(), last) {
            (true, true) => "└ ",
            (true, false) => "├ ",
            (false, true) => "  ",
            (false, false) => "│ ",
        };
        spans.push(label(piece, theme.style(Role::Border)));
    }
    if open.has_children(number) && open.is_folded(node.key) {
        spans.push(label("▸ ", theme.style(Role::Dim)));
    }
    let dim = node.rolled_up || node.missing;
    spans.push(span(
        &text::pad(&Safe::line(node.part.kind.name()), 9, Align::Left),
        theme.style(if dim { Role::Dim } else { role(node.part.kind) }),
    ));
    spans.push(label(" ", theme.style(Role::Dim)));
    if node.rolled_up {
        spans.push(label("Σ ", theme.style(Role::Dim)));
    }
    let taken: usize = spans.iter().map(ratatui::text::Span::width).sum();
    let (name, note) = (name(node), note(node));
    let note_style = theme.style(if node.part.error.is_some() { Role::Error } else { Role::Dim });
    // A note stands before the bar where it fits there whole, else behind it where figures that it has not leave more room.
    let from = left.saturating_sub(screen.bar);
    let before = usize::from(from.saturating_sub(1)).saturating_sub(taken + name.width() + 2);
    let after = usize::from(free.saturating_sub(left + 1));
    // Why it failed is worth more than when it ran.
    let in_the_way = node.part.error.is_some() && note.width() > before.max(after);
    let place = (screen.bar > 0 && from > 20 && !in_the_way).then_some(Rect {
        x: area.x + from,
        width: screen.bar,
        ..area
    });
    let behind = place.is_some() && note.width() > before && after > before;
    let mut left = free;
    if let Some(place) = place {
        bar(open, trace, number, theme, place, buffer);
        left = from - 1;
        if behind {
            buffer.set_span(place.right() + 1, area.y, &span(&note.cut(after), note_style), after as u16);
        }
    }
    let room = usize::from(left).saturating_sub(taken);
    let name = name.cut(room);
    spans.push(span(&name, theme.style(if dim { Role::Dim } else { Role::Text })));
    let room = room.saturating_sub(name.width() + 2);
    if !note.is_empty() && !behind {
        spans.push(label("  ", theme.style(Role::Dim)));
        spans.push(span(&note.cut(room), note_style));
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), left);
    place
}

/// Cost, time and findings in the list's own columns; tokens end where the list's do and may begin further left.
/// Returns the columns left of theirs, and those left of the first figure that is there.
fn figures(node: &Span, above: Option<&Trace>, screen: &Screen, theme: &Theme, area: Rect, buffer: &mut Buffer) -> (u16, u16) {
    let (mut right, mut free) = (area.width, area.width);
    for (column, width) in screen.columns.iter().rev() {
        let (cell, role, align) = match column {
            Column::Flags => {
                let flags = node.findings.iter().map(|finding| finding.kind.letter()).collect::<String>();
                (Safe::line(&flags), Role::Warn, Align::Left)
            }
            Column::Took => {
                let took = node.part.end.map(|end| end.saturating_sub(node.part.start));
                let took = if node.missing { Safe::default() } else { text::duration(took) };
                (took, Role::Time, Align::Right)
            }
            Column::Cost if node.counted => {
                let role = if node.cost.is_none() { Role::Warn } else { Role::Money };
                (text::money(node.cost, node.cost_basis), role, Align::Right)
            }
            Column::Cost => {
                let sum = above.and_then(|trace| Some((node.total_cost?, trace.row.cost_basis)));
                let words = sum.map_or_else(Safe::default, |(cost, basis)| {
                    Safe::concat(&[&Safe::from_static("Σ"), &text::money(Some(cost), basis)])
                });
                (words, Role::Dim, Align::Right)
            }
            Column::Tokens => {
                // What it only passes on, or the calls below it used, is a sum.
                let usage = if above.is_some() { &node.total_usage } else { &node.part.usage };
                let tokens = match (usage.total_input(), usage.output) {
                    (None, None) => Safe::default(),
                    (input, output) => Safe::concat(&[&text::tokens(input), &Safe::from_static(" → "), &text::tokens(output)]),
                };
                let width = TOKENS.max(*width);
                right = right.saturating_sub(width + 1);
                let cell = text::pad(&tokens, usize::from(width), Align::Right);
                let role = if above.is_some() { Role::Dim } else { Role::Tokens };
                buffer.set_span(area.x + right + 1, area.y, &span(&cell, theme.style(role)), width);
                if !tokens.is_empty() {
                    free = right;
                }
                break;
            }
            // It says nothing of a step.
            _ => continue,
        };
        right = right.saturating_sub(width + 1);
        if !cell.is_empty() {
            free = right;
        }
        let cell = text::pad(&cell, usize::from(*width), align);
        buffer.set_span(area.x + right + 1, area.y, &span(&cell, theme.style(role)), *width);
    }
    (right, free)
}

/// A gap of less than this part of the interaction's time is not worth a word.
const GAP: i64 = 20;

/// When it ran within the interaction's time; what is on the critical path stands taller, and what has no end is open. Before it, how long
/// nothing had run, where that is much.
fn bar(open: &Open, trace: &Trace, number: usize, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(node) = trace.spans.get(number) else { return };
    let (before, filled) = place(trace, node, area.width);
    let unfinished = node.part.end.is_none() && !node.part.ended;
    for column in 0..area.width {
        let inside = (before..before + filled).contains(&column);
        let full = if open.is_critical(number) { "▇" } else { "▄" };
        let (glyph, role) = match (inside, unfinished && column >= before && !node.missing) {
            (true, _) => (full, Role::Bar),
            (false, true) => ("░", Role::Bar),
            (false, false) => ("▁", Role::BarEmpty),
        };
        buffer.set_span(area.x + column, area.y, &label(glyph, theme.style(role)), 1);
    }
    let gap = open.gap(number);
    if gap > 0 && gap >= trace.row.duration.unwrap_or(i64::MAX) / GAP {
        let words = Safe::line(&format!("+{}", text::duration(Some(gap)).as_str()));
        let width = words.width() as u16;
        if width <= before {
            buffer.set_span(area.x + before - width, area.y, &span(&words, theme.style(Role::Dim)), width);
        }
    }
}

const fn role(kind: SpanKind) -> Role {
    match kind {
        SpanKind::Llm => Role::Llm,
        SpanKind::Tool => Role::Tool,
        SpanKind::Retrieval | SpanKind::Embedding | SpanKind::Rerank => Role::Retrieval,
        SpanKind::Agent | SpanKind::Chain | SpanKind::Guardrail | SpanKind::Evaluator | SpanKind::Request | SpanKind::Other => {
            Role::OtherKind
        }
    }
}

/// Its name, without the word that its kind has said already: tracers write `retrieval help_center`, `chat MODEL`.
fn name(node: &Span) -> Safe {
    let part = &node.part;
    match (node.turn, part.kind) {
        (Some(turn), SpanKind::Llm) => Safe::line(&format!("turn {turn}")),
        (_, SpanKind::Tool) if part.tool_name.is_some() => Safe::line(part.tool_name.as_deref().unwrap_or_default()),
        _ if part.name.is_empty() => Safe::line(&part.span_id),
        _ => Safe::line(
            part.name
                .strip_prefix(part.kind.name())
                .and_then(|rest| rest.strip_prefix(' '))
                .unwrap_or(&part.name),
        ),
    }
}

/// The one thing about it that matters most: why it failed, what came out, why it stopped.
fn note(node: &Span) -> Safe {
    let part = &node.part;
    if let Some(error) = &part.error {
        return Safe::line(error);
    }
    match part.documents {
        Some(1) => return Safe::from_static("1 document"),
        Some(count) => return Safe::line(&format!("{count} documents")),
        None => {}
    }
    if part.kind == SpanKind::Tool && !part.answer.is_empty() {
        return Safe::line(&format!("→ {}", part.answer));
    }
    Safe::line(part.stop_reason.as_deref().unwrap_or_default())
}

/// Where its bar begins and how long it is, in columns; a span is never too short to be seen.
fn place(trace: &Trace, node: &Span, columns: u16) -> (u16, u16) {
    let whole = i128::from(trace.row.duration.unwrap_or(0).max(1));
    let scale =
        |at: i64| ((i128::from(at.saturating_sub(trace.row.start)) * i128::from(columns)) / whole).clamp(0, i128::from(columns)) as u16;
    if node.missing {
        return (0, 0);
    }
    let from = scale(node.part.start).min(columns.saturating_sub(1));
    let to = node.part.end.map_or(from + 1, scale).max(from + 1).min(columns);
    (from, to - from)
}
