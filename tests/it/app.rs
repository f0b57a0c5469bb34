//! The explorer by its keys, against a store in memory that answers from a few invented interactions. No terminal, no engine.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use spanscope::app::layout::{Focus, Plan};
use spanscope::app::{App, Effect, Input, ListLine, Mode, Msg, Notice, Pane, Settings, View};
use spanscope::keymap::{Keymap, Lookup};
use spanscope::model::column::Column;
use spanscope::model::content::{Contents, Message, MessagePart, Slot};
use spanscope::model::filter::{Field, Filter, Subject};
use spanscope::model::query::{
    CostRow, Cursor, Page, Query, RejectRow, Reply, Seen, SessionCursor, SessionRow, Sort, SourceStat, Stats, Window,
};
use spanscope::model::record::{Progress, Receipt, Tally};
use spanscope::model::span::{Part, SpanKey, SpanKind, Status, TraceKey};
use spanscope::model::spend::{Spend, Totals};
use spanscope::model::timeline::{self, Bar, Timeline};
use spanscope::model::trace::{FindingKind, Findings, Interaction, Trace};
use spanscope::model::usage::{Cost, CostBasis, Usage};
use spanscope::pricing::Prices;
use spanscope::ui;
use spanscope::ui::theme::{ColorSupport, Theme};

/// Read once: the table is long.
pub static PRICES: LazyLock<Arc<Prices>> = LazyLock::new(|| Arc::new(Prices::embedded()));

/// 2026-11-24 12:00:00 UTC.
pub const NOON: i64 = 1_795_521_600_000_000_000;
pub const SECOND: i64 = 1_000_000_000;

/// An explorer and the store it asks.
pub struct Desk {
    pub app: App,
    pub keymap: Keymap,
    pub traces: Vec<Trace>,
    /// Questions not answered yet.
    pub waiting: VecDeque<Effect>,
    /// Every other effect, and every question asked.
    pub copied: Vec<String>,
    /// What was copied, byte for byte.
    pub raw: Vec<Vec<u8>>,
    pub asked: Vec<(Pane, Query)>,
    pub quit: bool,
    /// What became of the lines read.
    pub tally: Tally,
    /// Of each source by itself.
    pub stored: Vec<SourceStat>,
    /// The newest first.
    pub rejects: Vec<RejectRow>,
    /// What the log lacks.
    pub health: spanscope::model::query::Health,
    /// Spend over time, and what is dear in a feature.
    pub trend: spanscope::model::query::Trend,
    pub spike: spanscope::model::query::Spike,
    /// Medians by feature, and those that were saved.
    pub medians: BTreeMap<String, spanscope::model::anomaly::Baseline>,
    pub baselines: BTreeMap<String, spanscope::model::anomaly::Baseline>,
    /// System prompts.
    pub prompts: Vec<spanscope::model::query::PromptRow>,
    /// The store answers every question with this.
    pub broken: Option<String>,
    /// Real logs answer first.
    pub script: Option<super::screens::Script>,
    pending: Vec<KeyEvent>,
}

/// Interactions over time, counted one by one.
pub fn over_time(rows: &[&Interaction], most: u32) -> Timeline {
    let starts = || rows.iter().map(|row| row.start);
    let (Some(low), Some(high)) = (starts().min(), starts().max()) else {
        return Timeline::default();
    };
    let step = timeline::fine(low, high);
    let mut counted: std::collections::BTreeMap<i64, Bar> = std::collections::BTreeMap::new();
    for row in rows {
        let bar = counted.entry(row.start.div_euclid(step)).or_default();
        bar.interactions += 1;
        bar.cost = row.cost.map(|cost| Cost(bar.cost.map_or(0, |sum| sum.0) + cost.0)).or(bar.cost);
        bar.at_least |= row.unpriced_calls > 0 || row.cost_basis == CostBasis::LowerBound;
        bar.errors += u64::from(row.status == Status::Error);
    }
    let counted: Vec<(i64, Bar)> = counted.into_iter().collect();
    let kept = timeline::bulk(&counted);
    let sum = |bars: &[(i64, Bar)]| bars.iter().map(|(_, bar)| bar.interactions).sum();
    Timeline {
        outside: (sum(&counted[..kept.start]), sum(&counted[kept.end..])),
        ..Timeline::gather(step, &counted[kept], u64::from(most))
    }
}

/// What these come to: all the values there are, dearest first.
pub fn spend(rows: Vec<CostRow>) -> Spend {
    let mut totals = Totals::default();
    for row in &rows {
        totals.add(row.cost, row.is_at_least());
    }
    Spend::new(rows, totals.finish())
}

/// Whether a filter and a window let an interaction through, as far as its row tells.
pub fn inside(row: &Interaction, filter: &Filter, window: Window) -> bool {
    let (ask, answer) = (row.ask.as_str(), row.answer.as_str());
    filter.matches(&Subject {
        texts: &[(SpanKey(0), ask), (SpanKey(0), answer)],
        ..Subject::of(row)
    }) && window.since.is_none_or(|since| row.start >= since)
        && window.until.is_none_or(|until| row.start < until)
}

/// The sessions of these interactions, added up one by one; the one with the newest interaction first.
pub fn conversations<'a>(rows: impl Iterator<Item = &'a Interaction>) -> Vec<SessionRow> {
    let mut by: std::collections::BTreeMap<String, Vec<&Interaction>> = std::collections::BTreeMap::new();
    for row in rows {
        if let Some(session) = &row.session {
            by.entry(session.clone()).or_default().push(row);
        }
    }
    let mut sessions = Vec::new();
    for (session, mut rows) in by {
        rows.sort_by_key(|row| (row.start, row.place));
        sessions.push(SessionRow {
            session,
            interactions: rows.len() as u64,
            first: rows[0].start,
            last: rows[rows.len() - 1].start,
            user: rows.iter().rev().find_map(|row| row.user.clone()),
            calls: rows.iter().map(|row| u64::from(row.calls)).sum(),
            tokens: rows.iter().filter_map(|row| row.usage.total()).reduce(|a, b| a + b),
            tokens_at_least: rows.iter().any(|row| row.usage.total().is_none() && row.calls > 0),
            cost: rows
                .iter()
                .filter_map(|row| row.cost)
                .map(|cost| cost.0)
                .reduce(|a, b| a + b)
                .map(Cost),
            cost_at_least: rows
                .iter()
                .any(|row| row.unpriced_calls > 0 || row.cost_basis == CostBasis::LowerBound),
            failed: rows.iter().filter(|row| row.status == Status::Error).count() as u64,
            with_finding: rows.iter().filter(|row| row.findings.iter().next().is_some()).count() as u64,
            ask: rows
                .iter()
                .rev()
                .find(|row| !row.ask.is_empty())
                .map_or_else(String::new, |row| row.ask.clone()),
        });
    }
    sessions.sort_by(|a, b| (b.last, &b.session).cmp(&(a.last, &a.session)));
    sessions
}

