//! One raw line, read again from the host it is on.

use crossbeam_channel::never;
use xxhash_rust::xxh3::xxh3_64;

use super::super::address::Address;
use super::super::compressed::Compression;
use super::super::framing::read_range;
use super::super::raw::{Missing, expanded_line, sentence};
use super::super::tail::Disk;
use super::files::{Ends, Remote, Root};
use crate::model::record::SourceInfo;
use crate::model::span::Origin;

/// Reads a line of a remote source again, over a connection of its own. The error is a sentence for the user.
pub fn read_remote_line(ssh: &[String], info: &SourceInfo, origin: &Origin) -> Result<Vec<u8>, String> {
    let away = |why: String| format!("raw line not available now: {why}");
    let address = Address::parse(&info.uri).map_err(|error| away(error.to_string()))?;
    let root = Root::exactly(&address);
    let mut remote = Remote::connect(ssh, &address.host, &[root], Ends::default(), &never()).map_err(|(lost, _)| away(lost.why))?;
    remote.poll().map_err(|error| away(error.to_string()))?;
    let listing = remote.list();
    let mut why = Missing::Failed(
        listing
            .problems
            .into_iter()
            .next()
            .map_or_else(|| "no such file".to_owned(), |(_, why)| why),
    );
    for (uri, stat) in listing.files.into_iter().chain(listing.siblings) {
        // A name may have been given to another file since: inode and hash decide.
        if stat.inode != info.inode {
            why = Missing::Other;
            continue;
        }
        match line_of(&mut remote, &uri, stat.size, origin) {
            Ok(bytes) => return Ok(bytes),
            Err(missing) => why = missing,
        }
        break;
    }
    match remote.lost() {
        Some(lost) => Err(away(lost.why)),
        None => Err(sentence(&info.uri, origin, why)),
    }
}

fn line_of(remote: &mut Remote, uri: &str, size: u64, origin: &Origin) -> Result<Vec<u8>, Missing> {
    let failed = |error: std::io::Error| Missing::Failed(error.to_string());
    let file = remote.open(uri).map_err(failed)?;
    let head = read_range(remote, &file, 0..size.min(4)).map_err(failed)?;
    if let Some(compression) = Compression::of(&head) {
        return expanded_line(remote.stream(&file).map_err(failed)?, compression, origin);
    }
    let end = origin.offset.saturating_add(u64::from(origin.length));
    if end > size {
        return Err(Missing::Changed);
    }
    let bytes = read_range(remote, &file, origin.offset..end).map_err(failed)?;
    if xxh3_64(&bytes) == origin.hash {
        Ok(bytes)
    } else {
        Err(Missing::Changed)
    }
}
