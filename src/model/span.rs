//! Spans: what one record says about a step (`Part`), before a trace's parts are merged.

use std::borrow::Cow;

use super::content::Piece;
use super::json::Json;
use super::usage::{Convention, Cost, Usage};

/// Nanoseconds UTC since 1970, or a duration in nanoseconds.
pub type Nanos = i64;

/// xxh3-64 of a trace id; of source URI and id where the id is not globally unique.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceKey(pub u64);

/// xxh3-64 of a trace key and a span id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanKey(pub u64);

impl TraceKey {
    /// The key of a trace id as logged (hex already lower-cased, `0x` stripped).
    /// An id that is neither a UUID nor 128-bit hex is unique only within its source, so the URI takes part.
    #[must_use]
    pub fn of(id: &str, source_uri: &str) -> Self {
        if is_global(id) {
            return Self(xxhash_rust::xxh3::xxh3_64(id.as_bytes()));
        }
        let mut bytes = Vec::with_capacity(source_uri.len() + id.len() + 1);
        bytes.extend_from_slice(source_uri.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(id.as_bytes());
        Self(xxhash_rust::xxh3::xxh3_64(&bytes))
    }
}

impl SpanKey {
    /// The key of a span id within its trace.
    #[must_use]
    pub fn of(trace: TraceKey, span_id: &str) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64_with_seed(span_id.as_bytes(), trace.0))
    }
}

/// A UUID, or 32 hex digits.
fn is_global(id: &str) -> bool {
    let hex = |b: u8| b.is_ascii_hexdigit();
    match id.len() {
        32 => id.bytes().all(hex),
        36 => id
            .bytes()
            .enumerate()
            .all(|(i, b)| if matches!(i, 8 | 13 | 18 | 23) { b == b'-' } else { hex(b) }),
        _ => false,
    }
}

macro_rules! names {
    ($type:ty, $($variant:ident = $number:literal $name:literal),+ $(,)?) => {
        impl $type {
            /// Every value, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word used in files, filters and JSON.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// The number kept in the store.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $(Self::$variant => $number),+ } }
            /// The value of a number kept in the store.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> { match number { $($number => Some(Self::$variant),)+ _ => None } }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.pad(self.name()) }
        }
        impl std::str::FromStr for $type {
            type Err = ();
            fn from_str(name: &str) -> Result<Self, ()> { match name { $($name => Ok(Self::$variant),)+ _ => Err(()) } }
        }
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.name()) }
        }
    };
}
pub(crate) use names;

/// What kind of step a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanKind {
    /// A model call.
    Llm,
    /// A tool execution.
    Tool,
    /// A search that returned documents.
    Retrieval,
    /// An embedding call.
    Embedding,
    /// A re-ranking call.
    Rerank,
    /// An agent's run.
    Agent,
    /// A step that groups others.
    Chain,
    /// A check of input or output.
    Guardrail,
    /// A judgement of another span.
    Evaluator,
    /// The user's request: the root of an interaction.
    Request,
    /// Anything else.
    #[default]
    Other,
}
names!(SpanKind, Llm = 0 "llm", Tool = 1 "tool", Retrieval = 2 "retrieval", Embedding = 3 "embedding", Rerank = 4 "rerank",
    Agent = 5 "agent", Chain = 6 "chain", Guardrail = 7 "guardrail", Evaluator = 8 "evaluator", Request = 9 "request", Other = 10 "other");

/// How a span ended. Ordered: an error wins over ok, ok over unset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Not logged.
    #[default]
    Unset,
    /// Logged as fine.
    Ok,
    /// Logged as failed.
    Error,
}
names!(Status, Unset = 0 "unset", Ok = 1 "ok", Error = 2 "error");

/// Where a start time comes from. Ordered from best to worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartFrom {
    /// The record itself.
    Logged,
    /// The logger's or container's wrapper around it.
    Envelope,
    /// The file's modification time when it was first opened.
    File,
    /// The moment the line was read.
    #[default]
    Arrival,
}
names!(StartFrom, Logged = 0 "logged", Envelope = 1 "envelope", File = 2 "file", Arrival = 3 "arrival");

/// Where a record stands in its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The source's number in this store.
    pub source: u32,
    /// Counts up when a file is truncated or replaced in place.
    pub generation: u32,
    /// Byte offset of the line's first byte.
    pub offset: u64,
    /// Bytes of the line, its newline not counted.
    pub length: u32,
    /// The record's place within the line, from 0.
    pub ordinal: u32,
    /// xxh3-64 of the line's bytes: a line read again later is checked against it.
    pub hash: u64,
}

/// Fields that a dialect had to infer rather than read. A set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inferred(pub u32);

