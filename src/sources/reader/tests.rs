//! Reading real files and streams. Every wait is on the channel and has a deadline.
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crossbeam_channel::{bounded, unbounded};

use super::*;
use crate::model::framing::Framing;
use crate::model::span::{Origin, StartFrom};
use crate::model::turn::Turn;
use crate::sources::{parse_spec, read_line};

const DEADLINE: Duration = Duration::from_secs(20);

struct Run {
    events: Receiver<Event>,
    sources: Option<Sources>,
    progress: Progress,
    /// How often progress was told.
    told: u32,
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
            told: 0,
        }
    }

    fn hear(&mut self, progress: Progress) {
        self.told += 1;
        self.progress = progress;
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
                Event::Progress(progress) => self.hear(progress),
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
                Event::Progress(progress) => self.hear(progress),
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
        since: None,
        floors: Arc::default(),
        poll: Duration::from_millis(250),
        spool: None,
        ssh: vec!["ssh".into()],
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

/// Each line changes size and time of its file. Whoever listens is told ten times a second, and the last of it always.
#[test]
fn progress_is_told_in_measure_and_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    let mut run = Run::start(&[dir.path().to_str().unwrap()], true, Vec::new());
    run.until(|progress| progress.following);
    let began = Instant::now();
    let mut length = 0;
    for number in 0..60 {
        let line = format!("line {number}");
        append(&path, &format!("{line}\n"));
        length += line.len() as u64 + 1;
        run.expect(&[&line]);
    }
    let most = began.elapsed().as_millis() / REPORT.as_millis() + 2;
    assert!(
        u128::from(run.told) <= most,
        "told {} times, at most {most} in {:?}",
        run.told,
        began.elapsed()
    );
    run.until(|progress| progress.sources.iter().any(|source| source.size == length && source.remaining == 0));
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
        told: 0,
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

#[test]
fn a_hole_in_front_of_a_line_does_not_hide_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    append(&path, "first\n");
    // A writer that does not append goes on where it was when somebody else truncated its file.
    let hole = 80 << 20;
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(6 + hole).unwrap();
    append(&path, "{\"n\":2}\nlast\n");
    let (blocks, progress) = read_all(&[path.to_str().unwrap()], Vec::new());
    assert_eq!((progress.history_done, progress.history_total), (19 + hole, 19 + hole));
    let mut batches: Vec<_> = blocks.iter().map(crate::formats::parse).collect();
    batches.sort_by_key(|batch| batch.range.start);
    let ranges: Vec<_> = batches.iter().map(|batch| batch.range.clone()).collect();
    assert_eq!(ranges, [0..6, 6..6 + hole, 6 + hole..14 + hole, 14 + hole..19 + hole]);
    assert_eq!(batches[1].tally.rejects["NUL bytes"], 1);
    assert_eq!(batches[1].rejects[0].detail, format!("{hole} bytes"));
    assert_eq!(
        (batches[2].tally.lines, batches[2].tally.other),
        (1, 1),
        "the line behind it is read"
    );
    let mut run = Run::start(&[path.to_str().unwrap()], true, resume_of(&blocks));
    append(&path, "more\n");
    run.expect(&["more"]);
    file.set_len(24 + 2 * hole).unwrap();
    append(&path, "behind\n");
    let live = loop {
        match run.events.recv_timeout(DEADLINE).unwrap() {
            Event::Block(block) if block.bytes.ends_with(b"behind\n") => break block,
            Event::Block(_) | Event::Progress(_) => {}
        }
    };
    assert_eq!((live.bytes.as_slice(), live.offset), (b"behind\n".as_slice(), 24 + 2 * hole));
    run.end();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Lines that no other file has.
fn log(name: &str, lines: std::ops::Range<u32>) -> String {
    lines.map(|line| format!("{{\"of\":\"{name}\",\"line\":{line}}}\n")).collect()
}

fn read_all(specs: &[&str], known: Vec<Resume>) -> (Vec<Block>, Progress) {
    let (sender, events) = unbounded();
    let specs = specs.iter().map(|spec| parse_spec(spec).unwrap()).collect();
    let next_id = known.iter().map(|resume| resume.info.id + 1).max().unwrap_or(1);
    let options = Options {
        known,
        next_id,
        block_bytes: 64,
        ..options(false)
    };
    spawn(specs, options, sender).unwrap().join();
    let (mut blocks, mut last) = (Vec::new(), Progress::default());
    for event in events {
        match event {
            Event::Block(block) => blocks.push(block),
            Event::Progress(progress) => last = progress,
        }
    }
    (blocks, last)
}

fn lines_of(blocks: &[Block]) -> String {
    let mut lines: Vec<&str> = blocks
        .iter()
        .flat_map(|block| std::str::from_utf8(&block.bytes).unwrap().split_inclusive('\n'))
        .collect();
    lines.sort_by_key(|line| (line.len(), *line));
    lines.concat()
}

/// What a store would remember of these blocks.
fn resume_of(blocks: &[Block]) -> Vec<Resume> {
    let mut known: Vec<Resume> = Vec::new();
    for block in blocks {
        let key = (block.source.id, block.source.generation);
        let at = known.iter().position(|resume| (resume.info.id, resume.info.generation) == key);
        let at = at.unwrap_or_else(|| {
            known.push(Resume {
                info: (*block.source).clone(),
                identity: block.identity,
                covered: Vec::new(),
            });
            known.len() - 1
        });
        let resume = &mut known[at];
        if block.identity.anchor_end >= resume.identity.anchor_end {
            resume.identity = block.identity;
        }
        resume.covered.push(block.range());
        resume.covered.sort_by_key(|range| range.start);
        resume.covered.dedup_by(|later, earlier| {
            let touches = earlier.end == later.start;
            if touches {
                earlier.end = later.end;
            }
            touches
        });
    }
    known
}

#[test]
fn compressed_files_are_read_forward_with_all_their_members() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (log("a", 1..40), log("a", 40..90));
    fs::write(dir.path().join("a.jsonl.gz"), [gzip(one.as_bytes()), gzip(two.as_bytes())].concat()).unwrap();
    fs::write(dir.path().join("b.log.1.zst"), [zstd(b"b1\n"), zstd(b"b2\nb3")].concat()).unwrap();
    fs::write(dir.path().join("c.txt.gz"), gzip(b"no\n")).unwrap();
    let (blocks, progress) = read_all(&[dir.path().to_str().unwrap()], Vec::new());
    assert_eq!(progress.problems, []);
    let (a, b): (Vec<Block>, Vec<Block>) = blocks.into_iter().partition(|block| block.source.uri.ends_with("a.jsonl.gz"));
    assert_eq!(lines_of(&a), one + &two);
    assert!(
        a.len() > 5 && a.windows(2).all(|pair| pair[0].range().end == pair[1].offset),
        "forward, in blocks"
    );
    assert_eq!(b.iter().flat_map(|block| block.bytes.clone()).collect::<Vec<u8>>(), b"b1\nb2\nb3");
    assert_eq!(b[0].source.order, Order::Ordered);
    assert!(progress.history_done > 0 && progress.history_done == progress.history_total);

    let half = a.len() / 2;
    let (rest, _) = read_all(&[dir.path().join("a.jsonl.gz").to_str().unwrap()], resume_of(&a[..half]));
    assert_eq!(
        rest.iter().map(Block::range).collect::<Vec<_>>(),
        a[half..].iter().map(Block::range).collect::<Vec<_>>()
    );
    assert_eq!(rest[0].source.id, a[0].source.id, "a restart goes on in the middle");
    let (none, _) = read_all(&[dir.path().join("a.jsonl.gz").to_str().unwrap()], resume_of(&a));
    assert_eq!(none.len(), 0);
}

