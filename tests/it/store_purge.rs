//! Retention: what is old goes, the rest stays byte for byte, nothing is read again, and at no moment is there half a store.

use std::borrow::Cow;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use spanscope::model::content::{Contents, Form, Piece, Slot};
use spanscope::model::query::{Page, Query, Reply, Stats};
use spanscope::model::record::{Batch, Identity, Order, Other, Reject, SourceInfo, Tally};
use spanscope::model::span::{Origin, Part, SpanKind, StartFrom, TraceKey};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Purged, Store, purge};

use super::store_faults::{Place, noise, open, told, words};

const HOUR: i64 = 3_600_000_000_000;
const NOON: i64 = 1_790_000_000_000_000_000;
const DEADLINE: Duration = Duration::from_mins(1);

fn origin(source: u32, offset: u64) -> Origin {
    Origin {
        source,
        offset,
        length: 9,
        ..Origin::default()
    }
}

fn call(trace: &str, offset: u64, start: i64, message: &str) -> Part {
    let piece = |slot, role: &'static str, body: &str| Piece {
        slot,
        role: role.into(),
        form: Form::Text,
        body: body.to_owned(),
    };
    Part {
        trace: TraceKey::of(trace, "app.jsonl"),
        trace_id: trace.to_owned(),
        span_id: format!("s{offset}"),
        kind: SpanKind::Llm,
        start,
        start_from: StartFrom::Logged,
        end: Some(start + 1_000),
        ended: true,
        dialect: Cow::Borrowed("test"),
        contents: vec![
            piece(Slot::System, "", "You are helpful."),
            piece(Slot::Message, "user", message),
            piece(Slot::Response, "assistant", &format!("answer to {trace}")),
        ],
        origin: origin(0, offset),
        ..Part::default()
    }
}

fn reject(source: u32, offset: u64) -> Reject {
    Reject {
        origin: origin(source, offset),
        reason: "not JSON",
        detail: String::new(),
        bytes: offset.to_string().into_bytes(),
    }
}

fn batch(id: u32, range: std::ops::Range<u64>, parts: Vec<Part>, others: Vec<Other>, rejects: Vec<Reject>) -> Batch {
    let (span, other, rejected) = (parts.len() as u64, others.len() as u64, rejects.len() as u64);
    Batch {
        source: Arc::new(SourceInfo {
            id,
            uri: format!("app-{id}.jsonl"),
            device: 1,
            inode: 2,
            generation: 0,
            file_time: NOON - i64::from(id) * HOUR,
            order: Order::Random,
        }),
        identity: Identity {
            anchor_end: range.end,
            ..Identity::default()
        },
        range,
        parts,
        others,
        rejects,
        tally: Tally {
            lines: span + other + rejected,
            span,
            other,
            rejected,
            ..Tally::default()
        },
    }
}

fn options(path: &Path) -> Options {
    Options::new(Arc::new(Prices::default()), path.parent().unwrap().join("cache"))
}

fn stats(store: &Store) -> Stats {
    let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
        panic!()
    };
    *stats
}

/// Everything that is stored about a trace.
fn trace(store: &Store, id: &str) -> Option<(String, Vec<Contents>)> {
    let key = TraceKey::of(id, "app.jsonl");
    let Reply::Trace(trace) = store.ask_now(Query::Trace(key)) else {
        panic!()
    };
    let Reply::Contents(contents) = store.ask_now(Query::Contents { trace: key, span: None }) else {
        panic!()
    };
    trace.map(|trace| (format!("{trace:?}"), contents.into_iter().map(|(_, contents)| contents).collect()))
}

