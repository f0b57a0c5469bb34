//! The one-line prompts: filter and search. The only place that knows the text area.

use tui_textarea::{Key, TextArea};

use crate::model::filter::FilterError;

pub use tui_textarea::Input;

/// What the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// The filter of the list.
    Filter,
    /// A search in the focused pane.
    Search,
}

/// A line being typed.
#[derive(Debug)]
pub struct Prompt {
    kind: PromptKind,
    area: TextArea<'static>,
    error: Option<FilterError>,
}

impl Prompt {
    /// A prompt with this text in it, the cursor behind it.
    pub(super) fn new(kind: PromptKind, text: &str) -> Self {
        let mut area = TextArea::default();
        area.insert_str(one_line(text));
        Self { kind, area, error: None }
    }

    /// What it is for.
    #[must_use]
    pub const fn kind(&self) -> PromptKind {
        self.kind
    }

    /// The text typed so far.
    #[must_use]
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Characters before the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.area.cursor().1
    }

    /// What is wrong with the text, after it was tried.
    #[must_use]
    pub const fn error(&self) -> Option<&FilterError> {
        self.error.as_ref()
    }

    pub(super) fn fail(&mut self, error: FilterError) {
        self.error = Some(error);
    }

    pub(super) fn input(&mut self, input: Input) {
        // A second line would never be seen.
        let line_break = matches!(input.key, Key::Enter) || (input.ctrl && matches!(input.key, Key::Char('m' | 'j')));
        if !line_break {
            self.error = None;
            self.area.input(input);
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        self.error = None;
        self.area.insert_str(one_line(text.trim_end_matches(['\n', '\r'])));
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
