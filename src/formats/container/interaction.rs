//! The finalised record of one user interaction: `turns` and `tool_calls` in two lists, no times but the whole's.
//!
//! It becomes a request with its calls laid out one after the other. The order between turns and tools is not logged:
//! a turn that stopped for tools is followed by its tools, and everything so placed says that it was inferred.

use super::{Container, Outcome};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink};
use crate::formats::vocabulary::flat;
use crate::formats::{Dialect, message, number, preview, time};
use crate::model::content::{Form, Slot};
use crate::model::record::Order;
use crate::model::span::{Inferred, Nanos, Part, SpanKind};

/// One object, a request and its calls.
pub struct Interaction;

static DIALECT: Dialect = Dialect {
    name: "interaction",
    what: "one record per user interaction, with its turns and tool calls",
    order: Order::Random,
    example: "an object with turns and trace_id or tool_calls",
};

/// Characters a wrapper keeps of a tool's result.
const PREVIEW: usize = 500;

/// Names of the time at which the record was written.
const WRITTEN: &[&str] = &["timestamp", "ts", "time", "created_at", "created", "@timestamp", "date"];

/// How the children lie: a turn, or a tool.
enum Step {
    Turn(usize),
    Tool(usize),
}

impl Container for Interaction {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.get("turns").is_some_and(|v| v.starts_with('[')) && fields.any(&["trace_id", "traceId", "tool_calls"])
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let turns_raw = fields.take("turns").unwrap_or_default();
        let tools_raw = fields.take("tool_calls").unwrap_or_default();
        let mut root = sink.begin(line, DIALECT.name);
        flat::identity(&mut fields, &mut root);
        if root.trace_id.is_empty() {
            let at = format!(
                "{:016x}",
                xxhash_rust::xxh3::xxh3_64(format!("{}\0{}", line.block.source.uri, line.origin.offset).as_bytes())
            );
            root.trace_id = at;
            root.inferred = root.inferred.and(Inferred::TRACE_ID);
        }
        "request".clone_into(&mut root.span_id);
        let mut odd = false;
        let total = fields.number(&["total_latency_ms", "latency_ms", "duration_ms"], number::milliseconds, &mut odd);

        let mut turns = children(sink, line, &root, &turns_raw, turn);
        let mut tools = children(sink, line, &root, &tools_raw, tool);
        if turns.is_empty() {
            root.usage.input = fields.number(&["total_input_tokens"], number::tokens, &mut odd);
            root.usage.output = fields.number(&["total_output_tokens"], number::tokens, &mut odd);
        }
        root.cost_logged = fields.number(&["total_cost", "cost_usd", "cost"], number::dollars, &mut odd);
        let steps = order(&mut turns, &tools);

        let parts: Nanos = turns.iter().chain(&tools).filter_map(|c| c.duration).fold(0, Nanos::saturating_add);
        // The record is written when everything is over, so its own time is the end.
        let written = fields.number(WRITTEN, time::read, &mut odd);
        let mut times = flat::read(&mut fields, &mut root);
        times.end = times.end.or(written.filter(|_| times.start.is_none()));
        times.duration = total.or(times.duration).or((parts > 0).then_some(parts));
        if odd {
            root.inferred = root.inferred.and(Inferred::OUT_OF_RANGE);
        }
        times.apply(&mut root, line);
        root.kind = SpanKind::Request;
        root.inferred = Inferred(root.inferred.0 & !Inferred::KIND.0);
        root.ended = true;
        if let Some(last) = turns.last() {
            root.answer.clone_from(&last.part.answer);
        }
        if let Some(first) = turns.iter().find(|c| !c.part.ask.is_empty()) {
            root.ask.clone_from(&first.part.ask);
        }

        let mut cursor = root.start;
        let place = |child: &mut Child, root: &Part, ordinal: usize, cursor: &mut Nanos| {
            let part = &mut child.part;
            part.origin.ordinal = ordinal as u32;
            part.start_from = root.start_from;
            part.start = child.start.unwrap_or(*cursor);
            part.end = child.duration.map(|d| part.start.saturating_add(d));
            let guess = Inferred::PARENT.and(Inferred::ORDER);
            part.inferred = part.inferred.and(if child.start.is_none() {
                guess.and(Inferred::START)
            } else {
                Inferred::PARENT
            });
            *cursor = part.end.unwrap_or(part.start);
        };
        let mut ready = Vec::new();
        for step in steps {
            let child = match step {
                Step::Turn(i) => &mut turns[i],
                Step::Tool(i) => &mut tools[i],
            };
            place(child, &root, ready.len() + 1, &mut cursor);
            ready.push(std::mem::take(child));
        }
        sink.push(line, root, &fields);
        for child in ready {
            sink.push(line, child.part, &child.rest);
        }
        Outcome::Spans
    }
}

