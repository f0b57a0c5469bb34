//! Traces as Jaeger's UI and query service export them: tags instead of attributes, logs instead of events, times in microseconds.

use std::borrow::Cow;

use super::record::{self, Event, Record};
use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::scan::{Fields, array, scalar, string};
use crate::formats::sink::{Line, Sink, Times};
use crate::model::record::Order;
use crate::model::span::Nanos;

/// `{"data": [trace…]}`, or one trace.
pub struct Jaeger;

static DIALECT: Dialect = Dialect {
    name: "jaeger",
    what: "traces exported from Jaeger",
    order: Order::Random,
    example: "an object with traceID, spans and processes, or with data that holds such",
};

impl Container for Jaeger {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let first = || {
            let data = fields.get("data").and_then(array)?;
            data.first().copied().and_then(Fields::of)
        };
        is_trace(fields) || first().is_some_and(|first| is_trace(&first))
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if is_trace(&fields) {
            trace(&fields, line, sink);
        }
        let data = fields.get("data").and_then(array).unwrap_or_default();
        for fields in data.into_iter().filter_map(Fields::of) {
            trace(&fields, line, sink);
        }
        if sink.count() == 0 {
            Outcome::Other(line.time)
        } else {
            Outcome::Spans
        }
    }
}

fn is_trace(fields: &Fields<'_>) -> bool {
    fields.has("traceID") && fields.has("processes") && fields.get("spans").is_some_and(|spans| spans.starts_with('['))
}

fn trace(fields: &Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let processes = fields.get("processes").and_then(Fields::of).unwrap_or_default();
    let spans = fields.get("spans").and_then(array).unwrap_or_default();
    for fields in spans.into_iter().filter_map(Fields::of) {
        span(fields, &processes, line, sink);
    }
}

fn span(mut fields: Fields<'_>, processes: &Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    part.trace_id = record::take_id(&mut fields, &["traceID"], record::TRACE).unwrap_or_default();
    part.span_id = record::take_id(&mut fields, &["spanID"], record::SPAN).unwrap_or_default();
    part.parent_id = record::take_id(&mut fields, &["parentSpanID"], record::SPAN).or_else(|| {
        let raw = fields.take("references")?;
        let references = array(&raw).unwrap_or_default();
        let mut above = references.iter().filter_map(|reference| Fields::of(reference));
        let child = above.find(|reference| reference.get("refType") == Some("\"CHILD_OF\""));
        let parent = child.and_then(|mut child| record::take_id(&mut child, &["spanID"], record::SPAN));
        if parent.is_none() || references.len() > 1 {
            fields.push("references".into(), raw.clone());
        }
        parent
    });
    part.name = fields.text(&["operationName"]).unwrap_or_default();
    let mut micros = |key: &str| fields.take(key).as_deref().and_then(microseconds);
    let times = Times {
        start: micros("startTime"),
        end: None,
        duration: micros("duration"),
    };
    part.ended = times.duration.is_some();
    let mut attributes = fields.take("tags").map(tags).unwrap_or_default();
    let code = attributes.text(&["otel.status_code"]);
    let told = attributes.text(&["otel.status_description"]);
    let failed = attributes.get("error").is_some_and(|raw| matches!(raw, "true" | "\"true\""));
    record::status(&mut part, code.as_deref().or(failed.then_some("ERROR")), told);
    let logs = fields.take("logs").map(Cow::into_owned).unwrap_or_default();
    let events = array(&logs).unwrap_or_default().into_iter().filter_map(Fields::of).map(event);
    let process = fields.take("processID").as_deref().and_then(string).map(Cow::into_owned);
    let mut process = process.and_then(|id| processes.get(&id).and_then(Fields::of)).unwrap_or_default();
    let service = process.text(&["serviceName"]);
    let (_, mut beside) = record::resource(process.take("tags").map(tags).unwrap_or_default());
    beside.extend(fields.drain());
    let record = Record {
        part,
        times,
        attributes,
        events: events.collect(),
        beside,
        service,
    };
    record::push(record, line, sink);
}

/// `[{"key": …, "type": …, "value": …}]`.
fn tags(raw: Cow<'_, str>) -> Fields<'_> {
    fn each<'a>(raw: &'a str, out: &mut Fields<'a>) {
        for mut tag in array(raw).unwrap_or_default().into_iter().filter_map(Fields::of) {
            if let (Some(key), Some(value)) = (tag.text(&["key"]), tag.take("value")) {
                out.push(key.into(), value);
            }
        }
    }
    let mut out = Fields::default();
    match raw {
        Cow::Borrowed(text) => each(text, &mut out),
        Cow::Owned(text) => {
            let mut own = Fields::default();
            each(&text, &mut own);
            out = own.into_owned();
        }
    }
    out
}

fn event(mut fields: Fields<'_>) -> Event<'_> {
    let at = fields.take("timestamp").as_deref().and_then(microseconds);
    let mut attributes = fields.take("fields").map(tags).unwrap_or_default();
    Event {
        name: attributes.text(&["event", "message"]).unwrap_or_default(),
        at,
        attributes,
    }
}

fn microseconds(raw: &str) -> Option<Nanos> {
    let (nanos, _) = crate::formats::number::scaled(&scalar(raw)?, 3)?;
    Nanos::try_from(nanos).ok().filter(|nanos| *nanos >= 0)
}
