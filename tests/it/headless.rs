//! The commands as scripts see them: exit codes, documents on stdout, words on stderr, and that nothing is lost or repeated.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

struct Place {
    home: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanscope"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", value);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(arguments)).unwrap()
    }
}

fn samples() -> String {
    format!("{}/sample-data", env!("CARGO_MANIFEST_DIR"))
}

fn call(number: usize) -> String {
    format!(
        r#"{{"timestamp":"2026-11-22T{:02}:{:02}:{:02}Z","trace_id":"{number:032x}","feature":"f{}","user_id":"u{}","model":"claude-sonnet-4-6","system":"Be brief.","messages":[{{"role":"user","content":"question {number}"}}],"response_text":"answer {number}","stop_reason":"end_turn","input_tokens":{},"output_tokens":10,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":5}}"#,
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        number % 7,
        number % 13,
        number % 1000,
    ) + "\n"
}

fn write_calls(path: &Path, from: usize, to: usize) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let text: String = (from..to).map(call).collect();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn the_seeds_example_prints_as_the_seed_prints_it() {
    let tree = Place::new().text(&["show", "abc123", &samples(), "-o", "tree"]);
    for line in [
        "[User request - trace_id: abc123]",
        "[LLM call - turn 1]",
        "input_tokens: 850",
        "tool_calls: [\"search_docs\", \"get_account_info\"]",
        "stop_reason: \"tool_use\"",
        "[Tool: search_docs]",
        "query: \"refund policy for annual subscriptions\"",
        "results: 3 documents",
        "latency_ms: 142",
        "[Tool: get_account_info]",
        "user_id: \"u_9912\"",
        "latency_ms: 23",
        "[LLM call - turn 2]",
        "input_tokens: 1420 (grew because tool results were injected)",
        "output_tokens: 310",
        "stop_reason: \"end_turn\"",
        "[Total: 2 LLM calls, 2 tool calls, $0.024, 1890ms]",
    ] {
        assert!(tree.lines().any(|l| l.trim() == line), "no line `{line}` in\n{tree}");
    }
}

#[test]
fn samples_are_read_whole() {
    let place = Place::new();
    let stats = place.json(&["stats", &samples(), "-o", "json"]);
    assert_eq!(stats["rejected"], 0, "{stats}");
    let lines: u64 = ["span", "other", "rejected", "blank"]
        .iter()
        .map(|k| stats[k].as_u64().unwrap())
        .sum();
    assert_eq!(stats["lines"], lines);
    let rows = place.json(&["ls", &samples(), "-o", "json"]);
    assert_eq!(rows.as_array().unwrap().len() as u64, stats["interactions"].as_u64().unwrap());
    let starts: Vec<&str> = rows.as_array().unwrap().iter().map(|r| r["start"].as_str().unwrap()).collect();
    assert!(starts.windows(2).all(|pair| pair[0] >= pair[1]), "newest first: {starts:?}");
    let costs = place.json(&["cost", &samples(), "--by", "feature", "-o", "json"]);
    let sum: f64 = costs.as_array().unwrap().iter().filter_map(|r| r["share"].as_f64()).sum();
    assert!((sum - 1.0).abs() < 1e-9, "shares add up: {sum}");
}

#[test]
fn a_filter_and_a_window_narrow_every_command() {
    let place = Place::new();
    let log = place.path("app.jsonl");
    write_calls(&log, 0, 200);
    let log = log.to_str().unwrap();
    let rows = place.json(&["ls", log, "-o", "json", "--filter", "user:u3 feature:f2"]);
    let expected = (0..200).filter(|n| n % 13 == 3 && n % 7 == 2).count();
    assert_eq!(rows.as_array().unwrap().len(), expected);
    let rows = place.json(&["ls", log, "-o", "json", "--filter", "\"question 17\""]);
    let expected = (0..200).filter(|n| n.to_string().starts_with("17")).count();
    assert_eq!(rows.as_array().unwrap().len(), expected);
    let rows = place.json(&["ls", log, "-o", "json", "--since", "2026-11-22T00:03:00Z"]);
    assert_eq!(rows.as_array().unwrap().len(), 20);
}

