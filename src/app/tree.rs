//! The interactions that are open: their spans, and which of these are folded. Keyed by trace and span, never by row.

use std::collections::HashSet;

use crate::model::span::{SpanKey, SpanKind, TraceKey};
use crate::model::trace::Trace;

/// At most so many traces are held; the one opened longest ago goes first.
const HELD: usize = 8;

/// How far the spans of an interaction have come.
#[derive(Clone, Debug)]
pub enum Spans {
    /// Asked for.
    Loading,
    /// Here.
    Loaded(Box<Trace>),
    /// Not in the store.
    Gone,
    /// The store could not answer.
    Failed(String),
}

/// An interaction that is held.
#[derive(Clone, Debug)]
pub struct Open {
    /// Which.
    pub trace: TraceKey,
    /// Its spans.
    pub spans: Spans,
    /// Its spans are shown in the list.
    pub expanded: bool,
    /// Newer parts have come since it was asked for.
    stale: bool,
    folded: HashSet<SpanKey>,
    /// For each span, whether it is the last of its siblings: what the tree's lines are drawn from.
    last: Vec<bool>,
    /// For each span, whether others hang below it.
    parent: Vec<bool>,
}

impl Open {
    fn new(trace: TraceKey) -> Self {
        Self {
            trace,
            spans: Spans::Loading,
            expanded: false,
            stale: true,
            folded: HashSet::new(),
            last: Vec::new(),
            parent: Vec::new(),
        }
    }

    /// Its spans, where loaded.
    #[must_use]
    pub fn loaded(&self) -> Option<&Trace> {
        match &self.spans {
            Spans::Loaded(trace) => Some(trace),
            Spans::Loading | Spans::Gone | Spans::Failed(_) => None,
        }
    }

    /// Whether others hang below this span.
    #[must_use]
    pub fn has_children(&self, span: usize) -> bool {
        self.parent.get(span).copied().unwrap_or(false)
    }

    /// Whether the spans below this one are hidden.
    #[must_use]
    pub fn is_folded(&self, span: SpanKey) -> bool {
        self.folded.contains(&span)
    }

    /// The lines of the tree before a span, from the root's column: is the ancestor (or the span itself, last) the last of its siblings?
    #[must_use]
    pub fn branches(&self, span: usize) -> Vec<bool> {
        let Some(trace) = self.loaded() else { return Vec::new() };
        let (mut branches, mut at) = (Vec::new(), Some(span));
        while let Some(index) = at {
            branches.push(self.last.get(index).copied().unwrap_or(true));
            at = trace
                .spans
                .get(index)
                .and_then(|span| span.parent)
                .map(|parent| parent as usize)
                .filter(|parent| *parent < index);
        }
        branches.reverse();
        branches
    }

    /// Indices of the spans that no fold hides.
    pub fn visible(&self) -> impl Iterator<Item = usize> {
        let mut hidden_below: Option<u16> = None;
        self.loaded()
            .map_or(&[][..], |trace| &trace.spans)
            .iter()
            .enumerate()
            .filter_map(move |(index, span)| {
                if hidden_below.is_some_and(|depth| span.depth > depth) {
                    return None;
                }
                hidden_below = self.is_folded(span.key).then_some(span.depth);
                Some(index)
            })
    }

    /// The model call that says the most about the answer: the last one that is counted, else the last span.
    #[must_use]
    pub fn telling(&self) -> Option<SpanKey> {
        let spans = &self.loaded()?.spans;
        let calls = || spans.iter().filter(|span| span.part.kind == SpanKind::Llm && !span.missing);
        let last = calls()
            .filter(|span| !span.rolled_up)
            .max_by_key(|span| (span.turn, span.part.start));
        last.or_else(|| calls().next_back())
            .or_else(|| spans.iter().rfind(|span| !span.missing))
            .map(|span| span.key)
    }

    /// Its first span.
    #[must_use]
    pub fn root(&self) -> Option<SpanKey> {
        self.loaded()?.spans.first().map(|span| span.key)
    }

    fn fill(&mut self, trace: Box<Trace>) {
        let spans = &trace.spans;
        self.parent = vec![false; spans.len()];
        self.last = vec![false; spans.len()];
        let mut seen: HashSet<Option<u32>> = HashSet::new();
        for (index, span) in spans.iter().enumerate().rev() {
            self.last[index] = seen.insert(span.parent);
            if let Some(parent) = span.parent.and_then(|parent| self.parent.get_mut(parent as usize)) {
                *parent = true;
            }
        }
        self.spans = Spans::Loaded(trace);
    }
}

