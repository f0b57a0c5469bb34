//! The system's notices of changed directories. A notice only ever says "look again": what changed is read from the files themselves.
//!
//! Directories are watched, not files, so that rotation and new files are noticed. Where the system cannot watch (limits, network
//! file systems) the reader's own regular look is enough; this module only tells that it is so.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{Receiver, bounded};
use notify::{Config, Event, EventKind, EventKindMask, RecommendedWatcher, RecursiveMode, Watcher};

/// Watches of directories, and their one bit of news.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    /// Holds at most one notice.
    pub notices: Receiver<()>,
    /// A name came, went or changed since the last [`Watch::names_changed`].
    names: Arc<AtomicBool>,
    /// A watch could not be had, or notices were lost for good.
    failed: Arc<AtomicBool>,
}

impl Watch {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let (sender, notices) = bounded(1);
        let (names, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (names_seen, failure) = (Arc::clone(&names), Arc::clone(&failed));
        let handler = move |notice: notify::Result<Event>| {
            match notice {
                // A lost notice may have been of any kind.
                Ok(event) if event.need_rescan() => names_seen.store(true, Ordering::Relaxed),
                Ok(event) => {
                    let of_names = matches!(
                        event.kind,
                        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(notify::event::ModifyKind::Name(_))
                    );
                    if of_names {
                        names_seen.store(true, Ordering::Relaxed);
                    }
                }
                Err(_) => failure.store(true, Ordering::Relaxed),
            }
            // A full channel already holds the same news; a closed one means that nobody listens any more.
            let _ = sender.try_send(());
        };
        // Our own reading must not wake us.
        let kinds = EventKindMask::CREATE | EventKindMask::REMOVE | EventKindMask::MODIFY_DATA | EventKindMask::MODIFY_NAME;
        let watcher = RecommendedWatcher::new(handler, Config::default().with_event_kinds(kinds)).ok();
        failed.store(watcher.is_none(), Ordering::Relaxed);
        Self {
            watcher,
            watched: BTreeSet::new(),
            notices,
            names,
            failed,
        }
    }

    /// Watches these directories and no others.
    pub(super) fn follow(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for gone in self.watched.difference(directories) {
            // A deleted directory has lost its watch already.
            let _ = watcher.unwatch(gone);
        }
        self.watched.retain(|path| directories.contains(path));
        for new in directories.difference(&self.watched.clone()) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(new.clone());
                }
                Err(error) => {
                    // A directory that went in between is no failure of watching.
                    if !matches!(error.kind, notify::ErrorKind::PathNotFound) {
                        self.failed.store(true, Ordering::Relaxed);
                    }
                }
            }
        }
    }

    /// Names changed since this was last asked.
    pub(super) fn names_changed(&self) -> bool {
        self.names.swap(false, Ordering::Relaxed)
    }

    /// The system's watches cannot be relied on.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
