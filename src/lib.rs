//! The trace explorer.
pub mod app;
pub mod derive;
pub mod insight;
pub mod keymap;
pub mod model;
pub mod pricing;
pub mod replay;
pub mod ui;
