//! Text of a log inside Markdown: it stands between more backticks than it contains, so that it can neither end its fence nor become markup.

use super::{Safe, lines};

/// A block of lines in a fence, its line break included.
#[must_use]
pub fn fence(body: &str) -> String {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    let mut text = format!("{fence}text\n");
    for line in lines(body) {
        text.push_str(Safe::line(line).as_str());
        text.push('\n');
    }
    text + &fence + "\n"
}

/// A short text within a line.
#[must_use]
pub fn code(body: &str) -> String {
    let safe = Safe::line(body);
    let ticks = "`".repeat(longest_run(safe.as_str()) + 1);
    let gap = if safe.as_str().is_empty() || safe.as_str().starts_with('`') || safe.as_str().ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{ticks}{gap}{}{gap}{ticks}", safe.as_str())
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}
