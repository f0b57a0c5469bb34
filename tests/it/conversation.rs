//! What the turns of one conversation repeat: folded, told, opened by a key.

use spanscope::app::{Action, Effect, Msg, Pane};
use spanscope::model::query::{Earlier, Query};
use spanscope::model::record::Receipt;
use spanscope::model::span::TraceKey;
use spanscope::model::trace::Trace;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};
use super::screens::Script;

/// What was asked and answered, the oldest first.
const TALK: [(&str, &str); 4] = [
    ("Do you sell gift cards?", "We do: from 10 to 200 euros, by post or by mail."),
    ("Can I pay with two of them?", "Yes, with up to three for one order."),
    (
        "And if the order comes back?",
        "Then each card gets its share again, within five days.",
    ),
    (
        "One of them ran out last week.",
        "I have prolonged it by a month: it is good until the end of the year.",
    ),
];

/// The first turns of a conversation, a line each, as a chat logs them: every prompt repeats all that was said before.
pub fn chat(turns: usize) -> String {
    (0..turns).map(|turn| said(turn, Some("s_77"), &TALK[..turn], TALK[turn])).collect()
}

/// One turn: what went before it, and what was asked and answered.
fn said(turn: usize, session: Option<&str>, before: &[(&str, &str)], (ask, answer): (&str, &str)) -> String {
    let mut messages = Vec::new();
    for (ask, answer) in before {
        messages.push(serde_json::json!({"role": "user", "content": ask}));
        messages.push(serde_json::json!({"role": "assistant", "content": answer}));
    }
    messages.push(serde_json::json!({"role": "user", "content": ask}));
    let line = serde_json::json!({
        "timestamp": format!("2026-11-24T11:5{turn}:00Z"), "trace_id": format!("{:032x}", 0xc0_ffee + turn), "feature": "shop_chat",
        "user_id": "u_5", "session_id": session, "model": "claude-sonnet-4-6", "system": "You help in a bookshop. Be brief.",
        "messages": messages, "response_text": answer, "stop_reason": "end_turn", "input_tokens": 100 + turn * 40, "output_tokens": 20,
        "latency_ms": 800, "params": {"model": "claude-sonnet-4-6", "max_tokens": 512, "temperature": 0.2},
    });
    format!("{line}\n")
}

/// An explorer over such lines.
fn over(log: &str, width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(0, width, height);
    now_has(&mut desk, log);
    desk.send(Msg::Do(Action::Refresh));
    desk.answer_all();
    desk
}

fn now_has(desk: &mut Desk, log: &str) {
    let script = Script::of(log.as_bytes());
    desk.traces.clone_from(&script.traces);
    desk.script = Some(script);
}

/// Over a conversation of four turns.
pub fn talk(width: u16, height: u16) -> Desk {
    over(&chat(4), width, height)
}

/// The nearest of the session before it that the next one can go on from, looked for one by one.
pub fn earlier<'a>(traces: impl Iterator<Item = &'a Trace> + Clone, key: TraceKey) -> Option<Earlier> {
    let own = &traces.clone().find(|trace| trace.row.trace == key)?.row;
    let session = own.session.as_ref()?;
    let before =
        traces.filter(|trace| trace.row.session.as_ref() == Some(session) && (trace.row.start, trace.row.place) < (own.start, own.place));
    let found = before.filter_map(|trace| Some((trace.row.start, trace.row.place, Earlier::of(trace)?)));
    found.max_by_key(|(start, place, _)| (*start, *place)).map(|(.., earlier)| earlier)
}

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

const FOLD: &str = "▸ 6 messages, 216 B, as in the turn of 11:52:00 \"And if the order comes back?\"  Enter opens them";
const SINCE: &str = "since the turn of 11:52:00 \"And if the order comes back?\": +1 message";

