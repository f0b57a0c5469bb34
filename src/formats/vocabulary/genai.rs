//! The OpenTelemetry GenAI words, from the first numbered prompts to today's message lists.

use std::borrow::Cow;

use crate::formats::message::{self, push_documents, push_messages, push_payload, push_system, unwrapped};
use crate::formats::number;
use crate::formats::scan::{Fields, array, quote, string};
use crate::formats::sink::{kind_of, normalise};
use crate::formats::vocabulary::Vocabulary;
use crate::model::content::{Form, Slot};
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `gen_ai.*`.
pub struct GenAi;

/// The most numbered messages that are looked for.
const MOST_MESSAGES: usize = 10_000;

impl Vocabulary for GenAi {
    fn name(&self) -> &'static str {
        "gen_ai"
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        let operation = fields.get("gen_ai.operation.name").and_then(string).map(Cow::into_owned);
        if let Some(kind) = operation.as_deref().and_then(kind_of) {
            fields.take("gen_ai.operation.name");
            part.kind = kind;
        }
        set(&mut part.provider, fields, &["gen_ai.provider.name", "gen_ai.system"]);
        set(&mut part.request_model, fields, &["gen_ai.request.model"]);
        set(&mut part.response_model, fields, &["gen_ai.response.model"]);
        set(&mut part.session, fields, &["gen_ai.conversation.id"]);
        set(&mut part.tool_name, fields, &["gen_ai.tool.name"]);
        set(&mut part.tool_call_id, fields, &["gen_ai.tool.call.id"]);
        if let Some(raw) = fields.take("gen_ai.response.finish_reasons") {
            let list = unwrapped(&raw);
            let first = array(&list).and_then(|items| items.first().and_then(|r| string(r)).map(Cow::into_owned));
            part.stop_reason = first.or_else(|| string(&raw).map(Cow::into_owned));
        }
        set(&mut part.stop_reason, fields, &["gen_ai.response.finish_reason"]);
        part.time_to_first_token = part.time_to_first_token.or_else(|| {
            fields.number(
                &["gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"],
                number::seconds,
                &mut odd,
            )
        });
        part.cost_logged = part
            .cost_logged
            .or_else(|| fields.number(&["gen_ai.usage.cost", "gen_ai.usage.total_cost"], number::dollars, &mut odd));
        tokens(fields, part, &mut odd);
        params(fields, part);
        kind(fields, part);
        contents(fields, part);
        if odd {
            part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
        }
    }
}

fn set(field: &mut Option<String>, fields: &mut Fields<'_>, keys: &[&str]) {
    if field.is_none() {
        *field = fields.text(keys);
    }
}

fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let mut count = |keys: &[&str]| fields.number(keys, number::tokens, odd);
    let usage = Usage {
        input: count(&["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"]),
        cache_read: count(&[
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "gen_ai.usage.cache_read_tokens",
            "gen_ai.usage.details.cache_read_tokens",
            "gen_ai.usage.details.cache_read_input_tokens",
        ]),
        cache_write: count(&[
            "gen_ai.usage.cache_write.input_tokens",
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "gen_ai.usage.cache_write_input_tokens",
            "gen_ai.usage.cache_write_tokens",
            "gen_ai.usage.details.cache_write_tokens",
            "gen_ai.usage.details.cache_creation_input_tokens",
        ]),
        cache_write_1h: None,
        output: count(&["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"]),
        reasoning: count(&[
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "gen_ai.usage.details.reasoning_tokens",
        ]),
    };
    if usage != Usage::default() && part.usage == Usage::default() {
        normalise(part, Convention::Inclusive, usage);
    }
}

