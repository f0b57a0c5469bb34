//! What `claude -p --output-format stream-json` prints, and the last line of it alone, which `--output-format json` prints.
//!
//! A run is an interaction: its lines state no time, and its prompt only where it was replayed. Each message comes in a line per block, with
//! the tokens known when it began: what the run used in all stands in its last line.

use super::claude_code::{answered, usage};
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::scan::{Fields, array, quote, string};
use crate::formats::sink::{Line, Sink, Times, fail};
use crate::formats::{message, number};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Inferred, Part, SpanKind};

use super::session;

/// The printed stream of a run.
pub struct ClaudeStream;

static DIALECT: Dialect = Dialect {
    name: "claude_stream",
    what: "what `claude -p` prints with --output-format stream-json or json",
    order: Order::Random,
    example: "an object with session_id and parent_tool_use_id, or with session_id, num_turns and total_cost_usd",
};

/// The span of the run itself.
const RUN: &str = "run";

impl Container for ClaudeStream {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        if !fields.has("session_id") {
            return false;
        }
        match fields.get("type") {
            Some("\"assistant\"" | "\"user\"") => fields.has("parent_tool_use_id") && fields.has("message"),
            Some("\"stream_event\"") => fields.has("parent_tool_use_id") && fields.has("event"),
            Some("\"result\"") => fields.has("subtype") && fields.any(&["num_turns", "total_cost_usd"]),
            Some("\"system\"") => fields.has("subtype") && fields.any(&["uuid", "permissionMode", "mcp_servers"]),
            _ => false,
        }
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let run = Run {
            line,
            session: fields.text(&["session_id"]).unwrap_or_default(),
        };
        let kind = fields.take("type").as_deref().and_then(string).map(std::borrow::Cow::into_owned);
        match kind.as_deref() {
            Some("system") if fields.get("subtype") == Some("\"init\"") => run.init(fields, sink),
            Some("assistant") => run.call(fields, sink),
            Some("user") => run.user(fields, sink),
            Some("result") => run.result(fields, sink),
            _ => {}
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

/// A line of a run.
struct Run<'l, 'b> {
    line: &'l Line<'b>,
    session: String,
}

impl Run<'_, '_> {
    fn begin(&self, sink: &Sink<'_>) -> Part {
        let mut part = sink.begin(self.line, DIALECT.name);
        part.trace_id.clone_from(&self.session);
        part.session = Some(self.session.clone()).filter(|id| !id.is_empty());
        part.service = Some("claude-code".to_owned());
        Times::default().apply(&mut part, self.line);
        part
    }

    fn run(&self, sink: &Sink<'_>) -> Part {
        let mut part = self.begin(sink);
        session::asked(&mut part);
        RUN.clone_into(&mut part.span_id);
        part
    }

    /// A step: of the run, or of the agent that a tool is.
    fn below(&self, sink: &Sink<'_>, tool: Option<&String>) -> Part {
        let mut part = self.begin(sink);
        part.parent_id = Some(tool.cloned().unwrap_or_else(|| RUN.to_owned()));
        if tool.is_none() {
            part.inferred = part.inferred.and(Inferred::PARENT);
        }
        part
    }

    fn init(&self, mut fields: Fields<'_>, sink: &mut Sink<'_>) {
        let mut part = self.run(sink);
        part.ended = false;
        part.feature = session::project(&mut fields, "cwd");
        sink.push(self.line, part, &fields);
    }

    fn call(&self, mut fields: Fields<'_>, sink: &mut Sink<'_>) {
        let tool = fields.text(&["parent_tool_use_id"]);
        let raw = fields.take("message").unwrap_or_default().into_owned();
        let mut said = Fields::of(&raw).unwrap_or_default();
        let mut part = self.below(sink, tool.as_ref());
        part.kind = SpanKind::Llm;
        "call".clone_into(&mut part.name);
        part.provider = Some("anthropic".to_owned());
        part.request_model = said.text(&["model"]);
        part.span_id = said.text(&["id"]).unwrap_or_default();
        part.stop_reason = said.text(&["stop_reason"]);
        part.ended = part.stop_reason.is_some();
        let mut odd = false;
        usage(&mut said, &mut part, &mut odd);
        super::record::note_odd(&mut part, odd);
        message::push_message(&mut part, Slot::Response, "assistant", &raw);
        let call = Some(part.span_id.clone()).filter(|id| !id.is_empty());
        let content = said.take("content").unwrap_or_default();
        for key in ["role", "type", "stop_sequence"] {
            said.take(key);
        }
        for (key, value) in said.drain() {
            fields.push(format!("message.{key}").into(), value.into_owned().into());
        }
        sink.push(self.line, part, &fields);
        for mut block in array(&content).unwrap_or_default().into_iter().filter_map(Fields::of) {
            if !matches!(block.get("type"), Some("\"tool_use\"" | "\"server_tool_use\"")) {
                continue;
            }
            let Some(id) = block.text(&["id"]) else { continue };
            let mut tool = self.below(sink, call.as_ref());
            let name = block.text(&["name"]);
            session::tool(&mut tool, id, name, block.get("input"));
            sink.push(self.line, tool, &Fields::default());
        }
    }

    /// What tools answered, or the prompt where it was replayed.
    fn user(&self, mut fields: Fields<'_>, sink: &mut Sink<'_>) {
        let raw = fields.take("message").unwrap_or_default().into_owned();
        let said = Fields::of(&raw).unwrap_or_default();
        let content = said.get("content").unwrap_or("null");
        let blocks = array(content).unwrap_or_default().into_iter().filter_map(Fields::of);
        let results: Vec<Fields<'_>> = blocks.filter(|block| block.get("type") == Some("\"tool_result\"")).collect();
        if results.is_empty() {
            if fields.text(&["parent_tool_use_id"]).is_none() {
                let mut part = self.run(sink);
                part.ended = false;
                message::push_messages(&mut part, Slot::Message, content);
                sink.push(self.line, part, &fields);
            }
            return;
        }
        for mut block in results {
            let Some(id) = block.text(&["tool_use_id"]) else { continue };
            let mut part = self.begin(sink);
            session::tool(&mut part, id, None, None);
            part.ended = true;
            answered(&mut part, &mut block);
            let rest = std::mem::take(&mut fields);
            sink.push(self.line, part, &rest);
        }
    }

    /// The end of a run, and what it came to.
    fn result(&self, mut fields: Fields<'_>, sink: &mut Sink<'_>) {
        let mut part = self.run(sink);
        let mut odd = false;
        usage(&mut fields, &mut part, &mut odd);
        part.cost_logged = fields.number(&["total_cost_usd"], number::dollars, &mut odd);
        if let Some(duration) = fields.number(&["duration_ms"], number::milliseconds, &mut odd) {
            // The line is written at the end.
            part.end = Some(part.start);
            part.start = part.start.saturating_sub(duration);
        }
        super::record::note_odd(&mut part, odd);
        part.stop_reason = fields.text(&["stop_reason"]);
        let models = fields.get("modelUsage").and_then(Fields::of);
        let names: Vec<String> = models.iter().flat_map(Fields::rest).map(|(name, _)| name.to_owned()).collect();
        if let [only] = names.as_slice() {
            part.request_model = Some(only.clone());
        }
        let said = fields.text(&["result"]);
        if let Some(said) = &said {
            message::push_messages(&mut part, Slot::Response, &quote(said));
        }
        let subtype = fields.text(&["subtype"]);
        if fields.take("is_error").as_deref() == Some("true") || subtype.as_deref().is_some_and(|subtype| subtype.starts_with("error")) {
            fail(&mut part, said.or(subtype));
        }
        sink.push(self.line, part, &fields);
    }
}
