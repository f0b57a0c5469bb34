//! The thread that reads what is on this machine: it wakes when something may have changed, asks the tail for blocks and waits while nobody takes them.
//!
//! The channel out is bounded by the caller: when it is full the file is the buffer, and no more than one block is held here. Reading
//! stops at once when the handle is dropped. No decision about bytes is made here.

use std::convert::Infallible;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TryRecvError, never, select_biased};

use super::board::Board;
use super::disk::Files;
use super::remote::{self, RealClock, RemoteReader};
use super::stream::{self, Stream};
use super::tail::{Floors, Ids, Rules, Tail};
use super::watch::Watch;
use super::{Spec, SpecError};
use crate::model::record::{Activity, Block, Order, Progress, Resume, SourceInfo, SourceProgress};
use crate::model::span::Nanos;

/// Whole lines of standard input wait at most so long for more.
const STREAM_WAIT: Duration = Duration::from_millis(50);
/// Notices that come faster than this are taken together.
const GATHER: Duration = Duration::from_millis(10);
/// Directories are listed at most so often because of notices.
const RELIST: Duration = Duration::from_millis(50);
/// With nothing new for `ACTIVE`, files are looked at this often.
const IDLE: Duration = Duration::from_secs(1);
const ACTIVE: Duration = Duration::from_secs(5);
/// Progress is told at most so often; the last of it always.
const REPORT: Duration = Duration::from_millis(100);

/// How sources are read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Wait for new lines; else read to the end, then stop.
    pub follow: bool,
    /// The user's `--dialect`.
    pub dialect: Option<Arc<str>>,
    /// The store's sources, to go on where it stopped.
    pub known: Vec<Resume>,
    /// The first free number for a new source.
    pub next_id: u32,
    /// About how long a block is; 8 MiB.
    pub block_bytes: usize,
    /// The history of files that were not written since is left alone.
    pub since: Option<Nanos>,
    /// How far back the history of each file is wanted.
    pub floors: Arc<Floors>,
    /// How often files are looked at while they change; 250 ms. A remote host is asked a quarter as often.
    pub poll: Duration,
    /// Where standard input is kept for raw lines.
    pub spool: Option<PathBuf>,
    /// The program that reaches other machines, and its options.
    pub ssh: Vec<String>,
}

/// What the reading thread sends.
#[derive(Clone, Debug)]
pub enum Event {
    /// Lines.
    Block(Block),
    /// How far it has come, when that changed.
    Progress(Progress),
}

/// The reading threads: one for what is here, and one for each remote host. Dropping it stops the reading without waiting for it.
#[derive(Debug)]
pub struct Sources {
    stop: Option<Sender<Infallible>>,
    threads: Vec<JoinHandle<()>>,
}

impl Sources {
    /// Asks the threads to end; they do at once, unless the file system makes them wait.
    pub fn stop(&mut self) {
        self.stop = None;
    }

    /// Waits until the threads ended: by themselves when everything was read, or after [`Sources::stop`].
    pub fn join(mut self) {
        for thread in self.threads.drain(..) {
            // A panic there was already printed by the panic hook.
            drop(thread.join());
        }
    }
}

/// Starts to read. Everything that is wrong with the sources' names is said here, before anything is read.
pub fn spawn(specs: Vec<Spec>, options: Options, out: Sender<Event>) -> Result<Sources, SpecError> {
    spawn_with(specs, options, out, Box::new(io::stdin()))
}

