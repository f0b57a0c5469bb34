//! Where everything stands, from the terminal's size alone. Drawing and scrolling both read it, so they cannot disagree.

use ratatui::layout::Rect;

use crate::model::column::Column;

/// The smallest terminal the explorer draws in.
pub const MINIMUM: (u16, u16) = (40, 10);
/// From this height the list and the inspector share the screen.
const SPLIT_HEIGHT: u16 = 30;
/// From this width cost by feature stands beside the list unasked.
const COSTS_WIDTH: u16 = 100;

/// From this height of the list the strip stands above it unasked.
const TIMELINE_HEIGHT: u16 = 24;

/// The pane that has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// The list of interactions.
    #[default]
    List,
    /// The inspector.
    Inspector,
    /// Cost by feature.
    Costs,
    /// The strip above the list.
    Timeline,
    /// The sources, the rejected lines of one, and what the log lacks.
    Sources,
    /// The diagnosis of an interaction.
    Diagnosis,
    /// Two interactions side by side.
    Comparison,
}

/// What the user wants to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// The pane in focus.
    pub focus: Focus,
    /// It alone.
    pub zoom: bool,
    /// The inspector is open.
    pub inspector: bool,
    /// Cost by feature shown or hidden; `None`: where there is room.
    pub costs: Option<bool>,
    /// The strip above the list stands there only while it has the keys, else wherever there is room.
    pub timeline_hidden: bool,
}

/// What the user has changed of the layout; kept in the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Columns of the list, as far as there is room for them; empty: those designed for its width.
    pub columns: Vec<Column>,
    /// Of the rows that list and inspector share, the list's, in percent.
    pub list_percent: u16,
    /// Columns of the terminal for the costs beside the list; 0: as designed.
    pub costs_columns: u16,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            columns: Vec::new(),
            list_percent: 40,
            costs_columns: 0,
        }
    }
}

/// What a column is headed by.
#[must_use]
pub const fn heading(column: Column) -> &'static str {
    match column {
        Column::Ask => "ask → answer",
        other => other.name(),
    }
}

/// The geometry of a screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// Nothing can be drawn but a sentence.
    pub too_small: bool,
    /// The whole frame, borders and all.
    pub frame: Rect,
    /// The list with its headings; `None` when another pane has the screen.
    pub list: Option<Rect>,
    /// The strip above the list; its first row says what it shows.
    pub timeline: Option<Rect>,
    /// Cost by feature.
    pub costs: Option<Rect>,
    /// The sources: they have the screen to themselves.
    pub sources: Option<Rect>,
    /// The diagnosis: it has the screen to itself.
    pub diagnosis: Option<Rect>,
    /// Two interactions side by side: they have the screen to themselves.
    pub comparison: Option<Rect>,
    /// The inspector; its first row holds the tabs and is also the line that parts it from the list.
    pub inspector: Option<Rect>,
    /// Columns of the list with their widths, from left to right.
    pub columns: Vec<(Column, u16)>,
    /// Width of a span's bar over the trace's time; 0 where there is no room.
    pub bar: u16,
}

impl Screen {
    /// The geometry of a terminal of this size.
    #[must_use]
    pub fn new(width: u16, height: u16, wish: Wish, plan: &Plan) -> Self {
        let frame = Rect::new(0, 0, width, height);
        if width < MINIMUM.0 || height < MINIMUM.1 {
            return Self {
                too_small: true,
                frame,
                ..Self::default()
            };
        }
        let body = Rect::new(1, 1, width - 2, height - 2);
        let mut screen = Self { frame, ..Self::default() };
        let split = height >= SPLIT_HEIGHT && !wish.zoom;
        let narrow_costs = width < COSTS_WIDTH && wish.costs == Some(true);
        match wish.focus {
            Focus::Inspector if wish.inspector && !split => screen.inspector = Some(body),
            Focus::Costs if wish.zoom || narrow_costs => screen.costs = Some(body),
            Focus::Timeline if wish.zoom => screen.timeline = Some(body),
            Focus::Sources => screen.sources = Some(body),
            Focus::Diagnosis => screen.diagnosis = Some(body),
            Focus::Comparison => screen.comparison = Some(body),
            Focus::List | Focus::Inspector | Focus::Costs | Focus::Timeline => {
                let mut upper = body;
                if wish.inspector && split {
                    // Both stay large enough to be read.
                    let rows = u32::from(body.height) * u32::from(plan.list_percent.min(90)) / 100;
                    upper.height = (rows as u16).clamp(8, body.height - 8);
                    screen.inspector = Some(Rect {
                        y: body.y + upper.height,
                        height: body.height - upper.height,
                        ..body
                    });
                }
                if width >= COSTS_WIDTH && wish.costs != Some(false) && !wish.zoom {
                    let costs = match plan.costs_columns {
                        0 if width >= 180 => 56,
                        0 => 28,
                        asked => asked.clamp(24, width / 2),
                    };
                    screen.costs = Some(Rect {
                        x: upper.right() - costs,
                        width: costs,
                        ..upper
                    });
                    upper.width -= costs + 1;
                }
                let room = upper.height >= TIMELINE_HEIGHT && !wish.zoom && !wish.timeline_hidden;
                if room || wish.focus == Focus::Timeline {
                    let rows = if upper.height >= 40 { 4 } else { 3 };
                    screen.timeline = Some(Rect { height: rows, ..upper });
                    upper.y += rows;
                    upper.height -= rows;
                }
                screen.list = Some(upper);
            }
        }
        if let Some(list) = screen.list {
            screen.columns = if plan.columns.is_empty() {
                designed(list.width)
            } else {
                chosen(&plan.columns, list.width)
            };
            screen.bar = match list.width {
                // Below that what came out of a step matters more than when it ran.
                0..86 => 0,
                86..100 => 10,
                100..140 => 14,
                140.. => 24,
            };
        }
        screen
    }

