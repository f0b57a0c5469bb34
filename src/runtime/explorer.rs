//! The explorer's loop: one `select!` over keys, signals, the inbox and two clocks; update, run the effects, draw if something changed.
//! Decisions are `App::update`'s, pictures are `ui::draw`'s; this file only carries.

use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossterm::event::{Event as TerminalEvent, EventStream, KeyEvent, KeyEventKind, MouseButton, MouseEventKind};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use futures_util::StreamExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, Effect, Kept, Mouse, Msg, Notice, Press, Program};
use crate::keymap::{Keymap, Lookup};
use crate::model::span::{Nanos, Origin};
use crate::store::Store;
use crate::ui::{self, theme::Theme};

use super::clipboard::{Outcome, Request};
use super::inbox::{End, Event, Inbox};
use super::terminal::{self, Screen};

/// At most so often a frame: 60 a second.
pub const FRAME: Duration = Duration::from_millis(16);
/// Over a slow line: four a second.
pub const SLOW_FRAME: Duration = Duration::from_millis(250);
/// Signals that came while another program had the terminal are told by then.
const LATE: Duration = Duration::from_millis(50);
/// A chord that is not finished by then is forgotten: time enough to read what may follow.
const CHORD: Duration = Duration::from_secs(5);

/// What the loop works with.
pub struct Explorer {
    /// All state and every decision.
    pub app: App,
    /// Keys to actions.
    pub keymap: Keymap,
    /// Roles to colours.
    pub theme: Theme,
    /// The facts.
    pub store: Arc<Store>,
    /// News from other threads.
    pub inbox: Arc<Inbox>,
    /// The clipboard's thread.
    pub clipboard: crossbeam_channel::Sender<Request>,
    /// Where standard input is kept for its raw lines.
    pub spool: Option<std::path::PathBuf>,
    /// The program that reaches other machines, and its options.
    pub ssh: Vec<String>,
    /// The user's settings file.
    pub config: std::path::PathBuf,
    /// The file of saved baselines.
    pub baselines: std::path::PathBuf,
    /// At most so often a frame.
    pub pace: Duration,
    /// Frames and bars without line drawing.
    pub ascii: bool,
    /// `--mouse`.
    pub mouse: bool,
    /// What was copied last.
    pub copied: Option<Vec<u8>>,
    /// The user's cache directory.
    pub cache: std::path::PathBuf,
    /// A text for another program, as soon as no key is waited for.
    pub outside: Option<(Program, &'static str, String)>,
    /// The plain screen shows what was copied, until a key is pressed.
    pub printed: bool,
    /// Keys of an unfinished chord, and when the last was pressed.
    pub pending: Vec<KeyEvent>,
}

/// Now, as the data counts time.
#[must_use]
pub fn now() -> Nanos {
    jiff::Timestamp::now().as_nanosecond().try_into().unwrap_or(Nanos::MAX)
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    hang_up: Signal,
    stop: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        // SIGTSTP has no name in tokio; it is 20 on Linux and 18 on the BSDs and macOS.
        let stop = if cfg!(any(target_os = "macos", target_os = "ios", target_os = "freebsd")) {
            18
        } else {
            20
        };
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            hang_up: signal(SignalKind::hangup())?,
            stop: signal(SignalKind::from_raw(stop))?,
        })
    }
}

impl Signals {
    /// Ctrl-C, Ctrl-\ and Ctrl-Z that were meant for another program reached this one too; they are told here a moment later.
    async fn forget_keys(&mut self) {
        loop {
            let key = async {
                tokio::select! {
                    _ = self.interrupt.recv() => {}
                    _ = self.quit.recv() => {}
                    _ = self.stop.recv() => {}
                }
            };
            if tokio::time::timeout(LATE, key).await.is_err() {
                return;
            }
        }
    }
}

enum Wake {
    Terminal(Option<io::Result<TerminalEvent>>),
    Inbox,
    Tick,
    Frame,
    Chord,
    Stop,
    End(End),
}

