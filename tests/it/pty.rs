//! The real binary in a real pseudo-terminal: what a person sees, and what is left behind when they leave.
//! Nothing sleeps: every step waits for a condition on the screen, with a deadline.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    ended: bool,
}

pub(super) struct Session {
    output: Arc<(Mutex<Output>, Condvar)>,
    size: Mutex<(u16, u16)>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    pub(super) home: tempfile::TempDir,
}

impl Session {
    fn start(arguments: &[&str], width: u16, height: u16) -> Self {
        Self::start_with(arguments, width, height, &[])
    }

    pub(super) fn start_with(arguments: &[&str], width: u16, height: u16, environment: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_spanscope"));
        command.args(arguments);
        Self::spawn(command, width, height, environment)
    }

    /// Any command in a terminal, in an environment of its own.
    pub(super) fn spawn(mut command: CommandBuilder, width: u16, height: u16, environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let pty = native_pty_system()
            .openpty(PtySize {
                rows: height,
                cols: width,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        command.env_clear();
        for (name, value) in [
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("PATH", "/usr/bin:/bin"),
            ("SSH_TTY", "/dev/pts/0"),
        ] {
            command.env(name, value);
        }
        if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", value);
        }
        command.env("HOME", home.path());
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let output = Arc::new((Mutex::new(Output::default()), Condvar::new()));
        let mut reader = pty.master.try_clone_reader().unwrap();
        let shared = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut buffer = [0; 65_536];
            loop {
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut output = shared.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                output.bytes.extend_from_slice(&buffer[..read]);
                output.ended = read == 0;
                shared.1.notify_all();
                if read == 0 {
                    return;
                }
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self {
            output,
            size: Mutex::new((width, height)),
            keys,
            child,
            master: pty.master,
            home,
        }
    }

    pub(super) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn screen_of(&self, bytes: &[u8]) -> vt100::Parser {
        let (width, height) = *self.size.lock().unwrap();
        let mut parser = vt100::Parser::new(std::num::NonZero::new(height).unwrap(), std::num::NonZero::new(width).unwrap(), 0);
        parser.process(bytes);
        parser
    }

    /// Waits until the screen satisfies `good`; its text.
    pub(super) fn wait(&self, what: &str, good: impl Fn(&vt100::Screen, &[u8]) -> bool) -> String {
        let until = Instant::now() + DEADLINE;
        let mut output = self.output.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            let parser = self.screen_of(&output.bytes);
            if good(parser.screen(), &output.bytes) {
                return parser.screen().contents();
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !output.ended,
                "{what} never came; the screen:\n{}",
                parser.screen().contents()
            );
            output = self.output.1.wait_timeout(output, left).unwrap().0;
        }
    }

    pub(super) fn wait_text(&self, text: &str) -> String {
        self.wait(text, |screen, _| screen.contents().contains(text))
    }

    /// Waits for the process; its exit code, and the screen that the terminal is left with.
    pub(super) fn end(&mut self) -> (u32, vt100::Parser) {
        let code = self.child.wait().unwrap().exit_code();
        let until = Instant::now() + DEADLINE;
        let mut output = self.output.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while !output.ended && Instant::now() < until {
            output = self.output.1.wait_timeout(output, Duration::from_millis(100)).unwrap().0;
        }
        (code, self.screen_of(&output.bytes))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.child.kill());
    }
}

fn restored(parser: &vt100::Parser) {
    let screen = parser.screen();
    assert!(!screen.alternate_screen(), "still on the alternate screen");
    assert!(!screen.hide_cursor(), "the cursor is hidden");
    assert!(!screen.bracketed_paste(), "bracketed paste is on");
    assert_eq!(
        screen.mouse_protocol_mode(),
        vt100::MouseProtocolMode::None,
        "the mouse is captured"
    );
}

fn line(id: u32, ask: &str, answer: &str) -> String {
    format!(
        r#"{{"timestamp":"2026-11-22T15:{:02}:00Z","trace_id":"00000000-0000-4000-8000-{id:012}","feature":"support_chat","user_id":"u_{id}","model":"claude-sonnet-4-6","system":"You are the assistant of a bookshop.","messages":[{{"role":"user","content":"{ask}"}}],"response_text":"{answer}","stop_reason":"end_turn","input_tokens":850,"output_tokens":836,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":1200.5,"params":{{"model":"claude-sonnet-4-6","max_tokens":2048,"temperature":0.2}}}}"#,
        id % 60
    ) + "\n"
}

fn log(folder: &Path) -> PathBuf {
    let path = folder.join("app.jsonl");
    std::fs::write(
        &path,
        line(1, "Parcel?", "It left on Monday.") + &line(2, "Return it?", "Within thirty days."),
    )
    .unwrap();
    path
}

