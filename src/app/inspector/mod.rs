//! The inspector: the exact prompt, answer, documents, payloads and figures of one span.
//!
//! It holds one span and its contents, and writes the open tab as one `Page` for its viewer.
//! It asks nobody for anything: what it lacks it says as `InspectorNeeds`, and the caller fetches.

mod conversation;
mod cost;
mod facts;
mod header;
mod history;
#[cfg(test)]
mod history_laws;
mod json;
#[cfg(test)]
mod laws;
mod markdown;
#[cfg(test)]
mod tests;

use crate::insight::ledger::{Item, Ledger, items, ledger};
use crate::model::content::{Contents, Slot};
use crate::model::query::Earlier;
use crate::model::span::{Nanos, Origin, SpanKey, SpanKind, TraceKey};
use crate::model::trace::{Span, Trace};
use crate::pricing::Prices;

use super::viewer::{Page, Viewer};

pub use header::Header;
use history::History;

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

/// In which order documents are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// As they were ranked.
    #[default]
    Rank,
    /// The newest first.
    Age,
    /// Those first of which the answer has most.
    Quoted,
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
    /// The contents of another span that the tab compares with, perhaps of another interaction; asked once the span's own are here.
    pub beside: Option<(TraceKey, SpanKey)>,
    /// It has grown: an answer that is under way for it may be too old.
    pub grown: bool,
}

/// The span on show, with what was computed from it.
#[derive(Debug)]
struct Subject {
    /// Its interaction.
    trace: TraceKey,
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
    /// What its prompt is compared with.
    history: History,
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
    /// Of its documents.
    order: Order,
}

