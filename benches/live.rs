//! The explorer's own `App` over a store that goes on growing: from a key to its frame, and to the rows it asked for; and what a key
//! writes to the terminal.
//!
//! `cargo bench --bench live -- [--spans N | --store PATH] [--keys N] [--rate SPANS_A_SECOND] [--quick]`. Keys come every 120 ms, whatever
//! the explorer is doing: time spent waiting for it counts. Frames keep the pace of the real loop, 16 ms. A store of `--store` is copied, and
//! the copy brought up to date before anything is measured. Budget: key to frame p99 33 ms, `ui::draw` 1 ms.

#[path = "support/spans.rs"]
mod spans;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use spanscope::app::layout::Plan;
use spanscope::app::{App, Effect, Input, Msg, Settings};
use spanscope::keymap::{Keymap, Lookup};
use spanscope::model::filter::Filter;
use spanscope::model::query::{Query, Reply, Ticket, Window};
use spanscope::model::record::{Progress, Receipt, SourceInfo};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};
use spanscope::ui::theme::{ColorSupport, Theme};

const SIZE: (u16, u16) = (200, 60);
/// A fast hand.
const KEYS_APART: Duration = Duration::from_millis(120);
const FRAME: Duration = Duration::from_millis(16);

/// What a person does in the list, in the tree and in the panels: a name for the table, and keys.
const SCRIPT: &[(&str, &str)] = &[
    ("move", "jjjjjjkk"),
    ("half a page", "DDDDDU"),
    ("open, read, leave", "Ejjj}qq"),
    ("top, bottom", "Gkkg"),
    ("next finding, error", "]!"),
    ("sort", "sc"),
    ("move by cost", "jjDD"),
    ("sort by words", "sf"),
    ("sort by time", "st"),
    ("filter by a user", "fuser:u_417E"),
    ("move in the filter", "jjD"),
    ("clear the filter", "XXX"),
    ("filter by a step", "fkind:tool took>5sE"),
    ("clear the filter", "XXX"),
    ("over time", "thhhlE"),
    ("costs by another key", "TKq"),
    ("follow", "g"),
];

enum Event {
    Ingested(Receipt),
    Answer(Ticket, Reply),
}

