#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::model::span::Status;

fn text(words: &str) -> Filter {
    Filter::Text(words.into())
}

fn is(field: Field, pattern: &str) -> Filter {
    Filter::Is(field, Pattern(pattern.into()))
}

fn not(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// Thousandths of a dollar.
fn mills(n: i128) -> Cost {
    Cost(n * 1_000_000_000)
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
        ("a b", Filter::And(vec![text("a"), text("b")])),
        ("a and b", Filter::And(vec![text("a"), text("b")])),
        ("a (b c)", Filter::And(vec![text("a"), text("b"), text("c")])),
        ("a b or c", Filter::Or(vec![Filter::And(vec![text("a"), text("b")]), text("c")])),
        ("a (b or c)", Filter::And(vec![text("a"), Filter::Or(vec![text("b"), text("c")])])),
        ("a or (b or c)", Filter::Or(vec![text("a"), text("b"), text("c")])),
        ("a(b)", Filter::And(vec![text("a"), text("b")])),
    ];
    for (expression, meant) in table {
        let read = Filter::parse(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
        assert_eq!(read, meant, "{expression}");
        assert_eq!(Filter::parse(&read.to_string()).unwrap(), read, "{expression} printed as {read}");
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
            "fields are feature, user, session, model, status, finding and cost; quote it to search for the text: \"http://x\"",
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
        let error = Filter::parse(expression).unwrap_err();
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
        let error = Filter::parse(expression).unwrap_err();
        assert_eq!(
            (error.column, error.message.as_str(), error.hint),
            (column, message, None),
            "{expression}"
        );
    }
    assert_eq!(Filter::parse(&"(".repeat(100_000)).unwrap_err().message, "nested more than 64 deep");
    assert_eq!(Filter::parse(&"-".repeat(100_000)).unwrap_err().message, "nested more than 64 deep");
}

#[test]
fn the_evaluator_is_plain() {
    let row = Interaction {
        feature: Some("Billing".into()),
        session: Some(String::new()),
        models: vec!["claude-sonnet-4-6".into(), "gpt-x".into()],
        status: Status::Error,
        cost: Some(mills(24)),
        ..Interaction::default()
    };
    let texts = ["The cancellation POLICY", "straße Ä"];
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
        assert_eq!(Filter::parse(expression).unwrap().matches(&row, &texts), passes, "{expression}");
    }
    let unknown = Interaction::default();
    for expression in ["cost>0", "cost<=0", "feature:*", "model:*"] {
        assert!(!Filter::parse(expression).unwrap().matches(&unknown, &[]), "{expression}");
    }
}

#[test]
fn filters_are_joined_flat() {
    let (a, b) = (Filter::parse("a b").unwrap(), Filter::parse("c or d").unwrap());
    assert_eq!(a.clone().and(b).to_string(), "a b (c or d)");
    assert_eq!(Filter::All.and(a.clone()), a);
    assert!(Filter::All.and(Filter::All).is_all());
    let (a, c) = (Filter::parse("feature:a").unwrap(), Filter::parse("c").unwrap());
    assert_eq!(a.clone().and(a.clone()), a, "asked already");
    let both = a.clone().and(c);
    assert_eq!(both.clone().and(a), both);
}

/// Filters in normal form.
fn filters() -> impl Strategy<Value = Filter> {
    let string = prop_oneof![
        r#"[-a-z"\\ ():=<>*.or\n]{0,8}"#,
        any::<String>(),
        Just("or".to_owned()),
        Just("NOT".to_owned())
    ];
    let field = prop_oneof![Just(Field::Feature), Just(Field::User), Just(Field::Session), Just(Field::Model)];
    let comparison = prop_oneof![
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Equal),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Greater)
    ];
    let cost = any::<i64>().prop_map(|n| Cost(i128::from(n)));
    let leaf = prop_oneof![
        string.clone().prop_map(Filter::Text),
        (field, string).prop_map(|(field, text)| Filter::Is(field, Pattern(text))),
        Just(is(Field::Status, "err*")),
        (comparison, cost.clone()).prop_map(|(comparison, cost)| Filter::Compare(Field::Cost, comparison, cost)),
        (cost.clone(), cost).prop_map(|(a, b)| Filter::Between(Field::Cost, a.min(b), a.max(b))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::all_of),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Filter::any_of),
            inner.prop_map(not),
        ]
    })
}

proptest! {
    #[test]
    fn reading_what_was_printed_gives_the_same_filter(filter in filters()) {
        let printed = filter.to_string();
        prop_assert_eq!(Filter::parse(&printed), Ok(filter), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_within_its_length(text in r#"[-a-z"\\ ():=<>*.$0-9é]{0,40}|(cost|status|feature)[:=<>]{0,2}\PC{0,12}"#) {
        match Filter::parse(&text) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter)),
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
