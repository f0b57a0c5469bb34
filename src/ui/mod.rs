//! Draws the state of the explorer and decides nothing: every pane reads `&App` and writes cells.

pub mod theme;
