//! Content: messages, documents, tool payloads, tool definitions and system prompts.
//!
//! Inside a span a content is a `Piece`: where it belongs, who speaks, and the body. The store keeps equal bodies once.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::json::Json;
use super::span::names;

/// What a system prompt is called in filters and lists: the first twelve hexadecimal digits of the SHA-256 of its body as it is stored. Equal
/// bodies, and for all that matters only they, have equal names, on every host.
#[must_use]
pub fn prompt_id(body: &str) -> String {
    let digest = sha2::Sha256::digest(body.as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Where in a span a content belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The system prompt.
    System,
    /// A message of the prompt.
    Message,
    /// A message of the answer.
    Response,
    /// The definition of a tool offered to the model.
    ToolDefinition,
    /// A tool's arguments.
    Arguments,
    /// A tool's result.
    Result,
    /// A retrieved document.
    Document,
}
names!(Slot, System = 0 "system", Message = 1 "message", Response = 2 "response", ToolDefinition = 3 "tool_definition",
    Arguments = 4 "arguments", Result = 5 "result", Document = 6 "document");

impl Slot {
    /// This slot's bit in `Part::slots`.
    #[must_use]
    pub const fn bit(self) -> u8 {
        1 << self.number()
    }
}

/// How a body is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Plain text: a message of one text part, a text result.
    #[default]
    Text,
    /// JSON: for a message its parts (an array of `MessagePart`), for a document a `Document`, else as logged.
    Json,
    /// Text that was cut where it was logged (a preview).
    Preview,
}
names!(Form, Text = 0 "text", Json = 1 "json", Preview = 2 "preview");

/// One content of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it belongs.
    pub slot: Slot,
    /// Who speaks: `user`, `assistant`, `tool`, `system` …; empty outside messages.
    pub role: Cow<'static, str>,
    /// How `body` is written.
    pub form: Form,
    /// The text itself, decoded: what full-text search looks at.
    pub body: String,
}

/// One part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessagePart {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// The model asks for a tool.
    ToolCall {
        /// Id of the call.
        id: Option<String>,
        /// The tool.
        name: String,
        /// As logged; a JSON string when it was not valid JSON.
        arguments: Json,
    },
    /// A tool's answer.
    ToolResult {
        /// Id of the call.
        id: Option<String>,
        /// As logged.
        content: Json,
        /// The tool failed.
        is_error: bool,
    },
    /// The model's thinking.
    Reasoning {
        /// The words.
        text: String,
    },
    /// An image, a sound, a file: never its bytes.
    Media {
        /// MIME type, where logged.
        media_type: Option<String>,
        /// Size of the decoded data, where it was inline.
        bytes: Option<u64>,
        /// Where it lies, where it was not inline.
        uri: Option<String>,
    },
}

/// A message: who says what.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool` …
    pub role: String,
    /// What is said.
    pub parts: Vec<MessagePart>,
}

/// A retrieved document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Its id.
    pub id: Option<String>,
    /// Its score, spelled as logged.
    pub score: Option<Json>,
    /// Its text.
    pub content: Option<String>,
    /// Everything else that was logged about it: a JSON object.
    pub metadata: Option<Json>,
}

/// A tool's payloads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// As logged.
    pub body: String,
    /// How it is written.
    pub form: Form,
}

impl Payload {
    /// As it was logged: JSON as JSON, anything else as a string.
    #[must_use]
    pub fn json(&self) -> Json {
        match self.form {
            Form::Json => Json::parse(&self.body).unwrap_or_else(|_| Json::string(&self.body)),
            Form::Text | Form::Preview => Json::string(&self.body),
        }
    }
}

/// All contents of one span, ready to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The system prompt; several texts are joined by a blank line.
    pub system: Option<String>,
    /// The prompt's messages in order.
    pub messages: Vec<Message>,
    /// The answer.
    pub response: Vec<Message>,
    /// Tool definitions offered.
    pub tools: Vec<Json>,
    /// A tool's arguments.
    pub arguments: Option<Payload>,
    /// A tool's result.
    pub result: Option<Payload>,
    /// Retrieved documents in rank order.
    pub documents: Vec<Document>,
}

