//! LiteLLM's standard logging payload, a call a line. Prompt tokens include the cache; the cost is the gateway's own.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{self, push_messages};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times, fail, id, normalise};
use crate::formats::{Dialect, number, time};
use crate::model::content::{Form, Slot};
use crate::model::json::Json;
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind, Status};
use crate::model::usage::{Convention, Usage};

/// `StandardLoggingPayload`.
pub struct LiteLlm;

static DIALECT: Dialect = Dialect {
    name: "litellm",
    what: "calls logged by LiteLLM's callbacks",
    order: Order::Random,
    example: "an object with call_type, startTime and response_cost",
};

impl Container for LiteLlm {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.has("call_type") && fields.has("startTime") && fields.any(&["response_cost", "model_map_information", "model_group"])
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut part = sink.begin(line, DIALECT.name);
        let call = fields.text(&["litellm_call_id", "id"]);
        let trace = fields.text(&["trace_id", "litellm_trace_id"]);
        part.span_id = call.clone().unwrap_or_default();
        // A call that belongs to nothing is an interaction of its own.
        part.trace_id = trace.or(call).and_then(|text| id(text, record::TRACE)).unwrap_or_default();
        let kind = fields.text(&["call_type"]).unwrap_or_default();
        part.kind = match kind.trim_start_matches('a') {
            "embedding" => SpanKind::Embedding,
            "rerank" => SpanKind::Rerank,
            "moderation" => SpanKind::Guardrail,
            _ => SpanKind::Llm,
        };
        part.name.clone_from(&kind);
        let mut odd = false;
        let mut moment = |key: &str| fields.number(&[key], time::read, &mut odd);
        let times = Times {
            start: moment("startTime"),
            end: moment("endTime"),
            duration: None,
        };
        let first = moment("completionStartTime");
        times.apply(&mut part, line);
        part.ended = true;
        let streamed = fields.get("stream") == Some("true");
        part.time_to_first_token = first
            .filter(|_| streamed)
            .map(|first| first.saturating_sub(part.start))
            .filter(|t| *t >= 0);
        part.request_model = fields.text(&["model"]);
        part.provider = fields.text(&["custom_llm_provider"]);
        part.cost_logged = fields.number(&["response_cost"], number::dollars, &mut odd);
        who(&mut fields, &mut part);
        response(&mut fields, &mut part, &mut odd);
        if let Some(messages) = fields.take("messages") {
            push_messages(&mut part, Slot::Message, &messages);
        }
        params(&mut fields, &mut part);
        outcome(&mut fields, &mut part);
        record::note_odd(&mut part, odd);
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}

fn who(fields: &mut Fields<'_>, part: &mut Part) {
    part.session = fields.text(&["session_id"]);
    part.user = fields.text(&["end_user"]);
    let Some(mut metadata) = fields.take("metadata").and_then(|raw| Fields::of_owned(&raw)) else {
        return;
    };
    metadata.expand("requester_metadata");
    part.session = part
        .session
        .take()
        .or_else(|| metadata.text(&["session_id", "requester_metadata.session_id"]));
    part.user = part
        .user
        .take()
        .or_else(|| metadata.text(&["user_api_key_end_user_id", "requester_metadata.user_id", "user_api_key_user_id"]));
    part.feature = metadata.text(&["requester_metadata.feature", "feature"]);
    for (key, value) in metadata.drain() {
        // The gateway writes every key it knows.
        if !matches!(&*value, "null" | "[]" | "{}") {
            fields.push(format!("metadata.{key}").into(), value);
        }
    }
}

/// The model's answer, with the finer figures of its usage.
fn response(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let raw = fields.take("response").map(Cow::into_owned).unwrap_or_default();
    let mut response = Fields::of(&raw).unwrap_or_default();
    part.response_model = response.text(&["model"]);
    for key in [
        "usage",
        "usage.prompt_tokens_details",
        "usage.completion_tokens_details",
        "usage.input_tokens_details",
        "usage.output_tokens_details",
    ] {
        response.expand(key);
    }
    let mut count = |keys: &[&str]| response.number(keys, number::tokens, odd);
    let finer = Usage {
        input: count(&["usage.prompt_tokens", "usage.input_tokens"]),
        cache_read: count(&[
            "usage.cache_read_input_tokens",
            "usage.prompt_tokens_details.cached_tokens",
            "usage.input_tokens_details.cached_tokens",
        ]),
        cache_write: count(&[
            "usage.cache_creation_input_tokens",
            "usage.prompt_tokens_details.cache_creation_tokens",
        ]),
        cache_write_1h: None,
        output: count(&["usage.completion_tokens", "usage.output_tokens"]),
        reasoning: count(&[
            "usage.completion_tokens_details.reasoning_tokens",
            "usage.output_tokens_details.reasoning_tokens",
        ]),
    };
    let mut own = |key: &str| fields.number(&[key], number::tokens, odd);
    let (prompt, completion) = (own("prompt_tokens"), own("completion_tokens"));
    let usage = Usage {
        input: prompt.or(finer.input),
        output: completion.or(finer.output),
        ..finer
    };
    if !usage.is_empty() {
        normalise(part, Convention::Inclusive, usage);
    }
    if let Some(choices) = response.first(&["choices", "output", "content"]) {
        push_messages(part, Slot::Response, &choices);
    } else if !raw.is_empty() && response.is_empty() {
        push_messages(part, Slot::Response, &raw);
    }
    for (key, value) in response.drain() {
        if value != "null" {
            fields.push(format!("response.{key}").into(), value.into_owned().into());
        }
    }
}

fn params(fields: &mut Fields<'_>, part: &mut Part) {
    let Some(mut params) = fields.take("model_parameters").and_then(|raw| Fields::of_owned(&raw)) else {
        return;
    };
    for tool in params.take("tools").as_deref().and_then(array).unwrap_or_default() {
        message::push(part, Slot::ToolDefinition, "", Form::Json, tool.to_owned());
    }
    if !params.is_empty() {
        part.params = Json::parse(message::object(params.rest()).as_str()).ok();
    }
}

fn outcome(fields: &mut Fields<'_>, part: &mut Part) {
    let status = fields.get("status").and_then(string).map(Cow::into_owned);
    let text = fields.text(&["error_str"]);
    match status.as_deref() {
        Some("failure") => {
            fields.take("status");
            let told = fields
                .get("error_information")
                .and_then(Fields::of)
                .and_then(|mut e| e.text(&["error_message", "error_class"]));
            fail(part, told.or(text));
        }
        Some("success") => {
            fields.take("status");
            part.status = Status::Ok;
        }
        _ => {}
    }
}
