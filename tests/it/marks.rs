//! Interactions set aside.

use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn marked(desk: &Desk) -> usize {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
        .matches('◆')
        .count()
}

#[test]
fn they_are_gone_back_to_from_anywhere_and_looked_at_alone() {
    let mut desk = Desk::ready(1000, 120, 30);
    desk.keys("'");
    assert_eq!(desk.at(), Some(999), "none yet");
    desk.keys("jjm");
    assert_eq!((desk.at(), marked(&desk)), (Some(997), 1));
    // Far beyond what is held.
    desk.keys("Gm");
    assert_eq!(desk.at(), Some(0));
    desk.keys("kkkm'");
    assert_eq!(desk.at(), Some(0));
    desk.keys("'");
    assert_eq!(desk.at(), Some(997), "round the end");
    desk.keys("\"");
    assert_eq!(desk.at(), Some(0));
    desk.keys("\"");
    assert_eq!(desk.at(), Some(3));
    // In another order too.
    desk.keys("sc");
    let costs: Vec<Option<u64>> = (0..4)
        .map(|_| {
            desk.keys("'");
            desk.at()
        })
        .collect();
    assert!(
        costs[..3].contains(&Some(0)) && costs[..3].contains(&Some(3)) && costs[..3].contains(&Some(997)),
        "{costs:?}"
    );
    assert_eq!(costs[0], costs[3]);
    desk.keys("&");
    assert_eq!(desk.app.list().rows().len(), 3);
    assert_eq!((marked(&desk), desk.app.filter_text().matches("trace:").count()), (3, 3));
    desk.keys("gmmm<esc>");
    assert!(desk.app.filter_text().is_empty());
    assert!(!desk.app.marks().contains(desk.app.list().rows()[0].trace));
}
