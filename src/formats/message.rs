//! Messages of every vendor, as pieces of content.
//!
//! Anthropic blocks, OpenAI messages and OpenTelemetry parts become the same `MessagePart`s. What nobody maps is kept as its JSON text.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::plain::{Plain, Words};
use super::scan::{self, Fields, array, scalar, string};
use crate::model::content::{Document, Form, MessagePart, Piece, Slot};
use crate::model::json::Json;
use crate::model::span::Part;

/// Characters of `Part::ask` and `Part::answer`.
const FIRST_WORDS: usize = 200;
/// A message inside another's wrapping, or a list inside a list; deeper ones stay as they were written.
const DEEPEST: usize = 16;

/// Adds a content and marks its slot.
pub fn push(part: &mut Part, slot: Slot, role: &str, form: Form, body: String) {
    part.slots |= slot.bit();
    part.contents.push(Piece {
        slot,
        role: known(role),
        form,
        body,
    });
}

/// A role without a copy of its name: histories are long, and there are few roles.
fn known(role: &str) -> Cow<'static, str> {
    match ["", "user", "assistant", "system", "tool"].into_iter().find(|name| *name == role) {
        Some(name) => Cow::Borrowed(name),
        None => Cow::Owned(role.to_owned()),
    }
}

/// The first words of a text, white space collapsed.
#[must_use]
pub fn first_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(FIRST_WORDS));
    let mut left = FIRST_WORDS;
    for word in text.split_whitespace() {
        let gap = usize::from(!out.is_empty());
        if left <= gap {
            break;
        }
        if gap == 1 {
            out.push(' ');
        }
        left -= gap;
        // A character is a byte or more: only a long word may have too many.
        let end = if word.len() <= left {
            word.len()
        } else {
            word.char_indices().nth(left).map_or(word.len(), |(at, _)| at)
        };
        out.push_str(&word[..end]);
        left -= word[..end].chars().count();
    }
    out
}

/// JSON inside a string, as SDKs write it: up to two strings deep. Anything else comes back as it is.
#[must_use]
pub fn unwrapped(raw: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(raw);
    for _ in 0..2 {
        let Some(inner) = string(&text) else { break };
        if !inner.trim_start().starts_with(['[', '{', '"']) || serde_json::from_str::<IgnoredAny>(&inner).is_err() {
            break;
        }
        text = Cow::Owned(if inner.trim().len() == inner.len() {
            inner.into_owned()
        } else {
            inner.trim().to_owned()
        });
    }
    text
}

/// Arguments or a result: JSON in a string is taken out of it, other text stays a JSON string.
fn payload(raw: Option<&str>) -> Json {
    let text = unwrapped(raw.unwrap_or("null"));
    Json::parse(&text).unwrap_or_else(|_| Json::string(&text))
}

/// A tool's arguments or result as a piece: text decoded, JSON as logged.
pub fn push_payload(part: &mut Part, slot: Slot, raw: &str) {
    let text = unwrapped(raw);
    match string(&text) {
        Some(plain) => push(part, slot, "", Form::Text, plain.into_owned()),
        None => push(part, slot, "", Form::Json, text.into_owned()),
    }
}

/// The system prompt: text, or a list of blocks.
pub fn push_system(part: &mut Part, raw: &str) {
    if let Some(list) = string(raw).filter(|inner| inner.starts_with('['))
        && let Some(items) = array(&list)
    {
        push_parts(part, Slot::System, "system", items.into_iter().filter_map(block).collect());
        return;
    }
    let raw = unwrapped(raw);
    if let Some(text) = string(&raw) {
        if !text.is_empty() {
            push(part, Slot::System, "system", Form::Text, text.into_owned());
        }
        return;
    }
    let parts = parts_of(&raw);
    push_parts(part, Slot::System, "system", parts);
}

/// Messages in any spelling: one text, one message, a list of messages or of blocks.
pub fn push_messages(part: &mut Part, slot: Slot, raw: &str) {
    read_messages(part, slot, raw, 0);
    if slot == Slot::Message {
        note_ask(part);
    }
}

