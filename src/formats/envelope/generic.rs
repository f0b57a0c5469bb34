//! The rule for every other logger: a record under one of the usual keys, or as JSON text inside `message` or `log`.

use super::{Envelope, Inner, Peeled, inner, take_time};
use crate::formats::container;
use crate::formats::scan::{Fields, quote, string};

/// Any JSON logger.
pub struct Generic;

const KEYS: &[&str] = &["extra", "data", "fields", "payload", "jsonPayload", "attributes", "context"];
const STRINGS: &[&str] = &["message", "log", "msg", "MESSAGE", "event"];

impl Envelope for Generic {
    fn name(&self) -> &'static str {
        "json"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        if container::is_record(fields) {
            return None;
        }
        for key in KEYS {
            let Some(outer) = inner(fields, key) else { continue };
            let nested = ["trace", "llm_trace"]
                .iter()
                .find_map(|k| inner(&outer, k).filter(container::is_record).map(|p| (*k, p)));
            let (payload, beside) = match nested {
                Some((k, payload)) => {
                    let mut beside = outer;
                    beside.take(k);
                    (payload, beside)
                }
                None if container::is_record(&outer) => (outer, Fields::default()),
                None => continue,
            };
            let mut rest = fields.clone();
            rest.take(key);
            for (key, value) in beside.drain() {
                rest.push(key, value);
            }
            let time = take_time(&mut rest);
            return Some(Peeled {
                payload: Inner::Fields(payload),
                time,
                rest,
            });
        }
        for key in STRINGS {
            let Some(text) = fields.get(key).and_then(string) else { continue };
            let Some((before, json)) = record_in(&text) else { continue };
            let json = json.to_owned();
            let mut rest = fields.clone();
            rest.take(key);
            if !before.is_empty() {
                rest.push((*key).into(), quote(before).into());
            }
            let time = take_time(&mut rest);
            return Some(Peeled {
                payload: Inner::Text(json),
                time,
                rest,
            });
        }
        None
    }
}

/// A record at the end of a text, and what stands before it.
#[must_use]
pub fn record_in(text: &str) -> Option<(&str, &str)> {
    let start = text.find('{')?;
    let json = text[start..].trim_end();
    let payload = Fields::parse(json).ok()?;
    let known = container::UNMISTAKABLE.iter().any(|c| c.recognises(&payload)) || container::is_record(&payload) || wraps(&payload);
    known.then(|| (text[..start].trim(), json))
}

/// Another logger's envelope with a record in it.
fn wraps(fields: &Fields<'_>) -> bool {
    ["trace", "llm_trace", "record", "extra", "data", "payload"]
        .iter()
        .any(|key| fields.has(key))
}
