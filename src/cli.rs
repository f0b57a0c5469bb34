//! The command line: a contract that scripts rely on.
//!
//! Whatever is wrong with it is said before any source is opened: `error: …`, `hint: …`, exit code 2. The first word that is no command is a
//! source. Nothing is accepted and then ignored: an option that means nothing to a command is refused.

#[cfg(test)]
mod tests;
mod time;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use jiff::tz::TimeZone;

use crate::config::{self, When};
use crate::model::filter::Filter;
use crate::model::moment::Clock;
use crate::model::query::{CostKey, Window};
use crate::model::span::Nanos;
use crate::report::Output;

pub use time::{ago, time};

/// Words that later versions want as commands.
const RESERVED: [&str; 5] = ["replay", "watch", "check", "sql", "export"];

/// What the user asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Cli {
    /// What to do.
    pub command: Command,
    /// How.
    pub options: Options,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The explorer.
    Explore {
        /// Sources as written.
        sources: Vec<String>,
    },
    /// The explorer over invented live traffic.
    Demo,
    /// Reads sources to their end, then prints an answer.
    Read {
        /// Sources as written.
        sources: Vec<String>,
        /// Which answer.
        report: Report,
    },
    /// Removes what is old from a store.
    Purge {
        /// The store.
        db: PathBuf,
        /// How old, as written.
        older_than: String,
    },
    /// Prints what the program knows without any source.
    Tell {
        /// What of it.
        known: Known,
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// Reads another project's price table into the user's price file.
    ImportPrices {
        /// The table.
        table: PathBuf,
        /// Table or json.
        output: Output,
    },
    /// A completion script.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// The manual page.
    Man,
}

/// What is printed once every source is read.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Interactions.
    Ls {
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// One interaction.
    Show {
        /// A trace id or a unique prefix of one.
        trace_id: String,
        /// Tree, json or md.
        output: Output,
    },
    /// A bad answer, checked step by step.
    Diagnose {
        /// Which interaction.
        whom: Whom,
        /// Table, md or json.
        output: Output,
    },
    /// Two interactions side by side.
    Diff {
        /// A trace id or a unique prefix of one.
        left: String,
        /// Another one, or `good`: the same feature's last good one before the first.
        right: String,
        /// Table or json.
        output: Output,
    },
    /// Spend by key.
    Cost {
        /// Grouped by.
        by: CostKey,
        /// The baselines are written to their file, too.
        save: bool,
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// What was read.
    Stats {
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// Models that were seen and have no price.
    MissingPrices {
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// System prompts and who uses them.
    Prompts {
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// What the log lacks.
    Health {
        /// Table, json, jsonl or csv.
        output: Output,
    },
    /// A line that says what is now in the store.
    Ingest,
}

/// Which interaction a complaint is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Whom {
    /// A trace id or a unique prefix of one.
    Trace(String),
    /// The one nearest to a time, of a user where one is given.
    Near {
        /// The user's id.
        user: Option<String>,
        /// When, as written; `None` is now.
        at: Option<String>,
    },
}

/// What the program knows without any source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The dialects it reads.
    Formats,
    /// The prices.
    Prices,
    /// The keys of the explorer.
    Keys,
    /// The settings in force.
    Config,
}

/// Options that several commands share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The store to keep; `None` is a private temporary one.
    pub db: Option<PathBuf>,
    /// Which interactions, as written; it has been checked.
    pub filter: Option<String>,
    /// Not before, as written.
    pub since: Option<String>,
    /// Before, as written.
    pub until: Option<String>,
    /// At most so many rows; `None` leaves it to the output.
    pub limit: Option<u32>,
    /// Read every line as this dialect.
    pub dialect: Option<String>,
    /// Keys that state the feature, before those of the settings.
    pub feature_keys: Vec<String>,
    /// Memory of the whole process, in bytes; `None` leaves it to the settings.
    pub memory: Option<u64>,
    /// Threads; `None` leaves it to the settings.
    pub threads: Option<usize>,
    /// Rejected lines are a failure.
    pub strict: bool,
    /// The settings file; `None` is the usual one.
    pub config: Option<PathBuf>,
    /// When output is coloured; `None` leaves it to the settings.
    pub color: Option<When>,
    /// The theme; `None` leaves it to the settings.
    pub theme: Option<String>,
    /// The explorer listens to the mouse.
    pub mouse: bool,
    /// The explorer draws seldom, and little.
    pub low_bandwidth: bool,
}

impl Options {
    /// The filter of `--filter`, as of now.
    pub fn filter(&self, clock: &Clock) -> Result<Filter, CliError> {
        self.filter.as_deref().map_or(Ok(Filter::All), |text| read_filter(text, clock))
    }

    /// The window of `--since` and `--until`, as of `now`.
    pub fn window(&self, now: Nanos, zone: &TimeZone) -> Result<Window, CliError> {
        let read = |option: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| time(text, now, zone))
                .transpose()
                .map_err(|error| CliError {
                    message: format!("{option}: {}", error.message),
                    ..error
                })
        };
        let window = Window {
            since: read("--since", &self.since)?,
            until: read("--until", &self.until)?,
        };
        match (window.since, window.until) {
            (Some(since), Some(until)) if since >= until => Err(CliError::usage(
                "--since is not before --until: nothing can lie between them",
                Some("spanscope ls --since 7d --until 1d FILE".into()),
            )),
            _ => Ok(window),
        }
    }
}

