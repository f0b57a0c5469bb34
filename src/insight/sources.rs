//! Where each source stands: what the store has of it, joined with what the readers say of it. One row a name, whatever rotation
//! and truncation made of the files behind it.

use std::collections::{BTreeMap, HashSet};

use crate::model::query::SourceStat;
use crate::model::record::{Activity, SourceProgress, Tally};
use crate::model::span::Nanos;

/// One source by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its path or address.
    pub uri: String,
    /// Its numbers in the store: a name that was given to a new file has several.
    pub ids: Vec<u32>,
    /// Files and generations of files under this name.
    pub generations: u32,
    /// What it is doing; `None` when this run does not read it.
    pub activity: Option<Activity>,
    /// Bytes in the store, as expanded.
    pub bytes: u64,
    /// Lines in the store, by what became of them.
    pub tally: Tally,
    /// Bytes of its files, where they could be looked at; compressed ones where they are compressed.
    pub size: Option<u64>,
    /// Bytes still to read.
    pub remaining: u64,
    /// Bytes of older lines that are left alone (`--since`).
    pub skipped: u64,
    /// Bytes that earlier runs left out and this one does not read.
    pub unread: u64,
    /// Bytes of an unfinished last line.
    pub pending: u64,
    /// When it was last written to.
    pub modified: Option<Nanos>,
    /// Why it, or a part of it, cannot be read.
    pub problem: Option<String>,
    /// Bytes in the store of generations that this run does not read.
    kept: u64,
}

impl Standing {
    /// Bytes read and bytes there are, as far as they are known.
    #[must_use]
    pub fn coverage(&self) -> Option<(u64, u64)> {
        let whole = self.size.unwrap_or(0) + self.kept + self.unread;
        // Of what failed it may not be known how much is left.
        let stuck = self.activity == Some(Activity::Failed) && self.left() == 0;
        let known = (self.size.is_some() && !stuck) || self.activity.is_none();
        (known && whole > 0).then(|| (whole.saturating_sub(self.left()), whole))
    }

    /// Bytes known to be there that were not read.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.remaining + self.skipped + self.unread
    }

    /// How much it needs a look, the most first.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        match self.activity {
            Some(Activity::Failed) => Trouble::Failed,
            Some(Activity::Waiting) => Trouble::Waiting,
            _ if self.problem.is_some() => Trouble::Failed,
            _ if self.tally.rejected > 0 => Trouble::Rejects,
            _ if self.skipped + self.unread > 0 => Trouble::Unread,
            Some(Activity::Gone) => Trouble::Gone,
            Some(Activity::Reading | Activity::Following | Activity::Ended) | None => Trouble::None,
        }
    }
}

/// What is wrong with a source, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// It cannot be read, or not further.
    Failed,
    /// It is not there yet.
    Waiting,
    /// Some of its lines could not be read.
    Rejects,
    /// Older lines of it were left out.
    Unread,
    /// It has no name any more.
    Gone,
    /// Nothing.
    None,
}

/// All sources, by name.
#[must_use]
pub fn sources(stats: &[SourceStat], progress: &[SourceProgress]) -> Vec<Standing> {
    let mut all: BTreeMap<&str, Standing> = BTreeMap::new();
    let read: HashSet<(u32, u32)> = progress.iter().filter_map(|source| source.source).collect();
    let stored: HashSet<(u32, u32)> = stats.iter().map(|stat| (stat.id, stat.generation)).collect();
    for stat in stats {
        let row = all.entry(&stat.uri).or_default();
        row.know(stat.id);
        row.generations += 1;
        row.bytes += stat.bytes;
        row.tally.add(&stat.tally);
        if !read.contains(&(stat.id, stat.generation)) {
            row.kept += stat.bytes;
            row.unread += stat.unread;
        }
    }
    for source in progress {
        let row = all.entry(&source.uri).or_default();
        if let Some((id, generation)) = source.source {
            row.know(id);
            row.generations += u32::from(!stored.contains(&(id, generation)));
        }
        if row.activity.is_none_or(|activity| weight(activity) < weight(source.activity)) {
            row.activity = Some(source.activity);
        }
        if source.modified.is_some() {
            row.size = Some(row.size.unwrap_or(0) + source.size);
        }
        row.remaining += source.remaining;
        row.skipped += source.skipped;
        row.pending += source.pending;
        row.modified = row.modified.max(source.modified);
        if row.problem.is_none() {
            row.problem.clone_from(&source.problem);
        }
    }
    all.into_iter()
        .map(|(uri, row)| Standing {
            uri: uri.to_owned(),
            ..row
        })
        .collect()
}

