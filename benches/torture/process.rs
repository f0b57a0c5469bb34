//! What the system says of another process.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs it to its end: what it printed, and its peak of memory in bytes.
pub fn watched(mut command: Command) -> Result<(Vec<u8>, u64), Box<dyn std::error::Error>> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut out = child.stdout.take().ok_or("no pipe")?;
    let reader = std::thread::spawn(move || {
        let mut output = Vec::new();
        out.read_to_end(&mut output).map(|_| output)
    });
    let mut peak = 0;
    let status = loop {
        peak = memory(child.id(), "VmHWM:").unwrap_or_default().max(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let output = reader.join().map_err(|_| "the reader panicked")??;
    if status.success() {
        Ok((output, peak))
    } else {
        Err(format!("it ended with {status}").into())
    }
}

/// Bytes, by the name in `/proc/PID/status`: `VmHWM:` the peak, `VmRSS:` now. `None` once it is gone.
pub fn memory(process: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kilobytes| kilobytes * 1024)
}

/// Seconds of processor time it has used.
pub fn processor(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field behind it, in hundredths.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some((next()? + next()?) as f64 / 100.0)
}
