//! Copying for replay: what was asked for is gathered step by step (spans, then contents or the raw line) and handed out whole.

use crate::model::content::Contents;
use crate::model::query::Query;
use crate::model::span::{Origin, SpanKey, TraceKey};
use crate::model::trace::Span;
use crate::replay::{self, Request};

use super::notice::Notice;
use super::{Action, App, Effect, Pane};

/// What to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Prompt,
    Messages,
    Request,
    Curl,
    Python,
    Response,
    Report,
    Id,
    Line,
}

impl What {
    /// What a copy action copies.
    pub(super) const fn of(action: Action) -> Option<Self> {
        Some(match action {
            Action::CopyPrompt => Self::Prompt,
            Action::CopyMessages => Self::Messages,
            Action::CopyRequest => Self::Request,
            Action::CopyCurl => Self::Curl,
            Action::CopyPython => Self::Python,
            Action::CopyResponse => Self::Response,
            Action::CopyReport => Self::Report,
            Action::CopyId => Self::Id,
            Action::CopyLine => Self::Line,
            _ => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Messages => "messages as JSON",
            Self::Request => "request as JSON",
            Self::Curl => "curl command",
            Self::Python => "Python program",
            Self::Response => "response",
            Self::Report => "report as Markdown",
            Self::Id => "trace id",
            Self::Line => "raw line",
        }
    }

    /// It is made of a model call's prompt.
    const fn needs_prompt(self) -> bool {
        matches!(self, Self::Messages | Self::Request | Self::Curl | Self::Python)
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
                    span: (job.what != What::Report).then_some(span),
                },
            ));
        }
    }

    /// The contents arrived.
    pub(super) fn copy_contents(&mut self, contents: Vec<(SpanKey, Contents)>, effects: &mut Vec<Effect>) {
        let Some(job) = self.job.take() else { return };
        let trace = self.trees.get(job.trace).and_then(|open| open.loaded());
        let text = match (job.what, trace) {
            (What::Report, Some(trace)) => {
                let by_key = contents.iter().map(|(key, contents)| (*key, contents)).collect();
                let mut page = Vec::new();
                match replay::markdown(trace, &by_key, &mut page) {
                    Ok(()) => page,
                    Err(error) => return self.copy_failed(&error.to_string()),
                }
            }
            (_, trace) => {
                let span = trace.and_then(|trace| trace.spans.iter().find(|s| Some(s.key) == job.span));
                let contents = contents
                    .into_iter()
                    .find(|(key, _)| Some(*key) == job.span)
                    .map(|(_, contents)| contents);
                let (Some(span), Some(contents)) = (span, contents) else {
                    return self.copy_failed("no prompt or response was logged with this span");
                };
                if job.what.needs_prompt() && contents.messages.is_empty() && contents.system.is_none() {
                    return self.copy_failed("no prompt was logged with this span");
                }
                of_call(job.what, span, &contents).into_bytes()
            }
        };
        if text.is_empty() {
            let message = format!("no {} was logged with this span", job.what.name());
            return self.copy_failed(&message);
        }
        effects.push(Effect::Copy {
            what: job.what.name(),
            bytes: text,
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

/// The text of a copy that is made of one span.
fn of_call(what: What, span: &Span, contents: &Contents) -> String {
    match what {
        What::Prompt => replay::prompt_text(contents),
        What::Messages => replay::messages_json(span, contents),
        What::Request => Request::of(span, contents).body,
        What::Curl => replay::curl(&Request::of(span, contents)),
        What::Python => replay::python(&Request::of(span, contents)),
        What::Response => replay::response_text(contents),
        What::Report | What::Id | What::Line => String::new(),
    }
}
