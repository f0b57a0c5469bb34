//! Which spans are counted, what each costs, and the sums above them.
//!
//! Frameworks repeat the usage of a call on the spans around it. Counting happens at the leaf-most span that states a usage, so that
//! no token is paid for twice; what was left out stays visible as `rolled_up`.

use std::collections::HashSet;

use super::event;
use super::tree::INTERACTION;
use crate::model::span::{Part, SpanKind};
use crate::model::trace::{Finding, FindingKind, Span};
use crate::model::usage::{Convention, Cost, CostBasis, Usage};
use crate::pricing::{Bill, Prices, Tier};

/// What is counted below a span.
#[derive(Clone, Copy, Default)]
struct Below {
    calls: u32,
    llm_calls: u32,
    usage: Usage,
    logged: Option<Cost>,
}

/// Decides `rolled_up` and `counted`. Spans are in tree order, so that walking backwards meets children before their parents. `beside` are
/// the ids of those that are no part of what their parent stands for.
pub(super) fn count(spans: &mut [Span], beside: &HashSet<String>) {
    let mut twins = event::retold(spans);
    let mut below = roll_up(spans, &twins, beside);
    if spans.iter().any(|span| span.part.dialect == INTERACTION) {
        let retold = twins;
        twins = interaction_twins(spans);
        twins.iter_mut().zip(retold).for_each(|(twin, retold)| *twin |= retold);
        below = roll_up(spans, &twins, beside);
    }
    for (span, below) in spans.iter_mut().zip(below) {
        if span.rolled_up && below.calls > 0 {
            span.findings.extend(mismatch(&span.part, &below));
        }
    }
}

/// The model that answered, else the one asked for.
pub(super) fn model(part: &Part) -> Option<&str> {
    part.response_model.as_deref().or(part.request_model.as_deref())
}

/// Gives every counted call its cost and its basis.
pub(super) fn price(spans: &mut [Span], prices: &Prices) {
    let zero = |cost: Option<Cost>| cost == Some(Cost(0));
    let root_says_zero = spans
        .iter()
        .any(|s| s.part.dialect == INTERACTION && s.part.kind != SpanKind::Llm && zero(s.part.cost_logged));
    for span in spans.iter_mut().filter(|span| span.counted) {
        let part = &span.part;
        let bill = prices.bill(part).filter(|bill| !is_discounted(bill));
        let computed = bill.as_ref().and_then(Bill::cost);
        span.saved = bill.as_ref().filter(|bill| !bill.unpriced_tier).and_then(Bill::saved);
        let dearer = bill.is_some_and(|bill| bill.unpriced_tier);
        let logged = part.cost_logged.filter(|cost| cost.0 > 0);
        let says_zero = zero(part.cost_logged) || root_says_zero && part.dialect == INTERACTION;
        (span.cost, span.cost_basis) = match (computed, logged) {
            (Some(cost), _) if dearer || incomplete(part) => (Some(cost), CostBasis::LowerBound),
            (Some(cost), _) if says_zero && part.usage.total() > Some(0) => (Some(cost), CostBasis::Recomputed),
            (Some(cost), _) => (Some(cost), CostBasis::Computed),
            (None, Some(cost)) => (Some(cost), CostBasis::Logged),
            (None, None) => (None, CostBasis::UnknownModel),
        };
    }
}

/// A service tier known to be cheaper, whose rates are not known: the usual ones would say too much.
fn is_discounted(bill: &Bill<'_>) -> bool {
    let cheaper = |word: &str| matches!(word.split(' ').next(), Some("batch" | "flex"));
    bill.unpriced_tier && matches!(&bill.tier, Tier::Other(word) if cheaper(word))
}

/// Some tokens that cost money may not have been logged. Where input includes cached tokens and no cache class was logged, all of it
/// is billed in full: at worst too much, never too little. Where nobody knows whether input includes them, the lower reading was taken.
/// Embeddings and re-rankings have no output and no cache.
fn incomplete(part: &Part) -> bool {
    let usage = &part.usage;
    if matches!(part.kind, SpanKind::Embedding | SpanKind::Rerank) {
        return usage.input.is_none();
    }
    let no_cache_logged = usage.cache_read.is_none() && usage.total_cache_write().is_none();
    let doubtful = match part.convention {
        Convention::Inclusive => false,
        Convention::Exclusive => no_cache_logged,
        Convention::Unknown => usage.cached() > Some(0),
    };
    usage.input.is_none() || usage.output.is_none() || doubtful
}

/// The sums of counted calls at and below every span.
pub(super) fn totals(spans: &mut [Span]) {
    for index in (0..spans.len()).rev() {
        let (head, tail) = spans.split_at_mut(index);
        let span = &mut tail[0];
        if span.counted {
            span.total_usage = span.total_usage.add(&span.part.usage);
            span.total_cost = add(span.total_cost, span.cost);
        }
        if let Some(parent) = span.parent {
            let parent = &mut head[parent as usize];
            parent.total_usage = parent.total_usage.add(&span.total_usage);
            parent.total_cost = add(parent.total_cost, span.total_cost);
        }
    }
}

/// The sum of what is known.
pub(super) fn add(a: Option<Cost>, b: Option<Cost>) -> Option<Cost> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

