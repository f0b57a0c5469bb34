//! journald's export as JSON: the record is `MESSAGE`, as text, or as an array of bytes where it holds any that do not print.

use super::generic::record_in;
use super::{Envelope, Inner, Peeled};
use crate::formats::scan::{Fields, array, quote, string};
use crate::formats::time;

/// `journalctl -o json`.
pub struct Journald;

impl Envelope for Journald {
    fn name(&self) -> &'static str {
        "journald"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        if !fields.any(&["__REALTIME_TIMESTAMP", "__CURSOR", "_SOURCE_REALTIME_TIMESTAMP"]) {
            return None;
        }
        let raw = fields.get("MESSAGE")?;
        if raw == "null" {
            let why = "the journal keeps no field over 4 KiB when it exports JSON: use `journalctl -o json --all`".to_owned();
            return Some(Peeled {
                payload: Inner::Lost("dropped by the journal", why),
                time: None,
                rest: Fields::default(),
            });
        }
        let text = match array(raw) {
            Some(bytes) => {
                let bytes: Option<Vec<u8>> = bytes.into_iter().map(|b| b.parse().ok()).collect();
                String::from_utf8_lossy(&bytes?).into_owned()
            }
            None => string(raw)?.into_owned(),
        };
        let (before, json) = record_in(&text)?;
        let json = json.to_owned();
        let mut rest = fields.clone();
        rest.take("MESSAGE");
        if !before.is_empty() {
            rest.push("MESSAGE".into(), quote(before).into());
        }
        let mut clock = |key: &str| {
            let at = rest.get(key).and_then(time::of)?;
            rest.take(key);
            Some(at)
        };
        let time = clock("_SOURCE_REALTIME_TIMESTAMP").or_else(|| clock("__REALTIME_TIMESTAMP"));
        Some(Peeled {
            payload: Inner::Text(json),
            time,
            rest,
        })
    }
}
