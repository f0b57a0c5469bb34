//! Logs of Inspect AI as JSON: an evaluation's samples with their events. (Its `.eval` files are archives and have no lines.)

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{self, push_messages, push_payload};
use crate::formats::scan::{Fields, array};
use crate::formats::sink::{Line, Sink, Times, fail, normalise};
use crate::formats::{Dialect, number, time};
use crate::model::content::{Form, Slot};
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// A whole log: `inspect log convert --to json`, or a run with `--log-format json`.
pub struct Inspect;

static DIALECT: Dialect = Dialect {
    name: "inspect",
    what: "evaluations of Inspect AI, its JSON log",
    order: Order::Random,
    example: "an object with eval, plan and samples",
};

impl Container for Inspect {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let names_task = || {
            fields
                .get("eval")
                .and_then(Fields::of)
                .is_some_and(|eval| eval.has("task") && eval.has("run_id"))
        };
        fields.get("samples").is_some_and(|samples| samples.starts_with('[')) && names_task()
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut eval = fields.get("eval").and_then(Fields::of).unwrap_or_default();
        let run = Run {
            id: eval.text(&["run_id"]).unwrap_or_default(),
            task: eval.text(&["task"]).unwrap_or_default(),
        };
        let samples = fields.get("samples").and_then(array).unwrap_or_default();
        for fields in samples.into_iter().filter_map(Fields::of) {
            sample(fields, &run, line, sink);
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

/// What all samples share.
struct Run {
    id: String,
    task: String,
}

/// One question to the task: an interaction.
fn sample(mut fields: Fields<'_>, run: &Run, line: &Line<'_>, sink: &mut Sink<'_>) {
    let attachments = fields.take("attachments").map(Cow::into_owned).unwrap_or_default();
    let attachments = Fields::of(&attachments).unwrap_or_default();
    let events = fields.take("events").map(|raw| attached(&raw, &attachments)).unwrap_or_default();
    let events: Vec<Fields<'_>> = array(&events).unwrap_or_default().into_iter().filter_map(Fields::of).collect();
    let moments = events.iter().filter_map(|event| event.get("timestamp").and_then(time::of));
    let mut root = sink.begin(line, DIALECT.name);
    let id = fields.text(&["id"]).unwrap_or_default();
    let epoch = fields.text(&["epoch"]).unwrap_or_default();
    root.trace_id = fields.text(&["uuid"]).unwrap_or_else(|| format!("{}-{id}-{epoch}", run.id));
    "sample".clone_into(&mut root.span_id);
    root.kind = SpanKind::Request;
    root.name = format!("{} {id}", run.task);
    root.feature = Some(run.task.clone()).filter(|task| !task.is_empty());
    root.session = Some(run.id.clone()).filter(|id| !id.is_empty());
    let mut odd = false;
    let times = Times {
        start: moments.min(),
        end: None,
        duration: fields.number(&["total_time"], number::seconds, &mut odd),
    };
    times.apply(&mut root, line);
    root.ended = true;
    record::note_odd(&mut root, odd);
    if let Some(error) = fields.take("error") {
        fail(&mut root, Fields::of(&error).and_then(|mut error| error.text(&["message"])));
    }
    if let Some(input) = fields.take("input") {
        push_messages(&mut root, Slot::Message, &attached(&input, &attachments));
    }
    let answer = fields
        .get("output")
        .and_then(Fields::of)
        .and_then(|output| output.get("choices").map(str::to_owned));
    if let Some(choices) = answer {
        push_messages(&mut root, Slot::Response, &attached(&choices, &attachments));
    }
    // What the events tell in full.
    for key in ["messages", "output", "store"] {
        fields.take(key);
    }
    let trace = root.trace_id.clone();
    sink.push(line, root, &fields);
    for (n, event) in events.into_iter().enumerate() {
        step(event, n, &trace, line, sink);
    }
}

/// Long texts stand apart, and a reference in their place.
fn attached(raw: &str, attachments: &Fields<'_>) -> String {
    const MARK: &str = "\"attachment://";
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(MARK) {
        let behind = &rest[at + MARK.len()..];
        let found = behind.find('"').and_then(|end| Some((end, attachments.get(&behind[..end])?)));
        let Some((end, text)) = found else {
            out.push_str(&rest[..at + MARK.len()]);
            rest = behind;
            continue;
        };
        out.push_str(&rest[..at]);
        out.push_str(text);
        rest = &behind[end + 1..];
    }
    out.push_str(rest);
    out
}

fn step(mut event: Fields<'_>, n: usize, trace: &str, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    trace.clone_into(&mut part.trace_id);
    let at = event.take("timestamp").as_deref().and_then(time::of);
    let above = event.text(&["span_id"]);
    let kind = event.text(&["event"]).unwrap_or_default();
    let is_end = kind == "span_end";
    let mut odd = false;
    let done = event.take("completed").as_deref().and_then(time::of);
    let took = event.number(&["working_time"], number::seconds, &mut odd);
    let times = Times {
        start: at.filter(|_| !is_end),
        end: if is_end { at } else { done },
        duration: took,
    };
    times.apply(&mut part, line);
    part.ended = kind != "span_begin";
    part.parent_id = Some(above.unwrap_or_else(|| "sample".to_owned()));
    match &*kind {
        "span_begin" | "span_end" => {
            part.span_id = event.text(&["id"]).unwrap_or_default();
            part.parent_id = event.text(&["parent_id"]).or_else(|| Some("sample".to_owned()));
            part.kind = SpanKind::Chain;
            part.name = event.text(&["name"]).unwrap_or_default();
        }
        "model" => call(&mut event, n, &mut part, &mut odd),
        "tool" => {
            part.kind = SpanKind::Tool;
            part.tool_call_id = event.text(&["id"]);
            part.span_id = part.tool_call_id.clone().unwrap_or_else(|| format!("tool-{n}"));
            part.name = event.text(&["function"]).unwrap_or_default();
            part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
            if let Some(arguments) = event.take("arguments") {
                push_payload(&mut part, Slot::Arguments, &arguments);
            }
            if let Some(result) = event.take("result") {
                push_payload(&mut part, Slot::Result, &result);
            }
            if let Some(error) = event.take("error") {
                fail(&mut part, Fields::of(&error).and_then(|mut error| error.text(&["message", "type"])));
            }
        }
        "score" => {
            part.kind = SpanKind::Evaluator;
            part.span_id = format!("score-{n}");
            "score".clone_into(&mut part.name);
        }
        // Changes of the state, and what the sandbox did for a tool.
        _ => return,
    }
    record::note_odd(&mut part, odd);
    for key in ["working_start", "events", "type", "call"] {
        event.take(key);
    }
    sink.push(line, part, &event);
}

fn call(event: &mut Fields<'_>, n: usize, part: &mut Part, odd: &mut bool) {
    part.kind = SpanKind::Llm;
    part.span_id = format!("model-{n}");
    let model = event.text(&["model"]).unwrap_or_default();
    part.name.clone_from(&model);
    let (provider, model) = model.split_once('/').unwrap_or(("", &model));
    part.provider = Some(provider.to_owned()).filter(|provider| !provider.is_empty());
    part.request_model = Some(model.to_owned()).filter(|model| !model.is_empty());
    if let Some(config) = event.take("config") {
        part.params = crate::model::json::Json::parse(&config)
            .ok()
            .filter(|config| config.as_str() != "{}");
    }
    for tool in event.take("tools").as_deref().and_then(array).unwrap_or_default() {
        message::push(part, Slot::ToolDefinition, "", Form::Json, tool.to_owned());
    }
    if let Some(input) = event.take("input") {
        push_messages(part, Slot::Message, &input);
    }
    let output = event.take("output").map(Cow::into_owned).unwrap_or_default();
    let mut output = Fields::of(&output).unwrap_or_default();
    part.response_model = output.text(&["model"]);
    if let Some(error) = event.text(&["error"]).or_else(|| output.text(&["error"])) {
        fail(part, Some(error));
    }
    if let Some(choices) = output.take("choices") {
        let first = array(&choices).and_then(|choices| choices.first().copied().and_then(Fields::of));
        part.stop_reason = first.and_then(|mut first| first.text(&["stop_reason"]));
        push_messages(part, Slot::Response, &choices);
    }
    if let Some(mut logged) = output.take("usage").as_deref().and_then(Fields::of) {
        let mut count = |key: &str| logged.number(&[key], number::tokens, odd);
        let usage = Usage {
            input: count("input_tokens"),
            cache_read: count("input_tokens_cache_read"),
            cache_write: count("input_tokens_cache_write"),
            cache_write_1h: None,
            output: count("output_tokens"),
            reasoning: count("reasoning_tokens"),
        };
        // Whether the input has the cached tokens in it, the total says.
        let sum = |classes: &[Option<u64>]| classes.iter().flatten().fold(0_u64, |sum, n| sum.saturating_add(*n));
        let convention = match count("total_tokens") {
            Some(total) if total == sum(&[usage.input, usage.output]) => Convention::Inclusive,
            Some(total) if total == sum(&[usage.input, usage.cache_read, usage.cache_write, usage.output]) => Convention::Exclusive,
            _ => Convention::Unknown,
        };
        normalise(part, convention, usage);
    }
    output.take("time");
    if let Some(retries) = output.take("metadata") {
        event.push("metadata".into(), retries.into_owned().into());
    }
}
