//! Model name → price. The table `assets/pricing.toml` is built in; a user's file of the same schema is laid over it, model by model.
//!
//! Prices are exact decimals held as integers, and a call is rounded once, half to even. An unknown model has no price:
//! it never borrows another model's.

mod bill;
mod file;
mod import;
mod lookup;
mod terms;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, LazyLock};

use crate::model::span::Nanos;

pub use bill::{Bill, Line};
pub use file::{PricingError, write};
pub use import::{Imported, Skipped, import};
pub use terms::{Terms, Tier};

/// A price in 10⁻¹⁸ dollars per million tokens: eighteen decimals of a dollar, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerMillion(pub u128);

impl fmt::Display for UsdPerMillion {
    /// Decimal dollars, at least two decimals: `3.00`, `0.30`, `0.0375`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNIT: u128 = 1_000_000_000_000_000_000;
        let digits = format!("{:018}", self.0 % UNIT);
        let decimals = digits.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / UNIT, &digits[..decimals]))
    }
}

/// USD per million tokens, a class at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Uncached input.
    pub input: UsdPerMillion,
    /// Output.
    pub output: UsdPerMillion,
    /// Cached input; `None` is billed as input.
    pub cache_read: Option<UsdPerMillion>,
    /// Input written to the cache for five minutes; `None` is billed as input.
    pub cache_write: Option<UsdPerMillion>,
    /// Input written to the cache for an hour; `None` is billed as `cache_write`.
    pub cache_write_1h: Option<UsdPerMillion>,
    /// The part of the output spent on reasoning; `None` is billed as output.
    pub reasoning: Option<UsdPerMillion>,
    /// The part of the uncached input that is sound; `None` is billed as input.
    pub audio_input: Option<UsdPerMillion>,
    /// The part of the output that is sound; `None` is billed as output.
    pub audio_output: Option<UsdPerMillion>,
}

/// Other rates for long prompts: when all input tokens together exceed `above`, every token of the call is billed at them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// Tokens of all input classes; strictly more than this.
    pub above: u64,
    /// What then holds.
    pub rates: Rates,
}

/// Rates, and those of longer prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scale {
    /// Up to the first threshold.
    pub rates: Rates,
    /// Longer prompts, by ascending `above`.
    pub thresholds: Vec<Threshold>,
}

impl Scale {
    /// The rates for a prompt of so many tokens, and the threshold that was passed.
    #[must_use]
    pub fn at(&self, total_input: u64) -> (Rates, Option<u64>) {
        let passed = self.thresholds.iter().rev().find(|t| total_input > t.above);
        passed.map_or((self.rates, None), |t| (t.rates, Some(t.above)))
    }
}

/// What one model costs from a date on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Price {
    /// The model's name, as its provider spells it.
    pub model: String,
    /// Other names under which it is logged.
    pub aliases: Vec<String>,
    /// Who sells it.
    pub provider: String,
    /// The usual rates.
    pub standard: Scale,
    /// Rates of other service tiers, by the word that is logged: `batch`, `flex`, `priority`.
    pub tiers: BTreeMap<String, Scale>,
    /// Input tokens the model can read at once.
    pub context_window: Option<u64>,
    /// The first day it holds (UTC); `None` is always.
    pub valid_from: Option<jiff::civil::Date>,
    /// Where the figures are from.
    pub source: String,
}

impl Price {
    /// Whether a call costs the same under both, whatever its tokens.
    #[must_use]
    pub fn same_figures(&self, other: &Self) -> bool {
        self.standard == other.standard && self.tiers == other.tiers
    }
}

/// Counts up whenever the same prices would give another cost.
const RULES: u32 = 3;

/// All known prices. Cheap to clone; the table is made when something is first asked of it, by whoever asks first.
#[derive(Clone, Debug)]
pub struct Prices(Arc<LazyLock<Table, Making>>);

type Making = Box<dyn FnOnce() -> Table + Send>;

/// Prices by name.
#[derive(Clone, Debug, Default)]
struct Table {
    /// Sorted by provider, model, then by date, the newest last.
    list: Vec<Price>,
    /// Every name and alias, lower-cased → places in `list`, the newest price first.
    names: HashMap<String, Vec<usize>>,
}

static EMBEDDED: LazyLock<Prices> = LazyLock::new(|| {
    Prices::later(|| {
        let list = file::read(include_str!("../../assets/pricing.toml")).expect("the embedded price table is valid");
        Table::of(list)
    })
});

