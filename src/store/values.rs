//! Values that were seen of a field, and names of attributes: what a filter's completion offers.

use std::collections::{BTreeMap, BTreeSet};

use duckdb::{Connection, Result, params};
use serde_json::Value;

use super::shape::OF_SHAPE;
use crate::model::content::prompt_id;
use crate::model::filter::Field;
use crate::model::query::Reply;

/// Each with how many interactions have it.
pub(super) fn values(connection: &Connection, field: Field, text: &str, limit: u32) -> Result<Reply> {
    match field {
        Field::Finding => return Ok(most(findings(connection)?, text, limit)),
        Field::Doc => return Ok(most(used(connection, "document", document_id)?, text, limit)),
        Field::Prompt => return Ok(most(used(connection, "system", |body| Some(prompt_id(body)))?, text, limit)),
        _ => {}
    }
    let sql = if OF_SHAPE.contains(&field) {
        include_str!("sql/values_of_shape.sql").replace("{field}", field.name())
    } else if let Some(column) = column(field) {
        include_str!("sql/values.sql").replace("{column}", column)
    } else {
        return Ok(Reply::Values(Vec::new()));
    };
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map(params![text, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect::<Result<Vec<_>>>().map(Reply::Values)
}

/// Interactions by their findings.
fn findings(connection: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut statement = connection.prepare("SELECT findings, count(*) FROM interaction WHERE findings IS NOT NULL GROUP BY findings")?;
    let mut counts = BTreeMap::new();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (names, count): (String, u64) = (row.get(0)?, row.get(1)?);
        for name in serde_json::from_str::<Vec<String>>(&names).unwrap_or_default() {
            *counts.entry(name).or_default() += count;
        }
    }
    Ok(counts)
}

/// What the newest contents of a role are called, with about how many interactions use them: one may do so more than once.
fn used(connection: &Connection, role: &str, name: impl Fn(&str) -> Option<String>) -> Result<BTreeMap<String, u64>> {
    let mut statement = connection.prepare(
        "SELECT any_value(c.body), count(*) FROM content c JOIN \"use\" u ON u.content = c.id \
         WHERE c.rowid IN (SELECT rowid FROM content WHERE role = ? ORDER BY id DESC LIMIT ?) GROUP BY c.id",
    )?;
    let mut counts = BTreeMap::new();
    let mut rows = statement.query(params![role, RECORDS])?;
    while let Some(row) = rows.next()? {
        let (body, count): (String, u64) = (row.get(0)?, row.get(1)?);
        if let Some(name) = name(&body) {
            *counts.entry(name).or_default() += count;
        }
    }
    Ok(counts)
}

/// The id of a document as it is stored, where a filter finds it in the text: not one that JSON spells otherwise.
fn document_id(body: &str) -> Option<String> {
    let document: Value = serde_json::from_str(body).ok()?;
    let id = document.get("id")?.as_str()?;
    (!id.is_empty() && body.contains(id)).then(|| id.to_owned())
}

/// Those that contain the text, letter case apart, the most frequent first.
fn most(counts: BTreeMap<String, u64>, text: &str, limit: u32) -> Reply {
    let text = text.to_lowercase();
    let mut found: Vec<(String, u64)> = counts.into_iter().filter(|(name, _)| name.to_lowercase().contains(&text)).collect();
    found.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    found.truncate(limit as usize);
    Reply::Values(found)
}

/// Records whose attributes are looked at, and contents, the newest.
const RECORDS: u32 = 1_000;
/// Deeper nested ones have no name here.
const DEEPEST: usize = 8;

/// Names of attributes that have a value, as `attr.` takes them: of one inside of another both, joined by a dot.
pub(super) fn attributes(connection: &Connection, text: &str, limit: u32) -> Result<Reply> {
    let mut statement = connection.prepare(
        "SELECT attributes FROM part WHERE rowid IN (SELECT rowid FROM part WHERE attributes IS NOT NULL ORDER BY start DESC LIMIT ?)",
    )?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut rows = statement.query([RECORDS])?;
    while let Some(row) = rows.next()? {
        let json: String = row.get(0)?;
        let mut names = BTreeSet::new();
        if let Ok(value) = serde_json::from_str(&json) {
            collect(&value, "", DEEPEST, &mut names);
        }
        for name in names {
            *counts.entry(name).or_default() += 1;
        }
    }
    Ok(most(counts, text, limit))
}

fn collect(value: &Value, name: &str, deeper: usize, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) if deeper > 0 => {
            for (key, value) in members {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                collect(value, &name, deeper - 1, names);
            }
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) if !name.is_empty() => {
            names.insert(name.to_owned());
        }
        _ => {}
    }
}

/// Where a field's values stand in `interaction`.
const fn column(field: Field) -> Option<&'static str> {
    match field {
        Field::Feature => Some("feature"),
        Field::User => Some("user_id"),
        Field::Session => Some("session"),
        Field::Service => Some("service"),
        Field::Status => Some("status"),
        _ => None,
    }
}
