//! Lines into facts: laws that hold for every line, and what each dialect means.

use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use spanscope::formats::{self, parse};
use spanscope::model::content::{Form, MessagePart, Slot, assemble};
use spanscope::model::framing::Framing;
use spanscope::model::json::Json;
use spanscope::model::mapping::{Mapping, Pointer};
use spanscope::model::record::{Batch, Block, Identity, Order, SourceInfo};
use spanscope::model::span::{Inferred, Part, SpanKind, StartFrom, Status};
use spanscope::model::usage::{Convention, Cost, Usage};

/// Where the lines stand in their file.
const START: u64 = 100;
const FALLBACK: i64 = 1_795_000_000_000_000_000;

fn block_at(bytes: &[u8], offset: u64) -> Block {
    let info = SourceInfo {
        id: 7,
        uri: "app.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 2,
        file_time: FALLBACK,
        order: Order::Random,
    };
    Block {
        source: Arc::new(info),
        identity: Identity::default(),
        offset,
        bytes: bytes.to_vec(),
        omitted: 0,
        framing: Framing::Lines,
        turn: spanscope::model::turn::Turn::default(),
        fallback: (FALLBACK, StartFrom::File),
        dialect: None,
    }
}

fn read(bytes: impl AsRef<[u8]>) -> Batch {
    let batch = parse(&block_at(bytes.as_ref(), START));
    let t = &batch.tally;
    assert_eq!(t.lines, t.span + t.other + t.rejected + t.blank, "every line is accounted for");
    assert_eq!(t.other, batch.others.len() as u64);
    assert_eq!(t.rejected, batch.rejects.len() as u64);
    assert_eq!(t.span + t.other, t.dialects.values().sum::<u64>());
    batch
}

/// The only part of a line.
fn one(line: &str) -> Part {
    let mut parts = read(line).parts;
    assert_eq!(parts.len(), 1, "{line}");
    parts.remove(0)
}

fn fate(line: &[u8]) -> String {
    let batch = read(line);
    let t = &batch.tally;
    let repaired = batch
        .parts
        .iter()
        .any(|p| p.inferred.has(Inferred::REPAIRED) || p.inferred.has(Inferred::OUT_OF_RANGE));
    match (t.span, t.other, t.rejected) {
        (1, 0, 0) if repaired => "repaired".to_owned(),
        (1, 0, 0) => "span".to_owned(),
        (0, 1, 0) => "other".to_owned(),
        (0, 0, 1) => batch.rejects[0].reason.to_owned(),
        _ => "blank".to_owned(),
    }
}

const CALL: &str = r#"{"trace_id":"5d1f0a52-7f0c-4c52-8e0e-0d9a6f1f2b11","model":"claude-sonnet-4-6","system":"Be kind.","messages":[{"role":"user","content":"May I \u00e9  cancel?"}],"response_text":"Within 30 days.","stop_reason":"end_turn","input_tokens":850,"output_tokens":310,"cache_read_tokens":200,"cache_write_tokens":null,"latency_ms":1890.4211,"params":{"model":"claude-sonnet-4-6","max_tokens":2048,"temperature":1.0}}"#;

const WHOLE: &str = r#"{"trace_id":"abc123","session_id":"s_1","user_id":"u_9912","feature":"support_chat","turns":[{"model":"claude-sonnet-4-6","input_tokens":850,"output_tokens":836,"stop_reason":"tool_use","latency_ms":812.5},{"model":"claude-sonnet-4-6","input_tokens":1420,"output_tokens":310,"stop_reason":"end_turn","latency_ms":912.5,"cache_read_tokens":0,"cache_write_tokens":0}],"tool_calls":[{"tool":"search_docs","inputs":{"query":"refunds"},"result_preview":"[{'id': 'a'}, {'id': 'b'}, {'id': 'c'}]","latency_ms":142.0},{"tool":"get_account_info","inputs":{"user_id":"u_9912"},"result_preview":"{'plan': 'annual'}","latency_ms":23.0}],"total_input_tokens":2270,"total_output_tokens":1146,"total_cost":0.0,"total_latency_ms":1890.0}"#;

