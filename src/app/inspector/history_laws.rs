//! Laws of the fold: it hides what is repeated and nothing else, costs what the screen costs, and moves nothing that stays.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::viewer::Scroll;
use super::*;
use crate::model::content::{Message, MessagePart};
use crate::model::span::Part;
use crate::model::usage::Usage;

fn say(role: &str, text: &str) -> Message {
    Message {
        role: role.to_owned(),
        parts: vec![MessagePart::Text { text: text.to_owned() }],
    }
}

fn messages(messages: Vec<Message>, answer: &str) -> Contents {
    Contents {
        messages,
        response: vec![say("assistant", answer)],
        ..Contents::default()
    }
}

/// An inspector on the only call of an interaction of a session, with its contents and those of the turn before it.
fn turn(before: Contents, now: Contents, height: u16) -> Inspector {
    let part = Part {
        trace: TraceKey(2),
        span_id: "now".to_owned(),
        kind: SpanKind::Llm,
        start: 1_790_000_000_000_000_000,
        session: Some("s".to_owned()),
        slots: Slot::Message.bit(),
        usage: Usage {
            input: Some(1),
            ..Usage::default()
        },
        ..Part::default()
    };
    let trace = crate::derive::derive(vec![part], &Prices::default());
    let mut inspector = Inspector::new();
    inspector.viewer.resize(80, height);
    inspector.show(&trace, trace.spans[0].key, &Prices::default());
    inspector.contents(trace.spans[0].key, now);
    assert!(inspector.wants_earlier());
    inspector.asking_earlier();
    let earlier = Earlier {
        trace: TraceKey(1),
        span: SpanKey(1),
        ask: "words ".repeat(30),
        ..Earlier::default()
    };
    let needs = inspector.earlier(Some(("12:00:00".to_owned(), earlier)));
    assert_eq!(needs.beside, Some((TraceKey(1), SpanKey(1))));
    inspector.contents(SpanKey(1), before);
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    inspector
}

#[test]
fn a_long_history_of_ten_megabytes_is_one_line() {
    let body = "x".repeat(10 << 20);
    let mut before = vec![say("user", &body)];
    before.extend((0..600).map(|number| say(["user", "assistant"][number % 2], &format!("words {}", number / 3))));
    let mut now = before.clone();
    now.push(say("assistant", "the answer"));
    now.push(say("user", "the question"));
    let mut inspector = turn(messages(before, "the answer"), messages(now, "another"), 20);
    assert!(inspector.viewer.page.text.len() < 400, "{}", inspector.viewer.page.text);
    assert!(
        inspector.viewer.page.text.contains("▸ 602 messages, 10."),
        "{}",
        inspector.viewer.page.text
    );
    assert!(inspector.viewer.page.text.contains("words words…\""), "a long question is cut");
    assert!(inspector.safe_text().len() > 10 << 20);
    assert!(inspector.toggle_repeated());
    assert!(inspector.viewer.page.text.len() > 10 << 20);
    assert_eq!(inspector.viewer.page.places.len(), 603);
}

#[test]
fn what_came_before_is_asked_once_until_something_is_written() {
    let mut inspector = turn(messages(vec![say("user", "a")], "b"), messages(vec![say("user", "a")], "b"), 20);
    assert!(!inspector.wants_earlier());
    inspector.outdate();
    assert!(inspector.wants_earlier());
    inspector.set_tab(Tab::Response);
    assert!(!inspector.wants_earlier(), "only the prompt is compared");
    inspector.set_tab(Tab::Prompt);
    // It is no longer there: purged, or another one's.
    inspector.asking_earlier();
    assert_eq!(inspector.earlier(None), InspectorNeeds::default());
    assert!(!inspector.viewer.page.text.contains("since"), "{}", inspector.viewer.page.text);
}

#[test]
fn an_answer_that_grows_is_fetched_again_and_what_is_shown_stays_till_then() {
    let mut inspector = turn(messages(vec![say("user", "a")], "b"), messages(vec![say("user", "c")], "d"), 20);
    let shown = inspector.viewer.page.text.clone();
    let grown = Earlier {
        trace: TraceKey(1),
        span: SpanKey(1),
        origins: vec![Origin::default()],
        ..Earlier::default()
    };
    let needs = inspector.earlier(Some(("12:00:00".to_owned(), grown)));
    assert_eq!((needs.beside, needs.grown), (Some((TraceKey(1), SpanKey(1))), true));
    assert!(shown.contains("−2 dropped") && inspector.viewer.page.text.contains("−2 dropped"));
    inspector.contents(SpanKey(1), messages(vec![say("user", "c")], "e"));
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    assert!(inspector.viewer.page.text.contains("−1 dropped"), "{}", inspector.viewer.page.text);
}

proptest! {
    #[test]
    fn nothing_but_what_is_repeated_is_hidden_and_nothing_that_stays_moves(
        kept in proptest::collection::vec((any::<bool>(), 0..6usize), 1..14),
        down in 0..60i64,
    ) {
        let text = |at: usize, lines: usize| format!("message {at}\n{}", "more\n".repeat(lines));
        let all: Vec<Message> = kept.iter().enumerate().map(|(at, (_, lines))| say("assistant", &text(at, *lines))).collect();
        let before: Vec<Message> = all.iter().zip(&kept).filter(|(_, (kept, _))| *kept).map(|(message, _)| message.clone()).collect();
        prop_assume!(!before.is_empty());
        let mut inspector = turn(messages(before, "gone"), messages(all, "x"), 6);
        let hidden = |at: usize| {
            let kept = |at: usize| kept.get(at).is_some_and(|(kept, _)| *kept);
            kept(at) && (kept(at + 1) || at > 0 && kept(at - 1))
        };
        for at in 0..kept.len() {
            let shown = inspector.viewer.page.text.contains(&format!("message {at}\n"));
            prop_assert_eq!(shown, !hidden(at), "{}", at);
        }
        inspector.viewer.scroll(Scroll::Lines(down));
        let top = |inspector: &Inspector| {
            let row = inspector.viewer.rows().next().unwrap_or_default();
            row.iter().map(|piece| piece.text.as_str()).collect::<String>()
        };
        let first = top(&inspector);
        if !inspector.toggle_repeated() {
            return Ok(());
        }
        let here = top(&inspector);
        // The line above a fold opens with the mark of an open one.
        prop_assert!(here == first || first.contains('▸') || here.is_empty(), "{} then {}", first, here);
        inspector.toggle_repeated();
        let back = top(&inspector);
        prop_assert!(back == first || first.contains('▸') || back.is_empty(), "{} then {}", first, back);
    }
}
