//! `Filter` → SQL with bound parameters: the only place where one becomes the other. Its oracle is `Filter::matches`.
//!
//! Letter case is ignored in ASCII alone. `lower` of the engine folds all of Unicode: as a first, fast condition it can only let too
//! much through, and the exact one behind it looks at what is left. A NULL is "does not match", so every condition is made two-valued.
//!
//! What a filter asks of some span is answered by the interaction's own row (`shape`), and span by span only inside of groups.

use super::changes::Times;
use super::intake::DOCUMENT;
use super::rows::Bind;
use super::shape::{EXTREMES, OF_SHAPE, key};
use super::told;
use crate::model::filter::{ANOMALY, Comparison, Field, Filter, Had, Pattern, Reach, Shape, pointers};
use crate::model::query::Window;
use crate::model::trace::{FindingKind, Findings};

/// A condition over `interaction` and its values in order.
#[derive(Default)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
    /// All spans of the interactions in question begin within this time.
    spans: Option<Times>,
}

impl Condition {
    /// What both the filter and the window let through.
    pub(super) fn new(filter: &Filter, window: Window) -> Self {
        Self::within(filter, window, None)
    }

    /// As `new`, where all spans of the interactions in the window are known to begin within a time.
    pub(super) fn within(filter: &Filter, window: Window, spans: Option<Times>) -> Self {
        let mut condition = Self { spans, ..Self::default() };
        condition.filter(filter);
        if let Some(since) = window.since {
            condition.sql.push_str(" AND start >= ?");
            condition.bind(since);
        }
        if let Some(until) = window.until {
            condition.sql.push_str(" AND start < ?");
            condition.bind(until);
        }
        condition
    }

