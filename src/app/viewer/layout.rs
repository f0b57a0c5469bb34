//! Which bytes of a text stand on which row, without looking at more of it than the screen needs.
//!
//! The text is divided into blocks of at most 16 KiB, at a newline where there is one. A row never crosses a block, so each
//! block wraps on its own, when it is first looked at. A place is (block, row): scrolling, jumping to the end of 10 MB and
//! finding a match touch a few blocks, wherever they are. Row numbers of the whole are counted where known, else estimated.

use std::collections::VecDeque;
use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::model::text;

/// Bytes of a block. One line longer than this is broken here too.
pub(in crate::app) const BLOCK: usize = 16 * 1024;
/// Blocks whose rows are remembered.
const KEPT: usize = 16;

/// A row: its block, and its number in the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::app) struct Place {
    block: usize,
    row: usize,
}

/// The rows of a text at a width.
#[derive(Debug, Default)]
pub(in crate::app) struct Layout {
    /// Columns to wrap at; `None` shows whole lines.
    wrap: Option<usize>,
    /// Lines whose rows after the first are set in: where each begins, and by how many columns.
    hanging: Vec<(usize, usize)>,
    /// Where the blocks begin; then the text's length.
    blocks: Vec<usize>,
    /// Rows of each block, where counted.
    counts: Vec<Option<u32>>,
    /// Beginnings of the rows of the blocks used last.
    kept: VecDeque<(usize, Vec<usize>)>,
    /// Bytes wrapped so far: what the tests watch.
    #[cfg(test)]
    pub touched: usize,
}

impl Layout {
    /// Divides a text into blocks; wraps nothing yet. Of the lines that begin where `hanging` says, rows after the first are set in.
    pub fn new(text: &str, wrap: Option<usize>, hanging: &[(usize, usize)]) -> Self {
        let mut blocks = vec![0];
        let mut start = 0;
        while start < text.len() {
            start = block_end(text, start);
            blocks.push(start);
        }
        let counts = vec![None; blocks.len() - 1];
        Self {
            wrap: wrap.map(|width| width.max(1)),
            hanging: hanging.to_vec(),
            blocks,
            counts,
            ..Self::default()
        }
    }

    /// Columns before the row that begins at this byte.
    pub fn indent(&self, text: &str, row: usize) -> usize {
        let Some(columns) = self.wrap else { return 0 };
        let before = self.hanging.partition_point(|(line, _)| *line < row);
        let line = before.checked_sub(1).and_then(|at| self.hanging.get(at));
        // What goes on in another block is too far from where it began to be set in.
        let own = line.filter(|(line, _)| row - line < BLOCK / 2 && memchr::memchr(b'\n', &text.as_bytes()[*line..row]).is_none());
        own.map_or(0, |(_, hang)| (*hang).min(columns / 3))
    }

    /// The byte a row begins at.
    pub fn offset(&mut self, text: &str, place: Place) -> usize {
        if place.block >= self.counts.len() {
            return text.len();
        }
        self.starts(text, place.block).get(place.row).copied().unwrap_or(text.len())
    }

    /// The row a byte stands on; beyond the end, the last row.
    pub fn place(&mut self, text: &str, offset: usize) -> Place {
        if self.counts.is_empty() {
            return Place::default();
        }
        let block = self
            .blocks
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
            .min(self.counts.len() - 1);
        let row = self.starts(text, block).partition_point(|start| *start <= offset).saturating_sub(1);
        Place { block, row }
    }

    /// The last row.
    pub fn end(&mut self, text: &str) -> Place {
        self.place(text, text.len())
    }

    /// So many rows further down, or up when negative; stops at the ends.
    pub fn step(&mut self, text: &str, from: Place, rows: i64) -> Place {
        if self.counts.is_empty() {
            return Place::default();
        }
        let mut place = from;
        let mut left = rows.unsigned_abs() as usize;
        while left > 0 {
            if rows > 0 {
                let below = self.count(text, place.block) - 1 - place.row;
                if left <= below {
                    place.row += left;
                    break;
                }
                if place.block + 1 == self.counts.len() {
                    place.row += below;
                    break;
                }
                left -= below + 1;
                place = Place {
                    block: place.block + 1,
                    row: 0,
                };
            } else {
                if left <= place.row {
                    place.row -= left;
                    break;
                }
                if place.block == 0 {
                    place.row = 0;
                    break;
                }
                left -= place.row + 1;
                place = Place {
                    block: place.block - 1,
                    row: self.count(text, place.block - 1) - 1,
                };
            }
        }
        place
    }

