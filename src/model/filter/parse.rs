//! The grammar of the filter language, by recursive descent over characters.
//!
//! `any = all {"or" all}`, `all = term {["and"] term}`, `term = "-" term | "(" [any] ")" | field operator value | text`.
//! Every error names its column and, where something is close, what was probably meant. It must not guess silently: a misspelt field is an
//! error, never a search for its letters.

use std::fmt;

use super::{Comparison, Field, Filter, Pattern};
use crate::model::span::Status;
use crate::model::trace::FindingKind;
use crate::model::usage::Cost;

/// Deeper nesting than this is refused, so that no input can exhaust the stack.
const DEEPEST: usize = 64;

/// Why an expression could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where, in characters from 0.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (column {})", self.message, self.column + 1)
    }
}

impl std::error::Error for FilterError {}

/// An error with or without a hint.
fn error<T>(column: usize, message: impl Into<String>, hint: Option<String>) -> Result<T, FilterError> {
    Err(FilterError {
        column,
        message: message.into(),
        hint,
    })
}

/// The candidate that a typist most likely meant: at most a third of its letters are wrong.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // Distances are quadratic, and no name is that long.
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(wrong, candidate)| *wrong <= candidate.chars().count().div_ceil(3) || candidate.starts_with(&word))
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let swap = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + swap);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Ends a word or a bare value.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '(' | ')')
}

/// Separates a field from its value.
fn is_operator(c: char) -> bool {
    matches!(c, ':' | '=' | '<' | '>')
}

