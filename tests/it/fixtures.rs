//! What each dialect makes of the lines in `tests/fixtures/<dialect>/<case>.jsonl`, told in `<case>.snap` beside them.
//!
//! The tellings are meant to be read: every fact a line states stands there once, and what was not logged does not stand there at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use spanscope::derive::{derive, merge_pieces};
use spanscope::formats::container::UNMISTAKABLE;
use spanscope::formats::scan::Fields;
use spanscope::formats::{dialects, parse};
use spanscope::model::content::{Slot, assemble};
use spanscope::model::framing::Framing;
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo, Tally};
use spanscope::model::span::{Inferred, Part, StartFrom, Status, TraceKey};
use spanscope::model::turn::Turn;
use spanscope::model::usage::{Cost, Usage};
use spanscope::pricing::Prices;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
/// The time of lines that carry none: 2026-11-20T12:00:00Z.
const FILE_TIME: i64 = 1_795_176_000_000_000_000;

/// Folders that are named after a dialect, with their `.jsonl` files. `store` holds stores.
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
    folders
        .iter()
        .filter(|folder| folder.is_dir() && !folder.ends_with("store"))
        .map(|folder| (stem(folder), files(folder)))
        .collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn read(bytes: &[u8]) -> Batch {
    let framing = match Framing::of(bytes) {
        Framing::Conversation => Framing::Conversation,
        _ => Framing::Lines,
    };
    parse(&block(bytes, 0, framing, Turn::default()))
}

fn block(bytes: &[u8], offset: u64, framing: Framing, turn: Turn) -> Block {
    let info = SourceInfo {
        id: 0,
        uri: "fixture.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: FILE_TIME,
        order: Order::Random,
    };
    Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset,
        bytes: bytes.to_vec(),
        omitted: 0,
        framing,
        turn,
        fallback: (FILE_TIME, StartFrom::File),
        dialect: None,
    }
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

/// What an independent reader, `tests/fixtures/expected.py`, counted in a file is what is counted here.
#[test]
fn an_independent_reader_counts_the_same() {
    let prices = Prices::embedded();
    let mut compared = BTreeSet::new();
    for (dialect, files) in fixtures() {
        for file in files {
            let Ok(expected) = std::fs::read_to_string(file.with_extension("expected.json")) else {
                continue;
            };
            let mut traces: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
            for part in read(&std::fs::read(&file).unwrap()).parts {
                traces.entry(part.trace).or_default().push(part);
            }
            let rows: Vec<_> = traces.into_values().map(|parts| derive(parts, &prices).row).collect();
            let usage = rows.iter().fold(Usage::default(), |sum, row| sum.add(&row.usage));
            let tokens = [
                ("input", usage.input),
                ("cache_read", usage.cache_read),
                ("cache_write", usage.total_cache_write()),
                ("output", usage.output),
            ];
            let tokens: serde_json::Map<String, serde_json::Value> = tokens
                .into_iter()
                .filter_map(|(name, count)| Some((name.to_owned(), count?.into())))
                .collect();
            let found = serde_json::json!({
                "traces": rows.len(),
                "spans": rows.iter().map(|row| row.spans).sum::<u32>(),
                "model_calls": rows.iter().map(|row| row.llm_calls).sum::<u32>(),
                "tool_calls": rows.iter().map(|row| row.tool_calls).sum::<u32>(),
                "tokens": tokens,
            });
            let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
            assert_eq!(found, expected, "{}", file.display());
            compared.insert(dialect.clone());
        }
    }
    // What nobody recognises holds nothing that could be counted.
    for (dialect, _) in fixtures().iter().filter(|(name, _)| name != "generic") {
        assert!(compared.contains(dialect), "nobody else has counted {dialect}");
    }
}

/// A dialect's lines are claimed by it and by no other.
#[test]
fn nobody_claims_the_lines_of_another_dialect() {
    for (dialect, files) in fixtures() {
        let own = UNMISTAKABLE.iter().any(|c| c.dialect().name == dialect);
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let batch = read(&bytes);
            let claimed: Vec<&String> = batch.tally.dialects.keys().collect();
            // Plain records stand among others and in envelopes: only what is unmistakable claims whole files.
            assert!(
                !own || claimed.iter().all(|name| **name == dialect),
                "{claimed:?} in {}",
                file.display()
            );
            assert!(!own || batch.parts.iter().all(|part| part.dialect == dialect), "{}", file.display());
            for line in String::from_utf8_lossy(&bytes).lines() {
                let Some(fields) = Fields::of(line) else { continue };
                let all = UNMISTAKABLE.iter().filter(|c| c.recognises(&fields)).map(|c| c.dialect().name);
                // Phoenix writes the Python SDK's shape with more beside it, and is asked first.
                let others: Vec<&str> = all
                    .filter(|name| *name != dialect && (dialect.as_str(), *name) != ("phoenix", "otel_python"))
                    .collect();
                assert!(others.is_empty(), "{others:?} claim {line}");
            }
        }
    }
}

