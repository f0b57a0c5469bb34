//! Traces of MLflow: `Trace.to_json`, and the `traces.json` of its artifacts. A span alone is OTLP with plain attributes.

use std::borrow::Cow;

use super::record::{self, Names, Record};
use super::{Container, Outcome, python};
use crate::formats::Dialect;
use crate::formats::scan::{Fields, array};
use crate::formats::sink::{Line, Sink};
use crate::model::record::Order;

/// A whole trace.
pub struct Mlflow;

static DIALECT: Dialect = Dialect {
    name: "mlflow",
    what: "traces exported from MLflow",
    order: Order::Random,
    example: "an object with info and data.spans, or with spans that have mlflow attributes",
};

static NAMES: Names = Names {
    ids: [&["trace_id"], &["span_id"], &["parent_span_id", "parent_id"]],
    name: "name",
    times: [&["start_time_unix_nano", "start_time_ns"], &["end_time_unix_nano", "end_time_ns"]],
};

impl Container for Mlflow {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let spans = |fields: &Fields<'_>| {
            let spans = fields.get("spans").and_then(array).unwrap_or_default();
            spans.first().copied().and_then(Fields::of).is_some_and(|first| is_span(&first))
        };
        spans(fields) || fields.has("info") && fields.get("data").and_then(Fields::of).is_some_and(|data| spans(&data))
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let data = fields.get("data").and_then(Fields::of);
        let spans = data.as_ref().unwrap_or(&fields).get("spans").and_then(array).unwrap_or_default();
        let info = fields.get("info").and_then(Fields::of).unwrap_or_default();
        let metadata = ["trace_metadata", "request_metadata"].iter().find_map(|key| info.get(key));
        let metadata = metadata.and_then(Fields::of).unwrap_or_default();
        for fields in spans.into_iter().filter_map(Fields::of) {
            span(fields, &metadata, line, sink);
        }
        Outcome::Spans
    }
}

fn is_span(fields: &Fields<'_>) -> bool {
    let named = |attributes: Fields<'_>| attributes.rest().any(|(key, _)| key.starts_with("mlflow."));
    fields.any(&["start_time_unix_nano", "start_time_ns"])
        && fields.has("span_id")
        && fields.get("attributes").and_then(Fields::of).is_some_and(named)
}

fn span(mut fields: Fields<'_>, metadata: &Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let (mut part, times) = record::begin(&mut fields, &NAMES, line, sink, DIALECT.name);
    record::take_status(&mut fields, "status", &mut part);
    if part.parent_id.is_none() {
        // Who asked stands with the trace.
        let mut who = metadata.clone();
        part.user = who.text(&["mlflow.trace.user"]);
        part.session = who.text(&["mlflow.trace.session"]);
    }
    let mut attributes = record::plain_map(fields.take("attributes"));
    attributes.take("mlflow.traceRequestId");
    let events = fields.take("events").map(Cow::into_owned).unwrap_or_default();
    let record = Record {
        part,
        times,
        attributes,
        events: record::events(&events, python::event),
        beside: fields.drain().collect(),
        service: None,
    };
    record::push(record, line, sink);
}