fn params(fields: &mut Fields<'_>, part: &mut Part) {
    let names: Vec<String> = fields
        .rest()
        .filter(|(key, _)| key.starts_with("gen_ai.request."))
        .map(|(key, _)| key.to_owned())
        .collect();
    let taken: Vec<(String, Cow<'_, str>)> = names
        .into_iter()
        .filter_map(|name| fields.take(&name).map(|value| (name, value)))
        .collect();
    if !taken.is_empty() && part.params.is_none() {
        let pairs = taken
            .iter()
            .map(|(name, value)| (name.strip_prefix("gen_ai.request.").unwrap_or(name), &**value));
        part.params = Some(message::object(pairs));
    }
}

fn kind(fields: &Fields<'_>, part: &mut Part) {
    if part.kind != SpanKind::Other {
        return;
    }
    let guess = if part.tool_name.is_some() || part.tool_call_id.is_some() {
        SpanKind::Tool
    } else if fields.has("gen_ai.retrieval.documents") {
        SpanKind::Retrieval
    } else if part.request_model.is_some() || part.response_model.is_some() {
        SpanKind::Llm
    } else {
        return;
    };
    part.kind = guess;
    part.inferred = part.inferred.and(Inferred::KIND);
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(raw) = fields.take("gen_ai.system_instructions") {
        push_system(part, &raw);
    }
    if let Some(raw) = fields.take("gen_ai.input.messages") {
        push_messages(part, Slot::Message, &raw);
    } else if let Some(raw) = fields.take("gen_ai.prompt") {
        push_messages(part, Slot::Message, &raw);
    } else {
        numbered(fields, part, "gen_ai.prompt", Slot::Message);
    }
    if let Some(raw) = fields.take("gen_ai.output.messages") {
        push_messages(part, Slot::Response, &raw);
    } else if let Some(raw) = fields.take("gen_ai.completion") {
        push_messages(part, Slot::Response, &raw);
    } else {
        numbered(fields, part, "gen_ai.completion", Slot::Response);
    }
    if let Some(raw) = fields.take("gen_ai.tool.definitions") {
        let list = unwrapped(&raw);
        match array(&list) {
            Some(items) => {
                for item in items {
                    message::push(part, Slot::ToolDefinition, "", Form::Json, item.to_owned());
                }
            }
            None => message::push(part, Slot::ToolDefinition, "", Form::Json, list.into_owned()),
        }
    }
    if let Some(raw) = fields.take("gen_ai.tool.call.arguments") {
        push_payload(part, Slot::Arguments, &raw);
    }
    if let Some(raw) = fields.first(&["gen_ai.tool.call.result", "gen_ai.tool.message"]) {
        push_payload(part, Slot::Result, &raw);
    }
    if let Some(raw) = fields.take("gen_ai.retrieval.query.text") {
        if let Some(text) = string(&raw) {
            part.ask = message::first_words(&text);
        }
        push_payload(part, Slot::Arguments, &raw);
    }
    if let Some(raw) = fields.take("gen_ai.retrieval.documents")
        && !push_documents(part, &raw)
    {
        fields.push("gen_ai.retrieval.documents".into(), raw);
    }
}

/// `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`, `gen_ai.prompt.0.tool_calls.0.name` …
fn numbered(fields: &mut Fields<'_>, part: &mut Part, prefix: &str, slot: Slot) {
    if !fields.rest().any(|(key, _)| key.starts_with(prefix)) {
        return;
    }
    for n in 0..MOST_MESSAGES {
        let at = |what: &str| format!("{prefix}.{n}.{what}");
        let role = fields.take(&at("role"));
        let content = fields.take(&at("content"));
        let id = fields.take(&at("tool_call_id"));
        if let Some(reason) = fields.text(&[&at("finish_reason")])
            && part.stop_reason.is_none()
        {
            part.stop_reason = Some(reason);
        }
        let mut calls = Vec::new();
        for m in 0..MOST_MESSAGES {
            let mut call = |what: &str| fields.take(&at(&format!("tool_calls.{m}.{what}")));
            let pairs = [("id", call("id")), ("name", call("name")), ("arguments", call("arguments"))];
            if pairs.iter().all(|(_, value)| value.is_none()) {
                break;
            }
            let object = message::object(pairs.iter().filter_map(|(key, value)| value.as_deref().map(|v| (*key, v))));
            calls.push(object.as_str().to_owned());
        }
        if role.is_none() && content.is_none() && calls.is_empty() {
            break;
        }
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let default = quote(if slot == Slot::Response { "assistant" } else { "user" });
        pairs.push(("role", role.map_or(default, Cow::into_owned)));
        if let Some(content) = content {
            // A list of blocks is written as a string here.
            let list = unwrapped(&content);
            let blocks = array(&list).is_some_and(|items| items.iter().all(|i| i.starts_with('{')));
            pairs.push(("content", if blocks { list.into_owned() } else { content.into_owned() }));
        }
        if let Some(id) = id {
            pairs.push(("tool_call_id", id.into_owned()));
        }
        if !calls.is_empty() {
            pairs.push(("tool_calls", format!("[{}]", calls.join(","))));
        }
        let object = message::object(pairs.iter().map(|(key, value)| (*key, value.as_str())));
        message::push_message(part, slot, "user", object.as_str());
    }
    if slot == Slot::Message {
        message::note_ask(part);
    }
}
