//! What would make a feature cheaper: a smaller model, a shorter prompt, no model at all. Each answer is a figure of the log and the price
//! table, never a guess about how good an answer would be.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::Seen;
use super::context::{Composition, Portion, asked};
use super::usual::{median, retrievals};
use crate::model::content::Document;
use crate::model::span::Part;
use crate::model::text;
use crate::model::trace::Trace;
use crate::model::usage::{Cost, CostBasis, Usage};
use crate::pricing::Prices;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What to try.
    pub what: &'static str,
    /// What the log says for it, or against it.
    pub says: String,
}

/// All three, in this order. `models` are those that the whole log used, with the calls of each.
#[must_use]
pub fn advise(all: &[Seen<'_>], models: &[(String, u64)], prices: &Prices) -> Vec<Advice> {
    let told = [
        ("a smaller model", smaller(all, models, prices)),
        ("a shorter prompt", shorter(all, prices)),
        ("no model at all", none(all)),
    ];
    told.into_iter().map(|(what, says)| Advice { what, says }).collect()
}

fn money(cost: Cost) -> String {
    text::money(Some(cost), CostBasis::Computed)
}

/// The priced calls of these interactions.
fn calls<'a>(all: &[Seen<'a>]) -> impl Iterator<Item = &'a Part> {
    let spans = all.iter().flat_map(|seen| seen.trace.turns());
    spans.map(|span| &span.part).filter(|part| part.usage != Usage::default())
}

