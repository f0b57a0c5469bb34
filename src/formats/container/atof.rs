//! Events of NVIDIA's NeMo Relay (ATOF): a scope is a span, whose start and end are lines of their own; marks happen between them.

use super::session;
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::message::{push_messages, push_payload};
use crate::formats::number;
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{Line, Sink, Times, fail, kind_of, normalise};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// Lines of an agent's trajectory.
pub struct Atof;

static DIALECT: Dialect = Dialect {
    name: "atof",
    what: "trajectories of agents as NeMo Relay writes them (ATOF)",
    order: Order::Random,
    example: "an object with atof_version, kind and uuid",
};

impl Container for Atof {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.has("atof_version") && fields.has("kind") && fields.has("uuid")
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let at = session::moment(&mut fields);
        let phase = fields.text(&["scope_category"]);
        if fields.get("kind") != Some("\"scope\"") || phase.is_none() {
            return Outcome::Other(at.or(line.time));
        }
        let is_end = phase.as_deref() == Some("end");
        let mut part = sink.begin(line, DIALECT.name);
        let mut metadata = fields.take("metadata").as_deref().and_then(Fields::of_owned).unwrap_or_default();
        part.session = metadata.text(&["session_id"]);
        part.trace_id = part.session.clone().unwrap_or_else(|| session::of_file(line));
        part.span_id = fields.text(&["uuid"]).unwrap_or_default();
        part.parent_id = fields.text(&["parent_uuid"]);
        part.name = fields.text(&["name"]).unwrap_or_default();
        part.service = metadata.text(&["platform"]);
        let word = fields.get("category").and_then(string).and_then(|word| kind_of(&word));
        if let Some(kind) = word {
            fields.take("category");
            part.kind = kind;
        }
        let times = Times {
            start: at.filter(|_| !is_end),
            end: at.filter(|_| is_end),
            duration: None,
        };
        times.apply(&mut part, line);
        part.ended = is_end;
        if part.kind == SpanKind::Llm {
            part.request_model = metadata.text(&["model"]);
            part.provider = metadata.text(&["provider"]);
        }
        if part.kind == SpanKind::Tool {
            part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
            part.tool_call_id = metadata.text(&["tool_call_id"]);
        }
        if let Some(data) = fields.take("data") {
            content(&data, is_end, &mut part);
        }
        for (key, value) in metadata.drain() {
            fields.push(format!("metadata.{key}").into(), value);
        }
        for key in ["atof_version", "kind"] {
            fields.take(key);
        }
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}

/// What went in stands at the start, what came out at the end.
fn content(raw: &str, is_end: bool, part: &mut Part) {
    let mut data = Fields::of(raw).unwrap_or_default();
    if let Some(error) = data.text(&["error"]) {
        fail(part, Some(error));
    }
    match (part.kind, is_end) {
        (SpanKind::Tool, false) => push_payload(part, Slot::Arguments, raw),
        (SpanKind::Tool, true) => push_payload(part, Slot::Result, raw),
        (_, false) => {
            if let Some(asked) = data.first(&["messages", "content", "input"]) {
                push_messages(part, Slot::Message, &asked);
            }
        }
        (_, true) => {
            data.expand("usage");
            let mut odd = false;
            let mut count = |keys: &[&str]| data.number(keys, number::tokens, &mut odd);
            let usage = Usage {
                input: count(&["usage.input_tokens", "usage.prompt_tokens"]),
                output: count(&["usage.output_tokens", "usage.completion_tokens"]),
                ..Usage::default()
            };
            if !usage.is_empty() {
                normalise(part, Convention::Inclusive, usage);
            }
            if odd {
                part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
            }
            if let Some(answer) = data.first(&["assistant_message", "content", "output"]) {
                push_messages(part, Slot::Response, &answer);
            }
        }
    }
}
