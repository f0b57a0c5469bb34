//! All state of the screen and every decision about it. `update` takes a message, changes the state and says what must be done;
//! it does nothing itself. No clock: time comes in as `Msg::Tick`. No drawing: `ui` reads what is here.
//!
//! Whatever is selected or open is kept by key, so rows may come, go and change places underneath.

pub mod inspector;
pub mod layout;

pub mod action;
pub mod asks;
pub mod columns;
pub mod comparison;
pub mod complete;
pub mod copy;
pub mod costs;
pub mod diagnosis;
pub mod health;
mod inspect;
mod ledger;
mod lines;
pub mod list;
pub mod marks;
mod mouse;
pub mod moves;
pub mod notice;
pub mod palette;
pub mod prompt;
pub mod rejects;
pub mod sessions;
pub mod sheet;
pub mod sources;
pub mod status;
pub mod timeline;
pub mod tree;
pub mod viewer;
mod walk;
pub mod widen;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use strum::EnumCount;

use crate::model::anomaly::{Baseline, Judging};
use crate::model::column::Column;
use crate::model::filter::Filter;
use crate::model::moment::Clock;
use crate::model::query::{Page, Query, Reply, Seen, Ticket, Window};
use crate::model::record::{Progress, Receipt};
use crate::model::span::{Nanos, Origin, SpanKey, TraceKey};
use crate::pricing::Prices;

pub use action::{Action, Mode};
pub use asks::Pane;
pub use comparison::Comparison;
pub use costs::Costs;
pub use diagnosis::Diagnosis;
pub use health::Health;
pub use list::{List, ListLine, Selected};
pub use mouse::{Mouse, Press};
pub use moves::menu;
pub use notice::{Level, Notice};
pub use palette::View;
pub use prompt::{Input, Prompt, PromptKind};
pub use rejects::Rejects;
pub use sessions::Sessions;
pub use sources::Sources;
pub use status::{Partial, Reading, Status};
pub use tree::{Open, Spans, Trees};
pub use window::{Keyed, Paged};

use asks::{Asks, STATS_PACE};
use inspector::Inspector;
use layout::{Focus, Plan, Screen, Wish};
use notice::Notices;

/// What comes in.
#[derive(Debug)]
pub enum Msg {
    /// A key that means something.
    Do(Action),
    /// A key that means nothing while a prompt is open: it is text.
    Type(Input),
    /// Text pasted by the terminal.
    Paste(String),
    /// The mouse did something.
    Mouse(Mouse),
    /// The store has committed.
    Ingested(Receipt),
    /// The store has answered.
    Answer(Ticket, Reply),
    /// A raw line was read again, or why it could not be.
    Raw(Origin, Result<Vec<u8>, String>),
    /// Reading has come further.
    Progress(Progress),
    /// Something to tell the user.
    Notice(Notice),
    /// The terminal has another size.
    Resized {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The time is now this.
    Tick(Nanos),
}

/// What must be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the store; an older question of the same pane may be interrupted.
    Ask(Pane, Ticket, Query),
    /// Read a raw line again.
    Raw(Origin),
    /// Put text on the clipboard.
    Copy {
        /// What it is, for the message afterwards.
        what: &'static str,
        /// Its bytes, as logged.
        bytes: Vec<u8>,
    },
    /// Show a text in another program, and come back when that has ended.
    Outside {
        /// Which.
        program: Program,
        /// What the text is, for its file's name.
        name: &'static str,
        /// The text, made safe.
        text: String,
    },
    /// Show what was copied last on the plain screen, until a key is pressed.
    Print,
    /// Keep something in the settings.
    Keep(Kept),
    /// Save medians by feature, for another host to judge by.
    SaveBaselines(BTreeMap<String, Baseline>),
    /// Put the program aside.
    Suspend,
    /// Draw every cell anew.
    Redraw,
    /// Leave.
    Quit,
}

/// A program of the user's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `$PAGER`.
    Pager,
    /// `$EDITOR`.
    Editor,
}

/// What is kept in the settings.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// A filter with a name.
    View(View),
    /// Columns, and where the lines between panes stand.
    Plan(Plan),
}

