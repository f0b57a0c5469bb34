//! The real file system: which files the user's words name, and their bytes.
//!
//! Symbolic links are followed and a path is kept as typed; directories are walked with a loop guard. Pipes, sockets and devices are
//! refused: opening one could wait for ever, and it has no size to resume from.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use super::SpecError;
use super::rotation::stem;
use super::tail::{Disk, Listing, Stat};

/// Deeper directories are not walked.
const DEPTH: usize = 16;
/// What is read of a directory.
const EXTENSIONS: [&str; 4] = ["jsonl", "ndjson", "json", "log"];

/// One thing the user named.
enum Root {
    File(PathBuf),
    Directory(PathBuf),
    Glob { base: PathBuf, matcher: GlobMatcher },
}

/// The files of a run.
pub(super) struct Files {
    roots: Vec<Root>,
    /// The path behind every uri: a path whose bytes are no UTF-8 has no exact uri.
    paths: HashMap<String, PathBuf>,
    /// Where files may come and go.
    directories: BTreeSet<PathBuf>,
}

impl Files {
    /// Checks what the user named.
    pub(super) fn new(specs: &[PathBuf]) -> Result<Self, SpecError> {
        let roots = specs.iter().map(|path| root(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            roots,
            paths: HashMap::new(),
            directories: BTreeSet::new(),
        })
    }

    /// A directory or pattern that names no file now.
    pub(super) fn first_empty(&self) -> Option<String> {
        let name = |root: &Root| match root {
            Root::File(path) | Root::Directory(path) => path.display().to_string(),
            Root::Glob { matcher, .. } => matcher.glob().glob().to_owned(),
        };
        let is_empty = |root: &&Root| {
            let mut found = Found::default();
            found.look_in(root);
            found.files.is_empty() && found.problems.is_empty()
        };
        self.roots.iter().find(is_empty).map(name)
    }

    /// The directories to watch, as of the last listing.
    pub(super) fn directories(&self) -> &BTreeSet<PathBuf> {
        &self.directories
    }
}

fn root(path: &Path) -> Result<Root, SpecError> {
    let shown = path.display();
    let text = path.to_str();
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(Root::Directory(path.to_owned())),
        Ok(meta) if meta.is_file() => {
            // A denied permission is said at once, not in the middle of a run.
            File::open(path).map_err(|error| SpecError::new(format!("{shown}: {error}"), "check the file's permissions"))?;
            Ok(Root::File(path.to_owned()))
        }
        Ok(meta) => {
            let kind = if meta.file_type().is_fifo() {
                "a pipe"
            } else {
                "not a regular file"
            };
            Err(SpecError::new(
                format!("{shown} is {kind}"),
                format!("pass it through standard input: spanscope - < {shown}"),
            ))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && text.is_some_and(|text| text.contains(['*', '?', '[', '{'])) => {
            let text = text.unwrap_or_default();
            let glob = GlobBuilder::new(text).literal_separator(true).build().map_err(|error| {
                SpecError::new(
                    format!("{shown}: {}", error.kind()),
                    "check the pattern, or quote it so that the shell expands it",
                )
            })?;
            Ok(Root::Glob {
                base: glob_base(path),
                matcher: glob.compile_matcher(),
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SpecError::new(
            format!("{shown}: no such file or directory"),
            "check the path; to wait for a file that does not exist yet, name its directory",
        )),
        Err(error) => Err(SpecError::new(format!("{shown}: {error}"), "check the path and its permissions")),
    }
}

/// The part of a pattern before its first wildcard.
fn glob_base(pattern: &Path) -> PathBuf {
    let plain = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let base: PathBuf = pattern.components().take_while(plain).collect();
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
}

impl Disk for Files {
    type File = File;

    fn list(&mut self) -> Listing {
        let mut found = Found::default();
        for root in &self.roots {
            found.look_in(root);
        }
        let mut listing = Listing {
            problems: found.problems,
            ..Listing::default()
        };
        self.paths.clear();
        for (path, stat) in siblings(&self.roots) {
            let uri = path.to_string_lossy().into_owned();
            self.paths.insert(uri.clone(), path);
            listing.siblings.push((uri, stat));
        }
        for (path, stat) in found.files {
            let uri = path.to_string_lossy().into_owned();
            self.paths.insert(uri.clone(), path);
            listing.files.push((uri, stat));
        }
        listing.files.sort_by(|a, b| a.0.cmp(&b.0));
        self.directories = found.directories;
        listing
    }

    fn open(&mut self, uri: &str) -> io::Result<File> {
        let path = self.paths.get(uri).ok_or(io::ErrorKind::NotFound)?;
        // Should it have become a pipe since it was listed, opening must not wait for a writer.
        let nonblock = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(nonblock).open(path)
    }

    fn stat(&mut self, file: &File) -> io::Result<Stat> {
        stat(&file.metadata()?)
    }

    fn read_at(&mut self, file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }

    fn stream(&mut self, file: &File) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(FromStart {
            file: file.try_clone()?,
            at: 0,
        }))
    }
}

