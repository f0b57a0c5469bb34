//! Turns of a coding agent's conversation: which prompt a line belongs to, which few lines say themselves.
//!
//! It follows from the lines before, so whoever reads a conversation from somewhere in it must have let all lines before pass by. What a
//! turn is called never depends on where reading began.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::value::RawValue;

/// The turn under way, and what holds for all its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// What the log calls the prompt, else its number in the conversation. Empty before the first.
    pub id: String,
    /// The conversation that the prompt's line names: of several in one input, only its lines go on with it.
    pub of: Option<String>,
    /// The conversation, where its first line names it.
    pub session: Option<String>,
    /// The model that was set last.
    pub model: Option<String>,
    /// The directory the agent works in.
    pub directory: Option<String>,
    /// Turns that have begun.
    begun: u32,
    /// The turn's id, where the log gives turns ids; the turn may have begun before it was said.
    named: String,
    /// It has begun, and its prompt is still to come.
    waiting: bool,
    /// It is over: the next prompt begins another.
    pub over: bool,
}

/// Words of which a line that tells of turns has one.
static TELLING: LazyLock<[Finder<'static>; 5]> = LazyLock::new(|| {
    ["\"user\"", "\"event_msg\"", "\"turn_context\"", "\"session", "\"instructions\""].map(|word| Finder::new(word.as_bytes()).into_owned())
});

/// One shallow look at a line.
type Object<'a> = BTreeMap<Key<'a>, &'a RawValue>;

/// A key: copied only where it holds an escape.
#[derive(PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Borrow<str> for Key<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Turn {
    /// Lets whole lines pass by.
    pub fn pass(&mut self, lines: &[u8]) {
        for line in lines.split(|byte| *byte == b'\n') {
            if TELLING.iter().any(|word| word.find(line).is_some())
                && let Ok(object) = serde_json::from_slice::<Object<'_>>(line)
            {
                self.line(&object);
            }
        }
    }

    fn line(&mut self, line: &Object<'_>) {
        let payload = line.get("payload").and_then(|payload| object(payload));
        match (text(line, "type").as_deref(), payload) {
            (Some(kind), Some(payload)) => self.codex(kind, &payload),
            (Some("session"), None) => self.session(line),
            (None, None) if line.contains_key("instructions") => self.session(line),
            (kind, None) => {
                let message = line.get("message").and_then(|message| object(message));
                let asks = || text(line, "role").as_deref() == Some("user") && is_prompt(&first_text(line.get("content")));
                match (kind, message) {
                    // The first versions of Codex wrote bare messages.
                    (Some("message"), None) if asks() => self.begin(None, false),
                    (_, Some(message)) if text(&message, "role").as_deref() == Some("user") => self.user(line, &message),
                    _ => {}
                }
            }
            (None, Some(_)) => {}
        }
    }

    /// A user's line of Claude Code or of pi. Of an agent's own conversation it may name the prompt that the agent serves; where it does not,
    /// as in older versions, nobody knows which it was, and the agent's task is a prompt of its own.
    fn user(&mut self, line: &Object<'_>, message: &Object<'_>) {
        if text(line, "type").as_deref() == Some("message") {
            self.begin(text(line, "id"), false);
            return;
        }
        let is = |key: &str| line.get(key).is_some_and(|value| value.get() == "true");
        if is("isMeta") || is("isCompactSummary") || !is_prompt(&first_text(message.get("content"))) {
            return;
        }
        let answers = message.get("content").is_some_and(|content| holds_results(content.get()));
        let origin = line.get("forkedFrom").and_then(|from| text(&object(from)?, "messageUuid"));
        let begins = !answers && (!is("isSidechain") || self.id.is_empty());
        let own = || origin.or_else(|| text(line, "uuid")).filter(|_| begins);
        if let Some(id) = text(line, "promptId").or_else(own) {
            self.begin(Some(id), false);
            self.of = text(line, "sessionId");
        }
    }

    fn codex(&mut self, kind: &str, payload: &Object<'_>) {
        let named = text(payload, "turn_id");
        match (kind, text(payload, "type").as_deref()) {
            ("session_meta", _) => self.session(payload),
            ("turn_context", _) => {
                self.model = text(payload, "model").or_else(|| self.model.take());
                self.set_directory(payload);
                self.name(named);
            }
            ("event_msg", Some("task_started" | "turn_started")) => match named {
                Some(named) => self.name(Some(named)),
                None => self.begin(None, true),
            },
            ("event_msg", Some("task_complete" | "turn_complete" | "turn_aborted")) => self.over = true,
            ("event_msg", Some("user_message")) => {
                if self.waiting {
                    self.waiting = false;
                } else if self.named.is_empty() || self.over {
                    self.begin(None, false);
                }
            }
            _ => {}
        }
    }

    /// The log says what the turn is called.
    fn name(&mut self, named: Option<String>) {
        let Some(named) = named.filter(|named| *named != self.named) else {
            return;
        };
        if self.named.is_empty() && !self.id.is_empty() && !self.over {
            self.named = named;
        } else {
            self.begin(Some(named.clone()), true);
            self.named = named;
        }
    }

    fn begin(&mut self, id: Option<String>, waiting: bool) {
        self.begun += 1;
        self.id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| self.begun.to_string());
        self.named.clear();
        (self.waiting, self.over) = (waiting, false);
    }

    /// A conversation that goes on with another's repeats that one's lines behind its own.
    fn session(&mut self, fields: &Object<'_>) {
        self.session = self.session.take().or_else(|| text(fields, "id"));
        self.set_directory(fields);
    }

    fn set_directory(&mut self, fields: &Object<'_>) {
        self.directory = text(fields, "cwd").or_else(|| self.directory.take());
    }
}

