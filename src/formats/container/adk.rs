//! Sessions of Google's Agent Development Kit: a session with its events. What the user said and all that answered it is an invocation.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_message, push_messages, push_payload};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times, fail, normalise};
use crate::formats::vocabulary::adk;
use crate::formats::{Dialect, time};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Inferred, Nanos, Part, SpanKind};
use crate::model::usage::Convention;

/// A session as its service stores or dumps it.
pub struct AdkSession;

static DIALECT: Dialect = Dialect {
    name: "adk_session",
    what: "sessions of Google's ADK with their events",
    order: Order::Random,
    example: "an object with id and events that have an invocation and an author",
};

/// The span of what the user said.
const ROOT: &str = "invocation";

impl Container for AdkSession {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let is_event = |event: Fields<'_>| event.any(&["invocation_id", "invocationId"]) && event.has("author");
        let first = || fields.get("events").and_then(array)?.first().copied().and_then(Fields::of);
        fields.has("id") && fields.has("events") && first().is_some_and(is_event)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let events = fields.take("events").map(Cow::into_owned).unwrap_or_default();
        let mut session = Session {
            id: fields.text(&["id"]),
            app: fields.text(&["app_name", "appName"]),
            user: fields.text(&["user_id", "userId"]),
            rest: fields,
            calls: Vec::new(),
            over: None,
        };
        for event in array(&events).unwrap_or_default().into_iter().filter_map(Fields::of) {
            session.event(event, line, sink);
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

/// What holds for all events of a session, and where reading stands in it.
struct Session<'a> {
    id: Option<String>,
    app: Option<String>,
    user: Option<String>,
    /// What the session says beside its events: of its first span.
    rest: Fields<'a>,
    /// Tools that were asked for and have not answered: their names and spans.
    calls: Vec<(String, String)>,
    /// When the event before happened, and in which invocation.
    over: Option<(String, Nanos)>,
}

impl Session<'_> {
    fn begin(&self, invocation: &str, at: Option<Nanos>, line: &Line<'_>, sink: &Sink<'_>) -> Part {
        let mut part = sink.begin(line, DIALECT.name);
        part.trace_id = invocation.to_owned();
        part.parent_id = Some(ROOT.to_owned());
        part.session.clone_from(&self.id);
        part.user.clone_from(&self.user);
        part.feature.clone_from(&self.app);
        let times = Times {
            start: at,
            ..Times::default()
        };
        times.apply(&mut part, line);
        part.ended = true;
        part
    }

    fn event(&mut self, mut event: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
        let invocation = event.text(&["invocation_id", "invocationId"]).unwrap_or_default();
        let at = event.take("timestamp").as_deref().and_then(time::of);
        let author = event.text(&["author"]).unwrap_or_default();
        let content = event.take("content").map(Cow::into_owned).unwrap_or_default();
        let parts = Fields::of(&content).and_then(|content| content.borrowed("parts"));
        let parts: Vec<Fields<'_>> = parts
            .as_deref()
            .and_then(array)
            .unwrap_or_default()
            .into_iter()
            .filter_map(Fields::of_owned)
            .collect();
        let said = Fields::of(&content).and_then(|mut content| content.text(&["role"]));
        if author == "user" {
            let mut part = self.begin(&invocation, at, line, sink);
            part.kind = SpanKind::Request;
            part.name = self.app.clone().unwrap_or_else(|| ROOT.to_owned());
            part.span_id = ROOT.to_owned();
            part.parent_id = None;
            push_messages(&mut part, Slot::Message, &content);
            let rest = std::mem::take(&mut self.rest);
            for (key, value) in rest.drain() {
                event.push(key.into_owned().into(), value.into_owned().into());
            }
            sink.push(line, part, &event);
        } else if event.get("partial") != Some("true") && said.as_deref() != Some("user") {
            self.answer(event, [&invocation, &author, &content], at, &parts, line, sink);
        } else {
            self.results(&invocation, at, parts, line, sink);
        }
        self.over = at.map(|at| (invocation, at));
    }

