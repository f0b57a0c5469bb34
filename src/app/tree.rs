//! The interactions that are open: their spans, and which of these are folded. Keyed by trace and span, never by row.

use std::collections::HashSet;

use crate::model::span::{Nanos, SpanKey, SpanKind, TraceKey};
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
    /// For each span, whether the interaction would have ended earlier had it been faster.
    critical: Vec<bool>,
    /// For each span, how long nothing beside it had run when it began.
    gaps: Vec<Nanos>,
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
            critical: Vec::new(),
            gaps: Vec::new(),
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

    /// Whether it is on the critical path: the interaction would have ended earlier had it been faster.
    #[must_use]
    pub fn is_critical(&self, span: usize) -> bool {
        self.critical.get(span).copied().unwrap_or(false)
    }

    /// How long nothing beside it had run when it began: since what was before it ended with all below it, else since its parent ended,
    /// where it ran after that. 0 where it did not have to wait.
    #[must_use]
    pub fn gap(&self, span: usize) -> Nanos {
        self.gaps.get(span).copied().unwrap_or(0)
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
        self.loaded()?.telling().map(|span| span.key)
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
        let ends = ends(&trace);
        self.critical = critical(&trace, &ends);
        self.gaps = gaps(&trace, &ends);
        self.spans = Spans::Loaded(trace);
    }
}

/// When each span ended with all below it.
fn ends(trace: &Trace) -> Vec<Nanos> {
    let spans = &trace.spans;
    let mut ends: Vec<Nanos> = spans.iter().map(|span| span.part.end.unwrap_or(span.part.start)).collect();
    for index in (0..spans.len()).rev() {
        if let Some(parent) = spans[index].parent.map(|parent| parent as usize).filter(|parent| *parent < index) {
            ends[parent] = ends[parent].max(ends[index]);
        }
    }
    ends
}

/// For each span, how long nothing beside it had run when it began.
fn gaps(trace: &Trace, ends: &[Nanos]) -> Vec<Nanos> {
    // Until when something below each span has run; the last place is for the roots.
    let mut until: Vec<Option<Nanos>> = vec![None; trace.spans.len() + 1];
    let mut gaps = Vec::with_capacity(trace.spans.len());
    for (index, span) in trace.spans.iter().enumerate() {
        let parent = span.parent.map(|parent| parent as usize).filter(|parent| *parent < index);
        let after_parent = parent.and_then(|parent| trace.spans[parent].part.end.filter(|end| *end <= span.part.start));
        let place = &mut until[parent.unwrap_or(trace.spans.len())];
        let before = place.or(after_parent).filter(|_| !span.missing);
        gaps.push(before.map_or(0, |before| span.part.start.saturating_sub(before).max(0)));
        *place = (*place).max(Some(ends[index]));
    }
    gaps
}

/// The critical path: of every span on it the child that ended last, then the one that ended last before that child began, and so on.
/// A span ends with all below it: a tool often hangs below the call that asked for it, and runs after it.
fn critical(trace: &Trace, ends: &[Nanos]) -> Vec<bool> {
    let spans = &trace.spans;
    let end = |index: usize| ends[index];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut waiting = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        match span.parent.and_then(|parent| children.get_mut(parent as usize)) {
            Some(siblings) => siblings.push(index),
            None => waiting.push(index),
        }
    }
    let mut path = vec![false; spans.len()];
    while let Some(index) = waiting.pop() {
        path[index] = true;
        let mut below = std::mem::take(&mut children[index]);
        below.sort_by_key(|child| std::cmp::Reverse((end(*child), *child)));
        // A placeholder has no time of its own: whatever hangs below it is judged among itself.
        let mut until = if spans[index].missing { i64::MAX } else { end(index) };
        for child in below {
            if end(child) <= until {
                until = spans[child].part.start;
                waiting.push(child);
            }
        }
    }
    path
}

/// All interactions that are held, the latest opened last.
#[derive(Clone, Debug, Default)]
pub struct Trees {
    /// Grows whenever something may have been opened, folded or filled.
    changes: u64,
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

