//! Step 3: the documents an answer rests on. Dates, scores, ids and words are compared; nothing is understood.

use std::collections::HashSet;

use super::{Case, Lines, Place, Step};
use crate::insight::context::asked;
use crate::insight::overlap::{quoted, shared, topic};
use crate::insight::usual::{Usual, median, retrievals, score};
use crate::model::content::{Contents, Document, MessagePart};
use crate::model::span::{Nanos, SpanKey};

/// A document this much older than the question may be outdated: 365 days.
const OLD: Nanos = 31_536_000_000_000_000;
/// Share of an answer's words that must stand in a document for the answer to rest on it.
const RESTS: f64 = 0.2;
/// Scores up to 1 are similarities; a best one below this found nothing near.
const LOW: f64 = 0.5;

/// What the user asked: the last question of the telling call, else the beginning that the list shows.
pub(super) fn question(case: &Case<'_>) -> Option<String> {
    told(case)
        .and_then(asked)
        .or_else(|| Some(case.trace.row.ask.clone()).filter(|text| !text.is_empty()))
}

/// What the user saw: the telling call's answer, else the beginning that the list shows.
pub(super) fn answer(case: &Case<'_>) -> Option<String> {
    let words = told(case).map(|contents| {
        let parts = contents.response.iter().flat_map(|message| &message.parts);
        let texts: Vec<&str> = parts
            .filter_map(|part| match part {
                MessagePart::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        texts.join("\n\n")
    });
    words
        .filter(|text| !text.is_empty())
        .or_else(|| Some(case.trace.row.answer.clone()).filter(|text| !text.is_empty()))
}

/// The contents of the call that answered.
pub(super) fn told<'a>(case: &Case<'a>) -> Option<&'a Contents> {
    let key = case.trace.telling()?.key;
    case.contents.iter().find(|(span, _)| *span == key).map(|(_, contents)| contents)
}

pub(super) fn check(case: &Case<'_>, usual: &Usual, lines: &mut Lines) {
    let found: Vec<_> = retrievals(case.trace, case.contents).collect();
    let documents: Vec<(SpanKey, &Document)> = found.iter().flat_map(|r| r.documents.iter().map(|d| (r.span, d))).collect();
    let count: usize = found.iter().map(|retrieval| retrieval.count).sum();
    let at = found.first().map(|retrieval| (retrieval.span, Place::Documents));
    if found.is_empty() {
        return none_logged(case, usual, lines);
    }
    if count == 0 {
        let says = "a search returned no document: the answer rests on nothing that was retrieved";
        return lines.suspect(Step::Documents, at, says, (3, "the search found no document".into()));
    }
    let listed = list(&documents, count);
    if documents.is_empty() {
        lines.unknown(
            Step::Documents,
            at,
            format!("{listed}: what they say was not logged as such, so their dates and words could not be checked"),
        );
    } else {
        lines.fine(Step::Documents, at, listed);
    }
    dated(case, &documents, lines);
    quotes(case, &documents, lines);
    duplicates(&documents, lines);
    scores(&found, usual, lines);
    unlike(case, &documents, lines);
    if let Some(usually) = median(&usual.documents).filter(|usually| *usually > 0)
        && let Some(most) = found.iter().max_by_key(|retrieval| retrieval.count)
        && most.count > 2 * usually
    {
        lines.suspect(
            Step::Documents,
            Some((most.span, Place::Documents)),
            format!(
                "{} documents in one search, where {usually} are usual ({})",
                most.count,
                usual.scope()
            ),
            (6, format!("{} documents were retrieved where {usually} are usual", most.count)),
        );
    }
}

fn none_logged(case: &Case<'_>, usual: &Usual, lines: &mut Lines) {
    let at = case.trace.telling().map(|span| (span.key, Place::Prompt));
    if usual.retrieving * 2 > usual.interactions {
        lines.suspect(
            Step::Documents,
            at,
            format!("none retrieved; of {} {} have some", usual.scope(), usual.retrieving),
            (3, "nothing was retrieved, where this feature usually retrieves documents".into()),
        );
    } else {
        lines.unknown(
            Step::Documents,
            at,
            "no retrieval was logged: whatever documents the prompt holds could not be told apart",
        );
    }
}

/// `3 documents: cancel-2024 (2024-03-02), plans-1 (2026-08-14), …`.
fn list(documents: &[(SpanKey, &Document)], count: usize) -> String {
    let names: Vec<String> = documents
        .iter()
        .take(5)
        .map(|(_, document)| match date(document) {
            Some((_, day)) => format!("{} ({day})", name(document)),
            None => name(document),
        })
        .collect();
    let s = if count == 1 { "" } else { "s" };
    let more = documents.len().saturating_sub(5);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if names.is_empty() {
        format!("{count} document{s}")
    } else {
        format!("{count} document{s}: {}{more}", names.join(", "))
    }
}

