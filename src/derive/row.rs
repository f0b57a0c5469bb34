//! The interaction's row: what lists, filters and panels read of a whole trace.

use super::rollup::{add, model};
use super::tree::order;
use crate::model::span::{Nanos, Part, SpanKind, StartFrom, Status};
use crate::model::trace::{Interaction, Span, place};
use crate::model::usage::{CostBasis, Usage};

/// The window of the parts as logged, before they were merged.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    pub(super) first: Nanos,
    pub(super) last: Nanos,
    pub(super) place: i128,
}

impl Extent {
    pub(super) fn of(parts: &[Part]) -> Self {
        let first = parts.iter().map(|p| (p.start, place(&p.origin))).min().unwrap_or_default();
        let last = parts.iter().map(|p| p.start).max().unwrap_or_default();
        Self {
            first: first.0,
            last,
            place: first.1,
        }
    }
}

/// Numbers the model calls by start and notes the prompt size of the call before.
pub(super) fn number_turns(spans: &mut [Span]) {
    let mut turns: Vec<usize> = (0..spans.len()).filter(|i| is_turn(&spans[*i])).collect();
    turns.sort_by(|a, b| order(&spans[*a].part).cmp(&order(&spans[*b].part)));
    let mut before = None;
    for (number, index) in turns.into_iter().enumerate() {
        let span = &mut spans[index];
        span.turn = u32::try_from(number + 1).ok();
        span.previous_input = before;
        before = span.part.usage.total_input();
    }
}

fn is_turn(span: &Span) -> bool {
    span.part.kind == SpanKind::Llm && !span.rolled_up
}

/// Sums and inheritance over finished spans in tree order.
pub(super) fn interaction(spans: &[Span], extent: Extent) -> Interaction {
    let real = || spans.iter().filter(|span| !span.missing);
    let Some(any) = real().next() else {
        return Interaction::default();
    };
    let root = real().find(|span| span.parent.is_none());
    let mut by_start: Vec<&Span> = real().collect();
    by_start.sort_by(|a, b| order(&a.part).cmp(&order(&b.part)));
    // A twin is part of a row, and yet may have begun before it and ended after it.
    let logged = || real().flat_map(|span| span.twins.iter().chain([&span.part]));
    let start = logged().map(|part| part.start).min().unwrap_or_default();
    let start_from = logged()
        .filter(|part| part.start == start)
        .map(|part| part.start_from)
        .max()
        .unwrap_or(StartFrom::Arrival);
    let end = logged().filter_map(|part| part.end).max();
    let of_kind = |kind: SpanKind| number(real().filter(|span| span.part.kind == kind).count());
    let counted = || spans.iter().filter(|span| span.counted);
    let root_text = |field: fn(&Part) -> &String| root.map(|root| field(&root.part)).filter(|text| !text.is_empty());
    let llm = || by_start.iter().filter(|span| span.part.kind == SpanKind::Llm);
    let ask = root_text(|p| &p.ask).or_else(|| llm().map(|s| &s.part.ask).find(|text| !text.is_empty()));
    let last_answer = || {
        llm()
            .filter(|s| !s.part.answer.is_empty())
            .max_by_key(|s| (s.part.end, order(&s.part)))
    };
    // A tool's result is no answer to the user, even where no model was logged.
    let answer = root
        .filter(|root| root.part.kind != SpanKind::Tool)
        .and_then(|_| root_text(|p| &p.answer))
        .or_else(|| last_answer().map(|s| &s.part.answer));
    let status = root.map(|root| root.part.status).filter(|status| *status != Status::Unset);
    let cost_logged = counted().map(|span| span.part.cost_logged).fold(None, add);
    Interaction {
        trace: any.part.trace,
        trace_id: any.part.trace_id.clone(),
        name: root.map(|root| outermost(root).name.clone()).unwrap_or_default(),
        start,
        start_from,
        duration: end.filter(|end| *end >= start).map(|end| end.saturating_sub(start)),
        feature: stated(spans, |p| p.feature.as_ref()),
        user: stated(spans, |p| p.user.as_ref()),
        session: stated(spans, |p| p.session.as_ref()),
        service: stated(spans, |p| p.service.as_ref()),
        models: models(&by_start),
        spans: number(logged().count()),
        llm_calls: number(real().filter(|span| is_turn(span)).count()),
        tool_calls: of_kind(SpanKind::Tool),
        retrievals: of_kind(SpanKind::Retrieval),
        calls: number(counted().count()),
        unpriced_calls: number(counted().filter(|span| span.cost.is_none()).count()),
        usage: counted().fold(Usage::default(), |usage, span| usage.add(&span.part.usage)),
        cost: counted().map(|span| span.cost).fold(None, add),
        cost_basis: counted().map(|span| span.cost_basis).max().unwrap_or(CostBasis::Computed),
        cost_logged: cost_logged.or_else(|| root.and_then(|root| root.part.cost_logged)),
        status: status.or_else(|| real().map(|span| span.part.status).max()).unwrap_or_default(),
        findings: spans
            .iter()
            .flat_map(|span| span.findings.iter().map(|finding| finding.kind))
            .collect(),
        dialect: outermost(root.unwrap_or(any)).dialect.to_string(),
        ask: ask.cloned().unwrap_or_default(),
        answer: answer.cloned().unwrap_or_default(),
        first: extent.first,
        last: extent.last,
        place: extent.place,
    }
}

/// What stands nearest the root of the records that are one row.
fn outermost(span: &Span) -> &Part {
    span.twins.first().unwrap_or(&span.part)
}

/// From the stating span nearest the root, then the earliest.
fn stated(spans: &[Span], field: fn(&Part) -> Option<&String>) -> Option<String> {
    spans
        .iter()
        .filter_map(|span| Some((span.depth, order(&span.part), field(&span.part).filter(|text| !text.is_empty())?)))
        .min()
        .map(|(.., text)| text.clone())
}

fn models(by_start: &[&Span]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in by_start.iter().filter(|span| span.counted).filter_map(|span| model(&span.part)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
