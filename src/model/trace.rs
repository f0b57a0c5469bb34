//! A whole interaction, derived from all its parts: what the tree shows, and what the store keeps of it.

use super::content::Slot;
use super::span::{Nanos, Origin, Part, SpanKey, SpanKind, StartFrom, Status, TraceKey, names};
use super::usage::{Cost, CostBasis, Usage};

/// Something worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingKind {
    /// A span or the interaction failed.
    Error,
    /// A tool failed.
    ToolError,
    /// The answer was cut at the token limit.
    Truncated,
    /// The prompt fills more than 80 % of the model's context window.
    ContextNearlyFull,
    /// Temperature above 0.7.
    HotTemperature,
    /// A model call without a logged prompt.
    MissingPrompt,
    /// Two finished records of one span disagree.
    Conflict,
    /// A span names a parent that was not logged.
    MissingParent,
    /// Parents form a circle; it was cut.
    Cycle,
    /// A parent's usage is larger than that of the calls below it.
    RollupMismatch,
    /// A time that cannot be right: an end before its start, or before 2000.
    Clock,
    /// A model without a price.
    Unpriced,
    /// The line had to be repaired before it could be read.
    Repaired,
}
names!(FindingKind, Error = 0 "error", ToolError = 1 "tool_error", Truncated = 2 "truncated", ContextNearlyFull = 3 "context_nearly_full",
    HotTemperature = 4 "hot_temperature", MissingPrompt = 5 "missing_prompt", Conflict = 6 "conflict", MissingParent = 7 "missing_parent",
    Cycle = 8 "cycle", RollupMismatch = 9 "rollup_mismatch", Clock = 10 "clock", Unpriced = 11 "unpriced", Repaired = 12 "repaired");

impl FindingKind {
    /// Its letter in a column of flags.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Error => 'E',
            Self::ToolError => 'e',
            Self::Truncated => 'X',
            Self::ContextNearlyFull => 'C',
            Self::HotTemperature => 'T',
            Self::MissingPrompt => 'P',
            Self::Conflict => '!',
            Self::MissingParent => 'O',
            Self::Cycle => '@',
            Self::RollupMismatch => 'M',
            Self::Clock => 'K',
            Self::Unpriced => '?',
            Self::Repaired => 'R',
        }
    }
}

/// A finding with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was found.
    pub kind: FindingKind,
    /// The sentence that proves it, with the figures.
    pub evidence: String,
}

/// A set of findings, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Findings(pub u64);

impl Findings {
    /// Adds one.
    pub fn insert(&mut self, kind: FindingKind) {
        self.0 |= 1 << kind.number();
    }
    /// Whether it is there.
    #[must_use]
    pub const fn has(self, kind: FindingKind) -> bool {
        self.0 >> kind.number() & 1 == 1
    }
    /// All of them, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = FindingKind> {
        FindingKind::ALL.iter().copied().filter(move |kind| self.has(*kind))
    }
}

/// One interaction as a row: what lists, filters and panels read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interaction {
    /// Key of `trace_id`.
    pub trace: TraceKey,
    /// As logged.
    pub trace_id: String,
    /// The root's name; empty when not logged.
    pub name: String,
    /// When it began.
    pub start: Nanos,
    /// The worst of the spans that decided `start`.
    pub start_from: StartFrom,
    /// From its start to its last end; `None` when no end was logged.
    pub duration: Option<Nanos>,
    /// Stated nearest the root, then earliest.
    pub feature: Option<String>,
    /// Stated nearest the root, then earliest.
    pub user: Option<String>,
    /// Stated nearest the root, then earliest.
    pub session: Option<String>,
    /// Stated nearest the root, then earliest.
    pub service: Option<String>,
    /// Models of its counted calls (the one that answered, else the one asked for), each once, in order of first use.
    pub models: Vec<String>,
    /// Spans as logged: twins are two.
    pub spans: u32,
    /// Model calls; roll-ups and twins not counted.
    pub llm_calls: u32,
    /// Tool executions.
    pub tool_calls: u32,
    /// Retrievals.
    pub retrievals: u32,
    /// Counted calls: spans with a usage or a logged cost of their own, of any kind. The rows of `call`.
    pub calls: u32,
    /// Counted calls without any known cost.
    pub unpriced_calls: u32,
    /// Sum over the counted calls, a class at a time; `None` where no call logged the class.
    pub usage: Usage,
    /// Sum over the counted calls whose cost is known; `None` when none is.
    pub cost: Option<Cost>,
    /// The weakest basis of its calls.
    pub cost_basis: CostBasis,
    /// Sum of the log's own figures over the counted calls, else the root's figure.
    pub cost_logged: Option<Cost>,
    /// The root's, else the worst of the spans.
    pub status: Status,
    /// Trace-local findings.
    pub findings: Findings,
    /// The root's dialect.
    pub dialect: String,
    /// First words of what the user asked last.
    pub ask: String,
    /// First words of the final answer.
    pub answer: String,
    /// Smallest `start` of its parts: with `last`, the window to fetch them in.
    pub first: Nanos,
    /// Largest `start` of its parts.
    pub last: Nanos,
    /// Orders interactions of equal start: source, generation, offset and ordinal of the first part, packed by `place`.
    pub place: i128,
}

