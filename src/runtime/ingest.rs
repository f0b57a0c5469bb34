//! The way in: sources → parse workers → the store's writer. Every channel is bounded, so a slow disk slows the reading:
//! the file is the buffer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::formats;
use crate::model::framing::Framing;
use crate::model::mapping::Mapping;
use crate::model::record::{Batch, Block, Order, Progress};
use crate::sources::{self, Event, Sources, Spec, SpecError};
use crate::store::{Intake, give_way};

/// What lines say takes some KiB each until it is written, however short they are: of more than so many a block is parsed in pieces …
const PIECE_LINES: usize = 4_096;
/// … of at least so many bytes: smaller ones would pass for news.
const PIECE_BYTES: usize = 1 << 20;

/// Running readers and parsers.
pub struct Ingest {
    sources: Option<Sources>,
    workers: Vec<JoinHandle<()>>,
    /// Dropped to let go of workers that wait for the store.
    stop: Sender<Infallible>,
}

/// Starts reading. `progress` is called from a worker thread, a few times a second at most.
pub fn start(
    specs: Vec<Spec>,
    options: sources::Options,
    workers: usize,
    own: Arc<[Mapping]>,
    intake: &Intake,
    prepare: Arc<dyn Fn(&mut Batch) + Send + Sync>,
    progress: Arc<dyn Fn(Progress) + Send + Sync>,
) -> Result<Ingest, SpecError> {
    // One block waits for each worker: two blocks of 8 MiB a worker is what reading may hold.
    let (sender, receiver) = bounded(workers);
    let sources = sources::spawn(specs, options, sender)?;
    let receiver = Arc::new(Mutex::new(receiver));
    let (stop, stopped) = bounded(0);
    let workers = (0..workers)
        .map(|number| {
            let (receiver, stopped, intake) = (Arc::clone(&receiver), stopped.clone(), intake.clone());
            let (own, prepare, progress) = (Arc::clone(&own), Arc::clone(&prepare), Arc::clone(&progress));
            std::thread::Builder::new()
                .name(format!("parse-{number}"))
                .spawn(move || {
                    give_way();
                    work(&receiver, &stopped, &own, &intake, &*prepare, &*progress);
                })
                .expect("the system can start a thread")
        })
        .collect();
    Ok(Ingest {
        sources: Some(sources),
        workers,
        stop,
    })
}

fn work(
    events: &Mutex<Receiver<Event>>,
    stopped: &Receiver<Infallible>,
    own: &[Mapping],
    intake: &Intake,
    prepare: &dyn Fn(&mut Batch),
    progress: &dyn Fn(Progress),
) {
    while let Some(block) = next_block(events, progress) {
        for piece in pieces(block) {
            let mut batch = formats::parse_with(&piece, own);
            drop(piece);
            prepare(&mut batch);
            if intake.send_unless(batch, stopped).is_err() {
                return;
            }
        }
    }
}

/// The block, or what it consists of where its lines are many and stand for themselves.
fn pieces(block: Block) -> Vec<Block> {
    let splits = block.framing == Framing::Lines && block.source.order == Order::Random && block.omitted == 0;
    if !splits || block.bytes.len() < 2 * PIECE_BYTES {
        return vec![block];
    }
    let lines = memchr::memchr_iter(b'\n', &block.bytes).count();
    if lines <= PIECE_LINES {
        return vec![block];
    }
    let least = (block.bytes.len() / lines * PIECE_LINES).max(PIECE_BYTES);
    let mut pieces = Vec::new();
    let mut from = 0;
    while from < block.bytes.len() {
        let rest = &block.bytes[from..];
        let end = if rest.len() < least + PIECE_BYTES {
            rest.len()
        } else {
            memchr::memchr(b'\n', &rest[least..]).map_or(rest.len(), |at| least + at + 1)
        };
        pieces.push(Block {
            source: Arc::clone(&block.source),
            offset: block.offset + from as u64,
            bytes: rest[..end].to_vec(),
            turn: block.turn.clone(),
            dialect: block.dialect.clone(),
            ..block
        });
        from += end;
    }
    pieces
}

/// The next block. Progress is passed on before anybody can take what came after it: the last is the one that counts.
fn next_block(events: &Mutex<Receiver<Event>>, progress: &dyn Fn(Progress)) -> Option<Block> {
    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        match events.recv().ok()? {
            Event::Block(block) => return Some(block),
            Event::Progress(state) => progress(state),
        }
    }
}

impl Ingest {
    /// Waits until every source is read to its end (headless: sources that do not follow).
    pub fn finish(mut self) {
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
        if let Some(sources) = self.sources.take() {
            sources.join();
        }
    }

    /// Stops reading now. What the store does not take at once is read again next time: a full disk must not hold the exit.
    pub fn stop(mut self) {
        drop(self.stop);
        if let Some(mut sources) = self.sources.take() {
            sources.stop();
        }
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::{Identity, SourceInfo};
    use crate::model::span::StartFrom;

    fn block(line: &str, lines: usize, framing: Framing, order: Order) -> Block {
        let source = SourceInfo {
            id: 1,
            uri: "app.jsonl".into(),
            device: 0,
            inode: 0,
            generation: 0,
            file_time: 0,
            order,
        };
        Block {
            source: Arc::new(source),
            identity: Identity::default(),
            offset: 1_000,
            bytes: line.repeat(lines).into_bytes(),
            omitted: 0,
            framing,
            fallback: (0, StartFrom::File),
            turn: crate::model::turn::Turn::default(),
            dialect: None,
        }
    }

    #[test]
    fn many_short_lines_come_in_pieces_of_whole_lines() {
        let short = "{\"model\":\"m\",\"prompt\":\"a question\",\"response\":\"an answer\",\"input_tokens\":10,\"output_tokens\":2,\"request_id\":\"r-1\"}\n";
        let long = "x".repeat(1_999) + "\n";
        for (line, lines, framing, order, parts) in [
            (short, 60_000, Framing::Lines, Order::Random, 6),
            // Long lines, few of them, lines that need those before them.
            (&long, 4_000, Framing::Lines, Order::Random, 1),
            (short, 100, Framing::Lines, Order::Random, 1),
            (short, 60_000, Framing::Lines, Order::Ordered, 1),
            (short, 60_000, Framing::Docker, Order::Random, 1),
        ] {
            let whole = block(line, lines, framing, order);
            let pieces = pieces(whole.clone());
            assert_eq!(pieces.len(), parts, "{lines} lines of {} bytes, {framing:?}", line.len());
            assert_eq!(pieces.iter().flat_map(|piece| piece.bytes.clone()).collect::<Vec<_>>(), whole.bytes);
            let mut at = whole.offset;
            for piece in &pieces {
                assert_eq!((piece.offset, piece.bytes.last()), (at, Some(&b'\n')));
                assert!(parts == 1 || piece.bytes.len() >= PIECE_BYTES, "{}", piece.bytes.len());
                at = piece.range().end;
            }
        }
    }
}
