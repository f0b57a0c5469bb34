//! A page that explains something at length: why a feature is dear, or which system prompts are in use. It lies over the sources and has
//! their place on the screen.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::insight::anomaly::{Cause, Seen, causes, multiple, reach};
use crate::model::anomaly::{Judging, times};
use crate::model::filter::{ANOMALY, Field, Filter, Had, Pattern};
use crate::model::query::{CostKey, PromptRow, Query, Spike};
use crate::model::span::Nanos;
use crate::model::text::{self, plural};
use crate::model::usage::{Cost, CostBasis};

use super::layout::Focus;
use super::viewer::{Page, Scroll, Tone, Viewer};
use super::{Action, App, Effect, Notice, Pane};

/// System prompts shown at most.
const MOST_PROMPTS: u32 = 50;
/// Letters of a prompt that are shown: enough to tell it from others.
const BEGINNING: usize = 400;

/// What the page is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Why a feature is dear.
    Spike(Option<String>),
    /// Which system prompts are in use.
    Prompts,
}

/// The pane.
#[derive(Debug)]
pub struct Sheet {
    topic: Topic,
    viewer: Viewer,
    loaded: bool,
}

impl Sheet {
    /// What the page is about.
    #[must_use]
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

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
}

impl App {
    /// The page that explains something, while it is open.
    #[must_use]
    pub const fn sheet(&self) -> Option<&Sheet> {
        self.sheet.as_ref()
    }

    /// Explains the costs of the feature under the cursor of the panel.
    pub(super) fn explain(&mut self, effects: &mut Vec<Effect>) {
        if self.costs.by() != CostKey::Feature {
            self.notices.say(Notice::info("costs are judged by feature: K leads back to it"));
            return;
        }
        let Some(row) = self.costs.rows().get(self.costs.at()) else {
            return;
        };
        let feature = row.key.clone();
        let window = self.costs.window(self.window, self.now, &self.timezone);
        self.open_sheet(Topic::Spike(feature.clone()));
        effects.push(self.asks.ask(Pane::Sheet, Query::Spike { feature, window }));
    }

    pub(super) fn toggle_prompts(&mut self, effects: &mut Vec<Effect>) {
        if self.sheet.as_ref().is_some_and(|sheet| sheet.topic == Topic::Prompts) {
            return self.leave_sheet();
        }
        self.open_sheet(Topic::Prompts);
        self.ask_for_prompts(effects);
    }

    fn ask_for_prompts(&mut self, effects: &mut Vec<Effect>) {
        let query = Query::Prompts {
            filter: self.filter.clone(),
            window: self.window,
            limit: MOST_PROMPTS,
        };
        effects.push(self.asks.ask(Pane::Sheet, query));
    }

    fn open_sheet(&mut self, topic: Topic) {
        if self.health.is_some() {
            self.toggle_health();
        }
        self.sheet = Some(Sheet {
            topic,
            viewer: Viewer::default(),
            loaded: false,
        });
        self.wish.focus = Focus::Sources;
        self.wish.zoom = false;
    }

    /// Back to where it was opened.
    pub(super) fn leave_sheet(&mut self) {
        let from = self.sheet.take().map(|sheet| sheet.topic);
        self.asks.forget(Pane::Sheet);
        self.wish.focus = match from {
            Some(Topic::Spike(_)) => Focus::Costs,
            Some(Topic::Prompts) | None => Focus::List,
        };
    }

    pub(super) fn spike_arrived(&mut self, spike: &Spike) {
        let page = spike_page(spike, &self.judging, self.status.sums_lack_lines(), &self.timezone);
        self.sheet_written(page);
    }

    pub(super) fn prompts_arrived(&mut self, rows: &[PromptRow], more: bool) {
        let page = prompts_page(rows, more, &self.timezone);
        self.sheet_written(page);
    }

    pub(super) fn sheet_failed(&mut self, message: &str) {
        let mut page = Page::default();
        page.line(Tone::Error, message);
        self.sheet_written(page);
    }

