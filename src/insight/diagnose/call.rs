//! The steps that look at the model calls: prompt and model, context window, temperature, answer, tools, history, prompt version.

use super::documents::told;
use super::{Case, Lines, Place, Step};
use crate::insight::anomaly::{Cause, Seen, beside, causes};
use crate::insight::context::{self, Gauge, Level};
use crate::insight::usual::{Usual, parameter};
use crate::insight::versions::{version_of, versions};
use crate::model::anomaly::Verdict;
use crate::model::content::{Contents, Form, Message, MessagePart};
use crate::model::span::{Nanos, SpanKey, SpanKind, Status};
use crate::model::text;
use crate::model::trace::{FindingKind, Span};

/// Above this an answer is more chance than prompt.
const HOT: f64 = 0.7;
/// Tokens of a prompt below which nobody would cut its history.
const WORTH_CUTTING: u64 = 2_000;
/// A prompt that is no older than this was changed lately: 24 hours.
const LATELY: Nanos = 86_400_000_000_000;

/// Whether a logged text was cut where it was logged.
fn is_preview(contents: &Contents) -> bool {
    [&contents.arguments, &contents.result]
        .into_iter()
        .flatten()
        .any(|payload| payload.form == Form::Preview)
}

fn s(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Step 2: the exact prompt, and the model it went to.
pub(super) fn prompt(case: &Case<'_>, usual: &Usual, lines: &mut Lines) {
    let Some(call) = case.trace.telling().filter(|span| span.part.kind == SpanKind::Llm) else {
        let at = case.trace.telling().map(|span| (span.key, Place::Parameters));
        return lines.unknown(Step::Prompt, at, "no model call was logged");
    };
    let at = Some((call.key, Place::Prompt));
    let parts = told(case);
    let system = parts.and_then(|contents| contents.system.as_deref());
    let messages = parts.map_or(&[][..], |contents| contents.messages.as_slice());
    match (system, messages.len()) {
        (None, 0) => {
            let says = if parts.is_some_and(|contents| !contents.response.is_empty()) {
                "the response was logged, the prompt was not: the answer cannot be reproduced"
            } else {
                "the prompt was not logged: the answer cannot be reproduced"
            };
            lines.unknown(Step::Prompt, at, says);
        }
        (system, count) => {
            let letters: usize = system.map_or(0, |text| text.chars().count());
            let system = match system {
                Some(_) => format!("system ({letters} characters)"),
                None => "no system prompt".to_owned(),
            };
            let says = format!("exact prompt logged: {system}, {count} message{}: it can be sent again", s(count));
            lines.fine(Step::Prompt, at, says);
        }
    }
    models(call, usual, lines);
}

/// Whether the model that answered is a version of the one asked for (`gpt-5` → `gpt-5-2025-08-07`, `…-latest`), or the same one behind the name a
/// router or host gives it. `gpt-4o-mini` is no version of `gpt-4o`, nor `claude-sonnet-4-6` of `claude-sonnet-4`.
fn is_version(asked: &str, answered: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let (asked, answered) = (last(asked), last(answered));
    let asked = asked.trim_end_matches("-latest");
    let named = |rest: &str| {
        let rest = rest.trim_start_matches(['-', '@', ':']);
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let numbered = rest
            .strip_prefix('v')
            .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()));
        rest.is_empty() || digits >= 3 || numbered
    };
    answered.strip_prefix(asked).is_some_and(named) || asked.strip_suffix(&*answered).is_some_and(|host| host.ends_with(['-', '.', ':']))
}

