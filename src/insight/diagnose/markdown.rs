//! A diagnosis as Markdown for a ticket.

use super::Diagnosis;
use crate::model::text::{code, fence, money};

impl Diagnosis {
    /// The page. What a log holds stands in fences and cannot leave them.
    #[must_use]
    pub fn markdown(&self) -> String {
        let row = &self.row;
        let mut text = format!("# Diagnosis of interaction {}\n\n", code(&row.trace_id));
        text.push_str(&format!("**{}**\n", code(&self.verdict)));
        if !self.also.is_empty() {
            text.push('\n');
            for words in &self.also {
                text.push_str(&format!("- also suspect: {}\n", code(words)));
            }
        }
        let started = jiff::Timestamp::from_nanosecond(i128::from(row.start)).map_or_else(|_| row.start.to_string(), |at| at.to_string());
        text.push('\n');
        for (name, value) in [
            ("started", Some(&started)),
            ("feature", row.feature.as_ref()),
            ("user", row.user.as_ref()),
            ("session", row.session.as_ref()),
        ] {
            text.push_str(&format!(
                "- {name}: {}\n",
                value.map_or_else(|| "not logged".into(), |value| code(value))
            ));
        }
        text.push_str(&format!("- cost: {}\n", money(row.cost, row.cost_basis)));
        for (title, body) in [("Asked", &self.question), ("Answered", &self.answer)] {
            text.push_str(&format!("\n{title}:\n\n"));
            match body {
                Some(body) => text.push_str(&fence(body)),
                None => text.push_str("not logged\n"),
            }
        }
        text.push_str("\n| | step | evidence |\n|---|---|---|\n");
        for check in &self.checks {
            let says = code(&check.says).replace('|', "\\|");
            text.push_str(&format!("| {} | {} | {} |\n", check.mark.sign(), check.step.title().trim(), says));
        }
        if let Some(good) = &self.last_good {
            text.push_str(&format!("\nThe last good one to compare with: {}\n", code(good)));
        }
        text
    }
}
