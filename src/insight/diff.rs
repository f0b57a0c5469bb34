//! Two interactions, or two calls, side by side: parameters, tokens, cost, time, documents, tools, and the words of prompt and answer.

use similar::{Algorithm, ChangeTag, TextDiff};

use super::usual::retrievals;
use crate::model::content::{Contents, Document};
use crate::model::span::{SpanKey, SpanKind};
use crate::model::text;
use crate::model::trace::{FindingKind, Span, Trace};
use crate::model::usage::CostBasis;

/// Words of one changed passage that are still compared one by one; a longer one is out or in as a whole.
const MOST_WORDS: usize = 20_000;

/// Passages that have less than this share of the shorter one's words in common, in percent, are out and in as a whole: so much is common to
/// any two texts.
const ALIKE: usize = 50;

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The interaction.
    pub trace: &'a Trace,
    /// All its contents.
    pub contents: &'a [(SpanKey, Contents)],
    /// The call whose prompt and answer are compared; `None` is the telling one.
    pub span: Option<SpanKey>,
    /// Its prompt to read.
    pub prompt: &'a str,
    /// Its answer to read.
    pub answer: &'a str,
}

impl Side<'_> {
    fn call(&self) -> Option<&Span> {
        match self.span {
            Some(key) => self.trace.spans.iter().find(|span| span.key == key),
            None => self.trace.telling(),
        }
    }
}

/// A figure or a name of both sides; `None` is "not logged".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// Of the first.
    pub left: Option<String>,
    /// Of the second.
    pub right: Option<String>,
}

impl Fact {
    /// Whether the sides differ.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.left != self.right
    }
}

/// What became of something from the first to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Change {
    /// It is in both.
    Same,
    /// Only the first has it.
    Out,
    /// Only the second has it.
    In,
}

impl Change {
    /// Its name in data.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What became of it.
    pub change: Change,
    /// The text, line breaks included.
    pub text: String,
}

/// All that two sides have in common and not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Trace ids.
    pub ids: [String; 2],
    /// Figures and names, those first that every interaction has.
    pub facts: Vec<Fact>,
    /// Retrieved documents by their names.
    pub documents: Vec<(Change, String)>,
    /// Tools that were used, by name and how often.
    pub tools: Vec<Fact>,
    /// The prompt by words.
    pub prompt: Vec<Piece>,
    /// The answer by words.
    pub answer: Vec<Piece>,
}

/// Compares two sides.
#[must_use]
pub fn compare(left: Side<'_>, right: Side<'_>) -> Comparison {
    Comparison {
        ids: [left.trace.row.trace_id.clone(), right.trace.row.trace_id.clone()],
        facts: facts(left, right),
        documents: documents(left, right),
        tools: tools(left, right),
        prompt: words(left.prompt, right.prompt),
        answer: words(left.answer, right.answer),
    }
}

fn facts(left: Side<'_>, right: Side<'_>) -> Vec<Fact> {
    let mut facts: Vec<Fact> = Vec::new();
    let (rows, calls) = ([&left.trace.row, &right.trace.row], [left.call(), right.call()]);
    let mut add = |name: &str, left: Option<String>, right: Option<String>| {
        if left.is_some() || right.is_some() {
            let name = name.to_owned();
            facts.push(Fact { name, left, right });
        }
    };
    let time = |at: i64| jiff::Timestamp::from_nanosecond(i128::from(at)).map_or_else(|_| at.to_string(), |at| at.to_string());
    let [a, b] = rows;
    add("started", Some(time(a.start)), Some(time(b.start)));
    add("feature", a.feature.clone(), b.feature.clone());
    add("user", a.user.clone(), b.user.clone());
    add("session", a.session.clone(), b.session.clone());
    add("service", a.service.clone(), b.service.clone());
    let findings = |row: &crate::model::trace::Interaction| {
        let names: Vec<&str> = row.findings.iter().map(FindingKind::name).collect();
        Some(if names.is_empty() { "none".to_owned() } else { names.join(", ") })
    };
    add("findings", findings(a), findings(b));
    let mut of_call = |name: &str, read: &dyn Fn(&Span) -> Option<String>| {
        let [left, right] = calls.map(|call| call.and_then(read));
        add(name, left, right);
    };
    of_call("model asked", &|span| span.part.request_model.clone());
    of_call("model that answered", &|span| span.part.response_model.clone());
    of_call("provider", &|span| span.part.provider.clone());
    let mut names: Vec<String> = Vec::new();
    for object in calls.iter().flatten().filter_map(|span| span.part.params.as_ref()) {
        if let serde_json::Value::Object(members) = object.value() {
            names.extend(members.into_iter().map(|(name, _)| name));
        }
    }
    names.sort();
    names.dedup();
    for name in names.iter().filter(|name| *name != "model") {
        of_call(name, &|span| super::usual::parameter(&span.part, name));
    }
    of_call("stop reason", &|span| span.part.stop_reason.clone());
    let count = |count: Option<u64>| count.map(|count| count.to_string());
    of_call("input tokens", &|span| count(span.part.usage.input));
    of_call("cache read tokens", &|span| count(span.part.usage.cache_read));
    of_call("cache write tokens", &|span| count(span.part.usage.total_cache_write()));
    of_call("output tokens", &|span| count(span.part.usage.output));
    add("model calls", Some(a.llm_calls.to_string()), Some(b.llm_calls.to_string()));
    add("tool calls", Some(a.tool_calls.to_string()), Some(b.tool_calls.to_string()));
    add("tokens in all", count(a.usage.total()), count(b.usage.total()));
    let cost = |row: &crate::model::trace::Interaction| {
        row.cost.map(|cost| {
            let at_least = if row.cost_basis == CostBasis::LowerBound || row.unpriced_calls > 0 {
                "≥"
            } else {
                ""
            };
            format!("{at_least}${}", cost.decimal())
        })
    };
    add("cost", cost(a), cost(b));
    let took = |row: &crate::model::trace::Interaction| row.duration.map(|nanos| format!("{} ms", text::millis(nanos)));
    add("took", took(a), took(b));
    facts
}

