//! Times of the command line: what is no time is an error that says what would be one.

use jiff::tz::TimeZone;

use super::CliError;
use crate::model::moment::{Clock, EXAMPLES};
use crate::model::span::Nanos;

/// The moment a text means, seen from `now` in a time zone.
pub fn time(text: &str, now: Nanos, zone: &TimeZone) -> Result<Nanos, CliError> {
    let clock = Clock { now, zone: zone.clone() };
    clock
        .time(text)
        .ok_or_else(|| CliError::usage(format!("`{}` is not a time", text.trim()), Some(EXAMPLES.into())))
}

/// The moment so long ago: `7d`, `12h`, `30m`.
pub fn ago(text: &str, now: Nanos, zone: &TimeZone) -> Result<Nanos, CliError> {
    let clock = Clock { now, zone: zone.clone() };
    clock
        .ago(text)
        .ok_or_else(|| CliError::usage(format!("`{}` is not an age", text.trim()), Some("7d, 12h or 30m".into())))
}