/// A turn or a tool call before it has its place.
#[derive(Default)]
struct Child {
    part: Part,
    start: Option<Nanos>,
    duration: Option<Nanos>,
    rest: Fields<'static>,
}

fn children(sink: &Sink<'_>, line: &Line<'_>, root: &Part, raw: &str, read: fn(Fields<'_>, &mut Child, usize)) -> Vec<Child> {
    let items = array(raw).unwrap_or_default();
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.into_iter().enumerate() {
        let mut child = Child {
            part: sink.begin(line, DIALECT.name),
            ..Child::default()
        };
        child.part.trace_id.clone_from(&root.trace_id);
        child.part.parent_id = Some(root.span_id.clone());
        child.part.ended = true;
        let fields = Fields::of(item).unwrap_or_else(|| {
            let mut fields = Fields::default();
            fields.push("value".into(), item.into());
            fields
        });
        read(fields, &mut child, i + 1);
        out.push(child);
    }
    out
}

fn turn(mut fields: Fields<'_>, child: &mut Child, number: usize) {
    child.part.span_id = format!("turn-{number}");
    let times = flat::read(&mut fields, &mut child.part);
    child.part.kind = SpanKind::Llm;
    child.part.inferred = Inferred(child.part.inferred.0 & !Inferred::KIND.0);
    child.part.name = format!("turn {number}");
    child.start = times.start;
    child.duration = times.duration;
    child.rest = fields.into_owned();
}

fn tool(mut fields: Fields<'_>, child: &mut Child, number: usize) {
    let part = &mut child.part;
    part.span_id = format!("tool-{number}");
    part.kind = SpanKind::Tool;
    part.tool_name = fields.text(&["tool", "tool_name", "name"]);
    part.name = part.tool_name.clone().unwrap_or_default();
    part.tool_call_id = fields.text(&["tool_call_id", "tool_use_id", "call_id", "id"]);
    if let Some(inputs) = fields.first(&["inputs", "input", "arguments", "args"]) {
        message::push_payload(part, Slot::Arguments, &inputs);
    }
    if let Some(raw) = fields.take("result_preview") {
        let text = string(&raw).unwrap_or(std::borrow::Cow::Borrowed(&*raw)).into_owned();
        if let Some(count) = preview::documents(&text) {
            part.documents = Some(count);
            part.inferred = part.inferred.and(Inferred::DOCUMENTS);
        }
        let form = if text.chars().count() == PREVIEW {
            Form::Preview
        } else {
            Form::Text
        };
        message::push(part, Slot::Result, "", form, text);
    } else if let Some(raw) = fields.first(&["result", "output", "response"]) {
        if message::push_documents(part, &raw) {
            part.inferred = part.inferred.and(Inferred::DOCUMENTS);
        }
        message::push_payload(part, Slot::Result, &raw);
    }
    let mut odd = false;
    child.duration = flat::duration(&mut fields, &mut odd);
    child.start = fields.number(&["start_time", "started_at", "start", "timestamp", "ts"], time::read, &mut odd);
    flat::failure(&mut fields, part);
    if odd {
        part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
    }
    child.rest = fields.into_owned();
}

/// Turns and tools in the order they most likely ran. The turns learn which tools they asked for.
fn order(turns: &mut [Child], tools: &[Child]) -> Vec<Step> {
    let asking: Vec<usize> = (0..turns.len())
        .filter(|i| {
            matches!(
                turns[*i].part.stop_reason.as_deref(),
                Some("tool_use" | "tool_calls" | "function_call")
            )
        })
        .collect();
    let mut owner = vec![0; tools.len()];
    for (i, owner) in owner.iter_mut().enumerate() {
        // Several turns asked: an even share each, in order.
        *owner = match asking.len() {
            0 => 0,
            n => asking[i * n / tools.len()],
        };
    }
    let mut steps = Vec::with_capacity(turns.len() + tools.len());
    for (i, turn) in turns.iter_mut().enumerate() {
        steps.push(Step::Turn(i));
        let mine: Vec<usize> = (0..tools.len()).filter(|t| owner[*t] == i).collect();
        if turn.part.tool_calls.is_empty() && !asking.is_empty() {
            turn.part.tool_calls = mine.iter().filter_map(|t| tools[*t].part.tool_name.clone()).collect();
        }
        steps.extend(mine.into_iter().map(Step::Tool));
    }
    if turns.is_empty() {
        steps.extend((0..tools.len()).map(Step::Tool));
    }
    steps
}
