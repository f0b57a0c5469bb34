//! OTLP JSON lines of traces and logs: camel case or snake case, whole exports or single spans, as collectors and SDKs write them.
//!
//! Typed and borrowed; attribute values become plain JSON text that the vocabularies read.

mod logs;
mod value;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use value::KeyValues;

use super::record::{self, Event, Names, Record};
use super::{Container, Outcome};
use crate::formats::scan::{Fields, Text, array};
use crate::formats::sink::{Line, Sink};
use crate::formats::{Dialect, message};
use crate::model::record::Order;

/// Exports of OpenTelemetry.
pub struct Otlp;

static DIALECT: Dialect = Dialect {
    name: "otlp",
    what: "OpenTelemetry traces and GenAI log events as OTLP JSON lines",
    order: Order::Random,
    example: "an object with resourceSpans, batches, scopeSpans or resourceLogs, or a bare span",
};

static NAMES: Names = Names {
    ids: [
        &["traceId", "trace_id"],
        &["spanId", "span_id"],
        &["parentSpanId", "parent_span_id"],
    ],
    name: "name",
    times: [
        &["startTimeUnixNano", "start_time_unix_nano"],
        &["endTimeUnixNano", "end_time_unix_nano"],
    ],
};

/// Marks what a function in AWS Lambda prints for its collector.
const LAMBDA: &str = "__otel_otlp_stdout";

/// `S` is a span in the making: read in the same pass, or by its fields.
#[derive(Deserialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
struct ResourceSpans<'a, S> {
    #[serde(borrow, default)]
    resource: Option<Resource<'a>>,
    #[serde(
        borrow,
        default = "Option::default",
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans",
        rename = "scopeSpans"
    )]
    scopes: Option<Vec<ScopeSpans<'a, S>>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
struct ScopeSpans<'a, S> {
    #[serde(borrow, default, alias = "instrumentationLibrary", alias = "instrumentation_library")]
    scope: Option<Scope<'a>>,
    #[serde(default = "Option::default")]
    spans: Option<Vec<S>>,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
}

/// A span whose attributes and events are apart from its other fields.
struct Span<'a> {
    fields: Fields<'a>,
    attributes: Fields<'a>,
    events: Vec<Event<'a>>,
}

impl<'a> Span<'a> {
    fn of(mut fields: Fields<'a>) -> Self {
        let attributes = value::attributes(fields.first(&["attributes"]));
        let events = match fields.take("events") {
            None => Vec::new(),
            Some(Cow::Borrowed(events)) => record::events(events, event),
            Some(Cow::Owned(events)) => record::events(&events, |fields| event(fields.into_owned())),
        };
        Self {
            fields,
            attributes,
            events,
        }
    }
}

/// The same in one pass, where it is what OTLP says it is.
struct Exact<'a>(Span<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Exact<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SpanVisitor;
        impl<'de> Visitor<'de> for SpanVisitor {
            type Value = Exact<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Exact<'de>, A::Error> {
                let mut fields = Fields::default();
                let (mut attributes, mut events) = (None, None);
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "attributes" if attributes.is_none() => attributes = Some(map.next_value::<KeyValues<'de>>()?.0),
                        "events" if events.is_none() => events = Some(map.next_value::<Vec<Fields<'de>>>()?),
                        "attributes" | "events" => return Err(A::Error::custom("said twice")),
                        _ => fields.push(key, Cow::Borrowed(map.next_value::<&'de RawValue>()?.get())),
                    }
                }
                Ok(Exact(Span {
                    fields,
                    attributes: attributes.unwrap_or_default(),
                    events: events.unwrap_or_default().into_iter().map(event).collect(),
                }))
            }
        }
        deserializer.deserialize_map(SpanVisitor)
    }
}

/// A whole export, and nothing beside it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Traces<'a> {
    #[serde(borrow, rename = "resourceSpans")]
    resources: Vec<ResourceSpans<'a, Exact<'a>>>,
}

/// Reads an export as collectors write them, from text to spans in one pass. `None` when something in it is not as OTLP says; whoever
/// looks at its fields one by one may still read it.
pub(super) fn at_once(text: &str, line: &Line<'_>, sink: &mut Sink<'_>) -> Option<Outcome> {
    let begins = text.strip_prefix('{')?.trim_ascii_start().starts_with(r#""resourceSpans""#);
    let traces: Traces<'_> = begins.then(|| serde_json::from_str(text).ok())??;
    let before = sink.count();
    for resource in traces.resources {
        spans_of(resource, |Exact(span)| span, line, sink);
    }
    Some(if sink.count() == before {
        Outcome::Other(line.time)
    } else {
        Outcome::Spans
    })
}

impl Container for Otlp {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_export(fields) || is_resource(fields) || is_span(fields) || is_signal(fields) || fields.has(LAMBDA)
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if fields.has(LAMBDA) {
            let advice = "protobuf in base64, as a Lambda function prints it: export OTLP as JSON";
            return Outcome::Bad("OTLP as protobuf", advice.to_owned());
        }
        let before = sink.count();
        if is_span(&fields) {
            push(Span::of(fields), &Shared::default(), None, line, sink);
            return Outcome::Spans;
        }
        let result = if is_export(&fields) {
            ["resourceSpans", "resource_spans", "batches"]
                .iter()
                .find_map(|key| fields.get(key))
                .map_or(Ok(()), |raw| resources(raw, line, sink))
        } else if is_resource(&fields) {
            // One ResourceSpans stands alone: put its fields together again.
            let whole = message::object(fields.rest());
            one(whole.as_str(), line, sink)
        } else {
            logs::read(&fields, line, sink)
        };
        match result {
            Err(error) => {
                sink.undo(before);
                Outcome::Bad("malformed OTLP", error.to_string())
            }
            Ok(()) if sink.count() == before => Outcome::Other(line.time),
            Ok(()) => Outcome::Spans,
        }
    }
}

