//! Every pane and state at every width in the themes that differ most: one table, and one snapshot a scene. A picture has the text once,
//! for it is the same in every theme, and a letter a cell for how the cell looks in each of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};
use spanscope::app::{Msg, Notice};
use spanscope::model::query::PromptRow;
use spanscope::model::record::{Progress, Receipt};
use spanscope::model::span::SpanKind;
use spanscope::model::usage::Cost;
use spanscope::ui::theme::{ColorSupport, Theme};

use super::app::{Desk, NOON, SECOND, dear, trend};
use super::conversation::talk;
use super::screens::{Script, samples};
use super::sources::{every_state, reject, with_rejects};
use super::states::unwell;

const SIZES: [(u16, u16); 4] = [(60, 20), (80, 24), (120, 40), (200, 60)];
const THEMES: [(&str, ColorSupport); 3] = [
    ("ansi", ColorSupport::Ansi16),
    ("light", ColorSupport::True),
    ("none", ColorSupport::None),
];

/// Over the sample logs. The fourth row is the interaction with the outdated document.
pub fn logs(width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(0, width, height);
    let script = Script::of(&samples());
    desk.traces.clone_from(&script.traces);
    desk.script = Some(script);
    desk.progress(Progress {
        inputs: 1,
        following: true,
        ..Progress::default()
    });
    desk.answer_all();
    desk
}

fn plenty(width: u16, height: u16) -> Desk {
    Desk::ready(60, width, height)
}

fn paused(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    desk.keys("jjj");
    for number in 60..97 {
        desk.write(number);
        desk.answer_all();
    }
    desk.send(Msg::Notice(Notice::info("copied 48,213 bytes · prompt · via tmux buffer")));
    desk
}

fn reading(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    desk.tally.rejected = 7;
    desk.progress(Progress {
        inputs: 2,
        history_done: 43,
        history_total: 100,
        following: true,
        problems: vec![("/var/log/app/secret.jsonl".into(), "permission denied (os error 13)".into())],
        ..Progress::default()
    });
    desk.send(Msg::Ingested(Receipt {
        lines: 2408,
        interactions: 18_204,
        ..Receipt::default()
    }));
    desk.send(Msg::Tick(NOON + SECOND));
    desk.answer_all();
    desk
}

/// The costs have the keys.
fn spend(width: u16, height: u16) -> Desk {
    let mut desk = logs(width, height);
    desk.keys(if desk.app.screen().costs.is_some() { "<tab>" } else { "$" });
    desk
}

fn over_time(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    desk.trend = trend();
    desk.spike = dear();
    desk.send(Msg::Tick(NOON + SECOND));
    desk.keys(if desk.app.screen().costs.is_some() { "r<tab>" } else { "r$" });
    desk
}

fn nothing(width: u16, height: u16) -> Desk {
    Desk::ready(0, width, height)
}

fn waiting(width: u16, height: u16) -> Desk {
    Desk::new(3, width, height)
}

fn broken(width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(3, width, height);
    desk.broken = Some("disk full: /var/cache".into());
    desk.answer_all();
    desk
}

fn rejects(width: u16, height: u16) -> Desk {
    let line = b"Traceback (most recent call last):\xff\xfe \x1b[31mred".to_vec();
    let cut = b"{\"model\": \"claude-sonnet-4-6\", \"messages\": [";
    with_rejects(width, height, vec![reject(9_120, &line, line.len() as u32), reject(48, cut, 45)])
}

fn lacking(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    desk.health = unwell();
    desk
}

fn prompts(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    desk.prompts = vec![PromptRow {
        id: "3f9ab21c04de".into(),
        text: format!("You are the assistant of a bookshop. {}", "Be brief. ".repeat(60)),
        features: vec!["search".into(), "support_chat".into()],
        first: NOON - 86_400 * SECOND,
        last: NOON,
        interactions: 12,
        calls: 20,
        cost: Some(Cost(24_000_000_000)),
        with_finding: 3,
    }];
    desk
}

/// The window of every call is nearly full.
fn full(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    for trace in &mut desk.traces {
        for span in trace.spans.iter_mut().filter(|span| span.part.kind == SpanKind::Llm) {
            span.part.usage.input = Some(957_000);
        }
    }
    desk
}

