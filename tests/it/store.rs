//! The store on a real database: what goes in comes out, once, in any order, for one owner.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use spanscope::derive::derive;
use spanscope::model::anomaly::{Baseline, Judging, Rule};
use spanscope::model::column::Column;
use spanscope::model::content::{Form, Piece, Slot};
use spanscope::model::filter::{Comparison, Field, Filter, Pattern};
use spanscope::model::json::Json;
use spanscope::model::query::{CostKey, CostRow, Cursor, Page, Query, RejectRow, Reply, SessionCursor, Sort, Stats, Ticket, Trend, Window};
use spanscope::model::record::{Batch, Identity, Order, Other, Receipt, Reject, SourceInfo, Tally};
use spanscope::model::span::{Inferred, Origin, Part, SpanKey, SpanKind, StartFrom, Status, TraceKey};
use spanscope::model::trace::{Interaction, Trace};
use spanscope::model::usage::{Convention, Cost, CostBasis, Usage};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store, StoreError};

const HOUR: i64 = 3_600_000_000_000;
pub(super) const NOON: i64 = 1_790_000_000_000_000_000;

fn options(cache: &Path) -> Options {
    Options::new(Arc::new(Prices::default()), cache.to_owned())
}

fn open(path: &Path) -> Store {
    open_with(path, |_| {})
}

fn open_with(path: &Path, on_commit: impl FnMut(Receipt) + Send + 'static) -> Store {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let cache = path.parent().unwrap().join("cache");
    Store::open(Location::File(path.to_owned()), options(&cache), on_commit, |problem| {
        panic!("{problem}")
    })
    .unwrap()
}

pub(super) fn source(id: u32) -> Arc<SourceInfo> {
    Arc::new(SourceInfo {
        id,
        uri: format!("logs/app-{id}.jsonl"),
        device: u64::MAX,
        inode: u64::MAX - 1,
        generation: 2,
        file_time: NOON,
        order: Order::Random,
    })
}

pub(super) fn batch(source: &Arc<SourceInfo>, range: std::ops::Range<u64>, parts: Vec<Part>) -> Batch {
    let lines = parts.len() as u64;
    Batch {
        source: Arc::clone(source),
        identity: Identity {
            head_length: 10,
            head_hash: u64::MAX,
            anchor_end: range.end,
            anchor_hash: range.end ^ 77,
        },
        range,
        parts,
        others: Vec::new(),
        rejects: Vec::new(),
        tally: Tally {
            lines,
            span: lines,
            dialects: BTreeMap::from([("test".to_owned(), lines)]),
            ..Tally::default()
        },
    }
}

pub(super) fn piece(slot: Slot, role: &str, form: Form, body: &str) -> Piece {
    Piece {
        slot,
        role: role.to_owned().into(),
        form,
        body: body.to_owned(),
    }
}

/// A call that stands at `offset` of source 1; everything not given here is plain.
pub(super) fn call(trace: &str, span: &str, offset: u64, start: i64) -> Part {
    let key = TraceKey::of(trace, "logs/app-1.jsonl");
    Part {
        trace: key,
        trace_id: trace.to_owned(),
        span_id: span.to_owned(),
        kind: SpanKind::Llm,
        start,
        start_from: StartFrom::Logged,
        end: Some(start + 1_000_000),
        ended: true,
        dialect: Cow::Borrowed("test"),
        origin: Origin {
            source: 1,
            generation: 2,
            offset,
            length: 9,
            ordinal: 0,
            hash: offset * 31,
        },
        ..Part::default()
    }
}

