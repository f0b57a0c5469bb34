//! structlog, flattened: the record's own fields beside `event`, `level` and `timestamp`. (Nested, it is like python-json-logger.)

use super::{Envelope, Inner, Peeled, take_time};
use crate::formats::container;
use crate::formats::scan::Fields;

/// structlog's `JSONRenderer` after `log.info("llm_trace", **trace)`.
pub struct Structlog;

impl Envelope for Structlog {
    fn name(&self) -> &'static str {
        "structlog"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        if !fields.has("event") || !fields.any(&["level", "timestamp"]) || !container::is_record(fields) {
            return None;
        }
        let mut payload = fields.clone();
        let time = take_time(&mut payload);
        let mut rest = Fields::default();
        for key in [
            "event",
            "level",
            "logger",
            "logger_name",
            "func_name",
            "lineno",
            "filename",
            "module",
        ] {
            if let Some(value) = payload.take(key) {
                rest.push(key.into(), value);
            }
        }
        Some(Peeled {
            payload: Inner::Fields(payload),
            time,
            rest,
        })
    }
}
