//! The filter language: `feature:billing -user:u_1* cost>0.05 "cancellation policy"`.

use super::usage::Cost;

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
