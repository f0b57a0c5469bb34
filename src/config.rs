//! Settings: `assets/config.toml` is the defaults, the user's file patches it.
//!
//! Everything is checked when it is read: an unknown key or a wrong value is an error with its line and what was probably meant, never
//! ignored. This module reads text, not files; what stands under `[keys]` is for the keymap to judge.

pub mod baselines;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::model::anomaly::Rule;
use crate::model::column::Column;
use crate::model::filter::{Filter, nearest};
use crate::model::mapping::{FIELDS, Mapping, Pointer};
use crate::model::moment::Clock;
use crate::model::usage::Convention;

/// The built-in settings, as text.
pub const DEFAULTS: &str = include_str!("../assets/config.toml");

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What frames, bars and marks are drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Glyphs {
    /// Lines and blocks.
    #[default]
    Unicode,
    /// `+`, `-`, `|`, `#`.
    Ascii,
}

/// How copied text leaves the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clipboard {
    /// The first that works.
    #[default]
    Auto,
    /// tmux's buffer.
    Tmux,
    /// An escape sequence to the terminal.
    Osc52,
    /// The desktop's clipboard.
    Native,
    /// A file.
    File,
    /// Nothing is copied.
    Off,
}

/// All settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of the theme.
    pub theme: String,
    /// When output is coloured.
    pub color: When,
    /// What frames are drawn with.
    pub glyphs: Glyphs,
    /// An IANA name; `None` is the machine's own zone.
    pub timezone: Option<String>,
    /// Keys that state the feature, looked for before the usual ones.
    pub feature_keys: Vec<String>,
    /// How copied text leaves the program.
    pub clipboard: Clipboard,
    /// Memory of the whole process, in bytes.
    pub memory: u64,
    /// Threads that read and ask the store.
    pub threads: usize,
    /// The user's prices.
    pub pricing: Option<PathBuf>,
    /// When a cost is out of the ordinary.
    pub anomaly: Rule,
    /// Baselines from another host or another time.
    pub baselines: Option<PathBuf>,
    /// The program that reaches other machines, and its options.
    pub ssh: Vec<String>,
    /// Formats of the user's own, `[dialect.NAME]`.
    pub dialects: Vec<Mapping>,
    /// What is known about single sources.
    pub sources: Vec<SourceRule>,
    /// Columns of the list; empty is as designed.
    pub columns: Vec<Column>,
    /// The list's share of the rows it shares with the inspector, in percent.
    pub list_percent: u16,
    /// Columns of the terminal for the costs beside the list; 0 is as designed.
    pub costs_columns: u16,
    /// The text of the settings that have `[keys]`.
    pub keys: Option<String>,
    /// `[views]`: names and filters, in the order of their names.
    pub views: BTreeMap<String, String>,
}

/// What is known about some sources and their logs do not say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRule {
    /// A glob over paths as the sources pane shows them: `/var/log/app/*.jsonl`.
    pub path: String,
    /// Whether input includes cached tokens there.
    #[serde(deserialize_with = "convention")]
    pub convention: Convention,
}

fn convention<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Convention, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Inclusive,
        Exclusive,
        Unknown,
    }
    Ok(match Word::deserialize(deserializer)? {
        Word::Inclusive => Convention::Inclusive,
        Word::Exclusive => Convention::Exclusive,
        Word::Unknown => Convention::Unknown,
    })
}

/// Why settings could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ConfigError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What was probably meant, or what is allowed.
    pub hint: Option<String>,
}

