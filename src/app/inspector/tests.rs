use super::super::viewer::layout::Place;
use super::super::viewer::{Hit, Scroll};
use super::*;
use crate::model::content::{Message, MessagePart, Slot};
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
