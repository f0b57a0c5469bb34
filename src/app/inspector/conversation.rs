//! The tabs that show words: prompt, response, documents, tools. Everything as it was logged, in its order, with who said it.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::insight::quotes::{quoted, taken};
use crate::insight::turn::{Fate, System, words};
use crate::model::content::{Document, Form, Message, MessagePart, Payload, Slot};
use crate::model::json::Json;
use crate::model::span::{Nanos, SpanKind};
use crate::model::text;
use crate::model::trace::FindingKind;

use super::super::viewer::{Page, Tone};
use super::{Order, Subject, json, markdown};

/// Why nothing is there to show: a missing span, a failed fetch, contents on their way, or words that were never logged.
fn absent(subject: &Subject, slots: &[Slot], not_logged: &[&str]) -> Option<Page> {
    let mut page = Page::default();
    if subject.span.missing {
        page.line(Tone::Dim, "A span below names this one as its parent, but it was never logged.");
    } else if let Some(failure) = &subject.failure {
        page.push(Tone::Error, "The contents could not be read: ")
            .line(Tone::Error, failure);
    } else if !slots.iter().any(|slot| subject.span.part.slots & slot.bit() != 0) {
        for (i, line) in not_logged.iter().enumerate() {
            page.line(if i == 0 { Tone::Warning } else { Tone::Dim }, line);
        }
    } else if subject.contents.is_none() {
        page.line(Tone::Dim, "loading …");
    } else {
        return None;
    }
    Some(page)
}

/// What the model was told: the system prompt, then the messages; those that it was told before are shown where that is `open`.
pub(super) fn prompt(subject: &Subject, open: bool) -> Page {
    let hint = [
        "prompt not logged",
        "Log the request's `messages` (and `system`) with the call; with OpenTelemetry, `gen_ai.input.messages`. Then it is shown here.",
    ];
    if let Some(page) = absent(subject, &[Slot::System, Slot::Message], &hint) {
        return page;
    }
    let mut page = Page::default();
    let Some(contents) = &subject.contents else { return page };
    let history = &subject.history;
    history.changes(&mut page);
    if let Some(system) = &contents.system {
        page.gap().push(Tone::System, "system");
        if let Some(System::Changed | System::Added) = history.system() {
            page.push(Tone::Warning, "  ▲ other words than before");
        }
        page.line(Tone::Text, "");
        markdown::write(&mut page, system);
    }
    let called = called(&contents.messages);
    for (at, one) in contents.messages.iter().enumerate() {
        let run = history.run(at);
        let inside = run.is_some_and(|(run, _)| run.start < at);
        let folded = run.is_some() && !open;
        let last = page.places.last().copied().filter(|_| inside && folded);
        page.places.push(last.unwrap_or(page.text.len()));
        if let Some((run, bytes)) = run.filter(|_| !inside) {
            history.fold(&mut page, open, run.len(), bytes);
        }
        if !folded {
            message(&mut page, one, history.fate(at), &called);
        }
    }
    if page.text.is_empty() {
        page.line(Tone::Dim, "The prompt was logged, and is empty.");
    }
    page
}

/// The tools that were asked for in these messages, by the id of the call.
fn called(messages: &[Message]) -> HashMap<&str, &str> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    parts
        .filter_map(|part| match part {
            MessagePart::ToolCall { id: Some(id), name, .. } => Some((id.as_str(), name.as_str())),
            _ => None,
        })
        .collect()
}