/// Whether a user's text is a prompt, not what the program writes in the user's name.
#[must_use]
pub fn is_prompt(text: &str) -> bool {
    let notes = [
        "[Request interrupted",
        "<local-command-",
        "<environment_context>",
        "<user_instructions>",
    ];
    !notes.iter().any(|note| text.starts_with(note))
}

/// Whether an input's first bytes are those of a conversation: its first line tells.
#[must_use]
pub fn is_conversation(head: &[u8]) -> bool {
    let mut lines = head.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(line) = lines.find(|line| !line.is_empty()) else {
        return false;
    };
    match serde_json::from_slice::<Object<'_>>(line) {
        Ok(object) => is_line(&object),
        // The head ends within a long line.
        Err(error) if error.is_eof() => {
            let says = |words: &[&str]| words.iter().all(|word| memchr::memmem::find(line, word.as_bytes()).is_some());
            says(&["\"sessionId\"", "\"isSidechain\""]) || says(&["\"session_meta\"", "\"payload\""])
        }
        Err(_) => false,
    }
}

/// Whether a line is of a conversation.
fn is_line(line: &Object<'_>) -> bool {
    let has = |keys: &[&str]| keys.iter().all(|key| line.contains_key(*key));
    match text(line, "type").as_deref() {
        Some("session_meta" | "turn_context" | "response_item" | "event_msg") => has(&["timestamp", "payload"]),
        Some("session") => has(&["id", "timestamp", "cwd"]),
        Some("user" | "assistant" | "system" | "attachment" | "progress") => {
            has(&["sessionId"]) && (has(&["isSidechain"]) || has(&["parentUuid"]) || has(&["uuid", "message"]))
        }
        // Notes that may stand before the first line that anybody says.
        Some("summary") => has(&["leafUuid"]),
        Some("file-history-snapshot") => has(&["messageId"]),
        Some("queue-operation" | "permission-mode" | "last-prompt" | "ai-title" | "custom-title" | "agent-name") => has(&["sessionId"]),
        Some(_) => false,
        None => has(&["record_type"]) || has(&["id", "timestamp", "instructions", "git"]),
    }
}

fn object(value: &RawValue) -> Option<Object<'_>> {
    serde_json::from_str(value.get()).ok()
}

fn text(fields: &Object<'_>, key: &str) -> Option<String> {
    serde_json::from_str(fields.get(key)?.get()).ok()
}

/// The first text of a content: itself, or that of its first block with one.
fn first_text(content: Option<&&RawValue>) -> String {
    let Some(content) = content else { return String::new() };
    serde_json::from_str(content.get()).unwrap_or_else(|_| {
        let blocks: Vec<Object<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
        blocks.iter().find_map(|block| text(block, "text")).unwrap_or_default()
    })
}

