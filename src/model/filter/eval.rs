//! The naive evaluator: what the store's SQL is checked against. It must not be made clever.

use super::field::{ANOMALY, Content, Field, Had, Reach};
use super::{Comparison, Filter, Pattern};
use crate::model::content::prompt_id;
use crate::model::json::Json;
use crate::model::span::{Nanos, SpanKey, SpanKind, Status, TraceKey};
use crate::model::trace::{Findings, Interaction};
use crate::model::usage::Cost;

/// One span as filters see it: a row of `step`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its interaction.
    pub trace: TraceKey,
    /// When it began.
    pub start: Nanos,
    /// Its key.
    pub span: SpanKey,
    /// Its parent, where that was logged.
    pub parent: Option<SpanKey>,
    /// What kind of step it is.
    pub kind: SpanKind,
    /// Its name; empty when not logged.
    pub name: String,
    /// How it ended.
    pub status: Status,
    /// The tool it executed.
    pub tool: Option<String>,
    /// The model that answered, else the one asked for.
    pub model: Option<String>,
    /// Why the model stopped, as logged.
    pub stop: Option<String>,
    /// The temperature asked for, in millionths.
    pub temperature: Option<i64>,
    /// Nanoseconds to the first token.
    pub first_token: Option<Nanos>,
    /// Nanoseconds from its beginning to its end.
    pub took: Option<Nanos>,
    /// Input tokens of all classes; `None` where its usage repeats others'.
    pub input: Option<i64>,
    /// Output tokens.
    pub output: Option<i64>,
    /// Its own cost.
    pub cost: Option<Cost>,
    /// Tokens that the model can read.
    pub window: Option<i64>,
    /// Which slots have contents: bits of `Slot::bit`.
    pub slots: u8,
    /// What is noteworthy about it.
    pub findings: Findings,
}

/// An interaction and whatever a filter may ask of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its row.
    pub row: &'a Interaction,
    /// Its spans.
    pub steps: &'a [Step],
    /// Its prompts, answers, documents and tool payloads, each with its span.
    pub texts: &'a [(SpanKey, &'a str)],
    /// Its documents.
    pub documents: &'a [(SpanKey, &'a str)],
    /// Its system prompts.
    pub prompts: &'a [(SpanKey, &'a str)],
    /// The attributes of its records.
    pub attributes: &'a [(SpanKey, &'a Json)],
    /// It is dearer than its feature's usual by more than the multiple of the settings.
    pub anomaly: bool,
}

impl<'a> Subject<'a> {
    /// An interaction of which no more than its row is known.
    #[must_use]
    pub const fn of(row: &'a Interaction) -> Self {
        Self {
            row,
            steps: &[],
            texts: &[],
            documents: &[],
            prompts: &[],
            attributes: &[],
            anomaly: false,
        }
    }
}

impl Step {
    /// Input and output together; `None` when neither was logged.
    #[must_use]
    pub fn tokens(&self) -> Option<i64> {
        [self.input, self.output].into_iter().flatten().reduce(i64::saturating_add)
    }
}

impl Pattern {
    /// Whether the whole text fits the pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.0.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where the last star stood, and how much of the text it has swallowed so far.
        let mut star: Option<(usize, usize)> = None;
        while t < text.len() {
            if pattern.get(p) == Some(&b'*') {
                star = Some((p, t));
                p += 1;
            } else if pattern.get(p).is_some_and(|c| c.eq_ignore_ascii_case(&text[t])) {
                p += 1;
                t += 1;
            } else if let Some((at, swallowed)) = star {
                star = Some((at, swallowed + 1));
                p = at + 1;
                t = swallowed + 1;
            } else {
                return false;
            }
        }
        pattern[p..].iter().all(|c| *c == b'*')
    }

    /// It fits some part of a text.
    #[must_use]
    pub fn anywhere(&self) -> Self {
        Self(format!("*{}*", self.0))
    }

    fn fits(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| self.matches(text))
    }
}

