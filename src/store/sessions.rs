//! Conversations as rows: a page goes on from a session, never from a count of them. Sums are the engine's, of exact integers.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{Page, Reply, SessionCursor, SessionRow, Window};

pub(super) fn sessions(connection: &Connection, filter: &Filter, window: Window, page: &Page<SessionCursor>, limit: u32) -> Result<Reply> {
    let (cursor, forward, sign) = match page {
        Page::First => (None, true, ""),
        Page::Last => (None, false, ""),
        Page::After(cursor) => (Some(cursor), true, "<"),
        Page::From(cursor) => (Some(cursor), true, "<="),
        Page::Before(cursor) => (Some(cursor), false, ">"),
    };
    let mut which = Condition::new(filter, window);
    let whole = Condition::new(filter, window);
    let mut sql = include_str!("sql/sessions.sql")
        .replace("{condition}", &which.sql)
        .replace("{way}", if forward { "DESC" } else { "ASC" })
        .replace("{limit}", &(u64::from(limit) + 1).to_string());
    let beyond = match cursor {
        Some(cursor) => {
            which.bind(cursor.last);
            which.bind(cursor.session.clone());
            format!("HAVING (max(start), session) {sign} (?, ?)")
        }
        None => String::new(),
    };
    sql = sql.replace("{beyond}", &beyond);
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(which.binds.into_iter().chain(whole.binds)))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        rows.push(SessionRow {
            session: at.get()?,
            interactions: at.get()?,
            first: at.get()?,
            last: at.get()?,
            user: at.get()?,
            calls: at.tokens()?.unwrap_or(0),
            tokens: at.tokens()?,
            tokens_at_least: at.get()?,
            cost: at.cost()?,
            cost_at_least: at.get()?,
            failed: at.get()?,
            with_finding: at.get()?,
            ask: at.get()?,
        });
    }
    // The one too many stands at the far end of the page.
    let more = rows.len() > limit as usize;
    if more && forward {
        rows.truncate(limit as usize);
    } else if more {
        rows.drain(..rows.len() - limit as usize);
    }
    Ok(Reply::Sessions { rows, more })
}
