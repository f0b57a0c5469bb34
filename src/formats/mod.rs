//! Lines into facts: every dialect in which spans are written down, behind three small traits.
//!
//! A *container* says how spans are written, a *vocabulary* how an attribute map says what a span is, an *envelope* what a logger
//! wraps around a record. Each line is recognised on its own; the line that nobody can read is kept, with the reason.
//! Nothing here touches a file or a clock.

pub mod container;
pub mod declined;
pub mod envelope;
pub mod message;
pub mod nested;
pub mod number;
pub mod own;
mod plain;
pub mod preview;
mod records;
pub mod repair;
pub mod scan;
pub mod sink;
pub mod time;
pub mod vocabulary;

use container::{Container, Outcome};
use envelope::Inner;
use records::Standing;
use scan::Fields;
use sink::{Line, Sink};

use crate::model::framing::Framing;
use crate::model::mapping::Mapping;
use crate::model::record::{Batch, Block, Order, Other, Reject, Tally};
use crate::model::span::{Inferred, Nanos, Origin};
use crate::model::turn::Turn;

/// One row of `spanscope formats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// The word for `--dialect` and in the output.
    pub name: &'static str,
    /// What it is, in one line.
    pub what: &'static str,
    /// Whether its lines need their earlier ones.
    pub order: Order,
    /// How it is recognised, in one line.
    pub example: &'static str,
}

/// JSON objects that no container recognises.
pub static GENERIC: Dialect = Dialect {
    name: "generic",
    what: "any other JSON object: shown and searchable, no span",
    order: Order::Random,
    example: "a JSON object that nothing else recognises",
};

/// Envelopes inside envelopes: a container's around a logger's around another's.
const DEEPEST_ENVELOPE: u32 = 4;
/// What is kept of a line without spans.
const OTHER_BYTES: usize = 64 << 10;
/// What is kept of each end of an unreadable line.
const REJECT_END: usize = 512 << 10;
/// Records on one physical line that are still read apart.
const MOST_RECORDS: usize = 1000;

/// All dialects, in the order they are recognised; the generic one is last.
#[must_use]
pub fn dialects() -> &'static [Dialect] {
    static ALL: std::sync::LazyLock<Vec<Dialect>> = std::sync::LazyLock::new(|| {
        let containers = container::UNMISTAKABLE.iter().chain(container::PLAIN);
        containers.map(|c| *c.dialect()).chain([GENERIC]).collect()
    });
    &ALL
}

/// Reads a block. Never fails: `lines = span + other + rejected + blank`.
#[must_use]
pub fn parse(block: &Block) -> Batch {
    parse_with(block, &[])
}

/// The same, with formats of the user's own: they come first.
#[must_use]
pub fn parse_with(block: &Block, own: &[Mapping]) -> Batch {
    let mut reader = Reader {
        block,
        forced: block.dialect.as_deref(),
        own,
        batch: Batch {
            source: block.source.clone(),
            identity: block.identity,
            range: block.range(),
            parts: Vec::new(),
            others: Vec::new(),
            rejects: Vec::new(),
            tally: Tally::default(),
        },
        winners: Vec::new(),
        turn: block.turn.clone(),
    };
    if block.omitted > 0 {
        reader.too_long();
        return reader.batch;
    }
    match block.framing {
        Framing::Lines | Framing::Conversation => reader.lines(),
        Framing::Documents => reader.documents(),
        Framing::Docker | Framing::Cri => reader.pieces(),
    }
    for (name, count) in reader.winners {
        reader.batch.tally.dialects.insert(name.to_owned(), count);
    }
    reader.batch
}

