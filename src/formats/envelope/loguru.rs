//! loguru with `serialize=True`: `{"text": …, "record": {"extra": {"trace": {…}}, "time": {"timestamp": …}, …}}`.

use super::{Envelope, Inner, Peeled, inner};
use crate::formats::container;
use crate::formats::container::Container as _;
use crate::formats::scan::Fields;
use crate::formats::time;

/// loguru's serialized record.
pub struct Loguru;

impl Envelope for Loguru {
    fn name(&self) -> &'static str {
        "loguru"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        let mut record = inner(fields, "record")?;
        let extra = inner(&record, "extra")?;
        let nested = inner(&extra, "extra");
        let candidates = [
            inner(&extra, "trace"),
            nested.as_ref().and_then(|e| inner(e, "trace")),
            nested.clone(),
            Some(extra.clone()),
        ];
        let mut candidates = candidates.into_iter();
        let place =
            candidates.position(|c| c.is_some_and(|c| container::is_record(&c) || container::llm_trace::LlmTrace.recognises(&c)))?;
        record.take("extra");
        let mut beside = Fields::default();
        let payload = match place {
            0 => {
                beside = extra.clone();
                beside.take("trace");
                inner(&extra, "trace")?
            }
            1 => inner(nested.as_ref()?, "trace")?,
            2 => nested?,
            _ => extra,
        };
        let clock = inner(&record, "time").and_then(|clock| clock.get("timestamp").and_then(time::of));
        if clock.is_some() {
            record.take("time");
        }
        let level = inner(&record, "level").and_then(|level| level.borrowed("name"));
        if let Some(level) = level {
            record.take("level");
            record.push("level".into(), level);
        }
        let mut rest = fields.clone();
        rest.take("record");
        for (key, value) in record.drain().chain(beside.drain()) {
            if value != "null" {
                rest.push(key, value);
            }
        }
        Some(Peeled {
            payload: Inner::Fields(payload),
            time: clock,
            rest,
        })
    }
}