fn id(number: u64, span: u64) -> String {
    format!("{:016x}", number * 100 + span)
}

/// One interaction: a request with a model call that asks for a tool, the tool, and the model call that answers.
pub fn interaction(number: u64) -> Trace {
    let start = NOON - 3600 * SECOND + number as i64 * SECOND;
    let fails = number % 10 == 3;
    let features = ["support_chat", "billing_agent", "summarize"];
    let base = Part {
        trace: TraceKey(number),
        trace_id: format!("{number:032x}"),
        ended: true,
        status: Status::Ok,
        dialect: "invented".into(),
        ..Part::default()
    };
    let call = |span: u64, from: i64, to: i64| Part {
        span_id: id(number, span),
        parent_id: Some(id(number, 0)),
        kind: SpanKind::Llm,
        name: "chat".into(),
        slots: Slot::System.bit() | Slot::Message.bit() | Slot::Response.bit(),
        start: start + from,
        end: Some(start + to),
        request_model: Some("claude-sonnet-4-6".into()),
        usage: Usage {
            input: Some(800 + number),
            output: Some(40 + number * 3),
            ..Usage::default()
        },
        ..base.clone()
    };
    let parts = vec![
        Part {
            span_id: id(number, 0),
            kind: SpanKind::Request,
            name: "POST /chat".into(),
            start,
            end: Some(start + 2 * SECOND),
            feature: Some(features[number as usize % 3].into()),
            user: Some(format!("u_{:04}", number * 7 % 100)),
            session: (number % 5 != 4).then(|| format!("s_{}", number / 5)),
            ask: format!("question number {number}"),
            answer: format!("answer number {number}"),
            ..base.clone()
        },
        Part {
            stop_reason: Some("tool_use".into()),
            tool_calls: vec!["search_docs".into()],
            ..call(1, SECOND / 10, SECOND / 2)
        },
        Part {
            span_id: id(number, 2),
            parent_id: Some(id(number, 1)),
            kind: SpanKind::Tool,
            name: "search_docs".into(),
            tool_name: Some("search_docs".into()),
            start: start + SECOND / 2,
            end: Some(start + SECOND),
            documents: Some(3),
            status: if fails { Status::Error } else { Status::Ok },
            error: fails.then(|| "index offline".into()),
            ..base.clone()
        },
        Part {
            stop_reason: Some("end_turn".into()),
            ..call(3, SECOND, 2 * SECOND)
        },
    ];
    spanscope::derive::derive(parts, &PRICES)
}

impl Desk {
    pub fn new(count: u64, width: u16, height: u16) -> Self {
        Self::in_window(count, width, height, Window::default())
    }

    /// As with `--since` and `--until`.
    pub fn in_window(count: u64, width: u16, height: u16, window: Window) -> Self {
        Self::begun(count, width, height, window, Vec::new(), false)
    }

    /// A kept store without any source.
    pub fn kept(count: u64, width: u16, height: u16) -> Self {
        Self::begun(count, width, height, Window::default(), Vec::new(), true)
    }

    fn begun(count: u64, width: u16, height: u16, window: Window, views: Vec<View>, kept: bool) -> Self {
        let settings = Settings {
            sources: vec!["/var/log/app/*.jsonl".into()],
            filter: Filter::All,
            filter_text: String::new(),
            views,
            plan: Plan::default(),
            window,
            prices: Arc::clone(&PRICES),
            judging: Arc::default(),
            timezone: jiff::tz::TimeZone::UTC,
            now: NOON,
            width,
            height,
            quiet: false,
            kept,
        };
        let (app, effects) = App::new(settings);
        let mut desk = Self {
            app,
            keymap: Keymap::load(None).unwrap(),
            traces: (0..count).map(interaction).collect(),
            waiting: VecDeque::new(),
            copied: Vec::new(),
            raw: Vec::new(),
            asked: Vec::new(),
            quit: false,
            tally: Tally::default(),
            health: spanscope::model::query::Health::default(),
            trend: spanscope::model::query::Trend::default(),
            spike: spanscope::model::query::Spike::default(),
            medians: BTreeMap::new(),
            baselines: BTreeMap::new(),
            prompts: Vec::new(),
            stored: Vec::new(),
            rejects: Vec::new(),
            broken: None,
            script: None,
            pending: Vec::new(),
        };
        desk.take(effects);
        desk
    }

    /// One whose first questions are answered.
    pub fn with_views(count: u64, width: u16, height: u16, views: &[(&str, &str)]) -> Self {
        let views = views.iter().map(|(name, filter)| View {
            name: (*name).to_owned(),
            filter: (*filter).to_owned(),
        });
        let mut desk = Self::begun(count, width, height, Window::default(), views.collect(), false);
        desk.answer_all();
        desk
    }

