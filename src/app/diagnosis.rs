//! The diagnosis of one interaction: gathered step by step (spans, contents, what came before), then a screen of lines, each of which
//! opens its evidence.

use crate::insight::diagnose::{Case, Diagnosis as Told, Lead, Place, diagnose};
use crate::insight::usual::{MOST, WEEK};
use crate::model::content::Contents;
use crate::model::query::{Peers, Query};
use crate::model::span::{SpanKey, TraceKey};
use crate::model::text::{self, Safe};

use super::inspector::Tab;
use super::layout::Focus;
use super::moves::scrolled;
use super::tree::Spans;
use super::{Action, App, Effect, Notice, Pane};

/// Columns before the words of a check: sign, name of the step.
pub const INDENT: usize = 17;
/// Columns before what was asked and answered.
const SAID: usize = 10;

/// The screen.
#[derive(Debug, Default)]
pub struct Diagnosis {
    trace: TraceKey,
    contents: Option<Vec<(SpanKey, Contents)>>,
    peers: Option<Box<Peers>>,
    told: Option<Told>,
    error: Option<String>,
    /// Where the cursor is: 0 is the verdict, then come the checks.
    at: usize,
    top: usize,
}

/// One row of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub kind: RowKind,
    /// Its words, after `INDENT` columns where it belongs to a check.
    pub words: Safe,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// What was asked and answered.
    Said,
    /// The verdict.
    Verdict,
    /// What else is suspect.
    Also,
    /// A row of the check of this number; the first also shows its sign and, where it changes, its step.
    Check {
        /// Its number.
        index: usize,
        /// It is the check's first row.
        first: bool,
    },
    /// Nothing.
    Blank,
}

impl Diagnosis {
    /// What was found out; `None` while it is gathered.
    #[must_use]
    pub const fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Why it cannot be shown.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Whether the cursor stands on a row of this kind.
    #[must_use]
    pub const fn is_at(&self, kind: RowKind) -> bool {
        match kind {
            RowKind::Verdict => self.at == 0,
            RowKind::Check { index, .. } => self.at == index + 1,
            RowKind::Said | RowKind::Also | RowKind::Blank => false,
        }
    }

    /// The first row on the screen.
    #[must_use]
    pub const fn top(&self) -> usize {
        self.top
    }

    /// All rows at this width.
    #[must_use]
    pub fn rows(&self, width: usize) -> Vec<Row> {
        let Some(told) = &self.told else { return Vec::new() };
        let mut rows = Vec::new();
        let mut add = |kind: RowKind, text: &str, indent: usize| {
            rows.extend(wrapped(text, width, indent).into_iter().map(|words| Row { kind, words }));
        };
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "not logged".into());
        let row = &told.row;
        let head = format!(
            "{}  {}  {}",
            row.feature.as_deref().unwrap_or("feature not logged"),
            row.user.as_deref().unwrap_or("user not logged"),
            text::money(row.cost, row.cost_basis)
        );
        add(RowKind::Said, &head, 2);
        add(RowKind::Said, &format!("asked     {}", or(&told.question)), SAID);
        add(RowKind::Said, &format!("answered  {}", or(&told.answer)), SAID);
        add(RowKind::Blank, "", 0);
        add(RowKind::Verdict, &told.verdict, 2);
        for words in &told.also {
            add(RowKind::Also, &format!("also suspect: {words}"), 2);
        }
        add(RowKind::Blank, "", 0);
        for (index, check) in told.checks.iter().enumerate() {
            for (line, words) in wrapped(&check.says, width.saturating_sub(INDENT), 0).into_iter().enumerate() {
                let kind = RowKind::Check { index, first: line == 0 };
                rows.push(Row { kind, words });
            }
        }
        rows
    }

    /// Puts the cursor on a check and brings it into sight.
    fn stand_on(&mut self, at: usize, width: usize, height: usize) {
        let count = self.told.as_ref().map_or(0, |told| told.checks.len());
        self.at = at.min(count);
        let rows = self.rows(width);
        let own = |row: &Row| self.is_at(row.kind);
        let (Some(first), Some(last)) = (rows.iter().position(own), rows.iter().rposition(own)) else {
            return;
        };
        // What was said is read together with the verdict.
        let first = if self.at == 0 { 0 } else { first };
        let lowest = (last + 1).saturating_sub(height.max(1));
        self.top = self.top.clamp(lowest.min(first), first);
        self.top = self.top.min(rows.len().saturating_sub(height.max(1)));
    }
}

