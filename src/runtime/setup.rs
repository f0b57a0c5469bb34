//! From the command line and the settings file to the things a run needs: prices, keys, window, store, readers.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use etcetera::BaseStrategy as _;

use crate::cli::{Cli, CliError};
use crate::config::{Config, When, baselines};
use crate::keymap::Keymap;
use crate::model::anomaly::Judging;
use crate::model::filter::Filter;
use crate::model::json::Json;
use crate::model::moment::Clock;
use crate::model::query::Window;
use crate::model::record::{Batch, Order, Progress, Receipt};
use crate::model::span::{Inferred, Nanos, Part, StartFrom};
use crate::model::usage::Convention;
use crate::pricing::Prices;
use crate::report::Look;
use crate::sources::{self, Spec};
use crate::store::{Location, Options, Store, StoreError};
use crate::ui::theme::{ColorSupport, Theme};

use super::Failure;
use super::explorer::now;
use super::ingest::{self, Ingest};

/// What is there whatever is read: the program, its threads, and what allocators and the engine keep beside what they account for.
const ALWAYS: u64 = 180_000_000;
/// The engine's share of the rest, in tenths.
const ENGINE_SHARE: u64 = 5;
/// What a block costs while it is read, parsed and written, times the blocks under way at once.
const BLOCKS_UNDER_WAY: u64 = 12;

/// Clocks differ, and a record's own time may be a little later than its file's: files this much older than `--since` are still read.
const SLACK: i64 = 3_600_000_000_000;

/// Everything decided before the first byte is read.
pub struct Setup {
    /// The settings in force.
    pub config: Config,
    /// Prices, the user's laid over ours.
    pub prices: Arc<Prices>,
    /// What costs are judged by.
    pub judging: Arc<Judging>,
    /// The file of saved baselines; it need not be there.
    pub baselines: PathBuf,
    /// The user's price file; it need not be there.
    pub price_file: PathBuf,
    /// Keys, the user's laid over ours.
    pub keymap: Keymap,
    /// `--filter`.
    pub filter: Filter,
    /// `--since` and `--until`.
    pub window: Window,
    /// The user's settings file, which may not exist.
    pub path: PathBuf,
    /// The user's cache directory for this program.
    pub cache: PathBuf,
    cli: Cli,
}

