//! System prompts by what they say: who uses which, since when, and what it costs.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::content::{Piece, Slot, assemble, prompt_id};
use crate::model::filter::Filter;
use crate::model::query::{PromptRow, Reply, Window};

pub(super) fn prompts(connection: &Connection, filter: &Filter, window: Window, limit: u32) -> Result<Reply> {
    let mut condition = Condition::new(filter, window);
    let sql = include_str!("sql/prompts.sql").replace("{condition}", &condition.sql);
    condition.bind(u64::from(limit) + 1);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let (body, form): (String, String) = (at.get()?, at.get()?);
        let id = prompt_id(&body);
        let piece = Piece {
            slot: Slot::System,
            role: "system".into(),
            form: form.parse().unwrap_or_default(),
            body,
        };
        let text = assemble(vec![piece]).system.unwrap_or_default();
        let features: Option<String> = at.get()?;
        rows.push(PromptRow {
            id,
            text,
            features: features
                .iter()
                .flat_map(|names| names.split('\u{1f}'))
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            first: at.get()?,
            last: at.get()?,
            interactions: at.get()?,
            calls: at.get()?,
            cost: at.cost()?,
            with_finding: at.get()?,
        });
    }
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    Ok(Reply::Prompts { rows, more })
}
