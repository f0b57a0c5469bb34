#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crossbeam_channel::{bounded, unbounded};

use super::*;
use crate::sources::{Spec, parse_spec};

const DEADLINE: Duration = Duration::from_mins(1);

/// Time passes when somebody waits.
#[derive(Clone, Default)]
struct TestClock {
    now: Duration,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Clock for TestClock {
    fn now(&self) -> Duration {
        self.now
    }

    fn wait(&mut self, time: Duration, stopped: &Receiver<Infallible>) -> Result<(), Stopped> {
        self.now += time;
        self.waits.lock().unwrap().push(time);
        match stopped.try_recv() {
            Err(TryRecvError::Disconnected) => Err(Stopped),
            _ => Ok(()),
        }
    }
}

/// An ssh that runs the command here; what comes back breaks off after some bytes, other ones each time. It counts its calls.
fn dropping(dir: &Path, most: u32) -> Vec<String> {
    let script = format!(
        "while [ $# -gt 1 ]; do shift; done
         cd '{dir}'; n=$(cat count 2>/dev/null || echo 0); echo $((n + 1)) >count.new; mv count.new count
         left=$(( (n * 48271 + 4567) % {most} )); [ $((n % 3)) -eq 2 ] && left=$(( ({most} + left) / 2 )) || left=$((left % 12000))
         sh -c \"$1\" 2>/dev/null | {{ dd bs=64 count=$((left / 64)); dd bs=1 count=$((left % 64)); kill $$; }} 2>/dev/null",
        dir = dir.display()
    );
    ["/bin/sh", "-c", script.as_str(), "ssh"].map(str::to_owned).to_vec()
}

struct Run {
    events: Receiver<Event>,
    stop: Option<Sender<Infallible>>,
    thread: Option<std::thread::JoinHandle<()>>,
    waits: Arc<Mutex<Vec<Duration>>>,
    seen: HashMap<String, u32>,
    progress: Progress,
    blocks: Vec<crate::model::record::Block>,
}

impl Run {
    fn start(ssh: &[String], names: &[&str], follow: bool, known: &[Resume]) -> Self {
        Self::by_blocks(4096, ssh, names, follow, known)
    }

    fn by_blocks(block_bytes: usize, ssh: &[String], names: &[&str], follow: bool, known: &[Resume]) -> Self {
        let addresses = names
            .iter()
            .map(|name| match parse_spec(name).unwrap() {
                Spec::Remote(address) => address,
                other => panic!("{other:?}"),
            })
            .collect();
        let (out, events) = bounded(2);
        let (stop, stopped) = bounded(0);
        let around = Surroundings {
            ssh: ssh.to_vec().into(),
            rules: Rules {
                follow,
                dialect: None,
                block_bytes,
                since: None,
                floors: Arc::default(),
            },
            ids: Ids::from(1),
            board: Arc::new(Board::new(1, out.clone())),
            place: 0,
            beat: Duration::from_secs(1),
            out,
            stopped,
        };
        let clock = TestClock::default();
        let waits = Arc::clone(&clock.waits);
        let mut plans = plan(addresses).unwrap();
        assert_eq!(plans.len(), 1);
        let reader = RemoteReader::new(plans.remove(0), known, around, clock);
        let thread = std::thread::spawn(move || drop(reader.run()));
        Self {
            events,
            stop: Some(stop),
            thread: Some(thread),
            waits,
            seen: HashMap::new(),
            progress: Progress::default(),
            blocks: Vec::new(),
        }
    }

    /// Takes one event; `false` at the end.
    fn take(&mut self) -> bool {
        match self.events.recv_timeout(DEADLINE) {
            Ok(Event::Block(block)) => {
                assert!(block.bytes.ends_with(b"\n"), "whole lines");
                for line in String::from_utf8(block.bytes.clone()).unwrap().lines() {
                    *self.seen.entry(line.to_owned()).or_default() += 1;
                }
                self.blocks.push(block);
            }
            Ok(Event::Progress(progress)) => self.progress = progress,
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return false,
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => panic!("nothing comes: {:?}", self.progress),
        }
        true
    }