    pub fn ready(count: u64, width: u16, height: u16) -> Self {
        let mut desk = Self::new(count, width, height);
        desk.progress(Progress {
            inputs: 1,
            following: true,
            ..Progress::default()
        });
        desk.answer_all();
        desk
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Copy { bytes, .. } => {
                    self.copied.push(String::from_utf8_lossy(&bytes).into_owned());
                    self.raw.push(bytes);
                }
                Effect::Quit => self.quit = true,
                Effect::SaveBaselines(found) => self.baselines = found,
                Effect::Keep(_) | Effect::Suspend | Effect::Redraw | Effect::Print | Effect::Outside { .. } => {}
                Effect::Ask(pane, ticket, query) => {
                    self.asked.push((pane, query.clone()));
                    // The runtime interrupts an older question of the same pane.
                    self.waiting.retain(|other| !matches!(other, Effect::Ask(old, ..) if *old == pane));
                    self.waiting.push_back(Effect::Ask(pane, ticket, query));
                }
                Effect::Raw(_) => self.waiting.push_back(effect),
            }
        }
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = self.app.update(msg);
        self.take(effects);
    }

    pub fn progress(&mut self, progress: Progress) {
        self.send(Msg::Progress(progress));
    }

    pub fn answer_one(&mut self) -> bool {
        match self.waiting.pop_front() {
            Some(Effect::Ask(_, ticket, query)) => {
                let reply = self.broken.clone().map_or_else(|| self.reply(query), Reply::Failed);
                self.send(Msg::Answer(ticket, reply));
                true
            }
            Some(Effect::Raw(origin)) => {
                self.send(Msg::Raw(origin, Ok(b"{\"raw\":true}".to_vec())));
                true
            }
            _ => false,
        }
    }

    /// Answers until nothing is asked any more. A program that never stops asking fails here.
    pub fn answer_all(&mut self) {
        for _ in 0..1000 {
            if !self.answer_one() {
                return;
            }
        }
        panic!("questions without end: {:?}", self.asked.iter().rev().take(3).collect::<Vec<_>>());
    }

    fn reply(&self, query: Query) -> Reply {
        let scripted = self.script.as_ref().map(|script| script.answer(&query));
        if let Some(reply) = scripted.filter(|reply| !matches!(reply, Reply::Interrupted)) {
            return reply;
        }
        let rows = self.traces.iter().map(|trace| &trace.row);
        match query {
            Query::Interactions {
                filter,
                window,
                sort,
                page,
                limit,
            } => {
                let mut all: Vec<Interaction> = rows.filter(|row| inside(row, &filter, window)).cloned().collect();
                let order = |row: &Interaction, cursor: &Cursor| Cursor::at(row, sort).compare(cursor, sort);
                all.sort_by(|a, b| order(a, &Cursor::at(b, sort)));
                let limit = limit as usize;
                let cut = |rows: Vec<Interaction>| (rows.len() > limit, rows.into_iter().take(limit).collect::<Vec<_>>());
                let from_end = |rows: Vec<Interaction>| {
                    let skip = rows.len().saturating_sub(limit);
                    (skip > 0, rows.into_iter().skip(skip).collect())
                };
                let (more, rows) = match page {
                    Page::First => cut(all),
                    Page::Last => from_end(all),
                    Page::After(cursor) => cut(all.into_iter().filter(|row| order(row, &cursor).is_gt()).collect()),
                    Page::From(cursor) => cut(all.into_iter().filter(|row| order(row, &cursor).is_ge()).collect()),
                    Page::Before(cursor) => from_end(all.into_iter().filter(|row| order(row, &cursor).is_lt()).collect()),
                };
                Reply::Interactions { rows, more }
            }
            Query::Count { filter, window } => Reply::Count(rows.filter(|row| inside(row, &filter, window)).count() as u64),
            Query::Trace(key) => Reply::Trace(self.traces.iter().find(|trace| trace.row.trace == key).cloned().map(Box::new)),
            Query::Contents { trace, span } => {
                let of = |text: &str, role: &str| {
                    vec![Message {
                        role: role.into(),
                        parts: vec![MessagePart::Text { text: text.into() }],
                    }]
                };
                let trace = self.traces.iter().find(|other| other.row.trace == trace);
                Reply::Contents(trace.map_or_else(Vec::new, |trace| {
                    let contents = Contents {
                        system: Some("You are a patient assistant.".into()),
                        messages: of(&trace.row.ask, "user"),
                        response: of(&trace.row.answer, "assistant"),
                        ..Contents::default()
                    };
                    trace
                        .spans
                        .iter()
                        .filter(|other| span.is_none_or(|span| span == other.key))
                        .map(|s| (s.key, contents.clone()))
                        .collect()
                }))
            }
            Query::Costs { filter, window, .. } => {
                let mut costs: Vec<CostRow> = Vec::new();
                for row in rows.filter(|row| inside(row, &filter, window)) {
                    let at = costs.iter().position(|cost| cost.key == row.feature).unwrap_or_else(|| {
                        costs.push(CostRow {
                            key: row.feature.clone(),
                            ..CostRow::default()
                        });
                        costs.len() - 1
                    });
                    costs[at].interactions += 1;
                    costs[at].calls += u64::from(row.calls);
                    costs[at].cost = Some(spanscope::model::usage::Cost(
                        costs[at].cost.map_or(0, |c| c.0) + row.cost.map_or(0, |c| c.0),
                    ));
                    costs[at].p50_cost = row.cost;
                }
                costs.sort_by_key(|row| std::cmp::Reverse(row.cost));
                Reply::Costs(Box::new(spend(costs)))
            }
            Query::Timeline { filter, window, most } => {
                let rows: Vec<&Interaction> = rows.filter(|row| inside(row, &filter, window)).collect();
                Reply::Timeline(Box::new(over_time(&rows, most)))
            }
            Query::Sessions {
                filter,
                window,
                page,
                limit,
            } => {
                let all = conversations(rows.filter(|row| inside(row, &filter, window)));
                let place = |row: &SessionRow| (std::cmp::Reverse(row.last), std::cmp::Reverse(row.session.clone()));
                let of = |cursor: SessionCursor| (std::cmp::Reverse(cursor.last), std::cmp::Reverse(cursor.session));
                let limit = limit as usize;
                let (mut rows, forward): (Vec<SessionRow>, bool) = match page {
                    Page::First => (all, true),
                    Page::Last => (all, false),
                    Page::After(cursor) => (all.into_iter().filter(|row| place(row) > of(cursor.clone())).collect(), true),
                    Page::From(cursor) => (all.into_iter().filter(|row| place(row) >= of(cursor.clone())).collect(), true),
                    Page::Before(cursor) => (all.into_iter().filter(|row| place(row) < of(cursor.clone())).collect(), false),
                };
                let more = rows.len() > limit;
                if forward {
                    rows.truncate(limit);
                } else {
                    rows.drain(..rows.len().saturating_sub(limit));
                }
                Reply::Sessions { rows, more }
            }
            Query::Earlier(key) => Reply::Earlier(super::conversation::earlier(self.traces.iter(), key).map(Box::new)),
            Query::Peers { .. } => Reply::Peers(Box::default()),
            Query::Trend { .. } => Reply::Trend(Box::new(self.trend.clone())),
            Query::Spike { .. } => Reply::Spike(Box::new(self.spike.clone())),
            Query::Baselines => Reply::Baselines(self.medians.clone()),
            Query::Prompts { .. } => Reply::Prompts {
                rows: self.prompts.clone(),
                more: false,
            },
            Query::Stats => Reply::Stats(Box::new(Stats {
                interactions: self.traces.len() as u64,
                tally: self.tally.clone(),
                sources: self.stored.clone(),
                ..Stats::default()
            })),
            Query::Health { .. } => Reply::Health(Box::new(self.health.clone())),
            Query::Find { .. } => Reply::Found(Vec::new()),
            Query::Values { of, text, limit } => {
                let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
                for row in rows {
                    let value = match of {
                        Seen::Field(Field::Feature) => row.feature.clone(),
                        Seen::Field(Field::User) => row.user.clone(),
                        Seen::Attributes => Some("http.route".to_owned()),
                        Seen::Field(_) => None,
                    };
                    if let Some(value) = value.filter(|value| value.to_lowercase().contains(&text.to_lowercase())) {
                        *counts.entry(value).or_default() += 1;
                    }
                }
                let mut values: Vec<(String, u64)> = counts.into_iter().collect();
                values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                values.truncate(limit as usize);
                Reply::Values(values)
            }
            Query::Rejects { sources, page, limit } => {
                let ours = self.rejects.iter().filter(|row| sources.contains(&row.origin.source));
                let mut all: Vec<RejectRow> = ours.cloned().collect();
                let limit = limit as usize;
                match page {
                    Page::First => {}
                    Page::After(origin) => all.retain(|row| row.origin < origin),
                    Page::From(origin) => all.retain(|row| row.origin <= origin),
                    Page::Before(origin) => all.retain(|row| row.origin > origin),
                    Page::Last => {}
                }
                let more = all.len() > limit;
                match page {
                    Page::Last | Page::Before(_) => drop(all.drain(..all.len().saturating_sub(limit))),
                    _ => all.truncate(limit),
                }
                for row in &mut all {
                    row.bytes.truncate(256);
                }
                Reply::Rejects { rows: all, more }
            }
            Query::Reject(origin) => Reply::Reject(self.rejects.iter().find(|row| row.origin == origin).cloned().map(Box::new)),
        }
    }

    /// Presses keys without answering questions: `"jj<enter>"`.
    pub fn press(&mut self, keys: &str) {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (code, modifiers, after) = match named {
                Some((name, after)) if name.len() > 1 => {
                    let (code, modifiers) = match name {
                        "enter" => (KeyCode::Enter, KeyModifiers::NONE),
                        "esc" => (KeyCode::Esc, KeyModifiers::NONE),
                        "tab" => (KeyCode::Tab, KeyModifiers::NONE),
                        "s-tab" => (KeyCode::BackTab, KeyModifiers::SHIFT),
                        "c-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
                        "c-u" => (KeyCode::Char('u'), KeyModifiers::CONTROL),
                        "c-d" => (KeyCode::Char('d'), KeyModifiers::CONTROL),
                        "up" => (KeyCode::Up, KeyModifiers::NONE),
                        "down" => (KeyCode::Down, KeyModifiers::NONE),
                        "pgdn" => (KeyCode::PageDown, KeyModifiers::NONE),
                        other => panic!("no key {other}"),
                    };
                    (code, modifiers, after)
                }
                _ => (KeyCode::Char(first), KeyModifiers::NONE, &rest[first.len_utf8()..]),
            };
            rest = after;
            let event = KeyEvent::new(code, modifiers);
            match self.keymap.lookup(self.app.mode(), &self.pending, event) {
                Lookup::Action(action) => {
                    self.pending.clear();
                    self.send(Msg::Do(action));
                }
                Lookup::Pending => self.pending.push(event),
                Lookup::Unbound => {
                    self.pending.clear();
                    if self.app.mode() == Mode::Prompt {
                        self.send(Msg::Type(Input::from(event)));
                    }
                }
            }
        }
    }

    /// Presses keys, the store answering after each.
    pub fn keys(&mut self, keys: &str) {
        let mut rest = keys;
        while !rest.is_empty() {
            let end = if rest.starts_with('<') && rest.len() > 1 {
                rest.find('>').map_or(1, |at| at + 1)
            } else {
                rest.chars().next().unwrap().len_utf8()
            };
            self.press(&rest[..end]);
            self.answer_all();
            rest = &rest[end..];
        }
    }

    /// One more interaction is written and committed.
    pub fn write(&mut self, number: u64) {
        let trace = interaction(number);
        let receipt = Receipt {
            lines: 4,
            traces: vec![trace.row.trace],
            interactions: self.traces.len() as u64 + 1,
            ..Receipt::default()
        };
        self.traces.push(trace);
        self.send(Msg::Ingested(receipt));
    }

    /// The number of the interaction the cursor is in.
    pub fn at(&self) -> Option<u64> {
        self.app.list().selected().map(|selected| selected.trace.0)
    }

    /// The name of the span the cursor is on.
    pub fn span(&self) -> Option<String> {
        let selected = self.app.list().selected()?;
        let key = selected.span?;
        let trace = self.traces.iter().find(|trace| trace.row.trace == selected.trace)?;
        trace
            .spans
            .iter()
            .find(|span| span.key == key)
            .map(|span| span.part.span_id[14..].to_owned() + span.part.kind.name())
    }

    pub fn render(&self, theme: &Theme) -> Buffer {
        let area = self.app.screen().frame;
        let mut buffer = Buffer::empty(area);
        ui::render(&self.app, &self.keymap, theme, area, &mut buffer);
        buffer
    }
}

