#![allow(clippy::unwrap_used)]

use super::*;

fn read(line: &str) -> Result<Cli, CliError> {
    parse(std::iter::once("spanscope").chain(line.split('|').filter(|word| !word.is_empty())))
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn the_first_word_that_is_no_command_is_a_source() {
    let table = [
        (
            "a.jsonl",
            Command::Explore {
                sources: strings(&["a.jsonl"]),
            },
        ),
        (
            "./ls",
            Command::Explore {
                sources: strings(&["./ls"]),
            },
        ),
        ("-", Command::Explore { sources: strings(&["-"]) }),
        ("--db|x", Command::Explore { sources: vec![] }),
        (
            "ls|a|b",
            Command::Read {
                sources: strings(&["a", "b"]),
                report: Report::Ls { output: Output::Table },
            },
        ),
        (
            "ls|-o|csv|a",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Ls { output: Output::Csv },
            },
        ),
        (
            "-o|jsonl|ls|a",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Ls { output: Output::Jsonl },
            },
        ),
        (
            "prices|--missing|a|-o|json",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::MissingPrices { output: Output::Json },
            },
        ),
        (
            "prices|import|t.json",
            Command::ImportPrices {
                table: "t.json".into(),
                output: Output::Table,
            },
        ),
        (
            "health|a|--since|2h",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Health { output: Output::Table },
            },
        ),
        (
            "show|abc|a",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Show {
                    trace_id: "abc".into(),
                    output: Output::Tree,
                },
            },
        ),
        (
            "show|abc|a|-o|md",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Show {
                    trace_id: "abc".into(),
                    output: Output::Markdown,
                },
            },
        ),
        (
            "cost|a|--by|user|-o|json",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Cost {
                    by: CostKey::User,
                    save: false,
                    output: Output::Json,
                },
            },
        ),
        (
            "cost|a",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Cost {
                    by: CostKey::Feature,
                    save: false,
                    output: Output::Table,
                },
            },
        ),
        (
            "stats|a",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Stats { output: Output::Table },
            },
        ),
        (
            "ingest|a|--db|x",
            Command::Read {
                sources: strings(&["a"]),
                report: Report::Ingest,
            },
        ),
        (
            "purge|--older-than|7d|--db|x",
            Command::Purge {
                db: "x".into(),
                older_than: "7d".into(),
            },
        ),
        ("demo", Command::Demo),
        (
            "formats",
            Command::Tell {
                known: Known::Formats,
                output: Output::Table,
            },
        ),
        (
            "prices|-o|json",
            Command::Tell {
                known: Known::Prices,
                output: Output::Json,
            },
        ),
        (
            "keys",
            Command::Tell {
                known: Known::Keys,
                output: Output::Table,
            },
        ),
        (
            "config",
            Command::Tell {
                known: Known::Config,
                output: Output::Table,
            },
        ),
        (
            "completions|bash",
            Command::Completions {
                shell: clap_complete::Shell::Bash,
            },
        ),
        ("man", Command::Man),
    ];
    for (line, command) in table {
        assert_eq!(read(line).unwrap_or_else(|e| panic!("{line}: {e}")).command, command, "{line}");
    }
}

#[test]
fn options_are_read_before_and_behind_the_sources() {
    let line = "ls|-f|-user:u_1* cost>0.05|a|--since|2h|--until|now|-n|5|--dialect|otlp|--feature-key|x,y|--feature-key|z|--memory|1GiB\
                |--threads|3|--strict|--config|c.toml|--color|never|--theme|dark|--db|d";
    let options = read(line).unwrap().options;
    let meant = Options {
        db: Some("d".into()),
        filter: Some("-user:u_1* cost>0.05".into()),
        since: Some("2h".into()),
        until: Some("now".into()),
        limit: Some(5),
        dialect: Some("otlp".into()),
        feature_keys: strings(&["x", "y", "z"]),
        memory: Some(1 << 30),
        threads: Some(3),
        strict: true,
        config: Some("c.toml".into()),
        color: Some(When::Never),
        theme: Some("dark".into()),
        mouse: false,
        low_bandwidth: false,
    };
    assert_eq!(options, meant);
    assert!(read("a|--mouse").unwrap().options.mouse);
    assert!(read("demo|--low-bandwidth").unwrap().options.low_bandwidth);
    assert_eq!(read("demo").unwrap().options, Options::default());
}

#[test]
fn help_and_version_are_no_errors() {
    for line in ["--help", "ls|--help", "--version"] {
        let help = read(line).unwrap_err();
        assert_eq!(help.code, 0, "{line}");
        assert!(!help.to_string().contains("error:") && !help.message.is_empty());
    }
}

