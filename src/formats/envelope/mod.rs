//! Envelopes: what loggers and containers wrap around a record. One file each; `ALL` is the table in the order they are tried.

pub mod docker;
pub mod generic;
pub mod journald;
pub mod json_logger;
pub mod loguru;
pub mod structlog;

use super::scan::Fields;
use super::time;
use crate::model::span::Nanos;

/// An opened envelope.
pub struct Peeled<'a> {
    /// The record.
    pub payload: Inner<'a>,
    /// The envelope's time.
    pub time: Option<Nanos>,
    /// Everything else the envelope held.
    pub rest: Fields<'a>,
}

/// The record inside: its fields, or JSON text that was a string.
pub enum Inner<'a> {
    /// An object's fields.
    Fields(Fields<'a>),
    /// JSON text out of a string.
    Text(String),
    /// There was one, and this layer lost it: a reason of rejection, and what to change.
    Lost(&'static str, String),
}

/// A way to wrap a record.
pub trait Envelope: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Opens it; `None`, and nothing taken, when this is not such an envelope around a record.
    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>>;
}

/// All envelopes; the generic rule is last.
pub static ALL: &[&dyn Envelope] = &[
    &loguru::Loguru,
    &structlog::Structlog,
    &json_logger::JsonLogger,
    &docker::Docker,
    &journald::Journald,
    &generic::Generic,
];

/// Where loggers put the time.
pub const TIMES: &[&str] = &["timestamp", "@timestamp", "asctime", "time", "ts", "created", "datetime"];

/// Takes the envelope's time.
pub fn take_time(fields: &mut Fields<'_>) -> Option<Nanos> {
    for key in TIMES {
        if let Some(at) = fields.get(key).and_then(time::of) {
            fields.take(key);
            return Some(at);
        }
    }
    None
}

/// Parts the logger's own keys from those of a record that stands beside them.
#[must_use]
pub fn flattened<'a>(fields: &Fields<'a>, own: &[&str]) -> Peeled<'a> {
    let mut payload = fields.clone();
    let time = take_time(&mut payload);
    let mut rest = Fields::default();
    for key in own {
        if let Some(value) = payload.take(key) {
            rest.push((*key).to_owned().into(), value);
        }
    }
    Peeled {
        payload: Inner::Fields(payload),
        time,
        rest,
    }
}

/// Takes the object under `key` as fields, borrowing where the envelope borrows.
#[must_use]
pub fn inner<'a>(fields: &Fields<'a>, key: &str) -> Option<Fields<'a>> {
    match fields.borrowed(key)? {
        std::borrow::Cow::Borrowed(text) => Fields::of(text),
        std::borrow::Cow::Owned(text) => Fields::of_owned(&text),
    }
}
