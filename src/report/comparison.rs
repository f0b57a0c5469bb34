//! `diff`: two interactions side by side.

use std::io;

use serde::Serialize;

use super::data::json_document;
use super::{Look, Output};
use crate::insight::diff::{Change, Comparison, Fact, Piece};
use crate::model::text::{self, Safe};

#[derive(Serialize)]
struct ComparisonRow<'a> {
    left: &'a str,
    right: &'a str,
    facts: Vec<FactRow<'a>>,
    documents: Vec<NameRow<'a>>,
    tools: Vec<FactRow<'a>>,
    prompt: Vec<PieceRow<'a>>,
    answer: Vec<PieceRow<'a>>,
}

#[derive(Serialize)]
struct FactRow<'a> {
    name: &'a str,
    left: Option<&'a str>,
    right: Option<&'a str>,
    differs: bool,
}

#[derive(Serialize)]
struct NameRow<'a> {
    change: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct PieceRow<'a> {
    change: &'static str,
    text: &'a str,
}

impl<'a> From<&'a Fact> for FactRow<'a> {
    fn from(fact: &'a Fact) -> Self {
        Self {
            name: &fact.name,
            left: fact.left.as_deref(),
            right: fact.right.as_deref(),
            differs: fact.differs(),
        }
    }
}

impl<'a> From<&'a Piece> for PieceRow<'a> {
    fn from(piece: &'a Piece) -> Self {
        Self {
            change: piece.change.name(),
            text: &piece.text,
        }
    }
}

/// Writes a comparison.
pub fn comparison(told: &Comparison, output: Output, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    if output != Output::Json {
        return table(told, look, out);
    }
    json_document(
        &ComparisonRow {
            left: &told.ids[0],
            right: &told.ids[1],
            facts: told.facts.iter().map(FactRow::from).collect(),
            documents: told
                .documents
                .iter()
                .map(|(change, name)| NameRow {
                    change: change.name(),
                    name,
                })
                .collect(),
            tools: told.tools.iter().map(FactRow::from).collect(),
            prompt: told.prompt.iter().map(PieceRow::from).collect(),
            answer: told.answer.iter().map(PieceRow::from).collect(),
        },
        out,
    )
}

/// Columns of a name, and of one side's value.
const NAME: usize = 20;
const VALUE: usize = 38;

fn table(told: &Comparison, look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    let mut row = |name: &str, left: Option<&str>, right: Option<&str>, differs: bool| {
        let cell = |value: Option<&str>| {
            let value = Safe::line(value.unwrap_or("–")).cut(VALUE);
            format!("{}{}", value, " ".repeat(VALUE.saturating_sub(value.width())))
        };
        let sign = if differs { "≠" } else { " " };
        let name = Safe::line(name).cut(NAME);
        let gap = " ".repeat(NAME.saturating_sub(name.width()));
        let line = format!("{sign} {name}{gap} {} {}", cell(left), cell(right));
        let line = text::cut(line.trim_end(), look.width);
        if look.color && differs {
            writeln!(out, "\x1b[33m{line}\x1b[0m")
        } else {
            writeln!(out, "{line}")
        }
    };
    row("", Some(&told.ids[0]), Some(&told.ids[1]), false)?;
    for fact in told.facts.iter().chain(&told.tools) {
        row(&fact.name, fact.left.as_deref(), fact.right.as_deref(), fact.differs())?;
    }
    if !told.documents.is_empty() {
        writeln!(out, "\ndocuments")?;
        for (change, name) in &told.documents {
            let sign = match change {
                Change::Same => " ",
                Change::Out => "-",
                Change::In => "+",
            };
            writeln!(out, "{sign} {}", Safe::line(name))?;
        }
    }
    for (title, pieces) in [("prompt", &told.prompt), ("answer", &told.answer)] {
        writeln!(out, "\n{title}{}", if is_same(pieces) { ": the same" } else { "" })?;
        if !is_same(pieces) {
            words(pieces, look, out)?;
        }
    }
    Ok(())
}

fn is_same(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| piece.change == Change::Same)
}

/// `Answer in [-French-]{+German+} now.`, as git writes it. Of what is the same, the lines next to a change.
fn words(pieces: &[Piece], look: &Look, out: &mut dyn io::Write) -> io::Result<()> {
    for (at, piece) in pieces.iter().enumerate() {
        let (open, close, color) = match piece.change {
            Change::Same => ("", "", ""),
            Change::Out => ("[-", "-]", "\x1b[31m"),
            Change::In => ("{+", "+}", "\x1b[32m"),
        };
        let (color, plain) = if look.color && !color.is_empty() {
            (color, "\x1b[0m")
        } else {
            ("", "")
        };
        let lines: Vec<&str> = piece.text.split('\n').collect();
        let last = lines.len() - 1;
        let far = |line: usize| piece.change == Change::Same && (at == 0 || line > 2) && (at + 1 == pieces.len() || line + 2 < last);
        write!(out, "{color}{open}")?;
        let mut skipped = false;
        for (number, line) in lines.iter().enumerate() {
            if far(number) {
                if !skipped {
                    writeln!(out, "…")?;
                }
                skipped = true;
                continue;
            }
            write!(out, "{}{}", Safe::line(line), if number < last { "\n" } else { "" })?;
        }
        write!(out, "{close}{plain}")?;
    }
    writeln!(out)
}
