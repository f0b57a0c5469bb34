//! Laws that hold for every dialect, over the sample logs.

use std::path::PathBuf;
use std::sync::Arc;

use spanscope::formats;
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo};
use spanscope::model::span::StartFrom;

fn block(bytes: &[u8], offset: u64) -> Block {
    let info = SourceInfo {
        id: 3,
        uri: "app.jsonl".into(),
        device: 1,
        inode: 2,
        generation: 0,
        file_time: 7,
        order: Order::Random,
    };
    Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset,
        bytes: bytes.to_vec(),
        fallback: (7, StartFrom::File),
        dialect: None,
    }
}

fn parse(bytes: &[u8]) -> Batch {
    let batch = formats::parse(&block(bytes, 0));
    let tally = &batch.tally;
    assert_eq!(
        tally.lines,
        tally.span + tally.other + tally.rejected + tally.blank,
        "a line is lost"
    );
    batch
}

/// Sample files by the folder that names their dialect.
fn samples() -> Vec<(String, PathBuf)> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data"));
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()) {
        for file in std::fs::read_dir(&folder).unwrap() {
            found.push((folder.file_name().unwrap().to_string_lossy().into_owned(), file.unwrap().path()));
        }
    }
    found.sort();
    found
}

#[test]
fn samples_are_read_by_their_own_dialect() {
    for (dialect, path) in samples() {
        let batch = parse(&std::fs::read(&path).unwrap());
        assert_eq!(batch.tally.rejected, 0, "{}", path.display());
        assert!(!batch.parts.is_empty());
        for part in &batch.parts {
            assert_eq!(part.dialect, dialect, "{}", path.display());
        }
    }
}

#[test]
fn reading_twice_is_equal_and_blocks_may_begin_at_any_line() {
    for (_, path) in samples() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = parse(&bytes);
        assert_eq!(whole.parts, parse(&bytes).parts);
        let mut pieces = Vec::new();
        let mut offset = 0;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            pieces.extend(formats::parse(&block(line, offset)).parts);
            offset += line.len() as u64;
        }
        assert_eq!(whole.parts, pieces, "{}", path.display());
    }
}

#[test]
fn a_line_cut_anywhere_is_accounted_for() {
    for (_, path) in samples() {
        let bytes = std::fs::read(&path).unwrap();
        let line = bytes.split(|b| *b == b'\n').next().unwrap();
        for end in (0..line.len()).step_by(7) {
            parse(&line[..end]);
        }
    }
}

#[test]
fn what_is_no_json_is_kept_with_its_reason() {
    let batch = parse(b"plain text\n{\"a\":1}\n\n[1,2]\n{\"trace_id\":\"t\",\"model\":\"m\",\"input_tokens\":NaN,\"output_tokens\":3}\n");
    assert_eq!(
        (
            batch.tally.lines,
            batch.tally.rejected,
            batch.tally.other,
            batch.tally.blank,
            batch.tally.span
        ),
        (5, 2, 1, 1, 1)
    );
    assert_eq!(batch.rejects[0].bytes, b"plain text");
    assert_eq!(batch.others[0].dialect, "generic");
    let part = &batch.parts[0];
    assert_eq!(
        (part.usage.input, part.usage.output),
        (None, Some(3)),
        "NaN is not a number of tokens, and not zero"
    );
}

#[test]
fn cached_tokens_are_never_counted_twice() {
    // OpenTelemetry's input includes cached tokens; the disjoint classes add up to what was logged.
    let line = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef","name":"chat","startTimeUnixNano":"1795000000000000000","endTimeUnixNano":1795000001000000000,"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.request.model","value":{"stringValue":"claude-sonnet-4-6"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"130213"}},{"key":"gen_ai.usage.cache_read.input_tokens","value":{"intValue":128955}},{"key":"gen_ai.usage.cache_creation.input_tokens","value":{"intValue":1253}},{"key":"gen_ai.usage.output_tokens","value":{"intValue":0}}]}]}]}]}"#;
    let usage = parse(line).parts[0].usage;
    assert_eq!(
        (usage.input, usage.cache_read, usage.total_cache_write(), usage.total_input()),
        (Some(5), Some(128_955), Some(1_253), Some(130_213))
    );
    // Anthropic's own input leaves them out.
    let line = br#"{"trace_id":"t","model":"claude-sonnet-4-6","input_tokens":5,"output_tokens":0,"cache_read_tokens":128955,"cache_write_tokens":1253}"#;
    let usage = parse(line).parts[0].usage;
    assert_eq!(usage.total_input(), Some(130_213));
}