/// A file's say: what is `None` stays as it was.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table of settings")]
struct Patch {
    theme: Option<String>,
    color: Option<When>,
    glyphs: Option<Glyphs>,
    timezone: Option<toml::Spanned<String>>,
    feature_keys: Option<Vec<String>>,
    clipboard: Option<Clipboard>,
    memory: Option<toml::Spanned<String>>,
    threads: Option<toml::Spanned<i64>>,
    pricing: Option<String>,
    anomaly: Option<Anomaly>,
    ssh: Option<Vec<String>>,
    dialect: Option<BTreeMap<String, BTreeMap<String, toml::Spanned<Pointers>>>>,
    source: Option<Vec<SourceRule>>,
    columns: Option<Vec<toml::Spanned<String>>>,
    list_percent: Option<toml::Spanned<u16>>,
    costs_columns: Option<u16>,
    keys: Option<toml::Table>,
    views: Option<BTreeMap<String, toml::Spanned<String>>>,
}

/// `[anomaly]`: what is `None` stays as it was.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: multiplier, hours, minimum, baselines")]
struct Anomaly {
    multiplier: Option<toml::Spanned<f64>>,
    hours: Option<toml::Spanned<i64>>,
    minimum: Option<toml::Spanned<i64>>,
    baselines: Option<String>,
}

/// What stands behind a field of `[dialect.NAME]`, or behind its `match`.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a JSON pointer such as \"/usage/input\", or a list of them")]
enum Pointers {
    One(String),
    All(Vec<String>),
}

const KEYS: [&str; 18] = [
    "theme",
    "color",
    "glyphs",
    "columns",
    "list_percent",
    "costs_columns",
    "timezone",
    "feature_keys",
    "clipboard",
    "memory",
    "threads",
    "pricing",
    "anomaly",
    "ssh",
    "dialect",
    "source",
    "keys",
    "views",
];

impl Default for Config {
    /// What `assets/config.toml` says.
    fn default() -> Self {
        let blank = Self {
            theme: String::new(),
            color: When::Auto,
            glyphs: Glyphs::Unicode,
            timezone: None,
            feature_keys: Vec::new(),
            clipboard: Clipboard::Auto,
            memory: 0,
            threads: 0,
            pricing: None,
            anomaly: Rule::default(),
            baselines: None,
            ssh: Vec::new(),
            dialects: Vec::new(),
            sources: Vec::new(),
            columns: Vec::new(),
            list_percent: 0,
            costs_columns: 0,
            keys: None,
            views: BTreeMap::new(),
        };
        blank.with(DEFAULTS).expect("the built-in settings are checked by a test")
    }
}