    fn end(mut self) {
        self.stop = None;
        self.thread.take().unwrap().join().unwrap();
    }
}

fn append(path: &Path, lines: std::ops::Range<u32>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text: String = lines.map(|line| format!("{{\"file\":\"{name}\",\"line\":{line}}}\n")).collect();
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

fn count(dir: &Path) -> u32 {
    fs::read_to_string(dir.join("count")).map_or(0, |text| text.trim().parse().unwrap_or(0))
}

#[test]
fn the_wait_doubles_to_a_minute_and_a_refusal_waits_a_minute_at_once() {
    let mut patience = Patience::default();
    let waits: Vec<u32> = (0..9).map(|_| patience.wait(Cause::Network)).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(Patience::default().wait(Cause::Refused), 60);
    assert_eq!(Patience { failures: u32::MAX }.wait(Cause::Network), 60);
}

#[test]
fn an_unreachable_host_is_told_with_its_reason_and_tried_again_with_patience() {
    let ssh = [
        "/bin/sh",
        "-c",
        "echo 'ssh: connect to host web port 22: Connection refused' >&2; exit 255",
    ]
    .map(str::to_owned);
    let mut run = Run::start(&ssh, &["ssh://web/a.jsonl", "ssh://web/logs"], true, &[]);
    assert!(run.take());
    assert!(run.progress.following && !run.progress.ended);
    let activities = |progress: &Progress| {
        progress
            .sources
            .iter()
            .map(|source| (source.uri.clone(), source.activity))
            .collect::<Vec<_>>()
    };
    let of = |activity| vec![("ssh://web/a.jsonl".to_owned(), activity), ("ssh://web/logs".to_owned(), activity)];
    assert_eq!(activities(&run.progress), of(Activity::Waiting));
    while run.waits.lock().unwrap().len() < 8 {
        assert!(run.take());
    }
    assert_eq!(activities(&run.progress), of(Activity::Failed));
    let (name, why) = run.progress.problems[0].clone();
    assert_eq!(name, "ssh://web");
    assert!(
        why.starts_with("ssh: connect to host web port 22: Connection refused; next try in "),
        "{why}"
    );
    let waits: Vec<u64> = run.waits.lock().unwrap().iter().take(8).map(Duration::as_secs).collect();
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    run.end();
}

#[test]
fn without_a_screen_a_host_is_given_up_in_bounded_time() {
    for (words, waits) in [
        ("ssh: connect to host web port 22: Connection refused", &[1, 2, 4][..]),
        ("ssh: Could not resolve hostname web: Name or service not known", &[]),
        ("me@web: Permission denied (publickey).", &[]),
    ] {
        let script = format!("echo '{words}' >&2; exit 255");
        let ssh = ["/bin/sh", "-c", script.as_str()].map(str::to_owned);
        let mut run = Run::start(&ssh, &["ssh://web/a.jsonl"], false, &[]);
        while run.take() {}
        assert!(run.progress.ended);
        let (name, why) = &run.progress.problems[0];
        assert!(
            name == "ssh://web/a.jsonl" && why.starts_with(words) && !why.contains("next try"),
            "{why}"
        );
        assert_eq!(run.waits.lock().unwrap().iter().map(Duration::as_secs).collect::<Vec<_>>(), waits);
    }
}

#[test]
fn without_a_screen_everything_is_read_over_a_connection_that_drops_and_what_is_not_there_is_said() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("a.jsonl"), 0..1_000);
    let ssh = dropping(dir.path(), 120_000);
    let mut run = Run::start(&ssh, &["ssh://web/~/a.jsonl", "ssh://web/~/none.jsonl"], false, &[]);
    while run.take() {}
    assert_eq!(run.seen.len(), 1_000);
    assert!(run.seen.values().all(|times| *times == 1));
    assert!(count(dir.path()) > 1, "the connection did drop");
    assert!(run.progress.ended);
    assert_eq!(
        run.progress.problems,
        [("ssh://web/~/none.jsonl".to_owned(), "no such file or directory".to_owned())]
    );
    assert_eq!(run.progress.history_done, run.progress.history_total);
}

#[test]
fn connections_that_never_last_for_a_whole_block_bring_smaller_ones() {
    let dir = tempfile::tempdir().unwrap();
    append(&dir.path().join("a.jsonl"), 0..50_000);
    let ssh = dropping(dir.path(), 300_000);
    let mut run = Run::by_blocks(1 << 20, &ssh, &["ssh://web/~/a.jsonl"], true, &[]);
    while run.seen.len() < 50_000 {
        assert!(run.take());
        assert!(count(dir.path()) < 500, "it gets nowhere: {:?}", run.progress);
    }
    assert!(run.seen.values().all(|times| *times == 1));
    run.end();
}

#[test]
fn files_that_did_not_change_are_not_read_again_after_each_of_many_short_connections() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    for number in 0..30 {
        append(&logs.join(format!("{number}.jsonl")), 0..1_500);
    }
    // Both ends of all files are more than any connection brings.
    let ssh = dropping(dir.path(), 150_000);
    let mut run = Run::by_blocks(1 << 20, &ssh, &["ssh://web/~/logs"], true, &[]);
    while run.seen.len() < 30 * 1_500 {
        assert!(run.take());
        assert!(count(dir.path()) < 300, "it gets nowhere: {:?}", run.progress.problems);
    }
    assert!(run.seen.values().all(|times| *times == 1));
    run.end();
}

