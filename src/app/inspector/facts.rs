//! The tabs that show facts: parameters and findings, the raw line. What was not logged says so; it is never a zero.

use jiff::Timestamp;

use crate::model::span::{Nanos, StartFrom, Status};
use crate::model::text;

use super::super::viewer::{Page, Tone};
use super::json;
use super::{RAW_LINES, Subject};

pub(super) const NOT_LOGGED: &str = "not logged";
/// Columns of a field's name.
const NAME: usize = 16;
/// Answers get loose above this temperature.
const HOT: f64 = 0.7;

pub(super) fn field(page: &mut Page, name: &str, value: Option<&str>) {
    named(page, name);
    match value {
        Some(value) => page.line(Tone::Text, value),
        None => page.line(Tone::Dim, NOT_LOGGED),
    };
}

pub(super) fn named(page: &mut Page, name: &str) {
    page.hang(NAME)
        .push(Tone::Label, name)
        .push(Tone::Label, &" ".repeat(NAME.saturating_sub(text::width(name)).max(1)));
}

/// Model, parameters, findings, times, ids, and whatever had no field of its own.
pub(super) fn parameters(subject: &Subject) -> Page {
    let (span, part) = (&subject.span, &subject.span.part);
    let mut page = Page::default();
    for finding in &span.findings {
        page.hang(2)
            .push(Tone::Warning, "▲ ")
            .push(Tone::Warning, &finding.kind.name().replace('_', " "))
            .line(Tone::Text, &format!(": {}", finding.evidence));
    }
    if !span.findings.is_empty() {
        page.gap();
    }
    named(&mut page, "model");
    match (&part.request_model, &part.response_model) {
        (Some(asked), Some(answered)) if asked != answered => page
            .push(Tone::Text, asked)
            .push(Tone::Warning, "  ▲ answered by ")
            .line(Tone::Text, answered),
        (_, Some(model)) | (Some(model), None) => page.line(Tone::Text, model),
        (None, None) => page.line(Tone::Dim, NOT_LOGGED),
    };
    field(&mut page, "provider", part.provider.as_deref());
    let params = part.params.as_ref().map(json::members).unwrap_or_default();
    for wanted in ["temperature", "max_tokens"] {
        if !params.iter().any(|(name, _)| name == wanted) {
            field(&mut page, wanted, None);
        }
    }
    for (name, value) in &params {
        named(&mut page, name);
        if name != "temperature" {
            json::value(&mut page, Tone::Text, value);
            continue;
        }
        page.push(Tone::Text, &json::readable(value));
        if value.as_str().parse::<f64>().is_ok_and(|degree| degree > HOT) {
            page.push(Tone::Warning, "  ▲ above 0.7");
        }
        page.line(Tone::Text, "");
    }
    field(&mut page, "stop reason", part.stop_reason.as_deref());
    named(&mut page, "status");
    match part.status {
        Status::Ok => page.line(Tone::Text, "ok"),
        Status::Error => page.line(Tone::Error, "error"),
        Status::Unset => page.line(Tone::Dim, NOT_LOGGED),
    };
    if let Some(error) = &part.error {
        named(&mut page, "error");
        page.line(Tone::Error, error);
    }

    page.gap();
    named(&mut page, "started");
    page.push(Tone::Text, &time(part.start))
        .line(Tone::Dim, start_from(part.start_from));
    field(&mut page, "ended", part.end.map(time).as_deref());
    let took = part.end.map(|end| text::duration(Some(end.saturating_sub(part.start))));
    field(&mut page, "took", took.as_deref());
    field(
        &mut page,
        "first token",
        part.time_to_first_token.map(|wait| text::duration(Some(wait))).as_deref(),
    );

    page.gap();
    for ((name, own), whole) in [("feature", &part.feature), ("user", &part.user), ("session", &part.session)]
        .into_iter()
        .zip(&subject.whose)
    {
        match (own, whole) {
            (None, Some(whole)) => {
                named(&mut page, name);
                page.push(Tone::Text, whole).line(Tone::Dim, "  of the interaction");
            }
            _ => field(&mut page, name, own.as_deref()),
        }
    }
    field(&mut page, "service", part.service.as_deref());
    field(&mut page, "name", Some(part.name.as_str()).filter(|name| !name.is_empty()));
    field(&mut page, "kind", Some(part.kind.name()));
    field(&mut page, "trace", Some(&part.trace_id));
    field(&mut page, "span", Some(&part.span_id));
    field(&mut page, "parent", Some(part.parent_id.as_deref().unwrap_or("none")));
    field(&mut page, "read as", Some(&part.dialect));
    for twin in span.twins.iter().rev() {
        let took = twin.end.map(|end| text::duration(Some(end.saturating_sub(twin.start))));
        named(&mut page, "also logged as");
        page.push(Tone::Text, &twin.name).line(
            Tone::Dim,
            &format!(
                "  span {}, took {}: a record of the same call around it",
                twin.span_id,
                took.as_deref().unwrap_or(NOT_LOGGED)
            ),
        );
    }
    let inferred = part.inferred.names().collect::<Vec<_>>().join(", ");
    if !inferred.is_empty() {
        named(&mut page, "inferred");
        page.line(Tone::Warning, &inferred);
    }
    let attributes = part.attributes.as_ref().map(json::members).unwrap_or_default();
    if !attributes.is_empty() {
        page.gap().line(Tone::Heading, "attributes");
        for (name, value) in attributes {
            page.push(Tone::Label, &name).push(Tone::Label, ": ");
            json::value(&mut page, Tone::Text, &value);
        }
    }
    page
}

/// RFC 3339 UTC, so that it can be compared with the log.
fn time(at: Nanos) -> String {
    Timestamp::from_nanosecond(i128::from(at)).map_or_else(|_| at.to_string(), |at| at.to_string())
}

const fn start_from(from: StartFrom) -> &'static str {
    match from {
        StartFrom::Logged => "",
        StartFrom::Envelope => "  from the logger's wrapper around the record",
        StartFrom::File => "  not logged: the file's time",
        StartFrom::Arrival => "  not logged: when the line was read",
    }
}

/// The lines this span was read from.
pub(super) fn raw(subject: &Subject) -> Page {
    let mut page = Page::default();
    let origins = &subject.span.origins;
    if origins.is_empty() {
        page.line(Tone::Dim, "No line was logged for this span.");
    }
    if !subject.span.twins.is_empty() {
        let names = subject.span.twins.iter().chain([&subject.span.part]).map(|part| &*part.name);
        let names = names.collect::<Vec<_>>().join(" around ");
        page.line(Tone::Dim, &format!("One call, logged more than once, is one row: {names}."))
            .gap();
    }
    for (i, origin) in origins.iter().take(RAW_LINES).enumerate() {
        if i > 0 {
            page.gap();
        }
        if origins.len() > 1 {
            page.line(
                Tone::Heading,
                &format!(
                    "record {} of {}: {} at byte {}",
                    i + 1,
                    origins.len(),
                    text::bytes(u64::from(origin.length)),
                    origin.offset
                ),
            );
        }
        match subject.raw.iter().find(|(known, _)| known == origin) {
            None => {
                page.line(Tone::Dim, "loading …");
            }
            Some((_, Err(why))) => {
                page.push(Tone::Warning, "Raw line not available: ").line(Tone::Warning, why);
            }
            Some((_, Ok(bytes))) => json::text(&mut page, Tone::Text, &String::from_utf8_lossy(bytes)),
        }
    }
    if origins.len() > RAW_LINES {
        page.gap()
            .line(Tone::Dim, &format!("… and {} more records", origins.len() - RAW_LINES));
    }
    page
}
