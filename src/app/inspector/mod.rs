//! The inspector: the exact prompt, answer, documents, payloads and figures of one span.
//!
//! It holds one span and its contents, and writes the open tab as one `Page` for its viewer.
//! It asks nobody for anything: what it lacks it says as `InspectorNeeds`, and the caller fetches.

mod conversation;
mod cost;
mod facts;
mod json;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;

use crate::insight::ledger::{Item, Ledger, items, ledger};
use crate::model::content::Contents;
use crate::model::span::{Origin, SpanKey};
use crate::model::trace::{Span, Trace};
use crate::pricing::Prices;

use super::viewer::{Page, Viewer};

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
    /// A raw line; asked one at a time.
    pub raw: Option<Origin>,
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
        match &mut self.subject {
            Some(subject) if subject.span.key == span => {
                if subject.span == *found && subject.ledger == ledger && subject.items == items {
                    return self.needs();
                }
                // An unchanged set of records has unchanged contents.
                subject.stale |= subject.span.origins != found.origins;
                subject.raw.retain(|(origin, _)| found.origins.contains(origin));
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
                };
                self.subject = Some(subject);
                self.rewrite(false);
            }
        }
        self.needs()
    }

    /// The contents of a span have come. Those of a span no longer on show are ignored.
    pub fn contents(&mut self, span: SpanKey, contents: Contents) {
        if let Some(subject) = self.subject.as_mut().filter(|subject| subject.span.key == span) {
            let first = subject.contents.is_none();
            subject.contents = Some(contents);
            subject.stale = false;
            subject.failure = None;
            self.rewrite(!first);
        }
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
        InspectorNeeds {
            contents,
            raw: raw.filter(|_| self.tab == Tab::Raw),
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
