//! Conversations of coding agents: what follows from the order of their lines, which no line says by itself.
//!
//! A step hangs under the prompt before it; a call began when what came before it was over.

use std::collections::BTreeSet;

use super::tree::order;
use crate::model::span::{Inferred, Nanos, Part, SpanKind};
use crate::model::trace::Span;

/// The dialects whose traces are conversations: there the prompt stands in records of its own.
pub const SESSIONS: [&str; 5] = ["claude_code", "codex", "pi", "adk_session", "openhands"];
/// Those of them whose lines stand apart: what follows from their order is found here.
const LINES: [&str; 3] = ["claude_code", "codex", "pi"];

/// Whether a span is of a conversation.
pub(super) fn is_one(part: &Part) -> bool {
    SESSIONS.contains(&&*part.dialect)
}

/// Puts a conversation in order. Other traces stay as they are.
pub(super) fn arrange(spans: &mut [Span]) {
    let mut line: Vec<usize> = (0..spans.len()).filter(|i| LINES.contains(&&*spans[*i].part.dialect)).collect();
    if line.is_empty() {
        return;
    }
    line.sort_by(|a, b| order(&spans[*a].part).cmp(&order(&spans[*b].part)));
    let mut prompt: Option<usize> = None;
    let mut answer = String::new();
    // When something was over, and when the first step began that the next call asked for.
    let mut over: BTreeSet<Nanos> = BTreeSet::new();
    let mut asked: Option<Nanos> = None;
    for index in line {
        let kind = spans[index].part.kind;
        let own = spans[index].part.parent_id.is_some();
        if kind == SpanKind::Request && !own {
            (prompt, asked) = (Some(index), None);
            over.insert(spans[index].part.start);
            continue;
        }
        if !own && let Some(prompt) = prompt {
            let id = spans[prompt].part.span_id.clone();
            let part = &mut spans[index].part;
            part.parent_id = Some(id);
            part.inferred = part.inferred.and(Inferred::PARENT);
        }
        let part = &mut spans[index].part;
        if kind == SpanKind::Llm {
            if part.answer.is_empty() {
                part.answer = std::mem::take(&mut answer);
            }
            let logged = part.start;
            let limit = asked.take().map_or(logged, |asked| asked.min(logged));
            if part.inferred.has(Inferred::START) {
                let before = over.range(..=limit).next_back().copied().filter(|_| !own);
                part.start = before.unwrap_or(logged);
                // A moment is no duration: without a beginning none is known.
                part.end = before.and(part.end.or(Some(logged)));
            }
        } else if kind == SpanKind::Agent {
            over.insert(part.start);
        } else if !own {
            asked = asked.or(Some(part.start));
        }
        let said = part.answer.clone();
        if kind != SpanKind::Tool && !own && !said.is_empty() {
            if kind != SpanKind::Llm {
                answer.clone_from(&said);
            }
            if let Some(prompt) = prompt {
                spans[prompt].part.answer = said;
            }
        }
        let part = &spans[index].part;
        if matches!(kind, SpanKind::Llm | SpanKind::Tool) {
            over.extend(part.end);
        }
    }
}
