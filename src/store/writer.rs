//! The thread `store-writer`: takes batches, decides when to commit, and recovers from write errors without losing or repeating a line.
//!
//! After an error nothing is assumed: a COMMIT may fail and yet be durable. The instance is dropped, coverage read again, and only
//! what is not covered is written again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select};
use duckdb::Connection;

use super::Kept;
use super::apply::{Known, Prepared, append_ahead, apply};
use super::contents::{BODIES, Bodies, Ids, SHAPES, Seen, TraceSet};
use super::coverage::Coverage;
use super::engine::{Engine, ROW_GROUP, meta};
use super::intake::Packed;
use super::recent::Recent;
use crate::derive::RULES;
use crate::model::record::Receipt;
use crate::model::span::TraceKey;
use crate::pricing::Prices;

/// Caught up, a commit every so often.
const CADENCE: Duration = Duration::from_millis(50);
/// While history is read, whose blocks are large, a commit less often: large transactions are compressed straight into the file.
const BEHIND: Duration = Duration::from_secs(1);
/// A batch of fewer bytes is news.
const NEWS_BYTES: u64 = 1 << 20;
/// A commit is due at once after so many rows of `part`: three whole row groups and some more …
const FULL_ROWS: usize = 3 * ROW_GROUP;
/// … or when what waits fills so much memory, or this part of the engine's where that is less …
const FULL_BYTES: u64 = 64 << 20;
const FULL_SHARE: u64 = 5;
/// … or so many batches.
const FULL_BATCHES: usize = 1_000;
/// Quiet for so long is idle.
const IDLE: Duration = Duration::from_secs(1);
/// Less than this is not worth a checkpoint.
const CHECKPOINT_BYTES: u64 = 4 << 20;
/// Traces derived anew in one transaction after prices changed.
const SLICE: usize = 1_000;
/// After so many new rows of shapes all are looked through, also while there is something to do …
const SHAPE_ROWS: u64 = 1 << 20;
/// … or, while there is not, when they are this part of those that had an interaction the last time.
const SHAPE_SHARE: u64 = 8;
/// The priority on Linux of what parses and writes: below that of whoever asks.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
/// Between attempts while the disk does not take it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the store tells its writer beside batches.
pub(super) enum Control {
    /// Commit all that was sent before, and say how it went.
    Flush(Sender<Result<(), String>>),
    /// Commit, checkpoint and end.
    Close,
}

/// The writer's side of the store.
pub(super) struct Writer {
    pub(super) engine: Arc<Engine>,
    pub(super) kept: Arc<Kept>,
    pub(super) prices: Arc<Prices>,
    pub(super) batches: Receiver<Packed>,
    pub(super) control: Receiver<Control>,
    pub(super) on_commit: Box<dyn FnMut(Receipt) + Send>,
    pub(super) on_problem: Box<dyn FnMut(String) + Send>,
    /// Waits while the disk does not take it, instead of ending.
    pub(super) patient: bool,
    pub(super) state: State,
}

/// What the writer knows of the store.
pub(super) struct State {
    connection: Option<Connection>,
    coverage: Coverage,
    bodies: Bodies,
    /// Shapes of interactions and their ids.
    shapes: Bodies,
    /// Rows of shapes that were written since those without an interaction were removed.
    shape_rows: u64,
    /// How many rows were left then.
    shape_rows_left: u64,
    seen: Seen,
    recent: Recent,
    interactions: u64,
    /// Traces that still show what old prices or rules came to, the newest last.
    stale: Vec<TraceKey>,
    /// Every row says what it has to of its spans; in an older store they do not at first.
    pub(super) settled: bool,
    waiting: Vec<Prepared>,
    waiting_bytes: u64,
    /// What waits may fill so much memory.
    room: u64,
    sequence: u64,
    committed: Instant,
    since_checkpoint: u64,
    /// The engine's own threads rest, since history is being read.
    resting: bool,
    /// When history last came.
    history: Instant,
    /// The last attempt failed: no new batches until this time.
    retry: Option<Instant>,
}

