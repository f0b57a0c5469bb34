//! What a host answers, read: files with their states, and pieces of a file.
//!
//! Names are hostile. On a line of their own they hold no line break, and one that does comes with its length; everything else is
//! numbers, whose places are fixed.

use std::io;
use std::ops::Range;

use super::super::tail::Stat;
use super::session::Answer;
use crate::model::span::Nanos;
use crate::model::text::Safe;

/// A file and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: Vec<u8>,
    pub stat: Stat,
}

/// What a thing that the user named is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    Glob,
    /// A pipe, a socket, a device.
    Special,
    Missing,
}

/// What was found of one such thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub number: usize,
    pub kind: Kind,
    pub entries: Vec<Entry>,
    /// What find and stat complained about.
    complaints: String,
}

impl Found {
    /// The first complaint that is one: files come and go while they are looked at, and a loop of links is not walked.
    pub(super) fn trouble(&self) -> Option<String> {
        let harmless = |line: &&str| line.contains("loop") || (self.kind == Kind::Directory && line.contains("No such file or directory"));
        let mut lines = self.complaints.lines().filter(|line| !line.trim().is_empty());
        lines.find(|line| !harmless(line)).map(|line| Safe::line(line).to_string())
    }
}

/// The answer is none that our own functions give.
pub(super) fn nonsense() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the host's answer makes no sense; it needs a POSIX sh, find, stat and dd",
    )
}

/// The answer to `poll`: files of a root, then its line.
pub(super) fn parse(mut bytes: &[u8]) -> io::Result<Vec<Found>> {
    let mut all = Vec::new();
    let mut entries = Vec::new();
    while let Some(first) = bytes.first() {
        if *first != b'R' {
            entries.push(entry(&mut bytes)?);
            continue;
        }
        let line = take_line(&mut bytes)?;
        let text = std::str::from_utf8(&line[1..]).map_err(|_| nonsense())?;
        let mut words = text.split(' ');
        let number = words.next().and_then(|word| word.parse().ok()).ok_or_else(nonsense)?;
        let kind = match words.next() {
            Some("d") => Kind::Directory,
            Some("f") => Kind::File,
            Some("g") => Kind::Glob,
            Some("o") => Kind::Special,
            Some("-") => Kind::Missing,
            _ => return Err(nonsense()),
        };
        let length = words.next().and_then(|word| word.parse().ok()).ok_or_else(nonsense)?;
        let complaints = String::from_utf8_lossy(take_bytes(&mut bytes, length)?).into_owned();
        all.push(Found {
            number,
            kind,
            entries: std::mem::take(&mut entries),
            complaints,
        });
    }
    if entries.is_empty() { Ok(all) } else { Err(nonsense()) }
}

/// The answer to `where`: nothing but files.
pub(super) fn entries(mut bytes: &[u8]) -> io::Result<Vec<Entry>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(entry(&mut bytes)?);
    }
    Ok(all)
}

fn take_line<'a>(bytes: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let end = memchr::memchr(b'\n', bytes).ok_or_else(nonsense)?;
    let (line, rest) = bytes.split_at(end);
    *bytes = &rest[1..];
    Ok(line)
}

/// So many bytes and a line break behind them.
fn take_bytes<'a>(bytes: &mut &'a [u8], length: usize) -> io::Result<&'a [u8]> {
    if bytes.get(length) != Some(&b'\n') {
        return Err(nonsense());
    }
    let (taken, rest) = bytes.split_at(length);
    *bytes = &rest[1..];
    Ok(taken)
}

fn entry(bytes: &mut &[u8]) -> io::Result<Entry> {
    let line = take_line(bytes)?;
    let bar = memchr::memchr(b'|', line).ok_or_else(nonsense)?;
    let (numbers, name) = (&line[1..bar], &line[bar + 1..]);
    let stat = std::str::from_utf8(numbers).ok().and_then(state).ok_or_else(nonsense)?;
    let path = match line.first() {
        Some(b'F') => name.to_vec(),
        Some(b'N') => {
            let length = std::str::from_utf8(name)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(nonsense)?;
            take_bytes(bytes, length)?.to_vec()
        }
        _ => return Err(nonsense()),
    };
    Ok(Entry { path, stat })
}

