//! The words of flat records: every spelling that home-grown loggers use for the same few things.

use std::borrow::Cow;

use crate::formats::message::{self, push_documents, push_messages, push_payload, push_system};
use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Times, fail, id, kind_of, normalise_beside};
use crate::formats::{number, time};
use crate::model::content::Slot;
use crate::model::span::{Inferred, Nanos, Part, SpanKind, Status};
use crate::model::usage::{Convention, Usage};

/// Takes the ids: of the trace, the span, its parent.
pub fn identity(fields: &mut Fields<'_>, part: &mut Part) {
    let normal = |text: Option<String>, bytes: usize, part: &mut Part| {
        let long = text.as_ref().is_some_and(|t| t.len() > 1024);
        if long {
            part.inferred = part.inferred.and(Inferred::REPAIRED);
        }
        text.and_then(|t| id(t, bytes)).unwrap_or_default()
    };
    let trace = fields.text(&["trace_id", "traceId", "request_id", "interaction_id", "correlation_id"]);
    let span = fields.text(&["span_id", "spanId"]);
    let trace = trace.or_else(|| fields.text(&["id", "call_id", "run_id"]));
    let span = span.or_else(|| fields.text(&["call_id"]));
    part.trace_id = normal(trace, 16, part);
    part.span_id = normal(span, 8, part);
    let parent = fields.text(&["parent_span_id", "parent_id", "parentSpanId", "parent_run_id"]);
    part.parent_id = Some(normal(parent, 8, part)).filter(|p| !p.is_empty());
}

/// Takes how long it took.
pub fn duration(fields: &mut Fields<'_>, odd: &mut bool) -> Option<Nanos> {
    fields
        .number(
            &["latency_ms", "duration_ms", "elapsed_ms", "response_time_ms"],
            number::milliseconds,
            odd,
        )
        .or_else(|| {
            fields.number(
                &["latency_s", "duration", "elapsed", "response_time", "latency"],
                number::seconds,
                odd,
            )
        })
}

/// Takes what says that it failed, or did not.
pub fn failure(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(raw) = fields.first(&["error", "exception", "error_message"]) {
        match &*raw {
            "false" => {}
            "true" => fail(part, None),
            raw if string(raw).is_some_and(|t| t.is_empty()) => {}
            raw => {
                let nested = Fields::of(raw).and_then(|mut f| f.text(&["message", "detail", "type"]));
                let text = nested
                    .or_else(|| string(raw).map(Cow::into_owned))
                    .unwrap_or_else(|| raw.to_owned());
                fail(part, Some(text));
            }
        }
    }
    match fields.get("success") {
        Some("false") => fail(part, None),
        Some("true") => part.status = part.status.max(Status::Ok),
        _ => return status(fields, part),
    }
    fields.take("success");
    status(fields, part);
}

fn status(fields: &mut Fields<'_>, part: &mut Part) {
    let word = fields.get("status").and_then(string).map(|w| w.to_ascii_lowercase());
    match word.as_deref() {
        Some("error" | "failed" | "failure" | "exception") => fail(part, None),
        Some("ok" | "success" | "succeeded" | "completed") => part.status = part.status.max(Status::Ok),
        _ => return,
    }
    fields.take("status");
}

