//! Results of `OpenHands`' evaluations: a line is one task with its history, in which every step repeats the model's whole answer.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_messages, push_payload, push_system};
use crate::formats::scan::{Fields, array, quote};
use crate::formats::sink::{Line, Sink, Times, fail, normalise};
use crate::formats::vocabulary::flat;
use crate::formats::{Dialect, number, time};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Inferred, Nanos, Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// Lines of an evaluation's `output.jsonl`.
pub struct OpenHands;

static DIALECT: Dialect = Dialect {
    name: "openhands",
    what: "results of OpenHands' evaluations, a task a line",
    order: Order::Random,
    example: "an object with instance_id, history and metrics",
};

/// The span of the task.
const ROOT: &str = "task";

impl Container for OpenHands {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let is_list = |key: &str| fields.get(key).is_some_and(|raw| raw.starts_with('['));
        let has_metrics = || {
            fields
                .get("metrics")
                .and_then(Fields::of)
                .is_some_and(|metrics| metrics.has("accumulated_cost"))
        };
        fields.has("instance_id") && is_list("history") && has_metrics()
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let history = fields.take("history").map(Cow::into_owned).unwrap_or_default();
        let history: Vec<Fields<'_>> = array(&history).unwrap_or_default().into_iter().filter_map(Fields::of).collect();
        let metrics = fields.take("metrics").as_deref().and_then(Fields::of_owned).unwrap_or_default();
        let moments = history.iter().filter_map(|event| event.get("timestamp").and_then(time::of));
        let times = Times {
            start: moments.clone().min(),
            end: moments.max(),
            duration: None,
        };
        let task = Task {
            id: fields.text(&["instance_id"]).unwrap_or_default(),
            feature: Fields::of(fields.get("metadata").unwrap_or_default()).and_then(|mut of| of.text(&["agent_class"])),
            start: times.start,
            figures: by_answer(&metrics, "token_usages"),
            took: by_answer(&metrics, "response_latencies"),
        };
        let mut root = task.begin(times, line, sink);
        root.kind = SpanKind::Request;
        root.name.clone_from(&task.id);
        ROOT.clone_into(&mut root.span_id);
        root.parent_id = None;
        root.ended = true;
        let mut odd = false;
        let mut cost = metrics;
        root.cost_logged = cost
            .number(&["accumulated_cost"], number::dollars, &mut odd)
            .filter(|cost| cost.0 > 0);
        record::note_odd(&mut root, odd);
        if let Some(error) = fields.text(&["error"]) {
            fail(&mut root, Some(error));
        }
        if let Some(asked) = fields.take("instruction") {
            push_messages(&mut root, Slot::Message, &asked);
        }
        let system = history.iter().find(|event| event.get("action") == Some("\"system\""));
        if let Some(system) = system.and_then(|event| event.get("message")) {
            push_system(&mut root, system);
        }
        let last = history
            .iter()
            .rev()
            .find(|event| event.get("source") == Some("\"agent\"") && event.has("action"));
        if let Some(answer) = last.and_then(|event| event.get("message")) {
            push_messages(&mut root, Slot::Response, answer);
        }
        sink.push(line, root, &fields);
        task.steps(history, line, sink);
        Outcome::Spans
    }
}

