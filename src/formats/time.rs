//! Times as loggers write them, to nanoseconds UTC.
//!
//! Numbers tell their unit by their size; text without a zone means the machine's zone, as loggers that write such text mean it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::number::scaled;
use super::scan::{Reading, string};
use crate::model::span::Nanos;

/// A time from JSON text: a number of seconds, ms, µs or ns, or text.
#[must_use]
pub fn read(raw: &str) -> Reading<Nanos> {
    let time = match raw.as_bytes().first() {
        Some(b'n') => return Reading::Null,
        Some(b'"') => match string(raw) {
            Some(text) if text.trim().is_empty() => return Reading::Null,
            Some(text) => from_text(text.trim()),
            None => None,
        },
        Some(b'-' | b'0'..=b'9') => from_number(raw),
        _ => None,
    };
    match time {
        // Protobuf's way to say that there is none.
        Some(0) => Reading::Null,
        Some(time @ 1..) => Reading::Value(time),
        Some(_) | None => Reading::OutOfRange,
    }
}

/// A time from JSON text, `None` when it says nothing usable.
#[must_use]
pub fn of(raw: &str) -> Option<Nanos> {
    match read(raw) {
        Reading::Value(time) => Some(time),
        Reading::Null | Reading::OutOfRange => None,
    }
}

/// Below 1e11 seconds, below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds.
fn from_number(text: &str) -> Option<Nanos> {
    let (whole, _) = scaled(text, 0)?;
    let scale = match whole.unsigned_abs() {
        0..100_000_000_000 => 9,
        100_000_000_000..100_000_000_000_000 => 6,
        100_000_000_000_000..100_000_000_000_000_000 => 3,
        _ => 0,
    };
    Nanos::try_from(scaled(text, scale)?.0).ok()
}

fn from_text(text: &str) -> Option<Nanos> {
    if let Some(time) = from_number(text) {
        return Some(time);
    }
    if text.len() < 10 || text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let text = text.replacen(',', ".", 1);
    let text = text.strip_suffix(" UTC").map_or(text.clone(), |t| format!("{t}Z"));
    if let Ok(time) = text.parse::<Timestamp>() {
        return Nanos::try_from(time.as_nanosecond()).ok();
    }
    let civil = text.parse::<DateTime>().ok()?;
    let local = TimeZone::system().to_timestamp(civil).ok()?;
    Nanos::try_from(local.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_moment() {
        let moment = 1_795_465_904_447_000_000;
        for raw in [
            "1795465904.447",
            "1795465904447",
            "1795465904447000",
            "1795465904447000000",
            "\"1795465904447000000\"",
            "\"2026-11-23T20:31:44.447Z\"",
            "\"2026-11-23T20:31:44.447+00:00\"",
            "\"2026-11-23 20:31:44.447000+00:00\"",
            "\"2026-11-23 20:31:44,447Z\"",
            "\"2026-11-23T21:31:44.447+01:00\"",
        ] {
            assert_eq!(of(raw), Some(moment), "{raw}");
        }
        let civil = DateTime::constant(2026, 11, 23, 20, 31, 44, 447_000_000);
        let local = TimeZone::system().to_timestamp(civil).map(|t| t.as_nanosecond() as i64).ok();
        assert_eq!(of("\"2026-11-23 20:31:44,447\""), local);
        assert_eq!(of("\"yesterday\""), None);
        assert_eq!(of("\"99999999999999999999\""), None);
        assert_eq!(of("null"), None);
        assert!(matches!(read("\"0\""), Reading::Null));
        assert!(matches!(read("-1"), Reading::OutOfRange));
    }
}
