//! The inspector: the exact prompt, answer, documents, payloads and figures of one span.
//!
//! It holds one span and its contents, and writes the open tab as one `Page` for its viewer.
//! It asks nobody for anything: what it lacks it says as `InspectorNeeds`, and the caller fetches.

mod conversation;
mod cost;
mod facts;
mod header;
mod json;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use crate::insight::ledger::{Item, Ledger, items, ledger};
use crate::model::content::{Contents, Slot};
use crate::model::span::{Nanos, Origin, SpanKey, SpanKind};
use crate::model::trace::{Span, Trace};
use crate::pricing::Prices;

use super::viewer::{Page, Viewer};

pub use header::Header;

/// In an interaction of at most so many spans the contents of all are fetched with those of a model call: what grew since the call before,
/// and which part of its prompt is a document, follows from them.
const NEIGHBOURS: usize = 64;

/// Other steps of the interaction whose documents are shown with a model call: those nearest before it.
const RETRIEVALS: usize = 8;

/// Tools named that the interaction ran.
const TOOLS: usize = 12;

/// Raw lines shown of one span; one that came in more records is cut there, and says so.
const RAW_LINES: usize = 16;

/// What the inspector can show of a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tab {
    /// What the model was told.
    #[default]
    Prompt,
    /// What it answered.
    Response,
    /// What was retrieved.
    Documents,
    /// Tools called and offered, or a tool's payloads.
    Tools,
    /// Model, parameters, ids, times, findings.
    Parameters,
    /// The bill.
    Cost,
    /// The line as it was logged.
    Raw,
}

impl Tab {
    /// All tabs from left to right.
    pub const ALL: [Self; 7] = [
        Self::Prompt,
        Self::Response,
        Self::Documents,
        Self::Tools,
        Self::Parameters,
        Self::Cost,
        Self::Raw,
    ];

    /// The word on the tab.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Response => "response",
            Self::Documents => "documents",
            Self::Tools => "tools",
            Self::Parameters => "parameters",
            Self::Cost => "cost",
            Self::Raw => "raw",
        }
    }
}

/// What the inspector lacks to show its span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectorNeeds {
    /// The contents of the span.
    pub contents: bool,
    /// And those of the spans around it.
    pub around: bool,
    /// A raw line; asked one at a time.
    pub raw: Option<Origin>,
    /// The contents of another span that the tab compares with; asked once the span's own are here.
    pub beside: Option<SpanKey>,
}

/// The span on show, with what was computed from it.
#[derive(Debug)]
struct Subject {
    span: Span,
    /// The sum behind its own cost.
    ledger: Ledger,
    /// The calls behind the cost with all below.
    items: Vec<Item>,
    contents: Option<Contents>,
    /// The span has grown since the contents came.
    stale: bool,
    /// Why the contents could not be fetched.
    failure: Option<String>,
    raw: Vec<(Origin, Result<Vec<u8>, String>)>,
    header: Option<Header>,
    /// The spans around it are few.
    small: bool,
    /// The model call before this one, and its number.
    previous: Option<(SpanKey, u32)>,
    /// The model call that answered last.
    answering: Option<SpanKey>,
    /// Steps that found documents before it, where it has none of its own: what they are called, and when they ran.
    retrieved: Vec<(SpanKey, String, Nanos)>,
    /// More such steps before those.
    earlier: usize,
    /// Tools that the interaction ran, in order; the last is `…` where there are more.
    ran: Vec<String>,
    /// Feature, user and session of the interaction.
    whose: [Option<String>; 3],
    /// Contents of other spans that tabs show or compare with.
    beside: Vec<(SpanKey, Contents)>,
}

/// The state of the pane.
#[derive(Debug)]
pub struct Inspector {
    subject: Option<Subject>,
    tab: Tab,
    viewer: Viewer,
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new()
    }
}

