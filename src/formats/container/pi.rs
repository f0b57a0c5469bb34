//! Sessions of the coding agent pi: a message a line, with its usage and what it cost. Cached tokens stand beside the input.

use std::borrow::Cow;

use super::session;
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::message;
use crate::formats::number;
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, fail, normalise};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Nanos, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// Lines of `~/.pi/agent/sessions/*/*.jsonl`.
pub struct Pi;

static DIALECT: Dialect = Dialect {
    name: "pi",
    what: "sessions of the coding agent pi",
    order: Order::Ordered,
    example: "an object of type message with timestamp and a message of role user, assistant or toolResult",
};

/// Lines that tell of the session itself.
const NOTES: &[&str] = &[
    "session",
    "model_change",
    "thinking_level_change",
    "compaction",
    "branch_summary",
    "custom",
    "custom_message",
    "label",
    "session_info",
];

impl Container for Pi {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        if !fields.has("timestamp") || fields.any(&["sessionId", "payload"]) {
            return false;
        }
        let Some(kind) = fields.get("type").and_then(string) else {
            return false;
        };
        if kind == "message" {
            return fields
                .get("message")
                .and_then(Fields::of)
                .is_some_and(|message| role(&message).is_some());
        }
        NOTES.contains(&&*kind) && fields.any(&["cwd", "modelId", "thinkingLevel", "parentId", "targetId"])
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let at = session::moment(&mut fields);
        let raw = fields.borrowed("message").unwrap_or_default();
        let mut said = Fields::of(&raw).unwrap_or_default();
        let Some(role) = role(&said) else {
            return Outcome::Other(at.or(line.time));
        };
        fields.take("message");
        let writer = Writer {
            line,
            at,
            session: line.turn.session.clone().unwrap_or_else(|| session::of_file(line)),
        };
        for key in ["type", "parentId"] {
            fields.take(key);
        }
        match role {
            "assistant" => writer.assistant(fields, said, &raw, sink),
            "toolResult" => writer.result(&mut said, sink),
            _ => {
                let mut part = writer.begin(sink);
                part.span_id = fields.text(&["id"]).unwrap_or_default();
                session::prompt(&mut part, said.get("content").unwrap_or("null"));
                sink.push(line, part, &fields);
            }
        }
        if sink.count() == 0 {
            Outcome::Other(at.or(line.time))
        } else {
            Outcome::Spans
        }
    }
}

fn role(message: &Fields<'_>) -> Option<&'static str> {
    ["user", "assistant", "toolResult"]
        .into_iter()
        .find(|role| message.get("role").and_then(string).is_some_and(|word| word == *role))
}

/// A line of a session.
struct Writer<'l, 'b> {
    line: &'l Line<'b>,
    at: Option<Nanos>,
    session: String,
}

impl Writer<'_, '_> {
    fn begin(&self, sink: &Sink<'_>) -> Part {
        let mut part = session::begin(sink, self.line, DIALECT.name, &self.session, self.at);
        part.service = Some("pi".to_owned());
        part
    }

    fn assistant(&self, mut fields: Fields<'_>, mut said: Fields<'_>, raw: &str, sink: &mut Sink<'_>) {
        let mut part = self.begin(sink);
        part.kind = SpanKind::Llm;
        "call".clone_into(&mut part.name);
        part.span_id = fields.text(&["id"]).unwrap_or_default();
        part.provider = said.text(&["provider"]);
        part.request_model = said.text(&["model"]);
        part.stop_reason = said.text(&["stopReason"]);
        session::finished(&mut part);
        let mut odd = false;
        for key in ["usage", "usage.cost"] {
            said.expand(key);
        }
        let mut count = |key: &str| said.number(&[key], number::tokens, &mut odd);
        let usage = Usage {
            input: count("usage.input"),
            cache_read: count("usage.cacheRead"),
            cache_write: count("usage.cacheWrite"),
            cache_write_1h: None,
            output: count("usage.output"),
            reasoning: None,
        };
        if !usage.is_empty() {
            normalise(&mut part, Convention::Exclusive, usage);
        }
        part.cost_logged = said.number(&["usage.cost.total"], number::dollars, &mut odd);
        if matches!(part.stop_reason.as_deref(), Some("error" | "aborted")) {
            let why = said.text(&["errorMessage"]);
            fail(&mut part, why);
        }
        super::record::note_odd(&mut part, odd);
        message::push_message(&mut part, Slot::Response, "assistant", raw);
        let call = part.span_id.clone();
        let content = said.take("content").map(Cow::into_owned).unwrap_or_default();
        for key in ["role", "timestamp"] {
            said.take(key);
        }
        for (key, value) in said.drain() {
            fields.push(format!("message.{key}").into(), value.into_owned().into());
        }
        sink.push(self.line, part, &fields);
        for mut block in array(&content).unwrap_or_default().into_iter().filter_map(Fields::of) {
            if block.get("type") != Some("\"toolCall\"") {
                continue;
            }
            let Some(id) = block.text(&["id"]) else { continue };
            let mut tool = self.begin(sink);
            let name = block.text(&["name"]);
            session::tool(&mut tool, id, name, block.get("arguments"));
            tool.parent_id = Some(call.clone()).filter(|call| !call.is_empty());
            sink.push(self.line, tool, &Fields::default());
        }
    }

    fn result(&self, said: &mut Fields<'_>, sink: &mut Sink<'_>) {
        let Some(id) = said.text(&["toolCallId"]) else { return };
        let mut part = self.begin(sink);
        let name = said.text(&["toolName"]);
        session::tool(&mut part, id, name, None);
        session::finished(&mut part);
        let content = said.take("content").map(Cow::into_owned).unwrap_or_default();
        let blocks = array(&content).unwrap_or_default();
        let texts: Vec<String> = blocks.iter().filter_map(|block| Fields::of(block)?.text(&["text"])).collect();
        let body = if texts.len() == blocks.len() && !texts.is_empty() {
            crate::formats::scan::quote(&texts.join("\n"))
        } else {
            content.clone()
        };
        message::push_payload(&mut part, Slot::Result, &body);
        if said.get("isError") == Some("true") {
            fail(&mut part, texts.into_iter().next());
        }
        for key in ["role", "timestamp", "isError"] {
            said.take(key);
        }
        sink.push(self.line, part, said);
    }
}
