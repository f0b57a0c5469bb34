//! The trace explorer.
pub mod formats;
pub mod model;
pub mod pricing;
#[cfg(feature = "store")]
pub mod store;