impl Inspector {
    /// Nothing to show yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subject: None,
            tab: Tab::default(),
            viewer: Viewer::default(),
        }
    }

    /// The open tab as text on the screen.
    #[must_use]
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// The open tab, to move through it.
    pub const fn viewer_mut(&mut self) -> &mut Viewer {
        &mut self.viewer
    }

    /// Shows a span of a trace. The same span again (it may have grown) keeps tab, place and contents; another one begins at its top.
    pub fn show(&mut self, trace: &Trace, span: SpanKey, prices: &Prices) -> InspectorNeeds {
        let Some(found) = trace.spans.iter().find(|candidate| candidate.key == span) else {
            self.clear();
            return InspectorNeeds::default();
        };
        let (ledger, items) = (ledger(found, &trace.spans, prices), items(found, &trace.spans));
        let mut header = Header::of(trace, found, prices);
        let small = trace.spans.len() <= NEIGHBOURS;
        let previous = previous(trace, found);
        let answering = answering(trace).filter(|key| *key != span);
        let (retrieved, earlier) = retrieved(trace, found);
        let ran = ran(trace);
        let row = &trace.row;
        let whose = [row.feature.clone(), row.user.clone(), row.session.clone()];
        match &mut self.subject {
            Some(subject) if subject.span.key == span => {
                let same = subject.span == *found && subject.ledger == ledger && subject.items == items;
                let around = (previous, answering, &retrieved, earlier, &ran, &whose);
                let known = (
                    subject.previous,
                    subject.answering,
                    &subject.retrieved,
                    subject.earlier,
                    &subject.ran,
                    &subject.whose,
                );
                if same && around == known {
                    return self.needs();
                }
                (subject.previous, subject.answering) = (previous, answering);
                (subject.retrieved, subject.earlier, subject.ran, subject.whose) = (retrieved, earlier, ran, whose);
                // An unchanged set of records has unchanged contents.
                subject.stale |= subject.span.origins != found.origins;
                subject.raw.retain(|(origin, _)| found.origins.contains(origin));
                if let (Some(new), Some(old)) = (&mut header, &subject.header) {
                    new.shares.clone_from(&old.shares);
                    new.changes.clone_from(&old.changes);
                }
                (subject.header, subject.small) = (header, small);
                subject.span = found.clone();
                (subject.ledger, subject.items) = (ledger, items);
                self.rewrite(true);
            }
            _ => {
                let subject = Subject {
                    span: found.clone(),
                    ledger,
                    items,
                    contents: None,
                    stale: false,
                    failure: None,
                    raw: Vec::new(),
                    header,
                    small,
                    previous,
                    answering,
                    retrieved,
                    earlier,
                    ran,
                    whose,
                    beside: Vec::new(),
                };
                self.subject = Some(subject);
                self.rewrite(false);
            }
        }
        self.needs()
    }

    /// The contents of a span have come. Those of a span no longer on show, nor beside it, are ignored.
    pub fn contents(&mut self, span: SpanKey, contents: Contents) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.wants_beside(span)) {
            subject.beside.retain(|(known, _)| *known != span);
            subject.beside.push((span, contents));
            return self.rewrite(true);
        }
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.key == span) {
            let first = subject.contents.is_none();
            subject.contents = Some(contents);
            subject.stale = false;
            subject.failure = None;
            self.rewrite(!first);
        }
    }

    /// The contents of an interaction have come, those of the span on show among them.
    pub fn around(&mut self, span: SpanKey, all: &[(SpanKey, Contents)]) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.key == span)
            && let Some(header) = &mut subject.header
        {
            header.measure(span, all);
        }
    }

    /// What stands above the tabs; only a model call has such rows.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.subject.as_ref()?.header.as_ref()
    }

    /// A raw line has come, or why it cannot be had.
    pub fn raw(&mut self, origin: Origin, result: Result<Vec<u8>, String>) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.origins.contains(&origin)) {
            subject.raw.retain(|(known, _)| *known != origin);
            subject.raw.push((origin, result));
            subject.raw.sort_by_key(|(origin, _)| *origin);
            if self.tab == Tab::Raw {
                self.rewrite(true);
            }
        }
    }

    /// The contents cannot be had; the message is shown in their place.
    pub fn failed(&mut self, message: String) {
        if let Some(subject) = &mut self.subject {
            subject.failure = Some(message);
            subject.stale = false;
            self.rewrite(true);
        }
    }

    /// Shows nothing.
    pub fn clear(&mut self) {
        self.subject = None;
        self.rewrite(false);
    }

    /// The span on show.
    #[must_use]
    pub fn span(&self) -> Option<SpanKey> {
        self.subject.as_ref().map(|subject| subject.span.key)
    }

    /// The open tab.
    #[must_use]
    pub const fn tab(&self) -> Tab {
        self.tab
    }

    /// Opens a tab at its top.
    pub fn set_tab(&mut self, tab: Tab) -> InspectorNeeds {
        if tab != self.tab {
            self.tab = tab;
            self.rewrite(false);
        }
        self.needs()
    }

    /// Opens the tab to the right, round the end.
    pub fn next_tab(&mut self) -> InspectorNeeds {
        self.set_tab(Tab::ALL[(self.tab as usize + 1) % Tab::ALL.len()])
    }

    /// Opens the tab to the left, round the end.
    pub fn prev_tab(&mut self) -> InspectorNeeds {
        self.set_tab(Tab::ALL[(self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len()])
    }

    /// What is lacking to show the span.
    #[must_use]
    pub fn needs(&self) -> InspectorNeeds {
        let Some(subject) = &self.subject else {
            return InspectorNeeds::default();
        };
        let contents = subject.span.part.slots != 0 && subject.failure.is_none() && (subject.contents.is_none() || subject.stale);
        let missing = |origin: &&Origin| !subject.raw.iter().any(|(known, _)| known == *origin);
        let raw = subject.span.origins.iter().take(RAW_LINES).find(missing).copied();
        let unknown = |key: &SpanKey| subject.beside(*key).is_none();
        let has_documents = subject.span.part.slots & Slot::Document.bit() != 0 || !subject.retrieved.is_empty();
        let beside = match self.tab {
            Tab::Prompt => subject.previous.map(|(key, _)| key),
            Tab::Documents if has_documents => {
                let steps = subject.retrieved.iter().map(|(key, ..)| *key);
                steps.chain(subject.answering).find(unknown)
            }
            _ => None,
        };
        InspectorNeeds {
            contents,
            around: contents && subject.small && subject.header.is_some(),
            raw: raw.filter(|_| self.tab == Tab::Raw),
            beside: beside.filter(|key| !contents && subject.failure.is_none() && unknown(key)),
        }
    }

    /// The contents on show.
    #[must_use]
    pub fn loaded(&self) -> Option<&Contents> {
        self.subject.as_ref()?.contents.as_ref()
    }

    /// The first raw line, byte for byte, once it has come.
    #[must_use]
    pub fn raw_bytes(&self) -> Option<&[u8]> {
        self.subject.as_ref()?.raw.iter().find_map(|(_, result)| result.as_deref().ok())
    }

    /// Writes the open tab anew, at the same place or at the top.
    fn rewrite(&mut self, keep: bool) {
        let page = match &self.subject {
            None => Page::default(),
            Some(subject) => subject.page(self.tab),
        };
        self.viewer.write(page, keep);
    }
}

