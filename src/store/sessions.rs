//! Conversations as rows: a page goes on from a session, never from a count of them. Sums are the engine's, of exact integers.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::model::filter::Filter;
use crate::model::query::{Page, Reply, SessionCursor, SessionRow, Window};
use crate::model::span::Nanos;

/// The first attempt at a page looks at so many interactions for each of its rows, every further one at so many times more.
const EACH: u64 = 16;

pub(super) fn sessions(connection: &Connection, filter: &Filter, window: Window, page: &Page<SessionCursor>, limit: u32) -> Result<Reply> {
    let asked = Asked::new(filter, window, page, u64::from(limit) + 1);
    let chosen = asked.choose(connection)?;
    let (Some(first), Some(last)) = (chosen.iter().map(|one| one.first).min(), chosen.iter().map(|one| one.last).max()) else {
        return Ok(Reply::Sessions {
            rows: Vec::new(),
            more: false,
        });
    };
    let mut condition = Condition::new(filter, window);
    let sql = include_str!("sql/sessions.sql")
        .replace("{condition}", &condition.sql)
        .replace("{places}", &vec!["(?)"; chosen.len()].join(","));
    condition.bind(first);
    condition.bind(last);
    for one in chosen {
        condition.bind(one.session);
    }
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query(params_from_iter(condition.binds))?;
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
    if more && asked.forward {
        rows.truncate(limit as usize);
    } else if more {
        rows.drain(..rows.len() - limit as usize);
    }
    Ok(Reply::Sessions { rows, more })
}

/// A session of the page.
struct Chosen {
    session: String,
    /// When its first interaction began.
    first: Nanos,
    /// When its newest did.
    last: Nanos,
}

/// A page that is asked for.
struct Asked<'a> {
    filter: &'a Filter,
    window: Window,
    cursor: Option<&'a SessionCursor>,
    /// From the newest to the oldest.
    forward: bool,
    /// How the rows stand to the cursor.
    sign: &'static str,
    /// One more than the page holds.
    limit: u64,
}

impl<'a> Asked<'a> {
    const fn new(filter: &'a Filter, window: Window, page: &'a Page<SessionCursor>, limit: u64) -> Self {
        let (cursor, forward, sign) = match page {
            Page::First => (None, true, ""),
            Page::Last => (None, false, ""),
            Page::After(cursor) => (Some(cursor), true, "<"),
            Page::From(cursor) => (Some(cursor), true, "<="),
            Page::Before(cursor) => (Some(cursor), false, ">"),
        };
        Self {
            filter,
            window,
            cursor,
            forward,
            sign,
            limit,
        }
    }

    /// Which sessions the page holds. Those whose newest interaction began between two times have an interaction there: of a short time
    /// next to the cursor few have to be looked at. A filter leaves few of them anyway.
    fn choose(&self, connection: &Connection) -> Result<Vec<Chosen>> {
        let (mut low, mut high) = (Nanos::MIN, Nanos::MAX);
        if let Some(cursor) = self.cursor {
            *(if self.forward { &mut high } else { &mut low }) = cursor.last;
        }
        // Where there are few sessions, looking at ever more interactions costs more than looking at all.
        for many in [self.limit * EACH, self.limit * EACH * EACH] {
            let Some(end) = (if self.filter.is_all() {
                self.reach(connection, low, high, many)?
            } else {
                None
            }) else {
                break;
            };
            let chosen = if self.forward {
                self.between(connection, end, high)?
            } else {
                self.between(connection, low, end)?
            };
            if chosen.len() as u64 == self.limit {
                return Ok(chosen);
            }
        }
        self.between(connection, low, high)
    }

    const fn way(&self) -> &'static str {
        if self.forward { "DESC" } else { "ASC" }
    }

    /// When the last of so many interactions began, in the direction of the page; `None` when there are fewer.
    fn reach(&self, connection: &Connection, low: Nanos, high: Nanos, many: u64) -> Result<Option<Nanos>> {
        let mut condition = Condition::new(self.filter, self.window);
        let sql = include_str!("sql/sessions_near.sql")
            .replace("{condition}", &condition.sql)
            .replace("{reach}", if self.forward { "min" } else { "max" })
            .replace("{way}", self.way())
            .replace("{many}", &many.to_string());
        condition.bind(low);
        condition.bind(high);
        let (end, count): (Option<Nanos>, u64) =
            connection.query_row(&sql, params_from_iter(condition.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(end.filter(|_| count == many))
    }

    /// Those of the page whose newest interaction began between these times.
    fn between(&self, connection: &Connection, low: Nanos, high: Nanos) -> Result<Vec<Chosen>> {
        let mut condition = Condition::new(self.filter, self.window);
        let mut sql = include_str!("sql/sessions_page.sql")
            .replace("{condition}", &condition.sql)
            .replace("{way}", self.way())
            .replace("{limit}", &self.limit.to_string());
        let candidates = if self.filter.is_all() {
            condition.bind(low);
            condition.bind(high);
            "session IN (SELECT session FROM interaction WHERE session IS NOT NULL AND start BETWEEN ? AND ?)"
        } else {
            "true"
        };
        condition.bind(low);
        condition.bind(high);
        let beyond = self.cursor.map(|cursor| {
            condition.bind(cursor.last);
            condition.bind(cursor.session.clone());
            format!("AND (max(start), session) {} (?, ?)", self.sign)
        });
        sql = sql
            .replace("{candidates}", candidates)
            .replace("{beyond}", &beyond.unwrap_or_default());
        let mut statement = connection.prepare(&sql)?;
        let found = statement.query_map(params_from_iter(condition.binds), |row| {
            Ok(Chosen {
                session: row.get(0)?,
                first: row.get(1)?,
                last: row.get(2)?,
            })
        })?;
        found.collect()
    }
}
