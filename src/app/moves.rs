//! What each action does: moving, opening, folding, jumping, searching, prompts and menus.

use strum::IntoEnumIterator;

use crate::insight::anomaly::multiple;
use crate::model::column::Column;
use crate::model::filter::{ANOMALY, Field, Filter, Pattern};
use crate::model::query::{Cursor, Page, Query, Sort};
use crate::model::span::{SpanKey, SpanKind, Status, TraceKey};
use crate::model::trace::{Interaction, Span};

use super::columns::{changes_plan, sorts_by};
use super::copy::What;
use super::inspector::Tab;
use super::layout::Focus;
use super::ledger::Entry;
use super::list::Land;
use super::viewer::Scroll;
use super::{Action, App, Effect, Kept, ListLine, Notice, Open, Over, Pane, Program, PromptKind, Spans};

/// What a jump looks for, as its messages name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sought {
    #[default]
    Match,
    Error,
    Finding,
    Anomaly,
}

impl Sought {
    const fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Error => "failed interaction",
            Self::Finding => "interaction with a finding",
            Self::Anomaly => "cost anomaly",
        }
    }
}

impl App {
    pub(super) fn act(&mut self, action: Action, effects: &mut Vec<Effect>) {
        if self.plan_changed && !changes_plan(action) {
            self.plan_changed = false;
            effects.push(Effect::Keep(Kept::Plan(self.plan.clone())));
        }
        match action {
            Action::Quit => return effects.push(Effect::Quit),
            Action::Suspend => return effects.push(Effect::Suspend),
            Action::Redraw => return effects.push(Effect::Redraw),
            _ => {}
        }
        match &mut self.over {
            Over::Nothing => self.act_in_pane(action, effects),
            Over::Help { top, .. } => match scrolled(action, usize::from(self.size.1.saturating_sub(4))) {
                Some(step) => *top = top.saturating_add_signed(step).min(Self::help_length()),
                None => match action {
                    Action::Top => *top = 0,
                    Action::Bottom => *top = Self::help_length(),
                    Action::Back | Action::Leave | Action::Help => self.over = Over::Nothing,
                    Action::Search => self.open_line(PromptKind::Help, ""),
                    Action::Palette => self.open_line(PromptKind::Palette, ""),
                    _ => {}
                },
            },
            Over::Sort => {
                self.over = Over::Nothing;
                if let Some(column) = sorts_by(action) {
                    self.set_sort(column);
                }
            }
            Over::Columns(_) => self.act_on_columns(action),
            Over::Copy => {
                self.over = Over::Nothing;
                self.act_copy(action, effects);
            }
            Over::Prompt(_) => self.act_on_line(action, effects),
        }
    }

    fn act_copy(&mut self, action: Action, effects: &mut Vec<Effect>) {
        if let Some(what) = What::of(action) {
            self.copy(what, effects);
        }
    }

    /// The row under the cursor is not the one the user means: others were asked for and are on their way.
    fn awaits_rows(&self) -> bool {
        let landing = self.list.land.is_some() && self.asks.under_way(Pane::List).is_some();
        !self.list.is_loaded() || landing || self.asks.under_way(Pane::Search).is_some()
    }

    /// Does what was asked of a row before it came.
    pub(super) fn do_what_was_meant(&mut self, effects: &mut Vec<Effect>) {
        if let Some(action) = self.meant.take_if(|_| self.list.is_loaded()) {
            self.notices.done();
            self.act_in_pane(action, effects);
        }
    }

