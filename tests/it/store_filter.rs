//! The SQL of every filter says what the plain evaluator says, over interactions whose spans, contents and attributes are known.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use spanscope::derive::{derive, steps};
use spanscope::model::content::{Form, Slot};
use spanscope::model::filter::{Comparison, Content, Field, Filter, Had, Pattern, Reach, Shape, Subject};
use spanscope::model::json::Json;
use spanscope::model::moment::Clock;
use spanscope::model::query::{Page, Query, Reply, Seen, Sort, Window};
use spanscope::model::span::{Part, SpanKey, SpanKind, Status, TraceKey};
use spanscope::model::trace::{Interaction, Trace};
use spanscope::model::usage::Cost;
use spanscope::pricing::Prices;
use spanscope::store::{Location, Options, Store};

use super::store::{NOON, batch, call, fill, piece, source};

const COUNT: u64 = 60;

/// Trees of one to four spans: an agent, a call, its tool, and a call that comes in two parts. Some have a parent that was not logged.
fn parts() -> Vec<Part> {
    let pick = |n: u64, of: &[&str]| of[n as usize % of.len()].to_owned();
    let mut parts = Vec::new();
    for n in 0..COUNT {
        let trace = format!("t{n}");
        let root = Part {
            kind: SpanKind::Agent,
            name: pick(n, &["plan", "Plan_B", "süß", "100%"]),
            end: (n % 4 != 0).then_some(NOON + (n % 6) as i64 * 1_000_000),
            // Some retrieve before they ask, and say so.
            contents: if n % 13 == 5 {
                vec![piece(Slot::Document, "", Form::Text, "Cancellation policy of 2019")]
            } else {
                Vec::new()
            },
            slots: if n % 13 == 5 { Slot::Document.bit() } else { 0 },
            feature: (n % 5 != 0).then(|| pick(n, &["Billing", "billing_v2", "süß", "100%"])),
            user: (n % 6 != 0).then(|| format!("u_{}", n % 4)),
            session: (n % 5 == 2).then(|| pick(n, &["C_1", "c_2", "süß"])),
            service: (n % 7 == 0).then(|| "api".to_owned()),
            status: if n % 8 == 0 { Status::Error } else { Status::Ok },
            attributes: (n % 2 == 0).then(|| {
                let text = [
                    r#"{"http.route":"/Chat","n":5,"deep":{"on":true,"list":[1]}}"#,
                    r#"{"http":{"route":"/chat_v2"},"n":"5","deep":{"on":null}}"#,
                    r#"{"a/b":"süß","deep":"on"}"#,
                ];
                Json::parse(text[n as usize % 3]).unwrap()
            }),
            ..call(&trace, "root", n * 100, NOON + ((n * 7) % 5) as i64)
        };
        let llm = Part {
            parent_id: Some(if n % 11 == 0 { "lost" } else { "root" }.to_owned()),
            end: (n % 4 != 0).then_some(NOON + (n % 6) as i64 * 2_000_000),
            cost_logged: (n % 3 != 0).then(|| Cost(i128::from(n % 5) * 1_000_000_000)),
            response_model: (n % 4 != 1).then(|| pick(n, &["claude-sonnet-4-6", "model-1", "Model-2"])),
            stop_reason: (n % 3 == 1).then(|| pick(n, &["end_turn", "max_tokens"])),
            time_to_first_token: (n % 2 == 1).then_some((n % 6) as i64 * 1_000_000),
            params: (n % 3 == 0).then(|| Json::parse(&format!("{{\"temperature\":0.{}}}", n % 10)).unwrap()),
            contents: vec![
                piece(
                    Slot::Message,
                    "user",
                    Form::Text,
                    &pick(
                        n,
                        &[
                            "Cancellation Policy",
                            "K\u{212a} ÉTÉ été",
                            "a_b%c",
                            "",
                            "\u{130}stanbul",
                            "Η ΟΔΟΣ οδος",
                        ],
                    ),
                ),
                piece(Slot::Response, "assistant", Form::Text, "As said."),
            ],
            slots: Slot::Message.bit() | Slot::Response.bit(),
            ..call(&trace, "llm", n * 100 + 10, NOON + 10)
        };
        let mut llm = llm;
        if n % 3 == 0 {
            let system = pick(n / 3, &["Be brief.", "Be kind.", ""]);
            llm.contents.insert(0, piece(Slot::System, "system", Form::Text, &system));
            llm.slots |= Slot::System.bit();
        }
        llm.usage.input = (n % 2 == 0).then_some((n % 7) * 30_000);
        llm.usage.output = (n % 5 != 2).then_some(n % 7);
        let tool = Part {
            kind: SpanKind::Tool,
            parent_id: Some("llm".to_owned()),
            tool_name: (n % 3 != 1).then(|| pick(n, &["search_docs", "get_account_info"])),
            status: if n % 9 == 0 { Status::Error } else { Status::Unset },
            documents: Some(1),
            contents: vec![piece(
                Slot::Document,
                "",
                Form::Json,
                &pick(
                    n,
                    &[
                        r#"{"id":"doc_17","content":"Annual Refunds"}"#,
                        r#"{"id":"K\u212a","content":"100%"}"#,
                    ],
                ),
            )],
            slots: Slot::Document.bit(),
            ..call(&trace, "tool", n * 100 + 20, NOON + 20)
        };
        parts.push(root);
        if n % 10 != 9 {
            if n % 4 == 3 {
                // The beginning of the call was logged on its own, with fewer tokens.
                let mut begun = llm.clone();
                (begun.ended, begun.end, begun.origin.offset) = (false, None, n * 100 + 5);
                begun.usage.output = Some(0);
                parts.push(begun);
            }
            parts.push(llm);
            if n % 3 != 2 {
                parts.push(tool);
            }
        }
    }
    parts
}

