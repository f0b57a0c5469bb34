//! A page that explains something at length: why a feature is dear, or which system prompts are in use. It lies over the sources and has
//! their place on the screen. Stretches of it can be opened: the cursor goes from one to the next.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::insight::advice::advise;
use crate::insight::anomaly::{Cause, Seen, causes, multiple, reach};
use crate::insight::diff;
use crate::model::anomaly::{Baseline, Judging, times};
use crate::model::filter::{ANOMALY, Field, Filter, Had, Pattern};
use crate::model::query::{CostKey, PromptRow, Query, Spike};
use crate::model::span::Nanos;
use crate::model::text::{self, plural};
use crate::model::usage::{Cost, CostBasis};
use crate::pricing::Prices;

use super::layout::Focus;
use super::viewer::{Page, Scroll, Tone, Viewer};
use super::{Action, App, Effect, Notice, Pane, comparison};

/// System prompts shown at most.
const MOST_PROMPTS: u32 = 50;
/// Letters of a prompt that are shown: enough to tell it from others.
const BEGINNING: usize = 400;
/// Letters of a prompt that are compared with another one.
const COMPARED: usize = 200_000;

/// What the page is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Why a feature is dear.
    Spike(Option<String>),
    /// Which system prompts are in use.
    Prompts,
}

/// What a stretch of the page opens.
#[derive(Clone, Debug, PartialEq)]
enum Opens {
    /// Whatever passes this besides the list's own filter.
    All(Filter),
    /// This one interaction.
    One(String),
    /// The users of a system prompt: the row of this number.
    Prompt(usize),
}

/// A page and what its stretches open, from top to bottom.
#[derive(Debug, Default)]
struct Written {
    page: Page,
    entries: Vec<(Range<usize>, Opens)>,
}

impl Written {
    /// Makes what was written since `from` one stretch.
    fn opens(&mut self, from: usize, opens: Opens) {
        self.entries.push((from..self.page.text.len(), opens));
    }
}

/// The pane.
#[derive(Debug)]
pub struct Sheet {
    topic: Topic,
    viewer: Viewer,
    loaded: bool,
    entries: Vec<(Range<usize>, Opens)>,
    /// The stretch under the cursor.
    at: usize,
    /// The system prompts shown, and whether there are more.
    prompts: (Vec<PromptRow>, bool),
    /// Of one of them what changed is shown instead.
    changes: bool,
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

    /// The stretch under the cursor.
    #[must_use]
    pub fn selected(&self) -> Option<&Range<usize>> {
        self.entries.get(self.at).map(|(stretch, _)| stretch)
    }

    /// What changed in a system prompt is shown.
    #[must_use]
    pub const fn is_changes(&self) -> bool {
        self.changes
    }

    /// Moves the cursor to the next stretch, or the one before; false where there is none.
    fn step(&mut self, forward: bool) -> bool {
        let next = if forward { Some(self.at + 1) } else { self.at.checked_sub(1) };
        let Some((stretch, _)) = next.and_then(|next| self.entries.get(next)) else {
            return false;
        };
        self.viewer.bring(stretch);
        self.at = next.unwrap_or_default();
        true
    }