/// Every field says something, and says it with hostile text where text is allowed.
fn full() -> Part {
    let evil = |word: &str| format!("{word} \u{0}\u{1b}[31m'\"\\ \u{202e}é\n");
    Part {
        parent_id: Some(evil("parent")),
        name: evil("name"),
        time_to_first_token: Some(-5),
        status: Status::Error,
        error: Some(evil("error")),
        provider: Some(evil("provider")),
        request_model: Some(evil("asked")),
        response_model: Some(evil("answered")),
        params: Some(Json::parse(r#"{"temperature":0.70,"b":[1e400]}"#).unwrap()),
        stop_reason: Some(String::new()),
        usage: Usage {
            input: Some(u64::MAX),
            cache_read: Some(0),
            cache_write: Some(3),
            cache_write_1h: Some(4),
            output: Some(5),
            reasoning: Some(6),
        },
        convention: Convention::Exclusive,
        cost_logged: Some(Cost(123_456_789_012_345_678_901)),
        feature: Some(evil("feature")),
        user: Some(evil("user")),
        session: Some(evil("session")),
        service: Some(evil("service")),
        tool_name: Some(evil("tool")),
        tool_call_id: Some(evil("call")),
        ask: evil("ask"),
        answer: evil("answer"),
        tool_calls: vec![evil("a"), "b".to_owned()],
        documents: Some(2),
        slots: Slot::Message.bit() | Slot::Response.bit(),
        attributes: Some(Json::parse(r#"{"z":1,"a":"\ud83d\ude00"}"#).unwrap()),
        contents: vec![
            piece(Slot::System, "", Form::Text, &evil("system")),
            piece(Slot::Message, "user", Form::Text, "twice"),
            piece(Slot::Message, &evil("role"), Form::Text, "twice"),
            piece(Slot::Response, "assistant", Form::Text, "Annual plans are refundable."),
        ],
        inferred: Inferred::END.and(Inferred::REPAIRED),
        dialect: Cow::Borrowed("anything"),
        origin: Origin {
            source: 1,
            generation: 2,
            offset: u64::MAX >> 8,
            length: u32::MAX,
            ordinal: 7,
            hash: u64::MAX,
        },
        ..call("4bf92f3577b34da6a3ce929d0e0e4736", "a1", 0, NOON)
    }
}

fn rows(reply: Reply) -> (Vec<Interaction>, bool) {
    match reply {
        Reply::Interactions { rows, more } => (rows, more),
        other => panic!("{other:?}"),
    }
}

fn list(store: &Store, filter: Filter, sort: Sort, page: Page, limit: u32) -> (Vec<Interaction>, bool) {
    rows(store.ask_now(Query::Interactions {
        filter,
        window: Window::default(),
        sort,
        page,
        limit,
    }))
}

fn all(store: &Store) -> Vec<Interaction> {
    list(store, Filter::All, Sort::default(), Page::First, u32::MAX).0
}

fn stats(store: &Store) -> Stats {
    match store.ask_now(Query::Stats) {
        Reply::Stats(stats) => *stats,
        other => panic!("{other:?}"),
    }
}

pub(super) fn fill(store: &Store, batches: Vec<Batch>) {
    let sender = store.intake();
    for batch in batches {
        sender.send(batch).unwrap();
    }
    store.flush().unwrap();
}

/// History comes in large blocks, whose rows are written before their transaction ends: a trace that lies in several of them and was begun
/// earlier is one interaction with each of its spans once, now and after the store was opened again.
#[test]
fn a_trace_over_several_blocks_of_history_is_one_interaction() {
    const BLOCK: u64 = 4 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spans.duckdb");
    let store = open(&path);
    let (intake, source) = (store.intake(), source(1));
    let spans = |block: u64| {
        let at = |n: u64| block * BLOCK + n * 10;
        let usage = Usage {
            input: Some(100),
            ..Usage::default()
        };
        ["old", "new"]
            .into_iter()
            .zip(0..)
            .map(|(trace, n)| Part {
                usage,
                ..call(trace, &format!("{trace}-{block}"), at(n), NOON + i64::try_from(at(n)).unwrap())
            })
            .collect::<Vec<_>>()
    };
    let first: Vec<Part> = spans(0).into_iter().take(1).collect();
    intake.send(batch(&source, 0..100, first)).unwrap();
    store.flush().unwrap();
    for block in 1..4 {
        intake
            .send(batch(&source, block * BLOCK..(block + 1) * BLOCK, spans(block)))
            .unwrap();
    }
    store.flush().unwrap();
    let counted = |store: &Store| {
        let mut rows: Vec<(String, u32, Option<u64>)> = all(store)
            .into_iter()
            .map(|row| (row.trace_id, row.spans, row.usage.input))
            .collect();
        rows.sort();
        rows
    };
    let expected = vec![("new".to_owned(), 3, Some(300)), ("old".to_owned(), 4, Some(400))];
    assert_eq!(counted(&store), expected);
    let Reply::Trace(Some(trace)) = store.ask_now(Query::Trace(TraceKey::of("old", "logs/app-1.jsonl"))) else {
        panic!("the trace is there");
    };
    assert_eq!(trace.spans.iter().map(|span| span.origins.len()).collect::<Vec<_>>(), [1; 4]);
    store.close();
    assert_eq!(counted(&open(&path)), expected);
}

#[test]
fn every_field_comes_back_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.duckdb");
    let part = full();
    let bare = Part {
        contents: Vec::new(),
        ..part.clone()
    };
    let expected = derive(vec![bare], &Prices::default());
    for restarted in [false, true] {
        let store = open(&path);
        if !restarted {
            fill(&store, vec![batch(&source(1), 0..100, vec![part.clone()])]);
        }
        let Reply::Trace(Some(trace)) = store.ask_now(Query::Trace(part.trace)) else {
            panic!()
        };
        assert_eq!(*trace, expected);
        // Sums are kept in 63 bits: only a figure no model ever logged is cut, only in the list, and an amount then says that it is more.
        let mut row = expected.row.clone();
        row.usage.input = row.usage.input.map(|tokens| tokens.min(i64::MAX.unsigned_abs()));
        let most = Some(Cost(i64::MAX.into()));
        (row.cost, row.cost_logged, row.cost_basis) = (most, most, CostBasis::LowerBound);
        assert_eq!(all(&store), [row]);
        let Reply::Contents(contents) = store.ask_now(Query::Contents {
            trace: part.trace,
            span: None,
        }) else {
            panic!()
        };
        assert_eq!(contents.len(), 1);
        assert_eq!(contents[0].0, SpanKey::of(part.trace, "a1"));
        assert_eq!(contents[0].1.messages.len(), 2);
        assert_eq!(contents[0].1.system.as_deref(), Some(part.contents[0].body.as_str()));
        let one = store.ask_now(Query::Contents {
            trace: part.trace,
            span: Some(contents[0].0),
        });
        assert_eq!(one, Reply::Contents(contents));
        assert_eq!(
            store.ask_now(Query::Find { prefix: "4BF9".to_owned() }),
            Reply::Found(vec![(part.trace, part.trace_id.clone())])
        );
        assert_eq!(store.ask_now(Query::Find { prefix: "bf9".to_owned() }), Reply::Found(Vec::new()));
        assert_eq!(store.ask_now(Query::Trace(TraceKey(1))), Reply::Trace(None));
        store.close();
    }
}

#[test]
fn the_order_of_batches_does_not_matter() {
    let parts: Vec<Part> = (0..40u64)
        .map(|n| {
            let mut part = call(
                &format!("{:032x}", n % 7),
                &format!("s{}", n % 20),
                n * 10,
                NOON + (n as i64 * 7919) % 1000,
            );
            part.usage.input = Some(n);
            part.feature = (n % 3 == 0).then(|| format!("f{n}"));
            part.contents = vec![piece(Slot::Message, "user", Form::Text, &format!("words {}", n / 2))];
            part
        })
        .collect();
    let blocks: Vec<Batch> = parts
        .chunks(5)
        .enumerate()
        .map(|(n, parts)| batch(&source(1), n as u64 * 50..n as u64 * 50 + 50, parts.to_vec()))
        .collect();
    let view = |order: &[usize]| {
        let dir = tempfile::tempdir().unwrap();
        let store = open(&dir.path().join("s.duckdb"));
        for index in order {
            // A commit each: every order of arrival is a different history of rewritten traces.
            fill(&store, vec![blocks[*index].clone()]);
        }
        let rows = all(&store);
        let traces: Vec<Reply> = rows.iter().map(|row| store.ask_now(Query::Trace(row.trace))).collect();
        let contents: Vec<Reply> = rows
            .iter()
            .map(|row| {
                store.ask_now(Query::Contents {
                    trace: row.trace,
                    span: None,
                })
            })
            .collect();
        let costs = store.ask_now(Query::Costs {
            by: CostKey::Feature,
            filter: Filter::All,
            window: Window::default(),
            limit: usize::MAX,
        });
        let trend = store.ask_now(trend(CostKey::Feature));
        let found = stats(&store);
        assert_eq!(found.spans, rows.iter().map(|row| u64::from(row.spans)).sum::<u64>());
        (rows, traces, contents, (costs, trend), found)
    };
    let forward = view(&[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(forward.0.len(), 7);
    assert_eq!(view(&[7, 6, 5, 4, 3, 2, 1, 0]), forward);
    assert_eq!(view(&[3, 0, 7, 1, 6, 2, 5, 4]), forward);
}

#[test]
fn a_restart_resumes_and_nothing_is_read_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.duckdb");
    let block = |n: u64| batch(&source(1), n * 100..n * 100 + 100, vec![call(&format!("t{n}"), "s", n * 100, NOON)]);
    let store = open(&path);
    assert_eq!((store.next_source_id().unwrap(), store.resume().unwrap()), (0, Vec::new()));
    fill(&store, vec![block(5), block(1), block(0)]);
    fill(&store, vec![block(1), block(0), block(0)]);
    store.close();

    let store = open(&path);
    let resume = store.resume().unwrap();
    assert_eq!(resume.len(), 1);
    assert_eq!(resume[0].info, *source(1));
    assert_eq!(resume[0].covered, [0..200, 500..600]);
    assert_eq!(resume[0].identity.anchor_end, 600, "the file is recognised at the largest end");
    assert_eq!(
        (store.next_source_id().unwrap(), store.source(1).unwrap(), store.source(0).unwrap()),
        (2, Some((*source(1)).clone()), None)
    );
    fill(&store, vec![block(5), block(2)]);
    let found = stats(&store);
    assert_eq!((found.interactions, found.spans, found.bytes), (4, 4, 400));
    assert_eq!((found.tally.lines, found.tally.span, found.tally.dialects["test"]), (4, 4, 4));

    let next = Arc::new(SourceInfo {
        generation: 3,
        ..(*source(1)).clone()
    });
    fill(&store, vec![batch(&next, 0..50, Vec::new())]);
    let resume = store.resume().unwrap();
    let covered: Vec<_> = resume
        .iter()
        .map(|resume| (resume.info.generation, resume.covered.as_slice()))
        .collect();
    assert_eq!(
        covered,
        [(2, [0..300, 500..600].as_slice()), (3, [0..50].as_slice())],
        "a copy may go on with either"
    );
    assert_eq!(
        stats(&store)
            .sources
            .iter()
            .map(|source| (source.generation, source.bytes))
            .collect::<Vec<_>>(),
        [(2, 400), (3, 50)]
    );
}

#[test]
fn piled_up_coverage_is_merged_and_still_exact() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.duckdb");
    let store = open(&path);
    let blocks = (0..200u64)
        .rev()
        .map(|n| batch(&source(1), n * 10..n * 10 + 10, vec![call("t", &n.to_string(), n * 10, NOON)]));
    fill(&store, blocks.collect());
    assert_eq!(stats(&store).tally.lines, 200);
    store.close();
    let store = open(&path);
    assert_eq!(store.resume().unwrap()[0].covered, [0..2000]);
    let found = stats(&store);
    assert_eq!(
        (found.tally.lines, found.bytes, found.spans, found.interactions),
        (200, 2000, 200, 1)
    );
}

fn rejects(store: &Store, sources: &[u32], page: Page<Origin>, limit: u32) -> Vec<RejectRow> {
    match store.ask_now(Query::Rejects {
        sources: sources.to_vec(),
        page,
        limit,
    }) {
        Reply::Rejects { rows, .. } => rows,
        other => panic!("{other:?}"),
    }
}

/// Pages forward and backward through thousands, by source, come to the same rows in the same order; a list holds only beginnings.
#[test]
fn rejects_are_paged_by_source() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let mut batches = Vec::new();
    for id in 1..4 {
        for generation in 0..2 {
            let mut info = (*source(id)).clone();
            info.generation = generation;
            let mut one = batch(&Arc::new(info), 0..100_000, Vec::new());
            one.rejects = (0..500)
                .map(|line| Reject {
                    origin: Origin {
                        source: id,
                        generation,
                        offset: line * 200,
                        length: 3_000_000,
                        ordinal: 0,
                        hash: line,
                    },
                    reason: "not JSON",
                    detail: String::new(),
                    bytes: vec![b'a' + (line % 26) as u8; 2_000],
                })
                .collect();
            one.tally = Tally {
                lines: 500,
                rejected: 500,
                ..Tally::default()
            };
            batches.push(one);
        }
    }
    fill(&store, batches);
    let mut expected: Vec<(u32, u32, u64)> = [1, 3]
        .into_iter()
        .flat_map(|id| (0..2).flat_map(move |generation| (0..500).map(move |line| (id, generation, line * 200))))
        .collect();
    expected.reverse();
    let place = |row: &RejectRow| (row.origin.source, row.origin.generation, row.origin.offset);
    let mut forward: Vec<RejectRow> = rejects(&store, &[3, 1], Page::First, 70);
    while let Some(last) = forward.last().map(|row| row.origin) {
        let next = rejects(&store, &[3, 1], Page::After(last), 70);
        if next.is_empty() {
            break;
        }
        forward.extend(next);
    }
    assert_eq!(forward.iter().map(place).collect::<Vec<_>>(), expected);
    assert!(forward.iter().all(|row| row.bytes.len() == 256));
    let mut backward: Vec<RejectRow> = rejects(&store, &[3, 1], Page::Last, 70);
    while let Some(first) = backward.first().map(|row| row.origin) {
        let mut before = rejects(&store, &[3, 1], Page::Before(first), 70);
        if before.is_empty() {
            break;
        }
        before.append(&mut backward);
        backward = before;
    }
    assert_eq!(backward, forward);
    let third = forward[2].origin;
    let from = rejects(&store, &[3, 1], Page::From(third), 2);
    assert_eq!(from.iter().map(place).collect::<Vec<_>>(), expected[2..4]);
    let Reply::Reject(Some(whole)) = store.ask_now(Query::Reject(third)) else {
        panic!("it is there")
    };
    assert_eq!((whole.origin, whole.bytes.len()), (third, 2_000));
    let absent = Origin { source: 9, ..third };
    assert_eq!(store.ask_now(Query::Reject(absent)), Reply::Reject(None));
}

/// A run that was stopped while it read backwards leaves a gap: it is told, and a line end that was stepped over is none.
#[test]
fn what_was_not_read_before_the_last_line_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let one = |range| batch(&source(1), range, vec![full()]);
    fill(&store, vec![one(500..600), one(600..800), one(801..900)]);
    let found = stats(&store);
    let source = &found.sources[0];
    assert_eq!((source.id, source.bytes, source.end, source.unread), (1, 399, 900, 500));
    fill(&store, vec![one(0..500)]);
    assert_eq!(stats(&store).sources[0].unread, 0);
}

#[test]
fn rejects_and_other_lines_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let origin = |offset| Origin {
        source: 1,
        generation: 2,
        offset,
        length: 4,
        ordinal: 0,
        hash: 9,
    };
    let reject = |offset| Reject {
        origin: origin(offset),
        reason: "not JSON",
        detail: "at 1".to_owned(),
        bytes: b"\xff\x00{".to_vec(),
    };
    let mut one = batch(&source(1), 0..100, Vec::new());
    one.rejects = vec![reject(0), reject(50)];
    one.others = vec![Other {
        origin: origin(70),
        at: NOON,
        dialect: Cow::Borrowed("generic"),
        text: "{}".to_owned(),
    }];
    one.tally = Tally {
        lines: 4,
        other: 1,
        rejected: 2,
        blank: 1,
        rejects: BTreeMap::from([("not JSON".to_owned(), 2)]),
        ..Tally::default()
    };
    let tally = one.tally.clone();
    fill(&store, vec![one]);
    assert_eq!(stats(&store).tally, tally);
    let found = rejects(&store, &[], Page::First, 1);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].origin, found[0].uri.as_str()), (origin(50), "logs/app-1.jsonl"));
    assert_eq!(
        (found[0].reason.as_str(), found[0].detail.as_str(), found[0].bytes.as_slice()),
        ("not JSON", "at 1", &b"\xff\x00{"[..])
    );
}