#[test]
fn the_first_rows_do_not_wait_for_panels() {
    let asked = |desk: &Desk| desk.asked.iter().map(|(pane, _)| *pane).collect::<Vec<_>>();
    let mut desk = Desk::new(0, 160, 40);
    desk.answer_all();
    assert_eq!(asked(&desk), [Pane::List], "nothing is there yet, and nobody knows what will come");
    assert_eq!(desk.app.wants_tick(), None, "and no tick brings it about");
    desk.progress(Progress {
        inputs: 1,
        history_total: 1_000,
        ..Progress::default()
    });
    desk.answer_all();
    assert_eq!(asked(&desk), [Pane::List]);
    desk.asked.clear();
    desk.write(0);
    assert_eq!(asked(&desk), [Pane::List], "rows first");
    desk.answer_all();
    for pane in [Pane::Costs, Pane::Trend, Pane::Timeline, Pane::Stats] {
        assert!(asked(&desk).contains(&pane), "{pane:?}: {:?}", asked(&desk));
    }
    // Rows that no filter lets through never come: panels do not wait for them, however often the list is asked again.
    let mut none = Desk::new(0, 160, 40);
    none.answer_all();
    for _ in 0..2 {
        none.send(Msg::Ingested(Receipt::default()));
    }
    assert_eq!(asked(&none), [Pane::List, Pane::List]);
    none.answer_one();
    assert!(asked(&none).contains(&Pane::Costs), "{:?}", asked(&none));
    // Sources without any history are told at once.
    let mut empty = Desk::ready(0, 160, 40);
    empty.answer_all();
    assert!(asked(&empty).contains(&Pane::Costs) && asked(&empty).contains(&Pane::Stats));
}

