//! What the screen says when all is not well, or not yet there: reviewed as text. Sizes and styles are in `screens`.

use ratatui::buffer::Buffer;
use spanscope::app::{Mode, inspector::Tab};
use spanscope::app::{Msg, Notice};
use spanscope::model::query::{ConventionRow, CostRow, Health, HealthRow, ModelRow, Query, Reply, Stats};
use spanscope::model::record::{Progress, Receipt, Tally};
use spanscope::model::trace::FindingKind;
use spanscope::model::usage::{Convention, Usage};
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, NOON, spend, text};

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
fn a_kept_store_waits_for_nothing() {
    for count in [0, 9] {
        let mut desk = Desk::kept(count, 80, 16);
        desk.answer_all();
        let screen = none(&desk);
        assert!(
            screen.contains("■ kept store, no source") && !screen.contains("waiting"),
            "{screen}"
        );
        assert_eq!(
            count == 0,
            screen.contains("no interaction is kept in /var/log/app/*.jsonl"),
            "{screen}"
        );
    }
}

#[test]
fn keys_that_need_a_row_are_not_offered_without_one() {
    for (keys, offered, not) in [
        ("", "f filter", ["open", "diagnose"]),
        ("B", "r ask again", ["its interactions", "copy"]),
        ("L", "Esc back", ["rejected lines", "by name"]),
        ("t", "Esc back", ["go there", "earlier"]),
    ] {
        let mut desk = Desk::ready(0, 100, 20);
        desk.keys(keys);
        let screen = none(&desk);
        let footer = screen.lines().last().unwrap();
        assert!(
            footer.contains(offered) && not.iter().all(|words| !footer.contains(words)),
            "{keys}: {footer}"
        );
    }
}

#[test]
fn beside_a_line_being_typed_stand_its_keys_while_there_is_room() {
    let mut desk = Desk::ready(3, 60, 12);
    desk.keys("ffeature:x");
    let footer = |desk: &Desk| none(desk).lines().last().unwrap().to_owned();
    assert!(footer(&desk).ends_with("Enter filter  Esc cancel ┘"), "{}", footer(&desk));
    desk.keys(&"x".repeat(50));
    assert!(!footer(&desk).contains("Enter"), "{}", footer(&desk));
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
    insta::assert_snapshot!(none(&Desk::ready(3, 39, 3)), @"too small, needs 40×10");
}

/// Whatever there is to say, the header says where reading stands, whole, and leaves the frame alone.
#[test]
fn the_header_fits_and_keeps_what_matters_most() {
    let history = Progress {
        inputs: 2,
        history_done: 43,
        history_total: 100,
        following: true,
        ..Progress::default()
    };
    let following = Progress {
        inputs: 2,
        following: true,
        ..Progress::default()
    };
    let troubled = Progress {
        problems: vec![("a.log".into(), "permission denied".into())],
        ..following.clone()
    };
    let polling = Progress {
        polling: true,
        ..following.clone()
    };
    let ended = Progress {
        ended: true,
        ..Progress::default()
    };
    let mut all = String::new();
    for (progress, keys, must) in [
        (following.clone(), "", vec!["● following"]),
        (following, "jj", vec!["❚❚ paused +3 new"]),
        (history.clone(), "", vec!["reading 43%"]),
        (history, "jj", vec!["❚❚ paused +3 new", "reading 43%"]),
        (polling, "", vec!["● following (polling)"]),
        (troubled, "ffeature:s*<enter>/question<enter>", vec!["❚❚ paused"]),
        (ended, "", vec!["■ ended"]),
    ] {
        for width in [40, 60, 80, 120, 200] {
            let mut desk = Desk::ready(30, width, 12);
            desk.tally.rejected = 1207;
            desk.progress(progress.clone());
            desk.keys(keys);
            for number in 30..33 {
                desk.write(number);
                desk.send(Msg::Tick(NOON + number as i64 * 1_000_000_000));
                desk.answer_all();
            }
            let screen = none(&desk);
            let header = screen.lines().next().unwrap();
            assert_eq!(header.chars().count(), usize::from(width));
            assert!(header.starts_with('┌') && header.ends_with('┐'), "{header}");
            for must in &must[..if width < 60 { 1 } else { must.len() }] {
                assert!(header.contains(must), "{must}: {header}");
            }
            assert!(width < 60 || header.contains("⚠ 1,207 rejected"), "{header}");
            all += header;
            all.push('\n');
        }
    }
    insta::assert_snapshot!(all);
}

/// The lower border carries the keys, the inspector's place and messages: none writes into another.
#[test]
fn the_footer_has_six_hints_at_most() {
    for keys in ["", "<enter>", "$", "t", "L", "D", "d", "H", "s", "y", "|", "?"] {
        let mut desk = Desk::ready(9, 250, 40);
        desk.keys(keys);
        let screen = none(&desk);
        let footer = screen.lines().last().unwrap();
        let hints = footer.split("─").next().unwrap_or(footer).split("  ").count();
        assert!(hints <= 6, "{keys}: {hints} in {footer}");
    }
}

#[test]
fn the_footer_shares_its_line() {
    let mut all = String::new();
    for width in [40, 60, 80, 120] {
        let mut desk = Desk::ready(3, width, 24);
        for trace in &mut desk.traces {
            trace.row.ask = "Where is my parcel, and why does it take so long? ".repeat(60);
        }
        desk.keys("<enter>");
        let mut last = |desk: &Desk| {
            let screen = none(desk);
            let line = screen.lines().last().unwrap();
            assert!(
                line.starts_with('└') && line.ends_with('┘') && line.chars().count() == usize::from(width),
                "{line}"
            );
            all += line;
            all.push('\n');
        };
        last(&desk);
        desk.send(Msg::Notice(Notice::info("copied 48,213 bytes")));
        last(&desk);
        desk.send(Msg::Notice(Notice::error(
            "copied 48,213 bytes to /home/somebody/.cache/spanscope/copies/prompt.txt, for no terminal took it over",
        )));
        last(&desk);
    }
    insta::assert_snapshot!(all);
}