impl Default for Prices {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Prices {
    fn later(make: impl FnOnce() -> Table + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(make))))
    }

    /// These prices.
    #[must_use]
    pub fn of(list: Vec<Price>) -> Self {
        Self::later(move || Table::of(list))
    }

    /// The table built into the program.
    ///
    /// # Panics
    /// Never: a test reads the embedded table.
    #[must_use]
    pub fn embedded() -> Self {
        EMBEDDED.clone()
    }

    /// A price file by itself.
    pub fn read(toml_text: &str) -> Result<Self, PricingError> {
        Ok(Self::of(file::read(toml_text)?))
    }

    /// This table with a user's on top: from the first day the user gives for a model all its prices are the user's. Before that day
    /// what was known holds on; an undated row holds always.
    #[must_use]
    pub fn with(&self, user: &Self) -> Self {
        let (ours, user) = (self.clone(), user.clone());
        Self::later(move || ours.0.with(&user.0))
    }

    /// The price of a model at a time: the newest that had begun. The name is tried as the provider sells it (`azure/gpt-4o`), as it
    /// stands, then without its date, its sellers' names and Bedrock's prefix; capitals do not matter. Between two sellers of one name
    /// the provider decides.
    #[must_use]
    pub fn find(&self, model: &str, provider: Option<&str>, at: Nanos) -> Option<&Price> {
        self.0.find(model, provider, at)
    }

    /// Every price, by provider, model and date.
    pub fn iter(&self) -> impl Iterator<Item = &Price> {
        self.0.list.iter()
    }

    /// Changes when any price changes: the store then derives its tables anew.
    #[must_use]
    pub fn hash(&self) -> u64 {
        struct Digest(xxhash_rust::xxh3::Xxh3);
        impl std::hash::Hasher for Digest {
            fn finish(&self) -> u64 {
                self.0.digest()
            }
            fn write(&mut self, bytes: &[u8]) {
                self.0.update(bytes);
            }
        }
        let mut digest = Digest(xxhash_rust::xxh3::Xxh3::new());
        // The rules of lookup and arithmetic count too: a later version of them prices anew.
        RULES.hash(&mut digest);
        self.0.list.hash(&mut digest);
        digest.finish()
    }
}

impl Table {
    fn with(&self, user: &Self) -> Self {
        let taken = |name: &str| user.names.get(&name.to_ascii_lowercase());
        let since = |places: &Vec<usize>| places.iter().map(|&i| user.list[i].valid_from).min().flatten();
        let mut list: Vec<Price> = Vec::with_capacity(self.list.len() + user.list.len());
        for price in &self.list {
            let keeps = |name: &String| {
                taken(name).is_none_or(|places| since(places).is_some_and(|day| price.valid_from.is_none_or(|from| from < day)))
            };
            if keeps(&price.model) {
                let mut price = price.clone();
                price.aliases.retain(keeps);
                list.push(price);
            }
        }
        list.extend(user.list.iter().cloned());
        Self::of(list)
    }

    fn find(&self, model: &str, provider: Option<&str>, at: Nanos) -> Option<&Price> {
        let lower = if model.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(model.to_ascii_lowercase())
        } else {
            Cow::Borrowed(model)
        };
        let newest = |name: &str| self.newest(name, provider, at);
        // Most models stand in the table as they are called; every call is looked up, so that other names are made only when they are needed.
        let sold = provider.and_then(|provider| lookup::sold_by(&lower, provider));
        sold.and_then(|name| lookup::exact(&name).find_map(newest))
            .or_else(|| newest(lower.trim()))
            .or_else(|| lookup::names(&lower).iter().map(Cow::as_ref).find_map(newest))
    }

    /// The newest price of exactly this name or alias.
    fn exact(&self, name: &str) -> Option<&Price> {
        let places = self.names.get(&name.to_ascii_lowercase())?;
        places.first().map(|&i| &self.list[i])
    }

    fn of(mut list: Vec<Price>) -> Self {
        list.sort_by(|a, b| (&a.provider, &a.model, a.valid_from).cmp(&(&b.provider, &b.model, b.valid_from)));
        let mut names = HashMap::<String, Vec<usize>>::new();
        for (index, price) in list.iter().enumerate().rev() {
            for name in std::iter::once(&price.model).chain(&price.aliases) {
                names.entry(name.to_ascii_lowercase()).or_default().push(index);
            }
        }
        for places in names.values_mut() {
            places.sort_by_key(|&i| std::cmp::Reverse(list[i].valid_from));
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

/// The first nanosecond of a day, UTC; saturated where 64 bits end.
fn midnight(day: jiff::civil::Date) -> Nanos {
    let at = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0));
    at.map_or(Nanos::MAX, |at| Nanos::try_from(at.as_nanosecond()).unwrap_or(Nanos::MAX))
}

#[cfg(test)]
mod tests;
