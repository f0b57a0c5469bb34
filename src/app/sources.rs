//! The sources: where reading of each stands, what is wrong with it, and the way to its rejected lines.
//!
//! Rows are joined from what the readers tell (`Progress`) and what the store counts (`Stats`), and only while the pane is open. Lines
//! a second are the difference of the store's own counts, so that a line is counted where it arrived.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

use crate::insight::sources::{Standing, sources};
use crate::model::query::Stats;
use crate::model::record::Progress;
use crate::model::span::Nanos;

use super::layout::Focus;
use super::moves::scrolled;
use super::{Action, App, Effect, Notice, Pane, Rejects, Status};

/// Rows are joined anew at most so often: there may be thousands.
const PACE: Nanos = 250_000_000;
/// The span of time over which lines per second are counted.
const RATE_WINDOW: Nanos = 3_000_000_000;
/// Less than this behind is a line end the reader steps over.
const LINE_END: u64 = 2;

/// One source, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Where it stands.
    pub standing: Standing,
    /// Lines a second that reached the store.
    pub rate: u64,
    /// How long until its history is read, about.
    pub left: Option<Nanos>,
    /// New bytes that had not reached the store when it was asked last, and for how long at least some of them had been there.
    pub behind: Option<(u64, Nanos)>,
}

/// Bytes that were there at a time and have not reached the store.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Nanos,
    end: u64,
    behind: u64,
}

/// A source's number and generation.
type Key = (u32, u32);

/// The pane.
#[derive(Debug, Default)]
pub struct Sources {
    rows: Vec<Row>,
    by_name: bool,
    /// What the cursor stands on, by name: rows change places.
    selected: Option<String>,
    at: usize,
    top: usize,
    /// Lines by name at the store's last answers.
    heard: VecDeque<(Nanos, HashMap<String, u64>)>,
    /// How far complete lines reached in each file when the store was asked.
    asked: Option<(Nanos, HashMap<Key, u64>)>,
    marks: HashMap<Key, Mark>,
    stale: bool,
    built: Option<Nanos>,
}

impl Sources {
    /// The rows, in the order shown.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of the cursor.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The first row on the screen.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// What the cursor stands on.
    #[must_use]
    pub fn selected(&self) -> Option<&Row> {
        self.rows.get(self.at)
    }

    /// By name; else what needs a look first.
    #[must_use]
    pub const fn by_name(&self) -> bool {
        self.by_name
    }

    /// Notes that rows are out of date.
    pub(super) const fn soil(&mut self) {
        self.stale = true;
    }

    /// Forgets what was measured: it would be too old when the pane is opened next.
    fn close(&mut self) {
        self.heard.clear();
        self.asked = None;
        self.marks.clear();
        self.built = None;
    }

    /// The store is asked now: what it answers is held against what is known to be there.
    pub(super) fn asking(&mut self, now: Nanos, progress: &Progress) {
        let ends = progress
            .sources
            .iter()
            .filter_map(|source| Some((source.source?, source.size.saturating_sub(source.pending))));
        self.asked = Some((now, ends.collect()));
    }

