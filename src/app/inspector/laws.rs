//! Laws and tables of the inspector: what each tab says, and that no scroll, width or text breaks it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::viewer::layout::{BLOCK, Layout, Place};
use super::super::viewer::{Hit, Piece, Scroll, Tone};
use super::*;
use crate::model::content::{Document, Form, Message, MessagePart, Payload, Slot};
use crate::model::json::Json;
use crate::model::span::{Part, SpanKind};
use crate::model::text;
use crate::model::usage::{Cost, CostBasis, Usage};

fn span(kind: SpanKind, slots: &[Slot]) -> Span {
    let part = Part {
        kind,
        slots: slots.iter().map(|slot| slot.bit()).sum(),
        span_id: "s1".to_owned(),
        ..Part::default()
    };
    Span {
        key: SpanKey(7),
        part,
        parent: None,
        depth: 0,
        origins: vec![
            Origin {
                length: 9,
                ..Origin::default()
            },
            Origin {
                offset: 10,
                length: 9,
                ..Origin::default()
            },
        ],
        twins: Vec::new(),
        rolled_up: false,
        counted: true,
        cost: None,
        cost_basis: CostBasis::UnknownModel,
        saved: None,
        findings: Vec::new(),
        missing: false,
        total_usage: Usage::default(),
        total_cost: None,
        turn: None,
        previous_input: None,
    }
}

fn open(span: Span, contents: Option<Contents>, width: u16, height: u16) -> Inspector {
    let mut inspector = Inspector::new();
    inspector.viewer.resize(width, height);
    let trace = Trace {
        spans: vec![span],
        ..Trace::default()
    };
    inspector.show(&trace, SpanKey(7), &Prices::default());
    if let Some(contents) = contents {
        inspector.contents(SpanKey(7), contents);
    }
    inspector
}

fn said(role: &str, text: &str) -> Message {
    Message {
        role: role.to_owned(),
        parts: vec![MessagePart::Text { text: text.to_owned() }],
    }
}

fn prompt(text: &str, width: u16, height: u16) -> Inspector {
    let contents = Contents {
        messages: vec![said("user", text)],
        ..Contents::default()
    };
    open(span(SpanKind::Llm, &[Slot::Message]), Some(contents), width, height)
}

