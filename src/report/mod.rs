//! Headless output: what the commands print.
//!
//! Answers of the store go in, text comes out, to a writer the caller gives. Tables, trees and Markdown pass through `Safe`: nothing a log holds
//! reaches a terminal as a control byte. JSON, JSON lines and CSV are data and say exactly what was logged; what was not logged is `null`
//! (in CSV an empty cell), never 0. Lists are always lists. The shapes of the JSON are a contract: scripts read them.

mod comparison;
mod data;
mod diagnosis;
mod health;
mod lists;
mod pricing;
mod rows;
mod show;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::span::Nanos;

pub use comparison::comparison;
pub use diagnosis::diagnosis;
pub use health::{health, missing_prices};
pub use lists::{costs, interactions, prices, prompts, stats, table};
pub use pricing::imported;
pub use show::trace;

/// The shape of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Columns for the eye.
    Table,
    /// One JSON document.
    Json,
    /// A JSON object a line.
    Jsonl,
    /// RFC 4180, with a header.
    Csv,
    /// The spans of an interaction, indented.
    Tree,
    /// An interaction for a ticket.
    Markdown,
}

impl Output {
    /// The word behind `-o`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Tree => "tree",
            Self::Markdown => "md",
        }
    }
}

/// How tables look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Columns to fill; `usize::MAX` cuts nothing.
    pub width: usize,
    /// Escape sequences are welcome.
    pub color: bool,
    /// The present: times of today show without their date.
    pub now: Nanos,
    /// The zone of the times in tables. Data is in UTC.
    pub zone: TimeZone,
}

impl Look {
    /// A moment for the eye: `15:02:11`, with the date in front when it is not today's.
    fn time(&self, at: Nanos) -> String {
        let local = |at| Timestamp::from_nanosecond(i128::from(at)).map(|moment| moment.to_zoned_datetime(self.zone.clone()));
        match (local(at), local(self.now)) {
            (Ok(at), Ok(now)) if at.date() == now.date() => at.strftime("%H:%M:%S").to_string(),
            (Ok(at), _) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            (Err(_), _) => String::new(),
        }
    }
}
