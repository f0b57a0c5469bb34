//! Rollouts of OpenAI's Codex: `{timestamp, type, payload}` a line, and the bare items of its first versions.
//!
//! An interaction is a turn. A call is the token count that ends it; its key is the cumulative total, so that a count repeated is a call
//! counted once. The input includes what was cached. The first line names the session, else the file does.

use std::borrow::Cow;

use super::session;
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::message;
use crate::formats::number;
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, normalise};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Inferred, Nanos, Part, SpanKind};
use crate::model::turn;
use crate::model::usage::{Convention, Usage};

/// Lines of `~/.codex/sessions/**/rollout-*.jsonl`.
pub struct Codex;

static DIALECT: Dialect = Dialect {
    name: "codex",
    what: "rollouts of OpenAI Codex",
    order: Order::Ordered,
    example: "an object of timestamp, type and payload",
};

/// The span of a turn's prompt.
const PROMPT: &str = "prompt";

const TYPES: &[&str] = &[
    "session_meta",
    "turn_context",
    "response_item",
    "event_msg",
    "compacted",
    "world_state",
];

impl Container for Codex {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let Some(kind) = fields.get("type").and_then(string) else {
            return fields.get("record_type") == Some("\"state\"")
                || fields.has("instructions") && fields.has("timestamp") && fields.has("id") && fields.has("git");
        };
        match fields.get("payload") {
            Some(payload) if payload.starts_with('{') && fields.has("timestamp") => TYPES.contains(&&*kind),
            _ => is_item(fields, &kind),
        }
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let at = session::moment(&mut fields);
        let own = at.or(line.time);
        let kind = fields.text(&["type"]).unwrap_or_default();
        let writer = Writer {
            line,
            at,
            session: line.turn.session.clone().unwrap_or_else(|| session::of_file(line)),
        };
        let payload = fields.take("payload").map(Cow::into_owned);
        match (&*kind, payload.as_deref().and_then(Fields::of)) {
            ("turn_context", Some(payload)) => writer.turn(&payload, sink),
            ("event_msg", Some(payload)) => writer.event(payload, sink),
            ("response_item", Some(mut item)) => {
                let kind = item.text(&["type"]).unwrap_or_default();
                writer.item(&kind, item, payload.as_deref().unwrap_or_default(), false, sink);
            }
            (_, Some(_)) => {}
            (kind, None) => {
                let raw = message::object(fields.rest());
                writer.item(kind, fields, raw.as_str(), true, sink);
            }
        }
        if sink.count() == 0 { Outcome::Other(own) } else { Outcome::Spans }
    }
}

/// An item of the first versions, which stands bare.
fn is_item(fields: &Fields<'_>, kind: &str) -> bool {
    match kind {
        "message" => {
            let blocks = fields.get("content").and_then(array).unwrap_or_default();
            let first = blocks.first().copied().and_then(Fields::of);
            fields.has("role") && first.is_some_and(|block| matches!(block.get("type"), Some("\"input_text\"" | "\"output_text\"")))
        }
        "function_call" => fields.has("call_id") && fields.has("arguments"),
        "function_call_output" | "custom_tool_call_output" => fields.has("call_id") && fields.has("output"),
        "custom_tool_call" => fields.has("call_id") && fields.has("input"),
        "local_shell_call" => fields.has("action"),
        "reasoning" => fields.has("summary"),
        _ => false,
    }
}

/// A line of a rollout.
struct Writer<'l, 'b> {
    line: &'l Line<'b>,
    at: Option<Nanos>,
    session: String,
}

impl Writer<'_, '_> {
    fn begin(&self, sink: &Sink<'_>) -> Part {
        let mut part = session::begin(sink, self.line, DIALECT.name, &self.session, self.at);
        part.service = Some("codex".to_owned());
        part
    }

    /// The settings of the turn under way, if there is one.
    fn turn(&self, payload: &Fields<'_>, sink: &mut Sink<'_>) {
        if self.line.turn.id.is_empty() || self.line.turn.over {
            return;
        }
        let mut part = self.begin(sink);
        session::asked(&mut part);
        self.in_turn(&mut part);
        sink.push(self.line, part, payload);
    }

