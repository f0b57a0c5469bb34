//! Merged spans → the tree in display order.
//!
//! Whatever the parents say, every span stands in the tree exactly once: orphans hang under a visible placeholder, circles are cut.
//! Nothing recurses: a chain may be as deep as the log likes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::merge::Merged;
use super::{event, session};
use crate::model::span::{Inferred, Part, SpanKey};
use crate::model::trace::{Finding, FindingKind, Span, place};
use crate::model::usage::{CostBasis, Usage};

/// The dialect of records that tell a whole interaction in one line, and the span id of their root.
pub(super) const INTERACTION: &str = "interaction";
const INTERACTION_ROOT: &str = "request";

/// Spans in tree order: a parent before its children, siblings by (start, place, span id).
pub(super) fn build(merged: Vec<Merged>) -> Vec<Span> {
    let mut spans: Vec<Span> = merged.into_iter().map(span).collect();
    hang_under_interaction(&mut spans);
    event::attach(&mut spans);
    session::arrange(&mut spans);
    let parents = parents(&mut spans);
    let parents = cut_circles(&mut spans, parents);
    in_tree_order(spans, &parents)
}

fn span(merged: Merged) -> Span {
    Span {
        key: SpanKey::of(merged.part.trace, &merged.part.span_id),
        part: merged.part,
        parent: None,
        depth: 0,
        origins: merged.origins,
        rolled_up: false,
        counted: false,
        cost: None,
        cost_basis: CostBasis::default(),
        saved: None,
        findings: merged.findings,
        twins: merged.twins,
        missing: false,
        total_usage: Usage::default(),
        total_cost: None,
        turn: None,
        previous_input: None,
    }
}

/// Records without a parent belong under the root of the interaction record of their trace: it tells of the same user action.
fn hang_under_interaction(spans: &mut [Span]) {
    let is_root = |part: &Part| part.dialect == INTERACTION && part.span_id == INTERACTION_ROOT && part.parent_id.is_none();
    if !spans.iter().any(|span| is_root(&span.part)) {
        return;
    }
    for span in spans
        .iter_mut()
        .filter(|span| span.part.parent_id.is_none() && span.part.dialect != INTERACTION)
    {
        span.part.parent_id = Some(INTERACTION_ROOT.to_owned());
        span.part.inferred = span.part.inferred.and(Inferred::PARENT);
    }
}

/// The place of each span's parent; a placeholder is added for every parent that was not logged. Expects the spans sorted by span id.
fn parents(spans: &mut Vec<Span>) -> Vec<Option<usize>> {
    let logged = spans.len();
    let mut absent: HashMap<String, usize> = HashMap::new();
    let mut parents = Vec::with_capacity(logged);
    for index in 0..logged {
        let Some(id) = spans[index].part.parent_id.as_deref().filter(|id| !id.is_empty()) else {
            parents.push(None);
            continue;
        };
        if let Ok(parent) = spans[..logged].binary_search_by(|span| span.part.span_id.as_str().cmp(id)) {
            parents.push(Some(parent));
            continue;
        }
        let evidence = format!("its parent `{id}` was not logged");
        let at = if let Some(&at) = absent.get(id) {
            at
        } else {
            let at = spans.len();
            absent.insert(id.to_owned(), at);
            let holder = placeholder(id.to_owned(), &spans[index].part);
            spans.push(holder);
            at
        };
        let (children, holders) = spans.split_at_mut(logged);
        let (child, holder) = (&mut children[index], &mut holders[at - logged].part);
        if order(&child.part) < (holder.start, place(&holder.origin), child.part.span_id.as_str()) {
            (holder.start, holder.start_from, holder.origin) = (child.part.start, child.part.start_from, child.part.origin);
        }
        child.findings.push(Finding {
            kind: FindingKind::MissingParent,
            evidence,
        });
        parents.push(Some(at));
    }
    parents.resize(spans.len(), None);
    parents
}

/// Stands for a parent that was not logged, at the time of its first child.
fn placeholder(id: String, child: &Part) -> Span {
    let part = Part {
        trace: child.trace,
        trace_id: child.trace_id.clone(),
        span_id: id,
        name: "(missing parent)".to_owned(),
        start: child.start,
        start_from: child.start_from,
        dialect: Cow::Borrowed(""),
        origin: child.origin,
        ..Part::default()
    };
    let mut holder = span(Merged {
        part,
        origins: Vec::new(),
        findings: Vec::new(),
        twins: Vec::new(),
    });
    holder.missing = true;
    holder
}

/// Cuts every circle of parents at its smallest (start, span id).
fn cut_circles(spans: &mut [Span], mut parents: Vec<Option<usize>>) -> Vec<Option<usize>> {
    // 0 is new; otherwise the number of the walk that came by first.
    let mut walked = vec![0_usize; spans.len()];
    for begin in 0..spans.len() {
        let mut at = begin;
        while walked[at] == 0 {
            walked[at] = begin + 1;
            match parents[at] {
                Some(parent) => at = parent,
                None => break,
            }
        }
        if walked[at] != begin + 1 || parents[at].is_none() {
            continue;
        }
        let (mut cut, mut length, mut step) = (at, 1_usize, parents[at]);
        while let Some(next) = step.filter(|next| *next != at) {
            length += 1;
            let key = |i: usize| (spans[i].part.start, spans[i].part.span_id.as_str());
            if key(next) < key(cut) {
                cut = next;
            }
            step = parents[next];
        }
        parents[cut] = None;
        let evidence = if length == 1 {
            "it names itself as its parent".to_owned()
        } else {
            format!("the parents of {length} spans form a circle; it was cut here")
        };
        spans[cut].findings.push(Finding {
            kind: FindingKind::Cycle,
            evidence,
        });
    }
    parents
}

pub(super) fn order(part: &Part) -> (i64, i128, &str) {
    (part.start, place(&part.origin), part.span_id.as_str())
}

fn in_tree_order(spans: Vec<Span>, parents: &[Option<usize>]) -> Vec<Span> {
    let mut sorted: Vec<usize> = (0..spans.len()).collect();
    sorted.sort_by(|a, b| order(&spans[*a].part).cmp(&order(&spans[*b].part)));
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut stack = Vec::new();
    // Last first, because the stack gives back the first.
    for &index in sorted.iter().rev() {
        match parents[index] {
            Some(parent) => children[parent].push(index),
            None => stack.push((index, None::<u32>, 0_u16)),
        }
    }
    let mut slots: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    let mut tree = Vec::with_capacity(slots.len());
    while let Some((index, parent, depth)) = stack.pop() {
        let Some(mut span) = slots[index].take() else { continue };
        let own = u32::try_from(tree.len()).ok();
        (span.parent, span.depth) = (parent, depth);
        tree.push(span);
        stack.extend(children[index].iter().map(|&child| (child, own, depth.saturating_add(1))));
    }
    tree
}
