//! Formats of the user's own: values are taken from where the settings say, and read as a flat record's.

use std::borrow::Cow;

use super::container::Outcome;
use super::message::{object, unwrapped};
use super::scan::{Fields, array, string};
use super::sink::{Line, Sink};
use super::vocabulary::flat;
use crate::model::mapping::{Mapping, Pointer};

/// Keys under which loggers write a record as text.
const TEXTS: &[&str] = &["message", "log", "msg", "MESSAGE", "event"];

/// Whether this object is one of its records.
#[must_use]
pub fn recognises(mapping: &Mapping, fields: &Fields<'_>) -> bool {
    !mapping.matches.is_empty() && mapping.matches.iter().all(|pointer| find(fields, pointer).is_some())
}

/// A record of one of them that stands as text in a logger's object, and what stands beside it.
#[must_use]
pub fn unwrap<'f>(mappings: &[Mapping], fields: &Fields<'f>) -> Option<(Fields<'static>, Fields<'f>)> {
    TEXTS.iter().find_map(|key| {
        let text = string(fields.get(key)?)?;
        let inner = Fields::of_owned(&text[text.find('{')?..])?;
        mappings.iter().any(|mapping| recognises(mapping, &inner)).then(|| {
            let mut beside = fields.clone();
            beside.take(key);
            (inner, beside)
        })
    })
}

/// Reads a record: one span.
pub fn read(mapping: &Mapping, mut fields: Fields<'_>, line: &Line<'_>, sink: &mut Sink<'_>) -> Outcome {
    let mut named = Fields::default();
    for (field, pointer) in &mapping.fields {
        if let Some(value) = find(&fields, pointer) {
            named.push((*field).into(), value.into());
        }
    }
    if named.is_empty() {
        return Outcome::Other(line.time);
    }
    for (_, pointer) in &mapping.fields {
        remove(&mut fields, pointer.steps());
    }
    let mut part = sink.begin(line, mapping.name);
    flat::identity(&mut named, &mut part);
    flat::read(&mut named, &mut part).apply(&mut part, line);
    part.ended = true;
    // What could not be used stays visible.
    for (key, value) in named.drain() {
        fields.push(key.into_owned().into(), value.into_owned().into());
    }
    sink.push(line, part, &fields);
    Outcome::Spans
}

/// The value at a pointer; JSON that stands in a string is looked into.
fn find(fields: &Fields<'_>, pointer: &Pointer) -> Option<String> {
    let (first, steps) = pointer.steps().split_first()?;
    let mut value = Cow::Borrowed(fields.get(first)?);
    for step in steps {
        let outer = unwrapped(&value);
        let inner = match Fields::of(&outer) {
            Some(fields) => fields.get(step)?.to_owned(),
            None => (*array(&outer)?.get(step.parse::<usize>().ok()?)?).to_owned(),
        };
        value = Cow::Owned(inner);
    }
    (value != "null").then(|| value.into_owned())
}

/// Takes a value out, so that it does not stand among the attributes once more. Out of lists and strings nothing is taken.
fn remove(fields: &mut Fields<'_>, steps: &[String]) {
    let Some((first, rest)) = steps.split_first() else { return };
    if rest.is_empty() {
        fields.take(first);
        return;
    }
    let Some(mut inner) = fields.get(first).and_then(Fields::of_owned) else {
        return;
    };
    remove(&mut inner, rest);
    fields.take(first);
    if !inner.is_empty() {
        let left = object(inner.rest());
        fields.push(first.clone().into(), left.as_str().to_owned().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> Mapping {
        let pointer = |text: &str| Pointer::parse(text).expect("a pointer");
        Mapping {
            matches: vec![pointer("/kind_of_line"), pointer("/llm/m")],
            fields: vec![
                ("trace_id", pointer("/ctx/req")),
                ("model", pointer("/llm/m")),
                ("messages", pointer("/llm/io/0")),
                ("response", pointer("/llm/io/1")),
                ("prompt_tokens", pointer("/llm/n/in")),
                ("cache_read_tokens", pointer("/llm/n/hit")),
                ("feature", pointer("/ctx/app")),
                ("name", pointer("/ctx/app")),
                ("latency_s", pointer("/secs")),
            ],
            ..Mapping::new("acme".to_owned())
        }
    }

    const LINE: &str = r#"{"kind_of_line":"call","ctx":{"req":"r-1","app":"search","zone":"b"},"llm":"{\"m\":\"gpt-5-mini\",\"io\":[\"Why?\",\"Because.\"],\"n\":{\"in\":100,\"hit\":40}}","secs":1.5,"model":"not this one"}"#;

    fn read_line(line: &str, dialect: Option<&str>) -> crate::model::record::Batch {
        let info = crate::model::record::SourceInfo {
            id: 0,
            uri: "own.jsonl".into(),
            device: 0,
            inode: 0,
            generation: 0,
            file_time: 0,
            order: crate::model::record::Order::Random,
        };
        let block = crate::model::record::Block {
            source: std::sync::Arc::new(info),
            identity: crate::model::record::Identity::default(),
            offset: 0,
            bytes: line.as_bytes().to_vec(),
            omitted: 0,
            framing: crate::model::framing::Framing::Lines,
            turn: crate::model::turn::Turn::default(),
            fallback: (0, crate::model::span::StartFrom::File),
            dialect: dialect.map(std::sync::Arc::from),
        };
        super::super::parse_with(&block, &[mapping()])
    }

    #[test]
    fn values_are_taken_from_where_the_settings_say() {
        let in_docker = format!(
            "{{\"log\":{},\"stream\":\"stdout\"}}",
            crate::formats::scan::quote(&format!("{LINE}\n"))
        );
        for line in [LINE.to_owned(), in_docker] {
            let batch = read_line(&line, None);
            assert_eq!(batch.tally.dialects.get("acme"), Some(&1), "{line}");
            let part = &batch.parts[0];
            assert_eq!(
                (&*part.dialect, part.trace_id.as_str(), part.name.as_str()),
                ("acme", "r-1", "search")
            );
            assert_eq!(
                (part.request_model.as_deref(), part.feature.as_deref()),
                (Some("gpt-5-mini"), Some("search"))
            );
            assert_eq!(
                (part.usage.input, part.usage.cache_read),
                (Some(60), Some(40)),
                "the prompt counts cached tokens in"
            );
            assert_eq!((part.ask.as_str(), part.answer.as_str()), ("Why?", "Because."));
            assert_eq!(part.end, Some(part.start + 1_500_000_000));
            let left = part.attributes.as_ref().expect("what was not mapped").as_str();
            assert!(left.contains(r#""ctx":{"zone":"b"}"#) && left.contains("not this one"), "{left}");
            assert!(!left.contains("secs"), "{left}");
        }
    }

    #[test]
    fn other_lines_are_read_as_ever_unless_asked_for() {
        let call = r#"{"model":"m","input_tokens":7,"ctx":{"req":"r-2"}}"#;
        assert_eq!(read_line(call, None).tally.dialects.get("llm_trace"), Some(&1));
        assert_eq!(read_line(call, Some("acme")).parts[0].trace_id, "r-2");
        assert_eq!(read_line("{\"a\":1}", Some("acme")).tally.other, 1, "shown and searchable");
    }
}