/// One task.
struct Task {
    id: String,
    feature: Option<String>,
    /// When its history begins.
    start: Option<Nanos>,
    /// Tokens and duration of each answer, in the order of the calls.
    figures: Vec<(String, Fields<'static>)>,
    took: Vec<(String, Fields<'static>)>,
}

fn by_answer(metrics: &Fields<'_>, key: &str) -> Vec<(String, Fields<'static>)> {
    let rows = metrics.get(key).and_then(array).unwrap_or_default();
    let row = |raw: &str| {
        let mut row = Fields::of_owned(raw)?;
        Some((row.text(&["response_id"])?, row))
    };
    rows.into_iter().filter_map(row).collect()
}

impl Task {
    fn begin(&self, times: Times, line: &Line<'_>, sink: &Sink<'_>) -> Part {
        let mut part = sink.begin(line, DIALECT.name);
        self.name(&mut part);
        times.apply(&mut part, line);
        part
    }

    fn name(&self, part: &mut Part) {
        part.trace_id.clone_from(&self.id);
        part.parent_id = Some(ROOT.to_owned());
        part.feature.clone_from(&self.feature);
        part.service = Some("openhands".to_owned());
    }

    /// Calls of the model, each in as many events as it asked for tools, and the tools with what they answered.
    fn steps(&self, history: Vec<Fields<'_>>, line: &Line<'_>, sink: &mut Sink<'_>) {
        let mut known: HashSet<String> = HashSet::new();
        let mut tools: HashMap<String, String> = HashMap::new();
        for mut event in history {
            let at = event.take("timestamp").as_deref().and_then(time::of);
            let asked = event.take("tool_call_metadata").map(Cow::into_owned).unwrap_or_default();
            let mut asked = Fields::of(&asked).unwrap_or_default();
            let answer = asked.take("model_response").map(Cow::into_owned).unwrap_or_default();
            let response = Fields::of(&answer).and_then(|mut answer| answer.text(&["id"])).unwrap_or_default();
            if event.has("action") && !response.is_empty() {
                if known.insert(response.clone()) {
                    self.call(&response, Some(&answer), at, line, sink);
                }
                let mut tool = self.begin(
                    Times {
                        start: at,
                        ..Times::default()
                    },
                    line,
                    sink,
                );
                tool.kind = SpanKind::Tool;
                tool.tool_call_id = asked.text(&["tool_call_id"]);
                tool.span_id = tool.tool_call_id.clone().unwrap_or_else(|| format!("tool-{}", sink.count()));
                tool.parent_id = Some(response);
                tool.name = asked.text(&["function_name"]).unwrap_or_default();
                tool.tool_name = Some(tool.name.clone()).filter(|name| !name.is_empty());
                if let Some(arguments) = event.take("args") {
                    push_payload(&mut tool, Slot::Arguments, &arguments);
                }
                if let Some(id) = event.text(&["id"]) {
                    tools.insert(id, tool.span_id.clone());
                }
                event.take("llm_metrics");
                sink.push(line, tool, &event);
            } else if let Some(id) = event.text(&["cause"]).and_then(|cause| tools.remove(&cause)) {
                let mut tool = self.begin(
                    Times {
                        end: at,
                        ..Times::default()
                    },
                    line,
                    sink,
                );
                tool.kind = SpanKind::Tool;
                tool.span_id = id;
                tool.ended = true;
                // The call says what asked for it.
                tool.parent_id = None;
                if event.get("success") == Some("false") {
                    fail(&mut tool, event.text(&["message"]));
                }
                if let Some(result) = event.take("content") {
                    push_payload(&mut tool, Slot::Result, &result);
                }
                event.take("message");
                sink.push(line, tool, &event);
            }
        }
        for (response, _) in self.figures.iter().filter(|(response, _)| !known.contains(response)) {
            self.call(response, None, None, line, sink);
        }
    }

    /// One call of the model, of which an event may say nothing: then only its tokens are known.
    fn call(&self, response: &str, answer: Option<&str>, at: Option<Nanos>, line: &Line<'_>, sink: &mut Sink<'_>) {
        let of = |rows: &[(String, Fields<'static>)]| {
            rows.iter()
                .find(|(id, _)| id == response)
                .map(|(_, row)| crate::formats::message::object(row.rest()))
        };
        let mut odd = false;
        let took = of(&self.took).and_then(|row| Fields::of(row.as_str())?.number(&["latency"], number::seconds, &mut odd));
        // Of a call that no event tells of, nobody knows when it was.
        let times = Times {
            start: self.start.filter(|_| at.is_none()),
            end: at,
            duration: took.filter(|_| at.is_some()),
        };
        let mut part = self.begin(times, line, sink);
        part.inferred = part.inferred.and(Inferred::START);
        let mut rest = Fields::default();
        if let Some(answer) = answer {
            rest.push("response".into(), answer.into());
            flat::read(&mut rest, &mut part);
            self.name(&mut part);
        }
        part.kind = SpanKind::Llm;
        response.clone_into(&mut part.span_id);
        part.ended = true;
        if let Some(row) = of(&self.figures) {
            let mut row = Fields::of(row.as_str()).unwrap_or_default();
            part.request_model = row.text(&["model"]);
            let mut count = |key: &str| row.number(&[key], number::tokens, &mut odd);
            let usage = Usage {
                input: count("prompt_tokens"),
                cache_read: count("cache_read_tokens"),
                cache_write: count("cache_write_tokens"),
                output: count("completion_tokens"),
                ..Usage::default()
            };
            normalise(&mut part, Convention::Inclusive, usage);
        }
        part.name = part.request_model.clone().unwrap_or_else(|| "call".to_owned());
        record::note_odd(&mut part, odd);
        rest.push("response_id".into(), quote(response).into());
        sink.push(line, part, &rest);
    }
}