fn append(path: &Path, text: &str) {
    std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

#[test]
fn starts_follows_opens_copies_and_quits() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let mut session = Session::start(&[path.to_str().unwrap()], 120, 40);
    session.wait_text("Return it?");
    session.wait_text("Parcel?");

    append(&path, &line(3, "Sunday?", "No, it is closed."));
    session.wait_text("Sunday?");

    session.press("g\r");
    session.wait_text("You are the assistant of a bookshop.");

    session.press("yp");
    session.wait("an OSC 52 sequence", |_, bytes| bytes.windows(7).any(|w| w == b"\x1b]52;c;"));
    let text = session.wait("the end of the sequence", |_, bytes| {
        let start = bytes.windows(7).position(|w| w == b"\x1b]52;c;").unwrap_or(bytes.len());
        bytes[start..].contains(&7)
    });
    drop(text);
    let output = session.output.0.lock().unwrap();
    let start = output.bytes.windows(7).position(|w| w == b"\x1b]52;c;").unwrap() + 7;
    let length = output.bytes[start..].iter().position(|b| *b == 7).unwrap();
    let copied = base64::engine::general_purpose::STANDARD
        .decode(&output.bytes[start..start + length])
        .unwrap();
    drop(output);
    let copied = String::from_utf8(copied).unwrap();
    assert!(
        copied.contains("You are the assistant of a bookshop.") && copied.contains("Sunday?"),
        "{copied}"
    );
    session.wait_text("OSC 52");

    session.press("\x03");
    let (code, screen) = session.end();
    assert_eq!(code, 0);
    restored(&screen);
}

/// The complaint: "your chatbot told me the wrong cancellation policy yesterday around 3 PM", from user `u_9912`.
#[test]
fn a_complaint_leads_to_the_outdated_document_in_25_keys() {
    let samples = format!("{}/sample-data", env!("CARGO_MANIFEST_DIR"));
    let mut session = Session::start(&[&samples], 120, 40);
    session.wait_text("Can I still");
    let mut keys = 0;
    let mut press = |session: &mut Session, text: &str| {
        keys += text.chars().count();
        session.press(text);
    };
    // Step 1: find it.
    press(&mut session, "fuser:u_9912\r");
    session.wait("only theirs", |screen, _| {
        let screen = screen.contents();
        screen.contains("2 interactions") && !screen.contains("u_0345")
    });
    // Steps 2 to 5 on one screen.
    press(&mut session, "D");
    let verdict = [
        "the retrieved document is outdated: the answer quotes cancel-2024 of 2024-03-02, though cancel-2026 of",
        "also suspect: temperature 1.0, where 0.2 is usual",
        "by filter user:u_9912",
        "exact prompt logged",
        "0.1% of what the model can read",
    ];
    session.wait("the verdict", |screen, _| {
        let screen = screen.contents();
        verdict.iter().all(|words| screen.contains(words))
    });
    // The evidence.
    press(&mut session, "\r");
    session.wait_text("updated: 2024-03-02");
    assert!(keys <= 25, "{keys} keys");
    session.press("\x03");
    assert_eq!(session.end().0, 0);
}

#[test]
fn a_spike_shows_on_the_panel_within_a_second_of_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.jsonl");
    let now = jiff::Timestamp::now();
    let line = |n: u32, minutes: i64, input: u32| {
        let at = now - jiff::SignedDuration::from_mins(minutes);
        format!(
            r#"{{"timestamp":"{at}","trace_id":"{n:032x}","feature":"support_chat","model":"claude-sonnet-4-6","messages":[{{"role":"user","content":"Parcel?"}}],"response_text":"Yes.","input_tokens":{input},"output_tokens":10,"cache_read_tokens":0,"cache_write_tokens":0}}"#
        ) + "\n"
    };
    let usual: String = (0..30).map(|n| line(n, 600 - i64::from(n), 1_000)).collect();
    std::fs::write(&path, usual).unwrap();
    let mut session = Session::start(&[path.to_str().unwrap()], 120, 40);
    session.wait("the panel, judged", |screen, _| {
        screen.contents().contains("p50") && !screen.contents().contains('▲')
    });
    // The machine may be busy for a moment: the quickest of three counts.
    let took = (1..=3).map(|n| {
        let written = Instant::now();
        append(&path, &line(98 + n, 0, 90_000));
        session.wait("the mark", |screen, _| screen.contents().contains(&format!("▲{n}")));
        written.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < Duration::from_secs(1), "{took:?}");
    // And what explains it is one key away.
    session.press("\te");
    let screen = session.wait_text("input tokens: 90000, where 1000 is usual");
    assert!(
        screen.contains("3 interactions cost more than twice the median of the 7 days before"),
        "{screen}"
    );
    session.press("\x03");
    assert_eq!(session.end().0, 0);
}