    /// What an action does while nothing lies over the panes.
    fn act_in_pane(&mut self, action: Action, effects: &mut Vec<Effect>) {
        self.meant = None;
        if matches!(action, Action::Diagnose | Action::Compare | Action::Open) && self.wish.focus == Focus::List && self.awaits_rows() {
            self.meant = Some(action);
            self.notices.say(Notice::info("waits for the rows that were asked for"));
            return;
        }
        if self.wish.focus == Focus::Sources && self.act_on_sources(action, effects) {
            return;
        }
        if self.wish.focus == Focus::Comparison && self.act_on_comparison(action) {
            return;
        }
        if self.wish.focus == Focus::Diagnosis && self.act_on_diagnosis(action, effects) {
            return;
        }
        if self.wish.focus == Focus::Timeline && self.act_on_timeline(action, effects) {
            return;
        }
        match action {
            Action::Down | Action::Up | Action::HalfDown | Action::HalfUp | Action::PageDown | Action::PageUp => self.scroll(action),
            Action::Top => self.to_top(),
            Action::Bottom => self.to_bottom(effects),
            Action::Open => self.open(effects),
            Action::Back => {
                let _ = self.back();
            }
            Action::Leave => {
                if !self.leave() {
                    effects.push(Effect::Quit);
                }
            }
            Action::Collapse => self.collapse(),
            Action::Expand => self.expand(),
            Action::CollapseAll | Action::ExpandAll => {
                if let Some(selected) = self.list.selected() {
                    let folded = action == Action::CollapseAll;
                    if !folded {
                        self.pause();
                        self.trees.hold_anew(selected.trace).expanded = true;
                    }
                    self.trees.fold_all(selected.trace, folded);
                    self.list.select(selected.trace, selected.span.filter(|_| !folded));
                }
            }
            Action::ToParent | Action::NextSibling | Action::PreviousSibling | Action::NextSame | Action::PreviousSame => self.walk(action),
            Action::FoldLevel | Action::UnfoldLevel | Action::FoldKind => self.fold_some(action),
            Action::NextPane => self.next_pane(1),
            Action::PreviousPane => self.next_pane(-1),
            Action::Zoom => self.wish.zoom = !self.wish.zoom,
            Action::ToggleCosts => self.toggle_costs(),
            Action::CostKey => {
                self.costs.turn_key();
                self.sum_anew();
            }
            Action::CostWindow => {
                self.costs.turn_span();
                self.sum_anew();
            }
            Action::Timeline => self.to_timeline(),
            Action::HideTimeline => {
                self.wish.timeline_hidden = !self.wish.timeline_hidden;
                self.wish.focus = Focus::List;
            }
            Action::ToggleSources => self.toggle_sources(),
            Action::Diagnose => self.open_diagnosis(effects),
            Action::Mark => self.mark(),
            Action::SetAside => self.set_aside(),
            Action::NextAside | Action::PreviousAside => self.to_mark(action == Action::NextAside, effects),
            Action::OnlyAside => self.only_marked(),
            Action::Compare => self.open_comparison(effects),
            Action::Explain => self.explain(effects),
            Action::TogglePrompts => self.toggle_prompts(effects),
            Action::ToggleSessions => self.toggle_sessions(),
            Action::ToggleHealth => self.toggle_health(),
            Action::Ledger => self.show_ledger(effects),
            Action::Follow => {
                if self.list.follows() {
                    self.pause();
                } else {
                    self.resume();
                }
            }
            Action::Refresh => {
                for pane in [
                    Pane::List,
                    Pane::Costs,
                    Pane::Trend,
                    Pane::Timeline,
                    Pane::Count,
                    Pane::Newer,
                    Pane::Stats,
                    Pane::Rejects,
                ] {
                    self.asks.soil(pane);
                }
                self.trees.soil();
                self.inspector.outdate();
            }
            Action::Search => self.open_line(PromptKind::Search, ""),
            Action::Filter => self.open_line(PromptKind::Filter, &self.filter_text.clone()),
            Action::Palette => self.open_line(PromptKind::Palette, ""),
            Action::OnlySession => self.only_session(),
            Action::GoToTime => self.open_line(PromptKind::Time, ""),
            Action::SaveView if self.filter.is_all() => {
                self.notices.say(Notice::info("there is no filter to keep: f sets one"));
            }
            Action::SaveBaselines => effects.push(self.asks.ask(Pane::Baselines, Query::Baselines)),
            Action::SaveView => self.open_line(PromptKind::ViewName, ""),
            Action::NextMatch | Action::PreviousMatch => self.search_step(action == Action::NextMatch, effects),
            Action::NextFinding | Action::PreviousFinding => self.to_finding(action == Action::NextFinding, effects),
            Action::NextTrace | Action::PreviousTrace => self.to_trace(action == Action::NextTrace),
            Action::NextCall | Action::PreviousCall => {
                self.to_span(action == Action::NextCall, "model call", |span| {
                    span.part.kind == SpanKind::Llm && !span.missing
                });
            }
            Action::NextError | Action::PreviousError => self.to_error(action == Action::NextError, effects),
            Action::NextAnomaly | Action::PreviousAnomaly => self.seek(Sought::Anomaly, action == Action::NextAnomaly, effects),
            Action::Sort => self.over = Over::Sort,
            Action::Copy => self.over = Over::Copy,
            Action::Help => {
                self.over = Over::Help {
                    top: 0,
                    typed: String::new(),
                };
            }
            Action::ShowPrompt => self.show_tab(Tab::Prompt, effects),
            Action::ShowResponse => self.show_tab(Tab::Response, effects),
            Action::ShowDocuments => self.show_tab(Tab::Documents, effects),
            Action::ShowTools => self.show_tab(Tab::Tools, effects),
            Action::ShowParameters => self.show_tab(Tab::Parameters, effects),
            Action::ShowCost => self.show_tab(Tab::Cost, effects),
            Action::ShowRaw => self.show_tab(Tab::Raw, effects),
            Action::NextTab | Action::PreviousTab => self.step_tab(action == Action::NextTab, effects),
            Action::Wrap => self.inspector.viewer_mut().toggle_wrap(),
            Action::ShowBlanks => {
                if let Some(viewer) = self.viewer_in_focus() {
                    viewer.toggle_blanks();
                }
            }
            Action::FoldJson | Action::UnfoldJson | Action::OutlineJson | Action::OpenJson => self.fold_json(action),
            Action::OrderDocuments => {
                if !self.inspector.turn_documents() {
                    self.show_tab(Tab::Documents, effects);
                }
            }
            Action::ToggleRepeated => self.toggle_repeated(),
            Action::OpenPager => self.show_outside(Program::Pager, effects),
            Action::OpenEditor => self.show_outside(Program::Editor, effects),
            Action::ScrollLeft => self.inspector.viewer_mut().scroll(Scroll::Columns(-8)),
            Action::ScrollRight => self.inspector.viewer_mut().scroll(Scroll::Columns(8)),
            Action::SortByTime
            | Action::SortByCost
            | Action::SortByTokens
            | Action::SortByDuration
            | Action::SortByFeature
            | Action::SortByUser
            | Action::SortByModel
            | Action::SortByAsk
            | Action::SortByFlags => {
                if let Some(column) = sorts_by(action) {
                    self.set_sort(column);
                }
            }
            Action::Columns => self.open_columns(),
            Action::LineUp | Action::LineDown | Action::LineLeft | Action::LineRight => self.move_line(action),
            Action::CopyPrompt
            | Action::CopyMessages
            | Action::CopyRequest
            | Action::CopyCurl
            | Action::CopyPython
            | Action::CopyResponse
            | Action::CopyReport
            | Action::CopyId
            | Action::CopyLine => self.act_copy(action, effects),
            Action::PrintLast => effects.push(Effect::Print),
            Action::Accept
            | Action::Cancel
            | Action::NextChoice
            | Action::PreviousChoice
            | Action::Earlier
            | Action::Later
            | Action::Redraw
            | Action::Suspend
            | Action::Quit
            | Action::SortSources
            | Action::EarlierBar
            | Action::LaterBar
            | Action::ToggleColumn
            | Action::ColumnEarlier
            | Action::ColumnLater
            | Action::SortByColumn
            | Action::DesignedColumns
            | Action::CopyDiagnosis
            | Action::CopyReject => {}
        }
    }

