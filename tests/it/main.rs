//! The integration tests: one binary, because every further one would link DuckDB again.

mod house;
#[cfg(feature = "store")]
mod store;
