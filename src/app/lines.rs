//! What is typed into the one-line prompts, and what comes of it.

use crate::model::column::{Column, SortValue};
use crate::model::filter::{Filter, FilterError};
use crate::model::moment::EXAMPLES;
use crate::model::query::{Cursor, Page, Query, Sort};
use crate::model::span::{Nanos, TraceKey};

use super::layout::Focus;
use super::list::Land;
use super::palette::{Entry, View};
use super::{Action, App, Effect, Kept, Notice, Over, Pane, Prompt, PromptKind};

/// Filters remembered.
const HISTORY: usize = 100;
/// Values offered.
const VALUES: u32 = 50;

impl App {
    /// Opens a line.
    pub(super) fn open_line(&mut self, kind: PromptKind, text: &str) {
        self.over = Over::Prompt(Prompt::new(kind, text, &self.views));
    }

    /// What an action does while a line is typed.
    pub(super) fn act_on_line(&mut self, action: Action, effects: &mut Vec<Effect>) {
        let Over::Prompt(prompt) = &mut self.over else { return };
        match action {
            Action::Accept => self.accept(effects),
            Action::Cancel if prompt.kind() == PromptKind::Help => self.help_for(String::new()),
            Action::Cancel => self.over = Over::Nothing,
            Action::NextChoice | Action::PreviousChoice => prompt.choose(action == Action::NextChoice, &self.views),
            Action::Earlier | Action::Later => prompt.recall(action == Action::Earlier, &self.history, &self.views),
            _ => {}
        }
    }

    fn help_for(&mut self, typed: String) {
        self.over = Over::Help { top: 0, typed };
    }

    /// The line is accepted.
    fn accept(&mut self, effects: &mut Vec<Effect>) {
        let clock = self.clock();
        let Over::Prompt(prompt) = &mut self.over else { return };
        let text = prompt.text().trim().to_owned();
        match prompt.kind() {
            PromptKind::Filter => match Filter::parse(&text, &clock) {
                Ok(filter) => {
                    self.over = Over::Nothing;
                    self.history.retain(|line| *line != text);
                    if !text.is_empty() {
                        self.history.push(text.clone());
                        self.history.drain(..self.history.len().saturating_sub(HISTORY));
                    }
                    self.set_filter(filter, text);
                }
                Err(error) => prompt.fail(error),
            },
            PromptKind::Search => {
                self.over = Over::Nothing;
                if self.wish.focus == Focus::Inspector && !text.is_empty() {
                    // It may stand in what is folded.
                    self.inspector.unfold();
                }
                if let Some(viewer) = self.viewer_in_focus() {
                    viewer.search(&text);
                } else {
                    self.search = (!text.is_empty()).then_some(text);
                    if self.search.is_some() {
                        self.search_step(true, effects);
                    }
                }
            }
            PromptKind::Help => self.help_for(text),
            PromptKind::Palette => {
                let entry = prompt.entry();
                self.over = Over::Nothing;
                match entry {
                    Some(Entry::Action(action)) => self.act(action, effects),
                    Some(Entry::View(at)) => self.show_view(at),
                    None => self.notices.say(Notice::info(format!("nothing is called \"{text}\""))),
                }
            }
            PromptKind::Time => match clock.time(&text) {
                Some(time) => {
                    self.over = Over::Nothing;
                    match self.nearest(time) {
                        Some(trace) => {
                            self.pause();
                            self.list.select(trace, None);
                        }
                        None => self.go_to(time, effects),
                    }
                }
                None => prompt.fail(FilterError {
                    column: 0,
                    message: format!("`{text}` is not a time"),
                    hint: Some(EXAMPLES.to_owned()),
                }),
            },
            PromptKind::ViewName if text.is_empty() => self.over = Over::Nothing,
            PromptKind::ViewName => {
                self.over = Over::Nothing;
                let view = View {
                    name: text,
                    filter: self.filter_text.clone(),
                };
                self.views.retain(|known| known.name != view.name);
                self.views.push(view.clone());
                effects.push(Effect::Keep(Kept::View(view)));
            }
        }
    }

    /// The interaction nearest to a time, on either side of it: people report about when it was. Only where the rows on both sides are held.
    fn nearest(&self, time: Nanos) -> Option<TraceKey> {
        let (list, rows) = (&self.list, self.list.rows());
        let later = !list.more_above() || rows.first().is_some_and(|row| row.start >= time);
        let earlier = !list.more_below() || rows.last().is_some_and(|row| row.start <= time);
        let there = list.is_live() && list.is_loaded() && later && earlier;
        rows.iter()
            .filter(|_| there)
            .min_by_key(|row| row.start.abs_diff(time))
            .map(|row| row.trace)
    }

    /// To the newest interaction that began then or before, in the order of time.
    pub(super) fn go_to(&mut self, time: Nanos, effects: &mut Vec<Effect>) {
        self.pause();
        self.list.sort = Sort {
            key: Column::Time,
            descending: true,
        };
        self.list.land = Some(Land::First);
        self.list.expect_above();
        let cursor = Cursor {
            value: Some(SortValue::Number(i128::from(time))),
            start: time,
            place: i128::MAX,
        };
        self.ask_page(Page::From(cursor), effects);
    }

    fn show_view(&mut self, at: usize) {
        let Some(view) = self.views.get(at).cloned() else { return };
        match Filter::parse(&view.filter, &self.clock()) {
            Ok(filter) => self.set_filter(filter, view.filter),
            Err(error) => self.notices.say(Notice::error(format!("view {}: {error}", view.name))),
        }
    }

    /// Asks for the values that could complete what is typed.
    pub(super) fn ask_values(&mut self, effects: &mut Vec<Effect>) {
        let Over::Prompt(prompt) = &self.over else {
            self.values_asked = None;
            return;
        };
        let wanted = prompt.wants();
        if wanted == self.values_asked {
            return;
        }
        self.values_asked.clone_from(&wanted);
        if let Some((of, text)) = wanted {
            let limit = VALUES;
            effects.push(self.asks.ask(Pane::Values, Query::Values { of, text, limit }));
        }
    }
}