/// Which turn a line of a conversation belongs to does not depend on where reading began.
#[test]
fn blocks_of_a_conversation_know_their_turn() {
    let line = |n: u32| match n % 7 {
        0 => {
            format!("{{\"type\":\"user\",\"uuid\":\"u{n}\",\"sessionId\":\"s\",\"message\":{{\"role\":\"user\",\"content\":\"Ask.\"}}}}\n")
        }
        _ => format!(
            "{{\"type\":\"assistant\",\"uuid\":\"a{n}\",\"sessionId\":\"s\",\"message\":{{\"role\":\"assistant\",\"content\":[]}}}}\n"
        ),
    };
    let text: String = (0..60).map(line).collect();
    let turn_at = |end: usize| {
        let mut turn = Turn::default();
        turn.pass(&text.as_bytes()[..end]);
        turn.id
    };
    let check = |blocks: &[Block]| {
        assert!(blocks.len() > 5);
        for block in blocks {
            assert_eq!(block.framing, Framing::Conversation);
            assert_eq!(block.turn.id, turn_at(block.offset as usize), "at {}", block.offset);
        }
    };
    let dir = tempfile::tempdir().unwrap();
    let (plain, packed) = (dir.path().join("a.jsonl"), dir.path().join("b.jsonl.gz"));
    fs::write(&plain, &text).unwrap();
    fs::write(&packed, gzip(text.as_bytes())).unwrap();
    for path in [&plain, &packed] {
        let path = path.to_str().unwrap();
        let (blocks, _) = read_all(&[path], Vec::new());
        check(&blocks);
        // A restart goes on in the middle of a turn.
        let (rest, _) = read_all(&[path], resume_of(&blocks[..17]));
        assert_eq!(rest.len(), blocks.len() - 17);
        check(&rest);
    }
    let mut run = Run::start(&[plain.to_str().unwrap()], true, Vec::new());
    let lines: Vec<&str> = text.lines().collect();
    run.expect(&lines);
    for n in 0..3 {
        let more = line(61 + n);
        append(&plain, &more);
        let blocks = run.expect(&[more.trim_end()]);
        assert_eq!(blocks[0].turn.id, "u56", "lines that are written later go on with it");
    }
    run.end();
}