/// What the explorer starts with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sources as the user wrote them.
    pub sources: Vec<String>,
    /// The filter.
    pub filter: Filter,
    /// The filter as the user wrote it.
    pub filter_text: String,
    /// Filters with names.
    pub views: Vec<View>,
    /// What the user has changed of the layout.
    pub plan: Plan,
    /// The span of time shown.
    pub window: Window,
    /// Prices, for the sum behind a cost.
    pub prices: Arc<Prices>,
    /// What costs are judged by.
    pub judging: Arc<Judging>,
    /// The zone times are shown in.
    pub timezone: jiff::tz::TimeZone,
    /// The time.
    pub now: Nanos,
    /// Columns of the terminal.
    pub width: u16,
    /// Rows of the terminal.
    pub height: u16,
    /// What changes all the time is not shown: every cell costs on a slow line.
    pub quiet: bool,
    /// A kept store is looked at, and no source is read.
    pub kept: bool,
}

/// Something that lies over the panes and takes the keys.
#[derive(Debug, Default)]
pub(crate) enum Over {
    #[default]
    Nothing,
    Help {
        top: usize,
        /// What it is searched for.
        typed: String,
    },
    Sort,
    Columns(columns::Columns),
    Copy,
    Prompt(Prompt),
}

/// The explorer's state.
#[derive(Debug)]
pub struct App {
    /// Sources as the user wrote them.
    named: Vec<String>,
    filter: Filter,
    filter_text: String,
    /// Filters that were set, the newest last.
    history: Vec<String>,
    views: Vec<View>,
    /// The values that were asked for last.
    values_asked: Option<(Seen, String)>,
    window: Window,
    prices: Arc<Prices>,
    judging: Arc<Judging>,
    timezone: jiff::tz::TimeZone,
    now: Nanos,
    size: (u16, u16),
    quiet: bool,
    wish: Wish,
    plan: Plan,
    /// The settings do not know yet.
    plan_changed: bool,
    screen: Screen,
    over: Over,
    list: List,
    trees: Trees,
    costs: Costs,
    timeline: timeline::Timeline,
    sources: Sources,
    /// The rejected lines that are open, of one of the sources.
    rejects: Option<Rejects>,
    /// The diagnosis that is open.
    diagnosis: Option<Diagnosis>,
    /// The comparison that is open.
    comparison: Option<Comparison>,
    /// What the next comparison is with.
    marked: Option<Selected>,
    marks: marks::Marks,
    /// What the log lacks, while it is open.
    health: Option<Health>,
    /// The list grouped by session, while it is open or waits behind the list.
    sessions: Option<Sessions>,
    /// A page that explains something, while it is open.
    sheet: Option<sheet::Sheet>,
    inspector: Inspector,
    /// What the inspector shows.
    inspected: Option<(TraceKey, SpanKey)>,
    /// When it was asked last what that goes on from.
    earlier_asked: Option<Nanos>,
    /// A raw line the inspector waits for.
    raw_asked: Option<Origin>,
    status: Status,
    stats_asked: Option<Nanos>,
    /// Interactions that match the filter; `None` while unknown.
    matching: Option<u64>,
    /// What is tried where none does.
    widened: Option<widen::Widened>,
    notices: Notices,
    asks: Asks,
    /// The text searched for in the list.
    search: Option<String>,
    /// The interaction to go into as soon as its spans are here: to its first span, or to its telling call.
    entering: Option<(TraceKey, ledger::Entry)>,
    /// What was asked of a row that is not here yet: done when it comes.
    meant: Option<Action>,
    /// What the jump under way looks for.
    sought: moves::Sought,
    job: Option<copy::Job>,
}

impl App {
    /// The explorer at its start, and its first questions.
    #[must_use]
    pub fn new(settings: Settings) -> (Self, Vec<Effect>) {
        let Settings {
            sources,
            filter,
            filter_text,
            views,
            plan,
            window,
            prices,
            judging,
            timezone,
            now,
            width,
            height,
            quiet,
            kept,
        } = settings;
        let mut app = Self {
            named: sources,
            filter,
            filter_text,
            history: Vec::new(),
            views,
            values_asked: None,
            window,
            prices,
            judging,
            timezone,
            now,
            size: (width, height),
            quiet,
            wish: Wish {
                // It changes all the time.
                timeline_hidden: quiet,
                ..Wish::default()
            },
            plan,
            plan_changed: false,
            screen: Screen::default(),
            over: Over::Nothing,
            list: List::default(),
            trees: Trees::default(),
            costs: Costs::default(),
            timeline: timeline::Timeline::default(),
            sources: Sources::default(),
            rejects: None,
            diagnosis: None,
            comparison: None,
            marked: None,
            marks: marks::Marks::default(),
            health: None,
            sessions: None,
            sheet: None,
            inspector: Inspector::new(),
            inspected: None,
            earlier_asked: None,
            raw_asked: None,
            status: Status::new(kept),
            stats_asked: None,
            matching: None,
            widened: None,
            notices: Notices::default(),
            asks: Asks::default(),
            search: None,
            entering: None,
            meant: None,
            sought: moves::Sought::default(),
            job: None,
        };
        for pane in [Pane::List, Pane::Costs, Pane::Trend, Pane::Timeline, Pane::Count, Pane::Stats] {
            app.asks.soil(pane);
        }
        let mut effects = Vec::new();
        app.settle(&mut effects);
        (app, effects)
    }

