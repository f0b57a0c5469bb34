//! Model name → price. The table `assets/pricing.toml` is built in; a user's file of the same schema overrides it model by model.
//!
//! Prices are exact decimals held as integers, and a call is rounded once, half to even. An unknown model has no price:
//! it never borrows another model's.

mod file;
mod lookup;

use std::borrow::Cow;
use std::fmt;

use crate::model::span::Nanos;
use crate::model::usage::{Cost, Usage};

pub use file::PricingError;

/// A price in pico-dollars per million tokens: twelve decimals of a dollar, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerMillion(pub u64);

impl fmt::Display for UsdPerMillion {
    /// Decimal dollars, at least two decimals: `3.00`, `0.30`, `0.0375`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNIT: u64 = 1_000_000_000_000;
        let digits = format!("{:012}", self.0 % UNIT);
        let decimals = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / UNIT, &digits[..decimals]))
    }
}

/// USD per million tokens, a class at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Uncached input.
    pub input: UsdPerMillion,
    /// Output, reasoning included.
    pub output: UsdPerMillion,
    /// Cached input; `None` is billed as input.
    pub cache_read: Option<UsdPerMillion>,
    /// Input written to the cache for five minutes; `None` is billed as input.
    pub cache_write: Option<UsdPerMillion>,
    /// Input written to the cache for an hour; `None` is billed as `cache_write`.
    pub cache_write_1h: Option<UsdPerMillion>,
}

/// Other rates for long prompts: when all input tokens together exceed `above`, every token of the call is billed at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// Tokens of all input classes; strictly more than this.
    pub above: u64,
    /// What then holds.
    pub rates: Rates,
}

/// What one model costs from a date on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Price {
    /// The model's name, as its provider spells it.
    pub model: String,
    /// Other names under which it is logged.
    pub aliases: Vec<String>,
    /// Who sells it.
    pub provider: String,
    /// Uncached input.
    pub input: UsdPerMillion,
    /// Output, reasoning included.
    pub output: UsdPerMillion,
    /// Cached input; `None` is billed as input.
    pub cache_read: Option<UsdPerMillion>,
    /// Input written to the cache for five minutes; `None` is billed as input.
    pub cache_write: Option<UsdPerMillion>,
    /// Input written to the cache for an hour; `None` is billed as `cache_write`.
    pub cache_write_1h: Option<UsdPerMillion>,
    /// Dearer long prompts, by ascending `above`.
    pub thresholds: Vec<Threshold>,
    /// Input tokens the model can read at once.
    pub context_window: Option<u64>,
    /// The first day it holds (UTC); `None` is always.
    pub valid_from: Option<jiff::civil::Date>,
    /// Where the figures are from.
    pub source: String,
}

impl Price {
    /// The rates for a prompt of so many tokens.
    #[must_use]
    pub fn rates_for(&self, total_input: u64) -> Rates {
        let usual = Rates {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
        };
        self.thresholds
            .iter()
            .rev()
            .find(|t| total_input > t.above)
            .map_or(usual, |t| t.rates)
    }

    /// What a call costs, rounded once, half to even, to a pico-dollar. Classes that were not logged count nothing;
    /// `None` when no priced class was logged at all.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        let rates = self.rates_for(usage.total_input().unwrap_or(0));
        rates
            .lines(usage)
            .map(|(_, tokens, rate)| u128::from(tokens) * u128::from(rate.0))
            .reduce(u128::saturating_add)
            .map(per_million)
    }
}

/// Pico-dollars of a sum of tokens × pico-dollars per million, rounded half to even.
#[must_use]
pub fn per_million(sum: u128) -> Cost {
    const MILLION: u128 = 1_000_000;
    let (whole, rest) = (sum / MILLION, sum % MILLION);
    let up = rest > MILLION / 2 || rest == MILLION / 2 && whole % 2 == 1;
    Cost((whole + u128::from(up)) as i128)
}