#[test]
fn older_files_are_read_after_a_compressed_one() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("app.jsonl.1"), &log("a", 0..9));
    fs::write(dir.path().join("app.jsonl.2.gz"), gzip(log("b", 0..9).as_bytes())).unwrap();
    let (blocks, progress) = read_all(&[dir.path().to_str().unwrap()], Vec::new());
    let mut lines: Vec<String> = lines_of(&blocks).lines().map(str::to_owned).collect();
    lines.sort_unstable();
    let all = log("a", 0..9) + &log("b", 0..9);
    assert_eq!(lines, all.lines().collect::<Vec<_>>());
    assert_eq!(progress.history_done, progress.history_total);
}

#[test]
fn a_log_that_was_rotated_and_compressed_since_is_read_on_where_the_store_stopped() {
    for pack in [gzip, zstd] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.jsonl");
        fs::write(&path, log("old", 1..30)).unwrap();
        let spec = path.to_str().unwrap();
        let (first, _) = read_all(&[spec], Vec::new());
        let known = resume_of(&first);
        // Twice rotated while nobody looked; another old file was there all the time, with the same first lines.
        fs::write(dir.path().join("app.jsonl.2.gz"), pack(log("old", 1..60).as_bytes())).unwrap();
        fs::write(dir.path().join("app.jsonl.1"), log("middle", 1..20)).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, log("new", 1..5)).unwrap();
        let (second, progress) = read_all(&[spec], known.clone());
        assert_eq!(progress.problems, []);
        let expected = [log("new", 1..5), log("old", 30..60), log("middle", 1..20)].concat();
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&lines_of(&second)), sorted(&expected));
        let old = second.iter().find(|block| block.source.order == Order::Ordered).unwrap();
        assert_eq!(old.source.id, known[0].info.id, "the same source, compressed since");
    }
}

#[test]
fn what_was_rotated_before_the_first_look_is_not_asked_for_by_its_first_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    fs::write(dir.path().join("app.jsonl.1"), log("before", 1..20)).unwrap();
    fs::write(dir.path().join("app.jsonl.2.gz"), gzip(log("long before", 1..20).as_bytes())).unwrap();
    fs::write(&path, log("now", 1..5)).unwrap();
    let (blocks, _) = read_all(&[path.to_str().unwrap()], Vec::new());
    assert_eq!(lines_of(&blocks), log("now", 1..5));
    let (blocks, _) = read_all(&[dir.path().to_str().unwrap()], Vec::new());
    assert_eq!(lines_of(&blocks).lines().count(), 4 + 19 + 19, "the directory names them all");
}

#[test]
fn a_copy_beside_its_original_is_no_second_log_but_another_log_with_the_same_beginning_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = log("a", 1..200);
    fs::write(dir.path().join("a.jsonl"), &text).unwrap();
    fs::write(dir.path().join("a.jsonl.1"), &text).unwrap();
    fs::write(dir.path().join("a.jsonl.2.gz"), gzip(text.as_bytes())).unwrap();
    let other = text.clone() + &log("other", 1..3);
    fs::write(dir.path().join("a.jsonl.3.zst"), zstd(other.as_bytes())).unwrap();
    fs::write(dir.path().join("b.jsonl"), &text).unwrap();
    let (blocks, progress) = read_all(&[dir.path().to_str().unwrap()], Vec::new());
    assert_eq!(progress.problems, []);
    let mut uris: Vec<&str> = blocks.iter().map(|block| block.source.uri.rsplit('/').next().unwrap()).collect();
    uris.sort_unstable();
    uris.dedup();
    assert_eq!(uris, ["a.jsonl", "a.jsonl.3.zst", "b.jsonl"]);
    assert_eq!(lines_of(&blocks).lines().count(), 199 + 201 + 199);
}

