//! What a process costs, from `/proc`; 0 where there is none.

use std::fs;
use std::time::Duration;

/// `/proc` counts time in these: 100 a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of a process and its threads so far, to 10 ms. `process` is `self` or a number.
pub fn cpu(process: &str) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The second field is the name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u32>().ok()).unwrap_or(0);
    TICK * (ticks(11) + ticks(12))
}

/// The most memory a process has had at once, in bytes.
pub fn peak_memory(process: &str) -> u64 {
    named(&format!("/proc/{process}/status"), "VmHWM:") * 1024
}

/// This machine in a few lines: cores, memory, kernel.
pub fn machine() -> Vec<(&'static str, String)> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("processor", format!("{cores} × {}", model.unwrap_or("unknown"))),
        (
            "memory",
            format!("{:.1} GB", named("/proc/meminfo", "MemTotal:") as f64 * 1024.0 / 1e9),
        ),
        ("kernel", format!("{} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease"))),
    ]
}

/// The number behind a name.
fn named(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