/// Reads a file from its start without moving the position that its handles share.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// What rotation may have made of the files that were named one by one. Each directory is read once.
fn siblings(roots: &[Root]) -> BTreeMap<PathBuf, Stat> {
    let mut named: HashMap<PathBuf, BTreeSet<String>> = HashMap::new();
    for root in roots {
        if let Root::File(path) = root
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            named.entry(parent(path)).or_default().insert(name.to_owned());
        }
    }
    let mut found = BTreeMap::new();
    for (directory, names) in named {
        // The directory's own trouble shows at the file itself.
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let other = entry.file_name();
            let Some(other) = other.to_str() else { continue };
            let first = stem(other);
            if first != other
                && names.contains(first)
                && let Ok(stat) = entry.path().metadata().and_then(|meta| stat(&meta))
            {
                let typed = directory.strip_prefix(".").map_or(directory.clone(), Path::to_owned);
                found.insert(typed.join(other), stat);
            }
        }
    }
    found
}

/// Is it read when its directory is?
pub(super) fn is_log(path: &Path) -> bool {
    Path::new(stem(&path.to_string_lossy()))
        .extension()
        .is_some_and(|end| EXTENSIONS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

fn stat(meta: &Metadata) -> io::Result<Stat> {
    if !meta.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let modified = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Ok(Stat {
        device: meta.dev(),
        inode: meta.ino(),
        size: meta.len(),
        modified,
    })
}

fn parent(path: &Path) -> PathBuf {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_owned()
}

/// What one listing found.
#[derive(Default)]
struct Found {
    files: BTreeMap<PathBuf, Stat>,
    directories: BTreeSet<PathBuf>,
    problems: Vec<(String, String)>,
}

impl Found {
    fn look_in(&mut self, root: &Root) {
        match root {
            Root::File(path) => {
                self.directories.insert(parent(path));
                self.take(path.clone(), std::fs::metadata(path));
            }
            Root::Directory(path) => self.walk(path, |path, hidden| !hidden && is_log(path)),
            Root::Glob { base, matcher } => self.walk(base, |path, _| matcher.is_match(path)),
        }
    }

    fn take(&mut self, path: PathBuf, meta: io::Result<Metadata>) {
        match meta.and_then(|meta| stat(&meta)) {
            Ok(stat) => {
                self.files.insert(path, stat);
            }
            Err(error) => self.problems.push((path.to_string_lossy().into_owned(), error.to_string())),
        }
    }

    fn walk(&mut self, base: &Path, wanted: impl Fn(&Path, bool) -> bool) {
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().first() == Some(&b'.');
        let walk = WalkDir::new(base).follow_links(true).max_depth(DEPTH).into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !entry.file_type().is_dir() || !hidden(entry.file_name())) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {
                    self.directories.insert(entry.into_path());
                }
                Ok(entry) => {
                    // `.` is where a bare pattern is looked for, not a part of the path as typed.
                    let path = if base == Path::new(".") {
                        entry.path().strip_prefix(".").unwrap_or(entry.path())
                    } else {
                        entry.path()
                    };
                    let typed = if wanted(path, hidden(entry.file_name())) {
                        Some(path)
                    } else {
                        None
                    };
                    let typed = typed.or_else(|| wanted(entry.path(), hidden(entry.file_name())).then_some(entry.path()));
                    if let Some(path) = typed.filter(|_| entry.file_type().is_file()) {
                        let path = path.to_owned();
                        self.take(path, entry.metadata().map_err(io::Error::from));
                    }
                }
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().unwrap_or(base).to_string_lossy().into_owned();
                    let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
                    self.problems.push((path, why));
                }
            }
        }
    }
}
