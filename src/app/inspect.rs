//! What the inspector shows follows the cursor, and what it lacks is asked for.

use crate::model::content::Contents;
use crate::model::moment::shown;
use crate::model::query::{Earlier, Query};
use crate::model::span::{Nanos, SpanKey, TraceKey};

use super::inspector::InspectorNeeds;
use super::layout::Focus;
use super::viewer::{Folding, Viewer};
use super::{Action, App, Effect, Notice, Open, Pane, Program};

/// While lines arrive it is asked at most so often what an interaction goes on from.
const PACE: Nanos = 2_000_000_000;

impl App {
    /// Shows in the inspector what the cursor stands on.
    pub(super) fn inspect(&mut self, effects: &mut Vec<Effect>) {
        if self.screen.inspector.is_none() {
            return;
        }
        let Some(selected) = self.list.selected() else {
            if self.inspected.take().is_some() {
                self.inspector.clear();
            }
            return;
        };
        let telling = || match self.trees.get(selected.trace) {
            Some(open) => open.telling(),
            None => self.trees.hold(selected.trace).telling(),
        };
        let span = selected.span.or_else(telling);
        let target = span.map(|span| (selected.trace, span));
        if target == self.inspected {
            return;
        }
        self.inspected = target;
        self.asks.forget(Pane::Contents);
        self.asks.forget(Pane::Earlier);
        self.earlier_asked = None;
        self.raw_asked = None;
        if target.is_some() {
            self.inspect_again(effects);
        } else {
            self.inspector.clear();
        }
    }

    pub(super) fn inspect_again(&mut self, effects: &mut Vec<Effect>) {
        let Some((key, span)) = self.inspected else { return };
        let Some(trace) = self.trees.get(key).and_then(Open::loaded) else {
            return;
        };
        let needs = self.inspector.show(trace, span, &self.prices);
        self.supply(needs, effects);
    }

    /// Asks for what the inspector needs, once.
    pub(super) fn supply(&mut self, needs: InspectorNeeds, effects: &mut Vec<Effect>) {
        let Some((trace, span)) = self.inspected else { return };
        if needs.contents {
            let query = Query::Contents {
                trace,
                span: (!needs.around).then_some(span),
            };
            if self.asks.under_way(Pane::Contents) != Some(&query) {
                effects.push(self.asks.ask(Pane::Contents, query));
            }
        }
        if let Some((trace, span)) = needs.beside {
            let query = Query::Contents { trace, span: Some(span) };
            if needs.grown || self.asks.under_way(Pane::Contents) != Some(&query) {
                effects.push(self.asks.ask(Pane::Contents, query));
            }
        }
        if let Some(origin) = needs.raw.filter(|origin| self.raw_asked != Some(*origin)) {
            self.raw_asked = Some(origin);
            effects.push(Effect::Raw(origin));
        }
    }

    /// Contents have come: of the span on show, with those of all others where these are few, or of one that its tab compares with.
    pub(super) fn contents_arrived(&mut self, asked: Option<SpanKey>, all: Vec<(SpanKey, Contents)>, effects: &mut Vec<Effect>) {
        let Some((_, span)) = self.inspected else { return };
        let wanted = asked.unwrap_or(span);
        if wanted == span {
            self.inspector.around(span, &all);
        }
        // A span without any contents has empty ones: it must not be asked for again.
        if !all.iter().any(|(key, _)| *key == wanted) {
            self.inspector.contents(wanted, Contents::default());
        }
        for (key, contents) in all {
            self.inspector.contents(key, contents);
        }
        let needs = self.inspector.needs();
        self.supply(needs, effects);
    }

    /// When it may be asked what the interaction on show goes on from; `None` while nothing depends on it.
    pub(super) fn earlier_due(&self) -> Option<Nanos> {
        let shown = self.screen.inspector.is_some() && self.inspected.is_some();
        let wanted = shown && self.inspector.wants_earlier() && self.asks.under_way(Pane::Earlier).is_none();
        wanted.then(|| self.earlier_asked.map_or(self.now, |asked| asked.saturating_add(PACE)))
    }

    /// Asks what the interaction on show goes on from.
    pub(super) fn ask_due_earlier(&mut self, effects: &mut Vec<Effect>) {
        let due = self.earlier_due().is_some_and(|due| due <= self.now);
        if let Some((trace, _)) = self.inspected.filter(|_| due) {
            self.earlier_asked = Some(self.now);
            self.inspector.asking_earlier();
            effects.push(self.asks.ask(Pane::Earlier, Query::Earlier(trace)));
        }
    }

    pub(super) fn earlier_arrived(&mut self, trace: TraceKey, found: Option<Box<Earlier>>, effects: &mut Vec<Effect>) {
        if self.inspected.is_none_or(|(inspected, _)| inspected != trace) {
            return;
        }
        let found = found.map(|earlier| (shown(earlier.start, self.now, &self.timezone), *earlier));
        let needs = self.inspector.earlier(found);
        self.supply(needs, effects);
    }

    /// Opens or folds what the prompt repeats.
    pub(super) fn toggle_repeated(&mut self) {
        if !self.inspector.toggle_repeated() {
            self.notices.say(Notice::info("nothing here repeats an earlier turn"));
        }
    }

    /// Folds or opens the JSON of the text shown.
    pub(super) fn fold_json(&mut self, action: Action) {
        let (folding, nothing) = match action {
            Action::FoldJson => (Folding::Less, "no JSON is open here to fold"),
            Action::OutlineJson => (Folding::Outline, "no JSON is open here to fold"),
            Action::UnfoldJson => (Folding::More, "nothing is folded here"),
            _ => (Folding::All, "nothing is folded here"),
        };
        if !self.inspector.viewer_mut().fold(folding) {
            self.notices.say(Notice::info(nothing));
        }
    }

    /// The text that has the keys, if it is one.
    pub(super) fn viewer_in_focus(&mut self) -> Option<&mut Viewer> {
        match self.wish.focus {
            Focus::Inspector => Some(self.inspector.viewer_mut()),
            Focus::Sources if self.sheet.is_some() => self.sheet.as_mut().map(super::sheet::Sheet::viewer_mut),
            Focus::Sources if self.health.is_some() => self.health.as_mut().map(super::Health::viewer_mut),
            Focus::Sources => self.reader_mut(),
            Focus::Comparison => self.comparison_viewer(),
            Focus::List | Focus::Costs | Focus::Timeline | Focus::Diagnosis => None,
        }
    }

    /// The text that is read goes to a program of the user's own.
    pub(super) fn show_outside(&mut self, program: Program, effects: &mut Vec<Effect>) {
        let name = match self.wish.focus {
            Focus::Inspector | Focus::List | Focus::Costs | Focus::Timeline => self.inspector.tab().title(),
            Focus::Comparison => "comparison",
            Focus::Sources if self.sheet.is_some() => "explanation",
            Focus::Sources if self.health.is_some() => "health",
            Focus::Sources => "line",
            Focus::Diagnosis => "diagnosis",
        };
        let shown = self.screen.inspector.is_some();
        let text = match self.wish.focus {
            Focus::Inspector => Some(self.inspector.safe_text()),
            _ => match self.viewer_in_focus() {
                Some(viewer) => Some(viewer.safe_text()),
                None => shown.then(|| self.inspector.safe_text()),
            },
        };
        match text {
            Some(text) => effects.push(Effect::Outside { program, name, text }),
            None => self.notices.say(Notice::info("no text is shown: Enter opens one")),
        }
    }
}
