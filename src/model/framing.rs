//! What a record is in an input, told by its first bytes, and where one record ends and the next may start.
//!
//! Mostly a record is a line. Whole documents (an array, pretty-printed objects) hold records of many lines, or many records in one
//! line; container runtimes cut long lines into pieces. Everything is decided from bytes behind a boundary alone, so that reading can
//! begin again at any boundary.

use serde::de::IgnoredAny;

use super::record::Order;
use super::turn;

/// How records stand in an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// A record is a line.
    #[default]
    Lines,
    /// A record is a line of a coding agent's conversation, and belongs to the prompt before it.
    Conversation,
    /// A record is an object, at the top or in arrays, over as many lines as it likes.
    Documents,
    /// Docker's json-file: a line whose `log` ends without a newline goes on in the stream's next line.
    Docker,
    /// A Kubernetes runtime's log: a line marked `P` goes on in the stream's next line.
    Cri,
}

impl Framing {
    /// So many first bytes tell all that can be told.
    pub const HEAD: usize = 4 << 10;

    /// What the first bytes of an input say. Until something was read of it, more of them may say something else.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(Self::HEAD)];
        match Self::shape(head) {
            Self::Lines if turn::is_conversation(head) => Self::Conversation,
            shape => shape,
        }
    }

    fn shape(head: &[u8]) -> Self {
        let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
        if text.starts_with(b"{\"log\":\"") {
            return Self::Docker;
        }
        if cri(text).is_some() {
            return Self::Cri;
        }
        if !text.starts_with(b"{") && !text.starts_with(b"[") {
            return Self::Lines;
        }
        let newline = memchr::memchr(b'\n', text);
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
        let whole = match values.next() {
            Some(Ok(_)) => true,
            // Damage further below changes nothing.
            Some(Err(error)) if error.is_eof() || error.line() > 2 => false,
            _ => return Self::Lines,
        };
        let Some(newline) = newline else {
            // An array on one line, of any length.
            let long = text.starts_with(b"[") && !whole && head.len() == Self::HEAD;
            return if long { Self::Documents } else { Self::Lines };
        };
        let (line, rest) = (text[..newline].trim_ascii_end(), text[newline..].trim_ascii());
        let goes_on = if rest.is_empty() {
            line == b"{" || line.starts_with(b"[") && matches!(line.last(), Some(b'[' | b'{' | b','))
        } else {
            // An object's second line begins with a key; anything else is the line behind one that was cut.
            line.starts_with(b"[") || matches!(rest.first(), Some(b'"' | b'}')) && !line.ends_with(b":")
        };
        if values.byte_offset() > newline || !whole && goes_on {
            Self::Documents
        } else {
            Self::Lines
        }
    }

    /// Whether such an input can be read from its end.
    #[must_use]
    pub const fn order(self) -> Order {
        match self {
            Self::Documents | Self::Conversation => Order::Ordered,
            Self::Lines | Self::Docker | Self::Cri => Order::Random,
        }
    }

    /// Whether every line is a record.
    #[must_use]
    pub const fn is_lines(self) -> bool {
        matches!(self, Self::Lines | Self::Conversation)
    }

    /// A line of a container runtime: its stream, and whether the stream's next line goes on with it.
    #[must_use]
    pub fn piece(self, line: &[u8]) -> Option<Piece<'_>> {
        match self {
            Self::Docker => docker(line),
            Self::Cri => cri(line),
            Self::Lines | Self::Conversation | Self::Documents => None,
        }
    }
}

/// A line that a container runtime wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// `stdout` or `stderr`.
    pub stream: &'a [u8],
    /// The application's line goes on in the stream's next one.
    pub open: bool,
    /// Where the application's bytes stand in the line, as they are written there.
    pub text: (usize, usize),
}

/// `{"log":"…","stream":"stdout","time":"…"}`: quotes inside the log are escaped, so the last such place is its end.
fn docker(line: &[u8]) -> Option<Piece<'_>> {
    const BEGIN: &[u8] = b"{\"log\":\"";
    const BEHIND: &[u8] = b"\",\"stream\":\"";
    /// The stream, the time and a few labels.
    const TAIL: usize = 1024;
    if !line.starts_with(BEGIN) {
        return None;
    }
    let from = line.len().saturating_sub(TAIL).max(BEGIN.len());
    let end = from + memchr::memmem::rfind(line.get(from..)?, BEHIND)?;
    let stream = &line[end + BEHIND.len()..];
    let stream = &stream[..memchr::memchr(b'"', stream)?];
    let text = &line[BEGIN.len()..end];
    // `\n` is a newline, `\\n` a backslash and a letter.
    let closed = text.strip_suffix(b"n").is_some_and(|before| {
        let slashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        slashes % 2 == 1
    });
    Some(Piece {
        stream,
        open: !closed,
        text: (BEGIN.len(), end),
    })
}

