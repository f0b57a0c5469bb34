//! One interaction: the document of `show -o json`, and the way to its tree and its Markdown.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::Output;
use super::data::{Millis, Tokens, Utc};
use super::rows::{InteractionRow, filled};
use crate::insight::ledger::{Entry, LedgerLine, ledger};
use crate::model::content::{Contents, Document, Message, Payload};
use crate::model::json::Json;
use crate::model::span::{Origin, Part, SpanKey, SpanKind, Status};
use crate::model::trace::{Finding, Span, Trace};
use crate::model::usage::{Convention, Cost, CostBasis, Usage};
use crate::pricing::Prices;
use crate::replay;

/// `show`. `contents` are those of all its spans, in any order; `uri_of` names a source by its number.
pub fn trace(
    trace: &Trace,
    contents: &[(SpanKey, Contents)],
    prices: &Prices,
    uri_of: &dyn Fn(u32) -> String,
    output: Output,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let by_key: BTreeMap<SpanKey, &Contents> = contents.iter().map(|(key, contents)| (*key, contents)).collect();
    match output {
        Output::Json | Output::Jsonl => {
            let empty = Contents::default();
            let document = Shown {
                row: (&trace.row).into(),
                spans: trace
                    .spans
                    .iter()
                    .map(|span| SpanRow::new(span, trace, by_key.get(&span.key).copied().unwrap_or(&empty), prices, uri_of))
                    .collect(),
            };
            if output == Output::Json {
                serde_json::to_writer_pretty(&mut *out, &document)?;
            } else {
                serde_json::to_writer(&mut *out, &document)?;
            }
            out.write_all(b"\n")
        }
        Output::Markdown => replay::markdown(trace, &by_key, out),
        Output::Tree | Output::Table | Output::Csv => replay::tree(trace, &by_key, out),
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: InteractionRow<'a>,
    spans: Vec<SpanRow<'a>>,
}

#[derive(Serialize)]
struct SpanRow<'a> {
    span_id: &'a str,
    parent_id: Option<&'a str>,
    kind: SpanKind,
    name: Option<&'a str>,
    start: Utc,
    duration_ms: Option<Millis>,
    time_to_first_token_ms: Option<Millis>,
    status: Status,
    error: Option<&'a str>,
    provider: Option<&'a str>,
    request_model: Option<&'a str>,
    response_model: Option<&'a str>,
    params: Option<&'a Json>,
    stop_reason: Option<&'a str>,
    usage: Tokens,
    usage_convention: Option<Convention>,
    cost_usd: Option<Cost>,
    cost_basis: Option<CostBasis>,
    cost_logged_usd: Option<Cost>,
    ledger: Vec<LedgerLine>,
    price: Option<Entry>,
    usage_convention_from: Option<&'static str>,
    cost_computed_usd: Option<Cost>,
    cost_difference_usd: Option<Cost>,
    repeated_by: Vec<String>,
    rolled_up: bool,
    twins: Vec<TwinRow<'a>>,
    inferred: Vec<&'static str>,
    findings: Vec<FindingRow<'a>>,
    system: Option<&'a str>,
    messages: &'a [Message],
    response: &'a [Message],
    tools: &'a [Json],
    tool: Option<ToolRow<'a>>,
    documents: &'a [Document],
    attributes: Option<&'a Json>,
    sources: Vec<OriginRow>,
}

/// A span that was logged around this one, of the same call.
#[derive(Serialize)]
struct TwinRow<'a> {
    span_id: &'a str,
    name: Option<&'a str>,
    start: Utc,
    duration_ms: Option<Millis>,
    usage: Tokens,
    cost_logged_usd: Option<Cost>,
}

impl<'a> From<&'a Part> for TwinRow<'a> {
    fn from(part: &'a Part) -> Self {
        Self {
            span_id: &part.span_id,
            name: filled(&part.name),
            start: Utc(part.start),
            duration_ms: part.end.map(|end| Millis(end.saturating_sub(part.start))),
            usage: (&part.usage).into(),
            cost_logged_usd: part.cost_logged,
        }
    }
}

/// A finding with its evidence.
#[derive(Serialize)]
struct FindingRow<'a> {
    name: &'static str,
    evidence: &'a str,
}

impl<'a> From<&'a Finding> for FindingRow<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            name: finding.kind.name(),
            evidence: &finding.evidence,
        }
    }
}

#[derive(Serialize)]
struct ToolRow<'a> {
    name: Option<&'a str>,
    call_id: Option<&'a str>,
    arguments: Option<Json>,
    result: Option<Json>,
}

#[derive(Serialize)]
struct OriginRow {
    uri: String,
    generation: u32,
    offset: u64,
    length: u32,
}

impl OriginRow {
    fn new(origin: &Origin, uri_of: &dyn Fn(u32) -> String) -> Self {
        Self {
            uri: uri_of(origin.source),
            generation: origin.generation,
            offset: origin.offset,
            length: origin.length,
        }
    }
}

impl<'a> SpanRow<'a> {
    fn new(span: &'a Span, trace: &'a Trace, contents: &'a Contents, prices: &Prices, uri_of: &dyn Fn(u32) -> String) -> Self {
        let part = &span.part;
        let ledger = ledger(span, &trace.spans, prices);
        let tool = part.kind == SpanKind::Tool || part.tool_name.is_some() || contents.arguments.is_some() || contents.result.is_some();
        Self {
            span_id: &part.span_id,
            parent_id: part.parent_id.as_deref(),
            kind: part.kind,
            name: if span.missing {
                Some("(missing parent)")
            } else {
                filled(&part.name)
            },
            // A placeholder has no time of its own.
            start: Utc(if span.missing { trace.row.start } else { part.start }),
            duration_ms: part.end.map(|end| Millis(end.saturating_sub(part.start))),
            time_to_first_token_ms: part.time_to_first_token.map(Millis),
            status: part.status,
            error: part.error.as_deref(),
            provider: part.provider.as_deref(),
            request_model: part.request_model.as_deref(),
            response_model: part.response_model.as_deref(),
            params: part.params.as_ref(),
            stop_reason: part.stop_reason.as_deref(),
            usage: (&part.usage).into(),
            usage_convention: (part.usage != Usage::default()).then_some(part.convention),
            cost_usd: span.cost,
            cost_basis: (span.counted || span.cost.is_some()).then_some(span.cost_basis),
            cost_logged_usd: part.cost_logged,
            cost_computed_usd: ledger.computed,
            cost_difference_usd: ledger.difference(),
            ledger: ledger.lines,
            price: ledger.entry,
            usage_convention_from: filled(ledger.convention_from),
            repeated_by: ledger.repeated_by,
            rolled_up: span.rolled_up,
            twins: span.twins.iter().map(TwinRow::from).collect(),
            inferred: part.inferred.names().collect(),
            findings: span.findings.iter().map(FindingRow::from).collect(),
            system: contents.system.as_deref(),
            messages: &contents.messages,
            response: &contents.response,
            tools: &contents.tools,
            tool: tool.then(|| ToolRow {
                name: part
                    .tool_name
                    .as_deref()
                    .or_else(|| (part.kind == SpanKind::Tool).then(|| filled(&part.name)).flatten()),
                call_id: part.tool_call_id.as_deref(),
                arguments: contents.arguments.as_ref().map(Payload::json),
                result: contents.result.as_ref().map(Payload::json),
            }),
            documents: &contents.documents,
            attributes: part.attributes.as_ref(),
            sources: span.origins.iter().map(|origin| OriginRow::new(origin, uri_of)).collect(),
        }
    }
}
