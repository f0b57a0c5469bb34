//! A request as a command or a program that sends it again. The key is named by its variable and never stands in the text.

use std::fmt::Write as _;

use super::request::{Api, Request};

/// A command for a POSIX shell. The body comes on standard input, so that no length of it is too long for an argument, and in a quoted
/// here-document, in which the shell obeys nothing.
#[must_use]
pub fn curl(request: &Request) -> String {
    let mut text = comments(request);
    text.push_str(match request.api {
        Api::Anthropic => {
            "curl \"${ANTHROPIC_BASE_URL:-https://api.anthropic.com}/v1/messages\" \\\n  -H \"x-api-key: $ANTHROPIC_API_KEY\" \\\n  \
             -H 'anthropic-version: 2023-06-01' \\\n"
        }
        Api::OpenAi => {
            "curl \"${OPENAI_BASE_URL:-https://api.openai.com/v1}/chat/completions\" \\\n  \
             -H \"Authorization: Bearer $OPENAI_API_KEY\" \\\n"
        }
    });
    text.push_str("  -H 'content-type: application/json' \\\n  --data-binary @- <<'REQUEST'\n");
    text.push_str(&inert(&request.body));
    text.push_str("\nREQUEST\n");
    text
}

/// A program for the provider's own Python package.
#[must_use]
pub fn python(request: &Request) -> String {
    let (package, client, call, answer) = match request.api {
        Api::Anthropic => (
            "import anthropic  # pip install anthropic",
            "client = anthropic.Anthropic()  # the key is read from ANTHROPIC_API_KEY",
            "client.messages.create(**request)",
            "response.content",
        ),
        Api::OpenAi => (
            "from openai import OpenAI  # pip install openai",
            "client = OpenAI()  # the key is read from OPENAI_API_KEY, another server from OPENAI_BASE_URL",
            "client.chat.completions.create(**request)",
            "response.choices[0].message",
        ),
    };
    let limit = if request.api == Api::Anthropic {
        "request.setdefault(\"max_tokens\", 4096)\n"
    } else {
        ""
    };
    let body = inert(&request.body);
    format!(
        "{}import json\n\n{package}\n\nrequest = json.loads(r\"\"\"\n{body}\n\"\"\")\n{limit}{client}\nresponse = {call}\nprint({answer})\n",
        comments(request)
    )
}

/// What the request lacks, as comments.
fn comments(request: &Request) -> String {
    let mut text = String::new();
    for words in &request.left_out {
        // Writing to a string cannot fail. A name from the log must not end the comment.
        let _ = writeln!(text, "# left out: {}", crate::model::text::Safe::line(words));
    }
    text
}

/// The same JSON without characters that a terminal, an interactive shell or a reader of source acts on: control and format characters
/// and `!` (history) are spelled as escapes. Between its strings JSON has none but white space.
fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut within, mut escaped) = (false, false);
    for letter in json.chars() {
        let acts = letter == '!'
            || letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        match letter {
            '\n' if !within => text.push('\n'),
            '\t' | '\r' if !within => text.push(' '),
            _ if acts => {
                let _ = write!(text, "\\u{:04x}", letter as u32);
            }
            _ => text.push(letter),
        }
        if within && letter == '"' && !escaped {
            within = false;
        } else if !within && letter == '"' {
            within = true;
        }
        escaped = within && letter == '\\' && !escaped;
    }
    text
}