#[test]
fn at_first_the_newest_is_on_top_and_followed() {
    let mut desk = Desk::ready(20, 120, 40);
    assert_eq!(desk.at(), Some(19));
    desk.write(20);
    desk.answer_all();
    assert_eq!(desk.at(), Some(20), "the cursor goes with the newest");
    assert_eq!(desk.app.list().lines().len(), 21);
}

#[test]
fn moving_away_pauses_and_counts_what_is_new_until_g() {
    let mut desk = Desk::ready(200, 120, 40);
    desk.keys("jj");
    assert_eq!((desk.at(), desk.app.list().follows()), (Some(197), false));
    let on_screen = desk.app.list().at() - desk.app.list().top();
    for number in 200..237 {
        desk.write(number);
        desk.answer_all();
    }
    assert_eq!(desk.at(), Some(197), "the cursor stays on its interaction");
    assert_eq!(desk.app.list().newer(), 37);
    assert_eq!(
        desk.app.list().at() - desk.app.list().top(),
        on_screen,
        "and at its place on the screen"
    );
    desk.keys("g");
    assert_eq!(
        (desk.at(), desk.app.list().follows(), desk.app.list().newer()),
        (Some(236), true, 0)
    );
}

#[test]
fn many_commits_make_one_question_a_pane() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.asked.clear();
    for number in 5..205 {
        desk.write(number);
    }
    for pane in [Pane::List, Pane::Costs, Pane::Count, Pane::Newer, Pane::Stats] {
        assert!(desk.asked.iter().filter(|(asked, _)| *asked == pane).count() <= 1, "{pane:?}");
    }
    desk.answer_all();
    assert_eq!(desk.at(), Some(204), "the last answer is up to date");
}

#[test]
fn the_costs_are_asked_for_at_most_four_times_a_second() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.asked.clear();
    for step in 0..100 {
        desk.write(5 + step);
        desk.send(Msg::Tick(NOON + step as i64 * SECOND / 100));
        desk.answer_all();
    }
    let asked = desk.asked.iter().filter(|(pane, _)| *pane == Pane::Costs).count();
    assert!((2..=5).contains(&asked), "{asked}");
}

#[test]
fn when_nothing_happens_no_tick_is_wanted() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.write(5);
    desk.send(Msg::Notice(Notice::info("copied")));
    let mut now = NOON;
    for _ in 0..100 {
        desk.answer_all();
        let Some(next) = desk.app.wants_tick() else { break };
        assert!(next <= now + 2 * SECOND, "a tick far away would leave the screen stale");
        now = next.max(now + 1);
        desk.send(Msg::Tick(now));
    }
    assert_eq!(desk.app.wants_tick(), None);
    assert_eq!(desk.app.status().rate(), 0);
    assert!(desk.app.notice().is_none());
    assert!(desk.waiting.is_empty());
}

#[test]
fn the_whole_list_is_walked_through_a_window() {
    let mut desk = Desk::ready(450, 80, 24);
    let mut seen = vec![desk.at().unwrap()];
    for _ in 0..449 {
        desk.keys("j");
        seen.push(desk.at().unwrap());
        assert!(desk.app.list().rows().len() <= 300);
    }
    assert_eq!(seen, (0..450).rev().collect::<Vec<_>>());
    for expected in 1..450 {
        desk.keys("k");
        assert_eq!(desk.at(), Some(expected));
    }
    desk.keys("G");
    assert_eq!(desk.at(), Some(0));
    desk.keys("g");
    assert_eq!(desk.at(), Some(449));
}

#[test]
fn enter_opens_the_interaction_at_its_last_call_and_esc_goes_back() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.keys("<enter>");
    assert_eq!(desk.span().as_deref(), Some("93llm"), "{:?}", desk.span());
    assert_eq!(desk.app.focus(), Focus::Inspector);
    desk.keys("<esc>");
    assert_eq!(desk.app.focus(), Focus::List);
    desk.keys("<esc><esc><esc>");
    assert_eq!(desk.app.list().lines().len(), 5, "everything is collapsed again");
    assert!(!desk.quit, "esc never quits");
    desk.keys("q");
    assert!(desk.quit);
}

#[test]
fn folding_hides_what_is_below() {
    let mut desk = Desk::ready(3, 120, 40);
    desk.keys("l");
    assert_eq!(desk.app.list().lines().len(), 3 + 4);
    desk.keys("jj");
    assert_eq!(desk.span().as_deref(), Some("c9llm"));
    desk.keys("h");
    assert_eq!(desk.app.list().lines().len(), 3 + 3, "the tool below the call is hidden");
    desk.keys("l");
    assert_eq!(desk.app.list().lines().len(), 3 + 4);
    desk.keys("hh");
    assert_eq!(desk.span().as_deref(), Some("c8request"), "a folded span's h goes to its parent");
    desk.keys("c");
    assert_eq!(desk.app.list().lines().len(), 3 + 1);
    desk.keys("e");
    assert_eq!(desk.app.list().lines().len(), 3 + 4);
}

#[test]
fn an_open_interaction_grows_while_it_runs() {
    let mut desk = Desk::ready(3, 120, 40);
    desk.keys("l");
    desk.asked.clear();
    desk.send(Msg::Ingested(Receipt {
        traces: vec![TraceKey(2)],
        interactions: 3,
        ..Receipt::default()
    }));
    desk.send(Msg::Ingested(Receipt {
        traces: vec![TraceKey(1)],
        interactions: 3,
        ..Receipt::default()
    }));
    desk.answer_all();
    let traces: Vec<_> = desk
        .asked
        .iter()
        .filter(|(pane, _)| *pane == Pane::Trace)
        .map(|(_, query)| query.clone())
        .collect();
    assert_eq!(traces, [Query::Trace(TraceKey(2))]);
}

