//! One key from any amount to the sum behind it.

use super::inspector::Tab;
use super::layout::Focus;
use super::{App, Effect};

/// Where to go in an interaction once its spans are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// To the call that tells most.
    Telling,
    /// To its first span: the amount of the whole.
    Root,
}

impl App {
    /// The cost tab of what the cursor stands on: of an interaction the calls it is the sum of, of a feature its interactions.
    pub(super) fn show_ledger(&mut self, effects: &mut Vec<Effect>) {
        match self.wish.focus {
            Focus::Timeline | Focus::Sources | Focus::Diagnosis | Focus::Comparison => return,
            Focus::Costs => return self.filter_by_feature(),
            Focus::Inspector => {}
            Focus::List => {
                let Some(selected) = self.list.selected() else { return };
                self.pause();
                if selected.span.is_none() {
                    self.enter_root(selected.trace);
                }
                self.wish.inspector = true;
                self.wish.focus = Focus::Inspector;
            }
        }
        self.show_tab(Tab::Cost, effects);
    }
}