/// What the model answered, and why it stopped.
pub(super) fn response(subject: &Subject) -> Page {
    let hint = [
        "response not logged",
        "Log the model's answer with the call (`response`, `output`); with OpenTelemetry, `gen_ai.output.messages`. Then it is shown here.",
    ];
    let part = &subject.span.part;
    let mut page = Page::default();
    if let Some(absent) = absent(subject, &[Slot::Response], &hint) {
        page = absent;
    }
    for one in subject.contents.iter().flat_map(|contents| &contents.response) {
        message(&mut page, one, None, &HashMap::new());
    }
    if let Some(reason) = &part.stop_reason {
        page.gap().push(Tone::Label, "stopped: ").push(Tone::Text, reason);
        if subject.span.findings.iter().any(|finding| finding.kind == FindingKind::Truncated) || is_cut(reason) {
            page.push(Tone::Warning, "  ▲ the answer was cut at the token limit");
        }
        page.line(Tone::Text, "");
    }
    if let Some(error) = &part.error {
        page.gap().push(Tone::Error, "error: ").line(Tone::Error, error);
    }
    page
}

/// The words providers use for "the token limit was reached".
fn is_cut(reason: &str) -> bool {
    matches!(
        reason.to_ascii_lowercase().as_str(),
        "max_tokens" | "length" | "max_output_tokens" | "model_length"
    )
}

/// What was retrieved: the ranking, then each text. A span without documents of its own shows those that were found before it.
pub(super) fn documents(subject: &Subject) -> Page {
    if !subject.retrieved.is_empty() && subject.failure.is_none() {
        return retrieved(subject);
    }
    let hint = [
        "no documents logged",
        "Documents are read from retrieval spans, and from tool results that list texts with a score or an id.",
    ];
    if let Some(page) = absent(subject, &[Slot::Document], &hint) {
        return page;
    }
    let mut page = Page::default();
    let documents: Vec<&Document> = subject.contents.iter().flat_map(|contents| &contents.documents).collect();
    let answer = answer(subject);
    ranking(&mut page, &documents, subject, subject.span.part.start, answer.as_deref());
    page
}

/// What the steps before it found, each under its name.
fn retrieved(subject: &Subject) -> Page {
    let mut page = Page::default();
    let answer = answer(subject);
    for (key, name, start) in &subject.retrieved {
        page.gap().push(Tone::Label, "found by ").push(Tone::Heading, name);
        match subject.beside(*key) {
            Some(contents) => {
                let documents: Vec<&Document> = contents.documents.iter().collect();
                page.line(Tone::Text, "");
                ranking(&mut page, &documents, subject, *start, answer.as_deref());
            }
            None => {
                page.line(Tone::Dim, "  loading …");
            }
        }
    }
    if subject.earlier > 0 {
        page.gap()
            .line(Tone::Dim, &format!("… and {} earlier steps found documents, too", subject.earlier));
    }
    page
}

/// A document with its rank, and what is known of it.
struct Ranked<'a> {
    rank: usize,
    document: &'a Document,
    dated: Option<(String, Date, i32)>,
    quoted: Option<(u32, u32)>,
}

/// What they come to, each in a line in the order that is wished for, then each text.
fn ranking(page: &mut Page, documents: &[&Document], subject: &Subject, start: Nanos, answer: Option<&str>) {
    let mut all: Vec<Ranked<'_>> = documents
        .iter()
        .enumerate()
        .map(|(rank, document)| Ranked {
            rank,
            document,
            dated: dated(document, start),
            quoted: answer
                .zip(document.content.as_deref())
                .and_then(|(answer, content)| quoted(content, answer)),
        })
        .collect();
    if let [_, _, ..] = documents {
        sums(page, &all, subject.order);
    }
    // Of equal ones the better ranked comes first; what is not known comes last.
    match subject.order {
        Order::Rank => {}
        Order::Age => all.sort_by_key(|one| one.dated.as_ref().map_or(i32::MAX, |(_, _, days)| *days)),
        Order::Quoted => all.sort_by_key(|one| std::cmp::Reverse(one.quoted)),
    }
    for one in &all {
        page.hang(4);
        ranked(page, one.rank, one.document);
        if let Some((name, date, days)) = &one.dated {
            page.push(Tone::Dim, &format!("  {name} {date}"));
            page.push(if *days > 365 { Tone::Warning } else { Tone::Dim }, &format!(" ({})", age(*days)));
        }
        match one.quoted {
            Some((0, _)) => {
                page.push(Tone::Dim, "  not quoted");
            }
            Some((document, answer)) => {
                page.push(Tone::Number, &format!("  {document}% of it quoted, {answer}% of the answer"));
            }
            None => {}
        }
        page.line(Tone::Text, "");
    }
    if answer.is_some() {
        page.line(
            Tone::Dim,
            "quoted: four or more words in a row that stand in the last answer, underlined below; not another wording",
        );
    }
    for one in &all {
        page.gap();
        ranked(page, one.rank, one.document);
        page.line(Tone::Text, "");
        match &one.document.content {
            Some(content) => {
                let mut own = Page::default();
                markdown::write(&mut own, content);
                let quotes = answer.map(|answer| taken(content, answer)).unwrap_or_default();
                page.append(&own, Tone::Quoted, &quotes);
            }
            None => {
                page.line(Tone::Dim, "text not logged");
            }
        }
        for (name, value) in one.document.metadata.iter().flat_map(json::members) {
            page.push(Tone::Label, &name).push(Tone::Label, ": ");
            json::value(page, Tone::Dim, &value);
        }
    }
}

