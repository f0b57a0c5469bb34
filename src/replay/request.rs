//! The request as JSON, in the shape of a messages API: `{model, …parameters, system, tools, messages: [{role, content}]}`.
//!
//! A message of plain words has a string as its `content`, any other an array of blocks: `text`, `tool_use {id, name, input}`,
//! `tool_result {tool_use_id, content, is_error}`, `thinking {thinking}` and, where an image or a file was, `media {media_type, bytes, uri}`
//! (its bytes are not in the log's index). Roles, parameters and tool definitions stand as they were logged.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::model::content::{Contents, Message, MessagePart};
use crate::model::json::Json;
use crate::model::trace::Span;

/// The full request as pretty-printed JSON.
#[must_use]
pub fn messages_json(span: &Span, contents: &Contents) -> String {
    serde_json::to_string_pretty(&Request { span, contents }).unwrap_or_default()
}

struct Request<'a> {
    span: &'a Span,
    contents: &'a Contents,
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { span, contents } = self;
        let part = &span.part;
        let mut map = serializer.serialize_map(None)?;
        if let Some(model) = part.request_model.as_ref().or(part.response_model.as_ref()) {
            map.serialize_entry("model", model)?;
        }
        for (key, value) in part.params.as_ref().and_then(fields).unwrap_or_default() {
            // A log that repeats these among the parameters must not make a document with two of them.
            if !matches!(key.as_str(), "model" | "system" | "messages") && (key != "tools" || contents.tools.is_empty()) {
                map.serialize_entry(&key, &value)?;
            }
        }
        if let Some(system) = &contents.system {
            map.serialize_entry("system", system)?;
        }
        if !contents.tools.is_empty() {
            map.serialize_entry("tools", &contents.tools)?;
        }
        map.serialize_entry("messages", &contents.messages.iter().map(Said).collect::<Vec<_>>())?;
        map.end()
    }
}

struct Said<'a>(&'a Message);

impl Serialize for Said<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("role", &self.0.role)?;
        if let [MessagePart::Text { text }] = self.0.parts.as_slice() {
            map.serialize_entry("content", text)?;
        } else {
            map.serialize_entry("content", &self.0.parts.iter().map(Block::of).collect::<Vec<_>>())?;
        }
        map.end()
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        name: &'a str,
        input: &'a Json,
    },
    ToolResult {
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_use_id: Option<&'a str>,
        content: &'a Json,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    Thinking {
        thinking: &'a str,
    },
    Media {
        #[serde(skip_serializing_if = "Option::is_none")]
        media_type: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        uri: Option<&'a str>,
    },
}

impl<'a> Block<'a> {
    fn of(part: &'a MessagePart) -> Self {
        match part {
            MessagePart::Text { text } => Self::Text { text },
            MessagePart::ToolCall { id, name, arguments } => Self::ToolUse {
                id: id.as_deref(),
                name,
                input: arguments,
            },
            MessagePart::ToolResult { id, content, is_error } => Self::ToolResult {
                tool_use_id: id.as_deref(),
                content,
                is_error: *is_error,
            },
            MessagePart::Reasoning { text } => Self::Thinking { thinking: text },
            MessagePart::Media { media_type, bytes, uri } => Self::Media {
                media_type: media_type.as_deref(),
                bytes: *bytes,
                uri: uri.as_deref(),
            },
        }
    }
}

/// The members of a JSON object in their order, values as they are spelled; `None` when it is no object.
#[must_use]
pub fn fields(object: &Json) -> Option<Vec<(String, Json)>> {
    struct Members;
    impl<'de> serde::de::Visitor<'de> for Members {
        type Value = Vec<(String, Json)>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((key, value)) = map.next_entry::<String, Box<RawValue>>()? {
                members.push((key, Json::from_raw(&value)));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(object.as_str());
    serde::Deserializer::deserialize_map(&mut reader, Members).ok()
}
