//! Two interactions or calls side by side: the one under the cursor beside the one that was marked, else beside its feature's last good one.

use crate::insight::diff::{Change, Comparison as Told, Piece, Side, compare};
use crate::insight::usual::{MOST, WEEK};
use crate::insight::versions::last_good;
use crate::model::content::Contents;
use crate::model::query::{Peers, Query};
use crate::model::span::{SpanKey, TraceKey};
use crate::model::text;
use crate::model::trace::Trace;
use crate::replay;

use super::layout::Focus;
use super::list::Selected;
use super::tree::Spans;
use super::viewer::{Page, Scroll, Tone, Viewer};
use super::{Action, App, Effect, Notice, Pane};

/// The contents of an interaction, by span.
type All = Vec<(SpanKey, Contents)>;

/// The screen.
#[derive(Debug)]
pub struct Comparison {
    /// Under the cursor.
    left: Selected,
    /// What it is compared with; `None` until the last good one is found.
    right: Option<Selected>,
    contents: [Option<All>; 2],
    peers: Option<Box<Peers>>,
    error: Option<String>,
    told: Option<Told>,
    /// Columns the text is written for.
    width: u16,
    viewer: Viewer,
}

impl Comparison {
    /// The comparison as text.
    #[must_use]
    pub const fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// It is written.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// Why it cannot be shown.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

impl App {
    /// The comparison that is open.
    #[must_use]
    pub const fn comparison(&self) -> Option<&Comparison> {
        self.comparison.as_ref()
    }

    /// What was marked, to compare something with it.
    #[must_use]
    pub const fn marked(&self) -> Option<Selected> {
        self.marked
    }

    /// Remembers what the cursor stands on, to compare something with it; the same again forgets it.
    pub(super) fn mark(&mut self) {
        let Some(selected) = self.list.selected() else { return };
        if self.marked == Some(selected) {
            self.marked = None;
            self.notices.say(Notice::info("the mark is gone"));
        } else {
            self.marked = Some(selected);
            let what = if selected.span.is_some() { "step" } else { "interaction" };
            self.notices
                .say(Notice::info(format!("{what} marked; d on another one compares them")));
        }
    }

    /// Opens the comparison of what the cursor stands on.
    pub(super) fn open_comparison(&mut self, effects: &mut Vec<Effect>) {
        let Some(left) = self.list.selected() else {
            self.notices.say(Notice::warn("nothing to compare: no interaction is selected"));
            return;
        };
        let right = self.marked.filter(|marked| *marked != left);
        self.pause();
        self.trees.hold_anew(left.trace);
        self.comparison = Some(Comparison {
            left,
            right,
            contents: [None, None],
            peers: None,
            error: None,
            told: None,
            width: 0,
            viewer: Viewer::default(),
        });
        self.wish.focus = Focus::Comparison;
        self.wish.zoom = false;
        let all = |trace| Query::Contents { trace, span: None };
        effects.push(self.asks.ask(Pane::Evidence, all(left.trace)));
        match right {
            Some(right) => self.ask_right(right, effects),
            None => effects.push(self.asks.ask(
                Pane::Peers,
                Query::Peers {
                    trace: left.trace,
                    within: WEEK,
                    limit: MOST,
                },
            )),
        }
    }

    fn ask_right(&mut self, right: Selected, effects: &mut Vec<Effect>) {
        self.trees.hold_anew(right.trace);
        let query = Query::Contents {
            trace: right.trace,
            span: None,
        };
        effects.push(self.asks.ask(Pane::Other, query));
    }

    /// The contents of one side arrived.
    pub(super) fn side_arrived(&mut self, pane: Pane, trace: TraceKey, contents: All, effects: &mut Vec<Effect>) {
        let Some(open) = &mut self.comparison else { return };
        let side = usize::from(pane == Pane::Other);
        let wanted = if side == 0 { Some(open.left) } else { open.right };
        if wanted.is_some_and(|wanted| wanted.trace == trace) {
            open.contents[side] = Some(contents);
        }
        self.set_side_by_side(effects);
    }