#[test]
fn the_demo_lives_and_leaves_nothing_behind() {
    let mut session = Session::start(&["demo", "--mouse"], 120, 40);
    session.wait_text("● following");
    session.wait_text("support_chat");
    session.press(":sort by cost\r");
    session.wait_text("cost↓");
    session.press("ffeat");
    session.wait_text("what the application calls the use case");
    session.press("\t");
    // Values seen, with how often.
    session.wait_text("summarize_reviews");
    session.press("route_planner has:documents\r");
    session.wait_text("filter: feature:route_planner has:docu");
    session.wait("only those", |screen, _| {
        let list = screen
            .contents()
            .lines()
            .skip(2)
            .take(30)
            .map(|line| line.chars().take(88).collect::<String>())
            .collect::<String>();
        list.contains("route_planner") && !list.contains("support_chat")
    });
    // A click on the fourth row selects it, the second opens it.
    session.press("\x1b[<0;20;6M\x1b[<0;20;6m\x1b[<0;20;6M\x1b[<0;20;6m");
    session.wait_text("Plan a route by bicycle.");
    session.press("\x03");
    let (code, screen) = session.end();
    assert_eq!(code, 0);
    restored(&screen);
    let cache = session.home.path().join(".cache/spanscope");
    let left: Vec<_> = std::fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("demo-")), "{left:?}");
}

#[test]
fn survives_every_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let mut session = Session::start(&[path.to_str().unwrap()], 120, 40);
    session.wait_text("Return it?");
    for (width, height) in [(60, 20), (10, 3), (200, 60), (80, 24)] {
        *session.size.lock().unwrap() = (width, height);
        // What was drawn for another size means nothing in this one.
        session.output.0.lock().unwrap().bytes.clear();
        session
            .master
            .resize(PtySize {
                rows: height,
                cols: width,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let expected = if width < 40 { "small" } else { "Return it?" };
        session.wait(expected, |screen, _| screen.contents().contains(expected));
    }
    session.press("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn reads_standard_input_while_keys_come_from_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let script = format!("cat {} | {} -", path.display(), env!("CARGO_BIN_EXE_spanscope"));
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(["-c", &script]);
    let mut session = Session::spawn(command, 100, 24, &[]);
    session.wait_text("Return it?");
    session.press("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn gives_the_terminal_back_when_told_to_go() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("QUIT", 131), ("HUP", 129)] {
        let folder = tempfile::tempdir().unwrap();
        let path = log(folder.path());
        let mut session = Session::start(&[path.to_str().unwrap()], 80, 24);
        session.wait_text("Return it?");
        let pid = session.child.process_id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-s", signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let (got, screen) = session.end();
        assert_eq!(got, code, "SIG{signal}");
        restored(&screen);
        assert!(
            stores_left(session.home.path()).is_empty(),
            "SIG{signal} leaves a private store behind"
        );
    }
}

#[test]
fn gives_the_terminal_back_when_it_panics() {
    for place in ["loop", "thread"] {
        let folder = tempfile::tempdir().unwrap();
        let path = log(folder.path());
        let mut session = Session::start_with(&[path.to_str().unwrap()], 80, 24, &[("SPANSCOPE_TEST_PANIC", place)]);
        let (code, screen) = session.end();
        assert_eq!(code, 101, "{place}");
        restored(&screen);
        assert!(
            screen.screen().contents().contains("panicked"),
            "the message is readable: {}",
            screen.screen().contents()
        );
    }
}

#[test]
fn stops_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let mut session = Session::start(&[path.to_str().unwrap()], 80, 24);
    let before = session.wait_text("Return it?");
    session.press("\x1a");
    session.wait("the primary screen", |screen, _| !screen.alternate_screen());
    let pid = session.child.process_id().unwrap().to_string();
    let stopped = format!("/proc/{pid}/stat");
    let until = Instant::now() + DEADLINE;
    while Path::new(&stopped).exists() && !std::fs::read_to_string(&stopped).unwrap().contains(") T ") {
        assert!(Instant::now() < until, "it never stopped");
        std::thread::yield_now();
    }
    assert!(
        std::process::Command::new("kill")
            .args(["-s", "CONT", &pid])
            .status()
            .unwrap()
            .success()
    );
    session.wait("the alternate screen", |screen, _| screen.alternate_screen());
    session.wait_text("Return it?");
    assert!(before.contains("Parcel?"));
    session.press("q");
    let (code, screen) = session.end();
    assert_eq!(code, 0);
    restored(&screen);
}

#[test]
fn ends_when_the_terminal_hangs_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path());
    let mut session = Session::start(&[path.to_str().unwrap()], 80, 24);
    session.wait_text("Return it?");
    // Closing the master side is what a lost connection does.
    let Session {
        child, master, keys, home, ..
    } = &mut session;
    let gone: (Box<dyn MasterPty + Send>, Box<dyn Write + Send>) = (
        std::mem::replace(master, native_pty_system().openpty(PtySize::default()).unwrap().master),
        std::mem::replace(keys, Box::new(std::io::sink())),
    );
    drop(gone);
    let pid = child.process_id().unwrap().to_string();
    // The reader thread still holds a clone: a hang-up signal is what the kernel sends with the close.
    drop(std::process::Command::new("kill").args(["-s", "HUP", &pid]).status());
    let code = child.wait().unwrap().exit_code();
    assert_eq!(code, 129);
    assert!(stores_left(home.path()).is_empty());
}