/// A record's fate.
type Fate = (&'static str, Outcome);

struct Reader<'b> {
    block: &'b Block,
    forced: Option<&'b str>,
    own: &'b [Mapping],
    batch: Batch,
    /// Lines by dialect.
    winners: Vec<(&'static str, u64)>,
    /// Of a conversation: the turn under way.
    turn: Turn,
}

impl Reader<'_> {
    /// Reads a record: its text, and the bytes it stands in.
    fn take(&mut self, text: &[u8], bytes: &[u8], offset: u64) -> Standing {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return Standing::Blank;
        }
        let origin = self.origin(bytes, offset);
        match self.read(trimmed, origin) {
            Ok((dialect, Outcome::Spans)) => Standing::Span(dialect),
            Ok((dialect, Outcome::Other(at))) => {
                self.batch.others.push(Other {
                    origin,
                    at: at.unwrap_or(self.block.fallback.0),
                    dialect: dialect.into(),
                    text: head(text),
                });
                Standing::Other(dialect)
            }
            Ok((_, Outcome::Bad(reason, detail))) => self.reject(bytes, origin, reason, detail),
            Err((reason, detail)) => match declined::name(trimmed) {
                Some((name, advice)) => self.reject(bytes, origin, name, advice.to_owned()),
                None => self.reject(bytes, origin, reason, detail),
            },
        }
    }

    fn origin(&self, bytes: &[u8], offset: u64) -> Origin {
        Origin {
            source: self.block.source.id,
            generation: self.block.source.generation,
            offset,
            length: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ordinal: 0,
            hash: xxhash_rust::xxh3::xxh3_64(bytes),
        }
    }

    /// Only the ends of the line were read.
    fn too_long(&mut self) {
        let block = self.block;
        let length = block.bytes.len() as u64 + block.omitted;
        let origin = Origin {
            length: u32::try_from(length).unwrap_or(u32::MAX),
            ..self.origin(&block.bytes, block.offset)
        };
        let (reason, detail) = if block.bytes.iter().all(|byte| *byte == 0) {
            ("NUL bytes", format!("{length} bytes"))
        } else {
            let kept = block.bytes.len() / 2048;
            ("line too long", format!("{length} bytes; its first and last {kept} KiB are kept"))
        };
        let standing = self.reject(&block.bytes, origin, reason, detail);
        self.count(standing, 1);
    }

    fn reject(&mut self, bytes: &[u8], origin: Origin, reason: &'static str, detail: String) -> Standing {
        let kept = if bytes.len() <= 2 * REJECT_END {
            bytes.to_vec()
        } else {
            [&bytes[..REJECT_END], &bytes[bytes.len() - REJECT_END..]].concat()
        };
        self.batch.rejects.push(Reject {
            origin,
            reason,
            detail,
            bytes: kept,
        });
        Standing::Rejected(reason)
    }

    /// Strict first; then one repair; then the reason why not.
    fn read(&mut self, bytes: &[u8], origin: Origin) -> Result<Fate, (&'static str, String)> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let strict = match std::str::from_utf8(bytes) {
            Ok(text) => {
                if text.starts_with('[') {
                    match self.list(text, origin) {
                        // `[2026-11-22 15:04:05] {…}` is no list but a logger's prefix.
                        Err(("not JSON", error)) if text.contains('{') => error,
                        fate => return fate,
                    }
                } else if !text.starts_with('{') {
                    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
                        // A record may be written as a JSON string.
                        let inner = message::unwrapped(text);
                        return match Fields::of(&inner) {
                            Some(fields) => Ok(self.records(vec![fields], origin, Inferred::default(), "")),
                            None => Err(("not an object", "a JSON value that is no object".to_owned())),
                        };
                    }
                    if let Some((prefix, json)) = prefixed(text) {
                        if is_piece(prefix, json) {
                            let advice = "the container runtime cut the line into pieces of 16 KiB, and not all of them stand here in their order: log to a file of the application's own";
                            return Err((envelope::docker::LOST, advice.to_owned()));
                        }
                        if !repair::lone_surrogate(json)
                            && let Ok(fields) = Fields::parse(json)
                        {
                            return Ok(self.records(vec![fields], origin, Inferred::default(), prefix));
                        }
                    }
                    "no JSON object".to_owned()
                } else if repair::lone_surrogate(text) {
                    "a lone surrogate".to_owned()
                } else if let Some(fate) = self.at_once(text, origin) {
                    return Ok(fate);
                } else {
                    match Fields::parse(text) {
                        Ok(fields) => return Ok(self.records(vec![fields], origin, Inferred::default(), "")),
                        Err(error) => match prefixed(text).and_then(|(_, json)| Fields::parse(json).ok()) {
                            Some(fields) => return Ok(self.records(vec![fields], origin, Inferred::default(), "")),
                            None => error.to_string(),
                        },
                    }
                }
            }
            Err(error) => error.to_string(),
        };
        if bytes.iter().all(|b| *b == 0) {
            return Err(("NUL bytes", format!("{} bytes", bytes.len())));
        }
        let Some(repaired) = repair::repair(bytes) else {
            return Err(("not JSON", strict));
        };
        let mut records = Vec::new();
        let mut stream = serde_json::Deserializer::from_str(&repaired.text).into_iter::<Fields<'_>>();
        let problem = loop {
            match stream.next() {
                Some(Ok(fields)) if records.len() < MOST_RECORDS => records.push(fields),
                Some(Ok(_)) => break Some(("not JSON", "too many records on one line".to_owned())),
                Some(Err(error)) if error.is_eof() => break Some(("truncated JSON", error.to_string())),
                Some(Err(error)) => break Some(("not JSON", error.to_string())),
                None => break None,
            }
        };
        match problem {
            Some(problem) => Err(problem),
            None if records.is_empty() => Err(("not JSON", strict)),
            None => Ok(self.records(records, origin, repaired.flags, &repaired.prefix)),
        }
    }

    /// A record that is read in one pass, if it is one and may be.
    fn at_once(&mut self, text: &str, origin: Origin) -> Option<Fate> {
        if !self.own.is_empty() {
            return None;
        }
        let line = Line::new(self.block, &self.turn, origin, Inferred::default());
        let mut parts = std::mem::take(&mut self.batch.parts);
        let fate = container::at_once(text, self.forced, &line, &mut Sink::new(&mut parts));
        self.batch.parts = parts;
        fate
    }

    /// An array of records is a way to write them; any other array is none.
    fn list(&mut self, text: &str, origin: Origin) -> Result<Fate, (&'static str, String)> {
        let items: Vec<&serde_json::value::RawValue> = match serde_json::from_str(text) {
            Ok(items) => items,
            Err(error) if error.is_eof() => return Err(("truncated JSON", error.to_string())),
            Err(error) => return Err(("not JSON", error.to_string())),
        };
        let records: Option<Vec<Fields<'_>>> = items.iter().map(|item| Fields::of(item.get())).collect();
        let known = |fields: &Fields<'_>| container::UNMISTAKABLE.iter().chain(container::PLAIN).any(|c| c.recognises(fields));
        match records {
            Some(records) if records.iter().any(known) => Ok(self.records(records, origin, Inferred::default(), "")),
            _ => Err(("not an object", "a JSON array that holds no export".to_owned())),
        }
    }

    /// The records of one line: usually one. The line counts as spans when one of them is a span.
    fn records(&mut self, records: Vec<Fields<'_>>, origin: Origin, repaired: Inferred, prefix: &str) -> Fate {
        let mut fate: Option<Fate> = None;
        let mut parts = std::mem::take(&mut self.batch.parts);
        let mut sink = Sink::new(&mut parts);
        for fields in records {
            let mut line = Line::new(self.block, &self.turn, origin, repaired);
            let prefix = uncoloured(prefix);
            if !prefix.is_empty() {
                line.time = prefix_time(&prefix);
                line.rest.push("log_prefix".into(), scan::quote(&prefix).into());
            }
            let next = self.record(fields, &mut line, &mut sink, 0);
            let better = match (&fate, &next.1) {
                (None, _) => true,
                (Some((_, Outcome::Spans)), _) => false,
                (Some(_), new) => matches!(new, Outcome::Spans),
            };
            if better {
                fate = Some(next);
            }
        }
        self.batch.parts = parts;
        fate.unwrap_or((GENERIC.name, Outcome::Other(None)))
    }

    /// One record: known by its own keys, or taken out of its envelope, or a plain one, or generic.
    fn record(&self, fields: Fields<'_>, line: &mut Line<'_>, sink: &mut Sink<'_>, depth: u32) -> Fate {
        if self.forced == Some(GENERIC.name) {
            return (GENERIC.name, Outcome::Other(line.time.or_else(|| time_of(&fields))));
        }
        let own = self.own.iter().find(|own| match self.forced {
            Some(name) => name == own.name,
            None => own::recognises(own, &fields),
        });
        if let Some(own) = own {
            return (own.name, own::read(own, fields, line, sink));
        }
        let wanted = |c: &&&dyn Container| self.forced.is_none_or(|name| name == c.dialect().name);
        if let Some(container) = container::UNMISTAKABLE.iter().filter(wanted).find(|c| c.recognises(&fields)) {
            return (container.dialect().name, container.read(fields, line, sink));
        }
        if depth < DEEPEST_ENVELOPE {
            for envelope in envelope::ALL {
                let Some(peeled) = envelope.peel(&fields) else { continue };
                line.time = peeled.time.or(line.time);
                for (key, value) in peeled.rest.drain() {
                    line.rest.push(key.into_owned().into(), value.into_owned().into());
                }
                match peeled.payload {
                    Inner::Lost(reason, detail) => return (GENERIC.name, Outcome::Bad(reason, detail)),
                    Inner::Fields(inner) => return self.record(inner, line, sink, depth + 1),
                    Inner::Text(text) => {
                        if let Ok(inner) = Fields::parse(&text) {
                            return self.record(inner, line, sink, depth + 1);
                        }
                    }
                }
            }
            if let Some((inner, beside)) = own::unwrap(self.own, &fields) {
                let mut beside = beside;
                line.time = envelope::take_time(&mut beside).or(line.time);
                for (key, value) in beside.drain() {
                    line.rest.push(key.into_owned().into(), value.into_owned().into());
                }
                return self.record(inner, line, sink, depth + 1);
            }
        }
        if let Some(container) = container::PLAIN.iter().filter(wanted).find(|c| c.recognises(&fields)) {
            return (container.dialect().name, container.read(fields, line, sink));
        }
        (GENERIC.name, Outcome::Other(line.time.or_else(|| time_of(&fields))))
    }
}

