//! Log events that name no span: within a trace one belongs to the call that got the answer it names. Where it tells of a whole call, it is
//! that call's only record as long as no other call of the trace may be it.

use std::collections::HashMap;

use super::twins::same_tokens;
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
    part.inferred.has(Inferred::SPAN_ID) && part.name.starts_with("gen_ai.")
}

/// Which events repeat a call that has a record of its own: the call that got the same answer, or one that may have. Expects them attached.
pub(super) fn retold(spans: &[Span]) -> Vec<bool> {
    let tells = |part: &Part| is_one(part) && !part.usage.is_empty();
    if !spans.iter().any(|span| tells(&span.part)) {
        return Vec::new();
    }
    let calls = spans
        .iter()
        .map(|span| &span.part)
        .filter(|part| !is_one(part) && !part.usage.is_empty());
    let calls: Vec<(&Part, Option<String>)> = calls.map(|part| (part, response(part))).collect();
    let may_be = |event: &Part| {
        let answer = response(event);
        calls.iter().any(|(call, got)| match (&answer, got) {
            // The figures of an agent or a request are those of its calls.
            _ if !matches!(call.kind, SpanKind::Llm | SpanKind::Embedding | SpanKind::Rerank) => true,
            (Some(answer), Some(got)) => answer == got,
            // Without the answer's id only other tokens tell them apart, where both state all of them: no call is counted twice.
            _ => !(says_all(event) && says_all(call)) || same_tokens(&event.usage, &call.usage),
        })
    };
    spans.iter().map(|span| tells(&span.part) && may_be(&span.part)).collect()
}

/// Its tokens are there both ways.
const fn says_all(part: &Part) -> bool {
    part.usage.input.is_some() && part.usage.output.is_some()
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
