//! How fast lines become batches.

use std::fmt::Write as _;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use spanscope::model::framing::Framing;
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::StartFrom;
use spanscope::model::turn::Turn;

fn main() {
    divan::main();
}

fn block(bytes: String) -> Block {
    let info = SourceInfo {
        id: 0,
        uri: "bench.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: 0,
        order: Order::Random,
    };
    Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset: 0,
        bytes: bytes.into_bytes(),
        omitted: 0,
        framing: Framing::Lines,
        turn: Turn::default(),
        fallback: (0, StartFrom::File),
        dialect: None,
    }
}

/// Flat call lines of about 6.7 KB: a long system prompt and a history.
fn flat(lines: usize) -> Block {
    let mut text = String::new();
    let system = "You answer politely and cite the policy you used. ".repeat(60);
    for n in 0..lines {
        let history: String = (0..20).map(|turn| format!(r#"{{"role":"user","content":"question {turn} of customer {n}, with some words around it to make it long enough to count"}},"#)).collect();
        let _ = writeln!(
            text,
            r#"{{"timestamp":"2026-11-22T15:00:00Z","trace_id":"{n:032x}","model":"claude-sonnet-4-6","system":"{system}","messages":[{history}{{"role":"user","content":"the last one"}}],"response_text":"an answer","stop_reason":"end_turn","input_tokens":1500,"output_tokens":90,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":810.5,"params":{{"temperature":0.2}}}}"#
        );
    }
    block(text)
}

fn otlp(lines: usize) -> Block {
    let mut text = String::new();
    for n in 0..lines {
        let _ = writeln!(
            text,
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{n:032x}","spanId":"{n:016x}","name":"chat","kind":3,"startTimeUnixNano":"1795000000000000000","endTimeUnixNano":"1795000001000000000","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.request.model","value":{{"stringValue":"gpt-5-mini"}}}},{{"key":"gen_ai.usage.input_tokens","value":{{"intValue":"850"}}}},{{"key":"gen_ai.usage.output_tokens","value":{{"intValue":"92"}}}}]}}]}}]}}]}}"#
        );
    }
    block(text)
}

/// Exports of one call with its prompt and answer, as instrumentations that capture content write them: about 4.6 KB.
fn otlp_with_content(lines: usize) -> Block {
    let mut text = String::new();
    let system = "You answer politely and cite the policy you used. ".repeat(30);
    for n in 0..lines {
        let turns: Vec<serde_json::Value> = (0..12)
            .map(|turn| {
                serde_json::json!({"role": if turn % 2 == 0 { "user" } else { "assistant" }, "parts": [{"type": "text",
                "content": format!("question {turn} of customer {n}, with some words around it to make it long enough to count")}]})
            })
            .collect();
        let attribute = |key: &str, value: &str| serde_json::json!({"key": key, "value": {"stringValue": value}});
        let span = serde_json::json!({"traceId": format!("{n:032x}"), "spanId": format!("{n:016x}"), "name": "chat gpt-5-mini", "kind": 3,
            "startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": "1795000001000000000", "attributes": [
                attribute("gen_ai.operation.name", "chat"), attribute("gen_ai.provider.name", "openai"), attribute("gen_ai.request.model", "gpt-5-mini"),
                attribute("gen_ai.system_instructions", &serde_json::json!([{"type": "text", "content": system}]).to_string()),
                attribute("gen_ai.input.messages", &serde_json::Value::from(turns).to_string()),
                attribute("gen_ai.output.messages", r#"[{"role":"assistant","parts":[{"type":"text","content":"an answer"}],"finish_reason":"stop"}]"#),
                {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "850"}}, {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "92"}}]});
        let export = serde_json::json!({"resourceSpans": [{"resource": {"attributes": [attribute("service.name", "shop")]}, "scopeSpans": [{"spans": [span]}]}]});
        let _ = writeln!(text, "{export}");
    }
    block(text)
}

/// Flat call lines as conversations write them: each of twenty turns repeats the turns before it.
fn conversations(count: usize) -> Block {
    let mut text = String::new();
    for n in 0..count {
        let mut history = String::new();
        for turn in 0..20 {
            let _ = write!(
                history,
                r#"{{"role":"user","content":"question {turn} of customer {n}, with some words around it to make it long enough to count"}}"#
            );
            let _ = writeln!(
                text,
                r#"{{"timestamp":"2026-11-22T15:00:00Z","trace_id":"{n:030x}{turn:02x}","model":"claude-sonnet-4-6","system":"You answer politely.","messages":[{history}],"response_text":"an answer","stop_reason":"end_turn","input_tokens":1500,"output_tokens":90,"latency_ms":810.5,"params":{{"temperature":0.2}}}}"#
            );
            let _ = write!(
                history,
                r#",{{"role":"assistant","content":"answer {turn} for customer {n}: {}"}},"#,
                "what the policy says about it ".repeat(10)
            );
        }
    }
    block(text)
}

/// The lines of one dialect: its fixtures, whose texts are short, or the same with texts as long as applications write them.
struct Lines {
    dialect: String,
    long: bool,
}

impl std::fmt::Display for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.text();
        let lines = text.lines().count().max(1);
        write!(f, "{}, {} bytes a line", self.dialect, text.len() / lines)
    }
}