pub(super) fn spawn_with(
    specs: Vec<Spec>,
    options: Options,
    out: Sender<Event>,
    stdin: Box<dyn Read + Send>,
) -> Result<Sources, SpecError> {
    let has_stdin = specs.contains(&Spec::Stdin);
    let (mut paths, mut addresses) = (Vec::new(), Vec::new());
    for spec in specs {
        match spec {
            Spec::Path(path) => paths.push(path),
            Spec::Remote(address) => addresses.push(address),
            Spec::Stdin => {}
        }
    }
    let hosts = remote::plan(addresses)?;
    let files = Files::new(&paths)?;
    if !options.follow
        && let Some(empty) = files.first_empty()
    {
        return Err(SpecError::new(format!("{empty}: no files match"), "check the path or the pattern"));
    }
    raise_file_limit();
    let failed = |error: io::Error| {
        SpecError::new(
            format!("cannot start reading: {error}"),
            "the system refused a thread; end other programs",
        )
    };
    let (stop, stopped) = crossbeam_channel::bounded(0);
    let mut next_id = options
        .known
        .iter()
        .map(|resume| resume.info.id.saturating_add(1))
        .fold(options.next_id, u32::max);
    let (stream, stdin, input) = if has_stdin {
        let info = stdin_info(&options.known, &mut next_id);
        let source = (info.id, info.generation);
        (
            Some(Stream::new(info, options.dialect.clone(), options.spool.as_deref())),
            Some(source),
            stream::pump(stdin).map_err(failed)?,
        )
    } else {
        (None, None, never())
    };
    let watch = (options.follow && !paths.is_empty()).then(Watch::new);
    let rules = Rules {
        follow: options.follow,
        dialect: options.dialect,
        block_bytes: options.block_bytes,
        since: options.since,
        floors: options.floors,
    };
    let ids = Ids::from(next_id);
    let board = Arc::new(Board::new(1 + hosts.len(), out.clone()));
    let mut sources = Sources {
        stop: Some(stop),
        threads: Vec::new(),
    };
    for (number, host) in hosts.into_iter().enumerate() {
        let around = remote::Surroundings {
            ssh: options.ssh.clone().into(),
            rules: rules.clone(),
            ids: ids.clone(),
            board: Arc::clone(&board),
            place: 1 + number,
            beat: options.poll * 4,
            out: out.clone(),
            stopped: stopped.clone(),
        };
        let reader = RemoteReader::new(host, &options.known, around, RealClock::new());
        let thread = thread::Builder::new().name(format!("ssh-{number}"));
        sources.threads.push(thread.spawn(move || drop(reader.run())).map_err(failed)?);
    }
    // A device and an inode of another machine mean nothing here.
    let known = options
        .known
        .into_iter()
        .filter(|resume| !super::is_remote(&resume.info.uri))
        .collect();
    let now = Instant::now();
    let reader = Reader {
        tail: Tail::sharing(files, rules, known, ids),
        has_files: !paths.is_empty(),
        follow: options.follow && !paths.is_empty(),
        watch,
        noticed: false,
        names_changed: false,
        poll: options.poll,
        block_bytes: options.block_bytes,
        stream,
        stdin,
        input,
        stream_since: None,
        stream_ended: false,
        stream_problem: None,
        out,
        board,
        stopped,
        looked: now,
        listed: now,
        active: now,
        untold: true,
        reported: None,
    };
    let thread = thread::Builder::new().name("sources".to_owned());
    sources.threads.push(thread.spawn(move || drop(reader.run())).map_err(failed)?);
    Ok(sources)
}

/// A run of standard input is a generation of its own: its bytes never come again.
fn stdin_info(known: &[Resume], next_id: &mut u32) -> SourceInfo {
    let before = known
        .iter()
        .filter(|resume| resume.info.uri == "-")
        .max_by_key(|resume| resume.info.generation);
    let (id, generation) = before.map_or((*next_id, 0), |resume| (resume.info.id, resume.info.generation + 1));
    if before.is_none() {
        *next_id = next_id.saturating_add(1);
    }
    SourceInfo {
        id,
        uri: "-".to_owned(),
        device: 0,
        inode: 0,
        generation,
        file_time: clock(),
        order: Order::Ordered,
    }
}

/// Every file is held open, and the usual soft limit of 1,024 is low for a directory of logs. Best effort: a refusal shows as a problem.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current < limit.maximum {
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                maximum: limit.maximum,
            },
        );
    }
}

/// The time.
pub(super) fn clock() -> Nanos {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| Nanos::try_from(since.as_nanos()).unwrap_or(Nanos::MAX))
}

/// The reader was stopped, or nobody takes its blocks any more.
pub(super) struct Stopped;