#[test]
fn a_trace_that_cannot_be_read_is_asked_for_once_and_says_why() {
    let mut desk = Desk::ready(3, 120, 40);
    desk.broken = Some("disk full".into());
    desk.keys("<enter>");
    assert!(matches!(desk.app.list().lines()[1], ListLine::Note(0)));
    let screen = text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()));
    assert!(screen.contains("disk full"), "{screen}");
    desk.broken = None;
    desk.keys("<esc><esc>hl");
    assert_eq!(desk.app.list().lines().len(), 3 + 4, "opening it again asks again");
}

#[test]
fn the_filter_is_checked_where_it_is_typed() {
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("ffeature:summarize<enter>");
    assert_eq!(desk.app.filter_text(), "feature:summarize");
    assert!(desk.app.list().rows().iter().all(|row| row.feature.as_deref() == Some("summarize")));
    assert_eq!(desk.app.matching(), Some(10));
    desk.keys("f<c-u>cost><enter>");
    assert_eq!(desk.app.mode(), Mode::Prompt, "a mistake keeps the prompt open");
    assert!(desk.app.prompt().unwrap().error().is_some());
    desk.keys("<esc>");
    assert_eq!(desk.app.filter_text(), "feature:summarize", "cancelled: as before");
    desk.keys("f");
    for _ in 0..30 {
        desk.send(Msg::Type(Input::from(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE))));
    }
    desk.keys("<enter>");
    assert_eq!((desk.app.filter_text(), desk.app.list().rows().len()), ("", 30));
    desk.keys("ffeature:summarize<enter>/question<enter><esc>");
    assert_eq!((desk.app.filter_text(), desk.app.search_text()), ("feature:summarize", None));
    desk.keys("<esc>");
    assert_eq!(
        (desk.app.filter_text(), desk.app.list().rows().len()),
        ("", 30),
        "esc clears what is set, last set first"
    );
}

#[test]
fn an_interaction_that_is_entered_stays_in_sight_with_its_spans() {
    for start in [3, 12, 30] {
        let mut desk = Desk::ready(60, 120, 40);
        desk.keys(&"j".repeat(start));
        desk.keys("<enter>");
        let list = desk.app.list();
        let head = desk.app.line_of(TraceKey(59 - start as u64)).unwrap();
        assert!(
            list.top() <= head && list.at() > head && list.at() < list.top() + desk.app.screen().list_rows(),
            "{start}"
        );
    }
}

#[test]
fn what_is_pasted_stays_one_line() {
    let mut desk = Desk::ready(3, 120, 40);
    desk.keys("f");
    desk.send(Msg::Paste("feature:\nbilling_agent\n".into()));
    assert_eq!(desk.app.prompt().unwrap().text(), "feature: billing_agent");
}

#[test]
fn search_goes_to_rows_that_are_not_loaded() {
    let mut desk = Desk::ready(1000, 120, 40);
    desk.keys("/number 25<enter>");
    assert_eq!(desk.at(), Some(259));
    desk.keys("n");
    assert_eq!(desk.at(), Some(258));
    desk.keys("N");
    assert_eq!(desk.at(), Some(259));
    desk.keys("N");
    assert_eq!(desk.at(), Some(259));
    assert!(desk.app.notice().unwrap().0.text.contains("no match"));
    desk.keys("j");
    assert_eq!(desk.at(), Some(258), "one can go on from there");
}

#[test]
fn sorting_by_the_same_again_reverses() {
    let mut desk = Desk::ready(50, 120, 40);
    desk.keys("sc");
    assert_eq!(
        desk.app.list().sort(),
        Sort {
            key: Column::Cost,
            descending: true
        }
    );
    assert_eq!(desk.at(), Some(49), "the dearest");
    desk.keys("sc");
    assert_eq!(desk.at(), Some(0), "the cheapest");
    desk.keys("st");
    assert_eq!(desk.app.list().sort(), Sort::default());
}

#[test]
fn jumps_go_from_finding_to_finding_and_from_error_to_error() {
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("]");
    assert_eq!(desk.at(), Some(23));
    desk.keys("]");
    assert_eq!(desk.at(), Some(13));
    desk.keys("[");
    assert_eq!(desk.at(), Some(23));
    desk.keys("l");
    desk.keys("!");
    assert_eq!(
        (desk.at(), desk.span().map(|span| span[2..].to_owned())),
        (Some(23), Some("tool".into()))
    );
    desk.keys("(");
    assert_eq!(desk.at(), Some(24));
}

/// The window holds 300 rows; findings far beyond it are found by one question each.
#[test]
fn jumps_reach_findings_that_are_not_loaded() {
    let mut desk = Desk::new(2600, 80, 24);
    for trace in &mut desk.traces {
        if !matches!(trace.row.trace.0, 7 | 2550) {
            trace.row.findings = Findings::default();
        }
    }
    desk.progress(Progress {
        following: true,
        ..Progress::default()
    });
    for trace in [7, 2550] {
        desk.traces[trace].row.findings.insert(FindingKind::Truncated);
    }
    desk.answer_all();
    desk.keys("]");
    assert_eq!(desk.at(), Some(2550));
    desk.asked.clear();
    desk.keys("]");
    assert_eq!(desk.at(), Some(7));
    let asked = desk
        .asked
        .iter()
        .filter(|(_, query)| matches!(query, Query::Interactions { .. }))
        .count();
    assert!(asked <= 3, "no walk through the pages between: {asked}");
    desk.keys("]");
    assert_eq!(desk.at(), Some(7));
    assert_eq!(desk.app.notice().unwrap().0.text, "no interaction with a finding after this one");
    desk.keys("k[");
    assert_eq!(desk.at(), Some(2550), "back over everything in between");
    desk.keys("[");
    assert_eq!(desk.app.notice().unwrap().0.text, "no interaction with a finding before this one");
    desk.keys("sc]");
    assert_eq!(desk.at(), Some(2550), "in the order of the list, whatever that is");
    desk.keys("ffeature:billing_agent<enter>]");
    assert_eq!(desk.at(), Some(7), "within the filter: {:?}", desk.app.filter_text());
}

#[test]
fn calls_are_walked_with_braces() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.keys("l}");
    assert_eq!(desk.span().as_deref(), Some("91llm"));
    desk.keys("}");
    assert_eq!(desk.span().as_deref(), Some("93llm"));
    desk.keys("{");
    assert_eq!(desk.span().as_deref(), Some("91llm"));
}

