//! When a cost is out of the ordinary: the two rules, apart and by name. The store, the diagnosis and the panel all judge by these.
//!
//! *Dear*: an interaction costs strictly more than a multiple of its feature's median of the days before. *Rising*: the mean of the feature's
//! last hour does. Without enough interactions to have a baseline nothing is judged, and that is said.

use std::collections::BTreeMap;

use super::span::Nanos;
use super::usage::Cost;

/// An hour.
const HOUR: Nanos = 3_600_000_000_000;

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
            window: 168 * HOUR,
            minimum: 20,
            rolling: HOUR,
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

/// What costs are judged by: the rule, and baselines by feature from elsewhere. Those stand in where a feature has too few interactions
/// of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judging {
    /// The rule.
    pub rule: Rule,
    /// Baselines from another host or another time.
    pub saved: BTreeMap<String, Baseline>,
}

impl Judging {
    /// The baseline from elsewhere, for a feature.
    #[must_use]
    pub fn saved(&self, feature: Option<&str>) -> Option<Baseline> {
        self.saved.get(feature?).copied()
    }

    /// The baseline of a feature whose median over so many interactions is known; else the one from elsewhere.
    #[must_use]
    pub fn baseline(&self, feature: Option<&str>, p50: Option<Cost>, samples: u32) -> Option<Baseline> {
        let own = p50.filter(|_| samples >= self.rule.minimum).map(|p50| Baseline { p50, samples });
        own.or_else(|| self.saved(feature))
    }
}

impl Rule {
    /// The baseline of some known costs; `None` where they are too few.
    #[must_use]
    pub fn baseline(&self, mut costs: Vec<Cost>) -> Option<Baseline> {
        let samples = u32::try_from(costs.len()).unwrap_or(u32::MAX);
        if samples == 0 || samples < self.minimum {
            return None;
        }
        costs.sort_unstable();
        let p50 = *costs.get((costs.len() - 1) / 2)?;
        Some(Baseline { p50, samples })
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
        if (recent.len() as u64) < u64::from(self.minimum.max(1)) {
            return (Verdict::NoBaseline, None);
        }
        let (sum, count) = (recent.iter().copied().sum::<Cost>(), recent.len() as u64);
        // The sum against as many baselines: the mean is rounded, this is not.
        let as_many = baseline.map(|one| Baseline {
            p50: Cost(one.p50.0.saturating_mul(i128::from(count))),
            ..one
        });
        (self.judge(Some(sum), as_many), sum.mean(count))
    }

    /// Judges every interaction of one feature by those that began before it. `rows` are all whose cost is known, by their start; `each`
    /// is told the place of a row, its verdict and the baseline it was judged by.
    pub fn judge_all(&self, rows: &[(Nanos, Cost)], saved: Option<Baseline>, mut each: impl FnMut(usize, Verdict, Option<Baseline>)) {
        let mut middle = Middle::new(rows);
        // rows[from..to] began within the window before the row that is judged.
        let (mut from, mut to) = (0, 0);
        for (at, (start, cost)) in rows.iter().enumerate() {
            while rows[to].0 < *start {
                middle.put(to);
                to += 1;
            }
            while from < to && rows[from].0 < start.saturating_sub(self.window) {
                middle.take(from);
                from += 1;
            }
            let samples = u32::try_from(to - from).unwrap_or(u32::MAX);
            let own = (samples > 0 && samples >= self.minimum).then(|| Baseline {
                p50: middle.lower(),
                samples,
            });
            let baseline = own.or(saved);
            each(at, self.judge(Some(*cost), baseline), baseline);
        }
    }
}

/// The median of a set of costs that are put in and taken out one by one, in logarithmic time: counts by rank in a Fenwick tree.
struct Middle {
    /// All costs there may be, ascending.
    costs: Vec<Cost>,
    /// The rank of each row's cost, from 1.
    ranks: Vec<u32>,
    /// Counts, a node of the tree each; the first is not used.
    tree: Vec<u32>,
    count: u32,
}

