//! Spans as Go's `stdouttrace` prints them, one a line: capitalised names, typed attribute values.

use std::borrow::Cow;

use super::record::{self, Event, Record};
use super::{Container, Outcome};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times};
use crate::formats::{Dialect, time};
use crate::model::record::Order;

/// `stdouttrace` without pretty printing.
pub struct Go;

static DIALECT: Dialect = Dialect {
    name: "otel_go",
    what: "spans of OpenTelemetry's Go SDK as stdouttrace prints them",
    order: Order::Random,
    example: "an object with SpanContext and Name",
};

impl Container for Go {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.has("SpanContext") && fields.has("Name")
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        fields.expand("SpanContext");
        fields.expand("Parent");
        let mut part = sink.begin(line, DIALECT.name);
        part.trace_id = record::take_id(&mut fields, &["SpanContext.TraceID"], record::TRACE).unwrap_or_default();
        part.span_id = record::take_id(&mut fields, &["SpanContext.SpanID"], record::SPAN).unwrap_or_default();
        part.parent_id = record::take_id(&mut fields, &["Parent.SpanID"], record::SPAN);
        for key in ["TraceID", "TraceFlags", "TraceState", "Remote"] {
            fields.take(&format!("Parent.{key}"));
        }
        for key in ["TraceFlags", "TraceState", "Remote"] {
            fields.take(&format!("SpanContext.{key}"));
        }
        part.name = fields.text(&["Name"]).unwrap_or_default();
        // `WithoutTimestamps` writes the year 1.
        let mut moment = |key: &str| fields.take(key).as_deref().and_then(time::of);
        let times = Times {
            start: moment("StartTime"),
            end: moment("EndTime"),
            duration: None,
        };
        part.ended = times.end.is_some();
        record::take_status(&mut fields, "Status", &mut part);
        let attributes = values(fields.take("Attributes").as_deref());
        let events = fields.take("Events").map(Cow::into_owned).unwrap_or_default();
        let events = record::events(&events, event);
        let (service, mut beside) = record::resource(values(fields.take("Resource").as_deref()));
        for key in ["InstrumentationScope", "InstrumentationLibrary"] {
            if let Some(mut scope) = fields.take(key).as_deref().and_then(Fields::of_owned) {
                for (from, to) in [("Name", "scope.name"), ("Version", "scope.version")] {
                    beside.extend(scope.take(from).map(|value| (Cow::Borrowed(to), value)));
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

fn event(mut fields: Fields<'_>) -> Event<'_> {
    Event {
        name: fields.text(&["Name"]).unwrap_or_default(),
        at: fields.take("Time").as_deref().and_then(time::of),
        attributes: values(fields.take("Attributes").as_deref()),
    }
}

/// `[{"Key": …, "Value": {"Type": …, "Value": …}}]` as a plain map.
fn values(raw: Option<&str>) -> Fields<'static> {
    let mut out = Fields::default();
    for mut pair in raw.and_then(array).unwrap_or_default().into_iter().filter_map(Fields::of) {
        let Some(key) = pair.get("Key").and_then(string).map(Cow::into_owned) else {
            continue;
        };
        pair.expand("Value");
        let value = pair.take("Value.Value").or_else(|| pair.take("Value"));
        out.push(key.into(), value.map_or_else(|| "null".to_owned(), Cow::into_owned).into());
    }
    out
}
