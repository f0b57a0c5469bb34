//! The log's own health: what its records lack, where and since when, and what that keeps anyone from finding out.

use std::collections::BTreeMap;

use crate::model::query::{Capture, Health, HealthRow, ModelRow};
use crate::model::span::{Nanos, Part};
use crate::model::usage::Usage;
use crate::pricing::Prices;

const DAY: Nanos = 86_400_000_000_000;

/// A capture that calls of one feature lack on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The feature; `None` where it was not logged.
    pub feature: Option<String>,
    /// The day's midnight, UTC.
    pub day: Nanos,
    /// What is missing.
    pub capture: Capture,
    /// Calls that lack it.
    pub missing: u64,
    /// Calls of the day.
    pub calls: u64,
    /// When the first call without it began.
    pub since: Nanos,
    /// Calls from the ten minutes of that one on: the missing ones are a share of these.
    pub calls_since: u64,
}

/// A model that was seen and has no price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpriced {
    /// The model that answered, else the one asked for; `None` where neither was logged.
    pub model: Option<String>,
    /// Who served it.
    pub provider: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Tokens of them.
    pub usage: Usage,
}

/// What calls lack: by day, the latest first, then by feature, then by capture. What is complete is not listed.
#[must_use]
pub fn gaps(health: &Health) -> Vec<Gap> {
    let mut days: BTreeMap<(Nanos, Option<&str>), Vec<&HealthRow>> = BTreeMap::new();
    for row in &health.rows {
        let day = row.from.div_euclid(DAY).saturating_mul(DAY);
        days.entry((day, row.feature.as_deref())).or_default().push(row);
    }
    let mut gaps = Vec::new();
    for ((day, feature), rows) in &days {
        let calls = rows.iter().map(|row| row.calls).sum();
        for capture in Capture::ALL.iter().copied() {
            let n = usize::from(capture.number());
            let Some(first) = rows.iter().filter(|row| row.missing[n] > 0).min_by_key(|row| row.from) else {
                continue;
            };
            gaps.push(Gap {
                feature: feature.map(str::to_owned),
                day: *day,
                capture,
                missing: rows.iter().map(|row| row.missing[n]).sum(),
                calls,
                since: first.since[n].unwrap_or(first.from),
                calls_since: rows.iter().filter(|row| row.from >= first.from).map(|row| row.calls).sum(),
            });
        }
    }
    gaps.sort_by(|a, b| (b.day, &a.feature, a.capture).cmp(&(a.day, &b.feature, b.capture)));
    gaps
}

impl Gap {
    /// The share of calls since it began that lack it, in tenths of a percent; rounded, but never to all or none.
    #[must_use]
    pub const fn share(&self) -> u64 {
        if self.missing >= self.calls_since {
            return 1000;
        }
        let share = (self.missing * 1000 + self.calls_since / 2) / self.calls_since;
        match share {
            0 => 1,
            1000.. => 999,
            share => share,
        }
    }

    /// Whether a reader can do something about it and something is lost by it: most applications have no sessions, and no cache.
    #[must_use]
    pub const fn is_grave(&self) -> bool {
        matches!(
            self.capture,
            Capture::Prompt | Capture::Response | Capture::Tokens | Capture::Model | Capture::Time
        )
    }
}

