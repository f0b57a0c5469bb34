//! A bad answer, checked step by step: found by what, the exact prompt, the retrieved documents, the context window, the temperature,
//! and what else spoils answers. Deterministic and without a model: every line states the evidence it rests on, and what was not logged
//! is a result of its own. It says what is *likely*, never what is so.

mod call;
mod documents;
mod markdown;
#[cfg(test)]
mod tests;

use super::usual::Usual;
use crate::model::anomaly::Judging;
use crate::model::content::Contents;
use crate::model::query::Peers;
use crate::model::span::{Nanos, SpanKey, StartFrom};
use crate::model::trace::{Interaction, Trace};
use crate::pricing::Prices;

/// What a check is about. The first five are the steps in which a bad answer is debugged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Step {
    /// The interaction was found, and by what.
    Found,
    /// The exact prompt, and the model it went to.
    Prompt,
    /// The retrieved documents.
    Documents,
    /// The context window.
    Context,
    /// The temperature.
    Temperature,
    /// The answer itself.
    Answer,
    /// The tools.
    Tools,
    /// The conversation before.
    History,
    /// The system prompt over time.
    Version,
    /// What it cost beside the usual.
    Cost,
}

impl Step {
    /// Its name in data.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// What it is called on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Found => "1 found",
            Self::Prompt => "2 prompt",
            Self::Documents => "3 documents",
            Self::Context => "4 context",
            Self::Temperature => "5 temperature",
            Self::Answer => "  answer",
            Self::Tools => "  tools",
            Self::History => "  history",
            Self::Version => "  version",
            Self::Cost => "  cost",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Nothing wrong there.
    Fine,
    /// Worth a look.
    Suspect,
    /// It could not be checked.
    Unknown,
}

impl Mark {
    /// Its sign.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Fine => "✔",
            Self::Suspect => "▲",
            Self::Unknown => "?",
        }
    }

    /// Its name in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Suspect => "suspect",
            Self::Unknown => "unknown",
        }
    }
}

/// Where the evidence of a check stands in a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// What the model was told.
    Prompt,
    /// What it answered.
    Response,
    /// What was retrieved.
    Documents,
    /// A tool's payloads.
    Tools,
    /// Model, parameters, findings.
    Parameters,
    /// Tokens.
    Cost,
}

impl Place {
    /// Its name in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Response => "response",
            Self::Documents => "documents",
            Self::Tools => "tools",
            Self::Parameters => "parameters",
            Self::Cost => "cost",
        }
    }
}

/// One line of a diagnosis.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// What it is about.
    pub step: Step,
    /// How it came out.
    pub mark: Mark,
    /// The sentence, with its evidence.
    pub says: String,
    /// Where the evidence can be seen.
    pub at: Option<(SpanKey, Place)>,
    /// What it would make likely, and how strongly it speaks (0 the strongest): only of suspects.
    likely: Option<(u8, String)>,
}

/// What led to the interaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// It was selected, or named by its id.
    Id,
    /// A filter of the list, as written.
    Filter(String),
    /// A user, a time, or both.
    Near {
        /// The user.
        user: Option<String>,
        /// The time complained of; `None` stands for the latest.
        at: Option<Nanos>,
        /// Other interactions that would do, near that time.
        others: usize,
    },
}

/// What a diagnosis looks at.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The interaction.
    pub trace: &'a Trace,
    /// All its contents.
    pub contents: &'a [(SpanKey, Contents)],
    /// What came before it in its feature.
    pub peers: &'a Peers,
    /// Prices, for the context windows.
    pub prices: &'a Prices,
    /// What costs are judged by.
    pub judging: &'a Judging,
    /// What led to it.
    pub lead: &'a Lead,
}

/// All that is found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The interaction.
    pub row: Interaction,
    /// What the user asked; `None` when not logged.
    pub question: Option<String>,
    /// What the user saw; `None` when not logged.
    pub answer: Option<String>,
    /// The verdict: what is likely, in one sentence.
    pub verdict: String,
    /// What else is suspect, the strongest first.
    pub also: Vec<String>,
    /// Where the verdict's evidence stands.
    pub at: Option<(SpanKey, Place)>,
    /// The same feature's last good interaction, to compare with.
    pub last_good: Option<String>,
    /// The lines, in the order of the steps.
    pub checks: Vec<Check>,
}

/// Gathers the lines of a diagnosis.
struct Lines(Vec<Check>);

impl Lines {
    fn fine(&mut self, step: Step, at: Option<(SpanKey, Place)>, says: impl Into<String>) {
        self.add(step, Mark::Fine, at, says.into(), None);
    }

    fn unknown(&mut self, step: Step, at: Option<(SpanKey, Place)>, says: impl Into<String>) {
        self.add(step, Mark::Unknown, at, says.into(), None);
    }

    fn suspect(&mut self, step: Step, at: Option<(SpanKey, Place)>, says: impl Into<String>, likely: (u8, String)) {
        self.add(step, Mark::Suspect, at, says.into(), Some(likely));
    }

    fn add(&mut self, step: Step, mark: Mark, at: Option<(SpanKey, Place)>, says: String, likely: Option<(u8, String)>) {
        self.0.push(Check {
            step,
            mark,
            says,
            at,
            likely,
        });
    }
}

