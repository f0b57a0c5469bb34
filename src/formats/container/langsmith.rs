//! Runs of LangSmith: dumps of its SDK and lines of its command line's export. Input tokens are the sum of all kinds.

use std::borrow::Cow;

use super::record;
use super::{Container, Outcome};
use crate::formats::message::{push_documents, push_messages, push_payload};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times, fail, kind_of, normalise};
use crate::formats::{Dialect, message, number, time};
use crate::model::content::{Form, Slot};
use crate::model::json::Json;
use crate::model::record::Order;
use crate::model::span::{Part, SpanKind, Status};
use crate::model::usage::{Convention, Usage};

/// Runs.
pub struct LangSmith;

static DIALECT: Dialect = Dialect {
    name: "langsmith",
    what: "runs exported from LangSmith",
    order: Order::Random,
    example: "an object with dotted_order, or run_type, name and id or run_id",
};

/// Runs inside runs beyond this depth are left as they are.
const DEEPEST: usize = 64;

impl Container for LangSmith {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        fields.has("dotted_order") && fields.any(&["id", "run_id", "trace_id"])
            || fields.has("run_type") && fields.has("name") && fields.any(&["run_id", "id"])
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        run(fields, None, line, sink, 0);
        Outcome::Spans
    }
}

/// The run above: its trace and itself.
struct Above {
    trace: String,
    run: String,
}

fn run(mut fields: Fields<'_>, above: Option<&Above>, line: &Line<'_>, sink: &mut Sink<'_>, depth: usize) {
    let mut part = sink.begin(line, DIALECT.name);
    part.span_id = fields.text(&["id", "run_id"]).unwrap_or_default();
    part.trace_id = fields
        .text(&["trace_id"])
        .or_else(|| above.map(|above| above.trace.clone()))
        .unwrap_or_else(|| part.span_id.clone());
    part.parent_id = fields.text(&["parent_run_id"]).or_else(|| above.map(|above| above.run.clone()));
    part.name = fields.text(&["name"]).unwrap_or_default();
    if let Some(kind) = fields.get("run_type").and_then(string).and_then(|word| kind_of(&word)) {
        fields.take("run_type");
        part.kind = kind;
    }
    let mut odd = false;
    let mut moment = |key: &str| utc(fields.take(key)).as_deref().and_then(time::of);
    let times = Times {
        start: moment("start_time"),
        end: moment("end_time"),
        duration: None,
    };
    let first = moment("first_token_time");
    let duration = fields.number(&["duration_ms"], number::milliseconds, &mut odd);
    let times = Times {
        duration: if times.end.is_none() { duration } else { None },
        ..times
    };
    times.apply(&mut part, line);
    part.ended = part.end.is_some();
    part.time_to_first_token = first.map(|first| first.saturating_sub(part.start)).filter(|t| *t >= 0);
    who(&mut fields, &mut part);
    tokens(&mut fields, &mut part, &mut odd);
    if let Some(error) = fields.text(&["error"]) {
        fail(&mut part, Some(error));
    } else if fields.get("status") == Some("\"success\"") {
        fields.take("status");
        part.status = Status::Ok;
    } else if fields.get("status") == Some("\"error\"") {
        fields.take("status");
        fail(&mut part, None);
    }
    contents(&mut fields, &mut part);
    record::note_odd(&mut part, odd);
    let children = fields.take("child_runs").map(Cow::into_owned);
    let below = Above {
        trace: part.trace_id.clone(),
        run: part.span_id.clone(),
    };
    sink.push(line, part, &fields);
    for child in children.as_deref().and_then(array).unwrap_or_default() {
        if depth < DEEPEST
            && let Some(child) = Fields::of(child)
        {
            run(child, Some(&below), line, sink, depth + 1);
        }
    }
}

/// A time without a zone is UTC.
fn utc(raw: Option<Cow<'_, str>>) -> Option<String> {
    let raw = raw?;
    let Some(text) = string(&raw) else { return Some(raw.into_owned()) };
    let zoned = text.ends_with('Z') || text.get(10..).is_some_and(|clock| clock.contains(['+', '-']));
    Some(if zoned || text.len() <= 10 {
        raw.into_owned()
    } else {
        crate::formats::scan::quote(&format!("{text}Z"))
    })
}

