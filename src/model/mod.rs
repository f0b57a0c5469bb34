//! The words of the domain: data and arithmetic, no I/O, no clock, no engine. Everyone knows this module; it knows nobody.

pub mod anomaly;
pub mod column;
pub mod content;
pub mod filter;
pub mod framing;
pub mod json;
pub mod mapping;
pub mod moment;
pub mod query;
pub mod record;
pub mod span;
pub mod spend;
pub mod text;
pub mod timeline;
pub mod trace;
pub mod turn;
pub mod usage;