/// Why the command line could not be read, or, with code 0, the help that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CliError {
    /// The exit code: 2, or 0 for help and version.
    pub code: u8,
    /// What is wrong, or the help itself.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl CliError {
    fn usage(message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            code: 2,
            message: message.into(),
            hint,
        }
    }
}

/// What to print: to stdout for code 0, else to stderr. No line break at the end.
impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code == 0 {
            return f.write_str(self.message.trim_end());
        }
        write!(f, "error: {}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

impl std::error::Error for CliError {}

/// Explore the traces of LLM applications: what prompt caused this bad answer, and what did it cost?
#[derive(Parser)]
#[command(
    name = "spanscope",
    version,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
#[command(
    after_help = "SOURCE is a file, a directory, a glob, `-` for stdin, or ssh://[user@]host[:port]/path.\n\
    Exit codes: 0 ok, 1 failure, 2 usage, 3 store in use, 4 cannot write, 5 rejected lines under --strict."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Verb>,
    /// Files, directories, globs, `-` or `ssh://host/path` to follow
    #[arg(value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    sources: Vec<String>,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Args)]
struct Sources {
    /// Files, directories, globs, or `-` to read
    #[arg(value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    sources: Vec<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Interactions, newest first
    Ls(Sources),
    /// One interaction with all its spans
    Show {
        /// The trace id; a unique prefix is enough
        trace_id: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Why an answer was bad: prompt, documents, context, temperature and more, checked
    Diagnose {
        /// The trace id (a unique prefix is enough) unless --user or --at say which, then the sources
        #[arg(value_name = "TRACE_ID|SOURCE", value_hint = ValueHint::AnyPath)]
        words: Vec<String>,
        /// The user who complains
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// About when: 15:00, "yesterday around 3 PM", 2026-05-01 15:00
        #[arg(long, value_name = "T")]
        at: Option<String>,
    },
    /// Two interactions side by side: parameters, words of the prompt, documents, tools, tokens, cost
    Diff {
        /// A trace id; a unique prefix is enough
        left: String,
        /// Another one, or `good`: the same feature's last one before it with the same system prompt and no finding
        right: String,
        #[command(flatten)]
        sources: Sources,
    },
    /// Spend by feature, model, user, session or service
    Cost {
        #[command(flatten)]
        sources: Sources,
        /// Group by feature, model, user, session or service
        #[arg(long, value_name = "KEY", default_value = "feature", value_parser = clap::builder::PossibleValuesParser::new(cost_keys()))]
        by: String,
        /// Also write each feature's median to the file of baselines, for other hosts to judge by
        #[arg(long)]
        save_baselines: bool,
    },
    /// System prompts by what they say: who uses which, since when, at what cost
    Prompts(Sources),
    /// What was read
    Stats(Sources),
    /// What the log lacks: captures and keys by feature and day, conventions, unpriced models, rejects
    Health(Sources),
    /// Fill a store and exit
    Ingest(Sources),
    /// Remove what is old from a store, and give its space back
    Purge {
        /// Interactions whose newest span began longer ago than this: 7d, 12h, 30m
        #[arg(long, value_name = "AGE", allow_hyphen_values = true)]
        older_than: String,
    },
    /// The explorer over invented live traffic
    #[command(hide = true)]
    Demo,
    /// The log formats it reads
    Formats,
    /// The prices it knows, or with --missing the models in the sources that have none
    #[command(args_conflicts_with_subcommands = true)]
    Prices {
        #[command(subcommand)]
        verb: Option<PricesVerb>,
        /// List the models in the sources that have no price, with their calls and tokens
        #[arg(long)]
        missing: bool,
        #[command(flatten)]
        sources: Sources,
    },
    /// The keys of the explorer
    Keys,
    /// The settings in force
    Config,
    /// A completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff
    Man,
}

#[derive(Subcommand)]
enum PricesVerb {
    /// Read a price table (LiteLLM's `model_prices_and_context_window.json`) into your price file
    Import {
        /// The table
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        table: PathBuf,
    },
}

fn cost_keys() -> impl Iterator<Item = &'static str> {
    CostKey::ALL.iter().map(|key| key.name())
}

#[derive(Args)]
struct Shared {
    /// Keep the store here and resume from it
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    db: Option<PathBuf>,
    /// Only what matches, e.g. 'feature:billing cost>0.05 "refund"'
    #[arg(short, long, global = true, value_name = "EXPR", allow_hyphen_values = true)]
    filter: Option<String>,
    /// Not before: 2h, 7d, 15:00, yesterday 15:00, 2026-05-01, RFC 3339
    #[arg(long, global = true, value_name = "T")]
    since: Option<String>,
    /// Before: as for --since
    #[arg(long, global = true, value_name = "T")]
    until: Option<String>,
    /// At most so many rows (table: a screenful; other outputs: all)
    #[arg(short = 'n', long, global = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// table, json, jsonl or csv (show: tree, json or md)
    #[arg(short, long, global = true, value_name = "FORMAT")]
    output: Option<String>,
    /// Read every line as this dialect (see `spanscope formats`)
    #[arg(long, global = true, value_name = "NAME")]
    dialect: Option<String>,
    /// A key under which the logs state the feature; may be repeated
    #[arg(long, global = true, value_name = "KEY", value_delimiter = ',')]
    feature_key: Vec<String>,
    /// Memory of the whole process, 300MB at least, e.g. 512MB or 1GiB
    #[arg(long, global = true, value_name = "SIZE", value_parser = config::memory_size)]
    memory: Option<u64>,
    /// Threads that read and ask the store
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    /// Exit with 5 when lines were rejected
    #[arg(long, global = true)]
    strict: bool,
    /// Settings instead of the usual file
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// auto, always or never
    #[arg(long, global = true, value_name = "WHEN", hide_possible_values = true)]
    color: Option<When>,
    /// A theme's name
    #[arg(long, global = true, value_name = "NAME")]
    theme: Option<String>,
    /// Listen to the mouse
    #[arg(long, global = true)]
    mouse: bool,
    /// Draw at most four times a second, for slow lines
    #[arg(long, global = true)]
    low_bandwidth: bool,
}

fn threads(text: &str) -> Result<usize, String> {
    let most = config::MOST_THREADS;
    text.parse()
        .ok()
        .filter(|n| (1..=most).contains(n))
        .ok_or_else(|| format!("a number from 1 to {most}"))
}

/// Where an option means something. `-` is the explorer. Options that are not listed mean something everywhere.
const MEANINGFUL: &[(&str, &str, &[&str])] = &[
    (
        "db",
        "--db",
        &[
            "-", "ls", "show", "diagnose", "diff", "cost", "prompts", "stats", "health", "prices", "ingest", "purge",
        ],
    ),
    ("filter", "--filter", &["-", "demo", "ls", "diagnose", "cost", "prompts", "health"]),
    ("since", "--since", &["-", "ls", "cost", "prompts", "health"]),
    ("until", "--until", &["-", "ls", "cost", "prompts", "health"]),
    ("limit", "--limit", &["ls", "cost", "prompts"]),
    (
        "output",
        "--output",
        &[
            "ls", "show", "diagnose", "diff", "cost", "prompts", "stats", "health", "formats", "prices", "keys", "config",
        ],
    ),
    (
        "dialect",
        "--dialect",
        &[
            "-", "ls", "show", "diagnose", "diff", "cost", "prompts", "stats", "health", "prices", "ingest",
        ],
    ),
    (
        "feature_key",
        "--feature-key",
        &[
            "-", "ls", "show", "diagnose", "diff", "cost", "prompts", "stats", "health", "ingest", "config",
        ],
    ),
    (
        "strict",
        "--strict",
        &[
            "ls", "show", "diagnose", "diff", "cost", "prompts", "stats", "health", "prices", "ingest",
        ],
    ),
    ("mouse", "--mouse", &["-", "demo"]),
    ("low_bandwidth", "--low-bandwidth", &["-", "demo"]),
];

/// Reads the arguments, the program's own name first.
pub fn parse(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Cli, CliError> {
    let matches = Arguments::command()
        .try_get_matches_from(arguments)
        .map_err(|error| explain(&error))?;
    let verb = matches.subcommand_name().unwrap_or("-").to_owned();
    let inner = matches.subcommand().map_or(&matches, |(_, inner)| inner);
    for (id, option, verbs) in MEANINGFUL {
        if inner.value_source(id) == Some(ValueSource::CommandLine) && !verbs.contains(&verb.as_str()) {
            let place = if verb == "-" { "the explorer" } else { &format!("`{verb}`") };
            let mut good: Vec<&str> = verbs.to_vec();
            good.retain(|verb| *verb != "-");
            return Err(CliError::usage(
                format!("{option} means nothing to {place}"),
                Some(format!("it goes with {}", good.join(", "))),
            ));
        }
    }
    let Arguments { command, sources, shared } = Arguments::from_arg_matches(&matches).map_err(|error| explain(&error))?;
    if command.is_some() && !sources.is_empty() {
        return Err(CliError::usage(
            format!("`{verb}` comes before the sources"),
            Some(format!(
                "spanscope {verb} {}; a file of that name is written ./{verb}",
                sources.join(" ")
            )),
        ));
    }
    // Behind a source the parser takes a command for another source.
    if command.is_none()
        && let Some(late) = sources
            .iter()
            .skip(1)
            .find(|source| Arguments::command().find_subcommand(source).is_some())
    {
        let others: Vec<&str> = sources.iter().filter(|source| *source != late).map(String::as_str).collect();
        return Err(CliError::usage(
            format!("`{late}` comes before the sources"),
            Some(format!(
                "spanscope {late} {}; a file of that name is written ./{late}",
                others.join(" ")
            )),
        ));
    }
    let command = command_of(command, sources, &shared)?;
    if let Some(text) = &shared.filter {
        // What the times in it mean depends on settings that are not read yet; whether they are times does not.
        let clock = Clock {
            now: 0,
            zone: TimeZone::UTC,
        };
        read_filter(text, &clock)?;
    }
    if let Some(dialect) = shared.dialect.as_deref().filter(|name| name.is_empty()) {
        return Err(CliError::usage(
            format!("--dialect `{dialect}` is no name"),
            Some("`spanscope formats` lists them".into()),
        ));
    }
    Ok(Cli {
        command,
        options: Options {
            db: shared.db,
            filter: shared.filter,
            since: shared.since,
            until: shared.until,
            limit: shared.limit,
            dialect: shared.dialect,
            feature_keys: shared.feature_key,
            memory: shared.memory,
            threads: shared.threads,
            strict: shared.strict,
            config: shared.config,
            color: shared.color,
            theme: shared.theme,
            mouse: shared.mouse,
            low_bandwidth: shared.low_bandwidth,
        },
    })
}

fn command_of(verb: Option<Verb>, sources: Vec<String>, shared: &Shared) -> Result<Command, CliError> {
    let rows = || output(shared, &[Output::Table, Output::Json, Output::Jsonl, Output::Csv]);
    // A command that reads traces needs some.
    let read = |sources: Vec<String>| match reserved(&sources) {
        Some(error) => Err(error),
        None if sources.is_empty() && shared.db.is_none() => Err(CliError::usage(
            "no source",
            Some("name a file, a directory, a glob, or `-` for stdin".into()),
        )),
        None => Ok(sources),
    };
    let report = |sources, report| {
        Ok::<_, CliError>(Command::Read {
            sources: read(sources)?,
            report,
        })
    };
    let tell = |known| Ok::<_, CliError>(Command::Tell { known, output: rows()? });
    match verb {
        None if sources.is_empty() && shared.db.is_none() => Err(CliError::usage(
            "no source",
            Some("name a file, a directory, a glob, or `-` for stdin; `spanscope demo` shows invented traffic, --help all commands".into()),
        )),
        None => Ok(Command::Explore { sources: read(sources)? }),
        Some(Verb::Ls(Sources { sources })) => report(sources, Report::Ls { output: rows()? }),
        Some(Verb::Show { trace_id, sources }) => {
            if trace_id.is_empty() {
                return Err(CliError::usage(
                    "the trace id is empty",
                    Some("`spanscope ls -o json` lists them".into()),
                ));
            }
            let output = output(shared, &[Output::Tree, Output::Json, Output::Markdown])?;
            report(sources.sources, Report::Show { trace_id, output })
        }
        Some(Verb::Diagnose { mut words, user, at }) => {
            let output = output(shared, &[Output::Table, Output::Markdown, Output::Json])?;
            let whom = if user.is_some() || at.is_some() {
                Whom::Near { user, at }
            } else if words.is_empty() {
                return Err(CliError::usage(
                    "whose answer?",
                    Some("spanscope diagnose TRACE_ID SOURCE..., or --user U --at 'yesterday 15:00' SOURCE...".into()),
                ));
            } else {
                Whom::Trace(words.remove(0))
            };
            report(words, Report::Diagnose { whom, output })
        }
        Some(Verb::Diff { left, right, sources }) => {
            if left.is_empty() || right.is_empty() {
                return Err(CliError::usage(
                    "the trace id is empty",
                    Some("spanscope diff A B SOURCE..., or spanscope diff A good SOURCE...".into()),
                ));
            }
            let output = output(shared, &[Output::Table, Output::Json])?;
            report(sources.sources, Report::Diff { left, right, output })
        }
        Some(Verb::Cost {
            sources,
            by,
            save_baselines: save,
        }) => {
            let by = CostKey::ALL.iter().copied().find(|key| key.name() == by).unwrap_or_default();
            report(sources.sources, Report::Cost { by, save, output: rows()? })
        }
        Some(Verb::Prompts(Sources { sources })) => report(sources, Report::Prompts { output: rows()? }),
        Some(Verb::Health(Sources { sources })) => report(sources, Report::Health { output: rows()? }),
        Some(Verb::Stats(Sources { sources })) => report(sources, Report::Stats { output: rows()? }),
        Some(Verb::Ingest(Sources { sources })) => {
            if shared.db.is_none() {
                return Err(CliError::usage(
                    "ingest needs a store to fill",
                    Some("spanscope ingest --db PATH SOURCE...".into()),
                ));
            }
            if sources.is_empty() {
                return Err(CliError::usage(
                    "ingest needs a source",
                    Some("spanscope ingest --db PATH SOURCE...".into()),
                ));
            }
            report(sources, Report::Ingest)
        }
        Some(Verb::Purge { older_than }) => match shared.db.clone() {
            Some(db) => Ok(Command::Purge { db, older_than }),
            None => Err(CliError::usage(
                "purge needs a store",
                Some("spanscope purge --older-than 7d --db PATH".into()),
            )),
        },
        Some(Verb::Demo) => Ok(Command::Demo),
        Some(Verb::Formats) => tell(Known::Formats),
        Some(Verb::Prices { verb, missing, sources }) => prices(verb, missing, sources.sources, shared),
        Some(Verb::Keys) => tell(Known::Keys),
        Some(Verb::Config) => tell(Known::Config),
        Some(Verb::Completions { shell }) => Ok(Command::Completions { shell }),
        Some(Verb::Man) => Ok(Command::Man),
    }
}

/// `prices`, `prices --missing SOURCE...`, `prices import FILE`: sources and what is said of them go with --missing alone.
fn prices(verb: Option<PricesVerb>, missing: bool, sources: Vec<String>, shared: &Shared) -> Result<Command, CliError> {
    let hint = || Some("spanscope prices --missing SOURCE...".to_owned());
    if let (false, Some(source)) = (missing, sources.first()) {
        return Err(CliError::usage(format!("`prices` reads `{source}` only with --missing"), hint()));
    }
    let given = [
        ("--db", shared.db.is_some()),
        ("--dialect", shared.dialect.is_some()),
        ("--strict", shared.strict),
    ];
    if let (false, Some((option, _))) = (missing, given.iter().find(|(_, given)| *given)) {
        return Err(CliError::usage(
            format!("{option} means nothing to `prices` without --missing"),
            hint(),
        ));
    }
    if let Some(PricesVerb::Import { table }) = verb {
        let output = output(shared, &[Output::Table, Output::Json])?;
        return Ok(Command::ImportPrices { table, output });
    }
    let output = output(shared, &[Output::Table, Output::Json, Output::Jsonl, Output::Csv])?;
    if !missing {
        let known = Known::Prices;
        return Ok(Command::Tell { known, output });
    }
    if sources.is_empty() && shared.db.is_none() {
        return Err(CliError::usage("no source", hint()));
    }
    Ok(Command::Read {
        sources,
        report: Report::MissingPrices { output },
    })
}

/// A source that bears the name of a command to come.
fn reserved(sources: &[String]) -> Option<CliError> {
    let name = sources.iter().find(|source| RESERVED.contains(&source.as_str()))?;
    Some(CliError::usage(
        format!("`{name}` is kept for a command of a later version"),
        Some(format!("a file of that name is written ./{name}")),
    ))
}

/// The output asked for, the first of the allowed ones by default.
fn output(shared: &Shared, allowed: &[Output]) -> Result<Output, CliError> {
    let Some(name) = shared.output.as_deref() else {
        return Ok(allowed[0]);
    };
    allowed.iter().copied().find(|output| output.name() == name).ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|output| output.name()).collect();
        CliError::usage(
            format!("this command has no output `{name}`"),
            Some(format!("one of {}", names.join(", "))),
        )
    })
}