    fn event(&self, mut payload: Fields<'_>, sink: &mut Sink<'_>) {
        match payload.text(&["type"]).as_deref() {
            Some("user_message") => {
                let Some(text) = payload.take("message") else { return };
                let mut part = self.begin(sink);
                session::prompt(&mut part, &text);
                self.in_turn(&mut part);
                sink.push(self.line, part, &payload);
            }
            Some("token_count") => self.call(payload, sink),
            _ => {}
        }
    }

    /// A turn has one prompt, of what the user said before and while it ran.
    fn in_turn(&self, part: &mut Part) {
        if !self.line.turn.id.is_empty() {
            PROMPT.clone_into(&mut part.span_id);
        }
    }

    /// One call of the model. A count without usage only tells of limits.
    fn call(&self, mut payload: Fields<'_>, sink: &mut Sink<'_>) {
        for key in ["info", "info.last_token_usage", "info.total_token_usage"] {
            payload.expand(key);
        }
        let mut odd = false;
        let total = payload.number(&["info.total_token_usage.total_tokens"], number::tokens, &mut odd);
        let mut count = |key: &str| payload.number(&[&format!("info.last_token_usage.{key}")], number::tokens, &mut odd);
        let usage = Usage {
            input: count("input_tokens"),
            cache_read: count("cached_input_tokens"),
            cache_write: None,
            cache_write_1h: None,
            output: count("output_tokens"),
            reasoning: count("reasoning_output_tokens"),
        };
        let sum = count("total_tokens");
        if usage.is_empty() || sum == Some(0) {
            return;
        }
        let mut part = self.begin(sink);
        part.kind = SpanKind::Llm;
        "call".clone_into(&mut part.name);
        if let Some(total) = total {
            part.span_id = format!("call-{total}");
        }
        part.request_model = payload.text(&["info.model"]).or_else(|| self.line.turn.model.clone());
        normalise(&mut part, Convention::Inclusive, with_reasoning(usage, sum));
        // When it began is for the conversation to tell. A count that is repeated later does not make the call longer.
        part.ended = true;
        part.inferred = part.inferred.and(Inferred::START);
        super::record::note_odd(&mut part, odd);
        sink.push(self.line, part, &payload);
    }

    fn item(&self, kind: &str, mut item: Fields<'_>, raw: &str, bare: bool, sink: &mut Sink<'_>) {
        let call = item.text(&["call_id", "id"]);
        match kind {
            "function_call" | "custom_tool_call" | "local_shell_call" | "web_search_call" => {
                let Some(call) = call else { return };
                let mut part = self.begin(sink);
                let name = item.text(&["name"]).unwrap_or_else(|| kind.trim_end_matches("_call").to_owned());
                let arguments = item.first(&["arguments", "input", "action"]);
                session::tool(&mut part, call, Some(name), arguments.as_deref());
                sink.push(self.line, part, &item);
            }
            "function_call_output" | "custom_tool_call_output" => {
                let Some(call) = call else { return };
                let mut part = self.begin(sink);
                session::tool(&mut part, call, None, None);
                session::finished(&mut part);
                if let Some(output) = item.take("output") {
                    message::push_payload(&mut part, Slot::Result, &output);
                }
                sink.push(self.line, part, &item);
            }
            "message" if item.get("role") == Some("\"assistant\"") => {
                let mut part = self.begin(sink);
                part.kind = SpanKind::Other;
                "message".clone_into(&mut part.name);
                part.ended = true;
                message::push_message(&mut part, Slot::Response, "assistant", raw);
                for key in ["role", "content"] {
                    item.take(key);
                }
                sink.push(self.line, part, &item);
            }
            // Where lines have a type around them, the event tells the prompt; this repeats it, with what the program adds.
            "message" if bare && item.get("role") == Some("\"user\"") => {
                let content = item.take("content").unwrap_or_default();
                if !turn::is_prompt(&session::first_text(&content)) {
                    return;
                }
                let mut part = self.begin(sink);
                session::prompt(&mut part, &content);
                self.in_turn(&mut part);
                item.take("role");
                sink.push(self.line, part, &item);
            }
            _ => {}
        }
    }
}

/// The total says whether the output has the reasoning in it.
fn with_reasoning(usage: Usage, total: Option<u64>) -> Usage {
    let sum = |classes: &[Option<u64>]| classes.iter().flatten().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let apart = usage.reasoning > Some(0) && total == Some(sum(&[usage.input, usage.output, usage.reasoning]));
    Usage {
        output: if apart {
            Some(sum(&[usage.output, usage.reasoning]))
        } else {
            usage.output
        },
        ..usage
    }
}
