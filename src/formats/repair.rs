//! One bounded repair pass over a line that strict JSON refuses.
//!
//! It changes only what is unambiguous: bytes that are no UTF-8, raw control bytes and lone surrogates inside strings,
//! `NaN` and `Infinity`, a prefix before the first `{`, two objects on one line. It never closes what was cut off.

use crate::model::span::Inferred;

/// A line made readable.
pub struct Repaired {
    /// The new text, from its first `{`.
    pub text: String,
    /// What was in front of it.
    pub prefix: String,
    /// What was done.
    pub flags: Inferred,
}

/// Whether the text holds an escaped surrogate without its other half.
#[must_use]
pub fn lone_surrogate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&bytes[from..], b"\\u") {
        let at = from + at;
        from = at + 2;
        if !matches!(bytes.get(at + 2), Some(b'd' | b'D')) {
            continue;
        }
        // Two backslashes are a backslash, not an escape.
        if bytes[..at].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1 {
            continue;
        }
        match unit(bytes, at) {
            Some(0xd800..0xdc00) if matches!(unit(bytes, at + 6), Some(0xdc00..0xe000)) => from = at + 12,
            Some(0xd800..0xe000) => return true,
            _ => {}
        }
    }
    false
}

/// The code unit of the escape `\uXXXX` at an offset.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let escape = bytes.get(at..at + 6)?;
    if !escape.starts_with(b"\\u") {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
}

/// Rewrites a line. `None` when it holds no `{`, or is nothing but NUL bytes.
#[must_use]
pub fn repair(line: &[u8]) -> Option<Repaired> {
    let start = memchr::memchr(b'{', line)?;
    let prefix = String::from_utf8_lossy(&line[..start])
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'))
        .to_owned();
    let text = String::from_utf8_lossy(&line[start..]);
    let mut out = String::with_capacity(text.len() + 16);
    let mut flags = Inferred::REPAIRED;
    let bytes = text.as_bytes();
    let mut in_string = false;
    // `copied` is the end of what is already in `out`.
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let replacement: Option<(usize, String)> = match (in_string, bytes[at]) {
            (_, b'"') => {
                in_string = !in_string;
                None
            }
            (true, b'\\') => match unit(bytes, at) {
                Some(0xd800..0xdc00) if matches!(unit(bytes, at + 6), Some(0xdc00..0xe000)) => {
                    at += 12;
                    continue;
                }
                Some(0xd800..0xe000) => Some((6, "\\ufffd".to_owned())),
                _ => {
                    at += 2;
                    continue;
                }
            },
            (true, control @ 0..0x20) => Some((1, format!("\\u{control:04x}"))),
            (false, b'N' | b'I' | b'-') => ["NaN", "Infinity", "-Infinity", "-NaN"]
                .iter()
                .find(|word| bytes[at..].starts_with(word.as_bytes()))
                .map(|word| {
                    flags = flags.and(Inferred::OUT_OF_RANGE);
                    (word.len(), "null".to_owned())
                }),
            _ => None,
        };
        match replacement {
            Some((length, with)) => {
                out.push_str(&text[copied..at]);
                out.push_str(&with);
                at += length;
                copied = at;
            }
            None => at += 1,
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(Repaired { text: out, prefix, flags })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &[u8]) -> String {
        repair(line).map(|r| r.text).unwrap_or_default()
    }

    #[test]
    fn repairs() {
        assert_eq!(text(b"x {\"a\":NaN,\"b\":-Infinity}"), r#"{"a":null,"b":null}"#);
        assert_eq!(text(b"{\"a\":\"\x1b[\"}"), r#"{"a":"\u001b["}"#);
        assert_eq!(
            text(br#"{"a":"\ud83d \ud83d\ude00 \\ud83d"}"#),
            r#"{"a":"\ufffd \ud83d\ude00 \\ud83d"}"#
        );
        assert_eq!(text(br#"{"a":"NaN"}"#), r#"{"a":"NaN"}"#);
    }

    #[test]
    fn surrogates() {
        assert!(lone_surrogate(r#""\ud83d""#));
        assert!(lone_surrogate(r#""\udc00\ud83d""#));
        assert!(!lone_surrogate(r#""\ud83d\ude00 \u00e9 \\ud83d""#));
    }
}