fn models(call: &Span, usual: &Usual, lines: &mut Lines) {
    let at = Some((call.key, Place::Parameters));
    let part = &call.part;
    match (&part.request_model, &part.response_model) {
        (None, None) => return lines.unknown(Step::Prompt, at, "the model was not logged"),
        (Some(asked), Some(answered)) if asked != answered => {
            if is_version(asked, answered) {
                lines.fine(Step::Prompt, at, format!("{asked} was asked for, its version {answered} answered"));
            } else {
                lines.suspect(
                    Step::Prompt,
                    at,
                    format!("{asked} was asked for, {answered} answered"),
                    (5, format!("another model answered: {answered} instead of {asked}")),
                );
            }
        }
        (_, Some(answered)) => lines.fine(Step::Prompt, at, format!("{answered} answered, as asked")),
        (Some(asked), None) => {
            lines.unknown(
                Step::Prompt,
                at,
                format!("{asked} was asked for; which version answered was not logged"),
            );
        }
    }
    if let (Some(model), Some((usually, count))) = (call.model(), usual.models.habit())
        && model != usually
    {
        let total = usual.models.total();
        lines.suspect(
            Step::Prompt,
            at,
            format!("{usually} is usual: {count} of {total} calls ({})", usual.scope()),
            (5, format!("the model changed: {model}, where {usually} is usual")),
        );
    }
}

/// Step 4: how full the context window was, and how full it usually is.
pub(super) fn context(case: &Case<'_>, usual: &Usual, lines: &mut Lines) {
    let turns = case.trace.turns();
    let gauges = || turns.iter().filter_map(|span| Some((*span, Gauge::of(span, case.prices)?)));
    let fullest = gauges()
        .filter(|(_, gauge)| gauge.window.is_some())
        .max_by_key(|(_, gauge)| gauge.permille());
    if let Some((span, gauge)) = fullest {
        let at = Some((span.key, Place::Prompt));
        let window = gauge.window.unwrap_or_default();
        let share = gauge.percent().unwrap_or_default();
        let turn = span
            .turn
            .filter(|_| turns.len() > 1)
            .map_or_else(String::new, |turn| format!(", in turn {turn}"));
        let says = format!("{} of {window} tokens{turn}: {share} of what the model can read", gauge.used);
        if gauge.level() == Level::Fine {
            lines.fine(Step::Context, at, says);
        } else {
            lines.suspect(
                Step::Context,
                at,
                says,
                (
                    4,
                    format!("the context was nearly full ({share}): the middle of the prompt is skipped"),
                ),
            );
        }
    } else {
        let at = case.trace.telling().map(|span| (span.key, Place::Cost));
        let says = match gauges().next() {
            Some((span, gauge)) => format!(
                "{} input tokens; the context window of {} is not in the price table",
                gauge.used,
                span.model().unwrap_or("a model that was not logged")
            ),
            None => "input tokens were not logged".to_owned(),
        };
        lines.unknown(Step::Context, at, says);
    }
    if usual.measured > 0 {
        let share = usual.nearly_full as f64 / usual.measured as f64;
        let says = format!(
            "{} of {} calls ({}) were over {}%: {}",
            usual.nearly_full,
            usual.measured,
            text::percent(share),
            context::NEARLY_FULL,
            usual.scope()
        );
        // More often than one time in four is how the prompt is built, not what one user asked.
        if usual.nearly_full * 4 > usual.measured {
            lines.suspect(
                Step::Context,
                None,
                format!("{says}; that is how its prompts are built"),
                (
                    5,
                    format!(
                        "prompts of this feature are built too long: {} of its calls are over 80%",
                        text::percent(share)
                    ),
                ),
            );
        } else {
            lines.fine(Step::Context, None, says);
        }
    }
}