#[test]
fn the_same_numbers_on_another_machine_are_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("a.jsonl");
    append(&path, 0..50);
    let here = ["/bin/sh", "-c", "while [ $# -gt 1 ]; do shift; done; exec sh -c \"$1\"", "ssh"].map(str::to_owned);
    let uri = format!("ssh://web{}", path.display());
    let mut first = Run::start(&here, &[&uri], false, &[]);
    while first.take() {}
    assert_eq!(first.seen.len(), 50);
    let newest = first.blocks.iter().max_by_key(|block| block.range().end).unwrap();
    let resume = Resume {
        info: (*newest.source).clone(),
        identity: newest.identity,
        covered: std::iter::once(0..newest.range().end).collect(),
    };
    assert_eq!(resume.info.uri, uri);
    let known = |uri: &str| Resume {
        info: crate::model::record::SourceInfo {
            uri: uri.to_owned(),
            ..resume.info.clone()
        },
        ..resume.clone()
    };
    for (known, lines) in [
        (known(&uri), 0),
        (known(&format!("ssh://db{}", path.display())), 50),
        (known(path.to_str().unwrap()), 50),
    ] {
        let mut run = Run::start(&here, &[&uri], false, std::slice::from_ref(&known));
        while run.take() {}
        assert_eq!(run.seen.len(), lines, "{}", known.info.uri);
    }
    // And the other way round: a local reader does not know a remote file.
    let (sender, events) = unbounded();
    let options = crate::sources::Options {
        follow: false,
        dialect: None,
        known: vec![known(&uri)],
        next_id: 9,
        block_bytes: 1 << 20,
        since: None,
        floors: Arc::default(),
        poll: Duration::from_millis(250),
        spool: None,
        ssh: here.to_vec(),
    };
    crate::sources::spawn(vec![parse_spec(path.to_str().unwrap()).unwrap()], options, sender)
        .unwrap()
        .join();
    let blocks: Vec<_> = events.iter().filter(|event| matches!(event, Event::Block(_))).collect();
    assert_eq!(blocks.len(), 1);
}

#[test]
fn a_raw_line_is_read_again_over_ssh_also_under_its_new_name_and_never_from_here() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    append(&path, 0..50);
    let here = ["/bin/sh", "-c", "while [ $# -gt 1 ]; do shift; done; exec sh -c \"$1\"", "ssh"].map(str::to_owned);
    let uri = format!("ssh://web{}", path.display());
    let mut run = Run::start(&here, &[&uri], false, &[]);
    while run.take() {}
    let text = fs::read_to_string(&path).unwrap();
    let line = text.lines().nth(7).unwrap();
    let origin = crate::model::span::Origin {
        offset: text.find(line).unwrap() as u64,
        length: line.len() as u32,
        hash: xxhash_rust::xxh3::xxh3_64(line.as_bytes()),
        ..Default::default()
    };
    let info = (*run.blocks[0].source).clone();
    assert_eq!(read_remote_line(&here, &info, &origin).unwrap(), line.as_bytes());
    fs::rename(&path, dir.path().join("a.jsonl.1")).unwrap();
    fs::write(&path, &text).unwrap();
    assert_eq!(read_remote_line(&here, &info, &origin).unwrap(), line.as_bytes(), "renamed");
    fs::remove_file(dir.path().join("a.jsonl.1")).unwrap();
    let why = read_remote_line(&here, &info, &origin).unwrap_err();
    assert!(
        why.starts_with("raw line no longer available: ") && why.contains("another file"),
        "{why}"
    );
    let away = ["/bin/sh", "-c", "echo 'no route to host' >&2; exit 255"].map(str::to_owned);
    assert_eq!(
        read_remote_line(&away, &info, &origin).unwrap_err(),
        "raw line not available now: no route to host"
    );
    let why = crate::sources::read_line(&info.uri, &info, &origin).unwrap_err();
    assert!(why.contains("another machine"), "{why}");
}

#[test]
fn a_connection_that_breaks_off_at_any_byte_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let (a, b) = (logs.join("a.jsonl"), logs.join("b.jsonl"));
    append(&a, 0..300);
    append(&b, 0..20);
    let packed = {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(
            &(0..500)
                .map(|line| format!("{{\"file\":\"c\",\"line\":{line}}}\n"))
                .collect::<String>()
                .into_bytes(),
        )
        .unwrap();
        out.finish().unwrap()
    };
    fs::write(logs.join("c.jsonl.gz"), packed).unwrap();
    let ssh = dropping(dir.path(), 120_000);
    let mut run = Run::start(&ssh, &["ssh://web/~/logs"], true, &[]);
    let (mut written, mut rotations) = (300, 0);
    let all = |written: u32| written as usize + 20 + 500;
    // Something new whenever everything came, until the connection broke often enough.
    loop {
        assert!(run.take());
        if run.seen.len() == all(written) {
            if count(dir.path()) >= 12 {
                break;
            }
            if written % 3 == 0 && rotations < 3 {
                rotations += 1;
                fs::rename(&a, logs.join(format!("a.jsonl.{rotations}"))).unwrap();
            }
            append(&a, written..written + 400);
            written += 400;
        }
    }
    let repeated: Vec<_> = run.seen.iter().filter(|(_, times)| **times != 1).collect();
    assert!(repeated.is_empty(), "{repeated:?}");
    assert_eq!(run.seen.len(), all(written));
    assert!(rotations > 0);
    let waits = run.waits.lock().unwrap().clone();
    assert!(waits.iter().all(|wait| *wait <= Duration::from_mins(1)));
    run.end();
}
