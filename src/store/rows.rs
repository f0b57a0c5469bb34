//! Rows of the big tables → words of the domain. Column order is that of `sql/schema.sql`; `columns` writes them.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::FromStr;

use duckdb::types::ToSql;
use duckdb::{Result, Row};

use crate::model::content::Slot;
use crate::model::json::Json;
use crate::model::span::{Inferred, Origin, Part, TraceKey};
use crate::model::trace::{Findings, Interaction};
use crate::model::usage::{Cost, Usage};

/// Where a content belongs in its span: slot, content id.
pub(super) type Place = (Slot, u64);

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

/// The list kept in `part.contents`: for each slot the ids of its contents, as `message 1-3,7;response 9`.
pub(super) fn write_places(places: impl Iterator<Item = Place>) -> Option<String> {
    let mut text = String::new();
    let mut last: Option<Place> = None;
    let mut run = 0;
    for (slot, id) in places {
        let follows = last == Some((slot, id.wrapping_sub(1)));
        if !follows {
            close_run(&mut text, last, run);
            match last {
                Some((known, _)) if known == slot => text.push(','),
                Some(_) => write!(text, ";{slot} ").unwrap_or_default(),
                None => write!(text, "{slot} ").unwrap_or_default(),
            }
            write!(text, "{id}").unwrap_or_default();
            run = 0;
        }
        run += 1;
        last = Some((slot, id));
    }
    close_run(&mut text, last, run);
    last.map(|_| text)
}

fn close_run(text: &mut String, last: Option<Place>, run: usize) {
    if let Some((_, id)) = last
        && run > 1
    {
        write!(text, "-{id}").unwrap_or_default();
    }
}

/// Reads `part.contents` back.
pub(super) fn read_places(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for (slot, ids) in text.split(';').filter_map(|group| group.split_once(' ')) {
        let Ok(slot) = slot.parse::<Slot>() else { continue };
        for run in ids.split(',') {
            let (first, last) = run.split_once('-').unwrap_or((run, run));
            if let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) {
                places.extend((first..=last).map(|id| (slot, id)));
            }
        }
    }
    places
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
    pub(super) fn word<T: FromStr + Default>(&mut self) -> Result<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_the_way_into_the_column_and_back() {
        let places = [
            (Slot::System, 7),
            (Slot::Message, 1),
            (Slot::Message, 2),
            (Slot::Message, 3),
            (Slot::Message, 3),
            (Slot::Message, 9),
            (Slot::Response, 10),
            (Slot::Message, 11),
        ];
        let text = write_places(places.into_iter()).expect("there are some");
        assert_eq!(text, "system 7;message 1-3,3,9;response 10;message 11");
        assert_eq!(read_places(&text), places);
        assert_eq!(write_places(std::iter::empty()), None);
    }
}