/// An answer with the marks of Markdown.
fn formatted(width: u16, height: u16) -> Desk {
    let mut desk = plenty(width, height);
    for trace in &mut desk.traces {
        trace.row.answer = "# Cancelling a yearly plan\n\nThe months that remain are **paid back in full**, see `refund_days` and \
                            [the terms](https://example.com/terms).\n\n1. Open *Billing*.\n2. Choose **Cancel**.\n\n```json\n{\"refund_days\": 10}\n```\n\n\
                            > Plans that were paid by the month end with the month.\n"
            .into();
    }
    desk
}

/// A system prompt took the place of another one.
fn changed(width: u16, height: u16) -> Desk {
    let mut desk = prompts(width, height);
    let new = desk.prompts[0].clone();
    desk.prompts.push(PromptRow {
        id: "77aa04be9d10".into(),
        text: new.text.replacen("a bookshop", "a library", 1),
        first: new.first - 86_400 * SECOND,
        last: new.first,
        ..new
    });
    desk
}

fn views(width: u16, height: u16) -> Desk {
    let views = [
        ("dear ones", "cost>0.05 finding:cost_anomaly"),
        ("night shift", "-has:user feature:support_chat"),
    ];
    Desk::with_views(60, width, height, &views)
}

/// A scene: its name, what it starts from, and the keys that lead to it.
type Scene = (&'static str, fn(u16, u16) -> Desk, &'static str);

const SCENES: [Scene; 65] = [
    ("list", logs, ""),
    ("list_long", plenty, "jjjM"),
    ("list_paused", paused, ""),
    ("list_reading", reading, ""),
    ("list_loading", waiting, ""),
    ("list_empty", nothing, ""),
    ("list_failed", broken, ""),
    ("list_no_match", plenty, "ffeature:nothing<enter>"),
    ("list_widened", plenty, "ffeature:billing_agent user:u_9999 session:s_*<enter>"),
    ("list_set_aside", plenty, "jmjmk"),
    ("list_marked", plenty, "jjjMjje"),
    ("list_searched", plenty, "/number 5<enter>"),
    ("list_filtered", plenty, "ffeature:summarize<enter>"),
    ("tree", logs, "jjjl"),
    ("tree_errors", plenty, "jjjjjjelljj"),
    ("tree_marked", plenty, "jjjellMjj"),
    ("prompt", logs, "jjj<enter>1"),
    ("response", logs, "jjj<enter>2"),
    ("documents", logs, "jjj<enter>3"),
    ("tools", logs, "jjj<enter>4"),
    ("parameters", logs, "jjj<enter>5"),
    ("cost", logs, "jjj<enter>6"),
    ("raw", logs, "jjj<enter>7"),
    ("prompt_alone", logs, "jjj<enter>z"),
    ("prompt_folded", logs, "jjj<enter>z-G"),
    ("response_formatted", formatted, "<enter>2z"),
    ("prompt_search", logs, "jjj<enter>/cancel<enter>"),
    ("prompt_repeats", talk, "<enter>"),
    ("prompt_repeats_open", talk, "<enter>z<enter>"),
    ("prompt_no_match", logs, "jjj<enter>/zebra<enter>"),
    ("prompt_unwrapped", logs, "jjj<enter>wx"),
    ("prompt_nearly_full", full, "j<enter>1"),
    ("tool_failed", plenty, "jjjjjjellj<enter>4"),
    ("costs", spend, ""),
    ("costs_alone", spend, "z"),
    ("costs_by_user", spend, "KK"),
    ("timeline", plenty, "thh"),
    ("timeline_alone", plenty, "ttz"),
    ("timeline_of_days", logs, "th"),
    ("sessions", logs, "B"),
    ("sessions_opened", logs, "Bj<enter>"),
    ("sessions_none", nothing, "B"),
    ("sources", every_state, ""),
    ("rejects", rejects, ""),
    ("reject_open", rejects, "<enter>"),
    ("diagnosis", logs, "jjjD"),
    ("comparison", logs, "jjjd"),
    ("health", lacking, "H"),
    ("prompts", prompts, "P"),
    ("prompt_changed", changed, "Pd"),
    ("costs_over_time", over_time, ""),
    ("spike", over_time, "e"),
    ("help", plenty, "?"),
    ("help_searched", plenty, "?/copy"),
    ("help_of_the_inspector", logs, "jjj<enter>?"),
    ("sort_menu", plenty, "s"),
    ("columns_menu", plenty, "|jj"),
    ("copy_menu", plenty, "y"),
    ("palette", plenty, ":co"),
    ("views", views, ":view"),
    ("view_name", plenty, "ffeature:summarize<enter>Vdear"),
    ("go_to_time", plenty, "T11:30"),
    ("filter_fields", plenty, "ffe"),
    ("filter_values", plenty, "ffeature:<tab>"),
    ("filter_mistake", plenty, "ffeature:x cots>3<enter>"),
];

