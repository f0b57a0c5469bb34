//! OTLP JSON lines of traces: camel case or snake case, whole exports or single spans, as collectors and SDKs write them.
//!
//! Typed and borrowed; attribute values become plain JSON text that the vocabularies read.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Container, Outcome};
use crate::formats::scan::{Fields, array, quote, scalar, string};
use crate::formats::sink::{Line, Sink, Times, fail, id};
use crate::formats::{Dialect, message, time, vocabulary};
use crate::model::content::Slot;
use crate::model::record::Order;
use crate::model::span::{Nanos, Part, Status};

/// Exports of OpenTelemetry.
pub struct Otlp;

static DIALECT: Dialect = Dialect {
    name: "otlp",
    what: "OpenTelemetry traces as OTLP JSON lines, GenAI attributes old and new",
    order: Order::Random,
    example: "an object with resourceSpans, batches or scopeSpans, or a bare span",
};

/// Deeper attribute values stay as they were written.
const DEEPEST: usize = 64;

#[derive(Deserialize)]
struct ResourceSpans<'a> {
    #[serde(borrow, default)]
    resource: Option<Resource<'a>>,
    #[serde(
        borrow,
        default,
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        alias = "instrumentation_library_spans",
        rename = "scopeSpans"
    )]
    scopes: Option<Vec<ScopeSpans<'a>>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    #[serde(borrow, default, alias = "instrumentationLibrary", alias = "instrumentation_library")]
    scope: Option<Scope<'a>>,
    #[serde(borrow, default)]
    spans: Option<Vec<Fields<'a>>>,
}

#[derive(Deserialize)]
struct Scope<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// The same where the value is what OTLP says it is: read in one pass, without a list of its fields.
#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: AnyValue<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyValue<'a> {
    #[serde(borrow, default, rename = "stringValue", alias = "string_value")]
    string: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "intValue", alias = "int_value")]
    int: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "boolValue", alias = "bool_value")]
    bool: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "doubleValue", alias = "double_value")]
    double: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "bytesValue", alias = "bytes_value")]
    bytes: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "arrayValue", alias = "array_value")]
    array: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "kvlistValue", alias = "kvlist_value")]
    map: Option<&'a RawValue>,
}

impl<'a> AnyValue<'a> {
    /// As plain JSON text; `None` when it says nothing, or `null`.
    fn plain(&self) -> Option<Cow<'a, str>> {
        let borrowed = |raw: &'a RawValue| Cow::Borrowed(raw.get());
        if let Some(text) = self.string {
            return Some(borrowed(text));
        }
        if let Some(number) = self.int {
            return Some(digits(borrowed(number)));
        }
        if let Some(value) = self.bool.or(self.double).or(self.bytes) {
            return Some(borrowed(value));
        }
        if let Some(list) = self.array {
            return Some(list_text(list.get(), 0));
        }
        self.map.map(|list| map_text(list.get(), 0))
    }
}

impl Container for Otlp {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        is_export(fields) || is_resource(fields) || is_span(fields) || is_signal(fields)
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
        if is_span(&fields) {
            span(fields, &Shared::default(), None, line, sink);
            return Outcome::Spans;
        }
        let result = if is_export(&fields) {
            ["resourceSpans", "resource_spans", "batches"]
                .iter()
                .find_map(|key| fields.get(key))
                .map_or(Ok(()), |raw| resources(raw, line, sink))
        } else if is_resource(&fields) {
            // One ResourceSpans stands alone: put its fields together again.
            let whole = message::object(fields.rest());
            one(whole.as_str(), line, sink)
        } else {
            return Outcome::Other(line.time);
        };
        match result {
            Err(error) => {
                sink.undo();
                Outcome::Bad("malformed OTLP", error.to_string())
            }
            Ok(()) if sink.count() == 0 => Outcome::Other(line.time),
            Ok(()) => Outcome::Spans,
        }
    }
}

fn is_export(fields: &Fields<'_>) -> bool {
    let batch = || {
        fields
            .get("batches")
            .and_then(array)
            .and_then(|b| b.first().copied().and_then(Fields::of))
    };
    fields.any(&["resourceSpans", "resource_spans"]) || batch().is_some_and(|b| is_resource(&b))
}

