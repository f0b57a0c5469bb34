//! Keyset paging: a page goes on from a row, never from a count of rows. Order is (unknown last, value, start, place), the last three
//! in the list's own direction.

use duckdb::{Connection, Result, params_from_iter};

use super::changes::Times;
use super::filter::Condition;
use super::rows::read_interaction;
use crate::model::column::{Column, SortValue};
use crate::model::filter::Filter;
use crate::model::query::{Cursor, Page, Reply, Sort, Window};
use crate::model::span::Nanos;
use crate::model::trace::Interaction;

/// Interactions in the first piece of time that is looked at, and how many times longer the next is.
const NEAR: u64 = 32_768;
const FARTHER: i64 = 16;

/// What a page is asked for by.
struct Asked<'a> {
    filter: &'a Filter,
    sort: Sort,
    page: &'a Page,
    limit: u32,
    /// What the first piece of time would hold, were the interactions spread evenly over all of it.
    near: u64,
}

pub(super) fn interactions(connection: &Connection, filter: &Filter, window: Window, sort: Sort, page: &Page, limit: u32) -> Result<Reply> {
    let asked = Asked {
        filter,
        sort,
        page,
        limit,
        near: NEAR,
    };
    let mut rows = match asked.near(connection, window)? {
        Some(rows) => rows,
        None => asked.rows(connection, window, None)?,
    };
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if !asked.forward() {
        rows.reverse();
    }
    Ok(Reply::Interactions { rows, more })
}

