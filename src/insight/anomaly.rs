//! What a cost is beside the usual of its feature, and what explains a spike: the causes a person would look for, each with its figures.

use std::collections::{BTreeMap, BTreeSet};

use super::usual::{median, retrievals};
use super::versions;
use crate::model::anomaly::{Judging, Verdict, times};
use crate::model::content::{Contents, MessagePart};
use crate::model::query::{Peer, Peers};
use crate::model::span::{SpanKey, TraceKey};
use crate::model::text;
use crate::model::trace::Trace;
use crate::model::usage::CostBasis;

/// What an interaction cost beside its feature's median, as a sentence, and how it is judged.
#[must_use]
pub fn beside(trace: &Trace, peers: &Peers, judging: &Judging) -> (Verdict, String) {
    let row = &trace.row;
    let baseline = judging.baseline(row.feature.as_deref(), peers.p50, peers.priced);
    let verdict = judging.rule.judge(row.cost, baseline);
    let own = text::money(
        row.cost,
        if row.unpriced_calls > 0 {
            CostBasis::LowerBound
        } else {
            row.cost_basis
        },
    );
    let says = match (row.cost, baseline) {
        (None, _) => "what it cost is not known".to_owned(),
        (Some(_), None) if row.feature.is_none() => format!("{own}; no baseline: the feature was not logged"),
        (Some(_), None) => format!(
            "{own}; no baseline: {} of this feature with a known cost in the {} before, {} needed",
            peers.priced,
            reach(judging),
            judging.rule.minimum
        ),
        (Some(cost), Some(baseline)) => format!(
            "{own}: {} × the feature's {} {} of {} interactions",
            times(cost, baseline.p50).unwrap_or_else(|| "more than 0".into()),
            if peers.priced < judging.rule.minimum {
                "saved median"
            } else {
                "median"
            },
            text::money(Some(baseline.p50), CostBasis::Computed),
            baseline.samples
        ),
    };
    (verdict, says)
}

/// `7 days`, `36 hours`: how far a baseline reaches back.
#[must_use]
pub fn reach(judging: &Judging) -> String {
    const HOUR: i64 = 3_600_000_000_000;
    let hours = judging.rule.window / HOUR;
    if hours % 24 == 0 && hours > 24 {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}

/// `twice`, `2.5 times`: the multiple above which a cost is out of the ordinary.
#[must_use]
pub fn multiple(judging: &Judging) -> String {
    match judging.rule.multiplier {
        2_000 => "twice".to_owned(),
        thousandths => format!("{} times", f64::from(thousandths) / 1_000.0),
    }
}

/// An interaction with what is known of its contents.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The interaction.
    pub trace: &'a Trace,
    /// Its contents, as far as they were fetched.
    pub contents: &'a [(SpanKey, Contents)],
}

impl<'a> From<&'a Peer> for Seen<'a> {
    fn from(peer: &'a Peer) -> Self {
        Self {
            trace: &peer.trace,
            contents: &peer.contents,
        }
    }
}

/// Something that explains a cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What is more than usual, with its figures.
    pub says: String,
    /// The interaction that shows it best.
    pub shown_by: TraceKey,
}

