//! Where nothing matches the filter the screen says what would, and one key goes there.

use spanscope::app::Pane;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

#[test]
fn the_term_that_is_too_much_is_told_and_enter_leaves_it_out() {
    let mut desk = Desk::ready(60, 100, 24);
    desk.keys("ffeature:billing_agent user:u_9999 session:s_1*<enter>");
    let shown = screen(&desk);
    // No one is of the user; four of the feature are of sessions 1, 10 and 11, and every fifth interaction has no session.
    for told in [
        "no interaction of 60 matches",
        "without feature:billing_agent: 0",
        "Enter leaves out user:u_9999: then 4 match",
        "without session:s_1*: 0",
        "session was logged with 48 of 60",
        // The keys below say it, too.
        "Enter leave out a term",
        "Esc clear it",
    ] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    assert!(!shown.contains("user was logged"), "with every one: {shown}");
    desk.keys("<enter>");
    assert_eq!(desk.app.filter_text(), "feature:billing_agent session:s_1*");
    assert_eq!(desk.app.list().rows().len(), 4);
    assert_eq!(desk.app.widened().count(), 0);
    assert!(screen(&desk).contains("Enter open"));
}

#[test]
fn where_no_term_is_too_much_nothing_is_left_out() {
    let mut desk = Desk::ready(10, 100, 24);
    desk.keys("fservice:web<enter>");
    let shown = screen(&desk);
    assert!(
        shown.contains("service was logged with 0 of 10") && !shown.contains("Enter leaves"),
        "{shown}"
    );
    desk.keys("<enter>");
    assert!(screen(&desk).contains("nothing to open"));
    assert_eq!(desk.app.filter_text(), "service:web");
}

/// A question after the other, and no more of them while nothing is written.
#[test]
fn it_is_asked_once_and_again_when_something_was_written() {
    let mut desk = Desk::ready(10, 100, 24);
    let asked = |desk: &Desk| desk.asked.iter().filter(|(pane, _)| *pane == Pane::Widened).count();
    desk.keys("fservice:web user:u_1<enter>");
    assert_eq!(asked(&desk), 4);
    desk.keys("jkr");
    assert_eq!(asked(&desk), 4);
    desk.send(spanscope::app::Msg::Tick(super::app::NOON + 10 * super::app::SECOND));
    desk.write(10);
    desk.answer_all();
    assert_eq!(asked(&desk), 8);
    desk.keys("<esc>");
    assert_eq!(desk.app.widened().count(), 0);
}
