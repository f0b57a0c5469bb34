//! Spans as JavaScript's SDK holds them, a `ReadableSpan` a line: times are `[seconds, nanoseconds]`.

use std::borrow::Cow;

use super::record::{self, Event, Record};
use super::{Container, Outcome};
use crate::formats::scan::{Fields, array};
use crate::formats::sink::{Line, Sink, Times};
use crate::formats::{Dialect, time};
use crate::model::record::Order;
use crate::model::span::Nanos;

/// `JSON.stringify` of a `ReadableSpan`.
pub struct JavaScript;

static DIALECT: Dialect = Dialect {
    name: "otel_js",
    what: "spans of OpenTelemetry's JavaScript SDK, a ReadableSpan a line",
    order: Order::Random,
    example: "an object with startTime as [seconds, nanoseconds] and traceId or spanContext",
};

/// Where the ids stand, with the span's own fields or one level down.
const CONTEXTS: &[&str] = &["spanContext", "_spanContext"];

impl Container for JavaScript {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let ids = || fields.has("traceId") || CONTEXTS.iter().any(|key| fields.get(key).is_some_and(|v| v.starts_with('{')));
        fields.get("startTime").is_some_and(|v| v.starts_with('[')) && ids() || is_signal(fields)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if is_signal(&fields) {
            return Outcome::Other(fields.get("hrTime").and_then(moment).or(line.time));
        }
        for key in CONTEXTS {
            fields.expand(key);
        }
        let mut part = sink.begin(line, DIALECT.name);
        let traces = &["traceId", "spanContext.traceId", "_spanContext.traceId"];
        part.trace_id = record::take_id(&mut fields, traces, record::TRACE).unwrap_or_default();
        let spans = &["spanId", "id", "spanContext.spanId", "_spanContext.spanId"];
        part.span_id = record::take_id(&mut fields, spans, record::SPAN).unwrap_or_default();
        fields.expand("parentSpanContext");
        let parents = &["parentSpanId", "parentId", "parentSpanContext.spanId"];
        part.parent_id = record::take_id(&mut fields, parents, record::SPAN);
        part.name = fields.text(&["name"]).unwrap_or_default();
        let start = fields.take("startTime").as_deref().and_then(moment);
        let end = fields.take("endTime").as_deref().and_then(moment);
        let duration = fields.take("duration").as_deref().and_then(pair);
        // A span that has not ended says `[0, 0]`.
        let times = Times {
            start,
            end,
            duration: if end.is_none() { duration.filter(|d| *d > 0) } else { None },
        };
        part.ended = times.end.is_some() || times.duration.is_some();
        record::take_status(&mut fields, "status", &mut part);
        // The SDK counts kinds from the internal one, OTLP from the unknown one.
        if let Some(kind) = fields.take("kind").and_then(|kind| kind.parse::<u32>().ok()) {
            fields.push("kind".into(), (kind.saturating_add(1)).to_string().into());
        }
        let attributes = record::plain_map(fields.take("attributes"));
        let events = fields.take("events").map(Cow::into_owned).unwrap_or_default();
        let events = record::events(&events, event);
        let mut resource = record::plain_map(fields.take("resource"));
        let own = resource.first(&["attributes", "_attributes"]);
        let (service, mut beside) = record::resource(record::plain_map(own));
        for key in ["instrumentationScope", "instrumentationLibrary"] {
            if let Some(mut scope) = fields.take(key).as_deref().and_then(Fields::of_owned) {
                for name in ["name", "version"] {
                    beside.extend(scope.take(name).map(|value| (Cow::Owned(format!("scope.{name}")), value)));
                }
            }
        }
        beside.extend(fields.drain());
        let record = Record {
            part,
            times,
            attributes,
            events,
            beside,
            service,
        };
        record::push(record, line, sink);
        Outcome::Spans
    }
}

/// Logs that the same exporter writes into the same file.
fn is_signal(fields: &Fields<'_>) -> bool {
    fields.get("hrTime").is_some_and(|v| v.starts_with('['))
}

fn event(mut fields: Fields<'_>) -> Event<'_> {
    Event {
        name: fields.text(&["name"]).unwrap_or_default(),
        at: fields.take("time").as_deref().and_then(moment),
        attributes: record::plain_map(fields.take("attributes")),
    }
}

/// `[seconds, nanoseconds]` since 1970, or a time in any other spelling.
fn moment(raw: &str) -> Option<Nanos> {
    if raw.starts_with('[') {
        pair(raw).filter(|t| *t > 0)
    } else {
        time::of(raw)
    }
}

fn pair(raw: &str) -> Option<Nanos> {
    let items = array(raw)?;
    let [seconds, nanos] = items.as_slice() else { return None };
    let seconds: Nanos = seconds.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos.parse().ok()?)
}
