//! Results of batches: OpenAI's and Anthropic's, a call a line. Prompts stand in the request file, times nowhere.

use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{Line, Sink, fail};
use crate::formats::vocabulary::flat;
use crate::model::record::Order;
use crate::model::span::SpanKind;

/// Lines of a result file.
pub struct BatchResult;

static DIALECT: Dialect = Dialect {
    name: "batch",
    what: "results of OpenAI's and Anthropic's batches",
    order: Order::Random,
    example: "an object with custom_id and response.body or result.type",
};

impl Container for BatchResult {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        let holds = |key: &str, inner: &str| fields.get(key).and_then(Fields::of).is_some_and(|f| f.has(inner));
        fields.has("custom_id") && (holds("response", "body") || holds("result", "type") || fields.has("error") && fields.has("response"))
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut part = sink.begin(line, DIALECT.name);
        let custom = fields.text(&["custom_id"]).unwrap_or_default();
        part.trace_id.clone_from(&custom);
        part.span_id = fields.text(&["id"]).unwrap_or_else(|| custom.clone());
        let mut outer = fields
            .first(&["response", "result"])
            .as_deref()
            .and_then(Fields::of_owned)
            .unwrap_or_default();
        let mut named = Fields::default();
        if let Some(body) = outer.first(&["body", "message"]) {
            if let Some(created) = Fields::of(&body).and_then(|body| body.get("created").map(str::to_owned)) {
                named.push("start_time".into(), created.into());
            }
            named.push("response".into(), body);
        }
        let error = fields.take("error").or_else(|| outer.take("error"));
        let failed = error.is_some() || outer.get("type").and_then(string).is_some_and(|kind| kind != "succeeded");
        flat::read(&mut named, &mut part).apply(&mut part, line);
        part.kind = SpanKind::Llm;
        part.name = custom;
        part.ended = true;
        // A service tier of its own, at a price of its own.
        fields.push("service_tier".into(), "\"batch\"".into());
        if failed {
            let told = error.as_deref().and_then(Fields::of).and_then(|mut error| {
                error.expand("error");
                error.text(&["message", "error.message", "code", "error.type", "type"])
            });
            let kind = outer.get("type").and_then(string).map(std::borrow::Cow::into_owned);
            fail(&mut part, told.or(kind));
        }
        for (key, value) in named.drain().chain(outer.drain()) {
            fields.push(key.into_owned().into(), value.into_owned().into());
        }
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}
