//! What happened on other threads, waiting for the loop. Snapshots replace each other and receipts add up,
//! so it stays small however fast the writer is.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::model::query::{Reply, Ticket};
use crate::model::record::{Progress, Receipt};
use crate::model::span::Origin;

use super::clipboard::Outcome;

/// Why the loop should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The terminal is gone.
    HangUp,
    /// A signal, by its number.
    Signal(i32),
}

/// One thing that happened.
pub enum Event {
    /// Rows were committed.
    Ingested(Receipt),
    /// The store answered.
    Answer(Ticket, Reply),
    /// A raw line was read again.
    Raw(Origin, Result<Vec<u8>, String>),
    /// Reading went on.
    Progress(Progress),
    /// A copy ended.
    Copied(Outcome),
    /// Something is wrong that the user should know.
    Problem(String),
    /// The program must end.
    End(End),
}

#[derive(Default)]
struct Waiting {
    receipt: Option<Receipt>,
    progress: Option<Progress>,
    others: Vec<Event>,
}

/// The loop's inbox.
#[derive(Default)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    bell: Notify,
}

/// A receipt names at most so many traces; beyond, everything on screen is asked again anyway.
const MOST_TRACES: usize = 10_000;

impl Inbox {
    /// Puts an event in, from any thread. Never blocks for long.
    pub fn put(&self, event: Event) {
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match event {
                Event::Ingested(new) => match &mut waiting.receipt {
                    None => waiting.receipt = Some(new),
                    Some(old) => {
                        old.sequence = new.sequence;
                        old.lines += new.lines;
                        old.bytes += new.bytes;
                        old.interactions = new.interactions;
                        let room = MOST_TRACES.saturating_sub(old.traces.len());
                        old.traces.extend(new.traces.into_iter().take(room));
                    }
                },
                Event::Progress(progress) => waiting.progress = Some(progress),
                other @ (Event::Answer(..) | Event::Raw(..) | Event::Copied(_) | Event::Problem(_) | Event::End(_)) => {
                    waiting.others.push(other);
                }
            }
        }
        self.bell.notify_one();
    }

    /// Waits until there is something.
    pub async fn wait(&self) {
        self.bell.notified().await;
    }

    /// Takes everything out.
    pub fn drain(&self) -> Vec<Event> {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut events = std::mem::take(&mut waiting.others);
        events.extend(waiting.progress.take().map(Event::Progress));
        events.extend(waiting.receipt.take().map(Event::Ingested));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::span::TraceKey;

    #[test]
    fn receipts_add_up_and_snapshots_replace() {
        let inbox = Inbox::default();
        for sequence in 1..=3 {
            inbox.put(Event::Ingested(Receipt {
                sequence,
                lines: 10,
                bytes: 100,
                traces: vec![TraceKey(sequence)],
                interactions: sequence,
            }));
            inbox.put(Event::Progress(Progress {
                history_done: sequence,
                ..Progress::default()
            }));
        }
        let events = inbox.drain();
        assert_eq!(events.len(), 2);
        assert!(events.iter().any(|e| matches!(e, Event::Progress(p) if p.history_done == 3)));
        assert!(
            events
                .iter()
                .any(|e| matches!(e, Event::Ingested(r) if r.sequence == 3 && r.lines == 30 && r.traces.len() == 3 && r.interactions == 3))
        );
        assert!(inbox.drain().is_empty());
    }
}
