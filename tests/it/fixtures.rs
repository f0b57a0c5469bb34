//! What each dialect makes of the lines in `tests/fixtures/<dialect>/<case>.jsonl`, told in `<case>.snap` beside them.
//!
//! The tellings are meant to be read: every fact a line states stands there once, and what was not logged does not stand there at all.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use spanscope::formats::{dialects, parse};
use spanscope::model::content::Slot;
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo, Tally};
use spanscope::model::span::{Inferred, Part, StartFrom, Status};
use spanscope::model::usage::{Cost, Usage};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
/// The time of lines that carry none: 2026-11-20T12:00:00Z.
const FILE_TIME: i64 = 1_795_176_000_000_000_000;

/// Folders that are named after a dialect, with their `.jsonl` files.
fn fixtures() -> Vec<(String, Vec<PathBuf>)> {
    let sorted = |folder: &Path| {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let files = |folder: &PathBuf| {
        let mut files = sorted(folder);
        files.retain(|file| file.extension().is_some_and(|e| e == "jsonl"));
        files
    };
    let folders = sorted(Path::new(ROOT));
    folders.iter().map(|folder| (stem(folder), files(folder))).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn read(bytes: &[u8]) -> Batch {
    let info = SourceInfo {
        id: 0,
        uri: "fixture.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: FILE_TIME,
        order: Order::Random,
    };
    parse(&Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset: 0,
        bytes: bytes.to_vec(),
        omitted: 0,
        fallback: (FILE_TIME, StartFrom::File),
        dialect: None,
    })
}

#[test]
fn every_dialect_has_fixtures_and_every_folder_is_a_dialect() {
    let known: BTreeSet<&str> = dialects().iter().map(|d| d.name).collect();
    let fixtures = fixtures();
    let folders: BTreeSet<&str> = fixtures.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(folders, known);
    for (name, files) in &fixtures {
        assert!(!files.is_empty(), "{name} has no .jsonl");
        let folder = std::fs::read_dir(Path::new(ROOT).join(name)).unwrap();
        let tellings: BTreeSet<String> = folder
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "snap"))
            .map(|p| stem(&p))
            .collect();
        let stems: BTreeSet<String> = files.iter().map(|p| stem(p)).collect();
        assert!(tellings.is_subset(&stems), "a .snap of {name} without its .jsonl");
    }
}

#[test]
fn lines_mean_what_stands_beside_them() {
    for (dialect, files) in fixtures() {
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let batch = read(&bytes);
            let t = &batch.tally;
            let lines = bytes.split_inclusive(|b| *b == b'\n').count() as u64;
            assert_eq!(lines, t.span + t.other + t.rejected + t.blank, "{}", file.display());
            assert_eq!((t.lines, t.other), (lines, batch.others.len() as u64), "{}", file.display());
            assert_eq!(t.rejected, batch.rejects.len() as u64, "{}", file.display());
            let line = |at: u64| bytes[at as usize..].split(|b| *b == b'\n').next().unwrap();
            for reject in &batch.rejects {
                assert_eq!(reject.bytes, line(reject.origin.offset), "what could not be read is kept as it is");
            }
            let mut settings = insta::Settings::new();
            settings.set_snapshot_path(file.parent().unwrap());
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| insta::assert_snapshot!(stem(&file), told(&batch, &bytes), &format!("{dialect}: {}", stem(&file))));
        }
    }
}

/// The whole batch: its sum, then a paragraph for each record in the order of the lines.
fn told(batch: &Batch, bytes: &[u8]) -> String {
    let number = |offset: u64| bytes[..offset as usize].split(|b| *b == b'\n').count();
    let mut records: Vec<(u64, u32, String)> = Vec::new();
    for part in &batch.parts {
        let o = part.origin;
        records.push((o.offset, o.ordinal, format!("line {}: {}", number(o.offset), span(part))));
    }
    for other in &batch.others {
        let o = other.origin;
        let text = format!("line {}: no span, {} at {}", number(o.offset), other.dialect, time(other.at));
        records.push((o.offset, 0, text));
    }
    for reject in &batch.rejects {
        let o = reject.origin;
        let text = format!("line {}: rejected, {}: {}", number(o.offset), reject.reason, reject.detail);
        records.push((o.offset, 0, text));
    }
    records.sort();
    let records: Vec<String> = records.into_iter().map(|(_, _, text)| text.trim_end().to_owned()).collect();
    format!("{}\n\n{}", sum(&batch.tally), records.join("\n\n"))
}

