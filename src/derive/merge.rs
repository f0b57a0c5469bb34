//! Parts of one span → one part.
//!
//! Every field is chosen by a rule that looks at all parts at once and at no order among them, so that any order of arrival and any
//! repeated delivery give the same span. A finished record wins over an unfinished one, the longer text over the shorter.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use crate::model::content::{Piece, Slot};
use crate::model::json::Json;
use crate::model::span::{Inferred, Origin, Part, SpanKind};
use crate::model::trace::{Finding, FindingKind};
use crate::model::usage::{Convention, Usage};

/// One span, merged, and what its merging showed.
pub(super) struct Merged {
    pub(super) part: Part,
    pub(super) origins: Vec<Origin>,
    pub(super) findings: Vec<Finding>,
    /// Records of the same call around it, the outermost first.
    pub(super) twins: Vec<Part>,
}

/// All parts of a trace → its spans, sorted by span id.
pub(super) fn spans(mut parts: Vec<Part>) -> Vec<Merged> {
    parts.sort_by(|a, b| a.span_id.cmp(&b.span_id));
    let mut merged = Vec::with_capacity(parts.len());
    let mut same: Vec<Part> = Vec::new();
    for mut part in parts {
        part.contents = Vec::new();
        if same.first().is_some_and(|first| first.span_id != part.span_id) {
            merged.extend(span(&mut same));
        }
        same.push(part);
    }
    merged.extend(span(&mut same));
    merged
}

/// What all parts of one span say together; leaves none of them. `None` when there are none.
fn span(parts: &mut Vec<Part>) -> Option<Merged> {
    if parts.len() < 2 {
        let part = parts.pop()?;
        return Some(Merged {
            origins: vec![part.origin],
            part,
            findings: Vec::new(),
            twins: Vec::new(),
        });
    }
    let origins: BTreeSet<Origin> = parts.iter().map(|part| part.origin).collect();
    let merged = Merged {
        findings: conflict(parts).into_iter().collect(),
        twins: Vec::new(),
        part: one(parts),
        origins: origins.into_iter().collect(),
    };
    parts.clear();
    Some(merged)
}

fn one(parts: &[Part]) -> Part {
    let start = parts
        .iter()
        .map(|p| (p.start_from, p.inferred.has(Inferred::START), p.start))
        .min()
        .unwrap_or_default();
    let end = parts
        .iter()
        .filter(|p| p.end.is_some())
        .max_by_key(|p| (p.ended, p.end))
        .and_then(|p| p.end);
    let parent_id = pick(parts, |p| p.parent_id.as_deref().map(|id| (!p.inferred.has(Inferred::PARENT), id)));
    let kind = parts
        .iter()
        .map(|p| (p.kind != SpanKind::Other, !p.inferred.has(Inferred::KIND), p.ended, Reverse(p.kind)))
        .max()
        .map_or(SpanKind::Other, |(.., Reverse(kind))| kind);
    let optional = |field: fn(&Part) -> Option<&String>| text(parts, |p| field(p).map(String::as_str));
    let plain = |field: fn(&Part) -> &str| text(parts, |p| Some(field(p)).filter(|s| !s.is_empty())).unwrap_or_default();
    let all: Vec<&Part> = parts.iter().collect();
    let mut merged = Part {
        trace: parts.iter().map(|p| p.trace).max().unwrap_or_default(),
        trace_id: plain(|p| &p.trace_id),
        span_id: plain(|p| &p.span_id),
        parent_id: parent_id.map(|(_, id)| id.to_owned()),
        kind,
        name: plain(|p| &p.name),
        start: start.2,
        start_from: start.0,
        end,
        ended: parts.iter().any(|p| p.ended),
        time_to_first_token: parts
            .iter()
            .filter_map(|p| Some((Reverse(p.ended), p.time_to_first_token?)))
            .min()
            .map(|(_, time)| time),
        status: parts.iter().map(|p| p.status).max().unwrap_or_default(),
        error: optional(|p| p.error.as_ref()),
        provider: optional(|p| p.provider.as_ref()),
        request_model: optional(|p| p.request_model.as_ref()),
        response_model: optional(|p| p.response_model.as_ref()),
        params: object(&all, |p| p.params.as_ref()),
        stop_reason: optional(|p| p.stop_reason.as_ref()),
        usage: parts.iter().fold(Usage::default(), |usage, p| usage.max(&p.usage)),
        convention: parts
            .iter()
            .filter(|p| p.convention != Convention::Unknown)
            .map(|p| (p.ended, p.convention))
            .max()
            .map_or(Convention::Unknown, |(_, convention)| convention),
        cost_logged: parts
            .iter()
            .filter_map(|p| Some((p.ended, p.cost_logged?)))
            .max()
            .map(|(_, cost)| cost),
        feature: optional(|p| p.feature.as_ref()),
        user: optional(|p| p.user.as_ref()),
        session: optional(|p| p.session.as_ref()),
        service: optional(|p| p.service.as_ref()),
        tool_name: optional(|p| p.tool_name.as_ref()),
        tool_call_id: optional(|p| p.tool_call_id.as_ref()),
        ask: plain(|p| &p.ask),
        answer: plain(|p| &p.answer),
        tool_calls: pick(parts, |p| Some((p.tool_calls.len(), &p.tool_calls)))
            .map(|(_, calls)| calls.clone())
            .unwrap_or_default(),
        documents: parts.iter().filter_map(|p| p.documents).max(),
        slots: parts.iter().fold(0, |slots, p| slots | p.slots),
        attributes: object(&all, |p| p.attributes.as_ref()),
        contents: Vec::new(),
        inferred: Inferred::default(),
        dialect: Cow::Owned(plain(|p| &p.dialect)),
        origin: parts.iter().map(|p| p.origin).min().unwrap_or_default(),
    };
    merged.inferred = inferred(parts, &merged);
    merged
}

