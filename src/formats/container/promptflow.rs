//! Runs of Microsoft's Prompt flow: a line is one run of a flow, with the tree of what it called. A node repeats the tokens of its calls.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_messages, push_payload};
use crate::formats::scan::{Fields, array};
use crate::formats::sink::{Line, Sink, Times, fail};
use crate::formats::vocabulary::flat;
use crate::formats::{Dialect, time};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Nanos, Part, SpanKind, Status};

/// Lines of a run's `flow_artifacts`.
pub struct PromptFlow;

static DIALECT: Dialect = Dialect {
    name: "promptflow",
    what: "runs of Prompt flow, as it stores them",
    order: Order::Random,
    example: "an object with line_number and a run_info with api_calls",
};

/// Calls deeper in each other than this are left out.
const DEEPEST: u32 = 64;

impl Container for PromptFlow {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let is_run = || {
            let run = fields.get("run_info").and_then(Fields::of);
            run.is_some_and(|run| run.has("run_id") && run.has("api_calls"))
        };
        fields.has("line_number") && is_run()
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let run = fields.take("run_info").map(Cow::into_owned).unwrap_or_default();
        let mut run = Fields::of(&run).unwrap_or_default();
        let mut root = sink.begin(line, DIALECT.name);
        root.trace_id = run.text(&["run_id"]).unwrap_or_default();
        root.span_id.clone_from(&root.trace_id);
        root.kind = SpanKind::Request;
        root.feature = run.text(&["name", "flow_id"]);
        root.name = root.feature.clone().unwrap_or_else(|| "flow".to_owned());
        root.session = run.text(&["root_run_id"]);
        let mut moment = |key: &str| run.take(key).as_deref().and_then(time::of);
        let times = Times {
            start: moment("start_time"),
            end: moment("end_time"),
            duration: None,
        };
        times.apply(&mut root, line);
        root.ended = true;
        outcome(&mut run, &mut root);
        for (key, slot) in [("inputs", Slot::Message), ("output", Slot::Response)] {
            if let Some(raw) = run.take(key) {
                push_messages(&mut root, slot, &raw);
            }
        }
        let calls = run.take("api_calls").map(Cow::into_owned).unwrap_or_default();
        let trace = root.trace_id.clone();
        for key in ["start_time", "end_time"] {
            fields.take(key);
        }
        for (key, value) in run.drain() {
            fields.push(format!("run_info.{key}").into(), value.into_owned().into());
        }
        sink.push(line, root, &fields);
        for call in array(&calls).unwrap_or_default().into_iter().filter_map(Fields::of) {
            step(call, [&trace, &trace], line, sink, 0);
        }
        Outcome::Spans
    }
}

/// A call, and what it called.
fn step(mut call: Fields<'_>, [trace, above]: [&str; 2], line: &Line<'_>, sink: &mut Sink<'_>, depth: u32) {
    let below = call.take("children").map(Cow::into_owned).unwrap_or_default();
    let children = array(&below).unwrap_or_default();
    let kind = call.text(&["type"]).unwrap_or_default();
    let id = call.text(&["id"]);
    // The flow itself is the run.
    let span = match &id {
        None if kind == "Flow" => above.to_owned(),
        _ => {
            let mut part = sink.begin(line, DIALECT.name);
            trace.clone_into(&mut part.trace_id);
            part.span_id = id.unwrap_or_else(|| format!("call-{}", sink.count()));
            let span = part.span_id.clone();
            part.parent_id = Some(above.to_owned());
            part.kind = match &*kind {
                "LLM" => SpanKind::Llm,
                "Embedding" => SpanKind::Embedding,
                // A node is called a tool also where it is a prompt for the model.
                "Tool" if children.is_empty() => SpanKind::Tool,
                _ => SpanKind::Chain,
            };
            read(&mut call, &mut part, line);
            sink.push(line, part, &call);
            span
        }
    };
    for child in children.into_iter().filter(|_| depth < DEEPEST).filter_map(Fields::of) {
        step(child, [trace, &span], line, sink, depth + 1);
    }
}

fn read(call: &mut Fields<'_>, part: &mut Part, line: &Line<'_>) {
    let function = call.text(&["name"]).unwrap_or_default();
    let name = call.text(&["node_name"]).unwrap_or_else(|| function.clone());
    part.name.clone_from(&name);
    let mut odd = false;
    let mut moment = |key: &str| call.number(&[key], time::read, &mut odd);
    let moments: [Option<Nanos>; 2] = ["start_time", "end_time"].map(&mut moment);
    outcome(call, part);
    let [inputs, output] = ["inputs", "output"].map(|key| call.take(key).map(Cow::into_owned));
    match part.kind {
        SpanKind::Llm | SpanKind::Embedding => {
            let kind = part.kind;
            let mut named = inputs.as_deref().and_then(Fields::of).unwrap_or_default();
            if let Some(output) = &output {
                named.push("response".into(), output.into());
            }
            flat::read(&mut named, part);
            part.kind = kind;
            part.name.clone_from(&name);
            for (key, value) in named.drain() {
                call.push(format!("inputs.{key}").into(), value.into_owned().into());
            }
        }
        _ => {
            if part.kind == SpanKind::Tool {
                part.tool_name = Some(function).filter(|name| !name.is_empty());
            }
            for (raw, slot) in [(inputs, Slot::Arguments), (output, Slot::Result)] {
                if let Some(raw) = raw {
                    push_payload(part, slot, &raw);
                }
            }
        }
    }
    let times = Times {
        start: moments[0],
        end: moments[1],
        duration: None,
    };
    times.apply(part, line);
    part.ended = part.end.is_some();
    record::note_odd(part, odd);
    for key in ["type", "parent_id"] {
        call.take(key);
    }
}

/// How it went.
fn outcome(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(error) = fields.take("error") {
        let text = Fields::of(&error).and_then(|mut error| error.text(&["message", "code"]));
        fail(part, text.or_else(|| Some(error.into_owned())));
    }
    match fields.get("status") {
        Some("\"Completed\"") => part.status = Status::Ok,
        Some("\"Failed\"") => fail(part, None),
        _ => {}
    }
}
