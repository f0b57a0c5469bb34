//! A request as text: what was sent, ready to be read, pasted or sent again; an interaction as a tree and as a page for a ticket.
//!
//! What was logged is passed on as it stands (key order, spelling of numbers, roles); nothing is invented that the log does not hold.

mod markdown;
mod request;
mod send;
#[cfg(test)]
mod tests;
mod tree;

use std::fmt::Write as _;

use crate::model::content::{Contents, Message, MessagePart};

pub use markdown::markdown;
pub use request::{Api, Request, fields, messages_json};
pub use send::{curl, python};
pub use tree::tree;

/// The whole prompt to read: system prompt and messages under their speakers' names.
#[must_use]
pub fn prompt_text(contents: &Contents) -> String {
    let mut text = String::new();
    let mut section = |speaker: &str, body: &str| {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{gap}[{speaker}]\n{body}");
    };
    if let Some(system) = &contents.system {
        section("system", system);
    }
    for message in &contents.messages {
        section(&message.role, &message_text(message));
    }
    text
}

/// The words of the answer alone; where there are none, the tools it asked for.
#[must_use]
pub fn response_text(contents: &Contents) -> String {
    let parts = || contents.response.iter().flat_map(|message| &message.parts);
    let words: Vec<&str> = parts()
        .filter_map(|part| match part {
            MessagePart::Text { text } => Some(text.as_str()),
            MessagePart::ToolCall { .. } | MessagePart::ToolResult { .. } | MessagePart::Reasoning { .. } | MessagePart::Media { .. } => {
                None
            }
        })
        .collect();
    if words.is_empty() {
        join(parts().map(part_text))
    } else {
        join(words.into_iter().map(str::to_owned))
    }
}

/// A message to read: its parts, a blank line between them.
#[must_use]
pub fn message_text(message: &Message) -> String {
    join(message.parts.iter().map(part_text))
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join("\n\n")
}

/// A part to read. What is not words says what it is, in brackets.
fn part_text(part: &MessagePart) -> String {
    match part {
        MessagePart::Text { text } => text.clone(),
        MessagePart::Reasoning { text } => format!("[reasoning]\n{text}"),
        MessagePart::ToolCall { id, name, arguments } => format!("[tool call {name}{}]\n{}", of(id), arguments.as_str()),
        MessagePart::ToolResult { id, content, is_error } => {
            let failed = if *is_error { ", failed" } else { "" };
            let body = match content.value() {
                serde_json::Value::String(text) => text,
                _ => content.as_str().to_owned(),
            };
            format!("[tool result{}{failed}]\n{body}", of(id))
        }
        MessagePart::Media { media_type, bytes, uri } => {
            let kind = media_type.as_deref().unwrap_or("media");
            let size = bytes.map(|n| format!(", {n} bytes")).unwrap_or_default();
            let place = uri.as_ref().map(|uri| format!(", {uri}")).unwrap_or_default();
            format!("[{kind}{size}{place}]")
        }
    }
}

fn of(id: &Option<String>) -> String {
    id.as_ref().map(|id| format!(" {id}")).unwrap_or_default()
}