    /// The bytes of each row from a place on.
    pub fn rows(&mut self, text: &str, from: Place, height: usize) -> Vec<Range<usize>> {
        let mut rows = Vec::with_capacity(height.min(1_000));
        let mut place = from;
        while rows.len() < height && place.block < self.counts.len() {
            let end = self.blocks[place.block + 1];
            let starts = self.starts(text, place.block);
            for (i, start) in starts.iter().enumerate().skip(place.row).take(height - rows.len()) {
                rows.push(*start..starts.get(i + 1).copied().unwrap_or(end));
            }
            place = Place {
                block: place.block + 1,
                row: 0,
            };
        }
        rows
    }

    /// All rows, and whether they are counted rather than estimated.
    pub fn total(&self) -> (u64, bool) {
        let (mut rows, mut bytes, mut exact) = (0u64, 0u64, true);
        for (count, block) in self.counts.iter().zip(self.blocks.windows(2)) {
            match count {
                Some(count) => {
                    rows += u64::from(*count);
                    bytes += (block[1] - block[0]) as u64;
                }
                None => exact = false,
            }
        }
        let all = self.blocks.last().copied().unwrap_or(0) as u64;
        if exact || bytes == 0 {
            return (rows, exact);
        }
        ((u128::from(rows) * u128::from(all) / u128::from(bytes)) as u64, false)
    }

    /// Where the rows of a block begin. A row ends after its newline, or at the last space before it gets too wide.
    fn wrapped(&self, text: &str, block: Range<usize>) -> Vec<usize> {
        let mut starts = vec![block.start];
        let mut at = block.start;
        while at < block.end {
            let (line, next) = text::split_line(&text[at..block.end]);
            if let Some(columns) = self.wrap {
                wrap_line(line, at, columns, |row| self.indent(text, row), &mut starts);
            }
            at += next;
            if at < block.end {
                starts.push(at);
            }
        }
        starts
    }

    /// Rows of a block; at least one.
    fn count(&mut self, text: &str, block: usize) -> usize {
        match self.counts[block] {
            Some(count) => count as usize,
            None => self.starts(text, block).len(),
        }
    }

    /// Where the rows of a block begin; at least one.
    fn starts(&mut self, text: &str, block: usize) -> &[usize] {
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == block) {
            self.kept.swap(at, 0);
        } else {
            let range = self.blocks[block]..self.blocks[block + 1];
            #[cfg(test)]
            {
                self.touched += range.len();
            }
            let starts = self.wrapped(text, range);
            self.counts[block] = Some(starts.len() as u32);
            self.kept.truncate(KEPT - 1);
            self.kept.push_front((block, starts));
        }
        &self.kept[0].1
    }
}

/// Where the block that begins at `start` ends.
fn block_end(text: &str, start: usize) -> usize {
    let end = text.floor_char_boundary(start + BLOCK);
    if end == text.len() {
        return end;
    }
    if let Some(newline) = memchr::memrchr(b'\n', &text.as_bytes()[start..end]) {
        return start + newline + 1;
    }
    // One long line: after a space nearby, else between two graphemes.
    if let Some(space) = memchr::memrchr(b' ', &text.as_bytes()[end - 256..end]) {
        return end - 256 + space + 1;
    }
    let from = text.floor_char_boundary(end - 256);
    let to = text.floor_char_boundary(end + 256);
    text[from..to]
        .grapheme_indices(true)
        .map(|(at, _)| from + at)
        .take_while(|at| *at <= end)
        .last()
        .filter(|at| *at > from)
        .unwrap_or(end)
}

fn wrap_line(line: &str, base: usize, columns: usize, indent: impl Fn(usize) -> usize, starts: &mut Vec<usize>) {
    let mut row = 0;
    while line.len() - row > 0 {
        let columns = columns - indent(base + row);
        let (mut at, mut used, mut space) = (row, 0, None);
        let mut full = false;
        for unit in text::units(&line[row..]) {
            // A space may hang over the edge: it shows nothing.
            if used + unit.width > columns && at > row && unit.raw != " " {
                full = true;
                break;
            }
            at += unit.raw.len();
            used += unit.width;
            if unit.raw == " " {
                space = Some((at, used));
            }
        }
        if !full {
            return;
        }
        // A very long word is cut at the edge rather than leaving most of the row empty.
        row = match space {
            Some((after, width)) if width * 2 > columns => after,
            _ => at,
        };
        starts.push(base + row);
    }
}
