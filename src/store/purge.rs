//! Retention: what is older than some time leaves the store, and the file really shrinks. The engine never gives space back, so the
//! survivors are copied into a new database beside the old one, which then takes its name. Until that moment nothing has changed.

use std::path::PathBuf;

use duckdb::Connection;

use super::engine::{Engine, SCHEMA, attachment};
use super::error::StoreError;
use super::home::Home;
use super::{Location, Options};
use crate::model::span::Nanos;

/// What a purge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purged {
    /// Interactions that are gone.
    pub interactions: u64,
    /// Lines of which nothing is kept.
    pub lines: u64,
    /// Size of the database before, in bytes.
    pub before: u64,
    /// And after.
    pub after: u64,
}

/// Removes everything older than this from the store at `path`: interactions by their newest part, other lines by their time, rejected lines
/// by that of their neighbours. Which lines were read stays known. On an error the store is as it was.
pub fn purge(path: PathBuf, older_than: Nanos, options: &Options) -> Result<Purged, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { path });
    }
    let mut home = Home::take(Location::File(path), &options.cache_dir)?;
    if let Some(reason) = home.known_damage() {
        let path = home.database.clone();
        return Err(StoreError::Damaged { path, reason });
    }
    let done = rewrite(&home, older_than, options);
    match done {
        Ok(_) => home.is_ours(),
        Err(StoreError::Damaged { path, reason }) if !home.was_ours() => {
            home.withdraw();
            return Err(StoreError::Foreign { path, reason });
        }
        Err(error @ StoreError::Foreign { .. }) => {
            home.withdraw();
            return Err(error);
        }
        Err(ref error) => {
            if let StoreError::Damaged { reason, .. } = error {
                home.is_damaged(reason);
            }
            // What cannot be removed now is removed at the next start.
            let _ = home.drop_fresh();
        }
    }
    done
}

fn rewrite(home: &Home, older_than: Nanos, options: &Options) -> Result<Purged, StoreError> {
    let failed = |source: std::io::Error| StoreError::CannotWrite {
        path: home.database.clone(),
        reason: source.to_string(),
    };
    home.drop_fresh().map_err(failed)?;
    let engine = Engine::open(home, options)?;
    let (interactions, lines) = {
        let guest = engine.guest()?;
        // From here on the old database has no log.
        guest
            .connection
            .execute_batch("CHECKPOINT store")
            .map_err(|error| engine.explain(error))?;
        room(home, &guest.connection, older_than).map_err(|error| match error {
            StoreError::Engine(error) => engine.explain(error),
            other => other,
        })?;
        copy(home, &guest.connection, older_than).map_err(|error| engine.explain(error))?
    };
    engine.close();
    let size = |path: &std::path::Path| path.metadata().map(|data| data.len()).map_err(failed);
    let before = size(&home.database)?;
    if (interactions, lines) == (0, 0) {
        home.drop_fresh().map_err(failed)?;
    } else {
        home.put_fresh().map_err(failed)?;
    }
    Ok(Purged {
        interactions,
        lines,
        before,
        after: size(&home.database)?,
    })
}

/// Refuses to begin what would fill the disk: other programs need it too. The survivors are taken to need what they need now.
fn room(home: &Home, connection: &Connection, older_than: Nanos) -> Result<(), StoreError> {
    let share: f64 = connection.query_row(
        "SELECT coalesce(sum(spans) FILTER (last >= ?) / sum(spans), 0)::DOUBLE FROM interaction",
        [older_than],
        |row| row.get(0),
    )?;
    let io = |path: &std::path::Path, source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let size = home.database.metadata().map_err(|error| io(&home.database, error))?.len();
    let disk = rustix::fs::statvfs(home.folder()).map_err(|error| io(home.folder(), error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = (size as f64 * share) as u64;
    if needed > free {
        return Err(StoreError::CannotWrite {
            path: home.fresh(),
            reason: format!(
                "what stays needs about {} MB beside the store, {} MB are free",
                needed / 1_000_000,
                free / 1_000_000
            ),
        });
    }
    Ok(())
}

/// Copies what stays; interactions and lines that do not.
fn copy(home: &Home, connection: &Connection, older_than: Nanos) -> duckdb::Result<(u64, u64)> {
    let attach = attachment(&home.fresh(), "fresh");
    let survivors = include_str!("sql/purge.sql").replace("{before}", &older_than.to_string());
    // In their order: neighbours in time lie together on disk.
    connection.execute_batch(&format!(
        "SET preserve_insertion_order = true; {attach}; USE fresh; {SCHEMA}; USE store;
         {survivors}"
    ))?;
    let gone = connection.query_row(include_str!("sql/purged.sql"), [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection.execute_batch("CHECKPOINT fresh; DETACH fresh")?;
    Ok(gone)
}