impl Comparison {
    /// Whether `left` stands so to `right`.
    #[must_use]
    pub fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
    }
}

/// Whether `text` contains `words`, ASCII letter case apart.
fn contains(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    words.is_empty() || text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}

impl Filter {
    /// Whether an interaction passes.
    #[must_use]
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let row = subject.row;
        let some = |filter: &Self| subject.steps.iter().any(|step| filter.holds_of(step, subject));
        match self {
            Self::All => true,
            Self::And(all) => all.iter().all(|filter| filter.matches(subject)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(subject)),
            Self::Not(filter) => !filter.matches(subject),
            Self::Is(field, pattern) => match field {
                Field::Feature => pattern.fits(row.feature.as_deref()),
                Field::User => pattern.fits(row.user.as_deref()),
                Field::Session => pattern.fits(row.session.as_deref()),
                Field::Service => pattern.fits(row.service.as_deref()),
                Field::Trace => pattern.matches(&row.trace_id),
                Field::Model => row.models.iter().any(|model| pattern.matches(model)),
                Field::Status => pattern.matches(row.status.name()),
                Field::Finding if pattern.0.eq_ignore_ascii_case(ANOMALY) => subject.anomaly,
                Field::Finding => row.findings.iter().any(|kind| pattern.matches(kind.name())),
                Field::Doc | Field::Prompt => self.is_said(subject, None),
                _ => some(self),
            },
            Self::Compare(field, ..) | Self::Between(field, ..) if field.only_of_span() => some(self),
            Self::Compare(field, comparison, limit) => number(*field, row).is_some_and(|n| comparison.holds(n, *limit)),
            Self::Between(field, low, high) => number(*field, row).is_some_and(|n| (*low..=*high).contains(&n)),
            Self::Has(Had::Field(field)) => match field {
                Field::Cost | Field::Tokens | Field::Took => number(*field, row).is_some(),
                field if field.only_of_span() => some(self),
                field => Self::Is(*field, Pattern("*".to_owned())).matches(subject),
            },
            Self::Has(Had::Content(_)) => some(self),
            Self::Attribute(..) | Self::Text(_) => self.is_said(subject, None),
            Self::Some(Reach::Span, filter) => some(filter),
            Self::Some(Reach::Child | Reach::Parent, _) => some(self),
        }
    }

    /// Whether a text, document, system prompt or attribute says it: any, or one of this span.
    fn is_said(&self, subject: &Subject<'_>, span: Option<SpanKey>) -> bool {
        fn any<T>(all: &[(SpanKey, T)], span: Option<SpanKey>, says: impl Fn(&T) -> bool) -> bool {
            all.iter().any(|(own, one)| span.is_none_or(|span| span == *own) && says(one))
        }
        match self {
            Self::Is(Field::Doc, pattern) => any(subject.documents, span, |text| pattern.anywhere().matches(text)),
            Self::Is(Field::Prompt, pattern) => any(subject.prompts, span, |text| pattern.matches(&prompt_id(text))),
            Self::Attribute(key, pattern) => any(subject.attributes, span, |json| pattern.fits(attribute(json, key).as_deref())),
            Self::Text(words) => any(subject.texts, span, |text| contains(text, words)),
            _ => false,
        }
    }

    /// Whether one of the interaction's spans passes. What only a whole interaction has holds of none.
    fn holds_of(&self, step: &Step, subject: &Subject<'_>) -> bool {
        let steps = subject.steps;
        match self {
            Self::All => true,
            Self::And(all) => all.iter().all(|filter| filter.holds_of(step, subject)),
            Self::Or(any) => any.iter().any(|filter| filter.holds_of(step, subject)),
            Self::Not(filter) => !filter.holds_of(step, subject),
            Self::Is(Field::Doc | Field::Prompt, _) | Self::Attribute(..) | Self::Text(_) => self.is_said(subject, Some(step.span)),
            // Whether it is an anomaly, follows from other interactions.
            Self::Is(Field::Finding, Pattern(name)) if name.eq_ignore_ascii_case(ANOMALY) => false,
            Self::Is(Field::Finding, pattern) => step.findings.iter().any(|kind| pattern.matches(kind.name())),
            Self::Is(field, pattern) => pattern.fits(words(*field, step)),
            // How full a window is, is compared without a division.
            Self::Compare(Field::Ctx, comparison, limit) => {
                fill(step).is_some_and(|(input, window)| comparison.holds(input * 10_000, window * limit))
            }
            Self::Between(Field::Ctx, low, high) => {
                fill(step).is_some_and(|(input, window)| (window * low..=window * high).contains(&(input * 10_000)))
            }
            Self::Compare(field, comparison, limit) => step_number(*field, step).is_some_and(|n| comparison.holds(n, *limit)),
            Self::Between(field, low, high) => step_number(*field, step).is_some_and(|n| (*low..=*high).contains(&n)),
            Self::Has(Had::Field(Field::Ctx)) => fill(step).is_some(),
            Self::Has(Had::Field(Field::Finding)) => step.findings != Findings::default(),
            Self::Has(Had::Field(field)) => words(*field, step).is_some() || step_number(*field, step).is_some(),
            Self::Has(Had::Content(content)) => has(*content, step),
            Self::Some(Reach::Child, filter) => steps
                .iter()
                .any(|child| child.parent == Some(step.span) && filter.holds_of(child, subject)),
            Self::Some(Reach::Parent, filter) => steps
                .iter()
                .any(|parent| step.parent == Some(parent.span) && filter.holds_of(parent, subject)),
            Self::Some(Reach::Span, _) => false,
        }
    }
}

