//! What can be done with a batch before the writer sees it, on the thread that parsed it: equal bodies once, and what follows from
//! traces that lie whole inside it. The writer has one thread, parsing has several.

use std::borrow::Cow;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, select};

use super::contents::AlreadyHashed;
use super::shape::Summary;
use crate::derive::{derive, steps};
use crate::model::content::{Form, Slot};
use crate::model::filter::Step;
use crate::model::record::{Batch, Identity, Other, Reject, SourceInfo, Tally};
use crate::model::span::{Nanos, Part, TraceKey};
use crate::model::trace::{Interaction, Trace};
use crate::model::usage::{Cost, CostBasis, Usage};
use crate::pricing::Prices;

/// Nothing more is taken: the store has been closed, or its user wants to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct Closed;

/// The role under which documents are stored.
pub(super) const DOCUMENT: &str = "document";

/// Where batches go.
#[derive(Clone, Debug)]
pub struct Intake {
    pub(super) batches: Sender<Packed>,
    pub(super) prices: Arc<Prices>,
}

impl Intake {
    /// Packs the batch on this thread, then waits while the writer is behind.
    pub fn send(&self, batch: Batch) -> Result<(), Closed> {
        self.send_unless(batch, &crossbeam_channel::never())
    }

    /// As `send`, but no longer waits once the other end of `stopped` is gone: what is not stored then is read again next time.
    pub fn send_unless(&self, batch: Batch, stopped: &Receiver<Infallible>) -> Result<(), Closed> {
        let packed = Packed::new(batch, &self.prices);
        select! {
            send(self.batches, packed) -> sent => sent.map_err(|_| Closed),
            recv(stopped) -> _ => Err(Closed),
        }
    }
}

/// A content as it will be stored.
#[derive(Debug)]
pub(super) struct Body {
    /// Of role, form and text.
    pub(super) hash: u128,
    pub(super) role: Cow<'static, str>,
    pub(super) form: Form,
    pub(super) text: String,
}

/// A batch with every body once. Contents are known by their place in `bodies`.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) source: Arc<SourceInfo>,
    pub(super) identity: Identity,
    pub(super) range: Range<u64>,
    /// Without contents.
    pub(super) parts: Vec<Part>,
    /// For each part its contents in order.
    pub(super) places: Vec<Vec<(Slot, u32)>>,
    pub(super) bodies: Vec<Body>,
    /// Which trace uses which body: sorted, each once.
    pub(super) uses: Vec<(u32, TraceKey)>,
    /// What follows from the traces, were they all in this batch.
    pub(super) derived: Vec<Derived>,
    pub(super) others: Vec<Other>,
    pub(super) rejects: Vec<Reject>,
    pub(super) tally: Tally,
}

/// The rows of one trace in the derived tables.
#[derive(Debug)]
pub(super) struct Derived {
    /// What the prompt cache saved in all calls where that is known.
    pub(super) saved: Option<Cost>,
    /// Some call had cached tokens and no price for them.
    pub(super) saved_unknown: bool,
    pub(super) row: Interaction,
    pub(super) lower_bound: bool,
    pub(super) spend: Vec<Spend>,
    pub(super) steps: Vec<Step>,
    pub(super) summary: Summary,
}

/// What the counted calls of one model came to in one trace.
#[derive(Debug)]
pub(super) struct Spend {
    pub(super) trace: TraceKey,
    pub(super) start: Nanos,
    pub(super) model: Option<String>,
    pub(super) calls: u32,
    pub(super) unpriced_calls: u32,
    pub(super) usage: Usage,
    pub(super) cost: Option<Cost>,
    pub(super) lower_bound: bool,
    pub(super) saved: Option<Cost>,
    pub(super) saved_unknown: bool,
}

