//! Remote sources over a real sshd: our own, on the loopback only, with keys of its own, gone when the test is.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use spanscope::model::record::{Activity, Progress};
use spanscope::sources::{self, Event, Sources};

const DEADLINE: Duration = Duration::from_mins(1);

/// An ssh server that lets one key in.
struct Server {
    dir: tempfile::TempDir,
    sshd: Child,
}

impl Server {
    fn start() -> Self {
        let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/opt/homebrew/sbin/sshd"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .expect("this test needs an ssh server: apt-get install openssh-server");
        let dir = tempfile::tempdir().unwrap();
        for key in ["host_key", "user_key", "other_key"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(dir.path().join(key))
                .status();
            assert!(made.unwrap().success());
        }
        fs::copy(dir.path().join("user_key.pub"), dir.path().join("authorized_keys")).unwrap();
        // Where sshd, as root, separates its privileges; a server that was never started has not made it yet.
        if fs::create_dir_all("/run/sshd").is_err() {
            assert!(!is_root(), "sshd needs /run/sshd");
        }
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let at = dir.path().display();
            let config = format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {at}/host_key\nPidFile none\nAuthorizedKeysFile {at}/authorized_keys\nStrictModes no\n\
                 PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPermitRootLogin prohibit-password\nLogLevel INFO\n"
            );
            fs::write(dir.path().join("sshd_config"), config).unwrap();
            for (name, key) in [("ssh_config", "user_key"), ("wrong_config", "other_key")] {
                let config = format!(
                    "Host web\n HostName 127.0.0.1\n Port {port}\n IdentityFile {at}/{key}\n IdentitiesOnly yes\n\
                     UserKnownHostsFile {at}/known_hosts\n StrictHostKeyChecking accept-new\n"
                );
                fs::write(dir.path().join(name), config).unwrap();
            }
            let mut sshd = Command::new(sshd)
                .args(["-D", "-e", "-f"])
                .arg(dir.path().join("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .process_group(0)
                .spawn()
                .unwrap();
            // It says when it listens; where another program took the port in between, it ends instead.
            let said = BufReader::new(sshd.stderr.take().unwrap());
            let (listens, told) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                for line in said.lines().map_while(Result::ok) {
                    if line.starts_with("Server listening") {
                        // Nobody waits any more where it took too long.
                        let _ = listens.send(());
                    } else if line.starts_with("error:") || line.starts_with("fatal:") {
                        eprintln!("{line}");
                    }
                }
            });
            if told.recv_timeout(DEADLINE).is_ok() {
                return Self { dir, sshd };
            }
            drop(sshd.kill());
            drop(sshd.wait());
        }
        panic!("sshd does not start");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn ssh(&self, config: &str) -> Vec<String> {
        vec!["ssh".to_owned(), "-F".to_owned(), self.path(config).display().to_string()]
    }

    fn uri(&self, name: &str) -> String {
        format!("ssh://web{}/{name}", self.dir.path().display())
    }

    /// Ends every connection, as a network that goes away does; how many there were.
    fn drop_connections(&self) -> usize {
        let sessions = children(self.sshd.id());
        for session in &sessions {
            kill(*session);
        }
        sessions.len()
    }

    fn append(&self, name: &str, calls: std::ops::Range<usize>) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(calls.map(call).collect::<String>().as_bytes()).unwrap();
    }

    /// The real program, with its settings.
    fn spanscope(&self, config: &str, arguments: &[&str]) -> Output {
        let quoted: Vec<String> = self.ssh(config).iter().map(|word| format!("{word:?}")).collect();
        fs::write(self.path("config.toml"), format!("ssh = [{}]\n", quoted.join(", "))).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_spanscope"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("config.toml"))
            .env_clear()
            .env("HOME", self.dir.path())
            .env("TZ", "UTC")
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        if let Some(value) = std::env::var_os("LD_LIBRARY_PATH") {
            command.env("LD_LIBRARY_PATH", value);
        }
        command.output().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.sshd.kill());
        // What it started outlives it.
        self.drop_connections();
        drop(self.sshd.wait());
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// The processes that a process started.
fn children(of: u32) -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().unwrap();
    let text = String::from_utf8(listed.stdout).unwrap();
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_ascii_whitespace();
            let pid = words.next()?.parse().ok()?;
            (words.next()?.parse() == Ok(of)).then_some(pid)
        })
        .collect()
}

