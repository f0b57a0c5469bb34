//! Flat records: one object per call, in the many spellings of home-grown loggers.
//!
//! The words are those of `vocabulary::flat`; here is only what a line of them is: one span.

use super::{Container, Outcome};
use crate::formats::Dialect;
use crate::formats::scan::Fields;
use crate::formats::sink::{Line, Sink};
use crate::formats::vocabulary::flat;
use crate::model::record::Order;

/// One object, one span.
pub struct LlmTrace;

static DIALECT: Dialect = Dialect {
    name: "llm_trace",
    what: "one flat record per call: the llm_trace of a logging wrapper and its home-grown relatives",
    order: Order::Random,
    example: "an object with model and tokens or latency, or with trace_id and span_id",
};

/// A model together with what only a call has.
#[must_use]
pub fn is_call(fields: &Fields<'_>) -> bool {
    fields.any(&["model", "model_name", "model_id", "params", "request"])
        && fields.any(&[
            "input_tokens",
            "output_tokens",
            "prompt_tokens",
            "completion_tokens",
            "tokens_in",
            "tokens_out",
            "usage",
            "latency_ms",
            "duration_ms",
            "response_text",
            "messages",
        ])
}

/// A step that names itself. A plain log line that only carries the ids of the trace it was written in is none.
fn is_step(fields: &Fields<'_>) -> bool {
    fields.any(&["trace_id", "traceId"])
        && fields.any(&["span_id", "spanId"])
        && !fields.any(&["level", "levelname", "severity", "log.level", "severityText"])
}

impl Container for LlmTrace {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_call(fields) || is_step(fields)
    }

    fn read(&self, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        let mut part = sink.begin(line, DIALECT.name);
        flat::identity(&mut fields, &mut part);
        let times = flat::read(&mut fields, &mut part);
        times.apply(&mut part, line);
        part.ended = true;
        sink.push(line, part, &fields);
        Outcome::Spans
    }
}
