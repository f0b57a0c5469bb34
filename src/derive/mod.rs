//! A trace's parts → its interaction, its tree and its counted calls.
//!
//! Pure and total: the same parts in any order, delivered any number of times, give the same result. It reads no contents, keeps no
//! state, and knows no store.

mod event;
mod findings;
mod merge;
mod rollup;
mod row;
mod session;
mod step;
mod tree;
mod twins;

pub use merge::merge_pieces;
pub use session::SESSIONS;
pub use step::steps;
pub use twins::merge_twins;

use crate::model::span::Part;
use crate::model::trace::Trace;
use crate::pricing::Prices;

/// Counts up whenever the same parts come to something else than before: a store derives its interactions anew then.
pub const RULES: u32 = 4;

/// Everything that follows from all parts of one trace. Their contents are ignored and left empty in the result.
/// Without any counted call the cost is `None` and its basis `Computed`: nothing was spent, nothing is in doubt.
#[must_use]
pub fn derive(parts: Vec<Part>, prices: &Prices) -> Trace {
    let extent = row::Extent::of(&parts);
    let (spans, beside) = twins::join(merge::spans(parts));
    let mut spans = tree::build(spans);
    rollup::count(&mut spans, &beside);
    rollup::price(&mut spans, prices);
    rollup::totals(&mut spans);
    row::number_turns(&mut spans);
    findings::find(&mut spans, prices);
    Trace {
        row: row::interaction(&spans, extent),
        spans,
    }
}
