//! When a cost is out of the ordinary: the two rules, apart and by name, and what explains a spike.
//!
//! *Dear*: an interaction costs strictly more than a multiple of its feature's median of the days before. *Rising*: the mean of the feature's
//! last hour does. Without enough interactions to have a baseline nothing is judged, and that is said.

use super::usual::{Usual, median, retrievals};
use super::versions;
use crate::model::content::Contents;
use crate::model::query::Peers;
use crate::model::span::{Nanos, SpanKey};
use crate::model::text;
use crate::model::trace::Trace;
use crate::model::usage::{Cost, CostBasis};

/// When a cost is out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Thousandths: 2000 is twice the baseline.
    pub multiplier: u32,
    /// How far back the baseline reaches.
    pub window: Nanos,
    /// Fewer interactions than this are no baseline, and no rolling mean.
    pub minimum: u32,
    /// What the rolling mean is taken over.
    pub rolling: Nanos,
}

impl Default for Rule {
    /// Twice the median of 7 days, 20 interactions at least, a rolling hour.
    fn default() -> Self {
        Self {
            multiplier: 2_000,
            window: super::usual::WEEK,
            minimum: 20,
            rolling: 3_600_000_000_000,
        }
    }
}

/// What a cost is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The median per interaction, of two middle ones the lower.
    pub p50: Cost,
    /// How many interactions it is of.
    pub samples: u32,
}

/// How a cost stands to its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not above the multiple.
    Usual,
    /// Strictly above it.
    Anomalous,
    /// There is no baseline: too few interactions.
    NoBaseline,
    /// The cost is not known.
    Unknown,
}

impl Rule {
    /// The baseline of some known costs; `None` where they are too few.
    #[must_use]
    pub fn baseline(&self, mut costs: Vec<Cost>) -> Option<Baseline> {
        let samples = u32::try_from(costs.len()).unwrap_or(u32::MAX);
        if samples < self.minimum {
            return None;
        }
        costs.sort_unstable();
        median(&costs).map(|p50| Baseline { p50, samples })
    }

    /// Judges one interaction, or the mean of several.
    #[must_use]
    pub fn judge(&self, cost: Option<Cost>, baseline: Option<Baseline>) -> Verdict {
        match (cost, baseline) {
            (_, None) => Verdict::NoBaseline,
            (None, Some(_)) => Verdict::Unknown,
            (Some(cost), Some(baseline)) => {
                let limit = baseline.p50.0.saturating_mul(i128::from(self.multiplier));
                if cost.0.saturating_mul(1_000) > limit {
                    Verdict::Anomalous
                } else {
                    Verdict::Usual
                }
            }
        }
    }

    /// Judges the rolling mean: of the costs within the rolling time before `now`, where there are enough of them.
    #[must_use]
    pub fn judge_rolling(&self, costs: &[(Nanos, Cost)], now: Nanos, baseline: Option<Baseline>) -> (Verdict, Option<Cost>) {
        let recent: Vec<Cost> = costs
            .iter()
            .filter(|(at, _)| *at <= now && *at > now.saturating_sub(self.rolling))
            .map(|(_, cost)| *cost)
            .collect();
        if (recent.len() as u64) < u64::from(self.minimum) {
            return (Verdict::NoBaseline, None);
        }
        let mean = recent.iter().copied().sum::<Cost>().mean(recent.len() as u64);
        (self.judge(mean, baseline), mean)
    }
}