impl Rates {
    /// The logged classes of a usage with their names and rates, in the order of a bill.
    pub fn lines(&self, usage: &Usage) -> impl Iterator<Item = (&'static str, u64, UsdPerMillion)> + use<> {
        let write = self.cache_write.unwrap_or(self.input);
        [
            ("input", usage.input, self.input),
            ("cache_read", usage.cache_read, self.cache_read.unwrap_or(self.input)),
            ("cache_write", usage.cache_write, write),
            ("cache_write_1h", usage.cache_write_1h, self.cache_write_1h.unwrap_or(write)),
            ("output", usage.output, self.output),
        ]
        .into_iter()
        .filter_map(|(class, tokens, rate)| Some((class, tokens?, rate)))
    }
}

/// All known prices.
#[derive(Clone, Debug, Default)]
pub struct Prices {
    /// Sorted by model, then by date, the newest last.
    list: Vec<Price>,
    /// Every name and alias, lower-cased → places in `list`, the newest price first.
    names: std::collections::HashMap<String, Vec<usize>>,
}

impl Prices {
    /// The table built into the program.
    ///
    /// # Panics
    /// Never: a test reads the embedded table.
    #[must_use]
    pub fn embedded() -> Self {
        let list = file::read(include_str!("../../assets/pricing.toml")).expect("the embedded price table is valid");
        Self::of(list)
    }

    /// This table with a user's file on top: whatever model the file names takes all its prices from the file.
    pub fn with_user(&self, toml_text: &str) -> Result<Self, PricingError> {
        let user = file::read(toml_text)?;
        let mut list: Vec<Price> = self.list.clone();
        for price in &mut list {
            price.aliases.retain(|alias| !user.iter().any(|own| own.answers_to(alias)));
        }
        list.retain(|price| !user.iter().any(|own| own.answers_to(&price.model)));
        list.extend(user);
        Ok(Self::of(list))
    }

    /// The price of a model at a time: the newest that had begun. The name is tried as it stands, then without its date, its sellers'
    /// names and Bedrock's prefix; capitals do not matter. `provider` only chooses between two sellers of one name.
    #[must_use]
    pub fn find(&self, model: &str, provider: Option<&str>, at: Nanos) -> Option<&Price> {
        let lower = if model.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(model.to_ascii_lowercase())
        } else {
            Cow::Borrowed(model)
        };
        lookup::names(&lower).find_map(|name| self.newest(name, provider, at))
    }

    /// Every price, by provider, model and date.
    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.list.iter()
    }

    /// Changes when any price changes: the store then derives its tables anew.
    #[must_use]
    pub fn hash(&self) -> u64 {
        let text = format!("{:?}", self.list);
        xxhash_rust::xxh3::xxh3_64(text.as_bytes())
    }

    fn of(mut list: Vec<Price>) -> Self {
        list.sort_by(|a, b| (&a.provider, &a.model, a.valid_from).cmp(&(&b.provider, &b.model, b.valid_from)));
        let mut names = std::collections::HashMap::<String, Vec<usize>>::new();
        for (index, price) in list.iter().enumerate().rev() {
            for name in std::iter::once(&price.model).chain(&price.aliases) {
                names.entry(name.to_ascii_lowercase()).or_default().push(index);
            }
        }
        Self { list, names }
    }

    /// By a name in lower case.
    fn newest(&self, name: &str, provider: Option<&str>, at: Nanos) -> Option<&Price> {
        let sold_by = |price: &Price| provider.is_some_and(|provider| provider.to_lowercase().contains(&price.provider));
        let begun = |price: &&Price| price.valid_from.is_none_or(|day| at >= midnight(day));
        let mut best: Option<&Price> = None;
        for price in self.names.get(name)?.iter().map(|&i| &self.list[i]).filter(begun) {
            // Same seller: the newer price stands first. Another seller: only when the call names it.
            if best.is_none_or(|best| sold_by(price) && !sold_by(best)) {
                best = Some(price);
            }
        }
        best
    }
}

impl Price {
    fn answers_to(&self, name: &str) -> bool {
        std::iter::once(&self.model)
            .chain(&self.aliases)
            .any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// The first nanosecond of a day, UTC; saturated where 64 bits end.
fn midnight(day: jiff::civil::Date) -> Nanos {
    let at = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
    at.map_or(Nanos::MAX, |at| Nanos::try_from(at.as_nanosecond()).unwrap_or(Nanos::MAX))
}

#[cfg(test)]
mod tests;
