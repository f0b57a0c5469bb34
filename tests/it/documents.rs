//! Whole documents and lines in pieces: read like the lines they could be, and every physical line accounted for.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use spanscope::formats::parse;
use spanscope::formats::scan::Fields;
use spanscope::model::framing::{Framing, compact};
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo};
use spanscope::model::span::{Inferred, Origin, Part, StartFrom, TraceKey};

fn read(bytes: &[u8], framing: Framing) -> Batch {
    let info = SourceInfo {
        id: 0,
        uri: "document".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: 0,
        order: Order::Random,
    };
    parse(&Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset: 0,
        bytes: bytes.to_vec(),
        omitted: 0,
        framing,
        turn: spanscope::model::turn::Turn::default(),
        fallback: (0, StartFrom::File),
        dialect: None,
    })
}

/// As its first bytes say.
fn read_as_told(bytes: &[u8]) -> Batch {
    let batch = read(bytes, Framing::of(bytes));
    let t = &batch.tally;
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').count() as u64;
    assert_eq!((t.lines, t.span + t.other + t.rejected + t.blank), (lines, lines));
    assert_eq!(t.span + t.other, t.dialects.values().sum::<u64>());
    assert_eq!(t.rejected, t.rejects.values().sum::<u64>());
    batch
}

/// Every line of every fixture that is an object, without blanks between its values, by dialect.
fn records() -> Vec<Vec<Vec<u8>>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = files.filter(|file| file.path().extension().is_some_and(|e| e == "jsonl"));
    let lines = |file: walkdir::DirEntry| {
        let bytes = std::fs::read(file.path()).unwrap();
        let whole = |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|text| Fields::of(text).is_some());
        bytes.split(|byte| *byte == b'\n').filter(whole).map(compact).collect::<Vec<_>>()
    };
    files.map(lines).filter(|lines| !lines.is_empty()).collect()
}