impl Lines {
    fn of_every_dialect(long: bool) -> Vec<Self> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let entries = std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("a folder"));
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name != "store")
            .collect();
        names.sort();
        names.into_iter().map(|dialect| Self { dialect, long }).collect()
    }

    /// Every line once.
    fn text(&self) -> String {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fixtures")
            .join(&self.dialect);
        let files = std::fs::read_dir(&folder)
            .expect("a folder of fixtures")
            .map(|entry| entry.expect("a file").path());
        let files = files.filter(|path| path.extension().is_some_and(|e| e == "jsonl"));
        let text: String = files
            .map(|path| String::from_utf8_lossy(&std::fs::read(path).expect("a fixture")).into_owned())
            .collect();
        if self.long { text.lines().map(lengthened).collect() } else { text }
    }

    fn block(&self) -> Block {
        let text = self.text();
        let mut block = block(text.repeat((4 << 20) / text.len() + 1));
        if Framing::of(&block.bytes) == Framing::Conversation {
            block.framing = Framing::Conversation;
        }
        block
    }
}

/// A line whose texts say more, up to some KB; one that holds no JSON object stays as it is.
fn lengthened(line: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<serde_json::Value>(line) else {
        return format!("{line}\n");
    };
    if value.is_object() {
        lengthen(&mut value, &mut 4_000);
    }
    format!("{value}\n")
}

/// Texts are those with a space in them; JSON in strings holds texts too.
fn lengthen(value: &mut serde_json::Value, room: &mut usize) {
    use serde_json::Value;
    const WORDS: &str =
        " What the policy says about it depends on the plan: \"annual\" plans are refunded within 30 days,\nmonthly ones are not.";
    match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            if let Ok(mut inner) = serde_json::from_str::<Value>(text) {
                lengthen(&mut inner, room);
                *text = inner.to_string();
            }
        }
        Value::String(text) if text.contains(' ') && *room > 0 => {
            let more = WORDS.repeat(9);
            *room = room.saturating_sub(more.len());
            text.push_str(&more);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lengthen(item, room)),
        Value::Object(members) => members.values_mut().for_each(|member| lengthen(member, room)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Short lines: what a line costs beside its bytes.
#[divan::bench(args = Lines::of_every_dialect(false))]
fn short(bencher: Bencher<'_, '_>, lines: &Lines) {
    let block = lines.block();
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

/// Lines as applications write them.
#[divan::bench(args = Lines::of_every_dialect(true))]
fn long(bencher: Bencher<'_, '_>, lines: &Lines) {
    let block = lines.block();
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

/// An array of exports, indented.
#[divan::bench]
fn documents(bencher: Bencher<'_, '_>) {
    let text = String::from_utf8(otlp(1_000).bytes).expect("text");
    let records: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("an export")).collect();
    let mut block = block(serde_json::to_string_pretty(&records).expect("a document"));
    block.framing = Framing::Documents;
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

#[divan::bench]
fn conversation_lines(bencher: Bencher<'_, '_>) {
    let block = conversations(50);
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

#[divan::bench]
fn flat_lines(bencher: Bencher<'_, '_>) {
    let block = flat(1_000);
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

#[divan::bench]
fn otlp_lines(bencher: Bencher<'_, '_>) {
    let block = otlp(1_000);
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}

#[divan::bench]
fn otlp_lines_with_content(bencher: Bencher<'_, '_>) {
    let block = otlp_with_content(1_000);
    bencher
        .counter(BytesCount::new(block.bytes.len()))
        .bench_local(|| spanscope::formats::parse(divan::black_box(&block)));
}