impl Setup {
    /// Reads settings, prices and keys.
    pub fn new(cli: &Cli) -> Result<Self, Failure> {
        let base = etcetera::choose_base_strategy().map_err(|error| Failure::new(1, format!("no home directory: {error}"), "set HOME"))?;
        let mut config = Config::default();
        let path = cli
            .options
            .config
            .clone()
            .unwrap_or_else(|| base.config_dir().join("spanscope/config.toml"));
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                config = config.with(&text).map_err(|error| {
                    let hint = error
                        .hint
                        .clone()
                        .unwrap_or_else(|| "`spanscope config` shows the settings".to_owned());
                    Failure::new(2, format!("{}: {error}", path.display()), hint)
                })?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && cli.options.config.is_none() => {}
            Err(error) => return Err(Failure::new(2, format!("{}: {error}", path.display()), "look at --config")),
        }
        let options = &cli.options;
        config.memory = options.memory.unwrap_or(config.memory);
        config.threads = options.threads.unwrap_or(config.threads);
        config.theme = options.theme.clone().unwrap_or(config.theme);
        config.color = options.color.unwrap_or(config.color);
        config.feature_keys = options.feature_keys.iter().chain(&config.feature_keys).cloned().collect();
        if let Some(name) = options
            .dialect
            .as_deref()
            .filter(|name| !is_built_in(name) && !config.dialects.iter().any(|own| own.name == *name))
        {
            return Err(Failure::new(
                2,
                format!("no dialect is called {name}"),
                "`spanscope formats` lists them",
            ));
        }
        if let Some(own) = config.dialects.iter().find(|own| is_built_in(own.name)) {
            return Err(Failure::new(
                2,
                format!("{}: [dialect.{}] is the name of a built-in dialect", path.display(), own.name),
                "call it otherwise",
            ));
        }
        let price_file = config
            .pricing
            .clone()
            .unwrap_or_else(|| base.config_dir().join("spanscope/pricing.toml"));
        let mut prices = Prices::embedded();
        match std::fs::read_to_string(&price_file) {
            Ok(text) => {
                let own = Prices::read(&text).map_err(|error| {
                    Failure::new(
                        2,
                        format!("{}: {error}", price_file.display()),
                        "the schema is that of assets/pricing.toml",
                    )
                })?;
                prices = prices.with(&own);
            }
            // `prices import` makes it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && (config.pricing.is_none() || imports(cli)) => {}
            Err(error) => {
                return Err(Failure::new(
                    2,
                    format!("{}: {error}", price_file.display()),
                    "look at `pricing` in the settings",
                ));
            }
        }
        let baselines_file = config
            .baselines
            .clone()
            .unwrap_or_else(|| base.config_dir().join("spanscope/baselines.toml"));
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::new(
                2,
                format!("{}: {error}", baselines_file.display()),
                "`spanscope cost --save-baselines` writes it anew",
            )
        };
        let saved = match std::fs::read_to_string(&baselines_file) {
            // It is about to be replaced.
            _ if saves(cli) => BTreeMap::new(),
            Ok(text) => baselines::read(&text).map_err(|error| unusable(&error))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(unusable(&error)),
        };
        // Not needed before there is a store: our table is read beside its opening. Without a thread whoever needs it first reads it.
        let ahead = prices.clone();
        drop(
            std::thread::Builder::new()
                .name("prices".into())
                .spawn(move || ahead.iter().count()),
        );
        let judging = Judging {
            rule: config.anomaly,
            saved,
        };
        let keymap = Keymap::load(config.keys.as_deref()).map_err(|error| {
            let hint = "`spanscope keys` lists actions and keys";
            Failure::new(2, format!("{}: {error}", path.display()), hint)
        })?;
        let clock = Clock {
            now: now(),
            zone: config.zone(),
        };
        let wrong = |error: CliError| Failure::new(error.code, error.message, error.hint.unwrap_or_default());
        let window = options.window(clock.now, &clock.zone).map_err(wrong)?;
        let filter = options.filter(&clock).map_err(wrong)?;
        Ok(Self {
            config,
            prices: Arc::new(prices),
            judging: Arc::new(judging),
            baselines: baselines_file,
            price_file,
            keymap,
            filter,
            window,
            path,
            cache: base.cache_dir().join("spanscope"),
            cli: cli.clone(),
        })
    }

    /// The sources, checked for sense.
    pub fn specs(&self, sources: &[String]) -> Result<Vec<Spec>, Failure> {
        sources
            .iter()
            .map(|text| sources::parse_spec(text).map_err(|error| Failure::new(2, error.what, error.hint)))
            .collect()
    }

    /// The engine's part of the memory of the process, in bytes.
    fn engine_memory(&self) -> u64 {
        self.config.memory.saturating_sub(ALWAYS) / 10 * ENGINE_SHARE
    }

    /// How a store runs here.
    pub fn store_options(&self) -> Options {
        let mut options = Options::new(Arc::clone(&self.prices), self.cache.clone());
        options.judging = Arc::clone(&self.judging);
        options.memory = self.engine_memory();
        options.budget = Some(self.config.memory);
        options.threads = u32::try_from(self.config.threads).unwrap_or(2);
        options
    }

    /// Opens the store. `patient` is for a screen that goes on while the disk is full, `rebuild` for a run that names sources.
    pub fn store(
        &self,
        patient: bool,
        rebuild: bool,
        on_commit: impl FnMut(Receipt) + Send + 'static,
        on_problem: impl FnMut(String) + Send + 'static,
    ) -> Result<Store, Failure> {
        let location = self.cli.options.db.clone().map_or(Location::Temporary, Location::File);
        let options = Options {
            patient,
            rebuild,
            ..self.store_options()
        };
        Store::open(location, options, on_commit, on_problem).map_err(|error| refused(&error))
    }

    /// Starts to read into the store.
    pub fn ingest(
        &self,
        specs: Vec<Spec>,
        follow: bool,
        spool: Option<PathBuf>,
        store: &Store,
        progress: Arc<dyn Fn(Progress) + Send + Sync>,
    ) -> Result<Ingest, Failure> {
        let threads = self.config.threads.clamp(1, 8);
        let blocks = self.config.memory.saturating_sub(ALWAYS + self.engine_memory());
        let room = blocks / BLOCKS_UNDER_WAY / threads as u64;
        let since = self.window.since.map(|since| since.saturating_sub(SLACK));
        let floors = Arc::<sources::Floors>::default();
        let options = sources::Options {
            follow,
            dialect: self.cli.options.dialect.as_deref().map(Arc::from),
            known: store.resume().map_err(unreadable)?,
            next_id: store.next_source_id().map_err(unreadable)?,
            block_bytes: usize::try_from(room).unwrap_or(usize::MAX).clamp(1 << 20, 8 << 20),
            since,
            floors: Arc::clone(&floors),
            poll: std::time::Duration::from_millis(250),
            spool,
            ssh: self.config.ssh.clone(),
        };
        let keys = self.config.feature_keys.clone();
        let rules = self.source_rules()?;
        let prepare = move |batch: &mut Batch| {
            if !keys.is_empty() {
                state_features(batch, &keys);
            }
            let uri = &batch.source.uri;
            if let Some((_, convention)) = rules.iter().find(|(path, _)| path.is_match(uri)) {
                set_convention(&mut batch.parts, *convention);
            }
            if since.is_some_and(|since| is_older(batch, since)) {
                floors.raise((batch.source.id, batch.source.generation), batch.range.start);
            }
        };
        let own = Arc::from(self.config.dialects.as_slice());
        ingest::start(specs, options, threads, own, &store.intake(), Arc::new(prepare), progress)
            .map_err(|error| Failure::new(1, error.what, error.hint))
    }

    /// `[[source]]` of the settings.
    fn source_rules(&self) -> Result<Vec<(globset::GlobMatcher, Convention)>, Failure> {
        let rules = self.config.sources.iter().map(|rule| {
            let glob = globset::Glob::new(&rule.path)
                .map_err(|error| Failure::new(2, format!("[[source]] path: {error}"), "a glob such as /var/log/app/*.jsonl"))?;
            Ok((glob.compile_matcher(), rule.convention))
        });
        rules.collect()
    }

    /// How tables look here.
    pub fn look(&self) -> Look {
        let terminal = io::stdout().is_terminal();
        let width = if terminal {
            crossterm::terminal::size().map_or(100, |(width, _)| usize::from(width))
        } else {
            usize::MAX
        };
        let color = match self.config.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Look {
            width,
            color,
            now: now(),
            zone: self.config.zone(),
        }
    }

    /// The theme, as colourful as the terminal.
    pub fn theme(&self) -> Result<Theme, Failure> {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let none = self.config.color == When::Never || (self.config.color == When::Auto && !variable("NO_COLOR").is_empty());
        let colors = if none {
            ColorSupport::None
        } else if matches!(variable("COLORTERM").as_str(), "truecolor" | "24bit") {
            ColorSupport::True
        } else if variable("TERM").contains("256color") {
            ColorSupport::Ansi256
        } else {
            ColorSupport::Ansi16
        };
        Theme::load(&self.config.theme, colors).map_err(|error| Failure::new(2, error.to_string(), "look at --theme"))
    }

    /// The settings in force, by name.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let config = &self.config;
        vec![
            ("theme", config.theme.clone()),
            ("color", format!("{:?}", config.color).to_lowercase()),
            ("timezone", config.timezone.clone().unwrap_or_default()),
            ("feature_keys", config.feature_keys.join(", ")),
            ("clipboard", format!("{:?}", config.clipboard).to_lowercase()),
            ("memory", config.memory.to_string()),
            ("threads", config.threads.to_string()),
            ("pricing", self.price_file.display().to_string()),
            (
                "anomaly",
                format!(
                    "multiplier {}, hours {}, minimum {}",
                    f64::from(config.anomaly.multiplier) / 1_000.0,
                    config.anomaly.window / 3_600_000_000_000,
                    config.anomaly.minimum
                ),
            ),
            ("baselines", self.baselines.display().to_string()),
            ("ssh", config.ssh.join(" ")),
            (
                "source",
                config
                    .sources
                    .iter()
                    .map(|rule| format!("{}: {}", rule.path, rule.convention))
                    .collect::<Vec<_>>()
                    .join(", "),
            ),
        ]
    }
}

