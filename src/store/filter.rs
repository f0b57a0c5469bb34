//! `Filter` → SQL with bound parameters: the only place where one becomes the other. Its oracle is `Filter::matches`.
//!
//! Letter case is ignored in ASCII alone. `lower` of the engine folds all of Unicode: as a first, fast condition it can only let too
//! much through, and the exact one behind it looks at what is left. A NULL is "does not match", so every condition is made two-valued.

use super::rows::Bind;
use crate::model::filter::{Comparison, Field, Filter, Pattern};
use crate::model::query::Window;
use crate::model::trace::FindingKind;

/// A condition over `interaction` and its values in order.
#[derive(Default)]
pub(super) struct Condition {
    pub(super) sql: String,
    pub(super) binds: Vec<Bind>,
}

impl Condition {
    /// What both the filter and the window let through.
    pub(super) fn new(filter: &Filter, window: Window) -> Self {
        let mut condition = Self::default();
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
            Filter::Compare(Field::Cost, comparison, cost) => {
                let sign = match comparison {
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Equal => "=",
                    Comparison::GreaterOrEqual => ">=",
                    Comparison::Greater => ">",
                };
                self.sql.push_str(&format!("(cost IS NOT NULL AND cost {sign} ?)"));
                self.bind(cost.0);
            }
            Filter::Between(Field::Cost, low, high) => {
                self.sql.push_str("(cost IS NOT NULL AND cost >= ? AND cost <= ?)");
                self.bind(low.0);
                self.bind(high.0);
            }
            // The grammar compares nothing but the cost.
            Filter::Compare(..) | Filter::Between(..) => self.sql.push_str("false"),
            Filter::Text(words) => {
                self.sql.push_str(include_str!("sql/filter_text.sql").trim_end());
                let words = words.to_ascii_lowercase();
                self.bind(words.to_lowercase());
                self.bind(words);
            }
        }
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
            Field::Status => "status",
            Field::Model => {
                self.sql.push_str("trace IN (SELECT trace FROM spend WHERE ");
                self.pattern("model", pattern);
                self.sql.push(')');
                return;
            }
            Field::Finding => {
                self.finding(pattern);
                return;
            }
            Field::Cost => {
                self.sql.push_str("false");
                return;
            }
        };
        self.pattern(column, pattern);
    }

    /// `findings` is a JSON array of names that are all ours: which of them the pattern means is known before the store is asked.
    fn finding(&mut self, pattern: &Pattern) {
        let meant = || FindingKind::ALL.iter().filter(|kind| pattern.matches(kind.name()));
        if meant().count() == FindingKind::ALL.len() {
            self.sql.push_str("findings IS NOT NULL");
            return;
        }
        self.sql.push_str("(findings IS NOT NULL AND (false");
        for kind in meant() {
            self.sql.push_str(" OR contains(findings, ?)");
            self.bind(format!("\"{}\"", kind.name()));
        }
        self.sql.push_str("))");
    }

    fn pattern(&mut self, column: &str, pattern: &Pattern) {
        let words = like(&pattern.0.to_ascii_lowercase());
        self.sql.push_str(&format!(
            "({column} IS NOT NULL AND lower({column}) LIKE ? ESCAPE '\\' AND \
             translate({column}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') LIKE ? ESCAPE '\\')"
        ));
        self.bind(words.to_lowercase());
        self.bind(words);
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