/// The filter, or the expression with a caret under the place that is wrong.
fn read_filter(text: &str, clock: &Clock) -> Result<Filter, CliError> {
    Filter::parse(text, clock).map_err(|error| {
        // One cell a character, so that the caret stands where the column says, whatever the text holds.
        let line: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        let before: String = line.chars().take(error.column).collect();
        let caret = format!("{}^", " ".repeat(unicode_width::UnicodeWidthStr::width(before.as_str())));
        CliError::usage(format!("--filter: {error}\n  {line}\n  {caret}"), error.hint)
    })
}

/// What the parser of the arguments objects to, in our words.
fn explain(error: &clap::Error) -> CliError {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return CliError {
            code: 0,
            message: error.to_string(),
            hint: None,
        };
    }
    let words = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = words(ContextKind::InvalidArg).unwrap_or_default();
    let value = words(ContextKind::InvalidValue).unwrap_or_default();
    let suggested = words(ContextKind::SuggestedArg)
        .or_else(|| words(ContextKind::SuggestedValue))
        .map(|meant| format!("did you mean `{meant}`?"));
    let (message, hint) = match error.kind() {
        ErrorKind::UnknownArgument => {
            let hint = suggested.unwrap_or_else(|| "`spanscope --help` lists the options; a file of that name is written ./NAME".into());
            (format!("unknown option `{argument}`"), Some(hint))
        }
        ErrorKind::InvalidValue if value.is_empty() => (
            format!("{argument} needs a value"),
            words(ContextKind::ValidValue).map(|all| format!("one of {all}")),
        ),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error)
                .map(|source| format!(": {source}"))
                .unwrap_or_default();
            (
                format!("`{value}` is not allowed for {argument}{why}"),
                suggested
                    .or_else(|| words(ContextKind::ValidValue).map(|all| format!("one of {all}")))
                    .or_else(|| argument.starts_with("--memory").then(|| "such as 512MB or 1GiB".into())),
            )
        }
        ErrorKind::MissingRequiredArgument => (
            format!("{argument} is missing"),
            Some("`--help` behind the command shows what it takes".into()),
        ),
        ErrorKind::ArgumentConflict => (format!("{argument} is given more than once"), None),
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            (first.strip_prefix("error: ").unwrap_or(first).to_owned(), None)
        }
    };
    CliError::usage(message, hint)
}