/// A figure of an interaction.
type Figure<'a> = &'a dyn Fn(&Seen<'_>) -> Option<u64>;

/// Why some interactions may be dear: what they have more of than others of their feature. Of several the one in the middle speaks.
#[must_use]
pub fn causes(dear: &[Seen<'_>], usual: &[Seen<'_>]) -> Vec<Cause> {
    let Some(first) = dear.first() else { return Vec::new() };
    let mut causes = Vec::new();
    let mut add = |says: String, shown_by: TraceKey| causes.push(Cause { says, shown_by });
    let middle = |of: &[Seen<'_>], figure: Figure<'_>| {
        let mut all: Vec<u64> = of.iter().filter_map(figure).collect();
        all.sort_unstable();
        median(&all)
    };
    let most = |figure: Figure<'_>| dear.iter().max_by_key(|seen| figure(seen)).unwrap_or(first).trace.row.trace;
    let documents = |seen: &Seen<'_>| {
        let mut counts = retrievals(seen.trace, seen.contents).map(|found| found.count as u64).peekable();
        counts.peek()?;
        Some(counts.sum())
    };
    let history = |seen: &Seen<'_>| {
        let told = seen.trace.telling()?.key;
        let messages = seen.contents.iter().find(|(key, _)| *key == told)?.1.messages.len() as u64;
        (messages > 0).then_some(messages)
    };
    let figures: [(&str, &str, Figure<'_>); 6] = [
        ("model calls", "", &|seen| Some(u64::from(seen.trace.row.llm_calls))),
        ("messages in the prompt (history)", "", &history),
        ("input tokens of the first call (history)", "", &|seen| {
            seen.trace.turns().first().and_then(|span| span.part.usage.total_input())
        }),
        ("input tokens", "", &|seen| seen.trace.row.usage.total_input()),
        ("output tokens", "", &|seen| seen.trace.row.usage.output),
        ("documents", " for an interaction", &documents),
    ];
    for (what, of, figure) in figures {
        if let (Some(own), Some(usually)) = (middle(dear, figure), middle(usual, figure))
            && own > usually.saturating_mul(3) / 2
        {
            add(format!("{what}: {own}, where {usually} is usual{of}"), most(figure));
        }
    }
    let cached = |seen: &Seen<'_>| {
        let usage = &seen.trace.row.usage;
        let (read, all) = (usage.cache_read?, usage.total_input().filter(|all| *all > 0)?);
        Some(u64::try_from(u128::from(read) * 100 / u128::from(all)).unwrap_or(100))
    };
    if let (Some(own), Some(usually)) = (middle(dear, &cached), middle(usual, &cached))
        && own + 20 < usually
    {
        let missed = |seen: &Seen<'_>| Some(100 - cached(seen)?.min(100));
        add(
            format!("cache: {own}% of the input were read from it, where {usually}% are usual"),
            most(&missed),
        );
    }
    let (own, usually) = (models(dear), models(usual));
    if let (Some((model, shown_by, count)), Some((usual_model, _, usual_count))) = (most_used(&own), most_used(&usually))
        && model != usual_model
    {
        let all = |models: &BTreeMap<&str, (usize, TraceKey)>| models.values().map(|(count, _)| count).sum::<usize>();
        let own = if dear.len() == 1 {
            String::new()
        } else {
            format!(" in {count} of {} calls", all(&own))
        };
        add(
            format!(
                "model: {model}{own}, where {usual_model} is usual ({usual_count} of {} calls)",
                all(&usually)
            ),
            shown_by,
        );
    }
    let length = |seen: &Seen<'_>| Some(versions::version_of(seen.trace, seen.contents)?.chars().count() as u64);
    if let (Some(own), Some(usually)) = (middle(dear, &length), middle(usual, &length))
        && own > usually * 3 / 2
    {
        add(format!("system prompt: {own} characters, where {usually} are usual"), most(&length));
    }
    blocks(dear, usual, &mut add);
    causes
}

/// The models of the model calls, how often each, and one interaction that used it.
fn models<'a>(of: &[Seen<'a>]) -> BTreeMap<&'a str, (usize, TraceKey)> {
    let mut models = BTreeMap::new();
    for seen in of {
        for model in seen.trace.turns().into_iter().filter_map(|span| span.model()) {
            models.entry(model).or_insert((0, seen.trace.row.trace)).0 += 1;
        }
    }
    models
}

/// The most frequent one; of several the one that sorts first.
fn most_used<'a>(models: &BTreeMap<&'a str, (usize, TraceKey)>) -> Option<(&'a str, TraceKey, usize)> {
    let most = models.iter().max_by(|a, b| a.1.0.cmp(&b.1.0).then(b.0.cmp(a.0)));
    most.map(|(model, (count, trace))| (*model, *trace, *count))
}

/// Shorter paragraphs repeat by chance.
const LEAST: usize = 80;

