//! The trace explorer.
pub mod formats;
pub mod model;
pub mod sources;
