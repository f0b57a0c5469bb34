//! The commands without a screen: read every source to its end, ask the store, print. On the same port as the explorer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Instant;

use crate::cli::{self, Cli, Known, Report};
use crate::config::baselines;
use crate::insight::sources::{Standing, sources};
use crate::model::anomaly::Baseline;
use crate::model::query::{Page, Query, Reply, Sort, Stats, Window};
use crate::model::record::Progress;
use crate::model::span::{Nanos, TraceKey};
use crate::model::text;
use crate::report::{self, Look, Output};
use crate::store::{self, Purged, Store, StoreError};

use super::explorer::now;
use super::setup::{DAMAGED, Setup, refused, unreadable};
use super::{Failure, diagnose};

/// Into so many steps of time spend is cut.
const TREND_STEPS: u32 = 24;
/// Rows of a table on a terminal when `--limit` does not say.
const SCREENFUL: u32 = 40;

/// Reads the sources and prints the report; the exit code.
pub fn run(cli: &Cli, setup: &Setup, sources: &[String], report: &Report) -> Result<u8, Failure> {
    let specs = setup.specs(sources)?;
    let moment = match report {
        Report::Diagnose { whom, .. } => diagnose::moment(whom, setup)?,
        _ => now(),
    };
    let began = Instant::now();
    let problems: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&problems);
    let store = setup.store(
        false,
        !specs.is_empty(),
        |_| {},
        move |problem| told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(problem),
    )?;
    // A store that was moved aside is told before all of it is read again.
    for problem in problems.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..) {
        super::say("error", &problem);
    }
    let mut progress = Progress::default();
    if !specs.is_empty() {
        progress = read(setup, &store, specs, *report == Report::Ingest)?;
    }
    store.flush().map_err(|error| {
        let told = problems.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
        if let Some(reason) = store.damage() {
            return Failure::new(1, format!("the store is damaged: {reason}"), DAMAGED);
        }
        Failure::new(
            4,
            told.unwrap_or_else(|| format!("cannot write the store: {error}")),
            "make room, or choose another --db; what is committed stays, and the same command goes on from there",
        )
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let printed = print((report, moment), cli, setup, &store, &progress, seconds);
    let stats = match store.ask_now(Query::Stats) {
        Reply::Stats(stats) => *stats,
        _ => Stats::default(),
    };
    store.close();
    for problem in problems.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter() {
        super::say("error", problem);
    }
    for (path, why) in &progress.problems {
        super::say("error", &format!("{path}: {why}"));
    }
    for words in lacking(&stats, &progress) {
        super::say("hint", &words);
    }
    match printed {
        Err(Printing::Pipe) => return Ok(0),
        Err(Printing::Failed(failure)) => return Err(failure),
        Ok(()) => {}
    }
    let rejected = stats.tally.rejected;
    if cli.options.strict && rejected > 0 {
        return Err(Failure::new(
            5,
            format!("{rejected} lines could not be read"),
            "`spanscope stats` counts them by reason",
        ));
    }
    Ok(u8::from(!progress.problems.is_empty()))
}

/// Removes what is older than an age from a store, and says what that was.
pub fn purge(setup: &Setup, db: &Path, older_than: &str) -> Result<u8, Failure> {
    let before = cli::ago(older_than, now(), &setup.config.zone()).map_err(|error| {
        let what = format!("--older-than: {}", error.message);
        Failure::new(error.code, what, error.hint.unwrap_or_default())
    })?;
    let purged = store::purge(db.to_owned(), before, &setup.store_options()).map_err(|error| match error {
        StoreError::CannotWrite { path, reason } => Failure::new(
            4,
            format!("cannot write {}: {reason}", path.display()),
            "make room beside the store, or give a shorter --older-than; the store is as it was",
        ),
        other => refused(&other),
    })?;
    let Purged {
        interactions,
        lines,
        before,
        after,
    } = purged;
    let (before, after) = (text::bytes(before), text::bytes(after));
    let done = if (interactions, lines) == (0, 0) {
        writeln!(
            io::stdout(),
            "nothing is older than {older_than}: the store stays as it is, {before}"
        )
    } else {
        writeln!(
            io::stdout(),
            "{interactions} interactions and {lines} lines removed: {before} before, {after} now"
        )
    };
    match done {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(1, format!("cannot print: {error}"), "look at where the output goes"))
        }
        Ok(()) | Err(_) => Ok(0),
    }
}

