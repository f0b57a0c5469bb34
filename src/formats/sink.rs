//! Where a line's facts go: every reader builds parts here, so that origins, ids and leftovers are treated alike.

use base64::Engine as _;

use super::message::{self, checked_object};
use super::scan::Fields;
use crate::model::content::Slot;
use crate::model::framing::Framing;
use crate::model::record::Block;
use crate::model::span::{Inferred, Nanos, Origin, Part, SpanKind, StartFrom, Status, TraceKey};
use crate::model::turn::Turn;
use crate::model::usage::{Convention, Usage};

/// Longer ids are shortened; no tracer makes them.
const LONGEST_ID: usize = 1024;

/// What is known about a line before its record is read.
pub struct Line<'b> {
    /// The block it stands in.
    pub block: &'b Block,
    /// Where it stands.
    pub origin: Origin,
    /// The envelope's time.
    pub time: Option<Nanos>,
    /// What the envelopes held beside the record.
    pub rest: Fields<'static>,
    /// What had to be repaired.
    pub repaired: Inferred,
    /// Of a conversation: the turn under way.
    pub turn: &'b Turn,
}

impl<'b> Line<'b> {
    /// A line before anything was peeled off it.
    #[must_use]
    pub fn new(block: &'b Block, turn: &'b Turn, origin: Origin, repaired: Inferred) -> Self {
        Self {
            block,
            origin,
            time: None,
            rest: Fields::default(),
            repaired,
            turn,
        }
    }
}

/// Collects the parts of one line.
pub struct Sink<'s> {
    parts: &'s mut Vec<Part>,
    first: usize,
}

impl<'s> Sink<'s> {
    /// A sink for a new line.
    pub fn new(parts: &'s mut Vec<Part>) -> Self {
        let first = parts.len();
        Self { parts, first }
    }

    /// How many parts this line has so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.parts.len() - self.first
    }

    /// Forgets what this line has added since it had so many parts.
    pub fn undo(&mut self, count: usize) {
        self.parts.truncate(self.first + count);
    }

    /// Starts a part.
    #[must_use]
    pub fn begin(&self, line: &Line<'_>, dialect: &'static str) -> Part {
        Part {
            origin: Origin {
                ordinal: self.count() as u32,
                ..line.origin
            },
            dialect: dialect.into(),
            inferred: line.repaired,
            ..Part::default()
        }
    }

    /// Finishes a part: what was not mapped becomes its attributes. What the envelope held goes to the line's first part.
    pub fn push(&mut self, line: &Line<'_>, mut part: Part, rest: &Fields<'_>) {
        if part.kind == SpanKind::Tool && part.answer.is_empty() {
            let result = part.contents.iter().find(|piece| piece.slot == Slot::Result);
            part.answer = result.map(|piece| message::first_words(&piece.body)).unwrap_or_default();
        }
        let envelope = (self.count() == 0).then_some(&line.rest);
        let mut leftovers = rest.rest().chain(envelope.into_iter().flat_map(Fields::rest)).peekable();
        if leftovers.peek().is_some() {
            let (attributes, ordinary) = checked_object(leftovers);
            if !ordinary {
                part.inferred = part.inferred.and(Inferred::REPAIRED);
            }
            part.attributes = Some(attributes);
        }
        if part.trace_id.is_empty() {
            part.trace_id = format!("{:016x}", made(line, part.origin.ordinal, "trace"));
            part.inferred = part.inferred.and(Inferred::TRACE_ID);
        }
        if part.span_id.is_empty() {
            part.span_id = format!("{:016x}", made(line, part.origin.ordinal, "span"));
            part.inferred = part.inferred.and(Inferred::SPAN_ID);
        }
        part.trace = TraceKey::of(&part.trace_id, &line.block.source.uri);
        self.parts.push(part);
    }
}

/// An id made from the record's place, the same whenever the place is read again. A document that is written anew with more at its end
/// holds the same records at the same places.
fn made(line: &Line<'_>, ordinal: u32, what: &str) -> u64 {
    let generation = match line.block.framing {
        Framing::Documents => 0,
        _ => line.origin.generation,
    };
    let place = format!("{}\0{generation}\0{}\0{ordinal}\0{what}", line.block.source.uri, line.origin.offset);
    xxhash_rust::xxh3::xxh3_64(place.as_bytes())
}

/// An id in its one spelling: hex lower-cased, `0x` stripped, base64 of 8 or 16 bytes as hex. Zeros and nothing are no id.
#[must_use]
pub fn id(text: String, bytes: usize) -> Option<String> {
    let trimmed = text.trim();
    let hex = trimmed.strip_prefix("0x").unwrap_or(trimmed);
    if hex.is_empty() || matches!(hex.len(), 16 | 32) && hex.bytes().all(|b| b == b'0') {
        return None;
    }
    if hex.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') && matches!(hex.len(), 16 | 32 | 36) {
        return Some(hex.to_ascii_lowercase());
    }
    if trimmed.ends_with('=')
        && let Ok(decoded) = base64::engine::general_purpose::STANDARD.decode(trimmed)
        && decoded.len() == bytes
    {
        let hex: String = decoded.iter().map(|b| format!("{b:02x}")).collect();
        return id(hex, bytes);
    }
    if text.len() > LONGEST_ID {
        let head: String = text.chars().take(64).collect();
        return Some(format!("{head}:{:016x}", xxhash_rust::xxh3::xxh3_64(text.as_bytes())));
    }
    Some(text)
}