impl Explorer {
    /// Runs until the user quits; the exit code.
    pub async fn run(mut self, screen: Screen, first: Vec<Effect>) -> io::Result<u8> {
        // `terminal::leave` shows the cursor again. ratatui would too, and panics when the terminal and stderr are gone.
        let mut screen = ManuallyDrop::new(screen);
        let screen: &mut Screen = &mut screen;
        let mut keys = EventStream::new();
        let mut signals = Signals::install()?;
        let mut dirty = true;
        let mut drawn: Option<Instant> = None;
        let mut chord_until: Option<tokio::time::Instant> = None;
        if let Some(code) = self.effects(first, screen)? {
            return Ok(code);
        }
        loop {
            let frame = (dirty && !self.printed)
                .then(|| drawn.map_or_else(tokio::time::Instant::now, |at| tokio::time::Instant::from_std(at + self.pace)));
            let tick = self
                .app
                .wants_tick()
                .map(|at| tokio::time::Instant::now() + Duration::from_nanos(at.saturating_sub(now()).max(0).unsigned_abs()));
            let wake = tokio::select! {
                biased;
                event = keys.next() => Wake::Terminal(event),
                _ = signals.terminate.recv() => Wake::End(End::Signal(15)),
                _ = signals.interrupt.recv() => Wake::End(End::Signal(2)),
                _ = signals.quit.recv() => Wake::End(End::Signal(3)),
                _ = signals.hang_up.recv() => Wake::End(End::HangUp),
                _ = signals.stop.recv() => Wake::Stop,
                () = at(frame) => Wake::Frame,
                () = self.inbox.wait() => Wake::Inbox,
                () = at(tick) => Wake::Tick,
                () = at(chord_until) => Wake::Chord,
            };
            let mut messages = Vec::new();
            match wake {
                Wake::Terminal(Some(Ok(event))) if self.printed => {
                    if matches!(&event, TerminalEvent::Key(key) if key.kind != KeyEventKind::Release) {
                        self.printed = false;
                        terminal::back()?;
                        *screen = terminal::fresh()?;
                    }
                    if let TerminalEvent::Resize(width, height) = event {
                        messages.push(Msg::Resized { width, height });
                    }
                }
                Wake::Terminal(Some(Ok(event))) => {
                    if let Some(message) = self.terminal_event(event) {
                        messages.push(message);
                    }
                    chord_until = (!self.pending.is_empty()).then(|| tokio::time::Instant::now() + CHORD);
                }
                // No more keys will ever come: the terminal is gone.
                Wake::Terminal(None | Some(Err(_))) => return Ok(Self::code(End::HangUp)),
                Wake::End(end) => return Ok(Self::code(end)),
                Wake::Stop => {
                    self.suspend(screen)?;
                }
                Wake::Chord => {
                    self.pending.clear();
                    chord_until = None;
                }
                Wake::Tick => messages.push(Msg::Tick(now())),
                Wake::Inbox => {
                    messages.push(Msg::Tick(now()));
                    for event in self.inbox.drain() {
                        match self.news(event, screen)? {
                            Ok(message) => messages.push(message),
                            Err(end) => return Ok(Self::code(end)),
                        }
                    }
                }
                Wake::Frame => {
                    match self.draw(screen) {
                        Ok(()) => {}
                        Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe) || error.raw_os_error() == Some(5) => {
                            return Ok(Self::code(End::HangUp));
                        }
                        Err(error) => return Err(error),
                    }
                    dirty = false;
                    drawn = Some(Instant::now());
                    panic_for_tests();
                    continue;
                }
            }
            for message in messages {
                let effects = self.app.update(message);
                if let Some(code) = self.effects(effects, screen)? {
                    return Ok(code);
                }
            }
            if let Some((program, name, text)) = self.outside.take() {
                // Whoever reads keys here would take them away from the other program.
                drop(keys);
                self.show_outside(program, name, &text, screen)?;
                keys = EventStream::new();
                signals.forget_keys().await;
            }
            dirty = true;
        }
    }

    fn code(end: End) -> u8 {
        match end {
            End::HangUp => 129,
            End::Signal(number) => 128 + u8::try_from(number).unwrap_or(0),
        }
    }

    fn terminal_event(&mut self, event: TerminalEvent) -> Option<Msg> {
        match event {
            TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => match self.keymap.lookup(self.app.mode(), &self.pending, key) {
                Lookup::Action(action) => {
                    self.pending.clear();
                    Some(Msg::Do(action))
                }
                Lookup::Pending => {
                    self.pending.push(key);
                    None
                }
                Lookup::Unbound => {
                    self.pending.clear();
                    Some(Msg::Type(TerminalEvent::Key(key).into()))
                }
            },
            TerminalEvent::Paste(text) => Some(Msg::Paste(text)),
            TerminalEvent::Resize(width, height) => Some(Msg::Resized { width, height }),
            TerminalEvent::Mouse(event) => {
                let what = match event.kind {
                    MouseEventKind::Down(MouseButton::Left) => Press::Click,
                    MouseEventKind::ScrollUp => Press::WheelUp,
                    MouseEventKind::ScrollDown => Press::WheelDown,
                    _ => return None,
                };
                Some(Msg::Mouse(Mouse {
                    what,
                    x: event.column,
                    y: event.row,
                }))
            }
            TerminalEvent::Key(_) | TerminalEvent::FocusGained | TerminalEvent::FocusLost => None,
        }
    }

    fn news(&self, event: Event, screen: &mut Screen) -> io::Result<Result<Msg, End>> {
        Ok(Ok(match event {
            Event::Ingested(receipt) => Msg::Ingested(receipt),
            Event::Answer(ticket, reply) => Msg::Answer(ticket, reply),
            Event::Raw(origin, result) => Msg::Raw(origin, result),
            Event::Progress(progress) => Msg::Progress(progress),
            Event::Problem(text) => Msg::Notice(Notice::error(text)),
            Event::Copied(Outcome::Copied(text)) => Msg::Notice(Notice::info(text)),
            Event::Copied(Outcome::Saved(text) | Outcome::Failed(text)) => Msg::Notice(Notice::error(text)),
            Event::Copied(Outcome::Terminal(sequence, text)) => {
                // Between two frames, from the thread that draws: an escape sequence must not land inside another.
                let out = screen.backend_mut();
                out.write_all(&sequence)?;
                io::Write::flush(out)?;
                Msg::Notice(Notice::info(text))
            }
            Event::End(end) => return Ok(Err(end)),
        }))
    }

    fn effects(&mut self, effects: Vec<Effect>, screen: &mut Screen) -> io::Result<Option<u8>> {
        for effect in effects {
            match effect {
                Effect::Ask(pane, ticket, query) => {
                    let inbox = Arc::clone(&self.inbox);
                    self.store.ask(
                        pane.slot(),
                        ticket,
                        query,
                        Box::new(move |ticket, reply| inbox.put(Event::Answer(ticket, reply))),
                    );
                }
                Effect::Raw(origin) => self.raw(origin),
                Effect::Copy { what, bytes } => {
                    self.copied = Some(bytes.clone());
                    if self.clipboard.send(Request { what, bytes }).is_err() {
                        self.inbox.put(Event::Problem("the clipboard thread is gone".into()));
                    }
                }
                Effect::Outside { program, name, text } => self.outside = Some((program, name, text)),
                Effect::Print => match &self.copied {
                    Some(bytes) => {
                        terminal::print(bytes)?;
                        self.printed = true;
                    }
                    None => self
                        .inbox
                        .put(Event::Problem("nothing was copied yet: y copies, then p prints it".into())),
                },
                Effect::Keep(kept) => {
                    let said = match (super::settings::save(&self.config, &kept), kept) {
                        (Err(error), _) => Some(Notice::error(error)),
                        (Ok(()), Kept::View(view)) => {
                            Some(Notice::info(format!("view {} is kept in {}", view.name, self.config.display())))
                        }
                        // It is seen.
                        (Ok(()), Kept::Plan(_)) => None,
                    };
                    if let Some(said) = said {
                        // A notice asks for nothing.
                        drop(self.app.update(Msg::Notice(said)));
                    }
                }
                Effect::SaveBaselines(found) => {
                    let said = match super::headless::write_baselines(&self.baselines, &found) {
                        Ok(()) => Notice::info(format!(
                            "baselines of {} feature{} are in {}",
                            found.len(),
                            crate::model::text::plural(found.len() as u64),
                            self.baselines.display()
                        )),
                        Err(error) => Notice::error(format!("cannot write {}: {error}", self.baselines.display())),
                    };
                    // A notice asks for nothing.
                    drop(self.app.update(Msg::Notice(said)));
                }
                Effect::Suspend => self.suspend(screen)?,
                Effect::Redraw => *screen = terminal::fresh()?,
                Effect::Quit => return Ok(Some(0)),
            }
        }
        Ok(None)
    }

    fn raw(&self, origin: Origin) {
        let (store, inbox, spool) = (Arc::clone(&self.store), Arc::clone(&self.inbox), self.spool.clone());
        let ssh = self.ssh.clone();
        let read = move || {
            let result = match store.source(origin.source) {
                Ok(Some(info)) if crate::sources::is_remote(&info.uri) => crate::sources::read_remote_line(&ssh, &info, &origin),
                Ok(Some(info)) => {
                    let kept = spool.filter(|_| info.uri == "-").map(|path| path.display().to_string());
                    crate::sources::read_line(kept.as_deref().unwrap_or(&info.uri), &info, &origin)
                }
                Ok(None) => Err("raw line no longer available: its source is not in the store".to_owned()),
                Err(error) => Err(format!("raw line not available: {error}")),
            };
            inbox.put(Event::Raw(origin, result));
        };
        if let Err(error) = std::thread::Builder::new().name("raw-line".into()).spawn(read) {
            self.inbox.put(Event::Raw(origin, Err(format!("cannot start a thread: {error}"))));
        }
    }

    fn show_outside(&mut self, program: Program, name: &str, text: &str, screen: &mut Screen) -> io::Result<()> {
        let cache = self.cache.clone();
        let said = terminal::aside(self.mouse, || super::outside::show(&cache, program, name, text))?;
        self.back_on_screen(screen)?;
        if let Err(error) = said {
            drop(self.app.update(Msg::Notice(Notice::error(error))));
        }
        Ok(())
    }

    fn suspend(&mut self, screen: &mut Screen) -> io::Result<()> {
        terminal::suspend(self.mouse)?;
        self.back_on_screen(screen)
    }

    /// The terminal may have another size than before.
    fn back_on_screen(&mut self, screen: &mut Screen) -> io::Result<()> {
        *screen = terminal::fresh()?;
        let size = screen.size()?;
        let effects = self.app.update(Msg::Resized {
            width: size.width,
            height: size.height,
        });
        // A resize asks for rows at most; it neither quits nor suspends.
        self.effects(effects, screen).map(|_| ())
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        queue!(screen.backend_mut(), BeginSynchronizedUpdate)?;
        let (app, keymap, pending, theme) = (&self.app, &self.keymap, &self.pending, &self.theme);
        let ascii = self.ascii;
        screen.draw(|frame| ui::draw(app, keymap, pending, theme, ascii, frame))?;
        queue!(screen.backend_mut(), EndSynchronizedUpdate)?;
        io::Write::flush(screen.backend_mut())
    }
}

async fn at(when: Option<tokio::time::Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// The terminal tests look at what a panic leaves behind (see CONTRIBUTING.md).
fn panic_for_tests() {
    match std::env::var("SPANSCOPE_TEST_PANIC").as_deref() {
        Ok("loop") => panic!("asked to by SPANSCOPE_TEST_PANIC"),
        Ok("thread") => drop(std::thread::spawn(|| panic!("asked to by SPANSCOPE_TEST_PANIC"))),
        Ok(_) | Err(_) => {}
    }
}
