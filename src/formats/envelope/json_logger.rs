//! python-json-logger: the record stands under a key of its own, or its fields stand beside `message`, `levelname`, `asctime`.

use super::{Envelope, Inner, Peeled, flattened, inner, take_time};
use crate::formats::container;
use crate::formats::container::Container as _;
use crate::formats::scan::Fields;

/// A JSON formatter of Python's `logging`, in all its variants.
pub struct JsonLogger;

/// The names a record goes by in `extra={…}`.
const KEYS: &[&str] = &["trace", "llm_trace"];
/// What says that a logger wrote the line, and how bad it was.
const LEVELS: &[&str] = &["levelname", "level", "severity", "log.level"];
/// The logger's own keys, where the record's stand beside them.
const OWN: &[&str] = &[
    "message",
    "msg",
    "levelname",
    "level",
    "severity",
    "log.level",
    "logger",
    "taskName",
    "pathname",
    "filename",
    "module",
    "funcName",
    "lineno",
];

impl Envelope for JsonLogger {
    fn name(&self) -> &'static str {
        "python-json-logger"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        for key in KEYS {
            let Some(payload) = inner(fields, key) else { continue };
            if !container::is_record(&payload) && !container::llm_trace::LlmTrace.recognises(&payload) {
                continue;
            }
            let mut rest = fields.clone();
            rest.take(key);
            let time = take_time(&mut rest);
            return Some(Peeled {
                payload: Inner::Fields(payload),
                time,
                rest,
            });
        }
        if !fields.any(&["message", "msg"]) || !fields.any(LEVELS) || !container::is_record(fields) {
            return None;
        }
        let mut own = OWN.to_vec();
        if fields.has("levelname") {
            // Then `name` is the logger's: Python's `logging` refuses another.
            own.push("name");
        }
        Some(flattened(fields, &own))
    }
}
