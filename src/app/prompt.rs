//! The one-line prompts: filter, search, palette and their like. The only place that knows the text area.

use tui_textarea::{CursorMove, Key, TextArea};

use super::complete::{self, Completion, What};
use super::palette::{self, Entry, View};
use crate::model::filter::Field;
use crate::model::filter::FilterError;
use crate::model::query::Seen;

pub use tui_textarea::Input;

/// What the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// The filter of the list.
    Filter,
    /// A search in the focused pane.
    Search,
    /// An action or a view, by some of its letters.
    Palette,
    /// What the help is searched for.
    Help,
    /// A time to go to.
    Time,
    /// The name under which the filter is kept.
    ViewName,
}

/// What is offered above the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choices {
    /// Nothing.
    None,
    /// Actions and views.
    Entries(Vec<Entry>),
    /// Text that takes the place of what stands from this character to the cursor.
    Completions(usize, Vec<Completion>),
}

/// A line being typed.
#[derive(Debug)]
pub struct Prompt {
    kind: PromptKind,
    area: TextArea<'static>,
    error: Option<FilterError>,
    choices: Choices,
    /// The choice in front.
    at: Option<usize>,
    /// The line and its cursor as typed, while choices are tried in it.
    typed: (String, usize),
    /// The line of the history that is shown, counted from the newest, and the line that was being typed.
    past: Option<(usize, String)>,
}

impl Prompt {
    /// A prompt with this text in it, the cursor behind it.
    pub(super) fn new(kind: PromptKind, text: &str, views: &[View]) -> Self {
        let mut prompt = Self {
            kind,
            area: TextArea::default(),
            error: None,
            choices: Choices::None,
            at: None,
            typed: (String::new(), 0),
            past: None,
        };
        prompt.area.insert_str(one_line(text));
        prompt.offer(views);
        prompt
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

    /// What is offered above the line.
    #[must_use]
    pub const fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The choice in front.
    #[must_use]
    pub const fn at(&self) -> Option<usize> {
        self.at
    }

    /// What Enter means in the palette.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        match &self.choices {
            Choices::Entries(entries) => entries.get(self.at?).copied(),
            Choices::None | Choices::Completions(..) => None,
        }
    }

    pub(super) fn fail(&mut self, error: FilterError) {
        self.error = Some(error);
    }

    pub(super) fn input(&mut self, input: Input, views: &[View]) {
        // A second line would never be seen.
        let line_break = matches!(input.key, Key::Enter) || (input.ctrl && matches!(input.key, Key::Char('m' | 'j')));
        if !line_break {
            self.error = None;
            self.past = None;
            self.area.input(input);
            self.offer(views);
        }
    }

    pub(super) fn paste(&mut self, text: &str, views: &[View]) {
        self.error = None;
        self.area.insert_str(one_line(text.trim_end_matches(['\n', '\r'])));
        self.offer(views);
    }

    fn set(&mut self, text: &str, cursor: usize) {
        self.area = TextArea::default();
        self.area.insert_str(one_line(text));
        self.area
            .move_cursor(CursorMove::Jump(0, u16::try_from(cursor).unwrap_or(u16::MAX)));
        self.error = None;
    }

    /// Offers what fits the text as it stands.
    fn offer(&mut self, views: &[View]) {
        self.typed = (self.text().to_owned(), self.cursor());
        self.at = None;
        self.choices = match self.kind {
            PromptKind::Palette => {
                let found = palette::find(self.text(), views);
                self.at = (!found.is_empty()).then_some(0);
                Choices::Entries(found)
            }
            PromptKind::Filter if self.text().is_empty() && !views.is_empty() => {
                let views = views.iter().map(|view| Completion {
                    text: view.filter.clone(),
                    note: view.name.clone(),
                });
                Choices::Completions(0, views.collect())
            }
            PromptKind::Filter => {
                let place = complete::place(self.text(), self.cursor());
                // An empty place offers everything: only when asked for.
                Choices::Completions(place.start, complete::known(&place.what))
            }
            PromptKind::Search | PromptKind::Help | PromptKind::Time | PromptKind::ViewName => Choices::None,
        };
    }

    /// The values that the store should be asked for.
    pub(super) fn wants(&self) -> Option<(Seen, String)> {
        if self.kind != PromptKind::Filter {
            return None;
        }
        match complete::place(&self.typed.0, self.typed.1).what {
            What::Value(field, text) if complete::is_asked(field) => Some((Seen::Field(field), text)),
            What::Attribute(text) => Some((Seen::Attributes, text)),
            What::Value(..) | What::Word(_) | What::Had(_) | What::Moment(_) | What::Nothing => None,
        }
    }

    /// Values seen have come.
    pub(super) fn seen(&mut self, of: Seen, text: &str, values: Vec<(String, u64)>) {
        if self.at.is_none() && self.wants().is_some_and(|(wanted, typed)| wanted == of && typed == text) {
            let start = complete::place(&self.typed.0, self.typed.1).start;
            let found = match of {
                Seen::Field(Field::Finding) => complete::findings(text, values),
                Seen::Field(field) => complete::seen(field, values),
                Seen::Attributes => complete::named(values),
            };
            self.choices = Choices::Completions(start, found);
        }
    }

    /// Puts the next or the previous choice in front; a completion is tried in the line at once.
    pub(super) fn choose(&mut self, forward: bool, views: &[View]) {
        let count = match &self.choices {
            Choices::None => 0,
            Choices::Entries(entries) => entries.len(),
            Choices::Completions(_, all) => all.len(),
        };
        if count == 0 {
            return;
        }
        let next = match (self.at, forward) {
            (None, true) => 0,
            (None, false) => count - 1,
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
        };
        self.at = Some(next);
        let Choices::Completions(start, all) = &self.choices else { return };
        let (line, cursor) = &self.typed;
        let before: String = line.chars().take(*start).collect();
        let after: String = line.chars().skip(*cursor).collect();
        let text = format!("{before}{}", all[next].text);
        let cursor = text.chars().count();
        self.set(&format!("{text}{after}"), cursor);
        if count == 1 {
            // Nothing to choose between: the next key completes what follows.
            self.offer(views);
        }
    }

    /// An earlier or a later line of the history, the oldest first.
    pub(super) fn recall(&mut self, earlier: bool, history: &[String], views: &[View]) {
        if self.kind != PromptKind::Filter {
            return self.choose(!earlier, views);
        }
        let (at, typed) = match self.past.take() {
            Some((at, typed)) => (Some(at), typed),
            None => (None, self.text().to_owned()),
        };
        let next = match (at, earlier) {
            (None, true) => Some(0),
            (Some(at), true) => Some((at + 1).min(history.len().saturating_sub(1))),
            (Some(at), false) => at.checked_sub(1),
            (None, false) => None,
        };
        match next.and_then(|next| Some((next, history.iter().rev().nth(next)?))) {
            Some((next, line)) => {
                self.set(line, line.chars().count());
                self.past = Some((next, typed));
            }
            None => self.set(&typed, typed.chars().count()),
        }
        self.offer(views);
        // What was recalled is whole: nothing is offered for it.
        self.choices = Choices::None;
    }
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
