//! Rows of the big tables on their way in, column by column: the engine takes thousands of rows at once so in a fraction of the time
//! it takes them one by one. Column order is that of `sql/schema.sql`; `rows` reads them back.

use std::sync::Arc;

use duckdb::arrow::array::{ArrayRef, BooleanArray, Decimal128Array, LargeBinaryArray, LargeStringArray, PrimitiveArray};
use duckdb::arrow::datatypes::{ArrowPrimitiveType, Field, Int64Type, Schema, UInt8Type, UInt32Type, UInt64Type};
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::{Connection, Result};

use super::intake::{Body, Derived, Spend};
use super::shape::{EXTREMES, key};
use crate::model::filter::Step;
use crate::model::json::Json;
use crate::model::record::{Other, Reject};
use crate::model::span::{Origin, Part};
use crate::model::trace::FindingKind;
use crate::model::usage::{Cost, Usage};

/// Rows turned into columns at once: bounds the second copy of their texts.
const SLICE: usize = 4096;

/// A table's rows, each a `T`.
struct Rows<'a, T>(&'a [T]);

impl<'a, T> Rows<'a, T> {
    fn number<A: ArrowPrimitiveType>(&self, field: impl Fn(&T) -> Option<A::Native>) -> ArrayRef {
        Arc::new(self.0.iter().map(field).collect::<PrimitiveArray<A>>())
    }

    fn u8(&self, field: impl Fn(&T) -> u8) -> ArrayRef {
        self.number::<UInt8Type>(|row| Some(field(row)))
    }

    fn u32(&self, field: impl Fn(&T) -> u32) -> ArrayRef {
        self.number::<UInt32Type>(|row| Some(field(row)))
    }

    fn u64(&self, field: impl Fn(&T) -> u64) -> ArrayRef {
        self.number::<UInt64Type>(|row| Some(field(row)))
    }

    fn signed(&self, field: impl Fn(&T) -> Option<i64>) -> ArrayRef {
        self.number::<Int64Type>(field)
    }

    fn flag(&self, field: impl Fn(&T) -> bool) -> ArrayRef {
        Arc::new(self.0.iter().map(|row| Some(field(row))).collect::<BooleanArray>())
    }

    /// 63 bits hold nine million dollars: the engine adds and sorts those ten times as fast as 128. See `Derived::of` about more.
    fn money(&self, field: impl Fn(&T) -> Option<Cost>) -> ArrayRef {
        self.signed(|row| field(row).map(|cost| clamped(cost.0)))
    }

    /// HUGEINT: the engine casts it.
    fn huge(&self, field: impl Fn(&T) -> Option<i128>) -> ArrayRef {
        let numbers = self.0.iter().map(field).collect::<Decimal128Array>();
        Arc::new(numbers.with_precision_and_scale(38, 0).expect("38 digits are allowed"))
    }

    fn text<S: AsRef<str>>(&self, field: impl Fn(&'a T) -> Option<S>) -> ArrayRef {
        Arc::new(self.0.iter().map(field).collect::<LargeStringArray>())
    }

    fn usage(&self, field: impl Fn(&T) -> &Usage) -> [ArrayRef; 6] {
        self.classes(|class| self.number::<UInt64Type>(|row| class(field(row))))
    }

    /// Sums of tokens, signed: the engine adds those three times as fast.
    fn sums(&self, field: impl Fn(&T) -> &Usage) -> [ArrayRef; 6] {
        self.classes(|class| self.signed(|row| class(field(row)).map(signed)))
    }

    fn classes(&self, column: impl Fn(fn(&Usage) -> Option<u64>) -> ArrayRef) -> [ArrayRef; 6] {
        [
            column(|usage| usage.input),
            column(|usage| usage.cache_read),
            column(|usage| usage.cache_write),
            column(|usage| usage.cache_write_1h),
            column(|usage| usage.output),
            column(|usage| usage.reasoning),
        ]
    }

    fn origin(&self, field: impl Fn(&T) -> &Origin) -> [ArrayRef; 6] {
        [
            self.u32(|row| field(row).source),
            self.u32(|row| field(row).generation),
            self.u64(|row| field(row).offset),
            self.u32(|row| field(row).length),
            self.u32(|row| field(row).ordinal),
            self.u64(|row| field(row).hash),
        ]
    }
}

/// Only absurd figures leave 63 bits: then the largest number stands for them.
fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

/// As `signed`, of either sign.
fn clamped(amount: i128) -> i64 {
    i64::try_from(amount).unwrap_or(if amount < 0 { i64::MIN } else { i64::MAX })
}

/// Appends all rows to the table, some thousand at a time.
pub(super) fn append<T>(connection: &Connection, table: &str, rows: &[T], columns: fn(&[T]) -> Vec<ArrayRef>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut appender = connection.appender(table)?;
    for slice in rows.chunks(SLICE) {
        let columns = columns(slice);
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(number, column)| Field::new(number.to_string(), column.data_type().clone(), true))
            .collect();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("columns of one length");
        appender.append_record_batch(batch)?;
    }
    appender.flush()
}

