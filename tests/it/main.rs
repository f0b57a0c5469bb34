//! The integration tests: one binary, because every further one would link DuckDB again.
#![allow(clippy::unwrap_used, missing_docs)]

mod app;
#[cfg(feature = "store")]
mod clipboard;
mod columns;
mod conversation;
mod demo;
mod documents;
#[cfg(feature = "store")]
mod first_use;
mod fixtures;
mod formats;
mod gallery;
#[cfg(feature = "store")]
mod headless;
mod house;
mod inspecting;
mod lines;
mod marks;
mod money;
mod mouse;
#[cfg(feature = "store")]
mod order;
mod prices;
#[cfg(feature = "store")]
mod pty;
mod report;
mod samples;
mod screens;
mod screenshot;
mod sessions;
mod sources;
#[cfg(feature = "store")]
mod ssh;
mod states;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod store_damage;
#[cfg(feature = "store")]
mod store_faults;
#[cfg(feature = "store")]
mod store_filter;
#[cfg(feature = "store")]
mod store_golden;
#[cfg(feature = "store")]
mod store_health;
#[cfg(feature = "store")]
mod store_purge;
mod timeline;
mod twins;
mod walk;
mod widen;