/// Why figures and trees may lack something: what is known to be there and was not read.
fn lacking(stats: &Stats, progress: &Progress) -> Vec<String> {
    let all = sources(&stats.sources, &progress.sources);
    let sum = |bytes: fn(&Standing) -> u64| {
        let (mut total, mut count) = (0, 0);
        for bytes in all.iter().map(bytes).filter(|bytes| *bytes > 0) {
            (total, count) = (total + bytes, count + 1);
        }
        let files = if count == 1 { "1 source" } else { &format!("{count} sources") };
        (total > 0).then(|| format!("{} of older lines in {files}", text::bytes(total)))
    };
    let mut hints = Vec::new();
    if !progress.problems.is_empty() {
        hints.push("partial: what could not be read is missing from every figure".to_owned());
    }
    if let Some(left) = sum(|source| source.skipped) {
        hints.push(format!(
            "partial: {left} were not read because of --since; medians, anomalies and trees that reach back lack them"
        ));
    }
    if let Some(left) = sum(|source| source.unread) {
        hints.push(format!(
            "partial: {left} were left out by an earlier run; name the sources without --since to read them"
        ));
    }
    hints
}

/// Reads to the end of every source; how that ended.
fn read(setup: &Setup, store: &Store, specs: Vec<crate::sources::Spec>, loud: bool) -> Result<Progress, Failure> {
    let bar = (loud && io::stderr().is_terminal()).then(|| {
        let style = indicatif::ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        indicatif::ProgressBar::new(0).with_style(style)
    });
    let last: Arc<Mutex<Progress>> = Arc::default();
    let (kept, shown) = (Arc::clone(&last), bar.clone());
    let progress = move |state: Progress| {
        if let Some(bar) = &shown {
            bar.set_length(state.history_total);
            bar.set_position(state.history_done);
        }
        *kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = state;
    };
    let ingest = setup.ingest(specs, false, None, store, Arc::new(progress))?;
    ingest.finish();
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let state = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(state.clone())
}

pub(super) enum Printing {
    /// Whoever reads has read enough.
    Pipe,
    Failed(Failure),
}

impl From<io::Error> for Printing {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Pipe;
        }
        Self::Failed(Failure::new(1, format!("cannot print: {error}"), "look at where the output goes"))
    }
}

impl From<Failure> for Printing {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) fn unexpected(reply: Reply) -> Failure {
    match reply {
        Reply::Failed(why) => Failure::new(1, why, DAMAGED),
        other => Failure::new(
            1,
            format!("the store answered something else: {}", name(&other)),
            "please report this",
        ),
    }
}

const fn name(reply: &Reply) -> &'static str {
    match reply {
        Reply::Interactions { .. } => "interactions",
        Reply::Count(_) => "a count",
        Reply::Found(_) => "ids",
        Reply::Trace(_) => "a trace",
        Reply::Contents(_) => "contents",
        Reply::Costs(_) => "costs",
        Reply::Trend(_) => "a trend",
        Reply::Spike(_) => "a spike",
        Reply::Baselines(_) => "baselines",
        Reply::Prompts { .. } => "prompts",
        Reply::Sessions { .. } => "sessions",
        Reply::Earlier(_) => "an earlier interaction",
        Reply::Peers(_) => "peers",
        Reply::Stats(_) => "statistics",
        Reply::Health(_) => "health",
        Reply::Timeline(_) => "timeline",
        Reply::Rejects { .. } => "rejects",
        Reply::Reject(_) => "a reject",
        Reply::Interrupted => "an interruption",
        Reply::Values(_) => "values",
        Reply::Failed(_) => "a failure",
    }
}