/// As `json.dumps(…, indent=2)` and `jq .` write it.
fn pretty(record: &[u8], indent: usize) -> String {
    let (mut out, mut depth, mut string, mut escaped) = (String::new(), indent, false, false);
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    out.push_str(&"  ".repeat(indent));
    for c in std::str::from_utf8(record).unwrap().chars() {
        if string {
            out.push(c);
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => string = false,
                _ => {}
            }
            continue;
        }
        if matches!(c, '}' | ']') {
            depth -= 1;
            line(&mut out, depth);
        }
        out.push(c);
        match c {
            '"' => string = true,
            '{' | '[' => {
                depth += 1;
                line(&mut out, depth);
            }
            ',' => line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    out
}

fn arrays_and_objects(records: &[Vec<u8>]) -> [String; 3] {
    let pretty = |indent: usize| records.iter().map(|record| pretty(record, indent)).collect::<Vec<_>>();
    let whole: Vec<String> = records.iter().map(|record| String::from_utf8(record.clone()).unwrap()).collect();
    [
        format!("[\n{}\n]\n", pretty(1).join(",\n")),
        pretty(0).join("\n") + "\n",
        format!("[\n{}]", whole.join(",\n ")),
    ]
}

/// What a part says, wherever it stands.
fn said(batch: Batch) -> Vec<Part> {
    let made: BTreeSet<String> = batch
        .parts
        .iter()
        .filter(|part| part.inferred.has(Inferred::TRACE_ID))
        .map(|part| part.trace_id.clone())
        .collect();
    let parts = batch.parts.into_iter().map(|mut part| {
        part.origin = Origin {
            ordinal: part.origin.ordinal,
            ..Origin::default()
        };
        // What follows from the place.
        if part.inferred.has(Inferred::SPAN_ID) {
            part.span_id.clear();
        }
        if made.contains(&part.trace_id) {
            part.trace_id.clear();
            part.trace = TraceKey(0);
        }
        part
    });
    parts.collect()
}

#[test]
fn a_document_is_read_like_its_sibling_in_lines() {
    for records in records() {
        let lines = read(&records.join(&b'\n'), Framing::Lines);
        let (others, rejects) = (lines.others.len(), lines.rejects.len());
        let lines = said(lines);
        for text in arrays_and_objects(&records) {
            assert_eq!(Framing::of(text.as_bytes()), Framing::Documents, "{text:.200}");
            let batch = read_as_told(text.as_bytes());
            assert_eq!(
                (batch.parts.len(), batch.others.len(), batch.rejects.len()),
                (lines.len(), others, rejects),
                "{text:.200}"
            );
            for part in &batch.parts {
                let (start, length) = (part.origin.offset as usize, part.origin.length as usize);
                let record = &text.as_bytes()[start..start + length];
                assert!(records.contains(&compact(record)), "it stands where it says");
            }
            for (found, expected) in said(batch).iter().zip(&lines) {
                assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn what_stands_between_records_is_blank_or_told() {
    let text = "[\n  {\n    \"model\": \"m\",\n    \"input_tokens\": 1\n  },\n\n  7,\n  {\n    \"a\": 1\n  }\n]\n";
    let t = read_as_told(text.as_bytes()).tally;
    assert_eq!((t.lines, t.span, t.other, t.rejected, t.blank), (11, 4, 3, 1, 3));
    // A writer that was killed, and one that began anew.
    let text = "{\n  \"model\": \"m\",\n  \"resp{\n  \"x\": 1\n}\n{\n  \"model\": \"m\",\n  \"input_tokens\": 1\n}\n";
    let t = read_as_told(text.as_bytes()).tally;
    assert_eq!((t.span, t.rejected, t.blank), (4, 5, 0));
}

#[test]
fn lines_in_pieces_are_joined() {
    let call = r#"{"model":"m","response_text":"a \"quoted\" answer that is long \\n","input_tokens":7}"#;
    let whole = read(call.as_bytes(), Framing::Lines).parts.remove(0);
    let third = call.len() / 3;
    let pieces = [&call[..third], &call[third..2 * third], &call[2 * third..]];
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let docker = |stream: &str, text: &str| {
        format!(
            "{{\"log\":{},\"stream\":\"{stream}\",\"time\":\"2026-11-22T15:04:05Z\"}}\n",
            quoted(text)
        )
    };
    let cri = |stream: &str, tag: &str, text: &str| format!("2026-11-22T15:04:05Z {stream} {tag} {text}\n");
    let in_docker = [
        docker("stdout", pieces[0]),
        docker("stderr", "of another stream\n"),
        docker("stdout", pieces[1]),
        docker("stdout", &format!("{}\n", pieces[2])),
        docker("stdout", "{\"model\":\"m\",\"input_tokens\":8}\n"),
    ];
    let in_cri = [
        cri("stdout", "P", pieces[0]),
        cri("stderr", "F", "{\"of\":\"another stream\"}"),
        cri("stdout", "P", pieces[1]),
        cri("stdout", "F", pieces[2]),
        cri("stdout", "F", "{\"model\":\"m\",\"input_tokens\":8}"),
    ];
    for text in [in_docker.concat(), in_cri.concat()] {
        let batch = read_as_told(text.as_bytes());
        let t = &batch.tally;
        assert_eq!((t.lines, t.span, t.other, t.rejected), (5, 4, 1, 0), "{text}");
        let part = &batch.parts[0];
        assert_eq!((part.usage, &part.contents), (whole.usage, &whole.contents));
        assert_eq!(part.start_from, StartFrom::Envelope);
        let (start, end) = (
            part.origin.offset as usize,
            part.origin.offset as usize + part.origin.length as usize,
        );
        assert_eq!(text[start..end].lines().count(), 4, "from its first piece to its last");
        // Without its last piece, and without its first.
        let lines: Vec<&str> = text.lines().collect();
        for (kept, rejected) in [(&lines[..3], 2), (&lines[2..4], 2), (&lines[3..4], 1)] {
            let batch = read_as_told(kept.join("\n").as_bytes());
            assert_eq!(batch.tally.rejected, rejected, "{kept:?}");
            let reject = &batch.rejects[0];
            assert_eq!(reject.reason, "part of a longer line");
            assert!(
                reject.detail.contains("Docker") || reject.detail.contains("container runtime"),
                "{}",
                reject.detail
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_document_cut_or_damaged_anywhere_is_accounted_for(file in any::<prop::sample::Index>(), form in 0..3_usize, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let records = records();
        let records = file.get(&records);
        let mut text = arrays_and_objects(&records[..records.len().min(8)])[form].clone().into_bytes();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
            // Behind a comma between records more is promised: no reader hands that out.
            while text.last().is_some_and(|byte| matches!(byte, b',' | b' ')) {
                text.pop();
            }
        } else {
            text[at] = byte;
        }
        let batch = read_as_told(&text);
        prop_assert_eq!(batch.parts, read(&text, Framing::of(&text)).parts);
    }
}
