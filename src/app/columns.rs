//! The menu of columns: which the list shows, in what order, and which it is sorted by.

use crate::model::column::Column;

use super::{Action, App, Over};

/// The menu: every column, those shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Each column, and whether it is shown.
    pub order: Vec<(Column, bool)>,
    /// The one under the cursor.
    pub at: usize,
}

impl App {
    /// The open menu of columns.
    #[must_use]
    pub const fn columns_menu(&self) -> Option<&Columns> {
        match &self.over {
            Over::Columns(menu) => Some(menu),
            _ => None,
        }
    }

    pub(super) fn open_columns(&mut self) {
        let shown: Vec<Column> = if self.plan.columns.is_empty() {
            self.screen.columns.iter().map(|(column, _)| *column).collect()
        } else {
            self.plan.columns.clone()
        };
        self.over = Over::Columns(menu(&shown));
    }

    pub(super) fn act_on_columns(&mut self, action: Action) {
        let Over::Columns(open) = &mut self.over else { return };
        let (at, last) = (open.at, open.order.len().saturating_sub(1));
        match action {
            Action::Down => open.at = (at + 1).min(last),
            Action::Up => open.at = at.saturating_sub(1),
            Action::Top => open.at = 0,
            Action::Bottom => open.at = last,
            Action::ToggleColumn => {
                let shown = open.order.iter().filter(|(_, shown)| *shown).count();
                // A list of no columns says nothing.
                if let Some((_, on)) = open.order.get_mut(at).filter(|(_, on)| !*on || shown > 1) {
                    *on = !*on;
                    self.show_columns();
                }
            }
            Action::ColumnEarlier | Action::ColumnLater => {
                let to = if action == Action::ColumnEarlier {
                    at.checked_sub(1)
                } else {
                    Some(at + 1).filter(|to| *to <= last)
                };
                if let Some(to) = to {
                    open.order.swap(at, to);
                    open.at = to;
                    self.show_columns();
                }
            }
            Action::SortByColumn => {
                if let Some((column, _)) = open.order.get(at).copied() {
                    self.set_sort(column);
                }
            }
            Action::DesignedColumns => {
                self.plan.columns.clear();
                self.plan_changed = true;
                self.over = Over::Nothing;
            }
            Action::Back | Action::Leave | Action::Columns => self.over = Over::Nothing,
            _ => {}
        }
    }

    /// The list shows what the menu says.
    fn show_columns(&mut self) {
        let Over::Columns(open) = &self.over else { return };
        self.plan.columns = open.order.iter().filter(|(_, shown)| *shown).map(|(column, _)| *column).collect();
        self.plan_changed = true;
    }

    /// Moves a line between two panes.
    pub(super) fn move_line(&mut self, action: Action) {
        let costs = self.screen.costs.filter(|_| self.screen.list.is_some()).map(|area| area.width);
        match (action, costs) {
            (Action::LineUp, _) => self.plan.list_percent = self.plan.list_percent.saturating_sub(5).max(10),
            (Action::LineDown, _) => self.plan.list_percent = (self.plan.list_percent + 5).min(90),
            (Action::LineLeft, Some(costs)) => self.plan.costs_columns = costs + 4,
            (Action::LineRight, Some(costs)) => self.plan.costs_columns = costs.saturating_sub(4).max(24),
            _ => return,
        }
        self.plan_changed = true;
    }
}

fn menu(shown: &[Column]) -> Columns {
    let others = Column::ALL.iter().copied().filter(|column| !shown.contains(column));
    let order = shown
        .iter()
        .map(|column| (*column, true))
        .chain(others.map(|column| (column, false)));
    Columns {
        order: order.collect(),
        at: 0,
    }
}

/// The column an action of the sort menu means.
pub(super) const fn sorts_by(action: Action) -> Option<Column> {
    Some(match action {
        Action::SortByTime => Column::Time,
        Action::SortByCost => Column::Cost,
        Action::SortByTokens => Column::Tokens,
        Action::SortByDuration => Column::Took,
        Action::SortByFeature => Column::Feature,
        Action::SortByUser => Column::User,
        Action::SortByModel => Column::Model,
        Action::SortByAsk => Column::Ask,
        Action::SortByFlags => Column::Flags,
        _ => return None,
    })
}

/// It goes on changing the layout: the settings wait for its end.
pub(super) const fn changes_plan(action: Action) -> bool {
    matches!(
        action,
        Action::LineUp
            | Action::LineDown
            | Action::LineLeft
            | Action::LineRight
            | Action::ToggleColumn
            | Action::ColumnEarlier
            | Action::ColumnLater
            | Action::DesignedColumns
    )
}
