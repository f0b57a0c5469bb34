//! Draws cost by feature: who spends what, dearest first, and what it comes to.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::text::{self, Align, label, span};
use super::theme::{Role, Theme};
use crate::app::App;
use crate::app::costs::Span;
use crate::app::layout::Focus;
use crate::model::query::CostRow;
use crate::model::text::Safe;
use crate::model::usage::{Cost, CostBasis};

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let costs = app.costs();
    let focused = app.focus() == Focus::Costs;
    // Lines that are still to come only add: sums are lower bounds until then, and what is a share or a middle of them may move.
    let partial = app.status().sums_lack_lines();
    let lines = app.screen().cost_lines();
    // Where the headings of the figures need the room, the key is left out.
    let by = if partial && lines == 1 && area.width < WIDE {
        String::new()
    } else {
        format!(" by {}", costs.by())
    };
    let reach = if partial { ", partial" } else { "" };
    let title = format!(" cost{by}{}{reach}", costs.span().title());
    let title = Safe::line(&title);
    buffer.set_span(
        area.x,
        area.y,
        &span(&title, theme.style(if focused { Role::Accent } else { Role::Strong })),
        area.width,
    );
    if let Some(error) = costs.error() {
        buffer.set_span(
            area.x + 1,
            area.y + 1,
            &span(&Safe::line(error), theme.style(Role::Error)),
            area.width.saturating_sub(1),
        );
        return;
    }
    if costs.rows().is_empty() {
        // Interactions without costs: the answer is older than what the list shows.
        let narrowed = !app.filter_text().is_empty() || costs.span() != Span::All;
        let current = costs.is_loaded() && (app.status().interactions() == 0 || narrowed);
        let words = if current { " nothing yet" } else { " reading …" };
        buffer.set_span(area.x, area.y + 1, &label(words, theme.style(Role::Dim)), area.width);
        return;
    }
    let wide = area.width >= WIDE;
    if wide {
        heads(theme, area, buffer);
    } else if lines == 1 {
        let (head, room) = trend_room(area.width);
        let heads = Safe::concat(&[
            &text::pad(&Safe::from_static("share"), SHARE, Align::Right),
            &text::pad(&Safe::from_static("cost"), BAR + MONEY + 2, Align::Right),
            &text::pad(&Safe::from_static("p50"), MONEY + 1, Align::Right),
            &text::pad(&Safe::from_static(head), room, Align::Right),
        ]);
        let x = area.right().saturating_sub(heads.width() as u16 + 1);
        buffer.set_span(x, area.y, &span(&heads, theme.style(Role::Dim)), area.right() - x);
    }
    let shown = app.screen().cost_rows();
    for (nth, index) in (costs.top()..costs.rows().len()).take(shown).enumerate() {
        let Some(row) = costs.row(index) else { break };
        let row = &row;
        let place = Rect {
            y: area.y + 1 + (nth * lines) as u16,
            height: lines as u16,
            ..area
        };
        let bars = if wide {
            full_line(row, partial, costs.span(), theme, place, buffer)
        } else if lines == 1 {
            one_line(row, partial, theme, place, buffer)
        } else {
            two_lines(row, partial, theme, place, buffer)
        };
        if index == costs.at() && focused {
            text::select(place, &bars, theme.style(Role::Selected), buffer);
        }
    }
    let total = costs.total();
    let basis = if total.at_least || partial {
        CostBasis::LowerBound
    } else {
        CostBasis::Computed
    };
    let bottom = area.bottom() - 1;
    let words = Safe::concat(&[&Safe::from_static("total "), &text::money(total.cost, basis)]);
    let width = (words.width() as u16 + 1).min(area.width);
    // Under the costs it sums up.
    let right = if wide {
        area.right() - taken(&figures(area.width)) + Figure::Cost.head().1 + 1
    } else if lines == 1 {
        area.right() - (MONEY + 1 + trend_room(area.width).1) as u16
    } else {
        area.right()
    };
    let x = right.saturating_sub(width).max(area.x);
    buffer.set_span(x, bottom, &span(&words, theme.style(Role::Money)), width);
    // What there is room for before it.
    let room = usize::from(x - area.x);
    let hidden = total.keys.saturating_sub(costs.top() + shown);
    let more = if hidden > 0 { format!(" +{hidden} more") } else { String::new() };
    let front = total.in_front.filter(|_| wide);
    let front = front.map_or_else(String::new, |front| format!("  ▌ {front} of {} make 80%", total.keys));
    let both = Safe::line(&format!("{more}{front}"));
    let words = if both.width() < room { both } else { Safe::line(&more).cut(room) };
    buffer.set_span(area.x, bottom, &span(&words, theme.style(Role::Dim)), x - area.x);
}