fn screen(inspector: &Inspector) -> Vec<String> {
    inspector
        .viewer
        .rows()
        .map(|row| {
            row.iter()
                .map(|piece| piece.text.as_str())
                .collect::<String>()
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[test]
fn a_prompt_reads_as_a_conversation() {
    let contents = Contents {
        system: Some("Be kind.".to_owned()),
        messages: vec![
            said("user", "Hello?"),
            Message {
                role: "assistant".to_owned(),
                parts: vec![
                    MessagePart::Reasoning {
                        text: "look it up".to_owned(),
                    },
                    MessagePart::ToolCall {
                        id: Some("c1".to_owned()),
                        name: "find".to_owned(),
                        arguments: Json::string(r#"{"b":1.50,"a":[]}"#),
                    },
                ],
            },
            Message {
                role: "tool".to_owned(),
                parts: vec![
                    MessagePart::ToolResult {
                        id: Some("c1".to_owned()),
                        content: Json::string("none\nfound"),
                        is_error: false,
                    },
                    MessagePart::Media {
                        media_type: Some("image/png".to_owned()),
                        bytes: Some(148_000),
                        uri: None,
                    },
                ],
            },
        ],
        ..Contents::default()
    };
    let inspector = open(span(SpanKind::Llm, &[Slot::System, Slot::Message]), Some(contents), 40, 40);
    let want = [
        "system",
        "Be kind.",
        "",
        "user",
        "Hello?",
        "",
        "assistant",
        "reasoning",
        "look it up",
        "→ find  c1",
        "{",
        "  \"b\": 1.50,",
        "  \"a\": []",
        "}",
        "",
        "tool",
        "← result of find  c1",
        "none",
        "found",
        "[image/png 148 KB]",
    ];
    assert_eq!(screen(&inspector), want);
}

#[test]
fn what_was_not_logged_says_so() {
    let mut inspector = open(span(SpanKind::Llm, &[]), None, 60, 40);
    assert_eq!(screen(&inspector)[0], "prompt not logged");
    inspector.set_tab(Tab::Response);
    assert_eq!(screen(&inspector)[0], "response not logged");
    inspector.set_tab(Tab::Cost);
    let cost = screen(&inspector).join("\n");
    assert!(cost.contains("not logged") && !cost.contains("$0"), "{cost}");
    inspector.set_tab(Tab::Parameters);
    let facts = screen(&inspector).join("\n");
    assert!(
        facts.contains("first token     not logged") && facts.contains("temperature     not logged"),
        "{facts}"
    );
}

#[test]
fn it_asks_for_what_it_lacks() {
    let mut inspector = open(span(SpanKind::Llm, &[Slot::Message]), None, 60, 20);
    assert_eq!(
        inspector.needs(),
        InspectorNeeds {
            contents: true,
            around: true,
            ..InspectorNeeds::default()
        }
    );
    inspector.contents(SpanKey(8), Contents::default());
    assert!(inspector.needs().contents, "another span's contents are not ours");
    inspector.contents(SpanKey(7), Contents::default());
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    let first = inspector.set_tab(Tab::Raw).raw.unwrap();
    inspector.raw(first, Ok(b"{\"z\":1,\"a\":2}".to_vec()));
    let second = inspector.needs().raw.unwrap();
    assert_ne!(first, second);
    inspector.raw(second, Err("the file is gone".to_owned()));
    assert_eq!(inspector.needs(), InspectorNeeds::default());
    let text = screen(&inspector).join("\n");
    assert!(
        text.contains("  \"z\": 1,\n  \"a\": 2") && text.contains("the file is gone"),
        "{text}"
    );
    assert_eq!(inspector.raw_bytes(), Some(&b"{\"z\":1,\"a\":2}"[..]));
}

#[test]
fn previews_documents_and_bills_are_marked() {
    let contents = Contents {
        result: Some(Payload {
            body: "x".repeat(500),
            form: Form::Preview,
        }),
        documents: vec![Document {
            id: Some("policy-7".to_owned()),
            score: Some(Json::trusted("0.910".to_owned())),
            content: Some("Annual plans".to_owned()),
            metadata: None,
        }],
        ..Contents::default()
    };
    let mut inspector = open(span(SpanKind::Tool, &[Slot::Result, Slot::Document]), Some(contents), 80, 40);
    inspector.set_tab(Tab::Tools);
    assert!(screen(&inspector).join("\n").contains("cut at 500 characters where it was logged"));
    inspector.set_tab(Tab::Documents);
    assert_eq!(screen(&inspector)[0], " 1. 0.910  policy-7  12 B");

    let mut billed = span(SpanKind::Llm, &[]);
    billed.cost = Some(Cost(15_090_000_000));
    billed.cost_basis = CostBasis::Computed;
    billed.part.params = Some(Json::trusted(r#"{"temperature":0.9,"seed":18446744073709551616}"#.to_owned()));
    let mut inspector = open(billed, None, 100, 60);
    inspector.set_tab(Tab::Cost);
    assert!(screen(&inspector).join("\n").contains("$0.01509  computed"));
    inspector.set_tab(Tab::Parameters);
    let text = screen(&inspector).join("\n");
    assert!(
        text.contains("temperature     0.9  ▲ above 0.7") && text.contains("18446744073709551616"),
        "{text}"
    );
}

#[test]
fn search_finds_whatever_the_case_and_goes_round() {
    let text = format!("Refund\n{}refund and REFUND\nStraße İstanbul", "line\n".repeat(50));
    let mut inspector = prompt(&text, 40, 5);
    assert_eq!(inspector.viewer.search("reFund"), 3);
    assert_eq!(inspector.viewer.search_position(), Some((1, 3)));
    inspector.viewer.search_step(true);
    let hits: Vec<Hit> = inspector
        .viewer
        .rows()
        .flatten()
        .map(|piece| piece.hit)
        .filter(|hit| *hit != Hit::None)
        .collect();
    assert_eq!(hits, [Hit::Current, Hit::Match]);
    inspector.viewer.search_step(true);
    inspector.viewer.search_step(true);
    assert_eq!(inspector.viewer.search_position(), Some((1, 3)));
    inspector.viewer.search_step(false);
    assert_eq!(inspector.viewer.search_position(), Some((3, 3)));
    assert_eq!(inspector.viewer.search("STRASSE"), 0);
    assert_eq!(inspector.viewer.search("straße"), 1);
    assert_eq!(inspector.viewer.search(""), 0);
    assert_eq!(inspector.viewer.search_position(), None);
}

#[test]
fn ten_megabytes_in_one_line_cost_a_screen() {
    let mut inspector = prompt(&"lorem ipsum dolor ".repeat(10_000_000 / 18), 100, 50);
    let opened = inspector.viewer.layout.touched;
    assert!(opened <= 8 * BLOCK, "{opened}");
    inspector.viewer.scroll(Scroll::Bottom);
    assert_eq!(inspector.viewer.percent(), 100);
    inspector.viewer.scroll(Scroll::Lines(-3));
    inspector.viewer.resize(80, 50);
    inspector.viewer.scroll(Scroll::Top);
    inspector.viewer.scroll(Scroll::Page(10));
    let (rows, exact) = inspector.viewer.total_rows();
    assert!(!exact && rows > 65_535, "{rows}");
    assert!(inspector.viewer.layout.touched <= 16 * BLOCK, "{}", inspector.viewer.layout.touched);
    assert_eq!(inspector.viewer.rows().count(), 50);
}

#[test]
fn hostile_text_never_reaches_the_screen_as_it_is() {
    let inspector = prompt("x\u{1b}[31m\u{202e}evil\u{e0041}\u{200b}\n", 60, 10);
    assert_eq!(screen(&inspector)[1], "x␛[31m<RLO>evil<TAG:\"A\">·");
    assert_eq!(inspector.viewer.hidden(), 4);
}

#[test]
fn blanks_are_shown_when_asked_for_and_move_nothing() {
    let mut inspector = prompt("a b\tc \r\n\n x", 40, 10);
    let plain = screen(&inspector);
    inspector.viewer.toggle_blanks();
    assert_eq!(screen(&inspector)[1..], ["a␣b→c␣␍␊", "␊", "␣x␊"]);
    assert_eq!(inspector.viewer.hidden(), 0, "they hide nothing");
    inspector.viewer.toggle_blanks();
    assert_eq!(screen(&inspector), plain);
    // Another program gets what the screen shows, whole and harmless.
    let mut inspector = prompt("x\u{1b}]52;c;aGk=\u{7}\u{202e}y", 10, 2);
    inspector.viewer.toggle_blanks();
    assert_eq!(inspector.viewer.safe_text(), "user\nx␛]52;c;aGk=␇<RLO>y\n");
}

#[test]
fn a_wide_character_is_cut_at_the_left_edge_without_moving_the_rest() {
    let mut inspector = prompt("日本語abc", 6, 4);
    inspector.viewer.toggle_wrap();
    inspector.viewer.scroll(Scroll::Columns(1));
    assert_eq!(screen(&inspector)[1], "…本語…");
    inspector.viewer.scroll(Scroll::Columns(1));
    assert_eq!(screen(&inspector)[1], "… 語a…");
}

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            "[a-z ]{0,40}",
            "\n",
            "\r\n",
            "\t",
            "日本語",
            "e\u{301}",
            "\u{2028}",
            "👨‍👩‍👧",
            any::<char>().prop_map(String::from),
            Just("long".repeat(6_000))
        ],
        0..30,
    )
    .prop_map(|pieces| pieces.concat())
}

#[test]
fn what_goes_on_beyond_the_edges_says_so() {
    let mut viewer = Viewer::default();
    let mut page = Page::default();
    for line in ["0123456789", "0123456789abc", "0123456789日本語", "0", ""] {
        page.line(Tone::Text, line);
    }
    viewer.resize(10, 5);
    viewer.write(page, false);
    viewer.toggle_wrap();
    let rows = |viewer: &Viewer| -> Vec<String> {
        let row = |row: Vec<Piece>| row.iter().map(|piece| piece.text.as_str()).collect();
        viewer.rows().map(row).collect()
    };
    assert_eq!(rows(&viewer), ["0123456789", "012345678…", "012345678…", "0", ""]);
    viewer.scroll(Scroll::Columns(3));
    assert_eq!(rows(&viewer), ["…456789", "…456789abc", "…456789日…", "…", ""]);
    // A match is never under a mark.
    for (needle, found) in [("3456", true), ("abc", true), ("語", true), ("012", true)] {
        viewer.search(needle);
        assert_eq!(rows(&viewer).concat().contains(needle), found, "{needle}: {:?}", rows(&viewer));
    }
}

#[test]
fn bytes_that_are_no_text_are_counted_with_what_is_hidden() {
    let mut viewer = Viewer::default();
    let mut page = Page::default();
    page.push(Tone::Text, "a\u{1b}").byte(0xff).byte(0xfe).line(Tone::Text, "b<FF>");
    viewer.resize(20, 5);
    viewer.write(page, false);
    assert_eq!(viewer.hidden(), 3);
}

proptest! {
    #[test]
    fn rows_together_are_the_text(text in texts(), width in proptest::option::of(1usize..60)) {
        let mut layout = Layout::new(&text, width, &[]);
        let rows = layout.rows(&text, Place::default(), usize::MAX);
        let together: String = rows.iter().map(|row| &text[row.clone()]).collect();
        prop_assert_eq!(&together, &text);
        prop_assert_eq!(layout.total(), (rows.len() as u64, true));
        for row in &rows {
            prop_assert!(!row.is_empty());
            let place = layout.place(&text, row.start);
            prop_assert_eq!(layout.offset(&text, place), row.start);
        }
    }

    #[test]
    fn rows_that_are_set_in_are_no_wider_and_miss_nothing(
        text in "[a-z ]{0,60}\n([a-z日 ]{0,200}\n){0,3}", hang in 0usize..20, width in 3usize..60,
    ) {
        let mut viewer = Viewer::default();
        let mut page = Page::default();
        for line in text.split_inclusive('\n') {
            page.hang(hang).push(Tone::Text, line);
        }
        viewer.resize(width as u16, 400);
        viewer.write(page, false);
        let rows: Vec<String> = viewer.rows().map(|row| row.iter().map(|piece| piece.text.as_str()).collect()).collect();
        for row in &rows {
            prop_assert!(text::width(row.trim_end()) <= width, "{:?}", row);
        }
        let words = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(words(&rows.concat()), words(&text));
        // A row that goes on is set in by as much as its line asks for, a third of the width at most.
        if let [first, second, ..] = rows.as_slice()
            && text.lines().next().is_some_and(|line| line.trim_end().len() > first.len())
        {
            prop_assert!(second.starts_with(&" ".repeat(hang.min(width / 3))), "{:?}", rows);
        }
    }

    #[test]
    fn scrolling_stays_within_the_text(text in texts(), moves in proptest::collection::vec((0u8..8, -200i64..200), 0..30)) {
        let mut inspector = prompt(&text, 20, 7);
        for (kind, by) in moves {
            match kind {
                0 => inspector.viewer.scroll(Scroll::Lines(by)),
                1 => inspector.viewer.scroll(Scroll::HalfPage(by)),
                2 => inspector.viewer.scroll(Scroll::Page(by)),
                3 => inspector.viewer.scroll(Scroll::Top),
                4 => inspector.viewer.scroll(Scroll::Bottom),
                5 => inspector.viewer.scroll(Scroll::Columns(by)),
                6 => inspector.viewer.toggle_wrap(),
                _ => inspector.viewer.resize(by.unsigned_abs() as u16, (by.unsigned_abs() / 4) as u16),
            }
            let total = inspector.viewer.total_rows().0 as usize;
            let shown = inspector.viewer.rows().count();
            prop_assert!(shown == inspector.viewer.height || shown <= total && inspector.viewer.fits(), "{} of {} in {}", shown, total, inspector.viewer.height);
            for row in inspector.viewer.rows() {
                prop_assert!(row.iter().all(|piece| !piece.text.as_str().chars().any(char::is_control)));
            }
        }
    }
}
