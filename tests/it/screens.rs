//! Whole screens, text and styles, at the sizes people have. The store is a script that answers with the sample logs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use spanscope::app::layout::Plan;
use spanscope::app::{Action, App, Effect, Msg, Settings};
use spanscope::derive::derive;
use spanscope::formats;
use spanscope::keymap::Keymap;
use spanscope::model::content::{Contents, assemble};
use spanscope::model::filter::Filter;
use spanscope::model::framing::Framing;
use spanscope::model::query::{CostKey, CostRow, Cursor, Peer, Peers, Query, Reply, Stats, Trend, TrendRow, Window};
use spanscope::model::record::{Block, Identity, Order, Progress, SourceInfo};
use spanscope::model::span::{Part, SpanKey, StartFrom, TraceKey};
use spanscope::model::trace::{Interaction, Trace};
use spanscope::model::usage::{Cost, CostBasis};
use spanscope::pricing::Prices;
use spanscope::ui;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{conversations, inside, over_time, spend};

/// A store that knows the sample logs.
pub struct Script {
    pub traces: Vec<Trace>,
    contents: BTreeMap<(TraceKey, SpanKey), Contents>,
}

impl Script {
    pub fn of(text: &[u8]) -> Self {
        let info = SourceInfo {
            id: 0,
            uri: "a.jsonl".into(),
            device: 1,
            inode: 1,
            generation: 0,
            file_time: 0,
            order: Order::Random,
        };
        let block = Block {
            source: Arc::new(info),
            identity: Identity::default(),
            offset: 0,
            bytes: text.to_vec(),
            omitted: 0,
            framing: Framing::Lines,
            turn: spanscope::model::turn::Turn::default(),
            fallback: (0, StartFrom::File),
            dialect: None,
        };
        let mut by_trace: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
        let mut contents = BTreeMap::new();
        for part in formats::parse(&block).parts {
            contents.insert(
                (part.trace, SpanKey::of(part.trace, &part.span_id)),
                assemble(part.contents.clone()),
            );
            by_trace.entry(part.trace).or_default().push(part);
        }
        let prices = Prices::embedded();
        let mut traces: Vec<Trace> = by_trace.into_values().map(|parts| derive(parts, &prices)).collect();
        traces.sort_by_key(|trace| std::cmp::Reverse((trace.row.start, trace.row.place)));
        Self { traces, contents }
    }

