//! Two threads that answer questions. A slot (a pane) has at most one question of interest: the newest. It replaces one that waits
//! and interrupts one that runs.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use duckdb::InterruptHandle;

use super::Kept;
use super::answer::answer;
use super::engine::Engine;
use crate::model::query::{Query, Reply, Ticket};
use crate::pricing::Prices;

/// A slow question of one pane must not hold up another pane.
const THREADS: usize = 2;

type Callback = Box<dyn FnOnce(Ticket, Reply) + Send>;

struct Question {
    slot: u8,
    ticket: Ticket,
    query: Query,
    reply: Callback,
}

/// A question being answered.
struct Running {
    slot: u8,
    stale: bool,
    handle: Option<Arc<InterruptHandle>>,
}

#[derive(Default)]
struct Desk {
    waiting: VecDeque<Question>,
    running: [Option<Running>; THREADS],
    closing: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    bell: Condvar,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader threads.
pub(super) struct Readers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(engine: &Arc<Engine>, prices: &Arc<Prices>, kept: &Arc<Kept>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = (0..THREADS)
            .map(|number| {
                let (shared, engine) = (Arc::clone(&shared), Arc::clone(engine));
                let (prices, kept) = (Arc::clone(prices), Arc::clone(kept));
                std::thread::Builder::new()
                    .name(format!("store-reader-{number}"))
                    .spawn(move || serve(number, &shared, &engine, &prices, &kept))
            })
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(Self { shared, threads })
    }

    pub(super) fn ask(&self, slot: u8, ticket: Ticket, query: Query, reply: Callback) {
        let mut desk = self.shared.desk();
        let replaced = desk
            .waiting
            .iter()
            .position(|question| question.slot == slot)
            .and_then(|at| desk.waiting.remove(at));
        for running in desk.running.iter_mut().flatten().filter(|running| running.slot == slot) {
            running.stale = true;
            if let Some(handle) = &running.handle {
                handle.interrupt();
            }
        }
        desk.waiting.push_back(Question {
            slot,
            ticket,
            query,
            reply,
        });
        drop(desk);
        self.shared.bell.notify_one();
        if let Some(old) = replaced {
            (old.reply)(old.ticket, Reply::Interrupted);
        }
    }

    /// Interrupts what runs, answers what waits, ends the threads.
    pub(super) fn stop(&mut self) {
        let mut desk = self.shared.desk();
        desk.closing = true;
        for running in desk.running.iter_mut().flatten() {
            running.stale = true;
            if let Some(handle) = &running.handle {
                handle.interrupt();
            }
        }
        let waiting = std::mem::take(&mut desk.waiting);
        drop(desk);
        self.shared.bell.notify_all();
        for question in waiting {
            (question.reply)(question.ticket, Reply::Interrupted);
        }
        for thread in self.threads.drain(..) {
            // A reader that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn serve(number: usize, shared: &Shared, engine: &Engine, prices: &Prices, kept: &Kept) {
    loop {
        let mut desk = shared.desk();
        let question = loop {
            if desk.closing {
                return;
            }
            if let Some(question) = desk.waiting.pop_front() {
                break question;
            }
            desk = shared.bell.wait(desk).unwrap_or_else(PoisonError::into_inner);
        };
        desk.running[number] = Some(Running {
            slot: question.slot,
            stale: false,
            handle: None,
        });
        drop(desk);
        let reply = answer(engine, prices, kept, &question.query, &|handle| {
            if let Some(running) = &mut shared.desk().running[number] {
                running.handle = Some(handle);
            }
        });
        let running = shared.desk().running[number].take();
        let reply = if running.is_some_and(|running| running.stale) {
            Reply::Interrupted
        } else {
            reply
        };
        (question.reply)(question.ticket, reply);
    }
}
