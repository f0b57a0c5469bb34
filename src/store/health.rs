//! What the log has and lacks: counts by feature and time, for `insight::health` to judge.

use duckdb::{Connection, Result, params_from_iter};

use super::filter::Condition;
use super::rows::Columns;
use crate::derive::SESSIONS;
use crate::model::content::Slot;
use crate::model::filter::Filter;
use crate::model::query::{Capture, ConventionRow, HEALTH_STEP, Health, HealthRow, ModelRow, Window};
use crate::model::record::Tally;
use crate::model::span::Inferred;

/// All but the tally, which is the coverage's.
pub(super) fn health(connection: &Connection, filter: &Filter, window: Window, tally: Tally) -> Result<Health> {
    Ok(Health {
        rows: rows(connection, filter, window)?,
        conventions: conventions(connection, filter, window)?,
        models: models(connection, filter, window)?,
        previews: previews(connection, filter, window)?,
        tally,
    })
}

fn rows(connection: &Connection, filter: &Filter, window: Window) -> Result<Vec<HealthRow>> {
    let condition = Condition::new(filter, window);
    let sessions: Vec<String> = SESSIONS.iter().map(|name| format!("'{name}'")).collect();
    let prompt = Slot::System.bit() | Slot::Message.bit();
    let counts: Vec<String> = (0..Capture::COUNT)
        .map(|n| format!("count(*) FILTER (WHERE l{n}), min(start) FILTER (WHERE l{n})"))
        .collect();
    let sql = include_str!("sql/health.sql")
        .replace("{scope}", &condition.sql)
        .replace("{sessions}", &sessions.join(", "))
        .replace("{prompt}", &prompt.to_string())
        .replace("{response}", &Slot::Response.bit().to_string())
        .replace("{counts}", &counts.join(", "));
    let mut statement = connection.prepare(&sql)?;
    let mut binds = condition.binds;
    binds.push(Box::new(HEALTH_STEP));
    let mut found = statement.query(params_from_iter(binds))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let mut at = Columns { row, next: 0 };
        let feature = at.get()?;
        let step: i64 = at.get()?;
        let mut health = HealthRow {
            feature,
            from: step.saturating_mul(HEALTH_STEP),
            calls: at.get()?,
            ..HealthRow::default()
        };
        for n in 0..Capture::COUNT {
            (health.missing[n], health.since[n]) = (at.get()?, at.get()?);
        }
        rows.push(health);
    }
    Ok(rows)
}

fn conventions(connection: &Connection, filter: &Filter, window: Window) -> Result<Vec<ConventionRow>> {
    let condition = Condition::new(filter, window);
    let sql = include_str!("sql/health_conventions.sql").replace("{scope}", &condition.sql);
    let mut statement = connection.prepare(&sql)?;
    let mut binds = condition.binds;
    binds.insert(0, Box::new(Inferred::CONVENTION_SET.0));
    binds.insert(0, Box::new(Inferred::CONVENTION.0));
    let found = statement.query_map(params_from_iter(binds), |row| {
        let mut at = Columns { row, next: 0 };
        Ok(ConventionRow {
            dialect: at.get()?,
            convention: at.word()?,
            by_figures: at.get()?,
            by_user: at.get()?,
            records: at.get()?,
        })
    })?;
    found.collect()
}

fn models(connection: &Connection, filter: &Filter, window: Window) -> Result<Vec<ModelRow>> {
    let condition = Condition::new(filter, window);
    let sql = include_str!("sql/health_models.sql").replace("{scope}", &condition.sql);
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map(params_from_iter(condition.binds), |row| {
        let mut at = Columns { row, next: 0 };
        Ok(ModelRow {
            provider: at.get()?,
            request_model: at.get()?,
            response_model: at.get()?,
            calls: at.get()?,
            usage: at.usage()?,
            last: at.get()?,
        })
    })?;
    found.collect()
}

fn previews(connection: &Connection, filter: &Filter, window: Window) -> Result<Vec<(Option<String>, u64)>> {
    let condition = Condition::new(filter, window);
    let sql = include_str!("sql/health_previews.sql").replace("{scope}", &condition.sql);
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map(params_from_iter(condition.binds), |row| Ok((row.get(0)?, row.get(1)?)))?;
    found.collect()
}
