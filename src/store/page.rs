//! Keyset paging: a page goes on from a row, never from a count of rows. Order is (unknown last, value, start, place), the last three
//! in the list's own direction.

use duckdb::{Connection, Result, params_from_iter};

use super::changes::Times;
use super::filter::Condition;
use super::rows::{Bind, read_interaction};
use crate::model::column::{Column, SortValue};
use crate::model::filter::Filter;
use crate::model::query::{Cursor, Page, Reply, Sort, Window};
use crate::model::span::Nanos;
use crate::model::trace::Interaction;

/// About so many interactions are looked at first.
const NEAR: u64 = 65_536;

/// Of more rows than this all columns are sorted: the engine looks up no more by their ids, and they would make a long question.
const FETCHED: u32 = 999;

/// What a page is asked for by.
struct Asked<'a> {
    filter: &'a Filter,
    sort: Sort,
    page: &'a Page,
    limit: u32,
    /// How many interactions are looked at first, were they spread evenly over all the time.
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
    let mut rows = if limit > FETCHED {
        asked.all(connection, window)?
    } else {
        // First which rows, from the few columns that decide; then all columns of those few.
        let ids = match asked.near(connection, window)? {
            Some(ids) => ids,
            None => asked.ids(connection, window, None)?,
        };
        asked.rows(connection, &ids)?
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

    /// What the filter and the window let through beyond the cursor. All spans of the window's interactions are known to begin within `spans`.
    fn condition(&self, window: Window, spans: Option<Times>) -> Condition {
        let mut condition = Condition::within(self.filter, window, spans);
        if let Some(cursor) = self.cursor() {
            let inclusive = matches!(self.page, Page::From(_));
            beyond(&mut condition, column(self.sort.key), self.sort, cursor, self.forward(), inclusive);
        }
        condition
    }

    /// In the direction of reading.
    fn order(&self, column: &str) -> String {
        order(column, self.sort.descending == self.forward(), self.forward())
    }

    /// A page in the order of time is looked for near its beginning first: most are full there. The engine by itself looks at all the time where a
    /// condition has a question inside. `None`: that is to be done. Questions about texts and records are of all the time as they are.
    fn near(&self, connection: &Connection, window: Window) -> Result<Option<Vec<i64>>> {
        let sql = Condition::new(self.filter, window).sql;
        let of_rows = sql.contains("SELECT") && !sql.contains("\"use\"") && !sql.contains("FROM part");
        if self.sort.key != Column::Time || !of_rows {
            return Ok(None);
        }
        let newest_first = self.sort.descending == self.forward();
        let sizes = connection.query_row(include_str!("sql/extent.sql"), [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        let (Some(low), Some(high), count): (Option<Nanos>, Option<Nanos>, u64) = sizes else {
            return Ok(Some(Vec::new()));
        };
        if count / 2 < self.near {
            return Ok(None);
        }
        let reach = (i128::from(high) - i128::from(low)) * i128::from(self.near) / i128::from(count);
        let reach = Nanos::try_from(reach).unwrap_or(Nanos::MAX);
        // Where reading begins.
        let cursor = self.cursor().map(|cursor| cursor.start);
        let (low, high) = if newest_first {
            let until = window.until.into_iter().chain(cursor);
            (window.since.map_or(low, |since| low.max(since)), until.fold(high, Nanos::min))
        } else {
            let since = window.since.into_iter().chain(cursor);
            (since.fold(low, Nanos::max), window.until.map_or(high, |until| high.min(until)))
        };
        let near = if newest_first {
            Window {
                since: window.since.max(Some(high.saturating_sub(reach))),
                ..window
            }
        } else {
            let until = low.saturating_add(reach).saturating_add(1);
            Window {
                until: Some(window.until.map_or(until, |own| own.min(until))),
                ..window
            }
        };
        let all = i128::from(high) - i128::from(low) <= i128::from(reach);
        let spans = if sql.contains("FROM step") {
            // Of the rows that the cursor leaves over, too: a page has no more than those.
            let mut inside = Condition::new(&Filter::All, near);
            if let Some(start) = cursor {
                inside
                    .sql
                    .push_str(if newest_first { " AND start <= ?" } else { " AND start >= ?" });
                inside.bind(start);
            }
            let sql = format!("SELECT min(least(first, start)), max(last) FROM interaction WHERE {}", inside.sql);
            let spans: (Option<Nanos>, Option<Nanos>) =
                connection.query_row(&sql, params_from_iter(inside.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
            match spans.0.zip(spans.1) {
                None => return Ok(all.then(Vec::new)),
                some => some,
            }
        } else {
            None
        };
        let ids = self.ids(connection, near, spans)?;
        Ok((all || ids.len() > self.limit as usize).then_some(ids))
    }

    /// Row ids of the page and one more where there is more, in no order.
    fn ids(&self, connection: &Connection, window: Window, spans: Option<Times>) -> Result<Vec<i64>> {
        let limit = u64::from(self.limit) + 1;
        let mut condition = self.condition(window, spans);
        let mut column = column(self.sort.key);
        // A condition with a question inside costs more than any sorting.
        if self.sort.key.is_text()
            && !condition.sql.contains("SELECT")
            && narrow(
                connection,
                &mut condition,
                column,
                self.sort.descending == self.forward(),
                self.forward(),
                limit,
            )?
        {
            column = "start";
        }
        let order = self.order(column);
        let sql = format!(
            "SELECT rowid FROM interaction WHERE {} ORDER BY {order} LIMIT {limit}",
            condition.sql
        );
        let mut statement = connection.prepare(&sql)?;
        let found = statement.query_map(params_from_iter(condition.binds), |row| row.get(0))?;
        found.collect()
    }

    /// These rows in the direction of reading.
    fn rows(&self, connection: &Connection, ids: &[i64]) -> Result<Vec<Interaction>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let order = self.order(column(self.sort.key));
        read(
            connection,
            &format!("SELECT * FROM interaction WHERE rowid IN ({ids}) ORDER BY {order}"),
            Vec::new(),
        )
    }

    /// A long page in the direction of reading.
    fn all(&self, connection: &Connection, window: Window) -> Result<Vec<Interaction>> {
        let condition = self.condition(window, None);
        let order = self.order(column(self.sort.key));
        let limit = match self.limit {
            u32::MAX => String::new(),
            limit => format!(" LIMIT {}", u64::from(limit) + 1),
        };
        let sql = format!("SELECT * FROM interaction WHERE {} ORDER BY {order}{limit}", condition.sql);
        read(connection, &sql, condition.binds)
    }
}

fn read(connection: &Connection, sql: &str, binds: Vec<Bind>) -> Result<Vec<Interaction>> {
    let mut statement = connection.prepare(sql)?;
    let mut found = statement.query(params_from_iter(binds))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(read_interaction(row)?);
    }
    Ok(rows)
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
                    let ids = found.unwrap_or_else(|| asked.ids(&connection, within, None).expect("an answer"));
                    let rows = asked.rows(&connection, &ids).expect("an answer");
                    rows.iter().map(|row| row.trace.0).collect::<Vec<_>>()
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