impl State {
    /// Reads what is there. Traces become stale when prices or rules are not those they were derived by.
    pub(super) fn read(engine: &Engine, prices: &Prices) -> duckdb::Result<Self> {
        let connection = engine.connect()?;
        if engine.is_new() {
            return Ok(Self::empty(engine, connection));
        }
        let coverage = Coverage::read(&connection)?;
        let next = next_id(&connection, "content")?;
        let shapes = Bodies::new(next_id(&connection, "shape")?, SHAPES);
        let mut seen = Seen::new();
        let mut traces = Vec::new();
        {
            let mut statement = connection.prepare("SELECT trace FROM interaction ORDER BY start")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let trace = TraceKey(row.get(0)?);
                seen.insert(trace);
                traces.push(trace);
            }
        }
        let interactions = traces.len() as u64;
        let hash = derived_by(prices);
        let known = meta(&connection, "prices")?;
        if traces.is_empty() && known.as_ref() != Some(&hash) {
            remember_prices(&connection, &hash)?;
        }
        let stale = if known.as_ref() == Some(&hash) { Vec::new() } else { traces };
        let whole = "SELECT count(*) = 0 FROM (SELECT shape FROM interaction WHERE shape IS NULL LIMIT 1)";
        let settled = stale.is_empty() || connection.query_row(whole, [], |row| row.get(0))?;
        Ok(Self {
            coverage,
            bodies: Bodies::new(next, BODIES),
            shapes,
            seen,
            interactions,
            stale,
            settled,
            ..Self::empty(engine, connection)
        })
    }

    /// Of a store that holds nothing.
    fn empty(engine: &Engine, connection: Connection) -> Self {
        Self {
            connection: Some(connection),
            coverage: Coverage::default(),
            bodies: Bodies::new(0, BODIES),
            shapes: Bodies::new(0, SHAPES),
            shape_rows: 0,
            shape_rows_left: 0,
            seen: Seen::new(),
            recent: Recent::default(),
            interactions: 0,
            stale: Vec::new(),
            settled: true,
            waiting: Vec::new(),
            waiting_bytes: 0,
            room: FULL_BYTES.min(engine.memory() / FULL_SHARE),
            sequence: 0,
            committed: Instant::now(),
            since_checkpoint: 0,
            resting: false,
            history: Instant::now(),
            retry: None,
        }
    }

    /// Removes shapes that no interaction has any more: one that grows has another with every new name. Nothing is in a transaction.
    fn forget_shapes(&mut self) -> duckdb::Result<()> {
        let Some(connection) = &self.connection else { return Ok(()) };
        connection.execute(include_str!("sql/forget_shapes.sql"), [])?;
        let left = Ids::read(connection, "SELECT DISTINCT id FROM shape")?;
        self.shapes.retain(|id| left.has(id));
        self.shape_rows_left = connection.query_row("SELECT count(*) FROM shape", [], |row| row.get(0))?;
        self.shape_rows = 0;
        Ok(())
    }

    /// Whether what waits makes a large transaction.
    fn full(&self) -> bool {
        let (mut rows, mut bytes) = (0, 0);
        for batch in &self.waiting {
            rows += batch.packed.parts.len();
            bytes += batch.held;
        }
        rows >= FULL_ROWS || bytes >= self.room || self.waiting.len() >= FULL_BATCHES
    }

    /// How long what waits may wait: news hardly, history longer.
    fn patience(&self) -> Duration {
        let news = self.waiting.iter().any(|batch| batch.bytes() < NEWS_BYTES);
        if news { CADENCE } else { BEHIND }
    }

    fn recall(&mut self, engine: &Engine) -> duckdb::Result<()> {
        let connection = engine.connect()?;
        self.coverage = Coverage::read(&connection)?;
        self.interactions = connection.query_row("SELECT count(*) FROM interaction", [], |row| row.get(0))?;
        // A commit that failed may have been durable.
        self.recent.forget();
        self.shapes = Bodies::new(next_id(&connection, "shape")?, SHAPES);
        self.connection = Some(connection);
        self.resting = false;
        // What was durable after all is left out below, and is no news any more.
        for derived in self.waiting.iter().flat_map(|batch| &batch.packed.derived) {
            self.seen.insert(derived.row.trace);
        }
        let coverage = &self.coverage;
        self.waiting
            .retain(|Prepared { packed: batch, .. }| !is_covered(coverage, &batch.source.id, batch.source.generation, &batch.range));
        self.waiting_bytes = self.waiting.iter().map(Prepared::bytes).sum();
        Ok(())
    }
}