fn read_messages(part: &mut Part, slot: Slot, raw: &str, depth: usize) {
    if depth > DEEPEST {
        push_text(part, slot, default_role(slot), raw.to_owned());
        return;
    }
    // A list in a string is checked by being read.
    if let Some(list) = string(raw).filter(|inner| inner.starts_with('['))
        && read_list(part, slot, &list, depth)
    {
        return;
    }
    let raw = unwrapped(raw);
    if read_list(part, slot, &raw, depth) {
        return;
    }
    if let Some(fields) = Fields::of(&raw)
        && let Some(inner) = ["messages", "choices", "generations"].iter().find_map(|key| fields.get(key))
        && inner.starts_with('[')
    {
        read_messages(part, slot, inner, depth + 1);
        return;
    }
    push_message(part, slot, default_role(slot), &raw);
}

/// Who speaks where nobody is named.
const fn default_role(slot: Slot) -> &'static str {
    match slot {
        Slot::Response => "assistant",
        _ => "user",
    }
}

/// A list of messages or of blocks; `false`, and nothing added, when the text is none.
fn read_list(part: &mut Part, slot: Slot, raw: &str, depth: usize) -> bool {
    let Some(inside) = raw.strip_prefix('[') else { return false };
    if inside.trim_ascii_start().starts_with('{')
        && let Ok(history) = serde_json::from_str::<Vec<Plain<'_>>>(raw)
    {
        for message in history {
            push_plain(part, slot, message);
        }
        return true;
    }
    let Some(items) = array(raw) else { return false };
    let blocks = items
        .iter()
        .all(|item| Fields::of(item).is_some_and(|f| f.has("type") && !f.any(&["role", "message", "kwargs"]) && speaker(&f).is_none()));
    if blocks && !items.is_empty() {
        let parts = items.into_iter().filter_map(block).collect();
        push_parts(part, slot, default_role(slot), parts);
    } else {
        for item in items {
            // A batch of conversations, as LangChain passes them: usually of one.
            if item.starts_with('[') {
                read_messages(part, slot, item, depth + 1);
            } else {
                push_message(part, slot, default_role(slot), item);
            }
        }
    }
    true
}

/// One message.
pub fn push_message(part: &mut Part, slot: Slot, default_role: &str, raw: &str) {
    read_message(part, slot, default_role, raw, 0);
}

fn read_message(part: &mut Part, slot: Slot, default_role: &str, raw: &str, depth: usize) {
    if depth > DEEPEST {
        push_text(part, slot, default_role, raw.to_owned());
        return;
    }
    if raw.starts_with('{')
        && let Ok(plain) = serde_json::from_str(raw)
    {
        push_plain(part, slot, plain);
        return;
    }
    let Some(mut fields) = Fields::of(raw) else {
        if let Some(text) = scalar(raw) {
            push_text(part, slot, default_role, text.into_owned());
        }
        return;
    };
    if slot == Slot::Response && part.stop_reason.is_none() {
        part.stop_reason = fields.text(&["finish_reason", "stop_reason"]);
    }
    if let Some(inner) = fields.get("message").filter(|v| v.starts_with('{')) {
        read_message(part, slot, default_role, inner, depth + 1);
        return;
    }
    let speaker = speaker(&fields);
    if fields.has("lc")
        && let Some(inner) = fields.get("kwargs").filter(|v| v.starts_with('{'))
    {
        read_message(part, slot, speaker.unwrap_or(default_role), inner, depth + 1);
        return;
    }
    if let (Some(speaker), Some(inner)) = (speaker, fields.get("data").filter(|v| v.starts_with('{'))) {
        read_message(part, slot, speaker, inner, depth + 1);
        return;
    }
    let role = match fields.text(&["role"]) {
        Some(role) if role == "model" => "assistant".to_owned(),
        Some(role) => role,
        None => speaker.unwrap_or(default_role).to_owned(),
    };
    let content = fields.first(&["content", "contents", "parts"]);
    let calls = fields.take("tool_calls");
    let reply = fields.text(&["tool_call_id"]);
    let slot = place(part, slot, &role);
    if calls.is_none() && reply.is_none() && role != "tool" {
        if let Some(text) = content.as_deref().and_then(string) {
            push_text(part, slot, &role, text.into_owned());
            return;
        }
        if content.is_none() {
            if let Some(block) = block(raw) {
                push_parts(part, slot, &role, vec![block]);
            }
            return;
        }
    }
    let mut parts = content.as_deref().map(parts_of).unwrap_or_default();
    if role == "tool" && !parts.iter().any(|p| matches!(p, MessagePart::ToolResult { .. })) {
        parts = vec![MessagePart::ToolResult {
            id: reply,
            content: payload(content.as_deref()),
            is_error: false,
        }];
    }
    let calls = calls.as_deref().map(unwrapped).unwrap_or_default();
    let calls = array(&calls).unwrap_or_default();
    if !calls.is_empty() {
        // Some write an empty text beside the calls; it was never said.
        parts.retain(|p| !matches!(p, MessagePart::Text { text } if text.is_empty()));
    }
    parts.extend(calls.into_iter().filter_map(Fields::of).map(tool_call));
    push_parts(part, slot, &role, parts);
}