    /// What the model said, and the tools it asked for. An event is written when it happened.
    fn answer(
        &mut self,
        mut event: Fields<'_>,
        [invocation, author, content]: [&str; 3],
        at: Option<Nanos>,
        parts: &[Fields<'_>],
        line: &Line<'_>,
        sink: &mut Sink<'_>,
    ) {
        let mut part = self.begin(invocation, at, line, sink);
        part.kind = SpanKind::Llm;
        author.clone_into(&mut part.name);
        part.span_id = event.text(&["id"]).unwrap_or_default();
        part.response_model = event.text(&["model_version", "modelVersion"]);
        part.stop_reason = event.text(&["finish_reason", "finishReason"]);
        if let Some((_, before)) = self.over.as_ref().filter(|(known, _)| known == invocation) {
            (part.start, part.end) = (*before, at);
        }
        part.inferred = part.inferred.and(Inferred::START);
        let mut odd = false;
        let usage = adk::usage(&mut event, &mut odd);
        if !usage.is_empty() {
            normalise(&mut part, Convention::Inclusive, usage);
        }
        record::note_odd(&mut part, odd);
        if event.any(&["error_code", "errorCode"]) {
            let error = event.text(&["error_message", "errorMessage", "error_code", "errorCode"]);
            fail(&mut part, error);
        }
        if !content.is_empty() {
            push_message(&mut part, Slot::Response, "assistant", content);
        }
        let call = part.span_id.clone();
        sink.push(line, part, &event);
        for mut asked in parts.iter().filter_map(|part| tool_of(part, &["function_call", "functionCall"])) {
            let name = asked.text(&["name"]).unwrap_or_default();
            let id = asked.text(&["id"]).unwrap_or_else(|| format!("{call}-{}", sink.count()));
            let mut tool = self.begin(invocation, at, line, sink);
            tool.kind = SpanKind::Tool;
            tool.span_id.clone_from(&id);
            tool.tool_call_id = Some(id.clone());
            tool.parent_id = Some(call.clone()).filter(|call| !call.is_empty()).or(tool.parent_id);
            tool.name.clone_from(&name);
            tool.tool_name = Some(name.clone()).filter(|name| !name.is_empty());
            tool.ended = false;
            if let Some(arguments) = asked.take("args") {
                push_payload(&mut tool, Slot::Arguments, &arguments);
            }
            self.calls.push((name, id));
            sink.push(line, tool, &asked);
        }
    }

    /// What tools answered: the one named, else the first of that name that has not answered.
    fn results(&mut self, invocation: &str, at: Option<Nanos>, parts: Vec<Fields<'_>>, line: &Line<'_>, sink: &mut Sink<'_>) {
        for mut told in parts
            .iter()
            .filter_map(|part| tool_of(part, &["function_response", "functionResponse"]))
        {
            let name = told.text(&["name"]).unwrap_or_default();
            let id = told.text(&["id"]);
            let known = self.calls.iter().position(|(called, call)| match &id {
                Some(id) => id == call,
                None => *called == name,
            });
            let known = known.map(|at| self.calls.remove(at).1);
            let mut tool = self.begin(invocation, at, line, sink);
            tool.kind = SpanKind::Tool;
            tool.end = at;
            tool.inferred = tool.inferred.and(Inferred::START);
            tool.span_id = known.or(id).unwrap_or_default();
            // The call says what asked for it.
            tool.parent_id = None;
            tool.name.clone_from(&name);
            tool.tool_name = Some(name).filter(|name| !name.is_empty());
            if let Some(result) = told.take("response") {
                push_payload(&mut tool, Slot::Result, &result);
            }
            sink.push(line, tool, &told);
        }
    }
}

/// A part that asks for a tool, or tells what one answered.
fn tool_of(part: &Fields<'_>, keys: &[&str]) -> Option<Fields<'static>> {
    let raw = keys.iter().find_map(|key| part.get(key)).filter(|raw| string(raw).is_none())?;
    Fields::of_owned(raw)
}
