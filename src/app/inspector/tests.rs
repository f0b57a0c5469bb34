use super::super::viewer::layout::Place;
use super::super::viewer::{Folding, Hit, Scroll, Tone};
use super::*;
use crate::model::content::{Message, MessagePart, Slot};
use crate::model::json::Json;
use crate::model::span::{Part, SpanKind, TraceKey};
use crate::model::text;

/// A trace of one model call, and its key.
fn trace() -> (Trace, SpanKey) {
    let part = Part {
        trace: TraceKey(1),
        trace_id: "t".into(),
        span_id: "a".into(),
        kind: SpanKind::Llm,
        request_model: Some("claude-sonnet-4-6".into()),
        slots: Slot::System.bit() | Slot::Message.bit(),
        ..Part::default()
    };
    let trace = crate::derive::derive(vec![part], &Prices::embedded());
    let key = trace.spans[0].key;
    (trace, key)
}

fn prompt(text: &str) -> Contents {
    let parts = vec![MessagePart::Text { text: text.to_owned() }];
    Contents {
        system: Some("Be brief.".into()),
        messages: vec![Message {
            role: "user".into(),
            parts,
        }],
        ..Contents::default()
    }
}

fn open(text: &str, width: u16, height: u16) -> Inspector {
    let (trace, key) = trace();
    let mut inspector = Inspector::new();
    inspector.viewer.resize(width, height);
    assert!(inspector.show(&trace, key, &Prices::embedded()).contents, "contents are asked for");
    inspector.contents(key, prompt(text));
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    inspector
}

fn text(inspector: &Inspector) -> Vec<String> {
    inspector
        .viewer
        .rows()
        .map(|row| row.iter().map(|piece| piece.text.as_str()).collect())
        .collect()
}

#[test]
fn the_system_prompt_comes_first_then_the_conversation() {
    let rows = text(&open("When?", 40, 20));
    let at = |word: &str| rows.iter().position(|row| row.contains(word)).unwrap();
    assert!(
        at("system") < at("Be brief.") && at("Be brief.") < at("user") && at("user") < at("When?"),
        "{rows:?}"
    );
}

#[test]
fn no_row_is_wider_than_the_pane_and_no_scroll_leaves_it() {
    let story = "A line with wide 漢字 and e\u{301} marks, long enough to be wrapped several times over. ".repeat(40);
    for width in [1, 2, 7, 40, 200] {
        let mut inspector = open(&story, width, 5);
        for scroll in [
            Scroll::Lines(3),
            Scroll::Page(50),
            Scroll::HalfPage(-3),
            Scroll::Bottom,
            Scroll::Lines(i64::MAX),
            Scroll::Top,
            Scroll::Lines(i64::MIN),
        ] {
            inspector.viewer.scroll(scroll);
            let rows = text(&inspector);
            assert!(!rows.is_empty() && rows.len() <= 5);
            for row in &rows {
                // A wide character cannot be split: in one column it stands alone.
                assert!(text::width(row) <= usize::from(width).max(2), "{width}: {row:?}");
            }
        }
        assert_eq!(inspector.viewer.top, Place::default());
    }
}

#[test]
fn ten_megabytes_open_and_end_where_they_end() {
    let mut body = "x".repeat(10 << 20);
    body.push_str(" the very end");
    let mut inspector = open(&body, 80, 20);
    assert_eq!(text(&inspector).len(), 20);
    inspector.viewer.scroll(Scroll::Bottom);
    assert!(text(&inspector).iter().any(|row| row.contains("the very end")));
    assert_eq!(inspector.viewer.percent(), 100);
}

#[test]
fn a_search_finds_every_match_and_goes_round() {
    let mut inspector = open(&"needle hay\n".repeat(50), 40, 6);
    assert_eq!(inspector.viewer.search("NEEDLE"), 50);
    assert_eq!(inspector.viewer.search_position(), Some((1, 50)));
    inspector.viewer.search_step(false);
    assert_eq!(inspector.viewer.search_position(), Some((50, 50)));
    assert!(
        inspector.viewer.rows().flatten().any(|piece| piece.hit == Hit::Current),
        "the match is on the screen"
    );
}

#[test]
fn what_was_not_logged_is_said() {
    let mut part = trace().0.spans[0].part.clone();
    part.slots = 0;
    let trace = crate::derive::derive(vec![part], &Prices::embedded());
    let mut inspector = Inspector::new();
    inspector.viewer.resize(80, 20);
    inspector.show(&trace, trace.spans[0].key, &Prices::embedded());
    for tab in [Tab::Prompt, Tab::Response] {
        inspector.set_tab(tab);
        assert!(
            text(&inspector).join("\n").contains("not logged"),
            "{tab:?}: {:?}",
            text(&inspector)
        );
    }
}

