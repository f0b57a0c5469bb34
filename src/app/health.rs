//! The log's own health as one text: what calls lack, since when, and what else keeps a bad answer from being found.
//!
//! It lies over the sources and has their place on the screen.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::insight::health::{Gap, gaps, unpriced};
use crate::model::query::{Health as Found, Query, Window};
use crate::model::span::Nanos;
use crate::model::text;
use crate::model::usage::Convention;
use crate::pricing::Prices;

use super::layout::Focus;
use super::viewer::{Page, Scroll, Tone, Viewer};
use super::{Action, App, Effect, Pane};

/// While lines arrive it is asked for at most so often: it reads every call.
const PACE: Nanos = 10_000_000_000;

/// The pane.
#[derive(Debug, Default)]
pub struct Health {
    viewer: Viewer,
    loaded: bool,
    asked: Option<Nanos>,
}

impl Health {
    /// The text, as far as it is visible.
    #[must_use]
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// An answer is there.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.loaded
    }

    pub(super) const fn viewer_mut(&mut self) -> &mut Viewer {
        &mut self.viewer
    }

    /// When it may be asked for next.
    pub(super) fn next(&self, now: Nanos) -> Nanos {
        self.asked.map_or(now, |asked| asked.saturating_add(PACE))
    }
}

impl App {
    /// The log's health, while it is open.
    #[must_use]
    pub const fn health(&self) -> Option<&Health> {
        self.health.as_ref()
    }

    pub(super) fn toggle_health(&mut self) {
        if self.health.take().is_some() {
            self.asks.forget(Pane::Health);
            self.wish.focus = Focus::List;
            return;
        }
        self.health = Some(Health::default());
        self.wish.focus = Focus::Sources;
        self.wish.zoom = false;
        self.asks.soil(Pane::Health);
    }

    /// Asks when the pane is open, its answer out of date and the pace kept.
    pub(super) fn ask_due_health(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        let Some(health) = self.health.as_mut().filter(|health| health.next(now) <= now) else {
            return;
        };
        if self.asks.due(Pane::Health) {
            health.asked = Some(now);
            let query = Query::Health {
                filter: self.filter.clone(),
                window: self.window,
            };
            effects.push(self.asks.ask(Pane::Health, query));
        }
    }

    pub(super) fn health_arrived(&mut self, answer: Result<Box<Found>, String>) {
        let Some(health) = &mut self.health else { return };
        let page = match answer {
            Ok(found) => {
                let narrowed = !self.filter.is_all() || self.window != Window::default();
                page(&found, narrowed, &self.prices, &self.timezone)
            }
            Err(message) => {
                let mut page = Page::default();
                page.line(Tone::Error, &message);
                page
            }
        };
        health.viewer.write(page, health.loaded);
        health.loaded = true;
    }

    /// What an action does while the text has the keys; false when it does there what it does everywhere.
    pub(super) fn act_on_health(&mut self, action: Action) -> bool {
        let Some(health) = &mut self.health else { return false };
        let viewer = &mut health.viewer;
        match action {
            Action::ToggleHealth
            | Action::TogglePrompts
            | Action::ToggleSessions
            | Action::Back
            | Action::Leave
            | Action::Help
            | Action::Search
            | Action::NextMatch
            | Action::PreviousMatch => {
                return false;
            }
            Action::Refresh => {
                health.asked = None;
                self.asks.soil(Pane::Health);
            }
            Action::ToggleSources => {
                self.toggle_health();
                self.toggle_sources();
            }
            Action::ToggleCosts => {
                self.toggle_health();
                return false;
            }
            Action::NextPane | Action::PreviousPane => self.toggle_health(),
            Action::Wrap => viewer.toggle_wrap(),
            Action::ScrollLeft => viewer.scroll(Scroll::Columns(-8)),
            Action::ScrollRight => viewer.scroll(Scroll::Columns(8)),
            Action::Top => viewer.scroll(Scroll::Top),
            Action::Bottom => viewer.scroll(Scroll::Bottom),
            _ => {
                if let Some(scroll) = Scroll::of(action) {
                    viewer.scroll(scroll);
                }
            }
        }
        true
    }
}

