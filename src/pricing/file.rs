//! The price file: TOML in, prices out, errors that name the line.
//!
//! Prices are decimals in quotes, never floats. An unknown key is an error, not a silence: a misspelt `cache_raed` would otherwise
//! bill cached tokens in full.

use std::fmt;

use serde::Deserialize;

use super::{Price, Rates, Threshold, UsdPerMillion};
use crate::model::usage::Cost;

/// What is wrong with a price file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PricingError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it; empty when there is nothing to say.
    pub hint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<toml::Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    model: String,
    #[serde(default)]
    aliases: Vec<String>,
    provider: String,
    input: UsdPerMillion,
    output: UsdPerMillion,
    cache_read: Option<UsdPerMillion>,
    cache_write: Option<UsdPerMillion>,
    cache_write_1h: Option<UsdPerMillion>,
    #[serde(default)]
    thresholds: Vec<Above>,
    context_window: Option<u64>,
    valid_from: Option<toml::value::Datetime>,
    #[serde(default)]
    source: String,
}

/// A class that is not named keeps its usual price.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Above {
    above: u64,
    input: Option<UsdPerMillion>,
    output: Option<UsdPerMillion>,
    cache_read: Option<UsdPerMillion>,
    cache_write: Option<UsdPerMillion>,
    cache_write_1h: Option<UsdPerMillion>,
}

impl<'de> Deserialize<'de> for UsdPerMillion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decimal;
        impl serde::de::Visitor<'_> for Decimal {
            type Value = UsdPerMillion;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("USD per million tokens as a decimal in quotes, such as \"3.00\"")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<UsdPerMillion, E> {
                UsdPerMillion::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Decimal)
    }
}

impl UsdPerMillion {
    /// Reads plain decimal dollars with at most twelve decimals: `3`, `0.0375`. Nothing is rounded.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let cost = Cost::from_decimal(text).filter(|_| plain && decimals <= 12)?;
        u64::try_from(cost.0).ok().map(Self)
    }
}

/// All prices of a file.
pub(super) fn read(text: &str) -> Result<Vec<Price>, PricingError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let what = error.message().to_owned();
        let hint = suggestion(&what);
        PricingError {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            what,
            hint,
        }
    })?;
    file.price
        .into_iter()
        .map(|entry| {
            let line = line_of(text, entry.span().start);
            price(entry.into_inner()).map_err(|(what, hint)| PricingError { line, what, hint })
        })
        .collect()
}

fn price(entry: Entry) -> Result<Price, (String, String)> {
    if entry.model.trim().is_empty() {
        return Err(("`model` is empty".to_owned(), "name the model as it is logged".to_owned()));
    }
    let valid_from = match entry.valid_from {
        None => None,
        Some(when) => Some(day(when).ok_or_else(|| {
            (
                format!("`valid_from = {when}` is not a date"),
                "write a day without quotes: valid_from = 2026-02-17".to_owned(),
            )
        })?),
    };
    let mut thresholds: Vec<Threshold> = entry
        .thresholds
        .iter()
        .map(|t| Threshold {
            above: t.above,
            rates: Rates {
                input: t.input.unwrap_or(entry.input),
                output: t.output.unwrap_or(entry.output),
                cache_read: t.cache_read.or(entry.cache_read),
                cache_write: t.cache_write.or(entry.cache_write),
                cache_write_1h: t.cache_write_1h.or(entry.cache_write_1h),
            },
        })
        .collect();
    thresholds.sort_by_key(|t| t.above);
    Ok(Price {
        model: entry.model,
        aliases: entry.aliases,
        provider: entry.provider,
        input: entry.input,
        output: entry.output,
        cache_read: entry.cache_read,
        cache_write: entry.cache_write,
        cache_write_1h: entry.cache_write_1h,
        thresholds,
        context_window: entry.context_window,
        valid_from,
        source: entry.source,
    })
}

fn day(when: toml::value::Datetime) -> Option<jiff::civil::Date> {
    if when.time.is_some() || when.offset.is_some() {
        return None;
    }
    let date = when.date?;
    jiff::civil::Date::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    )
    .ok()
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

/// For "unknown field `x`, expected one of `a`, `b`": the known key that is nearest, else all of them.
fn suggestion(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return String::new();
    };
    let mut words = rest.split('`').skip(1).step_by(2);
    let Some(unknown) = words.next() else { return String::new() };
    let known: Vec<&str> = words.collect();
    match known.iter().map(|word| (distance(unknown, word), *word)).min() {
        Some((steps, word)) if steps <= 3 => format!("did you mean `{word}`?"),
        _ => format!("known keys: {}", known.join(", ")),
    }
}

/// Letters to add, drop or change to turn one word into the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