/// What a filter may ask of one interaction.
struct Known {
    trace: Trace,
    /// Every content with its span and slot.
    contents: Vec<(SpanKey, Slot, String)>,
    attributes: Vec<(SpanKey, Json)>,
}

impl Known {
    fn said(&self, of: impl Fn(Slot) -> bool) -> Vec<(SpanKey, &str)> {
        let contents = self.contents.iter().filter(|(_, slot, _)| of(*slot));
        contents.map(|(span, _, text)| (*span, text.as_str())).collect()
    }
}

fn known(prices: &Prices) -> BTreeMap<TraceKey, Known> {
    let mut groups: BTreeMap<TraceKey, Vec<Part>> = BTreeMap::new();
    for part in parts() {
        groups.entry(part.trace).or_default().push(part);
    }
    let known = |parts: Vec<Part>| {
        let span = |part: &Part| SpanKey::of(part.trace, &part.span_id);
        let pieces = parts.iter().flat_map(|part| part.contents.iter().map(move |piece| (part, piece)));
        Known {
            contents: pieces.map(|(part, piece)| (span(part), piece.slot, piece.body.clone())).collect(),
            attributes: parts
                .iter()
                .filter_map(|part| Some((span(part), part.attributes.clone()?)))
                .collect(),
            trace: derive(parts, prices),
        }
    };
    groups.into_iter().map(|(key, parts)| (key, known(parts))).collect()
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "*",
        "hot_temperature",
        "*ed",
        "billing",
        "BILL*",
        "*v2",
        "süß",
        "SÜß",
        "100%",
        "%",
        "u_?",
        "u_1",
        "U*2",
        "_",
        "model-*",
        "*-4-6",
        "k",
        "cancellation",
        "k\u{212a} ",
        "istanbul",
        "\u{130}STANBUL",
        "ΟΔΟΣ",
        "*Σ",
        "É",
        "_b%",
        "\\",
        "plan*",
        "tool",
        "LLM",
        "error",
        "search*",
        "end_turn",
        "doc_17",
        "refunds",
        // Of "Be brief.", and of nothing at all.
        "213c22ed7234",
        "E3B0*",
        "/chat*",
        "5",
        "true",
    ])
    .prop_map(str::to_owned)
}

