//! Writes the demo's invented traffic into a private file, as an application would: hours of it at once, then live.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;

use super::explorer::now;
use crate::demo::{PACE, PAST, interaction};

/// A line of the live part is written so often.
const TICK: Duration = Duration::from_millis(220);

/// The file and the thread that writes it; both are gone when this is dropped.
pub struct Traffic {
    folder: TempDir,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    failed: Arc<AtomicBool>,
}

impl Traffic {
    /// Writes the past, and begins to write the present.
    pub fn start(cache: &std::path::Path) -> io::Result<Self> {
        std::fs::create_dir_all(cache)?;
        let folder = tempfile::Builder::new().prefix("demo-").tempdir_in(cache)?;
        let mut file = File::create(folder.path().join("velo.jsonl"))?;
        let past = (0..PAST).flat_map(|number| interaction(number, now() - (PAST - number) as i64 * PACE));
        let past: Vec<String> = past.collect();
        file.write_all((past.join("\n") + "\n").as_bytes())?;
        let (stop, stopped) = mpsc::channel();
        let failed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failed);
        let thread = std::thread::Builder::new().name("demo".into()).spawn(move || {
            // Steps of one interaction come one after another, so that it is seen to grow.
            let lines = (PAST..).flat_map(|number| interaction(number, now()));
            for line in lines {
                match stopped.recv_timeout(TICK) {
                    Err(mpsc::RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => return,
                }
                if file.write_all((line + "\n").as_bytes()).is_err() {
                    told.store(true, Ordering::Relaxed);
                    return;
                }
            }
        })?;
        Ok(Self {
            folder,
            stop: Some(stop),
            thread: Some(thread),
            failed,
        })
    }

    /// The file it writes.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("velo.jsonl")
    }

    /// Whether it could not be written any more.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at its next line; a panic of it was printed already.
            let _ = thread.join();
        }
    }
}
