//! Standard input: bytes that come once, in order, and cannot be looked at again.
//!
//! Whole lines are passed on as they come; the last line is taken without its newline when the input ends. What came is also written
//! to a private spool file, up to a limit, so that raw lines can be shown later.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use super::lines::{Lead, Lines};
use crate::model::record::{Block, Identity, SourceInfo};
use crate::model::span::{Nanos, StartFrom};

/// Bytes read at once.
const CHUNK: usize = 256 * 1024;
/// Bytes kept in the spool.
const SPOOL: u64 = 256 * 1024 * 1024;

/// Cuts what comes into blocks of whole lines.
pub(super) struct Stream {
    info: Arc<SourceInfo>,
    dialect: Option<Arc<str>>,
    lines: Lines,
    lead: Lead,
    spool: Option<File>,
    spooled: u64,
    /// Why the spool or the input failed.
    pub problem: Option<String>,
}

impl Stream {
    /// A stream from its start. The spool file is emptied, and readable by its owner only.
    pub(super) fn new(info: SourceInfo, dialect: Option<Arc<str>>, spool: Option<&Path>) -> Self {
        let opened = spool.map(private).transpose();
        let problem = opened
            .as_ref()
            .err()
            .map(|error| format!("raw lines will not be available: {error}"));
        let spool = opened.unwrap_or(None);
        Self {
            info: Arc::new(info),
            dialect,
            lines: Lines::at(0, &[]),
            lead: Lead::default(),
            spool,
            spooled: 0,
            problem,
        }
    }

    /// Takes bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.keep(bytes);
        self.lines.push(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = usize::try_from(SPOOL - self.spooled).unwrap_or(usize::MAX).min(bytes.len());
        let Some(file) = &mut self.spool else { return };
        match file.write_all(&bytes[..room]) {
            Ok(()) => self.spooled += room as u64,
            Err(error) => {
                // Later bytes would stand at the wrong offsets.
                self.spool = None;
                self.problem = Some(format!("raw lines will not be available: {error}"));
            }
        }
    }

    /// Bytes of whole lines that wait.
    pub(super) fn whole(&self) -> usize {
        self.lines.whole()
    }

    /// Bytes of the unfinished last line.
    pub(super) fn pending(&self) -> u64 {
        self.lines.pending()
    }

    /// Everything was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.whole() == 0 && self.lines.pending() == 0
    }

    /// The next of the whole lines that wait; at the end of the input also the last one without newline.
    pub(super) fn take(&mut self, now: Nanos, ended: bool) -> Option<Block> {
        let chunk = self.lines.take(ended)?;
        let turn = self.lead.turn();
        self.lead.push(chunk.framing, &chunk.bytes);
        Some(Block {
            source: Arc::clone(&self.info),
            identity: Identity::default(),
            offset: chunk.offset,
            bytes: chunk.bytes,
            omitted: chunk.omitted,
            framing: chunk.framing,
            turn,
            fallback: (now, StartFrom::Arrival),
            dialect: self.dialect.clone(),
        })
    }
}

fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // The mode above holds for a new file only.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Reads `input` on a thread of its own, since such a read cannot be interrupted. The channel closes at the end. The thread ends with
/// the input, or at the first bytes that nobody wants any more; nobody waits for it.
pub(super) fn pump(mut input: Box<dyn Read + Send>) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (sender, receiver) = bounded(2);
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let message = match input.read(&mut chunk) {
                Ok(0) => return,
                Ok(count) => {
                    chunk.truncate(count);
                    Ok(chunk)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let failed = message.is_err();
            if sender.send(message).is_err() || failed {
                return;
            }
        }
    })?;
    Ok(receiver)
}
