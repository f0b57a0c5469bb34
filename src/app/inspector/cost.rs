//! The cost tab: the sum behind an amount, line by line, and how far it can be trusted.

use crate::insight::ledger::LedgerLine;
use crate::model::text;
use crate::model::usage::{Convention, Cost, CostBasis};

use super::super::viewer::{Page, Tone};
use super::Subject;
use super::facts::{NOT_LOGGED, field, named};

/// What the span itself cost, then the calls below it.
pub(super) fn page(subject: &Subject) -> Page {
    let (span, part, ledger) = (&subject.span, &subject.span.part, &subject.ledger);
    let mut page = Page::default();
    // A step that only holds others has no bill of its own.
    let own = !part.usage.is_empty() || part.cost_logged.is_some() || subject.items.is_empty();
    if own {
        bill(&mut page, subject);
        page.gap();
        amount(&mut page, subject);
        field(&mut page, "logged cost", part.cost_logged.map(dollars).as_deref());
        if let Some(difference) = ledger.difference() {
            named(&mut page, "difference");
            let words = match difference.0 {
                0 => "none: logged and computed are equal".to_owned(),
                1.. => format!("the log says {} more than computed", dollars(difference)),
                _ => format!("the log says {} less than computed", dollars(Cost(difference.0.saturating_neg()))),
            };
            page.line(if difference.0 == 0 { Tone::Dim } else { Tone::Warning }, &words);
        }
        decided(&mut page, subject);
    }
    if span.rolled_up {
        page.gap().line(
            Tone::Warning,
            "These figures repeat those of spans below (or of a second record of the same call). They are shown, never counted twice.",
        );
    }
    if !ledger.repeated_by.is_empty() {
        named(&mut page, "not counted");
        let names = ledger.repeated_by.join(", ");
        page.line(Tone::Dim, &format!("above it {names}: repeats these tokens or this cost"));
    }
    items(&mut page, subject, own);
    page
}

/// Tokens × price for each class that was logged.
fn bill(page: &mut Page, subject: &Subject) {
    let usage = &subject.span.part.usage;
    let lines = &subject.ledger.lines;
    page.line(
        Tone::Heading,
        &format!("{:<16}{:>12}{:>14}  {}", "class", "tokens", "USD/M tokens", "cost (USD)"),
    );
    let classes = [
        (usage.input, ["input", "audio_input"].as_slice()),
        (usage.cache_read, &["cache_read"]),
        (usage.cache_write, &["cache_write"]),
        (usage.cache_write_1h, &["cache_write_1h"]),
        (usage.output, &["output", "reasoning", "audio_output"]),
    ];
    for (tokens, names) in classes {
        let mut billed = lines.iter().filter(|line| names.contains(&line.class)).peekable();
        if billed.peek().is_none() {
            page.push(Tone::Label, &format!("{:<16}", names[0]));
            match tokens {
                None => page.line(Tone::Dim, &format!("{NOT_LOGGED:>12}")),
                Some(tokens) => page
                    .push(Tone::Number, &format!("{tokens:>12}"))
                    .line(Tone::Dim, &format!("{:>14}", "no price")),
            };
        }
        billed.for_each(|each| line(page, each));
    }
    let apart = |class: &str| lines.iter().any(|line| line.class == class);
    if let Some(reasoning) = usage.reasoning.filter(|_| !apart("reasoning")) {
        page.push(Tone::Dim, &format!("{:<16}{reasoning:>12}", "  of it reasoning"))
            .line(Tone::Dim, "  (part of output, billed there)");
    }
    lines
        .iter()
        .filter(|line| line.tokens.is_none() && line.class != "logged")
        .for_each(|each| line(page, each));
}

fn line(page: &mut Page, line: &LedgerLine) {
    let or_blank = |text: Option<String>| text.unwrap_or_default();
    page.push(Tone::Label, &format!("{:<16}", line.class))
        .push(Tone::Number, &format!("{:>12}", or_blank(line.tokens.map(|n| n.to_string()))))
        .push(Tone::Dim, &format!("{:>14}  ", or_blank(line.usd_per_million.clone())))
        .line(Tone::Cost, &line.cost_usd.decimal());
}