/// All interactions that are held, the latest opened last.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    held: Vec<Open>,
}

impl Trees {
    /// The interaction, if it is held.
    #[must_use]
    pub fn get(&self, trace: TraceKey) -> Option<&Open> {
        self.held.iter().find(|open| open.trace == trace)
    }

    /// The interaction, if its spans are shown in the list.
    #[must_use]
    pub fn expanded(&self, trace: TraceKey) -> Option<&Open> {
        self.get(trace).filter(|open| open.expanded)
    }

    fn get_mut(&mut self, trace: TraceKey) -> Option<&mut Open> {
        self.held.iter_mut().find(|open| open.trace == trace)
    }

    /// Holds an interaction; its spans are asked for when they are not here yet.
    pub(super) fn hold(&mut self, trace: TraceKey) -> &mut Open {
        let at = self.held.iter().position(|open| open.trace == trace).unwrap_or_else(|| {
            if self.held.len() >= HELD {
                // Better lose one that was only looked at than one the user has opened.
                let oldest = self.held.iter().position(|open| !open.expanded).unwrap_or(0);
                self.held.remove(oldest);
            }
            self.held.push(Open::new(trace));
            self.held.len() - 1
        });
        &mut self.held[at]
    }

    /// Holds an interaction that the user asks for: what could not be read before is asked for again.
    pub(super) fn hold_anew(&mut self, trace: TraceKey) -> &mut Open {
        let open = self.hold(trace);
        if matches!(open.spans, Spans::Failed(_) | Spans::Gone) {
            open.spans = Spans::Loading;
            open.stale = true;
        }
        open
    }

    /// Collapses an interaction.
    pub(super) fn collapse(&mut self, trace: TraceKey) {
        if let Some(open) = self.get_mut(trace) {
            open.expanded = false;
        }
    }

    /// Folds or unfolds one span.
    pub(super) fn fold(&mut self, trace: TraceKey, span: SpanKey, folded: bool) {
        if let Some(open) = self.get_mut(trace) {
            if folded {
                open.folded.insert(span);
            } else {
                open.folded.remove(&span);
            }
        }
    }

    /// Folds or unfolds all spans of an interaction.
    pub(super) fn fold_all(&mut self, trace: TraceKey, folded: bool) {
        if let Some(open) = self.get_mut(trace) {
            open.folded.clear();
            if folded && let Spans::Loaded(trace) = &open.spans {
                open.folded = trace.spans.iter().map(|span| span.key).collect();
            }
        }
    }

    /// Unfolds whatever hides this span.
    pub(super) fn reveal(&mut self, trace: TraceKey, span: SpanKey) {
        let Some(open) = self.get_mut(trace) else { return };
        open.expanded = true;
        let Spans::Loaded(loaded) = &open.spans else { return };
        let mut at = loaded.spans.iter().position(|other| other.key == span);
        while let Some(index) = at {
            at = loaded.spans[index]
                .parent
                .map(|parent| parent as usize)
                .filter(|parent| *parent < index);
            if let Some(parent) = at {
                open.folded.remove(&loaded.spans[parent].key);
            }
        }
    }

    /// Marks the interactions a commit touched.
    pub(super) fn touched(&mut self, traces: &[TraceKey]) {
        for open in &mut self.held {
            if traces.contains(&open.trace) {
                open.stale = true;
            }
        }
    }

    /// Marks everything as out of date.
    pub(super) fn soil(&mut self) {
        for open in &mut self.held {
            open.stale = true;
        }
    }

    /// The next interaction whose spans must be asked for: what the user opened last comes first. The mark is taken away.
    pub(super) fn take_stale(&mut self) -> Option<TraceKey> {
        let open = self.held.iter_mut().rev().find(|open| open.stale)?;
        open.stale = false;
        Some(open.trace)
    }

    /// The spans arrived.
    pub(super) fn arrived(&mut self, key: TraceKey, answer: Result<Option<Box<Trace>>, String>) {
        let Some(open) = self.get_mut(key) else { return };
        match answer {
            Ok(Some(trace)) => open.fill(trace),
            Ok(None) => open.spans = Spans::Gone,
            Err(message) => open.spans = Spans::Failed(message),
        }
    }
}