/// Columns of a share: `100%`, `≈0.4%`.
const SHARE: usize = 5;
/// Columns of a sum: `≥$12.3456`.
const MONEY: usize = 10;
/// Columns of the bar, beside the figures and below the name.
const BAR: usize = 6;

/// The name, and what it spent; `≥` where some call's cost is missing from the sum.
fn name_and_cost(row: &CostRow, partial: bool) -> (Safe, Role, Safe, Role) {
    let (name, name_role) = row.key.as_deref().map_or_else(
        || (Safe::from_static("(not logged)"), Role::Dim),
        |key| (Safe::line(key), Role::Text),
    );
    let basis = if row.is_at_least() || partial {
        CostBasis::LowerBound
    } else {
        CostBasis::Computed
    };
    let role = if row.cost.is_none() { Role::Warn } else { Role::Money };
    (name, name_role, text::money(row.cost, basis), role)
}

/// Its share as a figure and as a bar of so many cells, by eighths of a cell. What is unknown has neither.
fn share(row: &CostRow, partial: bool, cells: usize) -> (Safe, Safe) {
    let Some(share) = row.share.filter(|_| row.cost.is_some()) else {
        return (Safe::from_static("–"), Safe::default());
    };
    let eighths = (share * cells as f64 * 8.0).round().clamp(0.0, cells as f64 * 8.0) as usize;
    let bar = format!(
        "{}{}",
        "█".repeat(eighths / 8),
        ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
    );
    (about(&text::percent(share), partial), Safe::line(&bar))
}

/// Heading of spend over time beside the figures of a line, and its columns with the one before it; none where a name would have too few.
const fn trend_room(width: u16) -> (&'static str, usize) {
    match width {
        0..58 => ("", 0),
        58..70 => ("trend", 6),
        70.. => ("over time", 10),
    }
}
/// From this width the panel, alone on the screen, is a table.
const WIDE: u16 = 100;
/// Names, and the title above them, get so many columns before a figure that can be left out.
const NAME: u16 = 22;

/// A column of the table behind the name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Figure {
    Cost,
    Share,
    SoFar,
    Calls,
    Interactions,
    P50,
    Mean,
    Cached,
    Saved,
    PerHour,
    Dear,
    OverTime,
}

impl Figure {
    const fn head(self) -> (&'static str, u16) {
        match self {
            Self::Cost => ("cost", 10),
            Self::Share => ("share", 6),
            Self::SoFar => ("so far", 6),
            Self::Calls => ("calls", 7),
            Self::Interactions => ("inter.", 7),
            Self::P50 => ("p50", 10),
            Self::Mean => ("mean", 10),
            Self::Cached => ("cached", 6),
            Self::Saved => ("saved", 10),
            Self::PerHour => ("an hour", 10),
            Self::Dear => ("dear", 8),
            Self::OverTime => ("over time", 12),
        }
    }
}

/// The columns that have room, from left to right: spend over time and what the cache saved come where there is much of it.
fn figures(width: u16) -> Vec<Figure> {
    let mut columns = vec![
        Figure::Cost,
        Figure::Share,
        Figure::SoFar,
        Figure::Calls,
        Figure::Interactions,
        Figure::P50,
        Figure::Mean,
        Figure::Cached,
        Figure::PerHour,
        Figure::Dear,
    ];
    for (figure, before) in [(Figure::OverTime, Figure::Dear), (Figure::Saved, Figure::PerHour)] {
        if taken(&columns) + figure.head().1 + 1 + NAME + 2 <= width {
            let at = columns.iter().position(|other| *other == before).unwrap_or(columns.len());
            columns.insert(if figure == Figure::OverTime { at + 1 } else { at }, figure);
        }
    }
    columns
}

/// Columns that figures take, each with the one before it.
fn taken(figures: &[Figure]) -> u16 {
    figures.iter().map(|figure| figure.head().1 + 1).sum()
}

fn heads(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let mut x = area.right();
    for figure in figures(area.width).iter().rev() {
        let (head, width) = figure.head();
        x = x.saturating_sub(width + 1);
        let words = text::pad(&Safe::line(head), usize::from(width), Align::Right);
        buffer.set_span(x, area.y, &span(&words, theme.style(Role::Dim)), width);
    }
}

