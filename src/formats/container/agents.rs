//! The OpenAI Agents SDK's `export()`: a trace's name, and spans whose `span_data` says what they are. Input includes the cache.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_messages, push_payload};
use crate::formats::scan::{Fields, array, quote};
use crate::formats::sink::{Line, Sink, Times, fail, normalise};
use crate::formats::{Dialect, message, number, time};
use crate::model::content::Slot;
use crate::model::json::Json;
use crate::model::record::Order;
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `Trace.export()` and `Span.export()`.
pub struct Agents;

static DIALECT: Dialect = Dialect {
    name: "openai_agents",
    what: "traces and spans of the OpenAI Agents SDK as export() gives them",
    order: Order::Random,
    example: "an object whose object is trace or trace.span",
};

impl Container for Agents {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        match fields.get("object") {
            Some("\"trace.span\"") => fields.has("trace_id"),
            Some("\"trace\"") => fields.has("id"),
            _ => false,
        }
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if fields.get("object") == Some("\"trace\"") {
            trace(fields, line, sink);
        } else {
            span(fields, line, sink);
        }
        Outcome::Spans
    }
}

/// `trace_` and 32 hex digits: the digits are the id everywhere else.
fn trace_id(text: String) -> String {
    match text.strip_prefix("trace_") {
        Some(hex) if hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()) => hex.to_ascii_lowercase(),
        _ => text,
    }
}

/// The workflow's name and its group. No time is logged.
fn trace(mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    part.trace_id = fields.text(&["id"]).map(trace_id).unwrap_or_default();
    part.span_id = format!("trace-{}", part.trace_id);
    part.kind = SpanKind::Chain;
    part.name = fields.text(&["workflow_name"]).unwrap_or_default();
    part.feature = Some(part.name.clone()).filter(|name| !name.is_empty());
    part.session = fields.text(&["group_id"]);
    if let Some(mut metadata) = fields.get("metadata").and_then(Fields::of_owned) {
        part.user = metadata.text(&["user_id", "userId", "user"]);
    }
    Times::default().apply(&mut part, line);
    part.ended = true;
    fields.take("object");
    sink.push(line, part, &fields);
}

fn span(mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    part.span_id = fields.text(&["id"]).unwrap_or_default();
    part.trace_id = fields.text(&["trace_id"]).map(trace_id).unwrap_or_default();
    part.parent_id = fields.text(&["parent_id"]);
    let mut odd = false;
    let times = Times {
        start: fields.number(&["started_at"], time::read, &mut odd),
        end: fields.number(&["ended_at"], time::read, &mut odd),
        duration: None,
    };
    times.apply(&mut part, line);
    part.ended = part.end.is_some();
    if let Some(error) = fields.take("error") {
        let told = Fields::of(&error).and_then(|mut e| e.text(&["message"]));
        fail(&mut part, told);
        fields.push("error".into(), error);
    }
    let raw = fields.take("span_data").map(Cow::into_owned).unwrap_or_default();
    let mut data = Fields::of(&raw).unwrap_or_default();
    let kind = data.text(&["type"]).unwrap_or_default();
    part.name = data.text(&["name"]).unwrap_or_else(|| kind.clone());
    match &*kind {
        "agent" => part.kind = SpanKind::Agent,
        "generation" | "response" | "transcription" | "speech" => call(&mut data, &mut part, &mut odd),
        "function" => {
            part.kind = SpanKind::Tool;
            part.tool_name = Some(part.name.clone());
            if let Some(input) = data.take("input") {
                push_payload(&mut part, Slot::Arguments, &input);
            }
            if let Some(output) = data.take("output") {
                push_payload(&mut part, Slot::Result, &output);
            }
        }
        "guardrail" => part.kind = SpanKind::Guardrail,
        "handoff" => {
            part.kind = SpanKind::Agent;
            if let Some(to) = data.get("to_agent").and_then(crate::formats::scan::string) {
                part.name = format!("handoff to {to}");
            }
        }
        "mcp_tools" => part.kind = SpanKind::Other,
        _ => {
            part.kind = SpanKind::Chain;
            data.expand("data");
            data.expand("data.usage");
            // The SDK's own steps repeat what the calls below them used.
            let mut count = |key: &str| data.number(&[&format!("data.usage.{key}")], number::tokens, &mut odd);
            let usage = Usage {
                input: count("input_tokens"),
                cache_read: count("cached_input_tokens"),
                cache_write: count("cache_write_input_tokens"),
                output: count("output_tokens"),
                ..Usage::default()
            };
            if !usage.is_empty() {
                normalise(&mut part, Convention::Inclusive, usage);
            }
        }
    }
    if kind != "custom" {
        data.push("type".into(), quote(&kind).into());
    }
    record::note_odd(&mut part, odd);
    for (key, value) in data.drain() {
        if !matches!(&*value, "null" | "[]" | "{}") {
            fields.push(Cow::Owned(key.into_owned()), Cow::Owned(value.into_owned()));
        }
    }
    fields.take("object");
    sink.push(line, part, &fields);
}

/// A generation has its prompt and answer; a response has only its id and its usage.
fn call(data: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    part.kind = SpanKind::Llm;
    part.request_model = data.text(&["model"]);
    if part.request_model.is_none() {
        part.inferred = part.inferred.and(Inferred::KIND);
    }
    for key in ["usage", "usage.input_tokens_details", "usage.output_tokens_details"] {
        data.expand(key);
    }
    let mut count = |keys: &[&str]| data.number(keys, number::tokens, odd);
    let usage = Usage {
        input: count(&["usage.input_tokens", "usage.prompt_tokens"]),
        cache_read: count(&["usage.input_tokens_details.cached_tokens"]),
        cache_write: count(&["usage.input_tokens_details.cache_write_tokens"]),
        cache_write_1h: None,
        output: count(&["usage.output_tokens", "usage.completion_tokens"]),
        reasoning: count(&["usage.output_tokens_details.reasoning_tokens"]),
    };
    if !usage.is_empty() {
        normalise(part, Convention::Inclusive, usage);
    }
    if let Some(config) = data.take("model_config")
        && let Some(config) = Fields::of(&config)
    {
        let stated = config.rest().filter(|(_, value)| *value != "null");
        part.params = Json::parse(message::object(stated).as_str())
            .ok()
            .filter(|json| json.as_str() != "{}");
    }
    if let Some(input) = data.take("input") {
        push_messages(part, Slot::Message, &input);
    }
    if let Some(output) = data.take("output") {
        push_messages(part, Slot::Response, &output);
    }
    if let Some(tools) = data
        .get("tools")
        .and_then(array)
        .filter(|tools| tools.iter().all(|t| t.starts_with('{')))
    {
        for tool in tools {
            message::push(part, Slot::ToolDefinition, "", crate::model::content::Form::Json, tool.to_owned());
        }
    }
}