impl Subject {
    fn wants_beside(&self, span: SpanKey) -> bool {
        let retrieved = self.retrieved.iter().any(|(key, ..)| *key == span);
        self.span.key != span && (retrieved || self.previous.is_some_and(|(key, _)| key == span) || self.answering == Some(span))
    }

    /// The contents of another span, once they are here.
    fn beside(&self, span: SpanKey) -> Option<&Contents> {
        self.beside.iter().find(|(key, _)| *key == span).map(|(_, contents)| contents)
    }

    fn page(&self, tab: Tab) -> Page {
        match tab {
            Tab::Prompt => conversation::prompt(self),
            Tab::Response => conversation::response(self),
            Tab::Documents => conversation::documents(self),
            Tab::Tools => conversation::tools(self),
            Tab::Parameters => facts::parameters(self),
            Tab::Cost => cost::page(self),
            Tab::Raw => facts::raw(self),
        }
    }
}

/// The model call before this one, and its number among them.
fn previous(trace: &Trace, span: &Span) -> Option<(SpanKey, u32)> {
    let turn = span.turn?.checked_sub(1).filter(|turn| *turn > 0)?;
    let found = trace.spans.iter().find(|other| other.turn == Some(turn))?;
    Some((found.key, turn))
}

/// The model call that answered last.
fn answering(trace: &Trace) -> Option<SpanKey> {
    let calls = trace.spans.iter().filter(|span| span.turn.is_some());
    calls.max_by_key(|span| span.turn).map(|span| span.key)
}

/// The steps that found documents until this one began, the nearest of them, and how many there are before those; none where it found some
/// itself.
fn retrieved(trace: &Trace, span: &Span) -> (Vec<(SpanKey, String, Nanos)>, usize) {
    let found = |other: &&Span| other.part.slots & Slot::Document.bit() != 0;
    if found(&span) || span.missing {
        return (Vec::new(), 0);
    }
    let call = span.part.kind == SpanKind::Llm;
    let before = |other: &&Span| !call || other.part.start <= span.part.start;
    let steps: Vec<&Span> = trace.spans.iter().filter(found).filter(before).collect();
    let earlier = steps.len().saturating_sub(RETRIEVALS);
    let nearest = steps[earlier..].iter();
    (
        nearest.map(|step| (step.key, step.part.name.clone(), step.part.start)).collect(),
        earlier,
    )
}

/// The tools that were run, each once.
fn ran(trace: &Trace) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for span in trace.spans.iter().filter(|span| span.part.kind == SpanKind::Tool) {
        let name = span.part.tool_name.as_ref().unwrap_or(&span.part.name);
        if names.contains(name) {
            continue;
        }
        if names.len() == TOOLS {
            names.push("…".to_owned());
            break;
        }
        names.push(name.clone());
    }
    names
}