#[test]
fn one_owner_and_private_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er/s.duckdb");
    let store = open(&path);
    let again = Store::open(Location::File(path.clone()), options(dir.path()), |_| {}, |_| {});
    let Err(StoreError::InUse { holder, .. }) = again else {
        panic!("a second owner")
    };
    assert!(holder.starts_with(&format!("process {} on ", std::process::id())), "{holder}");
    fill(&store, vec![batch(&source(1), 0..10, vec![full()])]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for entry in path.parent().unwrap().read_dir().unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            assert_eq!(mode(&entry.path()), 0o600, "{:?}", entry.path());
        }
    }
    store.close();
    open(&path).close();
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "not a database, and long enough to be read as one's header: ".repeat(400)).unwrap();
    let refused = |path: &Path| Store::open(Location::File(path.to_owned()), options(dir.path()), |_| {}, |_| {}).err();
    assert!(matches!(refused(&text), Some(StoreError::Foreign { .. })), "{:?}", refused(&text));
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("not a database"));
    let other = dir.path().join("other.duckdb");
    duckdb::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE mine (a INT)")
        .unwrap();
    assert!(matches!(refused(&other), Some(StoreError::Foreign { .. })), "{:?}", refused(&other));
    let newer = dir.path().join("newer.duckdb");
    open(&newer).close();
    duckdb::Connection::open(&newer)
        .unwrap()
        .execute_batch("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
        .unwrap();
    assert!(matches!(refused(&newer), Some(StoreError::NewerSchema { .. })));
    std::fs::create_dir(dir.path().join("folder")).unwrap();
    assert!(refused(&dir.path().join("folder")).is_some());
}