    /// While this stays what it was, so do the lines that are open.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    fn get_mut(&mut self, trace: TraceKey) -> Option<&mut Open> {
        self.changes += 1;
        self.held.iter_mut().find(|open| open.trace == trace)
    }

    /// Holds an interaction; its spans are asked for when they are not here yet.
    pub(super) fn hold(&mut self, trace: TraceKey) -> &mut Open {
        self.changes += 1;
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

    /// Folds the deepest level that is open, or unfolds the highest one that is folded. False when there is none.
    pub(super) fn fold_level(&mut self, trace: TraceKey, folded: bool) -> bool {
        let Some(open) = self.get_mut(trace) else { return false };
        let Some(loaded) = open.loaded() else { return false };
        let of_interest = |index: &usize| open.has_children(*index) && open.is_folded(loaded.spans[*index].key) != folded;
        let depths = open.visible().filter(of_interest).map(|index| loaded.spans[index].depth);
        let Some(level) = (if folded { depths.max() } else { depths.min() }) else {
            return false;
        };
        let keys: Vec<SpanKey> = loaded
            .spans
            .iter()
            .enumerate()
            .filter(|(index, span)| span.depth == level && open.has_children(*index))
            .map(|(_, span)| span.key)
            .collect();
        for key in keys {
            if folded {
                open.folded.insert(key);
            } else {
                open.folded.remove(&key);
            }
        }
        true
    }

    /// Folds all spans of a kind that others hang below; unfolds them when all are folded. False when there is none.
    pub(super) fn fold_kind(&mut self, trace: TraceKey, kind: SpanKind) -> bool {
        let Some(open) = self.get_mut(trace) else { return false };
        let Some(loaded) = open.loaded() else { return false };
        let parents = loaded
            .spans
            .iter()
            .enumerate()
            .filter(|(index, span)| span.part.kind == kind && open.has_children(*index));
        let keys: Vec<SpanKey> = parents.map(|(_, span)| span.key).collect();
        let all = keys.iter().all(|key| open.folded.contains(key));
        for key in &keys {
            if all {
                open.folded.remove(key);
            } else {
                open.folded.insert(*key);
            }
        }
        !keys.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::Part;
    use crate::pricing::Prices;

    /// Spans by parent, start and end; their names are their numbers.
    fn trace(spans: &[(Option<u32>, i64, i64)]) -> Trace {
        let part = |(number, (parent, start, end)): (usize, &(Option<u32>, i64, i64))| Part {
            trace: TraceKey(1),
            trace_id: "t".into(),
            span_id: format!("s{number}"),
            parent_id: parent.map(|parent| format!("s{parent}")),
            start: 1_000_000_000_000_000_000 + start,
            end: Some(1_000_000_000_000_000_000 + end),
            ended: true,
            ..Part::default()
        };
        crate::derive::derive(spans.iter().enumerate().map(part).collect(), &Prices::default())
    }

    fn path(spans: &[(Option<u32>, i64, i64)]) -> Vec<String> {
        let trace = trace(spans);
        let critical = critical(&trace, &ends(&trace));
        let on = trace.spans.iter().zip(critical).filter(|(_, critical)| *critical);
        on.map(|(span, _)| span.part.span_id.clone()).collect()
    }

    #[test]
    fn the_critical_path_is_what_the_end_waited_for() {
        // Two in parallel: the longer one; then one after both.
        let parallel = [(None, 0, 100), (Some(0), 10, 30), (Some(0), 10, 60), (Some(0), 60, 90)];
        assert_eq!(path(&parallel), ["s0", "s2", "s3"]);
        // A tool below the call that asked for it, and run after it.
        let tool = [(None, 0, 100), (Some(0), 0, 40), (Some(1), 40, 70), (Some(0), 70, 100)];
        assert_eq!(path(&tool), ["s0", "s1", "s2", "s3"]);
        // What goes on after its parent's end is not waited for by a sibling that began before.
        let late = [(None, 0, 50), (Some(0), 0, 200), (Some(0), 10, 50)];
        assert_eq!(path(&late), ["s0", "s1"]);
        // Orphans hang under a placeholder, and the last of them decides.
        assert_eq!(path(&[(Some(9), 0, 10), (Some(9), 5, 20)]), ["s9", "s1"]);
    }

    #[test]
    fn a_gap_is_a_time_in_which_nothing_beside_it_ran() {
        let spans = [
            (None, 0, 100),
            (Some(0), 10, 20),
            (Some(0), 15, 40),
            (Some(0), 30, 35),
            (Some(0), 60, 70),
            // Below a call that had ended.
            (Some(4), 72, 90),
            (Some(0), 95, 100),
        ];
        let trace = trace(&spans);
        let gaps = gaps(&trace, &ends(&trace));
        let named: Vec<(&str, Nanos)> = trace.spans.iter().map(|span| span.part.span_id.as_str()).zip(gaps).collect();
        let expected = [("s0", 0), ("s1", 0), ("s2", 0), ("s3", 0), ("s4", 20), ("s5", 2), ("s6", 5)];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_deep_and_a_wide_tree_of_a_hundred_thousand_spans_are_ready_at_once() {
        let deep: Vec<_> = (0..100_000_u32).map(|n| (n.checked_sub(1), i64::from(n), 200_000)).collect();
        let wide: Vec<_> = (0..100_000_u32)
            .map(|n| ((n > 0).then_some(0), i64::from(n), i64::from(n) + 1))
            .collect();
        for spans in [deep, wide] {
            let mut open = Open::new(TraceKey(1));
            open.fill(Box::new(trace(&spans)));
            assert!(open.visible().count() >= 100_000);
            assert!(open.is_critical(0));
        }
    }
}
