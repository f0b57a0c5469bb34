//! What most messages of a history are, read in one pass: a role and its words. Anything more is no error of the log's, only not plain.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scan::Text;

/// `{"role": …, "content": …}` or `{"role": …, "parts": …}`, of an answer with the reason for its end: a message that says no more than its
/// text. A tool's message answers a call, and is none; Gemini's `model` has another name everywhere else.
pub(super) struct Plain<'a> {
    pub(super) role: Cow<'a, str>,
    pub(super) text: Cow<'a, str>,
    pub(super) stop: Option<Cow<'a, str>>,
}

/// One block of text that is not empty: `{"type": "text", "text": …}`, or `content` in the place of `text`.
pub(super) struct Words<'a>(pub(super) Cow<'a, str>);

/// A text, or a list of one block of text.
struct Content<'a>(Cow<'a, str>);

/// Says only that the slow way has to be taken.
fn odd<E: Error>() -> E {
    E::custom("not plain")
}

impl<'de: 'a, 'a> Deserialize<'de> for Plain<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlainVisitor;
        impl<'de> Visitor<'de> for PlainVisitor {
            type Value = Plain<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain<'de>, A::Error> {
                let (mut role, mut text, mut stop) = (None, None, None);
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "role" if role.is_none() => role = Some(map.next_value::<Text<'de>>()?.0),
                        "content" | "parts" if text.is_none() => text = Some(map.next_value::<Content<'de>>()?.0),
                        "finish_reason" if stop.is_none() => stop = Some(map.next_value::<Text<'de>>()?.0),
                        _ => return Err(odd()),
                    }
                }
                match (role, text) {
                    (Some(role), Some(text)) if !matches!(&*role, "" | "tool" | "model") => Ok(Plain { role, text, stop }),
                    _ => Err(odd()),
                }
            }
        }
        deserializer.deserialize_map(PlainVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;
        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content(Cow::Owned(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut blocks: A) -> Result<Content<'de>, A::Error> {
                let Some(Words(text)) = blocks.next_element()? else {
                    return Err(odd());
                };
                match blocks.next_element::<IgnoredAny>()? {
                    Some(_) => Err(odd()),
                    None => Ok(Content(text)),
                }
            }
        }
        deserializer.deserialize_any(ContentVisitor)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a block of text")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words<'de>, A::Error> {
                let (mut kind, mut text) = (false, None);
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "type" if !kind && map.next_value::<Text<'de>>()?.0 == "text" => kind = true,
                        "text" | "content" if text.is_none() => text = Some(map.next_value::<Text<'de>>()?.0),
                        _ => return Err(odd()),
                    }
                }
                match text {
                    Some(text) if kind && !text.is_empty() => Ok(Words(text)),
                    _ => Err(odd()),
                }
            }
        }
        deserializer.deserialize_map(WordsVisitor)
    }
}
