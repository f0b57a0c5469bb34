//! Where a store lives and who may use it: the lock beside the database, private directories, and the sweep of temporary stores that
//! nobody holds any more.
//!
//! The lock is an `flock` of our own. `DuckDB`'s lock would be dropped by any open and close of the database file in this process, so
//! nothing here ever opens that file.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Location;
use super::error::StoreError;

const TEMPORARY_PREFIX: &str = "store-";
const DATABASE: &str = "spans.duckdb";

/// A place held by this process until it is dropped. A temporary place disappears with it.
#[derive(Debug)]
pub(super) struct Home {
    /// The database file.
    pub(super) database: PathBuf,
    // Fields are dropped in this order: the directory goes while its lock is still held.
    directory: Option<tempfile::TempDir>,
    _lock: File,
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
                let lock = hold(&database)?;
                Ok(Self {
                    database,
                    directory: None,
                    _lock: lock,
                })
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
                sweep(cache);
                let directory = tempfile::Builder::new()
                    .prefix(TEMPORARY_PREFIX)
                    .tempdir_in(cache)
                    .map_err(cannot)?;
                let database = directory.path().join(DATABASE);
                let lock = hold(&database)?;
                Ok(Self {
                    database,
                    directory: Some(directory),
                    _lock: lock,
                })
            }
        }
    }

    /// Where the engine spills what does not fit into memory.
    pub(super) fn spill(&self) -> PathBuf {
        beside(&self.database, ".tmp")
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

fn hold(database: &Path) -> Result<File, StoreError> {
    let path = beside(database, ".lock");
    let mut file = lock_file(&path).map_err(|source| StoreError::CannotWrite {
        path: path.clone(),
        reason: source.to_string(),
    })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The name of the holder is a courtesy: without it the lock still speaks.
            let _ = Read::by_ref(&mut file).take(200).read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() {
                "another process".to_owned()
            } else {
                holder.trim().to_owned()
            };
            return Err(StoreError::InUse {
                path: database.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
    }
    let name = format!("process {}\n", std::process::id());
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(name.as_bytes()))
        .map_err(|source| StoreError::CannotWrite {
            path,
            reason: source.to_string(),
        })?;
    Ok(file)
}

/// Removes temporary stores whose process is gone.
fn sweep(cache: &Path) {
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