fn is_covered(coverage: &Coverage, source: &u32, generation: u32, range: &std::ops::Range<u64>) -> bool {
    !range.is_empty() && coverage.overlap((*source, generation), range) == [range.clone()]
}

/// What interactions were derived by: the rules and the prices.
pub(super) fn derived_by(prices: &Prices) -> String {
    format!("{RULES}:{}", prices.hash())
}

/// The id that the next row of the table gets.
fn next_id(connection: &Connection, table: &str) -> duckdb::Result<u64> {
    connection.query_row(&format!("SELECT coalesce(max(id) + 1, 0) FROM {table}"), [], |row| row.get(0))
}

fn remember_prices(connection: &Connection, hash: &str) -> duckdb::Result<()> {
    connection.execute_batch("BEGIN TRANSACTION; DELETE FROM meta WHERE key = 'prices'")?;
    connection.execute("INSERT INTO meta VALUES ('prices', ?)", [hash])?;
    connection.execute_batch("COMMIT")
}

/// Lowers the priority of this thread, which parses or writes: what somebody waits for comes first, questions and the screen. Both kinds do so, or
/// one would wait for the other. On Linux a thread has a priority of its own; elsewhere the process would lose, and nothing happens.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    // Where that is not allowed everything goes on as fast as it can.
    let _ = rustix::process::setpriority_process(None, NICE);
}

impl Writer {
    /// Runs until it is told to close, or, impatient, until something cannot be written.
    pub(super) fn run(mut self) {
        give_way();
        let closed = never();
        let mut open = true;
        loop {
            // What waits is bounded, also while the disk is full: then senders wait too.
            let batches = if open && self.state.retry.is_none() && !self.state.full() {
                self.batches.clone()
            } else {
                closed.clone()
            };
            select! {
                recv(self.control) -> message => match message {
                    Ok(Control::Flush(reply)) => {
                        let done = self.flush();
                        // Whoever asked may have gone.
                        let _ = reply.send(done);
                    }
                    Ok(Control::Close) | Err(_) => return self.close(),
                },
                recv(batches) -> batch => match batch {
                    Ok(batch) => self.take(batch),
                    Err(_) => open = false,
                },
                default(self.pause()) => self.quiet(),
            }
            if self.due() {
                // Already reported; the next attempt comes by itself.
                let _ = self.commit();
            }
            if self.state.retry.is_some() && !self.patient {
                return;
            }
        }
    }

    /// How long to wait for the next message.
    fn pause(&self) -> Duration {
        if let Some(retry) = self.state.retry {
            return retry.saturating_duration_since(Instant::now());
        }
        if !self.state.waiting.is_empty() {
            return self.state.patience().saturating_sub(self.state.committed.elapsed());
        }
        if !self.state.stale.is_empty() {
            return Duration::ZERO;
        }
        if self.state.resting || self.state.since_checkpoint >= CHECKPOINT_BYTES {
            return IDLE;
        }
        // Nothing to do: only a message wakes this thread.
        Duration::from_hours(1)
    }

