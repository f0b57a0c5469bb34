//! The sum behind a call's cost, line by line: the bill a reader can check with a pencil.

use crate::model::usage::{LedgerLine, Usage};
use crate::pricing::{Price, per_million};

/// A line per logged class of tokens, in the order of a bill. Zero tokens are a line too: they were logged.
#[must_use]
pub fn ledger(usage: &Usage, price: &Price) -> Vec<LedgerLine> {
    price
        .rates_for(usage.total_input().unwrap_or(0))
        .lines(usage)
        .map(|(class, tokens, rate)| LedgerLine {
            class,
            tokens,
            usd_per_million: rate.to_string(),
            cost_usd: per_million(u128::from(tokens) * u128::from(rate.0)),
        })
        .collect()
}