fn is_resource(fields: &Fields<'_>) -> bool {
    fields.any(&[
        "scopeSpans",
        "scope_spans",
        "instrumentationLibrarySpans",
        "instrumentation_library_spans",
    ])
}

fn is_span(fields: &Fields<'_>) -> bool {
    fields.any(&["traceId", "trace_id"]) && fields.any(&["spanId", "span_id"]) && fields.any(&["startTimeUnixNano", "start_time_unix_nano"])
}

/// Logs and metrics of the same exporters.
fn is_signal(fields: &Fields<'_>) -> bool {
    fields.any(&[
        "resourceLogs",
        "resource_logs",
        "resourceMetrics",
        "resource_metrics",
        "scopeLogs",
        "scopeMetrics",
    ])
}

fn resources(raw: &str, line: &Line<'_>, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    let all: Option<Vec<ResourceSpans<'_>>> = serde_json::from_str(raw)?;
    for resource in all.into_iter().flatten() {
        spans_of(resource, line, sink);
    }
    Ok(())
}

fn one(raw: &str, line: &Line<'_>, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
    spans_of(serde_json::from_str(raw)?, line, sink);
    Ok(())
}

fn spans_of(resource: ResourceSpans<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut attributes = Fields::default();
    key_values(
        resource.resource.and_then(|r| r.attributes).map_or("{}", RawValue::get),
        &mut attributes,
    );
    let shared = Shared {
        service: attributes.text(&["service.name"]),
        attributes: attributes.drain().map(|(key, value)| (format!("resource.{key}"), value)).collect(),
    };
    for scope in resource.scopes.into_iter().flatten() {
        for fields in scope.spans.into_iter().flatten() {
            span(fields, &shared, scope.scope.as_ref(), line, sink);
        }
    }
}

/// What a resource says about all of its spans.
#[derive(Default)]
struct Shared<'a> {
    service: Option<String>,
    attributes: Vec<(String, Cow<'a, str>)>,
}

fn span(mut fields: Fields<'_>, shared: &Shared<'_>, scope: Option<&Scope<'_>>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let mut part = sink.begin(line, DIALECT.name);
    let mut text = |keys: &[&str], bytes| fields.text(keys).and_then(|t| id(t, bytes));
    part.trace_id = text(&["traceId", "trace_id"], 16).unwrap_or_default();
    part.span_id = text(&["spanId", "span_id"], 8).unwrap_or_default();
    part.parent_id = text(&["parentSpanId", "parent_span_id"], 8);
    part.name = fields.text(&["name"]).unwrap_or_default();
    let mut odd = false;
    let times = Times {
        start: fields.number(&["startTimeUnixNano", "start_time_unix_nano"], time::read, &mut odd),
        end: fields.number(&["endTimeUnixNano", "end_time_unix_nano"], time::read, &mut odd),
        duration: None,
    };
    times.apply(&mut part, line);
    part.ended = part.end.is_some();
    if odd {
        part.inferred = part.inferred.and(crate::model::span::Inferred::OUT_OF_RANGE);
    }
    status(&mut fields, &mut part);

    let mut attributes = Fields::default();
    if let Some(raw) = fields.first(&["attributes"]) {
        match raw {
            Cow::Borrowed(text) => key_values(text, &mut attributes),
            Cow::Owned(text) => {
                let mut own = Fields::default();
                key_values(&text, &mut own);
                for (key, value) in own.into_owned().drain() {
                    attributes.push(key, value);
                }
            }
        }
    }
    let events = fields.take("events");
    for event in events.as_deref().and_then(array).unwrap_or_default() {
        if let Some(event) = Fields::of(event) {
            read_event(event, &mut attributes, &mut part);
        }
    }
    for vocabulary in vocabulary::ALL {
        vocabulary.read(&mut attributes, &mut part);
    }
    match (&part.service, &shared.service) {
        (None, service) => part.service.clone_from(service),
        (Some(_), Some(other)) => attributes.push("resource.service.name".into(), quote(other).into()),
        (Some(_), None) => {}
    }
    for (key, value) in &shared.attributes {
        attributes.push(key.as_str().into(), (&**value).into());
    }
    if let Some(scope) = scope {
        for (key, raw) in [("scope.name", scope.name), ("scope.version", scope.version)] {
            if let Some(raw) = raw.map(RawValue::get).filter(|raw| !matches!(*raw, "null" | "\"\"")) {
                attributes.push(key.into(), raw.into());
            }
        }
    }
    for (key, value) in fields.drain() {
        // Empty lists and zeros say nothing in protobuf's JSON.
        if !matches!(&*value, "[]" | "0" | "\"\"" | "null" | "{}") {
            attributes.push(key, value);
        }
    }
    sink.push(line, part, &attributes);
}