/// `DEVICE INODE SIZE SECONDS DATE TIME.FRACTION …` as GNU and busybox say it, `DEVICE INODE SIZE SECONDS.FRACTION` as the BSDs do.
fn state(text: &str) -> Option<Stat> {
    let mut words = text.split_ascii_whitespace();
    // Some systems print device numbers signed.
    let device = words.next()?.parse::<i128>().ok()? as u64;
    let inode = words.next()?.parse().ok()?;
    let size = words.next()?.parse().ok()?;
    let seconds = words.next()?;
    let (seconds, fraction) = match seconds.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (
            seconds,
            words
                .nth(1)
                .and_then(|time| time.split_once('.'))
                .map_or("", |(_, fraction)| fraction),
        ),
    };
    let digits = format!("{fraction:0<9.9}");
    let nanos: Nanos = digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
    let seconds: Nanos = seconds.parse().ok()?;
    Some(Stat {
        device,
        inode,
        size,
        modified: seconds.saturating_mul(1_000_000_000).saturating_add(nanos),
    })
}

/// The answer to `get`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// The state before, the bytes of each range, the state after.
    Pieces(Stat, Vec<Vec<u8>>, Stat),
    /// The name leads to another file, or to none, since.
    Moved,
    /// What stat or dd said.
    Failed(String),
}

/// Sorts the bytes of an answer to `get` into its ranges. What dd says it wrote must be what is here.
pub(super) fn pieces(answer: &Answer, ranges: &[Range<u64>], block: u64) -> io::Result<Got> {
    let mut states = Vec::new();
    let mut counts = Vec::new();
    for line in answer.text.lines() {
        match line.as_bytes().first() {
            Some(b'S') => states.push(state(&line[1..])),
            Some(b'E') => {
                let said = answer.text.rsplit_once(": ").map_or(line, |(_, why)| why);
                return Ok(Got::Failed(Safe::line(said.trim()).to_string()));
            }
            _ => {}
        }
        let line = line.strip_prefix('D').unwrap_or(line);
        if let Some((full, part)) = line.strip_suffix(" records out").and_then(|count| count.split_once('+')) {
            let full: u64 = full.parse().map_err(|_| nonsense())?;
            counts.push((full, part != "0"));
        }
    }
    let before = states.first().copied().flatten().ok_or_else(nonsense)?;
    if counts.is_empty() && !ranges.is_empty() {
        return Ok(Got::Moved);
    }
    // Its name went in the meantime.
    let Some(Some(after)) = states.get(1).copied() else {
        return Ok(Got::Moved);
    };
    if counts.len() != ranges.len() {
        return Err(nonsense());
    }
    let whole: u64 = counts.iter().map(|(full, _)| full * block).sum();
    let rest = (answer.bytes.len() as u64).checked_sub(whole).ok_or_else(nonsense)?;
    match counts.iter().filter(|(_, part)| *part).count() {
        0 if rest == 0 => {}
        1 if (1..block).contains(&rest) => {}
        // It became shorter between two reads: nothing tells which byte belongs where.
        2.. => {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "it shrank while it was read; tried again",
            ));
        }
        _ => return Err(nonsense()),
    }
    let mut bytes = answer.bytes.as_slice();
    let mut pieces = Vec::new();
    for ((full, part), range) in counts.into_iter().zip(ranges) {
        let length = full * block + if part { rest } else { 0 };
        if length > (range.end - range.start) * block {
            return Err(nonsense());
        }
        let (piece, others) = bytes.split_at(length as usize);
        pieces.push(piece.to_vec());
        bytes = others;
    }
    Ok(Got::Pieces(before, pieces, after))
}