fn is_built_in(name: &str) -> bool {
    crate::formats::dialects().iter().any(|dialect| dialect.name == name)
}

const fn imports(cli: &Cli) -> bool {
    matches!(cli.command, crate::cli::Command::ImportPrices { .. })
}

const fn saves(cli: &Cli) -> bool {
    matches!(
        cli.command,
        crate::cli::Command::Read {
            report: crate::cli::Report::Cost { save: true, .. },
            ..
        }
    )
}

/// The store could not be opened.
pub fn refused(error: &StoreError) -> Failure {
    let code = match error {
        StoreError::InUse { .. } => 3,
        StoreError::CannotWrite { .. } => 4,
        StoreError::Missing { .. }
        | StoreError::Damaged { .. }
        | StoreError::OlderSchema { .. }
        | StoreError::Foreign { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::Io { .. }
        | StoreError::Engine(_) => 1,
    };
    let (what, hint) = error.told();
    Failure::new(code, what, hint)
}

/// What to do about a store that opened and then turned out to be damaged.
pub const DAMAGED: &str = "if it is damaged, the next start that names its sources moves it aside and builds it anew";

/// The store opened, but does not say what it holds.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub fn unreadable(error: StoreError) -> Failure {
    Failure::new(1, format!("the store cannot be read: {error}"), DAMAGED)
}