#[test]
fn what_spans_were_called_on_the_way_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spans.duckdb");
    let source = source(1);
    let named = |filter: &str| Filter::Is(Field::Name, Pattern(filter.to_owned()));
    let count = |store: &Store, filter: Filter| match store.ask_now(Query::Count {
        filter,
        window: Window::default(),
    }) {
        Reply::Count(count) => count,
        other => panic!("{other:?}"),
    };
    for run in 0..2 {
        let store = open(&path);
        // Each commit gives the interaction a name that it had not.
        for n in (run * 20)..(run * 20 + 20) {
            let part = Part {
                name: format!("step {n}"),
                ..call("t", &format!("s{n}"), n * 10, NOON)
            };
            store.intake().send(batch(&source, n * 10..n * 10 + 10, vec![part])).unwrap();
            store.flush().unwrap();
        }
        assert_eq!(
            (count(&store, named("step 3")), count(&store, named("step 39"))),
            (1, run),
            "run {run}"
        );
        store.close();
        let connection = duckdb::Connection::open(&path).unwrap();
        let rows = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
        assert_eq!(rows("SELECT count(*) FROM shape WHERE field = 'name'"), run * 20 + 20);
        assert_eq!(rows("SELECT count(DISTINCT id) FROM shape"), 1);
    }
}

#[test]
fn a_temporary_store_leaves_nothing_and_sweeps_the_abandoned() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    let abandoned = cache.join("store-abandoned");
    std::fs::create_dir_all(&abandoned).unwrap();
    std::fs::write(abandoned.join("spans.duckdb"), "left over").unwrap();
    let temporary = || Store::open(Location::Temporary, options(&cache), |_| {}, |problem| panic!("{problem}")).unwrap();
    let (one, two) = (temporary(), temporary());
    assert!(!abandoned.exists());
    let stores = || {
        cache
            .read_dir()
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir())
            .count()
    };
    assert_eq!(stores(), 2, "a store in use is not swept");
    fill(&one, vec![batch(&source(1), 0..10, vec![call("t", "s", 0, NOON)])]);
    assert_eq!((all(&one).len(), all(&two).len()), (1, 0));
    one.close();
    two.close();
    assert_eq!(stores(), 0);
}

#[test]
fn receipts_count_up_and_name_the_traces() {
    let dir = tempfile::tempdir().unwrap();
    let receipts = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&receipts);
    let store = open_with(&dir.path().join("s.duckdb"), move |receipt| sink.lock().unwrap().push(receipt));
    let part = call("t", "s", 0, NOON);
    fill(&store, vec![batch(&source(1), 0..10, vec![part.clone()])]);
    fill(&store, vec![batch(&source(1), 10..30, vec![call("t", "s2", 10, NOON + 1)])]);
    let receipts = receipts.lock().unwrap();
    let seen: Vec<_> = receipts
        .iter()
        .map(|r| (r.sequence, r.lines, r.bytes, r.traces.clone(), r.interactions))
        .collect();
    assert_eq!(seen, [(1, 1, 10, vec![part.trace], 1), (2, 1, 20, vec![part.trace], 1)]);
}

#[test]
fn the_newest_question_of_a_slot_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let (sender, answers) = std::sync::mpsc::channel();
    for ticket in 0..20 {
        let sender = sender.clone();
        let query = Query::Count {
            filter: Filter::All,
            window: Window::default(),
        };
        store.ask(
            3,
            Ticket(ticket),
            query,
            Box::new(move |ticket, reply| sender.send((ticket, reply)).unwrap()),
        );
    }
    drop(sender);
    let answers: BTreeMap<Ticket, Reply> = (0..20).map(|_| answers.recv().unwrap()).collect();
    assert_eq!(answers.len(), 20, "every question is answered once");
    assert_eq!(answers[&Ticket(19)], Reply::Count(0));
    assert!(answers.values().all(|reply| matches!(reply, Reply::Count(0) | Reply::Interrupted)));
}

/// Interactions with many ties and unknowns.
fn varied(count: u64) -> Vec<Part> {
    (0..count)
        .map(|n| {
            let mut part = call(&format!("t{n}"), "s", n * 10, NOON + ((n * 7) % 5) as i64);
            part.end = (n % 4 != 0).then_some(part.start + (n % 6) as i64);
            part.cost_logged = (n % 3 != 0).then(|| Cost(i128::from(n % 5) * 1_000_000_000));
            part.usage.input = (n % 2 == 0).then_some(n % 7);
            part.feature = (n % 5 != 0).then(|| ["Billing", "billing_v2", "süß", "100%"][n as usize % 4].to_owned());
            part.user = (n % 6 != 0).then(|| format!("u_{}", n % 4));
            part.session = (n % 7 != 0).then(|| format!("s_{}", n % 11));
            part.response_model = (n % 4 != 1).then(|| format!("model-{}", n % 3));
            part.status = if n % 8 == 0 { Status::Error } else { Status::Ok };
            part.contents = vec![piece(
                Slot::Message,
                "user",
                Form::Text,
                ["Cancellation Policy", "K\u{212a} ÉTÉ été", "a_b%c", ""][n as usize % 4],
            )];
            part
        })
        .collect()
}

fn compare(a: &Cursor, b: &Cursor, sort: Sort) -> Ordering {
    let way = |order: Ordering| if sort.descending { order.reverse() } else { order };
    a.value
        .is_none()
        .cmp(&b.value.is_none())
        .then(way(a.value.cmp(&b.value)))
        .then(way((a.start, a.place).cmp(&(b.start, b.place))))
}

#[test]
fn pages_are_windows_of_the_sorted_list() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    fill(&store, vec![batch(&source(1), 0..1000, varied(60))]);
    let everything = all(&store);
    assert_eq!(everything.len(), 60);
    for sort in Column::ALL
        .iter()
        .flat_map(|key| [true, false].map(|descending| Sort { key: *key, descending }))
    {
        let mut sorted = everything.clone();
        sorted.sort_by(|a, b| compare(&Cursor::at(a, sort), &Cursor::at(b, sort), sort));
        let get = |page, limit| list(&store, Filter::All, sort, page, limit);
        assert_eq!(get(Page::First, u32::MAX), (sorted.clone(), false), "{sort:?}");
        assert_eq!(get(Page::First, 7), (sorted[..7].to_vec(), true), "{sort:?}");
        assert_eq!(get(Page::Last, 7), (sorted[53..].to_vec(), true), "{sort:?}");
        assert_eq!(get(Page::Last, 60), (sorted.clone(), false), "{sort:?}");
        for at in [0, 1, 17, 18, 19, 20, 39, 40, 41, 58, 59] {
            let cursor = Cursor::at(&sorted[at], sort);
            let end = |from: usize| (from + 5).min(60);
            assert_eq!(
                get(Page::After(cursor.clone()), 5),
                (sorted[at + 1..end(at + 1).max(at + 1)].to_vec(), at + 6 < 60),
                "after {at} {sort:?}"
            );
            assert_eq!(
                get(Page::From(cursor.clone()), 5),
                (sorted[at..end(at)].to_vec(), at + 5 < 60),
                "from {at} {sort:?}"
            );
            assert_eq!(
                get(Page::Before(cursor), 5),
                (sorted[at.saturating_sub(5)..at].to_vec(), at > 5),
                "before {at} {sort:?}"
            );
        }
    }
}

