//! Keyset paging: a page goes on from a row, never from a count of rows. Order is (unknown last, value, start, place), the last three
//! in the list's own direction.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::read_interaction;
use crate::model::column::{Column, SortValue};
use crate::model::filter::Filter;
use crate::model::query::{Cursor, Page, Reply, Sort, Window};

pub(super) fn interactions(connection: &Connection, filter: &Filter, window: Window, sort: Sort, page: &Page, limit: u32) -> Result<Reply> {
    let mut condition = Condition::new(filter, window);
    let column = column(sort.key);
    let (cursor, forward, inclusive) = match page {
        Page::First => (None, true, false),
        Page::Last => (None, false, false),
        Page::After(cursor) => (Some(cursor), true, false),
        Page::Before(cursor) => (Some(cursor), false, false),
        Page::From(cursor) => (Some(cursor), true, true),
    };
    if let Some(cursor) = cursor {
        beyond(&mut condition, column, sort, cursor, forward, inclusive);
    }
    let order = order(column, sort.descending == forward, forward);
    let all = limit == u32::MAX;
    let sql = if all {
        format!("SELECT * FROM interaction WHERE {} ORDER BY {order}", condition.sql)
    } else {
        let limit = u64::from(limit) + 1;
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
    let more = !all && rows.len() > limit as usize;
    rows.truncate(limit as usize);
    if !forward {
        rows.reverse();
    }
    Ok(Reply::Interactions { rows, more })
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
