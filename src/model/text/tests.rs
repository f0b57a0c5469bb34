#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use proptest::prelude::*;
use ratatui::buffer::{Buffer, CellWidth as _};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation as _;

use super::*;
use crate::model::usage::{Cost, CostBasis};

#[test]
fn every_hostile_class_is_shown_and_harmless() {
    for (raw, shown) in [
        ("plain words", "plain words"),
        ("\u{1b}[2J\u{1b}]52;c;aGk=\u{7}", "␛[2J␛]52;c;aGk=␇"),
        ("nul\0del\u{7f}", "nul␀del␡"),
        ("\u{9b}31m \u{9d}0;x\u{9c}", "<9B>31m <9D>0;x<9C>"),
        ("a\nb\r\nc\rd", "a␊b␊c␍d"),
        ("a\tb\tcdef\tg", "a   b   cdef    g"),
        ("if \u{202e}cba\u{202c}", "if <RLO>cba<PDF>"),
        (
            "\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}\u{202a}\u{202b}\u{202d}",
            "<LRI><RLI><FSI><PDI><LRM><RLM><ALM><LRE><RLE><LRO>",
        ),
        ("zero\u{200b}width\u{200c}\u{2060}\u{feff}\u{ad}", "zero·width····"),
        ("a\u{200d}b", "a·b"),
        ("a\u{fe0f}b\u{e0100}", "a·b·"),
        ("👨‍👩‍👧 ❤️ 1️⃣ 👍🏽", "👨‍👩‍👧 ❤️ 1️⃣ 👍🏽"),
        ("hi\u{e0069}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}", "hi<TAG:\"ignore\">"),
        ("a\u{2028}b\u{2029}c\u{85}", "a<LS>b<PS>c<NEL>"),
        (
            "\u{e000}\u{fffe}\u{fdd0}\u{50000}\u{206a}\u{fff9}",
            "<U+E000><U+FFFE><U+FDD0><U+50000><U+206A><U+FFF9>",
        ),
        ("\u{301}x", "◌\u{301}x"),
        ("\u{1b}\u{301}", "␛◌\u{301}"),
        ("日本語 שלום عربى e\u{301}", "日本語 שלום عربى e\u{301}"),
    ] {
        assert_eq!(sanitise(raw), shown, "{raw:?}");
        assert_eq!(Safe::line(raw).as_str(), shown, "{raw:?}");
    }
}

#[test]
fn marks_do_not_pile_up_and_none_is_lost() {
    let zalgo = format!("e{}", "\u{301}".repeat(300));
    let shown = sanitise(&zalgo);
    assert_eq!(shown.matches('\u{301}').count(), 300);
    assert!(shown.graphemes(true).all(|grapheme| grapheme.chars().count() <= 1 + MARKS));
}

#[test]
fn clean_text_is_borrowed_and_hidden_places_are_counted() {
    let long = "all printable, ".repeat(100);
    assert!(matches!(sanitise(&long), Cow::Borrowed(_)));
    assert!(matches!(sanitise("日本語"), Cow::Borrowed(_)));
    for at in [0, 63, 64, 700, long.len() - 1] {
        let mut hostile = long.clone();
        hostile.insert(at, '\u{1b}');
        assert!(!is_plain(&hostile), "{at}");
    }
    assert_eq!(Safe::line("a\tb\nc").hidden(), 0);
    assert_eq!(Safe::line("a\u{1b}b\u{200b}c\u{202e}").hidden(), 3);
}

#[test]
fn lines_end_where_the_viewer_ends_them() {
    for (raw, want) in [
        ("", &[][..]),
        ("a", &["a"][..]),
        ("a\n", &["a"][..]),
        ("\n\n", &["", ""][..]),
        ("a\r\nb\n\rc", &["a", "b", "\rc"][..]),
        ("a\u{2028}b\u{85}c\u{2029}", &["a\u{2028}", "b\u{85}", "c\u{2029}"][..]),
        ("â€”\u{c2}", &["â€”\u{c2}"][..]),
    ] {
        assert_eq!(lines(raw).collect::<Vec<_>>(), want, "{raw:?}");
    }
}

#[test]
fn a_cut_never_splits_what_a_person_sees() {
    for (text, columns, want) in [
        ("hello", 5, "hello"),
        ("hello", 4, "hel…"),
        ("hello", 1, "…"),
        ("hello", 0, ""),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…"),
        ("👨‍👩‍👧x", 2, "…"),
        ("👨‍👩‍👧x", 3, "👨‍👩‍👧x"),
        ("", 3, ""),
    ] {
        assert_eq!(cut(text, columns), want, "{text:?} at {columns}");
    }
}