fn holds_results(content: &str) -> bool {
    let blocks: Vec<Object<'_>> = serde_json::from_str(content).unwrap_or_default();
    blocks.iter().any(|block| text(block, "type").as_deref() == Some("tool_result"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(lines: &[&str]) -> Vec<String> {
        let mut turn = Turn::default();
        let pass = |line: &&str| {
            turn.pass(line.as_bytes());
            turn.id.clone()
        };
        lines.iter().map(pass).collect()
    }

    #[test]
    fn prompts_of_claude_code_begin_turns() {
        let lines = [
            r#"{"type":"summary","summary":"s","leafUuid":"u0"}"#,
            r#"{"type":"user","uuid":"u1","sessionId":"s","message":{"role":"user","content":"Ask."}}"#,
            r#"{"type":"assistant","uuid":"a1","message":{"role":"assistant","content":[]}}"#,
            r#"{"type":"user","uuid":"u2","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"x"}]}}"#,
            r#"{"type":"user","uuid":"u3","isMeta":true,"message":{"role":"user","content":"Caveat"}}"#,
            r#"{"type":"user","uuid":"u4","isSidechain":true,"message":{"role":"user","content":"Go and look."}}"#,
            r#"{"type":"user","uuid":"u5","message":{"role":"user","content":[{"type":"text","text":"[Request interrupted by user]"}]}}"#,
            r#"{"type":"user","uuid":"u6","isCompactSummary":true,"message":{"role":"user","content":"So far"}}"#,
            r#"{"type":"user","uuid":"u7","forkedFrom":{"sessionId":"s0","messageUuid":"o7"},"message":{"role":"user","content":"Again."}}"#,
            r#"{"type": "user", "uuid": "u8", "promptId": "p8", "message": {"role": "user", "content": "New."}}"#,
            r#"{"type":"user","uuid":"u9","promptId":"p8","message":{"role":"user","content":[{"type":"tool_result","content":"y"}]}}"#,
            r#"{"type":"user","message":"broken"}"#,
            r#"{"type":"user","#,
        ];
        assert_eq!(
            turns(&lines),
            ["", "u1", "u1", "u1", "u1", "u1", "u1", "u1", "o7", "p8", "p8", "p8", "p8"]
        );
        // An agent's own conversation belongs to the prompt that it names.
        let agent =
            r#"{"type":"user","uuid":"x","isSidechain":true,"agentId":"a","promptId":"p8","message":{"role":"user","content":"Look."}}"#;
        assert_eq!(turns(&[agent]), ["p8"]);
        let unnamed = r#"{"type":"user","uuid":"y","isSidechain":true,"agentId":"a","message":{"role":"user","content":"Look."}}"#;
        let more = r#"{"type":"user","uuid":"z","isSidechain":true,"agentId":"a","message":{"role":"user","content":"Go on."}}"#;
        assert_eq!(turns(&[unnamed, lines[3], more, lines[1]]), ["y", "y", "y", "u1"]);
        let mut turn = Turn::default();
        turn.pass(lines[1].as_bytes());
        assert_eq!(turn.of.as_deref(), Some("s"));
    }

    #[test]
    fn turns_of_codex_have_ids_or_numbers() {
        let event = |payload: &str| format!(r#"{{"timestamp":"t","type":"event_msg","payload":{payload}}}"#);
        let user = event(r#"{"type":"user_message","message":"Ask."}"#);
        let count = event(r#"{"type":"token_count","info":null}"#);
        let over = event(r#"{"type":"task_complete"}"#);
        let started = |id: &str| event(&format!(r#"{{"type":"task_started","turn_id":"{id}"}}"#));
        let context = |id: &str| format!(r#"{{"timestamp":"t","type":"turn_context","payload":{{"model":"m",{id}"cwd":"/w"}}}}"#);
        let named = context(r#""turn_id":"t2","#);
        let lines = [
            &context(""),
            &user,
            &context(""),
            &count,
            &user,
            &over,
            &started("t2"),
            &named,
            &user,
            // More was said while it ran.
            &user,
            &over,
            &started("t3"),
            &user,
        ];
        let lines: Vec<&str> = lines.iter().map(|line| line.as_str()).collect();
        assert_eq!(
            turns(&lines),
            ["", "1", "1", "1", "2", "2", "t2", "t2", "t2", "t2", "t2", "t3", "t3"]
        );
        let mut turn = Turn::default();
        turn.pass(lines.join("\n").as_bytes());
        assert_eq!((turn.model.as_deref(), turn.directory.as_deref()), (Some("m"), Some("/w")));
        let bare = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"List."}]}"#;
        let around = r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]}"#;
        assert_eq!(turns(&[around, bare, bare]), ["", "1", "2"]);
        let mut first = Turn::default();
        first.pass(br#"{"id":"s","timestamp":"t","instructions":null,"git":{}}"#);
        assert_eq!(first.session.as_deref(), Some("s"));
    }

    #[test]
    fn the_first_line_tells() {
        let long = format!(
            r#"{{"parentUuid":null,"isSidechain":false,"sessionId":"s","type":"user","message":{{"content":"{}"#,
            "x".repeat(5000)
        );
        for line in [
            r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{}}"#,
            r#"{"type": "user", "uuid": "u", "sessionId": "s", "message": {}}"#,
            r#"{"timestamp":"t","type":"session_meta","payload":{}}"#,
            r#"{"type":"session","id":"s","timestamp":"t","cwd":"/"}"#,
            &long,
        ] {
            assert!(is_conversation(format!("\n{line}\n{{\"more\":1}}\n").as_bytes()), "{line:.80}");
        }
        for line in [
            "",
            "no JSON",
            r#"{"sessionId":"s","type":"click","uuid":"u"}"#,
            r#"{"type":"user","name":"ada"}"#,
            r#"{"id":1,"timestamp":"t","model":"m"}"#,
            r#"{"type":"session","id":"s"}"#,
            r#"{"resourceSpans":[]}"#,
        ] {
            assert!(!is_conversation(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn messages_of_pi_have_ids_or_numbers() {
        let lines = [
            r#"{"type":"session","id":"s","cwd":"/home/w","timestamp":"t"}"#,
            r#"{"type":"message","id":"m1","message":{"role":"user","content":"Ask."}}"#,
            r#"{"type":"message","id":"m2","message":{"role":"assistant","content":[]}}"#,
            r#"{"type":"message","message":{"role":"user","content":"More."}}"#,
        ];
        assert_eq!(turns(&lines), ["", "m1", "m1", "2"]);
    }
}