    fn scroll(&mut self, action: Action) {
        match self.wish.focus {
            Focus::List => {
                let step = scrolled(action, self.screen.list_rows()).unwrap_or(0);
                self.move_to(self.list.at().saturating_add_signed(step));
            }
            Focus::Costs => {
                let step = scrolled(action, self.screen.cost_rows()).unwrap_or(0);
                self.costs
                    .stand_on(self.costs.at().saturating_add_signed(step), self.screen.cost_rows());
            }
            Focus::Inspector => {
                if let Some(scroll) = Scroll::of(action) {
                    self.inspector.viewer_mut().scroll(scroll);
                }
            }
            Focus::Timeline | Focus::Sources | Focus::Diagnosis | Focus::Comparison => {}
        }
    }

    /// Puts the cursor of the list on a line. Away from the newest row the list stands still.
    pub(super) fn move_to(&mut self, line: usize) {
        self.entering = None;
        self.list.stand_on(line, &self.trees);
        if self.list.at() > 0 {
            self.pause();
        }
    }

    fn to_top(&mut self) {
        match self.wish.focus {
            Focus::List => self.resume(),
            Focus::Costs => self.costs.stand_on(0, self.screen.cost_rows()),
            Focus::Inspector => self.inspector.viewer_mut().scroll(Scroll::Top),
            Focus::Timeline | Focus::Sources | Focus::Diagnosis | Focus::Comparison => {}
        }
    }

