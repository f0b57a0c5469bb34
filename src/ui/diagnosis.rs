//! Draws a diagnosis: what was said, what is likely, and the checks with their evidence.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::diagnosis::{Diagnosis, RowKind};
use crate::insight::diagnose::Mark;
use crate::model::text::Safe;

/// Columns of the name of a step.
const STEP: usize = 14;

pub(super) fn draw(open: &Diagnosis, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let title = Safe::concat(&[
        &Safe::from_static(" diagnosis of "),
        &Safe::line(open.told().map_or("…", |told| told.row.trace_id.as_str())),
    ]);
    buffer.set_span(area.x, area.y, &span(&title, theme.style(Role::Strong)), area.width);
    let place = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let say = |words: &Safe, role, buffer: &mut Buffer| {
        buffer.set_span(place.x + 1, place.y, &span(words, theme.style(role)), place.width.saturating_sub(1));
    };
    if let Some(error) = open.error() {
        return say(&Safe::line(error), Role::Error, buffer);
    }
    let Some(told) = open.told() else {
        return say(&Safe::from_static("looking …"), Role::Dim, buffer);
    };
    let rows = open.rows(usize::from(area.width));
    let mut last = None;
    for (number, row) in rows.iter().enumerate() {
        let RowKind::Check { index, first } = row.kind else {
            if let Some(y) = visible(number, open.top(), place) {
                let role = match row.kind {
                    RowKind::Verdict => Role::Accent,
                    RowKind::Also => Role::Warn,
                    _ => Role::Text,
                };
                buffer.set_span(place.x, y, &span(&row.words, theme.style(role)), place.width);
                if open.is_at(row.kind) {
                    buffer.set_style(Rect { y, height: 1, ..place }, theme.style(Role::Selected));
                }
            }
            continue;
        };
        let check = &told.checks[index];
        let title = if first && last != Some(check.step) {
            check.step.title()
        } else {
            ""
        };
        last = Some(check.step);
        let Some(y) = visible(number, open.top(), place) else { continue };
        let role = match check.mark {
            Mark::Fine => Role::Good,
            Mark::Suspect => Role::Warn,
            Mark::Unknown => Role::Dim,
        };
        let sign = if first { check.mark.sign() } else { " " };
        let words = if check.mark == Mark::Fine { Role::Text } else { role };
        let line = Line::from(vec![
            label(sign, theme.style(role)),
            label(" ", theme.style(Role::Text)),
            span(&text::pad(&Safe::from_static(title), STEP, Align::Left), theme.style(Role::Strong)),
            label(" ", theme.style(Role::Text)),
            span(&row.words, theme.style(words)),
        ]);
        buffer.set_line(place.x, y, &line, place.width);
        if open.is_at(row.kind) {
            buffer.set_style(Rect { y, height: 1, ..place }, theme.style(Role::Selected));
        }
    }
}

/// The line of the screen that a row stands on.
fn visible(row: usize, top: usize, place: Rect) -> Option<u16> {
    let down = u16::try_from(row.checked_sub(top)?).ok()?;
    (down < place.height).then_some(place.y + down)
}