/// A message part as it lies in a body.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    r#type: String,
    text: String,
    id: Option<String>,
    name: String,
    arguments: Option<Json>,
    content: Option<Json>,
    is_error: bool,
    media_type: Option<String>,
    bytes: Option<u64>,
    uri: Option<String>,
}

impl Stored {
    fn part(self) -> MessagePart {
        let null = || Json::trusted("null".to_owned());
        match &*self.r#type {
            "tool_call" => MessagePart::ToolCall {
                id: self.id,
                name: self.name,
                arguments: self.arguments.unwrap_or_else(null),
            },
            "tool_result" => MessagePart::ToolResult {
                id: self.id,
                content: self.content.unwrap_or_else(null),
                is_error: self.is_error,
            },
            "reasoning" => MessagePart::Reasoning { text: self.text },
            "media" => MessagePart::Media {
                media_type: self.media_type,
                bytes: self.bytes,
                uri: self.uri,
            },
            _ => MessagePart::Text { text: self.text },
        }
    }
}

/// The parts of a message's body.
fn parts(form: Form, body: String) -> Vec<MessagePart> {
    if form == Form::Json
        && let Ok(stored) = serde_json::from_str::<Vec<Stored>>(&body)
    {
        return stored.into_iter().map(Stored::part).collect();
    }
    vec![MessagePart::Text { text: body }]
}

/// Puts the pieces of a span together: the inverse of how readers take messages apart.
#[must_use]
pub fn assemble(pieces: Vec<Piece>) -> Contents {
    let mut contents = Contents::default();
    for piece in pieces {
        let Piece { slot, role, form, body } = piece;
        match slot {
            Slot::System => {
                let mut text = contents.system.take().unwrap_or_default();
                for part in parts(form, body) {
                    let words = match part {
                        MessagePart::Text { text } | MessagePart::Reasoning { text } => text,
                        other => serde_json::to_string(&other).unwrap_or_default(),
                    };
                    if !text.is_empty() {
                        text.push_str("\n\n");
                    }
                    text.push_str(&words);
                }
                contents.system = Some(text);
            }
            Slot::Message => contents.messages.push(Message {
                role: role.into_owned(),
                parts: parts(form, body),
            }),
            Slot::Response => contents.response.push(Message {
                role: role.into_owned(),
                parts: parts(form, body),
            }),
            Slot::ToolDefinition => contents.tools.push(Json::parse(&body).unwrap_or_else(|_| Json::string(&body))),
            Slot::Arguments => contents.arguments = Some(Payload { body, form }),
            Slot::Result => contents.result = Some(Payload { body, form }),
            Slot::Document => contents.documents.push(serde_json::from_str(&body).unwrap_or_else(|_| Document {
                content: Some(body),
                ..Document::default()
            })),
        }
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive_the_way_into_a_body_and_back() {
        let said = vec![
            MessagePart::Text {
                text: "a \"b\"".to_owned(),
            },
            MessagePart::ToolCall {
                id: Some("c1".to_owned()),
                name: "search".to_owned(),
                arguments: Json::trusted(r#"{"b":1,"a":1.50}"#.to_owned()),
            },
            MessagePart::ToolResult {
                id: None,
                content: Json::string("ok"),
                is_error: true,
            },
            MessagePart::Reasoning { text: "hm".to_owned() },
            MessagePart::Media {
                media_type: Some("image/png".to_owned()),
                bytes: Some(3),
                uri: None,
            },
        ];
        let body = serde_json::to_string(&said).expect("parts are JSON");
        let piece = |slot, form, body: &str| Piece {
            slot,
            role: "user".into(),
            form,
            body: body.to_owned(),
        };
        let contents = assemble(vec![
            piece(Slot::System, Form::Text, "one"),
            piece(Slot::Message, Form::Json, &body),
            piece(Slot::System, Form::Text, "two"),
            piece(
                Slot::Document,
                Form::Json,
                r#"{"id":"d","score":0.50,"content":null,"metadata":{"x":1}}"#,
            ),
        ]);
        assert_eq!(contents.system.as_deref(), Some("one\n\ntwo"));
        assert_eq!(contents.messages[0].parts, said);
        assert_eq!(contents.documents[0].score.as_ref().map(Json::as_str), Some("0.50"));
        assert_eq!(contents.documents[0].content, None);
    }
}