/// `2026-11-22T15:04:05.123456789Z stdout F …`.
fn cri(line: &[u8]) -> Option<Piece<'_>> {
    let mut spaces = memchr::memchr_iter(b' ', &line[..line.len().min(128)]);
    let (a, b) = (spaces.next()?, spaces.next()?);
    let c = spaces.next().unwrap_or(line.len());
    let (time, stream, tag) = (&line[..a], &line[a + 1..b], &line[b + 1..c]);
    let dated = time.first().is_some_and(u8::is_ascii_digit) && time.contains(&b'T');
    let known = matches!(stream, b"stdout" | b"stderr");
    (dated && known && matches!(tag.trim_ascii_end(), b"P" | b"F")).then(|| {
        let end = line.strip_suffix(b"\r").unwrap_or(line).len();
        Piece {
            stream,
            open: tag[0] == b'P',
            text: ((c + 1).min(end), end),
        }
    })
}

/// What a scanner meets, at its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// A record's first byte.
    Begin(u64),
    /// One past a record's last byte.
    End(u64),
    /// A line starts here, and no record is open.
    Line(u64),
    /// A record starts here in the middle of a line, behind a comma.
    Comma(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Between records: blanks, commas and the brackets of arrays.
    #[default]
    Between,
    /// In an object.
    Inside,
    /// In something else, up to the end of its line.
    Stray,
}

/// Finds the records of documents, in bytes that come in order from a boundary on.
///
/// A record that was never finished ends where another starts like it: at the beginning of a line, as far indented, though what stood
/// inside was indented further.
#[derive(Clone, Copy, Debug, Default)]
pub struct Documents {
    at: u64,
    place: Place,
    depth: u32,
    string: bool,
    escaped: bool,
    /// Nothing but blanks stood in this line so far, and so many.
    blank: Option<u32>,
    line: u64,
    /// How far the open record is indented, when it begins a line.
    indent: Option<u32>,
    /// Whether its second line is indented further.
    deeper: Option<bool>,
    comma: bool,
}

impl Documents {
    /// Begins at a boundary.
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self {
            at: offset,
            blank: Some(0),
            line: offset,
            ..Self::default()
        }
    }

    /// The offset of the next byte.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.at
    }

    /// Whether no record is open.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.place == Place::Between
    }

    /// Takes bytes in.
    pub fn pass(&mut self, bytes: &[u8], mut mark: impl FnMut(Mark)) {
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            match self.place {
                Place::Between => self.between(*byte, &mut mark),
                Place::Inside if self.string && !self.escaped && self.blank.is_none() => {
                    // Most of a record is text: only these end it, or mean something in it.
                    let text = memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                    if text > 0 {
                        self.at += text as u64;
                        rest = &rest[text..];
                        continue;
                    }
                    self.inside(*byte, &mut mark);
                }
                Place::Inside => self.inside(*byte, &mut mark),
                Place::Stray if *byte == b'\n' => {
                    mark(Mark::End(self.at));
                    self.place = Place::Between;
                    self.between(*byte, &mut mark);
                }
                Place::Stray => {}
            }
            self.at += 1;
            rest = behind;
        }
    }

    fn between(&mut self, byte: u8, mark: &mut impl FnMut(Mark)) {
        match byte {
            b'\n' => {
                self.new_line();
                self.comma = false;
                mark(Mark::Line(self.line));
            }
            b' ' | b'\t' | b'\r' => self.blank = self.blank.map(|count| count + 1),
            b',' | b'[' | b']' => {
                self.blank = None;
                self.comma = byte == b',';
            }
            // A byte order mark.
            0xef | 0xbb | 0xbf if self.line == 0 => {}
            b'{' => {
                if self.comma {
                    mark(Mark::Comma(self.at));
                    // As whoever begins to read here sees it.
                    self.blank = Some(0);
                }
                self.begin(mark);
            }
            _ => {
                mark(Mark::Begin(self.at));
                self.place = Place::Stray;
            }
        }
    }

    fn begin(&mut self, mark: &mut impl FnMut(Mark)) {
        mark(Mark::Begin(self.at));
        self.indent = self.blank.take();
        (self.place, self.depth, self.deeper) = (Place::Inside, 1, None);
        (self.string, self.escaped, self.comma) = (false, false, false);
    }

    fn new_line(&mut self) {
        self.line = self.at + 1;
        self.blank = Some(0);
    }

    fn inside(&mut self, byte: u8, mark: &mut impl FnMut(Mark)) {
        if byte == b'\n' {
            self.new_line();
            self.escaped = false;
            return;
        }
        if let Some(count) = self.blank {
            if matches!(byte, b' ' | b'\t' | b'\r') {
                self.blank = Some(count + 1);
                return;
            }
            let deeper = *self.deeper.get_or_insert(self.indent.is_some_and(|indent| count > indent));
            if byte == b'{' && deeper && self.indent == Some(count) {
                mark(Mark::End(self.line));
                mark(Mark::Line(self.line));
                self.begin(mark);
                return;
            }
            self.blank = None;
        }
        if self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.string = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.place = Place::Between;
                    mark(Mark::End(self.at + 1));
                }
            }
            _ => {}
        }
    }
}