/// Writes a completion script.
pub fn completions(shell: clap_complete::Shell, out: &mut dyn io::Write) -> io::Result<()> {
    // The generator panics where it cannot write; a string can always be written.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "spanscope", &mut script);
    out.write_all(&script)
}

/// Writes the manual page: the program's own, then a section with every command, each with the options that are its alone.
pub fn man(out: &mut dyn io::Write) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    page.render_synopsis_section(&mut roff)?;
    page.render_description_section(&mut roff)?;
    page.render_options_section(&mut roff)?;
    out.write_all(&roff)?;
    out.write_all(b".SH COMMANDS\n")?;
    for verb in command
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set() && verb.get_name() != "help")
    {
        // The options of all commands are told once, above.
        let own = verb.clone().mut_args(|argument| {
            let shared = argument.is_global_set() || matches!(argument.get_id().as_str(), "help" | "version");
            argument.hide(shared)
        });
        let has_own = own.get_arguments().any(|argument| !argument.is_hide_set());
        let page = clap_mangen::Man::new(own);
        let mut roff = Vec::new();
        page.render_synopsis_section(&mut roff)?;
        page.render_description_section(&mut roff)?;
        if has_own {
            page.render_options_section(&mut roff)?;
        }
        let body = String::from_utf8_lossy(&roff);
        let body: Vec<&str> = body
            .lines()
            .filter(|line| !line.starts_with(".ie ") && !line.starts_with(".el "))
            .collect();
        writeln!(out, ".SS {}", verb.get_name())?;
        for line in body {
            // Sections of its own pages are paragraphs of this one.
            writeln!(out, "{}", if line.starts_with(".SH ") { ".PP" } else { line })?;
        }
    }
    Ok(())
}
