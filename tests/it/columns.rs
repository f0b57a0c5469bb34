//! Columns of the list: chosen, ordered, sorted by; and the lines between panes.

use spanscope::app::layout::Plan;
use spanscope::app::{Action, Effect, Kept, Mode, Msg};
use spanscope::model::column::Column;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn screen(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

fn shown(desk: &Desk) -> Vec<&'static str> {
    desk.app.screen().columns.iter().map(|(column, _)| column.name()).collect()
}

#[test]
fn every_column_sorts_and_pages_go_on_in_its_order() {
    for column in Column::ALL {
        let mut desk = Desk::ready(400, 120, 40);
        let steps = Column::ALL
            .iter()
            .filter(|other| desk.app.screen().columns.iter().all(|(shown, _)| shown != *other));
        let order: Vec<Column> = desk
            .app
            .screen()
            .columns
            .iter()
            .map(|(column, _)| *column)
            .chain(steps.copied())
            .collect();
        let at = order.iter().position(|other| other == column).unwrap();
        desk.keys(&format!("|{}<enter><esc>", "j".repeat(at)));
        let sort = desk.app.list().sort();
        assert_eq!(sort.key, *column);
        if *column != Column::Time {
            assert_eq!(
                sort.descending,
                column.is_number(),
                "{column}: numbers from the largest, words from A"
            );
        }
        for _ in 0..15 {
            desk.keys("<c-d>");
        }
        let rows = desk.app.list().rows();
        assert!(rows.len() > 200, "{column}: {} rows", rows.len());
        for pair in rows.windows(2) {
            let (a, b) = (column.value(&pair[0]), column.value(&pair[1]));
            let way = if sort.descending { b.cmp(&a) } else { a.cmp(&b) };
            assert!(b.is_none() || (a.is_some() && way.is_le()), "{column}: {a:?} before {b:?}");
        }
        let screen = screen(&desk);
        if shown(&desk).contains(&column.name()) {
            assert!(screen.contains(if sort.descending { "↓" } else { "↑" }), "{column}\n{screen}");
        }
    }
}

#[test]
fn columns_are_chosen_ordered_and_kept() {
    let mut desk = Desk::ready(9, 120, 30);
    assert_eq!(shown(&desk), ["time", "feature", "user", "ask", "tokens", "cost", "took", "flags"]);
    desk.keys("|");
    assert_eq!(desk.app.mode(), Mode::Columns);
    insta::assert_snapshot!("menu", screen(&desk));
    // Without the feature, the cost first, and the session.
    desk.keys("j jjjjKKKKK");
    assert_eq!(shown(&desk), ["cost", "time", "user", "ask", "tokens", "took", "flags"]);
    desk.keys("jjjjjjjj ");
    let effects = desk.app.update(Msg::Do(Action::Back));
    let plan = Plan {
        columns: shown(&desk).iter().map(|name| name.parse().unwrap()).collect(),
        ..Plan::default()
    };
    assert_eq!(plan.columns.len(), 8);
    assert!(effects.contains(&Effect::Keep(Kept::Plan(plan))), "{effects:?}");
    desk.keys("<enter>");
    insta::assert_snapshot!("chosen", screen(&desk));
    desk.keys("<esc><esc><esc>|r");
    assert_eq!(shown(&desk)[1], "feature", "as designed");
    // The last one stays.
    desk.keys("|");
    for _ in 0..8 {
        desk.keys(" j");
    }
    assert_eq!(shown(&desk).len(), 1);
}

#[test]
fn lines_between_panes_move_and_are_kept_when_they_stand() {
    let mut desk = Desk::ready(30, 120, 40);
    desk.keys("<enter>");
    let rows = |desk: &Desk| desk.app.screen().list.unwrap().height;
    let costs = |desk: &Desk| desk.app.screen().costs.unwrap().width;
    let (high, wide) = (rows(&desk), costs(&desk));
    for action in [Action::LineDown, Action::LineDown, Action::LineLeft] {
        let effects = desk.app.update(Msg::Do(action));
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Keep(_))), "not yet");
    }
    assert!(rows(&desk) > high && costs(&desk) == wide + 4);
    let effects = desk.app.update(Msg::Do(Action::Quit));
    let plan = Plan {
        list_percent: 50,
        costs_columns: 32,
        ..Plan::default()
    };
    assert_eq!(effects, [Effect::Keep(Kept::Plan(plan)), Effect::Quit]);
}