    /// Takes one message.
    pub fn update(&mut self, msg: Msg) -> Vec<Effect> {
        let mut effects = Vec::new();
        match msg {
            Msg::Do(action) => self.act(action, &mut effects),
            Msg::Type(input) => {
                if let Over::Prompt(prompt) = &mut self.over {
                    prompt.input(input, &self.views);
                }
            }
            Msg::Paste(text) => {
                if let Over::Prompt(prompt) = &mut self.over {
                    prompt.paste(&text, &self.views);
                }
            }
            Msg::Mouse(mouse) => self.mouse(mouse, &mut effects),
            Msg::Ingested(receipt) => self.ingested(&receipt),
            Msg::Answer(ticket, reply) => {
                if let Some((pane, query)) = self.asks.answered(ticket) {
                    self.answered(pane, query, reply, &mut effects);
                }
            }
            Msg::Raw(origin, result) => {
                if self.job.is_some_and(|job| job.raw == Some(origin)) {
                    self.copy_raw(&result, &mut effects);
                }
                if self.raw_asked == Some(origin) {
                    self.raw_asked = None;
                    self.inspector.raw(origin, result);
                }
            }
            Msg::Progress(progress) => {
                self.status.progressed(progress);
                self.sources.soil();
                if self.wish.focus == Focus::Sources {
                    // How far behind the store is follows from both.
                    self.asks.soil(Pane::Stats);
                }
            }
            Msg::Notice(notice) => self.notices.say(notice),
            Msg::Resized { width, height } => self.size = (width, height),
            Msg::Tick(now) => {
                self.now = now;
                self.status.tick(now);
                self.sources.tick(now);
                self.notices.tick(now);
                if self.costs.moves_on().is_some_and(|at| at <= now) {
                    self.asks.soil(Pane::Costs);
                    self.asks.soil(Pane::Trend);
                }
            }
        }
        self.settle(&mut effects);
        effects
    }

    /// Brings everything that follows from the state up to date: geometry, lines, inspector, questions that are due.
    fn settle(&mut self, effects: &mut Vec<Effect>) {
        self.screen = Screen::new(self.size.0, self.size.1, self.wish, &self.plan);
        self.list.relay(&self.trees, self.screen.list_rows());
        self.costs.stand_on(self.costs.at(), self.screen.cost_rows());
        self.settle_sources();
        self.settle_diagnosis();
        self.settle_comparison();
        self.enter_when_loaded();
        self.inspect(effects);
        if let Some(area) = self.screen.inspector {
            // Its borders lie on the frame, but for the upper one.
            let rows = 1 + self.screen.header_rows(self.inspector.header().is_some());
            self.inspector.viewer_mut().resize(area.width, area.height.saturating_sub(rows));
        }
        self.ask_what_is_due(effects);
    }

    fn ingested(&mut self, receipt: &Receipt) {
        self.status.ingested(receipt);
        self.trees.touched(&receipt.traces);
        self.inspector.outdate();
        let shown = || self.list.rows().iter().any(|row| receipt.traces.contains(&row.trace));
        if self.list.follows() || !self.list.more_below() || shown() {
            self.asks.soil(Pane::List);
        }
        for pane in [
            Pane::Newer,
            Pane::Count,
            Pane::Costs,
            Pane::Trend,
            Pane::Timeline,
            Pane::Stats,
            Pane::Health,
            Pane::Sessions,
            Pane::Widened,
        ] {
            self.asks.soil(pane);
        }
    }