/// Spend over time in so many cells, the highest step the tallest; a blank where nothing was spent.
fn over_time(spent: &[Option<Cost>], cells: usize) -> Safe {
    let each = spent.len().div_ceil(cells.max(1)).max(1);
    let sums: Vec<i128> = spent
        .chunks(each)
        .map(|some| some.iter().flatten().map(|cost| cost.0.max(0)).sum())
        .collect();
    let most = sums.iter().copied().max().unwrap_or(0);
    let bars = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let line: String = sums
        .iter()
        .map(|sum| match sum.saturating_mul(8).checked_div(most) {
            None | Some(0) if *sum == 0 => " ",
            eighths => bars[usize::try_from(eighths.unwrap_or(0)).unwrap_or(0).clamp(1, 8) - 1],
        })
        .collect();
    Safe::line(&line)
}

/// Everything that is known of a key. What makes up the first 80 % of the spend is marked. As the shorter forms, it returns where its bars are.
fn full_line(row: &CostRow, partial: bool, over: Span, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Vec<Rect> {
    let (name, name_role, cost, cost_role) = name_and_cost(row, partial);
    let percent = |share: Option<f64>| share.map_or_else(|| Safe::from_static("–"), |share| about(&text::percent(share), partial));
    let money = |cost: Option<Cost>| {
        cost.map_or_else(
            || Safe::from_static("–"),
            |cost| about(&text::money(Some(cost), CostBasis::Computed), partial),
        )
    };
    // Over a time that moves the rate is of all of it, over any other from the first interaction to the last.
    let rate = over.length().map_or(row.per_hour, |length| {
        let nanos = row.cost?.0.checked_mul(3_600_000_000_000)?;
        Some(Cost(nanos / i128::from(length)))
    });
    let saved = match row.saved {
        None if row.saved_unknown => Safe::from_static("unknown"),
        saved => {
            let mark = partial || row.saved_unknown;
            saved.map_or_else(
                || Safe::from_static("–"),
                |cost| about(&text::money(Some(cost), CostBasis::Computed), mark),
            )
        }
    };
    let own = row.anomalies.map_or_else(|| "–".to_owned(), |count| count.to_string());
    let logged = row.logged_anomalies.filter(|count| *count > 0);
    let dear = Safe::line(&format!(
        "{own}{}{}",
        logged.map_or_else(String::new, |count| format!(" △{count}")),
        if row.rising == Some(true) { " ↗" } else { "" }
    ));
    let alarm = row.anomalies.is_some_and(|count| count > 0) || logged.is_some() || row.rising == Some(true);
    // The keys that together make 80 %: those before the one that reaches it, and that one.
    let before = row.cumulative_share.zip(row.share).map(|(so_far, own)| so_far - own);
    let in_front = before.is_some_and(|before| before < 0.8);
    let plain = Role::Text;
    let mut bars = Vec::new();
    let mut x = area.right();
    for figure in figures(area.width).into_iter().rev() {
        let (_, width) = figure.head();
        let (words, role) = match figure {
            Figure::Cost => (cost.clone(), cost_role),
            Figure::Share => (percent(row.share), plain),
            Figure::SoFar => (percent(row.cumulative_share), if in_front { Role::Accent } else { Role::Dim }),
            Figure::Calls => (Safe::line(&row.calls.to_string()), plain),
            Figure::Interactions => (Safe::line(&row.interactions.to_string()), plain),
            Figure::P50 => (p50(row, partial), plain),
            Figure::Mean => (money(row.mean_cost), plain),
            Figure::Cached => (percent(row.cache_hit_ratio), plain),
            Figure::Saved => (saved.clone(), plain),
            Figure::PerHour => (money(rate), plain),
            Figure::Dear => (dear.clone(), if alarm { Role::Warn } else { Role::Dim }),
            Figure::OverTime => (over_time(&row.over_time, usize::from(width)), Role::Bar),
        };
        x = x.saturating_sub(width + 1);
        let words = text::pad(&words, usize::from(width), Align::Right);
        buffer.set_span(x, area.y, &span(&words, theme.style(role)), width);
        if figure == Figure::OverTime {
            bars.push(Rect { x, width, ..area });
        }
    }
    let room = x.saturating_sub(area.x + 2);
    let mark = if in_front { "▌" } else { " " };
    buffer.set_span(area.x, area.y, &label(mark, theme.style(Role::Bar)), 1);
    buffer.set_span(
        area.x + 1,
        area.y,
        &span(&name.cut(usize::from(room)), theme.style(name_role)),
        room,
    );
    bars
}

/// What is out of the ordinary, in few columns: interactions above a multiple of the usual (where there are none, those that the log itself calls so),
/// and whether the last hour rises.
fn alarm(row: &CostRow) -> Safe {
    let some = |count: Option<u64>, mark: char| count.filter(|count| *count > 0).map(|count| format!(" {mark}{count}"));
    let count = some(row.anomalies, '▲')
        .or_else(|| some(row.logged_anomalies, '△'))
        .unwrap_or_default();
    let rising = if row.rising == Some(true) { " ↗" } else { "" };
    Safe::line(&format!("{count}{rising}"))
}

/// The cost of the interaction in the middle.
fn p50(row: &CostRow, partial: bool) -> Safe {
    row.p50_cost.map_or_else(
        || Safe::from_static("–"),
        |cost| about(&text::money(Some(cost), CostBasis::Computed), partial),
    )
}

/// A figure that rests on a part of the lines.
fn about(figure: &Safe, partial: bool) -> Safe {
    let mark = Safe::from_static(if partial { "≈" } else { "" });
    Safe::concat(&[&mark, figure])
}

fn one_line(row: &CostRow, partial: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Vec<Rect> {
    let (name, name_role, cost, cost_role) = name_and_cost(row, partial);
    let (share, bar) = share(row, partial, BAR);
    let (_, over) = trend_room(area.width);
    let room = usize::from(area.width).saturating_sub(SHARE + BAR + 2 * MONEY + 6 + over);
    let trend = over_time(&row.over_time, over.saturating_sub(1));
    let alarm = alarm(row);
    let line = Line::from(vec![
        label(" ", theme.style(Role::Text)),
        span(
            &text::pad(&name, room.saturating_sub(alarm.width()), Align::Left),
            theme.style(name_role),
        ),
        span(&alarm, theme.style(Role::Warn)),
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&share, SHARE, Align::Right), theme.style(Role::Text)),
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&bar, BAR, Align::Left), theme.style(Role::Bar)),
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&cost, MONEY, Align::Right), theme.style(cost_role)),
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&p50(row, partial), MONEY, Align::Right), theme.style(Role::Dim)),
        span(&text::pad(&trend, over, Align::Right), theme.style(Role::Bar)),
    ]);
    buffer.set_line(area.x, area.y, &line, area.width);
    let from = |taken: usize| area.x + taken as u16;
    let share = Rect {
        x: from(room + SHARE + 3),
        width: BAR as u16,
        ..area
    };
    let trend = Rect {
        x: from(room + SHARE + BAR + 2 * MONEY + 6),
        width: over.saturating_sub(1) as u16,
        ..area
    };
    if over > 0 { vec![share, trend] } else { vec![share] }
}