/// A trace and the id of its shape.
pub(super) type InteractionRow<'a> = (&'a Derived, u64);

/// A part and its `contents` column.
pub(super) type PartRow<'a> = (&'a Part, Option<String>);

pub(super) fn parts(rows: &[PartRow<'_>]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    let mut columns = vec![
        t.u64(|(p, _)| p.trace.0),
        t.signed(|(p, _)| Some(p.start)),
        t.text(|(p, _)| Some(p.start_from.name())),
        t.signed(|(p, _)| p.end),
        t.flag(|(p, _)| p.ended),
        t.text(|(p, _)| Some(&p.trace_id)),
        t.text(|(p, _)| Some(&p.span_id)),
        t.text(|(p, _)| p.parent_id.as_ref()),
        t.text(|(p, _)| Some(p.kind.name())),
        t.text(|(p, _)| Some(&p.name)),
        t.text(|(p, _)| Some(p.status.name())),
        t.text(|(p, _)| p.error.as_ref()),
        t.text(|(p, _)| p.provider.as_ref()),
        t.text(|(p, _)| p.request_model.as_ref()),
        t.text(|(p, _)| p.response_model.as_ref()),
        t.text(|(p, _)| p.params.as_ref().map(Json::as_str)),
        t.text(|(p, _)| p.stop_reason.as_ref()),
        t.signed(|(p, _)| p.time_to_first_token),
    ];
    columns.extend(t.usage(|(p, _)| &p.usage));
    columns.extend([
        t.text(|(p, _)| Some(p.convention.name())),
        t.huge(|(p, _)| p.cost_logged.map(|cost| cost.0)),
        t.text(|(p, _)| p.feature.as_ref()),
        t.text(|(p, _)| p.user.as_ref()),
        t.text(|(p, _)| p.session.as_ref()),
        t.text(|(p, _)| p.service.as_ref()),
        t.text(|(p, _)| p.tool_name.as_ref()),
        t.text(|(p, _)| p.tool_call_id.as_ref()),
        t.text(|(p, _)| Some(&p.ask)),
        t.text(|(p, _)| Some(&p.answer)),
        t.text(|(p, _)| names(&p.tool_calls)),
        t.number::<UInt32Type>(|(p, _)| p.documents),
        t.u8(|(p, _)| p.slots),
        t.text(|(_, contents)| contents.as_ref()),
        t.text(|(p, _)| p.attributes.as_ref().map(Json::as_str)),
        t.u32(|(p, _)| p.inferred.0),
        t.text(|(p, _)| Some(&p.dialect)),
    ]);
    columns.extend(t.origin(|(p, _)| &p.origin));
    columns
}

pub(super) fn interactions(rows: &[InteractionRow<'_>]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    let mut columns = vec![
        t.u64(|(d, _)| d.row.trace.0),
        t.text(|(d, _)| Some(&d.row.trace_id)),
        t.text(|(d, _)| Some(&d.row.name)),
        t.signed(|(d, _)| Some(d.row.start)),
        t.text(|(d, _)| Some(d.row.start_from.name())),
        t.signed(|(d, _)| d.row.duration),
        t.text(|(d, _)| d.row.feature.as_ref()),
        t.text(|(d, _)| d.row.user.as_ref()),
        t.text(|(d, _)| d.row.session.as_ref()),
        t.text(|(d, _)| d.row.service.as_ref()),
        t.text(|(d, _)| names(&d.row.models)),
        t.u32(|(d, _)| d.row.spans),
        t.u32(|(d, _)| d.row.llm_calls),
        t.u32(|(d, _)| d.row.tool_calls),
        t.u32(|(d, _)| d.row.retrievals),
        t.u32(|(d, _)| d.row.calls),
        t.u32(|(d, _)| d.row.unpriced_calls),
    ];
    columns.extend(t.sums(|(d, _)| &d.row.usage));
    columns.extend([
        t.money(|(d, _)| d.row.cost),
        t.text(|(d, _)| Some(d.row.cost_basis.name())),
        t.money(|(d, _)| d.row.cost_logged),
        t.text(|(d, _)| Some(d.row.status.name())),
        t.text(|(d, _)| names(&d.row.findings.iter().map(FindingKind::name).collect::<Vec<_>>())),
        t.text(|(d, _)| Some(&d.row.dialect)),
        t.text(|(d, _)| Some(&d.row.ask)),
        t.text(|(d, _)| Some(&d.row.answer)),
        t.signed(|(d, _)| Some(d.row.first)),
        t.signed(|(d, _)| Some(d.row.last)),
        t.huge(|(d, _)| Some(d.row.place)),
        t.signed(|(d, _)| d.row.usage.total().map(signed)),
        t.flag(|(d, _)| d.lower_bound),
        t.money(|(d, _)| d.saved),
        t.flag(|(d, _)| d.saved_unknown),
        t.u64(|(_, shape)| *shape),
        t.number::<UInt32Type>(|(d, _)| d.row.user.as_deref().map(key)),
        t.number::<UInt32Type>(|(d, _)| d.row.session.as_deref().map(key)),
        t.u8(|(d, _)| d.summary.slots),
    ]);
    for at in 0..EXTREMES.len() {
        columns.push(t.signed(|(d, _)| d.summary.extremes[at].map(|(least, _)| least)));
        columns.push(t.signed(|(d, _)| d.summary.extremes[at].map(|(_, most)| most)));
    }
    columns
}

