//! The request as its API takes it: Anthropic's messages or OpenAI's chat completions, which most others speak too.
//!
//! What was logged is passed on in its order and spelling. What an API would refuse (thinking without its signature), what the log does not
//! hold (the bytes of an image) and what must not travel (keys) is left out, and the caller is told.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::content::{Contents, Message, MessagePart};
use crate::model::json::Json;
use crate::model::trace::Span;

/// Whose shape a request has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /v1/chat/completions`.
    OpenAi,
}

impl Api {
    /// The one that takes requests for this call's model.
    #[must_use]
    pub fn of(span: &Span) -> Self {
        let says = |text: &Option<String>, word: &str| text.as_deref().is_some_and(|text| text.to_ascii_lowercase().contains(word));
        let part = &span.part;
        let anthropic = says(&part.provider, "anthropic") || says(&part.request_model, "claude") || says(&part.response_model, "claude");
        if anthropic { Self::Anthropic } else { Self::OpenAi }
    }
}

/// A request ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Whose shape it has.
    pub api: Api,
    /// Its body: a JSON object, indented.
    pub body: String,
    /// What it lacks, in words.
    pub left_out: Vec<String>,
}

impl Request {
    /// The request of a model call.
    #[must_use]
    pub fn of(span: &Span, contents: &Contents) -> Self {
        let api = Api::of(span);
        let mut left_out = Vec::new();
        let mut members: Vec<(String, Json)> = Vec::new();
        let part = &span.part;
        if let Some(model) = part.request_model.as_ref().or(part.response_model.as_ref()) {
            members.push(("model".into(), Json::string(model)));
        }
        let mut has_limit = false;
        for (key, value) in part.params.as_ref().and_then(fields).unwrap_or_default() {
            if is_secret(&key) {
                left_out.push(format!("`{key}`: keys and headers are never copied"));
            } else if matches!(key.as_str(), "stream" | "stream_options") {
                // The answer is wanted whole.
            } else if value.as_str() != "null" && !matches!(key.as_str(), "model" | "system" | "messages" | "tools") {
                has_limit |= key == "max_tokens";
                members.push((key, value));
            }
        }
        if api == Api::Anthropic && !has_limit {
            left_out.push("`max_tokens` was not logged, and this API needs it".into());
        }
        let (system, messages) = said(contents, api, &mut left_out);
        if let Some(system) = system {
            members.push(("system".into(), Json::string(&system)));
        }
        if !contents.tools.is_empty() {
            let tools: Vec<String> = contents
                .tools
                .iter()
                .map(|tool| format!("  {}", definition(tool, api).as_str().replace('\n', "\n  ")))
                .collect();
            members.push(("tools".into(), Json::trusted(format!("[\n{}\n]", tools.join(",\n")))));
        }
        members.push(("messages".into(), json(&messages)));
        Self {
            api,
            body: indented(&members),
            left_out,
        }
    }
}

/// The messages alone, in the shape of the call's API: a JSON array.
#[must_use]
pub fn messages_json(span: &Span, contents: &Contents) -> String {
    if contents.messages.is_empty() && contents.system.is_none() {
        return String::new();
    }
    let (system, mut messages) = said(contents, Api::of(span), &mut Vec::new());
    if let Some(system) = system {
        messages.insert(0, Said::text("system", &system));
    }
    serde_json::to_string_pretty(&messages).unwrap_or_default()
}

fn json<T: Serialize>(value: &T) -> Json {
    Json::trusted(serde_json::to_string_pretty(value).unwrap_or_default())
}

/// An object, its members in order, nested JSON one level deeper than it was written.
fn indented(members: &[(String, Json)]) -> String {
    let lines: Vec<String> = members
        .iter()
        .map(|(key, value)| format!("  {}: {}", Json::string(key).as_str(), value.as_str().replace('\n', "\n  ")))
        .collect();
    format!("{{\n{}\n}}", lines.join(",\n"))
}

/// Members that carry a key, or may.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '_'], "");
    [
        "apikey",
        "authorization",
        "secret",
        "password",
        "headers",
        "accesstoken",
        "bearer",
        "credential",
    ]
    .iter()
    .any(|word| key.contains(word))
}

/// A message as an API takes it.
#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Body<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Block<'a>>,
}