fn sum(t: &Tally) -> String {
    let mut out = format!(
        "{} lines = {} span + {} other + {} rejected + {} blank",
        t.lines, t.span, t.other, t.rejected, t.blank
    );
    for (name, count) in t.dialects.iter().chain(&t.rejects) {
        let _ = write!(out, "\n  {count} {name}");
    }
    out
}

fn span(part: &Part) -> String {
    let mut out = format!("{} {:?} ({})", part.kind, part.name, part.dialect);
    let id = |id: &str, made: Inferred| {
        if part.inferred.has(made) {
            "made".to_owned()
        } else {
            id.to_owned()
        }
    };
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = write!(out, "\n  {name:<12} {}", plain(&value));
        }
    };
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    line("trace", Some(id(&part.trace_id, Inferred::TRACE_ID)));
    line("span", Some(id(&part.span_id, Inferred::SPAN_ID)));
    line("parent", part.parent_id.clone());
    let took = part
        .end
        .map_or("no end".to_owned(), |end| format!("took {} ms", ms(end - part.start)));
    let open = if part.ended { "" } else { ", still open" };
    line("start", Some(format!("{} by {}, {took}{open}", time(part.start), part.start_from)));
    line("first token", part.time_to_first_token.map(|t| format!("{} ms", ms(t))));
    line("status", (part.status != Status::Unset).then(|| part.status.to_string()));
    line("error", part.error.clone());
    line("provider", part.provider.clone());
    line("model", part.request_model.clone());
    line("answered by", part.response_model.clone());
    line("params", part.params.as_ref().map(|p| p.as_str().to_owned()));
    line("stop reason", part.stop_reason.clone());
    line("usage", usage(&part.usage).map(|u| format!("{u} ({})", part.convention)));
    line("logged cost", part.cost_logged.map(Cost::decimal));
    line("feature", part.feature.clone());
    line("user", part.user.clone());
    line("session", part.session.clone());
    line("service", part.service.clone());
    line("tool", part.tool_name.clone());
    line("tool call", part.tool_call_id.clone());
    line("ask", text(&part.ask));
    line("answer", text(&part.answer));
    line("asks for", text(&part.tool_calls.join(", ")));
    line("documents", part.documents.map(|n| n.to_string()));
    for piece in &part.contents {
        let who = if piece.role.is_empty() {
            String::new()
        } else {
            format!("{} ", piece.role)
        };
        let name = match piece.slot {
            Slot::ToolDefinition => "- tool",
            Slot::System => "- system",
            Slot::Message => "- message",
            Slot::Response => "- response",
            Slot::Arguments => "- arguments",
            Slot::Result => "- result",
            Slot::Document => "- document",
        };
        line(name, Some(format!("{who}{}: {}", piece.form, piece.body)));
    }
    line("attributes", part.attributes.as_ref().map(|a| a.as_str().to_owned()));
    line("inferred", text(&part.inferred.names().collect::<Vec<_>>().join(", ")));
    let slots = part.contents.iter().fold(0, |bits, piece| bits | piece.slot.bit());
    assert_eq!(part.slots, slots, "the slots name what is there: {out}");
    out
}

fn usage(usage: &Usage) -> Option<String> {
    let classes = usage.classes();
    let known = classes.iter().filter_map(|(name, count)| count.map(|n| format!("{name} {n}")));
    let known: Vec<String> = known.collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn time(nanos: i64) -> String {
    Timestamp::from_nanosecond(nanos.into()).unwrap().to_string()
}

fn ms(nanos: i64) -> String {
    Cost(i128::from(nanos) * 1_000_000).decimal()
}

/// On one line, with what would not be seen spelled out.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => out.push(c),
            c => out.extend(c.escape_debug()),
        }
    }
    out
}