#[test]
fn what_is_counted_over_time_is_what_the_list_holds() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    // Two busy minutes a week apart, and one interaction before 1970.
    let mut parts = varied(300);
    for (n, part) in parts.iter_mut().enumerate() {
        let second = 1_000_000_000;
        let week = if n % 5 == 0 { 7 * 86_400 * second } else { 0 };
        part.start = if n == 299 {
            -1
        } else {
            NOON + (n as i64 * 37 % 120) * second / 2 + week
        };
    }
    fill(&store, vec![batch(&source(1), 0..4000, parts)]);
    let users = Filter::Is(Field::User, Pattern("u_*".to_owned()));
    let early = Window {
        since: Some(NOON),
        until: Some(NOON + 40_000_000_000),
    };
    for (filter, window) in [
        (Filter::All, Window::default()),
        (users, Window::default()),
        (Filter::All, early),
        (Filter::Is(Field::User, Pattern("nobody".to_owned())), Window::default()),
    ] {
        for most in [1, 2, 40, 120, 500] {
            let query = Query::Timeline {
                filter: filter.clone(),
                window,
                most,
            };
            let Reply::Timeline(line) = store.ask_now(query) else { panic!() };
            let query = Query::Interactions {
                filter: filter.clone(),
                window,
                sort: Sort::default(),
                page: Page::First,
                limit: u32::MAX,
            };
            let (rows, _) = rows(store.ask_now(query));
            assert!(line.bars.len() <= most.max(2) as usize, "{} bars for {most}", line.bars.len());
            let drawn = line.bars.iter().map(|bar| bar.interactions).sum::<u64>();
            assert_eq!(drawn + line.outside.0 + line.outside.1, rows.len() as u64);
            for (at, bar) in line.bars.iter().enumerate() {
                let inside: Vec<&Interaction> = rows.iter().filter(|row| line.bar_of(row.start) == Some(at)).collect();
                let known = inside.iter().filter_map(|row| row.cost).map(|cost| cost.0).reduce(|a, b| a + b);
                let errors = inside.iter().filter(|row| row.status == Status::Error).count();
                let open = inside
                    .iter()
                    .any(|row| row.unpriced_calls > 0 || row.cost_basis == CostBasis::LowerBound);
                assert_eq!(
                    (bar.interactions, bar.cost.map(|cost| cost.0), bar.errors, bar.at_least),
                    (inside.len() as u64, known, errors as u64, open),
                    "bar {at} of {most}"
                );
            }
        }
    }
    // What fills but a moment of all the time is seen in the steps of that moment.
    let query = Query::Timeline {
        filter: Filter::Is(Field::Trace, Pattern("t2*".to_owned())).and(
            Filter::Compare(Field::At, Comparison::Less, i128::from(NOON + 86_400_000_000_000)).and(Filter::Compare(
                Field::At,
                Comparison::Greater,
                0,
            )),
        ),
        window: Window::default(),
        most: 120,
    };
    let Reply::Timeline(line) = store.ask_now(query) else { panic!() };
    assert!(
        line.bars.len() > 50 && line.step <= 1_000_000_000,
        "{} bars of {} ns",
        line.bars.len(),
        line.step
    );
}

#[test]
fn one_wrong_clock_does_not_squeeze_the_strip_and_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let at = |n: u64| match n {
        // One in 1970, one in another century.
        0 => 1_000_000_000,
        1 => NOON + 80 * 365 * 86_400_000_000_000,
        n => NOON + n as i64 * 1_000_000_000,
    };
    let parts = (0..200).map(|n| call(&format!("t{n}"), "s", n * 10, at(n))).collect();
    fill(&store, vec![batch(&source(1), 0..4000, parts)]);
    let query = Query::Timeline {
        filter: Filter::All,
        window: Window::default(),
        most: 80,
    };
    let Reply::Timeline(line) = store.ask_now(query) else { panic!() };
    assert_eq!((line.outside, line.step), ((1, 1), 5_000_000_000));
    assert_eq!(line.bars.iter().map(|bar| bar.interactions).sum::<u64>(), 198);
    store.close();
}

#[test]
fn a_window_is_half_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let parts = (0..4).map(|n| call(&format!("t{n}"), "s", n * 10, NOON + n as i64)).collect();
    fill(&store, vec![batch(&source(1), 0..100, parts)]);
    let window = Window {
        since: Some(NOON + 1),
        until: Some(NOON + 3),
    };
    assert_eq!(
        store.ask_now(Query::Count {
            filter: Filter::All,
            window
        }),
        Reply::Count(2)
    );
}

/// What spend is, computed plainly from the rows of the list.
fn spend(rows: &[Interaction], key: impl Fn(&Interaction) -> Option<String>) -> Vec<CostRow> {
    let mut groups: BTreeMap<Option<String>, Vec<&Interaction>> = BTreeMap::new();
    for row in rows {
        groups.entry(key(row)).or_default().push(row);
    }
    let whole: i128 = rows.iter().filter_map(|row| row.cost).map(|cost| cost.0).sum();
    let mut spent: Vec<CostRow> = groups
        .into_iter()
        .map(|(key, rows)| {
            let mut costs: Vec<i128> = rows.iter().filter_map(|row| row.cost).map(|cost| cost.0).collect();
            costs.sort_unstable();
            let sum = |class: fn(&Usage) -> Option<u64>| rows.iter().filter_map(|row| class(&row.usage)).reduce(|a, b| a + b);
            let total: i128 = costs.iter().sum();
            let count = costs.len() as i128;
            let mean = (count > 0).then(|| {
                let (whole, rest) = (total / count, total % count);
                whole + i128::from(rest * 2 > count || (rest * 2 == count && whole % 2 == 1))
            });
            CostRow {
                key,
                calls: rows.iter().map(|row| u64::from(row.calls)).sum(),
                interactions: rows.len() as u64,
                usage: Usage {
                    input: sum(|usage| usage.input),
                    ..Usage::default()
                },
                cost: (count > 0).then_some(Cost(total)),
                share: (count > 0).then_some(total as f64 / whole as f64),
                cumulative_share: None,
                p50_cost: (count > 0).then(|| Cost(costs[(costs.len() - 1) / 2])),
                mean_cost: mean.map(Cost),
                cache_hit_ratio: None,
                unpriced_calls: rows.iter().map(|row| u64::from(row.unpriced_calls)).sum(),
                ..CostRow::default()
            }
        })
        .collect();
    spent.sort_by(|a, b| {
        b.cost
            .cmp(&a.cost)
            .then(a.key.is_none().cmp(&b.key.is_none()))
            .then(a.key.cmp(&b.key))
    });
    let mut so_far = 0;
    for row in &mut spent {
        so_far += row.cost.map_or(0, |cost| cost.0);
        row.cumulative_share = row.cost.map(|_| so_far as f64 / whole as f64);
    }
    spent
}

fn spent(rows: Vec<CostRow>) -> Reply {
    Reply::Costs(Box::new(super::app::spend(rows)))
}

#[test]
fn spend_agrees_with_plain_arithmetic() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    fill(&store, vec![batch(&source(1), 0..1000, varied(60))]);
    let costs = |by, filter: &Filter| {
        store.ask_now(Query::Costs {
            by,
            filter: filter.clone(),
            window: Window::default(),
            limit: usize::MAX,
        })
    };
    for filter in [Filter::All, Filter::Is(Field::User, Pattern("U_*".to_owned()))] {
        let rows = list(&store, filter.clone(), Sort::default(), Page::First, u32::MAX).0;
        // A user's filter leaves out those without a user.
        assert_eq!(rows.len(), if filter == Filter::All { 60 } else { 50 });
        assert_eq!(costs(CostKey::Feature, &filter), spent(spend(&rows, |row| row.feature.clone())));
        assert_eq!(costs(CostKey::User, &filter), spent(spend(&rows, |row| row.user.clone())));
        assert_eq!(costs(CostKey::Session, &filter), spent(spend(&rows, |row| row.session.clone())));
        assert_eq!(costs(CostKey::Service, &filter), spent(spend(&rows, |row| row.service.clone())));
        // One call an interaction here: by model is the same sum over those that have calls.
        let called: Vec<_> = rows.iter().filter(|row| row.calls > 0).cloned().collect();
        assert_eq!(
            costs(CostKey::Model, &filter),
            spent(spend(&called, |row| row.models.first().cloned()))
        );
    }
}

