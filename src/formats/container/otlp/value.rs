//! The attributes of OTLP: lists of keys and `AnyValue`s, as plain JSON text.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::formats::scan::{Fields, array, quote, scalar};

/// Deeper attribute values stay as they were written.
const DEEPEST: usize = 64;

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

/// Attributes of text that may be owned.
pub fn attributes(raw: Option<Cow<'_, str>>) -> Fields<'_> {
    let mut out = Fields::default();
    match raw {
        None => {}
        Some(Cow::Borrowed(text)) => key_values(text, &mut out),
        Some(Cow::Owned(text)) => {
            let mut own = Fields::default();
            key_values(&text, &mut own);
            out = own.into_owned();
        }
    }
    out
}

/// A list of keys and values, or a plain map of them.
pub fn key_values<'a>(raw: &'a str, out: &mut Fields<'a>) {
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
pub fn any_value(raw: &str, depth: usize) -> Cow<'_, str> {
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
