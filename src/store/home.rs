//! Where a store lives and who may use it: the lock beside the database, private directories, the files a database consists of, and the
//! sweep of what nobody holds any more.
//!
//! The lock is an `flock` of our own. `DuckDB`'s lock would be dropped by any open and close of the database file in this process, so
//! nothing here opens that file while it is attached.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use memchr::memmem;

use super::Location;
use super::error::StoreError;

const TEMPORARY_PREFIX: &str = "store-";
const DATABASE: &str = "spans.duckdb";
/// What the engine keeps beside a database.
const LOGS: [&str; 3] = [".wal", ".wal.checkpoint", ".wal.recovery"];
/// The database that a purge fills, until it takes the place of the old one.
const FRESH: &str = ".purging";
/// How the engine's spilled blocks begin.
const SPILLED: &str = "duckdb_temp_";
/// Words of our schema: a database file with all of them was ours, however damaged it is now.
const OUR_COLUMNS: [&[u8]; 3] = [b"anchor_hash", b"file_time", b"cache_write_1h"];

/// A place held by this process until it is dropped. A temporary place disappears with it.
#[derive(Debug)]
pub(super) struct Home {
    /// The database file.
    pub(super) database: PathBuf,
    // Fields are dropped in this order: the directory goes while its lock is still held.
    directory: Option<tempfile::TempDir>,
    lock: Lock,
}

/// The held lock file, and what it says about the database beside it.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
    holder: String,
    /// There was no lock file before.
    new: bool,
    /// A store of ours was opened here.
    ours: bool,
    /// It turned out to be damaged while it was in use.
    damage: Option<String>,
}

