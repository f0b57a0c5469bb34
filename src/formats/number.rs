//! Numbers as loggers write them: tokens, money and durations, exact or set aside.
//!
//! Decimal text is scaled as an integer, never through a float. What is out of range is not clamped: it is reported as such.

use super::scan::{Reading, string};
use crate::model::span::Nanos;
use crate::model::usage::Cost;

/// Tokens above this are no count: 2^53, the largest integer every JSON writer keeps exactly.
const MOST_TOKENS: i128 = 1 << 53;
/// Dearer than this is no cost of one call: a million dollars, in pico-dollars.
const MOST_COST: i128 = 1_000_000 * 1_000_000_000_000;

/// Decimal text times 10^`scale`, rounded half to even; whether a fraction was rounded away. `None` when it is no number or too large.
#[must_use]
pub fn scaled(text: &str, scale: i32) -> Option<(i128, bool)> {
    let text = text.trim();
    if (1..=19).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && let (Ok(whole), Ok(scale)) = (text.parse::<u64>(), u32::try_from(scale))
    {
        // Most numbers are plain.
        return Some((i128::from(whole).checked_mul(10_i128.checked_pow(scale)?)?, false));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => (&digits[..at], digits[at + 1..].parse::<i32>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let all = whole.bytes().chain(fraction.bytes());
    // The place of the last digit we keep, counted from the first digit.
    let keep = i64::from(exponent) + i64::from(scale) + whole.len() as i64;
    let mut value: i128 = 0;
    let mut count: i64 = 0;
    let (mut next, mut more) = (0, false);
    for digit in all {
        let digit = i128::from(digit - b'0');
        if count < keep {
            value = value.checked_mul(10)?.checked_add(digit)?;
        } else if count == keep {
            next = digit;
        } else {
            more |= digit != 0;
        }
        count += 1;
    }
    if keep < 0 {
        more |= next != 0 || value != 0;
        next = 0;
    }
    if value != 0 {
        for _ in count..keep {
            value = value.checked_mul(10)?;
        }
    }
    let inexact = next != 0 || more;
    if next > 5 || next == 5 && (more || value % 2 == 1) {
        value += 1;
    }
    Some((if negative { -value } else { value }, inexact))
}

/// The number's text: bare or in a string. `Err(true)` is null, `Err(false)` anything else.
fn number_text(raw: &str) -> Result<std::borrow::Cow<'_, str>, bool> {
    match raw.as_bytes().first() {
        Some(b'n') => Err(true),
        Some(b'"') => match string(raw) {
            Some(text) if text.trim().is_empty() => Err(true),
            Some(text) => Ok(text),
            None => Err(false),
        },
        Some(b'-' | b'0'..=b'9') => Ok(raw.into()),
        _ => Err(false),
    }
}

fn reading<T>(raw: &str, read: impl FnOnce(&str) -> Option<T>) -> Reading<T> {
    match number_text(raw) {
        Ok(text) => read(&text).map_or(Reading::OutOfRange, Reading::Value),
        Err(true) => Reading::Null,
        Err(false) => Reading::OutOfRange,
    }
}

/// A count of tokens: whole, 0 to 2^53.
#[must_use]
pub fn tokens(raw: &str) -> Reading<u64> {
    reading(raw, |text| match scaled(text, 0)? {
        (value @ 0..=MOST_TOKENS, false) => u64::try_from(value).ok(),
        _ => None,
    })
}

/// Dollars: not negative, at most a million.
#[must_use]
pub fn dollars(raw: &str) -> Reading<Cost> {
    reading(raw, |text| match scaled(text, 12)? {
        (value @ 0..=MOST_COST, _) => Some(Cost(value)),
        _ => None,
    })
}

fn duration(raw: &str, scale: i32) -> Reading<Nanos> {
    reading(raw, |text| {
        scaled(text, scale)
            .and_then(|(value, _)| Nanos::try_from(value).ok())
            .filter(|v| *v >= 0)
    })
}

/// Milliseconds as nanoseconds.
#[must_use]
pub fn milliseconds(raw: &str) -> Reading<Nanos> {
    duration(raw, 6)
}

/// Seconds as nanoseconds.
#[must_use]
pub fn seconds(raw: &str) -> Reading<Nanos> {
    duration(raw, 9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_scaled_exactly() {
        let cases = [
            ("1890.4211", 6, Some((1_890_421_100, false))),
            ("0.1", 12, Some((100_000_000_000, false))),
            ("3e-06", 12, Some((3_000_000, false))),
            ("1e3", 0, Some((1000, false))),
            ("2.5", 0, Some((2, true))),
            ("3.5", 0, Some((4, true))),
            ("0.00000000000049", 12, Some((0, true))),
            ("-1", 0, Some((-1, false))),
            ("0e999999", 12, Some((0, false))),
            ("1e400", 12, None),
            ("", 0, None),
            (".", 0, None),
            ("0x10", 0, None),
        ];
        for (text, scale, want) in cases {
            assert_eq!(scaled(text, scale), want, "{text} × 10^{scale}");
        }
    }
}
