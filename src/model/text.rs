//! `Safe`: the only text that may reach a terminal, and the one place where hostile text becomes harmless.
//!
//! Traces carry whatever an attacker could put into a prompt, a document or a tool's result: escape sequences, bidi
//! overrides, invisible tags. Nothing is dropped here: what would act or hide is *shown* (`␛`, `<RLO>`, `<TAG:"…">`, `·`).
//! This module never decides on colours and never looks at more of a text than the caller hands over.
//! Figures (money, tokens, times) are written in `figures`, so that the screen and the reports agree.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

mod figures;
mod markdown;
#[cfg(test)]
mod tests;

pub use figures::{bytes, duration, millis, money, percent, plural, roughly, tokens};
pub use markdown::{code, fence};

/// Columns between tab stops.
const TAB: usize = 4;
/// Combining marks on one base; what comes after is shown on a dotted circle of its own.
const MARKS: usize = 8;
/// Emoji in one joined sequence; longer chains are shown unjoined.
const JOINERS: usize = 8;
/// Tag characters decoded into one `<TAG:"…">`.
const TAGS: usize = 16;
/// Bytes looked at for the end of a grapheme. The longest real ones (families with skin tones) have about fifty.
const GRAPHEME: usize = 128;

/// Text without anything a terminal would obey or hide. One line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Safe {
    text: Cow<'static, str>,
    hidden: usize,
}

impl Safe {
    /// One line of anything: a newline shows as `␊`, a tab as spaces.
    #[must_use]
    pub fn line(raw: &str) -> Self {
        if is_plain(raw) {
            return Self {
                text: Cow::Owned(raw.to_owned()),
                hidden: 0,
            };
        }
        let mut safe = Self::default();
        for unit in units(raw) {
            safe.push(&unit);
        }
        safe
    }

    /// Our own words. They must be printable; what a trace said goes through `line`.
    #[must_use]
    pub fn from_static(words: &'static str) -> Self {
        debug_assert!(matches!(sanitise(words), Cow::Borrowed(_)), "our own words are printable");
        Self {
            text: Cow::Borrowed(words),
            hidden: 0,
        }
    }

    /// One line of bytes: those that are no text show by their number, as `<FF>`.
    #[must_use]
    pub fn of_bytes(raw: &[u8]) -> Self {
        let mut safe = Self::default();
        for chunk in raw.utf8_chunks() {
            safe.append(&Self::line(chunk.valid()));
            for byte in chunk.invalid() {
                safe.text.to_mut().push_str(&numbered(*byte));
                safe.hidden += 1;
            }
        }
        safe
    }

    /// Several texts as one.
    #[must_use]
    pub fn concat(parts: &[&Self]) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.append(part);
        }
        all
    }

    /// Adds another text at the end.
    pub fn append(&mut self, other: &Self) {
        self.text.to_mut().push_str(&other.text);
        self.hidden += other.hidden;
    }

    /// Adds one unit of a raw text, as it is shown.
    pub fn push(&mut self, unit: &Unit<'_>) {
        self.text.to_mut().push_str(&unit.shown);
        self.hidden += usize::from(unit.hidden);
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Columns it takes on the screen, counted a grapheme at a time as cells are.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.text)
    }

    /// How many places of the raw text would have acted on the terminal or stayed invisible (newlines and tabs apart).
    #[must_use]
    pub const fn hidden(&self) -> usize {
        self.hidden
    }

    /// At most `columns` wide, ending in `…` where something was cut off.
    #[must_use]
    pub fn cut(&self, columns: usize) -> Self {
        Self {
            text: Cow::Owned(cut(&self.text, columns)),
            hidden: self.hidden,
        }
    }
}

impl std::fmt::Display for Safe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.text)
    }
}

/// A byte that is no text: `<FF>`.
#[must_use]
pub fn numbered(byte: u8) -> String {
    format!("<{byte:02X}>")
}

/// One line of anything as text that is safe to show. Borrowed where nothing had to change, which clean ASCII finds out at memory speed.
#[must_use]
pub fn sanitise(raw: &str) -> Cow<'_, str> {
    if is_plain(raw) {
        return Cow::Borrowed(raw);
    }
    let mut out = String::with_capacity(raw.len() + raw.len() / 8);
    for unit in units(raw) {
        out.push_str(&unit.shown);
    }
    if out == raw { Cow::Borrowed(raw) } else { Cow::Owned(out) }
}

/// Only printable ASCII. Whole blocks are tested without a branch a byte, so that the compiler uses wide registers.
fn is_plain(raw: &str) -> bool {
    let odd = |byte: &u8| byte.wrapping_sub(b' ') > b'~' - b' ';
    let mut blocks = raw.as_bytes().chunks_exact(64);
    blocks.all(|block| !block.iter().fold(false, |any, byte| any | odd(byte))) && !blocks.remainder().iter().any(odd)
}

