//! Vocabularies: how an attribute map says what a span is. One file each; `ALL` is the table, the most telling first.

pub mod flat;
pub mod genai;
pub mod general;

use super::scan::Fields;
use crate::model::span::Part;

/// A set of attribute names. It takes what it maps; what is left becomes the part's attributes.
pub trait Vocabulary: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// Fills what an earlier vocabulary left open. Two vocabularies on one span are copies of each other: nothing is added up.
    fn read(&self, fields: &mut Fields<'_>, part: &mut Part);
}

/// All vocabularies of attribute maps, in the order they are asked.
pub static ALL: &[&dyn Vocabulary] = &[&genai::GenAi, &general::General];
