//! Tokens in disjoint classes, and money as integers.

use serde::Serialize;

use super::span::names;

/// What `input` meant where the usage was logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Convention {
    /// Input counted cached tokens too (OpenTelemetry, OpenAI).
    Inclusive,
    /// Input left cached tokens out (Anthropic).
    Exclusive,
    /// The source does not say, and no cached tokens were logged that would tell.
    #[default]
    Unknown,
}
names!(Convention, Inclusive = 0 "inclusive", Exclusive = 1 "exclusive", Unknown = 2 "unknown");

/// Tokens in disjoint classes; `None` is "not logged", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Uncached input.
    pub input: Option<u64>,
    /// Input served from the prompt cache.
    pub cache_read: Option<u64>,
    /// Input written to the cache for five minutes (or for a time not logged).
    pub cache_write: Option<u64>,
    /// Input written to the cache for an hour.
    pub cache_write_1h: Option<u64>,
    /// Output, reasoning included.
    pub output: Option<u64>,
    /// The part of `output` spent on reasoning.
    pub reasoning: Option<u64>,
}

impl Usage {
    /// All input classes together: what fills the context window. `None` when no class was logged.
    #[must_use]
    pub fn total_input(&self) -> Option<u64> {
        sum(&[self.input, self.cache_read, self.cache_write, self.cache_write_1h])
    }

    /// Tokens written to the cache, for either time.
    #[must_use]
    pub fn total_cache_write(&self) -> Option<u64> {
        sum(&[self.cache_write, self.cache_write_1h])
    }

    /// Input and output together. `None` when neither was logged.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        sum(&[self.total_input(), self.output])
    }
}

/// The sum of what is known; `None` when nothing is.
fn sum(classes: &[Option<u64>]) -> Option<u64> {
    classes.iter().flatten().copied().reduce(u64::saturating_add)
}

/// Pico-dollars (10⁻¹² USD). Sums stay exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(pub i128);

/// How far a cost can be trusted. Ordered from strongest to weakest; an interaction takes the weakest of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostBasis {
    /// Tokens times price.
    #[default]
    Computed,
    /// Tokens times price, where the log said 0.0 beside tokens.
    Recomputed,
    /// The log's own figure: no price, or no tokens to price.
    Logged,
    /// At least this much: some class of tokens was not logged.
    LowerBound,
    /// The model has no price and the log no figure: the cost is unknown.
    UnknownModel,
}
names!(CostBasis, Computed = 0 "computed", Recomputed = 1 "recomputed", Logged = 2 "logged", LowerBound = 3 "lower_bound", UnknownModel = 4 "unknown_model");

/// One line of the sum behind a call's cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// `input`, `cache_read`, `cache_write`, `cache_write_1h`, `output`.
    pub class: &'static str,
    /// Tokens of the class.
    pub tokens: u64,
    /// USD per million tokens, as written in the price table.
    pub usd_per_million: String,
    /// Tokens times price, rounded to a pico-dollar for display; the call is rounded once, over all lines.
    pub cost_usd: Cost,
}

impl Serialize for Cost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A JSON number with all its digits: never through a float.
        let text = self.decimal();
        let raw = serde_json::value::RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Cost {
    /// Plain decimal dollars with all digits and no trailing zeros: `0.01509`, `12`, `-0.5`.
    #[must_use]
    pub fn decimal(self) -> String {
        const UNIT: u128 = 1_000_000_000_000;
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / UNIT, self.0.unsigned_abs() % UNIT);
        if part == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{}", format!("{part:012}").trim_end_matches('0'))
    }
}
