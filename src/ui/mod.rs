//! Draws the state of the explorer and decides nothing: every pane reads `&App` and writes cells.

pub mod inspector;
pub mod text;
pub mod theme;