/// Shape id, field and value.
pub(super) type ShapeRow<'a> = (u64, &'static str, &'a str);

pub(super) fn shapes(rows: &[ShapeRow<'_>]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    vec![
        t.u64(|(id, ..)| *id),
        t.text(|(_, field, _)| Some(field)),
        t.text(|(.., value)| Some(value)),
    ]
}

pub(super) fn spend(rows: &[&Spend]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    let mut columns = vec![
        t.u64(|s| s.trace.0),
        t.signed(|s| Some(s.start)),
        t.text(|s| s.model.as_ref()),
        t.u32(|s| s.calls),
        t.u32(|s| s.unpriced_calls),
    ];
    columns.extend(t.sums(|s| &s.usage));
    columns.extend([
        t.money(|s| s.cost),
        t.flag(|s| s.lower_bound),
        t.money(|s| s.saved),
        t.flag(|s| s.saved_unknown),
    ]);
    columns
}

pub(super) fn steps(rows: &[&Step]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    vec![
        t.u64(|s| s.trace.0),
        t.signed(|s| Some(s.start)),
        t.u64(|s| s.span.0),
        t.number::<UInt64Type>(|s| s.parent.map(|parent| parent.0)),
        t.text(|s| Some(s.kind.name())),
        t.text(|s| Some(&s.name)),
        t.text(|s| Some(s.status.name())),
        t.text(|s| s.tool.as_ref()),
        t.text(|s| s.model.as_ref()),
        t.text(|s| s.stop.as_ref()),
        t.signed(|s| s.temperature),
        t.signed(|s| s.first_token),
        t.signed(|s| s.took),
        t.signed(|s| s.input),
        t.signed(|s| s.output),
        t.signed(|s| s.tokens()),
        t.money(|s| s.cost),
        t.signed(|s| s.window),
        t.u8(|s| s.slots),
        t.u64(|s| s.findings.0),
    ]
}

/// New bodies and their ids.
pub(super) fn contents(rows: &[&(u64, Body)]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    vec![
        t.u64(|(id, _)| *id),
        t.text(|(_, body)| Some(&body.role)),
        t.text(|(_, body)| Some(body.form.name())),
        t.text(|(_, body)| Some(&body.text)),
    ]
}

/// Content id and trace.
pub(super) fn uses(rows: &[(u64, u64)]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    vec![t.u64(|(content, _)| *content), t.u64(|(_, trace)| *trace)]
}

pub(super) fn others(rows: &[&Other]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    let mut columns = t.origin(|other| &other.origin).to_vec();
    columns.extend([
        t.signed(|other| Some(other.at)),
        t.text(|other| Some(&other.dialect)),
        t.text(|other| Some(&other.text)),
    ]);
    columns
}

pub(super) fn rejects(rows: &[&Reject]) -> Vec<ArrayRef> {
    let t = Rows(rows);
    let mut columns = t.origin(|reject| &reject.origin).to_vec();
    columns.extend([t.text(|reject| Some(reject.reason)), t.text(|reject| Some(&reject.detail))]);
    columns.push(Arc::new(
        rows.iter().map(|reject| Some(&reject.bytes)).collect::<LargeBinaryArray>(),
    ));
    columns
}

/// Names as a JSON array; NULL when there are none.
fn names<T: serde::Serialize>(list: &[T]) -> Option<String> {
    if list.is_empty() { None } else { serde_json::to_string(list).ok() }
}