/// Words with a meaning of their own.
fn is_keyword(word: &str) -> bool {
    ["or", "and", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// Can stand as text without quotes.
pub(super) fn is_word(text: &str) -> bool {
    is_value(text) && !text.contains(is_operator) && !text.starts_with('-') && !is_keyword(text)
}

/// Can stand as a value without quotes.
pub(super) fn is_value(text: &str) -> bool {
    !text.is_empty() && !text.contains(ends_value)
}

pub(super) fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    reader.spaces();
    if reader.peek().is_none() {
        return Ok(Filter::All);
    }
    let filter = reader.any()?;
    if reader.peek() == Some(')') {
        return error(reader.at, "this `)` closes nothing", None);
    }
    Ok(filter)
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    /// The bare word that stands here, not consumed.
    fn word(&self) -> String {
        self.chars[self.at..].iter().take_while(|c| !ends_value(**c)).collect()
    }

    /// Consumes a keyword that stands here.
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(keyword);
        if found {
            self.at += keyword.len();
            self.spaces();
        }
        found
    }

    fn any(&mut self) -> Result<Filter, FilterError> {
        let mut list = vec![self.all()?];
        while self.keyword("or") {
            list.push(self.all()?);
        }
        Ok(Filter::any_of(list))
    }

    fn all(&mut self) -> Result<Filter, FilterError> {
        let mut list = vec![self.term()?];
        loop {
            let explicit = self.keyword("and");
            let ended = self.peek().is_none_or(|c| c == ')') || self.word().eq_ignore_ascii_case("or");
            if ended && !explicit {
                return Ok(Filter::all_of(list));
            }
            list.push(self.term()?);
        }
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        let start = self.at;
        if self.depth >= DEEPEST {
            return error(start, format!("nested more than {DEEPEST} deep"), None);
        }
        self.depth += 1;
        let filter = match self.peek() {
            None => return error(start, "something is missing here", None),
            Some(')') => return error(start, "something is missing before this `)`", None),
            Some('(') => {
                self.at += 1;
                self.spaces();
                let inner = if self.peek() == Some(')') { Filter::All } else { self.any()? };
                if self.peek() != Some(')') {
                    return error(start, "this `(` is never closed", None);
                }
                self.at += 1;
                inner
            }
            Some('-') => {
                self.at += 1;
                if self.peek().is_none_or(|c| c.is_whitespace() || c == ')') {
                    return error(
                        start,
                        "`-` needs the term it negates right behind it",
                        Some("quote it to search for a dash: \"-\"".into()),
                    );
                }
                Filter::Not(Box::new(self.term()?))
            }
            Some('"') => {
                let words = self.quoted()?;
                self.boundary()?;
                Filter::Text(words)
            }
            Some(_) => self.field_or_text()?,
        };
        self.depth -= 1;
        self.spaces();
        Ok(filter)
    }

    /// Text in quotes; stands at the opening one.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        let mut text = String::new();
        self.at += 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match (c, self.peek()) {
                ('"', _) => return Ok(text),
                ('\\', Some(escaped @ ('"' | '\\'))) => {
                    self.at += 1;
                    text.push(escaped);
                }
                _ => text.push(c),
            }
        }
        error(start, "this quote is never closed", None)
    }

    /// A term ends here, or the reader was misled by a quote in the middle.
    fn boundary(&self) -> Result<(), FilterError> {
        match self.peek() {
            Some(c) if !c.is_whitespace() && !matches!(c, '(' | ')') => error(
                self.at,
                "a space is missing here",
                Some("put the whole text in quotes; a quote inside is written \\\"".into()),
            ),
            _ => Ok(()),
        }
    }

    fn field_or_text(&mut self) -> Result<Filter, FilterError> {
        let start = self.at;
        let word = self.word();
        let Some(operator_at) = word.chars().position(is_operator) else {
            if word.eq_ignore_ascii_case("not") {
                return error(
                    start,
                    "`not` is written `-`",
                    Some("-feature:billing; quote it to search for the word: \"not\"".into()),
                );
            }
            if is_keyword(&word) {
                return error(
                    start,
                    format!("`{word}` stands between two terms"),
                    Some(format!("quote it to search for the word: \"{word}\"")),
                );
            }
            self.at += word.chars().count();
            self.boundary()?;
            return Ok(Filter::Text(word));
        };
        let name: String = word.chars().take(operator_at).collect();
        let Some(field) = Field::ALL.iter().copied().find(|field| field.name().eq_ignore_ascii_case(&name)) else {
            let hint = match nearest(&name, Field::ALL.iter().map(|field| field.name())) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "fields are feature, user, session, model, status, finding and cost; quote it to search for the text: \"{word}\""
                ),
            };
            return error(start, format!("unknown field `{name}`"), Some(hint));
        };
        self.at += operator_at;
        if field == Field::Cost { self.cost() } else { self.pattern(field) }
    }

    /// A text field's operator and value; stands at the operator.
    fn pattern(&mut self, field: Field) -> Result<Filter, FilterError> {
        let name = field.name();
        let operator_at = self.at;
        if matches!(self.peek(), Some('<' | '>')) {
            return error(
                operator_at,
                format!("`{name}` is text and cannot be compared"),
                Some(format!("{name}:VALUE, with * for any characters")),
            );
        }
        self.at += 1;
        let value_at = self.at;
        let value = if self.peek() == Some('"') { self.quoted()? } else { self.bare() };
        if value.is_empty() && self.chars.get(value_at) != Some(&'"') {
            return error(
                value_at,
                format!("`{name}` needs a value"),
                Some(format!("{name}:* matches whatever was logged")),
            );
        }
        self.boundary()?;
        let pattern = Pattern(value);
        let known: Vec<&str> = match field {
            Field::Status => Status::ALL.iter().map(|status| status.name()).collect(),
            Field::Finding => FindingKind::ALL.iter().map(|kind| kind.name()).collect(),
            Field::Feature | Field::User | Field::Session | Field::Model | Field::Cost => Vec::new(),
        };
        if !known.is_empty() && !known.iter().any(|name| pattern.matches(name)) {
            let hint = match nearest(&pattern.0, known.iter().copied()) {
                Some(meant) => format!("did you mean `{name}:{meant}`?"),
                None => format!("a {name} is {}", one_of(&known)),
            };
            return error(value_at, format!("no {name} is `{}`", pattern.0), Some(hint));
        }
        Ok(Filter::Is(field, pattern))
    }

    /// The cost's operator and value; stands at the operator.
    fn cost(&mut self) -> Result<Filter, FilterError> {
        let operator = self.peek();
        self.at += 1;
        let or_equal = matches!(operator, Some('<' | '>')) && self.peek() == Some('=');
        self.at += usize::from(or_equal);
        let comparison = match (operator, or_equal) {
            (Some('<'), false) => Comparison::Less,
            (Some('<'), true) => Comparison::LessOrEqual,
            (Some('>'), false) => Comparison::Greater,
            (Some('>'), true) => Comparison::GreaterOrEqual,
            _ => Comparison::Equal,
        };
        let value_at = self.at;
        let value = self.bare();
        self.boundary()?;
        let Some((low, high)) = value.split_once("..") else {
            return Ok(Filter::Compare(Field::Cost, comparison, dollars(value_at, &value)?));
        };
        if comparison != Comparison::Equal {
            return error(value_at, "a range follows a colon", Some(format!("cost:{value}")));
        }
        let high_at = value_at + low.chars().count() + 2;
        match (low, high) {
            ("", "") => error(value_at, "a range needs at least one end", Some("cost:0.01..0.05".into())),
            ("", high) => Ok(Filter::Compare(Field::Cost, Comparison::LessOrEqual, dollars(high_at, high)?)),
            (low, "") => Ok(Filter::Compare(Field::Cost, Comparison::GreaterOrEqual, dollars(value_at, low)?)),
            (low, high) => {
                let (from, to) = (dollars(value_at, low)?, dollars(high_at, high)?);
                if from > to {
                    return error(value_at, "the range ends before it begins", Some(format!("cost:{high}..{low}")));
                }
                Ok(Filter::Between(Field::Cost, from, to))
            }
        }
    }

    /// Consumes a bare value; it may be empty.
    fn bare(&mut self) -> String {
        let word = self.word();
        self.at += word.chars().count();
        word
    }
}

/// `a, b or c`.
fn one_of(names: &[&str]) -> String {
    match names {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        names => names.join(", "),
    }
}

/// An amount in dollars, exactly.
fn dollars(column: usize, text: &str) -> Result<Cost, FilterError> {
    let hint = || Some("dollars, such as cost>0.05 or cost:0.01..0.05".to_owned());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = unsigned.strip_prefix('$').unwrap_or(unsigned);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = part.trim_end_matches('0');
    let numeric = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(part) || !digits.bytes().any(|b| b.is_ascii_digit()) {
        let message = if text.is_empty() {
            "`cost` needs an amount".to_owned()
        } else {
            format!("`{text}` is not an amount")
        };
        return error(column, message, hint());
    }
    if part.len() > 12 {
        return error(column, "costs are kept to 12 decimals", hint());
    }
    match format!("{whole}{part:0<12}").parse::<i128>() {
        Ok(pico) => Ok(Cost(if unsigned.len() < text.len() { -pico } else { pico })),
        Err(_) => error(column, "this amount is too large", hint()),
    }
}