/// The metadata names the model and who asked; `session_id` of the run itself is the project.
fn who(fields: &mut Fields<'_>, part: &mut Part) {
    for key in ["extra", "extra.metadata", "extra.invocation_params", "custom_metadata"] {
        fields.expand(key);
    }
    for base in ["extra.metadata", "custom_metadata"] {
        let mut text = |names: &[&str]| {
            let keys: Vec<String> = names.iter().map(|name| format!("{base}.{name}")).collect();
            fields.text(&keys.iter().map(String::as_str).collect::<Vec<_>>())
        };
        part.provider = part.provider.take().or_else(|| text(&["ls_provider"]));
        part.request_model = part.request_model.take().or_else(|| text(&["ls_model_name"]));
        part.session = part
            .session
            .take()
            .or_else(|| text(&["session_id", "thread_id", "conversation_id"]));
        part.user = part.user.take().or_else(|| text(&["user_id", "userId"]));
        part.feature = part.feature.take().or_else(|| text(&["feature"]));
    }
    let invocation = fields.take_under("extra.invocation_params");
    let mut params = Vec::new();
    for (key, value) in invocation {
        match &*key {
            "model" | "model_name" => {
                let named = string(&value).map(Cow::into_owned);
                part.request_model = part.request_model.take().or(named);
            }
            "tools" | "functions" => {
                for tool in array(&value).unwrap_or_default() {
                    message::push(part, Slot::ToolDefinition, "", Form::Json, tool.to_owned());
                }
            }
            _ => params.push((key, value)),
        }
    }
    if !params.is_empty() {
        part.params = Some(message::object(params.iter().map(|(key, value)| (&**key, &**value))));
    } else if let Some(temperature) = fields.take("extra.metadata.ls_temperature") {
        part.params = Json::parse(&format!(r#"{{"temperature":{temperature}}}"#)).ok();
    }
}

fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    // The model's own figures tell its kinds of tokens; the run's are sums over everything below it as well.
    let metadata = fields.get("outputs").and_then(usage_metadata);
    if part.kind == SpanKind::Llm
        && let Some(mut inner) = metadata
    {
        inner.expand("input_token_details");
        inner.expand("output_token_details");
        let mut count = |key: &str| inner.number(&[key], number::tokens, odd);
        let usage = Usage {
            input: count("input_tokens"),
            cache_read: count("input_token_details.cache_read"),
            cache_write: count("input_token_details.cache_creation"),
            cache_write_1h: None,
            output: count("output_tokens"),
            reasoning: count("output_token_details.reasoning"),
        };
        if !usage.is_empty() {
            normalise(part, Convention::Inclusive, usage);
        }
    }
    if part.kind == SpanKind::Llm {
        provider_says(fields.get("outputs").unwrap_or_default(), part, odd);
    }
    if part.usage.is_empty() {
        for key in ["token_usage", "prompt_token_details"] {
            fields.expand(key);
        }
        let mut count = |keys: &[&str]| fields.number(keys, number::tokens, odd);
        let usage = Usage {
            input: count(&["prompt_tokens", "token_usage.prompt_tokens"]),
            cache_read: count(&["prompt_token_details.cache_read"]),
            cache_write: count(&["prompt_token_details.cache_creation"]),
            output: count(&["completion_tokens", "token_usage.completion_tokens"]),
            ..Usage::default()
        };
        if !usage.is_empty() && usage.input.max(usage.output) > Some(0) {
            normalise(part, Convention::Inclusive, usage);
        }
    }
    fields.expand("costs");
    let costs = ["total_cost", "costs.total_cost", "costs.total"];
    part.cost_logged = fields.number(&costs, number::dollars, odd).filter(|cost| cost.0 > 0);
}

/// What older integrations keep of the provider's answer: its model, and its figures where nobody else has any.
fn provider_says(outputs: &str, part: &mut Part, odd: &mut bool) {
    let output = Fields::of(outputs).and_then(|outputs| outputs.get("llm_output").and_then(Fields::of_owned));
    let Some(mut output) = output else { return };
    part.response_model = part.response_model.take().or_else(|| output.text(&["model_name", "model"]));
    for key in [
        "token_usage",
        "token_usage.prompt_tokens_details",
        "token_usage.completion_tokens_details",
        "usage",
    ] {
        output.expand(key);
    }
    // Anthropic's own figures leave out what was cached.
    let convention = if output.has("token_usage.prompt_tokens") {
        Convention::Inclusive
    } else {
        Convention::Exclusive
    };
    let mut count = |keys: &[&str]| output.number(keys, number::tokens, odd);
    let usage = Usage {
        input: count(&["token_usage.prompt_tokens", "usage.input_tokens"]),
        cache_read: count(&["token_usage.prompt_tokens_details.cached_tokens", "usage.cache_read_input_tokens"]),
        cache_write: count(&["usage.cache_creation_input_tokens"]),
        cache_write_1h: None,
        output: count(&["token_usage.completion_tokens", "usage.output_tokens"]),
        reasoning: count(&["token_usage.completion_tokens_details.reasoning_tokens"]),
    };
    if part.usage.is_empty() && !usage.is_empty() {
        normalise(part, convention, usage);
    }
}

/// `usage_metadata`, wherever the output has it: at its top, or on the message of its first generation.
fn usage_metadata(outputs: &str) -> Option<Fields<'static>> {
    let outputs = Fields::of(outputs)?;
    if let Some(found) = outputs.get("usage_metadata").and_then(Fields::of_owned) {
        return Some(found);
    }
    let mut first = outputs.get("generations").or_else(|| outputs.get("messages"))?;
    while first.starts_with('[') {
        first = array(first)?.last().copied()?;
    }
    let mut fields = Fields::of(first)?;
    for key in ["message", "message.kwargs", "message.data", "kwargs"] {
        fields.expand(key);
    }
    [
        "message.kwargs.usage_metadata",
        "message.data.usage_metadata",
        "kwargs.usage_metadata",
        "message.usage_metadata",
        "usage_metadata",
    ]
    .iter()
    .find_map(|key| fields.get(key).and_then(Fields::of_owned))
}

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    let (inputs, outputs) = (fields.take("inputs"), fields.take("outputs"));
    if part.kind == SpanKind::Tool {
        part.tool_name = Some(part.name.clone()).filter(|name| !name.is_empty());
    }
    let step = matches!(part.kind, SpanKind::Tool | SpanKind::Retrieval | SpanKind::Embedding);
    if let Some(raw) = inputs {
        match (step, only(&raw, &["input", "query", "question"])) {
            (true, Some(text)) => {
                if part.kind == SpanKind::Retrieval {
                    part.ask = message::first_words(&string(&text).unwrap_or_default());
                }
                push_payload(part, Slot::Arguments, &text);
            }
            (true, None) => push_payload(part, Slot::Arguments, &raw),
            (false, inner) => push_messages(part, Slot::Message, inner.as_deref().unwrap_or(&raw)),
        }
    }
    if let Some(raw) = outputs {
        let documents = Fields::of(&raw).and_then(|outputs| outputs.get("documents").map(str::to_owned));
        if let Some(documents) = documents
            && push_documents(part, &documents)
        {
            return;
        }
        let inner = only(&raw, &["output", "answer", "result"]);
        let inner = inner.as_deref().unwrap_or(&raw);
        if step {
            push_payload(part, Slot::Result, inner);
        } else {
            push_messages(part, Slot::Response, inner);
        }
    }
}

/// The value of an object that has nothing but one of these keys.
fn only(raw: &str, keys: &[&str]) -> Option<String> {
    let fields = Fields::of(raw)?;
    let mut all = fields.rest();
    match (all.next(), all.next()) {
        (Some((key, value)), None) if keys.contains(&key) => Some(value.to_owned()),
        _ => None,
    }
}
