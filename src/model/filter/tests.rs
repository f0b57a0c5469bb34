#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::model::json::Json;
use crate::model::span::{SpanKey, SpanKind, Status};
use crate::model::trace::{FindingKind, Interaction};
use crate::model::usage::Cost;

/// 2026-05-10T10:00:00Z, in Berlin two hours later.
const NOW: i64 = 1_778_407_200_000_000_000;

fn parse(text: &str) -> Result<Filter, FilterError> {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    Filter::parse(text, &Clock { now: NOW, zone })
}

/// An interaction without spans and attributes.
fn subject<'a>(row: &'a Interaction, texts: &'a [(SpanKey, &'a str)]) -> Subject<'a> {
    Subject { texts, ..Subject::of(row) }
}

fn text(words: &str) -> Filter {
    Filter::Text(words.into())
}

fn is(field: Field, pattern: &str) -> Filter {
    Filter::Is(field, Pattern(pattern.into()))
}

const HOUR: i128 = 3_600_000_000_000;

fn number(field: Field, comparison: Comparison, n: i128) -> Filter {
    Filter::Compare(field, comparison, n)
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// Thousandths of a dollar.
fn mills(n: i128) -> i128 {
    n * 1_000_000_000
}

#[test]
fn expressions_mean_what_they_say() {
    let compare = |comparison, n| Filter::Compare(Field::Cost, comparison, mills(n));
    let table = [
        ("", Filter::All),
        ("   ", Filter::All),
        ("()", Filter::All),
        ("refund", text("refund")),
        ("well-known", text("well-known")),
        (r#""cancellation policy""#, text("cancellation policy")),
        (r#""say \"no\" to C:\new \\""#, text(r#"say "no" to C:\new \"#)),
        (r#""""#, text("")),
        (r#""or""#, text("or")),
        ("feature:billing", is(Field::Feature, "billing")),
        ("FEATURE=billing", is(Field::Feature, "billing")),
        ("feature:\"two words\"", is(Field::Feature, "two words")),
        ("model:claude*", is(Field::Model, "claude*")),
        ("model:a/b:v1=2", is(Field::Model, "a/b:v1=2")),
        ("status:error", is(Field::Status, "error")),
        ("finding:truncated", is(Field::Finding, "truncated")),
        ("finding:*", is(Field::Finding, "*")),
        ("-user:u_1*", not(is(Field::User, "u_1*"))),
        ("--user:x", not(not(is(Field::User, "x")))),
        ("-(a or b)", not(Filter::Or(vec![text("a"), text("b")]))),
        ("-()", not(Filter::All)),
        ("cost>0.05", compare(Comparison::Greater, 50)),
        ("cost>=0.05", compare(Comparison::GreaterOrEqual, 50)),
        ("cost<$1", compare(Comparison::Less, 1000)),
        ("cost<=.5", compare(Comparison::LessOrEqual, 500)),
        ("cost:0.050", compare(Comparison::Equal, 50)),
        ("cost=-2", compare(Comparison::Equal, -2000)),
        ("cost:0.01..0.05", Filter::Between(Field::Cost, mills(10), mills(50))),
        ("cost:..0.05", compare(Comparison::LessOrEqual, 50)),
        ("cost:0.05..", compare(Comparison::GreaterOrEqual, 50)),
        ("trace:4bf9*", is(Field::Trace, "4bf9*")),
        ("kind:tool", is(Field::Kind, "tool")),
        ("tool:search_docs", is(Field::Tool, "search_docs")),
        ("stop:max_tokens", is(Field::Stop, "max_tokens")),
        ("doc:refund", is(Field::Doc, "refund")),
        ("prompt:e3b0c44298fc", is(Field::Prompt, "e3b0c44298fc")),
        ("finding:anomaly", is(Field::Finding, "anomaly")),
        ("input>8000", number(Field::Input, Comparison::Greater, 8000)),
        ("input>2.5k", number(Field::Input, Comparison::Greater, 2500)),
        ("tokens:2000..8000", Filter::Between(Field::Tokens, 2000, 8000)),
        ("temp>0.7", number(Field::Temp, Comparison::Greater, 700_000)),
        ("ctx>80%", number(Field::Ctx, Comparison::Greater, 8000)),
        ("ctx>=12.5", number(Field::Ctx, Comparison::GreaterOrEqual, 1250)),
        ("took>5s", number(Field::Took, Comparison::Greater, 5_000_000_000)),
        ("took<250ms", number(Field::Took, Comparison::Less, 250_000_000)),
        ("took:1m..1.5h", Filter::Between(Field::Took, 60_000_000_000, 5_400_000_000_000)),
        ("ttft>1", number(Field::Ttft, Comparison::Greater, 1_000_000_000)),
        ("has:prompt", Filter::Has(Had::Content(Content::Prompt))),
        ("-has:user", not(Filter::Has(Had::Field(Field::User)))),
        ("has:document", Filter::Has(Had::Content(Content::Documents))),
        (
            "attr.http.route:/chat",
            Filter::Attribute("http.route".into(), Pattern("/chat".into())),
        ),
        ("ATTR.Key:\"a b\"", Filter::Attribute("Key".into(), Pattern("a b".into()))),
        (
            "since:2h",
            number(Field::At, Comparison::GreaterOrEqual, i128::from(NOW) - 2 * HOUR),
        ),
        (
            "until:2026-05-10T09:00:00Z",
            number(Field::At, Comparison::Less, i128::from(NOW) - HOUR),
        ),
        // In Berlin it is noon: yesterday at 15:00 is 21 hours ago, and about that time is meant.
        (
            "at:\"yesterday 15:00\"",
            Filter::Between(
                Field::At,
                i128::from(NOW) - 21 * HOUR - 3 * HOUR / 4,
                i128::from(NOW) - 21 * HOUR + 3 * HOUR / 4,
            ),
        ),
        (
            "at:10:00..11:00",
            Filter::Between(Field::At, i128::from(NOW) - 2 * HOUR, i128::from(NOW) - HOUR),
        ),
        ("at>=2h", number(Field::At, Comparison::GreaterOrEqual, i128::from(NOW) - 2 * HOUR)),
        (
            "span(kind:tool took>5s)",
            Filter::Some(
                Reach::Span,
                Box::new(Filter::And(vec![
                    is(Field::Kind, "tool"),
                    number(Field::Took, Comparison::Greater, 5_000_000_000),
                ])),
            ),
        ),
        (
            "child(kind:tool parent(name:a or -has:result))",
            Filter::Some(
                Reach::Child,
                Box::new(Filter::And(vec![
                    is(Field::Kind, "tool"),
                    Filter::Some(
                        Reach::Parent,
                        Box::new(Filter::Or(vec![
                            is(Field::Name, "a"),
                            not(Filter::Has(Had::Content(Content::Result))),
                        ])),
                    ),
                ])),
            ),
        ),
        ("child()", Filter::Some(Reach::Child, Box::new(Filter::All))),
        ("child (b)", Filter::And(vec![text("child"), text("b")])),
        ("a b", Filter::And(vec![text("a"), text("b")])),
        ("a and b", Filter::And(vec![text("a"), text("b")])),
        ("a (b c)", Filter::And(vec![text("a"), text("b"), text("c")])),
        ("a b or c", Filter::Or(vec![Filter::And(vec![text("a"), text("b")]), text("c")])),
        ("a (b or c)", Filter::And(vec![text("a"), Filter::Or(vec![text("b"), text("c")])])),
        ("a or (b or c)", Filter::Or(vec![text("a"), text("b"), text("c")])),
        ("a(b)", Filter::And(vec![text("a"), text("b")])),
    ];
    for (expression, meant) in table {
        let read = parse(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
        assert_eq!(read, meant, "{expression}");
        assert_eq!(parse(&read.to_string()).unwrap(), read, "{expression} printed as {read}");
    }
}

#[test]
fn errors_point_at_the_column_and_say_what_was_meant() {
    let table = [
        ("featur:x", 0, "unknown field `featur`", "did you mean `feature`?"),
        ("a  modle:x", 3, "unknown field `modle`", "did you mean `model`?"),
        (
            "http://x",
            0,
            "unknown field `http`",
            "fields are feature, user, session, service, trace, model, status, finding, kind, name, tool, stop, doc, prompt, cost, tokens, \
             took, input, output, temp, ctx, ttft, at, has, since, until, attr.KEY; quote it to search for the text: \"http://x\"",
        ),
        ("status:eror", 7, "no status is `eror`", "did you mean `status:error`?"),
        ("status:green", 7, "no status is `green`", "a status is unset, ok or error"),
        (
            "finding:truncatd",
            8,
            "no finding is `truncatd`",
            "did you mean `finding:truncated`?",
        ),
        ("feature:", 8, "`feature` needs a value", "feature:* matches whatever was logged"),
        (
            "user>3",
            4,
            "`user` is text and cannot be compared",
            "user:VALUE, with * for any characters",
        ),
        (
            "cost>",
            5,
            "`cost` needs an amount",
            "dollars, such as cost>0.05 or cost:0.01..0.05",
        ),
        (
            "cost>dear",
            5,
            "`dear` is not an amount",
            "dollars, such as cost>0.05 or cost:0.01..0.05",
        ),
        (
            "cost:1e-3",
            5,
            "`1e-3` is not an amount",
            "dollars, such as cost>0.05 or cost:0.01..0.05",
        ),
        (
            "cost:0.0000000000001",
            5,
            "costs are kept to 12 decimals",
            "dollars, such as cost>0.05 or cost:0.01..0.05",
        ),
        ("cost:0.05..0.01", 5, "the range ends before it begins", "cost:0.01..0.05"),
        ("cost:..", 5, "a range needs at least one end", "cost:0.01..0.05"),
        (
            "cost:1..x",
            8,
            "`x` is not an amount",
            "dollars, such as cost>0.05 or cost:0.01..0.05",
        ),
        ("cost>1..2", 5, "a range follows a colon", "cost:1..2"),
        ("kind:tol", 5, "no kind is `tol`", "did you mean `kind:tool`?"),
        ("finding:anomly", 8, "no finding is `anomly`", "did you mean `finding:anomaly`?"),
        (
            "took>soon",
            5,
            "`soon` is not a duration",
            "a duration, such as took>5s or took:250ms..2m",
        ),
        (
            "took>0.1ns",
            5,
            "durations are kept to nanoseconds",
            "a duration, such as took>5s or took:250ms..2m",
        ),
        (
            "input>0.5",
            6,
            "tokens are whole numbers",
            "tokens, such as input>8000 or input:2k..8k",
        ),
        (
            "ctx>full",
            4,
            "`full` is not a percentage",
            "percent, such as ctx>80% or ctx:50..80",
        ),
        ("temp:..", 5, "a range needs at least one end", "temp:0..0.2"),
        ("at:soon", 3, "`soon` is not a time", crate::model::moment::EXAMPLES),
        ("since:soon", 6, "`soon` is not a time", crate::model::moment::EXAMPLES),
        ("since>2h", 5, "`since` is text and cannot be compared", "since:2h"),
        ("has:promt", 4, "nothing is called `promt`", "did you mean `has:prompt`?"),
        ("has:", 4, "`has` needs a value", "has:prompt, -has:user"),
        (
            "attr.a>5",
            6,
            "`attr.a` is text and cannot be compared",
            "attr.a:VALUE, with * for any characters",
        ),
        (
            "child(feature:a)",
            6,
            "`feature` is asked of a whole interaction, not of one span",
            "put it outside of child(…)",
        ),
        (
            "parent(kind:llm finding:anomaly)",
            24,
            "`anomaly` is asked of a whole interaction, not of one span",
            "put it outside of parent(…)",
        ),
        (
            "child(span(kind:llm))",
            6,
            "`span(…)` stands outside of other groups",
            "use child(…) or parent(…) here",
        ),
        (
            "not a",
            0,
            "`not` is written `-`",
            "-feature:billing; quote it to search for the word: \"not\"",
        ),
        (
            "or a",
            0,
            "`or` stands between two terms",
            "quote it to search for the word: \"or\"",
        ),
        (
            "a - b",
            2,
            "`-` needs the term it negates right behind it",
            "quote it to search for a dash: \"-\"",
        ),
        (
            "é\"b\"",
            1,
            "a space is missing here",
            "put the whole text in quotes; a quote inside is written \\\"",
        ),
    ];
    for (expression, column, message, hint) in table {
        let error = parse(expression).unwrap_err();
        assert_eq!(
            (error.column, error.message.as_str(), error.hint.as_deref()),
            (column, message, Some(hint)),
            "{expression}"
        );
    }
    let bare = [
        ("a or", 4, "something is missing here"),
        ("(a", 0, "this `(` is never closed"),
        ("a)", 1, "this `)` closes nothing"),
        (")", 0, "something is missing before this `)`"),
        ("é \"b", 2, "this quote is never closed"),
    ];
    for (expression, column, message) in bare {
        let error = parse(expression).unwrap_err();
        assert_eq!(
            (error.column, error.message.as_str(), error.hint),
            (column, message, None),
            "{expression}"
        );
    }
    assert_eq!(parse(&"(".repeat(100_000)).unwrap_err().message, "nested more than 64 deep");
    assert_eq!(parse(&"-".repeat(100_000)).unwrap_err().message, "nested more than 64 deep");
}

#[test]
fn the_evaluator_is_plain() {
    let row = Interaction {
        feature: Some("Billing".into()),
        session: Some(String::new()),
        models: vec!["claude-sonnet-4-6".into(), "gpt-x".into()],
        status: Status::Error,
        cost: Some(Cost(mills(24))),
        ..Interaction::default()
    };
    let texts = [(SpanKey(1), "The cancellation POLICY"), (SpanKey(2), "straße Ä")];
    let table = [
        ("", true),
        ("-()", false),
        ("feature:billing", true),
        ("feature:bill", false),
        ("feature:bill*", true),
        ("feature:*i*i*g", true),
        ("feature:*i*i*i*g", false),
        ("user:*", false),
        ("-user:*", true),
        ("session:*", true),
        ("session:\"\"", true),
        ("model:gpt*", true),
        ("model:*-4-6", true),
        ("-model:gpt*", false),
        ("status:ERROR", true),
        ("status:ok", false),
        ("cost>0.024", false),
        ("cost>=0.024", true),
        ("cost:0.024..0.03", true),
        ("cost:0.02..0.024", true),
        ("cost<0.024", false),
        ("cancellation policy", true),
        ("\"cancellation policy\"", true),
        ("\"cancellation  policy\"", false),
        ("STRAßE", true),
        ("ä", false),
        ("nowhere or feature:billing", true),
        ("nowhere feature:billing", false),
    ];
    for (expression, passes) in table {
        assert_eq!(parse(expression).unwrap().matches(&subject(&row, &texts)), passes, "{expression}");
    }
    let unknown = Interaction::default();
    for expression in ["cost>0", "cost<=0", "feature:*", "model:*"] {
        assert!(!parse(expression).unwrap().matches(&subject(&unknown, &[])), "{expression}");
    }
}

#[test]
fn filters_are_joined_flat() {
    let (a, b) = (parse("a b").unwrap(), parse("c or d").unwrap());
    assert_eq!(a.clone().and(b).to_string(), "a b (c or d)");
    assert_eq!(Filter::All.and(a.clone()), a);
    assert!(Filter::All.and(Filter::All).is_all());
    let (a, c) = (parse("feature:a").unwrap(), parse("c").unwrap());
    assert_eq!(a.clone().and(a.clone()), a, "asked already");
    let both = a.clone().and(c);
    assert_eq!(both.clone().and(a), both);
}

fn step(span: u64, parent: Option<u64>, kind: SpanKind) -> Step {
    Step {
        span: SpanKey(span),
        parent: parent.map(SpanKey),
        kind,
        name: format!("s{span}"),
        ..Step::default()
    }
}

#[test]
fn a_field_of_a_step_means_some_span_and_a_group_one_and_the_same() {
    let row = Interaction {
        duration: Some(9_000_000_000),
        start: NOW,
        ..Interaction::default()
    };
    let steps = [
        step(1, None, SpanKind::Agent),
        Step {
            model: Some("small".into()),
            input: Some(850),
            output: Some(12),
            window: Some(1000),
            temperature: Some(700_000),
            slots: Content::System.slots(),
            cost: Some(Cost(mills(3))),
            ..step(2, Some(1), SpanKind::Llm)
        },
        Step {
            tool: Some("search_docs".into()),
            took: Some(2_000_000_000),
            status: Status::Error,
            findings: [FindingKind::ToolError].into_iter().collect(),
            ..step(3, Some(2), SpanKind::Tool)
        },
    ];
    let json = Json::parse(r#"{"http.route":"/chat","http":{"status":200,"who":null},"a/b":{"c":true}}"#).unwrap();
    let subject = Subject {
        row: &row,
        steps: &steps,
        texts: &[(SpanKey(2), "Annual plan?"), (SpanKey(3), "Refunds take 5 days")],
        documents: &[(SpanKey(3), "{\"id\":\"doc_17\",\"content\":\"Refunds take 5 days\"}")],
        prompts: &[(SpanKey(2), "Be brief."), (SpanKey(2), "")],
        attributes: &[(SpanKey(1), &json)],
        anomaly: true,
    };
    let table = [
        ("kind:tool", true),
        ("kind:retrieval", false),
        ("-kind:retrieval", true),
        ("input>800 kind:tool", true),
        ("span(input>800 kind:tool)", false),
        ("span(input>800 kind:llm)", true),
        ("output<=12", true),
        ("ctx>80", true),
        ("ctx>85%", false),
        ("ctx:85%", true),
        ("ctx:80..85", true),
        ("temp>0.7", false),
        ("temp>=0.7", true),
        ("ttft>0", false),
        ("has:ttft", false),
        ("has:ctx", true),
        ("has:prompt", true),
        ("has:response", false),
        ("took>5s", true),
        ("span(took>5s)", false),
        ("span(tokens:862)", true),
        ("span(cost:0.003 model:small)", true),
        ("child(kind:tool)", true),
        ("child(kind:agent)", false),
        ("parent(kind:tool)", false),
        ("parent(kind:agent)", true),
        ("span(kind:agent child(kind:llm child(status:error)))", true),
        ("span(kind:agent child(status:error))", false),
        ("child(kind:tool parent(model:sm*))", true),
        ("span(-child())", true),
        ("span(kind:llm -child())", false),
        ("attr.http.route:/ch*", true),
        ("attr.http.status:200", true),
        ("attr.http.who:*", false),
        ("attr.a/b.c:true", true),
        ("attr.nothing:*", false),
        ("doc:refund", true),
        ("doc:\"refunds * days\"", true),
        ("doc:doc_1?", false),
        // What `printf 'Be brief.' | sha256sum` says, and of nothing at all.
        ("prompt:213c22ed7234", true),
        ("prompt:E3B0C44298FC", true),
        ("prompt:e3b0*", true),
        ("prompt:e3b0", false),
        ("finding:anomaly", true),
        ("finding:*", false),
        ("span(plan)", true),
        ("span(kind:llm plan)", true),
        ("span(kind:tool plan)", false),
        ("span(plan refunds)", false),
        ("plan refunds", true),
        ("span(plan child(refunds))", true),
        ("span(refunds child(plan))", false),
        ("span(kind:tool parent(\"annual plan\"))", true),
        ("span(kind:agent -plan)", true),
        ("span(kind:llm -plan)", false),
        ("span(kind:tool doc:refund)", true),
        ("span(kind:llm doc:refund)", false),
        ("span(kind:llm prompt:213c*)", true),
        ("span(kind:tool prompt:*)", false),
        ("span(kind:agent attr.http.route:/chat)", true),
        ("span(kind:llm attr.http.route:*)", false),
        ("span(kind:tool finding:tool_error)", true),
        ("span(kind:llm finding:*)", false),
        ("span(has:finding took>1s)", true),
        ("span(kind:llm has:finding)", false),
        ("child(finding:tool*)", true),
        ("since:1h", true),
        ("until:1h", false),
        ("at:11:30", true),
        ("at:11:00", false),
    ];
    for (expression, passes) in table {
        assert_eq!(parse(expression).unwrap().matches(&subject), passes, "{expression}");
    }
}

/// Filters in normal form. What only a whole interaction has stands outside of groups.
fn filters(reach: Option<Reach>) -> impl Strategy<Value = Filter> {
    let string = prop_oneof![
        r#"[-a-z"\\ ():=<>*.or\n]{0,8}"#,
        any::<String>(),
        Just("or".to_owned()),
        Just("child".to_owned()),
        Just("NOT".to_owned())
    ];
    let texts: Vec<Field> = Field::ALL
        .iter()
        .copied()
        .filter(|field| field.shape() == Shape::Text && field.known().is_empty())
        .filter(|field| reach.is_none() || field.of_span())
        .collect();
    let numbers: Vec<Field> = Field::ALL
        .iter()
        .copied()
        .filter(|field| field.shape() != Shape::Text)
        .filter(|field| reach.is_none() || field.of_span())
        .collect();
    let had: Vec<Had> = Had::all().filter(|had| reach.is_none() || had.of_span()).collect();
    let comparison = prop_oneof![
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Equal),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Greater)
    ];
    let n = || any::<i64>().prop_map(i128::from);
    let leaf = prop_oneof![
        (prop::sample::select(texts), string.clone()).prop_map(|(field, text)| Filter::Is(field, Pattern(text))),
        Just(is(Field::Status, "err*")),
        Just(is(Field::Kind, "tool")),
        (prop::sample::select(numbers.clone()), comparison, n()).prop_filter_map("about a time", |(field, comparison, n)| {
            (field != Field::At || comparison != Comparison::Equal).then_some(Filter::Compare(field, comparison, n))
        }),
        (prop::sample::select(numbers), n(), n()).prop_map(|(field, a, b)| Filter::Between(field, a.min(b), a.max(b))),
        prop::sample::select(had).prop_map(Filter::Has),
    ];
    let leaf = prop_oneof![
        4 => leaf,
        1 => string.clone().prop_map(Filter::Text),
        1 => ("[a-zA-Z_./~é][a-z_./~é-]{0,9}", string).prop_map(|(key, text)| Filter::Attribute(key, Pattern(text))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::all_of),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::any_of),
            inner.prop_map(not),
        ]
    })
}

/// With groups about spans in them.
fn grouped() -> impl Strategy<Value = Filter> {
    let inside = (prop::sample::select(vec![Reach::Child, Reach::Parent]), filters(Some(Reach::Span)))
        .prop_map(|(reach, filter)| Filter::Some(reach, Box::new(filter)));
    let group = (
        prop::sample::select(Reach::ALL.to_vec()),
        prop_oneof![filters(Some(Reach::Span)), inside],
    )
        .prop_map(|(reach, filter)| Filter::Some(reach, Box::new(filter)));
    prop_oneof![
        filters(None),
        group.clone(),
        (filters(None), group).prop_map(|(a, b)| Filter::all_of(vec![a, b]))
    ]
}

proptest! {
    #[test]
    fn reading_what_was_printed_gives_the_same_filter(filter in grouped()) {
        let printed = filter.to_string();
        prop_assert_eq!(parse(&printed), Ok(filter), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_within_its_length(
        text in r#"[-a-z"\\ ():=<>*.$0-9é]{0,40}|(cost|status|feature|took|ctx|at|input|has|attr\.|child\(kind)[:=<>]{0,2}\PC{0,12}"#
    ) {
        match parse(&text) {
            Ok(filter) => prop_assert_eq!(parse(&filter.to_string()), Ok(filter)),
            Err(error) => prop_assert!(error.column <= text.chars().count()),
        }
    }

    #[test]
    fn a_pattern_without_stars_is_equality(pattern in "[a-cA-C]{0,4}", text in "[a-cA-C]{0,4}") {
        prop_assert_eq!(Pattern(pattern.clone()).matches(&text), pattern.eq_ignore_ascii_case(&text));
        let inside = Pattern(format!("*{pattern}*")).matches(&format!("x{pattern}y"));
        prop_assert!(inside);
    }
}
