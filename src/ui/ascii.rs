//! For terminals and fonts without line drawing: every glyph of ours has a plain one of the same meaning. Words of the traces stay as they are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Our glyphs and what stands for them.
const PLAIN: &[(&str, &str)] = &[
    ("─", "-"),
    ("│", "|"),
    ("┌", "+"),
    ("┐", "+"),
    ("└", "+"),
    ("┘", "+"),
    ("├", "+"),
    ("┤", "+"),
    ("┬", "+"),
    ("┴", "+"),
    ("┼", "+"),
    ("▸", ">"),
    ("▾", "v"),
    ("▲", "^"),
    ("△", "'"),
    ("◆", "*"),
    ("▇", "#"),
    ("▄", "="),
    ("▁", "."),
    ("▂", "."),
    ("▃", "-"),
    ("▅", "="),
    ("▆", "="),
    ("↗", "/"),
    ("█", "#"),
    ("▉", "#"),
    ("▊", "#"),
    ("▋", "="),
    ("▌", "="),
    ("▍", "="),
    ("▎", "-"),
    ("▏", "-"),
    ("▕", "|"),
    ("░", "."),
    ("▒", "%"),
    ("▓", "%"),
    ("◐", "o"),
    ("○", "o"),
    ("◌", "o"),
    ("✕", "x"),
    ("●", "*"),
    ("■", "#"),
    ("❚", "|"),
    ("⚠", "!"),
    ("→", ">"),
    ("←", "<"),
    ("↑", "^"),
    ("↓", "v"),
    ("–", "-"),
    ("−", "-"),
    ("…", "~"),
    ("Σ", "S"),
    ("×", "x"),
    ("·", "."),
    ("≈", "~"),
    ("≥", ">"),
    ("≠", "!"),
];

/// Puts plain glyphs in the place of ours.
pub fn plain(area: Rect, buffer: &mut Buffer) {
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position)
            && let Some((_, plain)) = PLAIN.iter().find(|(glyph, _)| *glyph == cell.symbol())
        {
            cell.set_symbol(plain);
        }
    }
}