fn status(fields: &mut Fields<'_>, part: &mut Part) {
    let Some(raw) = fields.take("status") else { return };
    let Some(mut status) = Fields::of(&raw) else { return };
    let code = status.text(&["code"]).unwrap_or_default();
    let message = status.text(&["message", "description"]);
    match &*code {
        "2" | "STATUS_CODE_ERROR" | "ERROR" => fail(part, message),
        "1" | "STATUS_CODE_OK" | "OK" => part.status = Status::Ok,
        _ => {}
    }
}

/// Old instrumentations write prompts and answers as events; failures are events everywhere.
fn read_event(mut event: Fields<'_>, attributes: &mut Fields<'_>, part: &mut Part) {
    let name = event.text(&["name"]).unwrap_or_default();
    let at: Option<Nanos> = event.first(&["timeUnixNano", "time_unix_nano"]).as_deref().and_then(time::of);
    let mut own = Fields::default();
    let raw = event.take("attributes").unwrap_or_default();
    key_values(&raw, &mut own);
    match &*name {
        "gen_ai.content.prompt" => {
            if let Some(prompt) = own.take("gen_ai.prompt") {
                message::push_messages(part, Slot::Message, &prompt);
            }
        }
        "gen_ai.content.completion" => {
            if let Some(completion) = own.take("gen_ai.completion") {
                message::push_messages(part, Slot::Response, &completion);
            }
        }
        "gen_ai.system.message" | "gen_ai.user.message" | "gen_ai.assistant.message" | "gen_ai.tool.message" => {
            let speaker = name.split('.').nth(1).unwrap_or_default();
            own.take("gen_ai.system");
            let mut message: Vec<_> = ["role", "content", "tool_calls"]
                .into_iter()
                .filter_map(|key| own.take(key).map(|value| (key, value)))
                .collect();
            message.extend(own.take("id").map(|id| ("tool_call_id", id)));
            let message = message::object(message.iter().map(|(key, value)| (*key, &**value)));
            message::push_message(part, Slot::Message, speaker, message.as_str());
            message::note_ask(part);
        }
        "gen_ai.choice" => {
            own.take("gen_ai.system");
            own.take("index");
            if part.stop_reason.is_none() {
                part.stop_reason = own.text(&["finish_reason"]);
            }
            if let Some(answer) = own.take("message") {
                message::push_messages(part, Slot::Response, &answer);
            }
        }
        "gen_ai.client.inference.operation.details" => {
            for (key, value) in own.drain() {
                if !attributes.has(&key) {
                    attributes.push(Cow::Owned(key.into_owned()), Cow::Owned(value.into_owned()));
                }
            }
            return;
        }
        "exception" => {
            let text = own.get("exception.message").and_then(string).map(Cow::into_owned);
            let kind = own.get("exception.type").and_then(string).map(Cow::into_owned);
            // Only the status says that the span failed; a handled exception is no failure.
            if part.error.is_none() && part.status == Status::Error {
                part.error = text.or(kind);
            }
        }
        _ => {}
    }
    if own.is_empty() && name.starts_with("gen_ai.") {
        return;
    }
    let mut all = Vec::new();
    if let Some(at) = at {
        all.push((Cow::Borrowed("time_unix_nano"), Cow::Owned(at.to_string())));
    }
    all.extend(own.drain());
    let object = message::object(all.iter().map(|(k, v)| (&**k, &**v)));
    // Several events of one name keep their places.
    let mut key = format!("event.{name}");
    let mut n = 2;
    while attributes.has(&key) {
        key = format!("event.{name}.{n}");
        n += 1;
    }
    attributes.push(key.into(), object.as_str().to_owned().into());
}

