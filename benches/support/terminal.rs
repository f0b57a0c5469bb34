//! The program in a pseudo-terminal: when something appears, and what it writes while nothing happens.

use std::io::Read as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::pipeline::Failure;

/// A running explorer.
pub struct Terminal {
    begun: Instant,
    child: Box<dyn Child + Send + Sync>,
    bytes: Receiver<Vec<u8>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    /// Starts `spanscope LOG` in a home of its own.
    pub fn start(log: &Path, home: &Path) -> Result<Self, Failure> {
        let size = PtySize {
            rows: 40,
            cols: 160,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pty = native_pty_system().openpty(size)?;
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_spanscope"));
        command.arg(log);
        command.env_clear();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("PATH", "/usr/bin:/bin"),
        ] {
            command.env(name, value);
        }
        if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", value);
        }
        command.env("HOME", home);
        let begun = Instant::now();
        let child = pty.slave.spawn_command(command)?;
        drop(pty.slave);
        let mut reader = pty.master.try_clone_reader()?;
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self {
            begun,
            child,
            bytes,
            _master: pty.master,
        })
    }

    /// The process's number.
    pub fn process(&self) -> String {
        self.child.process_id().map_or_else(String::new, |id| id.to_string())
    }

    /// Waits until the words are on the screen: how long after the start.
    pub fn shows(&mut self, words: &str) -> Result<Duration, Failure> {
        let mut seen = Vec::new();
        loop {
            seen.extend(self.bytes.recv_timeout(Duration::from_mins(1))?);
            if memchr::memmem::find(&seen, words.as_bytes()).is_some() {
                return Ok(self.begun.elapsed());
            }
        }
    }

    /// How many bytes it writes in so long a time.
    pub fn written_in(&mut self, time: Duration) -> Result<u64, Failure> {
        let (until, mut count) = (Instant::now() + time, 0);
        loop {
            match self.bytes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(bytes) => count += bytes.len() as u64,
                Err(RecvTimeoutError::Timeout) => return Ok(count),
                Err(RecvTimeoutError::Disconnected) => return Err("the program ended".into()),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
