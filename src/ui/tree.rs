//! Draws one span of an open interaction: its place in the tree, what it is, what it used, and when.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::tree::Open;
use crate::model::span::SpanKind;
use crate::model::text::Safe;
use crate::model::trace::{Span, Trace};

pub(super) fn draw(open: &Open, trace: &Trace, number: usize, bar: u16, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let Some(node) = trace.spans.get(number) else { return };
    let figures = figures(node, theme, area.width);
    let right: u16 = figures.iter().map(|(_, width)| width + 1).sum::<u16>() + if bar > 0 { bar + 1 } else { 0 };
    let left = area.width.saturating_sub(right);
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
    spans.push(span(&name(node), theme.style(if dim { Role::Dim } else { Role::Text })));
    let note = note(node);
    if !note.is_empty() {
        spans.push(label("  ", theme.style(Role::Dim)));
        spans.push(span(
            &note,
            theme.style(if node.part.error.is_some() { Role::Error } else { Role::Dim }),
        ));
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), left);
    let mut x = area.x + left;
    for (cell, width) in figures {
        buffer.set_span(x + 1, area.y, &cell, width);
        x += width + 1;
    }
    if bar > 0 {
        let (before, filled) = place(trace, node, bar);
        for column in 0..bar {
            let inside = (before..before + filled).contains(&column);
            let (glyph, role) = if inside { ("▇", Role::Bar) } else { ("▁", Role::BarEmpty) };
            buffer.set_span(x + 1 + column, area.y, &label(glyph, theme.style(role)), 1);
        }
    }
}

/// Tokens, cost and time in columns from the right, as many as fit.
fn figures(node: &Span, theme: &Theme, width: u16) -> Vec<(ratatui::text::Span<'static>, u16)> {
    let mut cells = Vec::new();
    let usage = &node.part.usage;
    let tokens = match (usage.total_input(), usage.output) {
        (None, None) => Safe::default(),
        (input, output) => Safe::concat(&[&text::tokens(input), &Safe::from_static(" → "), &text::tokens(output)]),
    };
    let cost = if node.counted {
        text::money(node.cost, node.cost_basis)
    } else {
        Safe::default()
    };
    let took = node.part.end.map(|end| end.saturating_sub(node.part.start));
    let took = if node.missing { Safe::default() } else { text::duration(took) };
    let flags = Safe::line(&node.findings.iter().map(|finding| finding.kind.letter()).collect::<String>());
    let mut add = |cell: &Safe, width: u16, role: Role| {
        cells.push((span(&text::pad(cell, usize::from(width), Align::Right), theme.style(role)), width));
    };
    if width >= 60 {
        add(&tokens, 13, Role::Tokens);
    }
    add(&cost, 9, Role::Money);
    if width >= 50 {
        add(&took, 6, Role::Time);
    }
    if width >= 70 {
        add(&flags, 4, Role::Warn);
    }
    cells
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

fn name(node: &Span) -> Safe {
    let part = &node.part;
    match (node.turn, part.kind) {
        (Some(turn), SpanKind::Llm) => Safe::line(&format!("turn {turn}")),
        (_, SpanKind::Tool) if part.tool_name.is_some() => Safe::line(part.tool_name.as_deref().unwrap_or_default()),
        _ if part.name.is_empty() => Safe::line(&part.span_id),
        _ => Safe::line(&part.name),
    }
}

/// The one thing about it that matters most.
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
