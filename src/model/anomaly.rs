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
        let mut sweep = Sweep::default();
        for (at, (start, cost)) in rows.iter().enumerate() {
            let (verdict, baseline) = sweep.judge(self, saved, *start, *cost);
            each(at, verdict, baseline);
        }
    }
}

/// The interactions of one feature whose cost is known, by their start, and the middle of those that began within the window before the
/// newest: what it takes to judge the next one in logarithmic time, and to go back to an earlier moment when something changed there.
///
/// About 40 bytes an interaction. Above nine million dollars all costs are alike.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    rows: Vec<(Nanos, i64)>,
    /// Of `rows[from..to]`.
    middle: Middle,
    from: usize,
    to: usize,
}

impl Sweep {
    /// Judges the next interaction; none that was judged before began after it.
    pub fn judge(&mut self, rule: &Rule, saved: Option<Baseline>, start: Nanos, cost: Cost) -> (Verdict, Option<Baseline>) {
        let small = i64::try_from(cost.0).unwrap_or(if cost.0 < 0 { i64::MIN } else { i64::MAX });
        self.rows.push((start, small));
        // rows[from..to] began within the window before the one that is judged.
        while self.rows[self.to].0 < start {
            self.middle.put(self.rows[self.to].1);
            self.to += 1;
        }
        while self.from < self.to && self.rows[self.from].0 < start.saturating_sub(rule.window) {
            self.middle.take(self.rows[self.from].1);
            self.from += 1;
        }
        let baseline = self.baseline(rule).or(saved);
        (rule.judge(Some(cost), baseline), baseline)
    }

    /// The feature's own baseline at its newest interaction; `None` where too few began before that.
    #[must_use]
    pub fn baseline(&self, rule: &Rule) -> Option<Baseline> {
        let samples = u32::try_from(self.to - self.from).unwrap_or(u32::MAX);
        (samples > 0 && samples >= rule.minimum).then(|| Baseline {
            p50: Cost(i128::from(self.middle.lower())),
            samples,
        })
    }

    /// Goes back to the moment before this one: as if what began since had never been judged.
    pub fn back_to(&mut self, rule: &Rule, since: Nanos) {
        let keep = self.before(since);
        if keep == self.rows.len() {
            return;
        }
        let newest = keep.checked_sub(1).map(|last| self.rows[last].0);
        let to = newest.map_or(0, |newest| self.before(newest));
        let from = newest.map_or(0, |newest| self.before(newest.saturating_sub(rule.window)));
        for row in to.max(self.from)..self.to {
            self.middle.take(self.rows[row].1);
        }
        for row in from..self.from.min(to) {
            self.middle.put(self.rows[row].1);
        }
        (self.from, self.to) = (from, to);
        self.rows.truncate(keep);
    }

    /// Start and cost of those that began from one moment on and before another, by their start.
    pub fn between(&self, since: Nanos, until: Nanos) -> impl Iterator<Item = (Nanos, Cost)> {
        let (from, to) = (self.before(since), self.before(until));
        self.rows[from..to.max(from)]
            .iter()
            .map(|(start, cost)| (*start, Cost(i128::from(*cost))))
    }

    /// When the newest began.
    #[must_use]
    pub fn newest(&self) -> Option<Nanos> {
        self.rows.last().map(|(start, _)| *start)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// There is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many began before a moment.
    #[must_use]
    pub fn before(&self, moment: Nanos) -> usize {
        self.rows.partition_point(|(start, _)| *start < moment)
    }
}

/// The median of a set of costs that are put in and taken out one by one, in logarithmic time: ascending chunks, and how many each holds in a
/// Fenwick tree.
#[derive(Clone, Debug, Default)]
struct Middle {
    /// Each distinct cost of a chunk and how often it is there, ascending. A chunk may be empty.
    chunks: Vec<Vec<(i64, u32)>>,
    /// The lowest cost that belongs into each chunk but the first.
    bounds: Vec<i64>,
    /// How many costs each chunk holds.
    totals: Vec<u32>,
    /// Sums of those, a node of the tree each; the first is not used.
    tree: Vec<u32>,
    count: u32,
}

/// A chunk of so many distinct costs is cut in two.
const CHUNK: usize = 256;

impl Middle {
    fn put(&mut self, cost: i64) {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
            self.totals.push(0);
            self.tree = vec![0; 2];
        }
        let at = self.bounds.partition_point(|bound| *bound <= cost);
        let chunk = &mut self.chunks[at];
        match chunk.binary_search_by_key(&cost, |(known, _)| *known) {
            Ok(place) => chunk[place].1 += 1,
            Err(place) => chunk.insert(place, (cost, 1)),
        }
        self.count += 1;
        self.add(at, 1);
        if self.chunks[at].len() >= CHUNK {
            self.cut(at);
        }
    }