    fn answered(&mut self, pane: Pane, query: Query, reply: Reply, effects: &mut Vec<Effect>) {
        match (pane, query, reply) {
            (_, query, Reply::Interrupted) => {
                // Nothing newer was asked, so the question still stands.
                match pane {
                    Pane::List
                    | Pane::Costs
                    | Pane::Trend
                    | Pane::Timeline
                    | Pane::Count
                    | Pane::Newer
                    | Pane::Stats
                    | Pane::Rejects
                    | Pane::Health
                    | Pane::Sessions => {
                        self.asks.soil(pane);
                    }
                    Pane::Reject => self.reject_interrupted(&query),
                    Pane::Trace => self.trees.soil(),
                    Pane::Contents => self.inspected = None,
                    Pane::Earlier => self.inspector.outdate(),
                    Pane::Evidence | Pane::Other | Pane::Peers => self.evidence_failed("the question was interrupted".into()),
                    Pane::Search => self.notices.say(Notice::warn("the search was interrupted")),
                    Pane::Copy => self.copy_failed("the question was interrupted"),
                    Pane::Sheet => self.sheet_failed("the question was interrupted: r asks again"),
                    Pane::Baselines => self
                        .notices
                        .say(Notice::warn("no baselines are saved: the question was interrupted")),
                    // The newer letters ask again.
                    Pane::Values => {}
                    Pane::Widened => self.widened = None,
                }
            }
            (Pane::List, Query::Interactions { page, .. }, Reply::Interactions { rows, more }) => {
                self.status.listed();
                self.list.arrived(page, rows, more);
                self.list.relay(&self.trees, self.screen.list_rows());
                self.do_what_was_meant(effects);
            }
            (Pane::Trace, Query::Trace(key), Reply::Trace(trace)) => {
                self.trees.arrived(key, Ok(trace));
                if self.inspected.is_some_and(|(trace, _)| trace == key) {
                    self.inspect_again(effects);
                }
                self.copy_on(effects);
                self.conclude();
                self.set_side_by_side(effects);
            }
            (Pane::Evidence | Pane::Other, Query::Contents { trace, .. }, Reply::Contents(all)) => {
                if self.comparison.is_some() {
                    self.side_arrived(pane, trace, all, effects);
                } else {
                    self.evidence_arrived(trace, all);
                }
            }
            (Pane::Peers, Query::Peers { trace, .. }, Reply::Peers(peers)) => {
                if self.comparison.is_some() {
                    self.good_found(trace, peers, effects);
                } else {
                    self.peers_arrived(trace, peers);
                }
            }
            (Pane::Contents, Query::Contents { span: asked, .. }, Reply::Contents(all)) => self.contents_arrived(asked, all, effects),
            (Pane::Earlier, Query::Earlier(trace), Reply::Earlier(found)) => self.earlier_arrived(trace, found, effects),
            (Pane::Copy, _, Reply::Contents(all)) => self.copy_contents(all, effects),
            (Pane::Costs, _, Reply::Costs(rows)) => self.costs.arrived(Ok(*rows)),
            (Pane::Trend, _, Reply::Trend(trend)) => self.costs.trend_arrived(trend, self.now),
            (Pane::Baselines, _, Reply::Baselines(found)) => self.baselines_arrived(found, effects),
            (Pane::Sheet, _, Reply::Spike(spike)) => self.spike_arrived(&spike),
            (Pane::Sheet, _, Reply::Prompts { rows, more }) => self.prompts_arrived(rows, more),
            (Pane::Timeline, _, Reply::Timeline(line)) => self.timeline.arrived(Ok(*line)),
            (Pane::Count, _, Reply::Count(count)) => self.matching = Some(count),
            (Pane::Widened, Query::Count { filter, .. }, Reply::Count(count)) => self.widened_arrived(&filter, count),
            (Pane::Newer, _, Reply::Count(count)) => {
                if !self.list.follows() {
                    if count > self.list.newer {
                        self.list.expect_above();
                    }
                    self.list.newer = count;
                }
            }
            (Pane::Search, Query::Interactions { page, .. }, Reply::Interactions { rows, .. }) => self.found(page, rows, effects),
            (Pane::Stats, _, Reply::Stats(stats)) => {
                if self.wish.focus == Focus::Sources {
                    self.sources.counted(self.now, &stats);
                    self.recount_rejects(&stats);
                }
                self.status.counted(stats);
            }
            (Pane::Rejects, Query::Rejects { page, .. }, Reply::Rejects { rows, more }) => self.rejects_arrived(&page, rows, more),
            (Pane::Sessions, Query::Sessions { page, .. }, Reply::Sessions { rows, more }) => self.sessions_arrived(&page, rows, more),
            (Pane::Health, _, Reply::Health(health)) => self.health_arrived(Ok(health)),
            (Pane::Reject, Query::Reject(origin), Reply::Reject(row)) => self.reject_arrived(origin, row, effects),
            (Pane::Values, Query::Values { of, text, .. }, Reply::Values(values)) => {
                if let Over::Prompt(prompt) = &mut self.over {
                    prompt.seen(of, &text, values);
                }
            }
            (pane, query, Reply::Failed(message)) => self.failed(pane, &query, message),
            (pane, _, _) => self
                .notices
                .say(Notice::error(format!("{pane:?}: the answer does not fit the question"))),
        }
    }