    pub(super) fn bind(&mut self, value: impl duckdb::types::ToSql + 'static) {
        self.binds.push(Box::new(value));
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All => self.sql.push_str("true"),
            Filter::And(all) => self.list(all, " AND ", "true"),
            Filter::Or(any) => self.list(any, " OR ", "false"),
            Filter::Not(inner) => {
                self.sql.push_str("NOT (");
                self.filter(inner);
                self.sql.push(')');
            }
            Filter::Is(field, pattern) => self.is(*field, pattern),
            Filter::Compare(field, comparison, n) if field.only_of_span() => self.extreme(*field, *comparison, *n),
            Filter::Between(field, low, high) if field.only_of_span() => self.range(filter, *field, *low, *high),
            Filter::Compare(field, comparison, n) => self.number(whole(*field), &[(*comparison, *n)]),
            Filter::Between(field, low, high) => self.number(whole(*field), &between(*low, *high)),
            Filter::Has(Had::Field(field)) => match field {
                Field::Cost | Field::Tokens | Field::Took => self.sql.push_str(&format!("({} IS NOT NULL)", whole(*field))),
                field => match extremes(*field) {
                    Some([least, _]) => self.sql.push_str(&format!("({least} IS NOT NULL)")),
                    None => self.is(*field, &Pattern("*".to_owned())),
                },
            },
            Filter::Has(Had::Content(content)) => self.sql.push_str(&format!("(coalesce(slots, 0) & {} <> 0)", content.slots())),
            Filter::Some(Reach::Child | Reach::Parent, _) => self.some(filter),
            Filter::Some(Reach::Span, inner) => self.some(inner),
            Filter::Attribute(key, pattern) => {
                self.sql.push_str("trace IN (SELECT trace FROM (");
                self.attribute(key, pattern);
                self.sql.push_str("))");
            }
            Filter::Text(_) => self.said(filter),
        }
    }

    /// Some content says it.
    fn said(&mut self, filter: &Filter) {
        self.sql.push_str("trace IN (SELECT u.trace FROM \"use\" u WHERE u.content IN (");
        self.contents(filter);
        self.sql.push_str("))");
    }

    /// Which contents say it, of a text, document or system prompt: a query of their ids.
    pub(super) fn contents(&mut self, filter: &Filter) {
        match filter {
            Filter::Text(words) => {
                let words = words.to_ascii_lowercase();
                self.said_by(include_str!("sql/filter_text.sql"), "contains({}, ?)", "body", &words);
                self.bind(words.clone());
                self.bind(words);
            }
            Filter::Is(Field::Doc, pattern) => {
                let words = like(&pattern.anywhere().0.to_ascii_lowercase());
                self.said_by(include_str!("sql/filter_document.sql"), LIKE, "body", &words);
                self.bind(DOCUMENT);
                self.bind(words.clone());
                self.bind(words);
            }
            Filter::Is(Field::Prompt, pattern) => {
                self.sql.push_str(include_str!("sql/filter_prompt.sql"));
                self.bind(like(&pattern.0.to_ascii_lowercase()));
            }
            _ => self.sql.push_str("SELECT id FROM content WHERE false"),
        }
    }

    /// Some span of the interaction passes.
    fn some(&mut self, filter: &Filter) {
        self.sql.push_str("trace IN (SELECT trace FROM step AS s0 WHERE ");
        self.in_time(0);
        self.span(filter, 0);
        self.sql.push(')');
    }

    /// Where it is known when they begin, other spans need not be looked at.
    fn in_time(&mut self, depth: usize) {
        if let Some((first, last)) = self.spans {
            self.sql.push_str(&format!("s{depth}.start BETWEEN ? AND ? AND "));
            self.bind(first);
            self.bind(last);
        }
    }

    /// A condition over the span of `step AS s{depth}`; groups inside it are about `s{depth + 1}`. What only a whole interaction has holds of none.
    fn span(&mut self, filter: &Filter, depth: usize) {
        let column = |field: Field| format!("s{depth}.{}", of_step(field));
        match filter {
            Filter::All => self.sql.push_str("true"),
            Filter::And(all) => self.span_list(all, " AND ", "true", depth),
            Filter::Or(any) => self.span_list(any, " OR ", "false", depth),
            Filter::Not(inner) => {
                self.sql.push_str("NOT (");
                self.span(inner, depth);
                self.sql.push(')');
            }
            Filter::Text(_) | Filter::Attribute(..) | Filter::Is(Field::Doc | Field::Prompt, _) => {
                self.sql
                    .push_str(&format!("s{depth}.span IN (SELECT span FROM temp.{})", told::table(filter)));
            }
            Filter::Is(Field::Finding, Pattern(name)) if name.eq_ignore_ascii_case(ANOMALY) => self.sql.push_str("false"),
            Filter::Is(Field::Finding, pattern) => self.found(depth, meant(pattern).collect()),
            Filter::Has(Had::Field(Field::Finding)) => self.found(depth, FindingKind::ALL.iter().copied().collect()),
            Filter::Is(field, pattern) if field.of_span() && field.shape() == Shape::Text => self.pattern(&column(*field), pattern),
            Filter::Compare(Field::Ctx, comparison, limit) => self.fill(depth, &[(*comparison, *limit)]),
            Filter::Between(Field::Ctx, low, high) => self.fill(depth, &between(*low, *high)),
            Filter::Compare(field, comparison, n) if field.of_span() => self.number(&column(*field), &[(*comparison, *n)]),
            Filter::Between(field, low, high) if field.of_span() => self.number(&column(*field), &between(*low, *high)),
            Filter::Has(Had::Field(Field::Ctx)) => {
                self.sql
                    .push_str(&format!("(s{depth}.input IS NOT NULL AND s{depth}.context_window IS NOT NULL)"));
            }
            Filter::Has(Had::Field(field)) if field.of_span() => self.sql.push_str(&format!("({} IS NOT NULL)", column(*field))),
            Filter::Has(Had::Content(content)) => self.sql.push_str(&format!("(s{depth}.slots & {} <> 0)", content.slots())),
            Filter::Some(reach @ (Reach::Child | Reach::Parent), inner) => {
                let other = depth + 1;
                let (mine, theirs) = if *reach == Reach::Child {
                    ("span", "parent")
                } else {
                    ("parent", "span")
                };
                self.sql.push_str(&format!(
                    "(s{depth}.{mine} IS NOT NULL AND s{depth}.{mine} IN (SELECT s{other}.{theirs} FROM step AS s{other} \
                     WHERE s{other}.{theirs} IS NOT NULL AND "
                ));
                self.in_time(other);
                self.span(inner, other);
                self.sql.push_str("))");
            }
            Filter::Is(..) | Filter::Compare(..) | Filter::Between(..) | Filter::Has(_) | Filter::Some(Reach::Span, _) => {
                self.sql.push_str("false");
            }
        }
    }

    fn span_list(&mut self, filters: &[Filter], between: &str, empty: &str, depth: usize) {
        if filters.is_empty() {
            self.sql.push_str(empty);
            return;
        }
        for (index, filter) in filters.iter().enumerate() {
            self.sql.push_str(if index == 0 { "(" } else { between });
            self.span(filter, depth);
        }
        self.sql.push(')');
    }

    /// A number of some span that stands so to this one: the least or the most does.
    fn extreme(&mut self, field: Field, comparison: Comparison, n: i128) {
        let Some([least, most]) = extremes(field) else {
            self.sql.push_str("false");
            return;
        };
        match comparison {
            Comparison::Less | Comparison::LessOrEqual => self.number(&least, &[(comparison, scaled(field, n))]),
            Comparison::Greater | Comparison::GreaterOrEqual => self.number(&most, &[(comparison, scaled(field, n))]),
            Comparison::Equal => self.range(&Filter::Compare(field, comparison, n), field, n, n),
        }
    }

    /// A number of some span within a range: the least or the most is; or it lies between those, which only the spans can tell.
    fn range(&mut self, filter: &Filter, field: Field, low: i128, high: i128) {
        let Some([least, most]) = extremes(field) else {
            self.sql.push_str("false");
            return;
        };
        let (low, high) = (scaled(field, low), scaled(field, high));
        self.sql.push('(');
        self.number(&most, &[(Comparison::GreaterOrEqual, low)]);
        self.sql.push_str(" AND ");
        self.number(&least, &[(Comparison::LessOrEqual, high)]);
        self.sql.push_str(" AND (");
        self.number(&least, &[(Comparison::GreaterOrEqual, low)]);
        self.sql.push_str(" OR ");
        self.number(&most, &[(Comparison::LessOrEqual, high)]);
        self.sql.push_str(" OR ");
        self.some(filter);
        self.sql.push_str("))");
    }

    /// A column that is known and stands so to all of these.
    fn number(&mut self, column: &str, limits: &[(Comparison, i128)]) {
        self.sql.push_str(&format!("({column} IS NOT NULL"));
        for (comparison, n) in limits {
            self.sql.push_str(&format!(" AND {column} {} ?", comparison.symbol()));
            // No wider than the column, where it can be: only then zone maps help.
            match i64::try_from(*n) {
                Ok(n) => self.bind(n),
                Err(_) => self.bind(*n),
            }
        }
        self.sql.push(')');
    }

    /// The span has some of these findings.
    fn found(&mut self, depth: usize, kinds: Findings) {
        self.sql.push_str(&format!("(coalesce(s{depth}.findings, 0) & ? <> 0)"));
        self.bind(kinds.0);
    }

    /// As `number`, of the input in hundredths of a percent of the window, without a division.
    fn fill(&mut self, depth: usize, limits: &[(Comparison, i128)]) {
        let (input, window) = (format!("s{depth}.input"), format!("s{depth}.context_window"));
        self.sql.push_str(&format!("({input} IS NOT NULL AND {window} IS NOT NULL"));
        for (comparison, n) in limits {
            self.sql.push_str(&format!(
                " AND {input}::HUGEINT * 10000 {} {window}::HUGEINT * ?",
                comparison.symbol()
            ));
            self.bind(*n);
        }
        self.sql.push(')');
    }

    /// Which records have an attribute, under its whole name, else at the end of the path that its dots describe: a query of their traces and
    /// span ids.
    pub(super) fn attribute(&mut self, key: &str, pattern: &Pattern) {
        let words = like(&pattern.0.to_ascii_lowercase());
        let [whole, path] = pointers(key);
        // Its last word is somewhere in the text, spelled as JSON does: most records are ruled out by that.
        let last = key.rsplit('.').next().unwrap_or(key);
        let plain = last.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        self.said_by(include_str!("sql/filter_attribute.sql"), LIKE, "value", &words);
        for pointer in [&whole, &whole, &path, &path] {
            self.bind(pointer.clone());
        }
        self.bind(if plain { last.to_owned() } else { String::new() });
        self.bind(words.clone());
        self.bind(words);
    }

    fn list(&mut self, filters: &[Filter], between: &str, empty: &str) {
        if filters.is_empty() {
            self.sql.push_str(empty);
            return;
        }
        for (index, filter) in filters.iter().enumerate() {
            self.sql.push_str(if index == 0 { "(" } else { between });
            self.filter(filter);
        }
        self.sql.push(')');
    }

    fn is(&mut self, field: Field, pattern: &Pattern) {
        let column = match field {
            Field::Feature => "feature",
            Field::User => "user_id",
            Field::Session => "session",
            Field::Service => "service",
            Field::Trace => "trace_id",
            Field::Status => "status",
            Field::Finding => {
                self.finding(pattern);
                return;
            }
            Field::Doc | Field::Prompt => {
                self.said(&Filter::Is(field, pattern.clone()));
                return;
            }
            field if OF_SHAPE.contains(&field) => {
                self.sql.push_str(&format!(
                    "(shape IS NOT NULL AND shape IN (SELECT id FROM shape WHERE field = '{}' AND ",
                    field.name()
                ));
                self.pattern("value", pattern);
                self.sql.push_str("))");
                return;
            }
            // The grammar compares numbers.
            _ => {
                self.sql.push_str("false");
                return;
            }
        };
        let numbered = match field {
            Field::User => Some("user_key"),
            Field::Session => Some("session_key"),
            _ => None,
        };
        match numbered.filter(|_| !pattern.0.contains('*')) {
            // A row of an older store has no number yet.
            Some(number) => {
                self.sql.push_str(&format!("(({number} = ? OR {number} IS NULL) AND "));
                self.bind(key(&pattern.0));
                self.pattern(column, pattern);
                self.sql.push(')');
            }
            None => self.pattern(column, pattern),
        }
    }

    /// `findings` is a JSON array of names that are all ours: which of them the pattern means is known before the store is asked.
    fn finding(&mut self, pattern: &Pattern) {
        if pattern.0.eq_ignore_ascii_case(ANOMALY) {
            // Whoever asks has judged before. Where they are few, their starts rule most of the table out.
            self.sql.push_str("((start, trace) IN (SELECT start, trace FROM temp.dear))");
            return;
        }
        if meant(pattern).count() == FindingKind::ALL.len() {
            self.sql.push_str("findings IS NOT NULL");
            return;
        }
        self.sql.push_str("(findings IS NOT NULL AND (false");
        for kind in meant(pattern) {
            self.sql.push_str(" OR contains(findings, ?)");
            self.bind(format!("\"{}\"", kind.name()));
        }
        self.sql.push_str("))");
    }

    fn pattern(&mut self, column: &str, pattern: &Pattern) {
        let plain = pattern.0.to_ascii_lowercase();
        let words = like(&plain);
        if pattern.0.is_ascii() && !pattern.0.contains('*') {
            // Of so many bytes nothing but ASCII folds to ASCII, and lengths are compared in no time.
            self.sql
                .push_str(&format!("({column} IS NOT NULL AND strlen({column}) = ? AND lower({column}) = ?)"));
            self.bind(pattern.0.len() as i64);
            self.bind(plain);
            return;
        }
        let sql = format!("({column} IS NOT NULL AND lower({column}) LIKE {{folded}} ESCAPE '\\' AND {{exact}})");
        self.said_by(&sql, LIKE, column, &words);
        self.bind(words.clone());
        self.bind(words);
    }

    /// SQL with the words folded as the engine folds what it compares them with, and then as we do.
    fn said_by(&mut self, sql: &str, condition: &str, column: &str, words: &str) {
        // What is not ASCII other languages fold otherwise: a final sigma, a dotted I.
        let folded = if words.is_ascii() { "?" } else { "lower(?)" };
        let exact = exact(condition, column, words);
        self.sql.push_str(&sql.replace("{folded}", folded).replace("{exact}", &exact));
    }
}