/// A list of keys and values, or a plain map of them.
fn key_values<'a>(raw: &'a str, out: &mut Fields<'a>) {
    if let Ok(list) = serde_json::from_str::<Vec<Typed<'a>>>(raw)
        && let Some(values) = list.iter().map(|pair| pair.value.plain()).collect::<Option<Vec<_>>>()
    {
        for (pair, value) in list.into_iter().zip(values) {
            out.push(pair.key, value);
        }
    } else if let Ok(list) = serde_json::from_str::<Vec<KeyValue<'a>>>(raw) {
        for pair in list {
            let value = pair.value.map_or(Cow::Borrowed("null"), |v| any_value(v.get(), 0));
            out.push(pair.key, value);
        }
    } else if let Some(map) = Fields::of(raw) {
        for (key, value) in map.drain() {
            out.push(key, value);
        }
    } else if !matches!(raw, "null" | "" | "{}") {
        out.push("attributes".into(), raw.into());
    }
}

/// An `AnyValue` as plain JSON text.
fn any_value(raw: &str, depth: usize) -> Cow<'_, str> {
    let Some(fields) = Fields::of(raw) else { return raw.into() };
    if depth > DEEPEST {
        return raw.into();
    }
    let get = |camel: &str, snake: &str| fields.borrowed(camel).or_else(|| fields.borrowed(snake));
    if let Some(text) = get("stringValue", "string_value") {
        return text;
    }
    if let Some(number) = get("intValue", "int_value") {
        return digits(number);
    }
    for (camel, snake) in [
        ("boolValue", "bool_value"),
        ("doubleValue", "double_value"),
        ("bytesValue", "bytes_value"),
    ] {
        if let Some(value) = get(camel, snake) {
            return value;
        }
    }
    if let Some(list) = get("arrayValue", "array_value") {
        return list_text(&list, depth);
    }
    if let Some(list) = get("kvlistValue", "kvlist_value") {
        return map_text(&list, depth);
    }
    if fields.is_empty() { "null".into() } else { raw.into() }
}

/// An `intValue`: protobuf's JSON writes 64-bit numbers as strings.
fn digits(number: Cow<'_, str>) -> Cow<'_, str> {
    match scalar(&number).filter(|t| t.strip_prefix('-').unwrap_or(t).bytes().all(|b| b.is_ascii_digit())) {
        Some(digits) if !digits.is_empty() && (digits == "0" || !digits.trim_start_matches('-').starts_with('0')) => {
            Cow::Owned(digits.into_owned())
        }
        _ => number,
    }
}

/// The items of an `arrayValue` or a `kvlistValue`.
fn values(list: &str) -> String {
    Fields::of(list)
        .and_then(|fields| fields.get("values").map(str::to_owned))
        .unwrap_or_else(|| "[]".to_owned())
}

fn list_text(list: &str, depth: usize) -> Cow<'static, str> {
    let values = values(list);
    let items: Vec<Cow<'_, str>> = array(&values)
        .unwrap_or_default()
        .into_iter()
        .map(|item| any_value(item, depth + 1))
        .collect();
    format!("[{}]", items.join(",")).into()
}

fn map_text(list: &str, depth: usize) -> Cow<'static, str> {
    let mut out = String::from("{");
    for item in array(&values(list)).unwrap_or_default() {
        let Ok(pair) = serde_json::from_str::<KeyValue<'_>>(item) else {
            continue;
        };
        if out.len() > 1 {
            out.push(',');
        }
        let value = pair.value.map_or(Cow::Borrowed("null"), |v| any_value(v.get(), depth + 1));
        let _ = write!(out, "{}:{value}", quote(&pair.key));
    }
    out.push('}');
    out.into()
}
