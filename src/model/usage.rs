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

    /// Input read from the cache or written to it. `None` when no such class was logged.
    #[must_use]
    pub fn cached(&self) -> Option<u64> {
        sum(&[self.cache_read, self.cache_write, self.cache_write_1h])
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

impl Usage {
    /// A class at a time, the sum of what is known; saturating.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// A class at a time, the larger of what is known.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        self.zip(other, u64::max)
    }

    /// Whether no class was logged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Its classes with their names, in the order of a bill; `reasoning`, a part of `output`, last.
    #[must_use]
    pub const fn classes(&self) -> [(&'static str, Option<u64>); 6] {
        [
            ("input", self.input),
            ("cache_read", self.cache_read),
            ("cache_write", self.cache_write),
            ("cache_write_1h", self.cache_write_1h),
            ("output", self.output),
            ("reasoning", self.reasoning),
        ]
    }

    /// The classes as they are when the logged input meant `to`, where it was taken to mean `from`. Where cached tokens cannot have been
    /// part of it they stay apart; what then holds comes back too.
    #[must_use]
    pub fn reread(&self, from: Convention, to: Convention) -> (Self, Convention) {
        let (Some(input), Some(cached)) = (self.input, self.cached()) else {
            return (*self, to);
        };
        let logged = if from == Convention::Exclusive {
            input
        } else {
            input.saturating_add(cached)
        };
        let own = |input| Self {
            input: Some(input),
            ..*self
        };
        match (to, logged.checked_sub(cached)) {
            (Convention::Exclusive, _) | (_, None) => (own(logged), Convention::Exclusive),
            (Convention::Inclusive | Convention::Unknown, Some(rest)) => (own(rest), to),
        }
    }

    fn zip(&self, other: &Self, join: fn(u64, u64) -> u64) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(join(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            input: both(self.input, other.input),
            cache_read: both(self.cache_read, other.cache_read),
            cache_write: both(self.cache_write, other.cache_write),
            cache_write_1h: both(self.cache_write_1h, other.cache_write_1h),
            output: both(self.output, other.output),
            reasoning: both(self.reasoning, other.reasoning),
        }
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

impl Serialize for Cost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A JSON number with all its digits: never through a float.
        let text = self.decimal();
        let raw = serde_json::value::RawValue::from_string(text).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl Cost {
    /// Reads dollars as logs and files spell them, without a float between: `0.015`, `12`, `-0.5`, `1.2e-5`. What is finer than a
    /// pico-dollar is rounded half to even. `None` when it is no number or does not fit.
    #[must_use]
    pub fn from_decimal(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.len() + part.len() == 0 || !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits: String = [whole, part].concat();
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Some(Self(0));
        }
        // value = digits × 10^scale pico-dollars
        let scale = i64::from(exponent) + 12 - i64::try_from(part.len()).ok()?;
        let length = i64::try_from(digits.len()).ok()?;
        let magnitude = if scale >= 0 {
            let factor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            digits.parse::<i128>().ok()?.checked_mul(factor)?
        } else if length + scale < 0 {
            0
        } else {
            let (kept, cut) = digits.split_at(usize::try_from(length + scale).ok()?);
            let kept: i128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
            let above_half = cut.as_bytes()[0] > b'5' || cut.starts_with('5') && cut[1..].bytes().any(|b| b != b'0');
            let half = cut.starts_with('5') && !above_half;
            kept.checked_add(i128::from(above_half || half && kept % 2 == 1))?
        };
        Some(Self(if negative { -magnitude } else { magnitude }))
    }

    /// The mean over so many, rounded half to even; `None` over none.
    #[must_use]
    pub const fn mean(self, count: u64) -> Option<Self> {
        if count == 0 {
            return None;
        }
        let count = count as i128;
        let (whole, rest) = (self.0.div_euclid(count), self.0.rem_euclid(count));
        let up = rest * 2 > count || rest * 2 == count && whole % 2 != 0;
        Some(Self(whole + up as i128))
    }

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

impl std::ops::Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), std::ops::Add::add)
    }
}