/// Step 5: the temperature, beside 0.7 and beside the usual one.
pub(super) fn temperature(case: &Case<'_>, usual: &Usual, lines: &mut Lines) {
    let Some(call) = case.trace.telling().filter(|span| span.part.kind == SpanKind::Llm) else {
        return;
    };
    let at = Some((call.key, Place::Parameters));
    let usually = usual.temperatures.habit();
    let habit = usually.map_or_else(String::new, |(value, count)| {
        format!(
            "; {value} is usual: {count} of {} calls ({})",
            usual.temperatures.total(),
            usual.scope()
        )
    });
    let Some(value) = parameter(&call.part, "temperature") else {
        return lines.unknown(Step::Temperature, at, format!("not logged; a provider's default may be 1.0{habit}"));
    };
    let Ok(degree) = value.parse::<f64>() else {
        return lines.unknown(Step::Temperature, at, format!("`{value}` is no number{habit}"));
    };
    let differs = usually.is_some_and(|(usual, _)| usual.parse::<f64>().is_ok_and(|usual| usual < degree));
    if degree > HOT {
        let rank = if differs { 5 } else { 6 };
        let other = usually
            .filter(|_| differs)
            .map_or_else(String::new, |(value, _)| format!(", where {value} is usual"));
        lines.suspect(
            Step::Temperature,
            at,
            format!("{value} is above {HOT}{habit}"),
            (
                rank,
                format!("temperature {value}{other}: the same prompt may be answered otherwise"),
            ),
        );
    } else {
        lines.fine(Step::Temperature, at, format!("{value}{habit}"));
    }
}

/// Of an interaction that failed the first step that did, and how; its tools are looked at by themselves.
fn failed_step<'a>(case: &Case<'a>) -> Option<(&'a Span, String)> {
    if case.trace.row.status != Status::Error {
        return None;
    }
    let mut steps = case.trace.spans.iter().filter(|span| span.part.kind != SpanKind::Tool);
    let step = steps.find(|span| span.part.status == Status::Error)?;
    let name = if step.part.name.is_empty() {
        format!("the {} span", step.part.kind)
    } else {
        format!("`{}`", step.part.name)
    };
    let says = match &step.part.error {
        Some(error) => format!("{name} failed: {error}"),
        None => format!("{name} failed; no message was logged"),
    };
    Some((step, says))
}

/// The answer: cut, failed, missing.
pub(super) fn answer(case: &Case<'_>, lines: &mut Lines) {
    let Some(call) = case.trace.telling() else { return };
    let at = Some((call.key, Place::Response));
    let evidence = |kind| {
        call.findings
            .iter()
            .find(|finding| finding.kind == kind)
            .map(|finding| finding.evidence.clone())
    };
    if let Some(error) = evidence(FindingKind::Error) {
        lines.suspect(Step::Answer, at, error.clone(), (0, format!("the call failed: {error}")));
        return;
    }
    if let Some((step, says)) = failed_step(case) {
        lines.suspect(
            Step::Answer,
            Some((step.key, Place::Parameters)),
            says.clone(),
            (2, format!("a step failed: {says}")),
        );
    }
    if let Some(cut) = evidence(FindingKind::Truncated) {
        lines.suspect(Step::Answer, at, cut.clone(), (1, format!("the answer is cut: {cut}")));
    } else if super::documents::answer(case).is_none() {
        lines.unknown(Step::Answer, at, "what the user saw was not logged");
    } else {
        match &call.part.stop_reason {
            Some(reason) => lines.fine(Step::Answer, at, format!("ended by itself ({reason})")),
            None => lines.unknown(
                Step::Answer,
                at,
                "why the model stopped was not logged: whether the answer is cut is unknown",
            ),
        }
    }
}

