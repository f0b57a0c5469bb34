//! The strip above the list.

use spanscope::app::layout::Focus;
use spanscope::app::{Mode, Mouse, Msg, Pane, Press};
use spanscope::model::query::Query;
use spanscope::model::span::Status;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, NOON, SECOND, interaction, text};
use super::screens::picture;

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

#[test]
fn it_stands_where_there_is_room_and_where_it_is_asked_for() {
    assert!(Desk::ready(20, 80, 24).app.screen().timeline.is_none());
    let desk = Desk::ready(20, 80, 30);
    assert!(desk.app.screen().timeline.is_some());
    let shown = screen(&desk);
    assert!(shown.contains("interactions  500ms a bar, most 1"), "{shown}");
    let mut low = Desk::ready(20, 80, 16);
    low.keys("t");
    assert_eq!((low.app.mode(), low.app.focus()), (Mode::Timeline, Focus::Timeline));
    assert!(screen(&low).contains("interactions"), "{}", screen(&low));
    low.keys("<esc>");
    assert_eq!((low.app.screen().timeline, low.app.focus()), (None, Focus::List));
    let mut high = Desk::ready(20, 80, 30);
    high.keys("tx");
    assert_eq!((high.app.screen().timeline, high.app.focus()), (None, Focus::List));
    high.keys("t<esc>");
    assert!(high.app.screen().timeline.is_none(), "it was hidden");
    high.keys("tx");
    assert!(high.app.screen().timeline.is_some());
}

#[test]
fn a_bar_leads_to_its_newest_interaction() {
    let mut desk = Desk::ready(400, 80, 30);
    desk.keys("jjj");
    assert_eq!(desk.at(), Some(396));
    desk.keys("t");
    let bar = desk.app.timeline().at().unwrap();
    let line = desk.app.timeline().line().unwrap();
    let within = |at: usize, line: &spanscope::model::timeline::Timeline| {
        let from = (line.start_of(at) - (NOON - 3600 * SECOND)) / SECOND;
        (from..from + line.step / SECOND).rfind(|number| (0..400).contains(number))
    };
    assert!(bar + 1 == line.bars.len(), "the cursor begins where the list is");
    desk.keys("hhh<enter>");
    let line = desk.app.timeline().line().unwrap();
    assert_eq!(desk.at().map(|at| at as i64), within(bar - 3, line));
    assert_eq!((desk.app.focus(), desk.app.list().follows()), (Focus::List, false));
    desk.keys("tg<enter>");
    let line = desk.app.timeline().line().unwrap();
    assert_eq!(desk.at().map(|at| at as i64), within(0, line));
}

#[test]
fn its_key_shows_the_next_measure_and_the_filter_holds() {
    let mut desk = Desk::ready(40, 120, 30);
    desk.keys("t");
    let names = [0, 1, 2].map(|_| {
        desk.keys("t");
        desk.app.timeline().measure().title()
    });
    assert_eq!(names, ["cost", "failed", "interactions"]);
    desk.keys("<esc>f");
    for letter in "feature:billing_agent".chars() {
        desk.press(&letter.to_string());
    }
    desk.keys("<enter>");
    let line = desk.app.timeline().line().unwrap();
    assert_eq!(line.bars.iter().map(|bar| bar.interactions).sum::<u64>(), 13);
}

#[test]
fn it_is_asked_for_once_a_second_at_most_and_not_where_it_is_hidden() {
    let mut desk = Desk::ready(5, 120, 40);
    let count = |desk: &Desk| desk.asked.iter().filter(|(pane, _)| *pane == Pane::Timeline).count();
    desk.asked.clear();
    for step in 0..100 {
        desk.write(5 + step);
        desk.send(Msg::Tick(NOON + step as i64 * 3 * SECOND / 100));
        desk.answer_all();
    }
    assert!((2..=4).contains(&count(&desk)), "{}", count(&desk));
    desk.send(Msg::Tick(NOON + 10 * SECOND));
    desk.answer_all();
    assert!(desk.app.wants_tick().is_none_or(|at| at > NOON + 10 * SECOND), "it rests");
    desk.keys("tx");
    desk.asked.clear();
    desk.write(200);
    desk.send(Msg::Tick(NOON + 20 * SECOND));
    desk.answer_all();
    assert_eq!(count(&desk), 0);
    // Another width has room for other bars.
    desk.keys("t");
    desk.send(Msg::Resized { width: 150, height: 40 });
    desk.answer_all();
    let most = desk.asked.iter().rev().find_map(|(_, query)| match query {
        Query::Timeline { most, .. } => Some(*most),
        _ => None,
    });
    assert_eq!(most, Some(u32::from(desk.app.screen().timeline_columns())));
}

#[test]
fn a_click_stands_on_a_bar_and_the_second_goes_there() {
    let mut desk = Desk::ready(400, 80, 30);
    let area = desk.app.screen().timeline.unwrap();
    let click = |desk: &mut Desk, x: u16| {
        desk.send(Msg::Mouse(Mouse {
            what: Press::Click,
            x: area.x + x,
            y: area.y + 1,
        }));
        desk.answer_all();
    };
    click(&mut desk, 9);
    let wide = desk.app.timeline().bar_width(area.width - 2);
    assert_eq!(desk.app.timeline().at(), Some(usize::from(8 / wide)));
    click(&mut desk, 9);
    assert_eq!(desk.app.focus(), Focus::List);
    assert!(desk.at().is_some_and(|at| at < 200), "{:?}", desk.at());
}

#[test]
fn what_began_long_before_all_others_is_told_not_drawn() {
    let mut desk = Desk::ready(30, 120, 44);
    desk.traces[3].row.start = 0;
    desk.keys("r");
    desk.send(Msg::Tick(NOON + 2 * SECOND));
    desk.answer_all();
    assert!(screen(&desk).contains("; 1 long before"), "{}", screen(&desk));
}

#[test]
fn what_it_looks_like() {
    let mut desk = Desk::ready(400, 80, 30);
    desk.broken = Some("disk full".into());
    desk.keys("r");
    desk.send(Msg::Tick(NOON + SECOND));
    desk.answer_all();
    insta::assert_snapshot!("timeline_broken", screen(&desk).lines().take(6).collect::<Vec<_>>().join("\n"));
    for (width, height) in [(60, 28), (120, 44)] {
        let mut desk = Desk::ready(0, width, height);
        // Gaps, a spike, failures, and some that cost nobody knows what.
        desk.traces = (0..400u64)
            .filter(|n| !(100..130).contains(n) && (n % 9 == 0 || (200..240).contains(n) || *n > 380))
            .map(|n| {
                let mut trace = interaction(n);
                if n % 4 == 1 {
                    trace.row.status = Status::Error;
                }
                if (60..90).contains(&n) {
                    (trace.row.cost, trace.row.unpriced_calls) = (None, 2);
                }
                trace
            })
            .collect();
        desk.keys("r");
        desk.send(Msg::Tick(NOON + SECOND));
        desk.answer_all();
        desk.keys("jjjt");
        for name in ["interactions", "cost", "failed"] {
            let theme = Theme::load("ansi", ColorSupport::Ansi16).unwrap();
            let buffer = desk.render(&theme);
            insta::assert_snapshot!(format!("timeline_{name}_{width}x{height}"), picture(&buffer));
            desk.keys("t");
        }
    }
}
