#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::content::{Document, Message, MessagePart, Slot};
use crate::model::json::Json;
use crate::model::query::Peer;
use crate::model::span::{Part, SpanKind, Status, TraceKey};
use crate::model::usage::{CostBasis, Usage};

const DAY: Nanos = 86_400_000_000_000;
/// 2026-11-22T15:02:11Z.
const AT: Nanos = 1_795_359_731_000_000_000;

fn json(text: &str) -> Json {
    Json::parse(text).unwrap()
}

fn span(key: u64, part: Part) -> crate::model::trace::Span {
    let turn = (part.kind == SpanKind::Llm).then_some(1);
    crate::model::trace::Span {
        key: SpanKey(key),
        part,
        parent: None,
        depth: 0,
        origins: Vec::new(),
        twins: Vec::new(),
        rolled_up: false,
        counted: turn.is_some(),
        cost: None,
        cost_basis: CostBasis::Computed,
        saved: None,
        findings: Vec::new(),
        missing: false,
        total_usage: Usage::default(),
        total_cost: None,
        turn,
        previous_input: None,
    }
}

fn say(role: &str, text: &str) -> Message {
    Message {
        role: role.into(),
        parts: vec![MessagePart::Text { text: text.into() }],
    }
}

fn document(id: &str, title: &str, updated: &str, score: &str, text: &str) -> Document {
    Document {
        id: Some(id.into()),
        score: Some(json(score)),
        content: Some(text.into()),
        metadata: Some(json(&format!(r#"{{"title":"{title}","updated":"{updated}"}}"#))),
    }
}

/// A question, a search and a call that answers, all well.
struct Scene {
    trace: Trace,
    contents: Vec<(SpanKey, Contents)>,
    peers: Peers,
}

fn well(start: Nanos) -> Scene {
    let call = Part {
        kind: SpanKind::Llm,
        start,
        request_model: Some("claude-sonnet-4-6".into()),
        response_model: Some("claude-sonnet-4-6".into()),
        params: Some(json(r#"{"temperature":0.2}"#)),
        stop_reason: Some("end_turn".into()),
        usage: Usage {
            input: Some(1_000),
            output: Some(40),
            ..Usage::default()
        },
        slots: Slot::System.bit() | Slot::Message.bit() | Slot::Response.bit(),
        ..Part::default()
    };
    let search = Part {
        kind: SpanKind::Retrieval,
        start,
        documents: Some(1),
        ..Part::default()
    };
    let text = "A yearly plan can be cancelled within 14 days of its start and not later.";
    let contents = Contents {
        system: Some(format!("Be brief.\n\nDocuments:\n[new] {text}")),
        messages: vec![say("user", "Can I cancel my yearly plan?")],
        response: vec![say("assistant", "A yearly plan can be cancelled within 14 days of its start.")],
        ..Contents::default()
    };
    let found = Contents {
        documents: vec![document("new", "Cancelling", "2026-03-11", "0.9", text)],
        ..Contents::default()
    };
    let row = Interaction {
        trace: TraceKey(start as u64),
        trace_id: format!("t{start}"),
        start,
        start_from: StartFrom::Logged,
        feature: Some("support".into()),
        user: Some("u_1".into()),
        session: Some(format!("s{start}")),
        llm_calls: 1,
        cost: Some(crate::model::usage::Cost(8_000_000_000)),
        ..Interaction::default()
    };
    Scene {
        trace: Trace {
            row,
            spans: vec![span(1, search), span(2, call)],
        },
        contents: vec![(SpanKey(1), found), (SpanKey(2), contents)],
        peers: Peers::default(),
    }
}

impl Scene {
    /// With twenty good ones in the week before, eight hours apart.
    fn usual() -> Self {
        let mut scene = well(AT);
        for step in 1..=20 {
            let Scene { trace, contents, .. } = well(AT - step * DAY / 3);
            scene.peers.rows.push(Peer { trace, contents });
        }
        scene
    }

    fn call(&mut self) -> &mut Part {
        &mut self.trace.spans[1].part
    }

    fn told(&mut self) -> &mut Contents {
        &mut self.contents[1].1
    }

    fn found(&mut self) -> &mut Vec<Document> {
        &mut self.contents[0].1.documents
    }

    fn run(&self) -> Diagnosis {
        let mut costs: Vec<_> = self.peers.rows.iter().filter_map(|peer| peer.trace.row.cost).collect();
        costs.sort_unstable();
        let peers = Peers {
            p50: costs.get(costs.len().saturating_sub(1) / 2).copied(),
            priced: costs.len() as u32,
            ..self.peers.clone()
        };
        diagnose(Case {
            trace: &self.trace,
            contents: &self.contents,
            peers: &peers,
            prices: &Prices::embedded(),
            judging: &Judging::default(),
            lead: &Lead::Id,
        })
    }
}

#[test]
fn where_all_is_well_every_step_says_so() {
    let told = Scene::usual().run();
    let wrong: Vec<&Check> = told.checks.iter().filter(|check| check.mark != Mark::Fine).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told.verdict.starts_with("nothing in the log explains it"), "{}", told.verdict);
    assert_eq!(told.last_good, Some(format!("t{}", AT - DAY / 3)));
    for step in [
        Step::Found,
        Step::Prompt,
        Step::Documents,
        Step::Context,
        Step::Temperature,
        Step::Answer,
        Step::Tools,
        Step::History,
        Step::Version,
        Step::Cost,
    ] {
        assert!(told.checks.iter().any(|check| check.step == step), "{step:?} is not told");
    }
}

/// What is changed, which step must say so how, and with which words; and what the verdict then begins with, where it is about it.
type Row = (&'static str, fn(&mut Scene), Step, Mark, &'static str, &'static str);

#[test]
fn every_fault_is_told_with_its_evidence() {
    let rows: &[Row] = &[
        (
            "an outdated document is quoted, a newer one is known",
            |s| {
                let old = "A yearly plan can be cancelled at any time. The rest is paid back in full.";
                *s.found() = vec![document("old", "Cancelling", "2024-03-02", "0.9", old)];
                s.told().response = vec![say(
                    "assistant",
                    "Yes, a yearly plan can be cancelled at any time. The rest is paid back.",
                )];
            },
            Step::Documents,
            Mark::Suspect,
            "old is of 2024-03-02, 2.7 years before the question; new of 2026-03-11 has the same title",
            "likely: the retrieved document is outdated: the answer quotes old of 2024-03-02, though new of 2026-03-11 replaces it",
        ),
        (
            "an old document that nothing replaces and nobody quotes",
            |s| {
                let faq = document("faq", "Questions", "2025-01-01", "0.4", "Cancel by letter.");
                s.found().push(faq);
            },
            Step::Documents,
            Mark::Suspect,
            "faq is of 2025-01-01, 22 months before the question",
            "likely: a retrieved document may be outdated: faq",
        ),
        (
            "dates were not logged",
            |s| s.found()[0].metadata = None,
            Step::Documents,
            Mark::Unknown,
            "their dates were not logged",
            "nothing suspect in what was logged; not fully checked, because of what was not logged: documents",
        ),
        (
            "a search without a result",
            |s| {
                s.found().clear();
                s.trace.spans[0].part.documents = Some(0);
            },
            Step::Documents,
            Mark::Suspect,
            "a search returned no document",
            "likely: the search found no document",
        ),
        (
            "no retrieval, where others have one",
            |s| {
                s.trace.spans.remove(0);
                s.contents.remove(0);
            },
            Step::Documents,
            Mark::Suspect,
            "none retrieved; of 20 interactions of this feature in the 7 days before 20 have some",
            "likely: nothing was retrieved",
        ),
        (
            "one document twice",
            |s| {
                let again = s.found()[0].clone();
                s.found().push(again);
            },
            Step::Documents,
            Mark::Suspect,
            "one text retrieved more than once: new",
            "likely: the same document was retrieved more than once",
        ),
        (
            "a low score",
            |s| s.found()[0].score = Some(json("0.31")),
            Step::Documents,
            Mark::Suspect,
            "the best score is 0.31, where 0.9 is usual",
            "likely: the search found nothing near the question",
        ),
        (
            "documents about something else",
            |s| s.told().messages = vec![say("user", "Which colours has dark mode?")],
            Step::Documents,
            Mark::Suspect,
            "no document shares a word with the question (3 looked for)",
            "likely: the retrieved documents do not match the question",
        ),
        (
            "twenty documents instead of one",
            |s| s.trace.spans[0].part.documents = Some(20),
            Step::Documents,
            Mark::Suspect,
            "20 documents in one search, where 1 are usual",
            "likely: 20 documents were retrieved",
        ),
        (
            "the answer is not in the documents",
            |s| s.told().response = vec![say("assistant", "Ask your manager about the plan.")],
            Step::Documents,
            Mark::Unknown,
            "the answer quotes none of them word for word",
            "",
        ),
        (
            "the prompt was not logged",
            |s| {
                s.told().system = None;
                s.told().messages.clear();
            },
            Step::Prompt,
            Mark::Unknown,
            "the response was logged, the prompt was not",
            "",
        ),
        (
            "another model answered",
            |s| s.call().response_model = Some("claude-haiku-4-5".into()),
            Step::Prompt,
            Mark::Suspect,
            "claude-sonnet-4-6 was asked for, claude-haiku-4-5 answered",
            "likely: another model answered",
        ),
        (
            "a new version of the model",
            |s| s.call().response_model = Some("claude-sonnet-4-6-20260101".into()),
            Step::Prompt,
            Mark::Suspect,
            "claude-sonnet-4-6 is usual: 20 of 20 calls",
            "likely: the model changed: claude-sonnet-4-6-20260101",
        ),
        (
            "which version answered was not logged",
            |s| s.call().response_model = None,
            Step::Prompt,
            Mark::Unknown,
            "which version answered was not logged",
            "",
        ),
        (
            "the context is nearly full",
            |s| s.call().usage.input = Some(850_000),
            Step::Context,
            Mark::Suspect,
            "850000 of 1000000 tokens: 85.0% of what the model can read",
            "likely: the context was nearly full (85.0%)",
        ),
        (
            "an unknown window",
            |s| {
                s.call().request_model = Some("acme-7b".into());
                s.call().response_model = Some("acme-7b".into());
            },
            Step::Context,
            Mark::Unknown,
            "the context window of acme-7b is not in the price table",
            "",
        ),
        (
            "tokens were not logged",
            |s| s.call().usage = Usage::default(),
            Step::Context,
            Mark::Unknown,
            "input tokens were not logged",
            "",
        ),
        (
            "hot",
            |s| s.call().params = Some(json(r#"{"temperature":1.0}"#)),
            Step::Temperature,
            Mark::Suspect,
            "1.0 is above 0.7; 0.2 is usual: 20 of 20 calls",
            "likely: temperature 1.0, where 0.2 is usual",
        ),
        (
            "0.7 is not above 0.7",
            |s| s.call().params = Some(json(r#"{"temperature":"0.7"}"#)),
            Step::Temperature,
            Mark::Fine,
            "0.7; 0.2 is usual",
            "",
        ),
        (
            "no temperature",
            |s| s.call().params = None,
            Step::Temperature,
            Mark::Unknown,
            "not logged; a provider's default may be 1.0; 0.2 is usual",
            "",
        ),
        (
            "a cut answer",
            |s| {
                s.trace.spans[1].findings.push(crate::model::trace::Finding {
                    kind: crate::model::trace::FindingKind::Truncated,
                    evidence: "the model stopped with `max_tokens` after 40 output tokens".into(),
                });
            },
            Step::Answer,
            Mark::Suspect,
            "the model stopped with `max_tokens`",
            "likely: the answer is cut",
        ),
        (
            "a step that failed beside the call",
            |s| {
                s.trace.row.status = Status::Error;
                let step = Part {
                    name: "GET".into(),
                    status: Status::Error,
                    ..Part::default()
                };
                s.trace.spans.push(span(3, step));
            },
            Step::Answer,
            Mark::Suspect,
            "`GET` failed; no message was logged",
            "likely: a step failed: `GET` failed",
        ),
        (
            "models by halves, of which none is usual",
            |s| {
                let half = s.peers.rows.len() / 2;
                for peer in s.peers.rows.iter_mut().take(half) {
                    peer.trace.spans[1].part.response_model = Some("gpt-5-mini".into());
                }
            },
            Step::Prompt,
            Mark::Fine,
            "answered",
            "nothing in the log explains it",
        ),
        (
            "a failed tool, for which the interaction counts as failed",
            |s| {
                s.trace.row.status = Status::Error;
                let mut tool = span(
                    3,
                    Part {
                        kind: SpanKind::Tool,
                        status: Status::Error,
                        error: Some("timeout".into()),
                        ..Part::default()
                    },
                );
                tool.findings.push(crate::model::trace::Finding {
                    kind: crate::model::trace::FindingKind::ToolError,
                    evidence: "tool `crm` failed: timeout".into(),
                });
                s.trace.spans.push(tool);
            },
            Step::Tools,
            Mark::Suspect,
            "tool `crm` failed: timeout",
            "likely: the answer was given without what a tool should have said",
        ),
        (
            "a failure that only the prompt tells of",
            |s| {
                s.told().messages.push(Message {
                    role: "user".into(),
                    parts: vec![MessagePart::ToolResult {
                        id: None,
                        content: json("\"no access\""),
                        is_error: true,
                    }],
                });
            },
            Step::Tools,
            Mark::Suspect,
            "1 tool result in the prompt say that the tool failed",
            "likely: the answer was given though a tool had failed",
        ),
        (
            "a conversation that only grows",
            |s| {
                s.trace.row.session = Some("s".into());
                s.call().usage.input = Some(9_000);
                for (peer, input) in s.peers.rows.iter_mut().zip([6_000, 3_000, 1_000]) {
                    peer.trace.row.session = Some("s".into());
                    peer.trace.spans[1].part.usage.input = Some(input);
                }
            },
            Step::History,
            Mark::Suspect,
            "input grew with each of 4 interactions of this conversation, from 1000 to 9000 tokens",
            "likely: the conversation is sent whole",
        ),
        (
            "the system prompt was changed",
            |s| s.told().system = Some("Be kind.".into()),
            Step::Version,
            Mark::Suspect,
            "system prompt first seen 2026-11-22 15:02 UTC; another one was in use until 2026-11-22 07:02 UTC (20 interactions, 20 without a finding)",
            "likely: the system prompt was changed",
        ),
        (
            "twice the median is not above it",
            |s| s.trace.row.cost = Some(crate::model::usage::Cost(16_000_000_000)),
            Step::Cost,
            Mark::Fine,
            "$0.0160: 2.0 × the feature's median $0.0080 of 20 interactions",
            "nothing in the log explains it",
        ),
        (
            "dear, and why",
            |s| {
                s.trace.row.cost = Some(crate::model::usage::Cost(16_001_000_000));
                s.trace.row.llm_calls = 4;
            },
            Step::Cost,
            Mark::Suspect,
            "2.0 × the feature's median $0.0080 of 20 interactions; model calls: 4, where 1 is usual",
            "likely: it was dear",
        ),
        (
            "no baseline, no alarm",
            |s| {
                s.peers.rows.truncate(19);
                s.trace.row.cost = Some(crate::model::usage::Cost(i128::MAX));
            },
            Step::Cost,
            Mark::Unknown,
            "no baseline: 19 of this feature with a known cost in the 7 days before, 20 needed",
            "nothing in the log explains it",
        ),
        (
            "keys that were not logged",
            |s| s.trace.row.user = None,
            Step::Found,
            Mark::Unknown,
            "user not logged",
            "",
        ),
    ];
    let mut faults = String::new();
    for (what, change, step, mark, words, verdict) in rows {
        let mut scene = Scene::usual();
        change(&mut scene);
        let told = scene.run();
        let here: Vec<&Check> = told.checks.iter().filter(|check| check.step == *step).collect();
        if !here.iter().any(|check| check.mark == *mark && check.says.contains(words)) {
            faults.push_str(&format!("{what}: {here:#?}\n"));
        }
        if !told.verdict.starts_with(verdict) {
            faults.push_str(&format!("{what}: {}\n", told.verdict));
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn a_feature_that_is_always_nearly_full_is_told_apart_from_one_call() {
    let mut scene = Scene::usual();
    for peer in scene.peers.rows.iter_mut().take(10) {
        peer.trace.spans[1].findings.push(crate::model::trace::Finding {
            kind: crate::model::trace::FindingKind::ContextNearlyFull,
            evidence: String::new(),
        });
    }
    let told = scene.run();
    assert!(
        told.checks
            .iter()
            .any(|check| check.mark == Mark::Suspect && check.says.starts_with("10 of 20 calls (50%) were over 80%")),
        "{:#?}",
        told.checks
    );
    assert!(
        told.verdict.contains("prompts of this feature are built too long"),
        "{}",
        told.verdict
    );
}

#[test]
fn without_anything_logged_nothing_is_claimed() {
    let trace = Trace::default();
    let told = diagnose(Case {
        trace: &trace,
        contents: &[],
        peers: &Peers::default(),
        prices: &Prices::default(),
        judging: &Judging::default(),
        lead: &Lead::Id,
    });
    assert!(told.checks.iter().all(|check| check.mark != Mark::Suspect), "{:#?}", told.checks);
    assert!(
        told.verdict.starts_with("nothing suspect in what was logged; not fully checked"),
        "{}",
        told.verdict
    );
}

#[test]
fn a_ticket_cannot_be_broken_out_of() {
    let mut scene = Scene::usual();
    scene.told().response = vec![say("assistant", "```\n# owned\n\u{1b}[2J |")];
    scene.trace.row.user = Some("`u` | <b>".into());
    let page = scene.run().markdown();
    assert!(page.contains("````text\n```\n# owned\n␛[2J |\n````\n"), "{page}");
    assert!(!page.contains('\u{1b}'));
    assert!(page.lines().filter(|line| line.starts_with("| ")).all(|line| {
        let cells = line.replace("\\|", "").matches('|').count();
        cells == 4
    }));
}
