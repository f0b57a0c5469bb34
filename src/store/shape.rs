//! What filters ask of the spans of an interaction, kept with its row: "some span has it" is then said without a look at ten million spans.
//!
//! Kinds, names, tools, reasons to stop and models repeat from interaction to interaction: all that one has of them is its shape, stored once
//! for all that are alike, a row per field and value. Of numbers the least and the most are kept.

use std::collections::BTreeSet;

use crate::model::filter::{Field, Step};
use crate::model::trace::Interaction;

/// Fields that a shape has values of.
pub(super) const OF_SHAPE: [Field; 5] = [Field::Kind, Field::Name, Field::Tool, Field::Stop, Field::Model];
/// Fields whose least and most are kept, and what the columns for it begin with.
pub(super) const EXTREMES: [(Field, &str); 5] = [
    (Field::Input, "input"),
    (Field::Output, "output"),
    (Field::Temp, "temperature"),
    (Field::Ttft, "first_token"),
    (Field::Ctx, "fill"),
];

/// What a row of `interaction` says of its spans.
#[derive(Debug)]
pub(super) struct Summary {
    /// Equal for equal shapes.
    pub(super) shape: u128,
    /// Which slots of some span have contents: bits of `Slot::bit`.
    pub(super) slots: u8,
    /// The least and the most of the fields of `EXTREMES`.
    pub(super) extremes: [Option<(i64, i64)>; EXTREMES.len()],
}

impl Summary {
    pub(super) fn of(row: &Interaction, steps: &[Step]) -> Self {
        let mut told = Vec::new();
        for (field, value) in words(row, steps) {
            told.extend_from_slice(field.as_bytes());
            told.extend_from_slice(&(value.len() as u64).to_le_bytes());
            told.extend_from_slice(value.as_bytes());
        }
        let mut extremes = [None; EXTREMES.len()];
        for step in steps {
            for (extreme, number) in extremes.iter_mut().zip(numbers(step)) {
                let Some(number) = number else { continue };
                let (least, most) = extreme.get_or_insert((number, number));
                (*least, *most) = (number.min(*least), number.max(*most));
            }
        }
        Self {
            shape: xxhash_rust::xxh3::xxh3_128(&told),
            slots: steps.iter().fold(0, |all, step| all | step.slots),
            extremes,
        }
    }
}

/// What a shape consists of: names of fields and their values.
pub(super) fn words<'a>(row: &'a Interaction, steps: &'a [Step]) -> BTreeSet<(&'static str, &'a str)> {
    let mut words = BTreeSet::new();
    words.extend(row.models.iter().map(|model| (Field::Model.name(), model.as_str())));
    for step in steps {
        words.insert((Field::Kind.name(), step.kind.name()));
        words.insert((Field::Name.name(), &step.name));
        words.extend(step.tool.as_deref().map(|tool| (Field::Tool.name(), tool)));
        words.extend(step.stop.as_deref().map(|stop| (Field::Stop.name(), stop)));
    }
    words
}

/// In the order of `EXTREMES`.
fn numbers(step: &Step) -> [Option<i64>; EXTREMES.len()] {
    [step.input, step.output, step.temperature, step.first_token, fill(step)]
}

/// How full the window was: twice the hundredths of a percent, and one more where something is left. Against twice a whole number it stands as the
/// fraction does against that number.
fn fill(step: &Step) -> Option<i64> {
    let (input, window) = (i128::from(step.input?), i128::from(step.window.filter(|window| *window > 0)?));
    let (whole, left) = (input * 10_000 / window, input * 10_000 % window);
    // As with other numbers, the largest stands for what is larger.
    Some(i64::try_from(whole * 2 + i128::from(left != 0)).unwrap_or(i64::MAX))
}

/// A number for a text, letter case in ASCII apart: a column of them is looked through in a fifth of the time. Others may share it.
pub(super) fn key(text: &str) -> u32 {
    let folded = xxhash_rust::xxh3::xxh3_64(text.to_ascii_lowercase().as_bytes());
    (folded >> 32) as u32
}