/// A text in rows of so many columns, broken between words where that is possible; rows after the first are set in.
fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<Safe> {
    let columns = columns.max(8 + indent);
    let safe = Safe::line(&text.replace(['\n', '\r'], " "));
    let mut rows = vec![String::new()];
    let (mut used, mut begun) = (0, 0);
    for word in safe.as_str().split_inclusive(' ') {
        let width = text::width(word.trim_end());
        if used > begun && used + width > columns {
            rows.push(" ".repeat(indent));
            (used, begun) = (indent, indent);
        }
        for letter in word.chars() {
            let width = text::width(letter.encode_utf8(&mut [0; 4]));
            if used + width > columns && letter != ' ' {
                rows.push(" ".repeat(indent));
                (used, begun) = (indent, indent);
            }
            used += width;
            if let Some(row) = rows.last_mut() {
                row.push(letter);
            }
        }
    }
    rows.iter().map(|row| Safe::line(row.trim_end())).collect()
}

impl App {
    /// The diagnosis that is open.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<&Diagnosis> {
        self.diagnosis.as_ref()
    }

    /// Opens the diagnosis of the interaction under the cursor.
    pub(super) fn open_diagnosis(&mut self, effects: &mut Vec<Effect>) {
        let Some(selected) = self.list.selected() else {
            self.notices.say(Notice::warn("nothing to diagnose: no interaction is selected"));
            return;
        };
        self.pause();
        let trace = selected.trace;
        self.trees.hold_anew(trace);
        self.diagnosis = Some(Diagnosis {
            trace,
            ..Diagnosis::default()
        });
        self.wish.focus = Focus::Diagnosis;
        self.wish.zoom = false;
        effects.push(self.asks.ask(Pane::Evidence, Query::Contents { trace, span: None }));
        effects.push(self.asks.ask(
            Pane::Peers,
            Query::Peers {
                trace,
                within: WEEK,
                limit: MOST,
            },
        ));
    }

    /// All contents of an interaction arrived.
    pub(super) fn evidence_arrived(&mut self, trace: TraceKey, contents: Vec<(SpanKey, Contents)>) {
        if let Some(open) = self.diagnosis.as_mut().filter(|open| open.trace == trace) {
            open.contents = Some(contents);
        }
        self.conclude();
    }

    /// What came before an interaction arrived.
    pub(super) fn peers_arrived(&mut self, trace: TraceKey, peers: Box<Peers>) {
        if let Some(open) = self.diagnosis.as_mut().filter(|open| open.trace == trace) {
            open.peers = Some(peers);
        }
        self.conclude();
    }

    /// Something it needs cannot be had.
    pub(super) fn evidence_failed(&mut self, message: String) {
        if let Some(open) = &mut self.diagnosis {
            open.error = Some(message);
        } else {
            self.comparison_failed(message);
        }
    }

    /// Runs the checks as soon as everything is here.
    pub(super) fn conclude(&mut self) {
        let Some(open) = &mut self.diagnosis else { return };
        let trace = match self.trees.get(open.trace).map(|held| &held.spans) {
            Some(Spans::Loaded(trace)) => trace,
            Some(Spans::Failed(message)) => {
                open.error = Some(message.clone());
                return;
            }
            Some(Spans::Gone) => {
                open.error = Some("the interaction is no longer in the store".into());
                return;
            }
            Some(Spans::Loading) | None => return,
        };
        let (Some(contents), Some(peers)) = (&open.contents, &open.peers) else {
            return;
        };
        let lead = if self.filter.is_all() {
            Lead::Id
        } else {
            Lead::Filter(self.filter_text.clone())
        };
        let told = diagnose(Case {
            trace,
            contents,
            peers,
            prices: &self.prices,
            judging: &self.judging,
            lead: &lead,
        });
        open.told = Some(told);
        self.settle_diagnosis();
    }

    /// Keeps the cursor in sight.
    pub(super) fn settle_diagnosis(&mut self) {
        if let (Some(open), Some(area)) = (&mut self.diagnosis, self.screen.diagnosis) {
            open.stand_on(open.at, usize::from(area.width), usize::from(area.height.saturating_sub(1)));
        }
    }

    /// Does an action while the diagnosis has the keys; false when it means there what it means everywhere.
    pub(super) fn act_on_diagnosis(&mut self, action: Action, effects: &mut Vec<Effect>) -> bool {
        let Some((open, area)) = self.diagnosis.as_mut().zip(self.screen.diagnosis) else {
            return false;
        };
        let (width, height) = (usize::from(area.width), usize::from(area.height.saturating_sub(1)));
        match action {
            Action::Top => open.stand_on(0, width, height),
            Action::Bottom => open.stand_on(usize::MAX, width, height),
            Action::Open => self.open_evidence(effects),
            Action::Copy | Action::CopyDiagnosis => match &open.told {
                Some(told) => effects.push(Effect::Copy {
                    what: "diagnosis",
                    bytes: told.markdown().into_bytes(),
                }),
                None => self.notices.say(Notice::warn("nothing to copy yet")),
            },
            Action::Back | Action::Leave | Action::Diagnose | Action::NextPane | Action::PreviousPane => self.leave_diagnosis(),
            Action::Help | Action::Redraw => return false,
            _ => {
                if let Some(step) = scrolled(action, height) {
                    open.stand_on(open.at.saturating_add_signed(step), width, height);
                }
            }
        }
        true
    }

    /// Back to the list.
    pub(super) fn leave_diagnosis(&mut self) {
        self.diagnosis = None;
        for pane in [Pane::Evidence, Pane::Peers] {
            self.asks.forget(pane);
        }
        self.wish.focus = Focus::List;
    }

    /// Opens what the check under the cursor rests on.
    fn open_evidence(&mut self, effects: &mut Vec<Effect>) {
        let Some(open) = &self.diagnosis else { return };
        let Some(told) = &open.told else { return };
        let at = match open.at.checked_sub(1) {
            None => told.at,
            Some(index) => told.checks.get(index).and_then(|check| check.at),
        };
        let Some((span, place)) = at else {
            self.notices.say(Notice::info("there is no one place that shows this"));
            return;
        };
        let trace = open.trace;
        self.leave_diagnosis();
        let tab = match place {
            Place::Prompt => Tab::Prompt,
            Place::Response => Tab::Response,
            Place::Documents => Tab::Documents,
            Place::Tools => Tab::Tools,
            Place::Parameters => Tab::Parameters,
            Place::Cost => Tab::Cost,
        };
        self.stand_on_span(trace, span);
        self.wish.inspector = true;
        self.wish.focus = Focus::Inspector;
        self.show_tab(tab, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_broken_between_them_and_none_is_lost() {
        let rows = |text: &str, columns| {
            wrapped(text, columns, 0)
                .iter()
                .map(|row| row.as_str().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(rows("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(rows("a-very-long-word x", 8), ["a-very-l", "ong-word", "x"]);
        assert_eq!(rows("", 9), [""]);
        assert_eq!(rows("日本語日本語", 8), ["日本語日", "本語"]);
        assert_eq!(rows("two\nlines", 20), ["two lines"]);
        let set_in = wrapped("asked  where is it, and a-very-long-word", 12, 4);
        let set_in: Vec<&str> = set_in.iter().map(Safe::as_str).collect();
        assert_eq!(set_in, ["asked  where", "    is it,", "    and", "    a-very-l", "    ong-word"]);
    }
}
