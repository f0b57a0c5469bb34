//! What a prompt repeats: of the model call before it, or, where it is the first of its interaction, of what its session came to before. Runs
//! of such messages are folded into one line each, and open together.

use std::ops::Range;

use crate::insight::turn::{Fate, System, Turn, repeated, turn, words};
use crate::model::content::Contents;
use crate::model::query::Earlier;
use crate::model::span::{SpanKey, TraceKey};
use crate::model::text;
use crate::model::trace::{Span, Trace};

use super::super::viewer::{Page, Tone};

/// Characters of a question that name a turn.
const QUESTION: usize = 60;

/// What the prompt of a span is compared with, and what came of that.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The model call before it in the interaction, and its number.
    previous: Option<(SpanKey, u32)>,
    /// It is the first model call of an interaction with a session: what came before must be asked for.
    begins: bool,
    /// What came before: when that was, for the reader, and what.
    earlier: Option<(String, Earlier)>,
    /// Whether that is still so is to be asked.
    pub outdated: bool,
    /// The contents of what came before are here, but have grown.
    pub stale: bool,
    /// The comparison, once both are here.
    difference: Option<Turn>,
    /// Bytes of the words that were dropped.
    gone: usize,
    /// What can be folded, and how many bytes its words are.
    runs: Vec<(Range<usize>, usize)>,
    /// The reader has opened it.
    pub open: bool,
}

impl History {
    /// Of a span. Nothing is known yet of what was before its interaction.
    pub fn of(trace: &Trace, span: &Span) -> Self {
        let before = span.turn.and_then(|turn| turn.checked_sub(1)).filter(|turn| *turn > 0);
        let previous = before.and_then(|turn| Some((trace.spans.iter().find(|other| other.turn == Some(turn))?.key, turn)));
        let begins = span.turn == Some(1) && trace.row.session.is_some();
        Self {
            previous,
            begins,
            outdated: true,
            ..Self::default()
        }
    }

    /// Whether it has the same place among the calls of its interaction and its session.
    pub fn is_as(&self, other: &Self) -> bool {
        (self.previous, self.begins) == (other.previous, other.begins)
    }

    /// Whether it must be asked what came before.
    pub const fn asks(&self) -> bool {
        self.begins && self.outdated
    }

    /// The call it is compared with: its interaction, where that is another one, and its key.
    pub fn before(&self) -> Option<(Option<TraceKey>, SpanKey)> {
        let own = self.previous.map(|(key, _)| (None, key));
        own.or_else(|| self.earlier.as_ref().map(|(_, earlier)| (Some(earlier.trace), earlier.span)))
    }

    /// The call it is compared with stands in an earlier interaction.
    pub fn goes_on_from(&self, span: SpanKey) -> bool {
        self.earlier.as_ref().is_some_and(|(_, earlier)| earlier.span == span)
    }

    /// Contents of another span as they are compared with: what came before is its prompt and its answer.
    pub fn whole(&mut self, span: SpanKey, mut contents: Contents) -> Contents {
        if self.goes_on_from(span) {
            self.stale = false;
            contents.messages.append(&mut contents.response);
        }
        contents
    }

    /// What came before is known. False where that changes nothing.
    pub fn found(&mut self, found: Option<(String, Earlier)>) -> bool {
        if !self.begins || self.earlier.as_ref().map(|(_, earlier)| earlier) == found.as_ref().map(|(_, earlier)| earlier) {
            return false;
        }
        let same = |(_, old): &(String, Earlier)| found.as_ref().is_some_and(|(_, new)| old.span == new.span);
        self.stale = self.earlier.as_ref().is_some_and(same);
        self.earlier = found;
        true
    }

