//! JSON for reading: indented, with keys, order and spelling of numbers as logged. Text that is not JSON stays as it is.
//!
//! Strings are shown as they were escaped: the reader sees what the model or the tool really got. No tree is built.

use crate::model::json::Json;

/// Indented deeper than this, a line says no more.
const DEPTH: usize = 64;

/// The text over several lines, indented by two a level; `{}` and `[]` stay closed.
pub(super) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut depth = 0usize;
    let mut rest = text.trim();
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth.min(DEPTH)));
    };
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '"' => {
                taken = string_end(rest);
                out.push_str(&rest[..taken]);
            }
            '{' | '[' => {
                out.push(c);
                let inner = rest[1..].trim_start();
                let close = if c == '{' { '}' } else { ']' };
                if inner.starts_with(close) {
                    taken = rest.len() - inner.len() + 1;
                    out.push(close);
                } else {
                    depth += 1;
                    indent(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                indent(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                indent(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
        rest = &rest[taken..];
    }
    out
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

/// A value for reading: a string as its words, anything else indented.
pub(super) fn readable(value: &Json) -> String {
    words(value.as_str()).unwrap_or_else(|| pretty(value.as_str()))
}

/// Text that may be JSON: indented if it is an object or an array, else as it stands.
pub(super) fn maybe(text: &str) -> String {
    if text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return pretty(text);
    }
    text.to_owned()
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
