//! Twins: one call that two instrumentations logged, one around the other, is one row that says what either knew.

use std::collections::BTreeSet;

use proptest::prelude::*;
use spanscope::derive::{derive, merge_twins, steps};
use spanscope::insight::ledger::ledger;
use spanscope::model::content::{Form, Piece, Slot};
use spanscope::model::json::Json;
use spanscope::model::span::{Nanos, Part, SpanKind, Status, TraceKey};
use spanscope::model::trace::Trace;
use spanscope::model::usage::{Convention, Usage};
use spanscope::pricing::Prices;

/// 2026-11-18T11:06:40Z.
const NOON: Nanos = 1_795_000_000_000_000_000;
const MS: Nanos = 1_000_000;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    }
}

fn span(id: &str, parent: &str, kind: SpanKind, usage: Usage) -> Part {
    Part {
        trace: TraceKey(1),
        trace_id: "t".into(),
        span_id: id.into(),
        parent_id: (!parent.is_empty()).then(|| parent.to_owned()),
        kind,
        name: id.into(),
        start: NOON,
        end: Some(NOON + 100 * MS),
        ended: true,
        request_model: Some("gpt-5-mini".into()),
        usage,
        convention: Convention::Inclusive,
        ..Part::default()
    }
}

fn of(parts: Vec<Part>) -> Trace {
    derive(parts, &Prices::embedded())
}

/// The tree: `depth id(+ twin)…`.
fn rows(trace: &Trace) -> Vec<String> {
    let row = |span: &spanscope::model::trace::Span| {
        let twins: String = span.twins.iter().rev().map(|twin| format!(" < {}", twin.span_id)).collect();
        let mark = if span.rolled_up { " Σ" } else { "" };
        format!("{}{}{twins}{mark}", "  ".repeat(usize::from(span.depth)), span.part.span_id)
    };
    trace.spans.iter().map(row).collect()
}

fn attributes(mut part: Part, json: &str) -> Part {
    part.attributes = Json::parse(json).ok();
    part
}

#[test]
fn calls_beside_the_call_that_two_records_tell_of_are_paid_too() {
    use SpanKind::{Agent, Embedding, Llm};
    let (small, call) = (usage(20, 5), usage(1_000, 200));
    for outer in [Usage::default(), call] {
        let trace = of(vec![
            span("root", "", Agent, usage(1_070, 205)),
            span("o", "root", Llm, outer),
            span("i", "o", Llm, call),
            span("e", "o", Embedding, usage(50, 0)),
            span("guard", "o", Agent, Usage::default()),
            span("l", "guard", Llm, small),
        ]);
        assert_eq!(
            rows(&trace),
            ["root Σ", "  i < o", "    e", "    guard", "      l"],
            "the agent repeats all of them, the call none"
        );
        assert_eq!(trace.row.usage, usage(1_070, 205));
    }
}

