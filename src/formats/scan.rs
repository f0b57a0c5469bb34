//! One shallow pass over JSON text: keys and the raw text of their values, borrowed.
//!
//! Nothing here builds a tree: a value is looked into only when somebody asks for it, and nesting of any depth costs no stack.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One key of an object and the JSON text of its value.
#[derive(Clone, Debug)]
struct Entry<'a> {
    key: Cow<'a, str>,
    value: Cow<'a, str>,
    taken: bool,
}

/// An object's keys in their order, with the JSON text of their values. Readers *take* what they map; the rest becomes attributes.
#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    entries: Vec<Entry<'a>>,
    /// A bit for each (length, first byte) that occurs: most lookups of absent aliases end here.
    seen: u64,
}

/// The bit of a key in `Fields::seen`.
fn bit(key: &str) -> u64 {
    let first = key.as_bytes().first().copied().unwrap_or(0);
    1 << ((key.len() as u8).wrapping_mul(11).wrapping_add(first) & 63)
}

/// What a reader of a number found.
pub enum Reading<T> {
    /// A usable value.
    Value(T),
    /// `null`.
    Null,
    /// Something that cannot be used: it stays visible among the attributes.
    OutOfRange,
}

impl<'a> Fields<'a> {
    /// The fields of an object; an error when the text is no object.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of an object, `None` when the text is something else.
    #[must_use]
    pub fn of(text: &'a str) -> Option<Self> {
        if text.trim_start().starts_with('{') {
            Self::parse(text).ok()
        } else {
            None
        }
    }

    /// The same for text that may be owned.
    #[must_use]
    pub fn of_owned(text: &str) -> Option<Fields<'static>> {
        let fields = Fields::of(text)?;
        Some(fields.into_owned())
    }

    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> Fields<'static> {
        let entries = self.entries.into_iter().map(|e| Entry {
            key: Cow::Owned(e.key.into_owned()),
            value: Cow::Owned(e.value.into_owned()),
            taken: e.taken,
        });
        Fields {
            entries: entries.collect(),
            seen: self.seen,
        }
    }

    /// Adds a field.
    pub fn push(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        self.seen |= bit(&key);
        self.entries.push(Entry { key, value, taken: false });
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.iter().all(|e| e.taken)
    }

    /// The JSON text under a key; of duplicates the last, as every JSON reader does.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        if self.seen & bit(key) == 0 {
            return None;
        }
        self.entries.iter().rev().find(|e| !e.taken && e.key == key).map(|e| &*e.value)
    }

    /// Like `get`, for as long as the text the fields were read from.
    #[must_use]
    pub fn borrowed(&self, key: &str) -> Option<Cow<'a, str>> {
        if self.seen & bit(key) == 0 {
            return None;
        }
        self.entries
            .iter()
            .rev()
            .find(|e| !e.taken && e.key == key)
            .map(|e| e.value.clone())
    }

    /// Whether the key is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether one of the keys is there.
    #[must_use]
    pub fn any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.has(key))
    }

    /// Takes the value under a key. `null` is taken too, and is nothing.
    pub fn take(&mut self, key: &str) -> Option<Cow<'a, str>> {
        if self.seen & bit(key) == 0 {
            return None;
        }
        let mut found = None;
        for entry in self.entries.iter_mut().filter(|e| !e.taken && e.key == key) {
            entry.taken = true;
            found = Some(std::mem::take(&mut entry.value));
        }
        found.filter(|value| value != "null")
    }

    /// Takes the first of several keys that holds something; those before it that are `null` are taken too.
    pub fn first(&mut self, keys: &[&str]) -> Option<Cow<'a, str>> {
        keys.iter().find_map(|key| self.take(key))
    }

    /// Takes the first of several keys as text: a string decoded, a number or boolean as written. An empty string and `null` are nothing.
    pub fn text(&mut self, keys: &[&str]) -> Option<String> {
        for key in keys {
            let text = match self.get(key) {
                None => continue,
                Some("null") => None,
                Some(raw) => match scalar(raw) {
                    None => continue,
                    Some(text) => Some(text.into_owned()),
                },
            };
            self.take(key);
            if let Some(text) = text.filter(|t| !t.is_empty()) {
                return Some(text);
            }
        }
        None
    }

    /// Takes the first of several keys that reads as a number. What cannot be used stays, and `odd` is set.
    pub fn number<T>(&mut self, keys: &[&str], read: fn(&str) -> Reading<T>, odd: &mut bool) -> Option<T> {
        for key in keys {
            match self.get(key).map(read) {
                Some(Reading::Value(value)) => {
                    self.take(key);
                    return Some(value);
                }
                Some(Reading::Null) => {
                    self.take(key);
                }
                Some(Reading::OutOfRange) => *odd = true,
                None => {}
            }
        }
        None
    }

    /// Replaces an object under `key` by its fields, named `key.field`; `null` by nothing.
    pub fn expand(&mut self, key: &str) {
        if !self.get(key).is_some_and(|v| v.starts_with('{') || v == "null") {
            return;
        }
        let Some(value) = self.take(key) else { return };
        let inner = match value {
            Cow::Borrowed(text) => Fields::of(text),
            Cow::Owned(text) => Fields::of_owned(&text),
        };
        for entry in inner.unwrap_or_default().entries {
            self.push(Cow::Owned(format!("{key}.{}", entry.key)), entry.value);
        }
    }

    /// Takes everything under `prefix.`, in order: the keys come without it.
    pub fn take_under(&mut self, prefix: &str) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
        let mut taken = Vec::new();
        for entry in self.entries.iter_mut().filter(|e| !e.taken) {
            let Some(rest) = entry.key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) else {
                continue;
            };
            entry.taken = true;
            taken.push((Cow::Owned(rest.to_owned()), std::mem::take(&mut entry.value)));
        }
        taken
    }

    /// What nobody took, in order.
    pub fn rest(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter(|e| !e.taken).map(|e| (&*e.key, &*e.value))
    }

    /// Takes everything that is left.
    pub fn drain(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.entries.into_iter().filter(|e| !e.taken).map(|e| (e.key, e.value))
    }
}

