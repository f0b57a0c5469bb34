//! What the header says: where reading stands and how fast lines come.

use std::collections::{HashSet, VecDeque};

use crate::model::query::Stats;
use crate::model::record::{Activity, Progress, Receipt};
use crate::model::span::Nanos;

/// The span of time over which lines per second are counted.
const RATE_WINDOW: Nanos = 2_000_000_000;
/// The span of time over which the pace of history is measured: a hiccup of the disk must not throw the estimate about.
const PACE_WINDOW: Nanos = 10_000_000_000;
/// Sooner than this after the start there is no estimate.
const PACE_LEAST: Nanos = 1_000_000_000;
/// History is looked at so often for it.
const PACE_STEP: Nanos = 250_000_000;

/// Where reading stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// History is still being read; hundredths of it done.
    History(u8),
    /// New lines appear as they are written.
    Following,
    /// As `Following`, by looking four times a second.
    Polling,
    /// Everything has been read, and nothing more will come.
    Ended,
    /// No source has said anything yet.
    Waiting,
    /// There is no source: what is kept is looked at.
    Kept,
}

/// Why there are older lines that are not in the store: what is summed up, judged or shown as a tree may lack something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// They are being read.
    Reading,
    /// Some source cannot be read.
    Unreadable,
    /// An earlier run left them out, and this one does not read them.
    Unfilled,
    /// Only newer ones are asked for (`--since`).
    Bounded,
}

/// Progress, rates and counts.
#[derive(Debug, Default)]
pub struct Status {
    progress: Progress,
    partial: Option<Partial>,
    /// Bytes of history read, over time.
    pace: VecDeque<(Nanos, u64)>,
    interactions: u64,
    stats: Option<Box<Stats>>,
    /// Lines received since the last tick: their time is that of the next one.
    fresh: u64,
    samples: VecDeque<(Nanos, u64)>,
    heard: bool,
    /// Something was committed.
    begun: bool,
    /// The list was answered since.
    listed: bool,
    kept: bool,
}

impl Status {
    /// `kept`: there is no source to hear of.
    pub(super) fn new(kept: bool) -> Self {
        Self { kept, ..Self::default() }
    }

    pub(super) fn ingested(&mut self, receipt: &Receipt) {
        self.begun = true;
        self.fresh += receipt.lines;
        self.interactions = receipt.interactions;
    }

    pub(super) fn progressed(&mut self, progress: Progress) {
        self.progress = progress;
        self.heard = true;
        self.partial = self.find_partial();
    }

    pub(super) fn counted(&mut self, stats: Box<Stats>) {
        self.interactions = self.interactions.max(stats.interactions);
        self.stats = Some(stats);
        self.partial = self.find_partial();
    }

    /// The list was answered: with rows of the first commit, or none of them match.
    pub(super) const fn listed(&mut self) {
        self.listed = self.begun;
    }

    pub(super) const fn is_listed(&self) -> bool {
        self.listed
    }

    /// There is history to come, and nothing of it is there yet.
    pub(super) fn awaits_history(&self) -> bool {
        !self.kept && !self.begun && (!self.heard || matches!(self.reading(), Reading::History(_)))
    }

    fn find_partial(&self) -> Option<Partial> {
        let sources = &self.progress.sources;
        if matches!(self.reading(), Reading::History(_)) {
            return Some(Partial::Reading);
        }
        // A problem of what is followed all the same (a spool that is full) leaves no line out.
        if sources
            .iter()
            .any(|source| source.activity == Activity::Failed || (source.activity == Activity::Ended && source.problem.is_some()))
        {
            return Some(Partial::Unreadable);
        }
        let read: HashSet<(u32, u32)> = sources.iter().filter_map(|source| source.source).collect();
        let stored = self.stats.iter().flat_map(|stats| &stats.sources);
        if stored
            .filter(|stat| stat.unread > 0)
            .any(|stat| !read.contains(&(stat.id, stat.generation)))
        {
            return Some(Partial::Unfilled);
        }
        sources.iter().any(|source| source.skipped > 0).then_some(Partial::Bounded)
    }

