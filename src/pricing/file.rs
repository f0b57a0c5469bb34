//! The price file: TOML in, prices out, errors that name the line.

use super::Price;

/// What is wrong with a price file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PricingError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it; empty when there is nothing to say.
    pub hint: String,
}

/// All prices of a file.
pub(super) fn read(_text: &str) -> Result<Vec<Price>, PricingError> {
    Ok(Vec::new())
}
