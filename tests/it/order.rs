//! Any order of arrival gives the same answer, to the byte: blocks of the samples, shuffled, through a real store.

use std::sync::Arc;

use spanscope::model::content::Contents;
use spanscope::model::framing::Framing;
use spanscope::model::query::{Page, Query, Reply, Sort, Window};
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo};
use spanscope::model::span::{SpanKey, StartFrom};
use spanscope::pricing::Prices;
use spanscope::report::{self, Output};
use spanscope::store::{Location, Options, Store};

/// Blocks of about `size` bytes of every sample file, cut at line starts.
fn blocks(size: usize) -> Vec<Block> {
    let mut files: Vec<_> = walkdir::WalkDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data"))
        .into_iter()
        .map(Result::unwrap)
        .filter(|e| e.path().extension().is_some_and(|e| e == "jsonl"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    files.sort();
    let mut blocks = Vec::new();
    for (id, path) in files.iter().enumerate() {
        let bytes = std::fs::read(path).unwrap();
        let info = Arc::new(SourceInfo {
            id: id as u32,
            uri: path.file_name().unwrap().to_string_lossy().into_owned(),
            device: 1,
            inode: id as u64,
            generation: 0,
            file_time: 1_795_000_000_000_000_000,
            order: Order::Random,
        });
        let mut start = 0;
        while start < bytes.len() {
            let rest = &bytes[start..];
            let end = rest
                .iter()
                .enumerate()
                .position(|(i, b)| *b == b'\n' && i + 1 >= size)
                .map_or(rest.len(), |i| i + 1);
            blocks.push(Block {
                source: Arc::clone(&info),
                identity: Identity {
                    anchor_end: (start + end) as u64,
                    ..Identity::default()
                },
                offset: start as u64,
                bytes: rest[..end].to_vec(),
                omitted: 0,
                framing: Framing::Lines,
                turn: spanscope::model::turn::Turn::default(),
                fallback: (info.file_time, StartFrom::File),
                dialect: None,
            });
            start += end;
        }
    }
    blocks
}

/// `ls -o json` and every `show -o json` of a store filled with these batches in this order.
fn everything(batches: Vec<Batch>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let prices = Arc::new(Prices::embedded());
    let options = Options {
        memory: 256 << 20,
        ..Options::new(Arc::clone(&prices), folder.path().to_owned())
    };
    let store = Store::open(Location::Temporary, options, |_| {}, |problem| panic!("{problem}")).unwrap();
    for batch in batches {
        store.intake().send(batch).unwrap();
        store.flush().unwrap();
    }
    let mut text = Vec::new();
    let query = Query::Interactions {
        filter: Default::default(),
        window: Window::default(),
        sort: Sort::default(),
        page: Page::First,
        limit: u32::MAX,
    };
    let Reply::Interactions { rows, .. } = store.ask_now(query) else {
        panic!("no rows")
    };
    let zone = jiff::tz::TimeZone::UTC;
    let look = report::Look {
        width: 120,
        color: false,
        now: 0,
        zone,
    };
    report::interactions(&rows, Output::Json, &look, &mut text).unwrap();
    for row in &rows {
        let Reply::Trace(Some(trace)) = store.ask_now(Query::Trace(row.trace)) else {
            panic!("no trace")
        };
        let Reply::Contents(contents): Reply = store.ask_now(Query::Contents {
            trace: row.trace,
            span: None,
        }) else {
            panic!("no contents")
        };
        let contents: Vec<(SpanKey, Contents)> = contents;
        let name = |id: u32| format!("source-{id}");
        report::trace(&trace, &contents, &prices, &name, Output::Json, &mut text).unwrap();
    }
    store.close();
    String::from_utf8(text).unwrap()
}

#[test]
fn blocks_in_any_order_give_the_same_bytes() {
    let straight = everything(blocks(1 << 30).iter().map(spanscope::formats::parse).collect());
    assert!(straight.contains("abc123"));
    let mut seed = 7_u64;
    for size in [1, 3_000] {
        let mut batches: Vec<Batch> = blocks(size).iter().map(spanscope::formats::parse).collect();
        // Fisher–Yates with a fixed generator, so that a failure can be seen again.
        for i in (1..batches.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            batches.swap(i, (seed >> 33) as usize % (i + 1));
        }
        assert!(
            everything(batches) == straight,
            "blocks of {size} bytes in another order give another answer"
        );
    }
}
