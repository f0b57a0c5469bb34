//! Rows as JSON, JSON lines and CSV, from one serialised shape, so that the three can never say different things.

use std::io;

use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::model::json::Json;
use crate::model::span::Nanos;
use crate::model::text;
use crate::model::usage::Usage;
use crate::replay::fields;

/// One document: an array, a row a line.
pub fn json<T: Serialize>(rows: impl IntoIterator<Item = T>, out: &mut dyn io::Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (i, row) in rows.into_iter().enumerate() {
        out.write_all(if i == 0 { b"\n  " } else { b",\n  " })?;
        serde_json::to_writer(&mut *out, &row)?;
    }
    out.write_all(b"\n]\n")
}

/// One document: an object, indented.
pub fn json_document<T: Serialize>(row: &T, out: &mut dyn io::Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, row)?;
    out.write_all(b"\n")
}

/// A row a line.
pub fn jsonl<T: Serialize>(rows: impl IntoIterator<Item = T>, out: &mut dyn io::Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, &row)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// RFC 4180. Members of an object are columns of their own (`usage.input`), lists are JSON text, `null` is an empty cell.
/// `example` is any row: it names the columns where there are no rows.
pub fn csv<T: Serialize>(example: &T, rows: impl IntoIterator<Item = T>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut names = Vec::new();
    flatten("", &to_json(example)?, &mut |name, _| names.push(name.to_owned()));
    csv_line(names.iter().map(String::as_str), out)?;
    for row in rows {
        let mut cells = Vec::with_capacity(names.len());
        flatten("", &to_json(&row)?, &mut |_, value| cells.push(value));
        csv_line(cells.iter().map(String::as_str), out)?;
    }
    Ok(())
}

fn to_json(row: &impl Serialize) -> io::Result<Json> {
    Ok(Json::trusted(serde_json::to_string(row)?))
}

fn flatten(name: &str, value: &Json, each: &mut dyn FnMut(&str, String)) {
    match value.as_str().as_bytes().first() {
        Some(b'{') => {
            for (key, value) in fields(value).unwrap_or_default() {
                let path = if name.is_empty() { key } else { format!("{name}.{key}") };
                flatten(&path, &value, each);
            }
        }
        Some(b'"') => each(name, value.value().as_str().unwrap_or_default().to_owned()),
        _ if value.as_str() == "null" => each(name, String::new()),
        _ => each(name, value.as_str().to_owned()),
    }
}

/// One record, quoted where it must be.
pub fn csv_line<'a>(cells: impl Iterator<Item = &'a str>, out: &mut dyn io::Write) -> io::Result<()> {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

/// Nanoseconds as a JSON number of milliseconds, exactly.
pub struct Millis(pub Nanos);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(text::millis(self.0))
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// A moment as RFC 3339 in UTC, no more digits than it has.
pub struct Utc(pub Nanos);

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&moment)
    }
}

/// Tokens by class: always these five keys.
#[derive(serde::Serialize)]
pub struct Tokens {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.total_cache_write(),
            output: usage.output,
            reasoning: usage.reasoning,
        }
    }
}