impl Asked<'_> {
    /// Read in the list's own direction.
    const fn forward(&self) -> bool {
        matches!(self.page, Page::First | Page::After(_) | Page::From(_))
    }

    const fn cursor(&self) -> Option<&Cursor> {
        match self.page {
            Page::First | Page::Last => None,
            Page::After(cursor) | Page::Before(cursor) | Page::From(cursor) => Some(cursor),
        }
    }

    /// A page in the order of time is looked for near its beginning, then farther and farther away: most are full before everything was looked at.
    /// The engine by itself looks at all of it where a condition has a question inside. `None`: the whole time is to be asked.
    fn near(&self, connection: &Connection, window: Window) -> Result<Option<Vec<Interaction>>> {
        if self.sort.key != Column::Time || self.limit == u32::MAX || !Condition::new(self.filter, window).sql.contains("SELECT") {
            return Ok(None);
        }
        let newest_first = self.sort.descending == self.forward();
        let cursor = self.cursor().map(|cursor| cursor.start);
        let window = if newest_first {
            let until = cursor.map(|start| start.saturating_add(1));
            Window {
                until: until.into_iter().chain(window.until).min(),
                ..window
            }
        } else {
            Window {
                since: window.since.max(cursor),
                ..window
            }
        };
        let all = Condition::new(&Filter::All, window);
        let sql = format!("SELECT min(start), max(start), count(*) FROM interaction WHERE {}", all.sql);
        let (low, high, count): (Option<Nanos>, Option<Nanos>, u64) =
            connection.query_row(&sql, params_from_iter(all.binds), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (Some(low), Some(high)) = (low, high) else {
            return Ok(Some(Vec::new()));
        };
        if count <= self.near {
            return Ok(None);
        }
        let length = i128::from(high) - i128::from(low);
        let mut reach = Nanos::try_from(length * i128::from(self.near) / i128::from(count))
            .unwrap_or(Nanos::MAX)
            .max(1);
        while i128::from(reach) * 2 < length {
            let near = if newest_first {
                Window {
                    since: Some(high.saturating_sub(reach)),
                    ..window
                }
            } else {
                Window {
                    until: Some(low.saturating_add(reach)),
                    ..window
                }
            };
            let inside = Condition::new(&Filter::All, near);
            let sql = format!("SELECT min(first), max(last) FROM interaction WHERE {}", inside.sql);
            let (first, last): (Option<Nanos>, Option<Nanos>) =
                connection.query_row(&sql, params_from_iter(inside.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows = self.rows(connection, near, first.zip(last))?;
            if rows.len() > self.limit as usize {
                return Ok(Some(rows));
            }
            reach = reach.saturating_mul(FARTHER);
        }
        Ok(None)
    }

    /// The rows in a window, in the direction of reading. All spans of its interactions are known to begin within `spans`.
    fn rows(&self, connection: &Connection, window: Window, spans: Option<Times>) -> Result<Vec<Interaction>> {
        let (sort, forward) = (self.sort, self.forward());
        let mut condition = Condition::within(self.filter, window, spans);
        let column = column(sort.key);
        if let Some(cursor) = self.cursor() {
            beyond(&mut condition, column, sort, cursor, forward, matches!(self.page, Page::From(_)));
        }
        let order = order(column, sort.descending == forward, forward);
        let sql = if self.limit == u32::MAX {
            format!("SELECT * FROM interaction WHERE {} ORDER BY {order}", condition.sql)
        } else {
            let limit = u64::from(self.limit) + 1;
            // A condition with a question inside costs more than any sorting.
            let by_start = if sort.key.is_text() && !condition.sql.contains("SELECT") {
                narrow(connection, &mut condition, column, sort.descending == forward, forward, limit)?
            } else {
                false
            };
            let first = if by_start {
                self::order("start", sort.descending == forward, forward)
            } else {
                order.clone()
            };
            // First which rows, from the few columns that decide; then all columns of those few.
            format!(
                "SELECT * FROM interaction WHERE rowid IN (SELECT rowid FROM interaction WHERE {} ORDER BY {first} LIMIT {limit}) ORDER BY {order}",
                condition.sql,
            )
        };
        let mut statement = connection.prepare(&sql)?;
        let mut found = statement.query(params_from_iter(condition.binds))?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(read_interaction(row)?);
        }
        Ok(rows)
    }
}

/// Finds out which texts a page is made of before its rows are looked for: to sort rows by a text and then by time takes the engine several times
/// as long as to sort texts. Whether all of the page is of one text.
fn narrow(
    connection: &Connection,
    condition: &mut Condition,
    column: &str,
    descending: bool,
    nulls_last: bool,
    limit: u64,
) -> Result<bool> {
    let (way, nulls) = (if descending { "DESC" } else { "ASC" }, if nulls_last { "LAST" } else { "FIRST" });
    let sql = format!(
        "SELECT min(text), max(text), count(text), count(*) FROM \
         (SELECT {column} AS text FROM interaction WHERE {} ORDER BY {column} {way} NULLS {nulls} LIMIT {limit})",
        condition.sql
    );
    let found = connection.query_row(&sql, params_from_iter(condition.binds.iter()), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    let (least, most, known, all): (Option<String>, Option<String>, u64, u64) = found?;
    if known == 0 {
        condition.sql.push_str(&format!(" AND {column} IS NULL"));
        return Ok(true);
    }
    let one = least == most;
    if known < all {
        return Ok(false);
    }
    let sign = match (one, descending) {
        (true, _) => "=",
        (false, true) => ">=",
        (false, false) => "<=",
    };
    condition.sql.push_str(&format!(" AND {column} {sign} ?"));
    condition.bind(if descending { least } else { most });
    Ok(one)
}

/// What is sorted by; NULL where `Column::value` knows nothing.
fn column(key: Column) -> &'static str {
    match key {
        Column::Time => "start",
        Column::Cost => "cost",
        Column::Tokens => "tokens",
        Column::Took => "duration",
        Column::Feature => "feature",
        Column::User => "user_id",
        Column::Session => "session",
        Column::Service => "service",
        Column::Model => "models",
        Column::Flags => "findings",
        Column::Status => "status",
        Column::Ask => "nullif(ask, '')",
        Column::Name => "nullif(name, '')",
        Column::Spans => "spans",
        Column::Calls => "llm_calls",
        Column::Tools => "tool_calls",
        Column::Searches => "retrievals",
    }
}

/// `nulls_last` is turned around when the list is read backwards.
fn order(column: &str, descending: bool, nulls_last: bool) -> String {
    let way = if descending { "DESC" } else { "ASC" };
    if column == "start" {
        return format!("start {way}, place {way}");
    }
    let nulls = if nulls_last { "LAST" } else { "FIRST" };
    format!("{column} {way} NULLS {nulls}, start {way}, place {way}")
}

/// Only rows beyond the cursor in the direction of reading.
fn beyond(condition: &mut Condition, column: &str, sort: Sort, cursor: &Cursor, forward: bool, inclusive: bool) {
    let sign = if sort.descending == forward { "<" } else { ">" };
    let equal = if inclusive { "=" } else { "" };
    let tie = format!("start {sign}= ? AND (start {sign} ? OR place {sign}{equal} ?)");
    let bind_tie = |condition: &mut Condition| {
        condition.bind(cursor.start);
        condition.bind(cursor.start);
        condition.bind(cursor.place);
    };
    if column == "start" {
        condition.sql.push_str(&format!(" AND {tie}"));
        bind_tie(condition);
        return;
    }
    match (&cursor.value, forward) {
        (Some(value), _) => {
            let unknown = if forward { format!(" OR {column} IS NULL") } else { String::new() };
            condition
                .sql
                .push_str(&format!(" AND ({column} {sign} ?{unknown} OR ({column} = ? AND {tie}))"));
            for _ in 0..2 {
                match value {
                    // No wider than the column, where it can be.
                    SortValue::Number(number) => match i64::try_from(*number) {
                        Ok(number) => condition.bind(number),
                        Err(_) => condition.bind(*number),
                    },
                    SortValue::Text(text) => condition.bind(text.clone()),
                }
            }
        }
        (None, true) => condition.sql.push_str(&format!(" AND {column} IS NULL AND {tie}")),
        (None, false) => condition.sql.push_str(&format!(" AND ({column} IS NOT NULL OR ({tie}))")),
    }
    bind_tie(condition);
}

#[cfg(test)]
mod tests {
    use super::super::bill::tests::{add, empty};
    use super::*;
    use crate::model::filter::{Field, Pattern, Reach};

    #[test]
    fn a_page_found_near_its_beginning_is_that_of_all_the_time() {
        let connection = empty();
        for n in 0..600_u64 {
            // Dense at both ends, hardly anything between, some at the same moment; spans begin later than their interaction.
            let start = if n < 300 { n as Nanos / 3 } else { 100_000 + n as Nanos };
            add(&connection, n, start, Some(0), Some(5));
            let tool = if n % 7 == 0 { "often" } else { "else" };
            let tool = if n == 3 || n == 250 { "seldom" } else { tool };
            connection
                .execute(
                    "INSERT INTO step SELECT ?, ?, ?, NULL, 'tool', '', 'ok', ?, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL",
                    duckdb::params![n, start + 40, n, tool],
                )
                .expect("a row");
        }
        connection
            .execute_batch("UPDATE interaction SET place = trace, last = start + 40")
            .expect("rows change");
        let whole = Window::default();
        for (tool, within) in [
            ("often", whole),
            ("seldom", whole),
            ("none", whole),
            (
                "often",
                Window {
                    since: Some(50),
                    until: Some(100_500),
                },
            ),
        ] {
            for descending in [true, false] {
                let filter = Filter::Some(Reach::Span, Box::new(Filter::Is(Field::Tool, Pattern(tool.to_owned()))));
                let asked = |page: &Page, near: bool| {
                    let asked = Asked {
                        filter: &filter,
                        sort: Sort {
                            key: Column::Time,
                            descending,
                        },
                        page,
                        limit: 4,
                        near: 5,
                    };
                    let found = if near {
                        asked.near(&connection, within).expect("an answer")
                    } else {
                        None
                    };
                    let found = found.unwrap_or_else(|| asked.rows(&connection, within, None).expect("an answer"));
                    found.iter().map(|row| row.trace.0).collect::<Vec<_>>()
                };
                for start in [-1, 0, 55, 99, 5_000, 100_340, 200_000] {
                    let cursor = Cursor {
                        value: None,
                        start,
                        place: 150,
                    };
                    let pages = [
                        Page::First,
                        Page::Last,
                        Page::After(cursor.clone()),
                        Page::Before(cursor.clone()),
                        Page::From(cursor),
                    ];
                    for page in &pages {
                        assert_eq!(asked(page, true), asked(page, false), "{tool} {descending} {page:?}");
                    }
                }
            }
        }
        let filter = Filter::Some(Reach::Span, Box::new(Filter::Is(Field::Tool, Pattern("often".to_owned()))));
        let asked = Asked {
            filter: &filter,
            sort: Sort {
                key: Column::Time,
                descending: true,
            },
            page: &Page::First,
            limit: 4,
            near: 50,
        };
        assert_eq!(asked.near(&connection, whole).expect("an answer").map(|rows| rows.len()), Some(5));
    }
}
