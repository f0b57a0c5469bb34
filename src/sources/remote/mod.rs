//! Files on another machine, read over the system's own ssh: keys, settings and jump hosts are the user's.
//!
//! One thread and one ssh process for each host: a slow host delays nobody else. A connection that is lost is a restart: what was
//! handed out is what is known, every file is recognised anew, from what was seen of it if its state is the same, and reading goes on at
//! just that place. Between attempts the wait doubles from one second to a minute.

mod files;
mod line;
mod listing;
mod session;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, select_biased};

use self::files::{Ends, Remote, Root};
use self::session::{Cause, Lost};
use super::SpecError;
use super::address::{Address, Host};
use super::board::Board;
use super::reader::{Event, Stopped, clock};
use super::tail::{Ids, Rules, Tail};
use crate::model::record::{Activity, Progress, Resume, SourceProgress};

pub use line::read_remote_line;

/// Blocks are smaller than a disk's: what is read when the connection drops is read again, and the first lines should come soon.
const BLOCK: usize = 1 << 20;
/// A connection that drops before a block is whole gets smaller ones the next time, down to this.
const LEAST_BLOCK: usize = 32 << 10;
/// So many blocks over one connection: it may have larger ones again.
const STEADY: usize = 8;
/// Progress is sent at most so often while blocks flow.
const REPORT: Duration = Duration::from_millis(100);
/// A host is asked for news once a beat, which is a second, while there are some; when nothing came for `CALM` beats, every `IDLE`.
const IDLE: u32 = 5;
const CALM: u32 = 30;
/// The longest wait between attempts, in beats; the first is one.
const LONGEST_WAIT: u32 = 60;
/// A command without a screen gives a host up after so many attempts that brought nothing.
const ATTEMPTS: u32 = 4;

/// What passes the time: a test's clock runs when it is waited for.
pub(super) trait Clock: Send {
    /// Time since some moment.
    fn now(&self) -> Duration;
    /// Waits, or ends early with the reading.
    fn wait(&mut self, time: Duration, stopped: &Receiver<Infallible>) -> Result<(), Stopped>;
}

/// The machine's.
pub(super) struct RealClock(Instant);

impl RealClock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&mut self, time: Duration, stopped: &Receiver<Infallible>) -> Result<(), Stopped> {
        let over = crossbeam_channel::after(time);
        select_biased! {
            recv(stopped) -> _ => Err(Stopped),
            recv(over) -> _ => Ok(()),
        }
    }
}

/// How long until the next attempt.
#[derive(Debug, Default, PartialEq, Eq)]
struct Patience {
    /// Attempts since something last came.
    failures: u32,
}

