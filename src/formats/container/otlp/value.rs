//! The attributes of OTLP: lists of keys and `AnyValue`s, as plain JSON text.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::formats::scan::{Fields, Text, array, quote, scalar};

/// Deeper attribute values stay as they were written.
const DEEPEST: usize = 64;

#[derive(Deserialize)]
struct KeyValue<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
}

/// Attributes as OTLP specifies them, read in one pass; of an odd value there is no reading here.
pub struct KeyValues<'a>(pub Fields<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for KeyValues<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;
        impl<'de> Visitor<'de> for ListVisitor {
            type Value = KeyValues<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of keys and values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KeyValues<'de>, A::Error> {
                let mut out = Fields::default();
                while let Some(Typed { key, value }) = list.next_element()? {
                    out.push(key.0, value.0);
                }
                Ok(KeyValues(out))
            }
        }
        deserializer.deserialize_seq(ListVisitor)
    }
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    key: Text<'a>,
    #[serde(borrow)]
    value: AnyValue<'a>,
}

/// An `AnyValue` of one kind, or of none, as plain JSON text.
struct AnyValue<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for AnyValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = AnyValue<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AnyValue")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyValue<'de>, A::Error> {
                let Some(Text(kind)) = map.next_key()? else {
                    return Ok(AnyValue("null".into()));
                };
                let raw: &'de RawValue = map.next_value()?;
                if map.next_key::<IgnoredAny>()?.is_some() {
                    return Err(A::Error::custom("several values"));
                }
                let raw = raw.get();
                Ok(AnyValue(match &*kind {
                    "stringValue" | "string_value" | "boolValue" | "bool_value" | "doubleValue" | "double_value" | "bytesValue"
                    | "bytes_value" => raw.into(),
                    "intValue" | "int_value" => digits(raw.into()),
                    "arrayValue" | "array_value" => list_text(raw, 0),
                    "kvlistValue" | "kvlist_value" => map_text(raw, 0),
                    _ => return Err(A::Error::custom("no kind of value")),
                }))
            }
        }
        deserializer.deserialize_map(ValueVisitor)
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
    if let Ok(KeyValues(list)) = serde_json::from_str::<KeyValues<'a>>(raw) {
        for (key, value) in list.drain() {
            out.push(key, value);
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