/// Takes everything but the ids. The times come back, since only the container knows what its line's time means.
pub fn read(fields: &mut Fields<'_>, part: &mut Part) -> Times {
    if fields
        .get("response")
        .and_then(Fields::of)
        .is_some_and(|f| f.any(&["model", "choices", "usage", "stop_reason"]))
    {
        fields.expand("response");
        if !fields.has("usage")
            && let Some(usage) = fields.take("response.usage")
        {
            fields.push("usage".into(), usage);
        }
    }
    for key in [
        "usage",
        "usage.prompt_tokens_details",
        "usage.input_tokens_details",
        "usage.cache_creation",
        "usage.completion_tokens_details",
        "usage.output_tokens_details",
        "request",
    ] {
        fields.expand(key);
    }
    let mut odd = false;
    let times = Times {
        start: fields.number(
            &[
                "start_time",
                "started_at",
                "startTimeUnixNano",
                "start_time_unix_nano",
                "startTime",
                "timestamp",
                "ts",
                "time",
                "created_at",
                "created",
                "@timestamp",
                "date",
            ],
            time::read,
            &mut odd,
        ),
        end: fields.number(
            &[
                "end_time",
                "ended_at",
                "finished_at",
                "completed_at",
                "endTimeUnixNano",
                "end_time_unix_nano",
                "endTime",
            ],
            time::read,
            &mut odd,
        ),
        duration: duration(fields, &mut odd),
    };
    part.time_to_first_token = fields
        .number(&["ttft_ms", "time_to_first_token_ms"], number::milliseconds, &mut odd)
        .or_else(|| fields.number(&["time_to_first_token", "ttft"], number::seconds, &mut odd));
    let costs = &["cost", "cost_usd", "total_cost", "estimated_cost", "response_cost", "usd"];
    part.cost_logged = part.cost_logged.or_else(|| fields.number(costs, number::dollars, &mut odd));
    tokens(fields, part, &mut odd);
    params(fields, part);
    part.request_model = fields
        .text(&["model", "model_name", "model_id", "request.model"])
        .or(part.request_model.take());
    part.response_model = fields.text(&["response_model", "response.model"]);
    part.provider = fields.text(&["provider", "llm_provider"]);
    part.stop_reason = stop_reason(fields);
    failure(fields, part);

    part.user = fields.text(&["user_id", "userId", "user", "end_user", "account_id"]);
    part.session = fields.text(&["session_id", "sessionId", "conversation_id", "thread_id", "group_id"]);
    part.feature = fields.text(&[
        "feature",
        "function_name",
        "function_id",
        "endpoint",
        "route",
        "operation",
        "use_case",
        "app.feature",
        "tags",
    ]);
    part.service = fields.text(&["service", "service_name", "service.name"]);
    part.tool_name = fields.text(&["tool_name", "tool"]);
    part.tool_call_id = fields.text(&["tool_call_id", "tool_use_id"]);
    part.name = fields.text(&["name", "span_name", "step"]).unwrap_or_default();
    kind(fields, part);
    contents(fields, part);
    match &part.tool_name {
        Some(tool) if part.name.is_empty() => part.name.clone_from(tool),
        // A tool's span is called after the tool, unless its name only says what kind of span it is.
        None if part.kind == SpanKind::Tool && !part.name.is_empty() && kind_of(&part.name).is_none() => {
            part.tool_name = Some(part.name.clone());
        }
        _ => {}
    }
    if odd {
        part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
    }
    times
}

/// The names tell the convention: Anthropic's leave cached tokens out of the input, OpenAI's count them in.
fn tokens(fields: &mut Fields<'_>, part: &mut Part, odd: &mut bool) {
    let mut count = |keys: &[&str]| fields.number(keys, number::tokens, odd);
    let inclusive_cached = count(&[
        "usage.prompt_tokens_details.cached_tokens",
        "usage.input_tokens_details.cached_tokens",
        "cached_tokens",
    ]);
    let anthropic = count(&["input_tokens", "tokens_in", "usage.input_tokens"]);
    let (input, mut convention) = match anthropic {
        Some(n) => (Some(n), Convention::Exclusive),
        None => (
            count(&["prompt_tokens", "usage.prompt_tokens", "usage.inputTokens", "inputTokens"]),
            Convention::Inclusive,
        ),
    };
    if inclusive_cached.is_some() {
        convention = Convention::Inclusive;
    }
    let cache_read = inclusive_cached.or_else(|| {
        count(&[
            "cache_read_tokens",
            "cache_read_input_tokens",
            "usage.cache_read_input_tokens",
            "usage.cache_read_tokens",
            "usage.cachedInputTokens",
        ])
    });
    let one_hour = count(&["cache_write_1h_tokens", "usage.cache_creation.ephemeral_1h_input_tokens"]);
    let five_minutes = count(&["usage.cache_creation.ephemeral_5m_input_tokens"]);
    let written = count(&[
        "cache_write_tokens",
        "cache_creation_tokens",
        "cache_creation_input_tokens",
        "usage.cache_creation_input_tokens",
        "usage.cache_write_tokens",
    ]);
    // Where both times are logged apart, the plain figure is their sum.
    let cache_write = five_minutes.or_else(|| match (written, one_hour) {
        (Some(all), Some(long)) => Some(all.saturating_sub(long)),
        (written, _) => written,
    });
    let usage = Usage {
        input,
        cache_read,
        cache_write,
        cache_write_1h: one_hour,
        output: count(&[
            "output_tokens",
            "completion_tokens",
            "tokens_out",
            "usage.output_tokens",
            "usage.completion_tokens",
            "usage.outputTokens",
        ]),
        reasoning: count(&[
            "reasoning_tokens",
            "usage.completion_tokens_details.reasoning_tokens",
            "usage.output_tokens_details.reasoning_tokens",
            "usage.reasoningTokens",
        ]),
    };
    if usage == Usage::default() {
        return;
    }
    if input.is_none() {
        convention = Convention::Unknown;
    }
    // Names of Anthropic's beside another maker's model: the logger may have copied figures that mean something else.
    let model = ["model", "model_name", "model_id", "request.model", "params.model", "response_model"];
    let model = model.iter().find_map(|key| fields.get(key));
    if convention == Convention::Exclusive && model.is_some_and(is_others) {
        convention = Convention::Unknown;
    }
    let total = ["total_tokens", "usage.total_tokens"]
        .iter()
        .find_map(|key| fields.get(key)?.parse().ok());
    normalise_beside(part, convention, usage, total);
}