const EXPORT: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h1"}}]},"scopeSpans":[{"scope":{"name":"my.lib"},"spans":[{"traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"b7ad6b7169203331","name":"chat","kind":3,"startTimeUnixNano":"1795000000000000000","endTimeUnixNano":"1795000001000000000","attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.provider.name","value":{"stringValue":"anthropic"}},{"key":"gen_ai.request.model","value":{"stringValue":"claude-sonnet-4-6"}},{"key":"gen_ai.request.temperature","value":{"doubleValue":0.2}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"1000"}},{"key":"gen_ai.usage.cache_read.input_tokens","value":{"intValue":600}},{"key":"gen_ai.usage.output_tokens","value":{"intValue":"50"}},{"key":"gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"stop"}]}}},{"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"hi there\"}]}]"}},{"key":"gen_ai.output.messages","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":"role","value":{"stringValue":"assistant"}},{"key":"parts","value":{"arrayValue":{"values":[{"kvlistValue":{"values":[{"key":"type","value":{"stringValue":"tool_call"}},{"key":"name","value":{"stringValue":"look_up"}},{"key":"arguments","value":{"stringValue":"{\"q\": 1}"}}]}}]}}}]}}]}}},{"key":"app.color","value":{"stringValue":"red"}}],"status":{"code":2,"message":"boom"}},{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7","parentSpanId":"b7ad6b7169203331","name":"retrieval kb","startTimeUnixNano":1795000000100000000,"endTimeUnixNano":1795000000200000000,"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"retrieval"}},{"key":"gen_ai.retrieval.documents","value":{"stringValue":"[{\"id\":\"d1\",\"score\":0.910,\"content\":\"text\",\"metadata\":{\"updated\":\"2024-03-02\"}}]"}}],"status":{}}]}]}]}"#;

