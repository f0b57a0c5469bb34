//! Log events that name the answer they tell of, not the span: within a trace they belong to the one call that got this answer.

use std::collections::HashMap;

use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::trace::Span;

/// The attribute that calls and events share.
#[derive(serde::Deserialize)]
struct Answer {
    #[serde(rename = "gen_ai.response.id")]
    response: String,
}

/// Whether this is a log event that names no span.
pub(super) fn is_one(part: &Part) -> bool {
    part.kind == SpanKind::Chain && part.name.starts_with("gen_ai.") && part.inferred.has(Inferred::SPAN_ID)
}

/// Hangs such events below their calls, which then know what was asked and answered. Where several calls state the same answer, nobody
/// knows whose it is.
pub(super) fn attach(spans: &mut [Span]) {
    let events: Vec<usize> = (0..spans.len()).filter(|i| is_one(&spans[*i].part)).collect();
    if events.is_empty() {
        return;
    }
    let mut calls: HashMap<String, Option<usize>> = HashMap::new();
    for (index, span) in spans.iter().enumerate().filter(|(_, span)| !is_one(&span.part)) {
        if let Some(response) = response(&span.part) {
            calls.entry(response).and_modify(|call| *call = None).or_insert(Some(index));
        }
    }
    for event in events {
        let call = response(&spans[event].part).and_then(|response| calls.get(&response).copied().flatten());
        let Some(call) = call.filter(|_| spans[event].part.parent_id.is_none()) else {
            continue;
        };
        let [ask, answer] = [&spans[event].part.ask, &spans[event].part.answer].map(String::clone);
        let part = &mut spans[call].part;
        for (own, told) in [(&mut part.ask, ask), (&mut part.answer, answer)] {
            if own.len() < told.len() {
                *own = told;
            }
        }
        let id = part.span_id.clone();
        let part = &mut spans[event].part;
        part.parent_id = Some(id);
        part.inferred = part.inferred.and(Inferred::PARENT);
    }
}

/// The id of the answer, where one is stated.
pub(super) fn response(part: &Part) -> Option<String> {
    let attributes = part.attributes.as_ref()?.as_str();
    let answer: Answer = serde_json::from_str(attributes).ok()?;
    Some(answer.response)
}