fn leaf(whole: bool) -> BoxedStrategy<Filter> {
    let fields = |shape: fn(Shape) -> bool| {
        let fields: Vec<Field> = Field::ALL
            .iter()
            .copied()
            .filter(|field| shape(field.shape()) && (whole || field.of_span()))
            .collect();
        prop::sample::select(fields)
    };
    let comparison = prop::sample::select(vec![
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Equal,
        Comparison::GreaterOrEqual,
        Comparison::Greater,
    ]);
    let n = || {
        prop_oneof![
            0i128..7,
            (0i128..7).prop_map(|n| n * 1_000_000),
            (0i128..7).prop_map(|n| n * 1_000_000_000),
            (0i128..7).prop_map(|n| n * 30_000),
            (0i128..12).prop_map(|n| n * 100_000),
            (0i128..12).prop_map(|n| n * 1_500),
            (0i128..7).prop_map(|n| i128::from(NOON) + n),
            Just(i128::MAX),
        ]
    };
    let had: Vec<Had> = Had::all().filter(|had| whole || had.of_span()).collect();
    let any = prop_oneof![
        1 => Just(Filter::All),
        4 => (fields(|shape| shape == Shape::Text), words()).prop_map(|(field, words)| Filter::Is(field, Pattern(words))),
        4 => (fields(|shape| shape != Shape::Text), comparison, n())
            .prop_map(|(field, comparison, n)| Filter::Compare(field, comparison, if field == Field::Ctx { n.min(100_000) } else { n })),
        2 => (fields(|shape| shape != Shape::Text), n(), n())
            .prop_map(|(field, a, b)| Filter::Between(field, if field == Field::Ctx { a.min(100_000) } else { a }, if field == Field::Ctx { b.min(100_000) } else { b })),
        2 => prop::sample::select(had).prop_map(Filter::Has),
    ];
    let key = prop::sample::select(vec!["http.route", "n", "deep.on", "deep", "deep.list", "a/b", "none"]);
    prop_oneof![
        6 => any,
        1 => words().prop_map(Filter::Text),
        1 => (key, words()).prop_map(|(key, words)| Filter::Attribute(key.to_owned(), Pattern(words))),
    ]
    .boxed()
}

/// Lists of conditions; inside a group also of groups.
fn filters(leaf: BoxedStrategy<Filter>, reaches: Vec<Reach>) -> BoxedStrategy<Filter> {
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let lists = prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
        ];
        if reaches.is_empty() {
            return lists.boxed();
        }
        let group = (prop::sample::select(reaches.clone()), inner).prop_map(|(reach, filter)| Filter::Some(reach, Box::new(filter)));
        prop_oneof![lists, group].boxed()
    })
    .boxed()
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let inside = filters(leaf(false), vec![Reach::Child, Reach::Parent]);
    let group = (prop::sample::select(Reach::ALL.to_vec()), inside)
        .prop_map(|(reach, filter)| Filter::Some(reach, Box::new(filter)))
        .boxed();
    filters(prop_oneof![2 => leaf(true), 1 => group].boxed(), Vec::new())
}