/// Documents that are old, or of which another interaction found a newer one.
fn dated(case: &Case<'_>, documents: &[(SpanKey, &Document)], lines: &mut Lines) {
    let answer = answer(case).unwrap_or_default();
    let others: Vec<&Document> = case
        .peers
        .rows
        .iter()
        .flat_map(|peer| retrievals(&peer.trace, &peer.contents))
        .flat_map(|retrieval| retrieval.documents)
        .chain(documents.iter().map(|(_, document)| *document))
        .collect();
    let start = case.trace.row.start;
    let mut known = 0;
    let mut told: HashSet<String> = HashSet::new();
    let mut stale = false;
    for (span, document) in documents {
        let Some((moment, day)) = date(document) else { continue };
        known += 1;
        let newer = title(document).and_then(|title| {
            others
                .iter()
                .filter(|other| self::title(other).as_ref() == Some(&title))
                .filter_map(|other| Some((date(other)?, *other)))
                .filter(|((other, _), _)| *other > moment)
                .max_by_key(|((moment, _), other)| (*moment, name(other)))
        });
        let is_old = start.saturating_sub(moment) > OLD;
        if (newer.is_none() && !is_old) || !told.insert(name(document)) {
            continue;
        }
        stale = true;
        let share = quoted(&answer, document.content.as_deref().unwrap_or_default());
        let name = name(document);
        let mut says = format!("{name} is of {day}, {} before the question", age(start.saturating_sub(moment)));
        if let Some(((_, newer), other)) = &newer {
            says.push_str(&format!(
                "; {} of {newer} has the same title and was retrieved elsewhere",
                self::name(other)
            ));
        }
        if share > RESTS {
            says.push_str(&format!("; ≈{} of the answer is word for word in it", percent(share)));
        }
        let because = match &newer {
            Some(((_, newer), other)) => format!("though {} of {newer} replaces it", self::name(other)),
            None => format!("which is {} old", age(start.saturating_sub(moment))),
        };
        let (rank, likely) = match (share > RESTS, newer.is_some()) {
            (true, true) => (
                0,
                format!("the retrieved document is outdated: the answer quotes {name} of {day}, {because}"),
            ),
            (true, false) => (
                2,
                format!("the retrieved document is outdated: the answer quotes {name} of {day}, {because}"),
            ),
            (false, _) => (6, format!("a retrieved document may be outdated: {name} of {day}, {because}")),
        };
        lines.suspect(Step::Documents, Some((*span, Place::Documents)), says, (rank, likely));
    }
    if stale || documents.is_empty() {
        return;
    }
    let at = documents.first().map(|(span, _)| (*span, Place::Documents));
    if known == documents.len() {
        lines.fine(Step::Documents, at, "none is older than a year, none is known to be replaced");
    } else if known == 0 {
        lines.unknown(
            Step::Documents,
            at,
            "their dates were not logged: whether one is outdated could not be checked",
        );
    } else {
        lines.unknown(
            Step::Documents,
            at,
            format!(
                "the dates of {} of them were not logged; the others are recent",
                documents.len() - known
            ),
        );
    }
}

/// Whether the answer stands in what was retrieved.
fn quotes(case: &Case<'_>, documents: &[(SpanKey, &Document)], lines: &mut Lines) {
    let Some(answer) = answer(case) else { return };
    let texts: Vec<(SpanKey, &Document, f64)> = documents
        .iter()
        .filter_map(|(span, document)| Some((*span, *document, quoted(&answer, document.content.as_deref()?))))
        .collect();
    let Some((span, document, share)) = texts.iter().max_by(|a, b| a.2.total_cmp(&b.2)) else {
        return;
    };
    let at = Some((*span, Place::Documents));
    if *share > RESTS {
        let says = format!(
            "≈{} of the answer's words stand in {} (runs of four words or more)",
            percent(*share),
            name(document)
        );
        lines.fine(Step::Documents, at, says);
    } else {
        lines.unknown(
            Step::Documents,
            at,
            "the answer quotes none of them word for word: whether it follows from them has to be read",
        );
    }
}

fn duplicates(documents: &[(SpanKey, &Document)], lines: &mut Lines) {
    let mut seen = HashSet::new();
    let twice: Vec<String> = documents
        .iter()
        .filter(|(_, document)| {
            let body = document.content.as_deref().filter(|body| !body.is_empty());
            body.is_some_and(|body| !seen.insert(body))
        })
        .map(|(_, document)| name(document))
        .collect();
    if let Some(first) = twice.first() {
        let at = documents.first().map(|(span, _)| (*span, Place::Documents));
        let times = if twice.len() == 1 {
            "one text".to_owned()
        } else {
            format!("{} texts", twice.len())
        };
        lines.suspect(
            Step::Documents,
            at,
            format!("{times} retrieved more than once: {first}"),
            (7, "the same document was retrieved more than once".into()),
        );
    }
}

