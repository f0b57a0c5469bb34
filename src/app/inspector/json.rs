//! JSON for reading: indented, its keys and values told apart, with keys, order and spelling of numbers as logged. Text that is not JSON stays as
//! it is.
//!
//! Strings are shown as they were escaped: the reader sees what the model or the tool really got. No tree is built.

use crate::model::json::Json;

use super::super::viewer::{Inside, Page, Tone};

/// Indented deeper than this, a line says no more.
const DEPTH: usize = 64;

/// JSON over several lines, indented by two a level; `{}` and `[]` stay closed. What it has inside of brackets can be folded.
pub(super) fn write(page: &mut Page, text: &str) {
    // Where the insides of the open brackets are kept.
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text.trim();
    let indent = |page: &mut Page, depth: usize| {
        page.push(Tone::Dim, "\n");
        page.push(Tone::Dim, &"  ".repeat(depth.min(DEPTH)));
    };
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '"' => {
                taken = string_end(rest);
                let key = rest[taken..].trim_start().starts_with(':');
                page.push(if key { Tone::Key } else { Tone::Text }, &rest[..taken]);
            }
            '{' | '[' => {
                let inner = rest[1..].trim_start();
                let close = if c == '{' { '}' } else { ']' };
                if inner.starts_with(close) {
                    taken = rest.len() - inner.len() + 1;
                    page.push(Tone::Dim, if c == '{' { "{}" } else { "[]" });
                } else {
                    page.push(Tone::Dim, &rest[..1]);
                    let from = page.text.len();
                    page.insides.push(Inside {
                        bytes: from..from,
                        level: open.len(),
                        count: 1,
                        object: c == '{',
                    });
                    open.push(page.insides.len() - 1);
                    indent(page, open.len());
                }
            }
            '}' | ']' => {
                let inside = open.pop();
                indent(page, open.len());
                if let Some(inside) = inside {
                    page.insides[inside].bytes.end = page.text.len();
                }
                page.push(Tone::Dim, &rest[..1]);
            }
            ',' => {
                page.push(Tone::Dim, ",");
                if let Some(inside) = open.last() {
                    page.insides[*inside].count += 1;
                }
                indent(page, open.len());
            }
            ':' => {
                page.push(Tone::Dim, ": ");
            }
            c if c.is_ascii_whitespace() => {}
            // Numbers, true, false, null.
            _ => {
                taken = rest
                    .find(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '{' | '[' | '}' | ']' | ',' | ':'))
                    .unwrap_or(rest.len());
                page.push(Tone::Number, &rest[..taken]);
            }
        }
        rest = &rest[taken..];
    }
}

/// Text that may be JSON: written as JSON if it is an object or an array, else as it stands.
pub(super) fn text(page: &mut Page, tone: Tone, text: &str) {
    if text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        write(page, text);
        page.line(tone, "");
    } else {
        page.line(tone, text);
    }
}

/// A value: a string as its words, which may be JSON themselves, as APIs log it; anything else as JSON.
pub(super) fn value(page: &mut Page, tone: Tone, value: &Json) {
    match words(value.as_str()) {
        Some(words) => text(page, tone, &words),
        None if value.as_str().trim_start().starts_with(['{', '[']) => text(page, tone, value.as_str()),
        None => {
            page.line(tone, value.as_str());
        }
    }
}

/// Bytes of the string literal at the beginning, quotes included.
fn string_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', &bytes[at..]) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
        if at >= bytes.len() {
            break;
        }
    }
    text.len()
}

/// A short value for reading: a string as its words, anything else as it was logged.
pub(super) fn readable(value: &Json) -> String {
    words(value.as_str()).unwrap_or_else(|| value.as_str().to_owned())
}

/// The words of a JSON string; `None` for any other value.
fn words(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

/// The members of a JSON object in their order, each value as its text.
pub(super) fn members(object: &Json) -> Vec<(String, Json)> {
    struct Members(Vec<(String, Json)>);
    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("a JSON object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                    let mut members = Vec::new();
                    while let Some(member) = map.next_entry()? {
                        members.push(member);
                    }
                    Ok(Members(members))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Members>(object.as_str())
        .map(|members| members.0)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn written(value: &str) -> Page {
        let mut page = Page::default();
        text(&mut page, Tone::Text, value);
        page
    }

    #[test]
    fn it_is_indented_and_said_as_it_was_logged() {
        for (value, expected) in [
            ("{}", "{}\n"),
            ("[ ]", "[]\n"),
            (r#"{"a":[],"b":{ }}"#, "{\n  \"a\": [],\n  \"b\": {}\n}\n"),
            ("[1,-2.50e+3,true,null]", "[\n  1,\n  -2.50e+3,\n  true,\n  null\n]\n"),
            (
                r#"{"a: {b": "x, \"y\" [z] \u00e9\n"}"#,
                "{\n  \"a: {b\": \"x, \\\"y\\\" [z] \\u00e9\\n\"\n}\n",
            ),
            // No JSON, or no more than one value of it.
            ("{not json}", "{not json}\n"),
            ("{\"cut\": [1, 2", "{\"cut\": [1, 2\n"),
            ("\"words\"", "\"words\"\n"),
            ("12", "12\n"),
        ] {
            assert_eq!(written(value).text, expected, "{value}");
        }
        let mut page = Page::default();
        value(&mut page, Tone::Text, &Json::string(r#"{"plan":"yearly"}"#));
        value(&mut page, Tone::Text, &Json::string("some words"));
        value(&mut page, Tone::Text, &Json::parse("0.50").unwrap());
        assert_eq!(page.text, "{\n  \"plan\": \"yearly\"\n}\nsome words\n0.50\n");
    }

    #[test]
    fn keys_words_and_figures_are_told_apart() {
        let page = written(r#"{"key": "words", "n": [12, null, "k: v"]}"#);
        let tone = |word: &str| {
            let at = page.text.find(word).unwrap();
            page.tones_from(at).at(at)
        };
        for (word, meant) in [
            ("\"key\"", Tone::Key),
            ("\"words\"", Tone::Text),
            ("12", Tone::Number),
            ("null", Tone::Number),
            ("\"k: v\"", Tone::Text),
            ("[", Tone::Dim),
            (",", Tone::Dim),
        ] {
            assert_eq!(tone(word), meant, "{word}");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        use serde_json::Value;
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z]{1,3}", inner, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_the_same_value_and_every_inside_stands_between_its_brackets(value in any_json()) {
            let page = written(&value.to_string());
            prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&page.text).unwrap(), &value);
            for inside in &page.insides {
                let around = &page.text[inside.bytes.start - 1..=inside.bytes.end];
                match serde_json::from_str(around).unwrap() {
                    serde_json::Value::Object(members) => prop_assert!(inside.object && members.len() == inside.count),
                    serde_json::Value::Array(items) => prop_assert!(!inside.object && items.len() == inside.count),
                    other => prop_assert!(false, "{}", other),
                }
            }
        }
    }
}
