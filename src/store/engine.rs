//! The one owner of the database in this process. Every thread gets its connection from here, and only here is the file attached:
//! two instances on one path would silently destroy each other's rows.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use duckdb::{Config, Connection};

use super::Options;
use super::budget::{self, Budget};
use super::error::StoreError;
use super::home::Home;
use super::writer::derived_by;
use crate::pricing::Prices;

/// Version of `sql/schema.sql`.
pub(super) const SCHEMA_VERSION: u32 = 6;
/// What makes a store of that version one of the next: statements that may be done again. What new columns hold is derived by the rules of now.
const UPGRADES: &[(u32, &str)] = &[
    (4, "ALTER TABLE step ADD COLUMN IF NOT EXISTS findings UBIGINT"),
    (5, include_str!("sql/upgrade_5.sql")),
];
/// Rows of a table that lie together on disk. A transaction that brings at least so many to a table compresses them straight into the
/// file; fewer are written twice: to the log, and later into the file.
pub(super) const ROW_GROUP: usize = 6_144;
/// How often the process looks at its own memory at most.
const LOOK: Duration = Duration::from_secs(1);
/// What `meta.application` says.
const APPLICATION: &str = "spanscope";
pub(super) const SCHEMA: &str = include_str!("sql/schema.sql");

/// The instance, replaced as a whole after a write error.
pub(super) struct Engine {
    database: PathBuf,
    spill: PathBuf,
    memory: u64,
    /// What it may take now: `memory`, or less while the process is short of it.
    limit: AtomicU64,
    /// The whole process's, where there is one.
    budget: Option<Budget>,
    /// When the process last looked at its own memory.
    looked: Mutex<Instant>,
    threads: u32,
    /// There was no store before it was opened.
    is_new: bool,
    /// Held for reading while a query runs: the instance is only replaced when no connection to it is left.
    gate: RwLock<()>,
    root: Mutex<Option<Connection>>,
    /// How it showed that the file is damaged.
    damage: OnceLock<String>,
}

/// A connection together with the promise that its instance stays.
pub(super) struct Guest<'a> {
    pub(super) connection: Connection,
    _pass: RwLockReadGuard<'a, ()>,
}

impl Engine {
    /// Opens the file, or makes a store of it.
    pub(super) fn open(home: &Home, options: &Options) -> Result<Self, StoreError> {
        let mut engine = Self {
            database: home.database.clone(),
            spill: home.spill(),
            memory: options.memory,
            limit: AtomicU64::new(options.memory),
            budget: options.budget.map(|process| Budget::new(process, options.memory)),
            looked: Mutex::new(Instant::now()),
            threads: options.threads,
            is_new: false,
            gate: RwLock::new(()),
            root: Mutex::new(None),
            damage: OnceLock::new(),
        };
        let explained = |error| match error {
            StoreError::Engine(error) => engine.explain(error),
            other => other,
        };
        let root = engine.attach().map_err(explained)?;
        let is_new = engine.check(&root, &options.prices).map_err(explained)?;
        *engine.root() = Some(root);
        engine.is_new = is_new;
        Ok(engine)
    }

