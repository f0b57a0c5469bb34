//! python-json-logger: the record stands under a key of its own, beside `message`, `levelname`, `asctime`.

use super::{Envelope, Inner, Peeled, inner, take_time};
use crate::formats::container;
use crate::formats::container::Container as _;
use crate::formats::scan::Fields;

/// A JSON formatter of Python's `logging`, in all its variants.
pub struct JsonLogger;

/// The names a record goes by in `extra={…}`.
const KEYS: &[&str] = &["trace", "llm_trace"];

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
        None
    }
}
