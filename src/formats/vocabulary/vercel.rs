//! The Vercel AI SDK: `ai.*`, with copies in the GenAI words on its innermost spans. Input tokens include the cache.

use super::{Vocabulary, object_under, open, push_tools, put_back, set};
use crate::formats::message::{push_messages, push_payload, push_system};
use crate::formats::scan::{Fields, string};
use crate::formats::sink::normalise;
use crate::formats::{message, number};
use crate::model::content::Slot;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `ai.operationId` and its words.
pub struct Vercel;

impl Vocabulary for Vercel {
    fn name(&self) -> &'static str {
        "vercel_ai"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["ai."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        kind(fields, part);
        set(&mut part.response_model, fields, &["ai.response.model"]);
        set(&mut part.request_model, fields, &["ai.model.id"]);
        set(&mut part.provider, fields, &["ai.model.provider"]);
        set(&mut part.feature, fields, &["ai.telemetry.functionId"]);
        set(
            &mut part.user,
            fields,
            &["ai.telemetry.metadata.userId", "ai.telemetry.metadata.user_id"],
        );
        set(
            &mut part.session,
            fields,
            &["ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.session_id"],
        );
        set(&mut part.stop_reason, fields, &["ai.response.finishReason"]);
        set(&mut part.tool_name, fields, &["ai.toolCall.name"]);
        set(&mut part.tool_call_id, fields, &["ai.toolCall.id"]);
        part.time_to_first_token = part
            .time_to_first_token
            .or_else(|| fields.number(&["ai.response.msToFirstChunk"], number::milliseconds, &mut odd));
        tokens(fields, part, &mut odd);
        let settings = fields.take_under("ai.settings");
        if part.params.is_none() && !settings.is_empty() {
            part.params = Some(message::object(settings.iter().map(|(key, value)| (&**key, &**value))));
        } else {
            for (key, value) in settings {
                fields.push(format!("ai.settings.{key}").into(), value);
            }
        }
        contents(fields, part);
        crate::formats::container::record::note_odd(part, odd);
    }
}

/// The innermost spans are the calls; those around them repeat what the calls used.
fn kind(fields: &mut Fields<'_>, part: &mut Part) {
    let Some(operation) = fields.get("ai.operationId").and_then(string).map(std::borrow::Cow::into_owned) else {
        return;
    };
    if part.kind != SpanKind::Other {
        return;
    }
    part.kind = match operation.rsplit('.').next().unwrap_or_default() {
        "doGenerate" | "doStream" => SpanKind::Llm,
        "doEmbed" => SpanKind::Embedding,
        "doRerank" => SpanKind::Rerank,
        "toolCall" => SpanKind::Tool,
        _ => SpanKind::Chain,
    };
}

fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let mut count = |keys: &[&str]| fields.number(keys, number::tokens, odd);
    let own = Usage {
        input: count(&["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"]),
        cache_read: count(&["ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"]),
        cache_write: count(&["ai.usage.inputTokenDetails.cacheWriteTokens"]),
        cache_write_1h: None,
        output: count(&["ai.usage.outputTokens", "ai.usage.completionTokens"]),
        reasoning: count(&["ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"]),
    };
    // The copies in the GenAI words know no cached tokens: the SDK's own words are the fuller ones.
    let fuller = part.usage.cache_read.is_none() && part.usage.total_cache_write().is_none();
    if !own.is_empty() && (part.usage.is_empty() || fuller) {
        let inclusive = Usage {
            input: own.input.or(part.usage.input),
            output: own.output.or(part.usage.output),
            reasoning: own.reasoning.or(part.usage.reasoning),
            ..own
        };
        normalise(part, Convention::Inclusive, inclusive);
    }
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(mut prompt) = object_under(fields, "ai.prompt") {
        if open(part, Slot::System)
            && let Some(system) = prompt.take("system")
        {
            push_system(part, &system);
        }
        if open(part, Slot::Message)
            && !fields.has("ai.prompt.messages")
            && let Some(messages) = prompt.first(&["messages", "prompt"])
        {
            push_messages(part, Slot::Message, &messages);
        }
        put_back(fields, "ai.prompt", &prompt);
    }
    if open(part, Slot::Message)
        && let Some(messages) = fields.take("ai.prompt.messages")
    {
        push_messages(part, Slot::Message, &messages);
    }
    if open(part, Slot::ToolDefinition)
        && let Some(tools) = fields.take("ai.prompt.tools")
    {
        push_tools(part, &tools);
    }
    if open(part, Slot::Response) {
        if let Some(text) = fields.first(&["ai.response.text", "ai.response.object"]) {
            push_messages(part, Slot::Response, &text);
        }
        if let Some(calls) = fields.take("ai.response.toolCalls") {
            let said = format!(r#"{{"role":"assistant","tool_calls":{}}}"#, message::unwrapped(&calls));
            message::push_message(part, Slot::Response, "assistant", &said);
        }
    }
    if let Some(arguments) = fields.first(&["ai.toolCall.args", "ai.toolCall.input"]) {
        push_payload(part, Slot::Arguments, &arguments);
    }
    if let Some(result) = fields.first(&["ai.toolCall.result", "ai.toolCall.output"]) {
        push_payload(part, Slot::Result, &result);
    }
    if part.kind == SpanKind::Embedding
        && let Some(value) = fields.first(&["ai.value", "ai.values"])
    {
        push_payload(part, Slot::Arguments, &value);
    }
}
