//! The sources and their rejected lines, by their keys and as they look; and what is marked while history is not whole.

use std::collections::BTreeMap;

use spanscope::app::{Mode, Msg};
use spanscope::model::query::{RejectRow, SourceStat, Window};
use spanscope::model::record::{Activity, Progress, Receipt, SourceProgress, Tally};
use spanscope::model::span::Origin;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, NOON, SECOND, text};
use super::screens::picture;

fn none(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

fn counts(of: &[(&str, u64)]) -> BTreeMap<String, u64> {
    of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn stat(id: u32, uri: &str, bytes: u64, lines: u64) -> SourceStat {
    SourceStat {
        id,
        uri: uri.into(),
        bytes,
        end: bytes,
        tally: Tally {
            lines,
            span: lines,
            dialects: counts(&[("llm_trace", lines)]),
            ..Tally::default()
        },
        ..SourceStat::default()
    }
}

fn read(id: u32, uri: &str, activity: Activity, size: u64, remaining: u64) -> SourceProgress {
    SourceProgress {
        uri: uri.into(),
        source: Some((id, 0)),
        activity,
        size,
        remaining,
        modified: Some(NOON - 60 * SECOND),
        ..SourceProgress::default()
    }
}

/// One of each that can be there.
pub fn every_state(width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(3, width, height);
    let mut rejected = stat(2, "/var/log/app/billing.jsonl", 48_000, 400);
    rejected.tally = Tally {
        lines: 400,
        span: 390,
        other: 1,
        rejected: 7,
        blank: 2,
        dialects: counts(&[("llm_trace", 300), ("otlp", 90), ("generic", 1)]),
        rejects: counts(&[("not JSON", 5), ("truncated JSON", 2)]),
    };
    desk.stored = vec![
        stat(1, "/var/log/app/support.jsonl", 4_800_000, 12_040),
        rejected,
        SourceStat {
            end: 100_000_000,
            unread: 57_000_000,
            ..stat(3, "/var/log/app/agent.jsonl", 43_000_000, 90_211)
        },
        SourceStat {
            ordered: true,
            ..stat(4, "/var/log/app/agent.jsonl.2.gz", 95_000_000, 200_000)
        },
        stat(5, "/var/log/app/rotated.jsonl", 1_000, 10),
        SourceStat {
            unread: 900,
            ..stat(7, "/var/log/app/last-week.jsonl", 100, 1)
        },
        stat(9, "/var/log/app/support.jsonl", 2_000, 5),
    ];
    desk.tally = Tally {
        lines: 302_000,
        rejected: 7,
        ..Tally::default()
    };
    let mut compressed = read(4, "/var/log/app/agent.jsonl.2.gz", Activity::Reading, 9_500_000, 4_000_000);
    compressed.modified = Some(NOON - 86_400 * SECOND);
    let sources = vec![
        read(1, "/var/log/app/support.jsonl", Activity::Following, 4_800_000, 0),
        SourceProgress {
            pending: 12,
            ..read(2, "/var/log/app/billing.jsonl", Activity::Following, 48_012, 0)
        },
        read(3, "/var/log/app/agent.jsonl", Activity::Reading, 100_000_000, 57_000_000),
        compressed,
        read(5, "/var/log/app/rotated.jsonl", Activity::Gone, 1_000, 0),
        SourceProgress {
            uri: "/var/log/app/secret.jsonl".into(),
            activity: Activity::Failed,
            problem: Some("permission denied (os error 13)".into()),
            ..SourceProgress::default()
        },
        SourceProgress {
            uri: "ssh://deploy@host-7/var/log/app.jsonl".into(),
            activity: Activity::Waiting,
            problem: Some("connection refused; next attempt in 8 s".into()),
            ..SourceProgress::default()
        },
        SourceProgress {
            skipped: 70_000,
            modified: Some(NOON - 9 * 86_400 * SECOND),
            ..read(8, "/var/log/app/archive.jsonl", Activity::Following, 70_000, 0)
        },
    ];
    let progress = |done: u64| Progress {
        inputs: 8,
        history_done: done,
        history_total: 109_500_000,
        following: true,
        problems: vec![("/var/log/app/secret.jsonl".into(), "permission denied (os error 13)".into())],
        sources: sources.clone(),
        ..Progress::default()
    };
    desk.answer_all();
    desk.keys("L");
    for second in 0..4 {
        desk.send(Msg::Tick(NOON + second * SECOND));
        desk.progress(progress(33_000_000 + second as u64 * 5_000_000));
        desk.stored[0].tally.lines += 120;
        desk.send(Msg::Ingested(Receipt {
            lines: 120,
            interactions: 3,
            ..Receipt::default()
        }));
        desk.answer_all();
    }
    desk.send(Msg::Tick(NOON + 4 * SECOND));
    desk.answer_all();
    desk
}

#[test]
fn every_state_is_shown_at_every_size() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let desk = every_state(width, height);
        let screen = none(&desk);
        for state in ["✕ failed", "○ waiting", "● following", "◐ reading", "– gone", "· not read"] {
            assert!(screen.contains(state), "{state} at {width}×{height}:\n{screen}");
        }
        let ansi = desk.render(&Theme::load("ansi", ColorSupport::Ansi16).unwrap());
        insta::assert_snapshot!(format!("sources_{width}x{height}"), picture(&ansi));
    }
    let plain = every_state(80, 24).render(&Theme::load("dark", ColorSupport::None).unwrap());
    for cell in plain.content() {
        assert_eq!(
            (format!("{:?}", cell.fg), format!("{:?}", cell.bg)),
            ("Reset".into(), "Reset".into())
        );
    }
}