/// How a pattern is compared exactly.
const LIKE: &str = "{} LIKE ? ESCAPE '\\'";

/// The same filter, for a store whose rows do not yet say what `shape` keeps of their spans: it looks at those. A model is one of some span then,
/// also where its call repeats another.
pub(super) fn by_spans(filter: &Filter) -> Filter {
    let all = |filters: &[Filter]| filters.iter().map(by_spans).collect();
    match filter {
        Filter::And(filters) => Filter::And(all(filters)),
        Filter::Or(filters) => Filter::Or(all(filters)),
        Filter::Not(inner) => Filter::Not(Box::new(by_spans(inner))),
        Filter::Is(field, _) | Filter::Compare(field, ..) | Filter::Between(field, ..) | Filter::Has(Had::Field(field))
            if field.only_of_span() || OF_SHAPE.contains(field) =>
        {
            Filter::Some(Reach::Span, Box::new(filter.clone()))
        }
        Filter::Has(Had::Content(_)) => Filter::Some(Reach::Span, Box::new(filter.clone())),
        other => other.clone(),
    }
}

/// A condition on a column whose ASCII letters alone are folded, after `lower` let it through. `translate` takes twenty times as long; where the words
/// are ASCII, nothing but two letters makes a difference, the signs of kelvin and of a dotted I, which fold to `k` and `i`. Only CASE keeps the
/// engine from what it need not do.
fn exact(condition: &str, column: &str, words: &str) -> String {
    let folded = format!("translate({column}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')");
    let condition = condition.replace("{}", &folded);
    if words.is_ascii() {
        format!(
            "CASE WHEN strlen({column}) = length({column}) THEN true \
             WHEN contains({column}, chr(8490)) OR contains({column}, chr(304)) THEN {condition} ELSE true END"
        )
    } else {
        condition
    }
}

