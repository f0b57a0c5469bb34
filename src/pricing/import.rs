//! Another project's price table → rows of our price file.
//!
//! The table is LiteLLM's `model_prices_and_context_window.json`: an object of models, each with its prices in USD per token. Only figures
//! are read. They are taken from the text of the JSON, digit by digit, so that `3e-06` is 3 USD a million tokens and nothing beside it.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use serde_json::value::RawValue;

use super::file::{Named, scale, tier};
use super::{Price, Prices, Rates, Scale, Table, Threshold, UsdPerMillion};
use crate::model::span::Nanos;

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// All rows of the price file as it shall be: those it had, and the new ones.
    pub rows: Vec<Price>,
    /// Models that had no price.
    pub added: usize,
    /// Models whose price changed: their new price begins on the day of the import, the old one holds before it.
    pub changed: usize,
    /// Rows of the file that were completed by prices of service tiers, of reasoning or of sound.
    pub completed: usize,
    /// Models whose price was known.
    pub unchanged: usize,
    /// Names that need no row: they are found under another name at the same price.
    pub implied: usize,
    /// Entries without a row, and why.
    pub skipped: Vec<Skipped>,
}

/// An entry that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// Why.
    pub reason: &'static str,
    /// The entry's name.
    pub model: String,
}

/// An entry that explains the table's own keys.
const SPECIMEN: &str = "sample_spec";
/// Makers that the table writes before the names of their own models, at whose price everyone else resells them under the bare name.
const MAKERS: &[&str] = &[
    "xai", "mistral", "gemini", "voyage", "cohere", "deepseek", "moonshot", "zai", "minimax",
];
/// Sellers whose thresholds are reached, not exceeded.
const REACHED: &[&str] = &["xai"];
/// Where the figures are from when the entry does not say.
const TABLE: &str = "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json";
/// Later than every price.
const EVER: Nanos = Nanos::MAX;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Reads a table. `known` are all prices in force, `own` those of the file that is to be written; `today` dates what changed.
pub fn import(table: &str, known: &Prices, own: &Prices, today: Date) -> Result<Imported, serde_json::Error> {
    let entries: BTreeMap<String, &RawValue> = serde_json::from_str(table)?;
    let mut done = Imported {
        rows: own.iter().cloned().collect(),
        ..Imported::default()
    };
    let mut all = Table::clone(&known.0);
    // Short names first: a longer one is often the same model at the same price.
    let mut names: Vec<&String> = entries.keys().filter(|name| *name != SPECIMEN).collect();
    names.sort_by_key(|name| (name.len(), *name));
    let mut decided: HashSet<String> = HashSet::new();
    for key in names {
        let price = match read(key, entries[key].get(), &entries) {
            Ok(price) => price,
            Err(reason) => {
                done.skipped.push(Skipped {
                    reason,
                    model: key.clone(),
                });
                continue;
            }
        };
        done.take(key, price, &mut all, today, &mut decided);
    }
    done.skipped.sort();
    Ok(done)
}

impl Imported {
    /// `decided` are the names that entries before this one were about.
    fn take(&mut self, key: &str, mut price: Price, all: &mut Table, today: Date, decided: &mut HashSet<String>) {
        let mut name = price.model.to_ascii_lowercase();
        if decided.contains(&name) {
            // Two makers sell a model of this name: the second under its whole name.
            price.model = key.to_owned();
            name = key.to_ascii_lowercase();
        }
        decided.insert(name.clone());
        let Some(row) = all.exact(&name).cloned() else {
            if all.find(&name, None, EVER).is_some_and(|found| found.same_figures(&price)) {
                self.implied += 1;
                return;
            }
            self.added += 1;
            self.rows.push(price.clone());
            all.push(price);
            return;
        };
        // An alias may say less than its model.
        if row.same_figures(&price) || completes(&row, &price) {
            self.unchanged += 1;
            return;
        }
        let own = self
            .rows
            .iter()
            .position(|own| (&own.model, own.valid_from) == (&row.model, row.valid_from));
        let begins_today = row.valid_from == Some(today) && row.model == price.model;
        if let Some(place) = own.filter(|_| begins_today || completes(&price, &row)) {
            let figures = Price {
                standard: price.standard,
                tiers: price.tiers,
                context_window: row.context_window.or(price.context_window),
                ..row
            };
            self.completed += 1;
            all.replace(&self.rows[place], &figures);
            self.rows[place] = figures;
            return;
        }
        self.changed += 1;
        let same = row.model.eq_ignore_ascii_case(&name);
        let dated = Price {
            model: if same { row.model } else { price.model },
            aliases: if same { row.aliases } else { Vec::new() },
            provider: if same { row.provider } else { price.provider },
            valid_from: Some(today),
            ..price
        };
        self.rows.push(dated.clone());
        all.push(dated);
    }
}

