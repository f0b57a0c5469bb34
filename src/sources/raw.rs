//! One raw line, read again from where it came from. Raw lines are not stored: the file is the store of them.
//!
//! The file may have been renamed since (rotation), so siblings are searched by inode; the line's hash decides, never the place alone.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::address::SCHEME;
use super::compressed::Compression;
use crate::model::record::SourceInfo;
use crate::model::span::Origin;

/// Reads a line again. `uri` is the source's path, or the spool's for standard input (its inode is 0: only the hash is checked).
/// The error is a sentence for the user.
pub fn read_line(uri: &str, info: &SourceInfo, origin: &Origin) -> Result<Vec<u8>, String> {
    if uri.starts_with(SCHEME) {
        return Err("raw line not available: it is on another machine".to_owned());
    }
    let path = Path::new(uri);
    let mut why = match line_of(path, info, origin) {
        Ok(bytes) => return Ok(bytes),
        Err(why) => why,
    };
    if info.inode != 0 {
        for sibling in siblings(path) {
            match line_of(&sibling, info, origin) {
                Ok(bytes) => return Ok(bytes),
                Err(Missing::Changed) => why = Missing::Changed,
                Err(Missing::Other | Missing::Failed(_)) => {}
            }
        }
    }
    Err(sentence(uri, origin, why))
}

/// What the user is told.
pub(super) fn sentence(uri: &str, origin: &Origin, why: Missing) -> String {
    let why = match why {
        Missing::Other => format!("{uri} is another file now, and no renamed copy was found"),
        Missing::Changed => format!("the file's bytes at offset {} changed", origin.offset),
        Missing::Failed(why) => format!("{uri}: {why}"),
    };
    format!("raw line no longer available: {why}")
}

/// Why a line is not there.
pub(super) enum Missing {
    /// Not the file it was read from.
    Other,
    /// The file, but not the bytes.
    Changed,
    Failed(String),
}

fn line_of(path: &Path, info: &SourceInfo, origin: &Origin) -> Result<Vec<u8>, Missing> {
    let failed = |error: std::io::Error| Missing::Failed(error.to_string());
    // Looked at before it is opened: a pipe would wait for its writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Missing::Other);
    }
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    let mut head = [0; 4];
    let count = file.read_at(&mut head, 0).map_err(failed)?;
    if let Some(compression) = Compression::of(&head[..count]) {
        return expanded_line(file, compression, origin);
    }
    // The device's number may change with a restart of the machine; inode and hash are enough here.
    if info.inode != 0 && meta.ino() != info.inode {
        return Err(Missing::Other);
    }
    if origin.offset.saturating_add(u64::from(origin.length)) > meta.len() {
        return Err(Missing::Changed);
    }
    let mut bytes = vec![0; origin.length as usize];
    file.read_exact_at(&mut bytes, origin.offset).map_err(failed)?;
    if xxh3_64(&bytes) == origin.hash {
        Ok(bytes)
    } else {
        Err(Missing::Changed)
    }
}

/// From the first byte to the line: the hash says whether it is the one that was meant.
pub(super) fn expanded_line(input: impl Read + Send + 'static, compression: Compression, origin: &Origin) -> Result<Vec<u8>, Missing> {
    let failed = |error: std::io::Error| Missing::Failed(error.to_string());
    let mut expanded = compression.expand(input).map_err(failed)?;
    let skipped = std::io::copy(&mut expanded.by_ref().take(origin.offset), &mut std::io::sink()).map_err(failed)?;
    let mut bytes = Vec::new();
    expanded.take(u64::from(origin.length)).read_to_end(&mut bytes).map_err(failed)?;
    if skipped == origin.offset && xxh3_64(&bytes) == origin.hash {
        Ok(bytes)
    } else {
        Err(Missing::Changed)
    }
}

/// The names that rotation gives: `NAME.*` and `NAME-*` in the same directory, sorted.
fn siblings(path: &Path) -> Vec<PathBuf> {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
        return Vec::new();
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            let other = entry.file_name();
            // The same name again: a path whose bytes are no UTF-8 reads so.
            other
                .to_string_lossy()
                .strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::record::Order;

    fn info(path: &Path) -> SourceInfo {
        let meta = fs::metadata(path).unwrap();
        SourceInfo {
            id: 1,
            uri: path.to_string_lossy().into_owned(),
            device: meta.dev(),
            inode: meta.ino(),
            generation: 0,
            file_time: 0,
            order: Order::Random,
        }
    }

    #[test]
    fn a_line_is_found_again_also_after_rotation_and_never_a_wrong_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.jsonl");
        fs::write(&path, "{\"n\":1}\n{\"n\":2}\n").unwrap();
        let info = info(&path);
        let origin = Origin {
            source: 1,
            offset: 8,
            length: 7,
            hash: xxh3_64(b"{\"n\":2}"),
            ..Origin::default()
        };
        assert_eq!(read_line(&info.uri, &info, &origin).unwrap(), b"{\"n\":2}");
        fs::rename(&path, dir.path().join("app.jsonl.1")).unwrap();
        assert_eq!(
            read_line(&info.uri, &info, &origin).unwrap(),
            b"{\"n\":2}",
            "renamed, nothing in its place"
        );
        fs::write(&path, "{\"m\":1}\n{\"m\":2}\n").unwrap();
        assert_eq!(
            read_line(&info.uri, &info, &origin).unwrap(),
            b"{\"n\":2}",
            "renamed, another file in its place"
        );
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, b"{\"n\":1}\n{\"n\":2}\n").unwrap();
        fs::write(dir.path().join("app.jsonl.2.gz"), packed.finish().unwrap()).unwrap();
        fs::remove_file(dir.path().join("app.jsonl.1")).unwrap();
        assert_eq!(read_line(&info.uri, &info, &origin).unwrap(), b"{\"n\":2}", "compressed since");
        fs::remove_file(dir.path().join("app.jsonl.2.gz")).unwrap();
        let why = read_line(&info.uri, &info, &origin).unwrap_err();
        assert!(
            why.starts_with("raw line no longer available: ") && why.contains("another file"),
            "{why}"
        );
    }

    #[test]
    fn changed_bytes_and_short_files_are_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        fs::write(&path, "one\ntwo\n").unwrap();
        let info = info(&path);
        let origin = Origin {
            offset: 4,
            length: 3,
            hash: xxh3_64(b"TWO"),
            ..Origin::default()
        };
        assert!(read_line(&info.uri, &info, &origin).unwrap_err().contains("offset 4 changed"));
        let beyond = Origin {
            offset: u64::MAX,
            ..origin
        };
        assert!(read_line(&info.uri, &info, &beyond).unwrap_err().contains("changed"));
        let spool = SourceInfo {
            inode: 0,
            device: 0,
            ..info
        };
        let origin = Origin {
            hash: xxh3_64(b"two"),
            ..origin
        };
        assert_eq!(
            read_line(&spool.uri, &spool, &origin).unwrap(),
            b"two",
            "a spool has no inode to check"
        );
    }
}
