//! Exports of Langfuse: observations, traces, and traces with their observations; camel case from its API, snake case from its storage.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_documents, push_messages, push_payload, unwrapped};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times, id, kind_of};
use crate::formats::vocabulary::langfuse as words;
use crate::formats::{Dialect, message, number, time};
use crate::model::content::{Form, Slot};
use crate::model::json::Json;
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind};

/// Observations and traces.
pub struct Langfuse;

static DIALECT: Dialect = Dialect {
    name: "langfuse",
    what: "observations and traces exported from Langfuse",
    order: Order::Random,
    example: "an object with parentObservationId, or traceId and a type such as GENERATION, or trace and observations",
};

const TYPES: &[&str] = &[
    "SPAN",
    "GENERATION",
    "EVENT",
    "AGENT",
    "TOOL",
    "CHAIN",
    "RETRIEVER",
    "EMBEDDING",
    "EVALUATOR",
    "GUARDRAIL",
];

impl Container for Langfuse {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_observation(fields) || is_trace(fields) || is_whole(fields)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if is_observation(&fields) {
            observation(fields, None, line, sink);
        } else if is_whole(&fields) {
            let observations = fields.take("observations").map(Cow::into_owned).unwrap_or_default();
            let whole = fields.take("trace").map(Cow::into_owned).unwrap_or_default();
            let root = Fields::of(&whole).and_then(|whole| trace(whole, line, sink));
            for fields in array(&observations).unwrap_or_default().into_iter().filter_map(Fields::of) {
                observation(fields, root.as_deref(), line, sink);
            }
        } else {
            // A trace of the API may hold its observations itself, or only their ids.
            let inside = fields.get("observations").and_then(array).unwrap_or_default();
            let whole = inside
                .first()
                .is_some_and(|first| Fields::of(first).is_some_and(|f| is_observation(&f)));
            let inside = if whole {
                fields.take("observations").map(Cow::into_owned)
            } else {
                None
            };
            let root = trace(fields, line, sink);
            for fields in inside
                .as_deref()
                .and_then(array)
                .unwrap_or_default()
                .into_iter()
                .filter_map(Fields::of)
            {
                observation(fields, root.as_deref(), line, sink);
            }
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

fn is_observation(fields: &Fields<'_>) -> bool {
    if fields.has("startTime") || fields.has("start_time") {
        let typed = || fields.get("type").and_then(string).is_some_and(|kind| TYPES.contains(&&*kind));
        return fields.any(&["parentObservationId", "parent_observation_id"]) || fields.any(&["traceId", "trace_id"]) && typed();
    }
    false
}

fn is_trace(fields: &Fields<'_>) -> bool {
    fields.has("bookmarked") && fields.any(&["projectId", "project_id"]) && fields.has("timestamp")
}

fn is_whole(fields: &Fields<'_>) -> bool {
    fields.get("observations").is_some_and(|v| v.starts_with('[')) && fields.get("trace").and_then(Fields::of).is_some_and(|t| t.has("id"))
}

/// The trace's own record: what the user asked and what came of it. Its sums repeat those of its observations.
fn trace(mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Option<String> {
    let mut part = sink.begin(line, DIALECT.name);
    let own = fields.text(&["id"])?;
    part.trace_id = id(own, record::TRACE)?;
    part.span_id = format!("trace-{}", part.trace_id);
    part.kind = SpanKind::Request;
    part.name = fields.text(&["name"]).unwrap_or_default();
    part.feature = Some(part.name.clone()).filter(|name| !name.is_empty());
    part.user = fields.text(&["userId", "user_id"]);
    part.session = fields.text(&["sessionId", "session_id"]);
    let mut odd = false;
    let times = Times {
        start: fields.number(&["timestamp"], time::read, &mut odd),
        end: None,
        duration: fields.number(&["latency"], number::seconds, &mut odd),
    };
    times.apply(&mut part, line);
    record::note_odd(&mut part, odd);
    part.ended = true;
    contents(&mut fields, &mut part);
    let root = part.span_id.clone();
    sink.push(line, part, &fields);
    Some(root)
}

fn observation(mut fields: Fields<'_>, root: Option<&str>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    let trace = fields.text(&["traceId", "trace_id"]);
    part.trace_id = trace.and_then(|text| id(text, record::TRACE)).unwrap_or_default();
    part.span_id = fields.text(&["id"]).and_then(|text| id(text, record::SPAN)).unwrap_or_default();
    let parent = fields.text(&["parentObservationId", "parent_observation_id"]);
    part.parent_id = parent.and_then(|text| id(text, record::SPAN)).or_else(|| root.map(str::to_owned));
    part.name = fields.text(&["name"]).unwrap_or_default();
    if let Some(kind) = fields.get("type").and_then(string).and_then(|word| kind_of(&word)) {
        fields.take("type");
        part.kind = kind;
    }
    let mut odd = false;
    let mut moment = |keys: &[&str]| {
        utc(&mut fields, keys).and_then(|raw| match time::read(&raw) {
            crate::formats::scan::Reading::Value(at) => Some(at),
            _ => None,
        })
    };
    let times = Times {
        start: moment(&["startTime", "start_time"]),
        end: moment(&["endTime", "end_time"]),
        duration: None,
    };
    let first = moment(&["completionStartTime", "completion_start_time"]);
    times.apply(&mut part, line);
    part.ended = part.end.is_some() || fields.get("type") == Some("\"EVENT\"");
    part.time_to_first_token = first.map(|first| first.saturating_sub(part.start)).filter(|t| *t >= 0);
    part.request_model = fields.text(&["model", "provided_model_name", "providedModelName"]);
    let logged = fields.take("usageDetails").or_else(|| fields.take("usage_details"));
    if let Some(raw) = logged {
        if let Some(mut details) = Fields::of(&unwrapped(&raw)) {
            words::usage(&mut details, &mut part, &mut odd);
            if !details.is_empty() {
                fields.push("usageDetails".into(), message::object(details.rest()).as_str().to_owned().into());
            }
        } else {
            fields.push("usageDetails".into(), raw);
        }
    }
    cost(&mut fields, &mut part, &mut odd);
    let parameters = fields.take("modelParameters").or_else(|| fields.take("model_parameters"));
    part.params = parameters
        .and_then(|raw| Json::parse(&unwrapped(&raw)).ok())
        .filter(|json| json.as_str().starts_with('{') && json.as_str() != "{}");
    let why = if fields.has("status_message") {
        "status_message"
    } else {
        "statusMessage"
    };
    words::level(&mut fields, &mut part, "level", why);
    contents(&mut fields, &mut part);
    service(&fields, &mut part);
    record::note_odd(&mut part, odd);
    sink.push(line, part, &fields);
}

/// A total of 0 beside nothing that was priced is no cost.
fn cost(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let details = fields.take("costDetails").or_else(|| fields.take("cost_details"));
    if let Some(mut details) = details.as_deref().map(unwrapped).as_deref().and_then(Fields::of_owned) {
        part.cost_logged = words::cost(&mut details, odd);
    }
    let total = fields.number(&["totalCost", "calculatedTotalCost", "total_cost"], number::dollars, odd);
    if part.cost_logged.is_none() {
        part.cost_logged = total.filter(|cost| cost.0 > 0);
    }
}

/// The storage writes times in UTC without saying so.
fn utc(fields: &mut Fields<'_>, keys: &[&str]) -> Option<String> {
    let raw = fields.first(keys)?;
    let Some(text) = string(&raw) else { return Some(raw.into_owned()) };
    let bare = text.len() > 10 && text.as_bytes().get(10) == Some(&b' ') && !text.ends_with('Z') && !text[10..].contains(['+', '-']);
    Some(if bare {
        crate::formats::scan::quote(&format!("{text}Z"))
    } else {
        raw.into_owned()
    })
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    let input = fields.take("input");
    let output = fields.take("output");
    let step = matches!(
        part.kind,
        SpanKind::Tool | SpanKind::Retrieval | SpanKind::Embedding | SpanKind::Rerank | SpanKind::Guardrail
    );
    if part.kind == SpanKind::Tool {
        part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
    }
    if let Some(raw) = input {
        if step {
            push_payload(part, Slot::Arguments, &raw);
        } else {
            // A request may stand here whole, its system prompt and its tools beside its messages.
            if let Some(mut request) = Fields::of(&unwrapped(&raw)) {
                if let Some(system) = request.first(&["system", "instructions"]) {
                    message::push_system(part, &system);
                }
                for tool in request.get("tools").and_then(array).unwrap_or_default() {
                    message::push(part, Slot::ToolDefinition, "", Form::Json, tool.to_owned());
                }
            }
            push_messages(part, Slot::Message, &raw);
        }
    }
    if let Some(raw) = output {
        if part.kind == SpanKind::Retrieval && push_documents(part, &raw) {
            return;
        }
        if step {
            push_payload(part, Slot::Result, &raw);
        } else {
            push_messages(part, Slot::Response, &raw);
        }
    }
}

/// The resource that OpenTelemetry named stands in the metadata.
fn service(fields: &Fields<'_>, part: &mut Part) {
    let metadata = fields.get("metadata").map(unwrapped).unwrap_or_default();
    let resource = Fields::of(&metadata).and_then(|metadata| metadata.get("resourceAttributes").and_then(Fields::of_owned));
    part.service = resource.and_then(|mut resource| resource.text(&["service.name"]));
}