impl Standing {
    fn know(&mut self, id: u32) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }
}

/// Of several files under one name the one that says most of it: a log that is followed counts for more than its rotated copy.
const fn weight(activity: Activity) -> u8 {
    match activity {
        Activity::Gone => 0,
        Activity::Ended => 1,
        Activity::Waiting => 2,
        Activity::Following => 3,
        Activity::Reading => 4,
        Activity::Failed => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(id: u32, generation: u32, bytes: u64, unread: u64, lines: u64) -> SourceStat {
        SourceStat {
            id,
            uri: "a.jsonl".into(),
            generation,
            bytes,
            unread,
            end: bytes + unread,
            tally: Tally {
                lines,
                span: lines,
                ..Tally::default()
            },
            ..SourceStat::default()
        }
    }

    fn read(source: (u32, u32), activity: Activity, size: u64, remaining: u64) -> SourceProgress {
        SourceProgress {
            uri: "a.jsonl".into(),
            source: Some(source),
            activity,
            size,
            remaining,
            modified: Some(7),
            ..SourceProgress::default()
        }
    }

    #[test]
    fn a_name_is_one_row_whatever_happened_to_its_files() {
        let stats = [stat(1, 0, 100, 0, 10), stat(1, 1, 50, 0, 5), stat(4, 0, 40, 60, 4)];
        let progress = [read((1, 1), Activity::Gone, 50, 0), read((4, 0), Activity::Following, 100, 0)];
        let rows = sources(&stats, &progress);
        let [row] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((row.ids.as_slice(), row.generations, row.tally.lines), ([1, 4].as_slice(), 3, 19));
        assert_eq!(row.activity, Some(Activity::Following));
        assert_eq!((row.size, row.bytes), (Some(150), 190));
        // The reader knows better than the store what is left of a file it has open.
        assert_eq!((row.left(), row.coverage()), (0, Some((250, 250))));
    }

    #[test]
    fn what_is_left_out_is_told_whoever_knows_it() {
        let rows = sources(&[stat(1, 0, 40, 60, 4)], &[]);
        assert_eq!((rows[0].activity, rows[0].coverage()), (None, Some((40, 100))));
        assert_eq!(rows[0].trouble(), Trouble::Unread);
        let rows = sources(&[], &[read((1, 0), Activity::Reading, 100, 75)]);
        assert_eq!((rows[0].generations, rows[0].coverage()), (1, Some((25, 100))));
        assert_eq!(rows[0].trouble(), Trouble::None);
    }

    #[test]
    fn a_source_that_was_never_opened_has_no_coverage() {
        let denied = SourceProgress {
            uri: "b.jsonl".into(),
            activity: Activity::Failed,
            problem: Some("permission denied".into()),
            ..SourceProgress::default()
        };
        let broken = read((1, 0), Activity::Failed, 100, 0);
        assert_eq!(sources(&[], &[broken])[0].coverage(), None, "nobody knows how much is left of it");
        let rows = sources(&[], &[denied, read((1, 0), Activity::Following, 0, 0)]);
        assert_eq!(rows.iter().map(|row| row.uri.as_str()).collect::<Vec<_>>(), ["a.jsonl", "b.jsonl"]);
        assert_eq!((rows[0].coverage(), rows[1].coverage()), (None, None));
        assert_eq!(rows[1].trouble(), Trouble::Failed);
    }
}
