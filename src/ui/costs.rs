//! Draws cost by feature: who spends what, dearest first, and what it comes to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::layout::Focus;
use crate::model::query::CostRow;
use crate::model::text::Safe;
use crate::model::usage::CostBasis;

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let costs = app.costs();
    let focused = app.focus() == Focus::Costs;
    let title = if app.status().partial() {
        " cost by feature, so far"
    } else {
        " cost by feature"
    };
    buffer.set_span(
        area.x,
        area.y,
        &label(title, theme.style(if focused { Role::Accent } else { Role::Strong })),
        area.width,
    );
    if let Some(error) = costs.error() {
        buffer.set_span(
            area.x + 1,
            area.y + 1,
            &span(&Safe::line(error), theme.style(Role::Error)),
            area.width.saturating_sub(1),
        );
        return;
    }
    if costs.rows().is_empty() {
        let words = if costs.is_loaded() { " nothing yet" } else { " reading …" };
        buffer.set_span(area.x, area.y + 1, &label(words, theme.style(Role::Dim)), area.width);
        return;
    }
    let shown = app.screen().cost_rows();
    for (y, (index, row)) in (area.y + 1..area.bottom()).zip(costs.rows().iter().enumerate().skip(costs.top()).take(shown)) {
        let line = Rect { y, height: 1, ..area };
        feature(row, theme, line, buffer);
        if index == costs.at() && focused {
            buffer.set_style(line, theme.style(Role::Selected));
        }
    }
    let total = costs.total();
    let basis = if total.at_least {
        CostBasis::LowerBound
    } else {
        CostBasis::Computed
    };
    let words = Safe::concat(&[&Safe::from_static("total "), &text::money(total.cost, basis)]);
    let cell = text::pad(&words, usize::from(area.width.saturating_sub(1)), Align::Right);
    buffer.set_span(area.x, area.bottom() - 1, &span(&cell, theme.style(Role::Money)), area.width);
}

fn feature(row: &CostRow, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let wide = area.width >= 40;
    let basis = if row.lower_bound || row.unpriced_calls > 0 {
        CostBasis::LowerBound
    } else {
        CostBasis::Computed
    };
    let key = row.key.as_deref().map_or_else(|| Safe::from_static("(not logged)"), Safe::line);
    let share = row.share.map_or_else(|| Safe::from_static("–"), text::percent);
    let figures = if wide { 5 + 1 + 6 + 1 + 9 + 1 + 9 } else { 5 + 1 + 9 };
    let room = usize::from(area.width).saturating_sub(figures + 2);
    let mut spans = vec![
        label(" ", theme.style(Role::Text)),
        span(
            &text::pad(&key, room, Align::Left),
            theme.style(if row.key.is_some() { Role::Text } else { Role::Dim }),
        ),
    ];
    spans.push(span(&text::pad(&share, 5, Align::Right), theme.style(Role::Text)));
    spans.push(label(" ", theme.style(Role::Text)));
    if wide {
        // Eighths of a cell, six cells for the whole.
        let eighths = row.share.map_or(0, |share| (share * 48.0).round() as usize).min(48);
        let bar = format!(
            "{}{}",
            "█".repeat(eighths / 8),
            ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        );
        spans.push(span(&text::pad(&Safe::line(&bar), 6, Align::Left), theme.style(Role::Bar)));
        spans.push(label(" ", theme.style(Role::Text)));
    }
    spans.push(span(
        &text::pad(&text::money(row.cost, basis), 9, Align::Right),
        theme.style(Role::Money),
    ));
    if wide {
        let p50 = row.p50_cost.map_or_else(
            || Safe::from_static("–"),
            |cost| Safe::concat(&[&Safe::from_static("~"), &text::money(Some(cost), CostBasis::Computed)]),
        );
        spans.push(span(&text::pad(&p50, 10, Align::Right), theme.style(Role::Dim)));
    }
    buffer.set_line(area.x, area.y, &Line::from(spans), area.width);
}
