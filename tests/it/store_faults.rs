//! The store when things go wrong: a full disk, other prices, other owners, files that are not what they should be.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use spanscope::formats::parse;
use spanscope::model::filter::Filter;
use spanscope::model::framing::Framing;
use spanscope::model::query::{CostKey, Page, Query, Reply, Sort, Window};
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::StartFrom;
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("HOME", self.0.path())
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", value);
        }
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_spanscope")).args(arguments).output().unwrap()
    }

    pub(super) fn stats(&self, db: &str) -> (u64, u64, u64) {
        let output = self.run(&["stats", "--db", db, "-o", "json"]);
        assert!(output.status.success(), "{}", words(&output));
        let stats: Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |key: &str| stats[key].as_u64().unwrap();
        (number("lines"), number("spans"), number("interactions"))
    }
}

pub(super) fn words(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A text that nothing compresses.
pub(super) fn noise(seed: usize) -> String {
    let word = |n: usize| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&(seed * 100 + n).to_le_bytes()));
    (0..40).map(word).collect()
}

/// Calls whose texts are all different, so that the store grows with them.
pub(super) fn log(lines: usize) -> String {
    let line = |n: usize| {
        format!(
            r#"{{"timestamp":"2026-11-22T{:02}:{:02}:{:02}Z","trace_id":"{n:032x}","feature":"f{}","model":"claude-sonnet-4-6","messages":[{{"role":"user","content":"{}"}}],"response_text":"yes","input_tokens":{},"output_tokens":10,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":5}}"#,
            n / 3600 % 24,
            n / 60 % 60,
            n % 60,
            n % 7,
            noise(n),
            n % 1000
        ) + "\n"
    };
    (0..lines).map(line).collect()
}

/// Everything that cost can be asked of.
pub(super) fn told(store: &Store) -> String {
    let (filter, window) = (Filter::All, Window::default());
    let rows = store.ask_now(Query::Interactions {
        filter: filter.clone(),
        window,
        sort: Sort::default(),
        page: Page::First,
        limit: u32::MAX,
    });
    let Reply::Interactions { rows, .. } = rows else {
        panic!("{rows:?}")
    };
    let by = |by| {
        let reply = store.ask_now(Query::Costs {
            by,
            filter: filter.clone(),
            window,
            limit: usize::MAX,
        });
        let Reply::Costs(spend) = reply else { panic!("{reply:?}") };
        spend.rows
    };
    format!("{rows:?}\n{:?}\n{:?}", by(CostKey::Feature), by(CostKey::Model))
}

pub(super) fn open(path: &Path, prices: &Arc<Prices>) -> Store {
    let cache = path.parent().unwrap().join("cache");
    let options = Options::new(Arc::clone(prices), cache);
    Store::open(Location::File(path.to_owned()), options, |_| {}, |problem| panic!("{problem}")).unwrap()
}

pub(super) fn fill(store: &Store, text: &str) {
    let source = Arc::new(SourceInfo {
        id: 0,
        uri: "app.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: 0,
        order: Order::Random,
    });
    let block = Block {
        source,
        identity: Identity::default(),
        offset: 0,
        bytes: text.as_bytes().to_vec(),
        omitted: 0,
        framing: Framing::Lines,
        turn: spanscope::model::turn::Turn::default(),
        fallback: (0, StartFrom::File),
        dialect: None,
    };
    store.intake().send(parse(&block)).unwrap();
    store.flush().unwrap();
}

