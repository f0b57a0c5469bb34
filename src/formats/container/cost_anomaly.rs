//! The warning an application logs when an interaction costs more than usual: shown and searchable, no span.

use super::{Container, Outcome};
use crate::formats::scan::Fields;
use crate::formats::sink::{Line, Sink};
use crate::formats::{Dialect, time};
use crate::model::record::Order;

/// `{feature, cost, baseline, ratio}`.
pub struct CostAnomaly;

static DIALECT: Dialect = Dialect {
    name: "cost_anomaly",
    what: "warnings of an application that a request cost more than usual",
    order: Order::Random,
    example: "an object with feature, cost, baseline and ratio",
};

impl Container for CostAnomaly {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn recognises(&self, fields: &Fields<'_>) -> bool {
        ["feature", "cost", "baseline", "ratio"].iter().all(|key| fields.has(key))
    }

    fn read(&self, fields: Fields<'_>, line: &Line<'_>, _: &mut Sink<'_>) -> Outcome {
        let own = ["timestamp", "asctime", "time", "ts"]
            .iter()
            .find_map(|key| fields.get(key).and_then(time::of));
        Outcome::Other(line.time.or(own))
    }
}
