//! A span as OpenTelemetry's SDKs record it, whatever the file format: ids, times, and an attribute map that the vocabularies read.

use std::borrow::Cow;

use crate::formats::message;
use crate::formats::scan::{Fields, array, quote, string};
use crate::formats::sink::{Line, Sink, Times, fail, id};
use crate::formats::{time, vocabulary};
use crate::model::content::Slot;
use crate::model::span::{Inferred, Nanos, Part, Status};

/// One span before its attributes are understood.
pub struct Record<'a> {
    /// What is known already: ids, name, status.
    pub part: Part,
    /// When.
    pub times: Times,
    /// Its own attributes.
    pub attributes: Fields<'a>,
    /// Its events, in order.
    pub events: Vec<Event<'a>>,
    /// What stands beside the attributes and is kept with them: of the resource, the scope, the record.
    pub beside: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The resource's name for the service.
    pub service: Option<String>,
}

/// Something that happened during a span: a span event, or a log record that names the span.
pub struct Event<'a> {
    /// What.
    pub name: String,
    /// When.
    pub at: Option<Nanos>,
    /// Its attributes, and of a log record the fields of its body.
    pub attributes: Fields<'a>,
}

/// What a container calls the fields that every span has; of several names the first that holds something.
pub struct Names {
    /// The trace's id, the span's, its parent's.
    pub ids: [&'static [&'static str]; 3],
    /// What the application calls it.
    pub name: &'static str,
    /// Its start and its end.
    pub times: [&'static [&'static str]; 2],
}

/// Takes what every span has.
pub fn begin(fields: &mut Fields<'_>, names: &Names, line: &Line<'_>, sink: &Sink<'_>, dialect: &'static str) -> (Part, Times) {
    let mut part = sink.begin(line, dialect);
    let [trace, span, parent] = names.ids;
    part.trace_id = take_id(fields, trace, TRACE).unwrap_or_default();
    part.span_id = take_id(fields, span, SPAN).unwrap_or_default();
    part.parent_id = take_id(fields, parent, SPAN);
    part.name = fields.text(&[names.name]).unwrap_or_default();
    let mut odd = false;
    let times = Times {
        start: fields.number(names.times[0], time::read, &mut odd),
        end: fields.number(names.times[1], time::read, &mut odd),
        duration: None,
    };
    part.ended = times.end.is_some();
    note_odd(&mut part, odd);
    (part, times)
}

/// Takes a status that is an object of its own.
pub fn take_status(fields: &mut Fields<'_>, key: &str, part: &mut Part) {
    if let Some(mut own) = fields.take(key).as_deref().and_then(Fields::of) {
        let code = own.text(&["status_code", "code", "Code"]);
        let message = own.text(&["description", "message", "Description"]);
        status(part, code.as_deref(), message);
    }
}

/// The events of a list.
pub fn events<'a, 'b>(raw: &'a str, event: impl Fn(Fields<'a>) -> Event<'b>) -> Vec<Event<'b>> {
    array(raw)
        .unwrap_or_default()
        .into_iter()
        .filter_map(Fields::of)
        .map(event)
        .collect()
}

/// Bytes of a trace id.
pub const TRACE: usize = 16;
/// Bytes of a span id.
pub const SPAN: usize = 8;

/// Takes an id in any spelling: hex, `0x`, base64, or an integer of so many bytes.
pub fn take_id(fields: &mut Fields<'_>, keys: &[&str], bytes: usize) -> Option<String> {
    let integer = |raw: &str| raw.bytes().all(|b| b.is_ascii_digit()).then(|| raw.parse::<u128>().ok()).flatten();
    let found = keys.iter().find_map(|key| fields.get(key));
    if let Some(number) = found.and_then(integer) {
        keys.iter().for_each(|key| drop(fields.take(key)));
        return (number != 0).then(|| format!("{number:0width$x}", width = bytes * 2));
    }
    fields.text(keys).and_then(|text| id(text, bytes))
}

/// Reads a status: its code as a number or a word, and the message.
pub fn status(part: &mut Part, code: Option<&str>, message: Option<String>) {
    match code {
        Some("2" | "STATUS_CODE_ERROR" | "ERROR" | "Error" | "StatusCode.ERROR" | "error") => fail(part, message),
        Some("1" | "STATUS_CODE_OK" | "OK" | "Ok" | "StatusCode.OK" | "ok") => part.status = Status::Ok,
        _ => {}
    }
}

