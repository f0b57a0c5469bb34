//! Questions over ten million spans: the newest page, a page by cost, a user's interactions, the cost panel.
//!
//! `cargo bench --bench queries -- [--spans N] [--quick] [--store PATH] [--rate SPANS_A_SECOND]`. With a rate so many
//! spans arrive while the questions are asked. With a path the store is made there and kept; one that is there already
//! is asked as it is. The first answer stands apart: later ones may rest on what was found out then.

#[path = "support/spans.rs"]
mod spans;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use spanscope::model::column::Column;
use spanscope::model::filter::{Field, Filter, Pattern};
use spanscope::model::moment::Clock;
use spanscope::model::query::{CostKey, Page, Query, Reply, Sort, Window};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

const ROUNDS: usize = 30;
/// While spans arrive a checkpoint comes about every quarter of a minute: so many rounds that each question meets its share of them.
const ROUNDS_LIVE: usize = 120;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let asked = arguments
        .iter()
        .position(|argument| argument == "--spans")
        .and_then(|at| arguments.get(at + 1)?.parse().ok());
    let count: u64 = asked.unwrap_or(if quick { 200_000 } else { 10_000_000 });
    let dir = tempfile::tempdir()?;
    let given = arguments
        .iter()
        .position(|argument| argument == "--store")
        .and_then(|at| arguments.get(at + 1));
    let path = given.map_or_else(|| dir.path().join("spans.duckdb"), PathBuf::from);
    let known = path.exists();
    let open = || {
        let options = Options::new(Arc::new(Prices::default()), dir.path().to_owned());
        Store::open(Location::File(path.clone()), options, |_| {}, |problem| eprintln!("{problem}"))
    };
    let begun = Instant::now();
    if !known {
        let store = open()?;
        spans::fill(&store, count)?;
        store.close();
    }
    println!(
        "{count} spans stored in {:.1} s, {:.0} MB",
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
        limit: 1_000,
    };
    let over_time = |filter| Query::Timeline {
        filter,
        window: Window::default(),
        most: 120,
    };
    let trace = spans::part(count / 2).trace;
    let clock = Clock {
        now: spans::NOON,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut questions = vec![
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
        ("cost by user", costs(CostKey::User)),
        ("cost by session", costs(CostKey::Session)),
        ("cost by service", costs(CostKey::Service)),
        (
            "trend, all judged",
            Query::Trend {
                by: CostKey::Feature,
                filter: Filter::All,
                window: Window::default(),
                steps: 24,
                limit: 1_000,
            },
        ),
        (
            "page of anomalies",
            page(Filter::Is(Field::Finding, Pattern("anomaly".to_owned())), Column::Time),
        ),
        ("over time", over_time(Filter::All)),
        ("over time, a user", over_time(user.clone())),
        ("open one trace", Query::Trace(trace)),
    ];
    // Of what spans are and say, of nothing, and of nearly all.
    for text in [
        "feature:feature_7",
        "session:c_4170",
        "model:claude*",
        "status:error",
        "kind:tool",
        "tool:search_docs",
        "tool:nothing",
        "input>7900",
        "took>8s -user:u_1*",
        "span(kind:llm input>7990)",
        "child(tool:search_docs)",
    ] {
        questions.push((text, page(Filter::parse(text, &clock)?, Column::Time)));
    }
    let most = Filter::parse("-user:u_1*", &clock)?;
    let window = Window::default();
    questions.push(("count of -user:u_1*", Query::Count { filter: most, window }));
    let rate: u64 = arguments
        .iter()
        .position(|argument| argument == "--rate")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(0);
    let stop = Arc::new(AtomicBool::new(false));
    let traffic = {
        let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
            return Err("the store does not say what it holds".into());
        };
        let (stop, batches, first) = (Arc::clone(&stop), store.intake(), stats.spans);
        std::thread::spawn(move || spans::traffic(&batches, &spans::source(), first, rate, &stop))
    };
    println!("{:<26} {:>9} {:>9} {:>9}", "question", "first ms", "p50 ms", "p95 ms");
    for (name, query) in questions {
        let rounds = if rate > 0 { ROUNDS_LIVE } else { ROUNDS };
        let mut times: Vec<f64> = Vec::with_capacity(rounds);
        for _ in 0..=rounds {
            if rate > 0 {
                // As often as a screen asks: in between something arrives.
                std::thread::sleep(Duration::from_millis(100));
            }
            let begun = Instant::now();
            let reply = store.ask_now(query.clone());
            times.push(begun.elapsed().as_secs_f64() * 1e3);
            if let Reply::Failed(error) = reply {
                return Err(error.into());
            }
        }
        let first = times.remove(0);
        times.sort_by(f64::total_cmp);
        println!(
            "{name:<26} {first:>9.1} {:>9.1} {:>9.1}",
            times[times.len() / 2],
            times[times.len() * 95 / 100]
        );
    }
    stop.store(true, Ordering::Relaxed);
    traffic.join().map_err(|_| "the traffic ended early")?;
    store.close();
    Ok(())
}
