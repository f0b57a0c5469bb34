//! Why a store could not be opened: what, where, and what to try. The caller chooses the exit code from the variant.

use std::path::PathBuf;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works with it.
    #[error("{} is in use by {holder}; close that one, or choose another --db", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },
    /// The place cannot be written.
    #[error("cannot write {}: {reason}; choose another --db, or leave it out for a temporary store", path.display())]
    CannotWrite {
        /// The database or its directory.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// There is no store.
    #[error("there is no store at {}; look at --db", path.display())]
    Missing {
        /// Where one should be.
        path: PathBuf,
    },
    /// It was a store of ours and cannot be read any more.
    #[error("{} is damaged ({reason}); name its sources: it is then moved aside, never deleted, and built anew from them", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// A version whose tables were others wrote it.
    #[error("{} was written by an older version ({found}); name its sources: it is then moved aside, never deleted, and built anew from them", path.display())]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// What it says of itself.
        found: String,
    },
    /// The file is something else.
    #[error("{} is not a spanscope store ({reason}); it was left untouched, choose another --db", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How that shows.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("{} was written by a newer version ({found}); update spanscope, or choose another --db", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// What it says of itself.
        found: String,
    },
    /// The system failed beside the database itself.
    #[error("{}: {source}; choose another --db, or leave it out for a temporary store", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database engine failed.
    #[error("the database engine failed: {0}; choose another --db, or leave it out for a temporary store")]
    Engine(#[from] duckdb::Error),
}

impl StoreError {
    /// What is wrong, and what to try.
    #[must_use]
    pub fn told(&self) -> (String, String) {
        let text = self.to_string();
        match text.rsplit_once("; ") {
            Some((what, hint)) => (what.to_owned(), hint.to_owned()),
            None => (text, String::new()),
        }
    }
}
