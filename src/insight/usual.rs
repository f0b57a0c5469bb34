//! What is usual for a feature: figures over the interactions that came before one, to judge it by.

use std::collections::BTreeMap;

use super::context;
use crate::model::content::{Contents, Document};
use crate::model::query::{Peer, Peers};
use crate::model::span::{Nanos, Part, SpanKey, SpanKind};
use crate::model::trace::{FindingKind, Trace};
use crate::pricing::Prices;

/// How far back is looked: 168 hours.
pub const WEEK: Nanos = 604_800_000_000_000;
/// At most so many interactions are looked at, the newest.
pub const MOST: u32 = 500;

/// How often each value occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, usize>);

impl Counts {
    fn add(&mut self, value: String) {
        *self.0.entry(value).or_default() += 1;
    }

    /// The most frequent value and how often it occurs; of several the one that sorts first.
    #[must_use]
    pub fn most(&self) -> Option<(&str, usize)> {
        self.0
            .iter()
            .max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)))
            .map(|(value, count)| (value.as_str(), *count))
    }

    /// The most frequent value, where it is a habit: three times at least, and more than three of four.
    #[must_use]
    pub fn habit(&self) -> Option<(&str, usize)> {
        self.most().filter(|(_, count)| *count >= 3 && count * 4 > self.total() * 3)
    }

    /// How often a value occurs.
    #[must_use]
    pub fn of(&self, value: &str) -> usize {
        self.0.get(value).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }
}

/// The routine of a feature.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usual {
    /// Interactions looked at.
    pub interactions: usize,
    /// There are older ones within the week.
    pub more: bool,
    /// Models by their calls: the one that answered, else the one asked for.
    pub models: Counts,
    /// Temperatures by their calls, spelled as logged.
    pub temperatures: Counts,
    /// Calls whose prompt filled more than 80 % of the window.
    pub nearly_full: usize,
    /// Calls whose share of the window is known.
    pub measured: usize,
    /// Documents of each retrieval, ascending.
    pub documents: Vec<usize>,
    /// The best score of each retrieval that has scores, ascending.
    pub scores: Vec<f64>,
    /// Interactions with a retrieval.
    pub retrieving: usize,
}

impl Usual {
    /// The routine behind some interactions.
    #[must_use]
    pub fn of(peers: &Peers, prices: &Prices) -> Self {
        let mut usual = Self {
            interactions: peers.rows.len(),
            more: peers.more,
            ..Self::default()
        };
        for Peer { trace, contents } in &peers.rows {
            for span in trace.turns() {
                if let Some(model) = span.model() {
                    usual.models.add(model.to_owned());
                }
                if let Some(temperature) = parameter(&span.part, "temperature") {
                    usual.temperatures.add(temperature);
                }
                if span.part.usage.total_input().is_some() && context::window(span, prices).is_some() {
                    usual.measured += 1;
                    usual.nearly_full += usize::from(span.findings.iter().any(|f| f.kind == FindingKind::ContextNearlyFull));
                }
            }
            let mut retrieves = false;
            for retrieval in retrievals(trace, contents) {
                retrieves = true;
                usual.documents.push(retrieval.count);
                usual
                    .scores
                    .extend(retrieval.documents.iter().filter_map(score).max_by(f64::total_cmp));
            }
            usual.retrieving += usize::from(retrieves);
        }
        usual.documents.sort_unstable();
        usual.scores.sort_by(f64::total_cmp);
        usual
    }

    /// `of 22 interactions this week`, `of the latest 500 interactions this week`.
    #[must_use]
    pub fn scope(&self) -> String {
        let (latest, s) = (
            if self.more { "the latest " } else { "" },
            if self.interactions == 1 { "" } else { "s" },
        );
        format!("{latest}{} interaction{s} of this feature in the 7 days before", self.interactions)
    }
}

/// Of two middle ones the lower.
#[must_use]
pub fn median<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len().saturating_sub(1) / 2).copied()
}

/// A request's parameter, spelled as logged, quotes apart.
#[must_use]
pub fn parameter(part: &Part, name: &str) -> Option<String> {
    match part.params.as_ref()?.value().get(name)? {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A document's score, where it is a number.
#[must_use]
pub fn score(document: &Document) -> Option<f64> {
    let text = document.score.as_ref()?.as_str().trim_matches('"');
    text.parse().ok().filter(|score: &f64| score.is_finite())
}

/// Something that returned documents: a search, or a tool or a call whose record lists some.
#[derive(Clone, Copy, Debug)]
pub struct Retrieval<'a> {
    /// The span.
    pub span: SpanKey,
    /// How many documents it returned.
    pub count: usize,
    /// Those whose record was logged.
    pub documents: &'a [Document],
}

/// Everything in a trace that returned documents, in tree order.
pub fn retrievals<'a>(trace: &'a Trace, contents: &'a [(SpanKey, Contents)]) -> impl Iterator<Item = Retrieval<'a>> {
    trace.spans.iter().filter(|span| !span.missing).filter_map(|span| {
        let documents = contents
            .iter()
            .find(|(key, _)| *key == span.key)
            .map_or(&[][..], |(_, contents)| &contents.documents);
        let logged = span.part.documents.map(|count| count as usize);
        let is_one = span.part.kind == SpanKind::Retrieval || logged.is_some() || !documents.is_empty();
        is_one.then(|| Retrieval {
            span: span.key,
            count: logged.unwrap_or(documents.len()),
            documents,
        })
    })
}
