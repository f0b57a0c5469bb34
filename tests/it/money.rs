//! Money and roll-ups: the figures that must be right where others are wrong.

use proptest::prelude::*;
use spanscope::derive::derive;
use spanscope::insight::ledger::{Ledger, items, ledger};
use spanscope::model::content::Slot;
use spanscope::model::framing::Framing;
use spanscope::model::json::Json;
use spanscope::model::record::{Block, Identity, Order, SourceInfo};
use spanscope::model::span::{Inferred, Nanos, Origin, Part, SpanKind, StartFrom, Status, TraceKey};
use spanscope::model::trace::{FindingKind, Findings, Trace};
use spanscope::model::usage::{Convention, Cost, CostBasis, Usage};
use spanscope::pricing::Prices;

/// 2026-11-18T11:06:40Z.
const NOON: Nanos = 1_795_000_000_000_000_000;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Some(input),
        cache_read: Some(0),
        cache_write: Some(0),
        output: Some(output),
        ..Usage::default()
    }
}

fn span(id: &str, parent: Option<&str>, kind: SpanKind, usage: Usage) -> Part {
    Part {
        trace: TraceKey(1),
        trace_id: "t".into(),
        span_id: id.into(),
        parent_id: parent.map(str::to_owned),
        kind,
        name: id.into(),
        start: NOON,
        end: Some(NOON + 1_000_000_000),
        ended: true,
        request_model: Some("claude-sonnet-4-6".into()),
        usage,
        convention: Convention::Exclusive,
        slots: 3,
        origin: Origin {
            offset: id.bytes().map(u64::from).sum(),
            ..Origin::default()
        },
        ..Part::default()
    }
}

fn of(parts: Vec<Part>) -> Trace {
    derive(parts, &Prices::embedded())
}

fn cost(usage: Usage) -> String {
    of(vec![span("a", None, SpanKind::Llm, usage)]).row.cost.unwrap().decimal()
}

/// Input, cache read, cache write, cache write for an hour, output; `None` is "not logged".
fn classes(all: [Option<u64>; 5]) -> Usage {
    let [input, cache_read, cache_write, cache_write_1h, output] = all;
    Usage {
        input,
        cache_read,
        cache_write,
        cache_write_1h,
        output,
        reasoning: None,
    }
}

/// The interaction that lines tell, from the log to the money.
fn told(lines: &str) -> Trace {
    let info = SourceInfo {
        id: 1,
        uri: "app.jsonl".into(),
        device: 0,
        inode: 0,
        generation: 0,
        file_time: NOON,
        order: Order::Random,
    };
    let batch = spanscope::formats::parse(&Block {
        source: std::sync::Arc::new(info),
        identity: Identity::default(),
        offset: 0,
        bytes: lines.as_bytes().to_vec(),
        omitted: 0,
        framing: Framing::Lines,
        turn: spanscope::model::turn::Turn::default(),
        fallback: (NOON, StartFrom::File),
        dialect: None,
    });
    assert!(batch.rejects.is_empty() && !batch.parts.is_empty(), "{lines}");
    of(batch.parts)
}

#[test]
fn a_call_costs_its_tokens_times_their_price() {
    let (five_minutes, hour) = (Some(2000), Some(2000));
    for (logged, dollars, what) in [
        ([Some(850), Some(0), Some(0), None, Some(836)], "0.01509", "the first turn"),
        ([Some(1420), Some(0), Some(0), None, Some(310)], "0.00891", "the second turn"),
        ([Some(2000), Some(0), Some(0), None, Some(0)], "0.006", "a system prompt"),
        ([Some(0), Some(2000), Some(0), None, Some(0)], "0.0006", "the same, cached: a tenth"),
        (
            [Some(0), Some(0), five_minutes, None, Some(0)],
            "0.0075",
            "writing it for five minutes",
        ),
        ([Some(0), Some(0), None, hour, Some(0)], "0.012", "and for an hour"),
        ([Some(0), Some(0), five_minutes, hour, Some(0)], "0.0195", "both, each at its price"),
        (
            [Some(5), Some(128_955), Some(1_253), None, Some(0)],
            "0.04340025",
            "a long cached prompt",
        ),
        ([Some(0), Some(0), Some(0), Some(0), Some(0)], "0", "tokens logged as none"),
    ] {
        assert_eq!(cost(classes(logged)), dollars, "{what}");
    }
}

