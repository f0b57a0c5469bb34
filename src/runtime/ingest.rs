//! The way in: sources → parse workers → the store's writer. Every channel is bounded, so a slow disk slows the reading:
//! the file is the buffer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::formats;
use crate::model::mapping::Mapping;
use crate::model::record::{Batch, Block, Progress};
use crate::sources::{self, Event, Sources, Spec, SpecError};
use crate::store::Intake;

/// Running readers and parsers.
pub struct Ingest {
    sources: Option<Sources>,
    workers: Vec<JoinHandle<()>>,
    /// Dropped to let go of workers that wait for the store.
    stop: Sender<Infallible>,
}

/// Starts reading. `progress` is called from a worker thread, a few times a second at most.
pub fn start(
    specs: Vec<Spec>,
    options: sources::Options,
    workers: usize,
    own: Arc<[Mapping]>,
    intake: &Intake,
    prepare: Arc<dyn Fn(&mut Batch) + Send + Sync>,
    progress: Arc<dyn Fn(Progress) + Send + Sync>,
) -> Result<Ingest, SpecError> {
    // One block waits for each worker: two blocks of 8 MiB a worker is what reading may hold.
    let (sender, receiver) = bounded(workers);
    let sources = sources::spawn(specs, options, sender)?;
    let receiver = Arc::new(Mutex::new(receiver));
    let (stop, stopped) = bounded(0);
    let workers = (0..workers)
        .map(|number| {
            let (receiver, stopped, intake) = (Arc::clone(&receiver), stopped.clone(), intake.clone());
            let (own, prepare, progress) = (Arc::clone(&own), Arc::clone(&prepare), Arc::clone(&progress));
            std::thread::Builder::new()
                .name(format!("parse-{number}"))
                .spawn(move || work(&receiver, &stopped, &own, &intake, &*prepare, &*progress))
                .expect("the system can start a thread")
        })
        .collect();
    Ok(Ingest {
        sources: Some(sources),
        workers,
        stop,
    })
}

fn work(
    events: &Mutex<Receiver<Event>>,
    stopped: &Receiver<Infallible>,
    own: &[Mapping],
    intake: &Intake,
    prepare: &dyn Fn(&mut Batch),
    progress: &dyn Fn(Progress),
) {
    while let Some(block) = next_block(events, progress) {
        let mut batch = formats::parse_with(&block, own);
        drop(block);
        prepare(&mut batch);
        if intake.send_unless(batch, stopped).is_err() {
            return;
        }
    }
}

/// The next block. Progress is passed on before anybody can take what came after it: the last is the one that counts.
fn next_block(events: &Mutex<Receiver<Event>>, progress: &dyn Fn(Progress)) -> Option<Block> {
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match events.recv().ok()? {
            Event::Block(block) => return Some(block),
            Event::Progress(state) => progress(state),
        }
    }
}

impl Ingest {
    /// Waits until every source is read to its end (headless: sources that do not follow).
    pub fn finish(mut self) {
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
        if let Some(sources) = self.sources.take() {
            sources.join();
        }
    }

    /// Stops reading now. What the store does not take at once is read again next time: a full disk must not hold the exit.
    pub fn stop(mut self) {
        drop(self.stop);
        if let Some(mut sources) = self.sources.take() {
            sources.stop();
        }
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
    }
}
