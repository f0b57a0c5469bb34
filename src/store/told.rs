//! Which spans say something: texts, documents, system prompts and attributes inside of a filter's groups.
//!
//! A content is stored once, and a record lists those it points at. Which span says it is read from the records of the interactions that
//! may: for that nothing has to be written when a line comes in.

use std::collections::BTreeMap;
use std::sync::Arc;

use duckdb::arrow::array::{AsArray, UInt64Array};
use duckdb::arrow::datatypes::{DataType, Field as Column, Schema, UInt64Type};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{Connection, Result, params_from_iter};

use super::contents::Ids;
use super::filter::Condition;
use super::rows::read_places;
use crate::model::filter::{Field, Filter};
use crate::model::span::{SpanKey, TraceKey};

/// The table of `temp` that holds the spans which say what this condition asks for.
pub(super) fn table(filter: &Filter) -> String {
    format!("told_{:016x}", xxhash_rust::xxh3::xxh3_64(filter.to_string().as_bytes()))
}

/// The conditions inside of groups that are told by a table, by the names of those.
pub(super) fn asked(filter: &Filter) -> BTreeMap<String, &Filter> {
    fn collect<'a>(filter: &'a Filter, grouped: bool, found: &mut BTreeMap<String, &'a Filter>) {
        match filter {
            Filter::And(all) | Filter::Or(all) => all.iter().for_each(|one| collect(one, grouped, found)),
            Filter::Not(inner) => collect(inner, grouped, found),
            Filter::Some(_, inner) => collect(inner, true, found),
            Filter::Text(_) | Filter::Attribute(..) | Filter::Is(Field::Doc | Field::Prompt, _) if grouped => {
                found.insert(table(filter), filter);
            }
            _ => {}
        }
    }
    let mut found = BTreeMap::new();
    collect(filter, false, &mut found);
    found
}

/// Makes known to SQL which spans say what the filter asks of them: tables of `temp`, of keys.
pub(super) fn keep(connection: &Connection, asked: &BTreeMap<String, &Filter>) -> Result<()> {
    for (table, filter) in asked {
        let spans = match filter {
            Filter::Attribute(key, pattern) => {
                let mut records = Condition::default();
                records.attribute(key, pattern);
                spans(connection, records, |_| true)?
            }
            said => saying(connection, said)?,
        };
        connection.execute_batch(&format!("CREATE OR REPLACE TEMP TABLE {table} (span UBIGINT NOT NULL)"))?;
        let mut rows = connection.appender_to_catalog_and_db(table, "temp", "main")?;
        if !spans.is_empty() {
            let schema = Arc::new(Schema::new(vec![Column::new("span", DataType::UInt64, false)]));
            let column = Arc::new(UInt64Array::from(spans));
            rows.append_record_batch(RecordBatch::try_new(schema, vec![column]).expect("one column of its type"))?;
        }
        rows.flush()?;
    }
    Ok(())
}

/// The spans some of whose contents say it.
fn saying(connection: &Connection, filter: &Filter) -> Result<Vec<u64>> {
    let mut which = Condition::default();
    which.contents(filter);
    connection.execute_batch("CREATE OR REPLACE TEMP TABLE meant (content UBIGINT NOT NULL)")?;
    connection.execute(&format!("INSERT INTO temp.meant {}", which.sql), params_from_iter(which.binds))?;
    let meant = Ids::read(connection, "SELECT content FROM temp.meant")?;
    let mut records = Condition::default();
    records.sql.push_str(include_str!("sql/told.sql"));
    spans(connection, records, |contents| {
        read_places(contents).iter().any(|(_, id)| meant.has(*id))
    })
}

/// The keys of the spans of these records, each once. A third column is their contents, and has to pass.
fn spans(connection: &Connection, records: Condition, passes: impl Fn(&str) -> bool) -> Result<Vec<u64>> {
    let mut spans = Vec::new();
    let mut statement = connection.prepare(&records.sql)?;
    for batch in statement.stream_arrow(params_from_iter(records.binds))? {
        let batch = batch?;
        let traces = batch.column(0).as_primitive::<UInt64Type>();
        let ids = batch.column(1).as_string::<i32>();
        let contents = batch.columns().get(2).map(AsArray::as_string::<i32>);
        for row in 0..batch.num_rows() {
            if contents.is_none_or(|contents| passes(contents.value(row))) {
                spans.push(SpanKey::of(TraceKey(traces.value(row)), ids.value(row)).0);
            }
        }
    }
    spans.sort_unstable();
    spans.dedup();
    Ok(spans)
}
