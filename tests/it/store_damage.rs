//! Stores that cannot be used any more: ours are moved aside and built anew from their sources, others are left alone.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use spanscope::formats::parse;
use spanscope::model::filter::Filter;
use spanscope::model::framing::Framing;
use spanscope::model::query::{Query, Reply, Window};
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::{StartFrom, TraceKey};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store, StoreError};

use super::store_faults::{Place, log, told, words};

const LINES: usize = 600;
const BLOCKS: usize = 6;

/// The log, block by block.
fn blocks(text: &str) -> Vec<Block> {
    let source = Arc::new(SourceInfo {
        id: 0,
        uri: "app.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: 0,
        order: Order::Random,
    });
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut offset = 0;
    lines
        .chunks(lines.len() / BLOCKS)
        .map(|lines| {
            let bytes = lines.concat().into_bytes();
            let block = Block {
                source: Arc::clone(&source),
                identity: Identity::default(),
                offset,
                bytes,
                omitted: 0,
                framing: Framing::Lines,
                turn: spanscope::model::turn::Turn::default(),
                fallback: (0, StartFrom::File),
                dialect: None,
            };
            offset += block.bytes.len() as u64;
            block
        })
        .collect()
}

fn open(path: &Path, rebuild: bool) -> Result<(Store, Vec<String>), StoreError> {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&told);
    let options = Options {
        patient: false,
        rebuild,
        ..Options::new(Arc::new(Prices::embedded()), path.parent().unwrap().join("cache"))
    };
    let store = Store::open(
        Location::File(path.to_owned()),
        options,
        |_| {},
        move |problem| heard.lock().unwrap().push(problem),
    )?;
    let told = std::mem::take(&mut *told.lock().unwrap());
    Ok((store, told))
}

/// Sends every block, as a run over the same sources does, and says all that is known then; or why it cannot.
fn run(store: &Store, blocks: &[Block]) -> Result<String, String> {
    for block in blocks {
        if store.intake().send(parse(block)).is_err() {
            break;
        }
    }
    store.flush()?;
    let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
        return Err("no statistics".to_owned());
    };
    let mut all = format!("{:?}\n", stats.tally);
    let trace = |n: usize| TraceKey::of(&format!("{n:032x}"), "app.jsonl");
    for query in [
        Query::Trace(trace(0)),
        Query::Trace(trace(LINES - 1)),
        Query::Contents {
            trace: trace(0),
            span: None,
        },
        Query::Contents {
            trace: trace(LINES - 1),
            span: None,
        },
        // Every text is looked through.
        Query::Count {
            filter: Filter::Text("no text holds this".to_owned()),
            window: Window::default(),
        },
    ] {
        match store.ask_now(query) {
            Reply::Failed(why) => return Err(why),
            reply => all.push_str(&format!("{reply:?}\n")),
        }
    }
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| told(store)))
        .map(|told| all + &told)
        .map_err(|_| "no list".to_owned())
}

/// A store of two halves: one tidied into the database, one still in its log; and everything it says.
fn halves(place: &Place) -> (Vec<u8>, Vec<u8>, Vec<Block>, String) {
    let blocks = blocks(&log(LINES));
    let path = place.path("good.duckdb");
    let (store, _) = open(&path, false).unwrap();
    run(&store, &blocks[..BLOCKS / 2]).unwrap();
    store.close();
    let (store, _) = open(&path, false).unwrap();
    let all = run(&store, &blocks).unwrap();
    let (database, wal) = (std::fs::read(&path).unwrap(), std::fs::read(place.path("good.duckdb.wal")).unwrap());
    assert!(wal.len() > 50_000, "the second half is in the log");
    store.close();
    (database, wal, blocks, all)
}

fn aside(path: &Path) -> Vec<PathBuf> {
    let stem = format!("{}.corrupt-", path.file_name().unwrap().to_str().unwrap());
    let mut found: Vec<PathBuf> = std::fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&stem))
        .collect();
    found.sort();
    found
}

