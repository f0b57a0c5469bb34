//! The port between the two front ends and the store: plain questions, plain answers. No SQL and no engine type crosses it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::anomaly::Baseline;
use super::column::{Column, SortValue};
use super::content::Contents;
use super::filter::{Field, Filter};
use super::record::Tally;
use super::span::{Nanos, Origin, SpanKey, TraceKey, names};
use super::spend::Spend;
use super::timeline::Timeline;
use super::trace::{Interaction, Trace};
use super::usage::{Convention, Cost, Usage};

/// A span of time, half open. `None` is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Not before.
    pub since: Option<Nanos>,
    /// Before.
    pub until: Option<Nanos>,
}

/// A sort order. Unknown values come last either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: Column,
    /// Largest (newest, last in the alphabet) first.
    pub descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self {
            key: Column::Time,
            descending: true,
        }
    }
}

/// The row a page goes on from. Ties of the sort value are ordered by (start, place), in the sort's own direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The sort value; `None` when unknown.
    pub value: Option<SortValue>,
    /// Its start.
    pub start: Nanos,
    /// Its place.
    pub place: i128,
}

impl Cursor {
    /// The cursor that stands at this row.
    #[must_use]
    pub fn at(row: &Interaction, sort: Sort) -> Self {
        Self {
            value: sort.key.value(row),
            start: row.start,
            place: row.place,
        }
    }

    /// Which comes first in a list of this order.
    #[must_use]
    pub fn compare(&self, other: &Self, sort: Sort) -> Ordering {
        let way = |order: Ordering| if sort.descending { order.reverse() } else { order };
        let unknown = self.value.is_none().cmp(&other.value.is_none());
        unknown
            .then_with(|| way(self.value.cmp(&other.value)))
            .then_with(|| way((self.start, self.place).cmp(&(other.start, other.place))))
    }
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page<C = Cursor> {
    /// From the top.
    #[default]
    First,
    /// From the bottom: the last rows of the order, still in its direction.
    Last,
    /// Rows after this one.
    After(C),
    /// Rows before this one: the nearest ones, still in the list's direction.
    Before(C),
    /// This row and those after it.
    From(C),
}

/// What costs are grouped by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CostKey {
    /// The endpoint or use case.
    #[default]
    Feature,
    /// The model that answered, else the one asked for.
    Model,
    /// The user.
    User,
    /// The conversation.
    Session,
    /// The service that wrote the log.
    Service,
}
names!(CostKey, Feature = 0 "feature", Model = 1 "model", User = 2 "user", Session = 3 "session", Service = 4 "service");

/// What the values of a question are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A text field of an interaction or of a span.
    Field(Field),
    /// Attributes: their names.
    Attributes,
}

