//! structlog, flattened: the record's own fields beside `event`, `level` and `timestamp`. (Nested, it is like python-json-logger.)

use super::{Envelope, Peeled, flattened};
use crate::formats::container;
use crate::formats::scan::Fields;

/// structlog's `JSONRenderer` after `log.info("llm_trace", **trace)`.
pub struct Structlog;

/// What structlog and its usual processors add.
const OWN: &[&str] = &[
    "event",
    "level",
    "logger",
    "logger_name",
    "func_name",
    "lineno",
    "filename",
    "module",
];

impl Envelope for Structlog {
    fn name(&self) -> &'static str {
        "structlog"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        if !fields.has("event") || !fields.any(&["level", "timestamp"]) || !container::is_record(fields) {
            return None;
        }
        Some(flattened(fields, OWN))
    }
}
