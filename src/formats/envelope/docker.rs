//! Docker's json-file and what forwards it: `{"log": …, "stream": …, "time": …}`. A line over 16 KiB comes in pieces; a piece alone is no record.

use super::{Envelope, Inner, Peeled};
use crate::formats::scan::{Fields, string};

/// A container's output.
pub struct Docker;

/// Docker cuts here.
const PIECE: usize = 16 << 10;

impl Envelope for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn peel<'a>(&self, fields: &Fields<'a>) -> Option<Peeled<'a>> {
        if !fields.has("log") || !fields.has("stream") {
            return None;
        }
        let text = fields.get("log").and_then(string)?;
        is_piece(&text).then(|| Peeled {
            payload: Inner::Lost(
                LOST,
                "Docker cut the line into pieces of 16 KiB, and not all of them stand here in their order: log to a file of the application's own"
                    .to_owned(),
            ),
            time: None,
            rest: Fields::default(),
        })
    }
}

/// The reason of rejection of a piece.
pub const LOST: &str = "part of a longer line";

/// The head, the middle or the tail of a JSON record. Whole records and plain text are none.
#[must_use]
pub fn is_piece(text: &str) -> bool {
    let body = text.trim();
    if body.starts_with('{') {
        return Fields::parse(body).is_err();
    }
    let tail = body.ends_with('}') && body.contains("\":") && !body.contains('{');
    let middle = !text.ends_with('\n') && text.len() >= PIECE;
    tail || middle
}