/// The streams of a container whose last line goes on.
#[derive(Clone, Debug, Default)]
pub struct Open(Vec<Vec<u8>>);

impl Open {
    /// Takes the next line in.
    pub fn pass(&mut self, framing: Framing, line: &[u8]) {
        let Some(piece) = framing.piece(line) else { return };
        let known = self.0.iter().position(|stream| stream == piece.stream);
        match (known, piece.open) {
            (None, true) => self.0.push(piece.stream.to_vec()),
            (Some(index), false) => drop(self.0.swap_remove(index)),
            _ => {}
        }
    }

    /// Whether every line is whole.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }
}

/// How long a string is behind its opening quote, with the closing one.
fn string_end(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = memchr::memchr2(b'"', b'\\', text.get(at..).unwrap_or_default()) {
        at += found + 1;
        if text[at - 1] == b'"' {
            return at;
        }
        // Whatever it escapes.
        at += 1;
    }
    text.len()
}

/// JSON text without the blanks between its values: a record of several lines as the one line it could be.
#[must_use]
pub fn compact(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.extend(rest[..quote].iter().filter(|byte| !byte.is_ascii_whitespace()));
        let end = quote + 1 + string_end(&rest[quote + 1..]);
        out.extend_from_slice(&rest[quote..end]);
        rest = &rest[end..];
    }
    out.extend(rest.iter().filter(|byte| !byte.is_ascii_whitespace()));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_bytes_tell() {
        let long = format!("[{}", "{\"a\":1},".repeat(2000));
        let cases: &[(&str, Framing)] = &[
            ("", Framing::Lines),
            ("{\"a\":1}\n{\"a\":2}\n", Framing::Lines),
            ("[{\"a\":1},{\"a\":2}]\n", Framing::Lines),
            ("{\n  \"a\": 1\n}\n", Framing::Documents),
            ("\u{feff}[\n  {\"a\": 1},\n", Framing::Documents),
            ("[{\"a\":1},\n {\"a\":2}]\n", Framing::Documents),
            (&long, Framing::Documents),
            // A line that was cut, and the next.
            ("{\"a\":1,\n{\"b\":2}\n", Framing::Lines),
            ("{\"a\":\n{\"b\":2}\n", Framing::Lines),
            ("{\"a\":\"b\n{\"b\":2}\n", Framing::Lines),
            ("{\"a\":1,\n", Framing::Lines),
            ("{\n", Framing::Documents),
            ("[{\"a\":1},\n", Framing::Documents),
            ("{\"a\":1", Framing::Lines),
            ("[2026-11-22 15:04:05] {\"a\":1}\n", Framing::Lines),
            ("{\n  resource: {\n", Framing::Lines),
            ("{\n  \"a\": NaN,\n  \"b\": 1\n}\n", Framing::Lines),
            ("{\n  \"a\": 1,\n  \"b\": NaN\n}\n", Framing::Documents),
            ("{\"log\":\"x\\n\",\"stream\":\"stdout\"}\n", Framing::Docker),
            ("2026-11-22T15:04:05Z stderr F x\n", Framing::Cri),
            ("2026-11-22T15:04:05Z stderr x\n", Framing::Lines),
        ];
        for (head, framing) in cases {
            assert_eq!(Framing::of(head.as_bytes()), *framing, "{head:.60}");
        }
    }

    /// Records and the starts at which a block may be cut.
    fn found(text: &str, steps: usize) -> (Vec<String>, Vec<usize>) {
        let mut scan = Documents::at(0);
        let (mut begins, mut ends, mut cuts) = (Vec::new(), Vec::new(), Vec::new());
        for step in text.as_bytes().chunks(steps) {
            scan.pass(step, |mark| match mark {
                Mark::Begin(at) => begins.push(at as usize),
                Mark::End(at) => ends.push(at as usize),
                Mark::Line(at) | Mark::Comma(at) => cuts.push(at as usize),
            });
        }
        ends.resize(begins.len(), text.len());
        let records = begins.into_iter().zip(ends).map(|(begin, end)| text[begin..end].to_owned());
        (records.collect(), cuts)
    }

    #[test]
    fn records_of_documents() {
        let records = |text: &str| found(text, 1000).0;
        assert_eq!(records("[{\"a\":\"}\\\"\"},{\"b\":[{}]}]"), ["{\"a\":\"}\\\"\"}", "{\"b\":[{}]}"]);
        assert_eq!(records("{\n \"a\": 1\n}\n{\n \"b\": 2\n}"), ["{\n \"a\": 1\n}", "{\n \"b\": 2\n}"]);
        assert_eq!(records("loading {}\n[1]\n{}"), ["loading {}", "1]", "{}"]);
        let broken = "[\n  {\n    \"a\": \"x\n  {\n    \"b\": 2\n  }\n]";
        assert_eq!(records(broken), ["{\n    \"a\": \"x\n", "{\n    \"b\": 2\n  }"]);
        assert_eq!(
            records("{\n\"a\": [\n{\n}\n]\n}"),
            ["{\n\"a\": [\n{\n}\n]\n}"],
            "nothing is indented"
        );
    }

    #[test]
    fn pieces_of_lines() {
        let piece = |framing: Framing, line: &str| {
            let piece = framing.piece(line.as_bytes())?;
            Some((
                String::from_utf8_lossy(piece.stream).into_owned(),
                piece.open,
                line[piece.text.0..piece.text.1].to_owned(),
            ))
        };
        let of = |stream: &str, open: bool, text: &str| Some((stream.to_owned(), open, text.to_owned()));
        let docker = |log: &str| format!("{{\"log\":\"{log}\",\"stream\":\"stdout\",\"time\":\"2026-11-22T15:04:05Z\"}}");
        assert_eq!(piece(Framing::Docker, &docker("a\\n")), of("stdout", false, "a\\n"));
        assert_eq!(piece(Framing::Docker, &docker("a\\\\n")), of("stdout", true, "a\\\\n"));
        assert_eq!(
            piece(Framing::Docker, &docker("\\\",\\\"stream\\\":\\\"x")),
            of("stdout", true, "\\\",\\\"stream\\\":\\\"x")
        );
        assert_eq!(piece(Framing::Docker, "{\"a\":1}"), None);
        assert_eq!(
            piece(Framing::Cri, "2026-11-22T15:04:05Z stderr P {\"a\": "),
            of("stderr", true, "{\"a\": ")
        );
        assert_eq!(piece(Framing::Cri, "2026-11-22T15:04:05Z stderr F"), of("stderr", false, ""));
        assert_eq!(piece(Framing::Cri, "plain text of an application"), None);
    }

    proptest! {
        /// Reading may begin at every cut: the records are the same, however the bytes come.
        #[test]
        fn a_cut_changes_nothing(pieces in prop::collection::vec(prop_oneof![
            Just("{\"a\":1}"), Just("{\n  \"a\": {\n    \"b\": \"}\"\n  }\n}"), Just("  {\n    \"a\": 2\n  }"), Just("\n"), Just(","), Just(", "),
            Just("["), Just("]"), Just("{\n  \"cut"), Just("text\n"), Just("\\"), Just("\""), Just("}"),
        ], 0..30), steps in 1..9_usize) {
            let text = pieces.concat();
            let (records, cuts) = found(&text, steps);
            prop_assert_eq!(&found(&text, 1000), &(records.clone(), cuts.clone()));
            for cut in cuts {
                let mut parted = found(&text[..cut], 1000).0;
                parted.extend(found(&text[cut..], 1000).0);
                prop_assert_eq!(&parted, &records, "cut at {}", cut);
            }
        }

        #[test]
        fn compact_says_the_same(text in "[ \n\t]{0,3}[a-z0-9 \\PC]{0,20}") {
            let value = serde_json::json!({ "a": [text, { "b": null }], "c": 1.50 });
            let pretty = serde_json::to_string_pretty(&value).expect("a value");
            prop_assert_eq!(compact(pretty.as_bytes()), value.to_string().into_bytes());
        }
    }
}
