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
        rolled_up: false,
        counted: true,
        cost: None,
        cost_basis: CostBasis::Computed,
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

#[test]
fn a_request_keeps_order_and_spelling() {
    let part = Part {
        request_model: Some("m-1".into()),
        params: Some(Json::parse(r#"{"temperature":1.0,"max_tokens":2048,"model":"twice","tools":[]}"#).unwrap()),
        ..Part::default()
    };
    let json = messages_json(&span(part), &contents());
    serde_json::from_str::<serde_json::Value>(&json).unwrap();
    insta::assert_snapshot!(json);
}
