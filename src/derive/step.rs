//! The spans of an interaction as filters see them.

use super::findings::temperature;
use super::rollup::model;
use crate::model::filter::Step;
use crate::model::trace::{Span, Trace};
use crate::model::usage::Usage;
use crate::pricing::Prices;

/// A row per logged span. What repeats the usage of others has none of its own here either.
#[must_use]
pub fn steps(trace: &Trace, prices: &Prices) -> Vec<Step> {
    let spans = &trace.spans;
    let logged = spans.iter().filter(|span| !span.missing);
    logged.map(|span| step(trace, span, spans, prices)).collect()
}

fn step(trace: &Trace, span: &Span, spans: &[Span], prices: &Prices) -> Step {
    let part = &span.part;
    let usage = Some(&part.usage).filter(|_| span.counted);
    Step {
        trace: trace.row.trace,
        start: part.start,
        span: span.key,
        parent: span
            .parent
            .and_then(|parent| spans.get(parent as usize))
            .filter(|parent| !parent.missing)
            .map(|parent| parent.key),
        kind: part.kind,
        name: part.name.clone(),
        status: part.status,
        tool: part.tool_name.clone(),
        model: model(part).map(str::to_owned),
        stop: part.stop_reason.clone(),
        temperature: temperature(part).map(|degrees| (degrees * 1e6).round() as i64),
        first_token: part.time_to_first_token,
        took: part.end.map(|end| end.saturating_sub(part.start)),
        input: usage.and_then(Usage::total_input).map(signed),
        output: usage.and_then(|usage| usage.output).map(signed),
        cost: span.cost.filter(|_| span.counted),
        window: prices
            .of_call(part)
            .and_then(|price| price.context_window)
            .filter(|window| *window > 0)
            .map(signed),
        slots: part.slots,
    }
}

/// Only absurd figures leave 63 bits: then the largest number stands for them.
fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}
