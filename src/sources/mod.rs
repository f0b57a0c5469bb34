//! Where lines come from: files, directories, globs, here or on another machine, and standard input become blocks of whole lines.
//!
//! A block names its bytes exactly (source, generation, offset), so that the store can commit them together with what they said and a
//! restart goes on where it stopped. `tail` decides what is read and is pure; `disk`, `watch`, `stream`, `reader` and `remote` do the
//! input and output. Nothing here looks into a line beyond where it ends: that is the formats' work.

use std::path::PathBuf;

mod address;
#[cfg(feature = "store")]
mod board;
mod compressed;
#[cfg(feature = "store")]
mod disk;
mod file;
mod framing;
mod lines;
mod raw;
#[cfg(feature = "store")]
mod reader;
#[cfg(feature = "store")]
mod remote;
mod rotation;
#[cfg(feature = "store")]
mod stream;
pub mod tail;
#[cfg(feature = "store")]
mod watch;

pub use address::{Address, Host};
pub use raw::read_line;
#[cfg(feature = "store")]
pub use reader::{Event, Options, Sources, spawn};
#[cfg(feature = "store")]
pub use remote::read_remote_line;
#[cfg(feature = "store")]
pub use tail::Floors;

/// A source as the user named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    /// A file, a directory or a glob, as typed.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// A file, a directory or a glob on another machine.
    Remote(Address),
}

/// Is it the uri of a source on another machine?
#[must_use]
pub fn is_remote(uri: &str) -> bool {
    uri.starts_with(address::SCHEME)
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
            "name a file, a directory, a glob, - for standard input, or ssh://host/path",
        ));
    }
    Ok(if is_remote(text) {
        Spec::Remote(Address::parse(text)?)
    } else if text == "-" {
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
        assert!(matches!(parse_spec("ssh://host/a.jsonl"), Ok(Spec::Remote(_))));
        let error = parse_spec("ssh://host").expect_err("without a path");
        assert!(error.to_string().starts_with("ssh://host: no path: "), "{error}");
        assert!(parse_spec("").is_err());
    }
}
