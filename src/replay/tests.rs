#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::json::Json;
use crate::model::span::{Part, SpanKey};
use crate::model::trace::Span;
use crate::model::usage::CostBasis;

fn span(part: Part) -> Span {
    Span {
        key: SpanKey(1),
        part,
        parent: None,
        depth: 0,
        origins: Vec::new(),
        twins: Vec::new(),
        rolled_up: false,
        counted: true,
        cost: None,
        cost_basis: CostBasis::Computed,
        saved: None,
        findings: Vec::new(),
        missing: false,
        total_usage: crate::model::usage::Usage::default(),
        total_cost: None,
        turn: Some(1),
        previous_input: None,
    }
}

fn say(role: &str, parts: Vec<MessagePart>) -> Message {
    Message { role: role.into(), parts }
}

fn text(text: &str) -> MessagePart {
    MessagePart::Text { text: text.into() }
}

fn contents() -> Contents {
    let call = MessagePart::ToolCall {
        id: Some("c1".into()),
        name: "look_up".into(),
        arguments: Json::parse(r#"{"z":1.50,"a":2}"#).unwrap(),
    };
    let result = MessagePart::ToolResult {
        id: Some("c1".into()),
        content: Json::string("nothing\nfound"),
        is_error: true,
    };
    let picture = MessagePart::Media {
        media_type: Some("image/png".into()),
        bytes: Some(12),
        uri: None,
    };
    Contents {
        system: Some("Be brief.".into()),
        messages: vec![
            say("user", vec![text("When?"), picture]),
            say("assistant", vec![call.clone()]),
            say("tool", vec![result]),
            say("user", vec![text("So?")]),
        ],
        response: vec![say(
            "assistant",
            vec![MessagePart::Reasoning { text: "hm".into() }, text("On"), text("Monday.")],
        )],
        tools: vec![Json::parse(r#"{"name":"look_up"}"#).unwrap()],
        ..Contents::default()
    }
}

#[test]
fn a_prompt_to_read() {
    insta::assert_snapshot!(prompt_text(&contents()));
    assert_eq!(prompt_text(&Contents::default()), "");
}

#[test]
fn an_answer_is_its_words_else_the_tools_it_asked_for() {
    let mut contents = contents();
    assert_eq!(response_text(&contents), "On\n\nMonday.");
    contents.response = vec![contents.messages[1].clone()];
    assert_eq!(response_text(&contents), "[tool call look_up c1]\n{\"z\":1.50,\"a\":2}");
}

fn call(model: &str, params: &str) -> Span {
    span(Part {
        request_model: Some(model.into()),
        params: Some(Json::parse(params).unwrap()),
        ..Part::default()
    })
}

#[test]
fn a_request_keeps_order_and_spelling_in_the_shape_of_its_api() {
    let params = r#"{"temperature":1.0,"max_tokens":2048,"model":"twice","tools":[],"stream":true,"seed":null}"#;
    for (name, model) in [("anthropic", "claude-x"), ("openai", "gpt-x")] {
        let mut contents = contents();
        contents.tools = vec![
            Json::parse(r#"{"name":"look_up","description":"Looks","input_schema":{"type":"object"}}"#).unwrap(),
            Json::parse(r#"{"type":"function","function":{"name":"f","parameters":{"b":1.50}}}"#).unwrap(),
            Json::parse(r#"{"builtin":"search"}"#).unwrap(),
        ];
        let request = Request::of(&call(model, params), &contents);
        serde_json::from_str::<serde_json::Value>(&request.body).unwrap();
        insta::assert_snapshot!(format!("request_{name}"), format!("{}\n{:?}", request.body, request.left_out));
    }
}

#[test]
fn a_key_never_travels() {
    let params = r#"{"api_key":"sk-1","extra_headers":{"x":"sk-2"},"Authorization":"Bearer sk-3","top_p":0.5,"client_secret":"sk-4"}"#;
    for model in ["claude-x", "gpt-x"] {
        let request = Request::of(&call(model, params), &contents());
        for text in [curl(&request), python(&request), request.body.clone()] {
            assert!(!text.contains("sk-"), "{text}");
            assert!(text.contains("\"top_p\": 0.5"), "{text}");
        }
        assert!(request.left_out.iter().any(|words| words.contains("`api_key`")));
    }
}

/// What a prompt can hold to escape from where it is quoted.
const HOSTILE: &[&str] = &[
    "'; rm -rf ~ #",
    "$(touch pwned) `touch pwned` ${HOME} $HOME \\$(id)",
    "REQUEST\nREQUEST\r\nREQUEST",
    "\"\"\" + __import__('os').system('id') + r\"\"\"",
    "''' \\ \\\" \\\\ \n\t\u{0}\u{1}\u{7f}\u{85}\u{9b}31m\u{1b}]52;c;eA==\u{7}",
    "!! !$ !-1 ^a^b history",
    "\u{202e}reversed\u{2066}\u{200b}\u{feff} é 日本 🎉 \u{2028}",
    "%s %n \\x41 \\u0041 \\",
];

fn hostile() -> (Span, Contents, Request) {
    let contents = Contents {
        system: Some(HOSTILE.join("\n")),
        messages: HOSTILE.iter().map(|words| say("user", vec![text(words)])).collect(),
        tools: vec![Json::parse("{\"name\":\"a\",\t\"input_schema\":\r\n{\"x\":\"\u{9b}!\"}}").unwrap()],
        ..Contents::default()
    };
    let span = call("claude-\'x\'", r#"{"max_tokens":5,"api_key\nrm -rf":1}"#);
    let request = Request::of(&span, &contents);
    (span, contents, request)
}

/// Runs a script with a folder of stand-ins first on the path; what it prints.
fn run(program: &str, script: &str, folder: &std::path::Path) -> Option<String> {
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let child = std::process::Command::new(program)
        .arg("-c")
        .arg(script)
        .env_clear()
        .env("PATH", path)
        .env("PYTHONPATH", folder)
        .current_dir(folder)
        .output();
    match child {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(std::fs::read_dir(folder).unwrap().count(), 2, "something was obeyed");
            Some(String::from_utf8(output.stdout).unwrap())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_shell_obeys_nothing_that_a_prompt_says() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("curl"), "#!/bin/sh\ncat\n").unwrap();
    std::fs::write(folder.path().join("other"), "").unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder.path().join("curl"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let (_, _, request) = hostile();
    let wanted: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    for shell in ["sh", "bash", "dash", "zsh"] {
        if let Some(sent) = run(shell, &curl(&request), folder.path()) {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&sent).unwrap(), wanted, "{shell}");
        }
    }
}

#[test]
fn python_obeys_nothing_that_a_prompt_says() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = "import json\nclass Anthropic:\n  @property\n  def messages(self): return self\n  content = ''\n  def create(self, **request):\n    print(json.dumps(request))\n    return self\n";
    std::fs::write(folder.path().join("anthropic.py"), stand_in).unwrap();
    std::fs::write(folder.path().join("other"), "").unwrap();
    let (_, _, request) = hostile();
    let wanted: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    if let Some(sent) = run(
        "python3",
        &format!("import sys; sys.dont_write_bytecode = True\n{}", python(&request)),
        folder.path(),
    ) {
        assert_eq!(serde_json::from_str::<serde_json::Value>(sent.trim()).unwrap(), wanted);
    }
}

#[test]
fn what_is_pasted_holds_no_character_that_acts() {
    let (span, contents, request) = hostile();
    let acts =
        |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
    for text in [curl(&request), python(&request)] {
        assert!(!text.contains(acts), "{text:?}");
        assert!(!text.lines().any(|line| line == "REQUEST") || text.matches("\nREQUEST\n").count() == 1);
    }
    let messages: serde_json::Value = serde_json::from_str(&messages_json(&span, &contents)).unwrap();
    assert_eq!(messages.as_array().unwrap().len(), 1 + HOSTILE.len());
    assert_eq!(messages[0]["role"], "system");
}