/// A question to the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A page of interactions.
    Interactions {
        /// Which.
        filter: Filter,
        /// When.
        window: Window,
        /// In what order.
        sort: Sort,
        /// From where.
        page: Page,
        /// At most so many; `u32::MAX` is all.
        limit: u32,
    },
    /// How many interactions match.
    Count {
        /// Which.
        filter: Filter,
        /// When.
        window: Window,
    },
    /// Interactions whose id begins with this text (at most 20).
    Find {
        /// A trace id or the beginning of one.
        prefix: String,
    },
    /// One interaction with all its spans.
    Trace(TraceKey),
    /// The contents of one span, or of all spans of the trace.
    Contents {
        /// The trace.
        trace: TraceKey,
        /// The span; `None` for all.
        span: Option<SpanKey>,
    },
    /// Spend by key.
    Costs {
        /// Grouped by.
        by: CostKey,
        /// Which interactions.
        filter: Filter,
        /// When.
        window: Window,
        /// At most so many of the dearest; the others are in the total.
        limit: usize,
    },
    /// Spend over time by key, and which of it is out of the ordinary. It looks at every interaction: seconds at millions of them.
    Trend {
        /// Grouped by.
        by: CostKey,
        /// Which interactions.
        filter: Filter,
        /// When.
        window: Window,
        /// Steps of time; at least one.
        steps: u32,
        /// So many of the dearest are told; the answer may know others.
        limit: usize,
    },
    /// What is dear in a feature, beside what is usual there.
    Spike {
        /// The feature; `None` where it was not logged.
        feature: Option<String>,
        /// When.
        window: Window,
    },
    /// The median of every feature with enough interactions in the time that a baseline reaches back.
    Baselines,
    /// System prompts by what they say.
    Prompts {
        /// Of which interactions.
        filter: Filter,
        /// When.
        window: Window,
        /// At most so many, those used last.
        limit: u32,
    },
    /// A page of sessions, the one with the newest interaction first.
    Sessions {
        /// Of which interactions.
        filter: Filter,
        /// When.
        window: Window,
        /// From where.
        page: Page<SessionCursor>,
        /// At most so many.
        limit: u32,
    },
    /// The nearest interaction of the same session that began before this one and whose last model call has messages.
    Earlier(TraceKey),
    /// Interactions over time.
    Timeline {
        /// Which.
        filter: Filter,
        /// When.
        window: Window,
        /// At most so many bars.
        most: u32,
    },
    /// What is usual where this interaction happened: those of the same feature that began before it, the newest first. None where no
    /// feature was logged.
    Peers {
        /// The interaction.
        trace: TraceKey,
        /// How long before it they may have begun.
        within: Nanos,
        /// At most so many.
        limit: u32,
    },
    /// Values of a text field, or names of attributes, that were seen, the most frequent first.
    Values {
        /// Of what.
        of: Seen,
        /// What they contain, letter case apart.
        text: String,
        /// At most so many.
        limit: u32,
    },
    /// What was read.
    Stats,
    /// What the model calls of the log have and lack.
    Health {
        /// Of which interactions.
        filter: Filter,
        /// When.
        window: Window,
    },
    /// A page of rejects, the newest first: by source, generation and offset. Of each the beginning.
    Rejects {
        /// Only those of these sources; empty is all.
        sources: Vec<u32>,
        /// From where.
        page: Page<Origin>,
        /// At most so many.
        limit: u32,
    },
    /// One reject with all its bytes.
    Reject(Origin),
}

/// One row of spend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CostRow {
    /// The key's value; `None` where it was not logged.
    pub key: Option<String>,
    /// Counted calls.
    pub calls: u64,
    /// Interactions.
    pub interactions: u64,
    /// Tokens.
    pub usage: Usage,
    /// Spend that is known.
    pub cost: Option<Cost>,
    /// Of the whole, 0..=1; `None` when its cost is unknown.
    pub share: Option<f64>,
    /// Of this row and all dearer ones, 0..=1; `None` when its cost is unknown.
    pub cumulative_share: Option<f64>,
    /// Median per interaction (the lower of two middle ones), over interactions whose cost is known.
    pub p50_cost: Option<Cost>,
    /// Mean per interaction, over interactions whose cost is known, rounded half to even.
    pub mean_cost: Option<Cost>,
    /// Cached input over all input; `None` when no call logged cache reads.
    pub cache_hit_ratio: Option<f64>,
    /// What the prompt cache saved: cached tokens as uncached input, less what they cost. `None` when no cached tokens with a price were logged.
    pub saved: Option<Cost>,
    /// Some cached tokens have no known price: `saved` lacks them.
    pub saved_unknown: bool,
    /// What was spent in each step of the trend's time; empty until it is known.
    pub over_time: Vec<Option<Cost>>,
    /// Spend an hour over the trend's time; `None` until it is known, and where that is shorter than a minute.
    pub per_hour: Option<Cost>,
    /// Interactions above a multiple of the feature's usual; `None` when not asked for or not yet judged.
    pub anomalies: Option<u64>,
    /// `cost_anomaly` lines of the log itself that name this feature; `None` when not asked for or not by feature.
    pub logged_anomalies: Option<u64>,
    /// The mean of the hour up to its newest interaction is above that multiple of the feature's usual; `None` when not asked for, not by feature, or when
    /// that hour or the days before it have fewer than 20 interactions with a known cost.
    pub rising: Option<bool>,
    /// Calls without a known cost: `cost` is then a lower bound.
    pub unpriced_calls: u64,
    /// Some call's cost is a lower bound.
    pub lower_bound: bool,
}

impl CostRow {
    /// Its cost is a lower bound.
    #[must_use]
    pub const fn is_at_least(&self) -> bool {
        self.lower_bound || self.unpriced_calls > 0
    }
}