/// The time of an object that nobody mapped.
fn time_of(fields: &Fields<'_>) -> Option<Nanos> {
    envelope::TIMES.iter().find_map(|key| fields.get(key).and_then(time::of))
}

/// A text prefix and the JSON behind it, without the colours around both: `kubectl`'s, `stern`'s, compose's, syslog's, a logger's.
/// A container runtime's `P` or `F` ends its prefix, whatever follows.
fn prefixed(text: &str) -> Option<(&str, &str)> {
    let mut words = text.splitn(4, ' ');
    if let (Some(at), Some("stdout" | "stderr"), Some("P" | "F"), Some(rest)) = (words.next(), words.next(), words.next(), words.next())
        && at.contains('T')
    {
        return Some((&text[..text.len() - rest.len() - 1], rest.trim_end()));
    }
    let start = text.find('{')?;
    if text[..start].contains(['\0', '\u{feff}']) {
        // That is damage, not a prefix.
        return None;
    }
    let mut json = text[start..].trim_end();
    // `ESC [ 0 m` and its like.
    while let Some(code) = json.rfind('\u{1b}').filter(|at| is_colour(&json[*at..])) {
        json = json[..code].trim_end();
    }
    Some((text[..start].trim(), json))
}

/// Text without its colours.
fn uncoloured(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('m') {
            Some((codes, rest)) if codes.bytes().all(|b| b.is_ascii_digit() || b == b';') => out.push_str(rest),
            _ => {
                out.push_str("\u{1b}[");
                out.push_str(piece);
            }
        }
    }
    out.trim().to_owned()
}