/// All that is known of one source stands at the foot, also where its columns have no room.
#[test]
fn the_foot_tells_the_whole_of_one() {
    let mut desk = every_state(60, 20);
    let mut all = String::new();
    for _ in 0..desk.app.sources().rows().len() {
        let screen = none(&desk);
        let lines: Vec<&str> = screen.lines().collect();
        all += &(lines[12..].join("\n") + "\n\n");
        desk.keys("j");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_needs_a_look_comes_first_or_names_do() {
    let mut desk = every_state(120, 40);
    let names = |desk: &Desk| -> Vec<String> {
        let rows = desk.app.sources().rows();
        rows.iter()
            .map(|row| row.standing.uri.rsplit('/').next().unwrap().to_owned())
            .collect()
    };
    let trouble = names(&desk);
    assert_eq!(trouble[..3], ["secret.jsonl", "app.jsonl", "billing.jsonl"]);
    desk.keys("gs");
    let mut sorted = names(&desk);
    assert_eq!(
        desk.app.sources().selected().unwrap().standing.uri,
        "/var/log/app/secret.jsonl",
        "the cursor stays"
    );
    sorted.sort();
    // The address of the remote one sorts by its scheme.
    assert_eq!(names(&desk).last().map(String::as_str), Some("app.jsonl"));
    assert_eq!(sorted.len(), trouble.len());
    desk.keys("s");
    assert_eq!(names(&desk), trouble);
}

#[test]
fn the_pane_opens_and_closes_and_keeps_the_list_as_it_was() {
    let mut desk = every_state(120, 40);
    assert_eq!(desk.app.mode(), Mode::Sources);
    let at = desk.at();
    // What belongs to the list does nothing here.
    desk.keys("jj]!fFhl");
    assert_eq!((desk.at(), desk.app.mode()), (at, Mode::Sources));
    assert!(desk.app.list().follows());
    desk.keys("L");
    assert_eq!(desk.app.mode(), Mode::List);
    desk.keys("L<esc>");
    assert_eq!(desk.app.mode(), Mode::List);
    desk.keys("Lq");
    assert_eq!((desk.app.mode(), desk.quit), (Mode::List, false));
    desk.keys("L<tab>");
    assert_eq!(desk.app.mode(), Mode::List);
}

#[test]
fn thousands_scroll_and_the_cursor_stays_on_its_source() {
    let mut desk = Desk::ready(1, 80, 24);
    let uri = |number: u64| format!("/var/log/{number:05}.jsonl");
    desk.stored = (0..5_000).map(|number| stat(number as u32, &uri(number), 100, number)).collect();
    desk.send(Msg::Tick(NOON + SECOND));
    desk.keys("L");
    desk.send(Msg::Tick(NOON + SECOND + SECOND / 2));
    assert_eq!(desk.app.sources().rows().len(), 5_000);
    desk.keys("G");
    assert!(none(&desk).contains("04999.jsonl"));
    desk.keys("gjjj");
    assert_eq!(desk.app.sources().selected().unwrap().standing.uri, uri(3));
    // Others come before it: it is still the one.
    for stat in &mut desk.stored[4_000..4_010] {
        stat.tally.rejected = 1;
    }
    desk.send(Msg::Tick(NOON + 3 * SECOND));
    desk.send(Msg::Ingested(Receipt::default()));
    desk.answer_all();
    assert_eq!(desk.app.sources().at(), 13);
    assert_eq!(desk.app.sources().selected().unwrap().standing.uri, uri(3));
}

#[test]
fn lines_a_second_are_what_the_store_took_and_go_back_to_nothing() {
    let mut desk = Desk::ready(1, 120, 40);
    desk.stored = vec![stat(1, "a.jsonl", 100, 10)];
    let rate = |desk: &Desk| desk.app.sources().rows()[0].rate;
    desk.send(Msg::Tick(NOON + SECOND));
    desk.keys("L");
    desk.send(Msg::Tick(NOON + SECOND + SECOND / 2));
    assert_eq!(rate(&desk), 0, "what was there before is no rate");
    for second in 2..=6 {
        desk.stored[0].tally.lines += 40;
        desk.send(Msg::Tick(NOON + second * SECOND));
        desk.send(Msg::Ingested(Receipt::default()));
        desk.answer_all();
    }
    desk.send(Msg::Tick(NOON + 6 * SECOND + SECOND / 2));
    assert_eq!(rate(&desk), 40);
    // Nothing more comes: ticks are wanted until that is told, then none.
    let mut now = NOON + 7 * SECOND;
    while let Some(next) = desk.app.wants_tick() {
        assert!(now < NOON + 20 * SECOND, "it never rests");
        now = now.max(next);
        desk.send(Msg::Tick(now));
        desk.answer_all();
    }
    assert_eq!(rate(&desk), 0);
}

#[test]
fn a_store_that_falls_behind_is_told_with_bytes_and_time() {
    let mut desk = Desk::ready(1, 150, 40);
    desk.stored = vec![stat(1, "a.jsonl", 1_000, 10)];
    desk.keys("L");
    let look = |desk: &mut Desk, second: i64, size: u64| {
        desk.progress(Progress {
            inputs: 1,
            following: true,
            sources: vec![read(1, "a.jsonl", Activity::Following, size, 0)],
            ..Progress::default()
        });
        desk.send(Msg::Tick(NOON + second * SECOND));
        desk.answer_all();
        desk.send(Msg::Tick(NOON + second * SECOND + SECOND / 2));
        desk.app.sources().rows()[0].behind
    };
    assert_eq!(look(&mut desk, 1, 1_001), None, "a line end that is stepped over");
    assert_eq!(look(&mut desk, 3, 3_000).map(|(bytes, _)| bytes), Some(2_000));
    let (bytes, age) = look(&mut desk, 6, 9_000).unwrap();
    assert_eq!((bytes, age / SECOND), (8_000, 3));
    assert!(none(&desk).contains("8.0 KB not yet in the store"), "{}", none(&desk));
    desk.stored[0].end = 9_000;
    assert_eq!(look(&mut desk, 8, 9_000), None);
}

pub fn reject(offset: u64, bytes: &[u8], length: u32) -> RejectRow {
    RejectRow {
        uri: "/var/log/app/billing.jsonl".into(),
        origin: Origin {
            source: 2,
            offset,
            length,
            ..Origin::default()
        },
        reason: "not JSON".into(),
        detail: "expected value at line 1 column 1".into(),
        bytes: bytes.to_vec(),
    }
}

pub fn with_rejects(width: u16, height: u16, rejects: Vec<RejectRow>) -> Desk {
    let mut desk = every_state(width, height);
    desk.rejects = rejects;
    desk.keys("sg");
    while desk.app.sources().selected().unwrap().standing.tally.rejected == 0 {
        desk.keys("j");
    }
    desk.keys("<enter>");
    desk
}

#[test]
fn rejected_lines_are_listed_read_and_copied_as_they_were_kept() {
    let broken = b"Traceback (most recent call last):\xff\xfe \x1b[31mred".to_vec();
    for (width, height) in [(60, 20), (120, 40)] {
        let rejects = vec![
            reject(9_120, &broken, broken.len() as u32),
            reject(48, b"{\"model\": \"claude-sonnet-4-6\", \"messages\": [", 45),
        ];
        let mut desk = with_rejects(width, height, rejects);
        assert_eq!(desk.app.mode(), Mode::Rejects);
        let list = none(&desk);
        desk.keys("<enter>");
        let open = none(&desk);
        for words in ["not JSON", "expected value", "billing.jsonl:9120", "<FF><FE>", "␛[31mred"] {
            assert!(open.contains(words), "{words}:\n{open}");
        }
        insta::assert_snapshot!(format!("rejects_{width}x{height}"), format!("{list}\n{open}"));
        // One step back at a time.
        desk.keys("<esc>");
        assert!(desk.app.reader().is_none() && desk.app.rejects().is_some());
        desk.keys("<esc>");
        assert_eq!(desk.app.mode(), Mode::Sources);
        desk.keys("q");
        assert_eq!(desk.app.mode(), Mode::List);
    }
}

#[test]
fn a_copy_has_every_byte_whether_the_line_is_open_or_not() {
    let broken = [b"\xff\xfe ".repeat(200), b"end".to_vec()].concat();
    let mut desk = with_rejects(80, 24, vec![reject(9, &broken, broken.len() as u32)]);
    desk.keys("y");
    desk.keys("<enter>y");
    assert_eq!(desk.raw, [broken.clone(), broken]);
}

#[test]
fn of_a_line_too_long_to_keep_it_says_what_is_left_out() {
    let kept = [vec![b'a'; 512 << 10], vec![b'z'; 512 << 10]].concat();
    let mut desk = with_rejects(80, 24, vec![reject(9, &kept, 40 << 20)]);
    desk.keys("<enter>/left out<enter>");
    let screen = none(&desk);
    assert!(
        screen.contains(&format!("{} bytes are left out here", (40 << 20) - (1 << 20))),
        "{screen}"
    );
    assert!(screen.contains("1/1"), "the search works here too: {screen}");
    desk.keys("G");
    assert!(none(&desk).lines().nth(20).unwrap().contains("zzzz"), "{}", none(&desk));
    desk.keys("wg");
    assert!(none(&desk).contains("unwrapped"));
    desk.keys("y");
    assert_eq!(desk.raw.pop(), Some(kept));
}

#[test]
fn thousands_of_rejected_lines_come_by_pages() {
    let rejects: Vec<RejectRow> = (0..700).rev().map(|line| reject(line * 10, b"no", 2)).collect();
    let mut desk = with_rejects(80, 24, rejects);
    let offset = |desk: &Desk| {
        let open = desk.app.rejects().unwrap();
        open.list().rows()[open.list().at()].origin.offset
    };
    assert_eq!(offset(&desk), 6_990);
    for _ in 0..75 {
        desk.keys("<c-d>");
        assert!(desk.app.rejects().unwrap().list().rows().len() <= 300);
    }
    assert_eq!(offset(&desk), 0);
    for _ in 0..20 {
        desk.keys("<c-u>");
    }
    assert_eq!(offset(&desk), 20 * 10 * 10);
    desk.keys("g");
    assert_eq!(offset(&desk), 6_990);
    desk.keys("G");
    assert_eq!(offset(&desk), 0);
    // A newer one is shown where the list begins, and only there.
    desk.rejects.insert(0, reject(7_000, b"new", 3));
    let count = |desk: &mut Desk, rejected: u64, second: i64| {
        desk.stored[1].tally.rejected = rejected;
        desk.send(Msg::Tick(NOON + second * SECOND));
        desk.send(Msg::Ingested(Receipt::default()));
        desk.answer_all();
    };
    count(&mut desk, 8, 10);
    assert_eq!(offset(&desk), 0);
    desk.keys("g");
    assert_eq!(offset(&desk), 7_000);
    desk.rejects.insert(0, reject(7_010, b"newer", 5));
    count(&mut desk, 9, 12);
    assert_eq!(offset(&desk), 7_010);
}

#[test]
fn a_store_that_cannot_answer_says_so_where_the_lines_would_be() {
    let mut desk = every_state(80, 24);
    desk.keys("sg");
    while desk.app.sources().selected().unwrap().standing.tally.rejected == 0 {
        desk.keys("j");
    }
    desk.broken = Some("disk full".into());
    desk.keys("<enter>");
    assert!(none(&desk).contains("disk full"));
    desk.broken = None;
    desk.rejects = vec![reject(7, b"no", 2)];
    desk.keys("<enter>");
    assert!(none(&desk).contains("not JSON"), "Enter asks again: {}", none(&desk));
    desk.broken = Some("disk full".into());
    desk.keys("<enter>");
    assert!(none(&desk).contains("The line could not be read: disk full"));
}

#[test]
fn the_time_left_follows_the_pace_and_is_not_promised_when_nothing_moves() {
    let mut desk = Desk::ready(3, 110, 12);
    let header = |desk: &Desk| none(desk).lines().next().unwrap().to_owned();
    let go = |desk: &mut Desk, tenths: i64, done: u64| {
        desk.send(Msg::Tick(NOON + tenths * SECOND / 10));
        desk.progress(Progress {
            inputs: 1,
            following: true,
            history_done: done,
            history_total: 1_000,
            ..Progress::default()
        });
        desk.send(Msg::Tick(NOON + tenths * SECOND / 10));
    };
    go(&mut desk, 0, 0);
    assert!(
        header(&desk).contains("reading 0%") && !header(&desk).contains("left"),
        "{}",
        header(&desk)
    );
    // Ten a second, read in jumps.
    for tenth in 1..=430 {
        go(&mut desk, tenth, tenth as u64 / 10 * 10);
    }
    assert!(header(&desk).contains("reading 43% ≈ 57 s left"), "{}", header(&desk));
    // It stands still: nothing is promised any more, and asking goes on.
    let mut now = NOON + 43 * SECOND;
    for _ in 0..20 {
        now = desk.app.wants_tick().expect("somebody must look at the clock").max(now + 1);
        desk.send(Msg::Tick(now));
    }
    assert!(
        header(&desk).contains("reading 43%") && !header(&desk).contains("left"),
        "{}",
        header(&desk)
    );
    go(&mut desk, 900, 1_000);
    assert!(header(&desk).contains("● following"), "{}", header(&desk));
    assert_eq!(desk.app.wants_tick(), None);
}

/// Sums, shares, middles and open trees say when older lines are missing, whatever the reason; and nothing is marked when none is.
#[test]
fn what_rests_on_partial_history_is_marked() {
    let reading = Progress {
        history_done: 43,
        history_total: 100,
        ..Progress::default()
    };
    let unreadable = Progress {
        problems: vec![("b.jsonl".into(), "permission denied".into())],
        sources: vec![SourceProgress {
            uri: "b.jsonl".into(),
            activity: Activity::Failed,
            problem: Some("permission denied".into()),
            ..SourceProgress::default()
        }],
        ..Progress::default()
    };
    let unfilled = vec![SourceStat {
        unread: 900,
        ..stat(1, "a.jsonl", 100, 1)
    }];
    let filled = Progress {
        sources: vec![read(1, "a.jsonl", Activity::Following, 1_000, 0)],
        ..Progress::default()
    };
    let mut all = String::new();
    for (name, progress, stored, marked) in [
        ("reading", reading, Vec::new(), true),
        ("unreadable", unreadable, Vec::new(), true),
        ("unfilled", Progress::default(), unfilled.clone(), true),
        ("being filled by this run", filled, unfilled, false),
        ("whole", Progress::default(), Vec::new(), false),
    ] {
        for width in [120, 200] {
            let mut desk = Desk::new(30, width, 24);
            desk.stored = stored.clone();
            desk.answer_all();
            desk.progress(Progress {
                inputs: 1,
                following: true,
                ..progress.clone()
            });
            desk.keys("l");
            let screen = none(&desk);
            assert_eq!(screen.contains("total ≥"), marked, "{name}:\n{screen}");
            assert_eq!(screen.contains("partial"), marked, "{name}:\n{screen}");
            assert_eq!(screen.contains("≈$") && screen.contains("≈3"), marked, "{name}:\n{screen}");
            let open = screen.lines().find(|line| line.contains('▾')).unwrap();
            assert_eq!(open.contains("partial"), marked, "{name}:\n{open}");
            all += &format!("{name}\n{}\n", screen.lines().take(9).collect::<Vec<_>>().join("\n"));
        }
    }
    insta::assert_snapshot!(all);
}

/// What `--since` leaves out is not asked for: sums of the time shown are whole, trees that reach back may not be.
#[test]
fn a_bounded_run_says_what_it_left_out() {
    let mut desk = Desk::in_window(
        30,
        120,
        24,
        Window {
            since: Some(NOON - 7_200 * SECOND),
            until: None,
        },
    );
    desk.progress(Progress {
        inputs: 1,
        following: true,
        sources: vec![SourceProgress {
            skipped: 70_000,
            ..read(1, "a.jsonl", Activity::Following, 70_000, 0)
        }],
        ..Progress::default()
    });
    desk.answer_all();
    desk.keys("l");
    let screen = none(&desk);
    assert!(screen.contains("older lines left out (L)"), "{screen}");
    assert!(!screen.contains("total ≥"), "{screen}");
    assert!(
        screen.lines().find(|line| line.contains('▾')).unwrap().contains("partial"),
        "{screen}"
    );
    desk.keys("L");
    assert!(
        none(&desk).contains("70.0 KB of older lines are left alone (--since)"),
        "{}",
        none(&desk)
    );
}

/// The header and the help lead to the sources.
#[test]
fn the_way_to_what_is_wrong_is_told() {
    let mut desk = Desk::new(3, 120, 60);
    desk.tally.rejected = 1_207;
    desk.progress(Progress {
        following: true,
        problems: vec![("b.jsonl".into(), "permission denied".into())],
        ..Progress::default()
    });
    desk.answer_all();
    let header = none(&desk).lines().next().unwrap().to_owned();
    assert!(
        header.contains("⚠ 1,207 rejected (L) ─ ⚠ 1 unreadable ─"),
        "once is enough: {header}"
    );
    desk.tally.rejected = 0;
    desk.send(Msg::Tick(NOON + 2 * SECOND));
    desk.keys("r");
    let header = none(&desk).lines().next().unwrap().to_owned();
    assert!(header.contains("⚠ 1 unreadable (L)"), "{header}");
    desk.keys("?");
    assert!(none(&desk).contains("L  Show or hide the sources"), "{}", none(&desk));
}

#[test]
fn hostile_names_and_errors_stay_text() {
    let evil = "\u{1b}]0;owned\u{7}\u{202e}gnp\r\n\u{9b}2J\u{200b}日本";
    for (width, height) in [(40, 10), (60, 20), (200, 60)] {
        let mut desk = Desk::ready(1, width, height);
        let mut stored = stat(2, evil, 100, 10);
        stored.tally.rejected = 1;
        stored.tally.rejects = counts(&[(evil, 1)]);
        stored.tally.dialects = counts(&[(evil, 1)]);
        desk.stored = vec![stored];
        desk.rejects = vec![RejectRow {
            uri: evil.into(),
            reason: evil.into(),
            detail: evil.into(),
            ..reject(7, evil.as_bytes(), 20)
        }];
        desk.progress(Progress {
            sources: vec![SourceProgress {
                problem: Some(evil.into()),
                ..read(2, evil, Activity::Failed, 100, 0)
            }],
            ..Progress::default()
        });
        desk.send(Msg::Tick(NOON + 5 * SECOND));
        for keys in ["L", "<enter>", "<enter>"] {
            desk.keys(keys);
            let buffer = desk.render(&Theme::load("ansi", ColorSupport::Ansi16).unwrap());
            for cell in buffer.content() {
                for c in cell.symbol().chars() {
                    assert!(
                        !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c) && c != '\u{200b}',
                        "{c:?}"
                    );
                }
            }
            for y in 1..height - 1 {
                let symbol = buffer[(width - 1, y)].symbol();
                assert!(matches!(symbol, "│" | "┤"), "{width}×{height} line {y} after {keys}: {symbol:?}");
            }
        }
    }
}
