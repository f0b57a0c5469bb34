//! One frame of 200×60: a full list, an open interaction, the inspector. Budget: 1 ms.

use std::sync::Arc;

use divan::Bencher;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use spanscope::app::layout::Plan;
use spanscope::app::{App, Effect, Msg, Settings};
use spanscope::keymap::Keymap;
use spanscope::model::filter::Filter;
use spanscope::model::query::{Query, Reply, Window};
use spanscope::model::span::{Part, SpanKind, TraceKey};
use spanscope::pricing::Prices;
use spanscope::ui::theme::{ColorSupport, Theme};

fn main() {
    divan::main();
}

/// An explorer whose store answers with 300 interactions of 40 spans.
fn filled() -> App {
    let prices = Arc::new(Prices::embedded());
    let trace = |number: u64| {
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
        spanscope::derive::derive(parts.collect(), &prices)
    };
    let settings = Settings {
        sources: vec!["/var/log/app".into()],
        filter: Filter::All,
        filter_text: String::new(),
        views: Vec::new(),
        plan: Plan::default(),
        window: Window::default(),
        prices: Arc::clone(&prices),
        timezone: jiff::tz::TimeZone::UTC,
        now: 400_000_000_000,
        width: 200,
        height: 60,
        quiet: false,
        kept: false,
    };
    let (mut app, first) = App::new(settings);
    let mut waiting: Vec<Effect> = first;
    waiting.extend(app.update(Msg::Do(spanscope::app::Action::Refresh)));
    let mut opened = false;
    for _ in 0..50 {
        if waiting.is_empty() && !opened {
            opened = true;
            waiting.extend(app.update(Msg::Do(spanscope::app::Action::Open)));
        }
        for effect in std::mem::take(&mut waiting) {
            if let Effect::Ask(_, ticket, query) = effect {
                let reply = match query {
                    Query::Interactions { .. } => Reply::Interactions {
                        rows: (0..300).rev().map(|n| trace(n).row).collect(),
                        more: false,
                    },
                    Query::Trace(key) => Reply::Trace(Some(Box::new(trace(key.0)))),
                    Query::Contents { .. } => Reply::Contents(Vec::new()),
                    Query::Count { .. } => Reply::Count(300),
                    Query::Costs { .. } => Reply::Costs(Vec::new()),
                    Query::Find { .. }
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

#[divan::bench]
fn frame(bencher: Bencher<'_, '_>) {
    let app = filled();
    let keymap = Keymap::load(None).expect("the built-in keymap is sound");
    let theme = Theme::load("dark", ColorSupport::True).expect("a built-in theme");
    let area = Rect::new(0, 0, 200, 60);
    bencher.bench_local(|| {
        let mut buffer = Buffer::empty(area);
        spanscope::ui::render(&app, &keymap, &theme, area, &mut buffer);
        buffer
    });
}