impl Middle {
    fn new(rows: &[(Nanos, Cost)]) -> Self {
        let mut costs: Vec<Cost> = rows.iter().map(|(_, cost)| *cost).collect();
        costs.sort_unstable();
        costs.dedup();
        let rank = |cost: &Cost| costs.partition_point(|other| other <= cost) as u32;
        Self {
            ranks: rows.iter().map(|(_, cost)| rank(cost)).collect(),
            tree: vec![0; costs.len() + 1],
            costs,
            count: 0,
        }
    }

    fn put(&mut self, row: usize) {
        self.count += 1;
        self.add(row, 1);
    }

    fn take(&mut self, row: usize) {
        self.count -= 1;
        self.add(row, u32::MAX);
    }

    fn add(&mut self, row: usize, by: u32) {
        let mut at = self.ranks[row] as usize;
        while at < self.tree.len() {
            self.tree[at] = self.tree[at].wrapping_add(by);
            at += at & at.wrapping_neg();
        }
    }

    /// Of two middle ones the lower; there is at least one.
    fn lower(&self) -> Cost {
        let mut left = self.count.div_ceil(2);
        let mut at = 0;
        let mut step = (self.tree.len() - 1).checked_ilog2().map_or(0, |log| 1_usize << log);
        while step > 0 {
            if let Some(count) = self.tree.get(at + step).filter(|count| **count < left) {
                left -= count;
                at += step;
            }
            step /= 2;
        }
        self.costs.get(at).copied().unwrap_or_default()
    }
}

/// `2.4`: how many times the baseline a cost is, cut to tenths.
#[must_use]
pub fn times(cost: Cost, baseline: Cost) -> Option<String> {
    let tenths = cost.0.checked_mul(10)?.checked_div(baseline.0)?;
    Some(format!("{}.{}", tenths / 10, tenths % 10))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        assert_eq!(Rule { minimum: 0, ..rule }.baseline(Vec::new()), None);
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
    fn a_baseline_from_elsewhere_stands_in_until_there_is_one() {
        let rule = Rule {
            minimum: 2,
            ..Rule::default()
        };
        let saved = Some(Baseline {
            p50: Cost(10),
            samples: 500,
        });
        let rows = [(1, Cost(20)), (2, Cost(21)), (3, Cost(41)), (4, Cost(43))];
        let mut told = Vec::new();
        rule.judge_all(&rows, saved, |_, verdict, baseline| {
            told.push((verdict, baseline.map(|b| b.samples)));
        });
        assert_eq!(
            told,
            [
                (Verdict::Usual, Some(500)),
                (Verdict::Anomalous, Some(500)),
                (Verdict::Anomalous, Some(2)),
                (Verdict::Anomalous, Some(3)),
            ]
        );
    }

    #[test]
    fn times_are_cut_to_tenths() {
        assert_eq!(times(usd("0.0195"), usd("0.008")).as_deref(), Some("2.4"));
        assert_eq!(times(usd("1"), usd("0")), None);
    }

    proptest! {
        /// One after the other is as each by itself.
        #[test]
        fn judging_all_is_judging_each_by_what_came_before(
            mut rows in prop::collection::vec((0_i64..60, 0_i128..40), 0..120), window in 1_i64..40, minimum in 0_u32..6,
        ) {
            rows.sort_unstable();
            let rows: Vec<(Nanos, Cost)> = rows.into_iter().map(|(at, cost)| (at, Cost(cost))).collect();
            let rule = Rule { window, minimum, ..Rule::default() };
            let mut told = Vec::new();
            rule.judge_all(&rows, None, |_, verdict, baseline| told.push((verdict, baseline)));
            for ((start, cost), (verdict, baseline)) in rows.iter().zip(&told) {
                let before = rows.iter().filter(|(at, _)| *at < *start && *at >= start - window).map(|(_, cost)| *cost).collect();
                let expected = rule.baseline(before);
                prop_assert_eq!(expected, *baseline);
                prop_assert_eq!(rule.judge(Some(*cost), expected), *verdict);
            }
            prop_assert_eq!(told.len(), rows.len());
        }
    }
}