fn kill(pid: u32) {
    drop(Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status());
}

fn call(number: usize) -> String {
    format!(
        r#"{{"timestamp":"2026-11-22T{:02}:{:02}:{:02}Z","trace_id":"{number:032x}","feature":"f{}","model":"claude-sonnet-4-6","system":"Be brief.","messages":[{{"role":"user","content":"question {number}"}}],"response_text":"answer {number}","stop_reason":"end_turn","input_tokens":{number},"output_tokens":10,"cache_read_tokens":0,"cache_write_tokens":0,"latency_ms":5}}"#,
        number / 3600 % 24,
        number / 60 % 60,
        number % 60,
        number % 7,
    ) + "\n"
}

struct Run {
    events: Receiver<Event>,
    sources: Sources,
    progress: Progress,
    seen: HashMap<String, u32>,
}

impl Run {
    fn follow(server: &Server, names: &[&str]) -> Self {
        let (sender, events) = bounded(2);
        let options = sources::Options {
            follow: true,
            dialect: None,
            known: Vec::new(),
            next_id: 1,
            block_bytes: 1 << 20,
            since: None,
            floors: Arc::default(),
            poll: Duration::from_millis(10),
            spool: None,
            ssh: server.ssh("ssh_config"),
        };
        let specs = names.iter().map(|name| sources::parse_spec(name).unwrap()).collect();
        Self {
            events,
            sources: sources::spawn(specs, options, sender).unwrap(),
            progress: Progress::default(),
            seen: HashMap::new(),
        }
    }

    /// Takes what comes until it is enough. A line that comes twice is a fault whenever it comes.
    fn until(&mut self, enough: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !enough(self) {
            match self.events.recv_timeout(DEADLINE.saturating_sub(begun.elapsed())) {
                Ok(Event::Block(block)) => {
                    for line in String::from_utf8(block.bytes).unwrap().lines() {
                        let times = self.seen.entry(line.to_owned()).or_default();
                        *times += 1;
                        assert_eq!(*times, 1, "{line} came again");
                    }
                }
                Ok(Event::Progress(progress)) => self.progress = progress,
                Err(error) => panic!("{error}: {} lines, {:?}", self.seen.len(), self.progress),
            }
        }
    }

    fn has(&mut self, calls: std::ops::Range<usize>) {
        let expected: Vec<String> = calls.map(|number| call(number).trim_end().to_owned()).collect();
        self.until(|run| expected.iter().all(|line| run.seen.contains_key(line)));
        assert_eq!(self.seen.len(), expected.len(), "and nothing else came");
    }
}

#[test]
fn lines_are_followed_through_rotation_and_a_lost_connection() {
    let server = Server::start();
    fs::create_dir(server.path("logs")).unwrap();
    server.append("logs/app.jsonl", 0..500);
    let mut run = Run::follow(&server, &[&server.uri("logs/*.jsonl")]);
    run.has(0..500);
    server.append("logs/app.jsonl", 500..510);
    run.has(0..510);
    // Rotation: late lines under the new name, new ones under the old.
    fs::rename(server.path("logs/app.jsonl"), server.path("logs/app.jsonl.1")).unwrap();
    server.append("logs/app.jsonl.1", 510..515);
    server.append("logs/app.jsonl", 515..520);
    run.has(0..520);
    server.append("logs/new.jsonl", 520..525);
    run.has(0..525);
    run.until(|run| run.progress.sources.iter().any(|source| source.activity == Activity::Following));

    assert!(server.drop_connections() > 0);
    server.append("logs/app.jsonl", 525..540);
    server.append("logs/new.jsonl", 540..545);
    run.has(0..545);
    run.until(|run| run.progress.problems.is_empty());
    // And again, while many lines are under way.
    server.append("logs/app.jsonl", 545..6_000);
    run.until(|run| run.seen.len() > 600);
    assert!(server.drop_connections() > 0);
    run.has(0..6_000);
    let (mut sources, seen) = (run.sources, run.seen.len());
    sources.stop();
    sources.join();
    assert_eq!(seen, 6_000);
}