/// A document's id, else the beginning of its text.
fn named(document: &Document) -> String {
    let text = document.id.as_deref().or(document.content.as_deref()).unwrap_or("(no id)");
    text.chars().take(60).collect()
}

/// Those of the first in their order, then those that only the second has.
fn documents(left: Side<'_>, right: Side<'_>) -> Vec<(Change, String)> {
    let of = |side: Side<'_>| -> Vec<(String, Option<String>)> {
        let found = retrievals(side.trace, side.contents).flat_map(|retrieval| retrieval.documents);
        found.map(|document| (named(document), document.content.clone())).collect()
    };
    let (left, right) = (of(left), of(right));
    let mut list = Vec::new();
    for (name, body) in &left {
        match right.iter().find(|(other, _)| other == name) {
            None => list.push((Change::Out, name.clone())),
            Some((_, other)) if other == body => list.push((Change::Same, name.clone())),
            Some(_) => {
                list.push((Change::Out, format!("{name} (its text was another)")));
                list.push((Change::In, format!("{name} (its text is another)")));
            }
        }
    }
    let only = |(name, _): &&(String, Option<String>)| !left.iter().any(|(other, _)| other == name);
    list.extend(right.iter().filter(only).map(|(name, _)| (Change::In, name.clone())));
    list
}

fn tools(left: Side<'_>, right: Side<'_>) -> Vec<Fact> {
    let names = |side: Side<'_>| -> Vec<String> {
        let used = side
            .trace
            .spans
            .iter()
            .filter(|span| span.part.kind == SpanKind::Tool && !span.missing);
        used.map(|span| span.part.tool_name.clone().unwrap_or_else(|| span.part.name.clone()))
            .collect()
    };
    let (left, right) = (names(left), names(right));
    let mut all: Vec<&String> = left.iter().chain(&right).collect();
    all.sort();
    all.dedup();
    let times = |list: &[String], name: &String| {
        let count = list.iter().filter(|other| *other == name).count();
        (count > 0).then(|| format!("{count}×"))
    };
    all.into_iter()
        .map(|name| Fact {
            name: name.clone(),
            left: times(&left, name),
            right: times(&right, name),
        })
        .collect()
}