#[test]
fn money_keeps_small_sums_legible_and_bounds_true() {
    use CostBasis::{Computed, Logged, LowerBound, Recomputed, UnknownModel};
    for (pico, basis, want) in [
        (Some(15_090_000_000), Computed, "$0.0151"),
        (Some(8_910_000_000), Computed, "$0.0089"),
        (Some(24_000_000_000), Logged, "$0.0240"),
        (Some(24_000_000_000), LowerBound, "≥$0.0240"),
        (Some(24_099_999_999), UnknownModel, "≥$0.0240"),
        (Some(4_500_000), Computed, "$0.0000045"),
        (Some(12_000_000), Recomputed, "$0.000012"),
        (Some(999_999_999), Computed, "$0.00100"),
        (Some(1), Computed, "$0.000000000001"),
        (Some(0), Computed, "$0"),
        (Some(1_234_500_000_000_000), Computed, "$1,234.50"),
        (Some(1_234_560_000_000_000), Computed, "$1,234.56"),
        (Some(-500_000_000_000), Computed, "-$0.5000"),
        (None, UnknownModel, "unknown"),
    ] {
        assert_eq!(money(pico.map(Cost), basis), want, "{pico:?}");
    }
    assert_eq!(money(Some(Cost(i128::MIN)), Computed).chars().next(), Some('-'));
}

#[test]
fn figures_read_as_people_write_them() {
    let count = [
        (0, "0"),
        (850, "850"),
        (999, "999"),
        (1_000, "1.0k"),
        (2_649, "2.6k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (999_499, "999k"),
    ];
    for (count, want) in count
        .into_iter()
        .chain([(999_500, "1.0M"), (1_234_567, "1.2M"), (20_000_000_000, "20.0G")])
    {
        assert_eq!(tokens(Some(count)), want, "{count}");
    }
    assert_eq!(tokens(None), "–");
    assert!(!tokens(Some(u64::MAX)).is_empty());
    for (count, want) in [
        (0, "0 B"),
        (512, "512 B"),
        (4_800, "4.8 KB"),
        (148_200, "148 KB"),
        (1_200_000, "1.2 MB"),
    ] {
        assert_eq!(bytes(count), want);
    }
    for (nanos, want) in [
        (0, "0ns"),
        (850, "850ns"),
        (420_000, "420µs"),
        (142_000_000, "142ms"),
        (999_499_999, "999ms"),
        (999_500_000, "1.0s"),
        (1_890_000_000, "1.9s"),
        (59_949_000_000, "59.9s"),
        (59_950_000_000, "1m 00s"),
        (125_000_000_000, "2m 05s"),
        (3_780_000_000_000, "1h 03m"),
        (273_600_000_000_000, "3d 04h"),
        (-142_000_000, "-142ms"),
    ] {
        assert_eq!(duration(Some(nanos)), want, "{nanos}");
    }
    assert_eq!(duration(None), "–");
    assert!(duration(Some(i64::MIN)).starts_with('-'));
    for (share, want) in [
        (0.41, "41%"),
        (0.004, "0.4%"),
        (0.0, "0%"),
        (0.0003, "<0.1%"),
        (1.0, "100%"),
        (f64::NAN, "–"),
        (f64::INFINITY, "–"),
    ] {
        assert_eq!(percent(share), want);
    }
}

/// Text from the classes that matter, not only from the letters chance would pick.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,8}",
        any::<char>().prop_map(String::from),
        (0u32..0xA0).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x2000u32..0x2070).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x300u32..0x370).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0xE0000u32..0xE0200).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x1100u32..0x1200).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x1F1E0u32..0x1F6FF).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x900u32..0x0DFF).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        (0x600u32..0x700).prop_map(|c| char::from_u32(c).unwrap().to_string()),
        Just("\u{200d}".to_owned()),
        Just("\u{fe0f}".to_owned()),
        Just("👩‍❤️‍💋‍👨".to_owned()),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn safe_text_is_safe(raw in hostile()) {
        let safe = Safe::line(&raw);
        for c in safe.as_str().chars() {
            prop_assert!(!c.is_control(), "{c:?}");
            prop_assert!(!matches!(c, '\u{200B}' | '\u{200C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{61C}' | '\u{E0000}'..='\u{E0FFF}'), "{c:?}");
        }
        // Making safe text safe changes nothing.
        prop_assert_eq!(sanitise(safe.as_str()), safe.as_str());
    }

    #[test]
    fn width_is_the_cells_used(raw in hostile()) {
        let safe = Safe::line(&raw);
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2_000, 1));
        let (end, _) = buffer.set_stringn(0, 0, safe.as_str(), 2_000, Style::new());
        prop_assert_eq!(usize::from(end), safe.width());
        prop_assert!(safe.as_str().graphemes(true).all(|grapheme| grapheme.cell_width() > 0));
        for columns in [0, 1, 2, 5, 17] {
            prop_assert!(safe.cut(columns).width() <= columns);
        }
    }

    #[test]
    fn units_cover_the_text(raw in hostile()) {
        let together: String = units(&raw).map(|unit| unit.raw.to_owned()).collect();
        prop_assert_eq!(together, raw);
    }
}

#[test]
fn bytes_that_are_no_text_show_their_number() {
    for (raw, shown, hidden) in [
        (b"plain".as_slice(), "plain", 0),
        (b"a\xff\xfe b\x1b[m", "a<FF><FE> b␛[m", 3),
        ("é\u{202e}".as_bytes(), "é<RLO>", 1),
        (b"\xe2\x82", "<E2><82>", 2),
    ] {
        let safe = Safe::of_bytes(raw);
        assert_eq!((safe.as_str(), safe.hidden()), (shown, hidden));
    }
}