/// The best of what the parts state: from a finished part where one states it, then the greatest.
fn pick<'a, T: Ord>(parts: &'a [Part], field: impl Fn(&'a Part) -> Option<T>) -> Option<T> {
    parts
        .iter()
        .filter_map(|p| Some((p.ended, field(p)?)))
        .max()
        .map(|(_, value)| value)
}

fn text<'a>(parts: &'a [Part], field: impl Fn(&'a Part) -> Option<&'a str>) -> Option<String> {
    pick(parts, |p| field(p).map(|s| (s.len(), s))).map(|(_, s)| s.to_owned())
}

/// What every part inferred that speaks for the chosen value; a part that read it clears the mark.
fn inferred(parts: &[Part], merged: &Part) -> Inferred {
    let union = parts.iter().fold(Inferred::default(), |set, p| set.and(p.inferred));
    let mut kept = union.0;
    let mut keep_if_all = |mark: Inferred, speaks: &dyn Fn(&Part) -> bool| {
        if parts.iter().any(|p| speaks(p) && !p.inferred.has(mark)) {
            kept &= !mark.0;
        }
    };
    keep_if_all(Inferred::START, &|p| (p.start_from, p.start) == (merged.start_from, merged.start));
    keep_if_all(Inferred::END, &|p| p.end.is_some() && p.end == merged.end);
    keep_if_all(Inferred::PARENT, &|p| p.parent_id.is_some() && p.parent_id == merged.parent_id);
    keep_if_all(Inferred::KIND, &|p| p.kind == merged.kind);
    Inferred(kept)
}

/// JSON objects joined key by key; of two values for a key the finished part's, then the longer, then the greater text.
pub(super) fn object(parts: &[&Part], field: fn(&Part) -> Option<&Json>) -> Option<Json> {
    let mut texts: Vec<(bool, &Json)> = parts.iter().filter_map(|p| Some((p.ended, field(p)?))).collect();
    texts.sort_unstable();
    texts.dedup_by(|a, b| a.1 == b.1);
    let (_, last) = *texts.last()?;
    if texts.iter().all(|(_, json)| *json == last) {
        return Some(last.clone());
    }
    let mut keys: BTreeMap<String, (bool, usize, &str)> = BTreeMap::new();
    for (ended, json) in &texts {
        let Ok(object) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json.as_str()) else {
            continue;
        };
        for (key, value) in object {
            let value = (*ended, value.get().len(), value.get());
            let best = keys.entry(key).or_insert(value);
            *best = (*best).max(value);
        }
    }
    if keys.is_empty() {
        return Some(last.clone());
    }
    let members: Vec<String> = keys
        .iter()
        .map(|(key, (.., value))| format!("{}:{value}", Json::string(key).as_str()))
        .collect();
    Some(Json::trusted(format!("{{{}}}", members.join(","))))
}