/// The findings whose names a pattern means.
fn meant(pattern: &Pattern) -> impl Iterator<Item = FindingKind> {
    FindingKind::ALL.iter().copied().filter(|kind| pattern.matches(kind.name()))
}

fn between(low: i128, high: i128) -> [(Comparison, i128); 2] {
    [(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)]
}

/// The columns of the least and the most of a field among the spans of an interaction.
fn extremes(field: Field) -> Option<[String; 2]> {
    let (_, name) = EXTREMES.iter().find(|(known, _)| *known == field)?;
    Some([format!("{name}_least"), format!("{name}_most")])
}

/// A limit in the unit of those columns.
const fn scaled(field: Field, limit: i128) -> i128 {
    match field {
        Field::Ctx => limit.saturating_mul(2),
        _ => limit,
    }
}

/// The column of a number of the whole interaction.
fn whole(field: Field) -> &'static str {
    match field {
        Field::Cost => "cost",
        Field::Tokens => "tokens",
        Field::Took => "duration",
        Field::At => "start",
        // None of them has it.
        _ => "NULL::BIGINT",
    }
}

/// The column of a field of one span.
fn of_step(field: Field) -> &'static str {
    match field {
        Field::Kind => "kind",
        Field::Name => "name",
        Field::Status => "status",
        Field::Tool => "tool",
        Field::Model => "model",
        Field::Stop => "stop",
        Field::Cost => "cost",
        Field::Tokens => "tokens",
        Field::Took => "took",
        Field::Input => "input",
        Field::Output => "output",
        Field::Temp => "temperature",
        Field::Ttft => "first_token",
        Field::Ctx => "context_window",
        Field::Feature
        | Field::User
        | Field::Session
        | Field::Service
        | Field::Trace
        | Field::Finding
        | Field::Doc
        | Field::Prompt
        | Field::At => "trace",
    }
}