    pub(super) fn tick(&mut self, now: Nanos) {
        if !matches!(self.reading(), Reading::History(_)) {
            self.pace.clear();
        } else if self.pace.back().is_none_or(|(at, _)| now.saturating_sub(*at) >= PACE_STEP) {
            self.pace.push_back((now, self.progress.history_done));
            while self.pace.front().is_some_and(|(at, _)| now.saturating_sub(*at) > PACE_WINDOW) {
                self.pace.pop_front();
            }
        }
        if self.fresh > 0 {
            self.samples.push_back((now, std::mem::take(&mut self.fresh)));
        }
        while self.samples.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= RATE_WINDOW) {
            self.samples.pop_front();
        }
    }

    pub(super) fn wants_tick(&self, now: Nanos) -> Option<Nanos> {
        if self.fresh > 0 {
            // Grouped: at ten commits a second the header need not change ten times.
            return Some(now.saturating_add(250_000_000));
        }
        let second = now.saturating_add(1_000_000_000);
        // History that stands still must stop promising an end.
        let pace = matches!(self.reading(), Reading::History(_)).then_some(second);
        let rate = self
            .samples
            .front()
            .map(|(oldest, _)| oldest.saturating_add(RATE_WINDOW).min(second));
        [pace, rate].into_iter().flatten().min()
    }

    /// Where reading stands.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let Progress {
            history_done,
            history_total,
            ..
        } = self.progress;
        if self.kept {
            Reading::Kept
        } else if !self.heard {
            Reading::Waiting
        } else if self.progress.ended {
            Reading::Ended
        } else if history_done < history_total {
            // Never 100 before the end.
            Reading::History((u128::from(history_done) * 100 / u128::from(history_total)).min(99) as u8)
        } else if self.progress.polling {
            Reading::Polling
        } else if self.progress.following {
            Reading::Following
        } else {
            Reading::Waiting
        }
    }

    /// Whether older lines are missing from counts and sums, and why: the reason that will go by itself first.
    #[must_use]
    pub const fn partial(&self) -> Option<Partial> {
        self.partial
    }

    /// Sums are lower bounds: lines are missing that are asked for. What `--since` leaves out is not.
    #[must_use]
    pub fn sums_lack_lines(&self) -> bool {
        self.partial.is_some_and(|partial| partial != Partial::Bounded)
    }

    /// How long until so many more bytes of history are read, at the pace of the last seconds; `None` while there is none to measure by.
    #[must_use]
    pub fn time_for(&self, bytes: u64) -> Option<Nanos> {
        let ((from, before), (to, after)) = (self.pace.front()?, self.pace.back()?);
        let (took, read) = (to.saturating_sub(*from), after.saturating_sub(*before));
        if took < PACE_LEAST || read == 0 {
            return None;
        }
        Nanos::try_from(i128::from(bytes) * i128::from(took) / i128::from(read)).ok()
    }

    /// How long until all history is read.
    #[must_use]
    pub fn left(&self) -> Option<Nanos> {
        self.time_for(self.progress.history_total.saturating_sub(self.progress.history_done))
    }

    /// Lines a second, over the last two.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let lines: u64 = self.samples.iter().map(|(_, lines)| lines).sum();
        lines * 1_000_000_000 / RATE_WINDOW as u64
    }

    /// Interactions in the store.
    #[must_use]
    pub const fn interactions(&self) -> u64 {
        self.interactions
    }

    /// What was read, once known.
    #[must_use]
    pub fn stats(&self) -> Option<&Stats> {
        self.stats.as_deref()
    }

    /// Lines that could not be read.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.stats.as_ref().map_or(0, |stats| stats.tally.rejected)
    }

    /// The last progress the sources told.
    #[must_use]
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }
}