/// Two finished parts that state different figures, models or reasons to stop.
fn conflict(parts: &[Part]) -> Option<Finding> {
    let ended: Vec<&Part> = parts.iter().filter(|p| p.ended).collect();
    let mut differences = Vec::new();
    for (place, (class, _)) in Usage::default().classes().iter().enumerate() {
        let values: BTreeSet<u64> = ended.iter().filter_map(|p| p.usage.classes()[place].1).collect();
        if values.len() > 1 {
            differences.push(format!("{class} tokens {}", list(values.iter())));
        }
    }
    let texts: [(&str, fn(&Part) -> Option<&String>); 3] = [
        ("request model", |p| p.request_model.as_ref()),
        ("response model", |p| p.response_model.as_ref()),
        ("stop reason", |p| p.stop_reason.as_ref()),
    ];
    for (what, field) in texts {
        let values: BTreeSet<&String> = ended.iter().filter_map(|p| field(p)).collect();
        if values.len() > 1 {
            differences.push(format!("{what} {}", list(values.iter())));
        }
    }
    (!differences.is_empty()).then(|| Finding {
        kind: FindingKind::Conflict,
        evidence: format!("finished records of this span disagree: {}", differences.join("; ")),
    })
}

fn list<T: ToString>(values: impl Iterator<Item = T>) -> String {
    values.map(|v| v.to_string()).collect::<Vec<_>>().join(" and ")
}

/// The contents of one span from those of its parts, in each slot those of the longest (bytes, then number of pieces, then the
/// lexicographically greatest), so that the order of the parts does not matter. What others say beyond it is no copy where a
/// conversation is told message by message: it is kept too, in the order of the parts. Slots come in the order of their numbers.
#[must_use]
pub fn merge_pieces(parts: Vec<Vec<Piece>>) -> Vec<Piece> {
    type Rank = (usize, usize, Vec<(String, Cow<'static, str>, u8)>);
    let rank = |pieces: &[Piece]| -> Rank {
        let bytes = pieces.iter().map(|p| p.body.len()).sum();
        let texts = pieces.iter().map(|p| (p.body.clone(), p.role.clone(), p.form.number())).collect();
        (bytes, pieces.len(), texts)
    };
    let mut slots: Vec<Vec<Vec<Piece>>> = Slot::ALL.iter().map(|_| Vec::new()).collect();
    for pieces in parts {
        let mut own: Vec<Vec<Piece>> = Slot::ALL.iter().map(|_| Vec::new()).collect();
        for piece in pieces {
            own[usize::from(piece.slot.number())].push(piece);
        }
        for (all, own) in slots.iter_mut().zip(own).filter(|(_, own)| !own.is_empty()) {
            all.push(own);
        }
    }
    let size = |pieces: &[Piece]| (pieces.iter().map(|p| p.body.len()).sum::<usize>(), pieces.len());
    let mut merged = Vec::new();
    for (slot, mut all) in Slot::ALL.iter().zip(slots) {
        // Texts are compared only when the sizes are equal: most contents are long and differ in length.
        let longest = (0..all.len()).reduce(|best, next| match size(&all[next]).cmp(&size(&all[best])) {
            std::cmp::Ordering::Greater => next,
            std::cmp::Ordering::Less => best,
            std::cmp::Ordering::Equal if rank(&all[next]) > rank(&all[best]) => next,
            std::cmp::Ordering::Equal => best,
        });
        let Some(longest) = longest else { continue };
        if all.len() == 1 || !matches!(slot, Slot::Message | Slot::Response) {
            merged.append(&mut all[longest]);
            continue;
        }
        let winner = all[longest].clone();
        let mut kept: Vec<Piece> = Vec::new();
        for (n, own) in all.into_iter().enumerate() {
            if n != longest && own == winner {
                continue;
            }
            for piece in own {
                let said = |other: &Piece| other.role == piece.role && other.body.contains(&piece.body);
                if n == longest || !winner.iter().any(said) && !kept.iter().any(said) {
                    kept.push(piece);
                }
            }
        }
        merged.append(&mut kept);
    }
    merged
}