#[test]
fn what_is_old_goes_and_the_rest_stays_as_it_is() {
    let place = Place::new();
    let path = place.path("s.duckdb");
    let cut = NOON - 5 * HOUR;
    let (old, young) = (NOON - 9 * HOUR, NOON - HOUR);
    let other = |offset, at| Other {
        origin: origin(0, offset),
        at,
        dialect: Cow::Borrowed("generic"),
        text: "{}".to_owned(),
    };
    let prices = Arc::new(Prices::default());
    let store = open(&path, &prices);
    let parts = vec![
        call("gone", 10, old, "Where is my order?"),
        // Its newest part counts: the old one stays with it.
        call("mixed", 20, old, "Where is my order?"),
        call("mixed", 60, young, "And now?"),
        call("edge", 70, cut, "Just in time"),
        call("kept", 80, young, "Where is my order?"),
    ];
    let others = vec![other(30, old), other(90, young)];
    let rejects = vec![
        reject(0, 0),  // the first of its file: as old as what follows
        reject(0, 40), // after an old line
        reject(0, 65), // after a young one
        reject(0, 95),
    ];
    store.intake().send(batch(0, 0..100, parts, others, rejects)).unwrap();
    // Files in which nothing could be read: the file's own time counts.
    store
        .intake()
        .send(batch(1, 0..10, Vec::new(), Vec::new(), vec![reject(1, 0)]))
        .unwrap();
    store
        .intake()
        .send(batch(7, 0..10, Vec::new(), Vec::new(), vec![reject(7, 0)]))
        .unwrap();
    store.flush().unwrap();
    let before = stats(&store);
    let resume = store.resume().unwrap();
    let survivors = ["mixed", "edge", "kept"].map(|id| trace(&store, id));
    assert!(survivors.iter().all(Option::is_some) && trace(&store, "gone").is_some());
    store.close();

    let purged = purge(path.clone(), cut, &options(&path)).unwrap();
    // Lines: the call, the other, the rejects at 0 and 40, and that of the file that is seven hours old.
    assert_eq!((purged.interactions, purged.lines), (1, 5));

    let store = open(&path, &prices);
    assert_eq!(trace(&store, "gone"), None);
    assert_eq!(["mixed", "edge", "kept"].map(|id| trace(&store, id)), survivors);
    let after = stats(&store);
    assert_eq!((after.interactions, after.spans), (3, 4));
    assert_eq!(
        (&after.tally, after.bytes),
        (&before.tally, before.bytes),
        "every line ever read is accounted for"
    );
    assert_eq!(store.resume().unwrap(), resume, "nothing is read again");
    let Reply::Rejects { rows, .. } = store.ask_now(Query::Rejects {
        sources: Vec::new(),
        page: Page::First,
        limit: 100,
    }) else {
        panic!()
    };
    let left: Vec<(u32, u64)> = rows.iter().map(|row| (row.origin.source, row.origin.offset)).collect();
    assert_eq!(left, [(1, 0), (0, 95), (0, 65)]);

    // A second purge finds nothing more.
    store.close();
    let size = path.metadata().unwrap().len();
    let again = purge(path.clone(), cut, &options(&path)).unwrap();
    assert_eq!(
        again,
        Purged {
            interactions: 0,
            lines: 0,
            before: size,
            after: size
        }
    );
    // The last users of a text take it along.
    let purged = purge(path.clone(), NOON, &options(&path)).unwrap();
    assert_eq!((purged.interactions, purged.lines), (3, 8));
    let bytes = std::fs::read(&path).unwrap();
    assert!(
        memchr::memmem::find(&bytes, b"You are helpful.").is_none(),
        "a prompt is still in the file"
    );
    let store = open(&path, &prices);
    assert_eq!(stats(&store).tally, before.tally);
    assert_eq!(stats(&store).interactions, 0);
    // And what comes then is stored under the old numbers without meeting old texts.
    store
        .intake()
        .send(batch(
            0,
            100..200,
            vec![call("new", 110, NOON, "Where is my order?")],
            Vec::new(),
            Vec::new(),
        ))
        .unwrap();
    store.flush().unwrap();
    let (_, contents) = trace(&store, "new").unwrap();
    assert_eq!(contents[0].system.as_deref(), Some("You are helpful."));
    assert_eq!(stats(&store).interactions, 1);
}

/// Calls of the last `hours` hours, one each, oldest first; texts all different but for one that all share.
fn log(hours: usize) -> String {
    let now = jiff::Timestamp::now();
    let line = |n: usize| {
        // Half an hour away from every round age, so that the test's own time does not matter.
        let at = now - jiff::SignedDuration::from_mins(((hours - n) * 60 - 30) as i64);
        format!(
            r#"{{"timestamp":"{at}","trace_id":"{n:032x}","feature":"f{}","model":"claude-sonnet-4-6","system":"Be brief.","messages":[{{"role":"user","content":"{}"}}],"response_text":"yes","input_tokens":{},"output_tokens":10,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":5}}"#,
            n % 7,
            noise(n),
            n % 1000
        ) + "\n"
    };
    (0..hours).map(line).collect()
}

