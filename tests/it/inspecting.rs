//! The text of the inspector, outside of it and beside the list.

use spanscope::app::layout::Focus;
use spanscope::app::{Action, Effect, ListLine, Msg, Program};
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};
use super::gallery::logs;

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

#[test]
fn the_text_shown_goes_to_a_program_of_the_users_own() {
    let mut desk = Desk::ready(9, 120, 40);
    assert_eq!(desk.app.update(Msg::Do(Action::OpenPager)), [], "there is none yet");
    assert!(screen(&desk).contains("no text is shown: Enter opens one"));
    desk.keys("<enter>");
    let effects = desk.app.update(Msg::Do(Action::OpenPager));
    let [Effect::Outside { program, name, text }] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((*program, *name), (Program::Pager, "prompt"));
    assert!(
        text.contains("You are a patient assistant.\n") && text.contains("question number 8\n"),
        "{text}"
    );
    desk.keys("<esc>");
    assert_eq!(desk.app.focus(), Focus::List);
    let effects = desk.app.update(Msg::Do(Action::OpenEditor));
    assert!(
        matches!(
            &effects[..],
            [Effect::Outside {
                program: Program::Editor,
                ..
            }]
        ),
        "beside the list too: {effects:?}"
    );
}

#[test]
fn blanks_are_shown_by_one_key_and_the_screen_says_so() {
    let mut desk = Desk::ready(9, 120, 40);
    desk.keys("<enter>x");
    let shown = screen(&desk);
    assert!(shown.contains("question␣number␣8␊") && shown.contains("blanks shown"), "{shown}");
    desk.keys("x");
    assert!(!screen(&desk).contains('␣'));
}

/// The keys that fold the tree fold the JSON of a text.
#[test]
fn json_is_folded_by_the_keys_of_the_tree() {
    let mut desk = logs(120, 40);
    desk.keys("jjj<enter>z");
    let shown = screen(&desk);
    assert!(shown.contains("  \"plan\": \"yearly\",") && shown.contains(" - fold "), "{shown}");
    assert!(!shown.contains(" + unfold "), "{shown}");
    desk.keys("-");
    let shown = screen(&desk);
    assert!(shown.contains("{▸ 3 keys}") && shown.contains("0 of 1 levels"), "{shown}");
    assert!(shown.contains(" + unfold ") && !shown.contains(" - fold "), "{shown}");
    desk.keys("-");
    assert!(screen(&desk).contains("no JSON is open here to fold"));
    desk.keys("+");
    assert!(screen(&desk).contains("\"plan\"") && !screen(&desk).contains(" levels"));
    desk.keys("+");
    assert!(screen(&desk).contains("nothing is folded here"));
    desk.keys("-e");
    assert!(screen(&desk).contains("\"plan\""));
}

#[test]
fn the_cursor_stays_on_a_line_that_says_loading_and_goes_on_into_the_spans() {
    let mut desk = Desk::ready(9, 120, 40);
    desk.press("l");
    desk.press("j");
    let at = desk.app.list().at();
    assert!(matches!(desk.app.list().lines()[at], ListLine::Note(_)), "{at}");
    desk.press("x");
    assert_eq!(desk.app.list().at(), at, "it stays");
    desk.answer_all();
    assert_eq!(desk.app.list().at(), at);
    assert!(desk.span().is_some(), "on the first span");
    desk.press("jlj");
    desk.press("j");
    desk.answer_all();
    desk.keys("k");
    desk.keys("k");
    assert!(desk.app.list().at() > 0);
}

/// The call that answered is what is opened first: from there one key leads to the documents, though another step found them.
#[test]
fn a_call_shows_what_was_found_and_run_before_it() {
    let mut desk = super::gallery::logs(100, 40);
    desk.keys("jjj<enter>3");
    let documents = screen(&desk);
    for words in [
        "found by retrieval help_center",
        "3 documents, 276 B",
        "cancel-2024",
        "2 years old",
        "of the answer",
    ] {
        assert!(documents.contains(words), "{words}:\n{documents}");
    }
    desk.keys("4");
    assert!(screen(&desk).contains("This interaction ran get_subscription"), "{}", screen(&desk));
    desk.keys("5");
    assert!(screen(&desk).contains("support_chat  of the interaction"), "{}", screen(&desk));
}