    fn to_bottom(&mut self, effects: &mut Vec<Effect>) {
        match self.wish.focus {
            Focus::List => {
                self.move_to(usize::MAX);
                if self.list.more_below() {
                    self.list.land = Some(Land::Last);
                    self.ask_page(Page::Last, effects);
                }
            }
            Focus::Costs => self.costs.stand_on(usize::MAX, self.screen.cost_rows()),
            Focus::Inspector => self.inspector.viewer_mut().scroll(Scroll::Bottom),
            Focus::Timeline | Focus::Sources | Focus::Diagnosis | Focus::Comparison => {}
        }
    }

    pub(super) fn ask_page(&mut self, page: Page, effects: &mut Vec<Effect>) {
        let query = Query::Interactions {
            filter: self.filter.clone(),
            window: self.window,
            sort: self.list.sort(),
            page,
            limit: super::window::PAGE,
        };
        effects.push(self.asks.ask(Pane::List, query));
    }

    /// Opens what the cursor stands on.
    fn open(&mut self, effects: &mut Vec<Effect>) {
        match self.wish.focus {
            Focus::Costs => self.filter_by_feature(),
            Focus::Inspector | Focus::Timeline | Focus::Sources | Focus::Diagnosis | Focus::Comparison => {}
            Focus::List => {
                let Some(selected) = self.list.selected() else {
                    // Nothing to open: ask again, which is what a person means by Enter on an error.
                    if self.list.error().is_some() {
                        self.ask_page(Page::First, effects);
                    } else if !self.widen() {
                        self.notices.say(Notice::info("nothing to open"));
                    }
                    return;
                };
                self.pause();
                if selected.span.is_some() {
                    self.wish.inspector = true;
                    self.wish.focus = Focus::Inspector;
                } else {
                    self.enter(selected.trace);
                    self.wish.inspector = true;
                    self.wish.focus = Focus::Inspector;
                }
            }
        }
    }

    /// Expands an interaction and goes to its telling call as soon as that is known.
    fn enter(&mut self, trace: TraceKey) {
        self.enter_at(trace, Entry::Telling);
    }

    /// Expands an interaction and goes to its first span as soon as that is known.
    pub(super) fn enter_root(&mut self, trace: TraceKey) {
        self.enter_at(trace, Entry::Root);
    }

    fn enter_at(&mut self, trace: TraceKey, entry: Entry) {
        self.trees.hold_anew(trace).expanded = true;
        self.entering = Some((trace, entry));
        self.enter_when_loaded();
    }

    pub(super) fn enter_when_loaded(&mut self) {
        let Some((trace, entry)) = self.entering else { return };
        let Some(open) = self.trees.get(trace) else {
            self.entering = None;
            return;
        };
        if matches!(open.spans, Spans::Loading) {
            return;
        }
        self.entering = None;
        let span = match entry {
            Entry::Telling => open.telling(),
            Entry::Root => open.root(),
        };
        if let Some(span) = span {
            self.stand_on_span(trace, span);
        }
    }

    pub(super) fn stand_on_span(&mut self, trace: TraceKey, span: SpanKey) {
        self.trees.reveal(trace, span);
        self.list.select(trace, Some(span));
        self.list.relay(&self.trees, self.screen.list_rows());
    }

    /// One step back; false when there was nothing to go back from.
    fn back(&mut self) -> bool {
        if self.leave() {
            return true;
        }
        if let Some(selected) = self.list.selected()
            && self.trees.expanded(selected.trace).is_some()
        {
            if selected.span.is_none() {
                self.trees.collapse(selected.trace);
            }
            self.list.select(selected.trace, None);
            return true;
        }
        if self.search.take().is_some() || self.back_to_sessions() {
            return true;
        }
        let filtered = !self.filter.is_all();
        if filtered {
            self.set_filter(Filter::All, String::new());
        }
        filtered
    }

    /// Leaves a pane that is open beside or over the list.
    fn leave(&mut self) -> bool {
        if self.wish.zoom {
            self.wish.zoom = false;
            return true;
        }
        match self.wish.focus {
            Focus::Inspector => {
                if self.screen.list.is_none() {
                    self.wish.inspector = false;
                }
                self.wish.focus = Focus::List;
                true
            }
            Focus::Costs => {
                if self.screen.list.is_none() {
                    self.wish.costs = None;
                }
                self.wish.focus = Focus::List;
                true
            }
            Focus::Timeline => {
                self.wish.focus = Focus::List;
                true
            }
            Focus::Sources => {
                self.back_from_sources();
                true
            }
            Focus::Diagnosis => {
                self.leave_diagnosis();
                true
            }
            Focus::Comparison => {
                self.leave_comparison();
                true
            }
            Focus::List => std::mem::take(&mut self.wish.inspector),
        }
    }