    fn write(&mut self, written: Written) {
        self.viewer.write(written.page, self.loaded);
        self.entries = written.entries;
        self.at = self.at.min(self.entries.len().saturating_sub(1));
        self.loaded = true;
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

    /// The medians are here: they go into their file.
    pub(super) fn baselines_arrived(&mut self, found: BTreeMap<String, Baseline>, effects: &mut Vec<Effect>) {
        if found.is_empty() {
            let least = self.judging.rule.minimum;
            self.notices.say(Notice::warn(format!(
                "no baselines are saved: no feature has {least} interactions with a known cost"
            )));
        } else {
            effects.push(Effect::SaveBaselines(found));
        }
    }

    fn open_sheet(&mut self, topic: Topic) {
        if self.health.is_some() {
            self.toggle_health();
        }
        self.sheet = Some(Sheet {
            topic,
            viewer: Viewer::default(),
            loaded: false,
            entries: Vec::new(),
            at: 0,
            prompts: (Vec::new(), false),
            changes: false,
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
        let written = spike_page(spike, &self.judging, &self.prices, self.status.sums_lack_lines(), &self.timezone);
        if let Some(sheet) = &mut self.sheet {
            sheet.write(written);
        }
    }

    pub(super) fn prompts_arrived(&mut self, rows: Vec<PromptRow>, more: bool) {
        let Some(sheet) = &mut self.sheet else { return };
        sheet.prompts = (rows, more);
        if !sheet.changes {
            sheet.write(prompts_page(&sheet.prompts.0, more, &self.timezone));
        }
    }

    pub(super) fn sheet_failed(&mut self, message: &str) {
        let mut written = Written::default();
        written.page.line(Tone::Error, message);
        if let Some(sheet) = &mut self.sheet {
            sheet.write(written);
        }
    }

    /// Shows what changed in the system prompt under the cursor since the one before it, or the list of them again.
    fn toggle_changes(&mut self) {
        let Some(sheet) = &mut self.sheet else { return };
        if sheet.changes {
            sheet.changes = false;
            sheet.loaded = false;
            let at = sheet.at;
            sheet.write(prompts_page(&sheet.prompts.0, sheet.prompts.1, &self.timezone));
            sheet.at = at.min(sheet.entries.len().saturating_sub(1));
            if let Some((stretch, _)) = sheet.entries.get(sheet.at) {
                sheet.viewer.bring(stretch);
            }
            return;
        }
        let (rows, more) = &sheet.prompts;
        let Some(own) = rows.get(sheet.at) else { return };
        match before(rows, sheet.at) {
            Some(old) => {
                let written = changes_page(own, old, &self.timezone);
                let at = sheet.at;
                sheet.changes = true;
                sheet.loaded = false;
                sheet.write(written);
                sheet.at = at;
            }
            None => self.notices.say(Notice::info(if *more {
                "no system prompt that its features used before is among those shown"
            } else {
                "its features had no other system prompt before"
            })),
        }
    }

    /// What an action does while the page has the keys; false when it does there what it does everywhere.
    pub(super) fn act_on_sheet(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        let Some(sheet) = &mut self.sheet else { return false };
        if matches!(action, Action::Down | Action::Up) && !sheet.changes && sheet.step(action == Action::Down) {
            return true;
        }
        let viewer = &mut sheet.viewer;
        match action {
            Action::TogglePrompts if sheet.topic != Topic::Prompts => {
                self.sheet = None;
                self.toggle_prompts(effects);
            }
            Action::Compare if sheet.topic == Topic::Prompts => self.toggle_changes(),
            Action::Back | Action::Leave if sheet.changes => self.toggle_changes(),
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
            Action::Open => self.open_stretch(),
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

    /// Opens what is under the cursor: rows of the list, or one interaction with its spans.
    fn open_stretch(&mut self) {
        let Some(sheet) = &self.sheet else { return };
        let Some((_, opens)) = sheet.entries.get(sheet.at).filter(|_| !sheet.changes) else {
            return;
        };
        let mut then = None;
        let filter = match opens {
            Opens::All(filter) => self.filter.clone().and(filter.clone()),
            Opens::One(id) => {
                then = Some(Action::Open);
                Filter::Is(Field::Trace, Pattern(id.clone()))
            }
            Opens::Prompt(row) => {
                let Some(row) = sheet.prompts.0.get(*row) else { return };
                self.filter.clone().and(Filter::Is(Field::Prompt, Pattern(row.id.clone())))
            }
        };
        let text = filter.to_string();
        self.leave_sheet();
        self.wish.focus = Focus::List;
        self.set_filter(filter, text);
        self.meant = then;
    }
}

/// The dear interactions of a feature.
fn dear(feature: Option<&str>) -> Filter {
    let own = feature.map_or_else(
        || Filter::Not(Box::new(Filter::Has(Had::Field(Field::Feature)))),
        |name| Filter::Is(Field::Feature, Pattern(name.to_owned())),
    );
    own.and(Filter::Is(Field::Finding, Pattern(ANOMALY.to_owned())))
}

/// The system prompt that came before one: of those that share a feature with it and were in use earlier, the one that still was when this one
/// came, or was until shortly before.
fn before(rows: &[PromptRow], at: usize) -> Option<&PromptRow> {
    let own = rows.get(at)?;
    let shares = |row: &&PromptRow| row.features.iter().any(|name| own.features.contains(name)) || row.features == own.features;
    let earlier = rows.iter().filter(shares).filter(|row| row.first < own.first);
    earlier.max_by_key(|row| (row.last.min(own.first), row.first))
}

fn money(cost: Option<Cost>) -> String {
    text::money(cost, CostBasis::Computed)
}

/// What is dear, since when, and what it has more of than is usual.
fn spike_page(spike: &Spike, judging: &Judging, prices: &Prices, partial: bool, zone: &TimeZone) -> Written {
    let mut written = Written::default();
    let page = &mut written.page;
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
            written.opens(0, Opens::All(dear(spike.feature.as_deref())));
        }
    }
    let page = &mut written.page;
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
            let from = written.page.text.len();
            let shown = spike.dear.iter().find(|peer| peer.trace.row.trace == shown_by);
            let id = shown.map(|peer| peer.trace.row.trace_id.clone());
            written.page.hang(2).push(Tone::Warning, "▲ ").push(Tone::Text, &says);
            written
                .page
                .line(Tone::Dim, &id.as_ref().map_or_else(String::new, |id| format!("  (such as {id})")));
            if let Some(id) = id {
                written.opens(from, Opens::One(id));
            }
        }
        written.page.line(
            Tone::Dim,
            "Enter opens the example of a cause, and on the first line all that are dear.",
        );
    }
    cheaper(spike, prices, &mut written.page);
    let page = &mut written.page;
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
    written
}

/// What would make the feature cheaper: the three answers there are to a dear feature, each with what the log says for it.
fn cheaper(spike: &Spike, prices: &Prices, page: &mut Page) {
    let all: Vec<Seen<'_>> = spike.dear.iter().chain(&spike.usual).map(Seen::from).collect();
    if all.is_empty() {
        return;
    }
    page.gap().line(
        Tone::Heading,
        &format!("what would make it cheaper, by {} of its interactions", all.len()),
    );
    for advice in advise(&all, &spike.models, prices) {
        page.hang(2)
            .push(Tone::Label, advice.what)
            .line(Tone::Text, &format!(": {}", advice.says));
    }
    page.line(
        Tone::Dim,
        "What an answer is worth is not logged: whether these are good enough, only a trial tells.",
    );
}

/// Each system prompt with who used it, and how it begins.
fn prompts_page(rows: &[PromptRow], more: bool, zone: &TimeZone) -> Written {
    let mut written = Written::default();
    let page = &mut written.page;
    if rows.is_empty() {
        page.line(Tone::Text, "No system prompt is logged with these interactions.")
            .line(Tone::Dim, "H shows what else calls lack, and since when.");
        return written;
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
    let once = rows.iter().filter(|row| row.interactions == 1).count() as u64;
    if once > 1 {
        let says = format!(
            "{once} of them were used by one interaction only. Where a date, a name or a document stands inside, each has a text of its own."
        );
        page.line(Tone::Warning, &says);
    }
    page.line(Tone::Dim, "Enter shows who used one, d what changed since the one before it.");
    for (nth, row) in rows.iter().enumerate() {
        written.page.gap();
        let from = written.page.text.len();
        let page = &mut written.page;
        let features = if row.features.is_empty() {
            "without a feature".to_owned()
        } else {
            row.features.join(", ")
        };
        page.hang(2)
            .push(Tone::Label, &features)
            .push(Tone::Number, &format!("  {}", row.id))
            .push(
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
        written.opens(from, Opens::Prompt(nth));
    }
    written
}

/// What changed from one system prompt to the next, word by word.
fn changes_page(own: &PromptRow, old: &PromptRow, zone: &TimeZone) -> Written {
    let mut written = Written::default();
    let page = &mut written.page;
    for (row, sign) in [(old, "-"), (own, "+")] {
        page.hang(2)
            .push(Tone::Number, &format!("{sign} {}", row.id))
            .line(Tone::Text, &format!("  {} to {}", time(row.first, zone), time(row.last, zone)));
    }
    page.gap();
    if own.text.len().max(old.text.len()) > COMPARED {
        page.line(Tone::Text, "They are too long to be compared word by word.");
        return written;
    }
    comparison::words(page, &diff::words(&old.text, &own.text));
    page.line(Tone::Text, "");
    page.gap().line(Tone::Dim, "Esc leads back to the list of them.");
    written
}

fn time(at: Nanos, zone: &TimeZone) -> String {
    Timestamp::from_nanosecond(i128::from(at)).map_or_else(
        |_| String::new(),
        |moment| moment.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