/// Packs an origin so that comparing the numbers compares source, generation, offset and ordinal in turn.
#[must_use]
pub const fn place(origin: &Origin) -> i128 {
    (origin.source as i128) << 96
        | (origin.generation as i128 & 0xffff) << 80
        | (origin.offset as i128 & 0xff_ffff_ffff_ffff) << 24
        | (origin.ordinal as i128 & 0xff_ffff)
}

/// One span of a derived trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its key.
    pub key: SpanKey,
    /// All its parts merged; `contents` is empty here and loaded on demand. Inherited fields are *not* filled in.
    pub part: Part,
    /// Index of the parent in `Trace::spans`.
    pub parent: Option<u32>,
    /// Depth in the tree; a root has 0.
    pub depth: u16,
    /// Where its records stand, sorted.
    pub origins: Vec<Origin>,
    /// Spans that other instrumentations logged of the same call, around it, the outermost first: together with them it is one row.
    pub twins: Vec<Part>,
    /// Its usage repeats that of spans below it, or of a record elsewhere: shown, never counted.
    pub rolled_up: bool,
    /// It has usage or a logged cost and is counted: a row of `call`.
    pub counted: bool,
    /// Its own cost; `None` when unknown or when it is not a call.
    pub cost: Option<Cost>,
    /// How far `cost` can be trusted.
    pub cost_basis: CostBasis,
    /// What the prompt cache saved of its cost, below 0 where it cost more; `None` when no cached tokens were logged or the price is unknown.
    pub saved: Option<Cost>,
    /// What is noteworthy about it.
    pub findings: Vec<Finding>,
    /// A placeholder for a parent that was never logged: no part, name `(missing parent)`.
    pub missing: bool,
    /// The usage of counted calls at and below it.
    pub total_usage: Usage,
    /// The cost of counted calls at and below it; `None` when none is known.
    pub total_cost: Option<Cost>,
    /// For a model call, its number among the model calls of the trace in order of start, from 1; roll-ups have none.
    pub turn: Option<u32>,
    /// Input tokens (all classes) of the model call before it, where `turn` > 1.
    pub previous_input: Option<u64>,
}

/// A whole interaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The row of the list.
    pub row: Interaction,
    /// Spans in tree order: a parent before its children, siblings by (start, place).
    pub spans: Vec<Span>,
}

impl Trace {
    /// The model call that says the most about the answer: the last one that is counted, else the last span.
    #[must_use]
    pub fn telling(&self) -> Option<&Span> {
        let calls = || self.spans.iter().filter(|span| span.part.kind == SpanKind::Llm && !span.missing);
        let last = calls()
            .filter(|span| !span.rolled_up)
            .max_by_key(|span| (span.turn, span.part.start));
        last.or_else(|| calls().next_back())
            .or_else(|| self.spans.iter().rfind(|span| !span.missing))
    }

    /// Its last model call, where messages were logged with that: the next interaction of a conversation goes on from there.
    #[must_use]
    pub fn goes_on_from(&self) -> Option<&Span> {
        let last = self.spans.iter().filter(|span| span.turn.is_some()).max_by_key(|span| span.turn);
        last.filter(|span| span.part.slots & Slot::Message.bit() != 0)
    }

    /// Its counted model calls in order of start.
    #[must_use]
    pub fn turns(&self) -> Vec<&Span> {
        let mut turns: Vec<&Span> = self.spans.iter().filter(|span| span.turn.is_some()).collect();
        turns.sort_by_key(|span| span.turn);
        turns
    }
}

impl Span {
    /// The keys of the spans that are one row here: its own, then those around it outwards.
    pub fn keys(&self) -> impl Iterator<Item = SpanKey> {
        let twins = self.twins.iter().rev();
        std::iter::once(self.key).chain(twins.map(|twin| SpanKey::of(twin.trace, &twin.span_id)))
    }
    /// The model that answered, else the one asked for.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.part.response_model.as_deref().or(self.part.request_model.as_deref())
    }
}

impl Findings {
    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<FindingKind> for Findings {
    fn from_iter<I: IntoIterator<Item = FindingKind>>(kinds: I) -> Self {
        let mut set = Self::default();
        for kind in kinds {
            set.insert(kind);
        }
        set
    }
}
