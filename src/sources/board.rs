//! What several readers tell becomes one picture: local files and standard input are one reader, every remote host is another.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, select_biased};

use super::reader::{Event, Stopped};
use crate::model::record::Progress;

/// The last that each reader told.
pub(super) struct Board {
    out: Sender<Event>,
    told: Mutex<Vec<Progress>>,
}

impl Board {
    /// For so many readers, none of which told anything yet.
    pub(super) fn new(readers: usize, out: Sender<Event>) -> Self {
        Self {
            out,
            told: Mutex::new(vec![Progress::default(); readers]),
        }
    }

    /// Replaces what one reader told, and sends the whole picture on.
    pub(super) fn tell(&self, reader: usize, progress: Progress, stopped: &Receiver<Infallible>) -> Result<(), Stopped> {
        // Held while it waits: a later picture must not overtake an earlier one. Whoever waits here can be stopped, and so can those behind.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told[reader] = progress;
        let picture = merge(&told);
        select_biased! {
            recv(stopped) -> _ => Err(Stopped),
            send(self.out, Event::Progress(picture)) -> sent => sent.map_err(|_| Stopped),
        }
    }
}

fn merge(all: &[Progress]) -> Progress {
    Progress {
        inputs: all.iter().map(|one| one.inputs).sum(),
        history_done: all.iter().map(|one| one.history_done).sum(),
        history_total: all.iter().map(|one| one.history_total).sum(),
        following: all.iter().any(|one| one.following),
        polling: all.iter().any(|one| one.polling),
        pending: all.iter().map(|one| one.pending).sum(),
        ended: all.iter().all(|one| one.ended),
        problems: all.iter().flat_map(|one| one.problems.clone()).collect(),
        sources: all.iter().flat_map(|one| one.sources.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_picture_is_everyones_and_ends_with_the_last() {
        let (sender, events) = crossbeam_channel::unbounded();
        let (_stop, stopped) = crossbeam_channel::bounded(0);
        let board = Board::new(2, sender);
        let mut local = Progress {
            inputs: 2,
            history_done: 5,
            history_total: 9,
            pending: 1,
            ended: true,
            problems: vec![("a".into(), "why".into())],
            ..Progress::default()
        };
        let remote = Progress {
            inputs: 1,
            history_total: 4,
            following: true,
            ..Progress::default()
        };
        let last = |reader, progress: &Progress| {
            board.tell(reader, progress.clone(), &stopped).ok().unwrap();
            let Ok(Event::Progress(picture)) = events.try_recv() else {
                panic!("nothing was sent")
            };
            picture
        };
        assert!(!last(0, &local).ended, "the other has not told anything yet");
        let both = last(1, &remote);
        assert_eq!((both.inputs, both.history_done, both.history_total, both.pending), (3, 5, 13, 1));
        assert_eq!((both.following, both.ended, both.problems.len()), (true, false, 1));
        local.history_done = 9;
        assert_eq!(last(0, &local).history_done, 9, "replaced, not added");
        let ended = Progress { ended: true, ..remote };
        assert!(last(1, &ended).ended);
    }
}