/// The text, the gravest first: what is lost for good stands before what is merely inconvenient.
fn page(health: &Found, narrowed: bool, prices: &Prices, zone: &TimeZone) -> Page {
    let mut page = Page::default();
    let calls: u64 = health.rows.iter().map(|row| row.calls).sum();
    let gaps = gaps(health);
    page.push(Tone::Number, &calls.to_string())
        .line(Tone::Text, if calls == 1 { " model call" } else { " model calls" });
    if gaps.is_empty() && calls > 0 {
        page.line(Tone::Text, "Nothing is missing in them.");
    }
    if calls == 0 {
        let next = match (narrowed, health.tally.lines) {
            (true, _) => "None is among what the filter and the time let through; Esc in the list clears the filter.".to_owned(),
            (false, 0) => "No line has been read yet. L shows the sources and why one cannot be read.".to_owned(),
            (false, lines) => format!(
                "{lines} line{} read, and no call recognised in {}. L shows what they are and which were rejected; `spanscope formats` lists \
                 what is recognised, --dialect NAME insists on one, [dialect.NAME] in the settings describes one of your own.",
                text::plural(lines),
                if lines == 1 { "it" } else { "them" }
            ),
        };
        page.line(Tone::Text, &next);
    }
    let mut day = None;
    for gap in &gaps {
        if day != Some(gap.day) {
            day = Some(gap.day);
            page.gap()
                .line(Tone::Heading, &format!("{} (UTC)", time(gap.day, &TimeZone::UTC, "%Y-%m-%d")));
        }
        page.hang(2);
        sentence(&mut page, gap, zone);
    }
    let unpriced = unpriced(&health.models, prices);
    if !unpriced.is_empty() {
        page.gap().line(Tone::Heading, "without a price");
    }
    for row in &unpriced {
        let tokens = text::tokens(row.usage.total());
        page.hang(2)
            .push(Tone::Warning, row.model.as_deref().unwrap_or("no model was logged"));
        if let Some(provider) = &row.provider {
            page.push(Tone::Dim, &format!(" of {provider}"));
        }
        page.line(
            Tone::Text,
            &format!(": {} call{}, {tokens} tokens", row.calls, text::plural(row.calls)),
        );
    }
    if !health.conventions.is_empty() {
        page.gap().line(Tone::Heading, "whether input includes cached tokens");
    }
    for row in &health.conventions {
        let (tone, means) = match row.convention {
            Convention::Inclusive => (Tone::Text, "it does"),
            Convention::Exclusive => (Tone::Text, "it does not"),
            Convention::Unknown => (Tone::Warning, "not known; the lower reading is billed"),
        };
        let by = match (row.by_user, row.by_figures) {
            (true, _) => ", as set for the source",
            (_, true) => ", as the figures show",
            (false, false) => "",
        };
        page.hang(2)
            .push(Tone::Label, &row.dialect)
            .push(tone, &format!(": {means}{by}"))
            .line(Tone::Dim, &format!(" ({} record{})", row.records, text::plural(row.records)));
    }
    if !health.tally.rejects.is_empty() {
        page.gap().line(Tone::Heading, "rejected lines");
    }
    for (reason, lines) in &health.tally.rejects {
        page.hang(2)
            .push(Tone::Warning, &lines.to_string())
            .line(Tone::Text, &format!(" of {} lines: {reason}", health.tally.lines));
    }
    if !health.previews.is_empty() {
        page.gap().line(Tone::Heading, "only a beginning was logged");
    }
    for (feature, contents) in &health.previews {
        let feature = feature.as_deref().unwrap_or("calls without a feature");
        page.push(Tone::Warning, &contents.to_string())
            .line(Tone::Text, &format!(" payloads of {feature}"));
    }
    page
}

/// `prompt missing in 31 % of search calls since 12:40 (31 of 100)`.
fn sentence(page: &mut Page, gap: &Gap, zone: &TimeZone) {
    let share = match gap.share() {
        1000 => "all".to_owned(),
        share if share < 10 => format!("0.{share}% of"),
        share => format!("{}% of", share / 10),
    };
    let tone = if gap.is_grave() { Tone::Warning } else { Tone::Text };
    page.push(tone, &gap.capture.name().replace('_', " "))
        .push(Tone::Text, &format!(" missing in {share} "))
        .push(
            Tone::Label,
            &gap.feature
                .as_ref()
                .map_or_else(|| "calls without a feature".to_owned(), |name| format!("{name} calls")),
        )
        .push(Tone::Text, &format!(" since {}", time(gap.since, zone, "%H:%M")))
        .line(Tone::Dim, &format!(" ({} of {})", gap.missing, gap.calls_since));
}

fn time(at: Nanos, zone: &TimeZone, format: &str) -> String {
    Timestamp::from_nanosecond(i128::from(at)).map_or_else(
        |_| String::new(),
        |moment| moment.to_zoned_datetime(zone.clone()).strftime(format).to_string(),
    )
}
