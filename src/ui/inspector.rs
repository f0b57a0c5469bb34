//! Draws the inspector.
use super::theme::Theme;
use crate::app::inspector::Inspector;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
/// Draws it.
pub fn draw(_inspector: &Inspector, _theme: &Theme, _focused: bool, _area: Rect, _buffer: &mut Buffer) {}