#[test]
fn whatever_is_cut_or_flipped_the_next_runs_have_every_line() {
    let place = Place::new();
    let (database, wal, blocks, wanted) = halves(&place);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % limit
    };
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << (at % 8);
        bytes
    };
    let mut cases: Vec<(String, Vec<u8>, Vec<u8>)> = Vec::new();
    for _ in 0..70 {
        let at = below(database.len());
        cases.push((format!("database, bit {at}"), flipped(&database, at), wal.clone()));
    }
    for _ in 0..20 {
        let at = below(12_288);
        cases.push((format!("headers, bit {at}"), flipped(&database, at), wal.clone()));
    }
    for _ in 0..40 {
        let at = below(wal.len());
        cases.push((format!("log, bit {at}"), database.clone(), flipped(&wal, at)));
    }
    for at in (0..120).step_by(6) {
        cases.push((format!("log's head, bit {at}"), database.clone(), flipped(&wal, at)));
    }
    for _ in 0..20 {
        let at = below(database.len());
        cases.push((format!("database cut at {at}"), database[..at].to_vec(), wal.clone()));
    }
    for _ in 0..40 {
        let at = below(wal.len());
        cases.push((format!("log cut at {at}"), database.clone(), wal[..at].to_vec()));
    }
    let path = place.path("s.duckdb");
    let log = place.path("s.duckdb.wal");
    // It was a store before it broke.
    std::fs::write(&path, &database).unwrap();
    open(&path, false).unwrap().0.close();
    let (mut fine, mut at_once, mut later) = (0, 0, 0);
    for (case, database, wal) in cases {
        for old in aside(&path) {
            std::fs::remove_file(old).unwrap();
        }
        std::fs::write(&path, &database).unwrap();
        std::fs::write(&log, &wal).unwrap();
        let (store, told) = open(&path, true).unwrap_or_else(|error| panic!("{case}: {error}"));
        let moved = aside(&path);
        if moved.is_empty() {
            assert!(told.is_empty(), "{case}: {told:?}");
        } else {
            assert!(told[0].contains(moved[0].to_str().unwrap()), "{case}: {told:?}");
            at_once += 1;
        }
        match run(&store, &blocks) {
            Ok(all) => {
                assert!(all == wanted, "{case}: something is lost or repeated");
                fine += u32::from(moved.is_empty());
                store.close();
            }
            Err(why) => {
                // It showed only when that part of the file was read: the next start knows.
                assert!(moved.is_empty(), "{case}: the new store fails: {why}");
                assert!(store.damage().is_some(), "{case}: {why}");
                store.close();
                assert!(matches!(open(&path, false), Err(StoreError::Damaged { .. })), "{case}");
                let (store, told) = open(&path, true).unwrap_or_else(|error| panic!("{case}: {error}"));
                assert!(
                    told.len() == 1 && aside(&path).len() <= 2 && !aside(&path).is_empty(),
                    "{case}: {told:?}"
                );
                assert!(run(&store, &blocks).as_ref() == Ok(&wanted), "{case}: not built anew");
                store.close();
                later += 1;
            }
        }
    }
    assert!(
        fine > 20 && at_once > 50 && later > 5,
        "{fine} opened, {at_once} moved at once, {later} at the next start"
    );
}

#[test]
fn a_damaged_store_is_moved_aside_whole_and_said() {
    let place = Place::new();
    let (jsonl, path) = (place.path("app.jsonl"), place.path("s.duckdb"));
    std::fs::write(&jsonl, log(2_000)).unwrap();
    let (jsonl, db) = (jsonl.to_str().unwrap(), path.to_str().unwrap());
    let read = || place.run(&["ingest", jsonl, "--db", db]);
    assert!(read().status.success());
    let whole = std::fs::read(&path).unwrap();
    let cut = &whole[..whole.len() / 3];
    for damaged in [cut, &whole[..4_096], b"what was here is gone", b""] {
        std::fs::write(&path, damaged).unwrap();
        // Without sources nothing could take its place.
        for command in [&["ls"][..], &["stats"], &["show", "00"], &["purge", "--older-than", "7d"]] {
            let output = place.run(&[command, &["--db", db]].concat());
            let said = words(&output);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("is damaged") && said.contains("hint: name its sources"), "{said}");
            assert!(output.stdout.is_empty());
            assert!(
                std::fs::read(&path).unwrap() == damaged && aside(&path).is_empty(),
                "it was touched"
            );
        }
        let output = read();
        let said = words(&output);
        assert!(output.status.success(), "{said}");
        let moved = aside(&path);
        assert_eq!(moved.len(), 1, "{moved:?}");
        assert!(said.contains(moved[0].to_str().unwrap()) && said.contains("built anew"), "{said}");
        assert!(std::fs::read(&moved[0]).unwrap() == damaged, "what was moved is not what was there");
        assert_eq!(place.stats(db), (2_000, 2_000, 2_000));
        std::fs::remove_file(&moved[0]).unwrap();
    }
    // A copy without the lock beside it: its own bytes say whose it is.
    let copy = place.path("copy.duckdb");
    let mut flipped = whole.clone();
    flipped[8_192 + 100] ^= 1;
    flipped[4_096 + 100] ^= 1;
    std::fs::write(&copy, &flipped).unwrap();
    let output = place.run(&["ingest", jsonl, "--db", copy.to_str().unwrap()]);
    assert!(output.status.success(), "{}", words(&output));
    assert!(std::fs::read(&aside(&copy)[0]).unwrap() == flipped);
}

