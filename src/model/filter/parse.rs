//! The grammar of the filter language, by recursive descent over characters.
//!
//! `any = all {"or" all}`, `all = term {["and"] term}`, `term = "-" term | "(" [any] ")" | reach "(" [any] ")" | field operator value | text`,
//! `reach = "span" | "child" | "parent"`.
//! Every error names its column and, where something is close, what was probably meant. It must not guess silently: a misspelt field is an
//! error, never a search for its letters.

use std::fmt;

use super::{ANOMALY, Comparison, Field, Filter, Had, Pattern, Reach, Shape, Unit};
use crate::model::moment::Clock;

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
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(wrong, candidate)| *wrong <= ((candidate.chars().count() + 1) / 3).max(1) || candidate.starts_with(&word))
        .min_by_key(|(wrong, _)| *wrong)
        .map(|(_, candidate)| candidate)
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

pub(super) fn parse(text: &str, clock: &Clock) -> Result<Filter, FilterError> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
        reach: None,
        clock,
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

struct Reader<'a> {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    /// The group around what is read: it is about one span.
    reach: Option<Reach>,
    clock: &'a Clock,
}

impl Reader<'_> {
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
            Some('(') => self.group()?,
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

    /// What stands in parentheses; stands at the opening one.
    fn group(&mut self) -> Result<Filter, FilterError> {
        let start = self.at;
        self.at += 1;
        self.spaces();
        let inner = if self.peek() == Some(')') { Filter::All } else { self.any()? };
        if self.peek() != Some(')') {
            return error(start, "this `(` is never closed", None);
        }
        self.at += 1;
        Ok(inner)
    }

    /// What only a whole interaction has cannot be asked of one span.
    fn whole(&self, column: usize, what: &str) -> Result<(), FilterError> {
        match self.reach {
            None => Ok(()),
            Some(reach) => error(
                column,
                format!("{what} is asked of a whole interaction, not of one span"),
                Some(format!("put it outside of {}(…)", reach.name())),
            ),
        }
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
            if let Some(reach) = Reach::ALL.into_iter().find(|reach| reach.name().eq_ignore_ascii_case(&word))
                && self.peek() == Some('(')
            {
                return self.reaching(start, reach);
            }
            self.boundary()?;
            return Ok(Filter::Text(word));
        };
        let name: String = word.chars().take(operator_at).collect();
        let lower = name.to_ascii_lowercase();
        self.at += operator_at;
        if let Some(key) = lower
            .strip_prefix("attr.")
            .map(|_| &name["attr.".len()..])
            .filter(|key| !key.is_empty())
        {
            let (_, value) = self.value(&name)?;
            return Ok(Filter::Attribute(key.to_owned(), Pattern(value)));
        }
        match lower.as_str() {
            "has" => return self.has(),
            "since" | "until" => {
                self.whole(start, &format!("`{lower}`"))?;
                let (column, value) = self.value(&name)?;
                let comparison = if lower == "since" {
                    Comparison::GreaterOrEqual
                } else {
                    Comparison::Less
                };
                return Ok(Filter::Compare(
                    Field::At,
                    comparison,
                    self.number(Field::At, Unit::Moment, column, &value)?,
                ));
            }
            _ => {}
        }
        let Some(field) = Field::ALL.iter().copied().find(|field| field.name() == lower) else {
            return error(start, format!("unknown field `{name}`"), Some(unknown(&name, &word)));
        };
        if !field.of_span() {
            self.whole(start, &format!("`{}`", field.name()))?;
        }
        match field.shape() {
            Shape::Text => self.pattern(field),
            Shape::Number(unit) => self.comparison(field, unit),
        }
    }

    /// A group about one span; stands at its parenthesis.
    fn reaching(&mut self, start: usize, reach: Reach) -> Result<Filter, FilterError> {
        if reach == Reach::Span && self.reach.is_some() {
            return error(
                start,
                "`span(…)` stands outside of other groups",
                Some("use child(…) or parent(…) here".into()),
            );
        }
        let around = self.reach.replace(reach);
        let inner = self.group()?;
        self.reach = around;
        Ok(Filter::Some(reach, Box::new(inner)))
    }

    /// An operator that asks for equality, and a value: its column and text. Stands at the operator.
    fn value(&mut self, name: &str) -> Result<(usize, String), FilterError> {
        let operator_at = self.at;
        if matches!(self.peek(), Some('<' | '>')) {
            let hint = match name {
                "since" | "until" => format!("{name}:2h"),
                _ => format!("{name}:VALUE, with * for any characters"),
            };
            return error(operator_at, format!("`{name}` is text and cannot be compared"), Some(hint));
        }
        self.at += 1;
        let value_at = self.at;
        let value = if self.peek() == Some('"') { self.quoted()? } else { self.bare() };
        if value.is_empty() && self.chars.get(value_at) != Some(&'"') {
            let hint = match name {
                "since" | "until" => Unit::Moment.hint(name),
                "has" => "has:prompt, -has:user".to_owned(),
                _ => format!("{name}:* matches whatever was logged"),
            };
            return error(value_at, format!("`{name}` needs a value"), Some(hint));
        }
        self.boundary()?;
        Ok((value_at, value))
    }

    fn has(&mut self) -> Result<Filter, FilterError> {
        let (column, value) = self.value("has")?;
        // People say `has:document`, `has:tool_calls` finds its nearest.
        let named =
            |had: &Had| had.name().eq_ignore_ascii_case(&value) || (value.eq_ignore_ascii_case("document") && had.name() == "documents");
        let Some(had) = Had::all().find(named) else {
            let names: Vec<&str> = Had::all().map(Had::name).collect();
            let hint = match nearest(&value, names.iter().copied()) {
                Some(meant) => format!("did you mean `has:{meant}`?"),
                None => format!("has: knows {}", one_of(&names)),
            };
            return error(column, format!("nothing is called `{value}`"), Some(hint));
        };
        if !had.of_span() {
            self.whole(column, &format!("`{}`", had.name()))?;
        }
        Ok(Filter::Has(had))
    }

    /// A text field's operator and value; stands at the operator.
    fn pattern(&mut self, field: Field) -> Result<Filter, FilterError> {
        let name = field.name();
        let (value_at, value) = self.value(name)?;
        let pattern = Pattern(value);
        if field == Field::Finding && pattern.0.eq_ignore_ascii_case(ANOMALY) {
            self.whole(value_at, &format!("`{ANOMALY}`"))?;
        }
        let known = field.known();
        if !known.is_empty() && !known.iter().any(|name| pattern.matches(name)) {
            let hint = match nearest(&pattern.0, known.iter().copied()) {
                Some(meant) => format!("did you mean `{name}:{meant}`?"),
                None => format!("a {name} is {}", one_of(&known)),
            };
            return error(value_at, format!("no {name} is `{}`", pattern.0), Some(hint));
        }
        Ok(Filter::Is(field, pattern))
    }

    /// A number's operator and value; stands at the operator.
    fn comparison(&mut self, field: Field, unit: Unit) -> Result<Filter, FilterError> {
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
        let mut value_at = self.at;
        let value = if unit == Unit::Moment && self.peek() == Some('"') {
            value_at += 1;
            self.quoted()?
        } else {
            self.bare()
        };
        self.boundary()?;
        let Some((low, high)) = value.split_once("..") else {
            let number = self.number(field, unit, value_at, &value)?;
            if unit == Unit::Moment && comparison == Comparison::Equal {
                // Nobody remembers the nanosecond: what is meant is about that time.
                return Ok(Filter::Between(field, number.saturating_sub(ABOUT), number.saturating_add(ABOUT)));
            }
            return Ok(Filter::Compare(field, comparison, number));
        };
        if comparison != Comparison::Equal {
            return error(value_at, "a range follows a colon", Some(format!("{}:{value}", field.name())));
        }
        let high_at = value_at + low.chars().count() + 2;
        match (low, high) {
            ("", "") => error(value_at, "a range needs at least one end", Some(example(field, unit))),
            ("", high) => Ok(Filter::Compare(
                field,
                Comparison::LessOrEqual,
                self.number(field, unit, high_at, high)?,
            )),
            (low, "") => Ok(Filter::Compare(
                field,
                Comparison::GreaterOrEqual,
                self.number(field, unit, value_at, low)?,
            )),
            (low, high) => {
                let (from, to) = (self.number(field, unit, value_at, low)?, self.number(field, unit, high_at, high)?);
                if from > to {
                    return error(
                        value_at,
                        "the range ends before it begins",
                        Some(format!("{}:{high}..{low}", field.name())),
                    );
                }
                Ok(Filter::Between(field, from, to))
            }
        }
    }

    fn number(&self, field: Field, unit: Unit, column: usize, text: &str) -> Result<i128, FilterError> {
        let hint = Some(unit.hint(field.name()));
        if text.is_empty() {
            return error(column, format!("`{}` needs {}", field.name(), unit.noun()), hint);
        }
        unit.read(text, self.clock).or_else(|message| error(column, message, hint))
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

/// How far from a time is still about that time: 45 minutes.
const ABOUT: i128 = 45 * 60 * 1_000_000_000;

/// A range of the field.
fn example(field: Field, unit: Unit) -> String {
    let ends = match unit {
        Unit::Dollars => "0.01..0.05",
        Unit::Tokens => "2k..8k",
        Unit::Seconds => "250ms..2m",
        Unit::Plain => "0..0.2",
        Unit::Percent => "50..80",
        Unit::Moment => "14:00..15:00",
    };
    format!("{}:{ends}", field.name())
}

/// What was probably meant by a field that there is not.
fn unknown(name: &str, word: &str) -> String {
    let names = || Field::ALL.iter().map(|field| field.name()).chain(["has", "since", "until"]);
    if let Some(meant) = nearest(name, names()) {
        return format!("did you mean `{meant}`?");
    }
    let names: Vec<&str> = names().chain(["attr.KEY"]).collect();
    let list = names.join(", ");
    format!("fields are {list}; quote it to search for the text: \"{word}\"")
}
