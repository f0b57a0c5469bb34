//! What is noteworthy about a span, judged from the trace alone, with the figures that prove it.
//!
//! A start in the future is not judged: no clock is known here, and what is derived must not depend on when it is derived.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::event;
use super::rollup::model;
use crate::model::content::Slot;
use crate::model::json::Json;
use crate::model::span::{Inferred, Nanos, Part, SpanKind, Status};
use crate::model::trace::{Finding, FindingKind, Span};
use crate::model::usage::CostBasis;
use crate::pricing::{Prices, Terms, Tier};

/// Above this an answer is more chance than prompt.
const HOT: f64 = 0.7;
/// Share of the context window, in percent, beyond which the middle of a prompt is skipped.
const NEARLY_FULL: u128 = 80;
/// What a prompt is made of.
const PROMPT: u8 = Slot::System.bit() | Slot::Message.bit();
/// 2000-01-01T00:00:00Z: no log of a model is older.
const YEAR_2000: Nanos = 946_684_800_000_000_000;

/// Adds to every span what can be found in it; findings are then in the order of their kinds.
pub(super) fn find(spans: &mut [Span], prices: &Prices) {
    let told = spans
        .iter()
        .filter(|span| event::is_one(&span.part) && span.part.slots & PROMPT != 0);
    let told: HashSet<u32> = told.filter_map(|span| span.parent).collect();
    for index in 0..spans.len() {
        let span = &spans[index];
        if span.missing {
            continue;
        }
        let mut found = Vec::new();
        let mut add = |kind, evidence: Option<String>| found.extend(evidence.map(|evidence| Finding { kind, evidence }));
        let failure = if span.part.kind == SpanKind::Tool {
            FindingKind::ToolError
        } else {
            FindingKind::Error
        };
        add(failure, failed(&span.part));
        add(FindingKind::Clock, clock(&span.part));
        add(FindingKind::Repaired, repaired(&span.part));
        if span.part.kind == SpanKind::Llm && !span.rolled_up {
            let wrapper = span.parent.map(|parent| &spans[parent as usize]).filter(|parent| parent.rolled_up);
            if !super::session::is_one(&span.part) && u32::try_from(index).is_ok_and(|index| !told.contains(&index)) {
                add(FindingKind::MissingPrompt, missing_prompt(&span.part, wrapper));
            }
            let params = Params::of(&span.part);
            add(FindingKind::Truncated, truncated(&span.part, &params));
            add(FindingKind::HotTemperature, hot(&params));
            add(FindingKind::ContextNearlyFull, nearly_full(&span.part, prices));
        }
        if span.counted && span.cost_basis == CostBasis::UnknownModel {
            add(FindingKind::Unpriced, Some(unpriced(&span.part, prices)));
        }
        let span = &mut spans[index];
        span.findings.extend(found);
        span.findings.sort_by(|a, b| (a.kind, &a.evidence).cmp(&(b.kind, &b.evidence)));
    }
}

fn failed(part: &Part) -> Option<String> {
    let error = part.error.as_deref().filter(|error| !error.is_empty());
    let what = if part.kind == SpanKind::Tool {
        part.tool_name
            .as_deref()
            .map_or_else(|| "the tool".to_owned(), |name| format!("tool `{name}`"))
    } else {
        format!("the {} span", part.kind)
    };
    match (part.status, error) {
        (Status::Error, Some(error)) => Some(format!("{what} failed: {error}")),
        (Status::Error, None) => Some(format!("{what} failed; no message was logged")),
        (Status::Ok | Status::Unset, _) => None,
    }
}

fn clock(part: &Part) -> Option<String> {
    if part.start < YEAR_2000 {
        return Some(format!("it starts at {} ns since 1970: before the year 2000", part.start));
    }
    let end = part.end.filter(|end| *end < part.start)?;
    Some(format!("it ends {} ns before it starts", part.start.saturating_sub(end)))
}