/// Whether a price only says more than a row: the same usual figures, and tiers, reasoning or sound where the row has none.
fn completes(price: &Price, row: &Price) -> bool {
    let bare = |mut scale: Scale| {
        let parts = |rates: &mut Rates| (rates.reasoning, rates.audio_input, rates.audio_output) = (None, None, None);
        parts(&mut scale.rates);
        scale.thresholds.iter_mut().for_each(|t| parts(&mut t.rates));
        scale
    };
    let known = row.tiers.iter().all(|(word, scale)| price.tiers.get(word) == Some(scale));
    known && bare(row.standard.clone()) == row.standard && bare(price.standard.clone()) == row.standard
}

impl Table {
    /// Adds a price.
    fn push(&mut self, price: Price) {
        let list = &mut self.list;
        let place = list.len();
        list.push(price);
        let price = &list[place];
        for name in std::iter::once(&price.model).chain(&price.aliases) {
            let places = self.names.entry(name.to_ascii_lowercase()).or_default();
            let at = places.iter().position(|&i| list[i].valid_from <= price.valid_from);
            places.insert(at.unwrap_or(places.len()), place);
        }
    }

    fn replace(&mut self, old: &Price, new: &Price) {
        if let Some(row) = self.list.iter_mut().find(|row| *row == old) {
            row.clone_from(new);
        }
    }
}

/// One entry; else why it is no price of ours.
fn read(key: &str, text: &str, entries: &BTreeMap<String, &RawValue>) -> Result<Price, &'static str> {
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|_| "no object")?;
    let word = |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let seller = seller(&word("litellm_provider").unwrap_or_default());
    let mode = word("mode").unwrap_or_default();
    if fields.contains_key("off_peak_pricing") {
        return Err("its price depends on the hour of the day");
    }
    let reached = u64::from(REACHED.contains(&seller.as_str()));
    let mut sheet = Sheet::default();
    for (name, raw) in &fields {
        let Some((class, above, tier)) = place(name) else { continue };
        let Some(rate) = per_token(raw.get())? else { continue };
        let named = sheet.named(tier, above.map(|above| above.saturating_sub(reached)));
        class(named).get_or_insert(rate);
    }
    if let Some(tiered) = fields.get("tiered_pricing") {
        sheet.lengths(tiered)?;
    }
    let base = sheet.named(String::new(), None);
    if base.output.is_none() {
        // Its answers are pictures, and their tokens are the output.
        base.output = match fields.get("output_cost_per_image_token") {
            Some(raw) => per_token(raw.get())?,
            None => None,
        };
    }
    if base.output.is_none() && matches!(mode.as_str(), "embedding" | "rerank" | "moderation") {
        base.output = Some(UsdPerMillion(0));
    }
    let (input, output) = match (base.input, base.output) {
        (None, None) => return Err("not priced by the token"),
        (None, Some(_)) => return Err("no price for a token of its input"),
        (Some(_), None) => return Err("no price for a token of its output"),
        (Some(input), Some(output)) => (input, output),
    };
    let (standard, mut tiers) = sheet.scales(input, output);
    if let Some(entry) = fields.get("provider_specific_entry") {
        multiply(entry, &standard, &mut tiers)?;
    }
    let is_free = |rates: &Rates| rates.input.0 == 0 && rates.output.0 == 0;
    if is_free(&standard.rates) && standard.thresholds.iter().all(|t| is_free(&t.rates)) {
        return Err("0 for every token: free, or priced by something else");
    }
    let model = match key.split_once('/') {
        Some((maker, bare)) if MAKERS.contains(&maker) && !bare.contains('/') && !entries.contains_key(bare) => bare,
        _ => key,
    };
    let number = |name: &str| fields.get(name).and_then(|raw| serde_json::from_str::<f64>(raw.get()).ok());
    let window = number("max_input_tokens").or_else(|| number("max_tokens")).filter(|n| *n >= 1.0);
    let source = word("source").filter(|source| source.starts_with("https://"));
    Ok(Price {
        model: model.to_owned(),
        aliases: Vec::new(),
        provider: seller,
        standard,
        tiers,
        context_window: window.map(|tokens| tokens as u64),
        valid_from: None,
        source: source.map_or_else(
            || TABLE.to_owned(),
            |source| source.split('?').next().unwrap_or_default().to_owned(),
        ),
    })
}

