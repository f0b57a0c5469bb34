//! Ways through the tree of one interaction: up, beside, to its like, to what is searched for, and folding by level and kind.

use crate::model::span::{SpanKey, TraceKey};
use crate::model::trace::Span;

use super::layout::Focus;
use super::{Action, App, Notice, Open};

impl App {
    /// Folds the span or the interaction, else goes to the parent.
    pub(super) fn collapse(&mut self) {
        let Some(selected) = self.list.selected().filter(|_| self.wish.focus == Focus::List) else {
            return;
        };
        let Some(key) = selected.span else {
            self.trees.collapse(selected.trace);
            return;
        };
        let Some(open) = self.trees.get(selected.trace) else { return };
        let Some((index, span)) = open
            .loaded()
            .and_then(|trace| trace.spans.iter().enumerate().find(|(_, span)| span.key == key))
        else {
            return;
        };
        if open.has_children(index) && !open.is_folded(key) {
            self.trees.fold(selected.trace, key, true);
        } else {
            let parent = span
                .parent
                .and_then(|parent| open.loaded()?.spans.get(parent as usize))
                .map(|parent| parent.key);
            self.list.select(selected.trace, parent);
        }
    }

    /// Unfolds the span or the interaction, else goes to the first child.
    pub(super) fn expand(&mut self) {
        let Some(selected) = self.list.selected().filter(|_| self.wish.focus == Focus::List) else {
            return;
        };
        self.pause();
        match selected.span {
            None if self.trees.expanded(selected.trace).is_none() => self.trees.hold_anew(selected.trace).expanded = true,
            None => self.move_to(self.list.at() + 1),
            Some(span) => {
                let folded = self.trees.get(selected.trace).is_some_and(|open| open.is_folded(span));
                if folded {
                    self.trees.fold(selected.trace, span, false);
                } else if self
                    .span_at(selected.trace, span)
                    .is_some_and(|(open, index)| open.has_children(index))
                {
                    self.move_to(self.list.at() + 1);
                }
            }
        }
    }

    pub(super) fn span_at(&self, trace: TraceKey, span: SpanKey) -> Option<(&Open, usize)> {
        let open = self.trees.get(trace)?;
        let index = open.loaded()?.spans.iter().position(|other| other.key == span)?;
        Some((open, index))
    }

    /// What an action does on the span under the cursor.
    pub(super) fn walk(&mut self, action: Action) {
        let Some(selected) = self.list.selected().filter(|_| self.wish.focus == Focus::List) else {
            return;
        };
        let Some((open, at)) = selected.span.and_then(|span| self.span_at(selected.trace, span)) else {
            self.notices.say(Notice::info("open the interaction and stand on one of its spans"));
            return;
        };
        let spans = open.loaded().map_or(&[][..], |trace| &trace.spans);
        let (here, forward) = (&spans[at], matches!(action, Action::NextSibling | Action::NextSame));
        let like = |other: &Span| match action {
            Action::NextSibling | Action::PreviousSibling => other.parent == here.parent,
            _ => name(other) == name(here) && other.part.kind == here.part.kind,
        };
        let found: Option<SpanKey> = match action {
            Action::ToParent => here.parent.and_then(|parent| spans.get(parent as usize)).map(|span| span.key),
            Action::NextSibling | Action::NextSame => spans[at + 1..].iter().find(|span| like(span)).map(|span| span.key),
            _ => spans[..at].iter().rev().find(|span| like(span)).map(|span| span.key),
        };
        if let Some(span) = found {
            self.pause();
            self.stand_on_span(selected.trace, span);
            return;
        }
        let way = if forward { "after" } else { "before" };
        self.notices.say(Notice::info(match action {
            Action::ToParent => "this span has no parent".to_owned(),
            Action::NextSibling | Action::PreviousSibling => format!("no span beside this one {way} it"),
            _ => format!("no span of this name {way} this one"),
        }));
    }

    /// Folds or unfolds a level, or the spans of a kind.
    pub(super) fn fold_some(&mut self, action: Action) {
        let Some(selected) = self.list.selected().filter(|_| self.wish.focus == Focus::List) else {
            return;
        };
        let done = match action {
            Action::FoldKind => {
                let kind = selected
                    .span
                    .and_then(|span| self.span_at(selected.trace, span))
                    .and_then(|(open, at)| Some(open.loaded()?.spans.get(at)?.part.kind));
                kind.is_some_and(|kind| self.trees.fold_kind(selected.trace, kind))
            }
            _ => self.trees.fold_level(selected.trace, action == Action::FoldLevel),
        };
        if !done {
            self.notices.say(Notice::info("nothing to fold here"));
        }
        // What the cursor stood on may be hidden now: its nearest visible ancestor takes its place.
        if let Some(span) = selected.span.and_then(|span| self.visible_above(selected.trace, span)) {
            self.list.select(selected.trace, Some(span));
        }
    }

    fn visible_above(&self, trace: crate::model::span::TraceKey, span: SpanKey) -> Option<SpanKey> {
        let (open, at) = self.span_at(trace, span)?;
        let spans = &open.loaded()?.spans;
        // The highest folded span at or above it hides what is below.
        let (mut shown, mut up) = (at, Some(at));
        while let Some(index) = up {
            if index != at && open.is_folded(spans[index].key) {
                shown = index;
            }
            up = spans[index].parent.map(|parent| parent as usize).filter(|parent| *parent < index);
        }
        Some(spans[shown].key)
    }

    /// To the next span that holds the words searched for; false when there is none in this interaction.
    pub(super) fn to_found_span(&mut self, forward: bool) -> bool {
        let Some(words) = self.search.as_deref().map(str::to_lowercase) else {
            return false;
        };
        if self.list.selected().is_none_or(|selected| selected.span.is_none()) {
            return false;
        }
        self.to_span(forward, "", |span| {
            let part = &span.part;
            let texts = [&part.name, &part.ask, &part.answer, &part.span_id].map(Some);
            let others = [&part.tool_name, &part.error, &part.request_model, &part.response_model].map(Option::as_ref);
            texts
                .into_iter()
                .chain(others)
                .flatten()
                .any(|text| text.to_lowercase().contains(&words))
        })
    }
}

/// What makes two spans alike.
fn name(span: &Span) -> &str {
    span.part.tool_name.as_deref().unwrap_or(&span.part.name)
}
