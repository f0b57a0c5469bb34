//! Sessions of Claude Code: one API call stands in several lines, each repeating its usage, and again in files that continue a session.
//!
//! An interaction is a prompt: its `promptId`, else its line's `uuid`. A call is a message id with its request id, a tool is its `tool_use`
//! id. So lines that a resumed session repeats are those of the first. Cached tokens stand beside the input.

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
use crate::model::turn;
use crate::model::usage::{Convention, Usage};

/// Lines of `~/.claude/projects/*/*.jsonl`, sub-agents' too.
pub struct ClaudeCode;

static DIALECT: Dialect = Dialect {
    name: "claude_code",
    what: "sessions of Claude Code and of its sub-agents",
    order: Order::Ordered,
    example: "an object with sessionId and a message, or one of the session's notes",
};

/// Lines that tell of the session itself, in words that nobody else uses.
const NOTES: &[&str] = &[
    "file-history-snapshot",
    "queue-operation",
    "last-prompt",
    "ai-title",
    "custom-title",
    "agent-name",
    "permission-mode",
    "pr-link",
];
/// The same, in words that others use too: these lines have a place in the chain of messages.
const LINKED: &[&str] = &["summary", "system", "attachment", "progress"];

impl Container for ClaudeCode {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        if !fields.any(&["sessionId", "leafUuid", "messageId", "isSidechain"]) {
            return false;
        }
        let kind = fields.get("type").and_then(string);
        let note = |words: &[&str]| kind.as_deref().is_some_and(|kind| words.contains(&kind));
        note(NOTES) || note(LINKED) && fields.any(&["leafUuid", "parentUuid"]) || speaks(fields)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let at = session::moment(&mut fields);
        let own = at.or(line.time);
        let aside = |key| fields.get(key) == Some("true");
        let raw = fields.borrowed("message").unwrap_or_default();
        let message = Fields::of(&raw).unwrap_or_default();
        if !has_place(&fields) || !has_role(&message) || aside("isMeta") || aside("isCompactSummary") {
            return Outcome::Other(own);
        }
        fields.take("message");
        // A fork repeats lines of the session it was forked from: there they belong.
        let origin = fields
            .get("forkedFrom")
            .and_then(Fields::of)
            .and_then(|mut from| from.text(&["sessionId"]));
        let session = fields.text(&["sessionId"]);
        let goes_on = line.turn.of.is_none() || line.turn.of == session;
        let session = origin.or(session).unwrap_or_else(|| session::of_file(line));
        let line = Spoken {
            line,
            at,
            session,
            goes_on,
        };
        if message.get("role") == Some("\"assistant\"") {
            line.assistant(fields, message, &raw, sink);
        } else {
            line.user(fields, &message, sink);
        }
        if sink.count() == 0 { Outcome::Other(own) } else { Outcome::Spans }
    }
}

/// Somebody says something in this line.
fn speaks(fields: &Fields<'_>) -> bool {
    has_place(fields) && fields.get("message").and_then(Fields::of).is_some_and(|message| has_role(&message))
}

fn has_place(fields: &Fields<'_>) -> bool {
    fields.any(&["uuid", "parentUuid", "requestId", "isSidechain", "costUSD"])
}

fn has_role(message: &Fields<'_>) -> bool {
    matches!(message.get("role"), Some("\"user\"" | "\"assistant\""))
}

/// A line of the conversation.
struct Spoken<'l, 'b> {
    line: &'l Line<'b>,
    at: Option<Nanos>,
    session: String,
    /// It is of the conversation whose turn is under way.
    goes_on: bool,
}

impl Spoken<'_, '_> {
    fn begin(&self, sink: &Sink<'_>) -> Part {
        let mut part = session::begin(sink, self.line, DIALECT.name, &self.session, self.at);
        if !self.goes_on {
            part.trace_id.clone_from(&self.session);
        }
        part.service = Some("claude-code".to_owned());
        part
    }

    /// One line of a call.
    fn assistant(&self, mut fields: Fields<'_>, mut message: Fields<'_>, raw: &str, sink: &mut Sink<'_>) {
        let mut part = self.begin(sink);
        let uuid = fields.text(&["uuid"]);
        let request = fields.text(&["requestId"]);
        part.span_id = match (message.text(&["id"]), request, uuid) {
            (Some(id), Some(request), _) => format!("{id}:{request}"),
            (Some(id), None, _) => id,
            (None, Some(request), _) => request,
            (None, None, uuid) => uuid.unwrap_or_default(),
        };
        part.feature = session::project(&mut fields, "cwd");
        part.request_model = message.text(&["model"]);
        part.stop_reason = message.text(&["stop_reason"]);
        let mut odd = false;
        part.cost_logged = fields.number(&["costUSD"], number::dollars, &mut odd);
        let duration = fields.number(&["durationMs"], number::milliseconds, &mut odd);
        session::finished(&mut part);
        // Until the model says why it stopped, more of it may come; the lines of old versions never say it.
        part.ended = part.stop_reason.is_some() || part.cost_logged.is_some();
        if let (Some(end), Some(duration)) = (part.end, duration) {
            part.start = end.saturating_sub(duration);
        }
        if part.request_model.as_deref() == Some("<synthetic>") {
            // The program speaks for the model that did not answer.
            part.request_model = None;
            "no answer".clone_into(&mut part.name);
            if fields.get("isApiErrorMessage") == Some("true") {
                fail(&mut part, None);
            }
        } else {
            part.kind = SpanKind::Llm;
            "call".clone_into(&mut part.name);
            part.provider = Some("anthropic".to_owned());
            usage(&mut message, &mut part, &mut odd);
        }
        part.parent_id = agent(&mut fields);
        super::record::note_odd(&mut part, odd);
        message::push_message(&mut part, Slot::Response, "assistant", raw);
        if part.name == "no answer" && part.error.is_none() && !part.answer.is_empty() {
            part.error = Some(part.answer.clone());
        }
        let call = part.span_id.clone();
        let content = message.take("content").unwrap_or_default();
        for key in ["role", "type", "stop_sequence"] {
            message.take(key);
        }
        for (key, value) in message.drain() {
            fields.push(format!("message.{key}").into(), value.into_owned().into());
        }
        for key in ["type", "userType", "isSidechain", "parentUuid"] {
            fields.take(key);
        }
        sink.push(self.line, part, &fields);
        for mut block in array(&content).unwrap_or_default().into_iter().filter_map(Fields::of) {
            if !matches!(block.get("type"), Some("\"tool_use\"" | "\"server_tool_use\"")) {
                continue;
            }
            let Some(id) = block.text(&["id"]) else { continue };
            let mut tool = self.begin(sink);
            let name = block.text(&["name"]);
            session::tool(&mut tool, id, name, block.get("input"));
            tool.parent_id = Some(call.clone());
            sink.push(self.line, tool, &Fields::default());
        }
    }

