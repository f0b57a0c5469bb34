//! OpenLLMetry (Traceloop): its own words around the GenAI ones, and the old numbered prompts under `llm.`. Input includes the cache.

use super::{Vocabulary, open, push_input_output, push_tools, set, set_kind};
use crate::formats::message::push_messages;
use crate::formats::scan::Fields;
use crate::formats::sink::normalise;
use crate::formats::{nested, number};
use crate::model::content::Slot;
use crate::model::span::Part;
use crate::model::usage::{Convention, Usage};

/// `traceloop.*`, and `llm.*` before there were conventions.
pub struct OpenLlmetry;

impl Vocabulary for OpenLlmetry {
    fn name(&self) -> &'static str {
        "openllmetry"
    }

    fn prefixes(&self) -> &'static [&'static str] {
        &["traceloop.", "llm."]
    }

    fn read(&self, fields: &mut Fields<'_>, part: &mut Part) {
        let mut odd = false;
        set_kind(part, fields, "traceloop.span.kind");
        set_kind(part, fields, "llm.request.type");
        set(&mut part.provider, fields, &["llm.vendor"]);
        set(&mut part.request_model, fields, &["llm.request.model"]);
        set(&mut part.response_model, fields, &["llm.response.model"]);
        set(
            &mut part.stop_reason,
            fields,
            &["llm.response.finish_reason", "llm.response.stop_reason"],
        );
        set(&mut part.user, fields, &["traceloop.association.properties.user_id"]);
        set(
            &mut part.session,
            fields,
            &[
                "traceloop.association.properties.session_id",
                "traceloop.association.properties.chat_id",
                "traceloop.association.properties.thread_id",
            ],
        );
        set(
            &mut part.feature,
            fields,
            &["traceloop.association.properties.feature", "traceloop.workflow.name"],
        );
        let mut count = |key: &str| fields.number(&[key], number::tokens, &mut odd);
        let usage = Usage {
            input: count("llm.usage.prompt_tokens"),
            output: count("llm.usage.completion_tokens"),
            ..Usage::default()
        };
        if !usage.is_empty() && part.usage.is_empty() {
            normalise(part, Convention::Inclusive, usage);
        }
        for (slot, key) in [(Slot::Message, "llm.prompts"), (Slot::Response, "llm.completions")] {
            if open(part, slot)
                && let Some(list) = nested::list(fields, key)
            {
                push_messages(part, slot, &list);
            }
        }
        if open(part, Slot::ToolDefinition)
            && let Some(list) = nested::list(fields, "llm.request.functions")
        {
            push_tools(part, &list);
        }
        if part.tool_name.is_none() && part.kind == crate::model::span::SpanKind::Tool {
            set(&mut part.tool_name, fields, &["traceloop.entity.name"]);
        }
        push_input_output(part, fields, "traceloop.entity.input", "traceloop.entity.output");
        crate::formats::container::record::note_odd(part, odd);
    }
}