/// A fast mode and a place, at which every rate is so many times the usual one: tiers of their own, together and with the others.
fn multiply(entry: &RawValue, standard: &Scale, tiers: &mut BTreeMap<String, Scale>) -> Result<(), &'static str> {
    let Ok(entry) = serde_json::from_str::<Fields<'_>>(entry.get()) else {
        return Ok(());
    };
    let factor = |name: &str| entry.get(name).map_or(Ok(None), |raw| per_token(raw.get()));
    let (fast, us) = (factor("fast")?, factor("us")?);
    let usual = std::iter::once((String::new(), standard.clone()));
    let scales: Vec<(String, Scale)> = usual
        .chain(tiers.iter().map(|(word, scale)| (word.clone(), scale.clone())))
        .collect();
    for (word, scale) in scales {
        let mut add = |words: &str, scale: Scale| tiers.insert(format!("{word} {words}").trim_start().to_owned(), scale);
        if let Some(us) = us {
            add("us", times(&scale, us)?);
        }
        // Batches are never fast.
        if let Some(fast) = fast.filter(|_| word.is_empty()) {
            let scale = times(&scale, fast)?;
            if let Some(us) = us {
                add("fast us", times(&scale, us)?);
            }
            add("fast", scale);
        }
    }
    Ok(())
}

/// All rates of a scale, multiplied exactly. The factor is read as a price is: a million of it are one.
fn times(scale: &Scale, factor: UsdPerMillion) -> Result<Scale, &'static str> {
    const ONE: u128 = 1_000_000_000_000_000_000_000_000;
    let exact = |rate: UsdPerMillion| {
        let product = rate
            .0
            .checked_mul(factor.0 / (ONE / 1_000))
            .filter(|_| factor.0.is_multiple_of(ONE / 1_000));
        let rate = product
            .filter(|product| product.is_multiple_of(1_000))
            .map(|product| UsdPerMillion(product / 1_000));
        rate.ok_or("a price finer than a price file can say")
    };
    let rates = |rates: &Rates| -> Result<Rates, &'static str> {
        let some = |rate: Option<UsdPerMillion>| rate.map(exact).transpose();
        Ok(Rates {
            input: exact(rates.input)?,
            output: exact(rates.output)?,
            cache_read: some(rates.cache_read)?,
            cache_write: some(rates.cache_write)?,
            cache_write_1h: some(rates.cache_write_1h)?,
            reasoning: some(rates.reasoning)?,
            audio_input: some(rates.audio_input)?,
            audio_output: some(rates.audio_output)?,
        })
    };
    let thresholds = scale.thresholds.iter().map(|t| {
        Ok(Threshold {
            above: t.above,
            rates: rates(&t.rates)?,
        })
    });
    Ok(Scale {
        rates: rates(&scale.rates)?,
        thresholds: thresholds.collect::<Result<_, &'static str>>()?,
    })
}

/// The seller's name without what the table adds for its own routing.
fn seller(provider: &str) -> String {
    let name = provider.strip_prefix("text-completion-").unwrap_or(provider);
    let name = name
        .strip_suffix("_converse")
        .or_else(|| name.strip_suffix("_chat"))
        .unwrap_or(name);
    name.split_once('-')
        .filter(|(_, rest)| rest.ends_with("models"))
        .map_or(name, |(name, _)| name)
        .to_owned()
}

/// The rates of an entry as named: by tier (the usual one is empty) and by threshold.
#[derive(Default)]
struct Sheet(BTreeMap<String, (Named, Vec<(u64, Named)>)>);

impl Sheet {
    fn named(&mut self, tier: String, above: Option<u64>) -> &mut Named {
        let (base, thresholds) = self.0.entry(tier).or_default();
        let Some(above) = above else { return base };
        let at = thresholds.iter().position(|(mark, _)| *mark == above).unwrap_or(thresholds.len());
        if at == thresholds.len() {
            thresholds.push((above, Named::default()));
        }
        &mut thresholds[at].1
    }