#[test]
fn a_full_disk_is_told_and_the_next_run_goes_on() {
    let place = Place::new();
    let (jsonl, db) = (place.path("app.jsonl"), place.path("s.duckdb"));
    std::fs::write(&jsonl, log(6_000)).unwrap();
    let (jsonl, db) = (jsonl.to_str().unwrap(), db.to_str().unwrap());
    // No file may grow over a few hundred KB: what a full disk looks like from inside.
    let script = r#"trap '' XFSZ; ulimit -f 1000; exec "$0" "$@""#;
    let limited = place
        .command("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_spanscope"), "ingest", jsonl, "--db", db])
        .output()
        .unwrap();
    let said = words(&limited);
    assert_eq!(limited.status.code(), Some(4), "{said}");
    assert!(said.contains("error: cannot write the store") && said.contains("hint: "), "{said}");
    assert!(limited.stdout.is_empty());
    let whole = place.run(&["ingest", jsonl, "--db", db]);
    assert!(whole.status.success(), "{}", words(&whole));
    assert_eq!(place.stats(db), (6_000, 6_000, 6_000));
}

#[test]
fn other_prices_are_applied_to_what_is_stored() {
    let text = log(3_000);
    let user =
        "[[price]]\nmodel = \"claude-sonnet-4-6\"\nprovider = \"anthropic\"\ninput = \"7\"\noutput = \"11\"\nsource = \"a contract\"\n";
    let (before, after) = (
        Arc::new(Prices::embedded()),
        Arc::new(Prices::embedded().with(&Prices::read(user).unwrap())),
    );
    let place = Place::new();
    let fresh = open(&place.path("fresh.duckdb"), &after);
    fill(&fresh, &text);
    let wanted = told(&fresh);
    fresh.close();

    let path = place.path("kept.duckdb");
    let store = open(&path, &before);
    fill(&store, &text);
    assert_ne!(told(&store), wanted);
    store.close();
    // Ended again and again before all of it is done: three slices of a thousand traces.
    for _ in 0..3 {
        open(&path, &after).close();
    }
    let store = open(&path, &after);
    store.flush().unwrap();
    assert_eq!(told(&store), wanted);
    store.close();
    let store = open(&path, &before);
    store.flush().unwrap();
    assert_ne!(told(&store), wanted);
}

#[test]
fn a_second_process_is_told_who_holds_the_store() {
    let place = Place::new();
    let path = place.path("s.duckdb");
    let db = path.to_str().unwrap();
    let owner = open(&path, &Arc::new(Prices::default()));
    let output = place.run(&["ls", "--db", db]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let holder = format!("in use by process {} on {host} (it", std::process::id());
    assert!(said.contains(&holder), "{said}");
    assert!(said.contains("hint: close that one"), "{said}");
    owner.close();
    assert_eq!(place.run(&["ls", "--db", db]).status.code(), Some(0));
}

#[test]
fn what_is_not_a_store_stays_as_it_is() {
    let place = Place::new();
    let good = place.path("good.duckdb");
    let store = open(&good, &Arc::new(Prices::default()));
    fill(&store, &log(2_000));
    store.close();
    let whole = std::fs::read(&good).unwrap();
    let noise: Vec<u8> = (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut flipped = whole.clone();
    flipped[5_000..6_000].fill(0xaa);
    let cases: [(&str, &[u8]); 6] = [
        ("notes.txt", b"not a store, and that is all it says\n"),
        ("noise", &noise),
        ("sqlite", b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20\0\0\0\x01\0\0\0\x02"),
        ("cut.duckdb", &whole[..whole.len() / 3]),
        ("head.duckdb", &whole[..4_096]),
        ("flipped.duckdb", &flipped),
    ];
    for (name, bytes) in cases {
        let path = place.path(name);
        std::fs::write(&path, bytes).unwrap();
        let output = place.run(&["ls", "--db", path.to_str().unwrap()]);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.starts_with("error: ") && said.contains("hint: "), "{name}: {said}");
        assert!(output.stdout.is_empty(), "{name}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{name} was changed");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let place = Place::new();
    std::fs::write(place.path("file"), "in the way").unwrap();
    let db = place.path("file/s.duckdb");
    let output = place.run(&["ls", "--db", db.to_str().unwrap()]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(
        said.contains("error: cannot write") && said.contains("hint: choose another --db"),
        "{said}"
    );
}
