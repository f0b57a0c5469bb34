//! A home-grown format as its user describes it: which values of a record are which fields.

/// The fields a value can be, in the words of flat records. `prompt_tokens` counts cached tokens in, `input_tokens` leaves them out.
pub const FIELDS: &[&str] = &[
    "trace_id",
    "span_id",
    "parent_id",
    "name",
    "kind",
    "start_time",
    "end_time",
    "latency_ms",
    "latency_s",
    "ttft_ms",
    "provider",
    "model",
    "response_model",
    "system",
    "messages",
    "response",
    "tools",
    "params",
    "temperature",
    "max_tokens",
    "stop_reason",
    "input_tokens",
    "prompt_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "cost_usd",
    "status",
    "error",
    "user_id",
    "session_id",
    "feature",
    "service",
    "tool_name",
    "tool_call_id",
    "arguments",
    "result",
    "documents",
];

/// A JSON pointer (RFC 6901), taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

impl Pointer {
    /// `/usage/input` is the value `input` of the value `usage`. `None` when the text is no pointer into a record.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let steps = text.strip_prefix('/')?.split('/');
        Some(Self(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect()))
    }

    /// Keys from the outside in. At least one.
    #[must_use]
    pub fn steps(&self) -> &[String] {
        &self.0
    }
}

/// A format of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Its name, for `--dialect` and in the output.
    pub name: &'static str,
    /// A record of it has all of these. Without any it is read only when it is asked for by name.
    pub matches: Vec<Pointer>,
    /// A field and where its value stands.
    pub fields: Vec<(&'static str, Pointer)>,
}

impl Mapping {
    /// A format with nothing in it. Settings are read once: the name stays as long as the program.
    #[must_use]
    pub fn new(name: String) -> Self {
        Self {
            name: name.leak(),
            matches: Vec::new(),
            fields: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let steps = |text: &str| Pointer::parse(text).map(|pointer| pointer.steps().join("|"));
        assert_eq!(steps("/a/0/b~1c~0d").as_deref(), Some("a|0|b/c~d"));
        assert_eq!(steps("/").as_deref(), Some(""));
        assert_eq!((steps("a/b"), steps("")), (None, None));
    }
}