struct Reader {
    tail: Tail<Files>,
    has_files: bool,
    follow: bool,
    watch: Option<Watch>,
    /// A notice came that was not acted on yet.
    noticed: bool,
    names_changed: bool,
    poll: Duration,
    block_bytes: usize,
    stream: Option<Stream>,
    /// Number and generation of standard input, also once it has ended.
    stdin: Option<(u32, u32)>,
    input: Receiver<io::Result<Vec<u8>>>,
    /// Since when whole lines of the stream wait.
    stream_since: Option<Instant>,
    /// Nothing more will come from the stream; it may still hold lines.
    stream_ended: bool,
    /// What went wrong with a stream that ended.
    stream_problem: Option<String>,
    out: Sender<Event>,
    board: Arc<Board>,
    stopped: Receiver<Infallible>,
    looked: Instant,
    listed: Instant,
    active: Instant,
    /// Something happened that the last report may not tell.
    untold: bool,
    reported: Option<(Instant, Progress)>,
}

impl Reader {
    fn run(mut self) -> Result<(), Stopped> {
        self.list();
        loop {
            if matches!(self.stopped.try_recv(), Err(TryRecvError::Disconnected)) {
                return Err(Stopped);
            }
            if self.follow {
                self.refresh();
            }
            let from_stream = self.stream_block();
            let from_file = self.tail.next(clock());
            let idle = from_stream.is_none() && from_file.is_none() && !self.tail.is_busy();
            self.untold |= !idle;
            for block in [from_stream, from_file].into_iter().flatten() {
                self.send(Event::Block(block))?;
            }
            let ended = idle && !self.follow && self.stream.is_none();
            self.report(ended)?;
            if ended {
                return Ok(());
            }
            if idle {
                self.wait()?;
            }
        }
    }

    fn send(&self, event: Event) -> Result<(), Stopped> {
        select_biased! {
            recv(self.stopped) -> _ => Err(Stopped),
            send(self.out, event) -> sent => sent.map_err(|_| Stopped),
        }
    }

    fn list(&mut self) {
        self.untold = true;
        if self.has_files {
            let changed = self.tail.scan(clock());
            self.listed = Instant::now();
            if changed {
                self.active = self.listed;
            }
        }
        if let Some(watch) = &mut self.watch {
            watch.follow(self.tail.disk().directories());
        }
    }

    /// How long until the files are looked at without a notice.
    fn interval(&self) -> Duration {
        let polling = self.watch.as_ref().is_some_and(Watch::failed);
        if polling || self.active.elapsed() < ACTIVE {
            self.poll
        } else {
            self.poll.max(IDLE)
        }
    }

    /// Looks at files and directories when it is time.
    fn refresh(&mut self) {
        if let Some(watch) = &self.watch {
            self.noticed |= watch.notices.try_recv().is_ok();
            self.names_changed |= watch.names_changed();
        }
        let relist = (self.names_changed && self.listed.elapsed() >= RELIST) || self.listed.elapsed() >= self.interval();
        let look = (self.noticed && self.looked.elapsed() >= GATHER) || self.looked.elapsed() >= self.interval();
        // In this order: a copy is compared with what its original is now.
        if look {
            self.noticed = false;
            if self.tail.look(clock()) {
                self.active = Instant::now();
            }
            self.looked = Instant::now();
            self.untold = true;
        }
        if relist {
            self.names_changed = false;
            self.list();
        }
    }

    /// Whole lines of standard input, when there are enough or they waited long enough.
    fn stream_block(&mut self) -> Option<Block> {
        let stream = self.stream.as_mut()?;
        while stream.whole() < self.block_bytes {
            match self.input.try_recv() {
                Ok(Ok(bytes)) => {
                    stream.push(&bytes);
                    self.untold = true;
                }
                Ok(Err(error)) => {
                    self.stream_problem = Some(error.to_string());
                    self.stream_ended = true;
                    break;
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    self.stream_ended = true;
                    break;
                }
            }
        }
        if stream.whole() > 0 && self.stream_since.is_none() {
            self.stream_since = Some(Instant::now());
        }
        let due = stream.whole() >= self.block_bytes || self.stream_since.is_some_and(|since| since.elapsed() >= STREAM_WAIT);
        if !due && !self.stream_ended {
            return None;
        }
        self.stream_since = None;
        let block = stream.take(clock(), self.stream_ended);
        if self.stream_ended {
            // The closed channel would be ready for ever.
            self.input = never();
        }
        self.untold |= self.stream_ended;
        if self.stream_ended && stream.is_empty() {
            self.stream_problem = self.stream_problem.take().or_else(|| stream.problem.take());
            self.stream = None;
        }
        block
    }