impl Patience {
    /// Another failure: the wait it earns, in beats.
    fn wait(&mut self, cause: Cause) -> u32 {
        let wait = match cause {
            Cause::Network | Cause::Name => LONGEST_WAIT.min(2_u32.saturating_pow(self.failures)),
            Cause::Refused => LONGEST_WAIT,
        };
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// Is it worth another attempt, when somebody waits for the end?
    const fn is_over(&self, cause: Cause) -> bool {
        self.failures >= ATTEMPTS || !matches!(cause, Cause::Network)
    }
}

/// Everything named on one machine.
pub(super) struct Plan {
    host: Host,
    addresses: Vec<Address>,
    roots: Vec<Root>,
}

/// Sorts addresses by machine, and checks them.
pub(super) fn plan(addresses: Vec<Address>) -> Result<Vec<Plan>, SpecError> {
    let mut plans: Vec<Plan> = Vec::new();
    for address in addresses {
        let root = Root::new(&address)?;
        let place = plans.iter().position(|plan| plan.host == address.host);
        let place = place.unwrap_or_else(|| {
            plans.push(Plan {
                host: address.host.clone(),
                addresses: Vec::new(),
                roots: Vec::new(),
            });
            plans.len() - 1
        });
        if !plans[place].addresses.contains(&address) {
            plans[place].addresses.push(address);
            plans[place].roots.push(root);
        }
    }
    Ok(plans)
}

/// Where a reader of a host gets things from and sends them to.
pub(super) struct Surroundings {
    /// The user's ssh, with its options.
    pub ssh: Arc<[String]>,
    pub rules: Rules,
    pub ids: Ids,
    pub board: Arc<Board>,
    /// Its place on the board.
    pub place: usize,
    /// A second, by which everything is timed.
    pub beat: Duration,
    pub out: Sender<Event>,
    pub stopped: Receiver<Infallible>,
}

/// Reads one host.
pub(super) struct RemoteReader<C> {
    plan: Plan,
    around: Surroundings,
    clock: C,
    known: Vec<Resume>,
    /// What earlier connections saw of files that may not have changed since.
    ends: Ends,
    /// Bytes of history that earlier connections brought.
    history_done: u64,
    /// As last told, and when.
    told: Option<(Duration, Progress)>,
    /// About how long a block is over the next connection.
    block_bytes: usize,
}

/// How a connection ended.
enum End {
    /// Everything was read, and nothing more is awaited.
    Read,
    Lost(Lost),
}

impl<C: Clock> RemoteReader<C> {
    /// Knows of `known` what is on its own machine: elsewhere the same device and inode are another file.
    pub(super) fn new(plan: Plan, known: &[Resume], mut around: Surroundings, clock: C) -> Self {
        around.rules.block_bytes = around.rules.block_bytes.min(BLOCK);
        Self {
            block_bytes: around.rules.block_bytes,
            known: known.iter().filter(|resume| plan.host.has(&resume.info.uri)).cloned().collect(),
            plan,
            around,
            clock,
            ends: Ends::default(),
            history_done: 0,
            told: None,
        }
    }

    /// Reads until everything is read, the host is given up, or nobody wants it any more.
    pub(super) fn run(mut self) -> Result<(), Stopped> {
        let mut patience = Patience::default();
        self.tell_waiting()?;
        loop {
            let ends = std::mem::take(&mut self.ends);
            let connected = Remote::connect(&self.around.ssh, &self.plan.host, &self.plan.roots, ends, &self.around.stopped);
            let end = match connected {
                Ok(remote) => self.read(remote, &mut patience)?,
                Err((lost, ends)) => {
                    self.ends = ends;
                    End::Lost(lost)
                }
            };
            let End::Lost(lost) = end else { return Ok(()) };
            let wait = self.around.beat * patience.wait(lost.cause);
            let over = !self.around.rules.follow && patience.is_over(lost.cause);
            self.tell_lost(&lost, (!over).then_some(wait))?;
            if over {
                return Ok(());
            }
            self.clock.wait(wait, &self.around.stopped)?;
        }
    }

    /// Reads over one connection, until it ends.
    fn read(&mut self, remote: Remote, patience: &mut Patience) -> Result<End, Stopped> {
        let rules = Rules {
            block_bytes: self.block_bytes,
            ..self.around.rules.clone()
        };
        let follow = rules.follow;
        let mut brought = 0_usize;
        let mut tail = Tail::sharing(remote, rules, std::mem::take(&mut self.known), self.around.ids.clone());
        let mut polled: Option<Duration> = None;
        let mut active = self.clock.now();
        let end = loop {
            if matches!(self.around.stopped.try_recv(), Err(TryRecvError::Disconnected)) {
                return Err(Stopped);
            }
            let now = self.clock.now();
            let beat = self.around.beat;
            let interval = if now.saturating_sub(active) < beat * CALM {
                beat
            } else {
                beat * IDLE
            };
            let due = polled.is_none_or(|at| follow && now.saturating_sub(at) >= interval);
            if due {
                if let Err(error) = tail.disk().poll() {
                    break End::Lost(tail.disk().lost().unwrap_or_else(|| Lost {
                        why: error.to_string(),
                        cause: Cause::Refused,
                    }));
                }
                // A connection that holds for a second time is a good one.
                if polled.replace(now).is_some() {
                    *patience = Patience::default();
                }
            }
            if due || tail.disk().has_more() {
                let came = tail.scan(clock());
                if tail.look(clock()) || came {
                    active = now;
                }
            }
            let block = tail.next(clock());
            let idle = block.is_none() && !tail.is_busy() && !tail.disk().has_more();
            if let Some(block) = block {
                brought += 1;
                *patience = Patience::default();
                self.send(Event::Block(block))?;
            }
            if let Some(lost) = tail.disk().lost() {
                break End::Lost(lost);
            }
            let ended = idle && !follow;
            let progress = self.progress(&mut tail, ended);
            if idle || self.told.as_ref().is_none_or(|(at, _)| now.saturating_sub(*at) >= REPORT) {
                self.tell(progress)?;
            }
            if ended {
                break End::Read;
            }
            if idle {
                let next = polled.map_or(now, |at| at + interval);
                let wait = next.saturating_sub(self.clock.now());
                self.clock.wait(wait, &self.around.stopped)?;
            }
        };
        self.history_done = self.progress(&mut tail, false).history_done;
        let (remote, known) = tail.into_parts();
        (self.ends, self.known) = (remote.into_ends(), known);
        let most = self.around.rules.block_bytes;
        self.block_bytes = match brought {
            0 => (self.block_bytes / 2).max(LEAST_BLOCK.min(most)),
            1..STEADY => self.block_bytes,
            _ => (self.block_bytes * 2).min(most),
        };
        Ok(end)
    }