    /// Compares. Of a prompt that was not logged nothing is said.
    pub fn compare(&mut self, before: Option<&Contents>, now: Option<&Contents>) {
        let logged = before.filter(|before| before.system.is_some() || !before.messages.is_empty());
        let Some((before, now)) = logged.zip(now) else {
            (self.difference, self.runs) = (None, Vec::new());
            return;
        };
        let difference = turn(before, now);
        let runs = repeated(&difference.fates, &now.messages).into_iter();
        let size = |run: &Range<usize>| now.messages[run.clone()].iter().map(|message| words(message).len()).sum();
        self.runs = runs.map(|run| (run.clone(), size(&run))).collect();
        self.gone = difference.dropped.iter().map(|at| words(&before.messages[*at]).len()).sum();
        self.difference = Some(difference);
    }

    /// Something can be folded.
    pub const fn folds(&self) -> bool {
        !self.runs.is_empty()
    }

    /// What became of the system prompt.
    pub fn system(&self) -> Option<System> {
        self.difference.as_ref().map(|difference| difference.system)
    }

    /// What became of a message.
    pub fn fate(&self, message: usize) -> Option<Fate> {
        self.difference.as_ref()?.fates.get(message).copied()
    }

    /// The run that a message is in, and how many bytes its words are.
    pub fn run(&self, message: usize) -> Option<(&Range<usize>, usize)> {
        let (run, size) = self.runs.iter().find(|(run, _)| run.contains(&message))?;
        Some((run, *size))
    }

    /// The turn it is compared with.
    fn name(&self, page: &mut Page, tone: Tone) {
        match (&self.previous, &self.earlier) {
            (Some((_, number)), _) => {
                page.push(tone, &format!("turn {number}"));
            }
            (None, Some((when, earlier))) => {
                page.push(tone, &format!("the turn of {when}"));
                if !earlier.ask.is_empty() {
                    let mut question: String = earlier.ask.chars().take(QUESTION).collect();
                    if question.len() < earlier.ask.len() {
                        question.truncate(question.trim_end().len());
                        question.push('…');
                    }
                    page.push(tone, &format!(" \"{question}\""));
                }
            }
            (None, None) => {}
        }
    }

    /// What was added, dropped and shortened.
    pub fn changes(&self, page: &mut Page) {
        let Some(difference) = &self.difference else { return };
        page.push(Tone::Label, "since ");
        self.name(page, Tone::Label);
        page.push(Tone::Label, ": ");
        if difference.system == System::Same && difference.dropped.is_empty() && difference.fates.iter().all(|fate| *fate == Fate::Kept) {
            // An earlier interaction is compared with its answer.
            let same = if self.previous.is_some() {
                "the same prompt"
            } else {
                "nothing new"
            };
            page.line(Tone::Dim, same);
            return;
        }
        let added = difference.fates.iter().filter(|fate| **fate == Fate::Added).count();
        let shortened = difference.fates.iter().filter(|fate| matches!(fate, Fate::Shortened(_))).count();
        page.push(
            Tone::Number,
            &format!("+{added} {}", if added == 1 { "message" } else { "messages" }),
        );
        if !difference.dropped.is_empty() {
            let lost = format!(", −{} dropped ({})", difference.dropped.len(), text::bytes(self.gone as u64));
            page.push(Tone::Warning, &lost);
        }
        if shortened > 0 {
            page.push(Tone::Warning, &format!(", {shortened} shortened"));
        }
        match difference.system {
            System::Same => {}
            System::Changed => {
                page.push(Tone::Warning, ", another system prompt");
            }
            System::Added => {
                page.push(Tone::Warning, ", a system prompt");
            }
            System::Dropped => {
                page.push(Tone::Warning, ", no system prompt any more");
            }
        }
        page.line(Tone::Text, "");
    }

    /// The line that stands for a run, or above it where it is open.
    pub fn fold(&self, page: &mut Page, open: bool, messages: usize, bytes: usize) {
        let (mark, key) = if open { ("▾", "") } else { ("▸", "  Enter opens them") };
        page.gap()
            .hang(2)
            .push(Tone::Number, &format!("{mark} {messages} messages"))
            .push(Tone::Dim, &format!(", {}, as in ", text::bytes(bytes as u64)));
        self.name(page, Tone::Label);
        page.line(Tone::Dim, key);
    }
}
