//! What the logs of coding agents have in common: a file is a conversation, and one call stands in several lines.
//!
//! What follows a prompt is its interaction; which prompt that is follows from the lines before (`model::turn`). Lines of which none are
//! known, as where they are mixed with others, make one interaction of the whole conversation.

use crate::formats::scan::{Fields, array, string};
use crate::formats::sink::{Line, Sink, Times};
use crate::formats::{message, time};
use crate::model::content::Slot;
use crate::model::span::{Inferred, Nanos, Part, SpanKind, StartFrom};

/// A conversation's id, where its lines do not state it: the UUID in the file's name, else the name.
#[must_use]
pub fn of_file(line: &Line<'_>) -> String {
    let uri = &line.block.source.uri;
    let name = uri.rsplit(['/', '\\']).next().unwrap_or(uri);
    let uuid = |at: usize| name.get(at..at + 36).filter(|text| is_uuid(text));
    let found = (0..name.len().saturating_sub(35)).rev().find_map(uuid);
    found.map_or_else(|| name.split('.').next().unwrap_or(name).to_owned(), str::to_ascii_lowercase)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Begins a part of a conversation, at a moment.
#[must_use]
pub fn begin(sink: &Sink<'_>, line: &Line<'_>, dialect: &'static str, conversation: &str, at: Option<Nanos>) -> Part {
    let mut part = sink.begin(line, dialect);
    part.trace_id = match line.turn.id.as_str() {
        "" => conversation.to_owned(),
        id if is_uuid(id) => id.to_ascii_lowercase(),
        id => format!("{conversation}:{id}"),
    };
    part.feature = line.turn.directory.as_deref().and_then(last_name);
    part.session = Some(conversation.to_owned());
    let times = Times {
        start: at,
        ..Times::default()
    };
    times.apply(&mut part, line);
    part
}

/// What the user asked: the head of all that follows until the next prompt.
pub fn prompt(part: &mut Part, content: &str) {
    asked(part);
    message::push_messages(part, Slot::Message, content);
}

/// The step that a prompt is.
pub fn asked(part: &mut Part) {
    part.kind = SpanKind::Request;
    "prompt".clone_into(&mut part.name);
    part.ended = true;
}

/// A record that was written when its step was over.
pub fn finished(part: &mut Part) {
    part.ended = true;
    part.inferred = part.inferred.and(Inferred::START);
    if part.start_from == StartFrom::Logged {
        part.end = Some(part.start);
    }
}

/// A tool that the model asked for.
pub fn tool(part: &mut Part, id: String, name: Option<String>, arguments: Option<&str>) {
    part.kind = SpanKind::Tool;
    part.tool_call_id = Some(id.clone());
    part.span_id = id;
    part.name = name.clone().unwrap_or_default();
    part.tool_name = name;
    if let Some(raw) = arguments {
        message::push_payload(part, Slot::Arguments, raw);
    }
}

/// The first text of a content: itself, or that of its first block with one.
#[must_use]
pub fn first_text(content: &str) -> String {
    if let Some(text) = string(content) {
        return text.into_owned();
    }
    let blocks = array(content).unwrap_or_default();
    let mut texts = blocks
        .into_iter()
        .filter_map(Fields::of)
        .filter_map(|mut block| block.text(&["text", "content"]));
    texts.next().unwrap_or_default()
}

/// The project: the last name of the directory the agent works in.
#[must_use]
pub fn project(fields: &mut Fields<'_>, key: &str) -> Option<String> {
    let path = fields.text(&[key])?;
    let name = last_name(&path);
    fields.push(key.to_owned().into(), crate::formats::scan::quote(&path).into());
    name
}

fn last_name(path: &str) -> Option<String> {
    let name = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The line's own time.
#[must_use]
pub fn moment(fields: &mut Fields<'_>) -> Option<Nanos> {
    let at = fields.get("timestamp").and_then(time::of)?;
    fields.take("timestamp");
    Some(at)
}