/// Spend over time, and what is out of the ordinary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trend {
    /// When its time begins; `None` when there is nothing.
    pub since: Option<Nanos>,
    /// How long a step is.
    pub step: Nanos,
    /// How many steps there are.
    pub steps: u32,
    /// A row per key, in the order of the keys, the one without last.
    pub rows: Vec<TrendRow>,
}

/// One key's spend over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrendRow {
    /// The key's value; `None` where it was not logged.
    pub key: Option<String>,
    /// Spend that is known, a step each.
    pub spent: Vec<Option<Cost>>,
    /// As in `CostRow`.
    pub anomalies: Option<u64>,
    /// As in `CostRow`.
    pub logged_anomalies: Option<u64>,
    /// As in `CostRow`.
    pub rising: Option<bool>,
}

impl Trend {
    /// Puts what it says of a key into its row of spend.
    pub fn tell(&self, row: &mut CostRow) {
        const HOUR: i128 = 3_600_000_000_000;
        const MINUTE: i128 = 60_000_000_000;
        let wanted = (row.key.is_none(), &row.key);
        let Ok(at) = self.rows.binary_search_by(|own| (own.key.is_none(), &own.key).cmp(&wanted)) else {
            return;
        };
        let own = &self.rows[at];
        row.over_time.clone_from(&own.spent);
        row.anomalies = own.anomalies;
        row.logged_anomalies = own.logged_anomalies;
        row.rising = own.rising;
        let length = i128::from(self.step) * i128::from(self.steps);
        let spent = own.spent.iter().flatten().copied().reduce(|a, b| a + b);
        row.per_hour = spent
            .filter(|_| length >= MINUTE)
            .and_then(|spent| Some(Cost(spent.0.checked_mul(HOUR)? / length)));
    }
}

/// What is dear in a feature, and what is usual there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spike {
    /// The feature.
    pub feature: Option<String>,
    /// Dear interactions of the time asked for.
    pub count: u64,
    /// When the first of them began.
    pub first: Option<Nanos>,
    /// What the newest of them was judged by; of the newest interaction where none is dear.
    pub baseline: Option<Baseline>,
    /// Interactions of the feature with a known cost.
    pub priced: u64,
    /// The mean of the last hour, where it has enough interactions, and whether that is above the multiple.
    pub hour: Option<(Cost, bool)>,
    /// Some of the dear ones, the newest first, each with the prompt of its telling call.
    pub dear: Vec<Peer>,
    /// Some that are not dear and began before the newest dear one, the newest first, with their prompts too.
    pub usual: Vec<Peer>,
    /// The models of the whole log and how many calls each answered, the most used first.
    pub models: Vec<(String, u64)>,
    /// What the log itself says: its `cost_anomaly` lines, the newest first.
    pub logged: Vec<LoggedAnomaly>,
    /// How many of those there are.
    pub logged_count: u64,
}

/// A `cost_anomaly` line of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggedAnomaly {
    /// When.
    pub at: Nanos,
    /// What it says that the request cost, as written.
    pub cost: String,
    /// What it says is usual, as written.
    pub baseline: String,
    /// How many times that it says it was, as written.
    pub ratio: String,
}

/// A system prompt and those who used it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptRow {
    /// Its name: `prompt_id` of its body.
    pub id: String,
    /// What it says.
    pub text: String,
    /// Features that use it, in the order of their names.
    pub features: Vec<String>,
    /// Start of the first interaction that used it.
    pub first: Nanos,
    /// Start of the last one.
    pub last: Nanos,
    /// Interactions.
    pub interactions: u64,
    /// Model calls in them.
    pub calls: u64,
    /// What they cost, as far as it is known.
    pub cost: Option<Cost>,
    /// Interactions with a finding.
    pub with_finding: u64,
}

/// A conversation: what all interactions of a session come to, as far as the filter lets them through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionRow {
    /// The session, as logged.
    pub session: String,
    /// Interactions.
    pub interactions: u64,
    /// Start of the first one.
    pub first: Nanos,
    /// Start of the last one.
    pub last: Nanos,
    /// The last user that was logged.
    pub user: Option<String>,
    /// Counted model calls.
    pub calls: u64,
    /// Tokens of all classes; `None` where none were logged.
    pub tokens: Option<u64>,
    /// Some interaction with calls has none logged.
    pub tokens_at_least: bool,
    /// What they cost, as far as it is known.
    pub cost: Option<Cost>,
    /// Some of it is not, or is a lower bound.
    pub cost_at_least: bool,
    /// Interactions that failed.
    pub failed: u64,
    /// Interactions with a finding.
    pub with_finding: u64,
    /// The last question; empty where none was logged.
    pub ask: String,
}