    /// Nothing came for a while.
    fn quiet(&mut self) {
        if self.state.retry.is_some_and(|retry| retry <= Instant::now()) {
            self.state.retry = None;
        }
        if self.state.retry.is_some() || !self.state.waiting.is_empty() {
            return;
        }
        self.wake_workers();
        if !self.state.stale.is_empty() {
            let _ = self.commit();
        } else if self.state.since_checkpoint >= CHECKPOINT_BYTES && self.state.committed.elapsed() >= IDLE {
            self.checkpoint();
        }
    }

    fn due(&self) -> bool {
        let state = &self.state;
        if state.retry.is_some() || state.waiting.is_empty() {
            return false;
        }
        state.sequence == 0 || state.full() || state.committed.elapsed() >= state.patience()
    }

    /// Accepts a batch, unless its bytes are in the store already or wait to be.
    fn take(&mut self, mut batch: Packed) {
        let state = &mut self.state;
        let key = (batch.source.id, batch.source.generation);
        let waits = state
            .waiting
            .iter()
            .map(|other| &other.packed)
            .any(|other| (other.source.id, other.source.generation) == key && !batch.range.is_empty() && other.range == batch.range);
        if waits || is_covered(&state.coverage, &key.0, key.1, &batch.range) {
            return;
        }
        let overlap = state.coverage.overlap(key, &batch.range);
        if !overlap.is_empty() {
            batch.without(&overlap, &self.prices);
            let (uri, range) = (&batch.source.uri, &batch.range);
            (self.on_problem)(format!(
                "{uri}: bytes {}..{} were partly read before; line counts may repeat",
                range.start, range.end
            ));
        }
        let prepared = Prepared::new(batch, &mut state.bodies);
        self.state.waiting_bytes += prepared.bytes();
        self.state.waiting.push(prepared);
        if self.state.sequence > 0
            && self.state.patience() > CADENCE
            && let Err(error) = self.append_ahead()
        {
            // As after a failed commit: everything that waits is written again. Only when that fails too there is something to tell.
            self.engine.note(&error);
            self.lose();
        }
    }

    /// Writes the newest batch into the transaction that is open.
    fn append_ahead(&mut self) -> duckdb::Result<()> {
        let state = &mut self.state;
        let Some(connection) = &state.connection else { return Ok(()) };
        state.history = Instant::now();
        if !state.resting {
            self.engine.rest_workers(connection, true)?;
            state.resting = true;
        }
        let open = state.waiting.iter().any(|batch| batch.appended);
        state
            .waiting
            .last_mut()
            .map_or(Ok(()), |batch| append_ahead(connection, batch, open))
    }

    /// Gives the instance up: nothing of an open transaction is left.
    fn lose(&mut self) {
        self.state.connection = None;
        self.state.waiting.iter_mut().for_each(|batch| batch.appended = false);
    }

    fn flush(&mut self) -> Result<(), String> {
        self.state.retry = None;
        while let Ok(batch) = self.batches.try_recv() {
            self.take(batch);
            if self.due() {
                self.commit()?;
            }
        }
        while !self.state.waiting.is_empty() || !self.state.stale.is_empty() {
            self.commit()?;
        }
        Ok(())
    }

