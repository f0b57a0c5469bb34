//! Rows of the big tables ↔ words of the domain. Column order is that of `sql/schema.sql`, and nowhere else is it spelled out.

use std::borrow::Cow;
use std::str::FromStr;

use duckdb::types::ToSql;
use duckdb::{Appender, Result, Row, params};

use crate::model::content::Slot;
use crate::model::json::Json;
use crate::model::record::{Other, Reject};
use crate::model::span::{Inferred, Origin, Part, TraceKey};
use crate::model::trace::{FindingKind, Findings, Interaction, Trace};
use crate::model::usage::{Cost, CostBasis, Usage};

/// Where a content belongs in its span: slot, role, content id.
pub(super) type Place = (Slot, String, u64);

pub(super) fn append_part(table: &mut Appender<'_>, part: &Part, contents: Option<&str>) -> Result<()> {
    let (usage, origin) = (&part.usage, &part.origin);
    table.append_row(params![
        part.trace.0,
        part.start,
        part.start_from.name(),
        part.end,
        part.ended,
        part.trace_id,
        part.span_id,
        part.parent_id,
        part.kind.name(),
        part.name,
        part.status.name(),
        part.error,
        part.provider,
        part.request_model,
        part.response_model,
        part.params.as_ref().map(Json::as_str),
        part.stop_reason,
        part.time_to_first_token,
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        part.convention.name(),
        part.cost_logged.map(|cost| cost.0),
        part.feature,
        part.user,
        part.session,
        part.service,
        part.tool_name,
        part.tool_call_id,
        part.ask,
        part.answer,
        names(&part.tool_calls),
        part.documents,
        part.slots,
        contents,
        part.attributes.as_ref().map(Json::as_str),
        part.inferred.0,
        &*part.dialect,
        origin.source,
        origin.generation,
        origin.offset,
        origin.length,
        origin.ordinal,
        origin.hash,
    ])
}

/// A stored part without its contents, and where those are to be found.
pub(super) fn read_part(row: &Row<'_>) -> Result<(Part, Option<String>)> {
    let mut at = Columns { row, next: 0 };
    let trace = TraceKey(at.get()?);
    let part = Part {
        trace,
        start: at.get()?,
        start_from: at.word()?,
        end: at.get()?,
        ended: at.get()?,
        trace_id: at.get()?,
        span_id: at.get()?,
        parent_id: at.get()?,
        kind: at.word()?,
        name: at.get()?,
        status: at.word()?,
        error: at.get()?,
        provider: at.get()?,
        request_model: at.get()?,
        response_model: at.get()?,
        params: at.json()?,
        stop_reason: at.get()?,
        time_to_first_token: at.get()?,
        usage: at.usage()?,
        convention: at.word()?,
        cost_logged: at.cost()?,
        feature: at.get()?,
        user: at.get()?,
        session: at.get()?,
        service: at.get()?,
        tool_name: at.get()?,
        tool_call_id: at.get()?,
        ask: at.get()?,
        answer: at.get()?,
        tool_calls: at.names()?,
        documents: at.get()?,
        slots: at.get()?,
        ..Part::default()
    };
    let contents: Option<String> = at.get()?;
    let part = Part {
        attributes: at.json()?,
        inferred: Inferred(at.get()?),
        dialect: Cow::Owned(at.get()?),
        origin: at.origin()?,
        ..part
    };
    Ok((part, contents))
}

/// The list kept in `part.contents`.
pub(super) fn write_places(places: &[(Slot, &str, u64)]) -> Option<String> {
    let list: Vec<(&str, &str, u64)> = places.iter().map(|(slot, role, id)| (slot.name(), *role, *id)).collect();
    if list.is_empty() { None } else { serde_json::to_string(&list).ok() }
}

/// Reads `part.contents` back.
pub(super) fn read_places(text: &str) -> Vec<Place> {
    let list: Vec<(String, String, u64)> = serde_json::from_str(text).unwrap_or_default();
    list.into_iter()
        .filter_map(|(slot, role, id)| Some((slot.parse().ok()?, role, id)))
        .collect()
}

pub(super) fn append_interaction(table: &mut Appender<'_>, trace: &Trace) -> Result<()> {
    let row = &trace.row;
    let usage = &row.usage;
    let findings: Vec<&str> = row.findings.iter().map(FindingKind::name).collect();
    let lower_bound = trace
        .spans
        .iter()
        .any(|span| span.counted && span.cost_basis == CostBasis::LowerBound);
    table.append_row(params![
        row.trace.0,
        row.trace_id,
        row.name,
        row.start,
        row.start_from.name(),
        row.duration,
        row.feature,
        row.user,
        row.session,
        row.service,
        names(&row.models),
        row.spans,
        row.llm_calls,
        row.tool_calls,
        row.retrievals,
        row.calls,
        row.unpriced_calls,
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        row.cost.map(|cost| cost.0),
        row.cost_basis.name(),
        row.cost_logged.map(|cost| cost.0),
        row.status.name(),
        names(&findings),
        row.dialect,
        row.ask,
        row.answer,
        row.first,
        row.last,
        row.place,
        usage.total(),
        lower_bound,
    ])
}