#[test]
fn every_scene_at_every_width_in_every_theme() {
    let mut faint: BTreeSet<String> = BTreeSet::new();
    for (name, start, keys) in SCENES {
        let mut picture = String::new();
        for (width, height) in SIZES {
            let mut desk = start(width, height);
            desk.keys(keys);
            let themed = THEMES.map(|(theme, colors)| desk.render(&Theme::load(theme, colors).unwrap()));
            let _ = writeln!(picture, "{width}×{height}");
            picture += &drawn(&themed);
            let [_, light, none] = themed;
            for (cell, plain) in light.content().iter().zip(none.content()) {
                faint.extend(too_faint(cell).map(|what| format!("{name}: {what}")));
                assert_eq!(
                    (cell.symbol(), plain.fg, plain.bg),
                    (plain.symbol(), Color::Reset, Color::Reset),
                    "{name}"
                );
            }
            // Nothing writes over the frame.
            for y in 1..height - 1 {
                for (x, allowed) in [(0, "│├┌└"), (width - 1, "│┤┐┘")] {
                    let symbol = none[(x, y)].symbol();
                    assert!(
                        allowed.contains(symbol),
                        "{name} at {width}×{height}, line {y}: {symbol:?} in the frame"
                    );
                }
            }
        }
        insta::assert_snapshot!(name, picture);
    }
    assert!(faint.is_empty(), "{faint:#?}");
}

/// The text, and a letter for the looks of each cell; then what the letters mean in the three themes.
fn drawn(themed: &[Buffer; 3]) -> String {
    let area = themed[0].area;
    let mut looks: Vec<[Style; 3]> = Vec::new();
    let (mut text, mut letters) = (String::new(), String::new());
    for y in 0..area.height {
        let mut runs: Vec<(usize, u16)> = Vec::new();
        for x in 0..area.width {
            text.push_str(themed[0][(x, y)].symbol());
            let look = themed.each_ref().map(|buffer| buffer[(x, y)].style());
            let at = looks.iter().position(|known| *known == look).unwrap_or_else(|| {
                looks.push(look);
                looks.len() - 1
            });
            match runs.last_mut() {
                Some((last, count)) if *last == at => *count += 1,
                _ => runs.push((at, 1)),
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
        let runs: Vec<String> = runs.iter().map(|(at, count)| format!("{}{count}", letter(*at))).collect();
        letters += &(runs.join(" ") + "\n");
    }
    for (at, look) in looks.iter().enumerate() {
        letters += &format!("{} {}\n", letter(at), look.each_ref().map(style).join("  "));
    }
    format!("{text}{letters}\n")
}

fn letter(at: usize) -> char {
    char::from_u32(u32::from('a') + at as u32).unwrap()
}

fn style(style: &Style) -> String {
    let color = |color: Option<Color>| match color {
        None | Some(Color::Reset) => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let modifier = format!("{:?}", style.add_modifier)
        .replace("Modifier(0x0)", "-")
        .replace("NONE", "-")
        .replace(" | ", "+");
    format!("{}/{}/{modifier}", color(style.fg), color(style.bg))
}

/// In the light theme, on white paper, text has the contrast that WCAG asks for.
fn too_faint(cell: &Cell) -> Option<String> {
    const LINES: &str = " ─│┌┐└┘├┤┬┴▁▂▃▄▅▆▇█▏▎▍▌▋▊▉▕░·";
    if LINES.contains(cell.symbol()) || cell.modifier.contains(Modifier::REVERSED) {
        return None;
    }
    let luminance = |color: Color, default: f64| match color {
        Color::Rgb(r, g, b) => {
            let part = |v: u8| {
                let v = f64::from(v) / 255.0;
                if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
        }
        _ => default,
    };
    let (ink, paper) = (luminance(cell.fg, 0.0), luminance(cell.bg, 1.0));
    let contrast = (ink.max(paper) + 0.05) / (ink.min(paper) + 0.05);
    (contrast < 4.5).then(|| format!("{} on {} has a contrast of {contrast:.1}", cell.fg, cell.bg))
}
