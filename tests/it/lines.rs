//! What is typed: completions, history, the palette, named views, times, a help that is searched.

use spanscope::app::{Effect, Kept, Mode, Msg, View};
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, text};

fn none(desk: &Desk) -> String {
    text(&desk.render(&Theme::load("none", ColorSupport::None).unwrap()))
}

fn typed(desk: &Desk) -> &str {
    desk.app.prompt().unwrap().text()
}

#[test]
fn fields_and_values_are_completed_with_what_was_seen() {
    let mut desk = Desk::ready(30, 100, 24);
    desk.keys("ffe");
    let mut out = none(&desk);
    desk.keys("<tab>");
    assert_eq!(typed(&desk), "feature:", "one choice: what follows is offered at once");
    out += &none(&desk);
    desk.keys("<tab>");
    let first = typed(&desk).to_owned();
    assert!(first.starts_with("feature:") && first.ends_with(' '), "{first:?}");
    desk.keys("<tab>");
    let second = typed(&desk).to_owned();
    assert_ne!(first, second, "the next one takes its place");
    desk.keys("<s-tab>");
    assert_eq!(typed(&desk), first);
    out += &none(&desk);
    desk.keys("-has:fin<tab>");
    assert_eq!(typed(&desk), format!("{first}-has:finding "));
    desk.keys("<enter>");
    assert_eq!(desk.app.filter_text(), format!("{first}-has:finding").trim());
    insta::assert_snapshot!(out);
}

#[test]
fn names_of_attributes_are_completed_too() {
    let mut desk = Desk::ready(30, 100, 24);
    desk.keys("ffeature:a -attr.HTTP");
    let shown = none(&desk);
    assert!(shown.contains("http.route:") && shown.contains("≥30"), "{shown}");
    desk.keys("<tab>");
    assert_eq!(typed(&desk), "feature:a -attr.http.route:");
}

#[test]
fn earlier_filters_come_back_with_the_arrow() {
    let mut desk = Desk::ready(9, 80, 12);
    desk.keys("ffeature:a<enter>f<c-u>feature:b<enter>f<c-u>feature:a<enter>");
    desk.keys("f<c-u>new<up>");
    assert_eq!(typed(&desk), "feature:a");
    desk.keys("<up><up><up>");
    assert_eq!(typed(&desk), "feature:b", "each once, and the oldest is the end");
    desk.keys("<down><down>");
    assert_eq!(typed(&desk), "new", "what was being typed is kept");
}

#[test]
fn the_palette_finds_every_action_by_a_few_letters() {
    let mut desk = Desk::ready(9, 80, 24);
    desk.keys(":srt cost");
    let mut out = none(&desk);
    desk.keys("<enter>");
    assert_eq!(desk.app.list().sort().key.name(), "cost");
    desk.keys(":<down><down><up>");
    out += &none(&desk);
    desk.keys("<esc>:zzzz");
    out += &none(&desk);
    desk.keys("<enter>");
    assert_eq!(desk.app.mode(), Mode::List);
    desk.keys(":save view");
    desk.press("<enter>");
    assert!(none(&desk).contains("there is no filter to keep"));
    insta::assert_snapshot!(out);
}

#[test]
fn views_are_shown_and_kept() {
    let mut desk = Desk::with_views(30, 80, 16, &[("billing", "feature:billing"), ("broken", "cots>1")]);
    desk.keys("f");
    let out = none(&desk);
    desk.keys("<tab><enter>");
    assert_eq!(desk.app.filter_text(), "feature:billing");
    desk.keys("<esc>:view broken<enter>");
    assert!(none(&desk).contains("unknown field `cots`"));
    desk.keys("fhas:user<enter>:save view<enter>known users");
    let effects = desk.app.update(Msg::Do(spanscope::app::Action::Accept));
    let view = View {
        name: "known users".into(),
        filter: "has:user".into(),
    };
    assert!(effects.contains(&Effect::Keep(Kept::View(view.clone()))), "{effects:?}");
    assert!(desk.app.views().contains(&view));
    insta::assert_snapshot!(out);
}

#[test]
fn a_time_is_gone_to() {
    let mut desk = Desk::ready(200, 80, 16);
    let newest = desk.at();
    let start = desk.app.list().rows()[40].start;
    let time = jiff::Timestamp::from_nanosecond(i128::from(start)).unwrap();
    desk.keys(&format!("T{time}<enter>"));
    assert_eq!(desk.app.list().row().unwrap().start, start);
    assert_ne!(desk.at(), newest);
    assert!(!desk.app.list().follows());
    desk.keys("kk");
    assert!(desk.app.list().row().unwrap().start > start, "and there are newer ones above");
    // About then: the nearest, though it began a moment later.
    let about = jiff::Timestamp::from_nanosecond(i128::from(start) - 300_000_000).unwrap();
    desk.keys(&format!("T{about}<enter>"));
    assert_eq!(desk.app.list().row().unwrap().start, start);
    desk.keys("Tsoon<enter>");
    assert!(none(&desk).contains("`soon` is not a time"));
}

#[test]
fn the_help_is_about_where_one_is_and_can_be_searched() {
    let mut desk = Desk::ready(9, 80, 24);
    desk.keys("<enter>?");
    let mut out = none(&desk);
    desk.keys("/copy");
    out += &none(&desk);
    desk.keys("<enter>");
    assert_eq!(desk.app.help(), Some((0, "copy")));
    desk.keys("/<esc>");
    assert_eq!(desk.app.help(), Some((0, "")));
    insta::assert_snapshot!(out);
}

#[test]
fn a_conversation_is_read_from_its_beginning() {
    let mut desk = Desk::ready(30, 100, 24);
    desk.keys("jj");
    assert_eq!(desk.at(), Some(27));
    desk.keys("S");
    let times: Vec<i64> = desk.app.list().rows().iter().map(|row| row.start).collect();
    assert!(times.len() == 4 && times.is_sorted(), "{times:?}");
    assert_eq!((desk.at(), desk.app.filter_text()), (Some(27), "session:s_5"), "the cursor stays");
    desk.keys("<esc>");
    assert_eq!(desk.app.filter_text(), "");
    let mut desk = Desk::ready(5, 100, 24);
    desk.keys("S");
    assert!(none(&desk).contains("no session was logged"));
}
