//! Where a record may start and end in a file: the only place that knows what stands between two records.
//!
//! Blocks are cut here and nowhere else. Today every record is one line; containers' pieces (Docker, CRI) and pretty-printed JSON
//! become further variants of [`Framing`]. It reads in small steps and never holds more than one of them.

use std::io;
use std::ops::Range;

use super::tail::Disk;

/// How much is looked at in one step.
const STEP: u64 = 64 * 1024;
/// The last line of a file is mostly shorter than this: a file on another machine is opened with little.
pub(super) const NEAR: u64 = 8 * 1024;

/// What a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// One line.
    #[default]
    Lines,
}

impl Framing {
    /// The end of the first record that ends within `range`, one past its newline.
    pub(super) fn first_end<D: Disk>(self, disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Option<u64>> {
        match self {
            Self::Lines => {
                let mut at = range.start;
                while at < range.end {
                    let stop = range.end.min(at + STEP);
                    let bytes = read_range(disk, file, at..stop)?;
                    if let Some(found) = memchr::memchr(b'\n', &bytes) {
                        return Ok(Some(at + found as u64 + 1));
                    }
                    at = stop;
                }
                Ok(None)
            }
        }
    }

    /// The end of the last record that ends within `range`, one past its newline.
    pub(super) fn last_end<D: Disk>(self, disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Option<u64>> {
        match self {
            Self::Lines => {
                let mut at = range.end;
                let mut step = NEAR;
                while at > range.start {
                    let begin = range.start.max(at.saturating_sub(step));
                    step = STEP;
                    let bytes = read_range(disk, file, begin..at)?;
                    if let Some(found) = memchr::memrchr(b'\n', &bytes) {
                        return Ok(Some(begin + found as u64 + 1));
                    }
                    at = begin;
                }
                Ok(None)
            }
        }
    }

    /// Where the last block of about `size` bytes of `hole` starts. A record longer than that makes the block longer.
    pub(super) fn cut_from_end<D: Disk>(self, disk: &mut D, file: &D::File, hole: &Range<u64>, size: u64) -> io::Result<u64> {
        if hole.end - hole.start <= size {
            return Ok(hole.start);
        }
        let wish = hole.end - size;
        // The newline that ends the hole starts nothing within it.
        if let Some(start) = self.first_end(disk, file, wish - 1..hole.end - 1)? {
            return Ok(start);
        }
        Ok(self.last_end(disk, file, hole.start..wish - 1)?.unwrap_or(hole.start))
    }

    /// Where the first block of about `size` bytes of `hole` ends.
    pub(super) fn cut_from_start<D: Disk>(self, disk: &mut D, file: &D::File, hole: &Range<u64>, size: u64) -> io::Result<u64> {
        let wish = hole.start + size;
        if wish >= hole.end {
            return Ok(hole.end);
        }
        if let Some(end) = self.last_end(disk, file, hole.start..wish)? {
            return Ok(end);
        }
        Ok(self.first_end(disk, file, wish..hole.end)?.unwrap_or(hole.end))
    }
}

/// Exactly these bytes; a file that ends before is an error (`UnexpectedEof`): it shrank since it was looked at.
pub(super) fn read_range<D: Disk>(disk: &mut D, file: &D::File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end - range.start).map_err(|_| io::Error::other("a line too long for this machine"))?;
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(length)
        .map_err(|_| io::Error::other("a line too long for this machine's memory"))?;
    bytes.resize(length, 0);
    let mut filled = 0;
    while filled < length {
        match disk.read_at(file, range.start + filled as u64, &mut bytes[filled..]) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file shrank while it was read")),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}
