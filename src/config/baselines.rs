//! The file of saved baselines: a small table a person can read, and carry to another host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::anomaly::Baseline;
use crate::model::usage::Cost;

/// What a file begins with.
const HEADER: &str = "# Medians of the cost of an interaction, by feature: what spanscope judges by where a feature has too few interactions of its own.\n\
# Written by `spanscope cost --save-baselines`; found beside config.toml, or where `anomaly` in it says.\n";

/// One feature as it stands in the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Decimal dollars, as text: nothing is lost on the way.
    p50_usd: String,
    samples: u32,
}

/// Reads such a file.
pub fn read(text: &str) -> Result<BTreeMap<String, Baseline>, String> {
    let rows: BTreeMap<String, Row> = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    rows.into_iter()
        .map(|(feature, row)| {
            let p50 = Cost::from_decimal(&row.p50_usd).ok_or_else(|| format!("{feature}: `{}` is no amount of dollars", row.p50_usd))?;
            let samples = row.samples;
            Ok((feature, Baseline { p50, samples }))
        })
        .collect()
}

/// Writes one.
pub fn write(baselines: &BTreeMap<String, Baseline>) -> Result<String, String> {
    let row = |baseline: &Baseline| Row {
        p50_usd: baseline.p50.decimal(),
        samples: baseline.samples,
    };
    let rows: BTreeMap<&String, Row> = baselines.iter().map(|(feature, baseline)| (feature, row(baseline))).collect();
    let text = toml::to_string(&rows).map_err(|error| error.to_string())?;
    Ok(format!("{HEADER}\n{text}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_back_whatever_features_are_called() {
        let of = |p50, samples| Baseline { p50: Cost(p50), samples };
        let names = [
            "support_chat",
            "POST /v1/chat",
            "a.b",
            "\"quoted\"",
            "line\nbreak",
            "日本",
            "it's",
            "",
        ];
        let all: BTreeMap<String, Baseline> = (1..)
            .zip(names)
            .map(|(n, name)| (name.to_owned(), of(n * 7_000_000_001, 20)))
            .collect();
        assert_eq!(read(&write(&all).unwrap()).unwrap(), all);
        assert_eq!(read(&write(&BTreeMap::new()).unwrap()).unwrap(), BTreeMap::new());
        assert!(
            read("[a]\np50_usd = 'many'\nsamples = 1")
                .unwrap_err()
                .contains("no amount of dollars")
        );
        assert!(read("[a]\nsamples = 1").is_err());
    }
}
