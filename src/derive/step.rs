//! The spans of an interaction as filters see them.

use super::findings::temperature;
use super::rollup::model;
use crate::model::filter::Step;
use crate::model::span::{Part, SpanKey};
use crate::model::trace::Trace;
use crate::model::usage::Usage;
use crate::pricing::Prices;

/// A row per logged span. What repeats the usage of others has none of its own here either.
#[must_use]
pub fn steps(trace: &Trace, prices: &Prices) -> Vec<Step> {
    let spans = &trace.spans;
    let mut steps = Vec::with_capacity(spans.len());
    for span in spans.iter().filter(|span| !span.missing) {
        let parent = span
            .parent
            .and_then(|parent| spans.get(parent as usize))
            .filter(|parent| !parent.missing)
            .map(|parent| parent.key);
        let usage = Some(&span.part.usage).filter(|_| span.counted);
        steps.push(Step {
            trace: trace.row.trace,
            span: span.key,
            parent,
            cost: span.cost.filter(|_| span.counted),
            input: usage.and_then(Usage::total_input).map(signed),
            output: usage.and_then(|usage| usage.output).map(signed),
            findings: span.findings.iter().map(|finding| finding.kind).collect(),
            ..step(&span.part, prices)
        });
        steps.extend(span.twins.iter().map(|twin| Step {
            trace: trace.row.trace,
            span: SpanKey::of(twin.trace, &twin.span_id),
            parent,
            ..step(twin, prices)
        }));
    }
    steps
}

/// What a record says by itself.
fn step(part: &Part, prices: &Prices) -> Step {
    Step {
        start: part.start,
        kind: part.kind,
        name: part.name.clone(),
        status: part.status,
        tool: part.tool_name.clone(),
        model: model(part).map(str::to_owned),
        stop: part.stop_reason.clone(),
        temperature: temperature(part).map(|degrees| (degrees * 1e6).round() as i64),
        first_token: part.time_to_first_token,
        took: part.end.map(|end| end.saturating_sub(part.start)),
        window: prices
            .of_call(part)
            .and_then(|price| price.context_window)
            .filter(|window| *window > 0)
            .map(signed),
        slots: part.slots,
        ..Step::default()
    }
}

/// Only absurd figures leave 63 bits: then the largest number stands for them.
fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