/// The tools whose results the answer may rest on.
pub(super) fn tools(case: &Case<'_>, lines: &mut Lines) {
    let tools: Vec<&Span> = case
        .trace
        .spans
        .iter()
        .filter(|span| span.part.kind == SpanKind::Tool && !span.missing)
        .collect();
    for span in &tools {
        for finding in span.findings.iter().filter(|finding| finding.kind == FindingKind::ToolError) {
            lines.suspect(
                Step::Tools,
                Some((span.key, Place::Tools)),
                finding.evidence.clone(),
                (
                    1,
                    format!("the answer was given without what a tool should have said: {}", finding.evidence),
                ),
            );
        }
    }
    // A failure may be logged only in what the model was told.
    let told_of = told(case).map_or(0, |contents| contents.messages.iter().map(failed_results).sum::<usize>());
    let failed = tools.iter().filter(|span| span.part.status == Status::Error).count();
    if told_of > failed {
        let at = case.trace.telling().map(|span| (span.key, Place::Prompt));
        let says = format!("{told_of} tool result{} in the prompt say that the tool failed", s(told_of));
        lines.suspect(Step::Tools, at, says, (1, "the answer was given though a tool had failed".into()));
    } else if failed == 0 {
        let at = tools.first().map(|span| (span.key, Place::Tools));
        let of = |span: &&Span| case.contents.iter().find(|(key, _)| *key == span.key).map(|(_, contents)| contents);
        let silent = tools
            .iter()
            .filter(|span| of(span).is_none_or(|contents| contents.result.is_none()))
            .count();
        let cut = tools.iter().filter_map(of).filter(|contents| is_preview(contents)).count();
        if tools.is_empty() && case.trace.turns().is_empty() {
            lines.unknown(Step::Tools, None, "neither a model call nor a tool was logged");
        } else if tools.is_empty() {
            lines.fine(Step::Tools, None, "none was used");
        } else if silent > 0 {
            lines.unknown(
                Step::Tools,
                at,
                format!("{} used; what {silent} of them returned was not logged", tools.len()),
            );
        } else if cut > 0 {
            lines.unknown(
                Step::Tools,
                at,
                format!("{} used; of {cut} only the beginning of the result was logged", tools.len()),
            );
        } else {
            lines.fine(Step::Tools, at, format!("{} used, none failed", tools.len()));
        }
    }
}

fn failed_results(message: &Message) -> usize {
    let failed = |part: &&MessagePart| matches!(part, MessagePart::ToolResult { is_error: true, .. });
    message.parts.iter().filter(failed).count()
}

/// A conversation that is sent whole with every question, and never cut.
pub(super) fn history(case: &Case<'_>, lines: &mut Lines) {
    let Some(call) = case.trace.telling() else { return };
    let at: Option<(SpanKey, Place)> = Some((call.key, Place::Prompt));
    let row = &case.trace.row;
    // The input of the first call of each interaction of this conversation, the oldest first, this one last.
    let first_input = |turns: Vec<&Span>| turns.first().and_then(|span| span.part.usage.total_input());
    let mut inputs: Vec<u64> = match &row.session {
        Some(session) => {
            let same = case
                .peers
                .rows
                .iter()
                .filter(|peer| peer.trace.row.session.as_ref() == Some(session));
            let mut inputs: Vec<u64> = same.filter_map(|peer| first_input(peer.trace.turns())).collect();
            inputs.reverse();
            inputs
        }
        None => Vec::new(),
    };
    inputs.extend(first_input(case.trace.turns()));
    let messages = told(case).map(|contents| contents.messages.len());
    if let [first, .., last] = inputs.as_slice()
        && inputs.len() >= 3
        && *last >= WORTH_CUTTING
        && inputs.windows(2).all(|pair| pair[1] > pair[0])
        && *last >= first * 2
    {
        lines.suspect(
            Step::History,
            at,
            format!(
                "input grew with each of {} interactions of this conversation, from {first} to {last} tokens: it is never cut",
                inputs.len()
            ),
            (7, "the conversation is sent whole with every question and never cut".into()),
        );
        return;
    }
    match (messages, &row.session) {
        (Some(count), Some(_)) if count > 0 => {
            let before = inputs.len().saturating_sub(1);
            lines.fine(
                Step::History,
                at,
                format!(
                    "{count} message{} in the prompt; {before} earlier interaction{} of this conversation",
                    s(count),
                    s(before)
                ),
            );
        }
        (Some(count), None) if count > 0 => {
            let says = format!(
                "{count} message{} in the prompt; session was not logged, so its growth could not be checked",
                s(count)
            );
            lines.unknown(Step::History, at, says);
        }
        _ => lines.unknown(Step::History, at, "messages were not logged"),
    }
}