impl<'a> Said<'a> {
    fn text(role: &'a str, text: &str) -> Self {
        Self {
            role,
            tool_call_id: None,
            content: Some(Body::Text(text.to_owned())),
            tool_calls: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Text(String),
    Blocks(Vec<Block<'a>>),
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
        content: String,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    Image {
        source: Link<'a>,
    },
    ImageUrl {
        image_url: Url<'a>,
    },
    Function {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        function: Call<'a>,
    },
}

#[derive(Serialize)]
struct Link<'a> {
    r#type: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Url<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Call<'a> {
    name: &'a str,
    arguments: &'a str,
}

/// The system prompt that stands apart, where the API has such a place, and the messages.
fn said<'a>(contents: &'a Contents, api: Api, left_out: &mut Vec<String>) -> (Option<String>, Vec<Said<'a>>) {
    let mut system: Vec<String> = contents.system.iter().cloned().collect();
    let mut messages = Vec::new();
    let (mut thoughts, mut media) = (0, 0);
    for message in &contents.messages {
        let told = matches!(message.role.as_str(), "system" | "developer");
        if api == Api::Anthropic && told {
            system.push(super::message_text(message));
            continue;
        }
        let mut blocks = Vec::new();
        let mut calls = Vec::new();
        for part in &message.parts {
            match part {
                MessagePart::Text { text } => blocks.push(Block::Text { text }),
                MessagePart::Reasoning { .. } => thoughts += 1,
                MessagePart::ToolCall { id, name, arguments } if api == Api::Anthropic => blocks.push(Block::ToolUse {
                    id: id.as_deref(),
                    name,
                    input: arguments,
                }),
                MessagePart::ToolCall { id, name, arguments } => calls.push(Block::Function {
                    id: id.as_deref(),
                    function: Call {
                        name,
                        arguments: arguments.as_str(),
                    },
                }),
                MessagePart::ToolResult { id, content, is_error } if api == Api::Anthropic => blocks.push(Block::ToolResult {
                    tool_use_id: id.as_deref(),
                    content: words(content),
                    is_error: *is_error,
                }),
                MessagePart::ToolResult { id, content, .. } => messages.push(Said {
                    role: "tool",
                    tool_call_id: id.as_deref(),
                    content: Some(Body::Text(words(content))),
                    tool_calls: Vec::new(),
                }),
                MessagePart::Media { uri: Some(url), .. } if api == Api::Anthropic => blocks.push(Block::Image {
                    source: Link { r#type: "url", url },
                }),
                MessagePart::Media { uri: Some(url), .. } => blocks.push(Block::ImageUrl { image_url: Url { url } }),
                MessagePart::Media { uri: None, .. } => media += 1,
            }
        }
        if blocks.is_empty() && calls.is_empty() {
            continue;
        }
        messages.push(Said {
            role: role(message, api),
            tool_call_id: None,
            content: body(blocks),
            tool_calls: calls,
        });
    }
    let s = |count| if count == 1 { "" } else { "s" };
    if thoughts > 0 {
        left_out.push(format!(
            "{thoughts} block{} of reasoning: the API takes none that it did not sign",
            s(thoughts)
        ));
    }
    if media > 0 {
        left_out.push(format!("{media} image{} or file{}: the log holds no bytes", s(media), s(media)));
    }
    let system = (!system.is_empty()).then(|| system.join("\n\n"));
    match (api, system) {
        (Api::OpenAi, Some(text)) => {
            messages.insert(0, Said::text("system", &text));
            (None, messages)
        }
        (_, system) => (system, messages),
    }
}

fn body(blocks: Vec<Block<'_>>) -> Option<Body<'_>> {
    match blocks.as_slice() {
        [] => None,
        [Block::Text { text }] => Some(Body::Text((*text).to_owned())),
        _ => Some(Body::Blocks(blocks)),
    }
}

/// Anthropic knows two roles: what a tool says, the user says.
fn role(message: &Message, api: Api) -> &str {
    match (api, message.role.as_str()) {
        (Api::Anthropic, "tool" | "function" | "human") => "user",
        (Api::Anthropic, "ai" | "model") => "assistant",
        (_, role) => role,
    }
}

/// A tool's result as a text.
fn words(content: &Json) -> String {
    match content.value() {
        serde_json::Value::String(text) => text,
        _ => content.as_str().to_owned(),
    }
}

/// A tool's definition in the API's own shape; one that cannot be recognised stays as it was logged.
fn definition(tool: &Json, api: Api) -> Json {
    let members = fields(tool).unwrap_or_default();
    let inner = members
        .iter()
        .find(|(key, _)| key == "function")
        .and_then(|(_, value)| fields(value));
    let members = inner.unwrap_or(members);
    let get = |names: &[&str]| {
        members
            .iter()
            .find(|(key, _)| names.contains(&key.as_str()))
            .map(|(_, value)| value.clone())
    };
    let (Some(name), Some(schema)) = (get(&["name"]), get(&["input_schema", "parameters", "inputSchema"])) else {
        return tool.clone();
    };
    let mut list = vec![("name".to_owned(), name)];
    list.extend(get(&["description"]).map(|text| ("description".to_owned(), text)));
    match api {
        Api::Anthropic => {
            list.push(("input_schema".into(), schema));
            Json::trusted(indented(&list))
        }
        Api::OpenAi => {
            list.push(("parameters".into(), schema));
            let function = Json::trusted(indented(&list));
            Json::trusted(indented(&[
                ("type".into(), Json::string("function")),
                ("function".into(), function),
            ]))
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