/// Was all of it logged before? Logs are written in the order of time: what stands before is older still.
fn is_older(batch: &Batch, since: Nanos) -> bool {
    let is_told = |part: &&Part| matches!(part.start_from, StartFrom::Logged | StartFrom::Envelope);
    let times = batch
        .parts
        .iter()
        .filter(is_told)
        .map(|part| part.end.unwrap_or(part.start).max(part.start));
    batch.source.order == Order::Random && times.max().is_some_and(|newest| newest < since)
}

/// Reads the tokens of a source as its user says they are meant.
fn set_convention(parts: &mut [Part], convention: Convention) {
    for part in parts.iter_mut().filter(|part| !part.usage.is_empty()) {
        (part.usage, part.convention) = part.usage.reread(part.convention, convention);
        part.inferred = Inferred(part.inferred.0 & !Inferred::CONVENTION.0).and(Inferred::CONVENTION_SET);
    }
}

/// Lets the first of the user's keys that a span has state its feature.
fn state_features(batch: &mut Batch, keys: &[String]) {
    for part in &mut batch.parts {
        let Some(attributes) = part.attributes.as_ref().map(Json::value) else {
            continue;
        };
        let found = keys
            .iter()
            .find_map(|key| attributes.get(key).or_else(|| attributes.get(format!("resource.{key}"))));
        match found {
            Some(serde_json::Value::String(text)) if !text.is_empty() => part.feature = Some(text.clone()),
            Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => part.feature = Some(value.to_string()),
            _ => {}
        }
    }
}