fn print(
    (report, moment): (&Report, Nanos),
    cli: &Cli,
    setup: &Setup,
    store: &Store,
    progress: &Progress,
    seconds: f64,
) -> Result<(), Printing> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let look = setup.look();
    let limit = |output: Output| {
        cli.options
            .limit
            .unwrap_or(if output == Output::Table && io::stdout().is_terminal() {
                SCREENFUL
            } else {
                u32::MAX
            })
    };
    match report {
        Report::Ls { output } => {
            let query = Query::Interactions {
                filter: setup.filter.clone(),
                window: setup.window,
                sort: Sort::default(),
                page: Page::First,
                limit: limit(*output),
            };
            match store.ask_now(query) {
                Reply::Interactions { rows, more } => {
                    report::interactions(&rows, *output, &look, &mut out)?;
                    if rows.is_empty() && *output == Output::Table {
                        out.flush()?;
                        super::say("hint", &nothing(setup, store));
                    }
                    if more && *output == Output::Table && cli.options.limit.is_none() {
                        out.flush()?;
                        super::say("hint", "there are more: --limit N, or -o json for all");
                    }
                }
                other => return Err(unexpected(other).into()),
            }
        }
        Report::Show { trace_id, output } => show(trace_id, *output, setup, store, &mut out)?,
        Report::Diff { left, right, output } => diagnose::diff(left, right, *output, setup, store, &mut out)?,
        Report::Diagnose { whom, output } => diagnose::print(whom, moment, *output, setup, store, &mut out)?,
        Report::Cost { by, save, output } => {
            if *save {
                save_baselines(setup, store)?;
            }
            let (filter, window) = (setup.filter.clone(), setup.window);
            let limit = limit(*output) as usize;
            let trend = match store.ask_now(Query::Trend {
                by: *by,
                filter: filter.clone(),
                window,
                steps: TREND_STEPS,
                limit,
            }) {
                Reply::Trend(trend) => trend,
                other => return Err(unexpected(other).into()),
            };
            match store.ask_now(Query::Costs {
                by: *by,
                filter,
                window,
                limit,
            }) {
                Reply::Costs(mut spend) => {
                    spend.rows.iter_mut().for_each(|row| trend.tell(row));
                    report::costs(&spend.rows, *by, *output, &look, &mut out)?;
                }
                other => return Err(unexpected(other).into()),
            }
        }
        Report::Prompts { output } => {
            let query = Query::Prompts {
                filter: setup.filter.clone(),
                window: setup.window,
                limit: limit(*output).min(u32::MAX - 1),
            };
            match store.ask_now(query) {
                Reply::Prompts { rows, .. } => report::prompts(&rows, *output, &look, &mut out)?,
                other => return Err(unexpected(other).into()),
            }
        }
        Report::Stats { output } => match store.ask_now(Query::Stats) {
            Reply::Stats(stats) => report::stats(&stats, &progress.sources, seconds, *output, &look, &mut out)?,
            other => return Err(unexpected(other).into()),
        },
        Report::Health { output } => {
            let (filter, window) = (setup.filter.clone(), setup.window);
            match store.ask_now(Query::Health { filter, window }) {
                Reply::Health(health) => report::health(&health, &setup.prices, *output, &look, &mut out)?,
                other => return Err(unexpected(other).into()),
            }
        }
        Report::MissingPrices { output } => {
            let (filter, window) = (setup.filter.clone(), setup.window);
            match store.ask_now(Query::Health { filter, window }) {
                Reply::Health(health) => report::missing_prices(&health, &setup.prices, *output, &look, &mut out)?,
                other => return Err(unexpected(other).into()),
            }
        }
        Report::Ingest => match store.ask_now(Query::Stats) {
            Reply::Stats(stats) => {
                let tally = &stats.tally;
                writeln!(
                    out,
                    "{} lines in {seconds:.1} s: {} with spans, {} others, {} rejected, {} blank; {} interactions in the store",
                    tally.lines, tally.span, tally.other, tally.rejected, tally.blank, stats.interactions
                )?;
            }
            other => return Err(unexpected(other).into()),
        },
    }
    out.flush()?;
    Ok(())
}

/// Writes each feature's median to the file that another host judges by.
fn save_baselines(setup: &Setup, store: &Store) -> Result<(), Failure> {
    let found = match store.ask_now(Query::Baselines) {
        Reply::Baselines(found) => found,
        other => return Err(unexpected(other)),
    };
    let path = &setup.baselines;
    if found.is_empty() {
        let least = setup.judging.rule.minimum;
        super::say(
            "hint",
            &format!("no baselines are written: no feature has {least} interactions with a known cost"),
        );
        return Ok(());
    }
    write_baselines(path, &found).map_err(|error| {
        Failure::new(
            4,
            format!("cannot write {}: {error}", path.display()),
            "make room, or name another file by `anomaly.baselines` in the settings",
        )
    })?;
    let count = found.len();
    let features = if count == 1 { "feature" } else { "features" };
    super::say("hint", &format!("baselines of {count} {features} are in {}", path.display()));
    Ok(())
}

/// Writes them to their file, as a whole or not at all.
pub(super) fn write_baselines(path: &Path, found: &BTreeMap<String, Baseline>) -> io::Result<()> {
    let text = baselines::write(found).map_err(io::Error::other)?;
    super::prices::replace(path, &text)
}

