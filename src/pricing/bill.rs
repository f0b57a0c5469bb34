//! What one call costs, line by line: tokens × rate per class, exactly; the sum is rounded once.

use super::{Price, Prices, Rates, Terms, Tier, UsdPerMillion};
use crate::model::span::Part;
use crate::model::usage::{Cost, Usage};

/// A class of tokens at its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// `input`, `audio_input`, `cache_read`, `cache_write`, `cache_write_1h`, `output`, `reasoning`, `audio_output`.
    pub class: &'static str,
    /// Tokens of the class that are billed at this rate.
    pub tokens: u64,
    /// The rate.
    pub rate: UsdPerMillion,
}

impl Line {
    /// Its exact amount in 10⁻²⁴ dollars; saturated where 128 bits end.
    #[must_use]
    pub const fn amount(&self) -> u128 {
        (self.tokens as u128).saturating_mul(self.rate.0)
    }
}

/// The bill of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill<'a> {
    /// The entry it is billed by.
    pub price: &'a Price,
    /// The service tier that was logged.
    pub tier: Tier,
    /// The tier is logged and the entry has no rates for it: the usual ones were taken.
    pub unpriced_tier: bool,
    /// The threshold that the prompt passed.
    pub above: Option<u64>,
    /// What an uncached input token of it costs.
    pub input: UsdPerMillion,
    /// A line per class that was logged, in the order of a bill.
    pub lines: Vec<Line>,
}

impl Bill<'_> {
    /// The sum, rounded half to even, once. `None` when no class was logged.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        self.lines.iter().map(Line::amount).reduce(u128::saturating_add).map(rounded)
    }

    /// What the prompt cache saved: the same tokens as uncached input less what they cost; below 0 where writing to it cost more than reading
    /// from it saved. Rounded half to even, once. `None` when no cache class was logged.
    #[must_use]
    pub fn saved(&self) -> Option<Cost> {
        let cached = |line: &&Line| matches!(line.class, "cache_read" | "cache_write" | "cache_write_1h");
        let (mut without, mut with) = (None, 0_u128);
        for line in self.lines.iter().filter(cached) {
            let full = Line { rate: self.input, ..*line }.amount();
            without = Some(without.unwrap_or(0_u128).saturating_add(full));
            with = with.saturating_add(line.amount());
        }
        let without = without?;
        Some(if without >= with {
            rounded(without - with)
        } else {
            Cost(-rounded(with - without).0)
        })
    }
}

/// Pico-dollars of an amount in 10⁻²⁴ dollars, rounded half to even.
#[must_use]
pub(super) const fn rounded(amount: u128) -> Cost {
    const UNIT: u128 = 1_000_000_000_000;
    let (whole, rest) = (amount / UNIT, amount % UNIT);
    let up = rest > UNIT / 2 || rest == UNIT / 2 && whole % 2 == 1;
    Cost((whole + up as u128) as i128)
}

impl Prices {
    /// The price of a call: of the model that answered, else of the one asked for.
    #[must_use]
    pub fn of_call(&self, part: &Part) -> Option<&Price> {
        [&part.response_model, &part.request_model]
            .into_iter()
            .flatten()
            .find_map(|model| self.find(model, part.provider.as_deref(), part.start))
    }

    /// The bill of a call; `None` for an unknown model.
    #[must_use]
    pub fn bill(&self, part: &Part) -> Option<Bill<'_>> {
        self.of_call(part).map(|price| price.bill(&part.usage, Terms::of(part)))
    }
}

impl Price {
    /// The bill of so many tokens on these terms.
    #[must_use]
    pub fn bill(&self, usage: &Usage, terms: Terms) -> Bill<'_> {
        let total = usage.total_input().unwrap_or(0);
        let scale = match &terms.tier {
            Tier::Standard => None,
            Tier::Other(word) => self.tiers.get(word),
        };
        let (rates, above) = scale.unwrap_or(&self.standard).at(total);
        Bill {
            price: self,
            unpriced_tier: terms.tier != Tier::Standard && scale.is_none(),
            above,
            input: rates.input,
            lines: rates.lines(usage, &terms),
            tier: terms.tier,
        }
    }
}

impl Rates {
    /// The logged classes of a usage. A part of a class stands in a line of its own only where it has a rate of its own.
    fn lines(&self, usage: &Usage, terms: &Terms) -> Vec<Line> {
        let mut lines = Vec::with_capacity(5);
        let write = self.cache_write.unwrap_or(self.input);
        let mut class = |class, tokens: Option<u64>, rate, parts: &[(&'static str, u64, Option<UsdPerMillion>)]| {
            let Some(mut left) = tokens else { return };
            let at = lines.len();
            for (part, tokens, rate) in parts {
                if let Some(rate) = rate.filter(|_| *tokens > 0) {
                    // What is said to be part of the class is never more than the class.
                    let tokens = left.min(*tokens);
                    left -= tokens;
                    lines.push(Line { class: part, tokens, rate });
                }
            }
            lines.insert(at, Line { class, tokens: left, rate });
        };
        let sound = [("audio_input", terms.audio_input, self.audio_input)];
        class("input", usage.input, self.input, &sound);
        class("cache_read", usage.cache_read, self.cache_read.unwrap_or(self.input), &[]);
        class("cache_write", usage.cache_write, write, &[]);
        class("cache_write_1h", usage.cache_write_1h, self.cache_write_1h.unwrap_or(write), &[]);
        let parts = [
            ("reasoning", usage.reasoning.unwrap_or(0), self.reasoning),
            ("audio_output", terms.audio_output, self.audio_output),
        ];
        class("output", usage.output, self.output, &parts);
        lines
    }
}