/// `3 documents, 276 B, newest 2026-08-14 (3 months old)`.
fn sums(page: &mut Page, all: &[Ranked<'_>], order: Order) {
    let texts = all.iter().filter_map(|one| one.document.content.as_ref());
    let size: usize = texts.map(String::len).sum();
    let size = text::bytes(size as u64);
    page.push(Tone::Dim, &format!("{} documents, {size}", all.len()));
    let dated = all.iter().filter_map(|one| one.dated.as_ref());
    if let Some((_, date, days)) = dated.min_by_key(|(_, _, days)| *days) {
        page.push(Tone::Dim, &format!(", newest {date} ({})", age(*days)));
    }
    let order = match order {
        Order::Rank => "",
        Order::Age => "; the newest first",
        Order::Quoted => "; the most quoted first",
    };
    page.line(Tone::Dim, order);
}

/// The last answer of the interaction as text, once it is here.
fn answer(subject: &Subject) -> Option<String> {
    let own = subject.contents.as_ref().filter(|contents| !contents.response.is_empty());
    let contents = own.or_else(|| subject.beside(subject.answering?))?;
    Some(contents.response.iter().map(words).collect::<Vec<_>>().join("\n"))
}

/// When a document was last changed, as its metadata states it: the field, the date, and how many days before it was retrieved that was.
fn dated(document: &Document, retrieved: Nanos) -> Option<(String, Date, i32)> {
    const FIELDS: [&str; 9] = [
        "updated",
        "updated_at",
        "last_updated",
        "modified",
        "last_modified",
        "published",
        "published_at",
        "date",
        "created_at",
    ];
    let members = document.metadata.as_ref().map(json::members)?;
    let (name, value) = FIELDS
        .iter()
        .find_map(|field| members.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)))?;
    let text = json::readable(value);
    let date: Date = text.get(..10)?.parse().ok()?;
    let then = jiff::Timestamp::from_nanosecond(i128::from(retrieved))
        .ok()?
        .to_zoned_datetime(jiff::tz::TimeZone::UTC)
        .date();
    let days = date.until(then).ok()?.get_days();
    Some((name.clone(), date, days))
}

/// So many days, as one says it.
fn age(days: i32) -> String {
    match days {
        ..0 => "later than it was retrieved".to_owned(),
        0 => "the same day".to_owned(),
        1..=60 => format!("{days} days old"),
        61..=730 => format!("{} months old", days / 30),
        731.. => format!("{} years old", days / 365),
    }
}