impl Packed {
    pub(super) fn new(batch: Batch, prices: &Prices) -> Self {
        let mut parts = batch.parts;
        let mut places = Vec::with_capacity(parts.len());
        let (mut bodies, mut uses) = (Vec::new(), Vec::new());
        let mut met: HashMap<u128, u32, AlreadyHashed> = HashMap::default();
        for part in &mut parts {
            let pieces = std::mem::take(&mut part.contents);
            let mut own = Vec::with_capacity(pieces.len());
            for mut piece in pieces {
                if piece.slot == Slot::Document {
                    // So that a search can tell documents from other payloads.
                    piece.role = Cow::Borrowed(DOCUMENT);
                }
                let seed = xxhash_rust::xxh3::xxh3_64(piece.role.as_bytes()) ^ u64::from(piece.form.number());
                let hash = xxhash_rust::xxh3::xxh3_128_with_seed(piece.body.as_bytes(), seed);
                let index = *met.entry(hash).or_insert_with(|| {
                    bodies.push(Body {
                        hash,
                        role: piece.role,
                        form: piece.form,
                        text: piece.body,
                    });
                    (bodies.len() - 1) as u32
                });
                own.push((piece.slot, index));
                uses.push((index, part.trace));
            }
            places.push(own);
        }
        uses.sort_unstable();
        uses.dedup();
        Self {
            source: batch.source,
            identity: batch.identity,
            range: batch.range,
            derived: all(&parts, prices),
            parts,
            places,
            bodies,
            uses,
            others: batch.others,
            rejects: batch.rejects,
            tally: batch.tally,
        }
    }

    /// Leaves out the records that stand in these bytes. Their bodies stay: another record may point at them.
    pub(super) fn without(&mut self, covered: &[Range<u64>], prices: &Prices) {
        let fresh = |offset: u64| !covered.iter().any(|range| range.contains(&offset));
        let parts = std::mem::take(&mut self.parts);
        let places = std::mem::take(&mut self.places);
        (self.parts, self.places) = parts.into_iter().zip(places).filter(|(part, _)| fresh(part.origin.offset)).unzip();
        self.others.retain(|other| fresh(other.origin.offset));
        self.rejects.retain(|reject| fresh(reject.origin.offset));
        self.derived = all(&self.parts, prices);
    }
}

/// Derives every trace of these parts.
fn all(parts: &[Part], prices: &Prices) -> Vec<Derived> {
    let mut groups: HashMap<TraceKey, Vec<Part>, AlreadyHashed> = HashMap::default();
    for part in parts {
        groups.entry(part.trace).or_default().push(part.clone());
    }
    groups.into_values().map(|parts| Derived::of(parts, prices)).collect()
}

impl Derived {
    pub(super) fn of(parts: Vec<Part>, prices: &Prices) -> Self {
        let trace = derive(parts, prices);
        let steps = steps(&trace, prices);
        let Trace { mut row, spans } = trace;
        let mut spend: Vec<Spend> = Vec::new();
        for span in spans.iter().filter(|span| span.counted) {
            let part = &span.part;
            let model = part.response_model.as_ref().or(part.request_model.as_ref());
            let at = spend.iter().position(|known| known.model.as_ref() == model).unwrap_or_else(|| {
                spend.push(Spend {
                    trace: row.trace,
                    start: part.start,
                    model: model.cloned(),
                    calls: 0,
                    unpriced_calls: 0,
                    usage: Usage::default(),
                    cost: None,
                    lower_bound: false,
                    saved: None,
                    saved_unknown: false,
                });
                spend.len() - 1
            });
            let sum = &mut spend[at];
            sum.calls += 1;
            sum.unpriced_calls += u32::from(span.cost.is_none());
            sum.usage = sum.usage.add(&part.usage);
            if let Some(cost) = span.cost {
                *sum.cost.get_or_insert_default() += cost;
            }
            sum.lower_bound |= span.cost_basis == CostBasis::LowerBound;
            if let Some(saved) = span.saved {
                *sum.saved.get_or_insert_default() += saved;
            }
            sum.saved_unknown |= span.saved.is_none() && part.usage.cached() > Some(0);
        }
        // Only absurd amounts leave 63 bits: then the largest stands for them, and says that it is less.
        let absurd = |cost: Option<Cost>| cost.is_some_and(|cost| cost.0 > i128::from(i64::MAX));
        spend.iter_mut().for_each(|sum| sum.lower_bound |= absurd(sum.cost));
        if absurd(row.cost) {
            row.cost_basis = CostBasis::LowerBound;
        }
        Self {
            lower_bound: absurd(row.cost) || spend.iter().any(|sum| sum.lower_bound),
            saved: spend.iter().filter_map(|sum| sum.saved).reduce(|a, b| a + b),
            saved_unknown: spend.iter().any(|sum| sum.saved_unknown),
            summary: Summary::of(&row, &steps),
            row,
            spend,
            steps,
        }
    }
}