/// The models without a price, those with the most calls first.
#[must_use]
pub fn unpriced(models: &[ModelRow], prices: &Prices) -> Vec<Unpriced> {
    let mut found: BTreeMap<(Option<&str>, Option<&str>), Unpriced> = BTreeMap::new();
    for row in models {
        // A price that holds for the latest call; one that came to be later is none.
        let call = Part {
            provider: row.provider.clone(),
            request_model: row.request_model.clone(),
            response_model: row.response_model.clone(),
            start: row.last,
            ..Part::default()
        };
        if prices.of_call(&call).is_some() {
            continue;
        }
        let model = row.response_model.as_deref().or(row.request_model.as_deref());
        let sum = found.entry((model, row.provider.as_deref())).or_insert_with(|| Unpriced {
            model: model.map(str::to_owned),
            provider: row.provider.clone(),
            ..Unpriced::default()
        });
        sum.calls += row.calls;
        sum.usage = sum.usage.add(&row.usage);
    }
    let mut found: Vec<Unpriced> = found.into_values().collect();
    found.sort_by(|a, b| (b.calls, &a.model, &a.provider).cmp(&(a.calls, &b.model, &b.provider)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::query::HEALTH_STEP;

    /// 2026-11-27T00:00:00Z.
    const DAY_BEGINS: Nanos = 1_795_737_600_000_000_000;

    /// Calls of one feature in a step of the day, some of them without a prompt.
    fn row(feature: Option<&str>, step: i64, calls: u64, without_prompt: u64) -> HealthRow {
        let from = DAY_BEGINS + step * HEALTH_STEP;
        let mut row = HealthRow {
            feature: feature.map(str::to_owned),
            from,
            calls,
            ..HealthRow::default()
        };
        row.missing[0] = without_prompt;
        row.since[0] = (without_prompt > 0).then_some(from + 7);
        row
    }

    #[test]
    fn a_gap_is_told_with_its_beginning_and_its_share_since_then() {
        let cases = [
            // Complete until 12:40, then a third of the calls without a prompt.
            (
                vec![(70, 50, 0), (76, 60, 20), (77, 40, 11)],
                Some((31, 150, DAY_BEGINS + 76 * HEALTH_STEP + 7, 100, 310)),
            ),
            (vec![(70, 50, 0)], None),
            (vec![(0, 5, 5)], Some((5, 5, DAY_BEGINS + 7, 5, 1000))),
            // One of very many is not none, and all but one is not all.
            (vec![(0, 90_000, 1)], Some((1, 90_000, DAY_BEGINS + 7, 90_000, 1))),
            (vec![(0, 90_000, 89_999)], Some((89_999, 90_000, DAY_BEGINS + 7, 90_000, 999))),
            // What was repaired later still counts in the share.
            (vec![(0, 10, 10), (1, 30, 0)], Some((10, 40, DAY_BEGINS + 7, 40, 250))),
        ];
        for (rows, expected) in cases {
            let health = Health {
                rows: rows
                    .iter()
                    .map(|(step, calls, without)| row(Some("search"), *step, *calls, *without))
                    .collect(),
                ..Health::default()
            };
            let found = gaps(&health);
            let told = found
                .first()
                .map(|gap| (gap.missing, gap.calls, gap.since, gap.calls_since, gap.share()));
            assert_eq!(told, expected, "{rows:?}");
            assert!(found.len() <= 1 && found.iter().all(|gap| gap.capture == Capture::Prompt && gap.is_grave()));
        }
    }

    #[test]
    fn days_and_features_are_told_apart_the_latest_day_first() {
        let health = Health {
            rows: vec![
                row(None, 0, 3, 1),
                row(Some("a"), 0, 3, 1),
                row(Some("a"), 143, 3, 1),
                row(Some("a"), 144, 3, 2),
                row(Some("b"), -1, 3, 3),
            ],
            ..Health::default()
        };
        let told: Vec<_> = gaps(&health)
            .into_iter()
            .map(|gap| ((gap.day - DAY_BEGINS) / DAY, gap.feature, gap.missing))
            .collect();
        let a = || Some("a".to_owned());
        assert_eq!(told, [(1, a(), 2), (0, None, 1), (0, a(), 2), (-1, Some("b".to_owned()), 3)]);
    }

    #[test]
    fn a_model_without_a_price_is_told_once_for_each_seller() {
        let row = |provider: Option<&str>, asked: &str, answered: Option<&str>, calls| ModelRow {
            provider: provider.map(str::to_owned),
            request_model: Some(asked.to_owned()),
            response_model: answered.map(str::to_owned),
            calls,
            usage: Usage {
                input: Some(calls * 10),
                ..Usage::default()
            },
            last: DAY_BEGINS,
        };
        let models = [
            row(None, "gpt-4o", None, 9),
            row(None, "gpt-4o", Some("gpt-4o-2024-08-06"), 9),
            // What answered is unknown, what was asked for is not: that price is taken.
            row(None, "gpt-4o", Some("our-proxy"), 9),
            row(None, "acme-7b", None, 2),
            row(None, "acme-7b", Some("acme-7b"), 3),
            row(Some("acme"), "acme-7b", None, 7),
            ModelRow {
                calls: 1,
                ..ModelRow::default()
            },
        ];
        let told: Vec<_> = unpriced(&models, &Prices::embedded())
            .into_iter()
            .map(|row| (row.model, row.provider, row.calls, row.usage.input))
            .collect();
        let acme = || Some("acme-7b".to_owned());
        assert_eq!(
            told,
            [
                (acme(), Some("acme".to_owned()), 7, Some(70)),
                (acme(), None, 5, Some(50)),
                (None, None, 1, None)
            ]
        );
    }
}