    fn next_pane(&mut self, step: isize) {
        let mut panes = vec![Focus::List];
        if self.wish.inspector {
            panes.push(Focus::Inspector);
        }
        if self.screen.costs.is_some() || (self.wish.costs != Some(false) && self.size.0 >= 100) {
            panes.push(Focus::Costs);
        }
        if self.screen.timeline.is_some() {
            panes.push(Focus::Timeline);
        }
        let at = panes.iter().position(|pane| *pane == self.wish.focus).unwrap_or(0);
        let next = (at as isize + step).rem_euclid(panes.len() as isize) as usize;
        self.wish.focus = panes[next];
    }

    pub(super) fn show_tab(&mut self, tab: Tab, effects: &mut Vec<Effect>) {
        let needs = self.inspector.set_tab(tab);
        self.supply(needs, effects);
    }

    fn step_tab(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        const TABS: [Tab; 7] = [
            Tab::Prompt,
            Tab::Response,
            Tab::Documents,
            Tab::Tools,
            Tab::Parameters,
            Tab::Cost,
            Tab::Raw,
        ];
        let at = TABS.iter().position(|tab| *tab == self.inspector.tab()).unwrap_or(0);
        let next = if forward { at + 1 } else { at + TABS.len() - 1 } % TABS.len();
        self.show_tab(TABS[next], effects);
    }

    /// Only the interactions of this one's conversation, in the order in which they were held. The cursor stays on it.
    fn only_session(&mut self) {
        let Some(row) = self.list.row() else { return };
        let trace = row.trace;
        let Some(session) = row.session.clone() else {
            self.notices.say(Notice::warn("no session was logged with this interaction"));
            return;
        };
        let filter = Filter::Is(Field::Session, Pattern(session));
        let text = filter.to_string();
        self.pause();
        self.list.sort = Sort {
            key: Column::Time,
            descending: false,
        };
        self.set_filter(filter, text);
        self.list.follow = false;
        self.list.land = Some(Land::On(trace));
    }

    /// Next or previous match of the search, in the pane that has the keys.
    pub(super) fn search_step(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        if let Some(viewer) = self.viewer_in_focus() {
            viewer.search_step(forward);
            return;
        }
        if self.to_found_span(forward) {
            return;
        }
        if self.search.is_some() {
            self.seek(Sought::Match, forward, effects);
        } else {
            self.notices.say(Notice::info("nothing is searched for yet"));
        }
    }

    /// Asks for the next interaction from the cursor that is such a one.
    fn seek(&mut self, sought: Sought, forward: bool, effects: &mut Vec<Effect>) {
        let also = match sought {
            Sought::Match => self.search.clone().map_or(Filter::All, Filter::Text),
            Sought::Error => Filter::Is(Field::Status, Pattern(Status::Error.name().to_owned())),
            Sought::Finding => Filter::Is(Field::Finding, Pattern("*".to_owned())),
            Sought::Anomaly => Filter::Is(Field::Finding, Pattern(ANOMALY.to_owned())),
        };
        self.sought = sought;
        let sort = self.list.sort();
        let page = match (self.list.row(), forward) {
            (Some(row), true) => Page::After(Cursor::at(row, sort)),
            (Some(row), false) => Page::Before(Cursor::at(row, sort)),
            (None, _) => Page::First,
        };
        let query = Query::Interactions {
            filter: self.filter.clone().and(also),
            window: self.window,
            sort,
            page,
            limit: 1,
        };
        effects.push(self.asks.ask(Pane::Search, query));
    }

    /// A jump was answered.
    pub(super) fn found(&mut self, page: Page, rows: Vec<Interaction>, effects: &mut Vec<Effect>) {
        let Some(row) = rows.into_iter().next() else {
            let way = if matches!(page, Page::Before(_)) { "before" } else { "after" };
            self.meant = None;
            let above = if self.sought == Sought::Anomaly {
                format!(" (above {} its feature's median)", multiple(&self.judging))
            } else {
                String::new()
            };
            self.notices
                .say(Notice::info(format!("no {}{above} {way} this one", self.sought.name())));
            return;
        };
        self.pause();
        self.entering = None;
        if self.list.rows().iter().any(|held| held.trace == row.trace) {
            self.list.select(row.trace, None);
            self.do_what_was_meant(effects);
        } else {
            self.list.land = Some(Land::On(row.trace));
            self.list.expect_above();
            self.ask_page(Page::From(Cursor::at(&row, self.list.sort())), effects);
        }
    }

