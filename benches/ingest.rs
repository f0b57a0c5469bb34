//! What ingest costs, each figure beside its budget: the engine's own `read_json` in the same run, live rows, first rows, memory, size.
//!
//! `cargo bench --bench ingest -- [--quick] [--report] [--only NAME,…] [--rounds N] [--lines N]`; names are flat, otlp, live, first, memory,
//! idle and size. `--quick` takes seconds and a small share of everything; `--report` writes `benches/REPORT.md`.

#[path = "support/budget.rs"]
mod budget;
#[path = "support/logs.rs"]
mod logs;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/process.rs"]
mod process;
#[path = "support/seed.rs"]
mod seed;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use budget::Budgets;
use pipeline::Failure;
use seed::Seed;
use spanscope::model::column::Column;
use spanscope::model::filter::Filter;
use spanscope::model::query::{Page, Query, Reply, Sort, Window};
use terminal::Terminal;

type Outcome = Result<(), Failure>;

/// The peer for flat lines.
const READ_JSON: &str = "CREATE TABLE log AS SELECT * FROM read_json('{log}', format = 'newline_delimited')";
/// The peer for OTLP: its lines as rows of spans.
const UNNEST: &str = "CREATE TABLE span AS SELECT resource, scope, unnest(spans, max_depth := 2) FROM (
    SELECT resource, unnest(scopes, max_depth := 2) FROM (
        SELECT r.resource AS resource, r.scopeSpans AS scopes FROM (
            SELECT unnest(resourceSpans) AS r FROM read_json('{log}', format = 'newline_delimited', maximum_object_size = 33554432))))";
/// What the newest row of a log says, so that a screen can be searched for it.
const NEWEST: &str = "newest_row";