    pub fn answer(&self, query: &Query) -> Reply {
        let rows = |filter: &Filter, window: &Window| -> Vec<&Interaction> {
            let all = self.traces.iter().map(|trace| &trace.row);
            all.filter(|row| inside(row, filter, *window)).collect()
        };
        match query {
            // All of them at once: there are few.
            Query::Interactions { filter, window, sort, .. } => {
                let mut rows: Vec<Interaction> = rows(filter, window).into_iter().cloned().collect();
                rows.sort_by(|a, b| Cursor::at(a, *sort).compare(&Cursor::at(b, *sort), *sort));
                Reply::Interactions { rows, more: false }
            }
            Query::Count { filter, window } => Reply::Count(rows(filter, window).len() as u64),
            Query::Trace(key) => Reply::Trace(self.traces.iter().find(|t| t.row.trace == *key).cloned().map(Box::new)),
            Query::Contents { trace, span } => {
                let found = self
                    .contents
                    .iter()
                    .filter(|((t, s), _)| t == trace && span.is_none_or(|span| span == *s));
                Reply::Contents(found.map(|((_, span), contents)| (*span, contents.clone())).collect())
            }
            Query::Peers { trace, within, .. } => {
                let one = self.traces.iter().find(|t| t.row.trace == *trace).map(|t| &t.row);
                let before = |row: &Interaction| {
                    one.is_some_and(|one| {
                        row.feature.is_some() && row.feature == one.feature && row.start < one.start && row.start >= one.start - within
                    })
                };
                let rows = self.traces.iter().filter(|t| before(&t.row)).map(|t| Peer {
                    trace: t.clone(),
                    contents: t
                        .spans
                        .iter()
                        .filter_map(|span| Some((span.key, self.contents.get(&(t.row.trace, span.key))?.clone())))
                        .collect(),
                });
                let rows: Vec<Peer> = rows.collect();
                let mut costs: Vec<Cost> = rows.iter().filter_map(|peer| peer.trace.row.cost).collect();
                costs.sort_unstable();
                Reply::Peers(Box::new(Peers {
                    p50: costs.get(costs.len().saturating_sub(1) / 2).copied(),
                    priced: costs.len() as u32,
                    rows,
                    more: false,
                }))
            }
            Query::Costs { by, filter, window, .. } => {
                let mut sums: BTreeMap<Option<String>, (CostRow, Vec<Cost>)> = BTreeMap::new();
                for one in rows(filter, window) {
                    let (row, known) = sums.entry(key(one, *by)).or_default();
                    row.key = key(one, *by);
                    row.interactions += 1;
                    row.calls += u64::from(one.calls);
                    row.unpriced_calls += u64::from(one.unpriced_calls);
                    row.lower_bound |= one.cost_basis == CostBasis::LowerBound;
                    known.extend(one.cost);
                }
                let mut rows: Vec<CostRow> = sums
                    .into_values()
                    .map(|(mut row, mut known)| {
                        known.sort_unstable();
                        row.p50_cost = known.get(known.len().saturating_sub(1) / 2).copied();
                        row.cost = (!known.is_empty()).then(|| Cost(known.iter().map(|cost| cost.0).sum()));
                        row.mean_cost = row.cost.map(|cost| Cost(cost.0 / known.len() as i128));
                        row
                    })
                    .collect();
                rows.sort_by_key(|row| std::cmp::Reverse(row.cost));
                Reply::Costs(Box::new(spend(rows)))
            }
            Query::Timeline { most, filter, window } => Reply::Timeline(Box::new(over_time(&rows(filter, window), *most))),
            Query::Stats => Reply::Stats(Box::new(Stats {
                interactions: self.traces.len() as u64,
                ..Stats::default()
            })),
            Query::Trend { by, steps, .. } => Reply::Trend(Box::new(self.trend(*by, *steps))),
            Query::Sessions { filter, window, .. } => Reply::Sessions {
                rows: conversations(rows(filter, window).into_iter()),
                more: false,
            },
            Query::Find { .. }
            | Query::Values { .. }
            | Query::Health { .. }
            | Query::Rejects { .. }
            | Query::Reject(_)
            | Query::Earlier(_)
            | Query::Spike { .. }
            | Query::Baselines
            | Query::Prompts { .. } => Reply::Interrupted,
        }
    }

    /// Spend over the time of all that is logged.
    fn trend(&self, by: CostKey, steps: u32) -> Trend {
        let starts = || self.traces.iter().map(|trace| trace.row.start);
        let (Some(since), Some(last)) = (starts().min(), starts().max()) else {
            return Trend::default();
        };
        let step = (last - since) / i64::from(steps) + 1;
        let mut rows: BTreeMap<(bool, Option<String>), TrendRow> = BTreeMap::new();
        for Trace { row: one, .. } in &self.traces {
            let key = key(one, by);
            let row = rows.entry((key.is_none(), key.clone())).or_insert_with(|| TrendRow {
                key,
                spent: vec![None; steps as usize],
                anomalies: Some(0),
                ..TrendRow::default()
            });
            let spent = &mut row.spent[((one.start - since) / step) as usize];
            *spent = one.cost.map(|cost| Cost(spent.map_or(0, |sum| sum.0) + cost.0)).or(*spent);
        }
        Trend {
            since: Some(since),
            step,
            steps,
            rows: rows.into_values().collect(),
        }
    }
}

/// What an interaction's cost is summed under.
fn key(row: &Interaction, by: CostKey) -> Option<String> {
    match by {
        CostKey::Feature => row.feature.clone(),
        CostKey::Model => row.models.first().cloned(),
        CostKey::User => row.user.clone(),
        CostKey::Session => row.session.clone(),
        CostKey::Service => row.service.clone(),
    }
}

/// 2026-11-23T09:00:00Z.
pub const NOW: i64 = 1_795_424_400_000_000_000;

/// The explorer over a log, every question answered at once.
pub struct Stage {
    app: App,
    script: Script,
}