/// The lines of a raw text as the viewer splits them: at `\n`, `\r\n`, and after U+2028, U+2029 and U+0085, which stay
/// at the end of their line so that they show. A newline at the very end opens no further line.
pub fn lines(raw: &str) -> impl Iterator<Item = &str> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (line, next) = split_line(rest);
        rest = &rest[next..];
        Some(line)
    })
}

/// The first line of a text, and where the second begins.
#[must_use]
pub fn split_line(rest: &str) -> (&str, usize) {
    let bytes = rest.as_bytes();
    let mut from = 0;
    while let Some(found) = memchr::memchr3(b'\n', 0xE2, 0xC2, &bytes[from..]) {
        let at = from + found;
        match &bytes[at..] {
            [b'\n', ..] => {
                let end = if at > 0 && bytes[at - 1] == b'\r' { at - 1 } else { at };
                return (&rest[..end], at + 1);
            }
            [0xE2, 0x80, 0xA8 | 0xA9, ..] => return (&rest[..at + 3], at + 3),
            [0xC2, 0x85, ..] => return (&rest[..at + 2], at + 2),
            _ => from = at + 1,
        }
    }
    (rest, rest.len())
}

/// At most `columns` wide, ending in `…` where something was cut off; never splits a grapheme. The text should be safe already.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if text.len() <= columns && is_plain(text) {
        return text.to_owned();
    }
    let mut used = 0;
    // Where the text would end if the ellipsis had to follow.
    let mut keep = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let wide = grapheme_width(grapheme);
        if used + wide > columns {
            return if columns == 0 {
                String::new()
            } else {
                format!("{}…", &text[..keep])
            };
        }
        used += wide;
        if used < columns {
            keep = at + grapheme.len();
        }
    }
    text.to_owned()
}

/// Columns a safe text takes, counted a grapheme at a time as cells are.
#[must_use]
pub fn width(text: &str) -> usize {
    if is_plain(text) {
        text.len()
    } else {
        text.graphemes(true).map(grapheme_width).sum()
    }
}

/// As the terminal library counts a cell: half-width voiced sound marks take a column of their own.
fn grapheme_width(grapheme: &str) -> usize {
    let marks = if grapheme.is_ascii() {
        0
    } else {
        grapheme.chars().filter(|c| matches!(c, '\u{FF9E}' | '\u{FF9F}')).count()
    };
    grapheme.width() + marks
}

/// The smallest piece of a raw text that is shown and cut as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit<'a> {
    /// As logged.
    pub raw: &'a str,
    /// As shown.
    pub shown: Cow<'a, str>,
    /// Columns it takes.
    pub width: usize,
    /// It would have acted on the terminal or stayed invisible.
    pub hidden: bool,
}

/// The units of one row of raw text, tabs measured from the row's beginning.
/// Where a unit ends depends only on what follows its start, so a row can begin at any unit.
pub fn units(raw: &str) -> impl Iterator<Item = Unit<'_>> {
    let mut rest = raw;
    let mut column = 0;
    std::iter::from_fn(move || {
        let unit = first_unit(rest, column)?;
        rest = &rest[unit.raw.len()..];
        column += unit.width;
        Some(unit)
    })
}

fn first_unit(rest: &str, column: usize) -> Option<Unit<'_>> {
    let bytes = rest.as_bytes();
    let first = rest.chars().next()?;
    if matches!(first, ' '..='~') && bytes.get(1).is_none_or(u8::is_ascii) {
        return Some(Unit {
            raw: &rest[..1],
            shown: Cow::Borrowed(&rest[..1]),
            width: 1,
            hidden: false,
        });
    }
    if first == '\t' {
        let wide = TAB - column % TAB;
        return Some(Unit {
            raw: &rest[..1],
            shown: Cow::Borrowed(&"    "[..wide]),
            width: wide,
            hidden: false,
        });
    }
    if first == '\r' && bytes.get(1) == Some(&b'\n') {
        return Some(Unit {
            raw: &rest[..2],
            shown: Cow::Borrowed("␊"),
            width: 1,
            hidden: false,
        });
    }
    if is_tag(first) {
        return Some(tag_unit(rest));
    }
    if let Some(shown) = stand_in(first) {
        let hidden = first != '\n';
        return Some(Unit {
            raw: &rest[..first.len_utf8()],
            width: width(&shown),
            shown,
            hidden,
        });
    }
    Some(grapheme_unit(rest, first))
}

/// A run of tag characters: an ASCII text nobody sees, a known way to smuggle orders to a model. Decoded, for that is what to show.
fn tag_unit(rest: &str) -> Unit<'_> {
    let mut end = 0;
    let mut shown = String::from("<TAG:\"");
    for c in rest.chars().take(TAGS).take_while(|c| is_tag(*c)) {
        end += c.len_utf8();
        match char::from_u32(u32::from(c) - 0xE_0000) {
            Some(c @ ' '..='~') => shown.push(c),
            _ => shown.push('·'),
        }
    }
    shown.push_str("\">");
    Unit {
        raw: &rest[..end],
        width: shown.chars().count(),
        shown: Cow::Owned(shown),
        hidden: true,
    }
}

