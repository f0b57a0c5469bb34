//! The integration tests: one binary, because every further one would link DuckDB again.
#![allow(clippy::unwrap_used, missing_docs)]

mod formats;
#[cfg(feature = "store")]
mod headless;
mod house;
#[cfg(feature = "store")]
mod order;
#[cfg(feature = "store")]
mod pty;
mod report;
#[cfg(feature = "store")]
mod store;
