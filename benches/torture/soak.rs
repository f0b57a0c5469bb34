//! A thousand files under a steady trickle, watched by the explorer itself: memory must not grow, and quiet must cost nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{Outcome, Seed, line, process};

const FILES: u64 = 1_000;
const RATE: u64 = 2_000;
/// How long nothing happens at the end, and how long the screen may take to settle before.
const QUIET: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(10);

/// For so many seconds.
pub fn soak(seconds: u64) -> Outcome {
    let place = tempfile::tempdir()?;
    let folder = place.path().join("logs");
    std::fs::create_dir(&folder)?;
    let path = |number: u64| folder.join(format!("app-{number:04}.jsonl"));
    for number in 0..FILES {
        File::create(path(number))?;
    }
    let size = PtySize {
        rows: 50,
        cols: 160,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pty = native_pty_system().openpty(size)?;
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_spanscope"));
    command.args([folder.to_str().ok_or("a path in UTF-8")?, "--db"]);
    command.arg(place.path().join("spans.duckdb"));
    for (name, value) in [("TERM", "xterm-256color"), ("HOME", place.path().to_str().unwrap_or_default())] {
        command.env(name, value);
    }
    let mut child = pty.slave.spawn_command(command)?;
    let id = child.process_id().ok_or("no process")?;
    let drawn = Arc::new(AtomicU64::new(0));
    let mut screen = pty.master.try_clone_reader()?;
    let counted = Arc::clone(&drawn);
    std::thread::spawn(move || {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = screen.read(&mut buffer) {
            counted.fetch_add(count as u64, Ordering::Relaxed);
        }
    });
    let (mut seed, mut written, mut memory) = (Seed(9), 0, Vec::new());
    let begun = Instant::now();
    let busy = process::processor(id).unwrap_or_default();
    while begun.elapsed() < Duration::from_secs(seconds) {
        while written < begun.elapsed().as_millis() as u64 * RATE / 1_000 {
            let mut file = OpenOptions::new().append(true).open(path(seed.below(FILES)))?;
            let count = 1 + seed.below(8);
            let text: String = (0..count).map(|more| line(written + more)).collect();
            file.write_all(text.as_bytes())?;
            written += count;
        }
        let at = begun.elapsed().as_secs_f64();
        if memory.last().is_none_or(|(last, _)| at - last >= 1.0) {
            memory.push((at, process::memory(id, "VmRSS:").ok_or("the program ended")? as f64));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let busy = (process::processor(id).ok_or("the program ended")? - busy) / begun.elapsed().as_secs_f64();
    std::thread::sleep(SETTLE);
    let (idle, silent) = (process::processor(id).ok_or("the program ended")?, drawn.load(Ordering::Relaxed));
    std::thread::sleep(QUIET);
    let idle = (process::processor(id).ok_or("the program ended")? - idle) / QUIET.as_secs_f64();
    let silent = drawn.load(Ordering::Relaxed) - silent;
    pty.master.take_writer()?.write_all(b"q")?;
    child.wait()?;
    let peak = memory.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
    let slope = slope(&memory[memory.len() / 2..]);
    println!(
        "soak: {written} lines in {FILES} files; memory at most {:.0} MB, in the second half {:+.2} MB a minute; processor {:.1}%; quiet: {:.2}%, {silent} bytes drawn",
        peak / 1e6,
        slope * 60.0 / 1e6,
        busy * 100.0,
        idle * 100.0
    );
    if idle > 0.01 || silent > 0 {
        return Err("it is not quiet when nothing happens".into());
    }
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_spanscope"));
    program
        .arg("stats")
        .arg("--db")
        .arg(place.path().join("spans.duckdb"))
        .args(["-o", "json"]);
    let stats: serde_json::Value = serde_json::from_slice(&process::watched(program)?.0)?;
    if stats["lines"] != written {
        return Err(format!("{written} lines written, {} in the store", stats["lines"]).into());
    }
    Ok(())
}

/// Of a straight line through the points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let (mut up, mut along) = (0.0, 0.0);
    for point in points {
        up += (point.0 - x) * (point.1 - y);
        along += (point.0 - x).powi(2);
    }
    if along == 0.0 { 0.0 } else { up / along }
}
