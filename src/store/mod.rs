//! The store: an embedded `DuckDB` behind plain questions and answers.
//!
//! One thread writes (`writer`), a few read (`reader`), and one owner (`engine`) holds the database. Facts are append-only and
//! committed together with the bytes they came from, so every line is there exactly once whatever happens. What depends on a whole
//! trace is derived in the same transaction. No SQL and no engine type leaves this module.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use crossbeam_channel::Sender;

use crate::model::anomaly::Judging;
use crate::model::query::{Query, Reply, Ticket};
use crate::model::record::{Receipt, Resume, SourceInfo};
use crate::pricing::Prices;

mod answer;
mod apply;
mod bill;
mod budget;
mod changes;
mod columns;
mod contents;
mod costs;
mod coverage;
mod earlier;
mod engine;
mod error;
mod filter;
mod health;
mod home;
mod intake;
mod judge;
mod logged;
mod page;
mod peers;
mod prompts;
mod purge;
mod reader;
mod recent;
mod rows;
mod sessions;
mod shape;
mod timeline;
mod told;
mod values;
mod writer;

pub use error::StoreError;
pub use intake::{Closed, Intake};
pub use purge::{Purged, purge};
pub use writer::give_way;

use bill::Bill;
use changes::{EVER, Times};
use coverage::Coverage;
use engine::Engine;
use home::Home;
use judge::Judge;
use reader::Readers;
use timeline::Strip;
use writer::{Control, State, Writer};

/// Batches that may wait for the writer. More would only fill memory: the file is the buffer.
const WAITING_BATCHES: usize = 4;

/// Where the store lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A private place that disappears with the process.
    Temporary,
    /// This file, kept.
    File(PathBuf),
}

/// How the store runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// What `DuckDB` may use, in bytes.
    pub memory: u64,
    /// What the whole process may take, in bytes: the engine then gets less where that is short. `None`: nobody looks.
    pub budget: Option<u64>,
    /// Threads for queries.
    pub threads: u32,
    /// What to do when the disk does not take it: wait for better times, or end, so that senders and `flush` get an error.
    pub patient: bool,
    /// The prices to derive costs with.
    pub prices: Arc<Prices>,
    /// What costs are judged by.
    pub judging: Arc<Judging>,
    /// Where temporary stores live: the user's cache directory, never a shared one.
    pub cache_dir: PathBuf,
    /// The sources are read again: a store of ours that cannot be used is moved aside, and a new one begun in its place.
    pub rebuild: bool,
}

impl Options {
    /// 256 MB and two threads: this runs on production hosts.
    #[must_use]
    pub fn new(prices: Arc<Prices>, cache_dir: PathBuf) -> Self {
        Self {
            memory: 256_000_000,
            budget: None,
            threads: 2,
            patient: true,
            prices,
            judging: Arc::default(),
            cache_dir,
            rebuild: false,
        }
    }
}

/// What was found out and need not be asked again as long as the writer does not say that it changed.
struct Kept {
    /// Every interaction is derived by the rules of now: in an older store they are not at first.
    settled: AtomicBool,
    judge: Judge,
    bill: Bill,
    strip: Strip,
}

impl Kept {
    /// Rows that begin in these times are about to change.
    fn changing(&self, times: &[Times]) {
        self.bill.changes.add(times);
        self.strip.changes.add(times);
    }

    /// Rows that begin in these times have changed.
    fn changed(&self, times: &[Times]) {
        self.changing(times);
        if let Some(first) = times.iter().map(|(first, _)| *first).min() {
            self.judge.changed(first);
        }
    }

    /// Nothing of it is sure to be true.
    fn forget(&self) {
        self.changed(&[EVER]);
    }
}

/// An open store.
pub struct Store {
    engine: Arc<Engine>,
    readers: Readers,
    prices: Arc<Prices>,
    kept: Arc<Kept>,
    intake: Intake,
    control: Sender<Control>,
    writer: Option<JoinHandle<()>>,
    home: Option<Home>,
}