    fn send(&self, event: Event) -> Result<(), Stopped> {
        select_biased! {
            recv(self.around.stopped) -> _ => Err(Stopped),
            send(self.around.out, event) -> sent => sent.map_err(|_| Stopped),
        }
    }

    fn progress(&self, tail: &mut Tail<Remote>, ended: bool) -> Progress {
        let mut progress = tail.progress();
        progress.history_done += self.history_done;
        progress.history_total += self.history_done;
        progress.ended = ended;
        if progress.sources.is_empty() {
            progress.sources = self.unopened(Activity::Waiting, None);
            if ended && tail.disk().is_empty() {
                let nothing = |source: &SourceProgress| (source.uri.clone(), "no files match".to_owned());
                progress.problems.extend(progress.sources.iter().map(nothing));
            }
        }
        progress
    }

    /// Everything named here, before it could be looked at.
    fn unopened(&self, activity: Activity, problem: Option<&str>) -> Vec<SourceProgress> {
        let addresses = self.plan.addresses.iter();
        addresses
            .map(|address| SourceProgress {
                uri: address.to_string(),
                activity,
                problem: problem.map(str::to_owned),
                ..SourceProgress::default()
            })
            .collect()
    }

    fn tell(&mut self, progress: Progress) -> Result<(), Stopped> {
        if self.told.as_ref().is_some_and(|(_, told)| *told == progress) {
            return Ok(());
        }
        self.around.board.tell(self.around.place, progress.clone(), &self.around.stopped)?;
        self.told = Some((self.clock.now(), progress));
        Ok(())
    }

    fn tell_waiting(&mut self) -> Result<(), Stopped> {
        self.tell(Progress {
            following: self.around.rules.follow,
            sources: self.unopened(Activity::Waiting, None),
            ..Progress::default()
        })
    }

    /// The last picture, of which nothing can be read now.
    fn tell_lost(&mut self, lost: &Lost, again: Option<Duration>) -> Result<(), Stopped> {
        let why = match again {
            Some(wait) => format!("{}; next try in {} s", lost.why, wait.as_secs()),
            None => lost.why.clone(),
        };
        let mut progress = self.told.take().map(|(_, told)| told).unwrap_or_default();
        if progress.sources.iter().all(|source| source.source.is_none()) {
            progress.sources = self.unopened(Activity::Failed, None);
        }
        for source in &mut progress.sources {
            source.activity = Activity::Failed;
            source.problem = Some(why.clone());
        }
        let name = match self.plan.addresses.as_slice() {
            [one] => one.to_string(),
            _ => self.plan.host.to_string(),
        };
        progress.problems = vec![(name, why)];
        progress.ended = again.is_none();
        self.tell(progress)
    }
}

#[cfg(test)]
mod tests;
