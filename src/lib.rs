//! The trace explorer.
pub mod app;
pub mod derive;
pub mod insight;
pub mod model;
pub mod pricing;
pub mod ui;