fn has(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

fn word(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn number(name: &str, whole: u64, quick: u64) -> u64 {
    let default = if has("--quick") { quick } else { whole };
    word(name).and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() -> Outcome {
    let only = word("--only");
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name));
    let mut budgets = Budgets::default();
    for (name, trial) in [
        ("flat", flat as fn(&mut Budgets) -> Outcome),
        ("otlp", otlp),
        ("live", live),
        ("first", first),
        ("memory", memory),
        ("idle", idle),
        ("size", size),
    ] {
        if wanted(name) {
            trial(&mut budgets).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    budgets.print();
    if has("--report") {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/REPORT.md");
        let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
        let engine = duckdb::Connection::open_in_memory()?.version()?;
        budgets.write(&page, &format!("cargo bench --bench ingest -- {}", arguments.join(" ")), &engine)?;
        println!("wrote {}", page.display());
    }
    Ok(())
}

/// Wall and processor time of one attempt.
#[derive(Clone, Copy)]
struct Spent {
    wall: Duration,
    cpu: Duration,
}

fn spent(work: impl FnOnce() -> Outcome) -> Result<Spent, Failure> {
    let (begun, cpu) = (Instant::now(), process::cpu("self"));
    work()?;
    Ok(Spent {
        wall: begun.elapsed(),
        cpu: process::cpu("self").saturating_sub(cpu),
    })
}

/// What the engine does by itself, with as many threads.
fn peer(sql: &str, log: &Path, database: &Path) -> Outcome {
    let connection = duckdb::Connection::open(database)?;
    let sql = sql.replace("{log}", &log.display().to_string());
    connection.execute_batch(&format!("SET threads = {}; {sql}", pipeline::THREADS))?;
    Ok(())
}

/// Everything read, committed and closed.
fn ours(log: &Path, database: &Path) -> Outcome {
    let store = pipeline::open(database, |_| {})?;
    pipeline::start(log, &store, false)?.finish();
    store.flush()?;
    store.close();
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Takes turns with the peer.
fn race(budgets: &mut Budgets, what: &'static str, most: f64, log: &Path, sql: &str) -> Outcome {
    let dir = log.parent().ok_or("a log lies in a folder")?;
    let (theirs, mine) = (dir.join("peer.duckdb"), dir.join("ours.duckdb"));
    let (mut ratios, mut best) = (Vec::new(), [f64::INFINITY; 4]);
    println!(
        "{:>5} {:>11} {:>11} {:>9} {:>11} {:>11}",
        "round", "peer wall s", "ours wall s", "ratio", "peer cpu s", "ours cpu s"
    );
    for round in 0..number("--rounds", 5, 1) {
        let peer = spent(|| peer(sql, log, &theirs))?;
        let own = spent(|| ours(log, &mine))?;
        let seconds = [peer.wall, own.wall, peer.cpu, own.cpu].map(|time| time.as_secs_f64());
        let ratio = seconds[1] / seconds[0];
        println!(
            "{round:>5} {:>11.2} {:>11.2} {ratio:>9.2} {:>11.2} {:>11.2}",
            seconds[0], seconds[1], seconds[2], seconds[3]
        );
        ratios.push(ratio);
        best = std::array::from_fn(|at| best[at].min(seconds[at]));
        fs::remove_file(&theirs)?;
        fs::remove_file(&mine)?;
    }
    let ratio = median(ratios);
    let figure = format!(
        "{ratio:.2} × (best {:.2} s to {:.2} s; CPU {:.2} s to {:.2} s)",
        best[1], best[0], best[3], best[2]
    );
    budgets.note(what, format!("{most:.1} × the peer's time"), figure, ratio <= most);
    Ok(())
}

fn flat(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("calls.jsonl");
    let lines = number("--lines", 100_000, 5_000);
    println!("flat: {lines} lines, {:.0} MB", logs::flat(&log, lines)? as f64 / 1e6);
    race(budgets, "ingest of flat call lines, against read_json", 0.8, &log, READ_JSON)
}

fn otlp(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("traces.jsonl");
    let lines = number("--lines", 50_000, 3_000);
    println!("otlp: {lines} lines of four spans, {:.0} MB", logs::otlp(&log, lines)? as f64 / 1e6);
    race(budgets, "ingest of OTLP JSON lines, against read_json + unnest", 1.0, &log, UNNEST)
}

fn newest_page() -> Query {
    Query::Interactions {
        filter: Filter::All,
        window: Window::default(),
        sort: Sort {
            key: Column::Time,
            descending: true,
        },
        page: Page::First,
        limit: 60,
    }
}

/// 2,000 lines a second onto a log that was read before: when each is committed, and when a page that shows it is there.
fn live(budgets: &mut Budgets) -> Outcome {
    const EACH: usize = 10;
    const PAUSE: Duration = Duration::from_millis(5);
    let dir = tempfile::tempdir()?;
    let (log, database) = (dir.path().join("app.jsonl"), dir.path().join("live.duckdb"));
    let history = number("--lines", 50_000, 2_000);
    let seconds = number("--seconds", 60, 4);
    logs::flat(&log, history)?;
    let (sender, receipts) = crossbeam_channel::unbounded();
    let store = pipeline::open(&database, move |receipt| {
        // The trial may be over.
        let _ = sender.send((receipt.lines, Instant::now()));
    })?;
    let running = pipeline::start(&log, &store, true)?;
    let mut read = 0;
    while read < history {
        read += receipts.recv_timeout(Duration::from_mins(1))?.0;
    }
    println!("live: following after {history} lines of history, 2,000 lines/s for {seconds} s");
    let appended = Arc::new(Mutex::new(Vec::<Instant>::new()));
    let writer = {
        let (appended, mut file) = (Arc::clone(&appended), OpenOptions::new().append(true).open(&log)?);
        std::thread::spawn(move || -> std::io::Result<()> {
            let (mut seed, begun, mut serial) = (Seed(3), Instant::now(), 0);
            while begun.elapsed() < Duration::from_secs(seconds) {
                let mut text = String::new();
                for _ in 0..EACH {
                    text.push_str(&logs::short(serial, &mut seed));
                    serial += 1;
                }
                let now = Instant::now();
                appended.lock().unwrap_or_else(PoisonError::into_inner).extend([now; EACH]);
                file.write_all(text.as_bytes())?;
                // Late rounds are made up for: the rate holds.
                let due = begun + PAUSE * u32::try_from(serial / EACH as u64).unwrap_or(u32::MAX);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            Ok(())
        })
    };
    let (mut committed, mut visible) = (Vec::<f64>::new(), Vec::<f64>::new());
    let (mut log_size, mut checkpoints) = (0, 0);
    let wal = dir.path().join("live.duckdb.wal");
    let milliseconds = |from: Instant, to: Instant| to.saturating_duration_since(from).as_secs_f64() * 1e3;
    while !writer.is_finished() || committed.len() < appended.lock().unwrap_or_else(PoisonError::into_inner).len() {
        let mut batch = vec![receipts.recv_timeout(Duration::from_mins(1))?];
        batch.extend(receipts.try_iter());
        let times = appended.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (lines, at) in batch {
            let from = committed.len();
            committed.extend(
                times
                    .iter()
                    .skip(from)
                    .take(lines as usize)
                    .map(|appended| milliseconds(*appended, at)),
            );
        }
        let Reply::Interactions { .. } = store.ask_now(newest_page()) else {
            return Err("the page was not answered".into());
        };
        let now = Instant::now();
        let from = visible.len();
        visible.extend(times[from..committed.len()].iter().map(|appended| milliseconds(*appended, now)));
        let size = fs::metadata(&wal).map_or(0, |file| file.len());
        checkpoints += u32::from(size < log_size);
        log_size = size;
    }
    writer.join().map_err(|_| "the appending thread panicked")??;
    running.stop();
    store.close();
    let worst = committed.iter().copied().fold(0.0, f64::max);
    visible.sort_by(f64::total_cmp);
    let p95 = visible[visible.len() * 95 / 100];
    budgets.note(
        "longest stall of live rows while following",
        "250 ms",
        format!("{worst:.0} ms, {checkpoints} checkpoints on the way"),
        worst <= 250.0,
    );
    budgets.note(
        "appended line to visible page, 2,000 lines/s, p95",
        "150 ms",
        format!("{p95:.0} ms"),
        p95 <= 150.0,
    );
    Ok(())
}

/// The explorer over a file of 10 MB and over one of 10 GB with the same end.
fn first(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    let (small, large) = (dir.path().join("small.jsonl"), dir.path().join("large.jsonl"));
    logs::flat(&small, 1_500)?;
    let mut last = String::new();
    File::open(&small)?.read_to_string(&mut last)?;
    let newest = last.lines().next_back().ok_or("a log has lines")?;
    // An interaction of its own, later than all others.
    let newest = newest
        .replacen("2026-", "2027-", 1)
        .replacen("\"trace_id\":\"0000", "\"trace_id\":\"ffff", 1)
        .replacen("\"feature\":\"", &format!("\"feature\":\"{NEWEST}"), 1);
    writeln!(OpenOptions::new().append(true).open(&small)?, "{newest}")?;
    // Nothing but a hole before them: what is not looked at need not be there.
    let tail = fs::read(&small)?;
    let mut file = File::create(&large)?;
    let size = number("--first-bytes", 10_000_000_000, 1_000_000_000);
    file.seek(SeekFrom::Start(size - tail.len() as u64))?;
    file.write_all(&tail)?;
    drop(file);
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    for _ in 0..number("--rounds", 9, 1) {
        for (log, times) in [(&small, &mut of_small), (&large, &mut of_large)] {
            let home = tempfile::tempdir_in(dir.path())?;
            times.push(Terminal::start(log, home.path())?.shows(NEWEST)?.as_secs_f64() * 1e3);
        }
    }
    let (small, large) = (median(of_small), median(of_large));
    println!("first: {:.1} GB against {:.0} MB", size as f64 / 1e9, tail.len() as f64 / 1e6);
    budgets.note(
        "first rows on screen, 10 GB file",
        "200 ms",
        format!("{large:.0} ms"),
        large <= 200.0,
    );
    budgets.note(
        "first rows on screen, 10 GB against 10 MB",
        "1.3 ×",
        format!("{:.2} × ({large:.0} ms to {small:.0} ms)", large / small),
        large <= small * 1.3,
    );
    Ok(())
}

/// The program fills a store, and its memory is watched.
fn memory(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("calls.jsonl");
    let bytes = logs::flat(&log, number("--lines", 600_000, 5_000))?;
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_spanscope"))
        .args([
            "ingest",
            &log.display().to_string(),
            "--db",
            &dir.path().join("memory.duckdb").display().to_string(),
        ])
        .env("XDG_CACHE_HOME", dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let (process, mut peak) = (child.id().to_string(), 0);
    let status = loop {
        peak = peak.max(process::peak_memory(&process));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    if !status.success() {
        return Err("the program failed".into());
    }
    println!("memory: {:.1} GB in {:.1} s", bytes as f64 / 1e9, begun.elapsed().as_secs_f64());
    let figure = format!("{:.0} MB, {:.1} GB ingested", peak as f64 / 1e6, bytes as f64 / 1e9);
    budgets.note("memory of the process, most at once", "500 MB", figure, peak <= 500_000_000);
    Ok(())
}

/// The explorer follows a file that nobody writes to.
fn idle(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("calls.jsonl");
    logs::flat(&log, 1_500)?;
    let mut terminal = Terminal::start(&log, dir.path())?;
    terminal.shows("support_chat")?;
    // Rates and windows settle, and the store tidies itself.
    let settle = Instant::now();
    while terminal.written_in(Duration::from_secs(3))? > 0 {
        if settle.elapsed() > Duration::from_secs(90) {
            return Err("it never comes to rest".into());
        }
    }
    let seconds = number("--idle-seconds", 30, 5);
    let before = process::cpu(&terminal.process());
    let written = terminal.written_in(Duration::from_secs(seconds))?;
    let used = process::cpu(&terminal.process()).saturating_sub(before).as_secs_f64() / seconds as f64 * 100.0;
    budgets.note("idle, of one core", "1%", format!("{used:.2}% over {seconds} s"), used < 1.0);
    budgets.note("idle output", "0 bytes", format!("{written} bytes in {seconds} s"), written == 0);
    Ok(())
}

/// What is left on disk.
fn size(budgets: &mut Budgets) -> Outcome {
    let dir = tempfile::tempdir()?;
    for (what, most, make, lines) in [
        (
            "store size, agent-like logs",
            Some(0.15),
            logs::agents as fn(&Path, u64) -> std::io::Result<u64>,
            30_000,
        ),
        ("store size, flat call lines", None, logs::flat, 50_000),
        ("store size, OTLP JSON lines", None, logs::otlp, 25_000),
    ] {
        let (log, database) = (dir.path().join("log.jsonl"), dir.path().join("size.duckdb"));
        let bytes = make(&log, number("--lines", lines, lines / 10))? as f64;
        ours(&log, &database)?;
        let ratio = fs::metadata(&database)?.len() as f64 / bytes;
        let figure = format!("{ratio:.3} × of {:.0} MB", bytes / 1e6);
        let budget = most.map_or_else(|| "none".to_owned(), |most| format!("{most:.2} × the JSONL"));
        budgets.note(what, budget, figure, most.is_none_or(|most| ratio <= most));
        fs::remove_file(&database)?;
    }
    Ok(())
}