#[test]
fn a_call_that_was_logged_twice_says_so() {
    let call = |id: &str, name: &str, parent: Option<&str>, offset: u64| {
        let mut part = trace().0.spans[0].part.clone();
        (part.span_id, part.name, part.parent_id) = (id.into(), name.into(), parent.map(str::to_owned));
        part.usage = crate::model::usage::Usage {
            input: Some(850),
            output: Some(310),
            ..part.usage
        };
        part.origin.offset = offset;
        part
    };
    let parts = vec![call("o", "ChatOpenAI", None, 0), call("i", "openai.chat", Some("o"), 90)];
    let trace = crate::derive::derive(parts, &Prices::embedded());
    assert_eq!(trace.spans.len(), 1);
    let mut inspector = Inspector::new();
    inspector.viewer.resize(120, 60);
    inspector.show(&trace, trace.spans[0].key, &Prices::embedded());
    let told = |inspector: &mut Inspector, tab| {
        inspector.set_tab(tab);
        text(inspector).join("\n")
    };
    let parameters = told(&mut inspector, Tab::Parameters);
    assert!(
        parameters.contains("also logged as") && parameters.contains("ChatOpenAI"),
        "{parameters}"
    );
    let cost = told(&mut inspector, Tab::Cost);
    assert!(cost.contains("above it ChatOpenAI: repeats these tokens"), "{cost}");
    let raw = told(&mut inspector, Tab::Raw);
    assert!(raw.contains("is one row: ChatOpenAI around openai.chat."), "{raw}");
    assert!(
        raw.contains("record 1 of 2") && raw.contains("record 2 of 2"),
        "both lines are there: {raw}"
    );
}

/// A trace of two model calls and a retrieval.
fn two_turns() -> Trace {
    let part = |id: &str, start: i64| Part {
        trace: TraceKey(1),
        trace_id: "t".into(),
        span_id: id.into(),
        kind: SpanKind::Llm,
        start: 1_790_000_000_000_000_000 + start,
        request_model: Some("claude-sonnet-4-6".into()),
        slots: Slot::System.bit() | Slot::Message.bit() | Slot::Response.bit(),
        usage: crate::model::usage::Usage {
            input: Some(10),
            output: Some(1),
            ..crate::model::usage::Usage::default()
        },
        ..Part::default()
    };
    let retrieval = Part {
        kind: SpanKind::Retrieval,
        slots: Slot::Document.bit(),
        usage: crate::model::usage::Usage::default(),
        request_model: None,
        ..part("docs", 1)
    };
    crate::derive::derive(vec![part("one", 0), retrieval, part("two", 2)], &Prices::embedded())
}

fn say(role: &str, text: &str) -> Message {
    Message {
        role: role.into(),
        parts: vec![MessagePart::Text { text: text.into() }],
    }
}

fn key(trace: &Trace, id: &str) -> SpanKey {
    trace.spans.iter().find(|span| span.part.span_id == id).unwrap().key
}

#[test]
fn a_prompt_says_what_is_new_since_the_call_before() {
    let trace = two_turns();
    let (one, two) = (key(&trace, "one"), key(&trace, "two"));
    let mut inspector = Inspector::new();
    inspector.viewer.resize(100, 40);
    assert_eq!(
        inspector.show(&trace, two, &Prices::embedded()).beside,
        None,
        "its own contents come first"
    );
    let old = "A long tool result that somebody cut down, since the window was nearly full.";
    let mut now = prompt("When?");
    now.messages.push(say("tool", &old[..32]));
    now.messages.push(Message {
        role: "assistant".into(),
        parts: vec![
            MessagePart::ToolCall {
                id: Some("c1".into()),
                name: "find".into(),
                arguments: Json::string("{}"),
            },
            MessagePart::ToolResult {
                id: Some("c1".into()),
                content: Json::string("found"),
                is_error: false,
            },
        ],
    });
    inspector.contents(two, now);
    assert_eq!(inspector.needs().beside, Some((TraceKey(1), one)), "then those of the call before");
    let mut before = prompt("When?");
    before.messages.insert(0, say("user", "Hello, and thank you."));
    before.messages.push(say("tool", old));
    inspector.contents(one, before);
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    insta::assert_snapshot!(text(&inspector).join("\n"));
}