/// A list without rows says why, and what to try.
#[test]
fn why_there_is_nothing() {
    let mut all = String::new();
    let following = Progress {
        inputs: 1,
        following: true,
        ..Progress::default()
    };
    let cases: [(Progress, Tally); 5] = [
        (
            Progress {
                following: true,
                ..Progress::default()
            },
            Tally::default(),
        ),
        (
            Progress {
                history_done: 20,
                history_total: 100,
                ..following.clone()
            },
            Tally::default(),
        ),
        (
            following.clone(),
            Tally {
                lines: 1209,
                other: 1,
                rejected: 1207,
                blank: 1,
                rejects: [("not JSON".to_owned(), 1200), ("nothing is known of these keys".to_owned(), 7)].into(),
                ..Tally::default()
            },
        ),
        (
            Progress {
                problems: vec![
                    ("/var/log/app/a.jsonl".into(), "permission denied".into()),
                    ("/var/log/app/b.jsonl".into(), "is a directory".into()),
                ],
                ..following
            },
            Tally::default(),
        ),
        (
            Progress {
                ended: true,
                ..Progress::default()
            },
            Tally {
                lines: 4,
                blank: 4,
                ..Tally::default()
            },
        ),
    ];
    for (progress, tally) in cases {
        for width in [60, 100] {
            let mut desk = Desk::new(0, width, 12);
            desk.progress(progress.clone());
            desk.tally = tally.clone();
            desk.answer_all();
            all += &none(&desk);
        }
    }
    insta::assert_snapshot!(all);
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
            Query::Costs { .. } => Reply::Costs(Box::new(spend(vec![
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
            ]))),
            Query::Trend { .. } => Reply::Trend(Box::default()),
            _ => Reply::Interactions {
                rows: Vec::new(),
                more: false,
            },
        };
        desk.send(Msg::Answer(ticket, reply));
    }
    let screen = none(&desk);
    assert!(screen.contains("⚠ 7 rejected"), "{screen}");
    assert!(screen.contains("total ≥$0.0240"), "{screen}");
    assert!(screen.contains("unknown"), "{screen}");
}

/// Calls of the day before and of this one: since 12:40 a third of them without a prompt.
pub fn unwell() -> Health {
    let row = |feature: Option<&str>, ago: i64, calls, lacking: &[(usize, u64)]| {
        let from = (NOON - ago * 60_000_000_000).div_euclid(600_000_000_000) * 600_000_000_000;
        let mut row = HealthRow {
            feature: feature.map(str::to_owned),
            from,
            calls,
            ..HealthRow::default()
        };
        for (n, missing) in lacking {
            (row.missing[*n], row.since[*n]) = (*missing, Some(from + 60_000_000_000));
        }
        row
    };
    let mut tally = Tally {
        lines: 2_408,
        rejected: 7,
        ..Tally::default()
    };
    tally.rejects.insert("not JSON".into(), 7);
    let convention = |dialect: &str, convention, by_figures, records| ConventionRow {
        dialect: dialect.into(),
        convention,
        by_figures,
        by_user: false,
        records,
    };
    Health {
        rows: vec![
            row(Some("search"), 60, 50, &[]),
            row(Some("search"), 20, 100, &[(0, 31), (8, 100)]),
            row(None, 1_500, 2_000, &[(3, 1), (9, 2_000)]),
        ],
        conventions: vec![
            convention("llm_trace", Convention::Exclusive, false, 2_100),
            convention("llm_trace", Convention::Inclusive, true, 12),
            convention("flat", Convention::Unknown, false, 3),
        ],
        models: vec![ModelRow {
            provider: Some("acme".into()),
            request_model: Some("acme-7b\u{1b}[31m".into()),
            calls: 40,
            usage: Usage {
                input: Some(81_000),
                ..Usage::default()
            },
            ..ModelRow::default()
        }],
        previews: vec![(Some("search".into()), 12)],
        tally,
    }
}

#[test]
fn what_the_log_lacks() {
    let mut desk = Desk::ready(9, 90, 32);
    desk.health = unwell();
    desk.keys("H");
    assert_eq!(desk.app.mode(), Mode::Health);
    insta::assert_snapshot!(none(&desk));
    // It is a text like any other: searched, scrolled, left.
    desk.keys("/acme<enter><esc>");
    assert_eq!(desk.app.mode(), Mode::List);
    desk.keys("HL");
    assert_eq!(desk.app.mode(), Mode::Sources);
    desk.health = Health::default();
    desk.keys("H");
    assert!(
        none(&desk).contains("No line has been read yet. L shows the sources"),
        "{}",
        none(&desk)
    );
    desk.keys("Hffeature:nobody<enter>H");
    assert!(none(&desk).contains("let through; Esc in the list"), "{}", none(&desk));
    desk.keys("HL");
    desk.broken = Some("the disk is on fire".into());
    desk.keys("H");
    assert!(none(&desk).contains("the disk is on fire"));
}

#[test]
fn one_key_leads_from_an_amount_to_its_sum() {
    let mut desk = Desk::ready(9, 110, 40);
    desk.keys("=");
    assert_eq!((desk.app.mode(), desk.app.inspector().tab()), (Mode::Inspector, Tab::Cost));
    insta::assert_snapshot!(none(&desk));
}
