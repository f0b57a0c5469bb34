//! The OpenTelemetry GenAI words, from the first numbered prompts to today's message lists.

use std::borrow::Cow;

use super::{Vocabulary, open, push_tools, set, set_kind};
use crate::formats::message::{self, push_documents, push_messages, push_payload, push_system, unwrapped};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::normalise;
use crate::formats::{nested, number};
use crate::model::content::Slot;
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `gen_ai.*`.
pub struct GenAi;

impl Vocabulary for GenAi {
    fn name(&self) -> &'static str {
        "gen_ai"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["gen_ai.", "mcp."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        set_kind(part, fields, "gen_ai.operation.name");
        if part.kind == SpanKind::Other && fields.get("mcp.method.name") == Some("\"tools/call\"") {
            part.kind = SpanKind::Tool;
        }
        let provider = fields.text(&["gen_ai.provider.name", "gen_ai.system"]);
        part.provider = provider.or(part.provider.take());
        set(&mut part.request_model, fields, &["gen_ai.request.model"]);
        set(&mut part.response_model, fields, &["gen_ai.response.model"]);
        set(&mut part.session, fields, &["gen_ai.conversation.id"]);
        set(&mut part.feature, fields, &["gen_ai.workflow.name"]);
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
            .or_else(|| fields.number(&["gen_ai.usage.cost", "gen_ai.usage.total_cost"], number::dollars, &mut odd))
            .or_else(|| {
                // Some write the two halves of the bill.
                let halves = ["gen_ai.usage.input_cost", "gen_ai.usage.output_cost"];
                let halves = halves.map(|key| fields.number(&[key], number::dollars, &mut odd));
                halves.into_iter().flatten().reduce(std::ops::Add::add)
            });
        tokens(fields, part, &mut odd);
        params(fields, part);
        contents(fields, part);
        if odd {
            part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
        }
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

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(raw) = fields.take("gen_ai.system_instructions") {
        push_system(part, &raw);
    }
    for (slot, today, old) in [
        (Slot::Message, "gen_ai.input.messages", "gen_ai.prompt"),
        (Slot::Response, "gen_ai.output.messages", "gen_ai.completion"),
    ] {
        if !open(part, slot) {
            continue;
        }
        if let Some(raw) = fields.first(&[today, old]) {
            push_messages(part, slot, &raw);
        } else if let Some(list) = nested::list(fields, old) {
            let items: Vec<String> = array(&list).unwrap_or_default().into_iter().map(numbered).collect();
            for item in items {
                message::push_message(part, slot, if slot == Slot::Response { "assistant" } else { "user" }, &item);
            }
            message::note_ask(part);
        }
    }
    if let Some(raw) = fields.take("gen_ai.tool.definitions") {
        push_tools(part, &raw);
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

/// A message out of `gen_ai.prompt.0.role`, `gen_ai.prompt.0.content`: a list of blocks is written as a string there.
fn numbered(item: &str) -> String {
    let Some(mut fields) = Fields::of(item) else {
        return item.to_owned();
    };
    let content = fields.get("content").map(unwrapped).unwrap_or_default().into_owned();
    let blocks = array(&content).is_some_and(|items| items.iter().all(|i| i.starts_with('{')));
    if blocks {
        fields.take("content");
        fields.push("content".into(), content.into());
    }
    message::object(fields.rest()).as_str().to_owned()
}
