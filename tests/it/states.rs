//! What the screen says when all is not well, or not yet there: reviewed as text. Sizes and styles are in `screens`.

use ratatui::buffer::Buffer;
use spanscope::app::{Msg, Notice};
use spanscope::model::query::{CostRow, Query, Reply, Stats};
use spanscope::model::record::{Progress, Receipt, Tally};
use spanscope::model::trace::FindingKind;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, NOON, text};

fn none(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

#[test]
fn before_the_first_answer() {
    insta::assert_snapshot!(none(&Desk::new(3, 60, 10)));
}

#[test]
fn nothing_there_yet() {
    insta::assert_snapshot!(none(&Desk::ready(0, 100, 12)));
}

#[test]
fn nothing_matches_the_filter() {
    let mut desk = Desk::ready(9, 80, 12);
    desk.keys("ffeature:nothing<enter>");
    insta::assert_snapshot!(none(&desk));
}

#[test]
fn a_mistake_in_the_filter() {
    let mut desk = Desk::ready(3, 80, 12);
    desk.keys("ffeature:x cots>3<enter>");
    insta::assert_snapshot!(none(&desk));
}

#[test]
fn history_is_still_being_read() {
    let mut desk = Desk::ready(3, 110, 12);
    desk.progress(Progress {
        inputs: 2,
        history_done: 43,
        history_total: 100,
        following: true,
        ..Progress::default()
    });
    desk.send(Msg::Ingested(Receipt {
        lines: 2408,
        interactions: 18_204,
        ..Receipt::default()
    }));
    desk.send(Msg::Tick(NOON));
    insta::assert_snapshot!(none(&desk));
}

#[test]
fn paused_with_new_ones_and_a_message() {
    let mut desk = Desk::ready(60, 100, 16);
    desk.keys("jjj");
    for number in 60..64 {
        desk.write(number);
        desk.answer_all();
    }
    desk.send(Msg::Notice(Notice::info("copied 48,213 bytes · prompt · via tmux buffer")));
    insta::assert_snapshot!(none(&desk));
}

#[test]
fn the_store_cannot_answer() {
    let mut desk = Desk::new(3, 100, 12);
    desk.broken = Some("disk full: /var/cache".into());
    desk.answer_all();
    insta::assert_snapshot!(none(&desk));
}

#[test]
fn the_menus_and_the_help() {
    let mut desk = Desk::ready(3, 80, 24);
    desk.keys("y");
    let mut out = none(&desk);
    desk.keys("<esc>s");
    out += &none(&desk);
    desk.keys("<esc>?<pgdn>");
    out += &none(&desk);
    insta::assert_snapshot!(out);
}

#[test]
fn too_small() {
    insta::assert_snapshot!(none(&Desk::ready(3, 39, 3)), @"terminal too small (min 40×10)");
}

/// What a log says never acts on the terminal, and never moves a column.
#[test]
fn hostile_text_is_shown_not_obeyed() {
    let evil = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\n\u{202e}gnp.exe\u{200b} 日本語 👩‍👩‍👧‍👦 e\u{301}\u{301}\u{301} \u{9b}31m";
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut desk = Desk::new(4, width, height);
        for trace in &mut desk.traces {
            let row = &mut trace.row;
            (row.ask, row.answer) = (evil.into(), evil.repeat(50));
            (row.feature, row.user) = (Some(evil.into()), Some(evil.into()));
            row.models = vec![evil.into()];
            row.findings.insert(FindingKind::Truncated);
            for span in &mut trace.spans {
                (span.part.name, span.part.tool_name) = (evil.into(), Some(evil.into()));
                (span.part.error, span.part.stop_reason) = (Some(evil.into()), Some(evil.into()));
            }
        }
        desk.progress(Progress {
            problems: vec![(evil.into(), evil.into())],
            following: true,
            ..Progress::default()
        });
        desk.answer_all();
        desk.keys("l<enter>");
        desk.send(Msg::Notice(Notice::error(evil)));
        let tame = |buffer: &Buffer| {
            for cell in buffer.content() {
                for c in cell.symbol().chars() {
                    assert!(
                        !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c) && c != '\u{200b}',
                        "{c:?}"
                    );
                }
            }
            // The frame's right border stands where it stood.
            for y in 1..height - 1 {
                let symbol = buffer[(width - 1, y)].symbol();
                assert!(matches!(symbol, "│" | "┤" | "┐"), "{width}×{height} line {y}: {symbol:?}");
            }
        };
        let theme = Theme::load("ansi", ColorSupport::Ansi16).unwrap();
        tame(&desk.render(&theme));
        for keys in ["<esc>", "f<c-u>\"x", "<enter>"] {
            desk.press(keys);
            tame(&desk.render(&theme));
        }
    }
}

/// Rejected lines are told of in the header, and the costs say when they are only a lower bound.
#[test]
fn problems_and_unknown_costs_are_not_hidden() {
    let mut desk = Desk::new(0, 120, 14);
    desk.progress(Progress {
        following: true,
        ..Progress::default()
    });
    while let Some(effect) = desk.waiting.pop_front() {
        let spanscope::app::Effect::Ask(_, ticket, query) = effect else {
            continue;
        };
        let reply = match query {
            Query::Stats => Reply::Stats(Box::new(Stats {
                tally: Tally {
                    lines: 9,
                    rejected: 7,
                    ..Tally::default()
                },
                ..Stats::default()
            })),
            Query::Costs { .. } => Reply::Costs(vec![
                CostRow {
                    key: Some("support_chat".into()),
                    cost: Some(spanscope::model::usage::Cost(24_000_000_000)),
                    share: Some(1.0),
                    calls: 3,
                    interactions: 3,
                    unpriced_calls: 1,
                    ..CostRow::default()
                },
                CostRow {
                    key: None,
                    calls: 1,
                    interactions: 1,
                    unpriced_calls: 1,
                    ..CostRow::default()
                },
            ]),
            _ => Reply::Interactions {
                rows: Vec::new(),
                more: false,
            },
        };
        desk.send(Msg::Answer(ticket, reply));
    }
    let screen = none(&desk);
    assert!(screen.contains("⚠ 7"), "{screen}");
    assert!(screen.contains("total ≥$0.0240"), "{screen}");
    assert!(screen.contains("unknown"), "{screen}");
}
