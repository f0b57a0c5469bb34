//! What was spent by a key: its dearest values, and what all of them come to.

use super::query::CostRow;
use super::usage::Cost;

/// The dearest values of a key, dearest first, and the sum of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spend {
    /// With their shares of the whole.
    pub rows: Vec<CostRow>,
    /// Of all values, also of those that have no row.
    pub total: SpendTotal,
}

/// The sum of all values of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpendTotal {
    /// What is known of it; `None` when nothing has a cost.
    pub cost: Option<Cost>,
    /// It is at least this much: some call's cost is unknown or a lower bound.
    pub at_least: bool,
    /// How many values there are, the one that was not logged among them.
    pub keys: usize,
    /// How many of the dearest make up 80 % of the spend; `None` when nothing was spent.
    pub in_front: Option<usize>,
}

/// Sums over all values, in any order.
#[derive(Debug, Default)]
pub struct Totals {
    costs: Vec<i128>,
    sum: SpendTotal,
}

impl Totals {
    /// Adds a value of the key.
    pub fn add(&mut self, cost: Option<Cost>, at_least: bool) {
        if let Some(cost) = cost {
            self.costs.push(cost.0);
            self.sum.cost = Some(Cost(self.sum.cost.map_or(0, |sum| sum.0).saturating_add(cost.0)));
        }
        self.sum.at_least |= at_least;
        self.sum.keys += 1;
    }

    /// What they come to.
    #[must_use]
    pub fn finish(mut self) -> SpendTotal {
        let whole = self.sum.cost.map_or(0, |cost| cost.0);
        self.sum.in_front = (whole > 0).then(|| in_front(&mut self.costs, whole));
        self.sum
    }
}

impl Spend {
    /// The dearest rows, dearest first, with their shares of the sum.
    #[must_use]
    pub fn new(mut rows: Vec<CostRow>, total: SpendTotal) -> Self {
        let whole = total.cost.map_or(0, |cost| cost.0);
        let mut so_far: i128 = 0;
        for row in rows.iter_mut().take_while(|_| whole != 0) {
            let Some(Cost(own)) = row.cost else { continue };
            so_far += own;
            row.share = Some(own as f64 / whole as f64);
            row.cumulative_share = Some(so_far as f64 / whole as f64);
        }
        Self { rows, total }
    }
}

/// How many of the dearest reach 80 % of the whole. It halves what is left instead of sorting it: there may be a million, four times a second.
fn in_front(costs: &mut [i128], whole: i128) -> usize {
    let (mut rest, mut count, mut so_far) = (costs, 0, 0_i128);
    while rest.len() > 1 {
        let half = rest.len() / 2;
        rest.select_nth_unstable_by(half, |a, b| b.cmp(a));
        let dearer: i128 = so_far + rest[..half].iter().sum::<i128>();
        if dearer.saturating_mul(5) >= whole.saturating_mul(4) {
            rest = &mut rest[..half];
        } else {
            so_far = dearer;
            count += half;
            rest = &mut rest[half..];
        }
    }
    count + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn four_fifths_are_reached_by_the_fewest_of_the_dearest() {
        for (costs, front) in [
            (vec![80, 20], 1),
            (vec![20, 80], 1),
            (vec![79, 21], 2),
            (vec![10; 10], 8),
            (vec![1], 1),
            (vec![0, 5, 0], 1),
        ] {
            let mut totals = Totals::default();
            for cost in &costs {
                totals.add(Some(Cost(*cost)), false);
            }
            totals.add(None, true);
            let total = totals.finish();
            assert_eq!(total.in_front, Some(front), "{costs:?}");
            assert_eq!((total.keys, total.at_least), (costs.len() + 1, true));
        }
        let mut nothing = Totals::default();
        nothing.add(None, false);
        let total = nothing.finish();
        assert_eq!((total.cost, total.in_front), (None, None));
    }

    proptest! {
        #[test]
        fn halving_finds_what_sorting_finds(costs in prop::collection::vec(0_i128..1000, 1..200)) {
            let whole: i128 = costs.iter().sum();
            prop_assume!(whole > 0);
            let mut sorted = costs.clone();
            sorted.sort_by(|a, b| b.cmp(a));
            let mut so_far = 0;
            let reached = sorted.iter().position(|cost| {
                so_far += cost;
                so_far * 5 >= whole * 4
            });
            prop_assert_eq!(Some(in_front(&mut costs.clone(), whole)), reached.map(|at| at + 1));
        }
    }
}
