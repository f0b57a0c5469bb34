//! The parts of traces that began a moment ago, as they are stored. A trace of live traffic grows by a few lines in each commit: what it
//! is becomes clear again from here, without a question to the store, whose price would grow with the store.

use std::collections::{HashMap, VecDeque};

use super::contents::AlreadyHashed;
use crate::model::span::{Part, TraceKey};

/// About so many bytes are kept.
const MOST: usize = 16 << 20;

/// All parts of each trace it knows; of other traces nothing.
#[derive(Debug, Default)]
pub(super) struct Recent {
    traces: HashMap<TraceKey, Vec<Part>, AlreadyHashed>,
    /// The traces by age, the oldest first.
    order: VecDeque<TraceKey>,
    bytes: usize,
}

impl Recent {
    /// All stored parts of a trace, if they are known.
    pub(super) fn parts(&self, trace: TraceKey) -> Option<&[Part]> {
        self.traces.get(&trace).map(Vec::as_slice)
    }

    /// These parts are committed now. `is_new` tells of which traces nothing was stored before.
    pub(super) fn settle(&mut self, parts: impl Iterator<Item = Part>, is_new: impl Fn(TraceKey) -> bool) {
        for part in parts {
            let (trace, size) = (part.trace, size(&part));
            if let Some(known) = self.traces.get_mut(&trace) {
                known.push(part);
            } else if is_new(trace) {
                self.traces.insert(trace, vec![part]);
                self.order.push_back(trace);
            } else {
                continue;
            }
            self.bytes += size;
        }
        while self.bytes > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.bytes -= self.traces.remove(&oldest).map_or(0, |parts| parts.iter().map(size).sum());
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// About how much memory a part takes. What is not counted is short: ids and names.
fn size(part: &Part) -> usize {
    let json = [&part.attributes, &part.params]
        .into_iter()
        .flatten()
        .map(|json| json.as_str().len());
    let texts = [&part.ask, &part.answer].into_iter().chain(&part.error).map(String::len);
    (1 << 10) + json.chain(texts).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(trace: u64, start: i64) -> Part {
        Part {
            trace: TraceKey(trace),
            start,
            ..Part::default()
        }
    }

    fn starts(recent: &Recent, trace: u64) -> Option<Vec<i64>> {
        recent
            .parts(TraceKey(trace))
            .map(|parts| parts.iter().map(|part| part.start).collect())
    }

    #[test]
    fn a_trace_is_known_whole_or_not_at_all() {
        let mut recent = Recent::default();
        recent.settle([part(1, 10), part(2, 20), part(1, 11)].into_iter(), |trace| trace.0 == 1);
        assert_eq!(starts(&recent, 1), Some(vec![10, 11]));
        assert_eq!(starts(&recent, 2), None, "some of it was stored before");
        recent.settle([part(1, 12), part(2, 21)].into_iter(), |_| false);
        assert_eq!(starts(&recent, 1), Some(vec![10, 11, 12]));
        assert_eq!(starts(&recent, 2), None);
        recent.forget();
        assert_eq!(starts(&recent, 1), None);
    }

    #[test]
    fn the_oldest_traces_go_whole_when_there_are_too_many_bytes() {
        let mut recent = Recent::default();
        let room = MOST / size(&part(1, 0));
        recent.settle((0..3).map(|n| part(1, n)), |_| true);
        recent.settle((0..room as u64 - 3).map(|n| part(2 + n, 0)), |_| true);
        assert_eq!(starts(&recent, 1), Some(vec![0, 1, 2]));
        recent.settle([part(2, 1)].into_iter(), |_| false);
        assert_eq!(starts(&recent, 1), None);
        assert_eq!(starts(&recent, 2), Some(vec![0, 1]));
        let long = Part {
            ask: "x".repeat(MOST),
            ..part(3, 0)
        };
        recent.settle([long].into_iter(), |_| false);
        assert_eq!(starts(&recent, 3), None, "it alone is more than there is room for");
        assert!(recent.bytes <= MOST && starts(&recent, 4).is_some());
    }
}
