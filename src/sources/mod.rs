//! Where lines come from: files, directories, globs and standard input become blocks of whole lines.
//!
//! A block names its bytes exactly (source, generation, offset), so that the store can commit them together with what they said and a
//! restart goes on where it stopped. `tail` decides what is read and is pure; `disk`, `watch`, `stream` and `reader` do the
//! input and output. Nothing here looks into a line beyond where it ends: that is the formats' work.

use std::path::PathBuf;

mod compressed;
#[cfg(feature = "store")]
mod disk;
mod file;
mod framing;
mod lines;
mod raw;
#[cfg(feature = "store")]
mod reader;
mod rotation;
#[cfg(feature = "store")]
mod stream;
pub mod tail;
#[cfg(feature = "store")]
mod watch;

pub use framing::Framing;
pub use raw::read_line;
#[cfg(feature = "store")]
pub use reader::{Event, Options, Sources, spawn};
#[cfg(feature = "store")]
pub use tail::Floors;

/// A source as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// A file, a directory or a glob, as typed.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// A source that cannot be read, and what to try.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {hint}")]
pub struct SpecError {
    /// What is wrong, and where.
    pub what: String,
    /// What to try.
    pub hint: String,
}

impl SpecError {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// Reads a source's name from the command line.
pub fn parse_spec(text: &str) -> Result<Spec, SpecError> {
    if text.is_empty() {
        return Err(SpecError::new(
            "empty source name",
            "name a file, a directory, a glob, or - for standard input",
        ));
    }
    if text.starts_with("ssh://") {
        return Err(SpecError::new(text, "ssh sources are not available yet"));
    }
    Ok(if text == "-" {
        Spec::Stdin
    } else {
        Spec::Path(PathBuf::from(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources() {
        assert_eq!(parse_spec("-"), Ok(Spec::Stdin));
        assert_eq!(parse_spec("./-"), Ok(Spec::Path(PathBuf::from("./-"))));
        assert_eq!(parse_spec("logs/*.jsonl"), Ok(Spec::Path(PathBuf::from("logs/*.jsonl"))));
        let error = parse_spec("ssh://host/a.jsonl").expect_err("ssh comes later");
        assert_eq!(error.to_string(), "ssh://host/a.jsonl: ssh sources are not available yet");
        assert!(parse_spec("").is_err());
    }
}
