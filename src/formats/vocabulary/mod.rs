//! Vocabularies: how an attribute map says what a span is. One file each; `ALL` is the table, the most telling first.

pub mod adk;
pub mod flat;
pub mod genai;
pub mod general;
pub mod langfuse;
pub mod logfire;
pub mod mlflow;
pub mod openinference;
pub mod openllmetry;
pub mod vercel;

use std::borrow::Cow;

use super::message::{self, push_documents, push_messages, push_payload, unwrapped};
use super::scan::{Fields, array, string};
use super::sink::kind_of;
use crate::model::content::{Form, Slot};
use crate::model::span::{Inferred, Part, SpanKind};

/// A set of attribute names. It takes what it maps; what is left becomes the part's attributes.
pub trait Vocabulary: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// How its keys begin. A map without such keys is not shown to it.
    fn prefixes(&self) -> &'static [&'static str];
    /// Fills what an earlier vocabulary left open. Two vocabularies on one span are copies of each other: nothing is added up.
    fn read(&self, fields: &mut Fields<'_>, part: &mut Part);
}

/// All vocabularies of attribute maps, in the order they are asked.
pub static ALL: &[&dyn Vocabulary] = &[
    &langfuse::Langfuse,
    &genai::GenAi,
    &openinference::OpenInference,
    &vercel::Vercel,
    &openllmetry::OpenLlmetry,
    &adk::Adk,
    &logfire::Logfire,
    &mlflow::Mlflow,
    &general::General,
];

/// Reads an attribute map with every vocabulary that knows keys of it.
pub fn read(fields: &mut Fields<'_>, part: &mut Part) {
    let mut speaks = 0_u32;
    for (key, _) in fields.rest() {
        for (n, vocabulary) in ALL.iter().enumerate() {
            if speaks >> n & 1 == 0 && vocabulary.prefixes().iter().any(|prefix| key.starts_with(prefix)) {
                speaks |= 1 << n;
            }
        }
    }
    for (n, vocabulary) in ALL.iter().enumerate() {
        if speaks >> n & 1 == 1 {
            vocabulary.read(fields, part);
        }
    }
    guess_kind(fields, part);
}

/// What no vocabulary named.
fn guess_kind(fields: &Fields<'_>, part: &mut Part) {
    if part.kind != SpanKind::Other {
        return;
    }
    part.kind = if part.tool_name.is_some() || part.tool_call_id.is_some() {
        SpanKind::Tool
    } else if part.documents.is_some() || fields.has("gen_ai.retrieval.documents") {
        SpanKind::Retrieval
    } else if part.request_model.is_some() || part.response_model.is_some() {
        SpanKind::Llm
    } else {
        return;
    };
    part.inferred = part.inferred.and(Inferred::KIND);
}

/// Fills a field that is still open.
fn set(field: &mut Option<String>, fields: &mut Fields<'_>, keys: &[&str]) {
    if field.is_none() {
        *field = fields.text(keys);
    }
}

/// Fills the kind from the word under a key; a word nobody knows stays.
fn set_kind(part: &mut Part, fields: &mut Fields<'_>, key: &str) {
    let kind = fields.get(key).and_then(string).and_then(|word| kind_of(&word));
    if let Some(kind) = kind {
        fields.take(key);
        if part.kind == SpanKind::Other {
            part.kind = kind;
        }
    }
}

/// Whether nothing stands in a slot yet.
fn open(part: &Part, slot: Slot) -> bool {
    part.slots & slot.bit() == 0
}

/// Adds the definitions of tools: a list, or one alone.
fn push_tools(part: &mut Part, raw: &str) {
    let list = unwrapped(raw);
    match array(&list) {
        Some(items) => {
            for item in items {
                message::push(part, Slot::ToolDefinition, "", Form::Json, unwrapped(item).into_owned());
            }
        }
        None => message::push(part, Slot::ToolDefinition, "", Form::Json, list.into_owned()),
    }
}

/// What went into a step and what came out, where a vocabulary has one pair of words for all kinds. What does not fit stays.
fn push_input_output(part: &mut Part, fields: &mut Fields<'_>, input: &'static str, output: &'static str) {
    let step = matches!(
        part.kind,
        SpanKind::Tool | SpanKind::Retrieval | SpanKind::Embedding | SpanKind::Rerank | SpanKind::Guardrail
    );
    let (asked, answered) = if step {
        (Slot::Arguments, Slot::Result)
    } else {
        (Slot::Message, Slot::Response)
    };
    if (open(part, asked) && (step || open(part, Slot::System)))
        && let Some(raw) = fields.take(input)
    {
        if step {
            if part.kind == SpanKind::Retrieval
                && let Some(text) = string(&unwrapped(&raw))
            {
                part.ask = message::first_words(&text);
            }
            push_payload(part, asked, &raw);
        } else {
            push_messages(part, asked, &raw);
        }
    }
    if open(part, answered)
        && let Some(raw) = fields.take(output)
    {
        if part.kind == SpanKind::Retrieval && part.documents.is_none() && push_documents(part, &raw) {
            return;
        }
        if step {
            push_payload(part, answered, &raw);
        } else {
            push_messages(part, answered, &raw);
        }
    }
}

/// Takes a JSON object that may be written as a string.
fn object_under(fields: &mut Fields<'_>, key: &str) -> Option<Fields<'static>> {
    let found = Fields::of_owned(&unwrapped(fields.get(key)?))?;
    fields.take(key);
    Some(found)
}

/// Puts back what a reader left of an object, under the object's own name.
fn put_back(fields: &mut Fields<'_>, key: &str, rest: &Fields<'_>) {
    if !rest.is_empty() {
        fields.push(
            Cow::Owned(key.to_owned()),
            Cow::Owned(message::object(rest.rest()).as_str().to_owned()),
        );
    }
}