/// When a record happened, from whatever was logged.
#[derive(Clone, Copy, Default)]
pub struct Times {
    /// Its start.
    pub start: Option<Nanos>,
    /// Its end.
    pub end: Option<Nanos>,
    /// How long it took.
    pub duration: Option<Nanos>,
}

impl Times {
    /// Sets the part's start and end. A logger writes after the call, so the envelope's time is its end.
    pub fn apply(self, part: &mut Part, line: &Line<'_>) {
        let duration = self.duration;
        let mut infer = |what| part.inferred = part.inferred.and(what);
        (part.start, part.start_from, part.end) = match (self.start, self.end, line.time) {
            (Some(start), Some(end), _) => (start, StartFrom::Logged, Some(end)),
            (Some(start), None, _) => {
                if duration.is_some() {
                    infer(Inferred::END);
                }
                (start, StartFrom::Logged, duration.map(|d| start.saturating_add(d)))
            }
            (None, Some(end), _) => {
                infer(Inferred::START);
                (end.saturating_sub(duration.unwrap_or(0)), StartFrom::Logged, Some(end))
            }
            (None, None, Some(end)) => {
                if duration.is_some() {
                    infer(Inferred::START);
                }
                (
                    end.saturating_sub(duration.unwrap_or(0)),
                    StartFrom::Envelope,
                    duration.map(|_| end),
                )
            }
            (None, None, None) => {
                infer(Inferred::START);
                let (start, from) = line.block.fallback;
                (start, from, duration.map(|d| start.saturating_add(d)))
            }
        };
    }
}

/// Puts logged tokens into disjoint classes, by the dialect's word on what input means and by the figures.
pub fn normalise(part: &mut Part, claimed: Convention, logged: Usage) {
    normalise_beside(part, claimed, logged, None);
}

/// The same where a total of input and output is logged beside them: it tells whether cached tokens are counted in the input.
/// Whatever is claimed, an input smaller than its cached part did not include it. Where neither the claim nor the figures decide, the
/// lower reading is taken: that input includes them.
pub fn normalise_beside(part: &mut Part, claimed: Convention, logged: Usage, total: Option<u64>) {
    let mut usage = logged;
    let mut convention = claimed;
    if let (Some(input), Some(cached)) = (logged.input, logged.cached().filter(|cached| *cached > 0)) {
        let plain = input.checked_add(logged.output.unwrap_or(0));
        let apart = plain.and_then(|plain| plain.checked_add(cached));
        let shown = match total {
            _ if cached > input => Some(Convention::Exclusive),
            Some(_) if total == plain => Some(Convention::Inclusive),
            Some(_) if total == apart => Some(Convention::Exclusive),
            _ => None,
        };
        if let Some(shown) = shown.filter(|shown| *shown != claimed) {
            convention = shown;
            part.inferred = part.inferred.and(Inferred::CONVENTION);
        }
        if convention != Convention::Exclusive {
            usage.input = Some(input - cached);
        }
    }
    part.usage = usage;
    part.convention = convention;
}

/// The kind a word names, in the spellings of all vocabularies.
#[must_use]
pub fn kind_of(word: &str) -> Option<SpanKind> {
    let word = word.to_ascii_lowercase();
    Some(match &*word {
        "llm" | "chat" | "completion" | "generation" | "text_completion" | "generate_content" | "generate" | "model" | "call_llm"
        | "chat_model" => SpanKind::Llm,
        "tool" | "execute_tool" | "tool_call" | "function" => SpanKind::Tool,
        "retrieval" | "retriever" | "search" | "search_memory" => SpanKind::Retrieval,
        "embedding" | "embeddings" | "embed" => SpanKind::Embedding,
        "rerank" | "reranker" => SpanKind::Rerank,
        "agent" | "invoke_agent" | "create_agent" | "handoff" => SpanKind::Agent,
        "chain" | "workflow" | "task" | "invoke_workflow" | "plan" => SpanKind::Chain,
        "guardrail" => SpanKind::Guardrail,
        "evaluator" | "evaluation" => SpanKind::Evaluator,
        "request" | "http" => SpanKind::Request,
        _ => return None,
    })
}

/// Notes a failure.
pub fn fail(part: &mut Part, message: Option<String>) {
    part.status = Status::Error;
    if part.error.is_none() {
        part.error = message;
    }
}
