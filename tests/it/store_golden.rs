//! Stores as earlier builds left them, kept in `tests/fixtures/store/schema-N.duckdb.zst`: the one of the present schema opens, answers, takes
//! more and is purged; those before it are brought up to it or, before `UPGRADED`, recognised as ours.
//!
//! `SPANSCOPE_GOLDEN=write cargo test --release golden` makes the one of the present schema, where it is missing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use spanscope::pricing::Prices;

use super::store_faults::{Place, fill, open, words};

/// Three interactions, two of which share their texts, a line that nobody maps, one that is no JSON, and a blank one.
const LOG: &str = r#"{"timestamp":"2026-05-01T10:00:00Z","trace_id":"000000000000000000000000000000a1","feature":"billing","user_id":"u1","model":"claude-sonnet-4-6","system":"Be brief.","messages":[{"role":"user","content":"Is the annual plan refundable?"}],"response_text":"Yes, within 30 days.","stop_reason":"end_turn","input_tokens":850,"output_tokens":12,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":1200,"params":{"temperature":0.2}}
{"timestamp":"2026-05-01T10:00:05Z","trace_id":"000000000000000000000000000000a2","feature":"search","user_id":"u2","model":"claude-sonnet-4-6","system":"Be brief.","messages":[{"role":"user","content":"Is the annual plan refundable?"}],"response_text":"No. 返金不可","stop_reason":"max_tokens","input_tokens":900,"output_tokens":7,"cache_read_tokens":100,"cache_write_tokens":0,"latency_ms":700}
{"hello":"world"}
not a line of JSON

{"type":"interaction","trace_id":"000000000000000000000000000000a3","timestamp":"2026-05-01T11:00:00Z","feature":"support","user_id":"u3","turns":[{"turn":1,"model":"claude-haiku-4-5","input_tokens":40,"output_tokens":9,"stop_reason":"end_turn"}]}
"#;

/// The oldest schema that opens and is derived anew.
const UPGRADED: u32 = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store")
}

fn version(store: &Path) -> u32 {
    let connection = duckdb::Connection::open(store).unwrap();
    let text: String = connection
        .query_row("SELECT value FROM meta WHERE key = 'schema_version'", [], |row| row.get(0))
        .unwrap();
    text.parse().unwrap()
}

/// A store of the present schema and its version.
fn made(place: &Place) -> (PathBuf, u32) {
    let path = place.path("made.duckdb");
    let store = open(&path, &Arc::new(Prices::embedded()));
    fill(&store, LOG);
    store.close();
    let version = version(&path);
    (path, version)
}