impl Stage {
    pub fn new(text: &[u8], width: u16, height: u16) -> Self {
        let settings = Settings {
            sources: vec!["/var/log/app".into()],
            filter: Filter::All,
            filter_text: String::new(),
            views: Vec::new(),
            plan: Plan::default(),
            window: Window::default(),
            prices: Arc::new(Prices::embedded()),
            judging: Arc::default(),
            timezone: jiff::tz::TimeZone::UTC,
            now: NOW,
            width,
            height,
            quiet: false,
            kept: false,
        };
        let (app, effects) = App::new(settings);
        let mut stage = Self {
            app,
            script: Script::of(text),
        };
        stage.carry(effects);
        stage.send(Msg::Progress(Progress {
            inputs: 1,
            following: true,
            ..Progress::default()
        }));
        stage.send(Msg::Tick(NOW));
        stage
    }

    pub fn send(&mut self, message: Msg) {
        let effects = self.app.update(message);
        self.carry(effects);
    }

    fn carry(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Ask(_, ticket, query) = effect {
                let reply = self.script.answer(&query);
                self.send(Msg::Answer(ticket, reply));
            }
        }
    }

    fn buffer(&self, width: u16, height: u16, colors: ColorSupport) -> Buffer {
        self.themed("ansi", width, height, colors)
    }

    pub fn themed(&self, theme: &str, width: u16, height: u16, colors: ColorSupport) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let theme = Theme::load(theme, colors).unwrap();
        ui::render(&self.app, &Keymap::load(None).unwrap(), &theme, area, &mut buffer);
        buffer
    }
}

/// The text of a screen, and under it the runs of style of each line that has any.
pub fn picture(buffer: &Buffer) -> String {
    let mut text = String::new();
    let mut styles = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, String)> = Vec::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            text.push_str(cell.symbol());
            let style = format!("{:?}/{:?}/{:?}", cell.fg, cell.bg, cell.modifier)
                .replace("Reset", "-")
                .replace("Modifier(0x0)", "-")
                .replace("NONE", "-");
            if runs.last().is_none_or(|(_, last)| *last != style) {
                runs.push((x, style));
            }
        }
        while text.ends_with(' ') {
            text.pop();
        }
        text.push('\n');
        let line: Vec<String> = runs.iter().map(|(x, style)| format!("{x}:{style}")).collect();
        let _ = writeln!(styles, "{y:>2} {}", line.join(" "));
    }
    format!("{text}\n{styles}")
}

pub fn samples() -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data/");
    ["llm_trace/calls.jsonl", "interaction/agent.jsonl", "otlp/spans.jsonl"]
        .iter()
        .flat_map(|name| std::fs::read(format!("{root}{name}")).unwrap())
        .collect()
}

#[test]
fn every_size_shows_the_story() {
    for (width, height) in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        let mut stage = Stage::new(&samples(), width, height);
        insta::assert_snapshot!(
            format!("list_{width}x{height}"),
            picture(&stage.buffer(width, height, ColorSupport::Ansi16))
        );
        for action in [Action::Down, Action::Down, Action::Down, Action::Open] {
            stage.send(Msg::Do(action));
        }
        let open = picture(&stage.buffer(width, height, ColorSupport::Ansi16));
        assert!(open.contains("cancel-2024"), "the prompt is read:\n{open}");
        if width >= 120 {
            assert!(
                open.contains("help_center  3 documents")
                    && open
                        .lines()
                        .any(|line| line.contains("get_subscription ") && line.contains("→ {\"plan\"")),
                "what came out:\n{open}"
            );
        }
        insta::assert_snapshot!(format!("open_{width}x{height}"), open);
    }
}

#[test]
fn a_diagnosis_leads_to_the_outdated_document() {
    for (width, height) in [(60, 20), (80, 24), (120, 40)] {
        let mut stage = Stage::new(&samples(), width, height);
        for action in [Action::Down, Action::Down, Action::Down, Action::Diagnose] {
            stage.send(Msg::Do(action));
        }
        insta::assert_snapshot!(
            format!("diagnosis_{width}x{height}"),
            picture(&stage.buffer(width, height, ColorSupport::Ansi16))
        );
        stage.send(Msg::Do(Action::Open));
        let evidence = picture(&stage.buffer(width, height, ColorSupport::None));
        assert!(evidence.contains("[documents]") && evidence.contains("cancel-2024"), "{evidence}");
    }
}

