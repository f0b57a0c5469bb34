//! Twins: a library's span around an SDK's own span of the same call. Both are records of one call, and become one row of the tree.
//!
//! The inner one is nearest the wire and gives the row its id, times and figures, so that a row stays itself when the outer one is
//! written later; the outer one gives its place in the tree, its children, and whatever the inner one does not know.

use std::collections::{HashMap, HashSet};

use super::event::response;
use super::merge::{Merged, object};
use crate::model::content::Piece;
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::Usage;

/// Joins the twins among merged spans, which are sorted by span id and stay so. Also tells by their ids which spans hang on a record around
/// the call that is now their parent: they are no part of the call's own figures.
pub(super) fn join(spans: Vec<Merged>) -> (Vec<Merged>, HashSet<String>) {
    let mut inner_of = pairs(&spans);
    if inner_of.is_empty() {
        return (spans, HashSet::new());
    }
    // Of each pair the outer one goes; whoever names it as a parent means the innermost record of its row.
    let inner: HashSet<usize> = inner_of.values().copied().collect();
    let outermost = inner_of.keys().copied().filter(|outer| !inner.contains(outer)).collect::<Vec<_>>();
    let mut slots: Vec<Option<Merged>> = spans.into_iter().map(Some).collect();
    let mut renamed: HashMap<String, String> = HashMap::new();
    for outer in outermost {
        let mut around = Vec::new();
        let mut at = outer;
        // A pair leaves the map once it is joined. Circles have no outermost record and stay as they are.
        while let Some(inner) = inner_of.remove(&at) {
            around.extend(slots[at].take());
            at = inner;
        }
        let Some(call) = &mut slots[at] else { continue };
        for outer in around.iter().rev() {
            wrap(call, outer);
        }
        for outer in around {
            renamed.insert(outer.part.span_id.clone(), call.part.span_id.clone());
            call.twins.push(outer.part);
        }
    }
    let mut joined: Vec<Merged> = slots.into_iter().flatten().collect();
    let mut beside = HashSet::new();
    for part in joined.iter_mut().map(|span| &mut span.part) {
        if let Some(parent) = &mut part.parent_id
            && let Some(now) = renamed.get(parent.as_str())
        {
            parent.clone_from(now);
            beside.insert(part.span_id.clone());
        }
    }
    (joined, beside)
}

/// Outer record → inner record. A parent of several model calls has no twin.
fn pairs(spans: &[Merged]) -> HashMap<usize, usize> {
    let mut inner_of: HashMap<usize, Option<usize>> = HashMap::new();
    for (index, span) in spans.iter().enumerate().filter(|(_, span)| is_call(span.part.kind)) {
        let Some(parent) = span.part.parent_id.as_deref() else { continue };
        let Ok(outer) = spans.binary_search_by(|other| other.part.span_id.as_str().cmp(parent)) else {
            continue;
        };
        let outer_kind = spans[outer].part.kind;
        if outer_kind == span.part.kind || outer_kind == SpanKind::Chain {
            inner_of.entry(outer).and_modify(|inner| *inner = None).or_insert(Some(index));
        }
    }
    let alone = inner_of.into_iter().filter_map(|(outer, inner)| Some((outer, inner?)));
    alone
        .filter(|(outer, inner)| are_one(&spans[*outer].part, &spans[*inner].part))
        .collect()
}

const fn is_call(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Llm | SpanKind::Embedding | SpanKind::Rerank)
}

/// Whether a span and the only call below it tell of the same call: by the id of the answer, or by equal tokens. One that states no
/// tokens is a twin once it is over, if it names the same model. A chain is one where it is the operation of which the call is a part.
fn are_one(outer: &Part, inner: &Part) -> bool {
    let equal = same_tokens(&outer.usage, &inner.usage);
    if outer.kind == SpanKind::Chain {
        return equal && is_its_operation(outer, inner);
    }
    if equal {
        return true;
    }
    if let (Some(one), Some(other)) = (response(outer), response(inner)) {
        return one == other;
    }
    outer.usage.is_empty() && outer.ended && same_model(outer, inner)
}

/// Input as a whole and output: one of them may not know the cache classes.
pub(super) fn same_tokens(one: &Usage, other: &Usage) -> bool {
    one.total_input().is_some_and(|input| input > 0) && one.total_input() == other.total_input() && one.output == other.output
}

