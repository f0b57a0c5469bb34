//! Copying for replay: what was asked for is gathered step by step (spans, then contents or the raw line) and handed out whole.

use crate::model::content::Contents;
use crate::model::query::Query;
use crate::model::span::{Origin, SpanKey, TraceKey};
use crate::replay;

use super::notice::Notice;
use super::{App, Effect, Pane};

/// What to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Prompt,
    Messages,
    Response,
    Id,
    Line,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Messages => "messages as JSON",
            Self::Response => "response",
            Self::Id => "trace id",
            Self::Line => "raw line",
        }
    }
}

/// A copy whose text is still being gathered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    what: What,
    trace: TraceKey,
    /// `None` is the telling call, once the spans are known.
    span: Option<SpanKey>,
    pub(super) raw: Option<Origin>,
}

impl App {
    /// Begins a copy; a newer one takes the place of an older one that is still waiting.
    pub(super) fn copy(&mut self, what: What, effects: &mut Vec<Effect>) {
        let Some(selected) = self.list.selected() else {
            self.notices.say(Notice::warn("nothing to copy: no interaction is selected"));
            return;
        };
        let Some(row) = self.list.row() else { return };
        if what == What::Id {
            effects.push(Effect::Copy {
                what: what.name(),
                bytes: row.trace_id.clone().into_bytes(),
            });
            return;
        }
        self.trees.hold_anew(selected.trace);
        self.job = Some(Job {
            what,
            trace: selected.trace,
            span: selected.span,
            raw: None,
        });
        self.copy_on(effects);
    }

    /// Goes on with a copy as soon as the spans are here.
    pub(super) fn copy_on(&mut self, effects: &mut Vec<Effect>) {
        let Some(mut job) = self.job else { return };
        if job.raw.is_some() || self.asks.under_way(Pane::Copy).is_some() {
            return;
        }
        let Some(open) = self.trees.get(job.trace) else {
            self.job = None;
            return;
        };
        match &open.spans {
            super::tree::Spans::Loading => return,
            super::tree::Spans::Gone => return self.copy_failed("the interaction is no longer in the store"),
            super::tree::Spans::Failed(message) => {
                let message = message.clone();
                return self.copy_failed(&message);
            }
            super::tree::Spans::Loaded(_) => {}
        }
        let Some(span) = job.span.or_else(|| open.telling()) else {
            return self.copy_failed("the interaction has no spans");
        };
        job.span = Some(span);
        if job.what == What::Line {
            let origin = open
                .loaded()
                .and_then(|trace| trace.spans.iter().find(|other| other.key == span)?.origins.last().copied());
            let Some(origin) = origin else {
                return self.copy_failed("the span was never logged itself: there is no line");
            };
            job.raw = Some(origin);
            self.job = Some(job);
            effects.push(Effect::Raw(origin));
        } else {
            self.job = Some(job);
            effects.push(self.asks.ask(
                Pane::Copy,
                Query::Contents {
                    trace: job.trace,
                    span: Some(span),
                },
            ));
        }
    }

    /// The contents arrived.
    pub(super) fn copy_contents(&mut self, contents: Vec<(SpanKey, Contents)>, effects: &mut Vec<Effect>) {
        let Some(job) = self.job.take() else { return };
        let Some(contents) = contents
            .into_iter()
            .find(|(key, _)| Some(*key) == job.span)
            .map(|(_, contents)| contents)
        else {
            return self.copy_failed("no prompt or response was logged with this span");
        };
        let span = self
            .trees
            .get(job.trace)
            .and_then(|open| open.loaded())
            .and_then(|trace| trace.spans.iter().find(|s| Some(s.key) == job.span));
        let text = match (job.what, span) {
            (What::Prompt, _) => replay::prompt_text(&contents),
            (What::Messages, Some(span)) => replay::messages_json(span, &contents),
            (What::Response, _) => replay::response_text(&contents),
            (What::Messages | What::Id | What::Line, _) => String::new(),
        };
        if text.is_empty() {
            let message = format!("no {} was logged with this span", job.what.name());
            return self.copy_failed(&message);
        }
        effects.push(Effect::Copy {
            what: job.what.name(),
            bytes: text.into_bytes(),
        });
    }

    /// The raw line arrived.
    pub(super) fn copy_raw(&mut self, result: &Result<Vec<u8>, String>, effects: &mut Vec<Effect>) {
        let Some(job) = self.job.take() else { return };
        match result {
            Ok(bytes) => effects.push(Effect::Copy {
                what: job.what.name(),
                bytes: bytes.clone(),
            }),
            Err(message) => self.copy_failed(message),
        }
    }

    pub(super) fn copy_failed(&mut self, why: &str) {
        self.job = None;
        self.notices.say(Notice::error(format!("not copied: {why}")));
    }
}
