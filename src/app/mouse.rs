//! What the mouse means (`--mouse`): select, open, scroll, sort by a heading, focus. Shift-drag stays the terminal's own selection.

use ratatui::layout::Position;

use super::layout::Focus;
use super::viewer::Scroll;
use super::{Action, App, Effect, Over};

/// Something the mouse did, at a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub what: Press,
    /// Column from the left.
    pub x: u16,
    /// Row from the top.
    pub y: u16,
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// The left button went down.
    Click,
    /// The wheel turned away from the user.
    WheelUp,
    /// The wheel turned towards the user.
    WheelDown,
}

/// Lines a notch of the wheel moves by.
const NOTCH: isize = 3;

impl App {
    /// Does what the mouse asks for.
    pub(super) fn mouse(&mut self, mouse: Mouse, effects: &mut Vec<Effect>) {
        let step = match mouse.what {
            Press::WheelUp => -NOTCH,
            Press::WheelDown => NOTCH,
            Press::Click => 0,
        };
        match &mut self.over {
            Over::Nothing => {}
            Over::Help { top, .. } if step != 0 => {
                *top = top.saturating_add_signed(step).min(Self::help_length());
                return;
            }
            // A click beside a menu closes it; a line goes on being typed.
            Over::Columns(_) if step != 0 => {
                return self.act_on_columns(if step < 0 { Action::Up } else { Action::Down });
            }
            Over::Help { .. } | Over::Sort | Over::Columns(_) | Over::Copy => {
                if step == 0 {
                    self.over = Over::Nothing;
                }
                return;
            }
            Over::Prompt(_) => return,
        }
        let at = Position { x: mouse.x, y: mouse.y };
        let (list, costs, inspector, sources) = (self.screen.list, self.screen.costs, self.screen.inspector, self.screen.sources);
        if let Some(area) = inspector.filter(|area| area.contains(at)) {
            self.wish.focus = Focus::Inspector;
            if step != 0 {
                self.inspector.viewer_mut().scroll(Scroll::Lines(step as i64));
            } else if mouse.y == area.y {
                self.act(Action::NextTab, effects);
            }
        } else if let Some(area) = self.screen.timeline.filter(|area| area.contains(at)) {
            if step == 0 {
                self.click_timeline(mouse.x.saturating_sub(area.x), effects);
            } else {
                self.wish.focus = Focus::Timeline;
                self.act(if step < 0 { Action::EarlierBar } else { Action::LaterBar }, effects);
            }
        } else if let Some(area) = costs.filter(|area| area.contains(at)) {
            self.wish.focus = Focus::Costs;
            let row = if step == 0 {
                self.costs.top() + usize::from(mouse.y.saturating_sub(area.y + 1)) / self.screen.cost_lines()
            } else {
                self.costs.at().saturating_add_signed(step)
            };
            let again = step == 0 && row == self.costs.at();
            self.costs.stand_on(row, self.screen.cost_rows());
            if again {
                self.act(Action::Open, effects);
            }
        } else if let Some(area) = list.filter(|area| area.contains(at)) {
            self.wish.focus = Focus::List;
            if step != 0 {
                self.move_to(self.list.at().saturating_add_signed(step));
            } else if mouse.y == area.y {
                self.sort_by_heading(mouse.x.saturating_sub(area.x));
            } else {
                let line = self.list.top() + usize::from(mouse.y - area.y - 1);
                if line >= self.list.lines().len() {
                    return;
                }
                if line == self.list.at() {
                    // The second click on a line opens it.
                    self.act(Action::Open, effects);
                } else {
                    self.pause();
                    self.move_to(line);
                }
            }
        } else if sources.is_some_and(|area| area.contains(at)) && step != 0 {
            for _ in 0..NOTCH {
                self.act(if step < 0 { Action::Up } else { Action::Down }, effects);
            }
        }
    }

    /// Sorts by the column whose heading stands so far right.
    fn sort_by_heading(&mut self, x: u16) {
        let mut left = 1;
        for (column, width) in &self.screen.columns {
            if (left..=left + width).contains(&x) {
                return self.set_sort(*column);
            }
            left += width + 1;
        }
    }
}