fn list(store: &Store, filter: Filter) -> Vec<Interaction> {
    let query = Query::Interactions {
        filter,
        window: Window::default(),
        sort: Sort::default(),
        page: Page::First,
        limit: u32::MAX,
    };
    match store.ask_now(query) {
        Reply::Interactions { rows, .. } => rows,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_sql_of_a_filter_says_what_the_plain_evaluator_says() {
    let dir = tempfile::tempdir().unwrap();
    let prices = Arc::new(Prices::embedded());
    let options = Options::new(Arc::clone(&prices), dir.path().join("cache"));
    let location = Location::File(dir.path().join("s.duckdb"));
    let store = Store::open(location, options, |_| {}, |problem| panic!("{problem}")).unwrap();
    let known = known(&prices);
    fill(&store, vec![batch(&source(1), 0..COUNT * 100, parts())]);
    let everything = list(&store, Filter::All);
    assert_eq!(everything.len() as u64, COUNT);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let passed = std::cell::Cell::new(0);
    runner
        .run(&any_filter(), |filter| {
            let passes = |row: &&Interaction| {
                let known = &known[&row.trace];
                filter.matches(&Subject {
                    steps: &steps(&known.trace, &prices),
                    texts: &known.said(|_| true),
                    documents: &known.said(|slot| slot == Slot::Document),
                    prompts: &known.said(|slot| slot == Slot::System),
                    attributes: &known.attributes.iter().map(|(span, json)| (*span, json)).collect::<Vec<_>>(),
                    ..Subject::of(row)
                })
            };
            let expected: Vec<_> = everything.iter().filter(passes).cloned().collect();
            passed.set(passed.get() + usize::from(!expected.is_empty() && expected.len() < everything.len()));
            prop_assert_eq!(list(&store, filter.clone()), expected, "{}", filter);
            Ok(())
        })
        .unwrap();
    assert!(passed.get() > 100, "only {} filters told anything apart", passed.get());
    // Every content is there for some interaction, and missing for another.
    for content in [Content::Prompt, Content::Response, Content::Documents] {
        let rows = list(&store, Filter::Has(Had::Content(content))).len();
        assert!((1..everything.len()).contains(&rows), "{content:?} {rows}");
    }
    // Names of attributes that have a value, as `attr.` takes them.
    let seen = |of: Seen, text: &str, limit: u32| {
        let text = text.to_owned();
        match store.ask_now(Query::Values { of, text, limit }) {
            Reply::Values(names) => names,
            other => panic!("{other:?}"),
        }
    };
    let names = |text: &str| seen(Seen::Attributes, text, 4);
    let told = |list: &[(&str, u64)]| list.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect::<Vec<_>>();
    assert_eq!(names(""), told(&[("http.route", 20), ("n", 20), ("a/b", 10), ("deep", 10)]));
    assert_eq!(names("DEEP"), told(&[("deep", 10), ("deep.on", 10)]));
    // A value is told with as many interactions as a filter by it finds, or with about as many.
    for field in Field::ALL.iter().copied().filter(|field| field.shape() == Shape::Text) {
        let values = seen(Seen::Field(field), "", 100);
        assert_eq!(values.is_empty(), field == Field::Trace, "{field:?}");
        let exact = !matches!(field, Field::Doc | Field::Prompt);
        for (value, count) in values {
            let found = list(&store, Filter::Is(field, Pattern(value.clone()))).len() as u64;
            assert!(found > 0 && (found == count || !exact), "{field:?} {value}: {found} of {count}");
        }
        assert!(seen(Seen::Field(field), "no such value", 100).is_empty());
    }
    assert!(
        seen(Seen::Field(Field::Finding), "HOT", 100)
            .iter()
            .all(|(name, _)| name == "hot_temperature")
    );
    // What a span says, tells interactions apart that all say it somewhere.
    let clock = Clock {
        now: NOON,
        zone: jiff::tz::TimeZone::UTC,
    };
    let count = |text: &str| list(&store, Filter::parse(text, &clock).unwrap()).len();
    for (narrow, wide) in [
        ("span(kind:agent cancellation)", "cancellation"),
        ("span(cancellation child(kind:tool))", "span(cancellation)"),
        ("span(kind:tool doc:refunds)", "kind:tool"),
        ("span(kind:agent attr.http.route:/chat*)", "kind:agent"),
        ("span(kind:llm finding:hot_temperature)", "kind:llm"),
        ("child(finding:*)", "finding:*"),
        ("span(-doc:cancellation kind:agent)", "kind:agent"),
    ] {
        let (few, many) = (count(narrow), count(wide));
        assert!(0 < few && few < many, "{narrow} {few}, {wide} {many}");
    }
}

#[test]
fn an_anomaly_is_dearer_than_twice_its_features_usual() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options::new(Arc::new(Prices::default()), dir.path().join("cache"));
    let location = Location::File(dir.path().join("s.duckdb"));
    let store = Store::open(location, options, |_| {}, |problem| panic!("{problem}")).unwrap();
    let parts = (0..30).map(|n| Part {
        cost_logged: Some(Cost(if n == 25 { 201 } else { 100 })),
        feature: Some("a".to_owned()),
        ..call(&format!("t{n}"), "s", n * 10, NOON + n as i64)
    });
    fill(&store, vec![batch(&source(1), 0..1000, parts.collect())]);
    let anomaly = Filter::Is(Field::Finding, Pattern("Anomaly".to_owned()));
    let found: Vec<String> = list(&store, anomaly.clone()).into_iter().map(|row| row.trace_id).collect();
    assert_eq!(found, ["t25"]);
    assert_eq!(list(&store, Filter::Not(Box::new(anomaly))).len(), 29);
}
