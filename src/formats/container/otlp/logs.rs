//! Log records that carry GenAI events: prompts, answers and judgements that belong to a span written elsewhere.
//!
//! All events of one span on one line become one part of that span; it merges with the span's own record by its id. A record
//! that names no span stands alone. Where it tells of a whole call it is one, until a call of its trace shows that it may be told twice;
//! what else it says of tokens is not counted. One that names neither span nor trace is an interaction with the others of the same answer,
//! where it names that.

use std::borrow::Cow;

use serde::Deserialize;

use super::value::{self, any_value};
use super::{Resource, Scope, Shared};
use crate::formats::container::record::{self, Event, Record};
use crate::formats::scan::{Fields, quote, string};
use crate::formats::sink::{Line, Sink, Times, kind_of};
use crate::formats::{number, time};
use crate::model::span::{Inferred, Nanos, Part, SpanKind};

#[derive(Deserialize)]
struct ResourceLogs<'a> {
    #[serde(borrow, default)]
    resource: Option<Resource<'a>>,
    #[serde(borrow, default, alias = "scope_logs", alias = "instrumentationLibraryLogs", rename = "scopeLogs")]
    scopes: Option<Vec<ScopeLogs<'a>>>,
}

#[derive(Deserialize)]
struct ScopeLogs<'a> {
    #[serde(borrow, default, alias = "instrumentationLibrary")]
    scope: Option<Scope<'a>>,
    #[serde(borrow, default, alias = "log_records", rename = "logRecords")]
    records: Option<Vec<Fields<'a>>>,
}

/// What the events of one span say.
struct Group<'a> {
    trace_id: String,
    span_id: String,
    at: Option<Nanos>,
    events: Vec<Event<'a>>,
}

/// Reads an export of logs. What holds no GenAI event adds nothing.
pub(super) fn read(fields: &Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    if let Some(raw) = ["resourceLogs", "resource_logs"].iter().find_map(|key| fields.get(key)) {
        let all: Option<Vec<ResourceLogs<'_>>> = serde_json::from_str(raw)?;
        for resource in all.into_iter().flatten() {
            logs_of(resource, line, sink);
        }
    } else if fields.any(&["scopeLogs", "scope_logs"]) {
        let whole = crate::formats::message::object(fields.rest());
        logs_of(serde_json::from_str(whole.as_str())?, line, sink);
    }
    Ok(())
}

fn logs_of(resource: ResourceLogs<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let shared = Shared::of(resource.resource.as_ref());
    for scope in resource.scopes.into_iter().flatten() {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for fields in scope.records.into_iter().flatten() {
            let Some((ids, event)) = event(fields) else { continue };
            let (trace_id, span_id) = ids;
            let same = |group: &&mut Group<'_>| !span_id.is_empty() && (&group.trace_id, &group.span_id) == (&trace_id, &span_id);
            if let Some(group) = groups.iter_mut().find(same) {
                group.at = group.at.min(event.at).or(group.at);
                group.events.push(event);
            } else {
                groups.push(Group {
                    trace_id,
                    span_id,
                    at: event.at,
                    events: vec![event],
                });
            }
        }
        for group in groups {
            push(group, &shared, scope.scope.as_ref(), line, sink);
        }
    }
}