/// Claude Code logs how fast and where Anthropic served a call. Both cost more.
#[test]
fn a_fast_call_and_one_served_in_the_us_cost_more() {
    for (model, served, dollars, basis, what) in [
        (
            "claude-opus-5",
            r#""speed":"standard","inference_geo":"global""#,
            "0.0335",
            CostBasis::Computed,
            "as usual",
        ),
        (
            "claude-opus-5",
            r#""speed":null,"inference_geo":"""#,
            "0.0335",
            CostBasis::Computed,
            "nothing said",
        ),
        ("claude-opus-5", r#""speed":"fast""#, "0.067", CostBasis::Computed, "fast: twice"),
        (
            "claude-opus-5",
            r#""inference_geo":"us""#,
            "0.03685",
            CostBasis::Computed,
            "in the US: a tenth more",
        ),
        (
            "claude-opus-5",
            r#""speed":"fast","inference_geo":"us""#,
            "0.0737",
            CostBasis::Computed,
            "both",
        ),
        (
            "claude-opus-5",
            r#""service_tier":"batch","inference_geo":"us""#,
            "0.018425",
            CostBasis::Computed,
            "half of a tenth more",
        ),
        (
            "claude-haiku-4-5",
            r#""speed":"fast""#,
            "0.0067",
            CostBasis::LowerBound,
            "no price is known for its fast mode",
        ),
    ] {
        let line = format!(
            r#"{{"type":"assistant","uuid":"u","sessionId":"s","requestId":"r","timestamp":"2026-11-23T02:00:00Z","message":{{"id":"m","role":"assistant","model":"{model}","content":[],"stop_reason":"end_turn","usage":{{"input_tokens":1000,"cache_read_input_tokens":2000,"cache_creation_input_tokens":0,"output_tokens":1100,{served}}}}}}}"#
        );
        let row = told(&line).row;
        assert_eq!((row.cost.unwrap().decimal(), row.cost_basis), (dollars.to_owned(), basis), "{what}");
    }
}

#[test]
fn two_turns_are_exactly_their_sum() {
    let trace = of(vec![
        span("a", None, SpanKind::Llm, usage(850, 836)),
        span("b", None, SpanKind::Llm, usage(1420, 310)),
    ]);
    let each: Vec<String> = trace.spans.iter().map(|s| s.cost.unwrap().decimal()).collect();
    assert_eq!(each, ["0.01509", "0.00891"]);
    let row = trace.row;
    assert_eq!(
        (row.cost, row.cost_basis, row.llm_calls),
        (Some(Cost(24_000_000_000)), CostBasis::Computed, 2)
    );
}

#[test]
fn cached_tokens_are_paid_once_whatever_the_log_means_by_input() {
    let call = |fields: &str| format!(r#"{{"trace_id":"t","model":"claude-sonnet-4-6",{fields}}}"#);
    let span = |attributes: &[(&str, u64)]| {
        let attributes: Vec<String> = attributes
            .iter()
            .map(|(key, value)| format!(r#"{{"key":"gen_ai.usage.{key}","value":{{"intValue":"{value}"}}}}"#))
            .collect();
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"0123456789abcdef0123456789abcdef","spanId":"0123456789abcdef","name":"chat","startTimeUnixNano":"{NOON}","attributes":[{{"key":"gen_ai.operation.name","value":{{"stringValue":"chat"}}}},{{"key":"gen_ai.request.model","value":{{"stringValue":"claude-sonnet-4-6"}}}},{}]}}]}}]}}]}}"#,
            attributes.join(",")
        )
    };
    let (inclusive, exclusive) = (Convention::Inclusive, Convention::Exclusive);
    for (line, convention, dollars, what) in [
        (
            call(r#""input_tokens":5,"output_tokens":100,"cache_read_tokens":128955,"cache_write_tokens":1253"#),
            exclusive,
            "0.04490025",
            "Anthropic leaves them out of the input",
        ),
        (
            call(
                r#""usage":{"input_tokens":5,"output_tokens":100,"cache_read_input_tokens":128955,"cache_creation_input_tokens":1253,"cache_creation":{"ephemeral_5m_input_tokens":253,"ephemeral_1h_input_tokens":1000}}"#,
            ),
            exclusive,
            "0.04715025",
            "two kinds of writing, told apart and in sum",
        ),
        (
            call(r#""usage":{"prompt_tokens":130213,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":128955}}"#),
            inclusive,
            "0.0439605",
            "OpenAI counts them in",
        ),
        (
            span(&[
                ("input_tokens", 130_213),
                ("output_tokens", 100),
                ("cache_read.input_tokens", 128_955),
                ("cache_creation.input_tokens", 1_253),
            ]),
            inclusive,
            "0.04490025",
            "OpenTelemetry counts them in",
        ),
        (
            span(&[
                ("input_tokens", 5),
                ("output_tokens", 100),
                ("cache_read.input_tokens", 128_955),
                ("cache_creation.input_tokens", 1_253),
            ]),
            exclusive,
            "0.04490025",
            "an input smaller than its cached part did not include it, whatever the convention says",
        ),
    ] {
        let trace = told(&line);
        let (row, call) = (&trace.row, &trace.spans[0].part);
        assert_eq!(call.convention, convention, "{what}");
        assert_eq!(row.cost.unwrap().decimal(), dollars, "{what}");
        assert_eq!(row.cost_basis, CostBasis::Computed, "{what}");
        assert_eq!(row.usage.total_input(), Some(130_213), "{what}");
    }
}

#[test]
fn what_was_not_logged_makes_a_lower_bound() {
    let basis = |kind, convention, logged| {
        let mut part = span("a", None, kind, classes(logged));
        part.convention = convention;
        of(vec![part]).row.cost_basis
    };
    let (inclusive, exclusive, unknown) = (Convention::Inclusive, Convention::Exclusive, Convention::Unknown);
    let (n, none) = (Some(850), None);
    for (convention, logged, complete, why) in [
        (exclusive, [n, none, none, none, n], false, "cached tokens may be missing"),
        (exclusive, [n, n, none, none, n], true, "the cache was told of"),
        (exclusive, [n, none, none, n, n], true, "here too"),
        (inclusive, [n, none, none, none, n], true, "cached tokens are in the input"),
        (inclusive, [n, n, n, none, none], false, "no output"),
        (inclusive, [none, n, n, none, n], false, "no input"),
        (
            unknown,
            [none, n, none, none, n],
            false,
            "no input, and no telling what it would have meant",
        ),
    ] {
        let expected = if complete { CostBasis::Computed } else { CostBasis::LowerBound };
        assert_eq!(basis(SpanKind::Llm, convention, logged), expected, "{convention} {logged:?}: {why}");
    }
    // An embedding has neither output nor cache.
    for kind in [SpanKind::Embedding, SpanKind::Rerank] {
        let input = basis(kind, exclusive, [n, none, none, none, none]);
        let output = basis(kind, exclusive, [none, none, none, none, n]);
        assert_eq!((input, output), (CostBasis::Computed, CostBasis::LowerBound), "{kind}");
    }
}

#[test]
fn an_export_of_langfuse_without_cache_classes_is_a_lower_bound_only_where_its_vendor_counts_them_apart() {
    let basis = |model: &str, classes: &str| {
        let line = format!(
            r#"{{"id":"o1","traceId":"t1","parentObservationId":null,"type":"GENERATION","startTime":"2026-11-20T10:00:00Z",
            "endTime":"2026-11-20T10:00:01Z","model":"{model}","usageDetails":{{"input":100,"output":10,{classes}"total":110}}}}"#
        );
        let trace = told(&line.replace('\n', " "));
        (trace.row.cost_basis, trace.spans[0].part.convention)
    };
    let (computed, bound) = (CostBasis::Computed, CostBasis::LowerBound);
    // What OpenAI and Google call input holds the cached tokens: at worst they are billed in full.
    assert_eq!(basis("gpt-4o", ""), (computed, Convention::Inclusive));
    assert_eq!(basis("gemini-2.5-flash", ""), (computed, Convention::Inclusive));
    // What Anthropic calls input does not: cached tokens that nobody logged would come on top.
    assert_eq!(basis("claude-sonnet-4-5-20250929", ""), (bound, Convention::Exclusive));
    assert_eq!(
        basis("claude-sonnet-4-5-20250929", r#""cache_read_input_tokens":0,"#),
        (computed, Convention::Exclusive)
    );
    assert_eq!(basis("gpt-4o", r#""input_cached_tokens":0,"#), (computed, Convention::Exclusive));
}

#[test]
fn reasoning_is_a_part_of_the_output_and_paid_once() {
    let thought = Usage {
        reasoning: Some(800),
        ..usage(850, 836)
    };
    assert_eq!(cost(thought), cost(usage(850, 836)));
    let trace = of(vec![span("a", None, SpanKind::Llm, thought)]);
    assert_eq!((trace.row.usage.output, trace.row.usage.reasoning), (Some(836), Some(800)));
}

#[test]
fn no_price_and_no_logged_figure_is_unknown_and_never_zero() {
    let call = |model: Option<&str>, tokens, logged: Option<&str>| {
        let mut part = span("a", None, SpanKind::Llm, tokens);
        part.request_model = model.map(str::to_owned);
        part.cost_logged = logged.and_then(Cost::from_decimal);
        let trace = of(vec![part]);
        let finding = trace.row.findings.has(FindingKind::Unpriced);
        (trace.row.cost.map(Cost::decimal), trace.row.cost_basis, finding)
    };
    let dollars = |text: &str| Some(text.to_owned());
    let (priced, unpriced) = (Some("claude-sonnet-4-6"), Some("acme-internal-7b"));
    let (tokens, none) = (usage(850, 836), Usage::default());
    for (model, tokens, logged, cost, basis) in [
        (unpriced, tokens, None, None, CostBasis::UnknownModel),
        (None, tokens, None, None, CostBasis::UnknownModel),
        (unpriced, tokens, Some("0.0"), None, CostBasis::UnknownModel),
        (unpriced, tokens, Some("0.002"), dollars("0.002"), CostBasis::Logged),
        (priced, none, Some("0.002"), dollars("0.002"), CostBasis::Logged),
        (priced, tokens, None, dollars("0.01509"), CostBasis::Computed),
        (priced, tokens, Some("0.0"), dollars("0.01509"), CostBasis::Recomputed),
        // Where it can be computed the log's figure stands beside it, never instead of it.
        (priced, tokens, Some("0.5"), dollars("0.01509"), CostBasis::Computed),
    ] {
        let unknown = basis == CostBasis::UnknownModel;
        assert_eq!(call(model, tokens, logged), (cost, basis, unknown), "{model:?} {logged:?}");
    }
}

#[test]
fn an_interaction_takes_the_weakest_basis_and_the_sum_of_what_is_known() {
    let bases = [
        CostBasis::Computed,
        CostBasis::Recomputed,
        CostBasis::Logged,
        CostBasis::LowerBound,
        CostBasis::UnknownModel,
    ];
    let part = |id: &str, basis| {
        let mut part = span(id, None, SpanKind::Llm, usage(1000, 0));
        match basis {
            CostBasis::Computed => {}
            CostBasis::Recomputed => part.cost_logged = Some(Cost(0)),
            CostBasis::Logged => (part.request_model, part.cost_logged) = (None, Cost::from_decimal("0.001")),
            CostBasis::LowerBound => part.usage.output = None,
            CostBasis::UnknownModel => part.request_model = None,
        }
        part
    };
    for (weak, one) in bases.into_iter().enumerate() {
        for (weaker, other) in bases.into_iter().enumerate().skip(weak) {
            let row = of(vec![part("a", one), part("b", other)]).row;
            assert_eq!(row.cost_basis, other, "{one} and {other}");
            let worth = |basis| match basis {
                CostBasis::Logged => 1_000_000_000,
                CostBasis::UnknownModel => 0,
                _ => 3_000_000_000,
            };
            let sum = worth(one) + worth(other);
            assert_eq!(row.cost, (sum > 0).then_some(Cost(sum)), "{one} and {other}");
            assert_eq!(row.unpriced_calls, u32::from(weak == 4) + u32::from(weaker == 4));
        }
    }
}

#[test]
fn the_seeds_interaction_record_costs_what_its_turns_cost() {
    // `total_cost` is initialised and never added to; the turns say nothing of cached tokens.
    let line = r#"{"trace_id":"0b6f9c5e-3a53-4f0e-9a3e-2f6f6b6d1c11","feature":"support_chat","turns":[{"model":"claude-sonnet-4-6","input_tokens":850,"output_tokens":836,"stop_reason":"tool_use","latency_ms":812},{"model":"claude-sonnet-4-6","input_tokens":1420,"output_tokens":310,"stop_reason":"end_turn","latency_ms":913}],"tool_calls":[{"tool":"search_docs","inputs":{},"result_preview":"[]","latency_ms":142}],"total_input_tokens":2270,"total_output_tokens":1146,"total_cost":0.0,"total_latency_ms":1890}"#;
    let row = told(line).row;
    assert_eq!(row.cost.unwrap().decimal(), "0.024");
    assert_eq!(row.cost_basis, CostBasis::LowerBound);
    assert_eq!(
        (row.usage.input, row.usage.output, row.llm_calls, row.tool_calls),
        (Some(2270), Some(1146), 2, 1)
    );
    // With its cache classes told, the zero is all that was wrong with it.
    let line = line.replace(r#""output_tokens":836"#, r#""output_tokens":836,"cache_read_tokens":0"#);
    let line = line.replace(r#""output_tokens":310"#, r#""output_tokens":310,"cache_read_tokens":0"#);
    let row = told(&line).row;
    assert_eq!((row.cost, row.cost_basis), (Some(Cost(24_000_000_000)), CostBasis::Recomputed));
    // The same two calls logged a line each as well: told twice, paid once.
    let id = "0b6f9c5e-3a53-4f0e-9a3e-2f6f6b6d1c11";
    let calls = [(850, 836), (1420, 310)].map(|(input, output)| {
        format!(
            r#"{{"trace_id":"{id}","model":"claude-sonnet-4-6","input_tokens":{input},"output_tokens":{output},"cache_read_tokens":0}}"#
        )
    });
    let row = told(&format!("{line}\n{}\n{}", calls[0], calls[1])).row;
    assert_eq!((row.cost, row.llm_calls), (Some(Cost(24_000_000_000)), 2));
}

#[test]
fn a_parent_that_repeats_its_children_is_never_counted_twice() {
    let paid = |parts: Vec<Part>| {
        let row = of(parts).row;
        (row.cost.map_or(0, |cost| cost.0 / 1_000_000_000), row.calls)
    };
    let parent = |kind, tokens| span("root", None, kind, tokens);
    let children = || {
        vec![
            span("a", Some("root"), SpanKind::Llm, usage(850, 836)),
            span("b", Some("root"), SpanKind::Llm, usage(1420, 310)),
        ]
    };
    let with = |root: Part| [vec![root], children()].concat();
    let whole_input = classes([Some(2270), None, None, None, Some(1146)]);
    for (root, what) in [
        (parent(SpanKind::Agent, usage(2270, 1146)), "the sum"),
        (parent(SpanKind::Agent, usage(850, 836)), "the first call alone"),
        (parent(SpanKind::Agent, usage(9999, 9999)), "more than the sum"),
        (parent(SpanKind::Request, usage(1, 1)), "less than the sum"),
        (parent(SpanKind::Chain, whole_input), "the sum, its cache classes not told"),
        (parent(SpanKind::Llm, usage(2270, 1146)), "a model call around model calls"),
        (parent(SpanKind::Llm, whole_input), "the same without cache classes"),
    ] {
        assert_eq!(paid(with(root)), (24, 2), "{what}");
    }
    // A cost without tokens on the parent is the sum of the calls too.
    let mut bill = parent(SpanKind::Agent, Usage::default());
    bill.cost_logged = Cost::from_decimal("0.024");
    assert_eq!(paid(with(bill)), (24, 2));
    // Three storeys: each repeats the one below.
    let mut deep = with(parent(SpanKind::Agent, usage(2270, 1146)));
    deep[0].parent_id = Some("top".into());
    deep.push(span("top", None, SpanKind::Request, usage(2270, 1146)));
    assert_eq!(paid(deep), (24, 2));
    // A twin of stacked instrumentations: the same call told twice.
    let twins = vec![
        span("outer", None, SpanKind::Llm, usage(850, 836)),
        span("inner", Some("outer"), SpanKind::Llm, usage(850, 836)),
    ];
    assert_eq!(paid(twins), (15, 1));
    // A call that itself calls another is two calls: what it read cannot hold the other's tokens.
    let two = vec![
        span("outer", None, SpanKind::Llm, usage(10, 836)),
        span("inner", Some("outer"), SpanKind::Llm, usage(850, 0)),
    ];
    assert_eq!(paid(two).1, 2);
    // A sub-agent is a tool that the call asked for: however little it spends, it is not in the call's own figures.
    let agent = vec![
        span("call", None, SpanKind::Llm, usage(9_000, 900)),
        span("task", Some("call"), SpanKind::Tool, Usage::default()),
        span("agent", Some("task"), SpanKind::Agent, Usage::default()),
        span("inner", Some("agent"), SpanKind::Llm, usage(10, 5)),
    ];
    assert_eq!(paid(agent).1, 2);
    // Without calls below it a parent's figures are all there is.
    assert_eq!(paid(vec![parent(SpanKind::Agent, usage(850, 836))]), (15, 1));
}

#[test]
fn sums_stand_at_every_storey_of_the_tree() {
    let trace = of(vec![
        span("root", None, SpanKind::Request, Usage::default()),
        span("agent", Some("root"), SpanKind::Agent, usage(2270, 1146)),
        span("a", Some("agent"), SpanKind::Llm, usage(850, 836)),
        span("b", Some("agent"), SpanKind::Llm, usage(1420, 310)),
        span("c", Some("root"), SpanKind::Llm, usage(1000, 0)),
    ]);
    let total = |id: &str| {
        let span = trace.spans.iter().find(|s| s.part.span_id == id).unwrap();
        (
            span.total_cost.unwrap().decimal(),
            span.total_usage.total().unwrap(),
            span.rolled_up,
        )
    };
    assert_eq!(total("agent"), ("0.024".into(), 3416, true));
    assert_eq!(total("a"), ("0.01509".into(), 1686, false));
    assert_eq!(total("root"), ("0.027".into(), 4416, false));
    assert_eq!(trace.row.cost.unwrap().decimal(), "0.027");
}

#[test]
fn a_call_is_billed_to_the_model_that_answered_at_the_price_of_its_day() {
    let cost = |request: &str, response: Option<&str>, start: &str| {
        let mut part = span("a", None, SpanKind::Llm, usage(1_000_000, 0));
        part.request_model = Some(request.into());
        part.response_model = response.map(str::to_owned);
        let start: jiff::Timestamp = start.parse().unwrap();
        (part.start, part.end) = (i64::try_from(start.as_nanosecond()).unwrap(), None);
        of(vec![part]).row.cost.unwrap().decimal()
    };
    let (before, after) = ("2026-07-29T23:59:59Z", "2026-07-30T00:00:00Z");
    assert_eq!(cost("gpt-4o-mini", Some("gpt-4o-2024-08-06"), after), "2.5");
    assert_eq!(
        cost("gpt-4o-mini", Some("deployment-7"), after),
        "0.15",
        "a name we do not know falls back on the request"
    );
    assert_eq!(
        (cost("gpt-5.6-terra", None, before), cost("gpt-5.6-terra", None, after)),
        ("5".into(), "4".into())
    );
    // One region of Bedrock costs a tenth more than the whole world.
    assert_eq!(cost("global.anthropic.claude-sonnet-4-6", None, after), "3");
    assert_eq!(cost("us.anthropic.claude-sonnet-4-6", None, after), "3.3");
}

#[test]
fn sums_are_exact_far_beyond_64_bits() {
    // 2^63 pico-dollars are nine million dollars; one call of a trillion tokens is fifteen.
    let huge = usage(0, 1_000_000_000_000);
    let parts: Vec<Part> = (0..9).map(|i| span(&format!("s{i}"), None, SpanKind::Llm, huge)).collect();
    let row = of(parts).row;
    assert_eq!(row.cost, Some(Cost(9 * 15_000_000 * 1_000_000_000_000)));
    assert!(row.cost.unwrap().0 > i128::from(i64::MAX));
    // The most that can be logged is a cost, not a crash.
    let most = usage(u64::MAX, u64::MAX);
    let row = of(vec![span("a", None, SpanKind::Llm, most), span("b", None, SpanKind::Llm, most)]).row;
    assert!(row.cost.unwrap().0 > 0 && row.usage.input == Some(u64::MAX));
}

/// The ledger of the only span of a trace.
fn ledger_of(parts: Vec<Part>) -> Ledger {
    let trace = of(parts);
    ledger(&trace.spans[0], &trace.spans, &Prices::embedded())
}

fn told_lines(ledger: &Ledger) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    ledger
        .lines
        .iter()
        .map(|line| {
            format!(
                "{} {} × {} = {}",
                line.class,
                or_dash(line.tokens.map(|n| n.to_string())),
                or_dash(line.usd_per_million.clone()),
                line.cost_usd.decimal()
            )
        })
        .collect()
}

#[test]
fn a_bills_lines_add_up_to_the_call() {
    let tokens = classes([Some(5), Some(128_955), Some(253), Some(1_000), Some(100)]);
    let bill = ledger_of(vec![span("a", None, SpanKind::Llm, tokens)]);
    assert_eq!(
        told_lines(&bill),
        [
            "input 5 × 3.00 = 0.000015",
            "cache_read 128955 × 0.30 = 0.0386865",
            "cache_write 253 × 3.75 = 0.00094875",
            "cache_write_1h 1000 × 6.00 = 0.006",
            "output 100 × 15.00 = 0.0015",
        ]
    );
    // A long prompt's bill shows the rates that were charged.
    let mut part = span("a", None, SpanKind::Llm, usage(200_001, 1));
    part.request_model = Some("gemini-2.5-pro".into());
    let long = ledger_of(vec![part]);
    let rates: Vec<_> = long.lines.iter().filter_map(|line| line.usd_per_million.clone()).collect();
    assert_eq!((rates[0].as_str(), rates[rates.len() - 1].as_str()), ("2.50", "15.00"));
    assert_eq!(long.entry.unwrap().above, Some(200_000));
}

#[test]
fn the_one_rounding_of_a_call_is_a_line_of_its_bill() {
    let fine = "[[price]]\nmodel = \"fine\"\nprovider = \"acme\"\ninput = \"0.0000007\"\noutput = \"0.0000002\"\n";
    let prices = Prices::read(fine).unwrap();
    let mut part = span("a", None, SpanKind::Llm, usage(1, 1));
    part.request_model = Some("fine".into());
    let trace = derive(vec![part], &prices);
    let ledger = ledger(&trace.spans[0], &trace.spans, &prices);
    assert_eq!(trace.row.cost, Some(Cost(1)));
    assert_eq!(
        told_lines(&ledger),
        [
            "input 1 × 0.0000007 = 0.0000000000007",
            "cache_read 0 × 0.0000007 = 0",
            "cache_write 0 × 0.0000007 = 0",
            "output 1 × 0.0000002 = 0.0000000000002",
            "rounding – × – = 0.0000000000001",
        ]
    );
}

#[test]
fn a_ledger_says_what_decided_the_amount() {
    let call = |change: &dyn Fn(&mut Part)| {
        let mut part = span("a", None, SpanKind::Llm, usage(850, 836));
        change(&mut part);
        ledger_of(vec![part])
    };
    let logged = call(&|p| p.cost_logged = Cost::from_decimal("0.02"));
    assert_eq!(logged.difference().map(Cost::decimal).as_deref(), Some("0.00491"));
    let less = call(&|p| p.cost_logged = Cost::from_decimal("0.01"));
    assert_eq!(less.difference().map(Cost::decimal).as_deref(), Some("-0.00509"));
    // Where only the log has a figure, that is the line.
    let unknown = call(&|p| (p.request_model, p.cost_logged) = (Some("acme-7b".into()), Cost::from_decimal("0.02")));
    assert_eq!(told_lines(&unknown), ["logged – × – = 0.02"]);
    assert_eq!((unknown.entry, unknown.computed), (None, None));
    // A tier without rates: a dear one leaves a lower bound, a cheap one nothing to compute.
    let tier = |word: &'static str| {
        let mut part = span("a", None, SpanKind::Llm, usage(850, 836));
        (part.request_model, part.params) = (Some("odd".into()), Some(Json::string(word)));
        part.params = Some(Json::parse(&format!(r#"{{"service_tier":"{word}"}}"#)).unwrap());
        let prices = Prices::read("[[price]]\nmodel = \"odd\"\nprovider = \"acme\"\ninput = \"3\"\noutput = \"15\"\n").unwrap();
        let row = derive(vec![part], &prices).row;
        (row.cost.map(Cost::decimal), row.cost_basis)
    };
    let full = Some("0.01509".to_owned());
    assert_eq!(tier("default"), (full.clone(), CostBasis::Computed));
    assert_eq!(tier("priority"), (full, CostBasis::LowerBound));
    assert_eq!(tier("batch"), (None, CostBasis::UnknownModel));
    // A step around calls is the sum of theirs, and says which span was left out.
    let trace = of(vec![
        span("root", None, SpanKind::Agent, usage(2270, 1146)),
        span("a", Some("root"), SpanKind::Llm, usage(850, 836)),
        span("b", Some("root"), SpanKind::Llm, usage(1420, 310)),
    ]);
    let root = &trace.spans[0];
    let costs: Vec<Cost> = items(root, &trace.spans).iter().filter_map(|item| item.cost).collect();
    assert_eq!((costs.len(), Some(costs.into_iter().sum())), (2, root.total_cost));
    let repeated = ledger(&trace.spans[1], &trace.spans, &Prices::embedded()).repeated_by;
    assert_eq!(repeated, ["root"]);
    assert!(ledger(root, &trace.spans, &Prices::embedded()).lines.is_empty());
}

proptest! {
    #[test]
    fn the_lines_of_every_ledger_sum_to_its_cost(
        tokens in prop::array::uniform5(prop::option::of(0_u64..3_000_000)),
        reasoning in prop::option::of(0_u64..3_000_000),
        place in any::<prop::sample::Index>(),
        tier in prop::sample::select(vec!["default", "batch", "flex", "priority", "odd"]),
        audio in prop::option::of(0_u64..3_000_000),
        logged in prop::option::of(0_i128..10_000_000_000_000),
    ) {
        let prices = Prices::embedded();
        let rows: Vec<_> = prices.iter().collect();
        let mut part = span("a", None, SpanKind::Llm, Usage { reasoning, ..classes(tokens) });
        part.request_model = Some(rows[place.index(rows.len())].model.clone());
        part.cost_logged = logged.map(Cost);
        part.params = Some(Json::parse(&format!(r#"{{"service_tier":"{tier}","usage":{{"input_tokens_details":{{"audio_tokens":{}}}}}}}"#, audio.unwrap_or(0))).unwrap());
        let trace = derive(vec![part], &prices);
        let span = &trace.spans[0];
        let ledger = ledger(span, &trace.spans, &prices);
        let sum = ledger.lines.iter().fold(0, |sum, line| sum + line.cost_usd.0);
        match span.cost {
            Some(cost) => prop_assert_eq!(sum, cost.0 * 1_000_000_000_000),
            None => prop_assert!(ledger.lines.is_empty()),
        }
    }
}

#[test]
fn orphans_and_circles_stay_visible() {
    let trace = of(vec![
        span("lost", Some("never"), SpanKind::Llm, usage(1, 1)),
        span("x", Some("y"), SpanKind::Tool, Usage::default()),
        span("y", Some("x"), SpanKind::Tool, Usage::default()),
    ]);
    assert!(trace.spans.iter().any(|s| s.missing));
    assert!(trace.row.findings.has(FindingKind::MissingParent) && trace.row.findings.has(FindingKind::Cycle));
    assert_eq!(trace.spans.iter().filter(|s| !s.missing).count(), 3);
}

/// What every kind of finding is found in, and the words that prove it.
#[test]
fn every_kind_of_finding_is_found_with_its_evidence() {
    let call = || span("a", None, SpanKind::Llm, usage(850, 836));
    let with = |change: &dyn Fn(&mut Part)| {
        let mut part = call();
        change(&mut part);
        vec![part]
    };
    let params = |text: &'static str| with(&|p| p.params = Some(Json::parse(text).unwrap()));
    let cases: Vec<(FindingKind, Vec<Part>, &str)> = vec![
        (
            FindingKind::Error,
            with(&|p| (p.status, p.error) = (Status::Error, Some("429 too many".into()))),
            "the llm span failed: 429 too many",
        ),
        (
            FindingKind::ToolError,
            with(&|p| (p.kind, p.status, p.tool_name) = (SpanKind::Tool, Status::Error, Some("get_seats".into()))),
            "tool `get_seats` failed; no message was logged",
        ),
        (
            FindingKind::Truncated,
            with(&|p| {
                p.stop_reason = Some("max_tokens".into());
                p.params = Some(Json::parse(r#"{"max_tokens":836}"#).unwrap());
            }),
            "the model stopped with `max_tokens` after 836 output tokens of at most 836",
        ),
        (
            FindingKind::ContextNearlyFull,
            with(&|p| (p.usage.input, p.usage.cache_read) = (Some(700_000), Some(200_000))),
            "900000 input tokens fill 90.0% of the 1000000 that claude-sonnet-4-6 can read",
        ),
        (
            FindingKind::HotTemperature,
            params(r#"{"temperature":1.0}"#),
            "temperature 1.0 is above 0.7",
        ),
        (FindingKind::MissingPrompt, with(&|p| p.slots = 0), "no prompt was logged"),
        (
            FindingKind::MissingPrompt,
            with(&|p| p.slots = Slot::Response.bit()),
            "the response was logged, its prompt was not",
        ),
        (
            FindingKind::Conflict,
            [
                with(&|p| p.usage.output = Some(1)),
                with(&|p| p.stop_reason = Some("end_turn".into())),
            ]
            .concat(),
            "finished records of this span disagree: output tokens 1 and 836",
        ),
        (
            FindingKind::MissingParent,
            with(&|p| p.parent_id = Some("gone".into())),
            "its parent `gone` was not logged",
        ),
        (
            FindingKind::Cycle,
            with(&|p| p.parent_id = Some("a".into())),
            "it names itself as its parent",
        ),
        (
            FindingKind::RollupMismatch,
            vec![
                span("root", None, SpanKind::Agent, usage(1000, 836)),
                span("a", Some("root"), SpanKind::Llm, usage(850, 836)),
            ],
            "it states 1000 input tokens, the calls below it 850",
        ),
        (
            FindingKind::Clock,
            with(&|p| p.end = Some(p.start - 5)),
            "it ends 5 ns before it starts",
        ),
        (
            FindingKind::Clock,
            with(&|p| (p.start, p.end) = (1_795_000_000, None)),
            "it starts at 1795000000 ns since 1970: before the year 2000",
        ),
        (
            FindingKind::Unpriced,
            with(&|p| p.request_model = Some("acme-7b".into())),
            "no price is known for `acme-7b`, and the log states no cost",
        ),
        (
            FindingKind::Repaired,
            with(&|p| p.inferred = Inferred::REPAIRED),
            "its line was not valid JSON and was repaired before it could be read",
        ),
    ];
    for kind in FindingKind::ALL {
        assert!(cases.iter().any(|(found, ..)| found == kind), "nothing is told to make {kind}");
    }
    assert_eq!(
        of(vec![call()]).row.findings,
        Findings::default(),
        "a good call has nothing noteworthy"
    );
    for (kind, parts, evidence) in cases {
        let trace = of(parts);
        let found: Vec<_> = trace.spans.iter().flat_map(|s| &s.findings).collect();
        assert!(
            found.iter().any(|f| f.kind == kind && f.evidence == evidence),
            "{kind}: {evidence}, not {found:?}"
        );
        assert!(trace.row.findings.has(kind), "{kind} is not told of the interaction");
    }
}

#[test]
fn a_finding_begins_beyond_its_limit_and_not_at_it() {
    let found = |input: u64, params: &str| {
        let mut part = span("a", None, SpanKind::Llm, usage(input, 1));
        part.params = Some(Json::parse(params).unwrap());
        let findings = of(vec![part]).row.findings;
        (
            findings.has(FindingKind::ContextNearlyFull),
            findings.has(FindingKind::HotTemperature),
        )
    };
    for (input, params, expected) in [
        (800_000, r#"{"temperature":0.7}"#, (false, false)),
        (800_001, r#"{"temperature":0.71}"#, (true, true)),
        (1, r#"{"temperature":"0.9"}"#, (false, true)),
        (1, r#"{"temperature":null}"#, (false, false)),
        (1, r#"{"temperature":"hot","top_p":1.0}"#, (false, false)),
        (1, r#"{"temperature":1e400}"#, (false, false)),
        (1, r#"["temperature",1.0]"#, (false, false)),
        (u64::MAX, "{}", (true, false)),
    ] {
        assert_eq!(found(input, params), expected, "{input} {params}");
    }
}

#[test]
fn a_prompt_kept_on_the_outer_span_is_not_missing() {
    let trace = of(vec![
        span("outer", None, SpanKind::Llm, usage(850, 836)),
        Part {
            slots: Slot::Response.bit(),
            ..span("inner", Some("outer"), SpanKind::Llm, usage(850, 836))
        },
    ]);
    assert!(!trace.row.findings.has(FindingKind::MissingPrompt));
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let id = prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let parent = prop::option::of(prop::sample::select(vec!["a", "b", "c", "d", "e", "gone"]));
    let one = (
        id,
        parent,
        0_u8..4,
        prop::option::of(0_u64..3),
        prop::option::of(0_u64..3),
        0_i64..3,
        any::<bool>(),
    )
        .prop_map(|(id, parent, kind, input, output, start, ended)| {
            let kind = [SpanKind::Llm, SpanKind::Agent, SpanKind::Tool, SpanKind::Other][usize::from(kind)];
            let mut part = span(
                id,
                parent,
                kind,
                Usage {
                    input,
                    output,
                    ..Usage::default()
                },
            );
            part.start += start;
            part.ended = ended;
            part
        });
    prop::collection::vec(one, 1..9)
}

proptest! {
    #[test]
    fn order_and_repetition_do_not_matter((parts, seed) in (parts(), any::<u64>())) {
        let straight = of(parts.clone());
        let mut other: Vec<Part> = parts.iter().chain(&parts).cloned().collect();
        let length = other.len();
        for i in 0..length {
            other.swap(i, (seed.rotate_left(i as u32) % length as u64) as usize);
        }
        prop_assert_eq!(&straight, &of(other));
        // Every span stands in the tree once, a parent before its children, and the roots' sums are the whole.
        for (index, span) in straight.spans.iter().enumerate() {
            prop_assert!(span.parent.is_none_or(|parent| (parent as usize) < index));
        }
        let total = straight.spans.iter().filter(|s| s.parent.is_none()).filter_map(|s| s.total_usage.output).sum::<u64>();
        prop_assert_eq!(total, straight.row.usage.output.unwrap_or(0));
    }
}

#[test]
fn the_figures_decide_what_input_means_where_they_can() {
    let call = |fields: &str| {
        let line = format!(r#"{{"trace_id":"t","output_tokens":100,{fields}}}"#);
        let trace = told(&line);
        let part = &trace.spans[0].part;
        let by_figures = part.inferred.has(Inferred::CONVENTION);
        (part.convention, part.usage.input, by_figures, trace.row.cost_basis)
    };
    let (inclusive, exclusive, unknown) = (Convention::Inclusive, Convention::Exclusive, Convention::Unknown);
    let (computed, bound) = (CostBasis::Computed, CostBasis::LowerBound);
    for (fields, expected, why) in [
        (
            r#""model":"claude-sonnet-4-6","input_tokens":1000,"cache_read_tokens":400"#,
            (exclusive, Some(1000), false, computed),
            "the names are Anthropic's",
        ),
        (
            r#""model":"claude-sonnet-4-6","input_tokens":1000,"cache_read_tokens":400,"total_tokens":1100"#,
            (inclusive, Some(600), true, computed),
            "the total counts them inside, whatever the names say",
        ),
        (
            r#""model":"claude-sonnet-4-6","input_tokens":1000,"cache_read_tokens":400,"total_tokens":1500"#,
            (exclusive, Some(1000), false, computed),
            "the total agrees with the names",
        ),
        (
            r#""model":"claude-sonnet-4-6","input_tokens":1000,"cache_read_tokens":400,"total_tokens":77"#,
            (exclusive, Some(1000), false, computed),
            "a total of something else decides nothing",
        ),
        (
            r#""model":"gpt-4o","input_tokens":1000,"cache_read_tokens":400"#,
            (unknown, Some(600), false, bound),
            "Anthropic's names beside OpenAI's model: the lower reading",
        ),
        (
            r#""model":"openai/gpt-4o","input_tokens":1000,"cache_read_tokens":400,"total_tokens":1500"#,
            (exclusive, Some(1000), true, computed),
            "the same with a total",
        ),
        (
            r#""model":"gpt-4o","input_tokens":300,"cache_read_tokens":400"#,
            (exclusive, Some(300), true, computed),
            "no room for the cached tokens",
        ),
        (
            r#""model":"gpt-4o","input_tokens":300"#,
            (unknown, Some(300), false, computed),
            "nothing cached, nothing in doubt",
        ),
    ] {
        assert_eq!(call(fields), expected, "{why}");
    }
}

proptest! {
    #[test]
    fn tokens_read_again_are_what_they_would_have_been(
        input in 0_u64..10_000, read in prop::option::of(0_u64..10_000), write in prop::option::of(0_u64..10_000),
    ) {
        let logged = classes([Some(input), read, write, None, Some(1)]);
        let all = [Convention::Inclusive, Convention::Exclusive, Convention::Unknown];
        let as_claimed = |claimed| {
            let mut part = Part::default();
            spanscope::formats::sink::normalise(&mut part, claimed, logged);
            (part.usage, part.convention)
        };
        for from in all {
            for to in all {
                let (usage, held) = as_claimed(from);
                prop_assert_eq!(usage.reread(held, to), as_claimed(to), "{} to {}", from, to);
            }
        }
    }
}
