//! Spans as Python's SDK dumps them, `span.to_json(indent=None)`, one a line: plain attributes, ids in hex with `0x`.
//!
//! any-agent writes the same shape with integer ids, integer times and the parent as an object, a whole trace in one document.

use std::borrow::Cow;

use super::record::{self, Event, Names, Record};
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::scan::{Fields, array};
use crate::formats::sink::{Line, Sink};
use crate::model::record::Order;

/// `ReadableSpan.to_json()`.
pub struct Python;

static DIALECT: Dialect = Dialect {
    name: "otel_python",
    what: "spans of OpenTelemetry's Python SDK as to_json writes them, and traces of any-agent",
    order: Order::Random,
    example: "an object with context.span_id, parent_id or parent, and start_time",
};

/// The fields that Python's SDK gives every span, the context's opened.
pub(super) static NAMES: Names = Names {
    ids: [&["context.trace_id"], &["context.span_id"], &["parent_id"]],
    name: "name",
    times: [&["start_time"], &["end_time"]],
};

impl Container for Python {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_span(fields) || is_trace(fields)
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if is_span(&fields) {
            span(fields, line, sink);
            return Outcome::Spans;
        }
        let spans = fields.get("spans").and_then(array).unwrap_or_default();
        for fields in spans.into_iter().filter_map(Fields::of) {
            span(fields, line, sink);
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

fn is_span(fields: &Fields<'_>) -> bool {
    fields.has("start_time")
        && fields
            .get("context")
            .and_then(Fields::of)
            .is_some_and(|context| context.has("span_id") && context.has("trace_id"))
}

/// any-agent's document: its spans, and the agent's last word.
fn is_trace(fields: &Fields<'_>) -> bool {
    let first = || {
        fields
            .get("spans")
            .and_then(array)
            .and_then(|spans| spans.first().copied().and_then(Fields::of))
    };
    fields.has("spans") && first().is_some_and(|first| is_span(&first))
}

/// Reads a span, of this dialect or of one that shares its shape.
fn span(mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    fields.expand("context");
    let (mut part, times) = record::begin(&mut fields, &NAMES, line, sink, DIALECT.name);
    fields.take_under("context");
    if let Some(mut parent) = fields.get("parent").and_then(Fields::of_owned) {
        fields.take("parent");
        part.parent_id = part.parent_id.or_else(|| record::take_id(&mut parent, &["span_id"], record::SPAN));
    }
    record::take_status(&mut fields, "status", &mut part);
    let attributes = record::plain_map(fields.take("attributes"));
    let events = fields.take("events").map(Cow::into_owned).unwrap_or_default();
    let events = record::events(&events, event);
    let mut resource = record::plain_map(fields.take("resource"));
    let (service, mut beside) = record::resource(record::plain_map(resource.take("attributes")));
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
}

/// An event as the Python SDK writes it.
pub(super) fn event(mut fields: Fields<'_>) -> Event<'_> {
    Event {
        name: fields.text(&["name"]).unwrap_or_default(),
        at: record::event_time(&mut fields, &["timestamp", "time"]),
        attributes: record::plain_map(fields.take("attributes")),
    }
}