fn same_model(one: &Part, other: &Part) -> bool {
    let names = [&other.request_model, &other.response_model];
    let named = |name: &&Option<String>| name.is_some() && names.contains(name);
    [&one.request_model, &one.response_model].iter().any(named)
}

/// `ai.generateText` of `ai.generateText.doGenerate`.
fn is_its_operation(outer: &Part, inner: &Part) -> bool {
    #[derive(serde::Deserialize)]
    struct Operation {
        #[serde(rename = "ai.operationId")]
        id: String,
    }
    let operation = |part: &Part| serde_json::from_str::<Operation>(part.attributes.as_ref()?.as_str()).ok();
    let (Some(outer), Some(inner)) = (operation(outer), operation(inner)) else {
        return false;
    };
    inner.id.strip_prefix(&outer.id).is_some_and(|rest| rest.starts_with('.'))
}

/// Gives a call what the record around it knows.
fn wrap(call: &mut Merged, around: &Merged) {
    let outer = &around.part;
    let params = object(&[&call.part, outer], |p| p.params.as_ref());
    let attributes = object(&[&call.part, outer], |p| p.attributes.as_ref());
    let own = &mut call.part;
    (own.params, own.attributes) = (params, attributes);

    // What each mark speaks of comes from one of them; the others hold for both.
    let decided = Inferred::CONVENTION.and(Inferred::CONVENTION_SET).0;
    let place = Inferred::PARENT.and(Inferred::ORDER).0;
    let general = Inferred::REPAIRED.and(Inferred::OUT_OF_RANGE).and(Inferred::DOCUMENTS).0;
    let classes = |usage: &Usage| usage.classes().iter().filter(|(_, tokens)| tokens.is_some()).count();
    let mut inferred = own.inferred.0 & !place | outer.inferred.0 & (place | general);
    if classes(&outer.usage) > classes(&own.usage) {
        inferred = inferred & !decided | outer.inferred.0 & decided;
        (own.usage, own.convention) = (outer.usage, outer.convention);
    }
    own.inferred = Inferred(inferred);

    own.parent_id.clone_from(&outer.parent_id);
    own.end = own.end.or(outer.end);
    own.ended |= outer.ended;
    own.time_to_first_token = own.time_to_first_token.or(outer.time_to_first_token);
    own.status = own.status.max(outer.status);
    own.cost_logged = own.cost_logged.or(outer.cost_logged);
    own.documents = own.documents.or(outer.documents);
    own.slots |= outer.slots;
    own.origin = own.origin.min(outer.origin);
    if own.tool_calls.is_empty() {
        own.tool_calls.clone_from(&outer.tool_calls);
    }
    for (own, other) in [
        (&mut own.name, &outer.name),
        (&mut own.ask, &outer.ask),
        (&mut own.answer, &outer.answer),
    ] {
        if own.is_empty() {
            own.clone_from(other);
        }
    }
    for (own, other) in [
        (&mut own.error, &outer.error),
        (&mut own.provider, &outer.provider),
        (&mut own.request_model, &outer.request_model),
        (&mut own.response_model, &outer.response_model),
        (&mut own.stop_reason, &outer.stop_reason),
        (&mut own.tool_name, &outer.tool_name),
        (&mut own.tool_call_id, &outer.tool_call_id),
    ] {
        if own.is_none() {
            own.clone_from(other);
        }
    }
    // Who it was for is said nearest the root.
    for (own, other) in [
        (&mut own.feature, &outer.feature),
        (&mut own.user, &outer.user),
        (&mut own.session, &outer.session),
        (&mut own.service, &outer.service),
    ] {
        if other.is_some() {
            own.clone_from(other);
        }
    }
    call.origins.extend(&around.origins);
    call.origins.sort_unstable();
    call.findings.extend(around.findings.iter().cloned());
}

/// The contents of a row from those of its records, its own first and then outwards: in each slot those of the innermost record that has any.
#[must_use]
pub fn merge_twins(records: Vec<Vec<Piece>>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for own in records {
        let told = joined.iter().fold(0, |slots, piece| slots | piece.slot.bit());
        joined.extend(own.into_iter().filter(|piece| told & piece.slot.bit() == 0));
    }
    joined.sort_by_key(|piece| piece.slot.number());
    joined
}
