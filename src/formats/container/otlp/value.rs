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

/// The same for text that may be owned.
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
    if let Ok(list) = serde_json::from_str::<Vec<KeyValue<'a>>>(raw) {
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
        return match scalar(&number).filter(|t| t.strip_prefix('-').unwrap_or(t).bytes().all(|b| b.is_ascii_digit())) {
            Some(digits) if !digits.is_empty() && (digits == "0" || !digits.trim_start_matches('-').starts_with('0')) => {
                Cow::Owned(digits.into_owned())
            }
            _ => number,
        };
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
        let values = Fields::of(&list)
            .and_then(|f| f.get("values").map(str::to_owned))
            .unwrap_or_else(|| "[]".to_owned());
        let items: Vec<Cow<'_, str>> = array(&values)
            .unwrap_or_default()
            .into_iter()
            .map(|item| any_value(item, depth + 1))
            .collect();
        return format!("[{}]", items.join(",")).into();
    }
    if let Some(list) = get("kvlistValue", "kvlist_value") {
        let values = Fields::of(&list)
            .and_then(|f| f.get("values").map(str::to_owned))
            .unwrap_or_else(|| "[]".to_owned());
        let mut out = String::from("{");
        for item in array(&values).unwrap_or_default() {
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
        return out.into();
    }
    if fields.is_empty() { "null".into() } else { raw.into() }
}
