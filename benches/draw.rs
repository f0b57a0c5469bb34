//! One frame of 200×60: a full list, an open interaction, the inspector. Budget: 1 ms. And an interaction of 100,000 spans: opened, moved in.

use std::sync::Arc;

use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use spanscope::app::layout::Plan;
use spanscope::app::{Action, App, Effect, Msg, Settings};
use spanscope::derive::derive;
use spanscope::keymap::Keymap;
use spanscope::model::filter::Filter;
use spanscope::model::query::{Query, Reply, Window};
use spanscope::model::span::{Part, SpanKind, TraceKey};
use spanscope::model::trace::{Interaction, Trace};
use spanscope::pricing::Prices;
use spanscope::ui::theme::{ColorSupport, Theme};

fn main() {
    divan::main();
}

/// Forty spans of an interaction.
fn forty(number: u64) -> Vec<Part> {
    let parts = (0..40).map(|span| Part {
        trace: TraceKey(number),
        trace_id: format!("{number:032x}"),
        span_id: format!("{span:016x}"),
        parent_id: (span > 0).then(|| format!("{:016x}", span / 3)),
        kind: if span % 2 == 0 { SpanKind::Llm } else { SpanKind::Tool },
        name: format!("step {span} of the plan"),
        start: (number * 1_000_000_000) as i64 + span * 1_000_000,
        end: Some((number * 1_000_000_000) as i64 + span * 1_000_000 + 900_000),
        request_model: Some("claude-sonnet-4-6".into()),
        feature: Some("support_chat".into()),
        ask: "May I still cancel my plan in the middle of the year?".into(),
        answer: "After the first fourteen days it runs to its end.".into(),
        ..Part::default()
    });
    parts.collect()
}

/// A hundred thousand spans of one interaction: each below the one before, all below the first, or ten below each.
fn hundred_thousand(shape: &str) -> Vec<Part> {
    let parts = forty(0).into_iter().cycle().take(100_000).zip(0_u64..).map(|(part, span)| {
        let parent = match shape {
            "deep" => span.checked_sub(1),
            "wide" => (span > 0).then_some(0),
            _ => (span > 0).then(|| (span - 1) / 10),
        };
        Part {
            span_id: format!("{span:016x}"),
            parent_id: parent.map(|parent| format!("{parent:016x}")),
            start: span as i64 * 1_000_000,
            end: Some(span as i64 * 1_000_000 + 900_000),
            ..part
        }
    });
    parts.collect()
}

/// An explorer over so many interactions, the newest of them open.
fn opened(rows: &[Interaction], mut trace: impl FnMut(u64) -> Trace) -> App {
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
        now: 400_000_000_000,
        width: AREA.width,
        height: AREA.height,
        quiet: false,
        kept: false,
    };
    let (mut app, first) = App::new(settings);
    let mut waiting: Vec<Effect> = first;
    waiting.extend(app.update(Msg::Do(Action::Refresh)));
    let mut open = false;
    for _ in 0..50 {
        if waiting.is_empty() && !open {
            open = true;
            waiting.extend(app.update(Msg::Do(Action::Open)));
        }
        for effect in std::mem::take(&mut waiting) {
            if let Effect::Ask(_, ticket, query) = effect {
                let reply = match query {
                    Query::Interactions { .. } => Reply::Interactions {
                        rows: rows.to_vec(),
                        more: false,
                    },
                    Query::Trace(key) => Reply::Trace(Some(Box::new(trace(key.0)))),
                    Query::Contents { .. } => Reply::Contents(Vec::new()),
                    Query::Count { .. } => Reply::Count(rows.len() as u64),
                    Query::Costs { .. } => Reply::Costs(Box::default()),
                    Query::Trend { .. } => Reply::Trend(Box::default()),
                    Query::Find { .. }
                    | Query::Spike { .. }
                    | Query::Baselines
                    | Query::Prompts { .. }
                    | Query::Sessions { .. }
                    | Query::Earlier(_)
                    | Query::Values { .. }
                    | Query::Timeline { .. }
                    | Query::Peers { .. }
                    | Query::Stats
                    | Query::Health { .. }
                    | Query::Rejects { .. }
                    | Query::Reject(_) => Reply::Interrupted,
                };
                waiting.extend(app.update(Msg::Answer(ticket, reply)));
            }
        }
    }
    app
}

const AREA: Rect = Rect::new(0, 0, 200, 60);

fn look() -> (Keymap, Theme) {
    (
        Keymap::load(None).expect("the built-in keymap is sound"),
        Theme::load("dark", ColorSupport::True).expect("a built-in theme"),
    )
}

fn picture(app: &App, (keymap, theme): &(Keymap, Theme)) -> Buffer {
    let mut buffer = Buffer::empty(AREA);
    spanscope::ui::render(app, keymap, theme, AREA, &mut buffer);
    buffer
}

#[divan::bench]
fn frame(bencher: Bencher<'_, '_>) {
    let prices = Prices::embedded();
    let rows: Vec<Interaction> = (0..300).rev().map(|number| derive(forty(number), &prices).row).collect();
    let (app, look) = (opened(&rows, |number| derive(forty(number), &prices)), look());
    bencher.bench_local(|| picture(&app, &look));
}

/// From the parts to the first frame. Budget: half a second.
#[divan::bench(args = ["deep", "wide", "bushy"], sample_count = 5, sample_size = 1)]
fn open_a_hundred_thousand_spans(bencher: Bencher<'_, '_>, shape: &str) {
    let (prices, look) = (Prices::embedded(), look());
    let row = derive(hundred_thousand(shape), &prices).row;
    bencher.with_inputs(|| hundred_thousand(shape)).bench_local_values(|parts| {
        let mut parts = Some(parts);
        let app = opened(std::slice::from_ref(&row), |_| derive(parts.take().unwrap_or_default(), &prices));
        picture(&app, &look)
    });
}

/// A key that moves the cursor, and its frame, in such an interaction.
#[divan::bench(args = ["deep", "wide", "bushy"])]
fn move_among_a_hundred_thousand_spans(bencher: Bencher<'_, '_>, shape: &str) {
    let (prices, look) = (Prices::embedded(), look());
    let trace = derive(hundred_thousand(shape), &prices);
    let mut app = opened(std::slice::from_ref(&trace.row), |_| trace.clone());
    let _ = app.update(Msg::Do(Action::Back));
    let mut down = true;
    bencher.bench_local(|| {
        down = !down;
        let effects = app.update(Msg::Do(if down { Action::PageDown } else { Action::PageUp }));
        (effects, picture(&app, &look))
    });
}