/// Paragraphs that repeat: within a prompt, and in every dear prompt but in none of the usual ones.
fn blocks(dear: &[Seen<'_>], usual: &[Seen<'_>], add: &mut dyn FnMut(String, TraceKey)) {
    let prompts: Vec<(Vec<String>, TraceKey)> = dear.iter().map(|seen| (paragraphs(seen), seen.trace.row.trace)).collect();
    let within = prompts
        .iter()
        .filter_map(|(all, trace)| repeated(all).map(|(times, letters)| (times, letters, *trace)))
        .max_by_key(|(times, letters, _)| times * letters);
    if let Some((times, letters, trace)) = within {
        let before = usual
            .iter()
            .filter_map(|seen| repeated(&paragraphs(seen)))
            .map(|(times, _)| times)
            .max();
        if before.is_none_or(|before| before < times) {
            add(
                format!("a paragraph of {letters} characters stands {times} times in one prompt"),
                trace,
            );
        }
    }
    // One prompt alone tells nothing about every prompt.
    let Some(((first, trace), others)) = prompts.split_first().filter(|(_, others)| !others.is_empty() && !usual.is_empty()) else {
        return;
    };
    let before: BTreeSet<String> = usual.iter().flat_map(paragraphs).collect();
    let in_all = |block: &&String| !before.contains(*block) && others.iter().all(|(all, _)| all.contains(block));
    let mut seen = BTreeSet::new();
    let letters: usize = first
        .iter()
        .filter(in_all)
        .filter(|block| seen.insert(*block))
        .map(|block| block.chars().count())
        .sum();
    if letters > 0 {
        add(
            format!(
                "{letters} characters stand in every one of {} dear prompts and in none of {} usual ones",
                prompts.len(),
                usual.len()
            ),
            *trace,
        );
    }
}

/// What is said to the model that answered, paragraph by paragraph; short ones left out.
fn paragraphs(seen: &Seen<'_>) -> Vec<String> {
    let told = seen.trace.telling().map(|span| span.key);
    let mut texts: Vec<String> = versions::version_of(seen.trace, seen.contents).into_iter().collect();
    let own = seen.contents.iter().filter(|(key, _)| Some(*key) == told);
    for message in own.flat_map(|(_, contents)| &contents.messages) {
        texts.extend(message.parts.iter().filter_map(|part| match part {
            MessagePart::Text { text } => Some(text.clone()),
            _ => None,
        }));
    }
    texts
        .iter()
        .flat_map(|text| text.split("\n\n"))
        .map(str::trim)
        .filter(|one| one.chars().count() >= LEAST)
        .map(str::to_owned)
        .collect()
}

