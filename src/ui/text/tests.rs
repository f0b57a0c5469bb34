use jiff::tz::TimeZone;

use super::{Align, clock, fit, label, over, pad, select};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use crate::model::text::Safe;

#[test]
fn padding_fills_and_cuts_to_the_column() {
    for (text, width, left, right) in [
        ("ab", 4, "ab  ", "  ab"),
        ("abcdef", 4, "abc…", "abc…"),
        ("日本語", 4, "日… ", " 日…"),
        ("日本", 4, "日本", "日本"),
        ("e\u{301}\u{1b}[2J", 5, "e\u{301}␛[2J", "e\u{301}␛[2J"),
        ("x", 0, "", ""),
    ] {
        let safe = Safe::line(text);
        assert_eq!(pad(&safe, width, Align::Left).as_str(), left, "{text:?}");
        assert_eq!(pad(&safe, width, Align::Right).as_str(), right, "{text:?}");
        assert_eq!(pad(&safe, width, Align::Left).width(), width, "{text:?}");
    }
}

#[test]
fn the_clock_says_no_more_than_needed() {
    const DAY: i64 = 86_400_000_000_000;
    // 2026-11-24 15:02:11 UTC.
    let now = 1_795_532_531_000_000_000;
    let show = |at| clock(at, now, &TimeZone::UTC).as_str().to_owned();
    assert_eq!(show(now), "15:02:11");
    assert_eq!(show(now - 2 * DAY), "Nov 22 15:02");
    assert_eq!(show(now - 20 * DAY), "Nov  4 15:02");
    assert_eq!(show(now - 400 * DAY), "2025-10-20");
    for extreme in [i64::MIN, i64::MAX, 0] {
        assert!(!show(extreme).is_empty());
    }
}

#[test]
fn a_line_too_long_says_so() {
    let line = || {
        Line::from(vec![
            label("abc", Style::new()),
            label("日本", Style::new()),
            label("de", Style::new()),
        ])
    };
    for (width, text) in [
        (9, "abc日本de"),
        (8, "abc日本…"),
        (7, "abc日…"),
        (6, "abc日…"),
        (3, "ab…"),
        (1, "…"),
        (0, ""),
    ] {
        let fitted = fit(line(), width);
        assert_eq!(fitted.to_string(), text, "{width}");
        assert!(fitted.width() <= width);
    }
}

#[test]
fn a_bar_keeps_its_looks_where_the_row_is_reversed() {
    let row = Rect::new(0, 0, 9, 1);
    let bar = Rect::new(4, 0, 2, 1);
    let selected = |style: Style| {
        let mut buffer = Buffer::empty(row);
        select(row, &[bar], style, &mut buffer);
        let cells = row
            .positions()
            .map(|place| buffer[place].style() == Buffer::empty(row)[place].style());
        cells.map(|as_it_was| if as_it_was { '.' } else { '#' }).collect::<String>()
    };
    assert_eq!(selected(Style::new().reversed()), "###....##", "with a cell on both sides");
    assert_eq!(selected(Style::new().bold()), "#########");
}

#[test]
fn what_is_written_over_a_line_has_its_own_emphasis() {
    let area = Rect::new(0, 0, 6, 1);
    let mut buffer = Buffer::empty(area);
    buffer.set_style(area, Style::new().bold());
    over(1, 0, &Line::from(label("abcdef", Style::new().underlined())), 3, &mut buffer);
    let looks: Vec<Modifier> = area.positions().map(|place| buffer[place].modifier).collect();
    let (bold, own) = (Modifier::BOLD, Modifier::UNDERLINED);
    assert_eq!(looks, [bold, own, own, own, bold, bold]);
}