#[test]
fn ends_when_the_terminal_is_gone_though_nobody_may_say_so() {
    let (folder, home) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = log(folder.path());
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    // As under `nohup`: the signal does not arrive, only the terminal is no more.
    let mut command = CommandBuilder::new("/bin/sh");
    command.args([
        "-c",
        r#"trap '' HUP; exec "$0" "$1""#,
        env!("CARGO_BIN_EXE_spanscope"),
        path.to_str().unwrap(),
    ]);
    command.env_clear();
    for name in ["LD_LIBRARY_PATH", "PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("TERM", "xterm");
    command.env("HOME", home.path());
    let mut child = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let mut reader = pty.master.try_clone_reader().unwrap();
    let (seen, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        while !bytes.windows(7).any(|w| w == b"Return ") {
            let read = reader.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..read]);
        }
        // The last hold on the other side but for the test's own.
        drop(reader);
        seen.send(()).unwrap();
    });
    wait.recv_timeout(DEADLINE).unwrap();
    drop(pty.master);
    let until = Instant::now() + DEADLINE;
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.exit_code();
        }
        assert!(Instant::now() < until, "it runs on without a terminal");
        std::thread::yield_now();
    };
    assert_eq!(code, 129);
    assert!(stores_left(home.path()).is_empty());
}

/// The explorer over a log that grew until the store could not be written any more.
fn full_disk(folder: &Path) -> (Session, PathBuf) {
    let path = log(folder);
    let db = folder.join("s.duckdb");
    let mut command = CommandBuilder::new("/bin/sh");
    // No file may grow over some hundred KB, until somebody makes room.
    let script = r#"trap '' XFSZ; ulimit -S -f 600; exec "$0" "$@""#;
    command.args([
        "-c",
        script,
        env!("CARGO_BIN_EXE_spanscope"),
        path.to_str().unwrap(),
        "--db",
        db.to_str().unwrap(),
    ]);
    let session = Session::spawn(command, 120, 40, &[]);
    session.wait_text("Return it?");
    let noise = |n: u32| {
        (0..60u32)
            .map(|k| format!("{:08x}", (n * 64 + k).wrapping_mul(2_654_435_761)))
            .collect::<String>()
    };
    for n in 100..2_100 {
        append(&path, &line(n, &noise(n), "Yes."));
    }
    session.wait_text("cannot write the store");
    (session, path)
}

#[test]
fn goes_on_by_itself_when_the_disk_has_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut session, path) = full_disk(folder.path());
    session.press("j");
    let pid = rustix::process::Pid::from_raw(i32::try_from(session.child.process_id().unwrap()).unwrap());
    let all = rustix::process::Rlimit {
        current: None,
        maximum: None,
    };
    rustix::process::prlimit(pid, rustix::process::Resource::Fsize, all).unwrap();
    append(&path, &line(9_999, "Is there room now?", "There is."));
    session.wait_text("2,003 interactions");
    session.press("q");
    assert_eq!(session.end().0, 0);
}

#[test]
fn can_be_left_while_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let (mut session, path) = full_disk(folder.path());
    // More than may wait in memory.
    let text = "how much more? ".repeat(70_000);
    for n in 3_000..3_120 {
        append(&path, &line(n, &text, "More."));
    }
    session.press("jk");
    session.press("q");
    let until = Instant::now() + DEADLINE;
    while session.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it waits for the disk");
        std::thread::yield_now();
    }
    assert_eq!(session.end().0, 0);
}

/// Private stores left in the cache directory.
fn stores_left(home: &Path) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "duckdb" || e == "wal") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(home, &mut found);
    found
}
