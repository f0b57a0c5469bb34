//! The list grouped by session.

use spanscope::app::layout::Focus;
use spanscope::app::{Mode, Msg};
use spanscope::model::query::SessionRow;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, SECOND, conversations, text};

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

fn here(desk: &Desk) -> &SessionRow {
    let sessions = desk.app.sessions().unwrap();
    &sessions.list().rows()[sessions.list().at()]
}

#[test]
fn a_conversation_is_one_row_and_opens_into_its_interactions() {
    let mut desk = Desk::ready(43, 120, 40);
    desk.keys("B");
    assert_eq!(desk.app.mode(), Mode::Sessions);
    // Every fifth interaction has no session; five numbers make one.
    let row = here(&desk).clone();
    assert_eq!(
        (row.session.as_str(), row.interactions, row.ask.as_str()),
        ("s_8", 3, "question number 42")
    );
    desk.keys("j");
    assert_eq!((here(&desk).session.as_str(), here(&desk).interactions), ("s_7", 4));
    desk.keys("<enter>");
    assert_eq!((desk.app.mode(), desk.app.filter_text()), (Mode::List, "session:s_7"));
    assert_eq!((desk.at(), desk.app.list().rows().len()), (Some(35), 4), "the oldest first");
    // Back is a step at a time: the open interaction, then the sessions, where they were.
    desk.keys("<enter>");
    for _ in 0..5 {
        assert_eq!(desk.app.filter_text(), "session:s_7");
        desk.keys("<esc>");
        if desk.app.mode() == Mode::Sessions {
            break;
        }
    }
    assert_eq!((desk.app.mode(), desk.app.filter_text()), (Mode::Sessions, ""));
    assert_eq!(here(&desk).session, "s_7");
    desk.keys("<esc>");
    assert_eq!((desk.app.focus(), desk.at()), (Focus::List, Some(42)));
}

#[test]
fn sessions_are_those_of_the_filter_and_another_filter_leads_nowhere_back() {
    let mut desk = Desk::ready(43, 120, 40);
    desk.keys("ffeature:summarize<enter>B");
    assert!(here(&desk).interactions < 3);
    desk.keys("<enter>");
    assert_eq!(desk.app.filter_text(), "feature:summarize session:s_8");
    desk.keys("f<c-u>status:error<enter><esc>");
    assert_eq!((desk.app.mode(), desk.app.filter_text()), (Mode::List, ""));
    for (keys, mode) in [
        ("B", Mode::Sessions),
        ("L", Mode::Sources),
        ("B", Mode::Sessions),
        ("H", Mode::Health),
        ("B", Mode::Sessions),
        ("B", Mode::List),
    ] {
        desk.keys(keys);
        assert_eq!(desk.app.mode(), mode, "after {keys}");
    }
}

#[test]
fn thousands_come_by_pages_and_new_ones_only_where_the_list_begins() {
    let mut desk = Desk::ready(1500, 80, 24);
    let all = conversations(desk.traces.iter().map(|trace| &trace.row));
    desk.keys("B");
    let mut seen = vec![here(&desk).clone()];
    for _ in 1..all.len() {
        desk.keys("j");
        seen.push(here(&desk).clone());
        assert!(desk.app.sessions().unwrap().list().rows().len() <= 300);
    }
    assert_eq!(seen, all);
    desk.write(1500);
    desk.answer_all();
    assert_eq!(here(&desk).session, "s_0", "nothing moves under the cursor");
    desk.keys("g");
    assert_eq!(here(&desk).session, "s_300");
    desk.write(1505);
    desk.answer_all();
    assert_eq!(here(&desk).session, "s_300", "not at every commit");
    desk.send(Msg::Tick(desk.app.wants_tick().unwrap() + 2 * SECOND));
    desk.answer_all();
    assert_eq!(here(&desk).session, "s_301", "the newest is on top");
    desk.keys("G");
    assert_eq!(here(&desk).session, "s_0");
}

#[test]
fn a_sum_that_lacks_something_says_so_and_a_failure_says_why() {
    let mut desk = Desk::ready(5, 120, 30);
    desk.traces[2].row.unpriced_calls = 1;
    desk.traces[3].row.usage = spanscope::model::usage::Usage::default();
    desk.keys("B");
    let line = screen(&desk).lines().find(|line| line.contains("s_0")).unwrap().to_owned();
    assert!(line.contains("≥$") && line.matches('≥').count() == 2, "{line}");
    desk.keys("<esc>");
    desk.broken = Some("the disk is on fire".into());
    desk.keys("B");
    assert!(screen(&desk).contains("the disk is on fire"));
    desk.broken = None;
    desk.keys("r");
    assert_eq!(here(&desk).session, "s_0");
}