/// The parts of several files, as if they were read together.
fn together(files: &[&str]) -> Vec<Part> {
    let read = |file: &&str| read(&std::fs::read(Path::new(ROOT).join(file)).unwrap()).parts;
    files.iter().flat_map(read).collect()
}

/// The trees of a conversation, prompt by prompt.
fn trees(parts: Vec<Part>) -> String {
    let mut traces: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
    for part in parts {
        traces.entry(part.trace).or_default().push(part);
    }
    let mut traces: Vec<Vec<Part>> = traces.into_values().collect();
    traces.sort_by_key(|parts| parts.iter().map(|part| part.start).min());
    traces.into_iter().map(tree).collect::<Vec<_>>().join("\n\n")
}

/// The tree of a trace: a line a span.
fn tree(parts: Vec<Part>) -> String {
    let mut backwards = parts.clone();
    backwards.reverse();
    let prices = Prices::embedded();
    let trace = derive(parts, &prices);
    assert_eq!(trace, derive(backwards, &prices), "the order of arrival says nothing");
    let lines = trace.spans.iter().map(|span| {
        let part = &span.part;
        let took = part.end.map(|end| format!(" {} ms", ms(end - part.start))).unwrap_or_default();
        let model = part.request_model.as_deref().map(|model| format!(" {model}")).unwrap_or_default();
        let found: Vec<&str> = span.findings.iter().map(|finding| finding.kind.name()).collect();
        let found = if found.is_empty() {
            String::new()
        } else {
            format!(" !{}", found.join(" !"))
        };
        let usage = usage(&part.usage).map(|usage| format!(" [{usage}]")).unwrap_or_default();
        format!(
            "{}{} {:?}{model}{took}{usage}{found}",
            "  ".repeat(usize::from(span.depth)),
            part.kind,
            part.name
        )
    });
    let row = &trace.row;
    let of = [&row.session, &row.feature].map(|text| text.as_deref().unwrap_or("-"));
    format!(
        "{} of {} in {}\n{}",
        row.trace_id,
        of[0],
        of[1],
        lines.collect::<Vec<_>>().join("\n")
    )
}

#[test]
fn a_conversation_is_put_in_order() {
    let claude = [
        "claude_code/session.jsonl",
        "claude_code/subagent.jsonl",
        "claude_code/resumed.jsonl",
        "claude_code/agent_alone.jsonl",
    ];
    insta::assert_snapshot!("conversation_claude_code", trees(together(&claude)));
    insta::assert_snapshot!(
        "conversation_codex",
        trees(together(&["codex/rollout.jsonl", "codex/first_versions.jsonl"]))
    );
    insta::assert_snapshot!("conversation_pi", trees(together(&["pi/session.jsonl"])));
}

/// Wherever a conversation is cut into blocks, and in whatever order these are read, its lines say the same.
#[test]
fn blocks_of_a_conversation_say_what_it_says_as_a_whole() {
    let conversations = dialects().iter().filter(|dialect| dialect.order == Order::Ordered);
    let names: Vec<&str> = conversations.map(|dialect| dialect.name).collect();
    assert_eq!(names, ["codex", "claude_code", "pi"]);
    for (_, files) in fixtures().into_iter().filter(|(name, _)| names.contains(&&**name)) {
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let whole = read(&bytes);
            let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
            for cut in ends {
                let framing = Framing::of(&bytes);
                let mut turn = Turn::default();
                let front = parse(&block(&bytes[..cut], 0, framing, turn.clone()));
                turn.pass(&bytes[..cut]);
                let back = parse(&block(&bytes[cut..], cut as u64, framing, turn));
                let mut tally = back.tally.clone();
                tally.add(&front.tally);
                assert_eq!(
                    (tally, [front.parts, back.parts].concat()),
                    (whole.tally.clone(), whole.parts.clone())
                );
            }
        }
    }
}