    /// To the next interaction with a finding: among the rows held, else wherever the store knows one.
    fn to_finding(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        let Some(at) = self.list.row_index() else { return };
        self.pause();
        self.entering = None;
        let rows = self.list.rows();
        let noteworthy = |row: &&Interaction| row.findings.iter().next().is_some();
        let held = if forward {
            rows[at + 1..].iter().find(noteworthy)
        } else {
            rows[..at].iter().rev().find(noteworthy)
        };
        match held.map(|row| row.trace) {
            Some(trace) => self.list.select(trace, None),
            None => self.seek(Sought::Finding, forward, effects),
        }
    }

    fn to_trace(&mut self, forward: bool) {
        let Some(index) = self.list.row_index() else { return };
        let next = if forward { Some(index + 1) } else { index.checked_sub(1) };
        let Some(trace) = next.and_then(|next| self.list.rows().get(next)).map(|row| row.trace) else {
            self.notices.say(Notice::info(if forward {
                "this is the last interaction"
            } else {
                "this is the first interaction"
            }));
            return;
        };
        let inside = self.list.selected().is_some_and(|selected| selected.span.is_some());
        self.pause();
        self.list.select(trace, None);
        if inside {
            self.enter(trace);
        }
    }

    /// To the next span of the open interaction that is such a one; false when there is none.
    pub(super) fn to_span(&mut self, forward: bool, name: &str, wanted: impl Fn(&Span) -> bool) -> bool {
        let Some(selected) = self.list.selected() else { return false };
        let Some(trace) = self.trees.get(selected.trace).and_then(Open::loaded) else {
            self.notices.say(Notice::info("open the interaction first"));
            return false;
        };
        let at = selected.span.and_then(|key| trace.spans.iter().position(|span| span.key == key));
        let found = if forward {
            trace.spans.iter().skip(at.map_or(0, |at| at + 1)).find(|span| wanted(span))
        } else {
            trace.spans[..at.unwrap_or(0)].iter().rev().find(|span| wanted(span))
        };
        if let Some(key) = found.map(|span| span.key) {
            self.pause();
            self.stand_on_span(selected.trace, key);
            return true;
        }
        if !name.is_empty() {
            let way = if forward { "after" } else { "before" };
            self.notices.say(Notice::info(format!("no {name} {way} this one")));
        }
        false
    }

    /// To the next failed span of the open interaction, else to the next failed interaction.
    fn to_error(&mut self, forward: bool, effects: &mut Vec<Effect>) {
        let expanded = self
            .list
            .selected()
            .is_some_and(|selected| self.trees.expanded(selected.trace).is_some_and(|open| open.loaded().is_some()));
        if expanded && self.to_span(forward, "", |span| span.part.status == Status::Error) {
            return;
        }
        self.seek(Sought::Error, forward, effects);
    }

    /// Whether the sort menu is open.
    #[must_use]
    pub const fn sort_menu(&self) -> bool {
        matches!(self.over, Over::Sort)
    }

    /// Whether the copy menu is open.
    #[must_use]
    pub const fn copy_menu(&self) -> bool {
        matches!(self.over, Over::Copy)
    }

    /// The line of the list a key of an interaction stands on; for tests and for drawing the cursor.
    #[must_use]
    pub fn line_of(&self, trace: TraceKey) -> Option<usize> {
        let list = self.list();
        list.lines()
            .iter()
            .position(|line| matches!(line, ListLine::Interaction(row) if list.rows()[*row].trace == trace))
    }
}

/// Lines an action scrolls by in a pane of this height.
pub(super) fn scrolled(action: Action, height: usize) -> Option<isize> {
    let height = height.max(2) as isize;
    Some(match action {
        Action::Down => 1,
        Action::Up => -1,
        Action::HalfDown => height / 2,
        Action::HalfUp => -(height / 2),
        Action::PageDown => height - 1,
        Action::PageUp => 1 - height,
        _ => return None,
    })
}

/// Every action that is offered in a menu.
#[must_use]
pub fn menu(sort: bool) -> Vec<Action> {
    Action::iter()
        .filter(|action| {
            let is_sort = sorts_by(*action).is_some();
            let is_copy = What::of(*action).is_some();
            if sort { is_sort } else { is_copy }
        })
        .collect()
}