fn amount(page: &mut Page, subject: &Subject) {
    let (span, part) = (&subject.span, &subject.span.part);
    named(page, "cost");
    match span.cost {
        Some(cost) => {
            let at_least = if span.cost_basis == CostBasis::LowerBound {
                "at least "
            } else {
                ""
            };
            page.push(Tone::Cost, at_least)
                .push(Tone::Cost, &dollars(cost))
                .line(Tone::Dim, &format!("  {}", basis(span.cost_basis)))
        }
        None if part.usage.total().is_none() && part.cost_logged.is_none() => {
            page.line(Tone::Dim, "neither tokens nor a cost were logged for this span")
        }
        None if span.rolled_up => page.line(Tone::Dim, "counted elsewhere"),
        None => page.line(Tone::Warning, &format!("unknown: {}", basis(span.cost_basis))),
    };
}

/// What decided the figures: the price entry, and what `input` meant.
fn decided(page: &mut Page, subject: &Subject) {
    let ledger = &subject.ledger;
    named(page, "price");
    match &ledger.entry {
        None => {
            page.line(Tone::Dim, "none is known for this model");
        }
        Some(entry) => {
            let since = entry
                .valid_from
                .as_ref()
                .map_or_else(|| "undated".to_owned(), |day| format!("from {day} on"));
            let at = entry
                .above
                .map_or_else(String::new, |above| format!(", for prompts above {above} tokens"));
            page.push(Tone::Text, &entry.model)
                .line(Tone::Dim, &format!(" of {}, {since}{at}", entry.provider));
            if let Some(tier) = &entry.service_tier {
                named(page, "service tier");
                page.push(Tone::Text, tier);
                if entry.service_tier_unpriced {
                    page.push(Tone::Warning, "  ▲ the price entry has no rates for it");
                }
                page.line(Tone::Text, "");
            }
            field(
                page,
                "figures from",
                Some(entry.source.as_str()).filter(|source| !source.is_empty()),
            );
        }
    }
    if !ledger.convention_from.is_empty() {
        named(page, "cached tokens");
        page.line(
            Tone::Dim,
            match ledger.convention {
                Convention::Inclusive => "were part of the logged input; taken out of it above",
                Convention::Exclusive => "were logged apart from input",
                Convention::Unknown => "the log does not say whether input includes them",
            },
        );
        named(page, "decided by");
        page.line(Tone::Dim, ledger.convention_from);
    }
}

/// The calls at and below the span: their costs sum to its total.
fn items(page: &mut Page, subject: &Subject, after: bool) {
    let span = &subject.span;
    if subject.items.is_empty() {
        return;
    }
    if after {
        page.gap();
    }
    page.line(
        Tone::Heading,
        &format!("{:<6}{:<11}{:<28}{:>12}  {}", "turn", "kind", "model", "tokens", "cost (USD)"),
    );
    for item in &subject.items {
        let turn = item.turn.map_or_else(String::new, |turn| turn.to_string());
        let name = text::cut(&item.name, 27);
        let gap = " ".repeat(28_usize.saturating_sub(text::width(&name)));
        let tokens = item.tokens.map_or_else(|| NOT_LOGGED.to_owned(), |n| n.to_string());
        page.push(Tone::Label, &format!("{turn:<6}{:<11}", item.kind))
            .push(Tone::Text, &name)
            .push(Tone::Number, &format!("{gap}{tokens:>12}  "));
        match item.cost {
            Some(cost) => page
                .push(Tone::Cost, if item.basis == CostBasis::LowerBound { "at least " } else { "" })
                .line(Tone::Cost, &cost.decimal()),
            None => page.line(Tone::Warning, "unknown"),
        };
    }
    named(page, if span.depth == 0 { "interaction" } else { "with all below" });
    let unknown = subject.items.iter().filter(|item| item.cost.is_none()).count();
    let total: Option<Cost> = subject.items.iter().filter_map(|item| item.cost).reduce(|sum, cost| sum + cost);
    match total {
        Some(total) => {
            page.push(Tone::Cost, &dollars(total));
            if unknown > 0 {
                page.push(Tone::Warning, &format!("  and {unknown} calls of unknown cost"));
            }
            page.line(Tone::Text, "")
        }
        None => page.line(Tone::Warning, "unknown"),
    };
}

fn dollars(cost: Cost) -> String {
    format!("${}", cost.decimal())
}

const fn basis(basis: CostBasis) -> &'static str {
    match basis {
        CostBasis::Computed => "computed: tokens times price, rounded once",
        CostBasis::Recomputed => "computed: the log said 0 beside tokens",
        CostBasis::Logged => "the log's own figure: there is no price, or there are no tokens to price",
        CostBasis::LowerBound => "a lower bound: some tokens were not logged, or it is unsure how they are priced",
        CostBasis::UnknownModel => "the model has no price, and the log gives no figure",
    }
}
