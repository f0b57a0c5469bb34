//! The filter language: `feature:billing -user:u_1* cost>0.05 "cancellation policy"`.
//!
//! Terms beside each other must all hold; `or`, parentheses and `-` (not) do the rest. Fields are `feature user session model status finding cost`;
//! a bare word or quoted text is searched for in prompts, answers, documents and tool payloads. Inside quotes `\"` is a quote and `\\` a
//! backslash; `*` stands for any characters, quoted or not, so `feature:*` is "logged" and `-feature:*` "not logged".
//!
//! The evaluator here is deliberately naive: it is what the store's SQL is checked against. It must not be made clever.

mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use super::trace::Interaction;
use super::usage::Cost;

pub use parse::{FilterError, nearest};

/// A predicate over interactions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// All of them; two or more.
    And(Vec<Filter>),
    /// Any of them; two or more.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A field matches a pattern: `user:u_1*`. Never true where the field was not logged.
    Is(Field, Pattern),
    /// A number compares: `cost>0.05`. Never true where it is unknown.
    Compare(Field, Comparison, Cost),
    /// A number lies between two, both included: `cost:0.01..0.05`.
    Between(Field, Cost, Cost),
    /// Some prompt, answer, document or tool payload of the interaction contains this text, letter case apart.
    Text(String),
}

/// A field of the filter language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `feature:`
    Feature,
    /// `user:`
    User,
    /// `session:`
    Session,
    /// `model:` any of the interaction's models.
    Model,
    /// `status:` ok, error or unset.
    Status,
    /// `finding:` any of the interaction's findings: `finding:truncated`, `finding:*`.
    Finding,
    /// `cost` in dollars.
    Cost,
}

/// Text in which `*` stands for any characters. ASCII letter case does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

/// How numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=` or `:`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

impl Field {
    /// Every field, in the order the help lists them.
    pub const ALL: &'static [Self] = &[
        Self::Feature,
        Self::User,
        Self::Session,
        Self::Model,
        Self::Status,
        Self::Finding,
        Self::Cost,
    ];

    /// The word before the colon.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Feature => "feature",
            Self::User => "user",
            Self::Session => "session",
            Self::Model => "model",
            Self::Status => "status",
            Self::Finding => "finding",
            Self::Cost => "cost",
        }
    }
}

impl Comparison {
    /// As it is written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal => "=",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }

    /// Whether `left` stands so to `right`.
    #[must_use]
    pub fn holds(self, left: Cost, right: Cost) -> bool {
        match self {
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Equal => left == right,
            Self::GreaterOrEqual => left >= right,
            Self::Greater => left > right,
        }
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
}

/// Whether `text` contains `words`, ASCII letter case apart.
fn contains(text: &str, words: &str) -> bool {
    let (text, words) = (text.as_bytes(), words.as_bytes());
    words.is_empty() || text.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}

impl Filter {
    /// Reads an expression. Empty text is `All`.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parse::parse(text)
    }

    /// Whether an interaction passes. `texts` are its prompts, answers, documents and tool payloads.
    #[must_use]
    pub fn matches(&self, row: &Interaction, texts: &[&str]) -> bool {
        let is = |value: &Option<String>, pattern: &Pattern| value.as_deref().is_some_and(|text| pattern.matches(text));
        match self {
            Self::All => true,
            Self::And(all) => all.iter().all(|filter| filter.matches(row, texts)),
            Self::Or(any) => any.iter().any(|filter| filter.matches(row, texts)),
            Self::Not(filter) => !filter.matches(row, texts),
            Self::Is(field, pattern) => match field {
                Field::Feature => is(&row.feature, pattern),
                Field::User => is(&row.user, pattern),
                Field::Session => is(&row.session, pattern),
                Field::Model => row.models.iter().any(|model| pattern.matches(model)),
                Field::Status => pattern.matches(row.status.name()),
                Field::Finding => row.findings.iter().any(|kind| pattern.matches(kind.name())),
                Field::Cost => false,
            },
            Self::Compare(Field::Cost, comparison, limit) => row.cost.is_some_and(|cost| comparison.holds(cost, *limit)),
            Self::Between(Field::Cost, low, high) => row.cost.is_some_and(|cost| (*low..=*high).contains(&cost)),
            // The grammar compares nothing but the cost.
            Self::Compare(..) | Self::Between(..) => false,
            Self::Text(words) => texts.iter().any(|text| contains(text, words)),
        }
    }

    /// Both must hold. `All` adds nothing, neither does what is asked already, and lists are not nested.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let asked = match &self {
            Self::And(list) => list.contains(&other),
            one => *one == other,
        };
        if asked { self } else { Self::all_of(vec![self, other]) }
    }

    /// It lets everything pass.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// All of them, in normal form: no nested lists, none of fewer than two, no `All`.
    fn all_of(filters: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::All => {}
                Self::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Self::All,
            1 => flat.remove(0),
            _ => Self::And(flat),
        }
    }

    /// Any of them, in normal form: no nested lists, none of fewer than two.
    fn any_of(filters: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Self::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.len() == 1 { flat.remove(0) } else { Self::Or(flat) }
    }

    /// Prints it; `nested` where a list needs its parentheses.
    fn print(&self, f: &mut fmt::Formatter<'_>, nested: bool) -> fmt::Result {
        match self {
            Self::All if nested => f.write_str("()"),
            Self::All => Ok(()),
            Self::And(_) | Self::Or(_) if nested => write!(f, "({self})"),
            Self::And(list) => join(f, list, " ", |_| true),
            Self::Or(list) => join(f, list, " or ", |filter| !matches!(filter, Self::And(_))),
            Self::Not(filter) => {
                f.write_str("-")?;
                filter.print(f, true)
            }
            Self::Is(field, Pattern(text)) => write!(f, "{}:{}", field.name(), Value(text)),
            Self::Compare(field, comparison, cost) => write!(f, "{}{}{}", field.name(), comparison.symbol(), cost.decimal()),
            Self::Between(field, low, high) => write!(f, "{}:{}..{}", field.name(), low.decimal(), high.decimal()),
            Self::Text(words) if parse::is_word(words) => f.write_str(words),
            Self::Text(words) => quote(f, words),
        }
    }
}

/// Prints a list; `nest` says which of its members go into parentheses when they are lists themselves.
fn join(f: &mut fmt::Formatter<'_>, list: &[Filter], between: &str, nest: fn(&Filter) -> bool) -> fmt::Result {
    for (i, filter) in list.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        filter.print(f, nest(filter))?;
    }
    Ok(())
}

/// A field's value, in quotes where it needs them.
struct Value<'a>(&'a str);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if parse::is_value(self.0) {
            f.write_str(self.0)
        } else {
            quote(f, self.0)
        }
    }
}

/// Text in quotes.
fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The expression, such that `parse` reads the same filter again.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(f, false)
    }
}