fn push_plain(part: &mut Part, slot: Slot, plain: Plain<'_>) {
    if slot == Slot::Response && part.stop_reason.is_none() {
        part.stop_reason = plain.stop.map(Cow::into_owned).filter(|stop| !stop.is_empty());
    }
    push_text(part, place(part, slot, &plain.role), &plain.role, plain.text.into_owned());
}

/// Who speaks in a message of `LangChain`'s, which names a class instead of a role.
fn speaker(fields: &Fields<'_>) -> Option<&'static str> {
    let class = if fields.has("lc") {
        let path = fields.get("id").and_then(array).unwrap_or_default();
        path.last().copied().and_then(string).map(Cow::into_owned)
    } else {
        fields.get("type").and_then(string).map(Cow::into_owned)
    };
    Some(match class?.trim_end_matches("Chunk") {
        "HumanMessage" | "human" => "user",
        "AIMessage" | "ai" | "AIMessageChunk" => "assistant",
        "SystemMessage" | "system" => "system",
        "ToolMessage" | "FunctionMessage" | "tool" => "tool",
        _ => return None,
    })
}

/// A system message in front of the conversation is the system prompt; later ones stay where they were said.
fn place(part: &Part, slot: Slot, role: &str) -> Slot {
    let leading = slot == Slot::Message && part.slots & Slot::Message.bit() == 0;
    if leading && matches!(role, "system" | "developer") {
        Slot::System
    } else {
        slot
    }
}

fn push_text(part: &mut Part, slot: Slot, role: &str, text: String) {
    note(part, slot, &text);
    push(part, slot, role, Form::Text, text);
}

/// Remembers what was answered.
fn note(part: &mut Part, slot: Slot, text: &str) {
    if slot == Slot::Response && part.answer.is_empty() {
        part.answer = first_words(text);
    }
}

/// Remembers what the user asked last: called once all messages are there, since histories are long.
pub fn note_ask(part: &mut Part) {
    let mut asked = part.contents.iter().rev().filter(|p| p.slot == Slot::Message && p.role == "user");
    let words = asked.find_map(|piece| match piece.form {
        Form::Text | Form::Preview => Some(first_words(&piece.body)),
        Form::Json => array(&piece.body)?
            .into_iter()
            .filter_map(Fields::of)
            .find(|block| block.get("type") == Some("\"text\""))
            .and_then(|mut block| block.text(&["text"]))
            .map(|text| first_words(&text)),
    });
    if let Some(words) = words {
        part.ask = words;
    }
}

fn push_parts(part: &mut Part, slot: Slot, role: &str, parts: Vec<MessagePart>) {
    if parts.is_empty() {
        return;
    }
    let words = parts.iter().find_map(|p| match p {
        MessagePart::Text { text } => Some(text.as_str()),
        _ => None,
    });
    if let Some(words) = words {
        note(part, slot, words);
    }
    if slot == Slot::Response {
        let names = parts.iter().filter_map(|p| match p {
            MessagePart::ToolCall { name, .. } => Some(name.clone()),
            _ => None,
        });
        part.tool_calls.extend(names);
    }
    if let [MessagePart::Text { .. }] = parts.as_slice() {
        for p in parts {
            if let MessagePart::Text { text } = p {
                push(part, slot, role, Form::Text, text);
            }
        }
        return;
    }
    let body = serde_json::to_string(&parts).unwrap_or_default();
    push(part, slot, role, Form::Json, body);
}

/// What a message's `content` or `parts` holds.
fn parts_of(raw: &str) -> Vec<MessagePart> {
    if let Some(items) = array(raw) {
        return items.into_iter().filter_map(block).collect();
    }
    block(raw).into_iter().collect()
}

/// One block of a message; `None` for `null`.
fn block(raw: &str) -> Option<MessagePart> {
    block_at(raw, 0)
}

fn block_at(raw: &str, depth: usize) -> Option<MessagePart> {
    if depth > DEEPEST {
        return Some(MessagePart::Text { text: raw.to_owned() });
    }
    if raw.starts_with(r#"{"type":"text","#)
        && let Ok(Words(text)) = serde_json::from_str(raw)
    {
        return Some(MessagePart::Text { text: text.into_owned() });
    }
    let Some(mut fields) = Fields::of(raw) else {
        return scalar(raw).map(|text| MessagePart::Text { text: text.into_owned() });
    };
    // OpenInference and Gemini name a block by the key it stands under.
    for wrapper in [
        "message_content",
        "function_call",
        "functionCall",
        "function_response",
        "functionResponse",
    ] {
        let Some(inner) = fields.get(wrapper).filter(|inner| inner.starts_with('{')) else {
            continue;
        };
        return match wrapper {
            // Its call is told once more among the message's calls.
            "message_content" if fields.has("tool_call") => None,
            "message_content" => block_at(inner, depth + 1),
            "function_call" | "functionCall" => Fields::of(inner).map(tool_call),
            _ => Fields::of(inner).map(tool_result),
        };
    }
    let kind = fields.get("type").and_then(string).map(Cow::into_owned).unwrap_or_default();
    let known = match &*kind {
        "text" | "input_text" | "output_text" | "" => fields.text(&["text", "content"]).map(|text| MessagePart::Text { text }),
        "thinking" | "reasoning" | "redacted_thinking" => reasoning(&mut fields),
        "tool_use" | "tool_call" | "tool-call" | "toolCall" | "function" | "function_call" | "custom_tool_call" | "server_tool_use"
        | "server_tool_call" => Some(tool_call(fields)),
        "tool_result"
        | "tool-result"
        | "tool_call_response"
        | "function_call_output"
        | "custom_tool_call_output"
        | "server_tool_call_response" => Some(tool_result(fields)),
        "image" | "image_url" | "input_image" | "blob" | "uri" | "file" | "input_file" | "input_audio" | "audio" | "document" | "video" => {
            media(fields)
        }
        _ => None,
    };
    known.or_else(|| (raw != "null").then(|| MessagePart::Text { text: raw.to_owned() }))
}

/// What the model thought. Some show a summary, and the thoughts themselves only to themselves.
fn reasoning(fields: &mut Fields<'_>) -> Option<MessagePart> {
    if let Some(text) = fields.text(&["thinking", "content", "text", "data"]) {
        return Some(MessagePart::Reasoning { text });
    }
    let lines = fields.get("summary").and_then(array)?;
    let lines = lines.into_iter().filter_map(Fields::of).filter_map(|mut line| line.text(&["text"]));
    Some(MessagePart::Reasoning {
        text: lines.collect::<Vec<_>>().join("\n\n"),
    })
}

fn tool_call(fields: Fields<'_>) -> MessagePart {
    let mut fields = match fields.get("tool_call").and_then(Fields::of) {
        Some(inner) => inner.into_owned(),
        None => fields,
    };
    let id = fields.text(&["call_id", "toolCallId", "id"]);
    fields.expand("function");
    MessagePart::ToolCall {
        id,
        name: fields.text(&["function.name", "name", "toolName", "function"]).unwrap_or_default(),
        arguments: payload(fields.first(&["function.arguments", "arguments", "input", "args"]).as_deref()),
    }
}

fn tool_result(mut fields: Fields<'_>) -> MessagePart {
    MessagePart::ToolResult {
        id: fields.text(&["tool_use_id", "tool_call_id", "call_id", "toolCallId", "id"]),
        is_error: fields.get("is_error") == Some("true"),
        content: payload(fields.first(&["content", "response", "result", "output"]).as_deref()),
    }
}

/// An image or a file: what it is and how large, never its bytes.
fn media(mut fields: Fields<'_>) -> Option<MessagePart> {
    for key in ["source", "image_url", "input_audio", "file", "image", "image.image"] {
        fields.expand(key);
    }
    let mut media_type = fields.text(&["source.media_type", "media_type", "mime_type", "input_audio.format"]);
    let mut uri = fields.text(&[
        "source.url",
        "image_url.url",
        "image_url",
        "image.image.url",
        "image.url",
        "image",
        "uri",
        "url",
        "file_id",
        "file.file_id",
        "source.file_id",
    ]);
    let mut bytes = ["source.data", "content", "data", "input_audio.data", "file.file_data"]
        .iter()
        .find_map(|key| fields.get(key).and_then(string).map(|data| decoded_size(&data)));
    if let Some((kind, data)) = uri.as_deref().and_then(|u| u.strip_prefix("data:")).and_then(|u| u.split_once(',')) {
        media_type = media_type.or_else(|| kind.split(';').next().map(str::to_owned));
        bytes = Some(decoded_size(data));
        uri = None;
    }
    (media_type.is_some() || bytes.is_some() || uri.is_some()).then_some(MessagePart::Media { media_type, bytes, uri })
}

/// Size of base64 data once decoded.
fn decoded_size(data: &str) -> u64 {
    let digits = data.trim_end().trim_end_matches('=').len() as u64;
    digits * 3 / 4
}

/// A list of retrieved documents; `false`, and nothing added, when the text is none.
pub fn push_documents(part: &mut Part, raw: &str) -> bool {
    let raw = unwrapped(raw);
    let Some(items) = array(&raw) else { return false };
    let documents: Option<Vec<Document>> = items.iter().map(|item| document(item)).collect();
    let Some(documents) = documents else { return false };
    part.documents = Some(part.documents.unwrap_or(0) + documents.len() as u32);
    for document in documents {
        let body = serde_json::to_string(&document).unwrap_or_default();
        push(part, Slot::Document, "", Form::Json, body);
    }
    true
}

/// One document: an object, or its text alone.
fn document(raw: &str) -> Option<Document> {
    if let Some(text) = string(raw) {
        return Some(Document {
            content: Some(text.into_owned()),
            ..Document::default()
        });
    }
    let mut fields = Fields::of(raw)?;
    let id = fields.text(&["id", "doc_id", "document_id", "document.id", "_id"]);
    let score = fields.first(&["score", "document.score", "similarity", "relevance_score", "_score"]);
    let content = fields.text(&["content", "text", "page_content", "document.content", "body", "chunk"]);
    let metadata = fields.first(&["metadata", "document.metadata"]);
    let metadata = metadata.as_deref().map(unwrapped);
    let mut rest: Vec<(Cow<'_, str>, Cow<'_, str>)> = fields.drain().collect();
    let metadata = match metadata {
        Some(inner) if rest.is_empty() => Json::parse(&inner).ok(),
        None if rest.is_empty() => None,
        Some(inner) => {
            if let Some(inner) = Fields::of(&inner) {
                rest.extend(inner.drain().map(|(k, v)| (Cow::Owned(k.into_owned()), Cow::Owned(v.into_owned()))));
            } else {
                rest.push(("metadata".into(), inner.into_owned().into()));
            }
            Some(object(rest.iter().map(|(k, v)| (&**k, &**v))))
        }
        None => Some(object(rest.iter().map(|(k, v)| (&**k, &**v)))),
    };
    Some(Document {
        id,
        score: score.map(|s| Json::parse(&s).unwrap_or_else(|_| Json::string(&s))),
        content,
        metadata,
    })
}

/// A JSON object of raw values. A value that ordinary readers refuse (too deep, too large a number) is kept as text.
#[must_use]
pub fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Json {
    checked_object(fields).0
}

/// The same, and whether every value could be kept as it is.
#[must_use]
pub fn checked_object<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> (Json, bool) {
    let mut ordinary = true;
    let mut out = String::from("{");
    for (key, value) in fields {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&scan::quote(key));
        out.push(':');
        if scan::ordinary(value) {
            out.push_str(value);
        } else {
            ordinary = false;
            out.push_str(&scan::quote(value));
        }
    }
    out.push('}');
    (Json::trusted(out), ordinary)
}