    /// Applies another filter.
    fn set_filter(&mut self, filter: Filter, text: String) {
        self.filter = filter;
        self.filter_text = text;
        self.matching = None;
        self.costs.restart();
        self.timeline.restart();
        self.restart_list();
        self.sum_anew();
        for pane in [Pane::Timeline, Pane::Count] {
            self.asks.forget(pane);
            self.asks.soil(pane);
        }
    }

    /// Reads the list from its top again.
    fn restart_list(&mut self) {
        self.list.restart();
        self.entering = None;
        for pane in [Pane::List, Pane::Search, Pane::Newer] {
            self.asks.forget(pane);
        }
        self.asks.soil(Pane::List);
    }

    /// Numbers and times the largest first, words from A; the same once more turns it around.
    fn set_sort(&mut self, key: Column) {
        let sort = &mut self.list.sort;
        let first = key.is_number() || key == Column::Time;
        sort.descending = if sort.key == key { !sort.descending } else { first };
        sort.key = key;
        self.restart_list();
    }

    fn resume(&mut self) {
        self.list.follow = true;
        self.list.newer = 0;
        self.list.land = Some(list::Land::First);
        self.asks.forget(Pane::List);
        self.asks.soil(Pane::List);
    }

    fn pause(&mut self) {
        if self.list.follow {
            self.list.follow = false;
            self.list.newer = 0;
            self.list.paused_at = self.list.rows().first().map(|row| row.start);
            self.list.land = None;
            self.asks.forget(Pane::Newer);
            // The page under way would throw the rows away that the cursor now moves in.
            if matches!(self.asks.under_way(Pane::List), Some(Query::Interactions { page: Page::First, .. })) && self.list.is_loaded() {
                self.asks.forget(Pane::List);
                self.asks.soil(Pane::List);
            }
        }
    }