#[test]
fn a_copy_gathers_what_it_needs() {
    let mut desk = Desk::ready(5, 120, 40);
    desk.keys("yi");
    assert_eq!(desk.copied.pop().as_deref(), Some(format!("{:032x}", 4).as_str()));
    desk.keys("yp");
    assert!(desk.copied.pop().unwrap().contains("question number 4"));
    desk.keys("ym");
    let json: serde_json::Value = serde_json::from_str(&desk.copied.pop().unwrap()).unwrap();
    assert!(json.to_string().contains("question number 4"));
    desk.keys("yr");
    assert!(desk.copied.pop().unwrap().contains("answer number 4"));
    desk.keys("yl");
    assert_eq!(desk.copied.pop().as_deref(), Some("{\"raw\":true}"));
    desk.keys("y<esc>");
    assert_eq!((desk.copied.len(), desk.app.mode()), (0, Mode::List));
}

#[test]
fn the_costs_panel_filters_by_its_feature() {
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("<tab>");
    assert_eq!(desk.app.mode(), Mode::Costs);
    let feature = desk.app.costs().rows()[1].key.clone();
    desk.keys("j<enter>");
    assert_eq!(desk.app.focus(), Focus::List);
    assert!(desk.app.list().rows().iter().all(|row| row.feature == feature));
}

