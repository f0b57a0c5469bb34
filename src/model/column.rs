//! The columns of a list of interactions: what is shown, and what it can be sorted by.

use super::span::names;
use super::trace::{FindingKind, Interaction};

/// A column of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// When it began.
    #[default]
    Time,
    /// The endpoint or use case.
    Feature,
    /// The user.
    User,
    /// The question and the beginning of the answer; sorted by the question.
    Ask,
    /// Its models, in order of first use.
    Model,
    /// Tokens of all classes.
    Tokens,
    /// What it cost.
    Cost,
    /// How long it took.
    Took,
    /// Findings.
    Flags,
    /// The conversation.
    Session,
    /// The service that wrote the log.
    Service,
    /// The root's name.
    Name,
    /// Ok, failed or not said.
    Status,
    /// Spans.
    Spans,
    /// Model calls.
    Calls,
    /// Tool executions.
    Tools,
    /// Retrievals.
    Searches,
}
names!(Column, Time = 0 "time", Feature = 1 "feature", User = 2 "user", Ask = 3 "ask", Model = 4 "model", Tokens = 5 "tokens", Cost = 6 "cost",
    Took = 7 "took", Flags = 8 "flags", Session = 9 "session", Service = 10 "service", Name = 11 "name", Status = 12 "status", Spans = 13 "spans",
    Calls = 14 "calls", Tools = 15 "tools", Searches = 16 "searches");

/// What a row is sorted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// A number.
    Number(i128),
    /// Text, by its bytes.
    Text(String),
}

impl Column {
    /// Its values are numbers: they stand on the right, and the largest come first.
    #[must_use]
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Tokens | Self::Cost | Self::Took | Self::Spans | Self::Calls | Self::Tools | Self::Searches
        )
    }

    /// Its values are texts, of which many rows may have the same.
    #[must_use]
    pub const fn is_text(self) -> bool {
        !self.is_number() && !matches!(self, Self::Time)
    }

    /// What this interaction is sorted by; `None` where it is not known.
    #[must_use]
    pub fn value(self, row: &Interaction) -> Option<SortValue> {
        let number = |number: i128| Some(SortValue::Number(number));
        let text = |text: &str| (!text.is_empty()).then(|| SortValue::Text(text.to_owned()));
        // Lists are compared as the JSON they are kept as.
        let list = |list: Vec<&str>| serde_json::to_string(&list).ok().filter(|_| !list.is_empty()).map(SortValue::Text);
        match self {
            Self::Time => number(i128::from(row.start)),
            Self::Cost => row.cost.and_then(|cost| number(cost.0)),
            Self::Tokens => row.usage.total().and_then(|tokens| number(i128::from(tokens))),
            Self::Took => row.duration.and_then(|took| number(i128::from(took))),
            Self::Spans => number(i128::from(row.spans)),
            Self::Calls => number(i128::from(row.llm_calls)),
            Self::Tools => number(i128::from(row.tool_calls)),
            Self::Searches => number(i128::from(row.retrievals)),
            Self::Feature => row.feature.clone().map(SortValue::Text),
            Self::User => row.user.clone().map(SortValue::Text),
            Self::Session => row.session.clone().map(SortValue::Text),
            Self::Service => row.service.clone().map(SortValue::Text),
            Self::Ask => text(&row.ask),
            Self::Name => text(&row.name),
            Self::Status => text(row.status.name()),
            Self::Model => list(row.models.iter().map(String::as_str).collect()),
            Self::Flags => list(row.findings.iter().map(FindingKind::name).collect()),
        }
    }
}