#[test]
fn documents_say_how_old_they_are_and_what_of_them_stands_in_the_answer() {
    let trace = two_turns();
    let (documents, two) = (key(&trace, "docs"), key(&trace, "two"));
    let mut inspector = Inspector::new();
    inspector.viewer.resize(110, 40);
    inspector.set_tab(Tab::Documents);
    inspector.show(&trace, documents, &Prices::embedded());
    let document = |id: &str, content: &str, metadata: &str| crate::model::content::Document {
        id: Some(id.into()),
        score: Some(Json::parse("0.90").unwrap()),
        content: Some(content.into()),
        metadata: Some(Json::parse(metadata).unwrap()),
    };
    let contents = Contents {
        documents: vec![
            document(
                "old",
                "Refunds are paid back in full within ten days.",
                r#"{"updated":"2024-03-02"}"#,
            ),
            document(
                "new",
                "Seats are billed to the end of the year.",
                r#"{"Updated_At":"2026-09-01T10:00:00Z"}"#,
            ),
            document("undated", "Short.", r#"{"date":"soon"}"#),
        ],
        ..Contents::default()
    };
    inspector.contents(documents, contents);
    assert_eq!(inspector.needs().beside, Some((TraceKey(1), two)));
    let answer = Contents {
        response: vec![say("assistant", "They are paid back in full within ten days.")],
        ..Contents::default()
    };
    inspector.contents(two, answer);
    insta::assert_snapshot!(text(&inspector)[..5].join("\n"));
    // What the answer has of them is marked in their text.
    let marked = |inspector: &Inspector| {
        let quoted = inspector.viewer.rows().flatten().filter(|piece| piece.tone == Tone::Quoted);
        quoted.map(|piece| piece.text.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(marked(&inspector), ["are paid back in full within ten days"]);
    // The old one last, then first for it is the one quoted.
    let order = |inspector: &Inspector| text(inspector)[1..4].iter().map(|row| row[..2].to_owned()).collect::<Vec<_>>();
    for expected in [[" 2", " 1", " 3"], [" 1", " 2", " 3"], [" 1", " 2", " 3"]] {
        assert!(inspector.turn_documents());
        assert_eq!(order(&inspector), expected, "{:?}", text(&inspector)[0]);
    }
    inspector.set_tab(Tab::Prompt);
    assert!(!inspector.turn_documents());
}

#[test]
fn tools_offered_say_how_often_they_were_called() {
    let (trace, key) = trace();
    let mut inspector = Inspector::new();
    inspector.viewer.resize(80, 60);
    inspector.set_tab(Tab::Tools);
    let mut trace = trace;
    trace.spans[0].part.slots |= Slot::ToolDefinition.bit();
    inspector.show(&trace, key, &Prices::embedded());
    let call = || MessagePart::ToolCall {
        id: None,
        name: "find".into(),
        arguments: Json::parse("{}").unwrap(),
    };
    let contents = Contents {
        response: vec![Message {
            role: "assistant".into(),
            parts: vec![call(), call()],
        }],
        tools: vec![
            Json::parse(r#"{"name":"find"}"#).unwrap(),
            Json::parse(r#"{"type":"function","function":{"name":"book"}}"#).unwrap(),
            Json::parse(r#"{"odd":true}"#).unwrap(),
        ],
        ..Contents::default()
    };
    inspector.contents(key, contents);
    let rows = text(&inspector).join("\n");
    assert!(rows.contains("find  called 2×") && rows.contains("book  not called here"), "{rows}");
}

#[test]
fn json_is_folded_by_levels_and_the_screen_stands_where_it_stood() {
    let (mut trace, key) = trace();
    trace.spans[0].part.kind = SpanKind::Tool;
    trace.spans[0].part.slots = Slot::Result.bit();
    let mut inspector = Inspector::new();
    inspector.viewer.resize(60, 8);
    inspector.set_tab(Tab::Tools);
    inspector.show(&trace, key, &Prices::embedded());
    let rows = (0..30).map(|n| format!(r#"{{"id":"inv-{n}","lines":[{{"sum":{n},"tax":null}}]}}"#));
    let body = format!(r#"{{"invoices":[{}],"more":{{}}}}"#, rows.collect::<Vec<_>>().join(","));
    let contents = Contents {
        result: Some(crate::model::content::Payload {
            body,
            form: crate::model::content::Form::Json,
        }),
        ..Contents::default()
    };
    inspector.contents(key, contents.clone());
    let (all, _) = inspector.viewer.total_rows();
    let to = |inspector: &mut Inspector, word: &str| {
        inspector.viewer.scroll(Scroll::Top);
        while !text(inspector)[0].contains(word) {
            inspector.viewer.scroll(Scroll::Lines(1));
        }
    };
    to(&mut inspector, "inv-12");
    assert!(!inspector.viewer.fold(Folding::More), "everything is open");
    // The lines of an invoice, then what an invoice is, then the invoices.
    for (open, shows) in [
        (4, "\"id\": \"inv-12\""),
        (3, "\"id\": \"inv-12\""),
        (2, "{▸ 2 keys}"),
        (1, "\"invoices\": [▸ 30 items],"),
    ] {
        assert!(inspector.viewer.fold(Folding::Less));
        assert_eq!(inspector.viewer.levels(), Some((open, 5)));
        assert!(
            text(&inspector).iter().any(|row| row.contains(shows)),
            "{open}: {:?}",
            text(&inspector)
        );
    }
    assert!(inspector.viewer.fold(Folding::Less) && !inspector.viewer.fold(Folding::Less));
    assert!(text(&inspector).contains(&"{▸ 2 keys}".to_owned()), "{:?}", text(&inspector));
    assert!(inspector.viewer.fold(Folding::Outline));
    // The program outside gets all of it; what comes again stays folded; the search opens.
    assert!(inspector.safe_text().contains("inv-29"));
    inspector.contents(key, contents);
    assert_eq!(inspector.viewer.levels(), Some((1, 5)));
    assert_eq!(inspector.viewer.search("inv-2"), 11);
    assert_eq!(inspector.viewer.levels(), None);
    to(&mut inspector, "inv-12");
    inspector.viewer.fold(Folding::Outline);
    assert!(inspector.viewer.fold(Folding::All));
    assert_eq!(inspector.viewer.total_rows().0, all);
}