/// `1. 0.91  policy-7  1.2 KB`.
fn ranked(page: &mut Page, index: usize, document: &Document) {
    page.push(Tone::Heading, &format!("{:>2}. ", index + 1));
    match &document.score {
        Some(score) => page.push(Tone::Number, &json::readable(score)),
        None => page.push(Tone::Dim, "no score"),
    };
    page.push(Tone::Text, "  ")
        .push(Tone::Heading, document.id.as_deref().unwrap_or("(no id)"));
    if let Some(content) = &document.content {
        page.push(Tone::Dim, "  ").push(Tone::Dim, &text::bytes(content.len() as u64));
    }
}

/// A tool's payloads; for a model call the tools it called and those it was offered.
pub(super) fn tools(subject: &Subject) -> Page {
    let part = &subject.span.part;
    if part.kind == SpanKind::Tool {
        return execution(subject);
    }
    let elsewhere = match subject.ran.as_slice() {
        [] => String::new(),
        names => format!(
            "This interaction ran {}: its steps in the tree have the payloads.",
            names.join(", ")
        ),
    };
    let hint = ["no tools called, offered or logged here", &elsewhere];
    let hint = if elsewhere.is_empty() { &hint[..1] } else { &hint[..] };
    let slots = [Slot::ToolDefinition, Slot::Arguments, Slot::Result];
    let calls: Vec<&MessagePart> = subject
        .contents
        .iter()
        .flat_map(|contents| &contents.response)
        .flat_map(|message| &message.parts)
        .filter(|part| matches!(part, MessagePart::ToolCall { .. }))
        .collect();
    let mut page = Page::default();
    if !calls.is_empty() {
        page.line(Tone::Heading, "called");
        calls.iter().for_each(|call| self::part(&mut page, call, &HashMap::new()));
    } else if !part.tool_calls.is_empty() {
        page.line(Tone::Heading, "called");
        part.tool_calls.iter().for_each(|name| {
            page.push(Tone::Tool, "→ ").line(Tone::Tool, name);
        });
    }
    if let Some(absent) = absent(subject, &slots, hint) {
        return if page.text.is_empty() { absent } else { page };
    }
    let Some(contents) = &subject.contents else { return page };
    if !contents.tools.is_empty() {
        page.gap().line(Tone::Heading, &format!("offered ({})", contents.tools.len()));
        for definition in &contents.tools {
            if let Some(name) = tool_name(definition) {
                let times = calls
                    .iter()
                    .filter(|call| matches!(call, MessagePart::ToolCall { name: other, .. } if *other == name))
                    .count();
                page.push(Tone::Tool, &name);
                match times {
                    0 => page.line(Tone::Dim, "  not called here"),
                    1 => page.line(Tone::Number, "  called"),
                    times => page.line(Tone::Number, &format!("  called {times}×")),
                };
            }
            json::value(&mut page, Tone::Text, definition);
        }
    }
    payloads(&mut page, subject);
    page
}

/// The name in a tool's definition, wherever the provider's format has it.
fn tool_name(definition: &Json) -> Option<String> {
    let value = definition.value();
    let name = ["/name", "/function/name", "/toolSpec/name"]
        .into_iter()
        .find_map(|path| value.pointer(path)?.as_str().map(str::to_owned));
    name.filter(|name| !name.is_empty())
}

/// A tool's run: arguments and result.
fn execution(subject: &Subject) -> Page {
    let hint = [
        "tool payloads not logged",
        "Log the tool's arguments and its result with the call. Then they are shown here.",
    ];
    let part = &subject.span.part;
    let mut page = Page::default();
    page.push(Tone::Tool, part.tool_name.as_deref().unwrap_or(&part.name));
    if let Some(id) = &part.tool_call_id {
        page.push(Tone::Dim, "  ").push(Tone::Dim, id);
    }
    page.line(Tone::Text, "");
    if let Some(error) = &part.error {
        page.push(Tone::Error, "error: ").line(Tone::Error, error);
    }
    if let Some(absent) = absent(subject, &[Slot::Arguments, Slot::Result, Slot::Document], &hint) {
        page.gap().line(Tone::Dim, &absent.text);
        return page;
    }
    payloads(&mut page, subject);
    page
}