/// The state of the pane.
#[derive(Debug)]
pub struct Inspector {
    subject: Option<Subject>,
    tab: Tab,
    order: Order,
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
            order: Order::default(),
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
        let mut history = History::of(trace, found);
        let answering = answering(trace).filter(|key| *key != span);
        let (retrieved, earlier) = retrieved(trace, found);
        let ran = ran(trace);
        let row = &trace.row;
        let whose = [row.feature.clone(), row.user.clone(), row.session.clone()];
        match &mut self.subject {
            Some(subject) if subject.span.key == span => {
                let same = subject.span == *found && subject.ledger == ledger && subject.items == items;
                let placed = subject.history.is_as(&history);
                let around = (answering, &retrieved, earlier, &ran, &whose);
                let known = (subject.answering, &subject.retrieved, subject.earlier, &subject.ran, &subject.whose);
                if same && placed && around == known {
                    return self.needs();
                }
                if !placed {
                    history.open = subject.history.open;
                    subject.history = history;
                    subject.compare();
                }
                subject.answering = answering;
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
                // What is searched for may stand in what is folded.
                history.open = self.viewer.searches();
                let subject = Subject {
                    trace: trace.row.trace,
                    span: found.clone(),
                    ledger,
                    items,
                    contents: None,
                    stale: false,
                    failure: None,
                    raw: Vec::new(),
                    header,
                    small,
                    history,
                    answering,
                    retrieved,
                    earlier,
                    ran,
                    whose,
                    beside: Vec::new(),
                    order: self.order,
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
            subject.beside.push((span, subject.history.whole(span, contents)));
            subject.compare();
            return self.rewrite(true);
        }
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.key == span) {
            let first = subject.contents.is_none();
            subject.contents = Some(contents);
            subject.stale = false;
            subject.failure = None;
            subject.compare();
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

    /// Whether it must be asked what came before the interaction on show: its prompt is compared with that.
    #[must_use]
    pub fn wants_earlier(&self) -> bool {
        self.tab == Tab::Prompt && self.subject.as_ref().is_some_and(|subject| subject.history.asks())
    }

    /// It is being asked.
    pub fn asking_earlier(&mut self) {
        if let Some(subject) = &mut self.subject {
            subject.history.outdated = false;
        }
    }

    /// Something was written: what came before may be another one now.
    pub fn outdate(&mut self) {
        if let Some(subject) = &mut self.subject {
            subject.history.outdated = true;
        }
    }

    /// What came before the interaction on show is known, and when that was, for the reader.
    pub fn earlier(&mut self, found: Option<(String, Earlier)>) -> InspectorNeeds {
        let mut grown = false;
        if let Some(subject) = &mut self.subject
            && subject.history.found(found)
        {
            grown = subject.history.stale;
            let mut beside = std::mem::take(&mut subject.beside);
            beside.retain(|(key, _)| subject.wants_beside(*key));
            subject.beside = beside;
            subject.compare();
            if self.tab == Tab::Prompt {
                self.rewrite(true);
            }
        }
        InspectorNeeds { grown, ..self.needs() }
    }

    /// Whether the prompt on show repeats messages that a line can stand for, and whether they are shown.
    #[must_use]
    pub fn repeats(&self) -> Option<bool> {
        let history = &self.subject.as_ref()?.history;
        (self.tab == Tab::Prompt && history.folds()).then_some(history.open)
    }

    /// Shows the messages that the prompt repeats, or folds them; false when there are none.
    pub fn toggle_repeated(&mut self) -> bool {
        let Some(open) = self.repeats() else { return false };
        if let Some(subject) = &mut self.subject {
            subject.history.open = !open;
        }
        self.rewrite(true);
        true
    }

    /// Shows the documents in the next order; false where none are shown.
    pub fn turn_documents(&mut self) -> bool {
        let Some(subject) = self.subject.as_mut().filter(|_| self.tab == Tab::Documents) else {
            return false;
        };
        self.order = match self.order {
            Order::Rank => Order::Age,
            Order::Age => Order::Quoted,
            Order::Quoted => Order::Rank,
        };
        subject.order = self.order;
        self.rewrite(false);
        true
    }

    /// Shows everything.
    pub fn unfold(&mut self) {
        if let Some(subject) = &mut self.subject {
            subject.history.open = true;
        }
        if self.repeats().is_some() {
            self.rewrite(true);
        }
    }

    /// The whole text of the open tab, made safe line by line.
    #[must_use]
    pub fn safe_text(&self) -> String {
        match &self.subject {
            Some(subject) if self.repeats() == Some(false) => subject.page(self.tab, true).safe_text(),
            _ => self.viewer.safe_text(),
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
        let unknown = |key: &SpanKey| subject.beside(*key).is_none() || subject.history.stale && subject.history.goes_on_from(*key);
        let has_documents = subject.span.part.slots & Slot::Document.bit() != 0 || !subject.retrieved.is_empty();
        let beside = match self.tab {
            Tab::Prompt => subject.history.before(),
            Tab::Documents if has_documents => {
                let steps = subject.retrieved.iter().map(|(key, ..)| *key);
                steps.chain(subject.answering).find(unknown).map(|key| (None, key))
            }
            _ => None,
        };
        InspectorNeeds {
            contents,
            around: contents && subject.small && subject.header.is_some(),
            raw: raw.filter(|_| self.tab == Tab::Raw),
            beside: beside
                .filter(|(_, key)| !contents && subject.failure.is_none() && unknown(key))
                .map(|(trace, key)| (trace.unwrap_or(subject.trace), key)),
            grown: false,
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
            Some(subject) => subject.page(self.tab, subject.history.open),
        };
        self.viewer.write(page, keep);
    }
}

impl Subject {
    fn wants_beside(&self, span: SpanKey) -> bool {
        let retrieved = self.retrieved.iter().any(|(key, ..)| *key == span);
        let compared = self.history.before().is_some_and(|(_, key)| key == span);
        self.span.key != span && (retrieved || compared || self.answering == Some(span))
    }

    /// The contents of another span, once they are here.
    fn beside(&self, span: SpanKey) -> Option<&Contents> {
        self.beside.iter().find(|(key, _)| *key == span).map(|(_, contents)| contents)
    }

    /// Compares the prompt with what it is compared with.
    fn compare(&mut self) {
        let before = self.history.before();
        let before = before.and_then(|(_, key)| self.beside.iter().find(|(other, _)| *other == key));
        self.history.compare(before.map(|(_, contents)| contents), self.contents.as_ref());
    }

    /// A tab, with what the prompt repeats where that is `open`.
    fn page(&self, tab: Tab, open: bool) -> Page {
        match tab {
            Tab::Prompt => conversation::prompt(self, open),
            Tab::Response => conversation::response(self),
            Tab::Documents => conversation::documents(self),
            Tab::Tools => conversation::tools(self),
            Tab::Parameters => facts::parameters(self),
            Tab::Cost => cost::page(self),
            Tab::Raw => facts::raw(self),
        }
    }
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
