//! What stands above every tab of a model call: how full the context window was, with what, what grew since the call before, the temperature.

use crate::insight::context::{Composition, Gauge, Portion};
use crate::insight::usual::parameter;
use crate::model::content::{Contents, Document};
use crate::model::span::{SpanKey, SpanKind};
use crate::model::trace::{Span, Trace};
use crate::pricing::Prices;

/// Answers get loose above this temperature.
const HOT: f64 = 0.7;

/// The rows above the tabs of a model call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Input tokens beside the window; `None` when no input was logged.
    pub gauge: Option<Gauge>,
    /// The temperature, as logged.
    pub temperature: Option<String>,
    /// It is above 0.7.
    pub hot: bool,
    /// Input tokens more (or fewer) than in the call before, where there is one.
    pub grown: Option<i128>,
    /// What the prompt is made of, by characters; empty until its contents are here.
    pub shares: Vec<(Portion, f64)>,
    /// Characters more (or fewer) than in the call before, the largest change first.
    pub changes: Vec<(Portion, i64)>,
    /// The call before.
    before: Option<SpanKey>,
}

impl Header {
    /// Of a model call; other spans have none.
    pub(super) fn of(trace: &Trace, span: &Span, prices: &Prices) -> Option<Self> {
        if span.part.kind != SpanKind::Llm || span.missing {
            return None;
        }
        let temperature = parameter(&span.part, "temperature");
        let input = span.part.usage.total_input().map(i128::from);
        let earlier = span.turn.and_then(|turn| turn.checked_sub(1));
        Some(Self {
            gauge: Gauge::of(span, prices),
            hot: temperature
                .as_deref()
                .is_some_and(|text| text.parse().is_ok_and(|degree: f64| degree > HOT)),
            temperature,
            grown: input.zip(span.previous_input.map(i128::from)).map(|(now, before)| now - before),
            before: earlier
                .and_then(|turn| trace.spans.iter().find(|span| span.turn == Some(turn)))
                .map(|span| span.key),
            ..Self::default()
        })
    }

    /// Measures the prompt, by what is known of the whole interaction.
    pub(super) fn measure(&mut self, own: SpanKey, all: &[(SpanKey, Contents)]) {
        let of = |wanted: SpanKey| all.iter().find(|(key, _)| *key == wanted).map(|(_, contents)| contents);
        let documents: Vec<&Document> = all.iter().flat_map(|(_, contents)| &contents.documents).collect();
        let Some(contents) = of(own) else { return };
        let now = Composition::of(contents, &documents);
        self.shares = now.shares().collect();
        self.changes = self
            .before
            .and_then(of)
            .map_or_else(Vec::new, |before| now.since(&Composition::of(before, &documents)));
    }
}