#[test]
fn the_dearest_are_told_and_the_total_has_the_others_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    fill(&store, vec![batch(&source(1), 0..1000, varied(60))]);
    for by in [CostKey::Feature, CostKey::User, CostKey::Session, CostKey::Model] {
        // An end of time is beyond what is kept; the other way is asked twice, so that it is.
        for until in [Some(i64::MAX), None, None] {
            let window = Window { since: None, until };
            let costs = |limit| match store.ask_now(Query::Costs {
                by,
                filter: Filter::All,
                window,
                limit,
            }) {
                Reply::Costs(spend) => *spend,
                other => panic!("{other:?}"),
            };
            let (all, some) = (costs(usize::MAX), costs(3));
            assert!(all.rows.len() > 3 && all.total.keys == all.rows.len(), "{by}: {:?}", all.total);
            assert_eq!((&some.rows[..], some.total), (&all.rows[..3], all.total), "{by}");
            let Reply::Trend(trend) = store.ask_now(Query::Trend {
                by,
                filter: Filter::All,
                window,
                steps: 4,
                limit: 3,
            }) else {
                panic!()
            };
            for mut row in some.rows {
                let cost = row.cost;
                trend.tell(&mut row);
                let sum = row.over_time.iter().flatten().copied().reduce(|a, b| a + b);
                assert_eq!(sum, cost, "{by}: {:?}", row.key);
            }
            if by != CostKey::Feature {
                assert_eq!(trend.rows.len(), 3, "{by}");
            }
        }
    }
}

#[test]
fn sessions_agree_with_plain_sums_and_every_page_goes_on_from_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    fill(&store, vec![batch(&source(1), 0..1000, varied(60))]);
    let ask = |filter: &Filter, page, limit| {
        let query = Query::Sessions {
            filter: filter.clone(),
            window: Window::default(),
            page,
            limit,
        };
        let Reply::Sessions { rows, more } = store.ask_now(query) else {
            panic!()
        };
        (rows, more)
    };
    for filter in [Filter::All, Filter::Is(Field::User, Pattern("U_*".to_owned()))] {
        let rows = list(&store, filter.clone(), Sort::default(), Page::First, u32::MAX).0;
        let all = super::app::conversations(rows.iter());
        assert!(all.len() > 5, "{}", all.len());
        assert_eq!(ask(&filter, Page::First, 100), (all.clone(), false));
        assert_eq!(ask(&filter, Page::First, 2), (all[..2].to_vec(), true));
        assert_eq!(ask(&filter, Page::Last, 2), (all[all.len() - 2..].to_vec(), true));
        for (at, row) in all.iter().enumerate() {
            let cursor = SessionCursor::at(row);
            let after = &all[at + 1..];
            assert_eq!(
                ask(&filter, Page::After(cursor.clone()), 2),
                (after[..after.len().min(2)].to_vec(), after.len() > 2)
            );
            let from = &all[at..];
            assert_eq!(
                ask(&filter, Page::From(cursor.clone()), 2),
                (from[..from.len().min(2)].to_vec(), from.len() > 2)
            );
            let before = &all[..at];
            assert_eq!(
                ask(&filter, Page::Before(cursor), 2),
                (before[at.saturating_sub(2)..].to_vec(), at > 2)
            );
        }
    }
    store.close();
}

#[test]
fn anomalies_are_judged_by_the_week_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let at = |n: u64, start: i64, cost: i128, feature: &str| Part {
        cost_logged: Some(Cost(cost)),
        feature: Some(feature.to_owned()),
        ..call(&format!("t{n}"), "s", n * 10, start)
    };
    // Twenty usual ones; then twice the usual exactly, just above it, and the same a week later when nothing is left to judge by.
    let mut parts: Vec<Part> = (0..20).map(|n| at(n, NOON + n as i64 * HOUR, 100, "a")).collect();
    parts.push(at(20, NOON + 30 * HOUR, 200, "a"));
    parts.push(at(21, NOON + 31 * HOUR, 201, "a"));
    parts.push(at(22, NOON + 400 * HOUR, 999, "a"));
    parts.extend((30..49).map(|n| at(n, NOON + n as i64, 100, "b")));
    parts.push(at(49, NOON + HOUR, 999, "b"));
    fill(&store, vec![batch(&source(1), 0..1000, parts)]);
    let found: BTreeMap<_, _> = told(&store, CostKey::Feature)
        .rows
        .iter()
        .map(|row| (row.key.clone().unwrap(), row.anomalies))
        .collect();
    assert_eq!(found, BTreeMap::from([("a".to_owned(), Some(1)), ("b".to_owned(), None)]));
    // By a key that is not the feature's the same interactions are dear.
    let dear = |by| told(&store, by).rows.iter().filter_map(|row| row.anomalies).sum::<u64>();
    for by in CostKey::ALL {
        assert_eq!(dear(*by), 1, "{by}");
    }
}

/// Whatever arrives after what: what is known from before and brought up to date is as if everything were judged now.
#[test]
fn judging_on_is_judging_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let ask = |window: Window| match store.ask_now(Query::Trend {
        by: CostKey::Feature,
        filter: Filter::All,
        window,
        steps: 5,
        limit: usize::MAX,
    }) {
        Reply::Trend(trend) => *trend,
        other => panic!("{other:?}"),
    };
    let (mut dear, mut rising) = (0, 0);
    for round in 0..40_u64 {
        // First forward, then what lies before, then anywhere.
        let from = match round {
            0..15 => round as i64 * 20,
            15..25 => -20 * round as i64,
            _ => random(600) as i64 - 300,
        };
        let count = if round % 5 == 0 { 180 } else { 1 + random(30) };
        let parts = (0..count).map(|n| {
            let n = round * 1_000 + n;
            // Some belong to an interaction that is there already, and change what it cost, or when it began.
            let trace = if random(4) == 0 { random(n + 1) / 1_000 * 1_000 } else { n };
            let feature = ["a", "b", "c"].get(random(4) as usize).map(|name| (*name).to_owned());
            let cost = if round % 5 == 0 && round > 0 {
                300
            } else {
                [90, 100, 110, 201, 230][random(5) as usize]
            };
            Part {
                cost_logged: (random(8) > 0).then_some(Cost(cost)),
                feature,
                ..call(
                    &format!("t{trace}"),
                    &format!("s{n}"),
                    n * 10,
                    NOON + from * HOUR + random(30) as i64 * 60_000_000_000,
                )
            }
        });
        fill(
            &store,
            vec![batch(&source(1), round * 10_000..(round + 1) * 10_000, parts.collect())],
        );
        for since in [None, Some(NOON), Some(NOON + 9 * HOUR), Some(NOON + 9_000 * HOUR)] {
            let anew = ask(Window {
                since,
                until: Some(i64::MAX),
            });
            assert_eq!(ask(Window { since, until: None }), anew, "round {round}, since {since:?}");
            dear += anew.rows.iter().filter_map(|row| row.anomalies).sum::<u64>();
            rising += anew.rows.iter().filter(|row| row.rising == Some(true)).count();
        }
    }
    assert!(dear > 100 && rising > 0, "{dear} {rising}");
}

