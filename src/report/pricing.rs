//! What came of a price import, and which models have no price.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::Output;
use crate::pricing::Imported;

/// Names told of each reason in a table; data has them all.
const NAMED: usize = 3;

#[derive(Serialize)]
struct ImportedRow<'a> {
    file: String,
    added: usize,
    changed: usize,
    completed: usize,
    unchanged: usize,
    implied: usize,
    skipped: Vec<SkippedRow<'a>>,
}

#[derive(Serialize)]
struct SkippedRow<'a> {
    model: &'a str,
    reason: &'static str,
}

/// `prices import`.
pub fn imported(imported: &Imported, file: &Path, output: Output, out: &mut dyn io::Write) -> io::Result<()> {
    let Imported {
        added,
        changed,
        completed,
        unchanged,
        implied,
        skipped,
        ..
    } = imported;
    if output != Output::Table {
        let row = ImportedRow {
            file: file.display().to_string(),
            added: *added,
            changed: *changed,
            completed: *completed,
            unchanged: *unchanged,
            implied: *implied,
            skipped: skipped
                .iter()
                .map(|entry| SkippedRow {
                    model: &entry.model,
                    reason: entry.reason,
                })
                .collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &row)?;
        return out.write_all(b"\n");
    }
    if added + changed + completed == 0 {
        writeln!(out, "{}: nothing to change", file.display())?;
    } else {
        writeln!(
            out,
            "{}: {added} models added, {changed} at a new price from today on, {completed} completed",
            file.display()
        )?;
    }
    writeln!(
        out,
        "{unchanged} known at this price, {implied} found under another name at the same price"
    )?;
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in skipped {
        reasons.entry(entry.reason).or_default().push(&entry.model);
    }
    for (reason, models) in reasons {
        let more = if models.len() > NAMED { ", …" } else { "" };
        let some = models.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        writeln!(out, "skipped {}: {reason} ({some}{more})", models.len())?;
    }
    Ok(())
}
