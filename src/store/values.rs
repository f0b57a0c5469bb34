//! Values that were seen of a field: what a filter's completion offers.

use duckdb::{Connection, Result, params};

use crate::model::filter::Field;
use crate::model::query::Reply;

pub(super) fn values(connection: &Connection, field: Field, text: &str, limit: u32) -> Result<Reply> {
    let Some((table, column)) = place(field) else {
        return Ok(Reply::Values(Vec::new()));
    };
    let sql = format!(
        "SELECT {column}, count(*) FROM {table} WHERE {column} <> '' AND contains(lower({column}), lower(?)) \
         GROUP BY {column} ORDER BY count(*) DESC, {column} LIMIT ?"
    );
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map(params![text, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect::<Result<Vec<_>>>().map(Reply::Values)
}

/// Where a field's values stand.
fn place(field: Field) -> Option<(&'static str, &'static str)> {
    Some(match field {
        Field::Feature => ("interaction", "feature"),
        Field::User => ("interaction", "user_id"),
        Field::Session => ("interaction", "session"),
        Field::Service => ("interaction", "service"),
        Field::Status => ("interaction", "status"),
        Field::Model => ("spend", "model"),
        Field::Kind => ("step", "kind"),
        Field::Name => ("step", "name"),
        Field::Tool => ("step", "tool"),
        Field::Stop => ("step", "stop"),
        _ => return None,
    })
}
