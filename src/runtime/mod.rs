//! The only place where things meet: files, store, screen, clipboard, signals.

mod clipboard;
mod diagnose;
mod explorer;
mod headless;
mod inbox;
mod ingest;
mod outside;
mod prices;
mod settings;
mod setup;
mod terminal;
mod traffic;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::app::layout::Plan;
use crate::app::{App, Settings, View};
use crate::cli::{self, Cli, Command};
use crate::config::Glyphs;
use crate::model::text::Safe;
use explorer::{Explorer, now};
use inbox::{End, Event, Inbox};
use setup::Setup;

/// Why a run failed: what, what to try, and with which exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    what: String,
    hint: String,
}

impl Failure {
    fn new(code: u8, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// Says something on stderr. Names of files and parts of logs are hostile text too.
fn say(kind: &str, text: &str) {
    let text = text
        .lines()
        .map(|line| Safe::line(line).as_str().to_owned())
        .collect::<Vec<_>>()
        .join("\n");
    // Nobody is left to tell when stderr is closed.
    drop(writeln!(io::stderr(), "{kind}: {text}"));
}

/// The program.
#[must_use]
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A huge page is zeroed and counted whole, however little of it is used. Where they cannot be refused, things go on with them.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    // Whatever is written from here on holds prompts: for this user only.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let cli = match cli::parse(arguments) {
        Ok(cli) => cli,
        Err(error) if error.code == 0 => {
            drop(writeln!(io::stdout(), "{error}"));
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            say("error", &error.message);
            if let Some(hint) = &error.hint {
                say("hint", hint);
            }
            return ExitCode::from(error.code);
        }
    };
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            say("error", &failure.what);
            if !failure.hint.is_empty() {
                say("hint", &failure.hint);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    let printed = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot print: {error}"), "look at where the output goes"))
        }
        Ok(()) | Err(_) => Ok(0),
    };
    match &cli.command {
        Command::Completions { shell } => printed(cli::completions(*shell, &mut io::stdout().lock())),
        Command::Man => printed(cli::man(&mut io::stdout().lock())),
        Command::Tell { known, output } => {
            let setup = Setup::new(cli)?;
            printed(headless::tell(*known, *output, &setup, &setup.look()))
        }
        Command::Read { sources, report } => headless::run(cli, &Setup::new(cli)?, sources, report),
        Command::ImportPrices { table, output } => prices::import(&Setup::new(cli)?, table, *output),
        Command::Purge { db, older_than } => headless::purge(&Setup::new(cli)?, db, older_than),
        Command::Explore { sources } => {
            let named = if sources.is_empty() {
                cli.options.db.iter().map(|path| path.display().to_string()).collect()
            } else {
                sources.clone()
            };
            explore(cli, &Setup::new(cli)?, sources, named)
        }
        Command::Demo => demo(cli, &Setup::new(cli)?),
    }
}

/// The explorer over invented traffic, which is gone with it.
fn demo(cli: &Cli, setup: &Setup) -> Result<u8, Failure> {
    needs_a_terminal()?;
    let failed = |error: io::Error| {
        Failure::new(
            4,
            format!("the demo cannot be written: {error}"),
            "make room in the cache directory",
        )
    };
    let traffic = traffic::Traffic::start(&setup.cache).map_err(failed)?;
    let code = explore(cli, setup, &[traffic.path().display().to_string()], vec!["demo".to_owned()]);
    if traffic.failed() {
        say("hint", "the demo stopped writing: its disk is full");
    }
    code
}

fn needs_a_terminal() -> Result<(), Failure> {
    if io::stdout().is_terminal() && !std::env::var("TERM").is_ok_and(|term| term == "dumb") {
        return Ok(());
    }
    Err(Failure::new(
        2,
        "the explorer needs a terminal",
        "spanscope ls, show, cost and stats print to anything",
    ))
}