#[test]
fn a_host_that_is_away_is_shown_as_such_and_read_when_it_is_back() {
    let mut server = Server::start();
    server.append("app.jsonl", 0..5);
    let local = server.path("local.jsonl");
    fs::write(&local, call(5)).unwrap();
    let uri = server.uri("app.jsonl");
    let mut run = Run::follow(&server, &[&uri, local.to_str().unwrap()]);
    run.has(0..6);
    let pid = server.sshd.id();
    server.sshd.kill().unwrap();
    // Nobody listens any more, and the open connections end.
    for session in children(pid).into_iter().chain(sessions_of(&server)) {
        kill(session);
    }
    run.until(|run| {
        let failed = run.progress.sources.iter().find(|source| source.activity == Activity::Failed);
        failed.is_some_and(|source| source.uri == uri && source.problem.as_ref().is_some_and(|why| why.contains("next try in")))
    });
    // What is here goes on.
    let mut file = OpenOptions::new().append(true).open(&local).unwrap();
    file.write_all(call(6).as_bytes()).unwrap();
    run.has(0..7);
    server.append("app.jsonl", 7..9);
    let config = server.path("sshd_config");
    server.sshd.wait().unwrap();
    server.sshd = Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    run.has(0..9);
    run.sources.stop();
}

/// Connections whose server was killed belong to nobody; their command line names our directory or port no more, but ssh's does.
fn sessions_of(server: &Server) -> Vec<u32> {
    let listed = Command::new("ps").args(["-A", "-o", "pid=,args="]).output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mark = server.path("ssh_config").display().to_string();
    text.lines()
        .filter(|line| line.contains(&mark) && line.contains("BatchMode"))
        .filter_map(|line| line.split_ascii_whitespace().next()?.parse().ok())
        .collect()
}

#[test]
fn commands_read_a_host_and_say_why_they_cannot() {
    let server = Server::start();
    // An id of zeros is none, and would be made from the source.
    server.append("app.jsonl", 1..300);
    let (remote, local) = (server.uri("app.jsonl"), server.path("app.jsonl"));
    let told = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let over_ssh = server.spanscope("ssh_config", &["ls", "-o", "json", &remote]);
    assert!(over_ssh.status.success(), "{}", told(&over_ssh));
    let here = server.spanscope("ssh_config", &["ls", "-o", "json", local.to_str().unwrap()]);
    assert_eq!(over_ssh.stdout, here.stdout);
    let shown = server.spanscope("ssh_config", &["show", "-o", "json", &format!("{:032x}", 7), &remote]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["spans"][0]["sources"][0]["uri"], remote.as_str());

    // A store that is kept goes on where it stopped.
    let db = server.path("spans.duckdb").display().to_string();
    for (calls, lines) in [(300..310, 309), (310..310, 309), (310..311, 310)] {
        server.append("app.jsonl", calls);
        let stats = server.spanscope("ssh_config", &["stats", "-o", "json", "--db", &db, &remote]);
        let stats: serde_json::Value = serde_json::from_slice(&stats.stdout).unwrap();
        assert_eq!((stats["lines"].as_u64(), stats["span"].as_u64()), (Some(lines), Some(lines)));
    }

    let none = server.uri("none.jsonl");
    for (config, source, words) in [
        (
            "wrong_config",
            remote.as_str(),
            &["Permission denied (publickey", "set up a key"][..],
        ),
        (
            "ssh_config",
            "ssh://no.such.host.invalid/a.jsonl",
            &["ssh://no.such.host.invalid/a.jsonl: ", "Could not resolve", "check the host's name"],
        ),
        ("ssh_config", none.as_str(), &["none.jsonl: no such file or directory"]),
        ("none_config", remote.as_str(), &["none_config"]),
    ] {
        let output = server.spanscope(config, &["ls", source]);
        let text = told(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    }
    let output = server.spanscope("ssh_config", &["ls", "ssh://-oProxyCommand=touch/a"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}
