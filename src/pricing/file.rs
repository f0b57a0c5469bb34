//! The price file: TOML in, prices out, errors that name the line.
//!
//! Prices are decimals in quotes, never floats. An unknown key is an error, not a silence: a misspelt `cache_raed` would otherwise
//! bill cached tokens in full.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Deserialize;

use super::{Price, Rates, Scale, Threshold, UsdPerMillion};

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
    reasoning: Option<UsdPerMillion>,
    audio_input: Option<UsdPerMillion>,
    audio_output: Option<UsdPerMillion>,
    #[serde(default)]
    thresholds: Vec<Above>,
    #[serde(default)]
    tiers: BTreeMap<String, Tier>,
    context_window: Option<u64>,
    valid_from: Option<toml::value::Datetime>,
    #[serde(default)]
    source: String,
}

/// A class that is not named keeps the rate it has without the threshold or the tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Named {
    pub(super) input: Option<UsdPerMillion>,
    pub(super) output: Option<UsdPerMillion>,
    pub(super) cache_read: Option<UsdPerMillion>,
    pub(super) cache_write: Option<UsdPerMillion>,
    pub(super) cache_write_1h: Option<UsdPerMillion>,
    pub(super) reasoning: Option<UsdPerMillion>,
    pub(super) audio_input: Option<UsdPerMillion>,
    pub(super) audio_output: Option<UsdPerMillion>,
}

// Written out: `flatten` and `deny_unknown_fields` do not go together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Above {
    above: u64,
    input: Option<UsdPerMillion>,
    output: Option<UsdPerMillion>,
    cache_read: Option<UsdPerMillion>,
    cache_write: Option<UsdPerMillion>,
    cache_write_1h: Option<UsdPerMillion>,
    reasoning: Option<UsdPerMillion>,
    audio_input: Option<UsdPerMillion>,
    audio_output: Option<UsdPerMillion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    input: Option<UsdPerMillion>,
    output: Option<UsdPerMillion>,
    cache_read: Option<UsdPerMillion>,
    cache_write: Option<UsdPerMillion>,
    cache_write_1h: Option<UsdPerMillion>,
    reasoning: Option<UsdPerMillion>,
    audio_input: Option<UsdPerMillion>,
    audio_output: Option<UsdPerMillion>,
    #[serde(default)]
    thresholds: Vec<Above>,
}

macro_rules! named {
    ($from:expr) => {
        Named {
            input: $from.input,
            output: $from.output,
            cache_read: $from.cache_read,
            cache_write: $from.cache_write,
            cache_write_1h: $from.cache_write_1h,
            reasoning: $from.reasoning,
            audio_input: $from.audio_input,
            audio_output: $from.audio_output,
        }
    };
}

impl Named {
    /// These rates, `usual` where a class is not named. Reasoning without a rate of its own follows a named output.
    pub(super) fn over(self, usual: Rates) -> Rates {
        let follows = if self.output.is_some() { None } else { usual.reasoning };
        Rates {
            input: self.input.unwrap_or(usual.input),
            output: self.output.unwrap_or(usual.output),
            cache_read: self.cache_read.or(usual.cache_read),
            cache_write: self.cache_write.or(usual.cache_write),
            cache_write_1h: self.cache_write_1h.or(usual.cache_write_1h),
            reasoning: self.reasoning.or(follows),
            audio_input: self.audio_input.or(usual.audio_input),
            audio_output: self.audio_output.or(usual.audio_output),
        }
    }

    /// The rates as they are written over `usual`: what is equal need not be named.
    fn of(rates: Rates, usual: Rates) -> Self {
        let unless = |own: Option<UsdPerMillion>, usual: Option<UsdPerMillion>| own.filter(|_| own != usual);
        let (own, usual) = (all(rates), all(usual));
        let output = unless(own.output, usual.output);
        Self {
            input: unless(own.input, usual.input),
            output,
            cache_read: unless(own.cache_read, usual.cache_read),
            cache_write: unless(own.cache_write, usual.cache_write),
            cache_write_1h: unless(own.cache_write_1h, usual.cache_write_1h),
            // It follows a named output: then it must be named too, though equal.
            reasoning: if output.is_some() {
                own.reasoning
            } else {
                unless(own.reasoning, usual.reasoning)
            },
            audio_input: unless(own.audio_input, usual.audio_input),
            audio_output: unless(own.audio_output, usual.audio_output),
        }
    }

    fn members(self) -> impl Iterator<Item = String> {
        [
            ("input", self.input),
            ("output", self.output),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("cache_write_1h", self.cache_write_1h),
            ("reasoning", self.reasoning),
            ("audio_input", self.audio_input),
            ("audio_output", self.audio_output),
        ]
        .into_iter()
        .filter_map(|(class, rate)| Some(format!("{class} = \"{}\"", rate?)))
    }
}

/// The usual scale, from what is named.
pub(super) fn scale(rates: Rates, above: impl IntoIterator<Item = (u64, Named)>) -> Scale {
    let mut thresholds: Vec<Threshold> = above
        .into_iter()
        .map(|(above, named)| Threshold {
            above,
            rates: named.over(rates),
        })
        .collect();
    thresholds.sort_by_key(|t| t.above);
    Scale { rates, thresholds }
}