/// The session that a page goes on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCursor {
    /// Start of its last interaction.
    pub last: Nanos,
    /// The session.
    pub session: String,
}

impl SessionCursor {
    /// The cursor that stands at this row.
    #[must_use]
    pub fn at(row: &SessionRow) -> Self {
        Self {
            last: row.last,
            session: row.session.clone(),
        }
    }
}

/// An interaction that the next one of its session goes on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// The interaction.
    pub trace: TraceKey,
    /// When it began.
    pub start: Nanos,
    /// Its question; empty where none was logged.
    pub ask: String,
    /// Its last model call: the next prompt repeats the prompt and the answer of that.
    pub span: SpanKey,
    /// The records of that call: as long as they are the same, so are its contents.
    pub origins: Vec<Origin>,
}

impl Earlier {
    /// Of this interaction; `None` where its last model call has no messages.
    #[must_use]
    pub fn of(trace: &Trace) -> Option<Self> {
        let last = trace.goes_on_from()?;
        Some(Self {
            trace: trace.row.trace,
            start: trace.row.start,
            ask: trace.row.ask.clone(),
            span: last.key,
            origins: last.origins.clone(),
        })
    }
}

/// An interaction beside others of its feature, with what a comparison needs of its contents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peer {
    /// The interaction.
    pub trace: Trace,
    /// Of its spans the system prompts and the retrieved documents; in a spike also the messages of its telling call.
    pub contents: Vec<(SpanKey, Contents)>,
}

/// The interactions of one feature before a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peers {
    /// The newest first.
    pub rows: Vec<Peer>,
    /// There are older ones within the time asked for.
    pub more: bool,
    /// The median cost of all before it within the time a baseline reaches back, not of the newest alone.
    pub p50: Option<Cost>,
    /// How many of those have a known cost.
    pub priced: u32,
}

/// One source in the statistics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceStat {
    /// Its number in this store.
    pub id: u32,
    /// Its path.
    pub uri: String,
    /// Its generation.
    pub generation: u32,
    /// It is read forward only; where it is compressed, its bytes are those it expands to.
    pub ordered: bool,
    /// Bytes read.
    pub bytes: u64,
    /// Where the last line read ends.
    pub end: u64,
    /// Bytes before that which were not read.
    pub unread: u64,
    /// Lines by fate.
    pub tally: Tally,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stats {
    /// A row per source and generation.
    pub sources: Vec<SourceStat>,
    /// All of them.
    pub tally: Tally,
    /// Bytes of all of them.
    pub bytes: u64,
    /// Distinct spans.
    pub spans: u64,
    /// Interactions.
    pub interactions: u64,
}

/// What a record of a model call should say: the captures of a trace that can be debugged, and the keys by which it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capture {
    /// The exact prompt: system or messages.
    Prompt,
    /// The response.
    Response,
    /// Input and output tokens.
    Tokens,
    /// Cached tokens, apart from the others.
    CacheTokens,
    /// The model.
    Model,
    /// Temperature, limits and other parameters of the request.
    Parameters,
    /// How long it took.
    Latency,
    /// The user.
    User,
    /// The session.
    Session,
    /// The feature.
    Feature,
    /// When it was: in the record or in what is wrapped around it.
    Time,
}
names!(Capture, Prompt = 0 "prompt", Response = 1 "response", Tokens = 2 "tokens", CacheTokens = 3 "cache_tokens", Model = 4 "model",
    Parameters = 5 "parameters", Latency = 6 "latency", User = 7 "user", Session = 8 "session", Feature = 9 "feature", Time = 10 "time");

impl Capture {
    /// How many there are.
    pub const COUNT: usize = 11;
}

