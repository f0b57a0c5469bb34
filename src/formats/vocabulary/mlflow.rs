//! MLflow's own words: every value is JSON in a string.

use super::{Vocabulary, open, push_input_output, push_tools, set};
use crate::formats::message::unwrapped;
use crate::formats::number;
use crate::formats::scan::{Fields, string};
use crate::formats::sink::{kind_of, normalise};
use crate::model::content::Slot;
use crate::model::span::{Part, SpanKind};
use crate::model::usage::{Convention, Usage};

/// `mlflow.*`.
pub struct Mlflow;

/// Values that are text.
const TEXTS: &[&str] = &[
    "mlflow.spanType",
    "mlflow.llm.model",
    "mlflow.llm.provider",
    "mlflow.trace.user",
    "mlflow.trace.session",
];

impl Vocabulary for Mlflow {
    fn name(&self) -> &'static str {
        "mlflow"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["mlflow."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        for key in TEXTS {
            let Some(inner) = fields.get(key).map(unwrapped).map(std::borrow::Cow::into_owned) else {
                continue;
            };
            fields.take(key);
            fields.push((*key).into(), inner.into());
        }
        if let Some(kind) = fields.get("mlflow.spanType").and_then(string).and_then(|word| kind_of(&word)) {
            fields.take("mlflow.spanType");
            if part.kind == SpanKind::Other {
                part.kind = kind;
            }
        }
        set(&mut part.request_model, fields, &["mlflow.llm.model"]);
        set(&mut part.provider, fields, &["mlflow.llm.provider"]);
        set(&mut part.user, fields, &["mlflow.trace.user"]);
        set(&mut part.session, fields, &["mlflow.trace.session"]);
        let mut odd = false;
        tokens(fields, part, &mut odd);
        if part.cost_logged.is_none()
            && let Some(mut cost) = fields.get("mlflow.llm.cost").map(unwrapped).and_then(|raw| Fields::of_owned(&raw))
        {
            part.cost_logged = cost.number(&["total_cost"], number::dollars, &mut odd);
        }
        if part.kind == SpanKind::Tool && part.tool_name.is_none() {
            part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
        }
        if open(part, Slot::ToolDefinition)
            && let Some(tools) = fields.take("mlflow.chat.tools")
        {
            push_tools(part, &tools);
        }
        push_input_output(part, fields, "mlflow.spanInputs", "mlflow.spanOutputs");
        crate::formats::container::record::note_odd(part, odd);
    }
}

/// Whether the input has the cached tokens in it depends on the provider: nobody says.
fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    if !part.usage.is_empty() {
        return;
    }
    let Some(mut logged) = super::object_under(fields, "mlflow.chat.tokenUsage") else {
        return;
    };
    let mut count = |key: &str| logged.number(&[key], number::tokens, odd);
    let usage = Usage {
        input: count("input_tokens"),
        cache_read: count("cache_read_input_tokens"),
        cache_write: count("cache_creation_input_tokens"),
        output: count("output_tokens"),
        ..Usage::default()
    };
    let cached = usage.cache_read.or(usage.cache_write).is_some();
    let convention = if cached { Convention::Unknown } else { Convention::Inclusive };
    normalise(part, convention, usage);
    logged.take("total_tokens");
    super::put_back(fields, "mlflow.chat.tokenUsage", &logged);
}
