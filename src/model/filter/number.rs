//! Numbers of the filter language: exact integers in the field's own unit, read from what people type and printed so that they are read again.

use jiff::Timestamp;

use crate::model::moment::{Clock, EXAMPLES};
use crate::model::span::Nanos;

/// What a field's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pico-dollars, typed as dollars.
    Dollars,
    /// Tokens, typed with `k` or `M` if one likes.
    Tokens,
    /// Nanoseconds, typed as `5s`, `250ms`, `2m`, `1h`; without a unit they are seconds.
    Seconds,
    /// Millionths.
    Plain,
    /// Hundredths of a percent.
    Percent,
    /// Nanoseconds UTC since 1970, typed as a time.
    Moment,
}

impl Unit {
    /// What a number of it is called.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Dollars => "an amount",
            Self::Tokens => "a count of tokens",
            Self::Seconds => "a duration",
            Self::Plain => "a number",
            Self::Percent => "a percentage",
            Self::Moment => "a time",
        }
    }

    /// What to type instead.
    pub(super) fn hint(self, field: &str) -> String {
        match self {
            Self::Dollars => format!("dollars, such as {field}>0.05 or {field}:0.01..0.05"),
            Self::Tokens => format!("tokens, such as {field}>8000 or {field}:2k..8k"),
            Self::Seconds => format!("a duration, such as {field}>5s or {field}:250ms..2m"),
            Self::Plain => format!("a number, such as {field}>0.7 or {field}:0..0.2"),
            Self::Percent => format!("percent, such as {field}>80% or {field}:50..80"),
            Self::Moment => EXAMPLES.to_owned(),
        }
    }

    /// Digits kept behind the point.
    const fn decimals(self) -> usize {
        match self {
            Self::Dollars => 12,
            Self::Seconds => 9,
            Self::Plain | Self::Tokens => 6,
            Self::Percent => 2,
            Self::Moment => 0,
        }
    }

    /// Reads a number; the error is a sentence.
    pub(super) fn read(self, text: &str, clock: &Clock) -> Result<i128, String> {
        let wrong = || format!("`{text}` is not {}", self.noun());
        if self == Self::Moment {
            return clock.time(text).map(i128::from).ok_or_else(wrong);
        }
        let (sign, unsigned) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (digits, factor, one) = match self {
            Self::Dollars => (unsigned.strip_prefix('$').unwrap_or(unsigned), 1, 1),
            Self::Percent => (unsigned.strip_suffix('%').unwrap_or(unsigned), 1, 1),
            Self::Plain | Self::Moment => (unsigned, 1, 1),
            Self::Tokens => {
                let (digits, factor) = suffixed(unsigned, &[("k", 1_000), ("K", 1_000), ("M", 1_000_000)], 1);
                (digits, factor, 1_000_000)
            }
            Self::Seconds => {
                let units = [
                    ("ns", 1),
                    ("us", 1_000),
                    ("µs", 1_000),
                    ("ms", 1_000_000),
                    ("s", NANOS),
                    ("m", 60 * NANOS),
                    ("h", 3_600 * NANOS),
                ];
                let (digits, factor) = suffixed(unsigned, &units, NANOS);
                (digits, factor, NANOS)
            }
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let part = part.trim_end_matches('0');
        let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if !numeric(whole) || !numeric(part) || !digits.bytes().any(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let decimals = self.decimals();
        let finest = || match self {
            Self::Dollars => "costs are kept to 12 decimals".to_owned(),
            Self::Tokens => "tokens are whole numbers".to_owned(),
            Self::Seconds => "durations are kept to nanoseconds".to_owned(),
            Self::Plain | Self::Percent | Self::Moment => format!("kept to {decimals} decimals"),
        };
        if part.len() > decimals {
            return Err(finest());
        }
        let large = || {
            format!(
                "this {} is too large",
                self.noun().trim_start_matches("an ").trim_start_matches("a ")
            )
        };
        let number: i128 = format!("{whole}{part:0<decimals$}").parse().map_err(|_| large())?;
        let number = number.checked_mul(factor).ok_or_else(large)?;
        if number % one != 0 {
            return Err(finest());
        }
        // As much as every column takes.
        let number = number / one;
        if self != Self::Dollars && number > i128::from(i64::MAX) {
            return Err(large());
        }
        Ok(sign * number)
    }

    /// The number as it is read again.
    pub(super) fn print(self, number: i128) -> String {
        match self {
            Self::Dollars | Self::Plain => decimal(number, self.decimals()),
            Self::Tokens => number.to_string(),
            Self::Seconds => format!("{}s", decimal(number, 9)),
            Self::Percent => format!("{}%", decimal(number, 2)),
            // Every 64-bit number of nanoseconds is a time of the calendar.
            Self::Moment => Nanos::try_from(number)
                .ok()
                .and_then(|nanos| Timestamp::from_nanosecond(i128::from(nanos)).ok())
                .map_or_else(|| number.to_string(), |moment| moment.to_string()),
        }
    }
}

const NANOS: i128 = 1_000_000_000;

/// The text before one of the suffixes, and what that stands for; without any, `plain`.
fn suffixed<'a>(text: &'a str, units: &[(&str, i128)], plain: i128) -> (&'a str, i128) {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = &text[digits.len()..];
    match units.iter().find(|(name, _)| *name == suffix) {
        Some((_, factor)) => (digits, *factor),
        None if suffix.is_empty() => (text, plain),
        // Not a number: the caller will see the letters.
        None => (text, plain),
    }
}

/// An integer with so many digits behind the point, no more of them than needed.
fn decimal(number: i128, decimals: usize) -> String {
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let part = part.trim_end_matches('0');
    let (sign, point) = (if number < 0 { "-" } else { "" }, if part.is_empty() { "" } else { "." });
    format!("{sign}{whole}{point}{part}")
}
