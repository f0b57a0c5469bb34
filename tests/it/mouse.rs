//! The mouse (`--mouse`), and screens without line drawing.

use spanscope::app::layout::Focus;
use spanscope::app::{Mouse, Msg, Press};
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn at(desk: &mut Desk, what: Press, x: u16, y: u16) {
    desk.send(Msg::Mouse(Mouse { what, x, y }));
    desk.answer_all();
}

#[test]
fn a_click_selects_the_second_opens_and_the_wheel_moves() {
    let mut desk = Desk::ready(60, 120, 40);
    at(&mut desk, Press::Click, 20, 10);
    assert_eq!((desk.app.list().at(), desk.app.list().follows()), (5, false));
    at(&mut desk, Press::WheelDown, 20, 10);
    assert_eq!(desk.app.list().at(), 8);
    at(&mut desk, Press::WheelUp, 20, 10);
    at(&mut desk, Press::Click, 20, 10);
    assert!(desk.span().is_some(), "its telling call is shown");
    assert_eq!(desk.app.focus(), Focus::Inspector);
    at(&mut desk, Press::Click, 20, 3);
    assert_eq!(desk.app.focus(), Focus::List);
    at(&mut desk, Press::Click, 100, 4);
    assert_eq!(desk.app.focus(), Focus::Costs);
    at(&mut desk, Press::Click, 20, 38);
    assert_eq!(desk.app.focus(), Focus::Inspector);
}

#[test]
fn a_heading_sorts_and_a_click_beside_a_menu_closes_it() {
    let mut desk = Desk::ready(60, 120, 20);
    let heading = |desk: &Desk, word: &str| {
        let screen = text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()));
        let line = screen.lines().nth(1).unwrap().to_owned();
        line[..line.find(word).unwrap()].chars().count() as u16
    };
    let x = heading(&desk, "cost");
    at(&mut desk, Press::Click, x, 1);
    assert_eq!(desk.app.list().sort().key.name(), "cost");
    let x = heading(&desk, "feature");
    at(&mut desk, Press::Click, x, 1);
    assert_eq!(desk.app.list().sort().key.name(), "feature");
    assert!(!desk.app.list().sort().descending, "from A");
    desk.keys("s");
    at(&mut desk, Press::Click, 2, 2);
    assert!(!desk.app.sort_menu());
    // Anywhere, at any size.
    for (x, y) in (0..130).flat_map(|x| (0..25).map(move |y| (x, y))) {
        for what in [Press::Click, Press::WheelUp, Press::WheelDown] {
            at(&mut desk, what, x, y);
        }
        desk.keys("<esc><esc>");
    }
}

#[test]
fn a_screen_without_line_drawing_has_none() {
    let mut desk = Desk::ready(9, 120, 40);
    desk.keys("<enter>");
    let mut buffer = desk.render(&Theme::load("none", ColorSupport::None).unwrap());
    let area = buffer.area;
    spanscope::ui::plain(area, &mut buffer);
    let screen = text(&buffer);
    assert!(screen.is_ascii(), "{screen}");
    insta::assert_snapshot!(screen);
}