/// What a person sees as one character, without what may not be in it.
fn grapheme_unit(rest: &str, first: char) -> Unit<'_> {
    let window = &rest[..rest.floor_char_boundary(GRAPHEME)];
    let grapheme = window.graphemes(true).next().unwrap_or(window);
    let mut end = first.len_utf8();
    // A mark without a base counts itself: it will stand on a circle of ours.
    let (mut last, mut marks, mut joiners) = (first, usize::from(first.width() == Some(0)), 0);
    let mut chars = grapheme[end..].chars().peekable();
    while let Some(c) = chars.next() {
        let fits = match c {
            '\u{200D}' => {
                joiners += 1;
                joiners < JOINERS && (is_pictograph(last) || last == '\u{FE0F}') && chars.peek().copied().is_some_and(is_pictograph)
            }
            '\u{FE0E}' | '\u{FE0F}' => is_pictograph(last) || matches!(last, '0'..='9' | '#' | '*'),
            c if is_tag(c) || stand_in(c).is_some() => false,
            c => {
                marks += usize::from(c.width() == Some(0));
                marks <= MARKS
            }
        };
        if !fits {
            break;
        }
        end += c.len_utf8();
        last = c;
    }
    let raw = &rest[..end];
    let wide = grapheme_width(raw);
    if wide > 0 && first.width() != Some(0) {
        return Unit {
            raw,
            shown: Cow::Borrowed(raw),
            width: wide,
            hidden: false,
        };
    }
    // A mark with nothing to stand on would change the cell before it.
    let based = format!("◌{raw}");
    if based.graphemes(true).count() == 1 {
        return Unit {
            raw,
            width: grapheme_width(&based),
            shown: Cow::Owned(based),
            hidden: true,
        };
    }
    let raw = &rest[..first.len_utf8()];
    if wide > 0 && grapheme_width(raw) > 0 {
        return Unit {
            raw,
            width: grapheme_width(raw),
            shown: Cow::Borrowed(raw),
            hidden: false,
        };
    }
    let shown = number(first);
    Unit {
        raw,
        width: shown.len(),
        shown: shown.into(),
        hidden: true,
    }
}

const fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}')
}

/// Roughly the pictographs that take part in emoji sequences; the grapheme rules have decided on the sequence itself.
const fn is_pictograph(c: char) -> bool {
    matches!(c, '©' | '®' | '\u{203C}' | '\u{2049}' | '\u{2122}' | '\u{2139}' | '\u{2190}'..='\u{21FF}' | '\u{2300}'..='\u{27BF}'
        | '\u{2900}'..='\u{297F}' | '\u{2B00}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
}

/// What stands for a character that may not be shown as it is.
fn stand_in(c: char) -> Option<Cow<'static, str>> {
    let words = match c {
        '\0'..='\u{1F}' => return Some(char::from_u32(0x2400 + u32::from(c))?.to_string().into()),
        '\u{7F}' => "␡",
        '\u{85}' => "<NEL>",
        '\u{80}'..='\u{9F}' => return Some(format!("<{:02X}>", u32::from(c)).into()),
        '\u{61C}' => "<ALM>",
        '\u{200E}' => "<LRM>",
        '\u{200F}' => "<RLM>",
        '\u{202A}' => "<LRE>",
        '\u{202B}' => "<RLE>",
        '\u{202C}' => "<PDF>",
        '\u{202D}' => "<LRO>",
        '\u{202E}' => "<RLO>",
        '\u{2066}' => "<LRI>",
        '\u{2067}' => "<RLI>",
        '\u{2068}' => "<FSI>",
        '\u{2069}' => "<PDI>",
        '\u{2028}' => "<LS>",
        '\u{2029}' => "<PS>",
        // Zero width: spaces, joiners, fillers, invisible operators, variation selectors.
        '\u{AD}'
        | '\u{34F}'
        | '\u{115F}'
        | '\u{1160}'
        | '\u{17B4}'
        | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200D}'
        | '\u{2060}'..='\u{2064}'
        | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}'
        | '\u{FFA0}'
        | '\u{E0100}'..='\u{E01EF}' => "·",
        // Deprecated and special-purpose format characters, and what is private, reserved or no character at all.
        '\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{E000}'..='\u{F8FF}'
        | '\u{FDD0}'..='\u{FDEF}'
        | '\u{FFF0}'..='\u{FFFB}'
        | '\u{13430}'..='\u{1345F}'
        | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}'
        | '\u{40000}'..='\u{DFFFF}'
        | '\u{E0080}'..='\u{E00FF}'
        | '\u{E01F0}'..='\u{10FFFF}' => return Some(number(c).into()),
        c if u32::from(c) & 0xFFFE == 0xFFFE => return Some(number(c).into()),
        _ => return None,
    };
    Some(Cow::Borrowed(words))
}

fn number(c: char) -> String {
    let mut text = String::with_capacity(10);
    // Writing to a String cannot fail.
    let _ = write!(text, "<U+{:04X}>", u32::from(c));
    text
}
