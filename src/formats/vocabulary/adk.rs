//! Google's Agent Development Kit: whole requests and answers of Gemini as JSON strings. Prompt tokens include the cache.

use super::{Vocabulary, object_under, open, put_back, set};
use crate::formats::message::{self, push_messages, push_payload, push_system, unwrapped};
use crate::formats::scan::{Fields, array};
use crate::formats::sink::normalise;
use crate::formats::{container::record, number};
use crate::model::content::Slot;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `gcp.vertex.agent.*`.
pub struct Adk;

impl Vocabulary for Adk {
    fn name(&self) -> &'static str {
        "google_adk"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["gcp.vertex.agent."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        if part.kind == SpanKind::Other {
            part.kind = match part.name.split(' ').next().unwrap_or_default() {
                "call_llm" | "generate_content" => SpanKind::Llm,
                "execute_tool" => SpanKind::Tool,
                "invoke_agent" | "agent_run" => SpanKind::Agent,
                "invocation" => SpanKind::Request,
                _ => SpanKind::Other,
            };
        }
        set(&mut part.session, fields, &["gcp.vertex.agent.session_id"]);
        // Where contents are not captured, `{}` and `N/A` stand in their place.
        for key in ["llm_request", "llm_response", "tool_call_args", "tool_response", "data"] {
            let key = format!("gcp.vertex.agent.{key}");
            if fields
                .get(&key)
                .is_some_and(|raw| matches!(&*unwrapped(raw), "{}" | "\"{}\"" | "\"N/A\"" | "\"\""))
            {
                fields.take(&key);
            }
        }
        if part.kind == SpanKind::Tool {
            if open(part, Slot::Arguments)
                && let Some(raw) = fields.take("gcp.vertex.agent.tool_call_args")
            {
                push_payload(part, Slot::Arguments, &raw);
            }
            if open(part, Slot::Result)
                && let Some(raw) = fields.take("gcp.vertex.agent.tool_response")
            {
                push_payload(part, Slot::Result, &raw);
            }
        }
        request(fields, part);
        response(fields, part);
    }
}

fn request(fields: &mut Fields<'_>, part: &mut Part) {
    let key = "gcp.vertex.agent.llm_request";
    let Some(mut request) = object_under(fields, key) else { return };
    set(&mut part.request_model, &mut request, &["model"]);
    request.expand("config");
    if open(part, Slot::System)
        && let Some(system) = request.take("config.system_instruction")
    {
        push_system(part, &system);
    }
    if open(part, Slot::Message)
        && let Some(contents) = request.take("contents")
    {
        for content in array(&contents).unwrap_or_default() {
            message::push_message(part, Slot::Message, "user", content);
        }
        message::note_ask(part);
    }
    put_back(fields, key, &request);
}

/// The figures of `usage_metadata`, in either spelling; what was cached is part of the prompt.
pub fn usage(response: &mut Fields<'_>, odd: &mut bool) -> Usage {
    for key in ["usage_metadata", "usageMetadata"] {
        response.expand(key);
    }
    let mut count = |snake: &str, camel: &str| {
        let keys = [format!("usage_metadata.{snake}"), format!("usageMetadata.{camel}")];
        response.number(&[&keys[0], &keys[1]], number::tokens, odd)
    };
    let candidates = count("candidates_token_count", "candidatesTokenCount");
    let thoughts = count("thoughts_token_count", "thoughtsTokenCount");
    Usage {
        input: count("prompt_token_count", "promptTokenCount"),
        cache_read: count("cached_content_token_count", "cachedContentTokenCount"),
        // Gemini counts its thoughts apart from what it says.
        output: [candidates, thoughts].into_iter().flatten().reduce(u64::saturating_add),
        reasoning: thoughts,
        ..Usage::default()
    }
}

fn response(fields: &mut Fields<'_>, part: &mut Part) {
    let key = "gcp.vertex.agent.llm_response";
    let Some(mut response) = object_under(fields, key) else { return };
    if open(part, Slot::Response)
        && let Some(content) = response.take("content")
    {
        push_messages(part, Slot::Response, &content);
    }
    set(&mut part.stop_reason, &mut response, &["finish_reason"]);
    let mut odd = false;
    let usage = usage(&mut response, &mut odd);
    let (prompt, cached) = (usage.input, usage.cache_read);
    if part.usage.is_empty() && !usage.is_empty() {
        normalise(part, Convention::Inclusive, usage);
    } else if part.usage.cache_read.is_none() && cached.is_some() && part.usage.input == prompt {
        // The span's own figures leave out what was cached of them.
        let fuller = Usage {
            cache_read: cached,
            ..part.usage
        };
        normalise(part, Convention::Inclusive, fuller);
    }
    record::note_odd(part, odd);
    put_back(fields, key, &response);
}