    /// `tiered_pricing`: a list of rates by the length of the prompt. What a length does not name costs what its input does.
    fn lengths(&mut self, raw: &RawValue) -> Result<(), &'static str> {
        let list: Vec<Fields<'_>> = serde_json::from_str(raw.get()).map_err(|_| "tiers that are no list")?;
        let mut lengths = Vec::new();
        for fields in &list {
            let Some(range) = fields.get("range") else { continue };
            let range: [f64; 2] = serde_json::from_str(range.get()).map_err(|_| "a tier without its range")?;
            let rate = |name: &str| fields.get(name).map_or(Ok(None), |raw| per_token(raw.get()));
            let named = Named {
                input: rate("input_cost_per_token")?,
                output: rate("output_cost_per_token")?,
                cache_read: rate("cache_read_input_token_cost")?,
                cache_write: rate("cache_creation_input_token_cost")?,
                reasoning: rate("output_cost_per_reasoning_token")?,
                ..Named::default()
            };
            lengths.push((range[0] as u64, named));
        }
        lengths.sort_by_key(|(from, _)| *from);
        let Some((_, first)) = lengths.first().copied() else {
            return Ok(());
        };
        *self.named(String::new(), None) = first;
        for (from, mut named) in lengths.into_iter().skip(1) {
            let as_input =
                |own: Option<UsdPerMillion>, first: Option<UsdPerMillion>| own.or(if first.is_some() { named.input } else { None });
            named.cache_read = as_input(named.cache_read, first.cache_read);
            named.cache_write = as_input(named.cache_write, first.cache_write);
            *self.named(String::new(), Some(from)) = named;
        }
        Ok(())
    }

    fn scales(mut self, input: UsdPerMillion, output: UsdPerMillion) -> (Scale, BTreeMap<String, Scale>) {
        let (base, above) = self.0.remove("").unwrap_or_default();
        let mut rates = base.over(Rates {
            input,
            output,
            ..Rates::default()
        });
        // Equal rates are no rates of their own: at a threshold they would stay behind.
        rates.reasoning = rates.reasoning.filter(|rate| *rate != rates.output);
        rates.audio_input = rates.audio_input.filter(|rate| *rate != rates.input);
        rates.audio_output = rates.audio_output.filter(|rate| *rate != rates.output);
        let usual = scale(rates, above.iter().copied());
        let tiers = self.0.into_iter().map(|(word, (own, own_above))| {
            let scale = tier(own, &own_above, &usual, &above);
            (word, scale)
        });
        (usual.clone(), tiers.collect())
    }
}

type Class = fn(&mut Named) -> &mut Option<UsdPerMillion>;

/// The table's keys for tokens; a longer one before its own beginning.
const CLASSES: [(&str, Class); 8] = [
    ("cache_creation_input_token_cost_above_1hr", |n| &mut n.cache_write_1h),
    ("cache_creation_input_token_cost", |n| &mut n.cache_write),
    ("cache_read_input_token_cost", |n| &mut n.cache_read),
    ("input_cost_per_token", |n| &mut n.input),
    ("output_cost_per_token", |n| &mut n.output),
    ("output_cost_per_reasoning_token", |n| &mut n.reasoning),
    ("input_cost_per_audio_token", |n| &mut n.audio_input),
    ("output_cost_per_audio_token", |n| &mut n.audio_output),
];

/// What a key prices: a class of tokens, above a threshold, at a service tier. `input_cost_per_token_above_200k_tokens_flex`.
fn place(key: &str) -> Option<(Class, Option<u64>, String)> {
    let (class, rest) = CLASSES.iter().find_map(|(start, class)| Some((*class, key.strip_prefix(start)?)))?;
    let (above, rest) = match rest.strip_prefix("_above_") {
        Some(rest) => {
            let (mark, rest) = rest.split_once("_tokens")?;
            let (digits, unit) = mark.strip_suffix('k').map_or((mark, 1), |digits| (digits, 1000));
            (Some(digits.parse::<u64>().ok()?.checked_mul(unit)?), rest)
        }
        None => (None, rest),
    };
    let tier = match rest.strip_prefix('_') {
        None if rest.is_empty() => String::new(),
        // Not a tier: how the cache came to be hit.
        Some(word) if !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()) => match super::Tier::of(word) {
            super::Tier::Standard => return None,
            super::Tier::Other(word) => word,
        },
        _ => return None,
    };
    Some((class, above, tier))
}

/// USD per token → USD per million tokens, exactly. `None` for `null`.
fn per_token(raw: &str) -> Result<Option<UsdPerMillion>, &'static str> {
    const WRONG: &str = "a price that is no plain decimal";
    if raw == "null" {
        return Ok(None);
    }
    let text = raw.trim_matches('"');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let exponent: i32 = exponent.parse().map_err(|_| WRONG)?;
    if whole.is_empty() || digits.len() > 30 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WRONG);
    }
    let digits: u128 = digits.parse().map_err(|_| WRONG)?;
    // Per token in dollars, kept per million in 10⁻¹⁸: twenty-four decimals.
    let decimals = i32::try_from(part.len()).map_err(|_| WRONG)?;
    let shift = exponent
        .checked_add(24)
        .and_then(|shift| shift.checked_sub(decimals))
        .ok_or(WRONG)?;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    let rate = match (power, shift >= 0) {
        _ if digits == 0 => Some(0),
        (Some(power), true) => digits.checked_mul(power),
        (Some(power), false) => digits.is_multiple_of(power).then(|| digits / power),
        (None, _) => None,
    };
    // As in a price file: a rate that could not be written there is none.
    let rate = UsdPerMillion(rate.ok_or("a price finer than a price file can say")?);
    UsdPerMillion::parse(&rate.to_string()).map(Some).ok_or(WRONG)
}