/// The paragraph that takes most by standing more than once: how often, and its length.
fn repeated(paragraphs: &[String]) -> Option<(usize, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in paragraphs {
        *counts.entry(one).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|(_, times)| *times > 1)
        .map(|(one, times)| (times, one.chars().count()))
        .max_by_key(|(times, letters)| times * letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::derive::derive;
    use crate::model::content::Message;
    use crate::model::span::{Origin, Part, SpanKind};
    use crate::model::usage::Usage;
    use crate::pricing::Prices;

    /// What one interaction is like: model calls, messages, input, output, cache reads, documents, model, system prompt.
    #[derive(Clone)]
    struct Like {
        calls: u64,
        messages: usize,
        input: u64,
        output: u64,
        read: u64,
        documents: u32,
        model: &'static str,
        system: String,
    }

    fn usual() -> Like {
        Like {
            calls: 1,
            messages: 3,
            input: 1_000,
            output: 100,
            read: 4_000,
            documents: 5,
            model: "claude-haiku-4-5",
            system: "You answer questions about invoices. Be brief, quote the invoice, and say where it can be found by the customer."
                .into(),
        }
    }

    fn seen(like: &Like, number: u64) -> Peer {
        let part = |n: u64, kind| Part {
            trace: TraceKey(number),
            trace_id: format!("t{number}"),
            span_id: format!("s{n}"),
            kind,
            start: n as i64,
            ended: true,
            origin: Origin {
                offset: number * 100 + n,
                ..Origin::default()
            },
            ..Part::default()
        };
        let mut parts = vec![Part {
            documents: Some(like.documents),
            ..part(0, SpanKind::Retrieval)
        }];
        parts.extend((1..=like.calls).map(|n| Part {
            response_model: Some(like.model.to_owned()),
            usage: Usage {
                input: Some(like.input),
                output: Some(like.output),
                cache_read: Some(like.read),
                ..Usage::default()
            },
            ..part(n, SpanKind::Llm)
        }));
        let trace = derive(parts, &Prices::embedded());
        let told = trace.telling().map(|span| span.key).unwrap_or_default();
        let say = |n: usize| Message {
            role: "user".into(),
            parts: vec![MessagePart::Text {
                text: format!("question {n} of {number}"),
            }],
        };
        let contents = Contents {
            system: Some(like.system.clone()),
            messages: (0..like.messages).map(say).collect(),
            ..Contents::default()
        };
        Peer {
            trace,
            contents: vec![(told, contents)],
        }
    }

    #[test]
    fn each_cause_is_named_with_its_figures_and_none_is_invented() {
        const BLOCK: &str = "CUSTOMER RECORD: every field of the customer stands here, whether it is asked for or not, in every prompt.";
        let table: [(&str, fn(&mut Like), &[&str]); 9] = [
            ("as usual", |_| {}, &[]),
            ("a half more is still usual", |like| like.output = 150, &[]),
            (
                "calls",
                |like| like.calls = 4,
                &["model calls: 4, where 1 is usual", "input tokens: 20000, where 5000 is usual"],
            ),
            (
                "history",
                |like| (like.messages, like.input) = (40, 9_000),
                &[
                    "messages in the prompt (history): 40, where 3 is usual",
                    "input tokens of the first call (history): 13000, where 5000 is usual",
                ],
            ),
            (
                "documents",
                |like| like.documents = 20,
                &["documents: 20, where 5 is usual for an interaction"],
            ),
            ("output", |like| like.output = 151, &["output tokens: 151, where 100 is usual"]),
            (
                "cache misses",
                |like| (like.input, like.read) = (5_000, 0),
                &["cache: 0% of the input were read from it, where 80% are usual"],
            ),
            (
                "another model",
                |like| like.model = "claude-sonnet-4-6",
                &["model: claude-sonnet-4-6 in 4 of 4 calls, where claude-haiku-4-5 is usual (6 of 6 calls)"],
            ),
            (
                "a block in every prompt, twice",
                |like| {
                    like.system = format!("{}\n\n{BLOCK}\n\n{BLOCK}", like.system);
                },
                &[
                    "system prompt: 328 characters, where 112 are usual",
                    "stands 2 times in one prompt",
                    "106 characters stand in every one of 4 dear prompts and in none of 6 usual ones",
                ],
            ),
        ];
        let others: Vec<Peer> = (10..16).map(|n| seen(&usual(), n)).collect();
        let others: Vec<Seen<'_>> = others.iter().map(Seen::from).collect();
        for (what, change, expected) in table {
            let mut like = usual();
            change(&mut like);
            let dear: Vec<Peer> = (1..5).map(|n| seen(&like, n)).collect();
            let dear: Vec<Seen<'_>> = dear.iter().map(Seen::from).collect();
            let told = causes(&dear, &others);
            let says: Vec<&str> = told.iter().map(|cause| cause.says.as_str()).collect();
            for words in expected {
                assert!(says.iter().any(|says| says.contains(words)), "{what}: no `{words}` in {says:#?}");
            }
            if expected.len() < 2 {
                assert_eq!(says.len(), expected.len(), "{what}: {says:#?}");
            }
            assert!(told.iter().all(|cause| (1..5).contains(&cause.shown_by.0)), "{what}");
        }
        assert_eq!(causes(&[], &others), []);
    }

    #[test]
    fn a_repeated_block_is_seen() {
        let block = "Never promise a refund; quote the invoice and its number, and say where it can be found. ".repeat(2);
        let all = |blocks: &[&str]| blocks.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        assert_eq!(repeated(&all(&[&block, "other", &block, &block])), Some((3, block.chars().count())));
        assert_eq!(repeated(&all(&[&block, "other"])), None);
    }
}
