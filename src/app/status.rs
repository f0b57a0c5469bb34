//! What the header says: where reading stands and how fast lines come.

use std::collections::VecDeque;

use crate::model::query::Stats;
use crate::model::record::{Progress, Receipt};
use crate::model::span::Nanos;

/// The span of time over which lines per second are counted.
const RATE_WINDOW: Nanos = 2_000_000_000;

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
}

/// Progress, rates and counts.
#[derive(Debug, Default)]
pub struct Status {
    progress: Progress,
    interactions: u64,
    stats: Option<Box<Stats>>,
    /// Lines received since the last tick: their time is that of the next one.
    fresh: u64,
    samples: VecDeque<(Nanos, u64)>,
    heard: bool,
}

impl Status {
    pub(super) fn ingested(&mut self, receipt: &Receipt) {
        self.fresh += receipt.lines;
        self.interactions = receipt.interactions;
    }

    pub(super) fn progressed(&mut self, progress: Progress) {
        self.progress = progress;
        self.heard = true;
    }

    pub(super) fn counted(&mut self, stats: Box<Stats>) {
        self.interactions = self.interactions.max(stats.interactions);
        self.stats = Some(stats);
    }

    pub(super) fn tick(&mut self, now: Nanos) {
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
        let (oldest, _) = self.samples.front()?;
        Some(oldest.saturating_add(RATE_WINDOW).min(now.saturating_add(1_000_000_000)))
    }

    /// Where reading stands.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let Progress {
            history_done,
            history_total,
            ..
        } = self.progress;
        if !self.heard {
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

    /// History is still being read: counts and sums will grow.
    #[must_use]
    pub fn partial(&self) -> bool {
        matches!(self.reading(), Reading::History(_))
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