#[test]
fn a_turn_shows_what_is_new_and_one_key_opens_what_it_repeats() {
    let mut desk = talk(120, 40);
    desk.keys("<enter>z");
    let folded = screen(&desk);
    for words in [
        SINCE,
        FOLD,
        "You help in a bookshop.",
        "user  + new",
        "One of them ran out",
        "Enter open what repeats",
    ] {
        assert!(folded.contains(words), "{words}:\n{folded}");
    }
    assert!(!folded.contains("gift cards"), "{folded}");
    desk.keys("<enter>");
    let open = screen(&desk);
    for words in [
        "▾ 6 messages",
        "Do you sell gift cards?",
        "within five days.",
        "One of them ran out",
    ] {
        assert!(open.contains(words), "{words}:\n{open}");
    }
    assert_eq!(open.matches("+ new").count(), 1);
    desk.keys("<enter>");
    assert_eq!(screen(&desk), folded);
    // Whatever leaves the screen is whole.
    let effects = desk.app.update(Msg::Do(Action::OpenPager));
    let [Effect::Outside { text, .. }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert!(text.contains("gift cards") && text.contains("ran out"), "{text}");
    desk.keys("yp");
    assert!(desk.copied[0].contains("gift cards"), "{:?}", desk.copied);
    // Words that stand in it are found.
    desk.keys("/gift<enter>");
    assert!(screen(&desk).contains("1/1"), "{}", screen(&desk));
    // The first turn repeats nothing, and on the other tabs there is nothing to open.
    desk.keys(")))");
    let first = screen(&desk);
    assert!(first.contains("gift cards") && !first.contains("since"), "{first}");
    desk.keys("<enter>");
    assert!(screen(&desk).contains("nothing here repeats an earlier turn"));
}

#[test]
fn the_screen_stands_still_when_it_is_opened_and_folded() {
    let mut desk = talk(60, 14);
    desk.keys("<enter>z<enter>");
    let mut seen = Vec::new();
    for rows in 0..20 {
        desk.keys("g");
        desk.keys(&"j".repeat(rows));
        let open = screen(&desk);
        desk.keys("<enter>");
        seen.push((open.contains("gift"), screen(&desk).contains('▸')));
        desk.keys("<enter>");
    }
    assert!(seen.iter().any(|(gift, _)| !gift), "it scrolls: {seen:?}");
    assert!(
        seen.iter().all(|(_, fold)| *fold),
        "the line that stands for what was read is in sight: {seen:?}"
    );
}

#[test]
fn what_is_shortened_dropped_or_said_otherwise_is_no_repetition() {
    let mut before = TALK[..2].to_vec();
    before[0].0 = "Do you sell gift cards??";
    before[1].1 = "with up to three for one order.";
    let log = chat(2) + &said(2, Some("s_77"), &before, TALK[2]);
    let mut desk = over(&log, 120, 40);
    desk.keys("<enter>z");
    let shown = screen(&desk);
    let since = "since the turn of 11:51:00 \"Can I pay with two of them?\": +2 messages, −1 dropped (23 B), 1 shortened";
    for words in [since, "Do you sell gift cards??", "▸ 2 messages, 75 B", "▲ shortened: it had 36 B"] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
}

#[test]
fn without_a_session_or_an_earlier_prompt_everything_is_shown() {
    let alone = said(1, None, &TALK[..1], TALK[1]) + &said(2, None, &TALK[..2], TALK[2]);
    let mut desk = over(&alone, 120, 40);
    desk.keys("<enter>z");
    let shown = screen(&desk);
    assert!(shown.contains("gift cards") && !shown.contains("since"), "{shown}");
    assert!(desk.asked.iter().all(|(pane, _)| *pane != Pane::Earlier), "nothing is asked");
    // The turn between them logged no prompt: the one before that is what there is to compare with.
    let blind = chat(3)
        .lines()
        .nth(2)
        .unwrap()
        .replace("\"messages\"", "\"unknown\"")
        .replace("\"system\"", "\"other\"");
    let log = chat(2) + &blind + "\n" + chat(4).lines().nth(3).unwrap() + "\n";
    let mut desk = over(&log, 120, 40);
    desk.keys("<enter>z");
    let shown = screen(&desk);
    assert!(
        shown.contains("▸ 4 messages") && shown.contains("as in the turn of 11:51:00"),
        "{shown}"
    );
    assert!(shown.contains("+3 messages"), "{shown}");
}

#[test]
fn another_turn_that_comes_late_takes_its_place() {
    let late = chat(4);
    let lines: Vec<&str> = late.lines().collect();
    let mut desk = over(&[lines[0], lines[3], ""].join("\n"), 120, 40);
    desk.keys("<enter>z");
    assert!(screen(&desk).contains("▸ 2 messages"), "{}", screen(&desk));
    let asked = |desk: &Desk| desk.asked.iter().filter(|(_, query)| matches!(query, Query::Earlier(_))).count();
    assert_eq!(asked(&desk), 1);
    // An older part of the file is read behind the screen.
    now_has(&mut desk, &late);
    for _ in 0..3 {
        desk.send(Msg::Ingested(Receipt::default()));
        desk.answer_all();
    }
    assert_eq!(asked(&desk), 1, "not at every commit");
    desk.send(Msg::Tick(desk.app.wants_tick().unwrap().max(desk.app.now() + 2_000_000_000)));
    desk.answer_all();
    assert_eq!(asked(&desk), 2);
    assert!(screen(&desk).contains(FOLD), "{}", screen(&desk));
    let contents = desk.asked.iter().filter(|(pane, _)| *pane == Pane::Contents).count();
    desk.send(Msg::Ingested(Receipt::default()));
    desk.send(Msg::Tick(desk.app.now() + 2_000_000_000));
    desk.answer_all();
    assert_eq!(asked(&desk), 3);
    assert_eq!(
        desk.asked.iter().filter(|(pane, _)| *pane == Pane::Contents).count(),
        contents,
        "the same records have the same contents"
    );
}

#[test]
fn within_an_interaction_the_same_line_stands_for_what_a_call_repeats() {
    let mut lines = String::new();
    let mut messages = vec![serde_json::json!({"role": "user", "content": "Where is my parcel?"})];
    for turn in 0..3 {
        let line = serde_json::json!({
            "timestamp": format!("2026-11-24T11:50:0{turn}Z"), "trace_id": format!("{:032x}", 9), "feature": "shop_chat",
            "model": "claude-sonnet-4-6", "messages": messages, "response_text": format!("step {turn}"), "stop_reason": "end_turn",
            "input_tokens": 100, "output_tokens": 20, "latency_ms": 300,
        });
        lines += &format!("{line}\n");
        messages.push(serde_json::json!({"role": "assistant", "content": format!("I look at shelf {turn}.")}));
        messages.push(serde_json::json!({"role": "tool", "content": format!("shelf {turn} is empty")}));
    }
    let mut desk = over(&lines, 120, 40);
    desk.keys("<enter>z");
    let shown = screen(&desk);
    for words in [
        "since turn 2: +2 messages",
        "Where is my parcel?",
        "▸ 2 messages, 34 B, as in turn 2",
        "I look at shelf 1.",
        "shelf 1 is empty",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(!shown.contains("shelf 0"), "{shown}");
    desk.keys("<enter>");
    assert!(screen(&desk).contains("shelf 0 is empty"));
}