const fn has(content: Content, step: &Step) -> bool {
    step.slots & content.slots() != 0
}

/// Input of a call, and what its model can read.
fn fill(step: &Step) -> Option<(i128, i128)> {
    Some((i128::from(step.input?), i128::from(step.window?)))
}

/// A number of the whole interaction.
fn number(field: Field, row: &Interaction) -> Option<i128> {
    match field {
        Field::Cost => row.cost.map(|cost| cost.0),
        Field::Tokens => row.usage.total().map(i128::from),
        Field::Took => row.duration.map(i128::from),
        Field::At => Some(i128::from(row.start)),
        _ => None,
    }
}

/// A number of one span.
fn step_number(field: Field, step: &Step) -> Option<i128> {
    match field {
        Field::Cost => step.cost.map(|cost| cost.0),
        Field::Tokens => step.tokens().map(i128::from),
        Field::Took => step.took.map(i128::from),
        Field::Input => step.input.map(i128::from),
        Field::Output => step.output.map(i128::from),
        Field::Temp => step.temperature.map(i128::from),
        Field::Ttft => step.first_token.map(i128::from),
        _ => None,
    }
}

/// A text of one span.
fn words(field: Field, step: &Step) -> Option<&str> {
    match field {
        Field::Kind => Some(step.kind.name()),
        Field::Name => Some(&step.name),
        Field::Status => Some(step.status.name()),
        Field::Tool => step.tool.as_deref(),
        Field::Model => step.model.as_deref(),
        Field::Stop => step.stop.as_deref(),
        _ => None,
    }
}

/// A logged attribute: under its whole name, else at the end of the path that its dots describe. Only text, numbers and booleans are values.
fn attribute(json: &Json, key: &str) -> Option<String> {
    let value = json.value();
    let scalar = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let [whole, path] = pointers(key);
    value
        .pointer(&whole)
        .and_then(scalar)
        .or_else(|| value.pointer(&path).and_then(scalar))
}

/// JSON pointers to an attribute: its whole name as one key, and its dots as a path.
#[must_use]
pub fn pointers(key: &str) -> [String; 2] {
    let escaped = key.replace('~', "~0").replace('/', "~1");
    [format!("/{escaped}"), format!("/{}", escaped.replace('.', "/"))]
}