    /// Writes what waits, and a slice of what is stale. On an error once more after recovery, then it waits.
    fn commit(&mut self) -> Result<(), String> {
        let mut failed = None;
        for _ in 0..2 {
            if self.state.connection.is_none()
                && let Err(error) = self.recover()
            {
                failed = Some(error);
                break;
            }
            match self.attempt() {
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.engine.note(&error);
                    self.lose();
                    failed = Some(error.to_string());
                }
            }
        }
        let error = failed.unwrap_or_default();
        let next = match (self.engine.damage(), self.patient) {
            (Some(_), _) => "; it is damaged: the next start with its sources builds it anew",
            (None, true) => "; trying again",
            (None, false) => "",
        };
        (self.on_problem)(format!("cannot write the store: {error}{next}"));
        self.state.retry = Some(Instant::now() + PATIENCE);
        Err(error)
    }

    fn recover(&mut self) -> Result<(), String> {
        self.engine.reopen().map_err(|error| error.to_string())?;
        // A commit that failed may have been durable.
        self.kept.forget();
        self.state.recall(&self.engine).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn attempt(&mut self) -> duckdb::Result<()> {
        let state = &mut self.state;
        let Some(connection) = &state.connection else { return Ok(()) };
        let slice = state.stale.split_off(state.stale.len().saturating_sub(SLICE));
        let touched = state
            .waiting
            .iter()
            .flat_map(|batch| &batch.packed.derived)
            .map(|derived| derived.row.trace);
        let maybe: TraceSet = touched
            .chain(slice.iter().copied())
            .filter(|trace| state.seen.maybe(*trace))
            .collect();
        let change = match apply(
            connection,
            &self.prices,
            &state.waiting,
            &slice,
            &Known {
                maybe: &maybe,
                recent: &state.recent,
                coverage: &state.coverage,
            },
            &mut state.shapes,
            &|times| self.kept.changing(times),
        ) {
            Ok(change) => change,
            Err(error) => {
                state.stale.extend(slice);
                return Err(error);
            }
        };
        state.coverage.settle(change.coverage);
        self.kept.changed(&change.times);
        state.interactions += change.new;
        state.shape_rows += change.shape_rows;
        change.traces.iter().for_each(|trace| state.seen.insert(*trace));
        state.sequence += 1;
        state.since_checkpoint += state.waiting_bytes;
        let receipt = Receipt {
            sequence: state.sequence,
            lines: state.waiting.iter().map(|batch| batch.packed.tally.lines).sum(),
            bytes: state.waiting_bytes,
            traces: change.traces,
            interactions: state.interactions,
        };
        let news = state.patience() == CADENCE;
        let parts = state.waiting.drain(..).flat_map(|batch| batch.packed.parts);
        state.recent.settle(parts, |trace| news && !maybe.contains(&trace));
        state.waiting_bytes = 0;
        state.committed = Instant::now();
        if !slice.is_empty() && state.stale.is_empty() {
            remember_prices(connection, &derived_by(&self.prices))?;
            self.kept.settled.store(true, Ordering::Release);
        }
        (self.on_commit)(receipt);
        if self.state.shape_rows >= SHAPE_ROWS.max(self.state.shape_rows_left) {
            self.state.forget_shapes()?;
        }
        if self.state.history.elapsed() >= IDLE {
            self.wake_workers();
        }
        if let Some(connection) = &self.state.connection {
            self.engine.keep_to_budget(connection);
        }
        Ok(())
    }

    /// No history comes any more: the engine may use its threads again. Where it cannot be told, the next commit tries anew.
    fn wake_workers(&mut self) {
        if self.state.resting
            && let Some(connection) = &self.state.connection
            && self.engine.rest_workers(connection, false).is_ok()
        {
            self.state.resting = false;
        }
    }

    fn checkpoint(&mut self) {
        self.state.since_checkpoint = 0;
        let tidied = if self.state.shape_rows > self.state.shape_rows_left / SHAPE_SHARE {
            self.state.forget_shapes()
        } else {
            Ok(())
        };
        let Some(connection) = &self.state.connection else { return };
        if let Err(error) = tidied.and_then(|()| connection.execute_batch("CHECKPOINT store")) {
            // A failed checkpoint leaves the instance unusable: what is committed is safe in the log.
            (self.on_problem)(format!("cannot tidy the store: {error}"));
            self.state.connection = None;
        }
    }

    /// Everything that can be committed is; a store that cannot be written is left at its last commit.
    fn close(mut self) {
        while let Ok(batch) = self.batches.try_recv() {
            self.take(batch);
        }
        if !self.state.waiting.is_empty() {
            // Reported by `commit`.
            let _ = self.commit();
        }
        self.checkpoint();
    }
}