/// Runs all checks.
#[must_use]
pub fn diagnose(case: Case<'_>) -> Diagnosis {
    let usual = Usual::of(case.peers, case.prices);
    let mut lines = Lines(Vec::new());
    found(&case, &mut lines);
    call::prompt(&case, &usual, &mut lines);
    documents::check(&case, &usual, &mut lines);
    call::context(&case, &usual, &mut lines);
    call::temperature(&case, &usual, &mut lines);
    call::answer(&case, &mut lines);
    call::tools(&case, &mut lines);
    call::history(&case, &mut lines);
    call::version(&case, &mut lines);
    call::cost(&case, &mut lines);
    let mut checks = lines.0;
    checks.sort_by_key(|check| check.step);
    // Of many tools that failed the first stands for all.
    let failed: Vec<&Check> = checks
        .iter()
        .filter(|check| check.step == Step::Tools && check.likely.is_some())
        .collect();
    let more = failed.len().saturating_sub(1);
    let shown = |check: &&Check| check.step != Step::Tools || failed.first().is_some_and(|first| std::ptr::eq(*first, *check));
    let mut suspects: Vec<(&u8, String, Option<(SpanKey, Place)>)> = checks
        .iter()
        .filter(shown)
        .filter_map(|check| {
            let (rank, words) = check.likely.as_ref()?;
            let more = if check.step == Step::Tools && more > 0 {
                format!(" (and {more} more)")
            } else {
                String::new()
            };
            Some((rank, format!("{words}{more}"), check.at))
        })
        .collect();
    suspects.sort_by_key(|(rank, ..)| **rank);
    let verdict = match suspects.first() {
        Some((_, words, _)) => format!("likely: {words}"),
        None => nothing(&checks),
    };
    let at = suspects.first().and_then(|(.., at)| *at);
    let also = suspects.iter().skip(1).map(|(_, words, _)| words.clone()).collect();
    Diagnosis {
        row: case.trace.row.clone(),
        question: documents::question(&case),
        answer: documents::answer(&case),
        verdict,
        also,
        at,
        last_good: super::versions::last_good(case.trace, case.contents, case.peers).map(|trace| trace.row.trace_id.clone()),
        checks,
    }
}

/// The verdict where nothing is suspect.
fn nothing(checks: &[Check]) -> String {
    let mut open: Vec<&str> = checks
        .iter()
        .filter(|check| check.mark == Mark::Unknown && check.step != Step::Cost)
        .map(|check| check.step.title().trim_start_matches([' ', '1', '2', '3', '4', '5']))
        .collect();
    open.dedup();
    if open.is_empty() {
        "nothing in the log explains it; likely the model itself: send the prompt again and see whether it answers the same".to_owned()
    } else {
        format!(
            "nothing suspect in what was logged; not fully checked, because of what was not logged: {}",
            open.join(", ")
        )
    }
}

/// Step 1: what led here, and which keys were logged that lead here at all.
fn found(case: &Case<'_>, lines: &mut Lines) {
    let row = &case.trace.row;
    let at = case.trace.telling().map(|span| (span.key, Place::Parameters));
    match case.lead {
        Lead::Id => lines.fine(Step::Found, at, format!("trace {}", row.trace_id)),
        Lead::Filter(text) => lines.fine(Step::Found, at, format!("by filter {text}")),
        Lead::Near { user, at: asked, others } => {
            let who = user.as_ref().map_or_else(String::new, |user| format!("by user {user}"));
            let when = match asked {
                None => "the latest".to_owned(),
                Some(asked) => {
                    let off = row.start.abs_diff(*asked) / 60_000_000_000;
                    let side = if row.start < *asked { "before" } else { "after" };
                    let near = if off == 0 {
                        "at that minute".to_owned()
                    } else {
                        format!("{off} min {side} it")
                    };
                    format!("by time: {near}")
                }
            };
            let and = if who.is_empty() { "" } else { ", " };
            let others = match others {
                0 => String::new(),
                1 => "; one other is near by".to_owned(),
                count => format!("; {count} others are near by"),
            };
            lines.fine(Step::Found, at, format!("{who}{and}{when}{others}"));
        }
    }
    let keys = [("user", &row.user), ("session", &row.session), ("feature", &row.feature)];
    let missing: Vec<&str> = keys.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        let why = if missing.contains(&"feature") {
            "what is usual for its feature is unknown"
        } else {
            "a complaint cannot be found by it"
        };
        lines.unknown(Step::Found, at, format!("{} not logged: {why}", missing.join(", ")));
    }
    if row.start_from != StartFrom::Logged {
        let from = match row.start_from {
            StartFrom::Logged | StartFrom::Envelope => "the logger's wrapper",
            StartFrom::File => "the file",
            StartFrom::Arrival => "when the line was read",
        };
        if row.start_from == StartFrom::Envelope {
            lines.fine(Step::Found, at, format!("its time is that of {from}"));
        } else {
            lines.unknown(Step::Found, at, format!("its time was not logged; it is that of {from}"));
        }
    }
}