#[test]
fn a_bad_answer_stands_beside_the_last_good_one() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::new(&samples(), width, height);
        for action in [Action::Down, Action::Down, Action::Down, Action::Compare] {
            stage.send(Msg::Do(action));
        }
        let found = picture(&stage.buffer(width, height, ColorSupport::Ansi16));
        assert!(found.contains("≠ temperature         1.0") && found.contains("0a9b8c7d"), "{found}");
        insta::assert_snapshot!(format!("comparison_{width}x{height}"), found);
        // The same with one that was marked.
        for action in [
            Action::Back,
            Action::Down,
            Action::Mark,
            Action::Up,
            Action::Compare,
            Action::Bottom,
        ] {
            stage.send(Msg::Do(action));
        }
        let marked = picture(&stage.buffer(width, height, ColorSupport::None));
        assert!(marked.contains("answer") && marked.contains("[-"), "{marked}");
    }
}

#[test]
fn spend_is_summed_by_any_key_over_any_time() {
    let mut stage = Stage::new(&samples(), 120, 40);
    for action in [Action::NextPane, Action::Zoom] {
        stage.send(Msg::Do(action));
    }
    insta::assert_snapshot!("costs_120x40", picture(&stage.buffer(120, 40, ColorSupport::Ansi16)));
    for (action, title) in [
        (Action::CostWindow, "cost by feature, 5 m"),
        (Action::CostWindow, "cost by feature, 1 h"),
        (Action::CostWindow, "cost by feature, today"),
        (Action::CostWindow, "cost by feature, 7 d"),
        (Action::CostKey, "cost by model, 7 d"),
        (Action::CostKey, "cost by user, 7 d"),
        (Action::CostKey, "cost by session, 7 d"),
        (Action::CostKey, "cost by service, 7 d"),
        (Action::CostWindow, "cost by service "),
        (Action::CostKey, "cost by feature "),
    ] {
        stage.send(Msg::Do(action));
        let screen = picture(&stage.buffer(120, 40, ColorSupport::None));
        assert!(screen.contains(title), "no `{title}` in\n{screen}");
    }
}

#[test]
fn without_colours_nothing_is_lost() {
    let stage = Stage::new(&samples(), 100, 24);
    let buffer = stage.buffer(100, 24, ColorSupport::None);
    for cell in buffer.content() {
        assert_eq!(
            (format!("{:?}", cell.fg), format!("{:?}", cell.bg)),
            ("Reset".to_owned(), "Reset".to_owned())
        );
    }
    insta::assert_snapshot!("plain_100x24", picture(&buffer));
}

#[test]
fn nothing_to_show_says_what_to_do() {
    let stage = Stage::new(b"", 80, 24);
    let text = picture(&stage.buffer(80, 24, ColorSupport::Ansi16));
    assert!(
        text.contains("no interaction yet") && text.contains("--dialect") && text.contains("spanscope formats"),
        "{text}"
    );
}

#[test]
fn hostile_text_stays_text() {
    let line = "{\"trace_id\":\"t\\u001b]0;x\\u0007\",\"feature\":\"\\u001b[31mred\\u202e\",\"user_id\":\"a\\u0000b\",\"model\":\"m\\u009b5n\",\"system\":\"s\\u001b[2J\",\"messages\":[{\"role\":\"user\",\"content\":\"q\\u001b]52;c;eA==\\u0007 \\u200b\"}],\"response_text\":\"r\\rover\",\"input_tokens\":1,\"output_tokens\":1}\n";
    let mut stage = Stage::new(line.as_bytes(), 120, 40);
    for tab in [
        Action::Open,
        Action::ShowResponse,
        Action::ShowParameters,
        Action::ShowPrompt,
        Action::Help,
    ] {
        stage.send(Msg::Do(tab));
        let buffer = stage.buffer(120, 40, ColorSupport::Ansi16);
        for cell in buffer.content() {
            let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{feff}');
            assert!(!cell.symbol().chars().any(bad), "{:?}", cell.symbol());
        }
    }
}

#[test]
fn any_size_and_any_key_is_survived() {
    use strum::IntoEnumIterator as _;
    for (width, height) in [(0, 0), (1, 1), (39, 9), (40, 10), (60, 10), (300, 12)] {
        let mut stage = Stage::new(&samples(), width, height);
        for action in Action::iter().filter(|a| !matches!(a, Action::Quit | Action::Leave)) {
            stage.send(Msg::Do(action));
            stage.buffer(width, height, ColorSupport::Ansi256);
            stage.send(Msg::Do(Action::Cancel));
            stage.send(Msg::Do(Action::Back));
        }
    }
}