    /// The cost was put in before.
    fn take(&mut self, cost: i64) {
        let at = self.bounds.partition_point(|bound| *bound <= cost);
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        let Ok(place) = chunk.binary_search_by_key(&cost, |(known, _)| *known) else {
            return;
        };
        chunk[place].1 -= 1;
        if chunk[place].1 == 0 {
            chunk.remove(place);
        }
        self.count -= 1;
        self.add(at, u32::MAX);
    }

    fn cut(&mut self, at: usize) {
        let upper = self.chunks[at].split_off(CHUNK / 2);
        let moved: u32 = upper.iter().map(|(_, count)| count).sum();
        self.bounds.insert(at, upper[0].0);
        self.chunks.insert(at + 1, upper);
        self.totals[at] -= moved;
        self.totals.insert(at + 1, moved);
        self.tree = vec![0; self.chunks.len() + 1];
        for node in 1..self.tree.len() {
            self.tree[node] += self.totals[node - 1];
            let next = node + (node & node.wrapping_neg());
            if next < self.tree.len() {
                self.tree[next] += self.tree[node];
            }
        }
    }

    fn add(&mut self, chunk: usize, by: u32) {
        self.totals[chunk] = self.totals[chunk].wrapping_add(by);
        let mut at = chunk + 1;
        while at < self.tree.len() {
            self.tree[at] = self.tree[at].wrapping_add(by);
            at += at & at.wrapping_neg();
        }
    }

    /// Of two middle ones the lower; 0 where there is none.
    fn lower(&self) -> i64 {
        let mut left = self.count.div_ceil(2);
        let mut at = 0;
        let mut step = (self.chunks.len()).checked_ilog2().map_or(0, |log| 1_usize << log);
        while step > 0 {
            if let Some(count) = self.tree.get(at + step).filter(|count| **count < left) {
                left -= count;
                at += step;
            }
            step /= 2;
        }
        for (cost, count) in self.chunks.get(at).into_iter().flatten() {
            if *count >= left {
                return *cost;
            }
            left -= count;
        }
        0
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

        /// Going back and judging again what is there then is as if nothing else had ever been there.
        #[test]
        fn going_back_forgets_what_came_since(
            mut before in prop::collection::vec((0_i64..60, 0_i128..900), 0..700), mut after in prop::collection::vec((0_i64..60, 0_i128..900), 0..90),
            since in 0_i64..70, window in 1_i64..70, minimum in 0_u32..6,
        ) {
            before.sort_unstable();
            after.retain(|(at, _)| *at >= since);
            after.sort_unstable();
            let rule = Rule { window, minimum, ..Rule::default() };
            let mut sweep = Sweep::default();
            for (start, cost) in &before {
                sweep.judge(&rule, None, *start, Cost(*cost));
            }
            sweep.back_to(&rule, since);
            before.retain(|(at, _)| *at < since);
            prop_assert_eq!(sweep.len(), before.len());
            let mut anew = Sweep::default();
            for (start, cost) in &before {
                anew.judge(&rule, None, *start, Cost(*cost));
            }
            prop_assert_eq!(sweep.baseline(&rule), anew.baseline(&rule));
            for (start, cost) in &after {
                prop_assert_eq!(sweep.judge(&rule, None, *start, Cost(*cost)), anew.judge(&rule, None, *start, Cost(*cost)));
            }
        }
    }
}
