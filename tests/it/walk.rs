//! Ways through the tree of one interaction.

use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn none(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

/// The number of the step that the cursor stands on.
fn step(desk: &Desk) -> String {
    let selected = desk.app.list().selected().unwrap();
    let Some(span) = selected.span else { return "row".to_owned() };
    let trace = desk.app.trees().get(selected.trace).and_then(|open| open.loaded()).unwrap();
    let id = &trace.spans.iter().find(|other| other.key == span).unwrap().part.span_id;
    let number = u64::from_str_radix(id, 16).unwrap() % 100;
    number.to_string()
}

#[test]
fn up_beside_and_to_its_like() {
    // 0 request ├ 1 call └ 2 tool, └ 3 call
    let mut desk = Desk::ready(9, 100, 24);
    desk.keys("llll");
    assert_eq!(step(&desk), "2");
    for (key, stands) in [("u", "1"), ("J", "3"), ("K", "1"), ("*", "3"), ("#", "1"), ("u", "0")] {
        desk.keys(key);
        assert_eq!(step(&desk), stands, "after {key}");
    }
    for (key, words) in [
        ("u", "this span has no parent"),
        ("J", "no span beside this one after it"),
        ("#", "no span of this name before this one"),
    ] {
        desk.keys(key);
        assert!(none(&desk).contains(words), "{key}: {}", none(&desk));
    }
}

#[test]
fn levels_and_kinds_are_folded_and_the_cursor_stays_in_sight() {
    let mut desk = Desk::ready(3, 100, 24);
    desk.keys("llll");
    let lines = |desk: &Desk| desk.app.list().lines().len();
    assert_eq!(lines(&desk), 7);
    desk.keys("-");
    assert_eq!(
        (lines(&desk), step(&desk).as_str()),
        (6, "1"),
        "the tool is hidden, the cursor on what hides it"
    );
    desk.keys("-");
    assert_eq!((lines(&desk), step(&desk).as_str()), (4, "0"));
    desk.keys("-");
    assert!(none(&desk).contains("nothing to fold here"));
    desk.keys("+");
    assert_eq!(lines(&desk), 6);
    desk.keys("+");
    assert_eq!(lines(&desk), 7);
    desk.keys("jC");
    assert_eq!((lines(&desk), step(&desk).as_str()), (6, "1"), "all calls are folded");
    desk.keys("C");
    assert_eq!(lines(&desk), 7);
}

#[test]
fn a_search_in_a_tree_finds_its_spans_first() {
    let mut desk = Desk::ready(9, 100, 24);
    desk.keys("ll/search_d<enter>");
    assert_eq!(step(&desk), "2");
    desk.keys("n");
    assert_eq!(step(&desk), "2", "no other, and no other interaction holds the words");
}

#[test]
fn sums_stand_at_what_only_passes_on_and_the_critical_path_stands_tall() {
    let mut desk = Desk::ready(3, 120, 24);
    desk.keys("l");
    insta::assert_snapshot!(none(&desk));
}