/// Why a list is empty.
fn nothing(setup: &Setup, store: &Store) -> String {
    let Reply::Stats(stats) = store.ask_now(Query::Stats) else {
        return "`spanscope stats` says what was read".to_owned();
    };
    let tally = &stats.tally;
    if stats.interactions > 0 && (!setup.filter.is_all() || setup.window != Window::default()) {
        return format!(
            "none of {} interactions matches; look at --filter, --since and --until",
            stats.interactions
        );
    }
    if tally.lines == tally.blank {
        return "nothing is logged there yet".to_owned();
    }
    if tally.span > 0 && stats.interactions == 0 {
        return format!("{} lines with spans were read, and all of them were purged since", tally.span);
    }
    format!(
        "{} lines were read: {} are JSON that nobody knows, {} were rejected; `spanscope stats` has the reasons, `spanscope formats` what is known",
        tally.lines, tally.other, tally.rejected
    )
}

fn show(id: &str, output: Output, setup: &Setup, store: &Store, out: &mut dyn Write) -> Result<(), Printing> {
    let key = match store.ask_now(Query::Find { prefix: id.to_owned() }) {
        Reply::Found(found) => choose(id, &found)?,
        other => return Err(unexpected(other).into()),
    };
    let trace = match store.ask_now(Query::Trace(key)) {
        Reply::Trace(Some(trace)) => trace,
        other => return Err(unexpected(other).into()),
    };
    let contents = match store.ask_now(Query::Contents { trace: key, span: None }) {
        Reply::Contents(contents) => contents,
        other => return Err(unexpected(other).into()),
    };
    let mut uris = BTreeMap::new();
    for id in trace.spans.iter().flat_map(|span| &span.origins).map(|origin| origin.source) {
        if let Entry::Vacant(place) = uris.entry(id) {
            let source = store.source(id).map_err(unreadable)?;
            place.insert(source.map_or_else(|| format!("source {id}"), |info| info.uri));
        }
    }
    let uri = |id: u32| uris.get(&id).cloned().unwrap_or_else(|| format!("source {id}"));
    report::trace(&trace, &contents, &setup.prices, &uri, output, out)?;
    Ok(())
}

/// The one trace that is meant: the id itself, or the only one that begins so.
pub(super) fn choose(id: &str, found: &[(TraceKey, String)]) -> Result<TraceKey, Failure> {
    let exact: Vec<_> = found.iter().filter(|(_, full)| full == id).collect();
    match (exact.as_slice(), found) {
        ([(key, _)], _) | ([], [(key, _)]) => Ok(*key),
        ([], []) => Err(Failure::new(
            1,
            format!("no trace begins with {id}"),
            "`spanscope ls -o json` lists the ids",
        )),
        ([], many) => {
            let some: Vec<&str> = many.iter().take(5).map(|(_, full)| full.as_str()).collect();
            Err(Failure::new(
                1,
                format!("several traces begin with {id}: {}", some.join(", ")),
                "give more of the id",
            ))
        }
        (_, _) => Err(Failure::new(
            1,
            format!("several sources have a trace {id}"),
            "name only the source that is meant",
        )),
    }
}

/// `formats`, `prices`, `keys`, `config`: what the program knows, as tables.
pub fn tell(known: Known, output: Output, setup: &Setup, look: &Look) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let words = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<String>>();
    match known {
        Known::Formats => {
            let rows: Vec<_> = crate::formats::dialects()
                .iter()
                .map(|d| words(&[d.name, d.what, d.example]))
                .chain(
                    setup
                        .config
                        .dialects
                        .iter()
                        .map(|own| words(&[own.name, "a format of your own", "what its `match` names"])),
                )
                .collect();
            report::table(&["dialect", "what", "recognised by"], &rows, output, look, &mut out)?;
        }
        Known::Prices => report::prices(setup.prices.iter(), output, look, &mut out)?,
        Known::Keys => {
            let mut rows = Vec::new();
            for mode in std::iter::once(None).chain(<crate::app::Mode as strum::IntoEnumIterator>::iter().map(Some)) {
                for (action, keys) in setup.keymap.table(mode) {
                    rows.push(words(&[
                        mode.map_or("everywhere", |mode| mode.name()),
                        &keys.join(", "),
                        action.name(),
                        action.help(),
                    ]));
                }
            }
            report::table(&["where", "keys", "action", "does"], &rows, output, look, &mut out)?;
        }
        Known::Config => {
            let rows: Vec<_> = setup.settings().iter().map(|(key, value)| words(&[key, value])).collect();
            report::table(&["setting", "value"], &rows, output, look, &mut out)?;
        }
    }
    out.flush()
}