fn repaired(part: &Part) -> Option<String> {
    part.inferred
        .has(Inferred::REPAIRED)
        .then(|| "its line was not valid JSON and was repaired before it could be read".to_owned())
}

/// A stacked instrumentation may keep the prompt on the outer span and the tokens on the inner one.
fn missing_prompt(part: &Part, wrapper: Option<&Span>) -> Option<String> {
    let there = part.slots & PROMPT != 0 || wrapper.is_some_and(|wrapper| wrapper.part.slots & PROMPT != 0);
    let response = if part.slots & Slot::Response.bit() != 0 {
        "the response was logged, its prompt was not"
    } else {
        "no prompt was logged"
    };
    (!there).then(|| response.to_owned())
}

fn truncated(part: &Part, params: &Params<'_>) -> Option<String> {
    let reason = part.stop_reason.as_deref()?;
    let limits = [
        "max_tokens",
        "length",
        "max_output_tokens",
        "max_length",
        "model_length",
        "max_completion_tokens",
        "model_context_window_exceeded",
    ];
    if !limits.iter().any(|limit| reason.eq_ignore_ascii_case(limit)) {
        return None;
    }
    let after = part
        .usage
        .output
        .map_or_else(String::new, |tokens| format!(" after {tokens} output tokens"));
    let allowed = [
        params.max_tokens,
        params.max_output_tokens,
        params.max_completion_tokens,
        params.max_output_tokens_camel,
    ]
    .into_iter()
    .find_map(number)
    .map_or_else(String::new, |limit| format!(" of at most {limit}"));
    Some(format!("the model stopped with `{reason}`{after}{allowed}"))
}

/// The temperature asked for.
pub(super) fn temperature(part: &Part) -> Option<f64> {
    number(Params::of(part).temperature)?.parse().ok()
}

fn hot(params: &Params<'_>) -> Option<String> {
    let temperature = number(params.temperature)?;
    let hot = temperature.parse::<f64>().is_ok_and(|t| t > HOT);
    hot.then(|| format!("temperature {temperature} is above {HOT}"))
}

/// The request's parameters that are judged, as logged; the others are passed over.
#[derive(Default, serde::Deserialize)]
struct Params<'a> {
    #[serde(borrow, default)]
    temperature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_output_tokens: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_completion_tokens: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "maxOutputTokens")]
    max_output_tokens_camel: Option<&'a RawValue>,
}

impl<'a> Params<'a> {
    fn of(part: &'a Part) -> Self {
        let object = part.params.as_ref().map(Json::as_str).filter(|text| text.starts_with('{'));
        object.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}

/// A number, in quotes or not, spelled as logged.
fn number(value: Option<&RawValue>) -> Option<&str> {
    let text = value?.get().trim_matches('"');
    text.parse::<f64>().is_ok_and(f64::is_finite).then_some(text)
}

fn nearly_full(part: &Part, prices: &Prices) -> Option<String> {
    let input = part.usage.total_input()?;
    let window = prices.of_call(part)?.context_window.filter(|window| *window > 0)?;
    if u128::from(input) * 100 <= u128::from(window) * NEARLY_FULL {
        return None;
    }
    let tenths = u128::from(input) * 1000 / u128::from(window);
    let (whole, tenth) = (tenths / 10, tenths % 10);
    let model = model(part).unwrap_or_default();
    Some(format!(
        "{input} input tokens fill {whole}.{tenth}% of the {window} that {model} can read"
    ))
}

fn unpriced(part: &Part, prices: &Prices) -> String {
    match model(part) {
        None => "no model was logged, so its tokens have no price".to_owned(),
        Some(model) if prices.of_call(part).is_some() => match Terms::of(part).tier {
            Tier::Other(tier) if !part.usage.is_empty() => format!("no price is known for `{model}` at the service tier `{tier}`"),
            _ => format!("neither tokens nor a cost were logged for `{model}`"),
        },
        Some(model) => format!("no price is known for `{model}`, and the log states no cost"),
    }
}
