//! What the log lacks, as the store counts it, against a plain count over the same parts; and prices that change under a store.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use spanscope::derive::{SESSIONS, derive};
use spanscope::model::content::{Form, Piece, Slot};
use spanscope::model::filter::{Field, Filter, Pattern, Subject};
use spanscope::model::json::Json;
use spanscope::model::query::{Capture, ConventionRow, HEALTH_STEP, Health, HealthRow, ModelRow, Page, Query, Reply, Sort, Window};
use spanscope::model::record::{Batch, Identity, Order, SourceInfo, Tally};
use spanscope::model::span::{Inferred, Nanos, Origin, Part, SpanKind, StartFrom, TraceKey};
use spanscope::model::trace::Interaction;
use spanscope::model::usage::{Convention, Cost, Usage};
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

/// 2026-11-18T11:06:40Z.
const NOON: Nanos = 1_795_000_000_000_000_000;

fn open(path: &std::path::Path, prices: &Prices) -> Store {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
    let options = Options::new(Arc::new(prices.clone()), path.parent().unwrap().join("cache"));
    Store::open(Location::File(path.to_owned()), options, |_| {}, |problem| panic!("{problem}")).unwrap()
}

fn fill(store: &Store, parts: Vec<Part>) {
    let lines = parts.len() as u64;
    let info = SourceInfo {
        id: 1,
        uri: "app.jsonl".into(),
        device: 1,
        inode: 1,
        generation: 0,
        file_time: NOON,
        order: Order::Random,
    };
    let tally = Tally {
        lines: lines + 2,
        span: lines,
        rejected: 2,
        rejects: BTreeMap::from([("not JSON".to_owned(), 2)]),
        ..Tally::default()
    };
    let batch = Batch {
        source: Arc::new(info),
        identity: Identity::default(),
        range: 0..1_000_000,
        parts,
        others: Vec::new(),
        rejects: Vec::new(),
        tally,
    };
    store.intake().send(batch).unwrap();
    store.flush().unwrap();
}

/// A record of a span of one of a few traces, with some of what it should say.
fn part() -> impl Strategy<Value = Part> {
    let maybe = |word: &'static str| prop::option::of(Just(word.to_owned()));
    let tokens = || prop::option::of(1_u64..100);
    let kind = prop::sample::select(vec![
        SpanKind::Llm,
        SpanKind::Llm,
        SpanKind::Llm,
        SpanKind::Embedding,
        SpanKind::Agent,
        SpanKind::Tool,
    ]);
    let from = prop::sample::select(vec![StartFrom::Logged, StartFrom::Envelope, StartFrom::File, StartFrom::Arrival]);
    (
        (0_u64..6, 0_u8..4, prop::option::of(0_u8..4), kind, 0_i64..40, from, any::<bool>()),
        (
            maybe("search"),
            maybe("u_1"),
            maybe("s_1"),
            maybe("gpt-4o"),
            maybe("acme-7b"),
            maybe("acme"),
        ),
        (
            tokens(),
            tokens(),
            tokens(),
            0_u8..128,
            prop::sample::select(vec![None, Some("{}"), Some("{\"seed\":1}")]),
        ),
        (
            prop::sample::select(Convention::ALL.to_vec()),
            0_u32..4,
            prop::sample::select(vec!["test", "codex"]),
        ),
    )
        .prop_map(|(place, keys, says, how)| {
            let (trace, span, parent, kind, step, start_from, ended) = place;
            let (feature, user, session, request_model, response_model, provider) = keys;
            let (input, output, cache_read, slots, params) = says;
            let (convention, inferred, dialect) = how;
            let start = NOON + step * 400_000_000_000;
            Part {
                trace: TraceKey(trace),
                trace_id: format!("t{trace}"),
                span_id: format!("s{span}"),
                parent_id: parent.map(|parent| format!("s{parent}")),
                kind,
                start,
                start_from,
                end: ended.then_some(start + 5),
                ended,
                provider,
                request_model,
                response_model,
                params: params.map(|text| Json::parse(text).unwrap()),
                usage: Usage {
                    input,
                    output,
                    cache_read,
                    ..Usage::default()
                },
                convention,
                feature,
                user,
                session,
                slots,
                inferred: Inferred(inferred << 10),
                dialect: Cow::Borrowed(dialect),
                ..Part::default()
            }
        })
}

/// A span of several parts, as far as health is concerned.
#[derive(Default)]
struct Span {
    start: Nanos,
    parent: Option<String>,
    llm: bool,
    slots: u8,
    says: BTreeSet<Capture>,
}