impl Inferred {
    /// The start was computed from the end and a duration, or from a neighbour.
    pub const START: Self = Self(1);
    /// The end was computed.
    pub const END: Self = Self(1 << 1);
    /// The span id was made from the record's place.
    pub const SPAN_ID: Self = Self(1 << 2);
    /// The parent follows from the record's shape.
    pub const PARENT: Self = Self(1 << 3);
    /// The trace id was made from the record's place.
    pub const TRACE_ID: Self = Self(1 << 4);
    /// The order among siblings is a guess.
    pub const ORDER: Self = Self(1 << 5);
    /// The kind was guessed from other fields.
    pub const KIND: Self = Self(1 << 6);
    /// The line had to be repaired before it could be read (NaN, raw control bytes, lone surrogates, broken UTF-8 …).
    pub const REPAIRED: Self = Self(1 << 7);
    /// A value was out of range and was set aside (negative tokens, a cost that is not finite …).
    pub const OUT_OF_RANGE: Self = Self(1 << 8);
    /// Documents were recognised inside a tool's result.
    pub const DOCUMENTS: Self = Self(1 << 9);
    /// Whether input includes cached tokens was decided by arithmetic, against or without the dialect's word.
    pub const CONVENTION: Self = Self(1 << 10);
    /// Whether input includes cached tokens was set by the user for this source.
    pub const CONVENTION_SET: Self = Self(1 << 11);
    const NAMES: [&'static str; 12] = [
        "start",
        "end",
        "span_id",
        "parent_id",
        "trace_id",
        "order",
        "kind",
        "repaired",
        "out_of_range",
        "documents",
        "convention",
        "convention_set",
    ];

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// Whether every member of `other` is in this set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// The members' names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(i, _)| self.0 >> i & 1 == 1)
            .map(|(_, name)| name)
    }
}

/// What one record says about one span. A span may come in several parts, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Key of `trace_id`.
    pub trace: TraceKey,
    /// The trace's id as logged.
    pub trace_id: String,
    /// The span's id as logged, or made by the dialect (then `inferred` says so). Never empty.
    pub span_id: String,
    /// The parent's span id; `None` for a root.
    pub parent_id: Option<String>,
    /// What kind of step it is.
    pub kind: SpanKind,
    /// What the application calls it. Empty when not logged.
    pub name: String,
    /// When it began (best known; see `start_from`). Never missing.
    pub start: Nanos,
    /// Where `start` comes from.
    pub start_from: StartFrom,
    /// When it ended; `None` while it runs, or when no duration was logged.
    pub end: Option<Nanos>,
    /// The record was written at the span's end (final), not at its start.
    pub ended: bool,
    /// Time to the first token or chunk, in nanoseconds.
    pub time_to_first_token: Option<Nanos>,
    /// How it ended.
    pub status: Status,
    /// The error's message.
    pub error: Option<String>,
    /// Who served the model.
    pub provider: Option<String>,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// Request parameters but messages, system and model: a JSON object, keys as logged.
    pub params: Option<Json>,
    /// Why the model stopped, as logged.
    pub stop_reason: Option<String>,
    /// Tokens by class.
    pub usage: Usage,
    /// What `input` meant at the source.
    pub convention: Convention,
    /// The log's own figure of the cost of this span alone.
    pub cost_logged: Option<Cost>,
    /// What the application calls the endpoint or use case.
    pub feature: Option<String>,
    /// The user's id.
    pub user: Option<String>,
    /// The conversation's id.
    pub session: Option<String>,
    /// The service that wrote the record.
    pub service: Option<String>,
    /// A tool's name.
    pub tool_name: Option<String>,
    /// The id under which the model asked for the tool.
    pub tool_call_id: Option<String>,
    /// First words of the last user message, at most 200 characters. Empty when not logged.
    pub ask: String,
    /// First words of the answer, of a tool those of its result, at most 200 characters. Empty when not logged.
    pub answer: String,
    /// Names of the tools the model asked for in this call, in order.
    pub tool_calls: Vec<String>,
    /// How many documents were retrieved; `None` when none were logged as documents.
    pub documents: Option<u32>,
    /// Which slots have contents: bits of `Slot::bit`. Known without loading the contents.
    pub slots: u8,
    /// Whatever had no field of its own: a JSON object. Nothing is dropped.
    pub attributes: Option<Json>,
    /// Prompt, answer, documents, tool payloads, in order within each slot.
    pub contents: Vec<Piece>,
    /// What was inferred.
    pub inferred: Inferred,
    /// The dialect that read it (`formats` table).
    pub dialect: Cow<'static, str>,
    /// Where it stands.
    pub origin: Origin,
}