fn is_export(fields: &Fields<'_>) -> bool {
    let batch = || {
        fields
            .get("batches")
            .and_then(array)
            .and_then(|b| b.first().copied().and_then(Fields::of))
    };
    fields.any(&["resourceSpans", "resource_spans"]) || batch().is_some_and(|b| is_resource(&b))
}

fn is_resource(fields: &Fields<'_>) -> bool {
    fields.any(&[
        "scopeSpans",
        "scope_spans",
        "instrumentationLibrarySpans",
        "instrumentation_library_spans",
    ])
}

fn is_span(fields: &Fields<'_>) -> bool {
    fields.any(&["traceId", "trace_id"]) && fields.any(&["spanId", "span_id"]) && fields.any(&["startTimeUnixNano", "start_time_unix_nano"])
}

/// Logs and metrics of the same exporters. Metrics are counted, and say nothing about spans.
fn is_signal(fields: &Fields<'_>) -> bool {
    fields.any(&[
        "resourceLogs",
        "resource_logs",
        "resourceMetrics",
        "resource_metrics",
        "scopeLogs",
        "scope_logs",
        "scopeMetrics",
        "scope_metrics",
    ])
}

fn resources(raw: &str, line: &Line<'_>, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    let all: Option<Vec<ResourceSpans<'_, Fields<'_>>>> = serde_json::from_str(raw)?;
    for resource in all.into_iter().flatten() {
        spans_of(resource, Span::of, line, sink);
    }
    Ok(())
}

fn one(raw: &str, line: &Line<'_>, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    spans_of(serde_json::from_str(raw)?, Span::of, line, sink);
    Ok(())
}

fn spans_of<'a, S>(resource: ResourceSpans<'a, S>, span: fn(S) -> Span<'a>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let shared = Shared::of(resource.resource.as_ref());
    for scope in resource.scopes.into_iter().flatten() {
        for found in scope.spans.into_iter().flatten() {
            push(span(found), &shared, scope.scope.as_ref(), line, sink);
        }
    }
}

/// What a resource says about all of its records.
#[derive(Default)]
struct Shared<'a> {
    service: Option<String>,
    attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Shared<'a> {
    fn of(resource: Option<&Resource<'a>>) -> Self {
        let raw = resource.and_then(|r| r.attributes).map(|raw| Cow::Borrowed(raw.get()));
        let (service, attributes) = record::resource(value::attributes(raw));
        Self { service, attributes }
    }

    /// What stands beside the attributes of a record: the resource's, the scope's.
    fn beside<'b>(&'b self, scope: Option<&Scope<'b>>) -> Vec<(Cow<'b, str>, Cow<'b, str>)>
    where
        'a: 'b,
    {
        let borrowed = |(key, value): &'b (Cow<'a, str>, Cow<'a, str>)| (Cow::Borrowed(&**key), Cow::Borrowed(&**value));
        let mut beside: Vec<_> = self.attributes.iter().map(borrowed).collect();
        if let Some(scope) = scope {
            for (key, raw) in [("scope.name", scope.name), ("scope.version", scope.version)] {
                beside.extend(raw.map(|raw| (Cow::Borrowed(key), Cow::Borrowed(raw.get()))));
            }
        }
        beside
    }
}

fn push<'a>(span: Span<'a>, shared: &'a Shared<'_>, scope: Option<&Scope<'a>>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let Span {
        mut fields,
        attributes,
        events,
    } = span;
    let (mut part, times) = record::begin(&mut fields, &NAMES, line, sink, DIALECT.name);
    record::take_status(&mut fields, "status", &mut part);
    let mut beside = shared.beside(scope);
    beside.extend(fields.drain());
    let record = Record {
        part,
        times,
        attributes,
        events,
        beside,
        service: shared.service.clone(),
    };
    record::push(record, line, sink);
}

fn event(mut fields: Fields<'_>) -> Event<'_> {
    Event {
        name: fields.text(&["name"]).unwrap_or_default(),
        at: record::event_time(&mut fields, &["timeUnixNano", "time_unix_nano"]),
        attributes: value::attributes(fields.take("attributes")),
    }
}