/// A string decoded: borrowed unless it holds an escape.
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(v)))
            }
            fn visit_str<E>(self, v: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(v.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields {
                    entries: Vec::with_capacity(8),
                    seen: 0,
                };
                while let Some(Text(key)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    fields.push(key, Cow::Borrowed(value.get()));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// The elements of an array; `None` when the text is something else.
#[must_use]
pub fn array(text: &str) -> Option<Vec<&str>> {
    if !text.trim_start().starts_with('[') {
        return None;
    }
    let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    Some(items.into_iter().map(RawValue::get).collect())
}

/// A JSON string decoded; `None` when the text is something else. A lone surrogate becomes U+FFFD.
#[must_use]
pub fn string(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    Some(Cow::Owned(unescape(inner)))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let mut consumed = 1;
        match after.as_bytes().first() {
            Some(b'n') => out.push('\n'),
            Some(b't') => out.push('\t'),
            Some(b'r') => out.push('\r'),
            Some(b'b') => out.push('\u{8}'),
            Some(b'f') => out.push('\u{c}'),
            Some(b'u') => {
                let (c, length) = code_point(after);
                out.push(c);
                consumed = length;
            }
            Some(&c @ (b'"' | b'\\' | b'/')) => out.push(char::from(c)),
            _ => consumed = 0,
        }
        rest = after.get(consumed..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Reads `uXXXX` or a surrogate pair; how many bytes it took.
fn code_point(text: &str) -> (char, usize) {
    let unit = |from: usize| text.get(from..from + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(high) = unit(1) else {
        return (char::REPLACEMENT_CHARACTER, 1);
    };
    if (0xd800..0xdc00).contains(&high)
        && text.get(5..7) == Some("\\u")
        && let Some(low @ 0xdc00..0xe000) = unit(7)
    {
        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 11);
    }
    (char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 5)
}

/// A string decoded, a number or boolean as written; `None` for `null`, arrays and objects.
#[must_use]
pub fn scalar(text: &str) -> Option<Cow<'_, str>> {
    match text.as_bytes().first()? {
        b'"' => string(text),
        b'n' | b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(text)),
    }
}

/// Text as a JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        return format!("\"{text}\"");
    }
    serde_json::Value::from(text).to_string()
}

/// Whether an ordinary JSON reader can take this text: its nesting is not too deep and its numbers fit.
#[must_use]
pub fn ordinary(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'"' | b't' | b'f' | b'n') => true,
        _ => serde_json::from_str::<Taken>(text).is_ok(),
    }
}

/// A value that was read as every reader does, and let go.
struct Taken;

impl<'de> Deserialize<'de> for Taken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Taken {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}