    /// Which keys are in force.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.over {
            Over::Help { .. } => Mode::Help,
            Over::Sort => Mode::Sort,
            Over::Columns(_) => Mode::Columns,
            Over::Copy => Mode::Copy,
            Over::Prompt(_) => Mode::Prompt,
            Over::Nothing => self.pane_mode(),
        }
    }

    /// The keys of the pane in focus, whatever lies over it.
    #[must_use]
    pub const fn pane_mode(&self) -> Mode {
        match self.wish.focus {
            Focus::List => Mode::List,
            Focus::Inspector => Mode::Inspector,
            Focus::Costs => Mode::Costs,
            Focus::Sources if self.sheet.is_some() => Mode::Sheet,
            Focus::Timeline => Mode::Timeline,
            Focus::Sources if self.health.is_some() => Mode::Health,
            Focus::Sources if matches!(&self.sessions, Some(Sessions { behind: None, .. })) => Mode::Sessions,
            Focus::Sources if self.rejects.is_some() => Mode::Rejects,
            Focus::Sources => Mode::Sources,
            Focus::Diagnosis => Mode::Diagnosis,
            Focus::Comparison => Mode::Comparison,
        }
    }

    /// The next time a tick is needed; `None` when nothing on the screen depends on time.
    #[must_use]
    pub fn wants_tick(&self) -> Option<Nanos> {
        let rows_first = self.rows_first();
        let is_due = |pane| !rows_first && self.asks.due(pane);
        let due = is_due(Pane::Costs).then(|| self.costs.next(self.now));
        let costs = due.or_else(|| self.costs.moves_on()).filter(|_| self.screen.costs.is_some());
        let trend = is_due(Pane::Trend)
            .then(|| self.costs.next_trend(self.now))
            .filter(|_| self.screen.costs.is_some());
        let timeline = (self.screen.timeline.is_some() && is_due(Pane::Timeline)).then(|| self.timeline.next(self.now));
        let stats = is_due(Pane::Stats).then(|| self.stats_asked.map_or(self.now, |asked| asked.saturating_add(STATS_PACE)));
        let sources = (self.wish.focus == Focus::Sources)
            .then(|| self.sources.wants_tick(self.now))
            .flatten();
        let health = self.health.as_ref().filter(|_| is_due(Pane::Health));
        let sessions = self.sessions().filter(|_| is_due(Pane::Sessions));
        [
            self.notices.wants_tick(self.now),
            self.status.wants_tick(self.now),
            health.map(|health| health.next(self.now)),
            sessions.map(|sessions| sessions.next(self.now)),
            self.earlier_due(),
            costs,
            trend,
            timeline,
            sources,
            stats,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The geometry.
    #[must_use]
    pub const fn screen(&self) -> &Screen {
        &self.screen
    }

    /// The pane that has the keys.
    #[must_use]
    pub const fn focus(&self) -> Focus {
        self.wish.focus
    }

    /// The list.
    #[must_use]
    pub const fn list(&self) -> &List {
        &self.list
    }

    /// The interactions that are open.
    #[must_use]
    pub const fn trees(&self) -> &Trees {
        &self.trees
    }

    /// Cost by feature.
    #[must_use]
    pub const fn costs(&self) -> &Costs {
        &self.costs
    }

    /// The inspector.
    #[must_use]
    pub const fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    /// Where reading stands.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// The sources as the user wrote them.
    #[must_use]
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// The filter as the user wrote it; empty when there is none.
    #[must_use]
    pub fn filter_text(&self) -> &str {
        &self.filter_text
    }

    /// The span of time shown.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The text searched for in the list.
    #[must_use]
    pub fn search_text(&self) -> Option<&str> {
        self.search.as_deref()
    }

    /// Interactions that match the filter and the time shown; `None` while unknown.
    #[must_use]
    pub fn matching(&self) -> Option<u64> {
        if self.filter.is_all() && self.window == Window::default() {
            let count = self.status.interactions();
            return Some(count).filter(|count| *count > 0 || (self.list.is_loaded() && self.list.error().is_none()));
        }
        self.matching
    }

    /// Some answer is awaited that the user asked for.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.asks.under_way(Pane::Search).is_some()
    }

    /// The message in the place of the footer, and its age.
    #[must_use]
    pub fn notice(&self) -> Option<(&Notice, Nanos)> {
        self.notices.shown(self.now)
    }

    /// The open prompt.
    #[must_use]
    pub const fn prompt(&self) -> Option<&Prompt> {
        match &self.over {
            Over::Prompt(prompt) => Some(prompt),
            Over::Nothing | Over::Help { .. } | Over::Sort | Over::Columns(_) | Over::Copy => None,
        }
    }

    /// While the help is open: its first line on the screen, and what it is searched for.
    #[must_use]
    pub fn help(&self) -> Option<(usize, &str)> {
        match &self.over {
            Over::Help { top, typed } => Some((*top, typed)),
            Over::Prompt(prompt) if prompt.kind() == PromptKind::Help => Some((0, prompt.text())),
            Over::Nothing | Over::Prompt(_) | Over::Sort | Over::Columns(_) | Over::Copy => None,
        }
    }

    /// What changes all the time is not shown.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Filters with names.
    #[must_use]
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// The zone times are shown in.
    #[must_use]
    pub const fn timezone(&self) -> &jiff::tz::TimeZone {
        &self.timezone
    }

    /// When and where whatever is typed is typed.
    fn clock(&self) -> Clock {
        Clock {
            now: self.now,
            zone: self.timezone.clone(),
        }
    }

    /// The time of the last tick.
    #[must_use]
    pub const fn now(&self) -> Nanos {
        self.now
    }

    /// Lines the help may have at most: what its scrolling is bounded by.
    #[must_use]
    pub const fn help_length() -> usize {
        Action::COUNT + 2 * 16
    }
}