#[test]
fn copytruncate_loses_no_line_that_the_copy_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    append(&path, &log("a", 1..20));
    let mut run = Run::start(&[path.to_str().unwrap()], true, Vec::new());
    let first = log("a", 1..20);
    run.expect(&first.lines().collect::<Vec<_>>());
    // Between two looks: more lines, the copy, the truncation, and new lines.
    append(&path, &log("a", 20..30));
    fs::copy(&path, dir.path().join("app.jsonl.1")).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    append(&path, &log("b", 1..3));
    let rest = [log("a", 20..30), log("b", 1..3)].concat();
    run.expect(&rest.lines().collect::<Vec<_>>());
    run.end();
}

#[test]
fn a_file_made_and_rotated_between_two_looks_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.jsonl");
    append(&path, &log("first", 1..3));
    let mut run = Run::start(&[path.to_str().unwrap()], true, Vec::new());
    run.expect(&log("first", 1..3).lines().collect::<Vec<_>>());
    for (older, newer) in [(1, 2), (0, 1)] {
        let name = |number: u32| {
            if number == 0 {
                path.clone()
            } else {
                dir.path().join(format!("app.jsonl.{number}"))
            }
        };
        if name(older).exists() {
            fs::rename(name(older), name(newer)).unwrap();
        }
    }
    append(&path, &log("second", 1..4));
    fs::rename(dir.path().join("app.jsonl.1"), dir.path().join("app.jsonl.2")).unwrap();
    fs::rename(&path, dir.path().join("app.jsonl.1")).unwrap();
    append(&path, &log("third", 1..2));
    let rest = [log("second", 1..4), log("third", 1..2)].concat();
    run.expect(&rest.lines().collect::<Vec<_>>());
    // It is compressed as rotation does, and stays the same log.
    fs::write(dir.path().join("app.jsonl.1.gz"), gzip(log("second", 1..4).as_bytes())).unwrap();
    fs::remove_file(dir.path().join("app.jsonl.1")).unwrap();
    append(&path, &log("third", 2..3));
    run.expect(&log("third", 2..3).lines().collect::<Vec<_>>());
    run.until(|progress| progress.history_done == progress.history_total && progress.problems.is_empty());
    run.end();
}

#[test]
fn what_cannot_be_expanded_is_said_and_what_came_before_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let packed = gzip(log("a", 1..2_000).as_bytes());
    fs::write(dir.path().join("cut.jsonl.gz"), &packed[..packed.len() / 2]).unwrap();
    fs::write(
        dir.path().join("junk.jsonl.gz"),
        [gzip(b"j1\n"), b"trailing junk".to_vec()].concat(),
    )
    .unwrap();
    fs::write(dir.path().join("bomb.jsonl.zst"), zstd(&vec![b'x'; 256 << 20])).unwrap();
    let (blocks, progress) = read_all(&[dir.path().to_str().unwrap()], Vec::new());
    let mut problems: Vec<(&str, &str)> = progress
        .problems
        .iter()
        .map(|(path, why)| (path.rsplit('/').next().unwrap(), why.as_str()))
        .collect();
    problems.sort_unstable();
    assert_eq!(
        problems.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        ["bomb.jsonl.zst", "cut.jsonl.gz", "junk.jsonl.gz"]
    );
    assert!(problems[0].1.starts_with("expands more than 250 times"), "{problems:?}");
    let lines = lines_of(&blocks);
    assert!(lines.contains("j1\n") && lines.lines().count() > 100, "{}", lines.lines().count());
    assert!(log("a", 1..2_000).starts_with(&lines.replace("j1\n", "").split_inclusive('\n').next().unwrap().to_owned()));
    assert!(blocks.iter().all(|block| block.bytes.ends_with(b"\n")), "no half line");
}

#[test]
fn a_file_that_is_still_being_compressed_is_read_once_it_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let text = log("a", 1..3_000);
    let packed = gzip(text.as_bytes());
    let path = dir.path().join("a.jsonl.gz");
    fs::write(&path, &packed[..packed.len() / 3]).unwrap();
    let mut run = Run::start(&[dir.path().to_str().unwrap()], true, Vec::new());
    OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap()
        .write_all(&packed[packed.len() / 3..])
        .unwrap();
    run.expect(&text.lines().collect::<Vec<_>>());
    run.until(|progress| progress.problems.is_empty() && progress.history_done >= progress.history_total);
    run.end();
}
