//! Figures as people read them: money, tokens, times, sizes, shares.
//!
//! Pure integer arithmetic where the figure is an integer: no amount of money ever passes through a float.
//! What was not logged is `–` or `unknown`, never a zero.

use crate::model::span::Nanos;
use crate::model::usage::{Cost, CostBasis};

/// What stands for a figure that was not logged.
const NONE: &str = "–";
/// Digits of a dollar after the point that `Cost` carries.
const DIGITS: u32 = 12;

/// `$0.0240`, `≥$0.0240`, `unknown`, `$0.000012`, `$1,234.56`. A lower bound is rounded down, so that it stays one.
#[must_use]
pub fn money(cost: Option<Cost>, basis: CostBasis) -> String {
    let Some(Cost(pico)) = cost else { return "unknown".to_owned() };
    let at_least = match basis {
        CostBasis::Computed | CostBasis::Recomputed | CostBasis::Logged => false,
        // A sum over calls of which some are unknown is a lower bound too.
        CostBasis::LowerBound | CostBasis::UnknownModel => true,
    };
    let size = pico.unsigned_abs();
    let decimals = decimals(size);
    let unit = 10u128.pow(DIGITS - decimals);
    let (mut whole, rest) = (size / unit, size % unit);
    // Half-even, as prices are rounded.
    if !at_least && (rest * 2 > unit || (rest * 2 == unit && whole % 2 == 1)) {
        whole += 1;
    }
    let scale = 10u128.pow(decimals);
    let mark = if at_least { "≥" } else { "" };
    let sign = if pico < 0 { "-" } else { "" };
    let dollars = grouped(whole / scale);
    if decimals == 0 {
        return format!("{mark}{sign}${dollars}");
    }
    format!("{mark}{sign}${dollars}.{:0places$}", whole % scale, places = decimals as usize)
}

/// Digits after the point: two for large sums, four for usual ones, two significant ones below a tenth of a cent.
fn decimals(pico: u128) -> u32 {
    match pico {
        0 => 0,
        10_000_000_000_000.. => 2,
        1_000_000_000.. => 4,
        small => DIGITS.min(DIGITS + 1 - small.ilog10()),
    }
}

/// `1,234,567`.
fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `850`, `2.6k`, `1.2M`, `–` when not logged.
#[must_use]
pub fn tokens(count: Option<u64>) -> String {
    let Some(count) = count else { return NONE.to_owned() };
    scaled(count, &["", "k", "M", "G", "T"])
}

/// `512 B`, `4.8 KB`, `48 KB`, `1.2 MB`: a thousand each.
#[must_use]
pub fn bytes(count: u64) -> String {
    scaled(count, &[" B", " KB", " MB", " GB", " TB"])
}

/// `12 s`, `4 min`, `3 h`, `2 d`: a time that is only estimated, never less than a second.
#[must_use]
pub fn roughly(nanos: Nanos) -> String {
    let seconds = nanos.max(0).unsigned_abs().div_ceil(1_000_000_000).max(1);
    let rounded = |unit: u64| (seconds + unit / 2) / unit;
    match seconds {
        0..100 => format!("{seconds} s"),
        100..5_400 => format!("{} min", rounded(60)),
        5_400..129_600 => format!("{} h", rounded(3_600)),
        _ => format!("{} d", rounded(86_400)),
    }
}

/// One decimal below a hundred of a unit, none above; rounded half up.
fn scaled(count: u64, units: &[&str]) -> String {
    let count = u128::from(count);
    let mut unit = 1u128;
    for (i, name) in units.iter().enumerate() {
        let last = i + 1 == units.len();
        let whole = (count + unit / 2) / unit;
        if i == 0 && count < 1_000 {
            return format!("{count}{name}");
        }
        let tenths = (count * 10 + unit / 2) / unit;
        if i > 0 && tenths < 1_000 {
            return format!("{}.{}{name}", tenths / 10, tenths % 10);
        }
        if i > 0 && (whole < 1_000 || last) {
            return format!("{whole}{name}");
        }
        unit *= 1_000;
    }
    count.to_string()
}

/// `850ns`, `420µs`, `142ms`, `1.9s`, `2m 05s`, `1h 03m`, `3d 04h`; `–` when not logged.
#[must_use]
pub fn duration(nanos: Option<Nanos>) -> String {
    let Some(nanos) = nanos else { return NONE.to_owned() };
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let rounded = |unit: u64| (size + unit / 2) / unit;
    let text = match size {
        0..=999 => format!("{size}ns"),
        1_000..999_500 => format!("{}µs", rounded(1_000)),
        999_500..999_500_000 => format!("{}ms", rounded(1_000_000)),
        999_500_000..59_950_000_000 => {
            let tenths = rounded(100_000_000);
            format!("{}.{}s", tenths / 10, tenths % 10)
        }
        _ => {
            let seconds = rounded(1_000_000_000);
            match seconds {
                0..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
                3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
                _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
            }
        }
    };
    format!("{sign}{text}")
}

/// Milliseconds with all their digits: `1890`, `0.25`.
#[must_use]
pub fn millis(nanos: Nanos) -> String {
    let (sign, nanos) = (if nanos < 0 { "-" } else { "" }, nanos.unsigned_abs());
    let (whole, part) = (nanos / 1_000_000, nanos % 1_000_000);
    let text = format!("{sign}{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share (1 is all) as `41%`, `0.4%`, `<0.1%`; `–` when it is not a number.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        return NONE.to_owned();
    }
    if percent > 0.0 && percent < 0.05 {
        return "<0.1%".to_owned();
    }
    if percent != 0.0 && percent.abs() < 0.95 {
        return format!("{percent:.1}%");
    }
    format!("{percent:.0}%")
}

/// The ending of a noun that is counted.
#[must_use]
pub const fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}
