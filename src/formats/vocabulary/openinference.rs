//! OpenInference, as Phoenix and its instrumentations write it: `llm.*`, `input.value`, `retrieval.documents`. Prompt tokens include the cache.

use super::{Vocabulary, open, push_input_output, push_tools, put_back, set, set_kind};
use crate::formats::message::{self, push_documents, push_messages, unwrapped};
use crate::formats::scan::{Fields, array};
use crate::formats::sink::normalise_beside;
use crate::formats::{nested, number};
use crate::model::content::Slot;
use crate::model::json::Json;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `openinference.span.kind` and its words.
pub struct OpenInference;

impl Vocabulary for OpenInference {
    fn name(&self) -> &'static str {
        "openinference"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[
            "openinference.",
            "llm.input_messages",
            "llm.output_messages",
            "llm.token_count",
            "llm.model_name",
            "input.",
            "output.",
            "retrieval.",
            "reranker.",
            "embedding.",
        ]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        set_kind(part, fields, "openinference.span.kind");
        set(&mut part.provider, fields, &["llm.provider", "llm.system"]);
        set(&mut part.request_model, fields, &["llm.request.model_name"]);
        set(&mut part.response_model, fields, &["llm.response.model_name"]);
        set(
            &mut part.request_model,
            fields,
            &["llm.model_name", "embedding.model_name", "reranker.model_name"],
        );
        set(&mut part.stop_reason, fields, &["llm.finish_reason"]);
        set(&mut part.tool_name, fields, &["tool.name"]);
        set(&mut part.tool_call_id, fields, &["tool.id", "tool_call.id"]);
        part.cost_logged = part
            .cost_logged
            .or_else(|| fields.number(&["llm.cost.total"], number::dollars, &mut odd));
        tokens(fields, part, &mut odd);
        if part.params.is_none()
            && let Some(raw) = fields.take("llm.invocation_parameters")
        {
            let text = unwrapped(&raw);
            if text.starts_with('{') {
                part.params = Json::parse(&text).ok();
            } else {
                fields.push("llm.invocation_parameters".into(), raw.clone());
            }
        }
        contents(fields, part);
        who(fields, part);
        crate::formats::container::record::note_odd(part, odd);
    }
}

fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let mut count = |key: &str| fields.number(&[key], number::tokens, odd);
    let usage = Usage {
        input: count("llm.token_count.prompt"),
        cache_read: count("llm.token_count.prompt_details.cache_read"),
        cache_write: count("llm.token_count.prompt_details.cache_write"),
        cache_write_1h: None,
        output: count("llm.token_count.completion"),
        reasoning: count("llm.token_count.completion_details.reasoning"),
    };
    let total = fields.get("llm.token_count.total").and_then(|text| text.parse().ok());
    if !usage.is_empty() && part.usage.is_empty() {
        normalise_beside(part, Convention::Inclusive, usage, total);
    }
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    for (slot, key) in [(Slot::Message, "llm.input_messages"), (Slot::Response, "llm.output_messages")] {
        if open(part, slot)
            && let Some(list) = nested::list(fields, key)
        {
            push_messages(part, slot, &list);
        }
    }
    if open(part, Slot::ToolDefinition)
        && let Some(list) = nested::list(fields, "llm.tools")
    {
        for item in array(&list).unwrap_or_default() {
            let mut tool = Fields::of(item).unwrap_or_default();
            tool.expand("tool");
            let schema = tool.first(&["tool.json_schema", "tool"]);
            push_tools(part, schema.as_deref().unwrap_or(item));
        }
    }
    if part.documents.is_none() {
        for key in ["retrieval.documents", "reranker.output_documents"] {
            if let Some(list) = nested::list(fields, key) {
                let documents: Vec<String> = array(&list).unwrap_or_default().into_iter().map(document).collect();
                push_documents(part, &format!("[{}]", documents.join(",")));
            }
        }
    }
    if part.kind == SpanKind::Embedding
        && let Some(list) = nested::list(fields, "embedding.embeddings")
    {
        embedded(fields, part, &list);
    }
    push_input_output(part, fields, "input.value", "output.value");
}

/// A document stands under its own name: `{"document": {"id": …}}`.
fn document(item: &str) -> String {
    let mut outer = Fields::of(item).unwrap_or_default();
    let inner = outer.take("document").filter(|inner| inner.starts_with('{'));
    inner.map_or_else(|| item.to_owned(), std::borrow::Cow::into_owned)
}

/// The texts that were embedded. The vectors are numbers for no reader: of each only its length is kept.
fn embedded(fields: &mut Fields<'_>, part: &mut Part, list: &str) {
    for (n, item) in array(list).unwrap_or_default().into_iter().enumerate() {
        let mut item = Fields::of(item).unwrap_or_default();
        item.expand("embedding");
        if let Some(text) = item.take("embedding.text") {
            message::push_payload(part, Slot::Arguments, &text);
        }
        if let Some(vector) = item.take("embedding.vector") {
            let length = array(&unwrapped(&vector)).map_or(0, |v| v.len());
            fields.push(format!("embedding.embeddings.{n}.dimensions").into(), length.to_string().into());
        }
    }
}

/// Who asked may stand in the metadata, a JSON string.
fn who(fields: &mut Fields<'_>, part: &mut Part) {
    set(&mut part.user, fields, &["user.id"]);
    set(&mut part.session, fields, &["session.id"]);
    let Some(mut metadata) = super::object_under(fields, "metadata") else {
        return;
    };
    set(&mut part.user, &mut metadata, &["user_id", "userId"]);
    set(&mut part.session, &mut metadata, &["session_id", "sessionId", "thread_id"]);
    put_back(fields, "metadata", &metadata);
}
