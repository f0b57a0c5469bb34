//! Money and roll-ups: the figures that must be right where others are wrong.

use proptest::prelude::*;
use spanscope::derive::derive;
use spanscope::model::span::{Origin, Part, SpanKind, TraceKey};
use spanscope::model::trace::{FindingKind, Trace};
use spanscope::model::usage::{Convention, Cost, CostBasis, Usage};
use spanscope::pricing::Prices;

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
        start: 1_795_000_000_000_000_000,
        end: Some(1_795_000_001_000_000_000),
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

#[test]
fn a_call_costs_its_tokens_times_their_price() {
    assert_eq!(cost(usage(850, 836)), "0.01509");
    assert_eq!(cost(usage(1420, 310)), "0.00891");
    assert_eq!(cost(usage(2000, 0)), "0.006");
    assert_eq!(
        cost(Usage {
            input: Some(0),
            cache_read: Some(2000),
            cache_write: Some(0),
            output: Some(0),
            ..Usage::default()
        }),
        "0.0006"
    );
    assert_eq!(
        cost(Usage {
            input: Some(0),
            cache_read: Some(0),
            cache_write: Some(2000),
            output: Some(0),
            ..Usage::default()
        }),
        "0.0075"
    );
    assert_eq!(
        cost(Usage {
            input: Some(5),
            cache_read: Some(128_955),
            cache_write: Some(1_253),
            output: Some(0),
            ..Usage::default()
        }),
        "0.04340025"
    );
}

#[test]
fn two_turns_are_exactly_the_sum() {
    let row = of(vec![
        span("a", None, SpanKind::Llm, usage(850, 836)),
        span("b", None, SpanKind::Llm, usage(1420, 310)),
    ])
    .row;
    assert_eq!(
        (row.cost, row.cost_basis, row.llm_calls),
        (Some(Cost(24_000_000_000)), CostBasis::Computed, 2)
    );
}

#[test]
fn a_parent_that_repeats_its_children_is_not_counted() {
    let trace = of(vec![
        span("root", None, SpanKind::Agent, usage(2270, 1146)),
        span("a", Some("root"), SpanKind::Llm, usage(850, 836)),
        span("b", Some("root"), SpanKind::Llm, usage(1420, 310)),
    ]);
    assert_eq!(trace.row.cost, Some(Cost(24_000_000_000)));
    assert!(trace.spans[0].rolled_up && !trace.spans[0].counted);
    assert_eq!(trace.spans[0].total_cost, trace.row.cost);
    // A twin of stacked instrumentations: the same call told twice.
    let twins = of(vec![
        span("outer", None, SpanKind::Llm, usage(850, 836)),
        span("inner", Some("outer"), SpanKind::Llm, usage(850, 836)),
    ]);
    assert_eq!((twins.row.cost, twins.row.llm_calls), (Some(Cost(15_090_000_000)), 1));
}

#[test]
fn a_model_without_a_price_is_unknown_and_never_another_model() {
    let mut part = span("a", None, SpanKind::Llm, usage(10, 10));
    part.request_model = Some("acme-internal-7b".into());
    let row = of(vec![part.clone()]).row;
    assert_eq!((row.cost, row.cost_basis, row.unpriced_calls), (None, CostBasis::UnknownModel, 1));
    assert!(row.findings.has(FindingKind::Unpriced));
    part.cost_logged = Cost::from_decimal("0.002");
    let row = of(vec![part]).row;
    assert_eq!((row.cost, row.cost_basis), (Some(Cost(2_000_000_000)), CostBasis::Logged));
}

#[test]
fn what_was_not_logged_makes_a_lower_bound() {
    let bare = Usage {
        input: Some(850),
        output: Some(836),
        ..Usage::default()
    };
    let row = of(vec![span("a", None, SpanKind::Llm, bare)]).row;
    assert_eq!((row.cost, row.cost_basis), (Some(Cost(15_090_000_000)), CostBasis::LowerBound));
}

#[test]
fn a_logged_zero_beside_tokens_is_recomputed() {
    let mut part = span("a", None, SpanKind::Llm, usage(850, 836));
    part.cost_logged = Some(Cost(0));
    assert_eq!(of(vec![part]).row.cost_basis, CostBasis::Recomputed);
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

#[test]
fn findings_carry_their_figures() {
    let mut part = span("a", None, SpanKind::Llm, usage(900_000, 1));
    part.params = Some(spanscope::model::json::Json::parse(r#"{"temperature":1.0}"#).unwrap());
    part.stop_reason = Some("max_tokens".into());
    let trace = of(vec![part]);
    let evidence: String = trace.spans[0]
        .findings
        .iter()
        .map(|f| f.evidence.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    for kind in [FindingKind::HotTemperature, FindingKind::Truncated, FindingKind::ContextNearlyFull] {
        assert!(trace.row.findings.has(kind), "{kind}: {evidence}");
    }
    assert!(evidence.contains("1.0") && evidence.contains("90"), "{evidence}");
}

#[test]
fn the_users_prices_win_and_mistakes_are_told() {
    let prices = Prices::embedded();
    assert!(prices.find("claude-sonnet-4-6-20260101", None, 1_795_000_000_000_000_000).is_some());
    assert!(prices.find("gpt-99-imaginary", None, 1_795_000_000_000_000_000).is_none());
    assert!(prices.with_user("[[price]]\nmodle = \"x\"\n").is_err());
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