/// A model of a maker whose own figures count cached tokens in the input.
pub(super) fn is_others(model: &str) -> bool {
    const MAKERS: [&str; 9] = ["gpt-", "o1", "o3", "o4", "gemini", "mistral", "grok", "deepseek", "qwen"];
    // Behind a region or a gateway too: `azure/gpt-5-mini`, `us.anthropic.claude-…`.
    let mut words = model.trim_matches('"').split(['/', '.']);
    let begins = |word: &str, maker: &str| word.get(..maker.len()).is_some_and(|head| head.eq_ignore_ascii_case(maker));
    words.any(|word| MAKERS.iter().any(|maker| begins(word, maker)))
}

/// Parameters that stand beside the messages.
const PARAMS: &[&str] = &[
    "temperature",
    "request.temperature",
    "max_tokens",
    "request.max_tokens",
    "top_p",
    "request.top_p",
    "top_k",
    "request.top_k",
    "max_output_tokens",
    "request.max_output_tokens",
    "max_completion_tokens",
    "request.max_completion_tokens",
    "seed",
    "request.seed",
    "stop",
    "request.stop",
    "stop_sequences",
    "request.stop_sequences",
];

fn params(fields: &mut Fields<'_>, part: &mut Part) {
    let raw = fields
        .take("params")
        .or_else(|| fields.take("parameters"))
        .or_else(|| fields.take("model_params"));
    let mut params = match &raw {
        Some(raw) => {
            if let Some(params) = Fields::of(raw) {
                params.into_owned()
            } else {
                fields.push("params".into(), raw.clone());
                Fields::default()
            }
        }
        None => Fields::default(),
    };
    part.request_model = params.text(&["model"]);
    if let Some(system) = params.take("system") {
        if fields.has("system") {
            fields.push("params.system".into(), system);
        } else {
            fields.push("system".into(), system);
        }
    }
    if let Some(messages) = params.take("messages") {
        if fields.has("messages") {
            fields.push("params.messages".into(), messages);
        } else {
            fields.push("messages".into(), messages);
        }
    }
    if let Some(tools) = params.take("tools") {
        if fields.has("tools") {
            fields.push("params.tools".into(), tools);
        } else {
            fields.push("tools".into(), tools);
        }
    }
    for spelling in PARAMS {
        let key = spelling.strip_prefix("request.").unwrap_or(spelling);
        if fields.has(spelling)
            && !params.has(key)
            && let Some(value) = fields.take(spelling)
        {
            params.push(key.into(), value.into_owned().into());
        }
    }
    if !params.is_empty() {
        part.params = Some(message::object(params.rest()));
    }
}

fn stop_reason(fields: &mut Fields<'_>) -> Option<String> {
    if let Some(reason) = fields.text(&["stop_reason", "finish_reason", "response.stop_reason"]) {
        return Some(reason);
    }
    let raw = fields.take("finish_reasons")?;
    let first = array(&raw).and_then(|items| items.first().and_then(|r| string(r)).map(Cow::into_owned));
    first.or_else(|| string(&raw).map(Cow::into_owned))
}