/// The plain count.
fn counted(parts: &[Part], wanted: &dyn Fn(&Interaction) -> bool) -> Health {
    let mut health = Health::default();
    let mut rows: BTreeMap<(bool, Option<String>, Nanos), HealthRow> = BTreeMap::new();
    let mut models: BTreeMap<(bool, Option<String>, bool, Option<String>, bool, Option<String>), ModelRow> = BTreeMap::new();
    let mut conventions: BTreeMap<(String, &str, bool, bool), u64> = BTreeMap::new();
    let traces: BTreeSet<TraceKey> = parts.iter().map(|part| part.trace).collect();
    for trace in traces {
        let of: Vec<Part> = parts.iter().filter(|part| part.trace == trace).cloned().collect();
        let row = derive(of.clone(), &Prices::embedded()).row;
        if !wanted(&row) {
            continue;
        }
        let mut spans: BTreeMap<&str, Span> = BTreeMap::new();
        let mut spent: BTreeMap<&str, ModelRow> = BTreeMap::new();
        for part in &of {
            let usage = &part.usage;
            let span = spans.entry(&part.span_id).or_insert_with(|| Span {
                start: Nanos::MAX,
                ..Span::default()
            });
            span.start = span.start.min(part.start);
            span.parent = span.parent.clone().max(part.parent_id.clone());
            span.llm |= part.kind == SpanKind::Llm;
            span.slots |= part.slots;
            let mut says = |capture, it: bool| it.then(|| span.says.insert(capture));
            // Input and output may stand in two records of the span.
            says(Capture::CacheTokens, usage.cache_read.is_some());
            says(Capture::Model, part.request_model.is_some() || part.response_model.is_some());
            says(
                Capture::Parameters,
                part.params.as_ref().is_some_and(|params| params.as_str() != "{}"),
            );
            says(Capture::Latency, part.end.is_some());
            says(Capture::Time, matches!(part.start_from, StartFrom::Logged | StartFrom::Envelope));
            says(Capture::Prompt, SESSIONS.contains(&&*part.dialect));
            if usage.total().is_some() {
                let bits = part.inferred;
                let key = (
                    part.dialect.to_string(),
                    part.convention.name(),
                    bits.has(Inferred::CONVENTION),
                    bits.has(Inferred::CONVENTION_SET),
                );
                *conventions.entry(key).or_default() += 1;
            }
            if matches!(part.kind, SpanKind::Llm | SpanKind::Embedding) {
                let model = spent.entry(&part.span_id).or_insert_with(|| ModelRow {
                    last: Nanos::MAX,
                    ..ModelRow::default()
                });
                model.provider = model.provider.clone().max(part.provider.clone());
                model.request_model = model.request_model.clone().max(part.request_model.clone());
                model.response_model = model.response_model.clone().max(part.response_model.clone());
                model.usage = model.usage.max(usage);
                model.last = model.last.min(part.start);
            }
        }
        for model in spent.into_values().filter(|model| model.usage.total().is_some()) {
            let key = (
                model.provider.is_none(),
                model.provider.clone(),
                model.request_model.is_none(),
                model.request_model.clone(),
                model.response_model.is_none(),
                model.response_model.clone(),
            );
            let sum = models.entry(key).or_insert_with(|| ModelRow {
                calls: 0,
                usage: Usage::default(),
                ..model.clone()
            });
            sum.calls += 1;
            sum.usage = sum.usage.add(&model.usage);
            sum.last = sum.last.max(model.last);
        }
        let has = |id: &str, field: fn(&Usage) -> Option<u64>| of.iter().any(|part| part.span_id == id && field(&part.usage).is_some());
        for (id, span) in spans.iter().filter(|(_, span)| span.llm) {
            if spans.values().any(|inner| inner.llm && inner.parent.as_deref() == Some(id)) {
                continue;
            }
            let wrapper = span
                .parent
                .as_deref()
                .and_then(|parent| spans.get(parent))
                .filter(|wrapper| wrapper.llm);
            let slots = span.slots | wrapper.map_or(0, |wrapper| wrapper.slots);
            let prompt = slots & (Slot::System.bit() | Slot::Message.bit()) != 0;
            let from = span.start.div_euclid(HEALTH_STEP) * HEALTH_STEP;
            let key = (row.feature.is_none(), row.feature.clone(), from);
            let told = rows.entry(key).or_insert_with(|| HealthRow {
                feature: row.feature.clone(),
                from,
                ..HealthRow::default()
            });
            told.calls += 1;
            for capture in Capture::ALL.iter().copied() {
                let there = match capture {
                    Capture::Prompt => prompt || span.says.contains(&capture),
                    Capture::Response => slots & Slot::Response.bit() != 0,
                    Capture::Tokens => has(id, |usage| usage.input) && has(id, |usage| usage.output),
                    Capture::Parameters => span.says.contains(&capture) || wrapper.is_some_and(|wrapper| wrapper.says.contains(&capture)),
                    Capture::CacheTokens | Capture::Model | Capture::Latency | Capture::Time => span.says.contains(&capture),
                    Capture::User => row.user.is_some(),
                    Capture::Session => row.session.is_some(),
                    Capture::Feature => row.feature.is_some(),
                };
                if !there {
                    let n = usize::from(capture.number());
                    told.missing[n] += 1;
                    told.since[n] = Some(told.since[n].map_or(span.start, |since| since.min(span.start)));
                }
            }
        }
    }
    health.rows = rows.into_values().collect();
    health.models = models.into_values().collect();
    health.conventions = conventions
        .into_iter()
        .map(|((dialect, convention, by_figures, by_user), records)| ConventionRow {
            dialect,
            convention: convention.parse().unwrap(),
            by_figures,
            by_user,
            records,
        })
        .collect();
    health
}

