//! The trace explorer.
pub mod cli;
pub mod config;
pub mod derive;
pub mod insight;
pub mod model;
pub mod pricing;
pub mod replay;
pub mod report;
