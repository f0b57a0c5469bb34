//! Short messages in the place of the footer: what was copied, what failed. They go by themselves.

use crate::model::span::Nanos;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// Worth a look.
    Warn,
    /// Something did not work.
    Error,
}

/// A short message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// What to say; shown in one line.
    pub text: String,
}

impl Notice {
    /// Good to know.
    pub fn info(text: impl Into<String>) -> Self {
        Self {
            level: Level::Info,
            text: text.into(),
        }
    }
    /// Worth a look.
    pub fn warn(text: impl Into<String>) -> Self {
        Self {
            level: Level::Warn,
            text: text.into(),
        }
    }
    /// Something did not work.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            level: Level::Error,
            text: text.into(),
        }
    }

    /// How long it stays.
    const fn life(&self) -> Nanos {
        match self.level {
            Level::Info => 5_000_000_000,
            Level::Warn => 8_000_000_000,
            Level::Error => 15_000_000_000,
        }
    }
}

/// The notice on the screen.
#[derive(Clone, Debug, Default)]
pub(super) struct Notices {
    shown: Option<Notice>,
    /// When it appeared; unknown until the first tick after it.
    since: Option<Nanos>,
}

impl Notices {
    pub(super) fn say(&mut self, notice: Notice) {
        self.shown = Some(notice);
        self.since = None;
    }

    /// What was said is done with.
    pub(super) fn done(&mut self) {
        self.shown = None;
    }

    pub(super) fn tick(&mut self, now: Nanos) {
        let Some(notice) = &self.shown else { return };
        let since = *self.since.get_or_insert(now);
        if now.saturating_sub(since) >= notice.life() {
            self.shown = None;
        }
    }

    /// What to show, and for how long it has been shown.
    pub(super) fn shown(&self, now: Nanos) -> Option<(&Notice, Nanos)> {
        let age = self.since.map_or(0, |since| now.saturating_sub(since).max(0));
        self.shown.as_ref().map(|notice| (notice, age))
    }

    /// The next moment its age changes.
    pub(super) fn wants_tick(&self, now: Nanos) -> Option<Nanos> {
        let _ = self.shown.as_ref()?;
        Some(if self.since.is_none() {
            now
        } else {
            now.saturating_add(1_000_000_000)
        })
    }
}