    /// What came before the left one arrived.
    pub(super) fn good_found(&mut self, trace: TraceKey, peers: Box<Peers>, effects: &mut Vec<Effect>) {
        if let Some(open) = self.comparison.as_mut().filter(|open| open.left.trace == trace) {
            open.peers = Some(peers);
        }
        self.set_side_by_side(effects);
    }

    /// Takes the last good one as the other side, as soon as it is known which one that is.
    fn find_right(&mut self, effects: &mut Vec<Effect>) {
        let Some(open) = self.comparison.as_mut().filter(|open| open.right.is_none() && open.error.is_none()) else {
            return;
        };
        let trace = self.trees.get(open.left.trace).and_then(|held| held.loaded());
        let (Some(trace), Some(contents), Some(peers)) = (trace, &open.contents[0], &open.peers) else {
            return;
        };
        let Some(good) = last_good(trace, contents, peers).map(|good| good.row.trace) else {
            open.error = Some(
                "nothing to compare with: no interaction of this feature in the 7 days before has the same system prompt and no finding. \
                 M marks another one."
                    .into(),
            );
            return;
        };
        let right = Selected { trace: good, span: None };
        open.right = Some(right);
        self.ask_right(right, effects);
    }

    /// Something it needs cannot be had.
    pub(super) fn comparison_failed(&mut self, message: String) {
        if let Some(open) = &mut self.comparison {
            open.error = Some(message);
        }
    }

    /// Writes the comparison as soon as both sides are here.
    pub(super) fn set_side_by_side(&mut self, effects: &mut Vec<Effect>) {
        self.find_right(effects);
        let Some(open) = &mut self.comparison else { return };
        if let Some(Spans::Failed(message)) = self.trees.get(open.left.trace).map(|held| &held.spans) {
            open.error = Some(message.clone());
        }
        let Some(right) = open.right.filter(|_| open.told.is_none()) else {
            return;
        };
        let [Some(first), Some(second)] = &open.contents else { return };
        let mut traces: Vec<&Trace> = Vec::new();
        for trace in [open.left.trace, right.trace] {
            match self.trees.get(trace).map(|held| &held.spans) {
                Some(Spans::Loaded(trace)) => traces.push(trace),
                Some(Spans::Loading) => return,
                Some(Spans::Failed(message)) => {
                    open.error = Some(message.clone());
                    return;
                }
                Some(Spans::Gone) | None => {
                    open.error = Some("one of the two is no longer in the store".into());
                    return;
                }
            }
        }
        let [one, other] = traces.as_slice() else { return };
        let told = |trace: &Trace, span: Option<SpanKey>, all: &All| {
            let key = span.or_else(|| trace.telling().map(|span| span.key));
            let of = all.iter().find(|(known, _)| Some(*known) == key);
            of.map_or_else(Default::default, |(_, contents)| {
                (replay::prompt_text(contents), replay::response_text(contents))
            })
        };
        let (left_told, right_told): ((String, String), (String, String)) =
            (told(one, open.left.span, first), told(other, right.span, second));
        let compared = compare(
            Side {
                trace: one,
                contents: first,
                span: open.left.span,
                prompt: &left_told.0,
                answer: &left_told.1,
            },
            Side {
                trace: other,
                contents: second,
                span: right.span,
                prompt: &right_told.0,
                answer: &right_told.1,
            },
        );
        open.told = Some(compared);
        open.width = 0;
        self.settle_comparison();
    }

    /// Writes the text for the width of the screen.
    pub(super) fn settle_comparison(&mut self) {
        let (Some(open), Some(area)) = (&mut self.comparison, self.screen.comparison) else {
            return;
        };
        if let Some(told) = open.told.as_ref().filter(|_| open.width != area.width) {
            open.viewer.write(page(told, usize::from(area.width)), open.width != 0);
            open.width = area.width;
        }
        open.viewer.resize(area.width, area.height.saturating_sub(1));
    }

