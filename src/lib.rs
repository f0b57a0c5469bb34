//! The trace explorer.
pub mod model;
pub mod sources;
