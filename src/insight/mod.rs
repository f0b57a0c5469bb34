//! Pure analysis of what was derived. It proposes and explains; it changes nothing.

mod ledger;
pub mod sources;

pub use ledger::ledger;
