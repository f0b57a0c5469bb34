//! Reading real files and streams. Every wait is on the channel and has a deadline.
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crossbeam_channel::{bounded, unbounded};

use super::*;
use crate::model::span::{Origin, StartFrom};
use crate::sources::{parse_spec, read_line};

const DEADLINE: Duration = Duration::from_secs(20);

struct Run {
    events: Receiver<Event>,
    sources: Option<Sources>,
    progress: Progress,
}

impl Run {
    fn start(specs: &[&str], follow: bool, known: Vec<Resume>) -> Self {
        let (sender, events) = bounded(2);
        let specs = specs.iter().map(|spec| parse_spec(spec).unwrap()).collect();
        let sources = spawn(specs, Options { known, ..options(follow) }, sender).unwrap();
        Self {
            events,
            sources: Some(sources),
            progress: Progress::default(),
        }
    }

    /// Takes blocks until all these lines came, and checks that nothing else did.
    fn expect(&mut self, lines: &[&str]) -> Vec<Block> {
        let mut missing: Vec<&str> = lines.to_vec();
        let mut blocks = Vec::new();
        while !missing.is_empty() {
            match self
                .events
                .recv_timeout(DEADLINE)
                .unwrap_or_else(|_| panic!("{missing:?} did not come; {:?}", self.progress))
            {
                Event::Block(block) => {
                    for line in String::from_utf8(block.bytes.clone()).unwrap().lines() {
                        let at = missing
                            .iter()
                            .position(|other| *other == line)
                            .unwrap_or_else(|| panic!("{line} came uncalled for"));
                        missing.remove(at);
                    }
                    blocks.push(block);
                }
                Event::Progress(progress) => self.progress = progress,
            }
        }
        blocks
    }

    fn until(&mut self, condition: impl Fn(&Progress) -> bool) {
        while !condition(&self.progress) {
            match self
                .events
                .recv_timeout(DEADLINE)
                .unwrap_or_else(|_| panic!("waited in vain: {:?}", self.progress))
            {
                Event::Block(block) => panic!("{block:?} came uncalled for"),
                Event::Progress(progress) => self.progress = progress,
            }
        }
    }

    fn end(mut self) {
        let mut sources = self.sources.take().unwrap();
        sources.stop();
        sources.join();
    }
}

fn options(follow: bool) -> Options {
    Options {
        follow,
        dialect: None,
        known: Vec::new(),
        next_id: 1,
        block_bytes: 8 << 20,
        poll: Duration::from_millis(250),
        spool: None,
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn headless_reads_a_directory_to_its_end_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("a.jsonl"), "a1\na2\n");
    fs::create_dir(dir.path().join("deep")).unwrap();
    append(&dir.path().join("deep/b.LOG"), "b1\n{\"last\":1}");
    append(&dir.path().join("deep/c.ndjson"), "c1\nhalf");
    append(&dir.path().join(".hidden.jsonl"), "no\n");
    append(&dir.path().join("notes.txt"), "no\n");
    std::os::unix::fs::symlink(dir.path(), dir.path().join("deep/loop")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("a.jsonl"), dir.path().join("again.jsonl")).unwrap();
    let mut run = Run::start(&[dir.path().to_str().unwrap()], false, Vec::new());
    run.expect(&["a1", "a2", "b1", "{\"last\":1}", "c1"]);
    run.until(|progress| progress.ended);
    assert_eq!((run.progress.pending, run.progress.inputs, run.progress.following), (4, 3, false));
    assert_eq!(run.progress.history_done, run.progress.history_total);
    assert_eq!(run.progress.problems, []);
    run.sources.take().unwrap().join();
}

#[test]
fn appended_lines_new_files_rotation_and_truncation_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    append(&path, "old\n");
    let mut run = Run::start(&[&format!("{}/*.jsonl", dir.path().display())], true, Vec::new());
    let old = run.expect(&["old"]);
    assert_eq!(old[0].fallback, (old[0].source.file_time, StartFrom::File));
    append(&path, "one\ntw");
    let live = run.expect(&["one"]);
    assert_eq!(live[0].fallback.1, StartFrom::Arrival);
    run.until(|progress| progress.pending == 2);
    append(&path, "o\n");
    run.expect(&["two"]);

    append(&dir.path().join("new.jsonl"), "new\n");
    let new = run.expect(&["new"]);
    assert_ne!(new[0].source.id, old[0].source.id);

    fs::rename(&path, dir.path().join("app.jsonl.1")).unwrap();
    append(&dir.path().join("app.jsonl.1"), "late\n");
    append(&path, "fresh\n");
    let both = run.expect(&["late", "fresh"]);
    let late = both.iter().find(|block| block.bytes == b"late\n").unwrap();
    assert_eq!((late.source.id, late.source.generation, late.offset), (old[0].source.id, 0, 12));

    fs::write(dir.path().join("new.jsonl"), "other, and longer than before\n").unwrap();
    let again = run.expect(&["other, and longer than before"]);
    assert_eq!(
        (again[0].source.id, again[0].source.generation, again[0].offset),
        (new[0].source.id, 1, 0)
    );
    run.end();
}

#[test]
fn a_restart_goes_on_where_the_store_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    append(&path, "one\ntwo\n");
    let mut run = Run::start(&[path.to_str().unwrap()], true, Vec::new());
    let block = run.expect(&["one", "two"]).remove(0);
    run.end();
    let known = vec![Resume {
        info: (*block.source).clone(),
        identity: block.identity,
        covered: std::iter::once(block.range()).collect(),
    }];
    append(&path, "three\n");
    let mut run = Run::start(&[path.to_str().unwrap()], false, known);
    let more = run.expect(&["three"]);
    assert_eq!(*more[0].source, *block.source);
    run.until(|progress| progress.ended);
}