    /// The store has answered.
    pub(super) fn counted(&mut self, now: Nanos, stats: &Stats) {
        self.stale = true;
        let mut lines: HashMap<String, u64> = HashMap::with_capacity(stats.sources.len());
        for stat in &stats.sources {
            match lines.get_mut(&stat.uri) {
                Some(sum) => *sum += stat.tally.lines,
                None => drop(lines.insert(stat.uri.clone(), stat.tally.lines)),
            }
        }
        self.heard.push_back((now, lines));
        // The newest that is older than the window stays: it is what there was before it.
        while self.heard.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= RATE_WINDOW) {
            self.heard.pop_front();
        }
        let Some((asked, ends)) = self.asked.take() else { return };
        // Offsets within what is compressed are not those of its file.
        for stat in stats.sources.iter().filter(|stat| !stat.ordered) {
            let key = (stat.id, stat.generation);
            let behind = ends.get(&key).map_or(0, |end| end.saturating_sub(stat.end));
            if behind <= LINE_END {
                self.marks.remove(&key);
                continue;
            }
            let fresh = Mark {
                at: asked,
                end: stat.end + behind,
                behind,
            };
            let mark = self.marks.entry(key).or_insert(fresh);
            if mark.end <= stat.end {
                *mark = fresh;
            }
            mark.behind = behind;
        }
    }

    /// Lines a second of a source by its name.
    fn rate(&self, uri: &str, now: Nanos) -> u64 {
        let base = self
            .heard
            .iter()
            .rfind(|(at, _)| now.saturating_sub(*at) >= RATE_WINDOW)
            .or_else(|| self.heard.front());
        let (Some((from, before)), Some((_, after))) = (base, self.heard.back()) else {
            return 0;
        };
        let lines = |heard: &HashMap<String, u64>| heard.get(uri).copied().unwrap_or(0);
        let took = now.saturating_sub(*from).clamp(1_000_000_000, RATE_WINDOW);
        (u128::from(lines(after).saturating_sub(lines(before))) * 1_000_000_000 / u128::from(took.unsigned_abs())) as u64
    }

    /// Joins the rows anew, if something changed and it is time.
    pub(super) fn refresh(&mut self, now: Nanos, status: &Status) {
        if !self.stale || self.next(now) > now {
            return;
        }
        self.stale = false;
        self.built = Some(now);
        let progress = &status.progress().sources;
        let standings = sources(status.stats().map_or(&[][..], |stats| &stats.sources), progress);
        // The newest file's history is read before an older one's.
        let mut queue: Vec<_> = progress.iter().filter(|source| source.remaining > 0).collect();
        queue.sort_by_key(|source| Reverse(source.modified));
        let (mut before, mut left) = (0, HashMap::new());
        for source in queue {
            before += source.remaining;
            left.insert(source.uri.as_str(), status.time_for(before));
        }
        let mut behind: HashMap<&str, (u64, Nanos)> = HashMap::new();
        for source in progress {
            let Some(mark) = source.source.and_then(|key| self.marks.get(&key)) else {
                continue;
            };
            let (bytes, age) = behind.entry(&source.uri).or_default();
            *bytes += mark.behind;
            *age = (*age).max(now.saturating_sub(mark.at));
        }
        let mut rows: Vec<Row> = standings
            .into_iter()
            .map(|standing| Row {
                rate: self.rate(&standing.uri, now),
                left: left.get(standing.uri.as_str()).copied().flatten(),
                behind: behind.get(standing.uri.as_str()).copied(),
                standing,
            })
            .collect();
        if !self.by_name {
            rows.sort_by_key(|row| row.standing.trouble());
        }
        self.rows = rows;
        let found = self
            .selected
            .as_ref()
            .and_then(|uri| self.rows.iter().position(|row| row.standing.uri == *uri));
        self.at = found.unwrap_or(self.at).min(self.rows.len().saturating_sub(1));
    }

    /// When rows may be joined again.
    fn next(&self, now: Nanos) -> Nanos {
        self.built.map_or(now, |built| built.saturating_add(PACE))
    }

    /// Time has passed, and figures that count time change with it.
    pub(super) fn tick(&mut self, now: Nanos) {
        let old = self.built.is_some_and(|built| now.saturating_sub(built) >= 1_000_000_000);
        self.stale |= old && self.moves();
    }

    fn moves(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.rate > 0 || row.behind.is_some() || row.left.is_some())
    }

    /// The next time a tick is needed, while the pane is open.
    pub(super) fn wants_tick(&self, now: Nanos) -> Option<Nanos> {
        if self.stale {
            return Some(self.next(now));
        }
        self.moves().then(|| now.saturating_add(1_000_000_000))
    }

    pub(super) fn stand_on(&mut self, row: usize, height: usize) {
        let height = height.max(1);
        self.at = row.min(self.rows.len().saturating_sub(1));
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at.max(lowest));
        self.top = self.top.min(self.rows.len().saturating_sub(height));
        self.selected = self.rows.get(self.at).map(|row| row.standing.uri.clone());
    }
}