    /// Does an action while the comparison has the keys; false when it means there what it means everywhere.
    pub(super) fn act_on_comparison(&mut self, action: Action) -> bool {
        let Some(open) = &mut self.comparison else { return false };
        match action {
            Action::Back | Action::Leave | Action::Compare | Action::NextPane | Action::PreviousPane => self.leave_comparison(),
            Action::Wrap => open.viewer.toggle_wrap(),
            Action::ScrollLeft => open.viewer.scroll(Scroll::Columns(-8)),
            Action::ScrollRight => open.viewer.scroll(Scroll::Columns(8)),
            Action::Help | Action::Redraw | Action::Search | Action::NextMatch | Action::PreviousMatch => return false,
            Action::Top => open.viewer.scroll(Scroll::Top),
            Action::Bottom => open.viewer.scroll(Scroll::Bottom),
            _ => {
                if let Some(scroll) = Scroll::of(action) {
                    open.viewer.scroll(scroll);
                }
            }
        }
        true
    }

    /// Its text, to move and search in.
    pub(super) fn comparison_viewer(&mut self) -> Option<&mut Viewer> {
        self.comparison.as_mut().map(|open| &mut open.viewer)
    }

    /// Back to the list.
    pub(super) fn leave_comparison(&mut self) {
        self.comparison = None;
        for pane in [Pane::Evidence, Pane::Other, Pane::Peers] {
            self.asks.forget(pane);
        }
        self.wish.focus = Focus::List;
    }
}

/// Columns of a name.
const NAME: usize = 20;

/// The comparison as a text.
fn page(told: &Told, width: usize) -> Page {
    let mut page = Page::default();
    let room = (width.saturating_sub(NAME + 2) / 2).clamp(8, 60);
    let cell = |value: Option<&str>| {
        let value = text::cut(value.unwrap_or("–"), room - 1);
        format!("{value}{}", " ".repeat(room.saturating_sub(text::width(&value))))
    };
    page.push(Tone::Label, &" ".repeat(NAME + 2))
        .push(Tone::Heading, &cell(Some(&told.ids[0])))
        .line(Tone::Heading, &text::cut(&told.ids[1], room));
    for fact in told.facts.iter().chain(&told.tools) {
        let (sign, tone) = if fact.differs() {
            ("≠ ", Tone::Warning)
        } else {
            ("  ", Tone::Text)
        };
        let name = text::cut(&fact.name, NAME);
        page.push(tone, sign)
            .push(
                Tone::Label,
                &format!("{name}{}", " ".repeat(NAME.saturating_sub(text::width(&name)))),
            )
            .push(tone, &cell(fact.left.as_deref()))
            .line(tone, &text::cut(fact.right.as_deref().unwrap_or("–"), room));
    }
    if !told.documents.is_empty() {
        page.gap().line(Tone::Heading, "documents");
        for (change, name) in &told.documents {
            let (sign, tone) = match change {
                Change::Same => ("  ", Tone::Text),
                Change::Out => ("- ", Tone::Error),
                Change::In => ("+ ", Tone::Cost),
            };
            page.push(tone, sign).line(tone, name);
        }
    }
    for (title, pieces) in [("prompt", &told.prompt), ("answer", &told.answer)] {
        page.gap();
        if pieces.iter().all(|piece| piece.change == Change::Same) {
            page.line(Tone::Heading, &format!("{title}: the same"));
            continue;
        }
        page.line(Tone::Heading, title);
        words(&mut page, pieces);
        page.line(Tone::Text, "");
    }
    page
}

/// `Answer in [-French-]{+German+} now.`: told apart without colours too.
pub(super) fn words(page: &mut Page, pieces: &[Piece]) {
    for piece in pieces {
        let (tone, before, after) = match piece.change {
            Change::Same => (Tone::Text, "", ""),
            Change::Out => (Tone::Error, "[-", "-]"),
            Change::In => (Tone::Cost, "{+", "+}"),
        };
        // A line end stands behind its mark, else the mark would begin the next line.
        let said = piece.text.trim_end_matches('\n');
        page.push(tone, before).push(tone, said).push(tone, after);
        page.push(tone, &piece.text[said.len()..]);
    }
}
