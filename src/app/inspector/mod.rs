//! The inspector.
use crate::model::content::Contents;
use crate::model::span::{Origin, SpanKey};
use crate::model::trace::Trace;
use crate::pricing::Prices;

/// Which view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Prompt
    #[default]
    Prompt,
    /// Response
    Response,
    /// Documents
    Documents,
    /// Tools
    Tools,
    /// Parameters
    Parameters,
    /// Cost
    Cost,
    /// Raw
    Raw,
}
/// What it needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InspectorNeeds {
    /// Contents of the span.
    pub contents: bool,
    /// A raw line.
    pub raw: Option<Origin>,
}
/// How to scroll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scroll {
    /// Lines
    Lines(i64),
    /// Half pages
    HalfPage(i64),
    /// Pages
    Page(i64),
    /// Top
    Top,
    /// Bottom
    Bottom,
    /// Columns
    Columns(i64),
}
/// The inspector.
#[derive(Default)]
pub struct Inspector {
    tab: Tab,
    span: Option<SpanKey>,
}
#[allow(missing_docs, clippy::must_use_candidate, clippy::unused_self)]
impl Inspector {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn show(&mut self, _trace: &Trace, span: SpanKey, _prices: &Prices) -> InspectorNeeds {
        let new = self.span != Some(span);
        self.span = Some(span);
        InspectorNeeds { contents: new, raw: None }
    }
    pub fn contents(&mut self, _span: SpanKey, _contents: Contents) {}
    pub fn raw(&mut self, _origin: Origin, _result: Result<Vec<u8>, String>) {}
    pub fn failed(&mut self, _message: String) {}
    pub fn clear(&mut self) {
        self.span = None;
    }
    pub fn tab(&self) -> Tab {
        self.tab
    }
    pub fn set_tab(&mut self, tab: Tab) -> InspectorNeeds {
        self.tab = tab;
        InspectorNeeds::default()
    }
    pub fn scroll(&mut self, _scroll: Scroll) {}
    pub fn toggle_wrap(&mut self) {}
    pub fn resize(&mut self, _width: u16, _height: u16) {}
    pub fn search(&mut self, _text: &str) {}
    pub fn search_step(&mut self, _forward: bool) {}
    pub fn wants(&self) -> InspectorNeeds {
        InspectorNeeds::default()
    }
}