    /// Tells how far it has come, when that may have changed and was not told just now: what is left untold ends the next wait.
    fn report(&mut self, ended: bool) -> Result<(), Stopped> {
        let recent = self.reported.as_ref().is_some_and(|(at, _)| at.elapsed() < REPORT);
        if !ended && (!self.untold || recent) {
            return Ok(());
        }
        self.untold = false;
        let mut progress = self.tail.progress();
        progress.following = self.follow || self.stream.is_some();
        progress.polling = self.watch.as_ref().is_some_and(Watch::failed);
        progress.inputs += u32::from(self.stream.is_some());
        progress.pending += self.stream.as_ref().map_or(0, Stream::pending);
        progress.ended = ended;
        let stream_problem = self
            .stream
            .as_ref()
            .and_then(|stream| stream.problem.as_ref())
            .or(self.stream_problem.as_ref());
        progress.problems.extend(stream_problem.map(|why| ("-".to_owned(), why.clone())));
        progress.sources.extend(self.stdin.map(|source| SourceProgress {
            uri: "-".to_owned(),
            source: Some(source),
            activity: if self.stream.is_some() {
                Activity::Following
            } else {
                Activity::Ended
            },
            pending: self.stream.as_ref().map_or(0, Stream::pending),
            problem: stream_problem.cloned(),
            ..SourceProgress::default()
        }));
        if self.reported.as_ref().is_some_and(|(_, last)| *last == progress) {
            return Ok(());
        }
        self.board.tell(0, progress.clone(), &self.stopped)?;
        self.reported = Some((Instant::now(), progress));
        Ok(())
    }

    /// Sleeps until there may be something to do.
    fn wait(&mut self) -> Result<(), Stopped> {
        let mut timeout = Duration::MAX;
        if self.follow {
            let mut until = |every: Duration, since: Instant| timeout = timeout.min(every.saturating_sub(since.elapsed()));
            until(self.interval(), self.looked);
            until(self.interval(), self.listed);
            if self.noticed {
                until(GATHER, self.looked);
            }
            if self.names_changed {
                until(RELIST, self.listed);
            }
        }
        if let Some((at, _)) = self.reported.as_ref().filter(|_| self.untold) {
            timeout = timeout.min(REPORT.saturating_sub(at.elapsed()));
        }
        if let Some(since) = self.stream_since {
            timeout = timeout.min(STREAM_WAIT.saturating_sub(since.elapsed()));
        }
        let sleep = if timeout == Duration::MAX {
            never()
        } else {
            crossbeam_channel::after(timeout)
        };
        let quiet = never();
        let notices = self.watch.as_ref().filter(|_| !self.noticed).map_or(&quiet, |watch| &watch.notices);
        select_biased! {
            recv(self.stopped) -> _ => return Err(Stopped),
            recv(self.input) -> message => self.take_in(message),
            recv(notices) -> _ => self.noticed = true,
            recv(sleep) -> _ => {}
        }
        Ok(())
    }

    fn take_in(&mut self, message: Result<io::Result<Vec<u8>>, crossbeam_channel::RecvError>) {
        self.untold = true;
        let Some(stream) = &mut self.stream else { return };
        match message {
            Ok(Ok(bytes)) => stream.push(&bytes),
            // The channel is closed behind an error, too: the next turn sees the end.
            Ok(Err(error)) => self.stream_problem = Some(error.to_string()),
            Err(crossbeam_channel::RecvError) => {}
        }
    }
}

#[cfg(test)]
#[path = "reader/tests.rs"]
mod tests;