/// A tier's scale: what it does not name is as usual, at every length of prompt.
pub(super) fn tier(own: Named, above: &[(u64, Named)], usual: &Scale, usual_above: &[(u64, Named)]) -> Scale {
    let rates = own.over(usual.rates);
    let mut marks: Vec<u64> = above.iter().chain(usual_above).map(|(above, _)| *above).collect();
    marks.sort_unstable();
    marks.dedup();
    let named = |list: &[(u64, Named)], mark: u64| {
        list.iter()
            .find(|(above, _)| *above == mark)
            .map(|(_, named)| *named)
            .unwrap_or_default()
    };
    Scale {
        thresholds: marks
            .into_iter()
            .map(|mark| Threshold {
                above: mark,
                rates: named(above, mark).over(named(usual_above, mark).over(rates)),
            })
            .collect(),
        rates,
    }
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
    /// Reads plain decimal dollars with at most eighteen decimals: `3`, `0.0375`. Nothing is rounded.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        // Dearer than a billion dollars a million tokens is a slip, and leaves room to multiply.
        if whole.is_empty() || whole.len() > 9 || decimals.len() > 18 || !plain(whole) || !plain(decimals) {
            return None;
        }
        format!("{whole}{decimals:0<18}").parse().ok().map(Self)
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
            let start = entry.span().start;
            price(entry.into_inner()).map_err(|(what, hint)| PricingError {
                line: line_of(text, start),
                what,
                hint,
            })
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
    let above = |list: &[Above]| -> Vec<(u64, Named)> { list.iter().map(|t| (t.above, named!(t))).collect() };
    let rates = Rates {
        input: entry.input,
        output: entry.output,
        cache_read: entry.cache_read,
        cache_write: entry.cache_write,
        cache_write_1h: entry.cache_write_1h,
        reasoning: entry.reasoning,
        audio_input: entry.audio_input,
        audio_output: entry.audio_output,
    };
    let usual_above = above(&entry.thresholds);
    let standard = scale(rates, usual_above.iter().copied());
    let tiers = entry.tiers.iter().map(|(word, own)| {
        let scale = tier(named!(own), &above(&own.thresholds), &standard, &usual_above);
        (word.to_ascii_lowercase(), scale)
    });
    Ok(Price {
        tiers: tiers.collect(),
        model: entry.model,
        aliases: entry.aliases,
        provider: entry.provider,
        standard,
        context_window: entry.context_window,
        valid_from,
        source: entry.source,
    })
}

/// Prices as the entries of a file that reads back the same.
#[must_use]
pub fn write<'a>(prices: impl IntoIterator<Item = &'a Price>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let thresholds = |scale: &Scale, over: &dyn Fn(u64) -> Rates| {
        let list: Vec<String> = scale
            .thresholds
            .iter()
            .map(|t| {
                let members = std::iter::once(format!("above = {}", t.above)).chain(Named::of(t.rates, over(t.above)).members());
                format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
            })
            .collect();
        (!list.is_empty()).then(|| format!("thresholds = [{}]", list.join(", ")))
    };
    let mut text = String::new();
    for price in prices {
        let mut lines = vec!["\n[[price]]".to_owned(), format!("model = {}", quoted(&price.model))];
        if !price.aliases.is_empty() {
            let aliases: Vec<String> = price.aliases.iter().map(|alias| quoted(alias)).collect();
            lines.push(format!("aliases = [{}]", aliases.join(", ")));
        }
        lines.push(format!("provider = {}", quoted(&price.provider)));
        let usual = &price.standard;
        lines.extend(all(usual.rates).members());
        lines.extend(thresholds(usual, &|_| usual.rates));
        for (word, scale) in &price.tiers {
            let members = Named::of(scale.rates, usual.rates).members();
            // At a threshold the tier's own rates are said over those that hold there as usual.
            let there = |mark: u64| {
                let at = usual.thresholds.iter().find(|t| t.above == mark);
                at.map_or(scale.rates, |t| Named::of(t.rates, usual.rates).over(scale.rates))
            };
            let members: Vec<String> = members.chain(thresholds(scale, &there)).collect();
            lines.push(format!("tiers.{} = {{ {} }}", quoted_key(word), members.join(", ")));
        }
        lines.extend(price.context_window.map(|tokens| format!("context_window = {tokens}")));
        lines.extend(price.valid_from.map(|day| format!("valid_from = {day}")));
        if !price.source.is_empty() {
            lines.push(format!("source = {}", quoted(&price.source)));
        }
        for line in lines {
            writeln!(text, "{line}").unwrap_or_default();
        }
    }
    text
}

fn all(rates: Rates) -> Named {
    Named {
        input: Some(rates.input),
        output: Some(rates.output),
        cache_read: rates.cache_read,
        cache_write: rates.cache_write,
        cache_write_1h: rates.cache_write_1h,
        reasoning: rates.reasoning,
        audio_input: rates.audio_input,
        audio_output: rates.audio_output,
    }
}

fn quoted_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
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