#[test]
fn a_flat_call() {
    let part = one(CALL);
    assert_eq!((part.kind, part.dialect.as_ref()), (SpanKind::Llm, "llm_trace"));
    assert_eq!(
        part.usage,
        Usage {
            input: Some(850),
            cache_read: Some(200),
            output: Some(310),
            ..Usage::default()
        }
    );
    assert_eq!(part.convention, Convention::Exclusive);
    assert_eq!((part.start, part.start_from), (FALLBACK, StartFrom::File));
    assert_eq!(part.end, Some(FALLBACK + 1_890_421_100));
    assert_eq!((part.ask.as_str(), part.answer.as_str()), ("May I é cancel?", "Within 30 days."));
    assert_eq!(
        part.params.as_ref().map(Json::as_str),
        Some(r#"{"max_tokens":2048,"temperature":1.0}"#)
    );
    assert!(part.inferred.has(Inferred::SPAN_ID));
    assert_eq!(part.attributes, None, "everything was mapped");
    assert_eq!((part.origin.source, part.origin.generation, part.origin.offset), (7, 2, 100));
    let slots: Vec<Slot> = part.contents.iter().map(|p| p.slot).collect();
    assert_eq!(slots, [Slot::System, Slot::Message, Slot::Response]);
}

#[test]
fn envelopes_supply_the_time_and_keep_the_rest() {
    let end = 1_795_465_904_447_000_000;
    let flat = &CALL[1..CALL.len() - 1];
    let iso = "2026-11-23T20:31:44.447Z";
    let lines = [
        format!(r#"{{"message":"llm_trace","trace":{CALL},"timestamp":"{iso}","levelname":"INFO"}}"#),
        format!(r#"{{"trace":{CALL},"event":"llm_trace","level":"info","timestamp":1795465904.447}}"#),
        format!(r#"{{{flat},"event":"llm_trace","level":"info","timestamp":"{iso}"}}"#),
        format!(
            r#"{{"text":"x","record":{{"extra":{{"trace":{CALL}}},"level":{{"name":"INFO","no":20}},"time":{{"repr":"","timestamp":1795465904.447}}}}}}"#
        ),
        format!(r#"{{"text":"x","record":{{"extra":{{"extra":{{"trace":{CALL}}}}},"time":{{"timestamp":1795465904.447}}}}}}"#),
        format!(r#"{{"text":"x","record":{{"extra":{CALL},"time":{{"timestamp":1795465904.447}}}}}}"#),
        format!(r#"{{"severity":"INFO","time":"{iso}","jsonPayload":{CALL}}}"#),
        format!(
            r#"{{"log":{},"stream":"stdout","time":"{iso}"}}"#,
            serde_json::Value::from(format!("{CALL}\n"))
        ),
        format!(
            r#"{{"message":{},"time":"{iso}"}}"#,
            serde_json::Value::from(format!("INFO {CALL}"))
        ),
        format!("2026-11-23T20:31:44.447Z INFO llm_trace {CALL}"),
    ];
    for line in lines {
        let part = one(&line);
        assert_eq!(part.dialect, "llm_trace", "{line}");
        assert_eq!(part.start_from, StartFrom::Envelope, "{line}");
        assert_eq!((part.start, part.end), (end - 1_890_421_100, Some(end)), "{line}");
        assert_eq!(part.usage.input, Some(850));
        assert!(part.attributes.is_some(), "the envelope's own fields are kept: {line}");
        assert_eq!(part.trace_id, "5d1f0a52-7f0c-4c52-8e0e-0d9a6f1f2b11");
    }
}

#[test]
fn a_whole_interaction() {
    let line = format!(r#"{{"event":"llm_interaction","timestamp":"2026-11-23T20:31:44.447Z","level":"info","trace":{WHOLE}}}"#);
    let parts = read(&line).parts;
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names[1..], ["turn 1", "search_docs", "get_account_info", "turn 2"]);
    let root = &parts[0];
    assert_eq!(
        (root.kind, root.span_id.as_str(), root.parent_id.as_deref()),
        (SpanKind::Request, "request", None)
    );
    assert_eq!(root.end.map(|end| end - root.start), Some(1_890_000_000));
    assert_eq!(root.end, Some(1_795_465_904_447_000_000));
    assert_eq!((root.usage, root.cost_logged), (Usage::default(), Some(Cost(0))));
    assert_eq!(
        (root.user.as_deref(), root.feature.as_deref(), root.session.as_deref()),
        (Some("u_9912"), Some("support_chat"), Some("s_1"))
    );
    assert!(root.attributes.as_ref().is_some_and(|a| a.as_str().contains("total_input_tokens")));
    assert_eq!(parts[1].start, root.start);
    assert!(
        parts.iter().all(|p| !p.inferred.has(Inferred::KIND)),
        "the record's shape says what is what"
    );
    for pair in parts[1..].windows(2) {
        assert_eq!(pair[0].end, Some(pair[1].start));
    }
    assert_eq!(parts[4].end, root.end);
    assert_eq!(parts[1].usage.cache_read, None);
    assert_eq!(parts[4].usage.cache_read, Some(0));
    assert_eq!(parts[1].tool_calls, ["search_docs", "get_account_info"]);
    assert_eq!((parts[2].kind, parts[2].documents), (SpanKind::Tool, Some(3)));
    for (i, part) in parts.iter().enumerate() {
        assert_eq!((part.trace, part.origin.ordinal as usize), (root.trace, i));
        assert!(i == 0 || part.inferred.has(Inferred::ORDER.and(Inferred::START).and(Inferred::PARENT)));
    }
}

#[test]
fn a_preview_of_500_characters_was_cut() {
    for (length, form) in [(499, Form::Text), (500, Form::Preview), (501, Form::Text)] {
        let text = "é".repeat(length);
        let parts = read(format!(
            r#"{{"trace_id":"a","turns":[],"tool_calls":[{{"tool":"t","result_preview":"{text}"}}]}}"#
        ))
        .parts;
        let result = parts[1].contents.iter().find(|p| p.slot == Slot::Result).unwrap();
        assert_eq!(result.form, form, "{length}");
    }
}

#[test]
fn an_export() {
    let parts = read(EXPORT).parts;
    assert_eq!(parts.len(), 2);
    let chat = &parts[0];
    assert_eq!(chat.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(
        (chat.kind, chat.status, chat.error.as_deref()),
        (SpanKind::Llm, Status::Error, Some("boom"))
    );
    assert_eq!(
        chat.usage,
        Usage {
            input: Some(400),
            cache_read: Some(600),
            output: Some(50),
            ..Usage::default()
        }
    );
    assert_eq!(
        (chat.provider.as_deref(), chat.service.as_deref(), chat.stop_reason.as_deref()),
        (Some("anthropic"), Some("shop"), Some("stop"))
    );
    assert_eq!(
        (chat.ask.as_str(), chat.tool_calls.as_slice()),
        ("hi there", &["look_up".to_owned()][..])
    );
    assert_eq!(chat.params.as_ref().map(Json::as_str), Some(r#"{"temperature":0.2}"#));
    let attributes = chat.attributes.as_ref().unwrap().as_str();
    for kept in [r#""app.color":"red""#, r#""resource.host.name":"h1""#, r#""scope.name":"my.lib""#] {
        assert!(attributes.contains(kept), "{kept} in {attributes}");
    }
    let search = &parts[1];
    assert_eq!(
        (search.kind, search.documents, search.trace),
        (SpanKind::Retrieval, Some(1), chat.trace)
    );
    let document = search.contents.iter().find(|p| p.slot == Slot::Document).unwrap();
    assert_eq!(
        document.body,
        r#"{"id":"d1","score":0.910,"content":"text","metadata":{"updated":"2024-03-02"}}"#
    );
}

#[test]
fn old_names_and_shapes_of_exports() {
    let snake = r#"[{"scope_spans":[{"spans":[{"trace_id":"5rZ8sA0uT2mV4pQ1xY7bCg==","span_id":"1234567890abcdef","parent_span_id":"0000000000000000","name":"x","start_time_unix_nano":"1795000000000000000","attributes":[{"key":"gen_ai.system","value":{"string_value":"openai"}},{"key":"llm.headers","value":{}},{"key":"gen_ai.usage.prompt_tokens","value":{"int_value":"9"}},{"key":"gen_ai.prompt.0.role","value":{"string_value":"system"}},{"key":"gen_ai.prompt.0.content","value":{"string_value":"Be brief."}},{"key":"gen_ai.prompt.1.role","value":{"string_value":"user"}},{"key":"gen_ai.prompt.1.content","value":{"string_value":"Why?"}},{"key":"gen_ai.completion.0.content","value":{"string_value":"Because."}},{"key":"gen_ai.completion.0.finish_reason","value":{"string_value":"stop"}}]}]}]}]"#;
    let part = one(snake);
    assert_eq!(
        (part.trace_id.len(), part.parent_id.as_deref(), part.usage.input),
        (32, None, Some(9))
    );
    assert_eq!(
        (part.ask.as_str(), part.answer.as_str(), part.stop_reason.as_deref()),
        ("Why?", "Because.", Some("stop"))
    );
    assert_eq!(part.contents[0].slot, Slot::System);
    assert_eq!((part.end, part.ended), (None, false), "a span without an end is open");
    let logs = read(r#"{"resourceLogs":[]}"#);
    assert_eq!(logs.tally.dialects.get("otlp"), Some(&1));
    assert_eq!(logs.tally.other, 1);
}

#[test]
fn inclusive_names_and_the_sanity_rule() {
    let usage = |line: &str| {
        let part = one(line);
        (part.convention, part.usage.input, part.usage.cache_read)
    };
    let openai =
        r#"{"model":"gpt-5-mini","usage":{"prompt_tokens":100,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":60}}}"#;
    assert_eq!(usage(openai), (Convention::Inclusive, Some(40), Some(60)));
    let odd = r#"{"model":"m","usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":60}}}"#;
    assert_eq!(usage(odd), (Convention::Exclusive, Some(10), Some(60)));
    let anthropic = r#"{"model":"m","usage":{"input_tokens":100,"cache_read_input_tokens":60,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}}"#;
    let part = one(anthropic);
    assert_eq!(
        part.usage,
        Usage {
            input: Some(100),
            cache_read: Some(60),
            cache_write: Some(10),
            cache_write_1h: Some(20),
            ..Usage::default()
        }
    );
}

/// Records of one answer that name no trace are one interaction, shown and searchable; one that names no answer stands alone.
#[test]
fn events_without_a_trace_belong_to_their_answer() {
    let event = |name: &str, answer: &str, more: &str| {
        let id = if answer.is_empty() {
            String::new()
        } else {
            format!(r#"{{"key":"gen_ai.response.id","value":{{"stringValue":"{answer}"}}}},"#)
        };
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"timeUnixNano":"1795400000000000000","eventName":"gen_ai.{name}","attributes":[{id}{more}]}}]}}]}}]}}"#
        )
    };
    let text = |key: &str, value: &str| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#);
    let said = r#"{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"Dark mode?\"}]}"#;
    let messages = text("gen_ai.input.messages", &format!("[{said}]"));
    let lines = [
        event("client.inference.operation.details", "resp_7", &messages),
        event("evaluation.result", "resp_7", &text("gen_ai.evaluation.name", "tone")),
        event("evaluation.result", "resp_8", &text("gen_ai.evaluation.name", "tone")),
        event("client.inference.operation.details", "", &messages),
    ];
    let batch = read(lines.join("\n"));
    assert_eq!((batch.tally.span, batch.tally.lines), (4, 4));
    let trace = |at: usize| &batch.parts[at].trace;
    assert!(trace(0) == trace(1) && trace(1) != trace(2) && trace(3) != trace(0) && trace(3) != trace(2));
    assert_eq!(batch.parts[3].ask, "Dark mode?");
    assert!(
        batch
            .parts
            .iter()
            .all(|part| part.usage.is_empty() && part.inferred.has(Inferred::TRACE_ID))
    );
}

