//! The way in, as the program runs it: sources → two parse workers → the store.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use spanscope::model::record::Receipt;
use spanscope::pricing::Prices;
use spanscope::sources::{self, Event, Sources};
use spanscope::store::{Location, Options, Store};

pub type Failure = Box<dyn std::error::Error>;

/// Parse workers, and threads of the engine.
pub const THREADS: usize = 2;

/// A store in this file.
pub fn open(database: &Path, on_commit: impl FnMut(Receipt) + Send + 'static) -> Result<Store, Failure> {
    let cache = database.parent().ok_or("the database lies in a folder")?;
    let options = Options::new(Arc::new(Prices::embedded()), cache.to_owned());
    let problem = |problem| eprintln!("{problem}");
    Ok(Store::open(Location::File(database.to_owned()), options, on_commit, problem)?)
}

/// Readers and parsers at work.
pub struct Running {
    sources: Option<Sources>,
    workers: Vec<JoinHandle<()>>,
}

/// Starts to read a file into a store; `follow` goes on at its end.
pub fn start(log: &Path, store: &Store, follow: bool) -> Result<Running, Failure> {
    let (sender, events) = crossbeam_channel::bounded(THREADS);
    let options = sources::Options {
        follow,
        dialect: None,
        known: store.resume()?,
        next_id: store.next_source_id()?,
        block_bytes: 8 << 20,
        since: None,
        floors: Arc::default(),
        poll: Duration::from_millis(250),
        spool: None,
        ssh: vec!["ssh".into()],
    };
    let spec = sources::parse_spec(log.to_str().ok_or("a path in UTF-8")?)?;
    let sources = Some(sources::spawn(vec![spec], options, sender)?);
    let workers = (0..THREADS)
        .map(|_| {
            let (events, intake) = (events.clone(), store.intake());
            std::thread::spawn(move || {
                for event in events {
                    if let Event::Block(block) = event
                        && intake.send(spanscope::formats::parse(&block)).is_err()
                    {
                        return;
                    }
                }
            })
        })
        .collect();
    Ok(Running { sources, workers })
}

impl Running {
    /// Waits until everything is read.
    pub fn finish(mut self) {
        self.join();
    }

    /// Stops reading.
    pub fn stop(mut self) {
        if let Some(sources) = &mut self.sources {
            sources.stop();
        }
        self.join();
    }

    fn join(&mut self) {
        for worker in self.workers.drain(..) {
            // A worker that panicked has said so.
            drop(worker.join());
        }
        if let Some(sources) = self.sources.take() {
            sources.join();
        }
    }
}