#[test]
fn a_full_channel_makes_us_wait_and_stopping_ends_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    append(&path, &"line\n".repeat(1000));
    let (sender, events) = bounded(1);
    let spec = parse_spec(path.to_str().unwrap()).unwrap();
    let mut sources = spawn(
        vec![spec],
        Options {
            block_bytes: 50,
            ..options(true)
        },
        sender,
    )
    .unwrap();
    assert!(matches!(events.recv_timeout(DEADLINE), Ok(Event::Block(_))));
    sources.stop();
    // Joining would wait for ever if it did not notice.
    sources.join();
}

#[test]
fn wrong_names_are_said_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let start = |name: &str, follow| {
        let spec = parse_spec(&format!("{}/{name}", dir.path().display())).unwrap();
        spawn(vec![spec], options(follow), unbounded().0)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(
        start("none.jsonl", true)
            .unwrap_err()
            .contains("no such file or directory: check the path")
    );
    assert!(start("*.jsonl", false).unwrap_err().contains("no files match"));
    assert!(start("", false).unwrap_err().contains("no files match"));
    assert!(start("*.jsonl", true).is_ok(), "files may still come");
    assert!(start("[a-*.jsonl", true).is_err());
    let socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket")).unwrap();
    assert!(start("socket", true).unwrap_err().contains("standard input"));
    drop(socket);
}

#[test]
fn a_file_that_cannot_be_read_is_reported_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join("app.jsonl");
    std::os::unix::fs::symlink(dir.path().join("target"), &link).unwrap();
    let mut run = Run::start(&[dir.path().to_str().unwrap()], true, Vec::new());
    run.until(|progress| {
        progress
            .problems
            .iter()
            .any(|(path, why)| path.ends_with("app.jsonl") && !why.is_empty())
    });
    append(&dir.path().join("target"), "here\n");
    run.expect(&["here"]);
    run.until(|progress| progress.problems.is_empty());
    run.end();
}

/// A pipe that a test writes to.
struct Pipe(Receiver<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Ok(bytes) = self.0.recv() else { return Ok(0) };
        buffer[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[test]
fn standard_input_flows_ends_and_is_spooled() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("stdin");
    let (input, pipe) = bounded(0);
    let (sender, events) = bounded(2);
    let before = SourceInfo {
        id: 4,
        uri: "-".into(),
        device: 0,
        inode: 0,
        generation: 2,
        file_time: 0,
        order: Order::Ordered,
    };
    let known = vec![Resume {
        info: before,
        identity: crate::model::record::Identity::default(),
        covered: Vec::new(),
    }];
    let options = Options {
        spool: Some(spool.clone()),
        known,
        ..options(true)
    };
    let sources = spawn_with(vec![Spec::Stdin], options, sender, Box::new(Pipe(pipe))).unwrap();
    let mut run = Run {
        events,
        sources: Some(sources),
        progress: Progress::default(),
    };
    input.send(b"one\ntw".to_vec()).unwrap();
    let one = run.expect(&["one"]).remove(0);
    assert_eq!((one.source.id, one.source.generation, one.fallback.1), (4, 3, StartFrom::Arrival));
    run.until(|progress| progress.pending == 2 && progress.following && !progress.ended);
    input.send(b"o\nlast".to_vec()).unwrap();
    drop(input);
    let rest = run.expect(&["two", "last"]);
    assert_eq!(rest.iter().map(|block| block.offset).min(), Some(4));
    run.until(|progress| progress.ended && !progress.following);
    run.sources.take().unwrap().join();
    assert_eq!(fs::metadata(&spool).unwrap().permissions().mode() & 0o777, 0o600);
    let origin = Origin {
        source: 4,
        generation: 3,
        offset: 4,
        length: 3,
        ordinal: 0,
        hash: xxhash_rust::xxh3::xxh3_64(b"two"),
    };
    assert_eq!(read_line(spool.to_str().unwrap(), &one.source, &origin).unwrap(), b"two");
}

#[test]
fn a_line_too_long_for_memory_is_known_by_its_ends_and_the_next_line_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    append(&path, "first\n{");
    let long = 48 << 20;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    // A hole costs no disk: the line is made of NUL bytes.
    file.set_len(6 + long).unwrap();
    append(&path, "}\nlast\n");
    let bytes = fs::read(&path).unwrap();
    for spec in ["-", path.to_str().unwrap()] {
        let (sender, events) = unbounded();
        let input = Box::new(io::Cursor::new(bytes.clone()));
        spawn_with(vec![parse_spec(spec).unwrap()], options(false), sender, input)
            .unwrap()
            .join();
        let mut blocks: Vec<Block> = events
            .into_iter()
            .filter_map(|event| if let Event::Block(block) = event { Some(block) } else { None })
            .collect();
        blocks.sort_by_key(|block| block.offset);
        let ranges: Vec<(u64, u64)> = blocks.iter().map(|block| (block.range().start, block.range().end)).collect();
        assert_eq!(ranges, [(0, 6), (6, 6 + long + 2), (8 + long, 13 + long)], "{spec}");
        assert!(blocks[1].omitted > 0 && blocks[1].bytes.len() < 3 << 20);
        assert!(blocks[1].bytes.starts_with(b"{\0") && blocks[1].bytes.ends_with(b"\0}\n"));
        let batch = crate::formats::parse(&blocks[1]);
        assert_eq!((batch.tally.lines, batch.tally.rejects["line too long"]), (1, 1));
        assert_eq!(batch.range, blocks[1].range());
    }
}
