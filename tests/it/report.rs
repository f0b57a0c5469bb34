//! What the commands print, over traces made by hand.
#![allow(clippy::unwrap_used)]

use jiff::tz::TimeZone;
use proptest::prelude::*;
use spanscope::model::content::{Contents, Document, Form, Message, MessagePart, Payload};
use spanscope::model::json::Json;
use spanscope::model::query::{CostKey, CostRow, SourceStat, Stats};
use spanscope::model::record::{Activity, SourceProgress, Tally};
use spanscope::model::span::{Inferred, Origin, Part, SpanKey, SpanKind, StartFrom, Status};
use spanscope::model::trace::{Finding, FindingKind, Interaction, Span, Trace};
use spanscope::model::usage::{Convention, Cost, CostBasis, Usage};
use spanscope::pricing::Prices;
use spanscope::report::{self, Look, Output};

/// 2026-05-10T10:00:00Z.
const NOW: i64 = 1_778_407_200_000_000_000;
const MS: i64 = 1_000_000;

fn look() -> Look {
    Look {
        width: 120,
        color: false,
        now: NOW,
        zone: TimeZone::UTC,
    }
}

fn printed(print: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    print(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn span(key: u64, parent: Option<u32>, depth: u16, part: Part) -> Span {
    Span {
        key: SpanKey(key),
        part,
        parent,
        depth,
        origins: vec![Origin {
            offset: 100 * key,
            length: 90,
            ..Origin::default()
        }],
        twins: Vec::new(),
        rolled_up: false,
        counted: false,
        cost: None,
        cost_basis: CostBasis::Computed,
        saved: None,
        findings: Vec::new(),
        missing: false,
        total_usage: Usage::default(),
        total_cost: None,
        turn: None,
        previous_input: None,
    }
}

fn part(id: &str, kind: SpanKind, name: &str, from_ms: i64, took_ms: i64) -> Part {
    Part {
        span_id: id.into(),
        kind,
        name: name.into(),
        start: NOW + from_ms * MS,
        end: Some(NOW + (from_ms + took_ms) * MS),
        start_from: StartFrom::Logged,
        ..Part::default()
    }
}

fn call(id: &str, from_ms: i64, input: u64, output: u64, stop: &str, tools: &[&str]) -> Part {
    Part {
        parent_id: Some("root".into()),
        request_model: Some("claude-sonnet-4-6".into()),
        params: Some(Json::parse(r#"{"temperature":1.0}"#).unwrap()),
        usage: Usage {
            input: Some(input),
            output: Some(output),
            cache_read: Some(0),
            ..Usage::default()
        },
        convention: Convention::Exclusive,
        stop_reason: Some(stop.into()),
        tool_calls: tools.iter().map(|tool| (*tool).to_owned()).collect(),
        ..part(id, SpanKind::Llm, "chat", from_ms, 800)
    }
}

/// The interaction of the picture: two calls, two tools.
fn seed() -> (Trace, Vec<(SpanKey, Contents)>) {
    let mut first = span(
        2,
        Some(0),
        1,
        call("a", 0, 850, 836, "tool_use", &["search_docs", "get_account_info"]),
    );
    (first.turn, first.counted, first.cost) = (Some(1), true, Some(Cost(15_090_000_000)));
    let search = Part {
        documents: Some(3),
        tool_call_id: Some("c1".into()),
        ..part("b", SpanKind::Tool, "search_docs", 810, 142)
    };
    let account = part("c", SpanKind::Tool, "get_account_info", 960, 23);
    let mut second = span(5, Some(0), 1, call("d", 1000, 1420, 310, "end_turn", &[]));
    (second.turn, second.previous_input, second.counted, second.cost) = (Some(2), Some(850), true, Some(Cost(8_910_000_000)));
    let arguments = |body: &str| Contents {
        arguments: Some(Payload {
            body: body.into(),
            form: Form::Json,
        }),
        ..Contents::default()
    };
    let say = |role: &str, text: &str| Message {
        role: role.into(),
        parts: vec![MessagePart::Text { text: text.into() }],
    };
    let contents = vec![
        (
            SpanKey(2),
            Contents {
                system: Some("You help with invoices.".into()),
                messages: vec![say("user", "Can I have my money back?")],
                tools: vec![Json::parse(r#"{"name":"search_docs"}"#).unwrap()],
                ..Contents::default()
            },
        ),
        (
            SpanKey(3),
            Contents {
                result: Some(Payload {
                    body: "three pages".into(),
                    form: Form::Text,
                }),
                documents: vec![Document {
                    id: Some("d1".into()),
                    score: Some(Json::parse("0.90").unwrap()),
                    content: Some("Within 30 days.".into()),
                    metadata: None,
                }],
                ..arguments(r#"{"query": "refund policy for annual subscriptions"}"#)
            },
        ),
        (SpanKey(4), arguments(r#"{"user_id": "u_9912"}"#)),
        (
            SpanKey(5),
            Contents {
                response: vec![say("assistant", "Within 30 days.")],
                ..Contents::default()
            },
        ),
    ];
    let row = Interaction {
        trace_id: "abc123".into(),
        name: "POST /chat".into(),
        start: NOW,
        start_from: StartFrom::Logged,
        duration: Some(1890 * MS),
        feature: Some("support_chat".into()),
        user: Some("u_9912".into()),
        models: vec!["claude-sonnet-4-6".into()],
        spans: 5,
        llm_calls: 2,
        tool_calls: 2,
        calls: 2,
        usage: Usage {
            input: Some(2270),
            output: Some(1146),
            cache_read: Some(0),
            ..Usage::default()
        },
        cost: Some(Cost(24_000_000_000)),
        status: Status::Ok,
        dialect: "otlp".into(),
        ask: "Can I have my money back?".into(),
        answer: "Within 30 days.".into(),
        ..Interaction::default()
    };
    let spans = vec![
        span(1, None, 0, part("root", SpanKind::Request, "POST /chat", 0, 1890)),
        first,
        span(3, Some(0), 1, search),
        span(4, Some(0), 1, account),
        second,
    ];
    (Trace { row, spans }, contents)
}

fn show(trace: &Trace, contents: &[(SpanKey, Contents)], output: Output) -> String {
    printed(|out| report::trace(trace, contents, &Prices::embedded(), &|_| "app.jsonl".into(), output, out))
}

#[test]
fn the_tree_is_the_picture() {
    let (trace, contents) = seed();
    let picture = r#"[User request - trace_id: abc123]
  [LLM call - turn 1]
    input_tokens: 850
    tool_calls: ["search_docs", "get_account_info"]
    stop_reason: "tool_use"
  [Tool: search_docs]
    query: "refund policy for annual subscriptions"
    results: 3 documents
    latency_ms: 142
  [Tool: get_account_info]
    user_id: "u_9912"
    latency_ms: 23
  [LLM call - turn 2]
    input_tokens: 1420 (grew because tool results were injected)
    output_tokens: 310
    stop_reason: "end_turn"
[Total: 2 LLM calls, 2 tool calls, $0.024, 1890ms]
"#;
    assert_eq!(show(&trace, &contents, Output::Tree), picture);
}

#[test]
fn a_tool_says_what_came_out() {
    let (trace, mut contents) = seed();
    let result = |body: &str, form| Some(Payload { body: body.into(), form });
    let line = |contents: &[(SpanKey, Contents)]| {
        let text = show(&trace, contents, Output::Tree);
        text.lines()
            .find_map(|line| line.trim().strip_prefix("result: ").map(str::to_owned))
    };
    assert_eq!(line(&contents), None, "where documents are counted their text would say it twice");
    contents[2].1.result = result(r#"{"plan":"yearly"}"#, Form::Json);
    assert_eq!(line(&contents).as_deref(), Some(r#"{"plan":"yearly"}"#));
    contents[2].1.result = result("a plan\nof a year", Form::Text);
    assert_eq!(line(&contents).as_deref(), Some(r#""a plan\nof a year""#));
    contents[2].1.result = result(&"long ".repeat(100_000), Form::Preview);
    assert!(line(&contents).unwrap().ends_with('…') && line(&contents).unwrap().len() < 220);
}

#[test]
fn the_tree_says_how_far_its_cost_can_be_trusted() {
    let (mut trace, _) = seed();
    let footer = |change: &dyn Fn(&mut Trace)| {
        let mut trace = trace.clone();
        change(&mut trace);
        let text = show(&trace, &[], Output::Tree);
        text.lines()
            .skip_while(|line| !line.starts_with("[Total"))
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    let lower = footer(&|trace| {
        trace.row.cost_basis = CostBasis::LowerBound;
        trace.spans[1].cost_basis = CostBasis::LowerBound;
    });
    let unpriced = footer(&|trace| trace.row.unpriced_calls = 1);
    let unknown = footer(&|trace| {
        (trace.row.cost, trace.row.unpriced_calls, trace.row.cost_basis, trace.row.duration) = (None, 2, CostBasis::UnknownModel, None);
    });
    let logged = footer(&|trace| trace.row.cost_basis = CostBasis::Logged);
    let nothing = footer(&|trace| {
        trace.row = Interaction {
            llm_calls: 1,
            ..Interaction::default()
        };
        trace.spans.clear();
    });
    insta::assert_snapshot!([lower, unpriced, unknown, logged, nothing].join("\n"));
    trace.spans[4].part.tool_calls.clear();
    trace.spans[1].part.tool_calls.clear();
    trace.spans.drain(2..4);
    assert!(
        show(&trace, &[], Output::Tree).contains("input_tokens: 1420 (grew)\n"),
        "no tool ran in between"
    );
}

#[test]
fn the_tree_shows_what_else_can_be_there() {
    let mut agent = span(
        1,
        None,
        0,
        Part {
            usage: Usage {
                input: Some(10),
                ..Usage::default()
            },
            ..part("x", SpanKind::Agent, "planner", 0, 5)
        },
    );
    agent.rolled_up = true;
    let failing = Part {
        error: Some("no route\u{1b}[31m".into()),
        status: Status::Error,
        ..part("y", SpanKind::Retrieval, "vector db", 1, 2)
    };
    let mut cached = span(
        3,
        Some(0),
        1,
        Part {
            usage: Usage {
                input: Some(1),
                cache_read: Some(2),
                cache_write: Some(3),
                cache_write_1h: Some(4),
                output: Some(5),
                ..Usage::default()
            },
            ..part("z", SpanKind::Llm, "", 3, 1)
        },
    );
    cached.turn = Some(1);
    cached.findings.push(Finding {
        kind: FindingKind::HotTemperature,
        evidence: "temperature 1.0 is above 0.7".into(),
    });
    let mut lost = span(4, None, 0, part("gone", SpanKind::Other, "", 0, 0));
    lost.missing = true;
    lost.part.end = None;
    let short = Part {
        end: Some(NOW + 250_000),
        ..part("w", SpanKind::Tool, "ping", 0, 0)
    };
    let trace = Trace {
        row: Interaction {
            trace_id: "t\n1".into(),
            llm_calls: 1,
            tool_calls: 1,
            ..Interaction::default()
        },
        spans: vec![agent, span(2, Some(0), 1, failing), cached, lost, span(5, Some(3), 1, short)],
    };
    insta::assert_snapshot!(show(&trace, &[], Output::Tree));
}

#[test]
fn one_interaction_as_json_and_markdown() {
    let (mut trace, contents) = seed();
    trace.spans[2].part.inferred = Inferred::END;
    trace.spans[1].findings.push(Finding {
        kind: FindingKind::HotTemperature,
        evidence: "temperature 1.0 is above 0.7".into(),
    });
    trace.row.findings.insert(FindingKind::HotTemperature);
    let json = show(&trace, &contents, Output::Json);
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    insta::assert_snapshot!("json", json);
    insta::assert_snapshot!("markdown", show(&trace, &contents, Output::Markdown));
}

#[test]
fn a_list_in_every_shape() {
    let full = seed().0.row;
    let bare = Interaction {
        trace_id: "x,\"1\"".into(),
        start: NOW - 86_400_000 * MS + 1_500_000,
        ..Interaction::default()
    };
    let mut bound = full.clone();
    (bound.cost_basis, bound.ask) = (CostBasis::LowerBound, "a long question ".repeat(20));
    bound.findings.insert(FindingKind::Repaired);
    let rows = [full, bare, bound];
    let list = |output| printed(|out| report::interactions(&rows, output, &look(), out));
    let json = list(Output::Json);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&json).unwrap().as_array().unwrap().len(),
        3
    );
    assert_eq!(list(Output::Jsonl).lines().count(), 3);
    let table = list(Output::Table);
    assert!(table.lines().all(|line| unicode_width(line) <= 120), "{table}");
    insta::assert_snapshot!(format!("{table}\n{json}\n{}", list(Output::Csv)));
    assert_eq!(printed(|out| report::interactions(&[], Output::Json, &look(), out)), "[\n]\n");
}

fn unicode_width(line: &str) -> usize {
    spanscope::model::text::width(line)
}

#[test]
fn spend_statistics_and_prices() {
    let costs = [
        CostRow {
            key: Some("billing".into()),
            calls: 4,
            interactions: 3,
            usage: Usage {
                input: Some(9100),
                ..Usage::default()
            },
            cost: Some(Cost(61_100_000_000)),
            share: Some(0.75),
            cumulative_share: Some(0.75),
            p50_cost: Some(Cost(20_000_000_000)),
            mean_cost: Some(Cost(20_366_666_667)),
            cache_hit_ratio: None,
            anomalies: Some(1),
            rising: Some(false),
            unpriced_calls: 1,
            lower_bound: false,
            saved: Some(Cost(-1_200_000_000)),
            saved_unknown: true,
            over_time: vec![None, Some(Cost(61_100_000_000))],
            per_hour: Some(Cost(30_550_000_000)),
            logged_anomalies: Some(2),
        },
        CostRow {
            calls: 1,
            interactions: 1,
            ..CostRow::default()
        },
    ];
    let mut tally = Tally {
        lines: 10,
        span: 6,
        other: 1,
        rejected: 2,
        blank: 1,
        ..Tally::default()
    };
    tally.dialects.insert("otlp".into(), 6);
    tally.rejects.insert("not JSON".into(), 2);
    let stat = |id, uri: &str, bytes, tally: &Tally| SourceStat {
        id,
        uri: uri.into(),
        bytes,
        end: bytes,
        tally: tally.clone(),
        ..SourceStat::default()
    };
    let mut older = Tally {
        lines: 40,
        span: 40,
        ..Tally::default()
    };
    older.dialects.insert("llm_trace".into(), 40);
    let sources = vec![
        stat(1, "app.jsonl", 4800, &tally),
        stat(2, "old.jsonl", 20_000, &older),
        SourceStat {
            generation: 1,
            unread: 5_000,
            ..stat(2, "old.jsonl", 10_000, &Tally::default())
        },
    ];
    // One that is not read whole, and one that cannot be opened.
    let progress = [
        SourceProgress {
            uri: "app.jsonl".into(),
            source: Some((1, 0)),
            activity: Activity::Ended,
            size: 5_000,
            skipped: 200,
            modified: Some(0),
            ..SourceProgress::default()
        },
        SourceProgress {
            uri: "locked.jsonl".into(),
            activity: Activity::Failed,
            problem: Some("permission denied".into()),
            ..SourceProgress::default()
        },
    ];
    let mut both = tally.clone();
    both.add(&older);
    let stats = Stats {
        sources,
        tally: both,
        bytes: 34_800,
        spans: 7,
        interactions: 3,
    };
    let mut all = String::new();
    for output in [Output::Table, Output::Json, Output::Csv] {
        all += &printed(|out| report::costs(&costs, CostKey::Feature, output, &look(), out));
        all += &printed(|out| report::stats(&stats, &progress, 0.25, output, &look(), out));
        all += &printed(|out| {
            report::table(
                &["name", "what"],
                &[vec!["flat".into(), "one, call".into()], vec!["x".into(), String::new()]],
                output,
                &look(),
                out,
            )
        });
    }
    insta::assert_snapshot!(all);
    let prices = Prices::embedded();
    let json = printed(|out| report::prices(prices.iter(), Output::Json, &look(), out));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(rows.len(), prices.iter().count());
    for row in rows {
        let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys.len(), 9);
        assert!(row["input"].is_string() && row["model"].is_string());
    }
}

proptest! {
    #[test]
    fn nothing_a_log_holds_reaches_the_terminal_as_a_control(text in r"(\PC|\p{Cc}|\u{202e}|\u{200b}|`){0,40}") {
        let (mut trace, mut contents) = seed();
        trace.row.ask.clone_from(&text);
        trace.row.feature = Some(text.clone());
        trace.row.trace_id.clone_from(&text);
        trace.spans[2].part.name.clone_from(&text);
        trace.spans[1].part.error = Some(text.clone());
        trace.spans[1].part.stop_reason = Some(text.clone());
        contents[0].1.system = Some(text.clone());
        contents[1].1.arguments = Some(Payload { body: text.clone(), form: Form::Text });
        let list = printed(|out| report::interactions(&[trace.row.clone()], Output::Table, &look(), out));
        prop_assert_eq!(list.lines().count(), 2);
        let table = printed(|out| report::table(&["a"], &[vec![text.clone()]], Output::Table, &look(), out));
        for printed in [list, table, show(&trace, &contents, Output::Tree), show(&trace, &contents, Output::Markdown)] {
            let bad = printed.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            prop_assert_eq!(bad, None, "{}", printed);
        }
        let json = show(&trace, &contents, Output::Json);
        let document: serde_json::Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(document["trace_id"].as_str(), Some(text.as_str()));
    }
}