/// Understands a record and adds it.
pub fn push(record: Record<'_>, line: &Line<'_>, sink: &mut Sink<'_>) {
    let Record {
        mut part,
        times,
        mut attributes,
        events,
        beside,
        service,
    } = record;
    times.apply(&mut part, line);
    for event in events {
        read_event(event, &mut attributes, &mut part);
    }
    vocabulary::read(&mut attributes, &mut part);
    match (&part.service, service) {
        (None, service) => part.service = service,
        (Some(_), Some(other)) => attributes.push("resource.service.name".into(), quote(&other).into()),
        (Some(_), None) => {}
    }
    for (key, value) in beside {
        // Empty lists and zeros say nothing in protobuf's JSON.
        if !matches!(&*value, "[]" | "0" | "\"\"" | "null" | "{}") {
            attributes.push(key, value);
        }
    }
    sink.push(line, part, &attributes);
}

/// Old instrumentations write prompts and answers as events; failures are events everywhere.
pub fn read_event(event: Event<'_>, attributes: &mut Fields<'_>, part: &mut Part) {
    let Event {
        name,
        at,
        attributes: mut own,
    } = event;
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
            system(&mut own, part);
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
            system(&mut own, part);
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
        "db.query.result" | "db.search.result" => {
            document(own, part);
            return;
        }
        "exception" | "gen_ai.client.operation.exception" => {
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
    // A judgement is told by what it judges: several stand on one span.
    let judged = own.get("gen_ai.evaluation.name").and_then(string).map(Cow::into_owned);
    let base = match judged.filter(|_| name == "gen_ai.evaluation.result") {
        Some(judged) => format!("evaluation.{judged}"),
        None => format!("event.{name}"),
    };
    let mut all = Vec::new();
    if let Some(at) = at {
        all.push((Cow::Borrowed("time_unix_nano"), Cow::Owned(at.to_string())));
    }
    all.extend(own.drain());
    let object = message::object(all.iter().map(|(k, v)| (&**k, &**v)));
    // Several events of one name keep their places.
    let mut key = base.clone();
    let mut n = 2;
    while attributes.has(&key) {
        key = format!("{base}.{n}");
        n += 1;
    }
    attributes.push(key.into(), object.as_str().to_owned().into());
}

fn system(own: &mut Fields<'_>, part: &mut Part) {
    let system = own.text(&["gen_ai.provider.name", "gen_ai.system"]);
    if part.provider.is_none() {
        part.provider = system;
    }
}

/// A hit of a vector database: one event each.
fn document(own: Fields<'_>, part: &mut Part) {
    let fields: Vec<_> = own.drain().collect();
    let short = fields.iter().map(|(key, value)| {
        let name = key
            .strip_prefix("db.query.result.")
            .or_else(|| key.strip_prefix("db.search.result."));
        match name.unwrap_or(key) {
            "document" | "entity" => ("content", &**value),
            name => (name, &**value),
        }
    });
    let list = format!("[{}]", message::object(short).as_str());
    message::push_documents(part, &list);
}

/// Reads the plain attribute map that SDKs dump, keys in their order.
#[must_use]
pub fn plain_map(raw: Option<Cow<'_, str>>) -> Fields<'_> {
    let Some(raw) = raw else { return Fields::default() };
    let fields = match raw {
        Cow::Borrowed(text) => Fields::of(text),
        Cow::Owned(ref text) => Fields::of_owned(text),
    };
    fields.unwrap_or_else(|| {
        let mut odd = Fields::default();
        if !matches!(&*raw, "null" | "\"\"" | "[]") {
            odd.push("attributes".into(), raw);
        }
        odd
    })
}

/// A resource's attributes, as they stand beside a span's: the service's name apart.
#[must_use]
pub fn resource(mut attributes: Fields<'_>) -> (Option<String>, Vec<(Cow<'_, str>, Cow<'_, str>)>) {
    let service = attributes.text(&["service.name"]);
    let rest = attributes
        .drain()
        .map(|(key, value)| (Cow::Owned(format!("resource.{key}")), value));
    (service, rest.collect())
}

/// Notes a value that was out of range.
pub fn note_odd(part: &mut Part, odd: bool) {
    if odd {
        part.inferred = part.inferred.and(Inferred::OUT_OF_RANGE);
    }
}

/// A time that an event states.
pub fn event_time(event: &mut Fields<'_>, keys: &[&str]) -> Option<Nanos> {
    event.first(keys).as_deref().and_then(time::of)
}