    /// A prompt, or what tools answered.
    fn user(&self, mut fields: Fields<'_>, message: &Fields<'_>, sink: &mut Sink<'_>) {
        let content = message.get("content").unwrap_or("null");
        let answer = fields.take("toolUseResult");
        let results = array(content).unwrap_or_default().into_iter().filter_map(Fields::of);
        let results: Vec<Fields<'_>> = results.filter(|block| block.get("type") == Some("\"tool_result\"")).collect();
        if !results.is_empty() {
            for mut block in results {
                self.result(&mut block, &mut fields, sink);
            }
            let agent = answer.as_deref().and_then(Fields::of).and_then(|mut a| a.text(&["agentId"]));
            if let Some(agent) = agent {
                // The agent that this tool was hangs below it.
                let mut part = self.begin(sink);
                part.kind = SpanKind::Agent;
                part.span_id = format!("agent-{agent}");
                part.parent_id = Fields::of(array(content).unwrap_or_default().first().copied().unwrap_or_default())
                    .and_then(|mut block| block.text(&["tool_use_id"]));
                session::finished(&mut part);
                let mut rest = Fields::default();
                if let Some(answer) = &answer {
                    rest.push("toolUseResult".into(), answer.clone());
                }
                sink.push(self.line, part, &rest);
            }
            return;
        }
        if !turn::is_prompt(&session::first_text(content)) {
            return;
        }
        let mut part = self.begin(sink);
        part.feature = session::project(&mut fields, "cwd");
        session::prompt(&mut part, content);
        part.span_id = fields.text(&["uuid"]).unwrap_or_default();
        if fields.get("isSidechain") == Some("true") {
            // What a sub-agent is told, not what the user asked.
            part.kind = SpanKind::Agent;
            part.ended = false;
            part.span_id = agent(&mut fields).unwrap_or(part.span_id);
            part.name.clone_from(&part.span_id);
        }
        if let Some(answer) = answer {
            fields.push("toolUseResult".into(), answer);
        }
        for key in ["type", "userType", "isSidechain", "parentUuid"] {
            fields.take(key);
        }
        sink.push(self.line, part, &fields);
    }

    fn result(&self, block: &mut Fields<'_>, fields: &mut Fields<'_>, sink: &mut Sink<'_>) {
        let Some(id) = block.text(&["tool_use_id"]) else { return };
        let mut part = self.begin(sink);
        session::tool(&mut part, id, None, None);
        session::finished(&mut part);
        answered(&mut part, block);
        let mut rest = Fields::default();
        if let Some(cwd) = fields.get("cwd") {
            rest.push("cwd".into(), cwd.to_owned().into());
        }
        sink.push(self.line, part, &rest);
    }
}

/// What a tool answered.
pub(super) fn answered(part: &mut Part, block: &mut Fields<'_>) {
    if block.get("is_error") == Some("true") {
        fail(
            part,
            Some(session::first_text(block.get("content").unwrap_or_default())).filter(|text| !text.is_empty()),
        );
    }
    if let Some(content) = block.take("content") {
        let text = array(&content)
            .filter(|items| items.len() == 1)
            .map(|_| session::first_text(&content));
        match text.filter(|text| !text.is_empty()) {
            Some(text) => message::push_payload(part, Slot::Result, &crate::formats::scan::quote(&text)),
            None => message::push_payload(part, Slot::Result, &content),
        }
    }
}

/// The sub-agent that speaks, as the id of its span.
fn agent(fields: &mut Fields<'_>) -> Option<String> {
    if fields.get("isSidechain") != Some("true") {
        return None;
    }
    fields.text(&["agentId"]).map(|id| format!("agent-{id}"))
}

/// The tokens of a message.
pub(super) fn usage(message: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    for key in ["usage", "usage.cache_creation"] {
        message.expand(key);
    }
    let mut count = |key: &str| message.number(&[key], number::tokens, odd);
    let written = count("usage.cache_creation_input_tokens");
    let hour = count("usage.cache_creation.ephemeral_1h_input_tokens");
    let minutes = count("usage.cache_creation.ephemeral_5m_input_tokens");
    let usage = Usage {
        input: count("usage.input_tokens"),
        cache_read: count("usage.cache_read_input_tokens"),
        // Where both times are logged apart, the plain figure is their sum.
        cache_write: minutes.or_else(|| written.map(|all| all.saturating_sub(hour.unwrap_or(0)))),
        cache_write_1h: hour,
        output: count("usage.output_tokens"),
        reasoning: None,
    };
    if !usage.is_empty() {
        normalise(part, Convention::Exclusive, usage);
    }
}