/// Whether the system prompt was changed lately.
pub(super) fn version(case: &Case<'_>, lines: &mut Lines) {
    let Some(call) = case.trace.telling() else { return };
    let at = Some((call.key, Place::Prompt));
    let Some(own) = version_of(case.trace, case.contents) else {
        return lines.unknown(
            Step::Version,
            at,
            "no system prompt was logged: whether it changed could not be checked",
        );
    };
    let all = versions(case.peers);
    let day = |at: Nanos| {
        jiff::Timestamp::from_nanosecond(i128::from(at)).map_or_else(|_| at.to_string(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
    };
    let same = all.iter().find(|version| version.text == own);
    let before = all.iter().find(|version| version.text != own);
    let start = case.trace.row.start;
    match (same, before) {
        (None, None) => {
            let says = if case.trace.row.feature.is_some() {
                "no earlier interaction of this feature has a system prompt to compare with"
            } else {
                "the feature was not logged: which earlier prompt to compare with is unknown"
            };
            lines.unknown(Step::Version, at, says);
        }
        (Some(same), _) if start.saturating_sub(same.first) > LATELY || before.is_none() => lines.fine(
            Step::Version,
            at,
            format!(
                "system prompt unchanged since {} at least ({} interaction{})",
                day(same.first),
                same.interactions,
                s(same.interactions)
            ),
        ),
        (same, Some(before)) => {
            let first = same.map_or(start, |same| same.first);
            let good = before.interactions - before.with_finding;
            lines.suspect(
                Step::Version,
                at,
                format!(
                    "system prompt first seen {}; another one was in use until {} ({} interaction{}, {good} without a finding)",
                    day(first),
                    day(before.last),
                    before.interactions,
                    s(before.interactions)
                ),
                (5, format!("the system prompt was changed on {}", day(first))),
            );
        }
        (Some(_), None) => {}
    }
}

/// What it cost beside the usual, and why more.
pub(super) fn cost(case: &Case<'_>, lines: &mut Lines) {
    let at = case.trace.telling().map(|span| (span.key, Place::Cost));
    let (verdict, says) = beside(case.trace, case.peers, case.judging);
    match verdict {
        Verdict::Usual => lines.fine(Step::Cost, at, says),
        Verdict::NoBaseline | Verdict::Unknown => lines.unknown(Step::Cost, at, says),
        Verdict::Anomalous => {
            let own = Seen {
                trace: case.trace,
                contents: case.contents,
            };
            let usual: Vec<Seen<'_>> = case.peers.rows.iter().map(Seen::from).collect();
            let causes: Vec<String> = causes(&[own], &usual).into_iter().map(|Cause { says, .. }| says).collect();
            let because = if causes.is_empty() {
                String::new()
            } else {
                format!("; {}", causes.join("; "))
            };
            lines.suspect(Step::Cost, at, format!("{says}{because}"), (8, format!("it was dear: {says}")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_version;

    #[test]
    fn a_version_is_no_other_model() {
        for (asked, answered, version) in [
            ("gpt-5", "gpt-5-2025-08-07", true),
            ("gpt-4", "gpt-4-0613", true),
            ("gemini-1.5-pro", "gemini-1.5-pro-002", true),
            ("claude-sonnet-4-6", "claude-sonnet-4-6-20260101", true),
            ("claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", true),
            ("claude-haiku-4-5", "claude-haiku-4-5@20251001", true),
            ("claude-haiku-4-5", "claude-haiku-4-5-v1:0", true),
            ("openai/gpt-4o", "gpt-4o", true),
            ("openai/openrouter-llama-4-maverick", "meta-llama/llama-4-maverick", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4", "gpt-4.1", false),
            ("claude-sonnet-4", "claude-sonnet-4-6", false),
            ("claude-sonnet-4-6", "claude-haiku-4-5", false),
            ("gpt-4o-mini", "gpt-4o", false),
        ] {
            assert_eq!(is_version(asked, answered), version, "{asked} → {answered}");
        }
    }
}