fn good(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_file_shrinks_and_survivors_print_the_same() {
    let place = Place::new();
    let (jsonl, path) = (place.path("app.jsonl"), place.path("s.duckdb"));
    std::fs::write(&jsonl, log(4_000)).unwrap();
    let (jsonl, db) = (jsonl.to_str().unwrap(), path.to_str().unwrap());
    good(&place, &["ingest", jsonl, "--db", db]);
    // The newest, one in the middle of what stays, the oldest that stays.
    let kept = [3_999, 3_990, 3_976].map(|n| format!("{n:032x}"));
    let show = || kept.clone().map(|id| good(&place, &["show", &id, "--db", db, "-o", "json"]));
    let list = || good(&place, &["ls", "--db", db, "--since", "24h", "-o", "json"]);
    // Anomalies apart: they are judged by the week before, and that is what goes; and spend over time, whose steps begin 24 hours before now.
    let cost = || -> Vec<Value> {
        let mut rows: Vec<Value> = serde_json::from_str(&good(&place, &["cost", "--db", db, "--since", "24h", "-o", "json"])).unwrap();
        rows.iter_mut().for_each(|row| {
            ["anomalies", "rising", "over_time_usd", "per_hour_usd"]
                .iter()
                .for_each(|key| row[*key] = Value::Null);
        });
        rows
    };
    let before = (show(), list(), cost());
    let size = path.metadata().unwrap().len();

    let said = good(&place, &["purge", "--older-than", "1d", "--db", db]);
    assert!(said.starts_with("3976 interactions and 3976 lines removed: "), "{said}");
    let now = path.metadata().unwrap();
    assert!(now.len() * 2 < size, "{size} bytes before, {} now", now.len());
    assert_eq!(now.permissions().mode() & 0o777, 0o600);
    let mut beside: Vec<String> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("s.duckdb"))
        .collect();
    beside.sort();
    assert_eq!(beside, ["s.duckdb", "s.duckdb.lock"]);
    assert!(show() == before.0 && list() == before.1, "a survivor changed");
    assert_eq!(cost(), before.2);
    assert_eq!(place.stats(db), (4_000, 24, 24));

    // Nothing is read again; what is new is.
    std::fs::OpenOptions::new()
        .append(true)
        .open(place.path("app.jsonl"))
        .and_then(|mut file| std::io::Write::write_all(&mut file, log(4_001).lines().last().unwrap().as_bytes()))
        .unwrap();
    let said = good(&place, &["ingest", jsonl, "--db", db]);
    assert!(said.contains("25 interactions in the store"), "{said}");
    assert_eq!(place.stats(db), (4_001, 25, 25));

    let said = good(&place, &["purge", "--older-than", "100d", "--db", db]);
    assert!(said.starts_with("nothing is older than 100d"), "{said}");
    good(&place, &["purge", "--older-than", "0s", "--db", db]);
    let output = place.run(&["ls", "--db", db]);
    assert!(words(&output).contains("all of them were purged"), "{}", words(&output));
    assert_eq!(place.stats(db), (4_001, 0, 0));
}

#[test]
fn prices_can_change_after_a_purge() {
    let place = Place::new();
    let text = log(2_000);
    let user =
        "[[price]]\nmodel = \"claude-sonnet-4-6\"\nprovider = \"anthropic\"\ninput = \"7\"\noutput = \"11\"\nsource = \"a contract\"\n";
    let (before, after) = (
        Arc::new(Prices::embedded()),
        Arc::new(Prices::embedded().with(&Prices::read(user).unwrap())),
    );
    let cut = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap() - 100 * HOUR;
    let fill = |path: &Path, prices| {
        let store = open(path, prices);
        super::store_faults::fill(&store, &text);
        store.close();
    };
    // Derived with the new prices, then purged; and the other way round.
    let (one, two) = (place.path("one.duckdb"), place.path("two.duckdb"));
    fill(&one, &after);
    fill(&two, &before);
    for path in [&one, &two] {
        assert_eq!(purge(path.clone(), cut, &options(path)).unwrap().interactions, 1_900);
    }
    let store = open(&one, &after);
    let wanted = told(&store);
    store.close();
    let store = open(&two, &before);
    assert_ne!(told(&store), wanted);
    store.close();
    let store = open(&two, &after);
    store.flush().unwrap();
    assert_eq!(told(&store), wanted);
}

