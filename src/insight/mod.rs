//! Pure analysis of what was derived. It proposes and explains; it changes nothing.

pub mod health;
pub mod ledger;
pub mod sources;
