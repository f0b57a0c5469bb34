//! Questions over ten million spans: the newest page, a page by cost, a user's interactions, the cost panel.
//!
//! `cargo bench --bench queries -- [--spans N] [--quick]`. As JSONL so many spans would be 67 GB: a seeded generator feeds batches
//! to the store instead. Four spans an interaction, forty interactions open at a time, as in live traffic.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use spanscope::model::column::Column;
use spanscope::model::filter::{Field, Filter, Pattern};
use spanscope::model::query::{CostKey, Page, Query, Reply, Sort, Window};
use spanscope::model::record::{Batch, Identity, Order, SourceInfo, Tally};
use spanscope::model::span::{Origin, Part, SpanKind, StartFrom, Status, TraceKey};
use spanscope::model::usage::{Convention, Cost, Usage};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

const NOON: i64 = 1_790_000_000_000_000_000;
const SPANS_EACH: u64 = 4;
/// Interactions whose spans interleave.
const OPEN: u64 = 40;
const LENGTH: u64 = 700;
const ROUNDS: usize = 30;

fn mix(n: u64) -> u64 {
    xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes())
}

/// The `n`th record of the log.
fn part(n: u64) -> Part {
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

fn fill(store: &Store, spans: u64) -> Result<(), String> {
    let info = SourceInfo {
        id: 0,
        uri: "generated".to_owned(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: NOON,
        order: Order::Random,
    };
    let (source, batches) = (Arc::new(info), store.intake());
    // A multiple of a group, so that a batch's interactions are whole but for live traffic at its edge.
    let each = 100 * OPEN * SPANS_EACH;
    let mut from = 0;
    while from < spans {
        let to = (from + each).min(spans);
        let batch = Batch {
            source: Arc::clone(&source),
            identity: Identity {
                anchor_end: to * LENGTH,
                ..Identity::default()
            },
            range: from * LENGTH..to * LENGTH,
            parts: (from..to).map(part).collect(),
            others: Vec::new(),
            rejects: Vec::new(),
            tally: Tally {
                lines: to - from,
                span: to - from,
                ..Tally::default()
            },
        };
        batches.send(batch).map_err(|error| error.to_string())?;
        from = to;
    }
    store.flush()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let asked = arguments
        .iter()
        .position(|argument| argument == "--spans")
        .and_then(|at| arguments.get(at + 1)?.parse().ok());
    let spans: u64 = asked.unwrap_or(if quick { 200_000 } else { 10_000_000 });
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("spans.duckdb");
    let open = || {
        let options = Options::new(Arc::new(Prices::default()), dir.path().to_owned());
        Store::open(Location::File(path.clone()), options, |_| {}, |problem| eprintln!("{problem}"))
    };
    let begun = Instant::now();
    let store = open()?;
    fill(&store, spans)?;
    store.close();
    println!(
        "{spans} spans stored in {:.1} s, {:.0} MB",
        begun.elapsed().as_secs_f64(),
        path.metadata()?.len() as f64 / 1e6
    );
    let begun = Instant::now();
    let store = open()?;
    println!("opened again in {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);

    let page = |filter: Filter, key: Column| Query::Interactions {
        filter,
        window: Window::default(),
        sort: Sort { key, descending: true },
        page: Page::First,
        limit: 60,
    };
    let user = Filter::Is(Field::User, Pattern("u_417".to_owned()));
    let costs = |by| Query::Costs {
        by,
        filter: Filter::All,
        window: Window::default(),
        anomalies: false,
    };
    let over_time = |filter| Query::Timeline {
        filter,
        window: Window::default(),
        most: 120,
    };
    let trace = part(spans / 2).trace;
    let questions = [
        ("newest page", page(Filter::All, Column::Time)),
        ("page by cost", page(Filter::All, Column::Cost)),
        ("page by feature", page(Filter::All, Column::Feature)),
        ("page by model", page(Filter::All, Column::Model)),
        ("page by question", page(Filter::All, Column::Ask)),
        ("filter by user", page(user.clone(), Column::Time)),
        (
            "count of a user",
            Query::Count {
                filter: user.clone(),
                window: Window::default(),
            },
        ),
        ("cost by feature", costs(CostKey::Feature)),
        ("cost by model", costs(CostKey::Model)),
        ("over time", over_time(Filter::All)),
        ("over time, a user", over_time(user.clone())),
        ("open one trace", Query::Trace(trace)),
    ];
    println!("{:<18} {:>9} {:>9}", "question", "p50 ms", "p95 ms");
    for (name, query) in questions {
        let mut times: Vec<f64> = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            let reply = store.ask_now(query.clone());
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            if let Reply::Failed(error) = reply {
                return Err(error.into());
            }
        }
        times.sort_by(f64::total_cmp);
        println!("{name:<18} {:>9.1} {:>9.1}", times[ROUNDS / 2], times[ROUNDS * 95 / 100]);
    }
    store.close();
    Ok(())
}