#[test]
fn errors_say_what_and_what_instead() {
    let mut all = String::new();
    for line in [
        "",
        "ls",
        "show",
        "show|abc",
        "show||a",
        "diagnose|a",
        "ls|sql",
        "a.jsonl|ls|b",
        "ls|a|-o|xml",
        "ls|a|-o|tree",
        "show|abc|a|-o|csv",
        "cost|a|--by|usr",
        "cost|a|--by|month",
        "ingest|a",
        "ingest|--db|x",
        "ingest|a|--db|x|--filter|a",
        "a|-n|3",
        "stats|a|--since|2h",
        "ls|a|--mouse",
        "demo|a",
        "ls|a|-n|0",
        "ls|a|-n|many",
        "ls|a|--memory|lots",
        "ls|a|--memory|10",
        "purge|--db|x",
        "purge|--older-than|7d",
        "purge|--older-than|7d|--db|x|--since|2h",
        "ls|a|--threads|0",
        "ls|a|--color|alway",
        "ls|a|--colr|always",
        "ls|a|--zzz",
        "ls|a|--since",
        "ls|a|--db|x|--db|y",
        "completions|tcsh",
        "completions",
        "ls|a|-f|featur:x",
        "ls|a|-f|é \u{1b} cost>dear",
        "ls|a|--dialect|",
        "prices|a",
        "prices|--missing",
        "prices|--db|x",
        "prices|import",
        "prices|import|t.json|-o|csv",
        "health",
    ] {
        let error = read(line).expect_err(line);
        assert_eq!(error.code, 2, "{line}");
        all += &format!("$ {}\n{error}\n", line.replace('|', " ").escape_debug());
    }
    insta::assert_snapshot!(all);
}

/// A zone with the rules of central Europe, without a database.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

#[test]
fn times_are_seen_from_the_present_in_its_zone() {
    // (present, text, meant): around both changes of the clocks in 2026, 29 March and 25 October.
    let table = [
        ("2026-05-10T10:00:00Z", "now", "2026-05-10T10:00:00Z"),
        ("2026-05-10T10:00:00Z", "2h", "2026-05-10T08:00:00Z"),
        ("2026-05-10T10:00:00Z", "2h ago", "2026-05-10T08:00:00Z"),
        ("2026-05-10T10:00:00Z", "90s", "2026-05-10T09:58:30Z"),
        ("2026-05-10T10:00:00Z", "1h30m", "2026-05-10T08:30:00Z"),
        ("2026-05-10T10:00:00Z", "7d", "2026-05-03T10:00:00Z"),
        ("2026-05-10T10:00:00Z", "2w", "2026-04-26T10:00:00Z"),
        ("2026-05-10T10:00:00Z", "15:00", "2026-05-10T13:00:00Z"),
        ("2026-05-10T10:00:00Z", "today", "2026-05-09T22:00:00Z"),
        ("2026-05-10T10:00:00Z", "yesterday", "2026-05-08T22:00:00Z"),
        ("2026-05-10T10:00:00Z", "yesterday 15:00", "2026-05-09T13:00:00Z"),
        ("2026-05-10T10:00:00Z", "yesterday around 3 PM", "2026-05-09T13:00:00Z"),
        ("2026-05-10T10:00:00Z", "yesterday at 3:05pm", "2026-05-09T13:05:00Z"),
        ("2026-05-10T10:00:00Z", "about 12am", "2026-05-09T22:00:00Z"),
        ("2026-05-10T10:00:00Z", "12 pm", "2026-05-10T10:00:00Z"),
        ("2026-05-10T10:00:00Z", "today 09:05:30", "2026-05-10T07:05:30Z"),
        ("2026-05-10T10:00:00Z", "2026-05-01", "2026-04-30T22:00:00Z"),
        ("2026-05-10T10:00:00Z", "2026-05-01 15:00", "2026-05-01T13:00:00Z"),
        ("2026-05-10T10:00:00Z", "2026-05-01T15:00:00.25", "2026-05-01T13:00:00.25Z"),
        ("2026-05-10T10:00:00Z", "2026-05-01T15:00:00Z", "2026-05-01T15:00:00Z"),
        ("2026-05-10T10:00:00Z", "2026-05-01T15:00:00-04:00", "2026-05-01T19:00:00Z"),
        // Late in the evening in UTC it is tomorrow already.
        ("2026-05-10T23:30:00Z", "today", "2026-05-10T22:00:00Z"),
        // A day has 23 hours: this time yesterday, and 24 hours ago.
        ("2026-03-29T10:00:00Z", "1d", "2026-03-28T11:00:00Z"),
        ("2026-03-29T10:00:00Z", "24h", "2026-03-28T10:00:00Z"),
        ("2026-03-29T10:00:00Z", "today", "2026-03-28T23:00:00Z"),
        // 02:30 was skipped: the moment after the gap that is as late.
        ("2026-03-29T10:00:00Z", "02:30", "2026-03-29T01:30:00Z"),
        // A day has 25 hours, and 02:30 comes twice.
        ("2026-10-25T11:00:00Z", "1d", "2026-10-24T10:00:00Z"),
        ("2026-10-25T11:00:00Z", "24h", "2026-10-24T11:00:00Z"),
        ("2026-10-25T11:00:00Z", "02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25T11:00:00Z", "yesterday 02:30", "2026-10-24T00:30:00Z"),
    ];
    let nanos = |text: &str| Nanos::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap();
    for (now, text, meant) in table {
        assert_eq!(time(text, nanos(now), &berlin()), Ok(nanos(meant)), "{text} at {now}");
    }
    for text in [
        "",
        "soon",
        "-2h",
        "25:00",
        "yesterday 25:00",
        "13pm",
        "yesterday around noon or so",
        "2026-13-01",
        "P1D",
        "yesterday noon",
        "2h later",
        "99999y",
        "9999-01-01",
        "é:00é",
    ] {
        let error = time(text, nanos("2026-05-10T10:00:00Z"), &berlin()).expect_err(text);
        assert_eq!((error.code, error.message), (2, format!("`{text}` is not a time")));
    }
}

