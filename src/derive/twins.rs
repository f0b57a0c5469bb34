//! Twins: a library's span around an SDK's own span of the same call. Both are records of one call, and become one row of the tree.
//!
//! The inner one is nearest the wire and gives the row its id, times and figures, so that a row stays itself when the outer one is
//! written later; the outer one gives its place in the tree, its children, and whatever the inner one does not know.

use std::collections::HashMap;

use super::event::response;
use super::merge::{Merged, object};
use crate::model::content::Piece;
use crate::model::span::{Inferred, Part, SpanKind};
use crate::model::usage::Usage;

/// Joins the twins among merged spans, which are sorted by span id and stay so.
pub(super) fn join(spans: Vec<Merged>) -> Vec<Merged> {
    let mut inner_of = pairs(&spans);
    if inner_of.is_empty() {
        return spans;
    }
    // Of each pair the outer one goes; whoever names it as a parent means the innermost record of its row.
    let inner: Vec<usize> = inner_of.values().copied().collect();
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
    for parent in joined.iter_mut().filter_map(|span| span.part.parent_id.as_mut()) {
        if let Some(now) = renamed.get(parent.as_str()) {
            parent.clone_from(now);
        }
    }
    joined
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
        if outer_kind == span.part.kind || outer_kind == SpanKind::Chain && is_call(span.part.kind) {
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
fn same_tokens(one: &Usage, other: &Usage) -> bool {
    one.total_input().is_some_and(|input| input > 0) && one.total_input() == other.total_input() && one.output == other.output
}

fn same_model(one: &Part, other: &Part) -> bool {
    let names = |part: &Part| [part.request_model.clone(), part.response_model.clone()];
    names(one)
        .iter()
        .flatten()
        .any(|name| names(other).iter().flatten().any(|own| own == name))
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
    let own = std::mem::take(&mut call.part);
    let classes = |usage: &Usage| usage.classes().iter().filter(|(_, tokens)| tokens.is_some()).count();
    let fuller = if classes(&outer.usage) > classes(&own.usage) { outer } else { &own };
    let decided = Inferred::CONVENTION.and(Inferred::CONVENTION_SET).0;
    let of_the_call = Inferred::START
        .and(Inferred::END)
        .and(Inferred::SPAN_ID)
        .and(Inferred::TRACE_ID)
        .and(Inferred::KIND)
        .0;
    let of_the_place = Inferred::PARENT.and(Inferred::ORDER).0;
    let inferred = own.inferred.0 & of_the_call
        | outer.inferred.0 & of_the_place
        | fuller.inferred.0 & decided
        | (own.inferred.0 | outer.inferred.0) & !(of_the_call | of_the_place | decided);
    let filled = |own: &String, other: &String| if own.is_empty() { other.clone() } else { own.clone() };
    call.part = Part {
        trace: own.trace,
        trace_id: own.trace_id.clone(),
        span_id: own.span_id.clone(),
        parent_id: outer.parent_id.clone(),
        kind: own.kind,
        name: filled(&own.name, &outer.name),
        start: own.start,
        start_from: own.start_from,
        end: own.end.or(outer.end),
        ended: own.ended || outer.ended,
        time_to_first_token: own.time_to_first_token.or(outer.time_to_first_token),
        status: own.status.max(outer.status),
        error: own.error.clone().or_else(|| outer.error.clone()),
        provider: own.provider.clone().or_else(|| outer.provider.clone()),
        request_model: own.request_model.clone().or_else(|| outer.request_model.clone()),
        response_model: own.response_model.clone().or_else(|| outer.response_model.clone()),
        params: object(&[&own, outer], |p| p.params.as_ref()),
        stop_reason: own.stop_reason.clone().or_else(|| outer.stop_reason.clone()),
        usage: fuller.usage,
        convention: fuller.convention,
        cost_logged: own.cost_logged.or(outer.cost_logged),
        // Who and what for is said nearest the root.
        feature: outer.feature.clone().or_else(|| own.feature.clone()),
        user: outer.user.clone().or_else(|| own.user.clone()),
        session: outer.session.clone().or_else(|| own.session.clone()),
        service: outer.service.clone().or_else(|| own.service.clone()),
        tool_name: own.tool_name.clone().or_else(|| outer.tool_name.clone()),
        tool_call_id: own.tool_call_id.clone().or_else(|| outer.tool_call_id.clone()),
        ask: filled(&own.ask, &outer.ask),
        answer: filled(&own.answer, &outer.answer),
        tool_calls: if own.tool_calls.is_empty() {
            &outer.tool_calls
        } else {
            &own.tool_calls
        }
        .clone(),
        documents: own.documents.or(outer.documents),
        slots: own.slots | outer.slots,
        attributes: object(&[&own, outer], |p| p.attributes.as_ref()),
        contents: Vec::new(),
        inferred: Inferred(inferred),
        dialect: own.dialect.clone(),
        origin: own.origin.min(outer.origin),
    };
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
