//! The sum behind an amount, line by line: the bill a reader can check with a pencil, and what decided it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::trace::Span;
use crate::model::usage::{Convention, Cost, CostBasis, Usage};
use crate::pricing::{Bill, Line, Prices, Tier};

/// One line. The lines of a call sum exactly to its cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerLine {
    /// `input`, `audio_input`, `cache_read`, `cache_write`, `cache_write_1h`, `output`, `reasoning`, `audio_output`; `rounding` for what
    /// the one rounding of the call adds or takes, `logged` for the log's own figure where it is the cost.
    pub class: &'static str,
    /// Tokens billed at this rate.
    pub tokens: Option<u64>,
    /// USD per million tokens, as written in the price table.
    pub usd_per_million: Option<String>,
    /// Tokens times price, with all its digits.
    pub cost_usd: Exact,
}

/// Dollars in 10⁻²⁴: tokens times a price without a rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(pub i128);

/// 10⁻²⁴ dollars in a pico-dollar.
const PICO: i128 = 1_000_000_000_000;

impl Exact {
    /// Plain decimal dollars with all digits and no trailing zeros.
    #[must_use]
    pub fn decimal(self) -> String {
        let (pico, rest) = (self.0 / PICO, self.0 % PICO);
        if rest == 0 {
            return Cost(pico).decimal();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (pico.unsigned_abs() / PICO.unsigned_abs(), pico.unsigned_abs() % PICO.unsigned_abs());
        let digits = format!("{part:012}{:012}", rest.unsigned_abs());
        format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl From<Cost> for Exact {
    fn from(cost: Cost) -> Self {
        Self(cost.0.saturating_mul(PICO))
    }
}

impl Serialize for Exact {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.decimal()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// The bill of one span and what decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// A line per class that was logged, in the order of a bill. Zero tokens are a line too: they were logged. Empty where the span is not
    /// counted or its cost is unknown.
    pub lines: Vec<LedgerLine>,
    /// The price entry, where one is known and tokens were logged.
    pub entry: Option<Entry>,
    /// What `input` meant at the source.
    pub convention: Convention,
    /// How that was decided; empty where no tokens were logged.
    pub convention_from: &'static str,
    /// Spans around this call that repeat its tokens or its cost and were not counted: their names.
    pub repeated_by: Vec<String>,
    /// Tokens times price.
    pub computed: Option<Cost>,
    /// The log's own figure.
    pub logged: Option<Cost>,
}

/// The price entry a call is billed by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The model as the price table names it.
    pub model: String,
    /// Who sells it.
    pub provider: String,
    /// The first day the price holds; `None` is always.
    pub valid_from: Option<String>,
    /// The service tier logged; `None` is the usual one.
    pub service_tier: Option<String>,
    /// The entry has no rates for this tier: the usual ones were taken.
    pub service_tier_unpriced: bool,
    /// The prompt is longer than this, and all tokens are billed at the rates for such prompts.
    pub above: Option<u64>,
    /// Where the figures are from.
    pub source: String,
}

impl Ledger {
    /// Logged less computed, where both are known.
    #[must_use]
    pub fn difference(&self) -> Option<Cost> {
        Some(Cost(self.logged?.0.saturating_sub(self.computed?.0)))
    }
}

/// The ledger of a span of a trace in tree order.
#[must_use]
pub fn ledger(span: &Span, spans: &[Span], prices: &Prices) -> Ledger {
    let part = &span.part;
    let bill = prices.bill(part).filter(|_| !part.usage.is_empty());
    let lines = match (span.cost, span.cost_basis, &bill) {
        (Some(cost), CostBasis::Logged, _) if span.counted => vec![LedgerLine {
            class: "logged",
            tokens: None,
            usd_per_million: None,
            cost_usd: cost.into(),
        }],
        (Some(cost), _, Some(bill)) if span.counted => lines(bill, cost),
        _ => Vec::new(),
    };
    Ledger {
        computed: bill.as_ref().filter(|bill| !bill.unpriced_tier).and_then(Bill::cost),
        entry: bill.map(|bill| Entry {
            model: bill.price.model.clone(),
            provider: bill.price.provider.clone(),
            valid_from: bill.price.valid_from.map(|day| day.to_string()),
            service_tier: match &bill.tier {
                Tier::Standard => None,
                Tier::Other(word) => Some(word.clone()),
            },
            service_tier_unpriced: bill.unpriced_tier,
            above: bill.above,
            source: bill.price.source.clone(),
        }),
        lines,
        convention: part.convention,
        convention_from: decided(part),
        repeated_by: repeated_by(span, spans),
        logged: part.cost_logged,
    }
}

fn lines(bill: &Bill<'_>, cost: Cost) -> Vec<LedgerLine> {
    let exact = |line: &Line| Exact(i128::try_from(line.amount()).unwrap_or(i128::MAX));
    let mut lines: Vec<LedgerLine> = bill
        .lines
        .iter()
        .map(|line| LedgerLine {
            class: line.class,
            tokens: Some(line.tokens),
            usd_per_million: Some(line.rate.to_string()),
            cost_usd: exact(line),
        })
        .collect();
    let sum = bill.lines.iter().map(exact).fold(0_i128, |sum, line| sum.saturating_add(line.0));
    let rounding = Exact::from(cost).0.saturating_sub(sum);
    if rounding != 0 {
        lines.push(LedgerLine {
            class: "rounding",
            tokens: None,
            usd_per_million: None,
            cost_usd: Exact(rounding),
        });
    }
    lines
}

/// How it was decided whether input includes cached tokens.
fn decided(part: &Part) -> &'static str {
    if part.usage == Usage::default() {
        return "";
    }
    if part.inferred.has(Inferred::CONVENTION_SET) {
        return "set for this source in the settings";
    }
    match (part.inferred.has(Inferred::CONVENTION), part.convention) {
        (true, Convention::Exclusive) => "the figures: its input leaves no room for the cached tokens, or its total counts them beside it",
        (true, Convention::Inclusive) => "the figures: its total counts the cached tokens inside the input",
        (_, Convention::Unknown) => "not known: neither the dialect nor the figures say; the lower reading is billed",
        (false, Convention::Inclusive | Convention::Exclusive) => "its dialect",
    }
}

/// The records around it and the spans above that were left out because they repeat what is counted here.
fn repeated_by(span: &Span, spans: &[Span]) -> Vec<String> {
    if !span.counted {
        return Vec::new();
    }
    let states = |part: &&Part| !part.usage.is_empty() || part.cost_logged.is_some();
    let name = |part: &Part| {
        if part.name.is_empty() {
            part.span_id.clone()
        } else {
            part.name.clone()
        }
    };
    let mut names: Vec<String> = span.twins.iter().rev().filter(states).map(name).collect();
    let mut at = span.parent;
    while let Some(parent) = at.and_then(|at| spans.get(at as usize)) {
        if parent.rolled_up && states(&&parent.part) {
            names.push(name(&parent.part));
        }
        at = parent.parent;
    }
    names
}

/// One counted call of an amount that is the sum of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its turn, for a model call.
    pub turn: Option<u32>,
    /// Its kind.
    pub kind: SpanKind,
    /// The model that answered, else the one asked for, else its name.
    pub name: String,
    /// Tokens of all classes.
    pub tokens: Option<u64>,
    /// What it costs; `None` is unknown.
    pub cost: Option<Cost>,
    /// How far that can be trusted.
    pub basis: CostBasis,
}

/// The counted calls at and below a span, in tree order; of a first span those of the whole interaction. A call alone has no items.
#[must_use]
pub fn items(span: &Span, spans: &[Span]) -> Vec<Item> {
    let Some(at) = spans.iter().position(|other| other.key == span.key) else {
        return Vec::new();
    };
    let end = spans[at + 1..].iter().take_while(|other| other.depth > span.depth).count() + at + 1;
    let those = if span.depth == 0 { spans } else { &spans[at..end] };
    let counted: Vec<Item> = those
        .iter()
        .filter(|other| other.counted)
        .map(|call| Item {
            turn: call.turn,
            kind: call.part.kind,
            name: [&call.part.response_model, &call.part.request_model]
                .into_iter()
                .flatten()
                .next()
                .unwrap_or(&call.part.name)
                .clone(),
            tokens: call.part.usage.total(),
            cost: call.cost,
            basis: call.cost_basis,
        })
        .collect();
    if counted.len() == 1 && span.counted { Vec::new() } else { counted }
}
