//! Spans as Phoenix exports them: the Python SDK's shape with the kind and the status beside the attributes.

use std::borrow::Cow;

use super::record::{self, Record};
use super::{Container, Outcome, python};
use crate::formats::Dialect;
use crate::formats::scan::Fields;
use crate::formats::sink::{Line, Sink};
use crate::model::record::Order;

/// A span of Phoenix's client or REST interface.
pub struct Phoenix;

static DIALECT: Dialect = Dialect {
    name: "phoenix",
    what: "spans exported from Phoenix",
    order: Order::Random,
    example: "an object with context.span_id, span_kind and status_code",
};

impl Container for Phoenix {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.any(&["span_kind", "status_code"]) && fields.get("context").and_then(Fields::of).is_some_and(|c| c.has("span_id"))
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        fields.expand("context");
        let (mut part, times) = record::begin(&mut fields, &python::NAMES, line, sink, DIALECT.name);
        fields.take_under("context");
        let code = fields.text(&["status_code"]);
        let message = fields.text(&["status_message"]);
        record::status(&mut part, code.as_deref(), message);
        let mut attributes = attributes(fields.take("attributes"));
        if let Some(kind) = fields.take("span_kind")
            && !attributes.has("openinference.span.kind")
        {
            attributes.push("openinference.span.kind".into(), kind);
        }
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
        Outcome::Spans
    }
}

/// The map, whether its keys are dotted or its database has nested them: `{"llm": {"model_name": …}}`.
fn attributes(raw: Option<Cow<'_, str>>) -> Fields<'_> {
    let mut fields = record::plain_map(raw);
    if fields.rest().any(|(key, _)| key.contains('.')) {
        return fields;
    }
    for root in [
        "llm",
        "openinference",
        "input",
        "output",
        "retrieval",
        "reranker",
        "embedding",
        "tool",
        "session",
        "user",
    ] {
        flatten(&mut fields, root, 0);
    }
    fields
}

/// Lists stay whole: the vocabulary reads them as they are.
fn flatten(fields: &mut Fields<'_>, key: &str, depth: usize) {
    if depth > 4 || !fields.get(key).is_some_and(|raw| raw.starts_with('{')) {
        return;
    }
    // What is JSON of its own is no path.
    if key.ends_with(".metadata") || key.ends_with("invocation_parameters") {
        return;
    }
    let inner: Vec<String> = fields
        .get(key)
        .and_then(Fields::of)
        .map(|inner| inner.rest().map(|(name, _)| format!("{key}.{name}")).collect())
        .unwrap_or_default();
    fields.expand(key);
    for key in inner {
        flatten(fields, &key, depth + 1);
    }
}