/// The name and the sum, and below them what belongs to the sum.
fn two_lines(row: &CostRow, partial: bool, theme: &Theme, area: Rect, buffer: &mut Buffer) -> Vec<Rect> {
    let (name, name_role, cost, cost_role) = name_and_cost(row, partial);
    let (share, bar) = share(row, partial, BAR);
    let width = usize::from(area.width);
    let first = Line::from(vec![
        label(" ", theme.style(Role::Text)),
        span(
            &text::pad(&name, width.saturating_sub(MONEY + 3), Align::Left),
            theme.style(name_role),
        ),
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&cost, MONEY, Align::Right), theme.style(cost_role)),
    ]);
    buffer.set_line(area.x, area.y, &first, area.width);
    let alarm = alarm(row);
    let room = width.saturating_sub(BAR + SHARE + 2);
    let middle = p50(row, partial);
    // The word goes first where both do not fit.
    let named = alarm.width() + middle.width() + " p50 ".len() <= room;
    let word = match (alarm.is_empty(), named) {
        (true, _) => "p50 ",
        (false, true) => " p50 ",
        (false, false) => " ",
    };
    let p50 = Safe::concat(&[&Safe::from_static(word), &middle]);
    let second = Line::from(vec![
        label(" ", theme.style(Role::Text)),
        span(&text::pad(&bar, BAR, Align::Left), theme.style(Role::Bar)),
        span(&text::pad(&share, SHARE, Align::Right), theme.style(Role::Text)),
        span(
            &text::pad(&alarm, room.saturating_sub(p50.width()), Align::Right),
            theme.style(Role::Warn),
        ),
        span(&p50, theme.style(Role::Dim)),
    ]);
    if area.height > 1 {
        buffer.set_line(area.x, area.y + 1, &second, area.width);
    }
    vec![Rect {
        x: area.x + 1,
        y: area.y + 1,
        width: BAR as u16,
        height: 1,
    }]
}
