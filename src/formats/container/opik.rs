//! Traces and spans exported from Comet's Opik.

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_messages, push_payload};
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{Line, Sink, Times, fail, kind_of, normalise};
use crate::formats::{Dialect, number, time};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// A trace or a span.
pub struct Opik;

static DIALECT: Dialect = Dialect {
    name: "opik",
    what: "traces and spans exported from Opik",
    order: Order::Random,
    example: "an object with parent_span_id and a type such as llm, or with project_id, thread_id and start_time",
};

const TYPES: &[&str] = &["general", "llm", "tool", "guardrail"];

impl Container for Opik {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_span(fields) || is_trace(fields)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut part = sink.begin(line, DIALECT.name);
        let is_span = is_span(&fields);
        part.span_id = fields.text(&["id"]).unwrap_or_default();
        if is_span {
            part.trace_id = fields.text(&["trace_id"]).unwrap_or_default();
            part.parent_id = fields.text(&["parent_span_id"]).or_else(|| Some(part.trace_id.clone()));
            part.kind = fields
                .get("type")
                .and_then(string)
                .and_then(|word| kind_of(&word))
                .unwrap_or(SpanKind::Chain);
            fields.take("type");
        } else {
            part.trace_id.clone_from(&part.span_id);
            part.kind = SpanKind::Request;
            part.session = fields.text(&["thread_id"]);
        }
        part.name = fields.text(&["name"]).unwrap_or_default();
        let mut odd = false;
        let times = Times {
            start: fields.number(&["start_time"], time::read, &mut odd),
            end: fields.number(&["end_time"], time::read, &mut odd),
            duration: fields.number(&["duration"], number::milliseconds, &mut odd),
        };
        times.apply(&mut part, line);
        part.ended = part.end.is_some();
        part.time_to_first_token = fields.number(&["ttft"], number::milliseconds, &mut odd);
        part.request_model = fields.text(&["model"]);
        part.provider = fields.text(&["provider"]);
        if part.kind != SpanKind::Request {
            // What stands with a trace is the sum of its spans.
            tokens(&mut fields, &mut part, &mut odd);
            part.cost_logged = fields.number(&["total_estimated_cost"], number::dollars, &mut odd);
        }
        if let Some(error) = fields.take("error_info") {
            let told = Fields::of(&error).and_then(|mut error| error.text(&["message", "exception_type"]));
            fail(&mut part, told);
        }
        contents(&mut fields, &mut part);
        record::note_odd(&mut part, odd);
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}

fn is_span(fields: &Fields<'_>) -> bool {
    let typed = || fields.get("type").and_then(string).is_some_and(|kind| TYPES.contains(&&*kind));
    // Others who write such lines call their own id `span_id`.
    fields.has("parent_span_id")
        && fields.has("trace_id")
        && fields.has("id")
        && !fields.has("span_id")
        && fields.has("start_time")
        && fields.any(&["project_id", "project_name", "error_info", "total_estimated_cost"])
        && typed()
}

fn is_trace(fields: &Fields<'_>) -> bool {
    fields.has("project_id") && fields.has("thread_id") && fields.has("start_time") && fields.has("input") && !fields.has("trace_id")
}

fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    fields.expand("usage");
    let mut count = |keys: &[&str]| fields.number(keys, number::tokens, odd);
    let anthropic = count(&["usage.original_usage.cache_read_input_tokens"]);
    let written = count(&["usage.original_usage.cache_creation_input_tokens"]);
    let usage = Usage {
        input: count(&["usage.prompt_tokens"]),
        cache_read: anthropic.or_else(|| count(&["usage.original_usage.prompt_tokens_details.cached_tokens"])),
        cache_write: written,
        cache_write_1h: None,
        output: count(&["usage.completion_tokens"]),
        reasoning: count(&["usage.original_usage.completion_tokens_details.reasoning_tokens"]),
    };
    // The prompt is as the provider counts it: Anthropic leaves cached tokens out.
    let convention = if anthropic.or(written).is_some() {
        Convention::Exclusive
    } else {
        Convention::Inclusive
    };
    if !usage.is_empty() {
        normalise(part, convention, usage);
    }
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    let step = matches!(part.kind, SpanKind::Tool | SpanKind::Guardrail);
    if part.kind == SpanKind::Tool {
        part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
    }
    let slots = if step {
        (Slot::Arguments, Slot::Result)
    } else {
        (Slot::Message, Slot::Response)
    };
    for (slot, key, inner) in [
        (slots.0, "input", ["messages", "input"]),
        (slots.1, "output", ["choices", "output"]),
    ] {
        let Some(raw) = fields.take(key) else { continue };
        if step {
            push_payload(part, slot, &raw);
            continue;
        }
        let object = Fields::of(&raw).unwrap_or_default();
        let found = inner.iter().find_map(|key| object.get(key));
        push_messages(part, slot, found.unwrap_or(&raw));
    }
}