fn payloads(page: &mut Page, subject: &Subject) {
    let Some(contents) = &subject.contents else { return };
    for (name, payload) in [("arguments", &contents.arguments), ("result", &contents.result)] {
        match payload {
            Some(payload) => self::payload(page, name, payload),
            None if subject.span.part.kind == SpanKind::Tool => {
                page.gap().push(Tone::Heading, name).line(Tone::Dim, "  not logged");
            }
            None => {}
        }
    }
}

fn payload(page: &mut Page, name: &str, payload: &Payload) {
    page.gap()
        .push(Tone::Heading, name)
        .push(Tone::Dim, &format!("  {}", text::bytes(payload.body.len() as u64)));
    if payload.form == Form::Preview {
        let cut = payload.body.chars().count();
        page.push(Tone::Warning, &format!("  ▲ cut at {cut} characters where it was logged"));
    }
    page.line(Tone::Text, "");
    match payload.form {
        Form::Json => json::text(page, Tone::Text, &payload.body),
        Form::Text | Form::Preview => {
            page.line(Tone::Text, &payload.body);
        }
    }
}

fn message(page: &mut Page, message: &Message, fate: Option<Fate>, called: &HashMap<&str, &str>) {
    let tone = match message.role.as_str() {
        "system" | "developer" => Tone::System,
        "user" | "human" => Tone::User,
        "tool" | "function" => Tone::Tool,
        _ => Tone::Assistant,
    };
    page.gap()
        .push(tone, if message.role.is_empty() { "(no role)" } else { &message.role });
    match fate {
        Some(Fate::Added) => {
            page.push(Tone::Number, "  + new");
        }
        Some(Fate::Shortened(before)) => {
            page.push(Tone::Warning, &format!("  ▲ shortened: it had {}", text::bytes(before as u64)));
        }
        Some(Fate::Kept) | None => {}
    }
    page.line(Tone::Text, "");
    if message.parts.is_empty() {
        page.line(Tone::Dim, "(empty)");
    }
    for one in &message.parts {
        part(page, one, called);
    }
}

fn part(page: &mut Page, part: &MessagePart, called: &HashMap<&str, &str>) {
    match part {
        MessagePart::Text { text } => markdown::write(page, text),
        MessagePart::Reasoning { text } => {
            page.line(Tone::Dim, "reasoning").line(Tone::Dim, text);
        }
        MessagePart::ToolCall { id, name, arguments } => {
            page.push(Tone::Tool, "→ ").push(Tone::Tool, name);
            identified(page, id.as_deref());
            json::value(page, Tone::Text, arguments);
        }
        MessagePart::ToolResult { id, content, is_error } => {
            page.push(
                if *is_error { Tone::Error } else { Tone::Tool },
                if *is_error { "← failed" } else { "← result" },
            );
            if let Some(name) = id.as_deref().and_then(|id| called.get(id)) {
                page.push(Tone::Tool, " of ").push(Tone::Tool, name);
            }
            identified(page, id.as_deref());
            json::value(page, Tone::Text, content);
        }
        MessagePart::Media { media_type, bytes, uri } => {
            page.push(Tone::Dim, "[").push(Tone::Dim, media_type.as_deref().unwrap_or("media"));
            let size = bytes.map_or_else(|| "size not logged".to_owned(), text::bytes);
            page.push(Tone::Dim, " ").push(Tone::Dim, &size);
            if let Some(uri) = uri {
                page.push(Tone::Dim, " ").push(Tone::Dim, uri);
            }
            page.line(Tone::Dim, "]");
        }
    }
}

fn identified(page: &mut Page, id: Option<&str>) {
    if let Some(id) = id {
        page.push(Tone::Dim, "  ").push(Tone::Dim, id);
    }
    page.line(Tone::Text, "");
}