fn plain(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

#[test]
fn what_is_asked_of_a_row_waits_for_the_rows_of_the_filter() {
    for (key, mode) in [("D", Mode::Diagnosis), ("d", Mode::Comparison)] {
        let mut desk = Desk::ready(30, 120, 40);
        let before = desk.at();
        desk.press("ffeature:billing_agent<enter>");
        // The rows are not here yet: the key must not act on one of the others.
        desk.press(key);
        assert_eq!(desk.app.mode(), Mode::List, "{key}");
        assert!(
            desk.app
                .notice()
                .is_some_and(|(notice, _)| notice.text.contains("waits for the rows")),
            "{key}"
        );
        desk.answer_all();
        assert_eq!(desk.app.mode(), mode, "{key}");
        assert_ne!(desk.at(), before, "{key}");
        let asked = desk.asked.iter().rev().find_map(|(pane, query)| match (pane, query) {
            (Pane::Evidence, Query::Contents { trace, .. }) => Some(trace.0),
            _ => None,
        });
        assert_eq!(asked, desk.at(), "{key}");
    }
    // Whatever else is pressed meanwhile takes its place.
    let mut desk = Desk::ready(30, 120, 40);
    desk.press("ffeature:billing_agent<enter>Dj");
    desk.answer_all();
    assert_eq!(desk.app.mode(), Mode::List);
}

#[test]
fn the_panel_opens_what_it_sums() {
    let mut desk = Desk::ready(30, 120, 40);
    // A time of the panel's own is part of what its sums are of.
    desk.keys("<tab>ww<enter>");
    let filter = desk.app.filter_text().to_owned();
    assert!(filter.starts_with("feature:") && filter.contains("at>="), "{filter}");
    let clock = spanscope::model::moment::Clock {
        now: NOON,
        zone: jiff::tz::TimeZone::UTC,
    };
    assert!(Filter::parse(&filter, &clock).is_ok(), "{filter}");
    // By service, where none was logged.
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("<tab>KKKK<enter>");
    assert_eq!(desk.app.mode(), Mode::List);
    assert!(!desk.app.filter_text().is_empty());
}

/// Spend that rises.
pub fn trend() -> spanscope::model::query::Trend {
    use spanscope::model::query::{Trend, TrendRow};
    Trend {
        since: Some(NOON - 3600 * SECOND),
        step: 600 * SECOND,
        steps: 6,
        rows: vec![TrendRow {
            key: Some("summarize".into()),
            spent: [1, 1, 0, 2, 4, 8].map(|n| (n > 0).then_some(Cost(n * 1_000_000_000))).to_vec(),
            anomalies: Some(2),
            logged_anomalies: Some(1),
            rising: Some(true),
        }],
    }
}

/// Two of a feature that are dear.
pub fn dear() -> spanscope::model::query::Spike {
    use spanscope::model::anomaly::Baseline;
    use spanscope::model::query::{LoggedAnomaly, Peer, Spike};
    let peer = |number: u64, calls: u32| {
        let mut trace = interaction(number);
        trace.row.llm_calls = calls;
        Peer {
            trace,
            contents: Vec::new(),
        }
    };
    Spike {
        feature: Some("summarize".into()),
        count: 2,
        first: Some(NOON - 900 * SECOND),
        baseline: Some(Baseline {
            p50: Cost(8_000_000_000),
            samples: 40,
        }),
        priced: 42,
        hour: Some((Cost(19_500_000_000), true)),
        dear: vec![peer(28, 9), peer(27, 9)],
        usual: vec![peer(26, 2), peer(25, 2)],
        logged: vec![LoggedAnomaly {
            at: NOON - 800 * SECOND,
            cost: "0.0312".into(),
            baseline: "0.008".into(),
            ratio: "3.9".into(),
        }],
        logged_count: 1,
        models: vec![("claude-haiku-4-5".into(), 40)],
    }
}

#[test]
fn a_spike_is_explained_and_opened() {
    let mut desk = Desk::ready(30, 150, 40);
    desk.trend = trend();
    desk.spike = dear();
    desk.send(Msg::Tick(NOON + SECOND));
    desk.keys("r<tab>");
    assert!(plain(&desk).contains("▲2 ↗"));
    desk.keys("z");
    insta::assert_snapshot!("the_costs_as_a_table", plain(&desk));
    desk.keys("e");
    assert_eq!(desk.app.mode(), Mode::Sheet);
    insta::assert_snapshot!("a_spike_explained", plain(&desk));
    desk.keys("<enter>");
    assert_eq!(
        (desk.app.mode(), desk.app.filter_text()),
        (Mode::List, "feature:summarize finding:anomaly")
    );
    // A cause opens the interaction that shows it, with its spans.
    desk.keys("<esc>");
    for _ in 0..4 {
        if desk.app.mode() != Mode::Costs {
            desk.keys("<tab>");
        }
    }
    desk.keys("ej");
    let example = interaction(27).row.trace_id;
    assert!(plain(&desk).contains(&format!("such as {example}")));
    desk.keys("<enter>");
    assert_eq!(desk.app.filter_text(), format!("trace:{example}"));
    assert_eq!(desk.app.list().lines().len(), 1 + interaction(27).spans.len());
    // Without a baseline nothing is alleged, and what to do is said.
    let mut desk = Desk::ready(30, 150, 40);
    desk.spike.priced = 7;
    desk.keys("<tab>e");
    let screen = plain(&desk);
    assert!(
        screen.contains("not judged. 7 interactions with a known cost, and 20 are needed"),
        "{screen}"
    );
    desk.keys("<esc>");
    assert_eq!(desk.app.mode(), Mode::Costs);
}

#[test]
fn system_prompts_are_a_page() {
    use spanscope::model::query::PromptRow;
    let mut desk = Desk::ready(9, 110, 30);
    desk.keys("P");
    assert!(plain(&desk).contains("No system prompt is logged"));
    desk.prompts = vec![PromptRow {
        id: "3f9ab21c04de".into(),
        text: format!("You are the assistant of a bookshop.\u{1b}[31m {}", "Be brief. ".repeat(60)),
        features: vec!["search".into(), "support_chat".into()],
        first: NOON - 86_400 * SECOND,
        last: NOON,
        interactions: 12,
        calls: 20,
        cost: Some(spanscope::model::usage::Cost(24_000_000_000)),
        with_finding: 3,
    }];
    let older = PromptRow {
        id: "77e001a2b3c4".into(),
        text: "You are the assistant of a library. Be kind.".into(),
        features: vec!["support_chat".into()],
        first: NOON - 9 * 86_400 * SECOND,
        last: NOON - 86_400 * SECOND,
        interactions: 1,
        ..PromptRow::default()
    };
    let other = PromptRow {
        id: "0123456789ab".into(),
        features: vec!["billing".into()],
        text: "Sum up.".into(),
        interactions: 1,
        ..older.clone()
    };
    desk.prompts.extend([other, older]);
    desk.keys("r");
    insta::assert_snapshot!("the_system_prompts", plain(&desk));
    // What changed since the one before it that the same feature used.
    desk.keys("d");
    insta::assert_snapshot!("what_changed_in_a_system_prompt", plain(&desk));
    desk.keys("<esc>jd");
    assert!(plain(&desk).contains("its features had no other system prompt before"));
    desk.keys("j<enter>");
    assert_eq!((desk.app.mode(), desk.app.filter_text()), (Mode::List, "prompt:77e001a2b3c4"));
    desk.keys("<esc>P");
    desk.keys("PH");
    assert_eq!(desk.app.mode(), Mode::Health);
    desk.keys("P");
    assert_eq!(desk.app.mode(), Mode::Sheet);
    desk.keys("P");
    assert_eq!(desk.app.mode(), Mode::List);
}

#[test]
fn baselines_are_saved_from_the_palette() {
    use spanscope::model::anomaly::Baseline;
    use spanscope::model::usage::Cost;
    let mut desk = Desk::ready(9, 110, 30);
    desk.keys(":save-baselines<enter>");
    assert!(
        plain(&desk).contains("no baselines are saved: no feature has 20 interactions"),
        "{}",
        plain(&desk)
    );
    let p50 = Cost(8_000_000_000);
    desk.medians = BTreeMap::from([("billing".to_owned(), Baseline { p50, samples: 40 })]);
    desk.keys(":save-baselines<enter>");
    assert_eq!(desk.baselines, desk.medians);
}

#[test]
fn an_answer_to_an_older_question_counts_for_nothing() {
    let mut desk = Desk::new(30, 120, 40);
    let first = desk
        .waiting
        .iter()
        .find(|effect| matches!(effect, Effect::Ask(Pane::List, ..)))
        .cloned();
    desk.press("sc");
    let Some(Effect::Ask(_, ticket, _)) = first else {
        panic!("nothing was asked")
    };
    desk.send(Msg::Answer(
        ticket,
        Reply::Interactions {
            rows: vec![interaction(7).row],
            more: false,
        },
    ));
    assert!(!desk.app.list().is_loaded());
    desk.answer_all();
    assert_eq!(desk.at(), Some(29));
}

/// The characters of a buffer, a line a row.
pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    buffer
        .content()
        .chunks(width)
        .map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n")
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is typed, answered and resized in whatever order: no panic, and the cursor stands on something that exists.
    #[test]
    fn no_order_of_events_breaks_it(steps in proptest::collection::vec((0u8..8, any::<u16>(), any::<u16>()), 0..120)) {
        let keys = [
            "j", "k", "<enter>", "<esc>", "h", "l", "G", "g", "F", "]", "[", ")", "(", "}", "{", "!", "z", "$", "<tab>", "<s-tab>",
            "/number 1<enter>", "n", "N", "ffeature:s*<enter>", "sc", "sd", "yp", "yl", "?", "q", "r", "c", "e", "<c-d>", "<pgdn>", "7", "w", ">", "L",
        ];
        let theme = Theme::load("dark", ColorSupport::True).unwrap();
        let mut desk = Desk::new(120, 120, 40);
        let mut number = 120;
        for (kind, a, b) in steps {
            match kind {
                0..=2 => desk.press(keys[usize::from(a) % keys.len()]),
                3 | 4 => { desk.answer_one(); }
                5 => { desk.write(number); number += 1; }
                6 => desk.send(Msg::Resized { width: a % 210, height: b % 70 }),
                _ => desk.send(Msg::Tick(NOON + i64::from(a) * SECOND)),
            }
            let list = desk.app.list();
            prop_assert!(list.lines().is_empty() || list.at() < list.lines().len());
            prop_assert!(list.rows().len() <= 300);
            desk.render(&theme);
        }
        desk.answer_all();
        prop_assert!(desk.app.list().is_loaded());
    }
}

#[test]
fn every_size_is_drawn_without_a_panic_even_into_another_one() {
    let theme = Theme::load("ansi", ColorSupport::Ansi16).unwrap();
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("<enter>");
    for width in [0, 1, 2, 5, 39, 40, 41, 59, 60, 80, 99, 100, 120, 159, 160, 200, 300] {
        for height in [0, 1, 2, 9, 10, 11, 24, 29, 30, 60] {
            desk.send(Msg::Resized { width, height });
            for keys in ["", "z", "?", "<esc>", "y", "<esc>", "f", "<esc>", "$", "$", "z"] {
                desk.press(keys);
                desk.render(&theme);
            }
            // A frame of another size than the last message said: a resize on its way.
            let mut small = Buffer::empty(Rect::new(0, 0, 7, 3));
            ui::render(&desk.app, &desk.keymap, &theme, small.area, &mut small);
        }
    }
}