/// Whatever arrives after what: the bars that are known and counted again where something changed are those that are counted now.
#[test]
fn bars_that_are_known_are_those_that_would_be_counted() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"));
    let mut seed = 11_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let ask = |since| match store.ask_now(Query::Timeline {
        filter: Filter::All,
        window: Window { since, until: None },
        most: 60,
    }) {
        Reply::Timeline(line) => *line,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(None), ask(Some(i64::MIN)));
    let mut errors = 0;
    for round in 0..40_u64 {
        // Mostly within two hours; now and then before or after all there was, so that steps change.
        let from = if round % 10 == 9 { (random(40) as i64 - 20) * HOUR } else { 0 };
        let parts = (0..=random(20)).map(|n| {
            let n = round * 100 + n;
            // Some belong to an interaction that is there already: it may begin earlier, cost more, or fail.
            let trace = if random(3) == 0 { random(n + 1) / 100 * 100 } else { n };
            Part {
                cost_logged: (random(8) > 0).then_some(Cost(100)),
                status: if random(5) == 0 { Status::Error } else { Status::Ok },
                ..call(
                    &format!("t{trace}"),
                    &format!("s{n}"),
                    n * 10,
                    NOON + from + random(7_200) as i64 * 1_000_000_000,
                )
            }
        });
        fill(&store, vec![batch(&source(1), round * 1_000..(round + 1) * 1_000, parts.collect())]);
        let anew = ask(Some(i64::MIN));
        assert_eq!(ask(None), anew, "round {round}");
        errors += anew.bars.iter().map(|bar| bar.errors).sum::<u64>();
    }
    assert!(errors > 100, "{errors}");
}

fn trend(by: CostKey) -> Query {
    Query::Trend {
        by,
        filter: Filter::All,
        window: Window::default(),
        steps: 4,
        limit: usize::MAX,
    }
}

fn told(store: &Store, by: CostKey) -> Trend {
    match store.ask_now(trend(by)) {
        Reply::Trend(trend) => *trend,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rolling_mean_is_judged_by_the_week_before_its_newest() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.duckdb"));
    let mut parts = Vec::new();
    // Per feature: forty usual ones of 100 a day before, then so many within an hour of so much each.
    for (number, (feature, count, cost)) in [("same", 20, 200), ("risen", 20, 201), ("few", 19, 999), ("young", 20, 999)]
        .into_iter()
        .enumerate()
    {
        let before = if feature == "young" { 0 } else { 40 };
        for n in 0..before + count {
            let id = (number * 100 + n) as u64;
            let recent = n >= before;
            let day = if recent { 24 * HOUR } else { 0 };
            parts.push(Part {
                cost_logged: Some(Cost(if recent { cost } else { 100 })),
                feature: Some(feature.to_owned()),
                ..call(&format!("t{id}"), "s", id * 10, NOON + day + n as i64 * 1_000_000_000)
            });
        }
    }
    fill(&store, vec![batch(&source(1), 0..10_000, parts)]);
    let found: BTreeMap<_, _> = told(&store, CostKey::Feature)
        .rows
        .iter()
        .map(|row| (row.key.clone().unwrap(), row.rising))
        .collect();
    let expected = [("few", None), ("risen", Some(true)), ("same", Some(false)), ("young", None)];
    let expected = BTreeMap::from(expected.map(|(name, rising)| (name.to_owned(), rising)));
    assert_eq!(found, expected);
    store.close();
}

#[test]
fn a_spike_is_told_with_those_who_show_it_and_what_the_log_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.duckdb");
    let prices = Arc::new(Prices::embedded());
    let judging = Judging {
        rule: Rule {
            minimum: 10,
            ..Rule::default()
        },
        saved: BTreeMap::from([(
            "young".to_owned(),
            Baseline {
                p50: Cost(1_000),
                samples: 400,
            },
        )]),
    };
    let options = Options {
        judging: Arc::new(judging),
        prices,
        ..options(&folder.path().join("cache"))
    };
    let store = Store::open(Location::File(path), options, |_| {}, |problem| panic!("{problem}")).unwrap();
    let one = |n: u64, start: i64, feature: &str, cost: i128| Part {
        cost_logged: Some(Cost(cost)),
        feature: Some(feature.to_owned()),
        contents: vec![
            piece(
                Slot::System,
                "system",
                Form::Text,
                if cost > 100_000 { "Be long." } else { "Be brief." },
            ),
            piece(Slot::Message, "user", Form::Text, "How much?"),
        ],
        request_model: None,
        ..call(&format!("{n:032x}"), "s", n * 10, start)
    };
    let mut parts: Vec<Part> = (0..40).map(|n| one(n, NOON + n as i64 * HOUR, "bill", 90_000)).collect();
    // Twice exactly is usual; more is not.
    parts.push(one(40, NOON + 40 * HOUR, "bill", 180_000));
    parts.extend((41..66).map(|n| one(n, NOON + 41 * HOUR + n as i64, "bill", 180_001)));
    parts.extend((66..69).map(|n| one(n, NOON + n as i64, "young", if n == 68 { 2_001 } else { 2_000 })));
    // A call that read from the cache, and one whose model has no price.
    let cached = |n: u64, model: &str| Part {
        request_model: Some(model.to_owned()),
        convention: Convention::Exclusive,
        usage: Usage {
            input: Some(0),
            cache_read: Some(1_000_000),
            cache_write: Some(100_000),
            output: Some(0),
            ..Usage::default()
        },
        cost_logged: None,
        ..one(n, NOON + n as i64, "cached", 0)
    };
    parts.extend([cached(70, "claude-sonnet-4-6"), cached(71, "nobody-knows")]);
    let mut all = batch(&source(1), 0..1000, parts);
    for (n, text) in [
        r#"{"message":"cost_anomaly","feature":"bill","cost":0.5,"baseline":0.1,"ratio":5}"#,
        r#"WARN {"extra":{"feature":"bill","cost":"0.25","baseline":0.125,"ratio":2.5}}"#,
        r#"{"feature":"young","cost":1,"baseline":0.1,"ratio":10}"#,
    ]
    .into_iter()
    .enumerate()
    {
        all.others.push(Other {
            origin: Origin {
                source: 1,
                generation: 2,
                offset: 900 + n as u64,
                ..Origin::default()
            },
            at: NOON + n as i64,
            dialect: "cost_anomaly".into(),
            text: text.to_owned(),
        });
    }
    fill(&store, vec![all]);
    let Reply::Spike(spike) = store.ask_now(Query::Spike {
        feature: Some("bill".to_owned()),
        window: Window::default(),
    }) else {
        panic!()
    };
    assert_eq!((spike.count, spike.priced, spike.first), (25, 66, Some(NOON + 41 * HOUR + 41)));
    // By then 24 dear ones are among those before it: the middle is still usual.
    assert_eq!(spike.baseline.map(|b| (b.p50, b.samples)), Some((Cost(90_000), 65)));
    assert_eq!(spike.hour, Some((Cost(180_001), true)));
    assert_eq!((spike.dear.len(), spike.usual.len()), (20, 41));
    assert!(spike.dear.iter().all(|peer| peer.trace.row.cost == Some(Cost(180_001))));
    assert!(spike.usual.iter().all(|peer| peer.trace.row.cost < Some(Cost(180_001))));
    let contents = &spike.dear[0].contents[0].1;
    assert_eq!((contents.system.as_deref(), contents.messages.len()), (Some("Be long."), 1));
    let logged: Vec<&str> = spike.logged.iter().map(|line| line.ratio.as_str()).collect();
    assert_eq!((spike.logged_count, logged), (2, vec!["2.5", "5"]));
    let trend = told(&store, CostKey::Feature);
    let row = |name: &str| trend.rows.iter().find(|row| row.key.as_deref() == Some(name)).unwrap();
    assert_eq!(
        (row("bill").anomalies, row("bill").logged_anomalies, row("bill").rising),
        (Some(25), Some(2), Some(true))
    );
    let spent: i128 = row("bill").spent.iter().flatten().map(|cost| cost.0).sum();
    assert_eq!((spent, row("bill").spent.len()), (40 * 90_000 + 180_000 + 25 * 180_001, 4));
    // A baseline from elsewhere judges a feature that has too few of its own.
    assert_eq!(row("young").anomalies, Some(1));
    let Reply::Baselines(baselines) = store.ask_now(Query::Baselines) else {
        panic!()
    };
    assert_eq!(baselines.keys().collect::<Vec<_>>(), ["bill"], "the others are too few");
    let Reply::Prompts { rows, more } = store.ask_now(Query::Prompts {
        filter: Filter::All,
        window: Window::default(),
        limit: 9,
    }) else {
        panic!()
    };
    // Each opens its users.
    for row in &rows {
        let users = Query::Count {
            filter: Filter::Is(Field::Prompt, Pattern(row.id.clone())),
            window: Window::default(),
        };
        assert_eq!(store.ask_now(users), Reply::Count(row.interactions), "{}", row.text);
    }
    let brief = &rows[1];
    assert_eq!(
        (rows.len(), more, rows[0].text.as_str(), rows[0].interactions),
        (2, false, "Be long.", 26)
    );
    assert_eq!((brief.features.join(" "), brief.interactions), ("bill cached young".to_owned(), 45));
    let Reply::Costs(spend) = store.ask_now(Query::Costs {
        by: CostKey::Feature,
        filter: Filter::Is(Field::Feature, Pattern("cached".to_owned())),
        window: Window::default(),
        limit: usize::MAX,
    }) else {
        panic!()
    };
    // A million tokens read at 0.30 instead of 3.00, a tenth written at 3.75.
    assert_eq!(
        (spend.rows[0].saved.map(Cost::decimal).as_deref(), spend.rows[0].saved_unknown),
        (Some("2.625"), true)
    );
    store.close();
}