/// The explorer over these sources, which its header names so.
fn explore(cli: &Cli, setup: &Setup, sources: &[String], named: Vec<String>) -> Result<u8, Failure> {
    needs_a_terminal()?;
    let theme = setup.theme()?;
    let specs = setup.specs(sources)?;
    let inbox = Arc::new(Inbox::default());
    let (commits, problems) = (Arc::clone(&inbox), Arc::clone(&inbox));
    let store = Arc::new(setup.store(
        true,
        !specs.is_empty(),
        move |receipt| commits.put(Event::Ingested(receipt)),
        move |problem| problems.put(Event::Problem(problem)),
    )?);
    let spool = specs
        .contains(&crate::sources::Spec::Stdin)
        .then(|| setup.cache.join(format!("stdin-{}.spool", std::process::id())));
    let ingest = if specs.is_empty() {
        None
    } else {
        let progress = Arc::clone(&inbox);
        Some(setup.ingest(
            specs,
            true,
            spool.clone(),
            &store,
            Arc::new(move |state| progress.put(Event::Progress(state))),
        )?)
    };
    let copied = Arc::clone(&inbox);
    let thread = |error: io::Error| Failure::new(1, format!("cannot start a thread: {error}"), "end other programs");
    outside::sweep(&setup.cache);
    let clipboard = clipboard::spawn(
        clipboard::Surroundings::detect(&setup.cache, setup.config.clipboard),
        move |outcome| copied.put(Event::Copied(outcome)),
    )
    .map_err(thread)?;
    let broken = |error: io::Error| Failure::new(1, format!("the terminal failed: {error}"), "spanscope ls prints without a screen");
    terminal::install_panic_hook();
    let gone = Arc::clone(&inbox);
    terminal::watch_hang_up(move || gone.put(Event::End(End::HangUp))).map_err(thread)?;
    terminal::enter(cli.options.mouse).map_err(broken)?;
    let result = (|| {
        let screen = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let size = screen.size()?;
        let (app, first) = App::new(Settings {
            sources: named,
            filter: setup.filter.clone(),
            filter_text: cli.options.filter.clone().unwrap_or_default(),
            views: setup
                .config
                .views
                .iter()
                .map(|(name, filter)| View {
                    name: name.clone(),
                    filter: filter.clone(),
                })
                .collect(),
            plan: Plan {
                columns: setup.config.columns.clone(),
                list_percent: setup.config.list_percent,
                costs_columns: setup.config.costs_columns,
            },
            window: setup.window,
            prices: Arc::clone(&setup.prices),
            judging: Arc::clone(&setup.judging),
            timezone: setup.config.zone(),
            now: now(),
            width: size.width,
            height: size.height,
            quiet: cli.options.low_bandwidth,
            kept: sources.is_empty(),
        });
        let keymap = setup.keymap.clone();
        let explorer = Explorer {
            app,
            keymap,
            theme,
            store: Arc::clone(&store),
            inbox: Arc::clone(&inbox),
            clipboard,
            spool: spool.clone(),
            ssh: setup.config.ssh.clone(),
            config: setup.path.clone(),
            baselines: setup.baselines.clone(),
            pace: if cli.options.low_bandwidth {
                explorer::SLOW_FRAME
            } else {
                explorer::FRAME
            },
            ascii: setup.config.glyphs == Glyphs::Ascii,
            mouse: cli.options.mouse,
            copied: None,
            cache: setup.cache.clone(),
            outside: None,
            printed: false,
            pending: Vec::new(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(explorer.run(screen, first))
    })();
    terminal::leave();
    if let Some(ingest) = ingest {
        // A full channel must not hold the exit: what is not yet written is read again next time.
        ingest.stop();
    }
    if let Some(spool) = spool {
        drop(std::fs::remove_file(spool));
    }
    match Arc::try_unwrap(store) {
        Ok(store) => store.close(),
        // A raw line is still being read; the store is dropped with its thread.
        Err(shared) => drop(shared),
    }
    result.map_err(broken)
}