#[test]
fn the_store_counts_what_a_plain_count_counts() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&prop::collection::vec(part(), 1..40), |mut parts| {
            for (place, part) in parts.iter_mut().enumerate() {
                part.origin = Origin {
                    source: 1,
                    offset: place as u64,
                    ..Origin::default()
                };
            }
            let dir = tempfile::tempdir().unwrap();
            let store = open(&dir.path().join("s.duckdb"), &Prices::embedded());
            fill(&store, parts.clone());
            let search = || Filter::Is(Field::Feature, Pattern("search".into()));
            for filter in [Filter::All, search()] {
                let query = Query::Health {
                    filter: filter.clone(),
                    window: Window::default(),
                };
                let Reply::Health(found) = store.ask_now(query) else { panic!() };
                let expected = counted(&parts, &|row| filter.matches(&Subject::of(row)));
                prop_assert_eq!(&found.rows, &expected.rows);
                prop_assert_eq!(&found.models, &expected.models);
                prop_assert_eq!(&found.conventions, &expected.conventions);
                prop_assert_eq!(found.tally.rejects.get("not JSON"), Some(&2));
            }
            store.close();
            Ok(())
        })
        .unwrap();
}

fn call(place: u64, start: Nanos, params: &str) -> Part {
    Part {
        trace: TraceKey(place),
        trace_id: format!("t{place}"),
        span_id: "s".into(),
        kind: SpanKind::Llm,
        start,
        request_model: Some("acme-7b".into()),
        params: Some(Json::parse(params).unwrap()),
        usage: Usage {
            input: Some(1_000),
            cache_read: Some(0),
            output: Some(1_000),
            ..Usage::default()
        },
        feature: Some("search".into()),
        origin: Origin {
            source: 1,
            offset: place,
            ..Origin::default()
        },
        ..Part::default()
    }
}

#[test]
fn previews_are_counted_where_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("s.duckdb"), &Prices::embedded());
    let mut with = call(1, NOON, "{}");
    with.contents = ["one", "two"]
        .into_iter()
        .map(|body| Piece {
            slot: Slot::Result,
            role: String::new().into(),
            form: Form::Preview,
            body: body.to_owned(),
        })
        .collect();
    fill(&store, vec![with, call(2, NOON, "{}")]);
    let query = Query::Health {
        filter: Filter::All,
        window: Window::default(),
    };
    let Reply::Health(health) = store.ask_now(query) else { panic!() };
    assert_eq!(health.previews, [(Some("search".to_owned()), 2)]);
    store.close();
}

#[test]
fn a_changed_price_file_prices_the_store_anew_by_date_and_tier() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.duckdb");
    let row = |rates: &str| format!("[[price]]\nmodel = \"acme-7b\"\nprovider = \"acme\"\n{rates}\n");
    let first = Prices::read(&row("input = \"1.00\"\noutput = \"1.00\"")).unwrap();
    let costs = |store: &Store| {
        let query = Query::Interactions {
            filter: Filter::All,
            window: Window::default(),
            sort: Sort::default(),
            page: Page::First,
            limit: u32::MAX,
        };
        let Reply::Interactions { rows, .. } = store.ask_now(query) else {
            panic!()
        };
        rows.into_iter()
            .map(|row| (row.trace_id, row.cost.map(Cost::decimal)))
            .collect::<BTreeMap<_, _>>()
    };
    let told = |all: [&str; 3]| {
        let ids = ["t1", "t2", "t3"].map(str::to_owned);
        ids.into_iter()
            .zip(all.map(|cost| Some(cost.to_owned())))
            .collect::<BTreeMap<_, _>>()
    };
    let day = 86_400_000_000_000;
    let store = open(&path, &first);
    fill(
        &store,
        vec![
            call(1, NOON, "{}"),
            call(2, NOON + 2 * day, "{}"),
            call(3, NOON + 2 * day, r#"{"service_tier":"priority"}"#),
        ],
    );
    assert_eq!(costs(&store), told(["0.002", "0.002", "0.002"]));
    store.close();
    // From the 20th on dearer, and at the priority tier dearer still: the call of the 18th keeps its price.
    let dated =
        row("input = \"2.00\"\noutput = \"2.00\"\nvalid_from = 2026-11-20\ntiers.priority = { input = \"5.00\", output = \"5.00\" }");
    let second = first.with(&Prices::read(&dated).unwrap());
    let store = open(&path, &second);
    let wanted = told(["0.002", "0.004", "0.01"]);
    let mut left = 2_000;
    while costs(&store) != wanted && left > 0 {
        // It is done behind whatever else the writer does: each flush lets it go on.
        store.flush().unwrap();
        left -= 1;
    }
    assert_eq!(costs(&store), wanted);
    store.close();
}
