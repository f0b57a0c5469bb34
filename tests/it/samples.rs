//! The story of the sample logs is there to be found: what `sample-data/README.md` says, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use spanscope::derive::{derive, steps};
use spanscope::formats;
use spanscope::model::content::Slot;
use spanscope::model::filter::{Filter, Subject};
use spanscope::model::framing::Framing;
use spanscope::model::moment::Clock;
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::{Part, SpanKind, StartFrom, TraceKey};
use spanscope::model::trace::{FindingKind, Trace};
use spanscope::model::usage::{Cost, CostBasis};
use spanscope::pricing::Prices;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data");
/// 2026-11-23T09:00:00Z, the morning after.
const NOW: i64 = 1_795_424_400_000_000_000;

/// Every part of every sample, by interaction.
fn parts() -> BTreeMap<TraceKey, Vec<Part>> {
    let mut traces: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
    let files = walkdir::WalkDir::new(ROOT).sort_by_file_name().into_iter().map(Result::unwrap);
    for (id, file) in files
        .filter(|file| file.path().extension().is_some_and(|e| e == "jsonl"))
        .enumerate()
    {
        let info = SourceInfo {
            id: u32::try_from(id).unwrap(),
            uri: file.path().display().to_string(),
            device: 0,
            inode: 0,
            generation: 0,
            file_time: NOW,
            order: Order::Random,
        };
        let batch = formats::parse(&Block {
            source: Arc::new(info),
            identity: Identity::default(),
            offset: 0,
            bytes: std::fs::read(file.path()).unwrap(),
            omitted: 0,
            framing: Framing::Lines,
            turn: spanscope::model::turn::Turn::default(),
            fallback: (NOW, StartFrom::File),
            dialect: None,
        });
        assert_eq!(batch.tally.rejected, 0, "{}", file.path().display());
        for part in batch.parts {
            traces.entry(part.trace).or_default().push(part);
        }
    }
    traces
}

fn traces() -> Vec<Trace> {
    let prices = Prices::embedded();
    parts().into_values().map(|parts| derive(parts, &prices)).collect()
}

fn matching<'a>(traces: &'a [Trace], filter: &str) -> Vec<&'a Trace> {
    let clock = Clock {
        now: 0,
        zone: jiff::tz::TimeZone::UTC,
    };
    let filter = Filter::parse(filter, &clock).unwrap();
    let prices = Prices::embedded();
    let matches = |trace: &&Trace| {
        filter.matches(&Subject {
            steps: &steps(trace, &prices),
            ..Subject::of(&trace.row)
        })
    };
    traces.iter().filter(matches).collect()
}

#[test]
fn five_steps_lead_from_the_complaint_to_its_cause() {
    let traces = traces();
    // 1. Who and when: one interaction of the user in the afternoon.
    let of_user = matching(&traces, "user:u_9912");
    assert_eq!(of_user.len(), 2);
    let story = of_user.into_iter().find(|trace| trace.row.trace_id.starts_with("6f1d")).unwrap();
    assert_eq!(
        (story.row.feature.as_deref(), story.row.start / 1_000_000_000),
        (Some("support_chat"), 1_795_359_731),
        "15:02:11 on the day before"
    );
    // 2. The exact prompt is there, and the answer the user saw.
    let calls: Vec<_> = story.spans.iter().filter(|s| s.part.kind == SpanKind::Llm).collect();
    assert_eq!(calls.len(), 2);
    let prompt = Slot::System.bit() | Slot::Message.bit();
    assert!(calls.iter().all(|s| s.part.slots & prompt == prompt));
    assert!(story.row.answer.contains("cancelled at any time"), "{}", story.row.answer);
    // 3. The first of three documents is two years old, and the answer says what it says.
    let all = parts();
    let pieces = all[&story.row.trace]
        .iter()
        .filter(|p| p.kind == SpanKind::Retrieval)
        .flat_map(|p| &p.contents);
    let documents: Vec<&str> = pieces
        .filter(|piece| piece.slot == Slot::Document)
        .map(|piece| &*piece.body)
        .collect();
    assert_eq!(documents.len(), 3);
    assert!(documents[0].contains("cancelled at any time"), "{}", documents[0]);
    let everything = format!("{:?}", all[&story.row.trace]);
    assert!(everything.contains("2024-03-02") && !everything.contains("cancel-2026"));
    // 4. The window was far from full.
    assert_eq!(calls[1].part.usage.total_input(), Some(1_371));
    assert!(!story.row.findings.has(FindingKind::ContextNearlyFull));
    // 5. It ran hot, and nothing else of the feature did.
    let hot = |trace: &&Trace| trace.row.findings.has(FindingKind::HotTemperature);
    let feature = matching(&traces, "feature:support_chat");
    assert!(feature.len() > 10);
    assert_eq!(
        feature.into_iter().filter(hot).map(|t| &t.row.trace_id).collect::<Vec<_>>(),
        [&story.row.trace_id]
    );
    // And what it cost.
    assert_eq!(
        (story.row.cost.unwrap().decimal(), story.row.cost_basis),
        ("0.007326".into(), CostBasis::Computed)
    );
    // Later the same question found the page that holds.
    let later = traces.iter().find(|trace| trace.row.trace_id.starts_with("77aa")).unwrap();
    assert!(later.row.answer.contains("After the first 14 days"), "{}", later.row.answer);
    assert!(format!("{:?}", all[&later.row.trace]).contains("cancel-2026"));
}

#[test]
fn the_logs_show_what_their_readme_promises() {
    let traces = traces();
    assert_eq!(traces.len(), 51);
    let finding = |kind| traces.iter().filter(|trace| trace.row.findings.has(kind)).count();
    assert_eq!(finding(FindingKind::Truncated), 1, "a truncated answer");
    assert_eq!(finding(FindingKind::Error), 1, "a timeout");
    assert_eq!(finding(FindingKind::ToolError), 1, "a tool that failed");
    assert_eq!(finding(FindingKind::Unpriced), 1, "a model without a price");
    assert_eq!(
        FindingKind::ALL.iter().filter(|kind| finding(**kind) > 0).count(),
        6,
        "and hot temperature and prompts that were not logged, nothing else"
    );
    // The seed's example: recomputed, since its record says 0.0.
    let seed = traces.iter().find(|trace| trace.row.trace_id == "abc123").unwrap();
    assert_eq!(
        (seed.row.cost, seed.row.cost_basis),
        (Some(Cost(24_000_000_000)), CostBasis::Recomputed)
    );
    // The warning about the billing agent names the cost of the call just before it.
    let warned = traces.iter().find(|trace| trace.row.cost == Cost::from_decimal("0.06618"));
    assert_eq!(warned.unwrap().row.feature.as_deref(), Some("billing_agent"));
    // The sums in the README's picture.
    let mut by_feature: BTreeMap<&str, Option<Cost>> = BTreeMap::new();
    for row in traces.iter().map(|trace| &trace.row) {
        let sum = by_feature.entry(row.feature.as_deref().unwrap()).or_default();
        *sum = [*sum, row.cost].into_iter().flatten().reduce(std::ops::Add::add);
    }
    let sums = by_feature.iter().map(|(feature, cost)| {
        let cost = cost.map_or_else(|| "unknown".to_owned(), Cost::decimal);
        format!("{feature} {cost}")
    });
    insta::assert_snapshot!(sums.collect::<Vec<_>>().join("\n"));
}
