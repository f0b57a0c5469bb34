//! Pure analysis of what was derived. It proposes and explains; it changes nothing.

pub mod advice;
pub mod anomaly;
pub mod context;
pub mod diagnose;
pub mod diff;
pub mod health;
pub mod ledger;
mod overlap;
pub mod quotes;
pub mod sources;
pub mod turn;
pub mod usual;
pub mod versions;
