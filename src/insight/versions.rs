//! Prompt versions: system prompts grouped by what stays when the retrieved documents are taken out.

use std::collections::BTreeMap;

use super::usual::retrievals;
use crate::model::content::{Contents, Document};
use crate::model::query::{Peer, Peers};
use crate::model::span::{Nanos, SpanKey};
use crate::model::trace::Trace;
use crate::model::usage::Cost;

/// One system prompt and the interactions that used it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Version {
    /// The text, but for paragraphs that hold retrieved documents.
    pub text: String,
    /// Start of the first interaction that used it.
    pub first: Nanos,
    /// Start of the last one.
    pub last: Nanos,
    /// Interactions.
    pub interactions: usize,
    /// Model calls.
    pub calls: u64,
    /// What they cost, as far as it is known.
    pub cost: Option<Cost>,
    /// Interactions with a finding.
    pub with_finding: usize,
}

/// What stays of a system prompt without the paragraphs that hold retrieved documents.
#[must_use]
pub fn template(system: &str, documents: &[&Document]) -> String {
    let holds = |paragraph: &str| {
        documents
            .iter()
            .filter_map(|document| document.content.as_deref())
            .any(|body| !body.trim().is_empty() && paragraph.contains(body.trim()))
    };
    let kept: Vec<&str> = system.split("\n\n").filter(|paragraph| !holds(paragraph)).collect();
    kept.join("\n\n")
}

/// The system prompt of the call that answered, as a version. `None` where none was logged.
#[must_use]
pub fn version_of(trace: &Trace, contents: &[(SpanKey, Contents)]) -> Option<String> {
    let documents: Vec<&Document> = retrievals(trace, contents).flat_map(|found| found.documents).collect();
    let told = trace.telling()?.key;
    let system = |key| {
        contents
            .iter()
            .find(|(span, _)| *span == key)
            .and_then(|(_, c)| c.system.as_deref())
    };
    // A stacked instrumentation may keep the prompt on another span.
    let text = system(told).or_else(|| contents.iter().find_map(|(_, contents)| contents.system.as_deref()))?;
    Some(template(text, &documents))
}

/// All versions among some interactions, the one seen last first.
#[must_use]
pub fn versions(peers: &Peers) -> Vec<Version> {
    let mut found: BTreeMap<String, Version> = BTreeMap::new();
    for Peer { trace, contents } in &peers.rows {
        let Some(text) = version_of(trace, contents) else { continue };
        let row = &trace.row;
        let version = found.entry(text.clone()).or_insert_with(|| Version {
            text,
            first: row.start,
            last: row.start,
            ..Version::default()
        });
        version.first = version.first.min(row.start);
        version.last = version.last.max(row.start);
        version.interactions += 1;
        version.calls += u64::from(row.llm_calls);
        if let Some(cost) = row.cost {
            version.cost = Some(version.cost.unwrap_or_default() + cost);
        }
        version.with_finding += usize::from(row.findings.iter().next().is_some());
    }
    let mut list: Vec<Version> = found.into_values().collect();
    list.sort_by(|a, b| (b.last, &a.text).cmp(&(a.last, &b.text)));
    list
}

/// The nearest earlier interaction with the same system prompt and without a finding: what to compare a bad one with. Where this one
/// retrieved documents, one that did so too goes before others.
#[must_use]
pub fn last_good<'a>(trace: &Trace, contents: &[(SpanKey, Contents)], peers: &'a Peers) -> Option<&'a Trace> {
    let own = version_of(trace, contents)?;
    let retrieves = |trace, contents| retrievals(trace, contents).next().is_some();
    let alike = retrieves(trace, contents);
    let good: Vec<&Peer> = peers
        .rows
        .iter()
        .filter(|peer| peer.trace.row.findings.iter().next().is_none() && peer.trace.row.llm_calls > 0)
        .filter(|peer| version_of(&peer.trace, &peer.contents).as_ref() == Some(&own))
        .collect();
    let same = good.iter().find(|peer| retrieves(&peer.trace, &peer.contents) == alike);
    same.or(good.first()).map(|peer| &peer.trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_make_no_version() {
        let document = |text: &str| Document {
            content: Some(text.into()),
            ..Document::default()
        };
        let (old, new) = (document("All is paid back."), document("Nothing is paid back."));
        let system = |body: &str| format!("Be brief.\n\nDocuments:\n[1] {body}\n[2] x\n\nNever guess.");
        let of = |document: &Document| template(&system(document.content.as_deref().unwrap_or_default()), &[document]);
        assert_eq!(of(&old), "Be brief.\n\nNever guess.");
        assert_eq!(of(&old), of(&new));
        assert_eq!(template("Be brief.", &[]), "Be brief.");
        assert_ne!(template("Be brief.", &[]), template("Be kind.", &[]));
    }
}
