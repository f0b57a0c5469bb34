//! Spans by the million: a seeded generator that feeds batches to the store. As JSONL ten million would be 67 GB. Four spans an
//! interaction, forty interactions open at a time, as in live traffic.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spanscope::model::record::{Batch, Identity, Order, SourceInfo, Tally};
use spanscope::model::span::{Origin, Part, SpanKind, StartFrom, Status, TraceKey};
use spanscope::model::usage::{Convention, Cost, Usage};
use spanscope::store::{Intake, Store};

/// When the first span begins.
pub const NOON: i64 = 1_790_000_000_000_000_000;
const SPANS_EACH: u64 = 4;
/// Interactions whose spans interleave.
const OPEN: u64 = 40;
const LENGTH: u64 = 700;
/// A tailer looks about as often.
const ARRIVALS_APART: Duration = Duration::from_millis(50);

fn mix(n: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes())
}

/// The `n`th record of the log.
pub fn part(n: u64) -> Part {
    let (group, within) = (n / (OPEN * SPANS_EACH), n % (OPEN * SPANS_EACH));
    let (interaction, step) = (group * OPEN + within % OPEN, within / OPEN);
    let trace_id = format!("{:016x}{:016x}", mix(interaction), interaction);
    let start = NOON + i64::try_from(n).unwrap_or_default() * 20_000_000;
    let random = mix(n ^ 0xabcd);
    let llm = step == 1 || step == 3;
    let part = Part {
        trace: TraceKey::of(&trace_id, ""),
        trace_id,
        span_id: format!("{n:016x}"),
        kind: [SpanKind::Request, SpanKind::Llm, SpanKind::Tool, SpanKind::Llm][step as usize],
        name: ["answer", "plan", "search_docs", "write"][step as usize].to_owned(),
        start,
        start_from: StartFrom::Logged,
        end: Some(start + i64::try_from(random % 9_000_000_000).unwrap_or_default()),
        ended: true,
        status: if random.is_multiple_of(97) { Status::Error } else { Status::Ok },
        dialect: Cow::Borrowed("flat"),
        origin: Origin {
            source: 0,
            generation: 0,
            offset: n * LENGTH,
            length: 699,
            ordinal: 0,
            hash: random,
        },
        ..Part::default()
    };
    match step {
        0 => Part {
            feature: Some(format!("feature_{}", mix(interaction ^ 1) % 40)),
            user: Some(format!("u_{}", mix(interaction ^ 2) % 20_000)),
            session: Some(format!("c_{}", interaction / 5)),
            service: Some("shop".to_owned()),
            ..part
        },
        _ if llm => Part {
            parent_id: Some(format!("{:016x}", n - step * OPEN)),
            response_model: Some(["claude-sonnet-4-6", "gpt-5-mini", "claude-haiku-4-5"][(random % 3) as usize].to_owned()),
            usage: Usage {
                input: Some(random % 8000),
                output: Some(random % 900),
                ..Usage::default()
            },
            convention: Convention::Exclusive,
            cost_logged: Some(Cost(i128::from(random % 90_000_000_000))),
            ask: "refund for an invoice".to_owned(),
            answer: "I can help with that".to_owned(),
            ..part
        },
        _ => Part {
            parent_id: Some(format!("{:016x}", n - step * OPEN)),
            tool_name: Some("search_docs".to_owned()),
            ..part
        },
    }
}

/// The source all of it comes from.
pub fn source() -> Arc<SourceInfo> {
    Arc::new(SourceInfo {
        id: 0,
        uri: "generated".to_owned(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: NOON,
        order: Order::Random,
    })
}

/// These records as one batch.
pub fn batch(source: &Arc<SourceInfo>, records: Range<u64>) -> Batch {
    let count = records.end - records.start;
    Batch {
        source: Arc::clone(source),
        identity: Identity {
            anchor_end: records.end * LENGTH,
            ..Identity::default()
        },
        range: records.start * LENGTH..records.end * LENGTH,
        parts: records
            .map(|n| {
                let mut part = part(n);
                part.origin.source = source.id;
                part
            })
            .collect(),
        others: Vec::new(),
        rejects: Vec::new(),
        tally: Tally {
            lines: count,
            span: count,
            ..Tally::default()
        },
    }
}

/// The first so many records go into the store.
pub fn fill(store: &Store, spans: u64) -> Result<(), String> {
    let (source, batches) = (source(), store.intake());
    // A multiple of a group, so that a batch's interactions are whole but for live traffic at its edge.
    let each = 100 * OPEN * SPANS_EACH;
    let mut from = 0;
    while from < spans {
        let to = (from + each).min(spans);
        batches.send(batch(&source, from..to)).map_err(|error| error.to_string())?;
        from = to;
    }
    store.flush()
}

/// Sends so many records a second, from the `first` on, until told to stop.
pub fn traffic(batches: &Intake, source: &Arc<SourceInfo>, first: u64, rate: u64, stop: &AtomicBool) {
    let (begun, mut at) = (Instant::now(), first);
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(ARRIVALS_APART);
        let to = first + (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        if to > at && batches.send(batch(source, at..to)).is_err() {
            return;
        }
        at = to;
    }
}