#[test]
fn which_spans_are_twins() {
    use SpanKind::{Agent, Chain, Embedding, Llm, Tool};
    let (none, call) = (Usage::default(), usage(850, 310));
    let answer = |part, id: &str| attributes(part, &format!(r#"{{"gen_ai.response.id":"{id}"}}"#));
    let operation = |part, id: &str| attributes(part, &format!(r#"{{"ai.operationId":"{id}"}}"#));
    let cached = Usage {
        input: Some(142),
        cache_read: Some(708),
        ..call
    };
    let cases: Vec<(&str, Vec<Part>, &[&str])> = vec![
        (
            "the same tokens",
            vec![span("o", "", Llm, call), span("i", "o", Llm, call)],
            &["i < o"],
        ),
        (
            "one of them does not know the cache classes",
            vec![span("o", "", Llm, call), span("i", "o", Llm, cached)],
            &["i < o"],
        ),
        (
            "three storeys",
            vec![span("o", "", Llm, call), span("m", "o", Llm, call), span("i", "m", Llm, call)],
            &["i < m < o"],
        ),
        (
            "embeddings",
            vec![
                span("o", "", Embedding, Usage { output: None, ..call }),
                span("i", "o", Embedding, Usage { output: None, ..call }),
            ],
            &["i < o"],
        ),
        (
            "the same answer, its tokens counted otherwise",
            vec![
                answer(span("o", "", Llm, usage(142, 310)), "r1"),
                answer(span("i", "o", Llm, cached), "r1"),
            ],
            &["i < o"],
        ),
        (
            "another answer",
            vec![
                answer(span("o", "", Llm, usage(9_000, 900)), "r1"),
                answer(span("i", "o", Llm, call), "r2"),
            ],
            &["o Σ", "  i"],
        ),
        (
            "no tokens outside, the same model",
            vec![span("o", "", Llm, none), span("i", "o", Llm, call)],
            &["i < o"],
        ),
        (
            "no tokens outside, another model",
            vec![
                Part {
                    request_model: Some("router".into()),
                    ..span("o", "", Llm, none)
                },
                span("i", "o", Llm, call),
            ],
            &["o Σ", "  i"],
        ),
        (
            "no tokens outside, and it still runs",
            vec![
                Part {
                    ended: false,
                    end: None,
                    ..span("o", "", Llm, none)
                },
                span("i", "o", Llm, call),
            ],
            &["o Σ", "  i"],
        ),
        (
            "a parent of two calls",
            vec![
                span("o", "", Llm, usage(1_700, 620)),
                span("a", "o", Llm, call),
                span("b", "o", Llm, call),
            ],
            &["o Σ", "  a", "  b"],
        ),
        (
            "a failed attempt and one that worked",
            vec![
                span("o", "", Llm, call),
                Part {
                    status: Status::Error,
                    ..span("a", "o", Llm, none)
                },
                span("b", "o", Llm, call),
            ],
            &["o Σ", "  a", "  b"],
        ),
        (
            "an agent around its only call",
            vec![span("o", "", Agent, call), span("i", "o", Llm, call)],
            &["o Σ", "  i"],
        ),
        (
            "a chain around its only call",
            vec![span("o", "", Chain, call), span("i", "o", Llm, call)],
            &["o Σ", "  i"],
        ),
        (
            "an operation around the call it consists of",
            vec![
                operation(span("o", "", Chain, call), "ai.generateText"),
                operation(span("i", "o", Llm, call), "ai.generateText.doGenerate"),
            ],
            &["i < o"],
        ),
        (
            "a call that asks another one",
            vec![span("o", "", Llm, usage(10, 836)), span("i", "o", Llm, usage(850, 0))],
            &["o", "  i"],
        ),
        (
            "children of the outer record, and of the inner one",
            vec![
                span("o", "", Llm, call),
                span("i", "o", Llm, call),
                span("t", "o", Tool, none),
                span("h", "i", SpanKind::Other, none),
            ],
            &["i < o", "  h", "  t"],
        ),
        (
            "below a parent",
            vec![
                span("p", "", Agent, none),
                span("o", "p", Llm, call),
                span("i", "o", Llm, call),
                span("z", "p", Llm, usage(1, 1)),
            ],
            &["p", "  i < o", "  z"],
        ),
        (
            "a circle of two",
            vec![span("o", "i", Llm, call), span("i", "o", Llm, call)],
            &["i Σ", "  o"],
        ),
    ];
    for (what, parts, expected) in cases {
        let trace = of(parts.clone());
        assert_eq!(rows(&trace), expected, "{what}");
        // What is said of the interaction is what it was: every record is a span, the call is counted once.
        assert_eq!(trace.row.spans as usize, parts.len(), "{what}");
    }
}

#[test]
fn the_row_says_what_either_knew() {
    let outer = Part {
        start: NOON,
        end: Some(NOON + 120 * MS),
        feature: Some("support_chat".into()),
        user: Some("u_9912".into()),
        ask: "Can I cancel?".into(),
        slots: Slot::Message.bit(),
        attributes: Json::parse(r#"{"openinference.span.kind":"LLM","tag":"a"}"#).ok(),
        params: Json::parse(r#"{"temperature":0.2}"#).ok(),
        documents: Some(3),
        ..span("ChatOpenAI", "root", SpanKind::Llm, usage(850, 310))
    };
    let inner = Part {
        start: NOON + 5 * MS,
        end: Some(NOON + 110 * MS),
        response_model: Some("gpt-5-mini-2025-08-07".into()),
        stop_reason: Some("stop".into()),
        answer: "Within 14 days.".into(),
        slots: Slot::Response.bit(),
        attributes: Json::parse(r#"{"gen_ai.response.id":"r1"}"#).ok(),
        params: Json::parse(r#"{"max_tokens":500}"#).ok(),
        time_to_first_token: Some(20 * MS),
        usage: Usage {
            input: Some(142),
            cache_read: Some(708),
            ..usage(0, 310)
        },
        ..span("openai.chat", "ChatOpenAI", SpanKind::Llm, Usage::default())
    };
    let root = span("root", "", SpanKind::Request, Usage::default());
    let trace = of(vec![inner.clone(), outer.clone(), root]);
    let row = trace.spans.iter().find(|span| span.part.kind == SpanKind::Llm).unwrap();
    let part = &row.part;
    assert_eq!(row.twins, [outer.clone()], "the record around it is there as it was logged");
    assert_eq!(
        (part.span_id.as_str(), part.parent_id.as_deref(), part.start, part.end),
        ("openai.chat", Some("root"), inner.start, inner.end),
        "the call took as long as the inner record says"
    );
    assert_eq!(
        part.usage, inner.usage,
        "the classes are those of the record that knows more of them"
    );
    let said = [&part.feature, &part.user, &part.response_model, &part.stop_reason].map(|text| text.as_deref().unwrap());
    assert_eq!(said, ["support_chat", "u_9912", "gpt-5-mini-2025-08-07", "stop"]);
    assert_eq!((part.ask.as_str(), part.answer.as_str()), ("Can I cancel?", "Within 14 days."));
    assert_eq!((part.documents, part.time_to_first_token), (Some(3), Some(20 * MS)));
    assert_eq!(part.slots, Slot::Message.bit() | Slot::Response.bit());
    let json = |json: &Option<Json>| json.as_ref().unwrap().as_str().to_owned();
    assert_eq!(
        json(&part.attributes),
        r#"{"gen_ai.response.id":"r1","openinference.span.kind":"LLM","tag":"a"}"#
    );
    assert_eq!(json(&part.params), r#"{"max_tokens":500,"temperature":0.2}"#);
    assert_eq!((trace.row.llm_calls, trace.row.calls, trace.row.usage.output), (1, 1, Some(310)));
    let ledger = ledger(row, &trace.spans, &Prices::embedded());
    assert_eq!(ledger.repeated_by, ["ChatOpenAI"], "the bill says what was not counted");
    // A filter finds the call by the name of either.
    let names: Vec<String> = steps(&trace, &Prices::embedded()).into_iter().map(|step| step.name).collect();
    assert!(["ChatOpenAI", "openai.chat"].iter().all(|name| names.iter().any(|own| own == name)));
}

#[test]
fn a_root_that_is_a_twin_still_names_and_times_the_interaction() {
    let outer = Part {
        end: Some(NOON + 500 * MS),
        ..span("outer", "", SpanKind::Llm, usage(850, 310))
    };
    let inner = Part {
        start: NOON + 100 * MS,
        end: Some(NOON + 400 * MS),
        ..span("inner", "outer", SpanKind::Llm, usage(850, 310))
    };
    let alone = of(vec![inner.clone()]);
    let both = of(vec![inner, outer]);
    assert_eq!(
        alone.spans[1].key, both.spans[0].key,
        "the row stays itself when the outer record is written later"
    );
    let row = &both.row;
    assert_eq!(
        (row.name.as_str(), row.start, row.duration, row.spans, row.llm_calls),
        ("outer", NOON, Some(500 * MS), 2, 1)
    );
}

#[test]
fn contents_come_from_the_innermost_record_that_has_them() {
    let piece = |slot, body: &str| Piece {
        slot,
        role: "".into(),
        form: Form::Text,
        body: body.into(),
    };
    let inner = vec![piece(Slot::Message, "hello"), piece(Slot::Message, "there")];
    let outer = vec![
        piece(Slot::System, "Be brief."),
        piece(Slot::Message, "hello there"),
        piece(Slot::Document, "one"),
        piece(Slot::Document, "two"),
    ];
    let joined = merge_twins(vec![inner.clone(), outer.clone()]);
    let expected = [&outer[..1], &inner[..], &outer[2..]].concat();
    assert_eq!(joined, expected);
    assert_eq!(merge_twins(vec![inner.clone()]), inner);
}

/// Spans of a few ids and few figures, so that many are twins, circles and orphans.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let ids = vec!["a", "b", "c", "d", "e", "f"];
    let one = (
        prop::sample::select(ids.clone()),
        prop::sample::select([ids, vec!["", ""]].concat()),
        prop::sample::select(vec![SpanKind::Llm, SpanKind::Llm, SpanKind::Llm, SpanKind::Chain, SpanKind::Tool]),
        prop::sample::select(vec![Usage::default(), usage(5, 3), usage(7, 1)]),
        any::<bool>(),
    );
    let part = one.prop_map(|(id, parent, kind, usage, ended)| Part {
        ended,
        origin: spanscope::model::span::Origin {
            offset: id.bytes().map(u64::from).sum(),
            ..Default::default()
        },
        ..span(id, parent, kind, usage)
    });
    prop::collection::vec(part, 1..9)
}

proptest! {
    #[test]
    fn every_record_stands_in_one_row_whatever_came_first(parts in parts(), seed in any::<u64>()) {
        let straight = of(parts.clone());
        let mut other = parts.clone();
        let length = other.len();
        for i in 0..length {
            other.swap(i, (seed.rotate_left(i as u32) % length as u64) as usize);
        }
        prop_assert_eq!(&straight, &of(other));
        let keys: Vec<_> = straight.spans.iter().filter(|span| !span.missing).flat_map(spanscope::model::trace::Span::keys).collect();
        let ids: BTreeSet<&str> = parts.iter().map(|part| part.span_id.as_str()).collect();
        prop_assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), ids.len());
        prop_assert_eq!((keys.len(), straight.row.spans as usize), (ids.len(), ids.len()));
        for (index, span) in straight.spans.iter().enumerate() {
            prop_assert!(span.parent.is_none_or(|parent| (parent as usize) < index));
        }
        let total = straight.spans.iter().filter(|s| s.parent.is_none()).filter_map(|s| s.total_usage.output).sum::<u64>();
        prop_assert_eq!(total, straight.row.usage.output.unwrap_or(0));
    }
}