#[test]
fn an_event_that_names_the_answer_belongs_to_its_call() {
    insta::assert_snapshot!("event_by_answer", trees(together(&["otlp/by_answer.jsonl"])));
}

/// A call that only an event tells of is a call; one that may have a span in its trace is counted there.
#[test]
fn an_event_may_be_the_only_record_of_its_call() {
    insta::assert_snapshot!("only_witness", trees(together(&["otlp/only_witness.jsonl"])));
}

#[test]
fn a_fork_repeats_what_belongs_to_its_origin() {
    let parts = together(&["claude_code/session.jsonl", "claude_code/fork.jsonl"]);
    let traces: BTreeSet<&str> = parts.iter().map(|part| part.trace_id.as_str()).collect();
    let own = "00000040-0000-4000-8000-000000000000";
    assert!(
        traces.len() == 3 && traces.contains(own),
        "only what the fork says itself is its own: {traces:?}"
    );
    let sums = |parts: &[Part], trace: &str| {
        let parts = parts.iter().filter(|part| part.trace_id == trace).cloned().collect();
        let row = derive(parts, &Prices::embedded()).row;
        (row.usage, row.cost, row.llm_calls, row.session)
    };
    let alone = together(&["claude_code/session.jsonl"]);
    for trace in traces.iter().filter(|trace| **trace != own) {
        assert_eq!(sums(&parts, trace), sums(&alone, trace));
    }
}

/// A resumed session repeats its lines under another name: a call is counted once.
#[test]
fn a_resumed_session_is_counted_once() {
    let calls = |files: &[&str]| {
        let mut calls: BTreeSet<(TraceKey, String)> = BTreeSet::new();
        let parts = together(files).into_iter().filter(|part| !part.usage.is_empty());
        calls.extend(parts.map(|part| (part.trace, part.span_id)));
        calls.len()
    };
    let alone = calls(&["claude_code/session.jsonl"]);
    assert_eq!(calls(&["claude_code/session.jsonl", "claude_code/resumed.jsonl"]), alone + 2);
}

#[test]
fn what_is_said_in_several_lines_is_put_together() {
    let said = |files: &[&str], span: &str| {
        let parts = together(files).into_iter().filter(|part| part.span_id == span);
        assemble(merge_pieces(parts.map(|part| part.contents).collect()))
    };
    let call = said(&["claude_code/session.jsonl"], "msg_1:req_1").response;
    let kinds: Vec<String> = call
        .iter()
        .flat_map(|message| &message.parts)
        .map(|part| serde_json::to_value(part).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["reasoning", "text", "tool_call", "tool_call"]);
    let events = said(&["otlp/logs.jsonl"], "00f067aa0ba90001");
    assert_eq!(events.system.as_deref(), Some("Answer from the handbook."));
    assert_eq!((events.messages.len(), events.response.len()), (3, 1));
}

/// Every line of every fixture.
fn lines() -> Vec<Vec<u8>> {
    let files = fixtures().into_iter().flat_map(|(_, files)| files);
    let all = files.map(|file| std::fs::read(file).unwrap());
    all.flat_map(|bytes| bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .collect()
}

/// Whatever became of the line, it is accounted for, and reading it again says the same.
fn accounted(bytes: &[u8]) {
    let batch = read(bytes);
    let t = &batch.tally;
    assert_eq!(t.lines, t.span + t.other + t.rejected + t.blank);
    assert_eq!((t.other, t.rejected), (batch.others.len() as u64, batch.rejects.len() as u64));
    assert_eq!(batch.parts, read(bytes).parts);
    for part in &batch.parts {
        assert!(!part.span_id.is_empty() && !part.trace_id.is_empty());
        assert!(part.attributes.as_ref().is_none_or(|attributes| attributes.value().is_object()));
        assert!(part.params.as_ref().is_none_or(|params| params.value().is_object()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_file_damaged_anywhere_is_accounted_for(file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let files: Vec<PathBuf> = fixtures().into_iter().flat_map(|(_, files)| files).collect();
        let mut bytes = std::fs::read(file.get(&files)).unwrap();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
        prop_assert_eq!(read(&bytes).tally.lines, lines);
        accounted(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_fixture_cut_or_damaged_anywhere_is_accounted_for(line in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let lines = lines();
        let mut line = line.get(&lines).clone();
        if !line.is_empty() {
            let at = at.index(line.len());
            if cut {
                line.truncate(at);
            } else {
                line[at] = byte;
            }
        }
        accounted(&line);
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