/// A kept store, unpacked.
fn kept(place: &Place, version: u32) -> Option<PathBuf> {
    let packed = std::fs::read(folder().join(format!("schema-{version}.duckdb.zst"))).ok()?;
    let path = place.path(&format!("schema-{version}.duckdb"));
    std::fs::write(&path, zstd::decode_all(packed.as_slice()).unwrap()).unwrap();
    Some(path)
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let output = place.run(&[arguments, &["-o", "json"]].concat());
    assert!(output.status.success(), "{}", words(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_golden_store_of_this_schema_opens_answers_grows_and_is_purged() {
    let place = Place::new();
    let (made, version) = made(&place);
    let golden = folder().join(format!("schema-{version}.duckdb.zst"));
    if std::env::var("SPANSCOPE_GOLDEN").is_ok_and(|wish| wish == "write") && !golden.exists() {
        let packed = zstd::encode_all(std::fs::read(&made).unwrap().as_slice(), 19).unwrap();
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(&golden, packed).unwrap();
    }
    let path = kept(&place, version).expect("CONTRIBUTING.md says how to keep a store of this schema");
    let db = path.to_str().unwrap();
    // As one made now answers; costs follow the prices of now.
    for command in [&["ls"][..], &["stats"], &["show", "000000000000000000000000000000a1"], &["cost"]] {
        let [mut old, mut new] = [db, made.to_str().unwrap()].map(|db| json(&place, &[command, &["--db", db]].concat()));
        for answer in [&mut old, &mut new] {
            if let Some(stats) = answer.as_object_mut() {
                stats.remove("seconds");
            }
        }
        assert_eq!(old, new, "{command:?}");
    }
    let stats = json(&place, &["stats", "--db", db]);
    let count = |key: &str| stats[key].as_u64().unwrap();
    let lines = ["lines", "span", "other", "rejected", "blank"].map(count);
    assert_eq!((lines, count("interactions")), ([6, 3, 1, 1, 1], 3));
    let shown = json(&place, &["show", "000000000000000000000000000000a2", "--db", db]);
    assert_eq!(
        shown["spans"][0]["messages"][0]["parts"][0]["text"],
        "Is the annual plan refundable?"
    );
    assert_eq!(shown["spans"][0]["response"][0]["parts"][0]["text"], "No. 返金不可");

    let more = place.path("more.jsonl");
    let now = jiff::Timestamp::now().to_string();
    let line = LOG.lines().next().unwrap();
    std::fs::write(&more, line.replace("00a1", "00b1").replace("2026-05-01T10:00:00Z", &now) + "\n").unwrap();
    let rows = json(&place, &["ls", more.to_str().unwrap(), "--db", db]);
    assert_eq!(rows.as_array().unwrap().len(), 4);
    let purged = place.run(&["purge", "--older-than", "1d", "--db", db]);
    assert!(purged.status.success(), "{}", words(&purged));
    assert!(String::from_utf8_lossy(&purged.stdout).starts_with("3 interactions and "));
    assert_eq!(place.stats(db), (7, 1, 1));
    let shown = json(&place, &["show", "000000000000000000000000000000b1", "--db", db]);
    assert_eq!(shown["spans"][0]["system"], "Be brief.");
}

#[test]
fn golden_stores_of_earlier_schemas_open_and_say_what_one_made_now_says() {
    let place = Place::new();
    let (made, version) = made(&place);
    let made = made.to_str().unwrap();
    for (path, old) in (UPGRADED..version).filter_map(|old| Some((kept(&place, old)?, old))) {
        let db = path.to_str().unwrap();
        for command in [
            &["ls"][..],
            &["ls", "-f", "span(finding:truncated refundable)"],
            // What rows say of their spans, asked before every row does.
            &["ls", "-f", "kind:llm has:prompt input>0 model:* -(tool:no_such* or output:5..6)"],
            &["cost"],
            &["show", "000000000000000000000000000000a2"],
        ] {
            let [then, now] = [db, made].map(|db| json(&place, &[command, &["--db", db]].concat()));
            assert_eq!(then, now, "{command:?} of schema {old}");
            assert_ne!(now, serde_json::json!([]), "{command:?} finds something");
        }
        let found = json(&place, &["ls", "-f", "span(finding:truncated refundable)", "--db", db]);
        assert_eq!(found.as_array().unwrap().len(), 1);
    }
    // Purged before anybody opened it.
    let path = kept(&place, UPGRADED).unwrap();
    let db = path.to_str().unwrap();
    let purged = place.run(&["purge", "--older-than", "1d", "--db", db]);
    assert!(purged.status.success(), "{}", words(&purged));
    assert_eq!(json(&place, &["ls", "--db", db]), serde_json::json!([]));
}

#[test]
fn golden_stores_of_older_schemas_are_known_as_ours() {
    let place = Place::new();
    let version = UPGRADED;
    let log = place.path("app.jsonl");
    std::fs::write(&log, LOG).unwrap();
    for (path, old) in (0..version).filter_map(|old| Some((kept(&place, old)?, old))) {
        let db = path.to_str().unwrap();
        let output = place.run(&["ls", "--db", db]);
        assert!(
            words(&output).contains(&format!("an older version (schema {old}")),
            "{}",
            words(&output)
        );
        let output = place.run(&["ingest", log.to_str().unwrap(), "--db", db]);
        assert!(
            output.status.success() && words(&output).contains("built anew"),
            "{}",
            words(&output)
        );
        assert_eq!(place.stats(db), (6, 4, 3));
    }
}
