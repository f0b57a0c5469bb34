//! Times as they are shown, and as people type them: `2h`, `7d`, `15:00`, `yesterday 15:00`, `yesterday around 3 PM`, `2026-05-01`, RFC 3339.
//!
//! Days are days of the calendar (`1d` is this time yesterday, whatever the clocks did in between), hours are 60 minutes. A time that the clocks
//! skipped is moved to after the gap; one that came twice is its first coming. The present is handed in.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

use super::span::Nanos;

/// What a time may look like, for whoever typed another one.
pub const EXAMPLES: &str = "2h, 7d, 15:00, yesterday 15:00, 2026-05-01, 2026-05-01 15:00 or 2026-05-01T15:00:00Z";

/// `15:02:11` on the day of `now`, `Nov 22 15:02` in its year, else `2024-11-22`; a dash where the time is none.
#[must_use]
pub fn shown(at: Nanos, now: Nanos, zone: &TimeZone) -> String {
    let local = |nanos: Nanos| -> Option<DateTime> { Some(zone.to_datetime(Timestamp::from_nanosecond(i128::from(nanos)).ok()?)) };
    let Some(then) = local(at) else { return "–".to_owned() };
    let today = local(now).map(DateTime::date);
    let format = match today {
        Some(today) if today == then.date() => "%H:%M:%S",
        Some(today) if today.year() == then.year() => "%b %e %H:%M",
        _ => "%Y-%m-%d",
    };
    then.strftime(format).to_string()
}

/// When and where a text is typed.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The present.
    pub now: Nanos,
    /// The zone of times that name none.
    pub zone: TimeZone,
}

impl Clock {
    /// The moment a text means; `None` when it is no time.
    #[must_use]
    pub fn time(&self, text: &str) -> Option<Nanos> {
        let text = text.trim();
        let present = self.present()?;
        let moment = if text == "now" {
            present.timestamp()
        } else if let Ok(moment) = text.parse::<Timestamp>() {
            moment
        } else if let Some(local) = local(text, present.date()) {
            self.zone.to_timestamp(local).ok()?
        } else {
            before(&present, text.strip_suffix("ago").map_or(text, str::trim_end))?
        };
        Nanos::try_from(moment.as_nanosecond()).ok()
    }

    /// The moment so long ago: `7d`, `12h`, `30m`; `None` when it is no age.
    #[must_use]
    pub fn ago(&self, text: &str) -> Option<Nanos> {
        Nanos::try_from(before(&self.present()?, text.trim())?.as_nanosecond()).ok()
    }

    fn present(&self) -> Option<ZonedDateTime> {
        let now = Timestamp::from_nanosecond(i128::from(self.now)).ok()?;
        Some(now.to_zoned_datetime(self.zone.clone()))
    }
}

/// Only what begins with a digit: the parser of spans knows signs and ISO 8601 too, which would mean something else here.
fn before(present: &ZonedDateTime, text: &str) -> Option<Timestamp> {
    let span: Span = text.parse().ok().filter(|_| text.starts_with(|c: char| c.is_ascii_digit()))?;
    if span.is_negative() {
        return None;
    }
    Some(present.checked_sub(span).ok()?.timestamp())
}

/// A time without a zone.
fn local(text: &str, today: Date) -> Option<DateTime> {
    let (day, rest) = match text.split_once(' ') {
        _ if clock(text).is_some() => ("today", Some(text)),
        Some((day, rest)) => (day, Some(rest.trim())),
        None => (text, None),
    };
    let date = match day {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        _ => None,
    };
    match (date, rest) {
        (Some(date), None) => Some(date.to_datetime(Time::midnight())),
        (Some(date), Some(words)) => Some(date.to_datetime(clock(words)?)),
        // Anything that does not begin with a whole date would be a span.
        (None, _) if text.len() >= 10 && text.as_bytes()[4] == b'-' => text.parse().ok(),
        (None, _) => None,
    }
}

/// `15:00`, `15:00:30.5`, `3pm`, `3:30 PM`, and the same after `around`, `about` or `at`, as people report it.
fn clock(text: &str) -> Option<Time> {
    let text = ["around ", "about ", "at "]
        .iter()
        .find_map(|word| text.strip_prefix(word))
        .unwrap_or(text)
        .trim();
    if text.len() >= 5 && text.as_bytes()[2] == b':' && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')) {
        return text.parse().ok();
    }
    let lower = text.to_ascii_lowercase();
    let (digits, noon) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(digits), _) => (digits.trim(), 0),
        (_, Some(digits)) => (digits.trim(), 12),
        (None, None) => return None,
    };
    let (hour, minute) = digits.split_once(':').unwrap_or((digits, "0"));
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    let hour = (1..=12).contains(&hour).then_some(hour % 12 + noon)?;
    Time::new(hour, minute, 0, 0).ok()
}
