//! What is known and cannot be read a line at a time: recognised by name, and declined with what to change where it is written.

use super::scan::string;

/// The name of what a line belongs to, and what to do about it. `None` when nobody knows.
#[must_use]
pub fn name(line: &[u8]) -> Option<(&'static str, &'static str)> {
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    if line.starts_with(b"PK\x03\x04") {
        return Some((
            "zip archive",
            "an archive such as Inspect's .eval has no lines: write its samples as JSON, one a line",
        ));
    }
    if line.get(4..8) == Some(ZSTD) {
        return Some((
            "Collector binary framing",
            "zstd messages of the Collector's file exporter: leave out `compression`, or compress the rotated file",
        ));
    }
    // A length in four bytes; the tag of the first field, which is a newline, ends the line.
    if line.len() == 4 && line[0] == 0 && line[1..].iter().any(|b| *b != 0) {
        return Some((
            "Collector binary framing",
            "protobuf messages of the Collector's file exporter: set `format: json`",
        ));
    }
    let text = std::str::from_utf8(line).ok()?.trim();
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if begins(&[
        "traceId: '",
        "instrumentationScope: {",
        "parentSpanContext: {",
        "traceState: undefined",
    ]) {
        return Some((
            "JavaScript console output",
            "ConsoleSpanExporter prints no JSON: export OTLP to a file, or write JSON.stringify(span), one a line",
        ));
    }
    if begins(&["Span #", "Instrumentation Scope", "Instrumentation scope"])
        || begins(&["TraceId", "SpanId", "ParentSpanId"]) && text.contains(": ")
    {
        return Some((
            "Rust console output",
            "opentelemetry-stdout prints no JSON: export OTLP to a collector that writes JSON lines",
        ));
    }
    pretty(text).then_some((
        "pretty-printed JSON",
        "one document over several lines: write one a line, as `jq -c .` does, or without an indent",
    ))
}

/// A piece of an indented document: a bracket alone, or one member.
fn pretty(text: &str) -> bool {
    let bare = text.trim_end_matches(',');
    if matches!(bare, "{" | "}" | "[" | "]") {
        return true;
    }
    let Some(end) = bare.strip_prefix('"').and_then(|rest| rest.find("\": ")) else {
        return false;
    };
    let value = &bare[end + 4..];
    string(&bare[..end + 2]).is_some() && (matches!(value, "{" | "[") || serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn what_is_no_line_has_a_name() {
        let reason = |line: &[u8]| name(line).map(|(reason, _)| reason);
        assert_eq!(reason(b"PK\x03\x04rest"), Some("zip archive"));
        assert_eq!(reason(b"\0\0\x01\x02\x28\xb5\x2f\xfdrest"), Some("Collector binary framing"));
        assert_eq!(reason(b"\0\0\x01\x02"), Some("Collector binary framing"));
        assert_eq!(reason(b"  traceId: '4bf92f',"), Some("JavaScript console output"));
        assert_eq!(reason(b"\tTraceId     : 4bf92f"), Some("Rust console output"));
        for line in ["{", "  },", "  \"name\": \"chat\",", "\"a\": {", "\"n\": 1"] {
            assert_eq!(reason(line.as_bytes()), Some("pretty-printed JSON"), "{line}");
        }
        for line in ["plain text", "", "\0\0\0\0", "\"quoted\": and more", "level=info trace_id=4bf92f"] {
            assert_eq!(reason(line.as_bytes()), None, "{line}");
        }
    }
}