pub(super) fn read_interaction(row: &Row<'_>) -> Result<Interaction> {
    let mut at = Columns { row, next: 0 };
    Ok(Interaction {
        trace: TraceKey(at.get()?),
        trace_id: at.get()?,
        name: at.get()?,
        start: at.get()?,
        start_from: at.word()?,
        duration: at.get()?,
        feature: at.get()?,
        user: at.get()?,
        session: at.get()?,
        service: at.get()?,
        models: at.names()?,
        spans: at.get()?,
        llm_calls: at.get()?,
        tool_calls: at.get()?,
        retrievals: at.get()?,
        calls: at.get()?,
        unpriced_calls: at.get()?,
        usage: at.usage()?,
        cost: at.cost()?,
        cost_basis: at.word()?,
        cost_logged: at.cost()?,
        status: at.word()?,
        findings: at.findings()?,
        dialect: at.get()?,
        ask: at.get()?,
        answer: at.get()?,
        first: at.get()?,
        last: at.get()?,
        place: at.get()?,
    })
}

pub(super) fn append_calls(table: &mut Appender<'_>, trace: &Trace) -> Result<()> {
    for span in trace.spans.iter().filter(|span| span.counted) {
        let usage = &span.part.usage;
        table.append_row(params![
            trace.row.trace.0,
            span.key.0,
            span.part.start,
            span.part.response_model.as_ref().or(span.part.request_model.as_ref()),
            usage.input,
            usage.cache_read,
            usage.cache_write,
            usage.cache_write_1h,
            usage.output,
            usage.reasoning,
            span.cost.map(|cost| cost.0),
            span.cost_basis.name(),
        ])?;
    }
    Ok(())
}

pub(super) fn append_other(table: &mut Appender<'_>, other: &Other) -> Result<()> {
    let o = &other.origin;
    table.append_row(params![
        o.source,
        o.generation,
        o.offset,
        o.length,
        o.ordinal,
        o.hash,
        other.at,
        &*other.dialect,
        other.text
    ])
}

pub(super) fn append_reject(table: &mut Appender<'_>, reject: &Reject) -> Result<()> {
    let o = &reject.origin;
    table.append_row(params![
        o.source,
        o.generation,
        o.offset,
        o.length,
        o.ordinal,
        o.hash,
        reject.reason,
        reject.detail,
        reject.bytes
    ])
}

/// Names as a JSON array; NULL when there are none.
fn names<T: serde::Serialize>(list: &[T]) -> Option<String> {
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}

/// Walks a row's columns in order.
pub(super) struct Columns<'a, 'b> {
    pub(super) row: &'a Row<'b>,
    pub(super) next: usize,
}

impl Columns<'_, '_> {
    pub(super) fn get<T: duckdb::types::FromSql>(&mut self) -> Result<T> {
        self.next += 1;
        self.row.get(self.next - 1)
    }

    /// One of our own enums. A word of a later version reads as the default.
    fn word<T: FromStr + Default>(&mut self) -> Result<T> {
        let word: String = self.get()?;
        Ok(word.parse().unwrap_or_default())
    }

    pub(super) fn cost(&mut self) -> Result<Option<Cost>> {
        Ok(self.get::<Option<i128>>()?.map(Cost))
    }

    fn json(&mut self) -> Result<Option<Json>> {
        Ok(self.get::<Option<String>>()?.map(Json::trusted))
    }

    pub(super) fn names(&mut self) -> Result<Vec<String>> {
        let text: Option<String> = self.get()?;
        Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default()).unwrap_or_default())
    }

    fn findings(&mut self) -> Result<Findings> {
        let mut findings = Findings::default();
        for name in self.names()? {
            if let Ok(kind) = name.parse() {
                findings.insert(kind);
            }
        }
        Ok(findings)
    }

    /// Sums of a class may leave 64 bits only when the logged figures were absurd: then the largest number stands for them.
    pub(super) fn tokens(&mut self) -> Result<Option<u64>> {
        let sum: Option<i128> = self.get()?;
        Ok(sum.map(|sum| u64::try_from(sum).unwrap_or(u64::MAX)))
    }

    pub(super) fn usage(&mut self) -> Result<Usage> {
        Ok(Usage {
            input: self.tokens()?,
            cache_read: self.tokens()?,
            cache_write: self.tokens()?,
            cache_write_1h: self.tokens()?,
            output: self.tokens()?,
            reasoning: self.tokens()?,
        })
    }

    pub(super) fn origin(&mut self) -> Result<Origin> {
        Ok(Origin {
            source: self.get()?,
            generation: self.get()?,
            offset: self.get()?,
            length: self.get()?,
            ordinal: self.get()?,
            hash: self.get()?,
        })
    }
}

/// A value bound to a statement.
pub(super) type Bind = Box<dyn ToSql>;