/// A terminal that only counts what it is sent.
struct Wire(Arc<AtomicU64>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Desk {
    app: App,
    keymap: Keymap,
    theme: Theme,
    terminal: Terminal<CrosstermBackend<Wire>>,
    wire: Arc<AtomicU64>,
    store: Arc<Store>,
    sender: Sender<Event>,
    events: Receiver<Event>,
    /// Questions of the last key that are not answered yet.
    awaited: HashSet<Ticket>,
    drawn: Instant,
    dirty: bool,
    /// How long drawing took, frame by frame: `ui::draw` alone, and with what the terminal is sent.
    draws: Vec<(Duration, Duration)>,
}

impl Desk {
    fn take(&mut self, effects: Vec<Effect>, of_key: bool) {
        for effect in effects {
            if let Effect::Ask(pane, ticket, query) = effect {
                if of_key {
                    self.awaited.insert(ticket);
                }
                let sender = self.sender.clone();
                let answered = move |ticket, reply| {
                    // Nobody listens any more only at the end.
                    let _ = sender.send(Event::Answer(ticket, reply));
                };
                self.store.ask(pane.slot(), ticket, query, Box::new(answered));
            }
        }
    }

    fn send(&mut self, message: Msg, of_key: bool) {
        let effects = self.app.update(message);
        self.take(effects, of_key);
        self.dirty = true;
    }

    fn heard(&mut self, event: Event) {
        self.send(Msg::Tick(now()), false);
        match event {
            Event::Ingested(receipt) => self.send(Msg::Ingested(receipt), false),
            Event::Answer(ticket, reply) => {
                // What an answer of the key makes it ask belongs to the key.
                let ours = self.awaited.remove(&ticket);
                self.send(Msg::Answer(ticket, reply), ours);
            }
        }
    }

    /// One turn of the loop, not longer than until `until`: a frame if one is due, else the next news.
    fn turn(&mut self, until: Instant) -> io::Result<bool> {
        let due = self.drawn + FRAME;
        if self.dirty && Instant::now() >= due {
            self.draw()?;
            return Ok(true);
        }
        let mut wait = if self.dirty { until.min(due) } else { until };
        if let Some(at) = self.app.wants_tick() {
            wait = wait.min(Instant::now() + Duration::from_nanos(at.saturating_sub(now()).max(0).unsigned_abs()));
        }
        match self.events.recv_timeout(wait.saturating_duration_since(Instant::now())) {
            Ok(event) => self.heard(event),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                if self.app.wants_tick().is_some_and(|at| at <= now()) {
                    self.send(Msg::Tick(now()), false);
                }
            }
        }
        // What else is there already goes into the same frame.
        while let Ok(event) = self.events.try_recv() {
            self.heard(event);
        }
        Ok(false)
    }

    fn draw(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let Self {
            app,
            keymap,
            theme,
            terminal,
            ..
        } = self;
        queue!(terminal.backend_mut(), BeginSynchronizedUpdate)?;
        let mut drawn = Duration::ZERO;
        terminal.draw(|frame| {
            let begun = Instant::now();
            spanscope::ui::draw(app, keymap, &[], theme, false, frame);
            drawn = begun.elapsed();
        })?;
        queue!(terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.draws.push((drawn, begun.elapsed()));
        (self.drawn, self.dirty) = (Instant::now(), false);
        Ok(())
    }

    fn press(&mut self, key: KeyEvent) {
        self.awaited.clear();
        match self.keymap.lookup(self.app.mode(), &[], key) {
            Lookup::Action(action) => self.send(Msg::Do(action), true),
            Lookup::Pending => {}
            Lookup::Unbound => self.send(Msg::Type(Input::from(key)), true),
        }
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_nanosecond().try_into().unwrap_or(i64::MAX)
}

/// The keys that have no letter of their own, where nothing is typed.
fn key(letter: char, typing: bool) -> KeyEvent {
    let (code, modifiers) = match letter {
        'E' => (KeyCode::Enter, KeyModifiers::NONE),
        'X' => (KeyCode::Esc, KeyModifiers::NONE),
        'D' if !typing => (KeyCode::Char('d'), KeyModifiers::CONTROL),
        'U' if !typing => (KeyCode::Char('u'), KeyModifiers::CONTROL),
        'T' if !typing => (KeyCode::Tab, KeyModifiers::NONE),
        other => (KeyCode::Char(other), KeyModifiers::NONE),
    };
    KeyEvent::new(code, modifiers)
}

/// What is measured of keys of one name.
#[derive(Default)]
struct Figures {
    frames: Vec<f64>,
    rows: Vec<f64>,
    bytes: Vec<f64>,
    all_bytes: Vec<f64>,
    /// Another key came before all was answered.
    overtaken: usize,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.frames.extend(&other.frames);
        self.rows.extend(&other.rows);
        self.bytes.extend(&other.bytes);
        self.all_bytes.extend(&other.all_bytes);
        self.overtaken += other.overtaken;
    }

    fn print(&mut self, name: &str) {
        let frames = quantiles(&mut self.frames);
        let rows = quantiles(&mut self.rows);
        let (bytes, all) = (quantiles(&mut self.bytes), quantiles(&mut self.all_bytes));
        println!(
            "{name:<22}{:>6}{:>9.1}{:>8.1}{:>8.1}{:>10.1}{:>8.1}{:>8.1}{:>6}{:>10.0}{:>8.0}{:>10.0}",
            self.frames.len(),
            frames[0],
            frames[1],
            frames[2],
            rows[0],
            rows[1],
            rows[2],
            self.overtaken,
            bytes[0],
            bytes[2],
            all[0],
        );
    }
}

/// The middle, the 99th of a hundred, the worst; 0 where there is nothing.
fn quantiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        values
            .get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1)))
            .copied()
    };
    [at(0.5), at(0.99), values.last().copied()].map(Option::unwrap_or_default)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| -> u64 {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let given = arguments.iter().position(|argument| argument == "--store");
    let given = given.and_then(|at| arguments.get(at + 1)).map(std::path::PathBuf::from);
    let count = number("--spans", if quick { 200_000 } else { 10_000_000 });
    let presses = number("--keys", if quick { 200 } else { 1_000 });
    let rate = number("--rate", 2_000);

    let dir = tempfile::tempdir()?;
    let path = dir.path().join("spans.duckdb");
    if let Some(given) = &given {
        std::fs::copy(given, &path)?;
    }
    let (sender, events) = channel();
    let begun = Instant::now();
    let options = Options::new(Arc::new(Prices::default()), dir.path().to_owned());
    let news = sender.clone();
    let committed = move |receipt| {
        // Nobody listens any more only at the end.
        let _ = news.send(Event::Ingested(receipt));
    };
    let store = Arc::new(Store::open(Location::File(path), options, committed, |problem| {
        eprintln!("{problem}");
    })?);
    let (count, source) = if given.is_some() {
        store.flush()?;
        let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
            return Err("the store does not say what it holds".into());
        };
        let source = SourceInfo {
            id: store.next_source_id()?,
            ..SourceInfo::clone(&spans::source())
        };
        (stats.spans, Arc::new(source))
    } else {
        spans::fill(&store, count)?;
        (count, spans::source())
    };
    println!(
        "{count} spans {} in {:.1} s; {rate} spans a second follow",
        if given.is_some() { "opened" } else { "stored" },
        begun.elapsed().as_secs_f64()
    );

    // Live traffic, until the end.
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, batches) = (Arc::clone(&stop), store.intake());
        std::thread::spawn(move || spans::traffic(&batches, &source, count, rate, &stop))
    };

    let wire = Arc::new(AtomicU64::new(0));
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let viewport = TerminalOptions {
        viewport: Viewport::Fixed(area),
    };
    let (app, first) = App::new(Settings {
        sources: vec!["generated".to_owned()],
        filter: Filter::All,
        filter_text: String::new(),
        views: Vec::new(),
        plan: Plan::default(),
        window: Window::default(),
        prices: Arc::new(Prices::default()),
        judging: Arc::default(),
        timezone: jiff::tz::TimeZone::UTC,
        now: now(),
        width: SIZE.0,
        height: SIZE.1,
        quiet: false,
        kept: false,
    });
    let mut desk = Desk {
        app,
        keymap: Keymap::load(None)?,
        theme: Theme::load("dark", ColorSupport::True)?,
        terminal: Terminal::with_options(CrosstermBackend::new(Wire(Arc::clone(&wire))), viewport)?,
        wire,
        store: Arc::clone(&store),
        sender,
        events,
        awaited: HashSet::new(),
        drawn: Instant::now(),
        dirty: true,
        draws: Vec::new(),
    };
    desk.take(first, false);
    desk.send(
        Msg::Progress(Progress {
            inputs: 1,
            following: true,
            ..Progress::default()
        }),
        false,
    );
    let settled = Instant::now() + Duration::from_secs(2);
    while Instant::now() < settled {
        desk.turn(settled)?;
    }
    desk.draws.clear();

    let mut figures: BTreeMap<usize, (&str, Figures)> = BTreeMap::new();
    let script = SCRIPT
        .iter()
        .enumerate()
        .flat_map(|(place, (name, keys))| keys.chars().map(move |key| (place, *name, key)));
    let mut due = Instant::now();
    for (place, name, letter) in script.cycle().take(usize::try_from(presses)?) {
        while Instant::now() < due {
            desk.turn(due)?;
        }
        let typing = desk.app.prompt().is_some();
        let before = desk.wire.load(Ordering::Relaxed);
        desk.press(key(letter, typing));
        let asks = !desk.awaited.is_empty();
        let next = due + KEYS_APART;
        let (mut frame, mut rows) = (None, None);
        loop {
            if desk.turn(next)? {
                let since = millis(due.elapsed());
                if frame.is_none() {
                    frame = Some((since, desk.wire.load(Ordering::Relaxed) - before));
                }
                if asks && rows.is_none() && desk.awaited.is_empty() {
                    rows = Some(since);
                }
            }
            // A frame is waited for even where it takes longer than the next key.
            if Instant::now() >= next && (frame.is_some() || !desk.dirty) {
                break;
            }
        }
        let (_, figures) = figures.entry(place).or_insert_with(|| (name, Figures::default()));
        if let Some((since, bytes)) = frame {
            figures.frames.push(since);
            figures.bytes.push(bytes as f64);
            figures.all_bytes.push((desk.wire.load(Ordering::Relaxed) - before) as f64);
        }
        figures.rows.extend(rows);
        figures.overtaken += usize::from(asks && rows.is_none());
        due = next.max(Instant::now());
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().map_err(|_| "the thread of live traffic panicked")?;

    println!(
        "{:<22}{:>6}{:>25}{:>26}{:>6}{:>18}{:>10}",
        "", "", "key to frame, ms", "key to rows, ms", "over-", "bytes of frame", "bytes to"
    );
    println!(
        "{:<22}{:>6}{:>9}{:>8}{:>8}{:>10}{:>8}{:>8}{:>6}{:>10}{:>8}{:>10}",
        "what", "keys", "p50", "p99", "worst", "p50", "p99", "worst", "taken", "p50", "worst", "next key"
    );
    let mut all = Figures::default();
    for (name, figures) in figures.values_mut() {
        all.add(figures);
        figures.print(name);
    }
    all.print("all");
    println!("{} frames of {}×{}", desk.draws.len(), SIZE.0, SIZE.1);
    let told = |what: &str, of: fn(&(Duration, Duration)) -> Duration| {
        let [p50, p99, worst] = quantiles(&mut desk.draws.iter().map(|both| millis(of(both))).collect::<Vec<_>>());
        println!("{what:<22}p50 {p50:.2} ms, p99 {p99:.2} ms, worst {worst:.2} ms");
    };
    told("ui::draw", |both| both.0);
    told("drawn and encoded", |both| both.1);
    Ok(())
}