/// The same tokens by the price of another model that the log uses already.
fn smaller(all: &[Seen<'_>], models: &[(String, u64)], prices: &Prices) -> String {
    let mut now = Cost::default();
    let mut own: Vec<&Part> = Vec::new();
    for part in calls(all) {
        if let Some(cost) = prices.bill(part).and_then(|bill| bill.cost()) {
            now += cost;
            own.push(part);
        }
    }
    if own.is_empty() {
        return "none of their calls has a price: nothing to compare".to_owned();
    }
    let used: BTreeSet<&str> = own
        .iter()
        .filter_map(|part| part.response_model.as_deref().or(part.request_model.as_deref()))
        .collect();
    let most = own.iter().filter_map(|part| part.usage.total_input()).max().unwrap_or(0);
    let on = |model: &str| -> Option<Cost> {
        let mut sum = Cost::default();
        for part in &own {
            let price = prices.find(model, None, part.start)?;
            if price.context_window.is_none_or(|window| window < most) {
                return None;
            }
            let moved = Part {
                response_model: Some(model.to_owned()),
                request_model: None,
                provider: None,
                ..(*part).clone()
            };
            sum += prices.bill(&moved)?.cost()?;
        }
        Some(sum)
    };
    let others = models.iter().filter(|(model, _)| !used.contains(model.as_str()));
    let best = others
        .filter_map(|(model, count)| Some((on(model)?, model, count)))
        .filter(|(cost, ..)| *cost < now)
        .min();
    let names = used.iter().copied().collect::<Vec<_>>().join(", ");
    match best {
        Some((cost, model, count)) => format!(
            "their {} calls on {names} cost {}; the same tokens on {model}, which {count} other call{} of this log used, ≈{}",
            own.len(),
            money(now),
            text::plural(*count),
            money(cost)
        ),
        None => format!(
            "their {} calls on {names} cost {}; no other model of this log would be cheaper for the same tokens",
            own.len(),
            money(now)
        ),
    }
}

/// What the input costs, and what most of it is.
fn shorter(all: &[Seen<'_>], prices: &Prices) -> String {
    let (mut input, mut whole) = (Cost::default(), Cost::default());
    for part in calls(all) {
        let Some(cost) = prices.bill(part).and_then(|bill| bill.cost()) else {
            continue;
        };
        let read = Part {
            usage: Usage {
                output: None,
                reasoning: None,
                ..part.usage
            },
            ..part.clone()
        };
        whole += cost;
        input += prices.bill(&read).and_then(|bill| bill.cost()).unwrap_or_default();
    }
    let mut parts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut prompts = 0;
    for seen in all {
        let told = seen.trace.telling().map(|span| span.key);
        let Some((_, contents)) = seen.contents.iter().find(|(key, _)| Some(*key) == told) else {
            continue;
        };
        let documents: Vec<&Document> = retrievals(seen.trace, seen.contents).flat_map(|found| found.documents).collect();
        let made = Composition::of(contents, &documents);
        prompts += u64::from(made.total() > 0);
        for portion in Portion::ALL {
            *parts.entry(portion.name()).or_default() += made.chars(portion);
        }
    }
    let total: u64 = parts.values().sum();
    let made = match parts.iter().max_by_key(|(_, chars)| **chars) {
        Some((name, chars)) if total > 0 => format!(
            "; of {prompts} prompt{} logged ≈{}% is {name}",
            text::plural(prompts),
            u128::from(*chars) * 100 / u128::from(total)
        ),
        _ => "; of what it is made cannot be said: no prompt was logged".to_owned(),
    };
    if whole.0 <= 0 {
        return format!("what its input costs is not known{made}");
    }
    format!(
        "input is {} of {}, {}%{made}",
        money(input),
        money(whole),
        input.0.saturating_mul(100) / whole.0
    )
}

/// Questions that came before, and answers there are only a few of: what a table or a rule could answer.
fn none(all: &[Seen<'_>]) -> String {
    let question = |seen: &Seen<'_>| {
        let told = seen.trace.telling()?.key;
        let (_, contents) = seen.contents.iter().find(|(key, _)| *key == told)?;
        asked(contents).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let questions: Vec<String> = all.iter().filter_map(question).collect();
    let different: BTreeSet<&String> = questions.iter().collect();
    let answer = |trace: &Trace| Some(trace.row.answer.trim().to_owned()).filter(|text| !text.is_empty());
    let answers: Vec<String> = all.iter().filter_map(|seen| answer(seen.trace)).collect();
    let kinds: BTreeSet<&String> = answers.iter().collect();
    let mut lengths: Vec<u64> = calls(all).filter_map(|part| part.usage.output).collect();
    lengths.sort_unstable();
    let mut says = if questions.is_empty() {
        "what was asked was not logged".to_owned()
    } else {
        let again = questions.len() - different.len();
        format!("{again} of {} questions repeat another one word for word", questions.len())
    };
    if !answers.is_empty() {
        says.push_str(&format!("; of {} answers {} begin differently", answers.len(), kinds.len()));
    }
    if let Some(middle) = median(&lengths) {
        says.push_str(&format!("; the median answer has {middle} tokens"));
    }
    says
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::derive;
    use crate::model::content::{Contents, Message, MessagePart};
    use crate::model::query::Peer;
    use crate::model::span::{SpanKind, TraceKey};

    /// One call of a million tokens in and a tenth of that out, with a long system prompt and this question.
    fn peer(number: u64, question: &str, answer: &str) -> Peer {
        let part = Part {
            trace: TraceKey(number),
            trace_id: format!("t{number}"),
            span_id: "s".into(),
            kind: SpanKind::Llm,
            ended: true,
            response_model: Some("claude-sonnet-4-6".into()),
            usage: Usage {
                input: Some(100_000),
                output: Some(10_000),
                ..Usage::default()
            },
            answer: answer.into(),
            ..Part::default()
        };
        let trace = derive(vec![part], &Prices::embedded());
        let told = trace.telling().map(|span| span.key).unwrap_or_default();
        let contents = Contents {
            system: Some("Say yes or no. ".repeat(50)),
            messages: vec![Message {
                role: "user".into(),
                parts: vec![MessagePart::Text { text: question.into() }],
            }],
            ..Contents::default()
        };
        Peer {
            trace,
            contents: vec![(told, contents)],
        }
    }

    fn told(peers: &[Peer], models: &[(&str, u64)]) -> Vec<String> {
        let all: Vec<Seen<'_>> = peers.iter().map(Seen::from).collect();
        let models: Vec<(String, u64)> = models.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        advise(&all, &models, &Prices::embedded()).into_iter().map(|one| one.says).collect()
    }

    #[test]
    fn each_answer_is_a_figure_of_the_log() {
        let peers = [
            peer(1, "Is it open?", "yes"),
            peer(2, "Is it far?", "no"),
            peer(3, "Is it open?", "yes"),
        ];
        // 3 x (0.1 M x $3 + 0.01 M x $15), and 3 x (0.1 M x $1 + 0.01 M x $5).
        assert_eq!(
            told(&peers, &[("claude-sonnet-4-6", 3), ("claude-haiku-4-5", 40), ("nobody-knows", 9)]),
            [
                "their 3 calls on claude-sonnet-4-6 cost $1.3500; the same tokens on claude-haiku-4-5, which 40 other calls of this log used, ≈$0.4500",
                "input is $0.9000 of $1.3500, 66%; of 3 prompts logged ≈98% is system",
                "1 of 3 questions repeat another one word for word; of 3 answers 2 begin differently; the median answer has 10000 tokens",
            ]
        );
        // Nothing is alleged of models that the log has not seen.
        assert_eq!(
            told(&peers, &[("claude-sonnet-4-6", 3)])[0],
            "their 3 calls on claude-sonnet-4-6 cost $1.3500; no other model of this log would be cheaper for the same tokens"
        );
    }

    #[test]
    fn what_was_not_logged_is_said() {
        let mut bare = peer(1, "", "");
        bare.contents.clear();
        bare.trace = derive(
            vec![Part {
                trace: TraceKey(1),
                trace_id: "t".into(),
                span_id: "s".into(),
                kind: SpanKind::Llm,
                ..Part::default()
            }],
            &Prices::embedded(),
        );
        assert_eq!(
            told(&[bare], &[("claude-haiku-4-5", 40)]),
            [
                "none of their calls has a price: nothing to compare",
                "what its input costs is not known; of what it is made cannot be said: no prompt was logged",
                "what was asked was not logged",
            ]
        );
    }
}
