//! The pictures in the README are real screens: drawn here from the sample logs, and checked to be current.
//! `INSTA_UPDATE=always` writes them anew, as it does for the other reviewed screens.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use spanscope::app::{Action, Msg};
use spanscope::model::text::width;
use spanscope::ui::theme::ColorSupport;

use super::screens::{NOW, Stage, samples};

/// A cell in pixels; the letters are 14 high.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 12.0;
const PAPER: &str = "#0d1117";
const INK: &str = "#d0d7de";

/// Each with what leads to it from the interaction of the story.
const PICTURES: [(&str, &[Action]); 3] = [
    ("explorer", &[Action::Open]),
    ("documents", &[Action::Open, Action::ShowDocuments, Action::Zoom]),
    ("diagnosis", &[Action::Diagnose]),
];

#[test]
fn the_pictures_in_the_readme_are_current() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/screenshots");
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (columns, rows) = (120, 36);
    for (name, actions) in PICTURES {
        let mut stage = Stage::new(&samples(), columns, rows);
        // In the evening of the day the story happens.
        stage.send(Msg::Tick(NOW - 53_700 * 1_000_000_000));
        for action in [Action::Down; 3].iter().chain(actions) {
            stage.send(Msg::Do(*action));
        }
        let picture = svg(&stage.themed("dark", columns, rows, ColorSupport::True));
        let path = format!("{folder}/{name}.svg");
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::write(&path, &picture).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == picture, "{path} shows another screen: look at it after INSTA_UPDATE=always");
        assert!(readme.contains(&format!("(assets/screenshots/{name}.svg)")), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), PICTURES.len());
}

/// A screen as a vector picture. Frames and bars are drawn as shapes, so that they meet whatever the reader's font is.
fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    let (wide, high) = (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide:.0} {high:.0}\" font-size=\"14\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">\n\
         <rect width=\"{wide:.0}\" height=\"{high:.0}\" rx=\"8\" fill=\"{PAPER}\"/>\n"
    );
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut words = String::new();
    for y in 0..rows {
        let top = MARGIN + f32::from(y) * CELL.1;
        let left = |x: u16| MARGIN + f32::from(x) * CELL.0;
        for run in runs(buffer, y, |a, b| a.bg == b.bg) {
            if let Some(paper) = hex(buffer[(run.start, y)].bg) {
                let (x, width) = (left(run.start), f32::from(run.end - run.start) * CELL.0);
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{paper}\"/>",
                    CELL.1
                );
            }
        }
        for run in runs(buffer, y, |a, b| (a.fg, a.modifier) == (b.fg, b.modifier)) {
            let first = &buffer[(run.start, y)];
            let ink = hex(first.fg).unwrap_or_else(|| INK.to_owned());
            let is = |modifier, attribute| if first.modifier.contains(modifier) { attribute } else { "" };
            let looks = is(Modifier::BOLD, " font-weight=\"700\"").to_owned() + is(Modifier::UNDERLINED, " text-decoration=\"underline\"");
            // Words that are far apart are placed each for itself.
            let (mut text, mut from) = (String::new(), run.start);
            for x in run {
                let symbol = buffer[(x, y)].symbol();
                if let Some(path) = frame(symbol, left(x), top) {
                    lines.entry(ink.clone()).or_default().push_str(&path);
                } else if let Some([dx, dy, w, h]) = block(symbol) {
                    let (x, y, w, h) = (left(x) + dx * CELL.0, top + dy * CELL.1, w * CELL.0, h * CELL.1);
                    let _ = writeln!(
                        words,
                        "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"{ink}\"/>"
                    );
                } else if symbol != " " || !(text.is_empty() || text.ends_with(' ')) {
                    from = if text.is_empty() { x } else { from };
                    text.push_str(symbol);
                    continue;
                }
                write_words(&mut words, &std::mem::take(&mut text), left(from), top, &ink, &looks);
            }
            write_words(&mut words, &text, left(from), top, &ink, &looks);
        }
    }
    for (ink, path) in lines {
        let _ = writeln!(out, "<path d=\"{path}\" stroke=\"{ink}\" fill=\"none\"/>");
    }
    out + &words + "</svg>\n"
}

fn write_words(out: &mut String, text: &str, x: f32, top: f32, ink: &str, looks: &str) {
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    let (y, length) = (top + 13.5, width(text) as f32 * CELL.0);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" textLength=\"{length:.1}\" fill=\"{ink}\"{looks}>{text}</text>"
    );
}

/// The cells of a row, cut where neighbours differ.
fn runs(buffer: &Buffer, y: u16, alike: impl Fn(&Cell, &Cell) -> bool) -> Vec<Range<u16>> {
    let mut runs: Vec<Range<u16>> = Vec::new();
    for x in 0..buffer.area.width {
        match runs.last_mut() {
            Some(run) if alike(&buffer[(run.start, y)], &buffer[(x, y)]) => run.end = x + 1,
            _ => runs.push(x..x + 1),
        }
    }
    runs
}

fn hex(color: Color) -> Option<String> {
    match color {
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        _ => None,
    }
}

/// The strokes of a frame's piece: from the middle of the cell to its sides.
fn frame(symbol: &str, x: f32, y: f32) -> Option<String> {
    // Left, right, up, down.
    let sides = match symbol {
        "─" => [true, true, false, false],
        "│" => [false, false, true, true],
        "┌" => [false, true, false, true],
        "┐" => [true, false, false, true],
        "└" => [false, true, true, false],
        "┘" => [true, false, true, false],
        "├" => [false, true, true, true],
        "┤" => [true, false, true, true],
        "┬" => [true, true, false, true],
        "┴" => [true, true, true, false],
        _ => return None,
    };
    let (cx, cy) = (x + CELL.0 / 2.0, y + CELL.1 / 2.0);
    let ends = [(x, cy), (x + CELL.0, cy), (cx, y), (cx, y + CELL.1)];
    Some(
        ends.into_iter()
            .zip(sides)
            .filter(|(_, side)| *side)
            .map(|((ex, ey), _)| format!("M{cx:.1} {cy:.1}L{ex:.1} {ey:.1}"))
            .collect(),
    )
}

/// A block's place within its cell: left, top, width, height.
fn block(symbol: &str) -> Option<[f32; 4]> {
    let left = "▏▎▍▌▋▊▉█".chars().position(|c| symbol == c.to_string());
    match (symbol, left) {
        ("▁", _) => Some([0.0, 0.875, 1.0, 0.125]),
        ("▇", _) => Some([0.0, 0.125, 1.0, 0.875]),
        (_, Some(eighths)) => Some([0.0, 0.0, (eighths + 1) as f32 / 8.0, 1.0]),
        (_, None) => None,
    }
}