#[test]
fn hostile_lines() {
    let deep = format!(r#"{{"trace_id":"t","span_id":"s","m":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    let base = r#"{"trace_id":"t","span_id":"s""#;
    let line = |rest: &str| format!("{base},{rest}}}").into_bytes();
    let nested = |open: &str, close: &str| {
        let messages = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        line(&format!(r#""model":"m","input_tokens":1,"messages":[{messages}]"#))
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (nested("[", "]"), "span"),
        (nested(r#"{"message":"#, "}"), "span"),
        (nested(r#"{"role":"user","content":[{"message_content":"#, "}]}"), "span"),
        (nested(r#"{"type":"human","data":"#, "}"), "span"),
        (line(r#""cost":NaN"#), "repaired"),
        (line(r#""cost":1e400"#), "repaired"),
        (line(r#""cost":-5"#), "repaired"),
        (line(r#""cost":"0.002""#), "span"),
        (line(r#""cost":null"#), "span"),
        (line(r#""p":"cut \ud83d""#), "repaired"),
        (
            [b"{\"trace_id\":\"t\",\"span_id\":\"s\",\"p\":\"\xff\xfe\"}".as_slice()].concat(),
            "repaired",
        ),
        (line("\"p\":\"a\u{1b}[31m\0\""), "repaired"),
        (line(r#""input_tokens":1.5"#), "repaired"),
        (line(r#""input_tokens":true"#), "repaired"),
        (line(r#""input_tokens":18446744073709551615"#), "repaired"),
        (line(r#""input_tokens":"42""#), "span"),
        (line(r#""startTimeUnixNano":"99999999999999999999""#), "repaired"),
        (format!("x INFO {base}}}").into_bytes(), "span"),
        (format!("\u{feff}{base}}}").into_bytes(), "span"),
        (format!("{base}}}\r").into_bytes(), "span"),
        (deep.into_bytes(), "repaired"),
        (vec![0; 4096], "NUL bytes"),
        (b"   \t ".to_vec(), "blank"),
        (b"42".to_vec(), "not an object"),
        (b"[1,2]".to_vec(), "not an object"),
        (b"null".to_vec(), "not an object"),
        (base.as_bytes().to_vec(), "truncated JSON"),
        (format!("{base},}}").into_bytes(), "not JSON"),
        (b"{'trace_id':'t'}".to_vec(), "not JSON"),
        ("[".repeat(100_000).into_bytes(), "truncated JSON"),
        ("{\"a\":".repeat(10_000).into_bytes(), "truncated JSON"),
        (format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)).into_bytes(), "other"),
        (
            br#"{"level":"info","message":"started","trace_id":"t","span_id":"s"}"#.to_vec(),
            "other",
        ),
        (
            br#"{"feature":"billing","cost":0.02,"baseline":0.008,"ratio":2.5}"#.to_vec(),
            "other",
        ),
    ];
    for (line, want) in cases {
        let shown: String = String::from_utf8_lossy(&line).chars().take(120).collect();
        assert_eq!(fate(&line), want, "{shown}");
    }
    let two = read(format!("{base}}}{{\"trace_id\":\"t\",\"span_id\":\"s2\"}}"));
    assert_eq!((two.parts.len(), two.tally.lines), (2, 1));
    assert_eq!(
        one(&String::from_utf8(line(r#""input_tokens":-1"#)).unwrap())
            .attributes
            .unwrap()
            .as_str(),
        r#"{"input_tokens":-1}"#
    );
}

#[test]
fn a_long_line() {
    let text = "word ".repeat(2_000_000);
    let part = one(&format!(
        r#"{{"trace_id":"t","model":"m","output_tokens":1,"response_text":"{text}"}}"#
    ));
    assert_eq!(part.contents[0].body.len(), text.len());
    assert!(part.answer.chars().count() <= 200);
}

#[test]
fn every_dialect_has_a_name_of_its_own() {
    let names: Vec<&str> = formats::dialects().iter().map(|d| d.name).collect();
    let mut distinct = names.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), names.len());
    assert_eq!(names.last(), Some(&"generic"));
}

fn all() -> String {
    let enveloped = format!(r#"{{"message":"llm_trace","trace":{CALL},"asctime":"2026-11-23 20:31:44,447"}}"#);
    [CALL, WHOLE, "", EXPORT, &enveloped, "{\"a\":1}", "nonsense {", "[1]"].join("\n")
}

#[test]
fn any_split_at_line_starts_says_the_same() {
    let text = all();
    let whole = parse(&block_at(text.as_bytes(), 100));
    let starts = text.match_indices('\n').map(|(i, _)| i + 1);
    for cut in starts {
        let first = parse(&block_at(&text.as_bytes()[..cut], 100));
        let second = parse(&block_at(&text.as_bytes()[cut..], 100 + cut as u64));
        assert_eq!([first.parts, second.parts].concat(), whole.parts);
        assert_eq!([first.others, second.others].concat(), whole.others);
        assert_eq!([first.rejects, second.rejects].concat(), whole.rejects);
        let mut tally = first.tally.clone();
        tally.add(&second.tally);
        assert_eq!(tally, whole.tally);
    }
}

proptest! {
    #[test]
    fn a_line_cut_or_damaged_anywhere_is_still_accounted_for(cut in 0usize..9000, at in 0usize..9000, byte in any::<u8>()) {
        let mut bytes = all().into_bytes();
        bytes.truncate(cut.min(bytes.len()));
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        let batch = read(&bytes);
        prop_assert_eq!(&batch.parts, &read(&bytes).parts);
        for part in &batch.parts {
            prop_assert!(!part.span_id.is_empty() && !part.trace_id.is_empty());
            if let Some(attributes) = &part.attributes {
                prop_assert!(attributes.value().is_object());
            }
        }
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn any_text_in_a_call(text in "\\PC{0,60}", key in "[a-z_.]{1,20}") {
        let value = serde_json::Value::from(text.as_str());
        let line = format!(r#"{{"trace_id":"t","model":"m","output_tokens":1,"response_text":{value},"{key}":{value}}}"#);
        read(&line);
    }
}

/// Every file of `sample-data` is read by the dialect of its folder and no other, to its last line, and says when it happened.
#[test]
fn the_sample_data_is_read_by_its_own_dialect() {
    let samples = samples();
    assert!(samples.len() >= 3);
    for (dialect, file) in samples {
        let batch = read(std::fs::read(&file).unwrap());
        let t = &batch.tally;
        // A warning about cost stands between the records of the application that wrote it.
        let names: Vec<&String> = t.dialects.keys().filter(|name| *name != "cost_anomaly").collect();
        assert_eq!((t.rejected, names), (0, vec![&dialect]), "{}", file.display());
        assert_eq!(t.other, t.dialects.get("cost_anomaly").copied().unwrap_or(0), "{}", file.display());
        assert!(batch.parts.iter().all(|p| p.dialect == dialect), "{}", file.display());
        assert!(
            batch.parts.iter().all(|p| p.start_from <= StartFrom::Envelope),
            "{}",
            file.display()
        );
    }
}

/// Every vendor's way to write a conversation becomes the same parts, and comes back out of the pieces as such.
#[test]
fn messages_of_every_vendor() {
    let anthropic = r#"[{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAECAw=="}}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"tool_use","id":"c1","name":"find","input":{"b":1,"a":1.50}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"none","is_error":true}]}]"#;
    let openai = r#"[{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAECAw=="}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"b\":1,\"a\":1.50}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"none"}]"#;
    let genai = r#"[{"role":"user","parts":[{"type":"text","content":"Look"},{"type":"blob","mime_type":"image/png","content":"AAECAw=="}]},
        {"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","id":"c1","name":"find","arguments":{"b":1,"a":1.50}}]},
        {"role":"tool","parts":[{"type":"tool_call_response","id":"c1","result":"none"}]}]"#;
    for messages in [anthropic, openai, genai] {
        let messages = messages.replace('\n', " ");
        let part = one(&format!(
            r#"{{"trace_id":"t","model":"m","output_tokens":1,"messages":{messages}}}"#
        ));
        assert_eq!(part.ask, "Look", "{messages}");
        let contents = assemble(part.contents);
        assert_eq!(contents.messages.len(), 3, "{messages}");
        let media = MessagePart::Media {
            media_type: Some("image/png".to_owned()),
            bytes: Some(4),
            uri: None,
        };
        assert_eq!(contents.messages[0].parts, [MessagePart::Text { text: "Look".to_owned() }, media]);
        let Some(MessagePart::ToolCall { id, name, arguments }) = contents.messages[1].parts.last() else {
            panic!("{messages}")
        };
        assert_eq!(
            (id.as_deref(), name.as_str(), arguments.as_str()),
            (Some("c1"), "find", r#"{"b":1,"a":1.50}"#)
        );
        let Some(MessagePart::ToolResult { id, content, .. }) = contents.messages[2].parts.first() else {
            panic!("{messages}")
        };
        assert_eq!((id.as_deref(), content.as_str()), (Some("c1"), r#""none""#));
    }
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
fn reading_twice_is_equal_and_blocks_may_begin_at_any_line() {
    for (_, path) in samples() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = read(&bytes);
        assert_eq!(whole.parts, read(&bytes).parts);
        let mut pieces = Vec::new();
        let mut offset = START;
        for line in bytes.split_inclusive(|b| *b == b'\n') {
            pieces.extend(parse(&block_at(line, offset)).parts);
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
            read(&line[..end]);
        }
    }
}

#[test]
fn what_is_no_json_is_kept_with_its_reason() {
    let batch = read(b"plain text\n{\"a\":1}\n\n[1,2]\n{\"trace_id\":\"t\",\"model\":\"m\",\"input_tokens\":NaN,\"output_tokens\":3}\n");
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
    let usage = read(line).parts[0].usage;
    assert_eq!(
        (usage.input, usage.cache_read, usage.total_cache_write(), usage.total_input()),
        (Some(5), Some(128_955), Some(1_253), Some(130_213))
    );
    // Anthropic's own input leaves them out.
    let line = br#"{"trace_id":"t","model":"claude-sonnet-4-6","input_tokens":5,"output_tokens":0,"cache_read_tokens":128955,"cache_write_tokens":1253}"#;
    let usage = read(line).parts[0].usage;
    assert_eq!(usage.total_input(), Some(130_213));
}

/// With a format of the user's own, that no line has, every record is looked at field by field.
fn read_by_fields(bytes: &[u8]) -> Batch {
    let never = Mapping {
        name: "mine",
        matches: vec![Pointer::parse("/never/there").unwrap()],
        fields: Vec::new(),
    };
    formats::parse_with(&block_at(bytes, START), &[never])
}

#[test]
fn an_export_says_the_same_read_at_once_or_by_its_fields() {
    let odd = [
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","startTimeUnixNano":"1795000000000000000","attributes":[{"key":"a","value":{}},{"key":"b","value":{"stringValue":null}},{"key":"c","value":{"intValue":"0012"}},{"value":{"bytesValue":"AA=="},"key":"d\u0065"},{"key":"f","value":{"kvlistValue":{"values":[{"key":"x","value":{"doubleValue":"NaN"}}]}}}],"events":[],"links":[],"status":{}}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","startTimeUnixNano":"1795000000000000000","attributes":{"a":1},"events":null},{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203332","startTimeUnixNano":"1795000000000000000","attributes":[{"key":"a"}],"events":[7,{"name":"exception","attributes":[{"key":"exception.message","value":{"stringValue":"no"}}]}]}]}]}],"more":1}"#,
        r#"{ "resourceSpans" : [ ] }"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":7,"attributes":[],"attributes":[{"key":"a","value":{"boolValue":true}}]}]}]}]}"#,
        r#"{"resourceSpans":[{"scopeSpans":[null]}]}"#,
    ];
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let files = ["tests/fixtures", "sample-data"]
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(root.join(folder)).sort_by_file_name());
    let files = files
        .map(Result::unwrap)
        .filter(|file| file.path().extension().is_some_and(|e| e == "jsonl"))
        .map(|file| std::fs::read(file.path()).unwrap());
    let mut exports = 0;
    for text in files.chain([odd.join("\n").into_bytes(), EXPORT.as_bytes().to_vec()]) {
        for line in text.split(|byte| *byte == b'\n') {
            let (at_once, by_fields) = (read(line), read_by_fields(line));
            exports += at_once.tally.dialects.get("otlp").copied().unwrap_or(0);
            assert_eq!(at_once.parts, by_fields.parts, "{}", String::from_utf8_lossy(line));
            assert_eq!(at_once.tally, by_fields.tally);
            assert_eq!((at_once.others, at_once.rejects), (by_fields.others, by_fields.rejects));
        }
    }
    assert!(exports > 50, "{exports} exports were compared");
}