fn scores(found: &[crate::insight::usual::Retrieval<'_>], usual: &Usual, lines: &mut Lines) {
    for retrieval in found {
        let all: Vec<f64> = retrieval.documents.iter().filter_map(score).collect();
        let Some(best) = all.iter().copied().max_by(f64::total_cmp) else {
            continue;
        };
        let at = Some((retrieval.span, Place::Documents));
        let similarity = all.iter().all(|score| (0.0..=1.0).contains(score));
        let usually = median(&usual.scores).filter(|usually| *usually > 0.0);
        if let Some(usually) = usually.filter(|usually| best < usually / 2.0) {
            lines.suspect(
                Step::Documents,
                at,
                format!("the best score is {best}, where {usually} is usual ({})", usual.scope()),
                (4, format!("the search found nothing near the question (best score {best})")),
            );
        } else if similarity && best < LOW {
            lines.suspect(
                Step::Documents,
                at,
                format!("the best score is {best}: nothing near the question was found"),
                (4, format!("the search found nothing near the question (best score {best})")),
            );
        }
    }
}

/// Documents that share no word with the question.
fn unlike(case: &Case<'_>, documents: &[(SpanKey, &Document)], lines: &mut Lines) {
    let Some(question) = question(case) else { return };
    let topic = topic(&question);
    let texts: Vec<&str> = documents.iter().filter_map(|(_, document)| document.content.as_deref()).collect();
    if topic.is_empty() || texts.is_empty() {
        return;
    }
    let at = documents.first().map(|(span, _)| (*span, Place::Documents));
    let best = documents
        .iter()
        .filter_map(|(_, document)| {
            let text = format!("{} {}", title(document).unwrap_or_default(), document.content.as_deref()?);
            Some((shared(&topic, &text), *document))
        })
        .max_by_key(|(count, _)| *count);
    match best {
        Some((0, _)) => lines.suspect(
            Step::Documents,
            at,
            format!("no document shares a word with the question ({} looked for)", topic.len()),
            (3, "the retrieved documents do not match the question".into()),
        ),
        Some((count, document)) => lines.fine(
            Step::Documents,
            at,
            format!(
                "{} shares {count} of the {} words that say what the question is about",
                name(document),
                topic.len()
            ),
        ),
        None => {}
    }
}

/// Its id, else its title, else the beginning of its text.
fn name(document: &Document) -> String {
    let text = document.id.clone().or_else(|| title(document)).or_else(|| document.content.clone());
    let text = text.unwrap_or_else(|| "a document without id, title and text".into());
    if text.chars().count() > 40 {
        format!("{}…", text.chars().take(40).collect::<String>())
    } else {
        text
    }
}

fn member(document: &Document, name: &str) -> Option<serde_json::Value> {
    document.metadata.as_ref()?.value().as_object()?.iter().find_map(|(key, value)| {
        let same = key.eq_ignore_ascii_case(name) || key.replace('-', "_").eq_ignore_ascii_case(name);
        (same && !value.is_null()).then(|| value.clone())
    })
}

fn title(document: &Document) -> Option<String> {
    ["title", "name", "heading"]
        .iter()
        .find_map(|key| member(document, key)?.as_str().map(str::to_owned))
        .filter(|title| !title.is_empty())
}

/// When a document was last changed, by its metadata: the moment and the day as written.
fn date(document: &Document) -> Option<(Nanos, String)> {
    const KEYS: [&str; 16] = [
        "updated",
        "updated_at",
        "last_updated",
        "lastupdated",
        "updatedat",
        "last_modified",
        "lastmodified",
        "modified",
        "modified_at",
        "date",
        "published",
        "published_at",
        "created",
        "created_at",
        "timestamp",
        "effective_date",
    ];
    KEYS.iter().find_map(|key| moment(&member(document, key)?))
}

fn moment(value: &serde_json::Value) -> Option<(Nanos, String)> {
    let nanos = |at: jiff::Timestamp| Nanos::try_from(at.as_nanosecond()).ok();
    match value {
        serde_json::Value::String(text) => {
            let day: jiff::civil::Date = text.get(..10)?.parse().ok()?;
            let at = text
                .parse::<jiff::Timestamp>()
                .or_else(|_| jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)))
                .ok()?;
            Some((nanos(at)?, day.to_string()))
        }
        serde_json::Value::Number(number) => {
            let number = number.as_f64().filter(|number| *number > 0.0)?;
            // Seconds until the year 5138, else milliseconds.
            let seconds = if number < 1e11 { number } else { number / 1000.0 };
            let at = jiff::Timestamp::from_second(seconds as i64).ok()?;
            Some((nanos(at)?, at.strftime("%Y-%m-%d").to_string()))
        }
        _ => None,
    }
}

fn age(nanos: Nanos) -> String {
    let days = nanos / 86_400_000_000_000;
    match days {
        ..1 => "less than a day".into(),
        1 => "1 day".into(),
        2..60 => format!("{days} days"),
        60..730 => format!("{} months", days * 100 / 3044),
        _ => format!("{}.{} years", days * 100 / 36_525, days * 1000 / 36_525 % 10),
    }
}

fn percent(share: f64) -> String {
    crate::model::text::percent(share)
}
