//! The filter language: `feature:billing -user:u_1* cost>0.05 "cancellation policy"`.
//!
//! Terms beside each other must all hold; `or`, parentheses and `-` (not) do the rest. A bare word or quoted text is searched for in prompts,
//! answers, documents and tool payloads. Inside quotes `\"` is a quote and `\\` a backslash; `*` stands for any characters, quoted or not, so
//! `feature:*` is "logged" and `-feature:*` "not logged", as are `has:feature` and `-has:feature`.
//!
//! A field of a step (`kind:tool`, `input>8000`) means "some span of the interaction". `span(kind:tool took>5s)` asks several things of one
//! and the same span, `child(…)` and `parent(…)` reach from a span to those below and above it. Text, documents and attributes inside of a
//! group are those that the span itself logged.

mod eval;
mod field;
mod number;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;

use super::moment::Clock;

pub use eval::{Step, Subject, pointers};
pub use field::{ANOMALY, Content, Field, Had, Reach, Shape};
pub use number::Unit;
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
    /// A number compares, in the unit of its field: `cost>0.05`. Never true where it is unknown.
    Compare(Field, Comparison, i128),
    /// A number lies between two, both included: `cost:0.01..0.05`.
    Between(Field, i128, i128),
    /// It was logged: `has:prompt`.
    Has(Had),
    /// A logged attribute matches a pattern: `attr.http.route:/chat`.
    Attribute(String, Pattern),
    /// All of this holds of one span: `child(kind:tool status:error)`.
    Some(Reach, Box<Filter>),
    /// Some prompt, answer, document or tool payload contains this text, letter case apart.
    Text(String),
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
}

impl Filter {
    /// Reads an expression as of now. Empty text is `All`.
    pub fn parse(text: &str, clock: &Clock) -> Result<Self, FilterError> {
        parse::parse(text, clock)
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
            Self::Compare(field, comparison, n) => write!(f, "{}{}{}", field.name(), comparison.symbol(), printed(*field, *n)),
            Self::Between(field, low, high) => write!(f, "{}:{}..{}", field.name(), printed(*field, *low), printed(*field, *high)),
            Self::Has(had) => write!(f, "has:{}", had.name()),
            Self::Attribute(key, Pattern(text)) => write!(f, "attr.{key}:{}", Value(text)),
            Self::Some(reach, filter) => write!(f, "{}({filter})", reach.name()),
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

/// A number in the unit of its field.
fn printed(field: Field, number: i128) -> String {
    match field.shape() {
        Shape::Number(unit) => unit.print(number),
        // Text is never compared.
        Shape::Text => number.to_string(),
    }
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
