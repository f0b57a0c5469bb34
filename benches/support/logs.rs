//! Logs made from a seed: anyone gets the same bytes.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use crate::seed::Seed;

const MONDAY: i64 = 1_790_000_000;
const FEATURES: [&str; 4] = ["support_chat", "billing_agent", "summarize", "search"];

/// So many words of a support desk, with a number among every nine.
fn words(seed: &mut Seed, count: u64) -> String {
    const WORDS: [&str; 24] = [
        "invoice", "refund", "please", "the", "annual", "plan", "because", "customer", "window", "policy", "account", "was", "cannot",
        "renewal", "team", "order", "shipped", "with", "after", "warranty", "days", "of", "and", "question",
    ];
    let mut text = String::new();
    for index in 0..count {
        let _ = write!(text, "{}{}", if index == 0 { "" } else { " " }, WORDS[seed.below(24) as usize]);
        if index % 9 == 8 {
            let _ = write!(text, " {}", seed.below(100_000));
        }
    }
    text
}

fn clock(second: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(MONDAY + i64::try_from(second).unwrap_or_default()).unwrap_or_default()
}

fn finish(mut file: BufWriter<File>) -> io::Result<u64> {
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}

/// Flat call lines of some 6.7 KB: conversations of twelve turns, each line repeating the turns before it.
pub fn flat(path: &Path, lines: u64) -> io::Result<u64> {
    let mut seed = Seed(7);
    let mut file = BufWriter::new(File::create(path)?);
    let system = words(&mut seed, 120);
    let (mut history, mut conversation) = (Vec::<String>::new(), 0);
    for line in 0..lines {
        if line % 12 == 0 {
            history.clear();
            conversation += 1;
        }
        history.push(format!(r#"{{"role":"user","content":"{}"}}"#, words(&mut seed, 40)));
        let (answer, input, output) = (words(&mut seed, 75), 400 + seed.below(3000), 20 + seed.below(600));
        writeln!(
            file,
            r#"{{"trace_id":"{line:032x}","timestamp":"{}","model":"claude-sonnet-4-6","feature":"{}","user_id":"u_{}","session_id":"c_{conversation}","system_prompt":"{system}","messages":[{}],"response":"{answer}","input_tokens":{input},"output_tokens":{output},"temperature":0.2,"max_tokens":1024,"stop_reason":"end_turn","latency_ms":{}}}"#,
            clock(line / 10),
            FEATURES[(conversation % 4) as usize],
            seed.below(500),
            history.join(","),
            300 + seed.below(4000)
        )?;
        history.push(format!(r#"{{"role":"assistant","content":"{answer}"}}"#));
    }
    finish(file)
}

/// One short call line, as a busy service appends them.
pub fn short(serial: u64, seed: &mut Seed) -> String {
    format!(
        "{{\"trace_id\":\"{serial:032x}\",\"timestamp\":\"{}\",\"model\":\"claude-sonnet-4-6\",\"feature\":\"{}\",\"user_id\":\"u_{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}],\"response\":\"{}\",\"input_tokens\":{},\"output_tokens\":{},\"latency_ms\":{}}}\n",
        clock(serial / 2_000),
        FEATURES[(serial % 4) as usize],
        seed.below(500),
        words(seed, 40),
        words(seed, 60),
        400 + seed.below(3000),
        20 + seed.below(600),
        300 + seed.below(4000)
    )
}

/// An attribute of a span, and its value as `AnyValue`.
fn attribute(out: &mut String, key: &str, kind: &str, value: &str) {
    let comma = if out.is_empty() { "" } else { "," };
    let _ = write!(out, r#"{comma}{{"key":"{key}","value":{{"{kind}":"{value}"}}}}"#);
}

/// OTLP JSON lines as a collector's file exporter writes them: an interaction a line, four spans each, prompts in attributes.
pub fn otlp(path: &Path, lines: u64) -> io::Result<u64> {
    let mut seed = Seed(11);
    let mut file = BufWriter::new(File::create(path)?);
    let system = words(&mut seed, 100);
    let mut history = Vec::<String>::new();
    for line in 0..lines {
        if line % 6 == 0 {
            history.clear();
        }
        // JSON inside an attribute is a string: its quotes are escaped.
        let message =
            |role: &str, text: &str| format!(r#"{{\"role\":\"{role}\",\"parts\":[{{\"type\":\"text\",\"content\":\"{text}\"}}]}}"#);
        let (question, answer) = (words(&mut seed, 40), words(&mut seed, 75));
        history.push(message("user", &question));
        let trace = format!("{line:032x}");
        let begun = (MONDAY as u64 + line) * 1_000_000_000;
        let mut spans = String::new();
        for step in 0..4_u64 {
            let mut attributes = String::new();
            let own = &mut attributes;
            match step {
                0 => {
                    attribute(own, "http.route", "stringValue", "/chat");
                    attribute(own, "user.id", "stringValue", &format!("u_{}", seed.below(500)));
                    attribute(own, "session.id", "stringValue", &format!("c_{}", line / 6));
                }
                2 => {
                    attribute(own, "gen_ai.operation.name", "stringValue", "execute_tool");
                    attribute(own, "gen_ai.tool.name", "stringValue", "search_docs");
                    attribute(own, "gen_ai.tool.call.id", "stringValue", &format!("call_{line}"));
                    attribute(own, "gen_ai.tool.call.result", "stringValue", &words(&mut seed, 60));
                }
                _ => {
                    attribute(own, "gen_ai.operation.name", "stringValue", "chat");
                    attribute(own, "gen_ai.provider.name", "stringValue", "openai");
                    attribute(own, "gen_ai.request.model", "stringValue", "gpt-5-mini");
                    attribute(own, "gen_ai.response.model", "stringValue", "gpt-5-mini");
                    attribute(own, "gen_ai.usage.input_tokens", "intValue", &(400 + seed.below(3000)).to_string());
                    attribute(own, "gen_ai.usage.output_tokens", "intValue", &(20 + seed.below(600)).to_string());
                    let instructions = format!(r#"[{{\"type\":\"text\",\"content\":\"{system}\"}}]"#);
                    attribute(own, "gen_ai.system_instructions", "stringValue", &instructions);
                    attribute(own, "gen_ai.input.messages", "stringValue", &format!("[{}]", history.join(",")));
                    let said = format!("[{}]", message("assistant", &answer));
                    attribute(own, "gen_ai.output.messages", "stringValue", &said);
                }
            }
            let (name, parent) = match step {
                0 => ("POST /chat", String::new()),
                2 => ("execute_tool search_docs", format!(r#""parentSpanId":"{:016x}","#, line * 4 + 1)),
                _ => ("chat gpt-5-mini", format!(r#""parentSpanId":"{:016x}","#, line * 4 + 1)),
            };
            let start = begun + step * 200_000_000;
            let end = if step == 0 { begun + 900_000_000 } else { start + 150_000_000 };
            let _ = write!(
                spans,
                r#"{}{{"traceId":"{trace}","spanId":"{:016x}",{parent}"name":"{name}","kind":3,"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}","attributes":[{attributes}],"status":{{}}}}"#,
                if step == 0 { "" } else { "," },
                line * 4 + 1 + step,
            );
        }
        history.push(message("assistant", &answer));
        writeln!(
            file,
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}},{{"key":"deployment.environment","value":{{"stringValue":"production"}}}}]}},"scopeSpans":[{{"scope":{{"name":"opentelemetry.instrumentation.openai_v2","version":"2.3"}},"spans":[{spans}]}}]}}]}}"#
        )?;
    }
    finish(file)
}

/// Lines of tool-using agents: long system prompt, tool definitions, and a history of calls and results that every line repeats.
pub fn agents(path: &Path, lines: u64) -> io::Result<u64> {
    const STEPS: u64 = 15;
    let mut seed = Seed(13);
    let mut file = BufWriter::new(File::create(path)?);
    let systems: Vec<String> = (0..4).map(|_| words(&mut seed, 400)).collect();
    let tools: Vec<String> = (0..8)
        .map(|tool| {
            format!(
                r#"{{"name":"tool_{tool}","description":"{}","input_schema":{{"type":"object","properties":{{"query":{{"type":"string"}}}}}}}}"#,
                words(&mut seed, 40)
            )
        })
        .collect();
    let tools = tools.join(",");
    let mut history = Vec::<String>::new();
    for line in 0..lines {
        let (conversation, step) = (line / STEPS, line % STEPS);
        if step == 0 {
            history = vec![format!(r#"{{"role":"user","content":"{}"}}"#, words(&mut seed, 60))];
        }
        let (thought, query, result) = (words(&mut seed, 25), words(&mut seed, 8), words(&mut seed, 110));
        let call = format!(
            r#"{{"type":"text","text":"{thought}"}},{{"type":"tool_use","id":"call_{line}","name":"tool_{}","input":{{"query":"{query}"}}}}"#,
            seed.below(8)
        );
        writeln!(
            file,
            r#"{{"trace_id":"{conversation:032x}","span_id":"{line:016x}","timestamp":"{}","model":"claude-sonnet-4-6","feature":"{}","user_id":"u_{}","session_id":"c_{conversation}","system":"{}","tools":[{tools}],"messages":[{}],"response":{{"role":"assistant","content":[{call}]}},"input_tokens":{},"cache_read_tokens":{},"output_tokens":{},"stop_reason":"tool_use","latency_ms":{}}}"#,
            clock(line / 10),
            FEATURES[(conversation % 4) as usize],
            conversation % 500,
            systems[(conversation % 4) as usize],
            history.join(","),
            200 + seed.below(900),
            2_000 + step * 400,
            20 + seed.below(300),
            300 + seed.below(4000)
        )?;
        history.push(format!(r#"{{"role":"assistant","content":[{call}]}}"#));
        history.push(format!(
            r#"{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"call_{line}","content":"{result}"}}]}}"#
        ));
    }
    finish(file)
}
