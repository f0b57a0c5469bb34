//! The trace explorer.
pub mod formats;
pub mod model;
pub mod pricing;
pub mod replay;
pub mod report;