    fn root(&self) -> MutexGuard<'_, Option<Connection>> {
        self.root.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for the thread that asks.
    pub(super) fn guest(&self) -> duckdb::Result<Guest<'_>> {
        let pass = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        Ok(Guest {
            connection: self.connect()?,
            _pass: pass,
        })
    }

    /// A connection for the writer, who alone calls `reopen` and drops this one first.
    pub(super) fn connect(&self) -> duckdb::Result<Connection> {
        let root = self.root();
        let root = root
            .as_ref()
            .ok_or_else(|| duckdb::Error::InvalidParameterName("the store is closed for now".to_owned()))?;
        let connection = root.try_clone()?;
        connection.execute_batch("USE store")?;
        Ok(connection)
    }

    /// While history is read, every processor parses: threads of the engine's own would only contend with them, and the one that asks
    /// spins until they are done.
    pub(super) fn rest_workers(&self, connection: &Connection, rest: bool) -> duckdb::Result<()> {
        let threads = if rest { 1 } else { self.threads.max(1) };
        connection.execute_batch(&format!("SET threads = {threads}"))
    }

    /// Drops the instance, whatever state it is in, and attaches the file anew.
    pub(super) fn reopen(&self) -> Result<(), StoreError> {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        drop(self.root().take());
        let root = self.attach()?;
        *self.root() = Some(root);
        Ok(())
    }

    /// After a commit or an answer: gives the engine less while the process is over its budget, and its share back when there is room again.
    pub(super) fn keep_to_budget(&self, connection: &Connection) {
        // Whoever else looks just now does it for both.
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.elapsed() < LOOK {
            return;
        }
        *looked = Instant::now();
        let limit = self.limit.load(Ordering::Relaxed);
        let next = self
            .budget
            .zip(budget::resident())
            .and_then(|(budget, resident)| budget.limit(resident, limit));
        // What is in use just now cannot be given back: the next look tries again.
        if let Some(next) = next
            && connection.execute_batch(&format!("SET memory_limit = '{next}B'")).is_ok()
        {
            self.limit.store(next, Ordering::Relaxed);
        }
    }

    /// There was no store before it was opened.
    pub(super) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// How much memory the engine may take, in bytes.
    pub(super) const fn memory(&self) -> u64 {
        self.memory
    }

    /// Closes the file. Nothing can be asked afterwards.
    pub(super) fn close(&self) {
        let _alone = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        drop(self.root().take());
    }

    /// Remembers an error that means that the file is damaged. Most of a store is not read when it is opened.
    pub(super) fn note(&self, error: &duckdb::Error) {
        let reason = error.to_string();
        if is_damage(&reason) {
            // The first sign is as good as the second.
            let _ = self.damage.set(reason);
        }
    }

    /// How it showed that the file is damaged, if it did.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }

    fn attach(&self) -> Result<Connection, StoreError> {
        let config = Config::default()
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")?
            .with("memory_limit", format!("{}B", self.limit.load(Ordering::Relaxed)))?
            .with("threads", self.threads.max(1).to_string())?
            .with("temp_directory", self.spill.to_string_lossy())?
            .with("max_temp_directory_size", "2GB")?
            // A checkpoint on the way holds up new rows: small ones, since large transactions hardly touch the log.
            .with("checkpoint_threshold", "32MB")?
            .with("preserve_insertion_order", "false")?
            // A page's rows are fetched by their row ids: up to this many are looked up, more would scan the table.
            .with("dynamic_or_filter_threshold", "1000")?;
        let connection = Connection::open_in_memory_with_flags(config)?;
        connection
            .execute_batch(&format!("{}; USE store", attachment(&self.database, "store")))
            .map_err(|error| self.explain(error))?;
        Ok(connection)
    }

    /// Makes the tables of a new store; refuses a file that is not ours. Whether it is new.
    fn check(&self, connection: &Connection, prices: &Prices) -> Result<bool, StoreError> {
        let mut tables = connection.prepare("SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'")?;
        let tables: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
        if tables.is_empty() {
            let version = connection.version()?;
            return connection
                .execute_batch(&format!(
                    "BEGIN; {SCHEMA}; INSERT INTO meta VALUES ('application', '{APPLICATION}'), ('schema_version', '{SCHEMA_VERSION}'),
                     ('app_version', '{}'), ('duckdb_version', '{}'), ('prices', '{}'); COMMIT",
                    env!("CARGO_PKG_VERSION"),
                    version.replace('\'', "''"),
                    derived_by(prices)
                ))
                .map(|()| true)
                .map_err(|error| self.explain(error));
        }
        let foreign = |reason: &str| StoreError::Foreign {
            path: self.database.clone(),
            reason: reason.to_owned(),
        };
        if !tables.iter().any(|table| table == "meta") {
            return Err(foreign("a DuckDB database with other tables"));
        }
        let meta = |key: &str| match meta(connection, key) {
            Err(error) if is_damage(&error.to_string()) => Err(self.explain(error)),
            // Somebody else's table may bear this name.
            Err(_) => Ok(None),
            Ok(value) => Ok(value),
        };
        if meta("application")?.as_deref() != Some(APPLICATION) {
            return Err(foreign("a DuckDB database with other tables"));
        }
        // An unbroken row of changes leads from there to here.
        let oldest = UPGRADES
            .iter()
            .rev()
            .fold(SCHEMA_VERSION, |next, (from, _)| if from + 1 == next { *from } else { next });
        match meta("schema_version")?.and_then(|text| text.parse::<u32>().ok()) {
            None => Err(foreign("its schema version is missing")),
            Some(version) if version > SCHEMA_VERSION => Err(StoreError::NewerSchema {
                path: self.database.clone(),
                found: format!("schema {version}, this one reads {SCHEMA_VERSION}"),
            }),
            Some(version) if version < oldest => Err(StoreError::OlderSchema {
                path: self.database.clone(),
                found: format!("schema {version}, this one reads {SCHEMA_VERSION}"),
            }),
            Some(version) => UPGRADES
                .iter()
                .filter(|(from, _)| *from >= version)
                .try_for_each(|(from, changes)| {
                    // A new column holds memory until it is on the disk: of a large store one at a time is what there is room for.
                    for change in changes.split(';') {
                        connection.execute_batch(&format!("{change}; CHECKPOINT store"))?;
                    }
                    let next = from + 1;
                    connection.execute_batch(&format!("UPDATE meta SET value = '{next}' WHERE key = 'schema_version'"))
                })
                .map(|()| false)
                .map_err(|error| self.explain(error)),
        }
    }

    /// The engine only speaks in sentences; these are the ones that a user can do something about.
    pub(super) fn explain(&self, error: duckdb::Error) -> StoreError {
        let (path, reason) = (self.database.clone(), error.to_string());
        let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
        if says(&["Conflicting lock", "Could not set lock"]) {
            return StoreError::InUse {
                path,
                holder: "another program".to_owned(),
            };
        }
        // Of a log whose count is wrong the engine says too that it is newer.
        if is_damage(&reason) {
            return StoreError::Damaged { path, reason };
        }
        if says(&["newer version", "newer DuckDB", "newer storage", "Serialization Error"]) {
            return StoreError::NewerSchema { path, found: reason };
        }
        if says(&["cannot be lowered", "is a directory", "Is a directory"]) {
            return StoreError::Foreign { path, reason };
        }
        if says(&[
            "Permission denied",
            "Read-only",
            "read-only",
            "No space",
            "File too large",
            "Disk quota",
            "Cannot open file",
            "Could not create",
        ]) {
            return StoreError::CannotWrite { path, reason };
        }
        StoreError::Engine(error)
    }
}

/// The statement that attaches a database file, or begins one.
pub(super) fn attachment(database: &Path, name: &str) -> String {
    let path = database.to_string_lossy().replace('\'', "''");
    format!("ATTACH '{path}' AS {name} (TYPE duckdb, STORAGE_VERSION 'v1.5.0', ROW_GROUP_SIZE {ROW_GROUP})")
}

/// What the engine says of a file whose bytes are not what it wrote.
fn is_damage(reason: &str) -> bool {
    [
        "Corrupt database file",
        "Corrupt WAL file",
        "Could not read enough bytes",
        "WAL does not match database file",
        "WAL checkpoint iteration does not match",
        "not a valid DuckDB database file",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

/// A value of `meta`.
pub(super) fn meta(connection: &Connection, key: &str) -> duckdb::Result<Option<String>> {
    let mut statement = connection.prepare("SELECT value FROM meta WHERE key = ?")?;
    let mut rows = statement.query([key])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}