/// Model calls of one feature within one span of `HEALTH_STEP`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthRow {
    /// The feature; `None` where it was not logged.
    pub feature: Option<String>,
    /// When the span of time begins: a whole number of steps since 1970, UTC.
    pub from: Nanos,
    /// Model calls that began in it.
    pub calls: u64,
    /// How many of them lack each capture, in the order of `Capture::ALL`.
    pub missing: [u64; Capture::COUNT],
    /// When the first of those began.
    pub since: [Option<Nanos>; Capture::COUNT],
}

/// Health is counted in spans of ten minutes.
pub const HEALTH_STEP: Nanos = 600_000_000_000;

/// Model calls that mean the same by input, as read by one dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConventionRow {
    /// The dialect.
    pub dialect: String,
    /// What input means.
    pub convention: Convention,
    /// It was decided by arithmetic, against or without the dialect's word.
    pub by_figures: bool,
    /// The user set it for the source.
    pub by_user: bool,
    /// Records with tokens.
    pub records: u64,
}

/// Model calls, embeddings and re-rankings of one model and provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelRow {
    /// Who served it.
    pub provider: Option<String>,
    /// The model asked for.
    pub request_model: Option<String>,
    /// The model that answered.
    pub response_model: Option<String>,
    /// Calls.
    pub calls: u64,
    /// Tokens of them.
    pub usage: Usage,
    /// When the last of them began.
    pub last: Nanos,
}

/// What the log has and lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Model calls by feature and time, in that order.
    pub rows: Vec<HealthRow>,
    /// What input means, by dialect.
    pub conventions: Vec<ConventionRow>,
    /// Models with their tokens.
    pub models: Vec<ModelRow>,
    /// Contents of which only a beginning was logged, by feature.
    pub previews: Vec<(Option<String>, u64)>,
    /// Lines of all sources, by what became of them.
    pub tally: Tally,
}

/// A reject to read.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectRow {
    /// Its source's path.
    pub uri: String,
    /// Where it stands.
    pub origin: Origin,
    /// Why.
    pub reason: String,
    /// Why, at length.
    pub detail: String,
    /// The bytes kept: the whole line, or its two ends; in a list their beginning.
    pub bytes: Vec<u8>,
}

/// The store's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To `Interactions`, in the list's direction; `more` says whether rows follow in the direction of the page.
    Interactions {
        /// The rows.
        rows: Vec<Interaction>,
        /// There are more beyond.
        more: bool,
    },
    /// To `Count`.
    Count(u64),
    /// To `Find`.
    Found(Vec<(TraceKey, String)>),
    /// To `Trace`; `None` when it is not in the store.
    Trace(Option<Box<Trace>>),
    /// To `Contents`, in tree order.
    Contents(Vec<(SpanKey, Contents)>),
    /// To `Costs`.
    Costs(Box<Spend>),
    /// To `Trend`.
    Trend(Box<Trend>),
    /// To `Spike`.
    Spike(Box<Spike>),
    /// To `Baselines`.
    Baselines(BTreeMap<String, Baseline>),
    /// To `Prompts`; `more` says that there are others.
    Prompts {
        /// The prompts, the one used last first.
        rows: Vec<PromptRow>,
        /// There are more.
        more: bool,
    },
    /// To `Sessions`, in the list's direction; `more` says whether rows follow in the direction of the page.
    Sessions {
        /// The rows.
        rows: Vec<SessionRow>,
        /// There are more beyond.
        more: bool,
    },
    /// To `Earlier`; `None` where there is none, or none among the nearest.
    Earlier(Option<Box<Earlier>>),
    /// To `Timeline`.
    Timeline(Box<Timeline>),
    /// To `Peers`.
    Peers(Box<Peers>),
    /// To `Values`, each with how many interactions have it; of attributes those among the newest records.
    Values(Vec<(String, u64)>),
    /// To `Stats`.
    Stats(Box<Stats>),
    /// To `Health`.
    Health(Box<Health>),
    /// To `Rejects`, newest first; `more` says whether rows follow in the direction of the page.
    Rejects {
        /// The rows.
        rows: Vec<RejectRow>,
        /// There are more beyond.
        more: bool,
    },
    /// To `Reject`; `None` when it is not in the store.
    Reject(Option<Box<RejectRow>>),
    /// A newer question took its place.
    Interrupted,
    /// It could not be answered: shown where the answer would have been.
    Failed(String),
}

/// Pairs an answer with its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