    /// Rows of the list below its headings.
    #[must_use]
    pub fn list_rows(&self) -> usize {
        self.list.map_or(0, |list| usize::from(list.height.saturating_sub(1)))
    }

    /// Columns for the bars of the strip above the list.
    #[must_use]
    pub fn timeline_columns(&self) -> u16 {
        self.timeline.map_or(0, |area| area.width.saturating_sub(2))
    }

    /// Lines at the foot of the sources for all that is known of the one under the cursor, the line that parts them included.
    #[must_use]
    pub fn source_detail(&self) -> usize {
        match self.sources.map_or(0, |area| area.height) {
            0..12 => 4,
            12..24 => 7,
            24.. => 8,
        }
    }

    /// Sources between their headings and the detail.
    #[must_use]
    pub fn source_rows(&self) -> usize {
        self.sources
            .map_or(0, |area| usize::from(area.height).saturating_sub(1 + self.source_detail()))
    }

    /// Rows above the text of the inspector, where it has some: one where it is low, else two.
    #[must_use]
    pub fn header_rows(&self, there: bool) -> u16 {
        let height = self.inspector.map_or(0, |area| area.height);
        match (there, height) {
            (false, _) | (true, 0..6) => 0,
            (true, 6..14) => 1,
            (true, 14..) => 2,
        }
    }

    /// Lines a feature takes in the costs panel: one where its bar and its figures fit beside its name.
    #[must_use]
    pub fn cost_lines(&self) -> usize {
        if self.costs.is_some_and(|costs| costs.width >= 50) { 1 } else { 2 }
    }

    /// Features that the costs panel shows between its title and its total.
    #[must_use]
    pub fn cost_rows(&self) -> usize {
        self.costs
            .map_or(0, |costs| usize::from(costs.height.saturating_sub(2)) / self.cost_lines())
    }
}

/// The columns for a list of this width. The least important ones go first; none is squeezed.
fn designed(width: u16) -> Vec<(Column, u16)> {
    use Column::{Ask, Cost, Feature, Flags, Model, Time, Tokens, Took, User};
    let fixed: &[(Column, u16)] = match width {
        0..50 => &[(Time, 8), (Ask, 0), (Cost, 9)],
        50..70 => &[(Time, 8), (Feature, 12), (Ask, 0), (Cost, 9), (Flags, 5)],
        70..86 => &[(Time, 8), (Feature, 13), (Ask, 0), (Tokens, 6), (Cost, 9), (Took, 6), (Flags, 5)],
        86..108 => &[
            (Time, 8),
            (Feature, 14),
            (User, 8),
            (Ask, 0),
            (Tokens, 6),
            (Cost, 9),
            (Took, 6),
            (Flags, 5),
        ],
        108..140 => &[
            (Time, 12),
            (Feature, 14),
            (User, 9),
            (Ask, 0),
            (Model, 12),
            (Tokens, 6),
            (Cost, 9),
            (Took, 6),
            (Flags, 5),
        ],
        140.. => &[
            (Time, 12),
            (Feature, 16),
            (User, 10),
            (Ask, 0),
            (Model, 16),
            (Tokens, 7),
            (Cost, 10),
            (Took, 7),
            (Flags, 6),
        ],
    };
    // One column for the fold mark, one blank between columns.
    let taken: u16 = 1 + fixed.iter().map(|(_, width)| width + 1).sum::<u16>() - 1;
    let rest = width.saturating_sub(taken);
    fixed
        .iter()
        .map(|(column, width)| (*column, if *column == Ask { rest } else { *width }))
        .collect()
}