impl Home {
    /// Makes the place and locks it.
    pub(super) fn take(location: Location, cache: &Path) -> Result<Self, StoreError> {
        match location {
            Location::File(path) => {
                // A symbolic link and its target must share one lock.
                let database = path.canonicalize().unwrap_or(path);
                if let Some(parent) = database.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    private_directory(parent)?;
                }
                let lock = Lock::hold(&database)?;
                let home = Self {
                    database,
                    directory: None,
                    lock,
                };
                home.sweep();
                Ok(home)
            }
            Location::Temporary => {
                private_directory(cache)?;
                let cannot = |source: std::io::Error| StoreError::CannotWrite {
                    path: cache.to_owned(),
                    reason: source.to_string(),
                };
                // Sweeping and creating take turns: a directory whose lock is not yet held is not mistaken for an abandoned one.
                let turn = lock_file(&cache.join("sweep.lock")).map_err(cannot)?;
                turn.lock().map_err(cannot)?;
                sweep_temporary(cache);
                let directory = tempfile::Builder::new()
                    .prefix(TEMPORARY_PREFIX)
                    .tempdir_in(cache)
                    .map_err(cannot)?;
                let database = directory.path().join(DATABASE);
                let lock = Lock::hold(&database)?;
                Ok(Self {
                    database,
                    directory: Some(directory),
                    lock,
                })
            }
        }
    }

    /// Where the engine spills what does not fit into memory.
    pub(super) fn spill(&self) -> PathBuf {
        beside(&self.database, ".tmp")
    }

    /// Where a purge builds the database anew.
    pub(super) fn fresh(&self) -> PathBuf {
        beside(&self.database, FRESH)
    }

    /// Nobody else reads prompts, whatever the umask was.
    pub(super) fn restrict(&self) {
        for path in [self.database.clone(), beside(&self.database, ".wal")] {
            if path.is_file() {
                // Not our file on some foreign file system: then its owner decides, and the directory already protects it.
                let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
            }
        }
    }

    /// Removes what a killed process left: a purge that was not finished, and spilled blocks.
    fn sweep(&self) {
        // What cannot be removed now is tried again at the next start; a purge looks by itself.
        let _ = self.drop_fresh();
        let spill = self.spill();
        for entry in fs::read_dir(&spill).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(SPILLED) {
                let _ = fs::remove_file(entry.path());
            }
        }
        let _ = fs::remove_dir(spill);
    }

    /// Removes the unfinished database of a purge.
    pub(super) fn drop_fresh(&self) -> io::Result<()> {
        let fresh = self.fresh();
        for path in LOGS.iter().map(|log| beside(&fresh, log)).chain([fresh.clone()]) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// The database of a purge takes the place of the old one; neither is attached. Whatever happens meanwhile, one of them is there, whole:
    /// the new one is on the disk before it gets its name, and the old one has no log that could be taken for the new one's.
    pub(super) fn put_fresh(&self) -> io::Result<()> {
        for file in [self.database.clone(), self.fresh()] {
            if let Some(log) = LOGS.iter().map(|log| beside(&file, log)).find(|log| log.exists()) {
                return Err(io::Error::other(format!("{} is still there", log.display())));
            }
        }
        let fresh = self.fresh();
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
        File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, &self.database)?;
        File::open(self.folder())?.sync_all()
    }

    /// The directory of the database.
    pub(super) fn folder(&self) -> &Path {
        match self.database.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        }
    }

    /// A store of ours was opened here: should it ever be unreadable, it may be moved aside.
    pub(super) fn is_ours(&mut self) {
        if !self.lock.ours {
            self.lock.ours = true;
            self.lock.write_again();
        }
    }

    /// Whether the unreadable file is, or was, a store of ours. It is not attached.
    pub(super) fn was_ours(&self) -> bool {
        self.lock.ours || has_our_columns(&self.database).unwrap_or(false)
    }

    /// The store is damaged: the next start shall know it, also where it would not look.
    pub(super) fn is_damaged(&mut self, reason: &str) {
        self.lock.damage = Some(one_line(reason));
        self.lock.write_again();
    }

    /// What an earlier process found out.
    pub(super) fn known_damage(&self) -> Option<String> {
        self.lock.damage.clone().filter(|_| self.database.exists())
    }

    /// A log whose database is gone says nothing, and the engine would remove it.
    pub(super) fn has_stray_log(&self) -> bool {
        !self.database.exists() && LOGS.iter().any(|log| beside(&self.database, log).exists())
    }

    /// Moves the database and its logs to a name that was free; the new name of the database. Nothing is attached.
    pub(super) fn set_aside(&mut self) -> Result<PathBuf, StoreError> {
        self.rename_aside().map_err(|source| StoreError::Io {
            path: self.database.clone(),
            source,
        })
    }

    fn rename_aside(&mut self) -> io::Result<PathBuf> {
        let stem = format!(".corrupt-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
        let free = |name: &PathBuf| {
            std::iter::once("")
                .chain(LOGS)
                .all(|log| fs::symlink_metadata(beside(name, log)).is_err())
        };
        let aside = (0..)
            .map(|n: u32| beside(&self.database, &if n == 0 { stem.clone() } else { format!("{stem}-{n}") }))
            .find(free)
            .unwrap_or_default();
        // The logs first: a database without its log is the store as it was some time ago, a log without its database is nothing.
        for log in LOGS.iter().chain(&[""]) {
            match fs::rename(beside(&self.database, log), beside(&aside, log)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        self.lock.damage = None;
        self.lock.write_again();
        Ok(aside)
    }

    /// Leaves no trace beside a file that is somebody else's.
    pub(super) fn withdraw(self) {
        if self.lock.new {
            // A leftover is empty of meaning.
            let _ = fs::remove_file(&self.lock.path);
        }
    }

    /// Removes a temporary place; says what stayed behind.
    pub(super) fn leave(mut self) -> Result<(), std::io::Error> {
        self.directory.take().map_or(Ok(()), tempfile::TempDir::close)
    }
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn private_directory(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StoreError::CannotWrite {
            path: path.to_owned(),
            reason: source.to_string(),
        })
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

impl Lock {
    fn hold(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database, ".lock");
        let cannot = |source: io::Error| StoreError::CannotWrite {
            path: path.clone(),
            reason: source.to_string(),
        };
        let mut file = lock_file(&path).map_err(cannot)?;
        let held = file.try_lock();
        let mut text = Vec::new();
        // The name of the holder is a courtesy: without it the lock still speaks.
        let _ = Read::by_ref(&mut file).take(4_096).read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines = text.lines();
        let holder = lines.next().map(str::trim).filter(|holder| !holder.is_empty());
        match held {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse {
                    path: database.to_owned(),
                    holder: holder.unwrap_or("another process").to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
        }
        let mut lock = Self {
            holder: this_process(),
            new: holder.is_none(),
            ours: false,
            damage: None,
            file,
            path: path.clone(),
        };
        for line in lines {
            lock.ours |= line == OURS;
            lock.damage = lock.damage.or_else(|| line.strip_prefix(DAMAGED).map(str::to_owned));
        }
        lock.write().map_err(cannot)?;
        Ok(lock)
    }

    fn write(&mut self) -> io::Result<()> {
        let mut text = format!("{}\n", self.holder);
        if self.ours {
            text.push_str(&format!("{OURS}\n"));
        }
        if let Some(damage) = &self.damage {
            text.push_str(&format!("{DAMAGED}{damage}\n"));
        }
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }

    /// The lock is held whatever it says: a full disk must not end anything here.
    fn write_again(&mut self) {
        let _ = self.write();
    }
}

/// The line of a lock beside a store of ours.
const OURS: &str = "store";
/// The line of a lock beside a store that is damaged.
const DAMAGED: &str = "damaged: ";

/// Who this is, for the one who finds the store in use: `process 4711 on host (spanscope ingest app.jsonl --db s.duckdb)`.
fn this_process() -> String {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let program = Path::new(&program).file_name().unwrap_or(OsStr::new("spanscope")).to_owned();
    let words: Vec<String> = std::iter::once(program)
        .chain(arguments)
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let command: String = one_line(&words.join(" ")).chars().take(200).collect();
    format!("process {} on {} ({command})", std::process::id(), one_line(&host))
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a database file or its log holds the names of our columns.
fn has_our_columns(database: &Path) -> io::Result<bool> {
    let mut magic = [0; 12];
    File::open(database)?.read_exact(&mut magic)?;
    if !magic.ends_with(b"DUCK") {
        return Ok(false);
    }
    let mut missing = OUR_COLUMNS.to_vec();
    for path in [database.to_owned(), beside(database, LOGS[0])] {
        let Ok(mut file) = File::open(path) else { continue };
        let mut window = Vec::new();
        loop {
            // A name may lie across two reads.
            let kept = window.len().min(64);
            window.drain(..window.len() - kept);
            if Read::by_ref(&mut file).take(1 << 20).read_to_end(&mut window)? == 0 {
                break;
            }
            missing.retain(|name| memmem::find(&window, name).is_none());
            if missing.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Removes temporary stores whose process is gone.
fn sweep_temporary(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        if !ours || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let lock = beside(&entry.path().join(DATABASE), ".lock");
        let free = match OpenOptions::new().read(true).write(true).open(&lock) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        };
        if free {
            // What cannot be removed now is tried again at the next start.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
