//! Interactions over time: how many, how dear, how many failed, in steps of one length.
//!
//! The store counts once, in fine steps of all the time there is; what the screen has columns for is put together here. Steps are round
//! and begin at whole multiples since 1970, UTC, so that bars stay where they are while new interactions arrive.

use std::ops::Range;

use super::span::Nanos;
use super::usage::Cost;

/// What began within one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Interactions.
    pub interactions: u64,
    /// What they cost, as far as that is known; `None` when nothing of it is.
    pub cost: Option<Cost>,
    /// They cost at least that much.
    pub at_least: bool,
    /// Those that failed.
    pub errors: u64,
}

impl Bar {
    fn add(&mut self, other: &Self) {
        self.interactions += other.interactions;
        if let Some(cost) = other.cost {
            self.cost = Some(Cost(self.cost.map_or(0, |sum| sum.0).saturating_add(cost.0)));
        }
        self.at_least |= other.at_least;
        self.errors += other.errors;
    }
}

/// Bars from the first interaction to the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// When the first bar begins.
    pub from: Nanos,
    /// How long a bar lasts; 0 when there is none.
    pub step: Nanos,
    /// One after another, also where nothing happened.
    pub bars: Vec<Bar>,
    /// Interactions that began long before the first bar, and long after the last: a few far away would leave all others a single bar.
    pub outside: (u64, u64),
}

/// Of so many interactions one may be left out at either end.
const FEW: u64 = 50;
/// They are left out where the others take but this part of all the time.
const PART: u64 = 8;

/// Those of the bars counted that are worth drawing: where a few interactions began so far from all others that these would be squeezed into a
/// corner, the others. Far is more than the whole time that the others take.
#[must_use]
pub fn bulk(counted: &[(i64, Bar)]) -> Range<usize> {
    let all = 0..counted.len();
    let total: u64 = counted.iter().map(|(_, bar)| bar.interactions).sum();
    // Of fewer nobody can tell which is the odd one.
    let few = if total < 8 { 0 } else { (total / FEW).max(1) };
    let skipped = |bars: &mut dyn Iterator<Item = &(i64, Bar)>| {
        let mut sum = 0;
        bars.take_while(|(_, bar)| {
            sum += bar.interactions;
            sum <= few
        })
        .count()
    };
    let (low, high) = (skipped(&mut counted.iter()), skipped(&mut counted.iter().rev()));
    let core = counted.get(low..counted.len().saturating_sub(high)).unwrap_or_default();
    let (Some(first), Some(last)) = (core.first(), core.last()) else {
        return all;
    };
    let length = first.0.abs_diff(last.0).saturating_add(1);
    let near = |at: i64| at.abs_diff(first.0).min(at.abs_diff(last.0)) <= length || (first.0..=last.0).contains(&at);
    let kept =
        counted.partition_point(|(at, _)| *at < first.0 && !near(*at))..counted.partition_point(|(at, _)| *at <= last.0 || near(*at));
    let spread = |range: &Range<usize>| {
        let ends = counted.get(range.start).zip(counted.get(range.end.saturating_sub(1)));
        ends.map_or(0, |((low, _), (high, _))| low.abs_diff(*high).saturating_add(1))
    };
    if spread(&kept).saturating_mul(PART) <= spread(&all) {
        kept
    } else {
        all
    }
}

const MS: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MS;
const MINUTE: Nanos = 60 * SECOND;
const HOUR: Nanos = 60 * MINUTE;
const DAY: Nanos = 24 * HOUR;

/// Lengths a person can count in. Beyond the last, multiples of it.
const STEPS: [Nanos; 30] = [
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
];

/// Steps the store counts in at most.
const FINE: u64 = 2_000;

/// Steps of this length from the one that holds `low` to the one that holds `high`.
const fn steps(low: Nanos, high: Nanos, step: Nanos) -> u64 {
    low.div_euclid(step).abs_diff(high.div_euclid(step)) + 1
}

/// The step to count in between these two times.
#[must_use]
pub fn fine(low: Nanos, high: Nanos) -> Nanos {
    shortest(low, high, FINE, 1)
}

