//! What a first user meets: nothing named, a wrong name, nothing there, another kind of file, a tiny terminal, a pipe. Each time the
//! next step is said. And the story of the sample logs, key by key.

use std::path::Path;
use std::process::{Command, Stdio};

use super::pty::Session;

/// Without a terminal: exit code and what stands on stderr.
fn piped(arguments: &[&str]) -> (i32, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_spanscope"))
        .args(arguments)
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A screen from the real binary that says all of these.
fn says(arguments: &[&str], width: u16, height: u16, words: &[&str]) {
    let mut session = Session::start_with(arguments, width, height, &[]);
    session.wait(words[0], |screen, _| {
        let text = screen.contents();
        words.iter().all(|word| text.contains(word)) && (text.contains("? help") || width < 60)
    });
    session.press("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn without_a_source_or_a_terminal_the_way_to_both_is_told() {
    let samples = format!("{}/sample-data", env!("CARGO_MANIFEST_DIR"));
    for (arguments, what, next) in [
        (vec![], "no source", "`-` for stdin; `spanscope demo`"),
        (vec![samples.as_str()], "needs a terminal", "spanscope ls"),
        (vec!["ls"], "no source", "name a file"),
    ] {
        let (code, said) = piped(&arguments);
        assert_eq!(code, 2, "{said}");
        assert!(said.starts_with("error: ") && said.contains(what), "{said}");
        assert!(said.contains("hint: ") && said.contains(next), "{said}");
    }
}

#[test]
fn a_wrong_path_is_told_before_the_screen_is_taken() {
    let mut session = Session::start_with(&["/no/such/app.jsonl"], 80, 24, &[]);
    let (code, screen) = session.end();
    let text = screen.screen().contents();
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("error: /no/such/app.jsonl: no such file") && text.contains("hint: check the path"),
        "{text}"
    );
    assert!(!screen.screen().alternate_screen());
}

#[test]
fn where_there_is_nothing_to_show_the_screen_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        path(name)
    };
    std::fs::create_dir(path("empty")).unwrap();
    says(
        &[&path("empty")],
        80,
        24,
        &["no file yet in", "*.jsonl", "as soon as they appear", "spanscope demo"],
    );
    says(
        &[&file("new.jsonl", b"")],
        80,
        24,
        &["no interaction yet", "as they are written", "spanscope formats"],
    );
    let notes = file("notes.md", b"# notes\n\nhello\nthis is text\n");
    says(&[&notes], 80, 24, &["3 × not JSON", "3 rejected", "L, then Enter"]);
    let other = file("other.json", b"{\"a\":1,\"b\":[2]}\n{\"a\":2,\"b\":[]}\n");
    says(
        &[&other],
        80,
        24,
        &["2 recognised without a span", "[dialect.NAME]", "spanscope config"],
    );
    let binary = file("program.bin", b"\x7fELF\x02\x01\xff\xfe and no line end");
    says(&[&binary], 80, 24, &["of a last line that has no end yet"]);
}

#[test]
fn the_smallest_terminal_is_used_and_a_smaller_one_says_what_it_needs() {
    let samples = format!("{}/sample-data", env!("CARGO_MANIFEST_DIR"));
    says(&[&samples], 40, 10, &["Enter open", "ask", "Tell the team"]);
    says(&[&samples], 39, 9, &["too small, needs 40×10"]);
}

/// The logs with the day of the story moved to yesterday.
fn as_of_yesterday(folder: &Path) {
    const DAY: i64 = 86_400_000_000_000;
    let story: jiff::civil::Date = "2026-11-22".parse().unwrap();
    let yesterday = jiff::Timestamp::now()
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date()
        .yesterday()
        .unwrap();
    let days = i64::from(story.until(yesterday).unwrap().get_days());
    for name in ["otlp/spans.jsonl", "interaction/agent.jsonl"] {
        let text = std::fs::read_to_string(format!("{}/sample-data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut moved = String::new();
        let mut rest = text.as_str();
        while let Some(first) = rest.chars().next() {
            let digits = rest.chars().take_while(char::is_ascii_digit).count();
            let date = rest.get(..10).filter(|word| word.starts_with("2026-11-2"));
            let taken = if digits == 19 {
                let nanos: i64 = rest[..19].parse().unwrap();
                moved += &(nanos + days * DAY).to_string();
                19
            } else if let Some(date) = date.and_then(|word| word.parse::<jiff::civil::Date>().ok()) {
                moved += &date.checked_add(jiff::Span::new().days(days)).unwrap().to_string();
                10
            } else {
                let plain = digits.max(first.len_utf8());
                moved += &rest[..plain];
                plain
            };
            rest = &rest[taken..];
        }
        std::fs::write(folder.join(name.replace('/', "-")), moved).unwrap();
    }
}

/// "Your assistant told me the wrong cancellation policy, yesterday about 3 PM", from user `u_9912`.
#[test]
fn the_five_steps_by_browsing_take_25_keys_to_find_and_one_each() {
    let folder = tempfile::tempdir().unwrap();
    as_of_yesterday(folder.path());
    let mut session = Session::start_with(&[folder.path().to_str().unwrap()], 120, 40, &[]);
    session.wait_text("Can I still");
    let mut pressed = 0;
    let mut press = |session: &mut Session, keys: &str| {
        pressed += keys.chars().count();
        session.press(keys);
        pressed
    };
    // 1. Found by user, whose id is completed from those seen, and by time: the one nearest to it.
    press(&mut session, "fus\t");
    session.wait_text("filter: user:");
    press(&mut session, "u_99");
    session.wait("the id seen", |screen, _| {
        screen.contents().lines().any(|line| line.starts_with("│ u_9912"))
    });
    press(&mut session, "\t");
    session.wait_text("filter: user:u_9912");
    press(&mut session, "\r");
    session.wait_text("2 interactions");
    let keys = press(&mut session, "Tyesterday 4pm\r");
    assert!(keys <= 25, "{keys} keys");
    session.wait("its row", |screen, _| {
        screen
            .contents()
            .lines()
            .any(|line| line.contains("15:02") && line.contains("u_9912"))
    });
    // 2. The tree, and the exact prompt of the call that answered, system first. 4. How full the window was. 5. The temperature.
    press(&mut session, "\r");
    let screen = session.wait("prompt, window and temperature", |screen, _| {
        let text = screen.contents();
        ["[prompt]", "You are the support assistant", "1.0 ▲", "1.4k of 1.0M"]
            .iter()
            .all(|words| text.contains(words))
    });
    for words in [
        "POST /chat",
        "retrieval help_center  3 documents",
        "get_subscription",
        "turn 2",
        "[cancel-2024]",
    ] {
        assert!(screen.contains(words), "no `{words}` in\n{screen}");
    }
    // 3. The documents it got, with their age and what of them stands in the answer.
    let keys = press(&mut session, "3");
    let screen = session.wait("the documents", |screen, _| screen.contents().contains("of the answer"));
    assert!(
        screen.contains("found by retrieval help_center") && screen.contains("3 documents, 276 B") && screen.contains("updated 2024-03-02"),
        "{screen}"
    );
    assert!(keys <= 27, "{keys} keys");
    session.press("\x03");
    assert_eq!(session.end().0, 0);
}
