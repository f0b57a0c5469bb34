//! Pydantic AI and Logfire: the display name, all messages of an agent's run, and spans that are logged when they begin.

use super::{Vocabulary, open, set};
use crate::formats::message::{push_messages, push_payload};
use crate::formats::number;
use crate::formats::scan::Fields;
use crate::formats::sink::id;
use crate::model::content::Slot;
use crate::model::span::{Part, SpanKind};

/// `logfire.*`, `pydantic_ai.*` and the bare words beside them.
pub struct Logfire;

impl Vocabulary for Logfire {
    fn name(&self) -> &'static str {
        "logfire"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &[
            "logfire.",
            "pydantic_ai.",
            "all_messages_events",
            "final_result",
            "operation.cost",
            "tool_arguments",
        ]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        // A pending span says that its span has begun: it bears an id of its own below the span's.
        if fields.get("logfire.span_type") == Some("\"pending_span\"") {
            if let Some(begun) = part.parent_id.take() {
                part.span_id = begun;
            }
            let parent = fields.text(&["logfire.pending_parent_id"]);
            part.parent_id = parent.and_then(|text| id(text, 8));
            part.end = None;
            part.ended = false;
        }
        part.cost_logged = part
            .cost_logged
            .or_else(|| fields.number(&["operation.cost"], number::dollars, &mut odd));
        if part.kind == SpanKind::Other && fields.any(&["agent_name", "final_result"]) {
            part.kind = SpanKind::Agent;
        }
        set(&mut part.request_model, fields, &["model_name"]);
        if open(part, Slot::Message)
            && let Some(raw) = fields.first(&["pydantic_ai.all_messages", "all_messages_events"])
        {
            push_messages(part, Slot::Message, &raw);
        }
        if open(part, Slot::Response)
            && let Some(raw) = fields.take("final_result")
        {
            push_messages(part, Slot::Response, &raw);
        }
        if open(part, Slot::Arguments)
            && let Some(raw) = fields.take("tool_arguments")
        {
            push_payload(part, Slot::Arguments, &raw);
        }
        if open(part, Slot::Result)
            && let Some(raw) = fields.take("tool_response")
        {
            push_payload(part, Slot::Result, &raw);
        }
        crate::formats::container::record::note_odd(part, odd);
    }
}