/// The shortest round step of which at most `most` are needed, a multiple of `of`. Two may be one too many: a step begins in 1970.
fn shortest(low: Nanos, high: Nanos, most: u64, of: Nanos) -> Nanos {
    let fits = |step: &Nanos| step % of == 0 && steps(low, high, *step) <= most;
    STEPS.into_iter().find(fits).unwrap_or_else(|| {
        let last = of.max(STEPS[STEPS.len() - 1]);
        let mut times: Nanos = 1;
        while steps(low, high, last.saturating_mul(times)) > most.max(2) {
            times += 1;
        }
        last.saturating_mul(times)
    })
}

impl Timeline {
    /// At most so many bars out of what was counted in steps of one length, sorted by the number of the step since 1970.
    #[must_use]
    pub fn gather(step: Nanos, counted: &[(i64, Bar)], most: u64) -> Self {
        let (Some((first, _)), Some((last, _))) = (counted.first(), counted.last()) else {
            return Self::default();
        };
        let (low, high) = (first.saturating_mul(step), last.saturating_mul(step));
        let wide = if steps(low, high, step) <= most {
            step
        } else {
            shortest(low, high, most, step)
        };
        let start = low.div_euclid(wide);
        let mut bars = vec![Bar::default(); usize::try_from(steps(low, high, wide)).unwrap_or(0)];
        for (at, bar) in counted {
            let at = at.saturating_mul(step).div_euclid(wide).abs_diff(start);
            if let Some(sum) = usize::try_from(at).ok().and_then(|at| bars.get_mut(at)) {
                sum.add(bar);
            }
        }
        Self {
            from: start.saturating_mul(wide),
            step: wide,
            bars,
            outside: (0, 0),
        }
    }

    /// The bar in which something began then, if it is one of these.
    #[must_use]
    pub fn bar_of(&self, time: Nanos) -> Option<usize> {
        if self.step <= 0 || time < self.from {
            return None;
        }
        let at = usize::try_from(time.abs_diff(self.from) / self.step.unsigned_abs()).ok()?;
        Some(at).filter(|at| *at < self.bars.len())
    }

