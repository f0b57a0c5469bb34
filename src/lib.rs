//! The trace explorer.
pub mod model;
