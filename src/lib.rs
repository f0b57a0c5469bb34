//! The trace explorer.
pub mod derive;
pub mod insight;
pub mod model;
pub mod pricing;
#[cfg(feature = "store")]
pub mod store;