impl Config {
    /// These settings with a file's laid over them.
    pub fn with(&self, text: &str) -> Result<Self, ConfigError> {
        let patch: Patch = toml::from_str(text).map_err(|error| explain(text, &error))?;
        let mut config = self.clone();
        if let Some(theme) = patch.theme {
            config.theme = theme;
        }
        if let Some(color) = patch.color {
            config.color = color;
        }
        if let Some(glyphs) = patch.glyphs {
            config.glyphs = glyphs;
        }
        if let Some(zone) = patch.timezone {
            let name = zone.get_ref();
            if !name.is_empty() && TimeZone::get(name).is_err() {
                return Err(ConfigError {
                    line: line_of(text, zone.span().start),
                    message: format!("unknown time zone `{name}`"),
                    hint: Some("an IANA name such as Europe/Berlin, or \"\" for the machine's own".into()),
                });
            }
            config.timezone = Some(zone.into_inner()).filter(|name| !name.is_empty());
        }
        if let Some(keys) = patch.feature_keys {
            config.feature_keys = keys;
        }
        if let Some(clipboard) = patch.clipboard {
            config.clipboard = clipboard;
        }
        if let Some(memory) = patch.memory {
            config.memory = memory_size(memory.get_ref()).map_err(|message| ConfigError {
                line: line_of(text, memory.span().start),
                message,
                hint: Some("such as 512MB or 1GiB".into()),
            })?;
        }
        if let Some(threads) = patch.threads {
            config.threads = usize::try_from(*threads.get_ref())
                .ok()
                .filter(|n| (1..=MOST_THREADS).contains(n))
                .ok_or_else(|| ConfigError {
                    line: line_of(text, threads.span().start),
                    message: format!("threads is a number from 1 to {MOST_THREADS}"),
                    hint: None,
                })?;
        }
        if let Some(path) = patch.pricing {
            config.pricing = Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
        }
        if let Some(anomaly) = patch.anomaly {
            config.judge(anomaly, text)?;
        }
        if let Some(ssh) = patch.ssh {
            config.ssh = ssh;
        }
        for (name, fields) in patch.dialect.unwrap_or_default() {
            let mapping = mapping(text, name, fields)?;
            config.dialects.retain(|other| other.name != mapping.name);
            config.dialects.push(mapping);
        }
        if let Some(sources) = patch.source {
            config.sources = sources;
        }
        if let Some(columns) = patch.columns {
            config.columns = columns.iter().map(|name| column(text, name)).collect::<Result<_, _>>()?;
        }
        if let Some(percent) = patch.list_percent {
            config.list_percent = *percent.get_ref();
            if !(10..=90).contains(&config.list_percent) {
                return Err(ConfigError {
                    line: line_of(text, percent.span().start),
                    message: "list_percent is a number from 10 to 90".into(),
                    hint: None,
                });
            }
        }
        if let Some(columns) = patch.costs_columns {
            config.costs_columns = columns;
        }
        if patch.keys.is_some_and(|keys| !keys.is_empty()) {
            config.keys = Some(text.to_owned());
        }
        let clock = Clock {
            now: 0,
            zone: TimeZone::UTC,
        };
        for (name, filter) in patch.views.into_iter().flatten() {
            Filter::parse(filter.get_ref(), &clock).map_err(|error| ConfigError {
                line: line_of(text, filter.span().start),
                message: format!("view {name:?}: {error}"),
                hint: error.hint,
            })?;
            config.views.insert(name, filter.into_inner());
        }
        Ok(config)
    }

    /// Lays `[anomaly]` over the rule in force.
    fn judge(&mut self, anomaly: Anomaly, text: &str) -> Result<(), ConfigError> {
        let wrong = |at: usize, message: &str| ConfigError {
            line: line_of(text, at),
            message: message.to_owned(),
            hint: Some("the defaults are multiplier = 2.0, hours = 168, minimum = 20".to_owned()),
        };
        if let Some(multiplier) = anomaly.multiplier {
            let thousandths = (*multiplier.get_ref() * 1_000.0).round();
            if !(1_000.0..=1_000_000.0).contains(&thousandths) {
                return Err(wrong(multiplier.span().start, "multiplier is a number from 1 to 1000"));
            }
            self.anomaly.multiplier = thousandths as u32;
        }
        if let Some(hours) = anomaly.hours {
            if !(1..=MOST_HOURS).contains(hours.get_ref()) {
                return Err(wrong(hours.span().start, "hours is a number from 1 to 8784, a year"));
            }
            self.anomaly.window = *hours.get_ref() * 3_600_000_000_000;
        }
        if let Some(minimum) = anomaly.minimum {
            self.anomaly.minimum = u32::try_from(*minimum.get_ref())
                .ok()
                .filter(|minimum| (1..=1_000_000).contains(minimum))
                .ok_or_else(|| wrong(minimum.span().start, "minimum is a number from 1 to 1000000"))?;
        }
        if let Some(path) = anomaly.baselines {
            self.baselines = Some(PathBuf::from(path)).filter(|path| !path.as_os_str().is_empty());
        }
        Ok(())
    }

    /// The time zone of times that carry none.
    #[must_use]
    pub fn zone(&self) -> TimeZone {
        self.timezone
            .as_deref()
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or_else(TimeZone::system)
    }
}

/// A baseline that reaches back further says nothing about now.
const MOST_HOURS: i64 = 366 * 24;
/// More threads than this are a slip of the finger.
pub const MOST_THREADS: usize = 1024;