#[test]
fn baselines_travel_to_another_host() {
    let (here, there) = (Place::new(), Place::new());
    let (old, new) = (here.path("app.jsonl"), there.path("app.jsonl"));
    // Seven features: one of them costs the same in forty interactions, the others are too few.
    let mut all: String = (0..40).map(|n| call(n * 7_000 + 700)).collect();
    all.push_str(&call(1));
    std::fs::write(&old, &all).unwrap();
    // On the new host two interactions of that feature: one usual, one dear.
    let dear = call(700).replace(r#""output_tokens":10"#, r#""output_tokens":900"#);
    std::fs::write(&new, call(7_700) + &dear.replace(&format!("{:032x}", 700), &format!("{:032x}", 9))).unwrap();
    let judged = |place: &Place, path: &Path| place.json(&["cost", path.to_str().unwrap(), "-o", "json"])[0]["anomalies"].clone();
    assert_eq!(judged(&there, &new), Value::Null, "too few to judge by");
    let saved = here.run(&["cost", "--save-baselines", old.to_str().unwrap(), "-o", "json"]);
    assert!(saved.status.success());
    let words = String::from_utf8_lossy(&saved.stderr).into_owned();
    assert!(words.contains("hint: baselines of 1 feature are in "), "{words}");
    let file = ".config/spanscope/baselines.toml";
    let text = std::fs::read_to_string(here.path(file)).unwrap();
    assert!(text.contains("[f0]\np50_usd = \"0.00225\"\nsamples = 40"), "{text}");
    std::fs::create_dir_all(there.path(".config/spanscope")).unwrap();
    std::fs::copy(here.path(file), there.path(file)).unwrap();
    assert_eq!(judged(&there, &new), 1);
    // The multiple is the user's.
    std::fs::write(there.path(".config/spanscope/config.toml"), "[anomaly]\nmultiplier = 9\n").unwrap();
    assert_eq!(judged(&there, &new), 0);
    // What cannot be read is said, and can be written anew.
    std::fs::write(here.path(file), "f0 = 3\n").unwrap();
    let refused = here.run(&["cost", old.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("baselines.toml"));
    assert!(here.run(&["cost", "--save-baselines", old.to_str().unwrap()]).status.success());
    assert!(here.run(&["cost", old.to_str().unwrap()]).status.success());
}

#[test]
fn system_prompts_are_told_with_those_who_use_them() {
    let place = Place::new();
    let log = place.path("app.jsonl");
    std::fs::write(&log, call(1) + &call(8) + &call(15).replace("Be brief.", "Be long.")).unwrap();
    let rows = place.json(&["prompts", log.to_str().unwrap(), "-o", "json"]);
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["system"].as_str().unwrap(),
                row["interactions"].as_u64().unwrap(),
                row["first"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("Be long.", 1, "2026-11-22T00:00:15Z"), ("Be brief.", 2, "2026-11-22T00:00:01Z")]
    );
    assert_eq!(rows[1]["features"], serde_json::json!(["f1"]));
}

#[test]
fn a_complaint_leads_to_the_outdated_document_in_one_command() {
    let place = Place::new();
    let told = place.json(&["diagnose", "--user", "u_9912", "--at", "2026-11-22 15:00", &samples(), "-o", "json"]);
    assert_eq!(told["trace_id"], "6f1d2c3b4a5948372615049382716a5b");
    assert_eq!(
        told["verdict"],
        "likely: the retrieved document is outdated: the answer quotes cancel-2024 of 2024-03-02, though cancel-2026 of 2026-03-11 replaces it"
    );
    assert_eq!(
        told["evidence"],
        serde_json::json!({"span_id": "0000000000000712", "in": "documents"})
    );
    assert_eq!(told["last_good"], "0a9b8c7d6e5f40312233445566778899");
    assert_eq!(
        told["also"][0],
        "temperature 1.0, where 0.2 is usual: the same prompt may be answered otherwise"
    );
    let checks = told["checks"].as_array().unwrap();
    for (step, mark, words) in [
        ("found", "ok", "by user u_9912, by time: 2 min after it"),
        ("prompt", "ok", "exact prompt logged"),
        (
            "documents",
            "suspect",
            "cancel-2024 is of 2024-03-02, 2.7 years before the question",
        ),
        ("context", "ok", "1371 of 1000000 tokens, in turn 2: 0.1%"),
        ("temperature", "suspect", "1.0 is above 0.7; 0.2 is usual"),
        ("answer", "ok", "ended by itself"),
        ("tools", "ok", "1 used, none failed"),
    ] {
        assert!(
            checks
                .iter()
                .any(|check| check["step"] == step && check["mark"] == mark && check["says"].as_str().unwrap().contains(words)),
            "{step} {mark} {words}: {told:#}"
        );
    }
    // The same by its id, for the eye and for a ticket.
    let table = place.text(&["diagnose", "6f1d", &samples()]);
    assert!(table.contains("✔ 3 documents    3 documents: cancel-2024"), "{table}");
    assert!(table.contains("▲                cancel-2024 is of 2024-03-02"), "{table}");
    let page = place.text(&["diagnose", "6f1d", &samples(), "-o", "md"]);
    assert!(page.starts_with("# Diagnosis of interaction `6f1d"), "{page}");
}

#[test]
fn a_bad_answer_is_compared_with_the_last_good_one() {
    let place = Place::new();
    let told = place.json(&["diff", "6f1d", "good", &samples(), "-o", "json"]);
    assert_eq!(told["right"], "0a9b8c7d6e5f40312233445566778899");
    let facts = told["facts"].as_array().unwrap();
    let temperature = facts.iter().find(|fact| fact["name"] == "temperature").unwrap();
    assert_eq!(
        temperature,
        &serde_json::json!({"name": "temperature", "left": "1.0", "right": "0.2", "differs": true})
    );
    let documents: Vec<(&str, &str)> = told["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["change"].as_str().unwrap(), row["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        documents,
        [
            ("out", "cancel-2024"),
            ("same", "plans-1"),
            ("same", "seats-4"),
            ("in", "cancel-2026")
        ]
    );
    let joined = |skip: &str| -> String {
        let pieces = told["prompt"].as_array().unwrap().iter();
        pieces
            .filter(|piece| piece["change"] != skip)
            .map(|piece| piece["text"].as_str().unwrap())
            .collect()
    };
    assert!(joined("in").contains("[cancel-2024]") && joined("out").contains("[cancel-2026]"));
    let table = place.text(&["diff", "6f1d", "0a9b", &samples()]);
    for line in ["≠ temperature          1.0", "- cancel-2024", "+ cancel-2026"] {
        assert!(table.lines().any(|l| l.starts_with(line)), "no `{line}` in\n{table}");
    }
    let alone = place.run(&["diff", "9f9a", "good", &format!("{}/otlp", samples())]);
    assert_eq!(alone.status.code(), Some(1));
}

#[test]
fn a_complaint_that_leads_nowhere_says_what_to_try() {
    let place = Place::new();
    let told = |arguments: &[&str]| {
        let output = place.run(arguments);
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let samples = samples();
    let (code, words) = told(&["diagnose", "--user", "u_9912", "--at", "2026-10-01", &samples]);
    assert_eq!(code, Some(1));
    assert!(
        words.contains("no interaction of user u_9912 within a day of that time") && words.contains("2 of this user"),
        "{words}"
    );
    let (code, words) = told(&["diagnose", "--user", "nobody", &samples]);
    assert_eq!(code, Some(1));
    assert!(words.contains("a user is logged with"), "{words}");
    for wrong in [
        &["diagnose"][..],
        &["diagnose", "--user", "u", "--at", "soon", &samples],
        &["diagnose", "6f1d"],
    ] {
        assert_eq!(told(wrong).0, Some(2), "{wrong:?}");
    }
}

#[test]
fn an_empty_list_says_why() {
    let place = Place::new();
    let log = place.path("app.jsonl");
    let path = log.to_str().unwrap();
    let told = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    std::fs::write(&log, "\n").unwrap();
    assert_eq!(told(&["ls", path]), "hint: nothing is logged there yet\n");
    std::fs::write(&log, "{\"a\":1}\n{\"b\":2}\nno JSON\n").unwrap();
    let said = told(&["ls", path]);
    assert!(
        said.starts_with("hint: 3 lines were read: 2 are JSON that nobody knows, 1 were rejected"),
        "{said}"
    );
    assert_eq!(told(&["ls", path, "-o", "json"]), "", "scripts are not talked to");
    write_calls(&log, 0, 3);
    let said = told(&["ls", path, "-f", "feature:none"]);
    assert!(said.starts_with("hint: none of 3 interactions matches"), "{said}");
    assert_eq!(told(&["ls", path]), "");
}

#[test]
fn exit_codes_are_the_contract() {
    let place = Place::new();
    let log = place.path("app.jsonl");
    write_calls(&log, 0, 3);
    let log = log.to_str().unwrap();
    let code = |arguments: &[&str]| place.run(arguments).status.code().unwrap();
    assert_eq!(code(&["ls", log]), 0);
    assert_eq!(code(&["ls", "/no/such/file.jsonl"]), 1);
    assert_eq!(code(&["ls", log, "--nonsense"]), 2);
    assert_eq!(code(&["ls", log, "-o", "tree"]), 2);
    assert_eq!(code(&["ls", log, "--filter", "fature:x"]), 2);
    assert_eq!(code(&["show", "ffffffff", log]), 1);
    assert_eq!(code(&["ls", log, "--db", "/proc/nowhere/x.duckdb"]), 4);
    std::fs::OpenOptions::new()
        .append(true)
        .open(log)
        .unwrap()
        .write_all(b"not json\n")
        .unwrap();
    assert_eq!(code(&["ls", log, "--strict"]), 5);
    assert_eq!(code(&["ls", log]), 0);
    let output = place.run(&["ls", log, "--filter", "fature:x"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("error: ") && words.contains("hint: ") && words.contains("feature"),
        "{words}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn a_store_is_kept_resumed_and_opened_without_its_sources() {
    let place = Place::new();
    let (log, db) = (place.path("app.jsonl"), place.path("kept.duckdb"));
    write_calls(&log, 0, 100);
    let (log_text, db_text) = (log.to_str().unwrap(), db.to_str().unwrap());
    place.text(&["ingest", log_text, "--db", db_text]);
    let first = place.text(&["ls", "--db", db_text, "-o", "json"]);
    write_calls(&log, 100, 150);
    place.text(&["ingest", log_text, "--db", db_text]);
    place.text(&["ingest", log_text, "--db", db_text]);
    let stats = place.json(&["stats", "--db", db_text, "-o", "json"]);
    assert_eq!(
        (stats["lines"].as_u64(), stats["interactions"].as_u64()),
        (Some(150), Some(150)),
        "{stats}"
    );
    std::fs::remove_file(&log).unwrap();
    let after = place.json(&["ls", "--db", db_text, "-o", "json"]);
    assert_eq!(after.as_array().unwrap().len(), 150);
    assert!(serde_json::from_str::<Value>(&first).unwrap().as_array().unwrap().len() == 100);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(db.metadata().unwrap().permissions().mode() & 0o077, 0, "prompts are private");
}

#[test]
fn kill_minus_nine_loses_and_repeats_nothing() {
    let place = Place::new();
    let (log, db) = (place.path("app.jsonl"), place.path("kept.duckdb"));
    let (log_text, db_text) = (log.to_str().unwrap().to_owned(), db.to_str().unwrap().to_owned());
    let mut total = 0;
    for round in 0..20_u64 {
        write_calls(&log, total, total + 3_000);
        total += 3_000;
        let mut child = place
            .command(&["ingest", &log_text, "--db", &db_text])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The moment differs from round to round: as soon as the store's files have grown by so much.
        let size = || {
            ["", ".wal"]
                .iter()
                .filter_map(|end| std::fs::metadata(format!("{db_text}{end}")).ok())
                .map(|m| m.len())
                .sum::<u64>()
        };
        let goal = size() + round * 40_000;
        while child.try_wait().unwrap().is_none() && size() < goal {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.text(&["ingest", &log_text, "--db", &db_text]);
    let stats = place.json(&["stats", "--db", &db_text, "-o", "json"]);
    let lines = total as u64;
    assert_eq!(
        (
            stats["lines"].as_u64(),
            stats["span"].as_u64(),
            stats["spans"].as_u64(),
            stats["interactions"].as_u64()
        ),
        (Some(lines), Some(lines), Some(lines), Some(lines))
    );
    let rows = place.json(&["ls", "--db", &db_text, "-o", "json"]);
    assert!(
        rows.as_array().unwrap().iter().all(|r| r["spans"] == 1 && r["llm_calls"] == 1),
        "a line counted twice"
    );
}

#[test]
fn the_order_of_arguments_does_not_matter() {
    let place = Place::new();
    let (a, b) = (place.path("a.jsonl"), place.path("b.jsonl"));
    write_calls(&a, 0, 50);
    write_calls(&b, 25, 80);
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    assert_eq!(place.text(&["ls", a, b, "-o", "json"]), place.text(&["ls", b, a, "-o", "json"]));
}

#[test]
fn standard_input_is_a_source() {
    let place = Place::new();
    let mut child = place
        .command(&["ls", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text: String = (0..10).map(call).collect();
    // The last line has no newline: nothing will follow it.
    child.stdin.take().unwrap().write_all(text.trim_end().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap().as_array().unwrap().len(),
        10
    );
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let place = Place::new();
    let log = place.path("app.jsonl");
    write_calls(&log, 0, 20_000);
    let mut child = place
        .command(&["ls", log.to_str().unwrap(), "-o", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!words.contains("panicked"), "{words}");
}

#[test]
fn what_it_knows_is_listed() {
    let place = Place::new();
    for (command, word) in [
        ("formats", "llm_trace"),
        ("prices", "claude-sonnet-4-6"),
        ("keys", "inspector"),
        ("config", "theme"),
    ] {
        assert!(place.text(&[command]).contains(word), "{command}");
    }
    let prices = place.json(&["prices", "-o", "json"]);
    let sonnet = prices
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["model"] == "claude-sonnet-4-6")
        .unwrap();
    assert_eq!(
        (sonnet["input"].as_str(), sonnet["cache_read"].as_str()),
        (Some("3.00"), Some("0.30"))
    );
}

/// What each source came to, also one that cannot be read to its end; CSV has a fixed number of cells whatever was counted.
#[test]
fn stats_tell_each_source_by_itself() {
    let place = Place::new();
    let logs = place.path("logs");
    std::fs::create_dir(&logs).unwrap();
    write_calls(&logs.join("good.jsonl"), 0, 30);
    std::fs::write(logs.join("bad.jsonl"), "no JSON\n\n{\"a\":1}\n{\"model\": \"x\n").unwrap();
    std::fs::write(logs.join("broken.jsonl.gz"), b"\x1f\x8bthis is no gzip").unwrap();
    let output = place.run(&["stats", logs.to_str().unwrap(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(1), "something could not be read");
    let stats: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sources = stats["sources"].as_array().unwrap();
    let source = |name: &str| {
        sources
            .iter()
            .find(|source| source["uri"].as_str().unwrap().ends_with(name))
            .unwrap()
    };
    let good = source("good.jsonl");
    assert_eq!(
        (
            &good["lines"],
            &good["dialects"]["llm_trace"],
            &good["coverage"],
            &good["error"],
            &good["state"]
        ),
        (&30.into(), &30.into(), &1.0.into(), &Value::Null, &"ended".into())
    );
    assert_eq!(good["size"], good["bytes"]);
    let bad = source("bad.jsonl");
    assert_eq!(
        (&bad["lines"], &bad["other"], &bad["rejected"], &bad["blank"]),
        (&4.into(), &1.into(), &2.into(), &1.into())
    );
    let reasons: u64 = bad["rejects"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(reasons, 2);
    let broken = source("broken.jsonl.gz");
    assert_eq!(
        (&broken["lines"], &broken["state"], &broken["coverage"]),
        (&0.into(), &"failed".into(), &Value::Null)
    );
    assert!(broken["error"].as_str().is_some_and(|why| !why.is_empty()), "{broken}");
    for (key, sum) in [
        ("lines", 34),
        ("rejected", 2),
        ("blank", 1),
        ("bytes", stats["bytes"].as_u64().unwrap()),
    ] {
        let of: u64 = sources.iter().filter_map(|source| source[key].as_u64()).sum();
        assert_eq!((of, stats[key].as_u64()), (sum, Some(sum)), "{key}");
    }
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("error: ") && words.contains("broken.jsonl.gz") && words.contains("hint: partial: what could not be read"),
        "{words}"
    );
    let csv = String::from_utf8(place.run(&["stats", logs.to_str().unwrap(), "-o", "csv"]).stdout).unwrap();
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.lines().next().unwrap().ends_with("dialects,rejects,error"), "{csv}");
    let table = String::from_utf8(place.run(&["stats", logs.to_str().unwrap()]).stdout).unwrap();
    assert!(table.contains("rejected because") && table.contains("cannot be read"), "{table}");
}

/// Figures that rest on a part of the lines say so on stderr, whatever is printed; and nothing is said when they rest on all.
#[test]
fn partial_history_is_told_to_scripts_too() {
    let place = Place::new();
    let logs = place.path("logs");
    std::fs::create_dir(&logs).unwrap();
    write_calls(&logs.join("new.jsonl"), 0, 3);
    write_calls(&logs.join("old.jsonl"), 3, 9);
    let old = std::fs::File::options().write(true).open(logs.join("old.jsonl")).unwrap();
    let hours = |count: u64| std::time::SystemTime::now() - std::time::Duration::from_secs(count * 3600);
    old.set_modified(hours(48)).unwrap();
    let said = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let logs = logs.to_str().unwrap();
    assert_eq!(said(&["cost", logs, "-o", "json"]), "");
    for output in ["table", "json"] {
        let words = said(&["cost", logs, "--since", "5h", "-o", output]);
        assert!(
            words.contains("hint: partial: ") && words.contains("of older lines in 1 source were not read because of --since"),
            "{words}"
        );
    }
}

#[test]
fn prices_are_imported_into_the_users_file_and_what_is_missing_is_told() {
    let place = Place::new();
    let (log, table, file) = (
        place.path("app.jsonl"),
        place.path("table.json"),
        place.path(".config/spanscope/pricing.toml"),
    );
    let line = |id: &str, model: &str, more: &str| {
        format!(
            r#"{{"timestamp":"2026-11-22T10:00:00Z","trace_id":"{id}","model":"{model}","input_tokens":1000,"output_tokens":500,"cache_read_tokens":0{more}}}"#
        ) + "\n"
    };
    let lines = line("a", "quartz-2", "") + &line("b", "quartz-2", r#","service_tier":"batch""#) + &line("c", "slate-1", "");
    std::fs::write(&log, lines).unwrap();
    std::fs::write(
        &table,
        r#"{"quartz-2":{"litellm_provider":"quartz","input_cost_per_token":2e-06,"output_cost_per_token":8e-06,
            "input_cost_per_token_batches":1e-06,"output_cost_per_token_batches":4e-06},"pixel":{"output_cost_per_image":0.04}}"#,
    )
    .unwrap();
    let (log, table) = (log.to_str().unwrap(), table.to_str().unwrap());
    let missing = || place.json(&["prices", "--missing", log, "-o", "json"]);
    let before = missing();
    assert_eq!(
        (&before[0]["model"], &before[0]["calls"], &before[0]["usage"]["input"]),
        (&"quartz-2".into(), &2.into(), &2_000.into()),
        "{before}"
    );
    let done = place.json(&["prices", "import", table, "-o", "json"]);
    assert_eq!(
        (&done["added"], &done["skipped"][0]["model"]),
        (&1.into(), &"pixel".into()),
        "{done}"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let after = missing();
    assert_eq!(
        (after.as_array().unwrap().len(), &after[0]["model"]),
        (1, &"slate-1".into()),
        "{after}"
    );
    let costs = |id: &str| place.json(&["show", id, log, "-o", "json"])["spans"][0].clone();
    let (usual, batch) = (costs("a"), costs("b"));
    assert_eq!((&usual["cost_usd"], &batch["cost_usd"]), (&0.006.into(), &0.003.into()), "{usual}");
    assert_eq!(
        (&batch["price"]["service_tier"], &batch["usage_convention_from"]),
        (&"batch".into(), &"its dialect".into())
    );
    // Again nothing changes; comments at the top stay; a price that changed begins today.
    let again = place.text(&["prices", "import", table]);
    assert!(again.contains("nothing to change"), "{again}");
    let kept = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("# mine\n{kept}")).unwrap();
    std::fs::write(table, std::fs::read_to_string(table).unwrap().replace("8e-06", "9e-06")).unwrap();
    place.text(&["prices", "import", table]);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("# mine\n") && text.contains("valid_from = "), "{text}");
    assert_eq!(costs("a")["cost_usd"], 0.006, "an old trace keeps its old price");
    let output = place.run(&["prices", "import", log]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_health_of_a_log_is_told_and_a_source_may_say_what_its_figures_mean() {
    let place = Place::new();
    let (log, config) = (place.path("app.jsonl"), place.path("config.toml"));
    let line = |n: usize, more: &str| {
        format!(
            r#"{{"timestamp":"2026-11-22T10:{n:02}:00Z","trace_id":"t{n}","feature":"search","model":"gpt-4o","response_text":"a","input_tokens":1000,"output_tokens":500,"cache_read_tokens":400{more}}}"#
        ) + "\n"
    };
    let prompted = r#","messages":[{"role":"user","content":"q"}]"#;
    let lines = line(1, prompted) + &line(2, prompted) + &line(40, "") + &line(41, prompted) + "not json\n";
    std::fs::write(&log, lines).unwrap();
    let log = log.to_str().unwrap();
    let health = place.json(&["health", log, "-o", "json"]);
    let gap = health["gaps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|gap| gap["missing"] == "prompt")
        .unwrap();
    assert_eq!(
        (
            &gap["feature"],
            &gap["calls_without"],
            &gap["calls"],
            &gap["calls_since"],
            &gap["share_since"]
        ),
        (&"search".into(), &1.into(), &4.into(), &2.into(), &0.5.into()),
        "{health}"
    );
    assert_eq!((&health["rejected"], &health["calls"]), (&1.into(), &4.into()));
    assert_eq!(health["conventions"][0]["convention"], "unknown", "{health}");
    let table = place.text(&["health", log]);
    assert!(table.contains("prompt") && table.contains("rejected because"), "{table}");
    let csv = place.text(&["health", log, "-o", "csv"]);
    assert!(csv.starts_with("day,feature,missing,"), "{csv}");
    let first = |arguments: &[&str]| place.json(&[&["show", "t1", log, "-o", "json"], arguments].concat())["spans"][0].clone();
    let (lower, basis) = (first(&[])["usage"]["input"].clone(), first(&[])["cost_basis"].clone());
    assert_eq!((lower, basis), (600.into(), "lower_bound".into()));
    std::fs::write(&config, format!("[[source]]\npath = \"{log}\"\nconvention = \"exclusive\"\n")).unwrap();
    let set = first(&["--config", config.to_str().unwrap()]);
    assert_eq!(
        (&set["usage"]["input"], &set["usage_convention"], &set["cost_basis"]),
        (&1000.into(), &"exclusive".into(), &"computed".into()),
        "{set}"
    );
}

/// The calls, indented, as an array or one behind the other.
fn document(from: usize, to: usize, array: bool) -> String {
    let records = (from..to).map(|number| serde_json::from_str::<Value>(&call(number)).unwrap());
    let records: Vec<String> = records.map(|record| serde_json::to_string_pretty(&record).unwrap()).collect();
    if array {
        format!("[\n{}\n]\n", records.join(",\n"))
    } else {
        records.join("\n") + "\n"
    }
}

#[test]
fn a_document_is_read_like_its_sibling_in_lines() {
    let place = Place::new();
    let (lines, array, objects) = (place.path("lines.jsonl"), place.path("array.json"), place.path("objects.json"));
    write_calls(&lines, 0, 3_000);
    std::fs::write(&array, document(0, 3_000, true)).unwrap();
    std::fs::write(&objects, document(0, 3_000, false)).unwrap();
    let cost = |path: &str| place.json(&["cost", path, "--by", "feature", "-o", "json"]);
    let expected = cost(lines.to_str().unwrap());
    for path in [&array, &objects] {
        let path = path.to_str().unwrap();
        assert_eq!(cost(path), expected, "{path}");
        let stats = place.json(&["stats", path, "-o", "json"]);
        let physical = std::fs::read_to_string(path).unwrap().lines().count() as u64;
        assert_eq!(
            (stats["lines"].as_u64(), stats["rejected"].as_u64()),
            (Some(physical), Some(0)),
            "{path}"
        );
        assert_eq!(stats["interactions"], 3_000);
        let piped = place
            .command(&["cost", "-", "--by", "feature", "-o", "json"])
            .stdin(std::fs::File::open(path).unwrap())
            .output()
            .unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&piped.stdout).unwrap(),
            expected,
            "{path} through standard input"
        );
    }
}

#[test]
fn objects_written_behind_a_document_are_read_once_by_a_later_run() {
    let place = Place::new();
    let (log, db) = (place.path("objects.json"), place.path("store"));
    let (log_text, db_text) = (log.to_str().unwrap(), db.to_str().unwrap());
    let mut written = String::new();
    for (from, to) in [(0, 100), (100, 250), (250, 251)] {
        written += &document(from, to, false);
        std::fs::write(&log, &written).unwrap();
        place.text(&["ingest", log_text, "--db", db_text]);
        let stats = place.json(&["stats", "--db", db_text, "-o", "json"]);
        assert_eq!(stats["lines"], written.lines().count());
        assert_eq!(stats["interactions"], to);
    }
}

#[test]
fn a_format_of_ones_own_is_read_by_its_table() {
    let place = Place::new();
    let (config, log) = (place.path("config.toml"), place.path("app.log"));
    let (config_text, log_text) = (config.to_str().unwrap(), log.to_str().unwrap());
    std::fs::write(
        &log,
        "{\"ev\":\"call\",\"req\":{\"id\":\"r-1\"},\"llm\":{\"m\":\"claude-sonnet-4-6\",\"in\":1000,\"out\":10}}\n{\"ev\":\"tick\"}\n",
    )
    .unwrap();
    std::fs::write(
        &config,
        "[dialect.acme]\nmatch = ['/llm/m']\ntrace_id = '/req/id'\nmodel = '/llm/m'\ninput_tokens = '/llm/in'\noutput_tokens = '/llm/out'\n",
    )
    .unwrap();
    let rows = place.json(&["ls", log_text, "--config", config_text, "-o", "json"]);
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!((&rows[0]["trace_id"], &rows[0]["dialect"]), (&"r-1".into(), &"acme".into()));
    assert_eq!((&rows[0]["usage"]["input"], &rows[0]["cost_usd"]), (&1000.into(), &0.00315.into()));
    let stats = place.json(&["stats", log_text, "--config", config_text, "-o", "json"]);
    assert_eq!(
        (&stats["span"], &stats["other"]),
        (&1.into(), &1.into()),
        "an unknown line is still there"
    );
    assert!(place.text(&["formats", "--config", config_text]).contains("acme"));
    std::fs::write(&config, "theme = 'ansi'\n[dialect.acme]\nmodel = 'llm.m'\n").unwrap();
    let wrong = place.run(&["ls", log_text, "--config", config_text]);
    assert_eq!(wrong.status.code(), Some(2));
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(words.contains("line 3") && words.contains("`llm.m` is no JSON pointer"), "{words}");
}