/// A log record's ids and event; `None` for other logs.
fn event(mut fields: Fields<'_>) -> Option<((String, String), Event<'_>)> {
    let mut attributes = value::attributes(fields.take("attributes"));
    let body = fields.take("body");
    let body = body.as_deref().map(|raw| any_value(raw, 0).into_owned());
    let name = fields
        .text(&["eventName", "event_name"])
        .or_else(|| attributes.text(&["event.name"]))
        .or_else(|| body.as_deref().and_then(string).map(Cow::into_owned))?;
    if !is_ours(&name) {
        return None;
    }
    if let Some(inner) = body.as_deref().and_then(Fields::of_owned) {
        for (key, value) in inner.drain() {
            attributes.push(key, value);
        }
    } else if let Some(text) = body.filter(|text| text != "null" && string(text).is_none_or(|t| *t != *name)) {
        attributes.push("body".into(), text.into());
    }
    let trace_id = record::take_id(&mut fields, &["traceId", "trace_id"], record::TRACE).unwrap_or_default();
    let span_id = record::take_id(&mut fields, &["spanId", "span_id"], record::SPAN).unwrap_or_default();
    let times = ["timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "observed_time_unix_nano"];
    let at = times.iter().find_map(|key| fields.get(key).and_then(time::of));
    Some(((trace_id, span_id), Event { name, at, attributes }))
}

/// Events of the conventions, and the calls that coding agents log as events.
fn is_ours(name: &str) -> bool {
    name.starts_with("gen_ai.") || is_call(name)
}

/// A coding agent's event for one finished call.
fn is_call(name: &str) -> bool {
    matches!(name, "claude_code.api_request" | "api_request" | "gemini_cli.api_response")
}

fn push<'a>(group: Group<'a>, shared: &'a Shared<'_>, scope: Option<&Scope<'a>>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, super::DIALECT.name);
    part.trace_id = group.trace_id;
    part.span_id = group.span_id;
    // The span's own record says when it began and ended.
    part.inferred = part.inferred.and(Inferred::START);
    let mut times = Times {
        start: group.at,
        ..Times::default()
    };
    let mut events = group.events;
    let mut attributes = Fields::default();
    if let [only] = events.as_mut_slice()
        && is_call(&only.name)
    {
        attributes = std::mem::take(&mut only.attributes);
        part.name.clone_from(&only.name);
        times = call(&mut attributes, &mut part, only.at);
        events.clear();
    }
    let answers = events.iter().filter_map(|event| event.attributes.get("gen_ai.response.id"));
    let answer = answers.filter_map(string).find(|answer| !answer.is_empty()).map(Cow::into_owned);
    if part.span_id.is_empty() && !part.ended {
        part.name = events.first().map(|event| event.name.clone()).unwrap_or_default();
        if events.iter().all(tells_a_call) {
            // Its span may never come. Delivered twice, it is the same call.
            part.ended = true;
            part.inferred = part.inferred.and(Inferred::SPAN_ID);
            part.span_id = answer.clone().unwrap_or_default();
        } else {
            // No call, lest it be counted beside its span.
            part.kind = SpanKind::Chain;
            events.iter_mut().for_each(set_usage_aside);
        }
    }
    if let (true, Some(answer)) = (part.trace_id.is_empty(), answer) {
        // Without a trace the answer still says which records belong together.
        part.trace_id = answer;
        part.inferred = part.inferred.and(Inferred::TRACE_ID);
    }
    let record = Record {
        part,
        times,
        attributes,
        events,
        beside: shared.beside(scope),
        service: shared.service.clone(),
    };
    record::push(record, line, sink);
}

/// Whether an event says of a model call what its span would say: which it was, and its tokens.
fn tells_a_call(event: &Event<'_>) -> bool {
    let operation = event.attributes.get("gen_ai.operation.name").and_then(string);
    let is_call = operation.is_none_or(|word| matches!(kind_of(&word), Some(SpanKind::Llm | SpanKind::Embedding)));
    let states = |keys: &[&str]| event.attributes.any(keys);
    event.name == "gen_ai.client.inference.operation.details"
        && is_call
        && states(&["gen_ai.request.model", "gen_ai.response.model"])
        && states(&["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"])
}

/// Tokens of a record that names no span belong to a span that has them too.
fn set_usage_aside(event: &mut Event<'_>) {
    for (key, value) in event.attributes.take_under("gen_ai.usage") {
        event.attributes.push(format!("of_span.gen_ai.usage.{key}").into(), value);
    }
}

/// One call of a coding agent: its words are its own, its cached tokens stand beside the input.
fn call(attributes: &mut Fields<'_>, part: &mut Part, at: Option<Nanos>) -> Times {
    use crate::formats::sink::normalise;
    use crate::model::usage::{Convention, Usage};
    let mut odd = false;
    part.ended = true;
    part.kind = SpanKind::Llm;
    part.request_model = attributes.text(&["model"]);
    // One prompt of the user is one interaction.
    if part.trace_id.is_empty() {
        part.trace_id = attributes.text(&["prompt.id", "prompt_id", "session.id"]).unwrap_or_default();
    }
    let gemini = attributes.any(&["input_token_count"]);
    let mut count = |keys: &[&str]| attributes.number(keys, number::tokens, &mut odd);
    let usage = Usage {
        input: count(&["input_tokens", "input_token_count"]),
        cache_read: count(&["cache_read_tokens", "cached_content_token_count"]),
        cache_write: count(&["cache_creation_tokens"]),
        cache_write_1h: None,
        output: count(&["output_tokens", "output_token_count"]),
        reasoning: count(&["thoughts_token_count"]),
    };
    let convention = if gemini { Convention::Inclusive } else { Convention::Exclusive };
    normalise(part, convention, usage);
    part.cost_logged = attributes.number(&["cost_usd"], number::dollars, &mut odd);
    let duration = attributes.number(&["duration_ms"], number::milliseconds, &mut odd);
    if let Some(id) = attributes.text(&["request_id"]) {
        attributes.push("request_id".into(), quote(&id).into());
        if part.span_id.is_empty() {
            part.span_id = id;
        }
    }
    record::note_odd(part, odd);
    Times {
        start: None,
        end: at,
        duration,
    }
}