/// Two texts by their words, or as a whole where they are not alike. Lines are compared first, so that a long prompt with one changed passage costs what the passage does.
#[must_use]
pub fn words(left: &str, right: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut add = |change: Change, text: &str| match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.change == change => last.text.push_str(text),
        _ => pieces.push(Piece {
            change,
            text: text.to_owned(),
        }),
    };
    let by_line = TextDiff::configure().algorithm(Algorithm::Patience).diff_lines(left, right);
    let (mut out, mut new) = (String::new(), String::new());
    let passage = |out: &mut String, new: &mut String, add: &mut dyn FnMut(Change, &str)| {
        let count = |text: &str| text.split_whitespace().count();
        if out.is_empty() || new.is_empty() || count(out) + count(new) > MOST_WORDS {
            add(Change::Out, out);
            add(Change::In, new);
        } else {
            let by_word = TextDiff::from_words(out.as_str(), new.as_str());
            let equal = by_word.iter_all_changes().filter(|change| change.tag() == ChangeTag::Equal);
            let common: usize = equal.map(|change| count(change.value())).sum();
            if common * 100 < count(out).min(count(new)) * ALIKE {
                add(Change::Out, out);
                add(Change::In, new);
            } else {
                for change in by_word.iter_all_changes() {
                    let kind = match change.tag() {
                        ChangeTag::Equal => Change::Same,
                        ChangeTag::Delete => Change::Out,
                        ChangeTag::Insert => Change::In,
                    };
                    add(kind, change.value());
                }
            }
        }
        out.clear();
        new.clear();
    };
    for change in by_line.iter_all_changes() {
        match change.tag() {
            ChangeTag::Equal => {
                passage(&mut out, &mut new, &mut add);
                add(Change::Same, change.value());
            }
            ChangeTag::Delete => out.push_str(change.value()),
            ChangeTag::Insert => new.push_str(change.value()),
        }
    }
    passage(&mut out, &mut new, &mut add);
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_changed_word_is_one_changed_word() {
        let told: Vec<(Change, String)> = words("You are kind.\nAnswer in French now.\n", "You are kind.\nAnswer in German now.\n")
            .into_iter()
            .map(|piece| (piece.change, piece.text))
            .collect();
        assert_eq!(
            told,
            [
                (Change::Same, "You are kind.\nAnswer in ".to_owned()),
                (Change::Out, "French".to_owned()),
                (Change::In, "German".to_owned()),
                (Change::Same, " now.\n".to_owned()),
            ]
        );
        assert_eq!(words("", ""), []);
    }

    #[test]
    fn answers_that_have_nothing_but_common_words_in_common_are_told_whole() {
        let (old, new) = (
            "The annual plan can be refunded within 30 days of the purchase.",
            "I am sorry, the order number of the parcel is not known to me.",
        );
        let told: Vec<(Change, String)> = words(old, new).into_iter().map(|piece| (piece.change, piece.text)).collect();
        assert_eq!(told, [(Change::Out, old.to_owned()), (Change::In, new.to_owned())]);
        // One sentence of several is another: the rest is still told by its words.
        let longer = format!("{old} Ask us by mail. Have the number of your invoice at hand when you do.");
        let pieces = words(old, &longer);
        assert!(pieces.iter().any(|piece| piece.change == Change::Same), "{pieces:?}");
    }

    proptest! {
        #[test]
        fn both_texts_can_be_put_together_again(left in "[ab \n]{0,40}", right in "[ab \n\u{e9}\u{1b}]{0,40}") {
            let pieces = words(&left, &right);
            let of = |skip: Change| pieces.iter().filter(|piece| piece.change != skip).map(|piece| piece.text.as_str()).collect::<String>();
            prop_assert_eq!(of(Change::In), left);
            prop_assert_eq!(of(Change::Out), right);
        }
    }

    #[test]
    fn documents_come_and_go() {
        use crate::model::span::Part;
        let side = |list: &[(&str, &str)]| {
            let part = Part {
                kind: SpanKind::Retrieval,
                documents: Some(list.len() as u32),
                ..Part::default()
            };
            let trace = crate::model::trace::Trace {
                spans: vec![crate::model::trace::Span {
                    key: SpanKey(1),
                    part,
                    parent: None,
                    depth: 0,
                    origins: Vec::new(),
                    twins: Vec::new(),
                    rolled_up: false,
                    counted: false,
                    cost: None,
                    cost_basis: crate::model::usage::CostBasis::Computed,
                    saved: None,
                    findings: Vec::new(),
                    missing: false,
                    total_usage: crate::model::usage::Usage::default(),
                    total_cost: None,
                    turn: None,
                    previous_input: None,
                }],
                ..Trace::default()
            };
            let documents = list
                .iter()
                .map(|(id, text)| Document {
                    id: Some((*id).into()),
                    content: Some((*text).into()),
                    ..Document::default()
                })
                .collect();
            let contents = Contents {
                documents,
                ..Contents::default()
            };
            (trace, vec![(SpanKey(1), contents)])
        };
        let (a, b) = (
            side(&[("x", "1"), ("y", "1"), ("z", "1")]),
            side(&[("y", "1"), ("z", "2"), ("w", "1")]),
        );
        let of = |side: &'static str, pair: &(Trace, Vec<(SpanKey, Contents)>)| (side, pair.0.clone(), pair.1.clone());
        let ((_, t1, c1), (_, t2, c2)) = (of("a", &a), of("b", &b));
        fn side_of<'a>(trace: &'a Trace, contents: &'a [(SpanKey, Contents)]) -> Side<'a> {
            Side {
                trace,
                contents,
                span: None,
                prompt: "",
                answer: "",
            }
        }
        let told = compare(side_of(&t1, &c1), side_of(&t2, &c2));
        assert_eq!(
            told.documents,
            [
                (Change::Out, "x".to_owned()),
                (Change::Same, "y".to_owned()),
                (Change::Out, "z (its text was another)".to_owned()),
                (Change::In, "z (its text is another)".to_owned()),
                (Change::In, "w".to_owned()),
            ]
        );
    }
}
