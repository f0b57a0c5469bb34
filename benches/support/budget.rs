//! Budgets and what was measured beside them: printed as they come, and as a page.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::process;

/// One row.
struct Row {
    what: &'static str,
    budget: String,
    figure: String,
    met: bool,
}

/// All rows of a run.
#[derive(Default)]
pub struct Budgets(Vec<Row>);

impl Budgets {
    /// Notes and prints a figure.
    pub fn note(&mut self, what: &'static str, budget: impl Into<String>, figure: impl Into<String>, met: bool) {
        let row = Row {
            what,
            budget: budget.into(),
            figure: figure.into(),
            met,
        };
        println!("  {}: {} (budget {}): {}", row.what, row.figure, row.budget, verdict(row.met));
        self.0.push(row);
    }

    /// All of them once more, one a line.
    pub fn print(&self) {
        println!("\n{:<52} {:<28} {:<34} met", "what", "budget", "figure");
        for row in &self.0 {
            println!("{:<52} {:<28} {:<34} {}", row.what, row.budget, row.figure, verdict(row.met));
        }
    }

    /// Writes the page.
    pub fn write(&self, path: &Path, command: &str, engine: &str) -> std::io::Result<()> {
        let mut page = String::from("# Ingest: budgets and figures\n\n");
        let _ = writeln!(
            page,
            "Written by `{command}`. A ratio is measured in one run beside its peer, taking turns.\n"
        );
        let mut facts = process::machine();
        facts.push(("DuckDB", engine.to_owned()));
        facts.push(("date", jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()));
        for (name, fact) in facts {
            let _ = writeln!(page, "- {name}: {fact}");
        }
        page.push_str("\n| what | budget | figure | met |\n|---|---|---|---|\n");
        for row in &self.0 {
            let _ = writeln!(page, "| {} | {} | {} | {} |", row.what, row.budget, row.figure, verdict(row.met));
        }
        fs::write(path, page)
    }
}

const fn verdict(met: bool) -> &'static str {
    if met { "yes" } else { "no" }
}