fn kind(fields: &mut Fields<'_>, part: &mut Part) {
    for key in ["kind", "span_kind", "type"] {
        if let Some(kind) = fields.get(key).and_then(string).and_then(|word| kind_of(&word)) {
            fields.take(key);
            part.kind = kind;
            return;
        }
    }
    let has_model = part.request_model.is_some() || part.response_model.is_some();
    let has_usage = part.usage != Usage::default();
    part.kind = if has_model {
        SpanKind::Llm
    } else if part.tool_name.is_some() {
        SpanKind::Tool
    } else if let Some(kind) = kind_of(&part.name) {
        kind
    } else if has_usage {
        SpanKind::Llm
    } else if fields.any(&["documents", "docs", "retrieved", "retrieved_documents"]) {
        SpanKind::Retrieval
    } else {
        SpanKind::Other
    };
    if !has_model {
        part.inferred = part.inferred.and(Inferred::KIND);
    }
}

const PROMPT: &[&str] = &[
    "messages",
    "prompt",
    "input",
    "user_message",
    "query",
    "question",
    "inputs",
    "request.messages",
];
const ANSWER: &[&str] = &[
    "response_text",
    "response",
    "output",
    "completion",
    "content",
    "assistant_response",
    "answer",
    "text",
    "outputs",
    "result",
    "response.choices",
    "response.content",
];

fn contents(fields: &mut Fields<'_>, part: &mut Part) {
    if let Some(tools) = fields.take("tools") {
        match array(&tools) {
            Some(items) => items
                .into_iter()
                .for_each(|tool| message::push(part, Slot::ToolDefinition, "", crate::model::content::Form::Json, tool.to_owned())),
            None => fields.push("tools".into(), tools),
        }
    }
    for key in [
        "documents",
        "docs",
        "retrieved",
        "retrieved_documents",
        "context",
        "sources",
        "chunks",
        "matches",
    ] {
        if fields.get(key).is_some_and(|v| v.starts_with('['))
            && let Some(raw) = fields.take(key)
            && !push_documents(part, &raw)
        {
            fields.push(Cow::Borrowed(key), raw);
        }
    }
    match part.kind {
        SpanKind::Tool | SpanKind::Retrieval | SpanKind::Embedding | SpanKind::Rerank | SpanKind::Guardrail => {
            if let Some(raw) = fields.first(&["arguments", "args", "inputs", "input", "query", "question", "prompt"]) {
                push_payload(part, Slot::Arguments, &raw);
            }
            if let Some(raw) = fields.first(ANSWER) {
                if part.documents.is_none() && part.kind == SpanKind::Retrieval && push_documents(part, &raw) {
                    return;
                }
                if looks_retrieved(&raw) && part.documents.is_none() && push_documents(part, &raw) {
                    part.inferred = part.inferred.and(Inferred::DOCUMENTS);
                }
                push_payload(part, Slot::Result, &raw);
            }
        }
        SpanKind::Llm | SpanKind::Agent | SpanKind::Chain | SpanKind::Evaluator | SpanKind::Request | SpanKind::Other => {
            if let Some(raw) = fields.first(&["system", "system_prompt", "instructions"]) {
                push_system(part, &raw);
            }
            if let Some(raw) = fields.first(PROMPT) {
                push_messages(part, Slot::Message, &raw);
            }
            if let Some(raw) = fields.first(ANSWER)
                && &*raw != "\"\""
            {
                push_messages(part, Slot::Response, &raw);
            }
            if let Some(calls) = fields.take("tool_calls") {
                for call in array(&calls).unwrap_or_default() {
                    let name = Fields::of(call).and_then(|mut f| {
                        f.expand("function");
                        f.text(&["function.name", "name", "tool"])
                    });
                    part.tool_calls.extend(name.or_else(|| string(call).map(Cow::into_owned)));
                }
                fields.push("tool_calls".into(), calls);
            }
        }
    }
}

/// A list of objects that have what documents have.
fn looks_retrieved(raw: &str) -> bool {
    let raw = message::unwrapped(raw);
    array(&raw).is_some_and(|items| {
        !items.is_empty()
            && items.iter().all(|item| {
                Fields::of(item)
                    .is_some_and(|f| f.any(&["text", "content", "page_content"]) && f.any(&["id", "score", "title", "source", "metadata"]))
            })
    })
}