#[test]
fn damage_that_shows_late_is_told_and_mended_by_the_next_run() {
    let place = Place::new();
    let (jsonl, path) = (place.path("app.jsonl"), place.path("s.duckdb"));
    std::fs::write(&jsonl, log(2_000)).unwrap();
    let (jsonl, db) = (jsonl.to_str().unwrap(), path.to_str().unwrap());
    assert!(place.run(&["ingest", jsonl, "--db", db]).status.success());
    let whole = std::fs::read(&path).unwrap();
    let id = format!("{:032x}", 7);
    // Somewhere lie the texts, which nobody reads before they are asked for.
    let late = (12_288 + 100..whole.len()).step_by(262_144).find_map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let listed = place.run(&["stats", "--db", db]).status.success();
        let shown = place.run(&["show", &id, "--db", db]);
        std::fs::write(place.path("s.duckdb.lock"), "process 1\nstore\n").unwrap();
        (listed && !shown.status.success()).then_some((bytes, shown))
    });
    let (bytes, shown) = late.expect("some block holds texts");
    let said = words(&shown);
    assert_eq!(shown.status.code(), Some(1));
    assert!(
        said.contains("Corrupt") && said.contains("hint: if it is damaged, the next start"),
        "{said}"
    );
    assert!(place.run(&["show", &id, "--db", db]).stdout.is_empty());
    let again = place.run(&["ls", "--db", db]);
    assert!(words(&again).contains("is damaged"), "{}", words(&again));
    assert!(aside(&path).is_empty());
    let shown = place.run(&["show", &id, jsonl, "--db", db]);
    assert!(shown.status.success() && words(&shown).contains("built anew"), "{}", words(&shown));
    assert!(std::fs::read(&aside(&path)[0]).unwrap() == bytes);
    assert_eq!(place.stats(db), (2_000, 2_000, 2_000));
}

#[test]
fn what_is_not_ours_or_from_later_is_never_moved() {
    let place = Place::new();
    let jsonl = place.path("app.jsonl");
    std::fs::write(&jsonl, log(10)).unwrap();
    let other = place.path("other.duckdb");
    let connection = duckdb::Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE meta (mine INT); INSERT INTO meta VALUES (1)")
        .unwrap();
    drop(connection);
    let other = std::fs::read(other).unwrap();
    let (newer, older) = (place.path("newer.duckdb"), place.path("older.duckdb"));
    for (path, version) in [(&newer, "999"), (&older, "0")] {
        open(path, false).unwrap().0.close();
        duckdb::Connection::open(path)
            .unwrap()
            .execute_batch(&format!(
                "UPDATE meta SET value = '{version}' WHERE key = 'schema_version'; CHECKPOINT"
            ))
            .unwrap();
    }
    let newer = std::fs::read(newer).unwrap();
    let noise: Vec<u8> = (0..100_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let cases: [(&str, &[u8]); 7] = [
        ("notes.txt", b"not a store, and that is all it says\n"),
        ("empty", b""),
        ("noise", &noise),
        (
            "app.sqlite",
            b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20\0\0\0\x01\0\0\0\x02",
        ),
        ("other.duckdb", &other),
        ("broken.duckdb", &other[..other.len() / 2]),
        ("newer.duckdb", &newer),
    ];
    for (name, bytes) in cases {
        let path = place.path(name);
        std::fs::write(&path, bytes).unwrap();
        // Twice: the first attempt must not leave a sign that it was ours.
        for _ in 0..2 {
            let output = place.run(&["ingest", jsonl.to_str().unwrap(), "--db", path.to_str().unwrap()]);
            let said = words(&output);
            assert_eq!(output.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains("hint: "), "{name}: {said}");
            assert!(
                std::fs::read(&path).unwrap() == bytes && aside(&path).is_empty(),
                "{name} was touched"
            );
        }
        let lock = path.with_extension(format!("{}.lock", path.extension().map_or("", |e| e.to_str().unwrap())));
        assert!(name == "newer.duckdb" || !lock.exists(), "{name} has a lock beside it");
    }
    // Ours, of an older version.
    let db = older.to_str().unwrap();
    let output = place.run(&["ls", "--db", db]);
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("older version (schema 0") && said.contains("hint: name its sources"),
        "{said}"
    );
    let output = place.run(&["ingest", jsonl.to_str().unwrap(), "--db", db]);
    assert!(
        output.status.success() && words(&output).contains("older version"),
        "{}",
        words(&output)
    );
    assert_eq!((aside(&older).len(), place.stats(db)), (1, (10, 10, 10)));
}

#[test]
fn a_log_without_its_database_is_kept() {
    let place = Place::new();
    let (_, wal, blocks, wanted) = halves(&place);
    let path = place.path("s.duckdb");
    std::fs::write(place.path("s.duckdb.wal"), &wal).unwrap();
    let (store, told) = open(&path, true).unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(run(&store, &blocks).as_ref() == Ok(&wanted));
    store.close();
    let moved = aside(&path);
    assert_eq!(moved.len(), 1);
    assert!(moved[0].extension().is_some_and(|end| end == "wal") && std::fs::read(&moved[0]).unwrap() == wal);
}