    /// When a bar begins.
    #[must_use]
    pub fn start_of(&self, bar: usize) -> Nanos {
        let bar = i64::try_from(bar).unwrap_or(i64::MAX);
        self.from.saturating_add(self.step.saturating_mul(bar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(cost: Option<i128>) -> Bar {
        Bar {
            interactions: 1,
            cost: cost.map(Cost),
            at_least: cost.is_none(),
            errors: 1,
        }
    }

    #[test]
    fn steps_are_round_and_nest() {
        assert_eq!(fine(0, 0), MS);
        assert_eq!(fine(0, 30 * MINUTE), SECOND);
        assert_eq!(fine(0, 365 * DAY), 6 * HOUR);
        // Two seconds are counted, five are no multiple of them.
        let counted: Vec<(i64, Bar)> = (0..1_500).map(|at| (at, one(Some(1)))).collect();
        let line = Timeline::gather(2 * SECOND, &counted, 700);
        assert_eq!((line.step, line.bars.len()), (10 * SECOND, 300));
        assert_eq!(line.bars[0].cost, Some(Cost(5)));
    }

    /// So many interactions in each of these steps.
    fn counts(steps: &[(i64, u64)]) -> Vec<(i64, Bar)> {
        let bar = |interactions| Bar {
            interactions,
            ..Bar::default()
        };
        steps.iter().map(|(at, interactions)| (*at, bar(*interactions))).collect()
    }

    #[test]
    fn a_few_far_away_do_not_squeeze_the_others() {
        let day = || (1_000..1_010).map(|at| (at, 10));
        let with = |extra: &[(i64, u64)]| {
            let mut steps: Vec<(i64, u64)> = extra.iter().copied().chain(day()).collect();
            steps.sort_unstable();
            counts(&steps)
        };
        // One in 1970, one in the future, both.
        assert_eq!(bulk(&with(&[(0, 1)])), 1..11);
        assert_eq!(bulk(&with(&[(900_000, 2)])), 0..10);
        assert_eq!(bulk(&with(&[(0, 1), (500_000, 1)])), 1..11);
        // Not so few, or not so far: all are drawn.
        assert_eq!(bulk(&with(&[(0, 9)])), 0..11);
        assert_eq!(bulk(&with(&[(980, 1)])), 0..11);
        assert_eq!(bulk(&with(&[])), 0..10);
        // Near ones stay although they would fall to the few.
        assert_eq!(bulk(&with(&[(0, 1), (995, 1)])), 1..12);
        // All others in one step.
        assert_eq!(bulk(&counts(&[(0, 1), (20_000, 60)])), 1..2);
        // Of a handful nobody can tell which is the odd one.
        assert_eq!(bulk(&counts(&[(0, 1), (20_000, 5)])), 0..2);
        assert_eq!(bulk(&[]), 0..0);
    }

    proptest! {
        #[test]
        fn what_is_left_out_are_a_few_far_from_all_others(steps in proptest::collection::btree_map(prop_oneof![any::<i64>(), -50i64..50], 1u64..40, 1..40)) {
            let counted = counts(&steps.into_iter().collect::<Vec<_>>());
            let kept = bulk(&counted);
            prop_assert!(!kept.is_empty());
            let sum = |bars: &[(i64, Bar)]| bars.iter().map(|(_, bar)| bar.interactions).sum::<u64>();
            let few = (sum(&counted) / FEW).max(1);
            prop_assert!(sum(&counted[..kept.start]) <= few && sum(&counted[kept.end..]) <= few);
            if kept != (0..counted.len()) {
                let spread = |bars: &[(i64, Bar)]| bars[0].0.abs_diff(bars[bars.len() - 1].0);
                prop_assert!(spread(&counted[kept]) < spread(&counted) / 7);
            }
        }
    }

    #[test]
    fn what_is_unknown_stays_a_lower_bound() {
        let line = Timeline::gather(SECOND, &[(-3, one(None)), (-3, one(Some(7))), (4, one(None))], 100);
        assert_eq!((line.from, line.bars.len()), (-3 * SECOND, 8));
        assert_eq!((line.bars[0].cost, line.bars[0].at_least), (Some(Cost(7)), true));
        assert_eq!((line.bars[1].interactions, line.bars[7].cost), (0, None));
        assert_eq!(
            (line.bar_of(-1), line.bar_of(5 * SECOND), line.bar_of(-4 * SECOND)),
            (Some(2), None, None)
        );
    }

    proptest! {
        #[test]
        fn every_time_is_counted_once_where_it_was(
            mut times in proptest::collection::vec(prop_oneof![any::<i64>(), 1_700_000_000 * SECOND..1_700_100_000 * SECOND], 1..60),
            most in 1u64..300,
        ) {
            times.sort_unstable();
            let step = fine(times[0], times[times.len() - 1]);
            prop_assert!(steps(times[0], times[times.len() - 1], step) <= FINE);
            let counted: Vec<(i64, Bar)> = times.iter().map(|time| (time.div_euclid(step), one(None))).collect();
            let line = Timeline::gather(step, &counted, most);
            prop_assert!(line.bars.len() as u64 <= most.max(2), "{} bars", line.bars.len());
            let mut sums = vec![0; line.bars.len()];
            for time in &times {
                // At the very ends of what 64 bits hold a bar begins outside of them.
                if line.start_of(0) > i64::MIN {
                    let at = line.bar_of(*time);
                    prop_assert!(at.is_some(), "{time} is in none of {line:?}");
                    sums[at.unwrap_or(0)] += 1;
                }
            }
            prop_assert_eq!(line.bars.iter().map(|bar| bar.interactions).sum::<u64>(), times.len() as u64);
            if line.start_of(0) > i64::MIN {
                prop_assert_eq!(line.bars.iter().map(|bar| bar.interactions).collect::<Vec<_>>(), sums);
            }
        }
    }
}