/// `twins` may be empty: then there are none.
fn roll_up(spans: &mut [Span], twins: &[bool], beside: &HashSet<String>) -> Vec<Below> {
    let mut below = vec![Below::default(); spans.len()];
    // The same without what is below a tool: a model call asks for a tool, and what that spends is never in the call's own figures.
    let mut inside = below.clone();
    // And what hangs beside the call that a span stands for: with, and without what is below a tool.
    let (mut more, mut more_inside) = (below.clone(), below.clone());
    for index in (0..spans.len()).rev() {
        let span = &mut spans[index];
        let states = !span.part.usage.is_empty() || span.part.cost_logged.is_some();
        let own = if span.part.kind == SpanKind::Llm {
            &inside[index]
        } else {
            &below[index]
        };
        span.rolled_up = twins.get(index) == Some(&true) || repeats(&span.part, states, own);
        span.counted = states && !span.rolled_up;
        let call = Below {
            calls: u32::from(span.counted),
            llm_calls: u32::from(span.counted && span.part.kind == SpanKind::Llm),
            usage: if span.counted { span.part.usage } else { Usage::default() },
            logged: span.part.cost_logged.filter(|_| span.counted),
        };
        let Some(parent) = span.parent.map(|parent| parent as usize) else {
            continue;
        };
        let is_beside = beside.contains(&span.part.span_id);
        let all = below[index].and(&more[index]).and(&call);
        let to = if is_beside { &mut more } else { &mut below };
        to[parent] = to[parent].and(&all);
        if span.part.kind != SpanKind::Tool {
            let all = inside[index].and(&more_inside[index]).and(&call);
            let to = if is_beside { &mut more_inside } else { &mut inside };
            to[parent] = to[parent].and(&all);
        }
    }
    below
}

impl Below {
    fn and(&self, other: &Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            llm_calls: self.llm_calls + other.llm_calls,
            usage: self.usage.add(&other.usage),
            logged: add(self.logged, other.logged),
        }
    }
}

/// Whether a span only repeats what is counted below it.
fn repeats(part: &Part, states: bool, below: &Below) -> bool {
    if below.calls == 0 {
        return false;
    }
    if part.kind != SpanKind::Llm {
        return states;
    }
    if part.usage.is_empty() {
        // The wrapper of a call: a second instrumentation, or a cost without tokens.
        return states || below.llm_calls > 0;
    }
    covers(&part.usage, &below.usage)
}

/// At least as much in every class; where the parent knows no cache classes, in its input as a whole.
fn covers(own: &Usage, below: &Usage) -> bool {
    let at_least = |own: Option<u64>, below: Option<u64>| below.is_none_or(|below| own.unwrap_or(0) >= below);
    let every_class = at_least(own.input, below.input)
        && at_least(own.cache_read, below.cache_read)
        && at_least(own.total_cache_write(), below.total_cache_write());
    let as_a_whole = own.cache_read.is_none() && own.total_cache_write().is_none() && at_least(own.input, below.total_input());
    at_least(own.output, below.output) && (every_class || as_a_whole)
}

/// The turns of an interaction record that a record of their own tells better: same model, equal tokens, in order of start.
fn interaction_twins(spans: &[Span]) -> Vec<bool> {
    let mut twins = vec![false; spans.len()];
    let mut calls: std::collections::HashMap<(&str, u64, u64), u32> = std::collections::HashMap::new();
    let key = |span: &Span| Some((span.part.usage.input, span.part.usage.output?));
    for span in spans
        .iter()
        .filter(|s| s.counted && s.part.kind == SpanKind::Llm && s.part.dialect != INTERACTION)
    {
        if let (Some(model), Some((Some(input), output))) = (model(&span.part), key(span)) {
            *calls.entry((model, input, output)).or_default() += 1;
        }
    }
    // Equal turns are alike, so that taking them in tree order is taking them in order of start.
    for (index, span) in spans
        .iter()
        .enumerate()
        .filter(|(_, s)| s.part.kind == SpanKind::Llm && s.part.dialect == INTERACTION)
    {
        let Some((Some(input), output)) = key(span) else { continue };
        let names = [&span.part.response_model, &span.part.request_model];
        for name in names.into_iter().flatten() {
            if let Some(left) = calls.get_mut(&(name.as_str(), input, output)).filter(|left| **left > 0) {
                *left -= 1;
                twins[index] = true;
                break;
            }
        }
    }
    twins
}

fn mismatch(part: &Part, below: &Below) -> Option<Finding> {
    let figures = [
        ("input tokens", part.usage.total_input(), below.usage.total_input()),
        ("output tokens", part.usage.output, below.usage.output),
    ];
    let mut told: Vec<String> = figures
        .into_iter()
        .filter_map(|(what, own, below)| {
            let (own, below) = (own?, below.unwrap_or(0));
            (own > below).then(|| format!("{own} {what}, the calls below it {below}"))
        })
        .collect();
    if let (Some(own), Some(sum)) = (part.cost_logged, below.logged)
        && own > sum
    {
        told.push(format!(
            "a logged cost of ${}, the calls below it ${}",
            own.decimal(),
            sum.decimal()
        ));
    }
    (!told.is_empty()).then(|| Finding {
        kind: FindingKind::RollupMismatch,
        evidence: format!("it states {}", told.join("; ")),
    })
}
