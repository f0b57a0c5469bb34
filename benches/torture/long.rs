//! A line of a gigabyte, without a newline until its end: the memory it takes, and the line behind it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Outcome, line, process};

/// What the program is allowed, all of it.
const MEMORY: u64 = 500_000_000;

/// Lines of a tenth of this and of this many megabytes, from a file and from a pipe.
pub fn long(megabytes: u64) -> Outcome {
    for size in [megabytes / 10, megabytes] {
        let place = tempfile::tempdir()?;
        let log = place.path().join("app.jsonl");
        write(&log, size)?;
        for piped in [false, true] {
            let mut program = Command::new(env!("CARGO_BIN_EXE_spanscope"));
            program
                .args([
                    "stats",
                    "-o",
                    "json",
                    if piped { "-" } else { log.to_str().ok_or("a path in UTF-8")? },
                ])
                .env("XDG_CACHE_HOME", place.path())
                .stdin(if piped { File::open(&log)?.into() } else { Stdio::null() })
                .stdout(Stdio::piped());
            let (output, peak) = process::watched(program)?;
            let stats: serde_json::Value = serde_json::from_slice(&output)?;
            let seen = (&stats["lines"], &stats["span"], &stats["rejects"]["line too long"]);
            if seen != (&3.into(), &2.into(), &1.into()) {
                return Err(format!("{size} MB, piped {piped}: (lines, span, too long) {seen:?}").into());
            }
            println!(
                "long: {size} MB, {}: {} MB of memory",
                if piped { "piped" } else { "file" },
                peak / 1_000_000
            );
            if peak > MEMORY {
                return Err(format!("{peak} bytes of memory, {MEMORY} allowed").into());
            }
        }
    }
    Ok(())
}

fn write(log: &Path, megabytes: u64) -> std::io::Result<()> {
    let mut file = File::create(log)?;
    file.write_all(line(1).as_bytes())?;
    file.write_all(b"{\"prompt\":\"")?;
    for _ in 0..megabytes {
        file.write_all(&[b'x'; 1_000_000])?;
    }
    file.write_all(b"\"}\n")?;
    file.write_all(line(2).as_bytes())
}