/// `2.4`: how many times the baseline a cost is, cut to tenths.
#[must_use]
pub fn times(cost: Cost, baseline: Cost) -> Option<String> {
    let tenths = cost.0.checked_mul(10)?.checked_div(baseline.0)?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

/// What an interaction cost beside its feature's median, as a sentence, and how it is judged.
#[must_use]
pub fn beside(trace: &Trace, peers: &Peers, rule: &Rule) -> (Verdict, String) {
    let row = &trace.row;
    let costs: Vec<Cost> = peers.rows.iter().filter_map(|peer| peer.trace.row.cost).collect();
    let known = costs.len();
    let baseline = rule.baseline(costs);
    let verdict = rule.judge(row.cost, baseline);
    let own = text::money(
        row.cost,
        if row.unpriced_calls > 0 {
            CostBasis::LowerBound
        } else {
            row.cost_basis
        },
    );
    let says = match (row.cost, baseline) {
        (None, _) => "what it cost is not known".to_owned(),
        (Some(_), None) => format!(
            "{own}; no baseline: {known} of this feature with a known cost in the 7 days before, {} needed",
            rule.minimum
        ),
        (Some(cost), Some(baseline)) => format!(
            "{own}: {} × the feature's median {} of {} interactions",
            times(cost, baseline.p50).unwrap_or_else(|| "more than 0".into()),
            text::money(Some(baseline.p50), CostBasis::Computed),
            baseline.samples
        ),
    };
    (verdict, says)
}

/// Why an interaction may be dear: what it has more of than is usual, each with its figures.
#[must_use]
pub fn causes(trace: &Trace, contents: &[(SpanKey, Contents)], peers: &Peers, usual: &Usual) -> Vec<String> {
    let mut causes = Vec::new();
    let middle = |read: &dyn Fn(&Trace) -> Option<u64>| {
        let mut all: Vec<u64> = peers.rows.iter().filter_map(|peer| read(&peer.trace)).collect();
        all.sort_unstable();
        median(&all)
    };
    let mut more = |what: &str, read: &dyn Fn(&Trace) -> Option<u64>| {
        if let (Some(own), Some(usual)) = (read(trace), middle(read))
            && own > usual.saturating_mul(3) / 2
        {
            causes.push(format!("{what}: {own}, where {usual} is usual"));
        }
    };
    more("model calls", &|trace| Some(u64::from(trace.row.llm_calls)));
    more("input tokens of the first call (history)", &|trace| {
        trace.turns().first().and_then(|span| span.part.usage.total_input())
    });
    more("input tokens", &|trace| trace.row.usage.total_input());
    more("output tokens", &|trace| trace.row.usage.output);
    let documents: usize = retrievals(trace, contents).map(|found| found.count).sum();
    if let Some(usually) = median(&usual.documents)
        && documents * 2 > usually * 3
    {
        causes.push(format!("documents: {documents}, where {usually} are usual for a search"));
    }
    let ratio = |trace: &Trace| {
        let usage = &trace.row.usage;
        let (read, all) = (usage.cache_read?, usage.total_input().filter(|all| *all > 0)?);
        Some(u64::try_from(u128::from(read) * 100 / u128::from(all)).unwrap_or(100))
    };
    if let (Some(own), Some(usually)) = (ratio(trace), middle(&ratio))
        && own + 20 < usually
    {
        causes.push(format!(
            "cache: {own} % of the input were read from it, where {usually} % are usual"
        ));
    }
    if let (Some(model), Some((usually, count))) = (trace.telling().and_then(|span| span.model()), usual.models.most())
        && model != usually
    {
        causes.push(format!(
            "model: {model}, where {usually} is usual ({count} of {} calls)",
            usual.models.total()
        ));
    }
    if let Some(own) = versions::version_of(trace, contents) {
        let mut lengths: Vec<usize> = peers
            .rows
            .iter()
            .filter_map(|peer| Some(versions::version_of(&peer.trace, &peer.contents)?.chars().count()))
            .collect();
        lengths.sort_unstable();
        let length = own.chars().count();
        if let Some(usually) = median(&lengths).filter(|usually| length > usually * 3 / 2) {
            causes.push(format!("system prompt: {length} characters, where {usually} are usual"));
        }
        if let Some((times, letters)) = repeated(&own) {
            causes.push(format!(
                "a paragraph of {letters} characters stands {times} times in the system prompt"
            ));
        }
    }
    causes
}

/// The longest paragraph that stands more than once: how often, and its length.
fn repeated(text: &str) -> Option<(usize, usize)> {
    /// Shorter ones repeat by chance.
    const LEAST: usize = 80;
    let paragraphs: Vec<&str> = text
        .split("\n\n")
        .map(str::trim)
        .filter(|one| one.chars().count() >= LEAST)
        .collect();
    paragraphs
        .iter()
        .map(|one| (paragraphs.iter().filter(|other| *other == one).count(), one.chars().count()))
        .filter(|(times, _)| *times > 1)
        .max_by_key(|(times, letters)| times * letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Cost {
        Cost::from_decimal(text).unwrap_or_default()
    }

    #[test]
    fn the_seeds_rule_is_strict() {
        let rule = Rule::default();
        let of = |p50: &str, samples| Some(Baseline { p50: usd(p50), samples });
        for (cost, baseline, verdict) in [
            (Some("0.016"), of("0.008", 20), Verdict::Usual),
            (Some("0.016001"), of("0.008", 20), Verdict::Anomalous),
            (Some("0.016000000001"), of("0.008", 20), Verdict::Anomalous),
            (Some("0.0001"), of("0.008", 20), Verdict::Usual),
            (Some("99"), None, Verdict::NoBaseline),
            (None, None, Verdict::NoBaseline),
            (None, of("0.008", 20), Verdict::Unknown),
            (Some("0"), of("0", 20), Verdict::Usual),
            (Some("0.000000000001"), of("0", 20), Verdict::Anomalous),
        ] {
            assert_eq!(rule.judge(cost.map(usd), baseline), verdict, "{cost:?} {baseline:?}");
        }
        let tripled = Rule { multiplier: 3_000, ..rule };
        assert_eq!(tripled.judge(Some(usd("0.024")), of("0.008", 20)), Verdict::Usual);
        assert_eq!(tripled.judge(Some(usd("0.024001")), of("0.008", 20)), Verdict::Anomalous);
    }

    #[test]
    fn a_baseline_needs_its_samples_and_is_the_lower_middle() {
        let rule = Rule::default();
        let costs = |count: i128| (1..=count).rev().map(Cost).collect::<Vec<_>>();
        assert_eq!(rule.baseline(costs(19)), None);
        assert_eq!(
            rule.baseline(costs(20)),
            Some(Baseline {
                p50: Cost(10),
                samples: 20
            })
        );
        assert_eq!(rule.baseline(costs(21)).map(|b| b.p50), Some(Cost(11)));
    }

    #[test]
    fn the_rolling_mean_looks_at_the_last_hour_alone() {
        let rule = Rule::default();
        let baseline = Some(Baseline {
            p50: usd("0.008"),
            samples: 100,
        });
        const MINUTE: Nanos = 60_000_000_000;
        let now = 1_000 * MINUTE;
        let at = |minutes: Nanos, cost: &str| (now - minutes * MINUTE, usd(cost));
        let hour = |count: usize, cost: &str| vec![at(30, cost); count];
        for (what, costs, verdict) in [
            ("twice", hour(20, "0.016"), Verdict::Usual),
            ("a hair more", hour(20, "0.016001"), Verdict::Anomalous),
            ("too few", hour(19, "5"), Verdict::NoBaseline),
            ("an hour ago is over", vec![at(60, "5"); 40], Verdict::NoBaseline),
            ("just within", vec![at(59, "5"); 20], Verdict::Anomalous),
            ("the future is not judged", vec![at(-1, "5"); 20], Verdict::NoBaseline),
            (
                "one dear among many does not lift the mean",
                [hour(99, "0.008"), hour(1, "0.8")].concat(),
                Verdict::Usual,
            ),
        ] {
            assert_eq!(rule.judge_rolling(&costs, now, baseline).0, verdict, "{what}");
        }
        assert_eq!(rule.judge_rolling(&hour(20, "5"), now, None).0, Verdict::NoBaseline);
    }

    #[test]
    fn a_repeated_block_is_seen() {
        let block = "Never promise a refund; quote the invoice and its number, and say where it can be found. ".repeat(2);
        assert_eq!(
            repeated(&format!("{block}\n\nshort\n\nshort\n\n{block}\n\n{block}")),
            Some((3, block.trim().chars().count()))
        );
        assert_eq!(repeated(&format!("{block}\n\nother")), None);
        assert_eq!(times(usd("0.0195"), usd("0.008")).as_deref(), Some("2.4"));
        assert_eq!(times(usd("1"), usd("0")), None);
    }
}