impl App {
    /// The sources.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(super) fn toggle_sources(&mut self) {
        if self.wish.focus == Focus::Sources {
            return self.leave_sources();
        }
        self.wish.focus = Focus::Sources;
        self.wish.zoom = false;
        self.sources.soil();
        self.asks.soil(Pane::Stats);
    }

    fn leave_sources(&mut self) {
        self.rejects = None;
        self.sources.close();
        self.wish.focus = Focus::List;
        for pane in [Pane::Rejects, Pane::Reject] {
            self.asks.forget(pane);
        }
    }

    /// One step back from what is open of the sources.
    pub(super) fn back_from_sources(&mut self) {
        if self.sheet.is_some() {
            return self.leave_sheet();
        }
        if self.health.is_some() {
            return self.toggle_health();
        }
        if self.sessions().is_some() {
            return self.leave_sessions();
        }
        let Some(rejects) = &mut self.rejects else {
            return self.leave_sources();
        };
        if !rejects.close_reader() {
            self.rejects = None;
        }
    }

    /// Brings the rows up to date while the pane is open.
    pub(super) fn settle_sources(&mut self) {
        if self.wish.focus != Focus::Sources {
            return;
        }
        self.sources.refresh(self.now, &self.status);
        self.sources.stand_on(self.sources.at(), self.screen.source_rows());
        let Some(area) = self.screen.sources else { return };
        // The first line is the heading.
        let height = area.height.saturating_sub(1);
        if let Some(rejects) = &mut self.rejects {
            rejects.resize(area.width, height);
        }
        if let Some(sheet) = &mut self.sheet {
            sheet.viewer_mut().resize(area.width.saturating_sub(1), height);
        }
        if let Some(health) = &mut self.health {
            health.viewer_mut().resize(area.width.saturating_sub(1), height);
        }
        if let Some(sessions) = &mut self.sessions {
            // And the second names the columns.
            sessions.resize(height.saturating_sub(1));
        }
    }

    /// What an action does while the sources have the keys; false when it does there what it does everywhere.
    pub(super) fn act_on_sources(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        if self.sheet.is_some() {
            return self.act_on_sheet(action, effects);
        }
        if self.health.is_some() {
            return self.act_on_health(action);
        }
        if self.sessions().is_some() {
            return self.act_on_sessions(action, effects);
        }
        match action {
            Action::ToggleSources
            | Action::ToggleHealth
            | Action::TogglePrompts
            | Action::ToggleSessions
            | Action::Back
            | Action::Leave
            | Action::Help
            | Action::Refresh => return false,
            Action::ToggleCosts => {
                self.leave_sources();
                return false;
            }
            // It has the screen to itself.
            Action::NextPane | Action::PreviousPane => {
                self.leave_sources();
                return true;
            }
            Action::Search | Action::NextMatch | Action::PreviousMatch if self.reader().is_some() => return false,
            _ => {}
        }
        if self.rejects.is_some() {
            self.act_on_rejects(action, effects);
            return true;
        }
        let height = self.screen.source_rows();
        let at = self.sources.at();
        match action {
            Action::Top => self.sources.stand_on(0, height),
            Action::Bottom => self.sources.stand_on(usize::MAX, height),
            Action::SortSources => {
                self.sources.by_name = !self.sources.by_name;
                (self.sources.built, self.sources.stale) = (None, true);
            }
            Action::Open => self.open_rejects(),
            _ => {
                if let Some(step) = scrolled(action, height) {
                    self.sources.stand_on(at.saturating_add_signed(step), height);
                }
            }
        }
        true
    }

    fn open_rejects(&mut self) {
        let Some(Row { standing, .. }) = self.sources.selected() else {
            return;
        };
        if standing.tally.rejected == 0 {
            let words = match &standing.problem {
                Some(problem) => Notice::warn(format!("no line of it was rejected; {problem}")),
                None => Notice::info("no line of it was rejected"),
            };
            return self.notices.say(words);
        }
        self.rejects = Some(Rejects::of(standing.uri.clone(), standing.ids.clone()));
        self.asks.soil(Pane::Rejects);
    }
}
