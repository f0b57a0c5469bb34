//! The long trials of reading: the program killed at any moment, files cut and rotated faster than they are looked at, disks that fill up, a
//! connection that drops at any byte. Each says how many lines were lost and how many came twice; both must be 0.
//!
//! `cargo bench --bench torture -- [kill N] [regrow N] [rotate SECONDS] [files N] [full N] [dropped N] [long MEGABYTES] [soak SECONDS]`;
//! without arguments all of them at full length. `full` mounts small file systems, which only root may.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use spanscope::formats;
use spanscope::model::query::{Query, Reply};
use spanscope::pricing::Prices;
use spanscope::sources::{self, Event};
use spanscope::store::{self, Location, Store};

#[path = "torture/files.rs"]
mod files;
#[path = "torture/long.rs"]
mod long;
#[path = "torture/process.rs"]
mod process;
#[path = "torture/soak.rs"]
mod soak;

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A small generator: the same numbers on every machine.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        xxhash_rust::xxh3::xxh3_64(&self.0.to_le_bytes()) % limit
    }
}

fn line(serial: u64) -> String {
    format!(
        "{{\"type\":\"llm_trace\",\"request_id\":\"{serial:032x}\",\"model\":\"claude-sonnet-4-6\",\"prompt\":\"question {serial}\",\"response\":\"answer\",\"input_tokens\":10,\"output_tokens\":2}}\n"
    )
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let of = |name: &str, whole: u64| match arguments.iter().position(|argument| argument == name) {
        Some(at) => arguments.get(at + 1).and_then(|count| count.parse().ok()).unwrap_or(whole),
        None if arguments.is_empty() => whole,
        None => 0,
    };
    for (name, count, trial) in [
        ("kill", of("kill", 1_000), kill as fn(u64) -> Outcome),
        ("regrow", of("regrow", 1_000), regrow),
        ("rotate", of("rotate", 60), rotate),
        ("files", of("files", 200), files::files),
        ("long", of("long", 1_000), long::long),
        ("soak", of("soak", 600), soak::soak),
        ("full", of("full", 20), full),
        ("dropped", of("dropped", 1_000), dropped),
    ] {
        if count > 0 {
            let begun = Instant::now();
            trial(count).map_err(|why| format!("{name}: {why}"))?;
            println!(
                "{name} {count}: nothing lost, nothing repeated ({:.0} s)",
                begun.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}

/// Appends lines and rotates by renaming, until told to stop; how many lines it wrote.
fn write_and_rotate(path: &Path, every: u64, pause: Duration, stop: &AtomicBool) -> std::io::Result<u64> {
    let open = || OpenOptions::new().create(true).append(true).open(path);
    let (mut file, mut serial, mut rotations) = (open()?, 0, 0_u64);
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let mut lines = String::new();
        for _ in 0..20 {
            serial += 1;
            lines.push_str(&line(serial));
        }
        file.write_all(lines.as_bytes())?;
        if serial % every == 0 {
            rotations += 1;
            fs::rename(path, format!("{}.{}", path.display(), 1_000_000 - rotations))?;
            file = open()?;
        }
        // Late once is not late for ever: the rate is kept.
        next += pause;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(serial)
}

/// `kill -9` of the program while it reads into a store that is kept and a writer appends and rotates.
fn kill(times: u64) -> Outcome {
    let place = tempfile::tempdir()?;
    let (log, database) = (place.path().join("app.jsonl"), place.path().join("spans.duckdb"));
    File::create(&log)?.write_all(b"")?;
    let run = |command: &str, arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_spanscope"));
        program.arg(command).args(arguments).arg("--db").arg(&database);
        program.env("XDG_CACHE_HOME", place.path()).stdin(Stdio::null());
        program
    };
    let log_name = log.to_str().ok_or("a path in UTF-8")?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (log, stop) = (log.clone(), Arc::clone(&stop));
        std::thread::spawn(move || write_and_rotate(&log, 4_000, Duration::from_millis(5), &stop))
    };
    // What is rotated away before a file named by itself was first read is not asked for.
    loop {
        let told: serde_json::Value = serde_json::from_slice(&run("stats", &["-o", "json", log_name]).output()?.stdout)?;
        if told["lines"].as_u64().is_some_and(|lines| lines > 0) {
            break;
        }
    }
    let (mut seed, mut killed, mut slowest) = (Seed(1), 0, Duration::ZERO);
    while killed < times {
        let begun = Instant::now();
        let mut child = run("ingest", &[log_name]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let patience = Duration::from_millis(seed.below(250));
        while begun.elapsed() < patience && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = child.try_wait()? {
            slowest = slowest.max(begun.elapsed());
            if !status.success() {
                let output = child.wait_with_output()?;
                return Err(format!("it failed to open or read: {}", String::from_utf8_lossy(&output.stderr)).into());
            }
            continue;
        }
        child.kill()?;
        child.wait()?;
        killed += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().map_err(|_| "the writer panicked")??;
    let last = run("ingest", &[log_name]).output()?;
    if !last.status.success() {
        return Err(format!("the last run failed: {}", String::from_utf8_lossy(&last.stderr)).into());
    }
    let listed = run("ls", &["-o", "json"]).output()?.stdout;
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&listed)?;
    let stats: serde_json::Value = serde_json::from_slice(&run("stats", &["-o", "json"]).output()?.stdout)?;
    let spans: u64 = rows.iter().filter_map(|row| row["spans"].as_u64()).sum();
    let seen = (rows.len() as u64, spans, stats["lines"].as_u64().unwrap_or_default());
    if seen != (written, written, written) {
        return Err(format!("{written} lines written; (interactions, spans, lines) {seen:?}").into());
    }
    println!(
        "kill: {written} lines; the slowest run that was not killed {} ms",
        slowest.as_millis()
    );
    Ok(())
}

fn follow(log: &Path) -> Result<(sources::Sources, Receiver<Event>), Box<dyn std::error::Error>> {
    let (sender, events) = crossbeam_channel::bounded(2);
    let options = sources::Options {
        follow: true,
        dialect: None,
        known: Vec::new(),
        next_id: 1,
        block_bytes: 8 << 20,
        since: None,
        floors: Arc::default(),
        poll: Duration::from_millis(250),
        spool: None,
        ssh: vec!["ssh".into()],
    };
    let spec = sources::parse_spec(log.to_str().ok_or("a path in UTF-8")?)?;
    Ok((sources::spawn(vec![spec], options, sender)?, events))
}

/// Takes lines until the last one came, or nothing for a while.
fn take(events: &Receiver<Event>, seen: &mut HashMap<String, u64>, last: &str) -> Outcome {
    while !seen.contains_key(last) {
        match events.recv_timeout(Duration::from_secs(20)) {
            Ok(Event::Block(block)) => {
                for line in std::str::from_utf8(&block.bytes)?.lines() {
                    *seen.entry(line.to_owned()).or_default() += 1;
                }
            }
            Ok(Event::Progress(_)) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(format!("{last} did not come").into()),
        }
    }
    Ok(())
}

/// A file cut to nothing and grown beyond its old size before anybody can look.
fn regrow(times: u64) -> Outcome {
    let place = tempfile::tempdir()?;
    let log = place.path().join("app.jsonl");
    let (mut seed, mut serial, mut seen) = (Seed(2), 0, HashMap::new());
    fs::write(&log, line(0))?;
    let (mut reader, events) = follow(&log)?;
    take(&events, &mut seen, line(0).trim_end())?;
    let mut length = 1;
    for _ in 0..times {
        length += seed.below(4);
        let lines: Vec<String> = (0..length)
            .map(|_| {
                serial += 1;
                line(serial)
            })
            .collect();
        OpenOptions::new().write(true).open(&log)?.set_len(0)?;
        std::thread::sleep(Duration::from_millis(seed.below(50)));
        OpenOptions::new().append(true).open(&log)?.write_all(lines.concat().as_bytes())?;
        take(&events, &mut seen, line(serial).trim_end())?;
        if length > 40 {
            length = 1;
        }
    }
    reader.stop();
    check(&seen, (0..=serial).map(line))
}

/// Ten rotations and 5,000 lines a second.
fn rotate(seconds: u64) -> Outcome {
    let place = tempfile::tempdir()?;
    let log = place.path().join("app.jsonl");
    fs::write(&log, "")?;
    let (mut reader, events) = follow(&log)?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (log, stop) = (log.clone(), Arc::clone(&stop));
        std::thread::spawn(move || write_and_rotate(&log, 500, Duration::from_millis(4), &stop))
    };
    let mut seen = HashMap::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        if let Ok(Event::Block(block)) = events.recv_timeout(Duration::from_millis(100)) {
            for line in std::str::from_utf8(&block.bytes)?.lines() {
                *seen.entry(line.to_owned()).or_default() += 1;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().map_err(|_| "the writer panicked")??;
    take(&events, &mut seen, line(written).trim_end())?;
    // What is older than the last line may come later.
    while seen.len() < written as usize {
        let Ok(Event::Block(block)) = events.recv_timeout(Duration::from_secs(20)) else {
            continue;
        };
        for line in std::str::from_utf8(&block.bytes)?.lines() {
            *seen.entry(line.to_owned()).or_default() += 1;
        }
        if begun.elapsed() > Duration::from_secs(seconds + 60) {
            break;
        }
    }
    reader.stop();
    println!(
        "rotate: {written} lines in {} s, {} rotations",
        begun.elapsed().as_secs(),
        written / 500
    );
    check(&seen, (1..=written).map(line))
}

/// A remote log that is written and rotated, over connections of which each breaks off after some bytes.
fn dropped(times: u64) -> Outcome {
    let place = tempfile::tempdir()?;
    let log = place.path().join("app.jsonl");
    File::create(&log)?;
    // It runs the command on this machine: what comes back ends after another number of bytes each time.
    let script = format!(
        "while [ $# -gt 1 ]; do shift; done
         cd '{}'; n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) >count.new; mv count.new count
         left=$(( (n * 48271 + 4567) % 400000 )); [ $((n % 3)) -eq 2 ] || left=$((left % 30000))
         sh -c \"$1\" 2>/dev/null | {{ dd bs=64 count=$((left / 64)); dd bs=1 count=$((left % 64)); kill $$; }} 2>/dev/null",
        place.path().display()
    );
    let (sender, events) = crossbeam_channel::bounded(2);
    let options = sources::Options {
        follow: true,
        dialect: None,
        known: Vec::new(),
        next_id: 1,
        block_bytes: 1 << 20,
        since: None,
        floors: Arc::default(),
        poll: Duration::from_millis(2),
        spool: None,
        ssh: ["/bin/sh", "-c", script.as_str(), "ssh"].map(str::to_owned).to_vec(),
    };
    let spec = sources::parse_spec(&format!("ssh://web{}", log.display()))?;
    let mut reader = sources::spawn(vec![spec], options, sender)?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (log, stop) = (log.clone(), Arc::clone(&stop));
        std::thread::spawn(move || write_and_rotate(&log, 12_000, Duration::from_millis(50), &stop))
    };
    let drops = || -> u64 {
        let count = fs::read_to_string(place.path().join("count")).unwrap_or_default();
        count.trim().parse::<u64>().map_or(0, |calls| calls.saturating_sub(1))
    };
    let (mut seen, mut writer, mut written) = (HashMap::new(), Some(writer), u64::MAX);
    while (seen.len() as u64) < written {
        if let Event::Block(block) = events.recv_timeout(Duration::from_mins(1))? {
            for line in std::str::from_utf8(&block.bytes)?.lines() {
                *seen.entry(line.to_owned()).or_default() += 1;
            }
        }
        if let Some(running) = writer.take_if(|_| drops() >= times) {
            stop.store(true, Ordering::Relaxed);
            written = running.join().map_err(|_| "the writer panicked")??;
        }
    }
    reader.stop();
    println!("dropped: {written} lines over {} connections", drops() + 1);
    check(&seen, (1..=written).map(line))
}

fn check(seen: &HashMap<String, u64>, written: impl Iterator<Item = String>) -> Outcome {
    let lost: Vec<String> = written.filter(|line| !seen.contains_key(line.trim_end())).collect();
    let repeated = seen.values().filter(|count| **count > 1).count();
    if lost.is_empty() && repeated == 0 {
        return Ok(());
    }
    Err(format!(
        "{} lost, {repeated} repeated; the first lost: {}",
        lost.len(),
        lost.first().map_or("", String::as_str)
    )
    .into())
}

/// A file system of so many MB in memory, gone when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u64) -> Result<Self, Box<dyn std::error::Error>> {
        let place = tempfile::tempdir()?;
        let size = format!("size={megabytes}m,mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(place.path())
            .status()?;
        if !mounted.success() {
            return Err("cannot mount a tmpfs: this trial is for root".into());
        }
        Ok(Self(place))
    }

    fn free(&self) -> std::io::Result<u64> {
        let disk = rustix::fs::statvfs(self.0.path())?;
        Ok(disk.f_bavail * disk.f_frsize)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is seen in the list of mounts.
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

/// A disk that fills up while a log is followed into a store on it, at many levels; then room is made.
fn full(levels: u64) -> Outcome {
    let mut seed = Seed(3);
    let mut slowest = Duration::ZERO;
    for level in 0..levels {
        let (size, room) = (48 + seed.below(23), 1 + seed.below(12));
        let (resumed, written, errors) = fill_up(size, room).map_err(|why| format!("level {level}, {room} of {size} MB free: {why}"))?;
        println!(
            "full: {room} of {size} MB free, {written} lines, {errors} errors told, went on {} ms after room was made",
            resumed.as_millis()
        );
        slowest = slowest.max(resumed);
    }
    if slowest > Duration::from_secs(2) {
        return Err(format!("it went on only {} ms after room was made", slowest.as_millis()).into());
    }
    Ok(())
}

/// How long it took to go on, lines written, errors told.
fn fill_up(size: u64, room: u64) -> Result<(Duration, u64, u64), Box<dyn std::error::Error>> {
    let place = tempfile::tempdir()?;
    let disk = SmallDisk::mount(size)?;
    let log = place.path().join("app.jsonl");
    fs::write(&log, "")?;
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; usize::try_from(disk.free()? - (room << 20))?])?;
    // A follower without a screen, and patient as the explorer is.
    let (commits, problems) = (Arc::new(Mutex::new(Instant::now())), Arc::new(AtomicU64::new(0)));
    let (committed, told) = (Arc::clone(&commits), Arc::clone(&problems));
    let store = Store::open(
        Location::File(disk.0.path().join("spans.duckdb")),
        store::Options::new(Arc::new(Prices::embedded()), place.path().join("cache")),
        move |_| *committed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now(),
        move |_| _ = told.fetch_add(1, Ordering::Relaxed),
    )?;
    let (mut reader, events) = follow(&log)?;
    let intake = store.intake();
    let parser = std::thread::spawn(move || {
        for event in events {
            if let Event::Block(block) = event
                && intake.send(formats::parse(&block)).is_err()
            {
                return;
            }
        }
    });
    let mut file = OpenOptions::new().append(true).open(&log)?;
    let mut written = 0;
    let mut write = |lines: u64| -> std::io::Result<u64> {
        let mut text = String::new();
        for _ in 0..lines {
            written += 1;
            // Nothing compresses it.
            let noise: String = (0..64_u64)
                .map(|n| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&(written * 64 + n).to_le_bytes())))
                .collect();
            text.push_str(&line(written).replace("answer", &noise));
        }
        file.write_all(text.as_bytes())?;
        Ok(written)
    };
    let begun = Instant::now();
    while problems.load(Ordering::Relaxed) == 0 {
        write(100)?;
        std::thread::sleep(Duration::from_millis(10));
        if begun.elapsed() > Duration::from_mins(1) {
            return Err("the disk did not fill up".into());
        }
    }
    // It goes on meanwhile; and stays full for a while.
    for _ in 0..20 {
        write(20)?;
        std::thread::sleep(Duration::from_millis(100));
    }
    fs::remove_file(&ballast)?;
    let made_room = Instant::now();
    let written = write(1)?;
    let lines = || match store.ask_now(Query::Stats) {
        Reply::Stats(stats) => stats.tally.lines,
        _ => 0,
    };
    let resumed = loop {
        let last = *commits.lock().unwrap_or_else(PoisonError::into_inner);
        if last > made_room {
            break last - made_room;
        }
        if made_room.elapsed() > Duration::from_secs(30) {
            return Err("it did not go on".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    while lines() < written && made_room.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(10));
    }
    reader.stop();
    parser.join().map_err(|_| "the parser panicked")?;
    store.flush()?;
    let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
        return Err("the store does not answer".into());
    };
    store.close();
    let seen = (stats.tally.lines, stats.spans, stats.interactions);
    if seen != (written, written, written) {
        return Err(format!("{written} lines written; (lines, spans, interactions) {seen:?}").into());
    }
    Ok((resumed, written, problems.load(Ordering::Relaxed)))
}
