//! The invented traffic is read like anybody's, and has something of everything in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use spanscope::demo;
use spanscope::derive::derive;
use spanscope::formats;
use spanscope::model::framing::Framing;
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::{Part, SpanKind, StartFrom, Status, TraceKey};
use spanscope::model::trace::{FindingKind, Trace};
use spanscope::pricing::Prices;

const NOON: i64 = 1_790_000_000_000_000_000;

pub fn traces(count: u64) -> Vec<Trace> {
    let lines: Vec<String> = (0..count)
        .flat_map(|n| demo::interaction(n, NOON + n as i64 * demo::PACE))
        .collect();
    let bytes = (lines.join("\n") + "\n").into_bytes();
    let source = SourceInfo {
        id: 1,
        uri: "demo.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: NOON,
        order: Order::Random,
    };
    let batch = formats::parse(&Block {
        source: Arc::new(source),
        offset: 0,
        bytes,
        identity: Identity::default(),
        omitted: 0,
        framing: Framing::Lines,
        turn: spanscope::model::turn::Turn::default(),
        fallback: (NOON, StartFrom::File),
        dialect: None,
    });
    assert_eq!((batch.tally.rejected, batch.tally.other), (0, 0));
    let mut groups: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
    for part in batch.parts {
        groups.entry(part.trace).or_default().push(part);
    }
    let prices = Prices::embedded();
    groups.into_values().map(|parts| derive(parts, &prices)).collect()
}

#[test]
fn the_demo_shows_whole_trees_with_costs_and_something_to_find() {
    let traces = traces(400);
    assert_eq!(traces.len(), 400);
    for trace in &traces {
        let row = &trace.row;
        assert!(row.cost.is_some() && row.unpriced_calls == 0, "{:?} has a price", row.models);
        assert!(row.feature.is_some() && row.user.is_some() && row.session.is_some());
        assert!(!row.ask.is_empty() && !row.answer.is_empty());
        assert_eq!(trace.spans.iter().filter(|span| span.depth == 0).count(), 1, "one root");
        assert_eq!(trace.spans[0].part.kind, SpanKind::Request);
        assert_eq!(row.retrievals, 1);
        assert!(row.duration.is_some_and(|took| took < 20_000_000_000));
    }
    let with = |kind| traces.iter().filter(|trace| trace.row.findings.has(kind)).count();
    for kind in [
        FindingKind::ToolError,
        FindingKind::Truncated,
        FindingKind::HotTemperature,
        FindingKind::ContextNearlyFull,
    ] {
        assert!((2..100).contains(&with(kind)), "{kind:?}: {}", with(kind));
    }
    assert_eq!(with(FindingKind::MissingParent) + with(FindingKind::Conflict), 0);
    assert!(traces.iter().any(|trace| trace.row.status != Status::Error));
    assert_eq!(demo::interaction(7, NOON), demo::interaction(7, NOON), "invented once");
}