#[test]
fn a_purge_that_cannot_be_done_says_why_and_changes_nothing() {
    let place = Place::new();
    let (jsonl, path) = (place.path("app.jsonl"), place.path("s.duckdb"));
    let db = path.to_str().unwrap().to_owned();
    let refused = |arguments: &[&str], code: i32, says: &str| {
        let output = place.run(arguments);
        let said = words(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says) && said.contains("hint: "), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    };
    refused(&["purge", "--older-than", "7d", "--db", &db], 1, "there is no store");
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 0, "nothing was made");
    refused(&["purge", "--older-than", "7d"], 2, "purge needs a store");
    refused(&["purge", "--db", &db], 2, "--older-than");
    for age in ["yesterday", "-1d", "7", "2026-11-01", ""] {
        refused(&["purge", "--older-than", age, "--db", &db], 2, "is not an age");
    }
    refused(
        &["purge", "--older-than", "7d", "--db", &db, "-o", "json"],
        2,
        "means nothing to `purge`",
    );
    refused(&["purge", "--older-than", "7d", "--db", &db, "app.jsonl"], 2, "");

    std::fs::write(&jsonl, log(3_000)).unwrap();
    good(&place, &["ingest", jsonl.to_str().unwrap(), "--db", &db]);
    let owner = Store::open(Location::File(path.clone()), options(&path), |_| {}, |_| {}).unwrap();
    refused(
        &["purge", "--older-than", "7d", "--db", &db],
        3,
        &format!("process {}", std::process::id()),
    );
    owner.close();

    // The survivors do not fit on the disk.
    let whole = std::fs::read(&path).unwrap();
    let script = r#"trap '' XFSZ; ulimit -f 1000; exec "$0" "$@""#;
    let full = place
        .command("sh")
        .args([
            "-c",
            script,
            env!("CARGO_BIN_EXE_spanscope"),
            "purge",
            "--older-than",
            "2900h",
            "--db",
            &db,
        ])
        .output()
        .unwrap();
    let said = words(&full);
    assert_eq!(full.status.code(), Some(4), "{said}");
    assert!(said.contains("cannot write") && said.contains("the store is as it was"), "{said}");
    assert!(std::fs::read(&path).unwrap() == whole, "the store was changed");
    assert!(!place.path("s.duckdb.purging").exists());

    let text = place.path("notes.txt");
    std::fs::write(&text, "not a store, and that is all it says\n").unwrap();
    refused(
        &["purge", "--older-than", "7d", "--db", text.to_str().unwrap()],
        1,
        "is not a spanscope store",
    );
    assert!(!place.path("notes.txt.lock").exists());
}

/// Waits for a condition while the purge runs; false when it ended before.
fn until(child: &mut Child, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if condition() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return condition();
        }
        assert!(Instant::now() < deadline, "neither done nor under way");
    }
}

#[test]
fn a_purge_that_is_killed_leaves_the_old_store_or_the_new_one() {
    let place = Place::new();
    let (jsonl, path) = (place.path("app.jsonl"), place.path("s.duckdb"));
    let db = path.to_str().unwrap().to_owned();
    std::fs::write(&jsonl, log(6_000)).unwrap();
    good(&place, &["ingest", jsonl.to_str().unwrap(), "--db", &db]);
    let whole = std::fs::read(&path).unwrap();
    let fresh = place.path("s.duckdb.purging");
    let size = |path: &Path| path.metadata().map_or(0, |data| data.len());
    let inode = || path.metadata().unwrap().ino();
    let (mut old, mut new) = (0, 0);
    let oldest = format!("{:032x}", 1);
    let youngest = format!("{:032x}", 5_999);
    let mut shown = None;
    // The moments of a purge, as they show on the disk; sizes are those of the database that is being filled.
    for step in 0..10 {
        std::fs::write(&path, &whole).unwrap();
        let number = inode();
        let mut child = place
            .command(env!("CARGO_BIN_EXE_spanscope"))
            .args(["purge", "--older-than", "3000h", "--db", &db])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until(&mut child, || match step {
            0 => true,
            1 => fresh.exists(),
            9 => inode() != number,
            step => size(&fresh) > (step - 2) * 250_000 || inode() != number,
        });
        child.kill().unwrap();
        child.wait().unwrap();
        // Whichever it is, it is whole.
        let (lines, spans, interactions) = place.stats(&db);
        assert!(!fresh.exists(), "the next start sweeps");
        assert_eq!(lines, 6_000);
        if inode() == number {
            assert_eq!((spans, interactions), (6_000, 6_000));
            assert!(std::fs::read(&path).unwrap() == whole, "step {step}: the old store was changed");
            good(&place, &["show", &oldest, "--db", &db]);
            old += 1;
        } else {
            assert_eq!((spans, interactions), (3_000, 3_000));
            assert!(!place.run(&["show", &oldest, "--db", &db]).status.success());
            new += 1;
        }
        let now = good(&place, &["show", &youngest, "--db", &db, "-o", "json"]);
        assert_eq!(*shown.get_or_insert_with(|| now.clone()), now);
    }
    assert!(old > 2 && new > 0, "{old} were killed before the swap, {new} after");
}