fn is_colour(text: &str) -> bool {
    let inner = text.strip_prefix("\u{1b}[").and_then(|text| text.strip_suffix('m'));
    inner.is_some_and(|codes| codes.bytes().all(|b| b.is_ascii_digit() || b == b';'))
}

/// One of several pieces of a line that a container runtime cut.
fn is_piece(prefix: &str, json: &str) -> bool {
    let tag = prefix.rsplit(' ').next().unwrap_or_default();
    let runtime = prefix.ends_with(" P") || prefix.ends_with(" F");
    runtime && prefix.contains(" std") && (tag == "P" || envelope::docker::is_piece(&format!("{json}\n")))
}

/// A time in a line's text prefix: `2026-11-22 15:04:05,123 INFO …`, `<14>1 2026-11-22T15:04:05Z host …`.
fn prefix_time(prefix: &str) -> Option<Nanos> {
    let words: Vec<&str> = prefix
        .split_whitespace()
        .take(4)
        .map(|word| word.trim_matches(['[', ']']))
        .collect();
    let dates = (0..words.len()).filter(|n| words[*n].contains('-') && words[*n].contains(|c: char| c.is_ascii_digit()));
    dates.take(3).find_map(|n| {
        let clock = words.get(n + 1).copied().unwrap_or_default();
        time::of(&scan::quote(&format!("{} {clock}", words[n]))).or_else(|| time::of(&scan::quote(words[n])))
    })
}

/// The first bytes of a line as text.
fn head(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii_end();
    match bytes.get(..OTHER_BYTES) {
        None => String::from_utf8_lossy(bytes).into_owned(),
        Some(cut) => {
            let text = String::from_utf8_lossy(cut);
            text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
        }
    }
}
