//! Langfuse's SDKs, which are OpenTelemetry's: `langfuse.observation.*` and `langfuse.trace.*`. Their usage leaves cached tokens out of the input.

use super::flat::is_others;
use super::{Vocabulary, object_under, push_input_output, set, set_kind};
use crate::formats::message::unwrapped;
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{fail, normalise};
use crate::formats::{number, time};
use crate::model::json::Json;
use crate::model::span::{Part, Status};
use crate::model::usage::{Convention, Cost, Usage};

/// `langfuse.*`.
pub struct Langfuse;

impl Vocabulary for Langfuse {
    fn name(&self) -> &'static str {
        "langfuse"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["langfuse."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        set_kind(part, fields, "langfuse.observation.type");
        set(
            &mut part.user,
            fields,
            &["langfuse.user.id", "langfuse.trace.metadata.langfuse_user_id"],
        );
        set(
            &mut part.session,
            fields,
            &["langfuse.session.id", "langfuse.trace.metadata.langfuse_session_id"],
        );
        set(&mut part.feature, fields, &["langfuse.trace.name"]);
        set(&mut part.request_model, fields, &["langfuse.observation.model.name"]);
        if let Some(raw) = fields.take("langfuse.observation.usage_details") {
            match Fields::of(&unwrapped(&raw)) {
                Some(mut details) => usage(&mut details, part, &mut odd),
                None => fields.push("langfuse.observation.usage_details".into(), raw.clone()),
            }
        }
        if let Some(mut costs) = object_under(fields, "langfuse.observation.cost_details") {
            part.cost_logged = part.cost_logged.or_else(|| cost(&mut costs, &mut odd));
        }
        if part.params.is_none()
            && let Some(raw) = fields.take("langfuse.observation.model_parameters")
        {
            part.params = Json::parse(&unwrapped(&raw)).ok().filter(|json| json.as_str().starts_with('{'));
        }
        if let Some(raw) = fields.take("langfuse.observation.completion_start_time")
            && let Some(first) = time::of(&unwrapped_text(&raw))
        {
            part.time_to_first_token = Some(first.saturating_sub(part.start)).filter(|t| *t >= 0);
        }
        level(fields, part, "langfuse.observation.level", "langfuse.observation.status_message");
        push_input_output(part, fields, "langfuse.observation.input", "langfuse.observation.output");
        crate::formats::container::record::note_odd(part, odd);
    }
}

/// A string inside a string, as the SDK writes times.
fn unwrapped_text(raw: &str) -> String {
    match string(raw) {
        Some(inner) if inner.starts_with('"') => inner.into_owned(),
        _ => raw.to_owned(),
    }
}

/// How bad it was, and why.
pub fn level(fields: &mut Fields<'_>, part: &mut Part, level: &str, text: &str) {
    if fields.get(level) == Some("\"ERROR\"") {
        fields.take(level);
        let why = fields.text(&[text]);
        fail(part, why);
    } else if fields.get(level) == Some("\"DEFAULT\"") {
        fields.take(level);
        part.status = part.status.max(Status::Unset);
    }
}

/// Langfuse's classes are disjoint, `total` is their sum. OpenAI's own names, which it takes too, include what was cached.
pub fn usage(details: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let mut count = |keys: &[&str]| details.number(keys, number::tokens, odd);
    let inclusive = count(&["prompt_tokens"]);
    let total = count(&["total", "total_tokens"]);
    let usage = Usage {
        input: inclusive.or_else(|| count(&["input", "input_tokens", "promptTokens"])),
        cache_read: count(&[
            "input_cached_tokens",
            "input_cache_read",
            "cache_read_input_tokens",
            "input_cache_read_tokens",
            "cached_tokens",
            "prompt_tokens_details.cached_tokens",
            "prompt_details.cache_read",
            "cache_read_tokens",
        ]),
        cache_write: count(&[
            "input_cache_creation",
            "cache_creation_input_tokens",
            "input_cache_creation_tokens",
            "input_cache_write_tokens",
            "prompt_details.cache_write",
            "cache_creation_tokens",
        ]),
        cache_write_1h: None,
        output: count(&["output", "output_tokens", "completion_tokens", "completionTokens"]),
        reasoning: count(&[
            "output_reasoning",
            "output_reasoning_tokens",
            "reasoning_tokens",
            "completion_details.reasoning",
        ]),
    };
    if usage.is_empty() || !part.usage.is_empty() {
        return;
    }
    // The total decides: with the cached tokens it is the sum of disjoint classes, without them the input had them.
    let cached = [usage.cache_read, usage.cache_write]
        .into_iter()
        .flatten()
        .fold(0, u64::saturating_add);
    let plain = [usage.input, usage.output].into_iter().flatten().fold(0, u64::saturating_add);
    let reasoning = usage.reasoning.unwrap_or(0);
    let convention = match total {
        Some(total) if cached > 0 && total == plain => Convention::Inclusive,
        _ if inclusive.is_some() => Convention::Inclusive,
        // Where the vendor counts cached tokens in the input, and nothing was taken out of it, they still are in it.
        _ if usage.cached().is_none() && model(part).is_some_and(is_others) => Convention::Inclusive,
        _ => Convention::Exclusive,
    };
    // Reasoning may stand beside the output; then only the total counts it in.
    let apart = reasoning > 0 && total == Some(plain + cached + reasoning);
    let output = usage.output.map(|output| if apart { output + reasoning } else { output });
    normalise(part, convention, Usage { output, ..usage });
}

fn model(part: &Part) -> Option<&str> {
    part.response_model.as_deref().or(part.request_model.as_deref())
}

/// The bill: its total, else the sum of its classes.
pub fn cost(details: &mut Fields<'_>, odd: &mut bool) -> Option<Cost> {
    if let Some(total) = details.number(&["total"], number::dollars, odd) {
        return Some(total);
    }
    let keys: Vec<String> = details.rest().map(|(key, _)| key.to_owned()).collect();
    let parts = keys.iter().filter_map(|key| details.number(&[key], number::dollars, odd));
    parts.reduce(std::ops::Add::add)
}