    fn sheet_written(&mut self, page: Page) {
        let Some(sheet) = &mut self.sheet else { return };
        sheet.viewer.write(page, sheet.loaded);
        sheet.loaded = true;
    }

    /// What an action does while the page has the keys; false when it does there what it does everywhere.
    pub(super) fn act_on_sheet(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        let Some(sheet) = &mut self.sheet else { return false };
        let viewer = &mut sheet.viewer;
        match action {
            Action::TogglePrompts if sheet.topic != Topic::Prompts => {
                self.sheet = None;
                self.toggle_prompts(effects);
            }
            Action::TogglePrompts
            | Action::ToggleSessions
            | Action::Back
            | Action::Leave
            | Action::Help
            | Action::Search
            | Action::NextMatch
            | Action::PreviousMatch => return false,
            Action::Refresh => match sheet.topic.clone() {
                Topic::Spike(feature) => {
                    let window = self.costs.window(self.window, self.now, &self.timezone);
                    effects.push(self.asks.ask(Pane::Sheet, Query::Spike { feature, window }));
                }
                Topic::Prompts => self.ask_for_prompts(effects),
            },
            Action::Open => {
                if let Topic::Spike(feature) = sheet.topic.clone() {
                    self.open_dear(feature);
                }
            }
            Action::ToggleSources | Action::ToggleHealth | Action::ToggleCosts => {
                self.leave_sheet();
                return false;
            }
            Action::NextPane | Action::PreviousPane | Action::Explain => self.leave_sheet(),
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

    /// The dear interactions of a feature, as rows of the list.
    fn open_dear(&mut self, feature: Option<String>) {
        let own = feature.map_or_else(
            || Filter::Not(Box::new(Filter::Has(Had::Field(Field::Feature)))),
            |name| Filter::Is(Field::Feature, Pattern(name)),
        );
        let dear = Filter::Is(Field::Finding, Pattern(ANOMALY.to_owned()));
        let filter = self.filter.clone().and(own).and(dear);
        let text = filter.to_string();
        self.leave_sheet();
        self.wish.focus = Focus::List;
        self.set_filter(filter, text);
    }
}

fn money(cost: Option<Cost>) -> String {
    text::money(cost, CostBasis::Computed)
}

/// What is dear, since when, and what it has more of than is usual.
fn spike_page(spike: &Spike, judging: &Judging, partial: bool, zone: &TimeZone) -> Page {
    let mut page = Page::default();
    let name = spike.feature.as_deref().unwrap_or("without a feature");
    page.push(Tone::Label, name);
    match (spike.baseline, spike.count) {
        (None, _) => {
            page.line(
                Tone::Text,
                &format!(
                    ": not judged. {} interaction{} with a known cost, and {} are needed in the {} before one to have a baseline.",
                    spike.priced,
                    plural(spike.priced),
                    judging.rule.minimum,
                    reach(judging)
                ),
            );
            page.line(
                Tone::Dim,
                "Baselines of another host can stand in: `spanscope cost --save-baselines` there, and the file beside the settings here.",
            );
        }
        (Some(baseline), 0) => {
            page.line(
                Tone::Text,
                &format!(
                    ": nothing costs more than {} the median {} of {} interactions.",
                    multiple(judging),
                    money(Some(baseline.p50)),
                    baseline.samples
                ),
            );
        }
        (Some(baseline), count) => {
            page.push(Tone::Text, ": ")
                .push(Tone::Warning, &count.to_string())
                .push(
                    Tone::Text,
                    &format!(
                        " interaction{} cost more than {} the median of the {} before",
                        plural(count),
                        multiple(judging),
                        reach(judging)
                    ),
                )
                .push(
                    Tone::Text,
                    &format!(", {} of {} interactions", money(Some(baseline.p50)), baseline.samples),
                );
            if let Some(first) = spike.first {
                page.push(Tone::Text, &format!("; the first began {}", time(first, zone)));
            }
            page.line(Tone::Text, ".");
        }
    }
    if let (Some((mean, above)), Some(baseline)) = (spike.hour, spike.baseline) {
        let tone = if above { Tone::Warning } else { Tone::Text };
        let many = times(mean, baseline.p50).unwrap_or_else(|| "more than 0".to_owned());
        page.line(
            tone,
            &format!("The mean of its last hour is {}: {many} × that median.", money(Some(mean))),
        );
    }
    if partial {
        page.line(Tone::Dim, "Older lines are still missing: a baseline may move.");
    }
    if !spike.dear.is_empty() {
        let dear: Vec<Seen<'_>> = spike.dear.iter().map(Seen::from).collect();
        let usual: Vec<Seen<'_>> = spike.usual.iter().map(Seen::from).collect();
        page.gap().line(
            Tone::Heading,
            &format!("what the newest {} have more of than {} usual ones", dear.len(), usual.len()),
        );
        let causes = causes(&dear, &usual);
        if causes.is_empty() {
            page.line(
                Tone::Text,
                "Nothing that the log shows: neither calls, history, documents, model, cache nor repeated text.",
            );
        }
        for Cause { says, shown_by } in causes {
            let id = spike.dear.iter().find(|peer| peer.trace.row.trace == shown_by);
            page.push(Tone::Warning, "▲ ").push(Tone::Text, &says);
            page.line(
                Tone::Dim,
                &id.map_or_else(String::new, |peer| format!("  (such as {})", peer.trace.row.trace_id)),
            );
        }
        page.line(Tone::Dim, "Enter shows them in the list.");
    }
    if spike.logged_count > 0 {
        page.gap().line(
            Tone::Heading,
            &format!(
                "what the log itself says: {} cost_anomaly line{}",
                spike.logged_count,
                plural(spike.logged_count)
            ),
        );
    }
    for line in &spike.logged {
        page.push(Tone::Dim, &format!("{}  ", time(line.at, zone))).line(
            Tone::Text,
            &format!("cost {}, baseline {}, ratio {}", line.cost, line.baseline, line.ratio),
        );
    }
    page
}

/// Each system prompt with who used it, and how it begins.
fn prompts_page(rows: &[PromptRow], more: bool, zone: &TimeZone) -> Page {
    let mut page = Page::default();
    if rows.is_empty() {
        page.line(Tone::Text, "No system prompt is logged with these interactions.")
            .line(Tone::Dim, "H shows what else calls lack, and since when.");
        return page;
    }
    let count = rows.len() as u64;
    let latest = if more { "The " } else { "" };
    page.push(Tone::Number, &format!("{latest}{count}")).line(
        Tone::Text,
        &format!(
            " system prompt{}{}",
            plural(count),
            if more { " used last" } else { ", the one used last first" }
        ),
    );
    for row in rows {
        let features = if row.features.is_empty() {
            "without a feature".to_owned()
        } else {
            row.features.join(", ")
        };
        page.gap().push(Tone::Label, &features).push(
            Tone::Text,
            &format!(
                "  {} to {}  {} interaction{}  {} call{}  ",
                time(row.first, zone),
                time(row.last, zone),
                row.interactions,
                plural(row.interactions),
                row.calls,
                plural(row.calls)
            ),
        );
        page.push(Tone::Cost, &money(row.cost));
        let tone = if row.with_finding > 0 { Tone::Warning } else { Tone::Dim };
        page.line(tone, &format!("  {} with a finding", row.with_finding));
        let beginning: String = row.text.chars().take(BEGINNING).collect();
        page.push(Tone::System, &beginning);
        let left = row.text.chars().count().saturating_sub(BEGINNING);
        page.line(
            Tone::Dim,
            &if left > 0 {
                format!(" … {left} more characters")
            } else {
                String::new()
            },
        );
    }
    page
}

fn time(at: Nanos, zone: &TimeZone) -> String {
    Timestamp::from_nanosecond(i128::from(at)).map_or_else(
        |_| String::new(),
        |moment| moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
