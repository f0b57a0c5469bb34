//! Calls exported from W&B Weave. A call's usage is told by model, and its parents repeat it.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_messages, push_payload};
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{Line, Sink, Times, fail, normalise};
use crate::formats::{Dialect, number, time};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind, Status};
use crate::model::usage::{Convention, Usage};

/// Calls of operations.
pub struct Weave;

static DIALECT: Dialect = Dialect {
    name: "weave",
    what: "calls exported from W&B Weave",
    order: Order::Random,
    example: "an object with op_name and started_at",
};

impl Container for Weave {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.has("op_name") && fields.has("started_at") && fields.any(&["trace_id", "id"])
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut part = sink.begin(line, DIALECT.name);
        part.span_id = fields.text(&["id"]).unwrap_or_default();
        part.trace_id = fields.text(&["trace_id"]).unwrap_or_else(|| part.span_id.clone());
        part.parent_id = fields.text(&["parent_id"]);
        let op = fields.get("op_name").and_then(string).map(Cow::into_owned).unwrap_or_default();
        // weave:///entity/project/op/NAME:VERSION
        let op = op
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        part.name = fields.text(&["display_name"]).unwrap_or_else(|| op.clone());
        part.session = fields.text(&["thread_id"]);
        part.user = fields.text(&["wb_user_id"]);
        let mut odd = false;
        let times = Times {
            start: fields.number(&["started_at"], time::read, &mut odd),
            end: fields.number(&["ended_at"], time::read, &mut odd),
            duration: None,
        };
        times.apply(&mut part, line);
        part.ended = times.end.is_some();
        summary(&mut fields, &mut part, &mut odd);
        let is_call = op.contains("completions.create")
            || op.contains("messages.create")
            || op.contains("responses.create")
            || op.contains("generate_content");
        if is_call {
            part.kind = SpanKind::Llm;
        } else {
            part.kind = SpanKind::Chain;
            // The sum of the calls below.
            part.request_model = None;
        }
        if let Some(error) = fields.text(&["exception"]) {
            fail(&mut part, Some(error));
        } else if part.ended {
            part.status = Status::Ok;
        }
        contents(&mut fields, &mut part);
        record::note_odd(&mut part, odd);
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}

fn summary(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let Some(summary) = fields.get("summary").and_then(Fields::of_owned) else {
        return;
    };
    let by_model = summary.get("usage").and_then(Fields::of_owned).unwrap_or_default();
    let mut sum = Usage::default();
    for (model, raw) in by_model.rest() {
        let Some(mut logged) = Fields::of(raw) else { continue };
        part.request_model.get_or_insert_with(|| model.to_owned());
        for key in ["prompt_tokens_details", "completion_tokens_details"] {
            logged.expand(key);
        }
        let mut count = |keys: &[&str]| logged.number(keys, number::tokens, odd);
        sum = sum.add(&Usage {
            input: count(&["prompt_tokens", "input_tokens"]),
            cache_read: count(&["prompt_tokens_details.cached_tokens", "cache_read_input_tokens"]),
            cache_write: count(&["cache_creation_input_tokens"]),
            cache_write_1h: None,
            output: count(&["completion_tokens", "output_tokens"]),
            reasoning: count(&["completion_tokens_details.reasoning_tokens"]),
        });
    }
    if !sum.is_empty() {
        normalise(part, Convention::Inclusive, sum);
    }
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    if part.kind != SpanKind::Llm {
        for (slot, key) in [(Slot::Message, "inputs"), (Slot::Response, "output")] {
            if let Some(raw) = fields.take(key) {
                if string(&raw).is_some() {
                    push_messages(part, slot, &raw);
                } else {
                    push_payload(part, slot, &raw);
                }
            }
        }
        return;
    }
    if let Some(mut inputs) = fields.take("inputs").as_deref().and_then(Fields::of_owned) {
        if let Some(model) = inputs.text(&["model"]) {
            part.request_model = Some(model);
        }
        if let Some(system) = inputs.first(&["system", "instructions"]) {
            crate::formats::message::push_system(part, &system);
        }
        if let Some(messages) = inputs.first(&["messages", "input", "contents"]) {
            push_messages(part, Slot::Message, &messages);
        }
        inputs.take("self");
        let stated = inputs.rest().filter(|(_, value)| *value != "null");
        part.params = Some(crate::formats::message::object(stated)).filter(|params| params.as_str() != "{}");
    }
    if let Some(raw) = fields.take("output") {
        let output = Fields::of(&raw).unwrap_or_default();
        let answer = ["choices", "content", "output"].iter().find_map(|key| output.get(key));
        push_messages(part, Slot::Response, answer.unwrap_or(&raw));
    }
}