/// Our `*` as LIKE writes it.
fn like(pattern: &str) -> String {
    let mut words = String::with_capacity(pattern.len());
    for letter in pattern.chars() {
        match letter {
            '*' => words.push('%'),
            '%' | '_' | '\\' => {
                words.push('\\');
                words.push(letter);
            }
            other => words.push(other),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::bill::tests::{add, empty};
    use super::*;

    #[test]
    fn rows_of_an_older_store_are_found_by_their_spans() {
        let connection = empty();
        add(&connection, 1, 0, Some(0), Some(5));
        connection
            .execute_batch("INSERT INTO step SELECT 1, 0, 1, NULL, 'tool', 'plan', 'ok', 'search', 'm', NULL, NULL, NULL, NULL, 7, NULL, NULL, NULL, NULL, 1, NULL")
            .expect("a span");
        let count = |filter: &Filter| {
            let condition = Condition::new(filter, Window::default());
            let sql = format!("SELECT count(*) FROM interaction WHERE {}", condition.sql);
            let found = connection.query_row(&sql, duckdb::params_from_iter(condition.binds), |row| row.get::<_, u64>(0));
            found.expect("an answer")
        };
        let is = |field, words: &str| Filter::Is(field, Pattern(words.to_owned()));
        for filter in [
            is(Field::Kind, "tool"),
            is(Field::Name, "pl*"),
            is(Field::Model, "m"),
            Filter::Compare(Field::Input, Comparison::Greater, 6),
            Filter::Has(Had::Field(Field::Tool)),
            Filter::Not(Box::new(is(Field::Tool, "other"))),
        ] {
            assert_eq!(count(&by_spans(&filter)), 1, "{filter}");
        }
        // Its row says nothing of them.
        assert_eq!(count(&is(Field::Kind, "tool")), 0);
        // A user has no number there, and is found by the name.
        assert_eq!((count(&is(Field::User, "N0")), count(&is(Field::User, "n1"))), (1, 0));
    }
}