#[test]
fn peers_are_those_that_a_person_would_open_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("a.duckdb"));
    let mut parts = Vec::new();
    for number in 0..40_u64 {
        let start = NOON + (number as i64 % 13) * 20 * HOUR;
        let id = format!("{number:032x}");
        let mut root = Part {
            feature: (number % 5 != 4).then(|| format!("f{}", number % 3)),
            ..call(&id, "root", number * 100, start)
        };
        root.contents = vec![
            piece(Slot::System, "system", Form::Text, &format!("system {}", number % 2)),
            piece(Slot::Message, "user", Form::Text, "a question"),
        ];
        let search = Part {
            kind: SpanKind::Retrieval,
            parent_id: Some("root".into()),
            documents: Some(1),
            contents: vec![piece(
                Slot::Document,
                "",
                Form::Json,
                &format!(r#"{{"id":"d{number}","content":"body"}}"#),
            )],
            ..call(&id, "search", number * 100 + 50, start + HOUR)
        };
        parts.extend([root, search]);
    }
    fill(&store, vec![batch(&source(1), 0..5_000, parts)]);
    let everything = all(&store);
    let open = |row: &Interaction| {
        let Reply::Trace(Some(trace)) = store.ask_now(Query::Trace(row.trace)) else {
            panic!()
        };
        let Reply::Contents(mut contents) = store.ask_now(Query::Contents {
            trace: row.trace,
            span: None,
        }) else {
            panic!()
        };
        for (_, contents) in &mut contents {
            contents.messages.clear();
        }
        contents.sort_by_key(|(key, _)| *key);
        (*trace, contents)
    };
    for one in &everything {
        for (within, limit) in [(HOUR, 100), (100 * HOUR, 100), (i64::MAX / 4, 3)] {
            let mut expected: Vec<&Interaction> = everything
                .iter()
                .filter(|row| row.feature.is_some() && row.feature == one.feature)
                .filter(|row| row.start < one.start && row.start >= one.start - within)
                .collect();
            let more = expected.len() > limit;
            expected.truncate(limit);
            let Reply::Peers(peers) = store.ask_now(Query::Peers {
                trace: one.trace,
                within,
                limit: limit as u32,
            }) else {
                panic!()
            };
            assert_eq!(peers.more, more);
            let found: Vec<_> = peers
                .rows
                .into_iter()
                .map(|mut peer| {
                    peer.contents.sort_by_key(|(key, _)| *key);
                    (peer.trace, peer.contents)
                })
                .collect();
            assert_eq!(found, expected.into_iter().map(open).collect::<Vec<_>>(), "{}", one.trace_id);
        }
    }
    store.close();
}

#[test]
fn the_turn_before_is_the_nearest_with_messages_however_long_ago() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("a.duckdb"));
    let called = |id: &str, span: &str, offset: u64, start: i64, session: Option<String>, messages: bool| Part {
        session,
        slots: if messages { Slot::Message.bit() } else { Slot::System.bit() },
        ..call(id, span, offset, start)
    };
    let mut parts = Vec::new();
    for number in 0..80_u64 {
        // Many at one moment, some within the hour, some of the same day, some of the month before.
        let start = NOON + (number as i64 * 7 % 19) * [0, HOUR / 40, 3 * HOUR, 40 * HOUR][number as usize % 4];
        let session = (number % 9 != 0).then(|| format!("s_{}", number % 5));
        let id = format!("{number:032x}");
        parts.push(called(&id, "first", number * 100, start, session, number % 3 == 0));
        parts.push(called(&id, "last", number * 100 + 50, start + 5, None, number % 4 != 2));
    }
    // So long a row without any messages is not gone through to its end.
    for number in 0..36_u64 {
        let session = Some("s_blind".to_owned());
        let id = format!("{:032x}", 1_000 + number);
        parts.push(called(
            &id,
            "only",
            50_000 + number * 100,
            NOON + number as i64,
            session,
            number == 0,
        ));
    }
    fill(&store, vec![batch(&source(1), 0..90_000, parts)]);
    let traces: Vec<Trace> = all(&store)
        .iter()
        .map(|row| match store.ask_now(Query::Trace(row.trace)) {
            Reply::Trace(Some(trace)) => *trace,
            other => panic!("{other:?}"),
        })
        .collect();
    let mut found = 0;
    for trace in &traces {
        let own = &trace.row;
        let expected = super::conversation::earlier(traces.iter(), own.trace);
        let blind = own.session.as_deref() == Some("s_blind") && own.start > NOON + 32;
        found += usize::from(expected.is_some() && !blind);
        let Reply::Earlier(earlier) = store.ask_now(Query::Earlier(own.trace)) else {
            panic!()
        };
        assert_eq!(earlier.map(|earlier| *earlier), expected.filter(|_| !blind), "{}", own.trace_id);
    }
    assert!(found > 50, "{found}");
    assert_eq!(store.ask_now(Query::Earlier(TraceKey(1))), Reply::Earlier(None), "it is not there");
    store.close();
}
