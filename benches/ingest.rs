//! Ingest of flat call lines: the engine's own `read_json` into a table on disk, and parse → store, in one run, taking turns.
//!
//! `cargo bench --bench ingest -- [--lines N] [--rounds N] [--quick]`. The lines are made here, from a seed: some 6.7 KB each, chat
//! histories that grow by a turn a line and are repeated in full, as such logs do.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Read, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::StartFrom;
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

const BLOCK: u64 = 8 << 20;

/// A small generator: the same numbers on every machine.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        xxhash_rust::xxh3::xxh3_64(&self.0.to_le_bytes()) % limit
    }

    fn words(&mut self, count: u64) -> String {
        const WORDS: [&str; 24] = [
            "invoice", "refund", "please", "the", "annual", "plan", "because", "customer", "window", "policy", "account", "was", "cannot",
            "renewal", "team", "order", "shipped", "with", "after", "warranty", "days", "of", "and", "question",
        ];
        let mut text = String::new();
        for index in 0..count {
            let _ = write!(text, "{}{}", if index == 0 { "" } else { " " }, WORDS[self.below(24) as usize]);
            if index % 9 == 8 {
                let _ = write!(text, " {}", self.below(100_000));
            }
        }
        text
    }
}

/// Writes `lines` calls of conversations of twelve turns each.
fn write_log(path: &Path, lines: u64) -> std::io::Result<u64> {
    let mut seed = Seed(7);
    let mut file = BufWriter::new(File::create(path)?);
    let system = seed.words(120);
    let (mut history, mut conversation) = (Vec::<String>::new(), 0);
    for line in 0..lines {
        if line % 12 == 0 {
            history.clear();
            conversation += 1;
        }
        history.push(format!(r#"{{"role":"user","content":"{}"}}"#, seed.words(40)));
        let (answer, input, output) = (seed.words(75), 400 + seed.below(3000), 20 + seed.below(600));
        let at = 1_790_000_000 + line / 10;
        let clock = jiff::Timestamp::from_second(i64::try_from(at).unwrap_or_default()).unwrap_or_default();
        writeln!(
            file,
            r#"{{"trace_id":"{line:032x}","timestamp":"{clock}","model":"claude-sonnet-4-6","feature":"{}","user_id":"u_{}","session_id":"c_{conversation}","system_prompt":"{system}","messages":[{}],"response":"{answer}","input_tokens":{input},"output_tokens":{output},"temperature":0.2,"max_tokens":1024,"stop_reason":"end_turn","latency_ms":{}}}"#,
            ["support_chat", "billing_agent", "summarize", "search"][(conversation % 4) as usize],
            seed.below(500),
            history.join(","),
            300 + seed.below(4000)
        )?;
        history.push(format!(r#"{{"role":"assistant","content":"{answer}"}}"#));
    }
    file.flush()?;
    Ok(path.metadata()?.len())
}

/// The peer: what the engine does by itself, with two threads.
fn read_json(log: &Path, database: &Path) -> Result<Duration, String> {
    let begun = Instant::now();
    let run = || {
        let connection = duckdb::Connection::open(database)?;
        connection.execute_batch(&format!(
            "SET threads = 2; CREATE TABLE log AS SELECT * FROM read_json('{}', format = 'newline_delimited')",
            log.display()
        ))
    };
    run().map(|()| begun.elapsed()).map_err(|error: duckdb::Error| error.to_string())
}

/// Ours: whole lines in blocks, two parse workers, one store.
fn ours(log: &Path, database: &Path, cache: &Path) -> Result<(Duration, Duration), String> {
    let begun = Instant::now();
    let options = Options::new(Arc::new(Prices::embedded()), cache.to_owned());
    let store = Store::open(
        Location::File(database.to_owned()),
        options,
        |_| {},
        |problem| eprintln!("{problem}"),
    );
    let store = store.map_err(|error| error.to_string())?;
    let source = Arc::new(SourceInfo {
        id: 0,
        uri: log.display().to_string(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: 0,
        order: Order::Random,
    });
    let (blocks, work) = crossbeam_channel::bounded::<Block>(2);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (work, batches) = (work.clone(), store.intake());
            scope.spawn(move || {
                for block in work {
                    if batches.send(spanscope::formats::parse(&block)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(work);
        send_blocks(log, &source, &blocks).map_err(|error| error.to_string())?;
        drop(blocks);
        Ok::<(), String>(())
    })?;
    store.flush()?;
    let committed = begun.elapsed();
    store.close();
    Ok((committed, begun.elapsed()))
}

fn send_blocks(log: &Path, source: &Arc<SourceInfo>, blocks: &crossbeam_channel::Sender<Block>) -> std::io::Result<()> {
    let (mut file, mut offset, mut rest) = (File::open(log)?, 0, Vec::new());
    loop {
        let mut bytes = std::mem::take(&mut rest);
        let wanted = BLOCK.saturating_sub(bytes.len() as u64);
        let ended = std::io::Read::by_ref(&mut file).take(wanted).read_to_end(&mut bytes)? as u64 != wanted;
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        rest = bytes.split_off(whole);
        let length = bytes.len() as u64;
        if length > 0 {
            let identity = Identity {
                anchor_end: offset + length,
                ..Identity::default()
            };
            let fallback = (0, StartFrom::File);
            let block = Block {
                source: Arc::clone(source),
                identity,
                offset,
                bytes,
                omitted: 0,
                fallback,
                dialect: None,
            };
            // A receiver that is gone has reported why.
            let _ = blocks.send(block);
        }
        offset += length;
        if ended {
            return Ok(());
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    arguments.nth(1).and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let lines = number("--lines", if quick { 5_000 } else { 100_000 });
    let rounds = number("--rounds", if quick { 1 } else { 3 });
    let dir = tempfile::tempdir()?;
    let log = dir.path().join("calls.jsonl");
    let size = write_log(&log, lines)?;
    println!(
        "{lines} flat lines, {:.0} MB, {:.1} KB each",
        size as f64 / 1e6,
        size as f64 / lines as f64 / 1e3
    );
    println!(
        "{:>5} {:>12} {:>12} {:>12} {:>7} {:>12}",
        "round", "read_json s", "committed s", "closed s", "ratio", "store / log"
    );
    for round in 0..rounds {
        let (theirs, mine) = (
            dir.path().join(format!("peer-{round}.duckdb")),
            dir.path().join(format!("ours-{round}.duckdb")),
        );
        let peer = read_json(&log, &theirs);
        let (committed, closed) = ours(&log, &mine, dir.path())?;
        let stored = mine.metadata()?.len() as f64 / size as f64;
        match peer {
            Ok(peer) => println!(
                "{round:>5} {:>12.2} {:>12.2} {:>12.2} {:>7.2} {stored:>12.3}",
                peer.as_secs_f64(),
                committed.as_secs_f64(),
                closed.as_secs_f64(),
                closed.as_secs_f64() / peer.as_secs_f64()
            ),
            Err(error) => println!(
                "{round:>5} no peer ({error}): {:.2} s, {:.2} s, {stored:.3}",
                committed.as_secs_f64(),
                closed.as_secs_f64()
            ),
        }
        for path in [theirs, mine] {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}