/// A format of the user's own: every key is a field or `match`, every value a JSON pointer.
fn mapping(text: &str, name: String, entries: BTreeMap<String, toml::Spanned<Pointers>>) -> Result<Mapping, ConfigError> {
    let mut mapping = Mapping::new(name);
    for (key, entry) in entries {
        let wrong = |message: String, hint: String| ConfigError {
            line: line_of(text, entry.span().start),
            message,
            hint: Some(hint),
        };
        let pointer = |text: &String| {
            Pointer::parse(text).ok_or_else(|| {
                wrong(
                    format!("`{text}` is no JSON pointer"),
                    format!("it begins with a slash: \"/{text}\""),
                )
            })
        };
        if key == "match" {
            mapping.matches = match entry.get_ref() {
                Pointers::One(text) => vec![pointer(text)?],
                Pointers::All(texts) => texts.iter().map(pointer).collect::<Result<_, _>>()?,
            };
            continue;
        }
        let Some(field) = FIELDS.iter().find(|field| **field == key) else {
            let hint = match nearest(&key, FIELDS.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("fields are {}", FIELDS.join(", ")),
            };
            return Err(wrong(format!("unknown field `{key}`"), hint));
        };
        match entry.get_ref() {
            Pointers::One(text) => mapping.fields.push((field, pointer(text)?)),
            Pointers::All(_) => return Err(wrong(format!("`{key}` is one JSON pointer"), "only `match` is a list".to_owned())),
        }
    }
    Ok(mapping)
}

/// A column of the list by its name.
fn column(text: &str, name: &toml::Spanned<String>) -> Result<Column, ConfigError> {
    name.get_ref().parse().map_err(|()| ConfigError {
        line: line_of(text, name.span().start),
        message: format!("there is no column `{}`", name.get_ref()),
        hint: Some(match nearest(name.get_ref(), Column::ALL.iter().map(|column| column.name())) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!(
                "columns are {}",
                Column::ALL.iter().map(|column| column.name()).collect::<Vec<_>>().join(", ")
            ),
        }),
    })
}

/// The line a byte stands in, from 1.
fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}

fn explain(text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let mut message = error.message().trim().to_owned();
    let mut hint = None;
    if message.starts_with("unknown field") {
        let name = message.split('`').nth(1).unwrap_or_default().to_owned();
        hint = Some(match nearest(&name, KEYS) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("settings are {}", KEYS.join(", ")),
        });
        message = format!("unknown setting `{name}`");
    } else if let Some(wrong) = message.strip_prefix("unknown variant `") {
        let (name, allowed) = wrong.split_once("`, expected ").unwrap_or((wrong, ""));
        let words: Vec<&str> = allowed.split('`').skip(1).step_by(2).collect();
        hint = Some(match nearest(name, words.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of {}", words.join(", ")),
        });
        message = format!("`{name}` is not allowed here");
    }
    ConfigError {
        line: line_of(text, span.start),
        message,
        hint,
    }
}

/// Less memory than this, in bytes, could not be kept to: the engine and one block under way need it.
pub const LEAST_MEMORY: u64 = 300_000_000;

/// A size that is enough to work with.
pub fn memory_size(text: &str) -> Result<u64, String> {
    match size(text)? {
        bytes if bytes < LEAST_MEMORY => Err(format!("`{text}` is too little: it needs {}MB at least", LEAST_MEMORY / 1_000_000)),
        bytes => Ok(bytes),
    }
}

/// Bytes of a size such as `512MB`, `1.5 GiB`, `1000000`. Units are decimal, those with an `i` binary.
pub fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let wrong = || format!("`{text}` is not a size");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit: u128 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || whole.len() > 18 || part.len() > 9 || part.contains('.') || (number.contains('.') && part.is_empty()) {
        return Err(wrong());
    }
    let scale = 10_u128.pow(part.len() as u32);
    let digits: u128 = format!("{whole}{part}").parse().map_err(|_| wrong())?;
    match u64::try_from(digits * unit / scale) {
        Ok(0) => Err("a size of zero leaves no room to work".into()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(format!("`{text}` is too large")),
    }
}