#[test]
fn windows_name_the_option_that_is_wrong() {
    let window = |since: Option<&str>, until: Option<&str>| {
        let options = Options {
            since: since.map(Into::into),
            until: until.map(Into::into),
            ..Options::default()
        };
        options.window(1_000_000_000_000_000_000, &TimeZone::UTC)
    };
    assert_eq!(window(None, None), Ok(Window::default()));
    assert_eq!(window(Some("1s"), None).unwrap().since, Some(999_999_999_000_000_000));
    assert_eq!(window(None, Some("late")).unwrap_err().message, "--until: `late` is not a time");
    assert!(
        window(Some("1h"), Some("2h"))
            .unwrap_err()
            .message
            .starts_with("--since is not before --until")
    );
}

#[test]
fn completions_and_manual_know_every_command() {
    let (mut script, mut page) = (Vec::new(), Vec::new());
    completions(clap_complete::Shell::Bash, &mut script).unwrap();
    man(&mut page).unwrap();
    for text in [String::from_utf8(script).unwrap(), String::from_utf8(page).unwrap()] {
        assert!(["ls", "show", "cost", "stats", "ingest"].iter().all(|verb| text.contains(verb)));
    }
    let mut page = Vec::new();
    man(&mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    let (shared, commands) = page.split_once(".SH COMMANDS").unwrap();
    for word in ["filter", "since", "theme"] {
        assert!(
            shared.contains(word) && !commands.contains(&format!("\\-\\-{word}")),
            "{word} is told once"
        );
    }
    let section = |verb: &str| {
        commands
            .split(".SS ")
            .find(|section| section.starts_with(&format!("{verb}\n")))
            .unwrap_or_default()
    };
    for (verb, word) in [
        ("ls", "newest first"),
        ("show", "TRACE_ID"),
        ("cost", "Group by feature"),
        ("stats", "What was read"),
        ("ingest", "Fill a store"),
        ("formats", "log formats"),
        ("prices", "prices"),
        ("keys", "keys"),
        ("config", "settings"),
        ("completions", "elvish"),
        ("man", "manual page"),
    ] {
        assert!(section(verb).contains(word), "{verb}: {}", section(verb));
    }
    assert!(section("demo").is_empty(), "what is not there is not told of");
    Arguments::command().debug_assert();
}

#[test]
fn an_age_is_a_span_of_time() {
    let now: Nanos = 1_790_000_000_000_000_000;
    let hours = |text: &str| ago(text, now, &TimeZone::UTC).map(|then| (now - then) / 3_600_000_000_000);
    assert_eq!(
        ["7d", "12h", "90m", "0s", "1d 2h"].map(|text| hours(text).unwrap()),
        [168, 12, 1, 0, 26]
    );
    for text in ["", "7", "-7d", "d", "yesterday", "15:00", "2026-05-01", "P7D", "7d ago", "999999y"] {
        let error = hours(text).expect_err(text);
        assert_eq!((error.code, error.hint.as_deref()), (2, Some("7d, 12h or 30m")), "{text}");
    }
}