/// The columns of the user's choice that fit, from the left. The question takes what is left.
fn chosen(columns: &[Column], width: u16) -> Vec<(Column, u16)> {
    const LEAST_ASK: u16 = 16;
    let wide = |column: Column| match column {
        Column::Time if width < 86 => 8,
        Column::Time => 12,
        Column::Feature | Column::Model | Column::Name => 14,
        Column::Session | Column::Service => 12,
        Column::User => 10,
        Column::Ask => LEAST_ASK,
        Column::Tokens | Column::Took | Column::Status => 6,
        Column::Cost => 9,
        Column::Flags | Column::Spans | Column::Calls | Column::Tools => 5,
        Column::Searches => 8,
    };
    let mut rest = width.saturating_sub(1);
    let mut fit = Vec::new();
    for column in columns {
        let needed = wide(*column) + u16::from(!fit.is_empty());
        if needed > rest {
            break;
        }
        rest -= needed;
        fit.push((*column, wide(*column)));
    }
    if let Some((_, ask)) = fit.iter_mut().find(|(column, _)| *column == Column::Ask) {
        *ask += rest;
    }
    fit
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_size_fits_in_itself() {
        for width in 0..260 {
            for height in 0..80 {
                for focus in [
                    Focus::List,
                    Focus::Inspector,
                    Focus::Costs,
                    Focus::Timeline,
                    Focus::Sources,
                    Focus::Diagnosis,
                    Focus::Comparison,
                ] {
                    for (zoom, inspector, costs) in [
                        (false, false, None),
                        (true, true, Some(true)),
                        (false, true, Some(true)),
                        (true, false, None),
                        (false, true, None),
                        (false, false, Some(false)),
                    ] {
                        let screen = Screen::new(
                            width,
                            height,
                            Wish {
                                focus,
                                zoom,
                                inspector,
                                costs,
                                timeline_hidden: zoom,
                            },
                            &Plan {
                                columns: if zoom { Column::ALL.to_vec() } else { Vec::new() },
                                list_percent: if inspector { height } else { 40 },
                                costs_columns: if costs.is_some() { height * 3 } else { 0 },
                            },
                        );
                        let frame = screen.frame;
                        for area in [
                            screen.list,
                            screen.timeline,
                            screen.costs,
                            screen.sources,
                            screen.diagnosis,
                            screen.comparison,
                            screen.inspector,
                        ]
                        .into_iter()
                        .flatten()
                        {
                            assert!(frame.intersection(area) == area && !area.is_empty(), "{width}×{height} {screen:?}");
                        }
                        if let Some(list) = screen.list {
                            let total: u16 = screen.columns.iter().map(|(_, width)| width + 1).sum();
                            assert!(total <= list.width + 1, "{width}×{height} {:?}", screen.columns);
                            assert!(screen.columns.iter().all(|(_, width)| *width >= 4), "{width}: {:?}", screen.columns);
                        }
                        if screen.sources.is_some() {
                            assert!(screen.source_rows() >= 3, "{width}×{height}");
                        }
                        assert_eq!(screen.too_small, width < 40 || height < 10);
                    }
                }
            }
        }
    }

    #[test]
    fn the_costs_stand_beside_the_list_where_there_is_room() {
        let (wish, plan) = (Wish::default(), Plan::default());
        assert!(Screen::new(99, 40, wish, &plan).costs.is_none());
        assert!(Screen::new(100, 40, wish, &plan).costs.is_some());
        assert!(
            Screen::new(
                120,
                40,
                Wish {
                    costs: Some(false),
                    ..wish
                },
                &plan,
            )
            .costs
            .is_none()
        );
        let narrow = Screen::new(
            80,
            24,
            Wish {
                costs: Some(true),
                focus: Focus::Costs,
                ..wish
            },
            &plan,
        );
        assert!(narrow.costs.is_some() && narrow.list.is_none());
    }

    #[test]
    fn a_small_terminal_gives_the_inspector_the_screen_a_tall_one_shares_it() {
        let wish = Wish {
            focus: Focus::Inspector,
            inspector: true,
            ..Wish::default()
        };
        let plan = Plan::default();
        assert!(Screen::new(80, 24, wish, &plan).list.is_none());
        let tall = Screen::new(80, 40, wish, &plan);
        assert!(tall.list.is_some() && tall.inspector.is_some());
    }

    #[test]
    fn chosen_columns_stand_in_their_order_as_far_as_they_fit() {
        let columns = [Column::Cost, Column::Ask, Column::Session, Column::Feature];
        let names = |width| chosen(&columns, width).into_iter().map(|(column, _)| column).collect::<Vec<_>>();
        assert_eq!(names(40), [Column::Cost, Column::Ask, Column::Session]);
        assert_eq!(names(200), columns);
        let all: u16 = chosen(&columns, 200).iter().map(|(_, width)| width + 1).sum();
        assert_eq!(all, 200, "the question takes what is left");
    }

    #[test]
    fn lines_between_panes_move_and_leave_room_for_both() {
        let wish = Wish {
            focus: Focus::Inspector,
            inspector: true,
            ..Wish::default()
        };
        for list_percent in 0..=100 {
            for costs_columns in [1, 30, 60, 500] {
                let plan = Plan {
                    list_percent,
                    costs_columns,
                    ..Plan::default()
                };
                let screen = Screen::new(120, 40, wish, &plan);
                let (list, costs, inspector) = (screen.list.unwrap(), screen.costs.unwrap(), screen.inspector.unwrap());
                assert!(list.height >= 8 && inspector.height >= 8, "{list_percent}%");
                assert!(list.width >= 40 && costs.width >= 24, "{costs_columns}");
            }
        }
    }
}
