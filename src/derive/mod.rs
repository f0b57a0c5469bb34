//! LOCAL STUB, not committed.
mod merge;
use crate::model::span::*;
use crate::model::trace::*;
use crate::model::usage::*;
use crate::pricing::Prices;
pub use merge::merge_pieces;
/// stub
#[must_use]
pub fn derive(mut parts: Vec<Part>, _prices: &Prices) -> Trace {
    parts.sort_by_key(|p| (p.start, p.origin));
    let mut spans: Vec<Span> = Vec::new();
    for part in &parts {
        let key = SpanKey::of(part.trace, &part.span_id);
        if let Some(old) = spans.iter_mut().find(|s| s.key == key) {
            old.origins.push(part.origin);
            continue;
        }
        let counted = part.usage.total().is_some() || part.cost_logged.is_some();
        let cost = part.cost_logged;
        spans.push(Span {
            key,
            parent: None,
            depth: 0,
            origins: vec![part.origin],
            rolled_up: false,
            counted,
            cost,
            cost_basis: if cost.is_some() {
                CostBasis::Logged
            } else {
                CostBasis::UnknownModel
            },
            findings: vec![],
            missing: false,
            total_usage: part.usage,
            total_cost: cost,
            turn: None,
            previous_input: None,
            part: Part {
                contents: vec![],
                ..part.clone()
            },
        });
    }
    let f = &parts[0];
    let mut row = Interaction {
        trace: f.trace,
        trace_id: f.trace_id.clone(),
        name: f.name.clone(),
        start: f.start,
        start_from: f.start_from,
        duration: parts.iter().filter_map(|p| p.end).max().map(|e| e - f.start),
        first: f.start,
        last: parts.last().unwrap().start,
        place: place(&f.origin),
        spans: spans.len() as u32,
        dialect: f.dialect.to_string(),
        feature: parts.iter().find_map(|p| p.feature.clone()),
        user: parts.iter().find_map(|p| p.user.clone()),
        session: parts.iter().find_map(|p| p.session.clone()),
        service: parts.iter().find_map(|p| p.service.clone()),
        status: f.status,
        ask: f.ask.clone(),
        answer: f.answer.clone(),
        ..Interaction::default()
    };
    for s in spans.iter().filter(|s| s.counted) {
        row.calls += 1;
        if let Some(c) = s.cost {
            row.cost = Some(Cost(row.cost.unwrap_or_default().0 + c.0));
        } else {
            row.unpriced_calls += 1;
        }
        row.cost_basis = row.cost_basis.max(s.cost_basis);
        let add = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0) + b.unwrap_or(0)),
        };
        let u = &s.part.usage;
        row.usage = Usage {
            input: add(row.usage.input, u.input),
            cache_read: add(row.usage.cache_read, u.cache_read),
            cache_write: add(row.usage.cache_write, u.cache_write),
            cache_write_1h: add(row.usage.cache_write_1h, u.cache_write_1h),
            output: add(row.usage.output, u.output),
            reasoning: add(row.usage.reasoning, u.reasoning),
        };
        if let Some(m) = s.part.response_model.clone().or(s.part.request_model.clone()) {
            if !row.models.contains(&m) {
                row.models.push(m)
            }
        }
        if s.part.kind == SpanKind::Llm {
            row.llm_calls += 1
        }
    }
    Trace { row, spans }
}

#[cfg(test)]
mod tests;