impl Store {
    /// Opens or makes the store. `on_commit` and `on_problem` are called on the writer's thread; `on_problem` also here, when the store that
    /// was there had to be moved aside.
    pub fn open(
        location: Location,
        options: Options,
        on_commit: impl FnMut(Receipt) + Send + 'static,
        mut on_problem: impl FnMut(String) + Send + 'static,
    ) -> Result<Self, StoreError> {
        let mut home = Home::take(location, &options.cache_dir)?;
        if home.has_stray_log() {
            let aside = home.set_aside()?;
            on_problem(format!(
                "{} was gone, only its log was left: that is now {}.wal",
                home.database.display(),
                aside.display()
            ));
        }
        let (engine, state) = match begin(&home, &options) {
            Err(error @ (StoreError::Damaged { .. } | StoreError::OlderSchema { .. })) if options.rebuild => {
                let aside = home.set_aside()?;
                on_problem(format!(
                    "{}: it is now {}, and the store is built anew from the sources",
                    error.told().0,
                    aside.display()
                ));
                begin(&home, &options)?
            }
            Err(error) => {
                if matches!(error, StoreError::Foreign { .. }) {
                    home.withdraw();
                }
                return Err(error);
            }
            Ok(begun) => begun,
        };
        home.is_ours();
        home.restrict();
        let (batches, incoming) = crossbeam_channel::bounded(WAITING_BATCHES);
        let (control, commands) = crossbeam_channel::unbounded();
        let kept = Arc::new(Kept {
            settled: AtomicBool::new(state.settled),
            judge: Judge::new(Arc::clone(&options.judging)),
            bill: Bill::default(),
            strip: Strip::default(),
        });
        let writer = Writer {
            engine: Arc::clone(&engine),
            kept: Arc::clone(&kept),
            prices: Arc::clone(&options.prices),
            batches: incoming,
            control: commands,
            on_commit: Box::new(on_commit),
            on_problem: Box::new(on_problem),
            patient: options.patient,
            state,
        };
        let thread = |source| StoreError::Io {
            path: home.database.clone(),
            source,
        };
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(thread)?;
        let readers = Readers::start(&engine, &options.prices, &kept).map_err(thread)?;
        let intake = Intake {
            batches,
            prices: Arc::clone(&options.prices),
        };
        Ok(Self {
            engine,
            readers,
            prices: options.prices,
            kept,
            intake,
            control,
            writer: Some(writer),
            home: Some(home),
        })
    }

    /// What was read before, for sources: every generation of each.
    pub fn resume(&self) -> Result<Vec<Resume>, StoreError> {
        Ok(self.coverage()?.resume())
    }

    /// The number for a source that is not yet known.
    pub fn next_source_id(&self) -> Result<u32, StoreError> {
        Ok(self.coverage()?.sources.keys().map(|(id, _)| id + 1).max().unwrap_or(0))
    }

    /// The latest generation of a source, to read its raw lines again; `None` when the store does not know it.
    pub fn source(&self, id: u32) -> Result<Option<SourceInfo>, StoreError> {
        let coverage = self.coverage()?;
        let mut generations = coverage.sources.range((id, 0)..=(id, u32::MAX));
        Ok(generations.next_back().map(|(_, (info, _))| info.clone()))
    }

    /// What is committed now. It must not pass for empty when it cannot be read: everything would be read again.
    fn coverage(&self) -> Result<Coverage, StoreError> {
        Ok(Coverage::read(&self.engine.guest()?.connection)?)
    }

    /// Where batches go.
    #[must_use]
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// Returns when everything sent before is committed and every cost follows the prices of now.
    pub fn flush(&self) -> Result<(), String> {
        let gone = || "the writer has ended".to_owned();
        let (reply, answer) = crossbeam_channel::bounded(1);
        self.control.send(Control::Flush(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Asks in the background. A newer question of the same slot takes the place of an older one, which is answered `Interrupted`.
    pub fn ask(&self, slot: u8, ticket: Ticket, query: Query, reply: Box<dyn FnOnce(Ticket, Reply) + Send>) {
        self.readers.ask(slot, ticket, query, reply);
    }

    /// Asks and waits.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a question is asked once")]
    pub fn ask_now(&self, query: Query) -> Reply {
        answer::answer(&self.engine, &self.prices, &self.kept, &query, &|_| {})
    }

    /// How it showed that the store is damaged, if it did. The next start with sources moves it aside and builds it anew.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.engine.damage()
    }

    /// Commits, checkpoints and closes; a temporary store is removed.
    pub fn close(mut self) {
        self.shut();
    }

    fn shut(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        self.readers.stop();
        // A writer that is gone has nothing left to close.
        let _ = self.control.send(Control::Close);
        let _ = writer.join();
        self.engine.close();
        if let Some(mut home) = self.home.take() {
            home.restrict();
            if let Some(damage) = self.engine.damage() {
                home.is_damaged(damage);
            }
            // What stays behind is swept at the next start.
            let _ = home.leave();
        }
    }
}

/// Opens what is there, or makes it, and reads where it stands.
fn begin(home: &Home, options: &Options) -> Result<(Arc<Engine>, State), StoreError> {
    if let Some(reason) = home.known_damage() {
        return Err(StoreError::Damaged {
            path: home.database.clone(),
            reason,
        });
    }
    let begun = Engine::open(home, options).and_then(|engine| {
        let state = State::read(&engine, &options.prices).map_err(|error| engine.explain(error))?;
        Ok((Arc::new(engine), state))
    });
    match begun {
        // Nothing says that it ever was a store.
        Err(StoreError::Damaged { path, reason }) if !home.was_ours() => Err(StoreError::Foreign { path, reason }),
        other => other,
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shut();
    }
}
