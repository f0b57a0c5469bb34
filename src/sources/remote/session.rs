//! One ssh process and the shell at its other end: requests go in as lines of shell words, answers come back framed.
//!
//! An answer counts when all of it is here: the bytes, a text, and a last line with the session's mark, the request's number and the
//! text's length. One request is under way at a time, so the last line is always the end of what has come; whatever breaks off before
//! it is an error and nothing of it is used.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use crossbeam_channel::{after, select_biased};

use super::super::address::Host;
use crate::model::text::Safe;

/// What runs there.
const SCRIPT: &str = include_str!("remote.sh");
/// Takes lines and runs them. Every login shell reads it the same way: csh and fish too.
const LOOP: &str = "exec env LC_ALL=C sh -c 'while IFS= read -r q; do eval \"$q\" </dev/null; done'";
/// ssh notices a dead connection by itself after 45 s; a host on which nothing moves for so long is given up.
const SILENCE: Duration = Duration::from_mins(1);
/// How long ssh may take to end after its output did.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// A login shell's greeting is skipped; more than this is something else.
const GREETING: usize = 256 << 10;
/// What is kept of the words on stderr.
const SAID: usize = 4 << 10;
/// A text and the line behind it are short.
const ENDING: usize = 200;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// What was said of them.
    pub text: String,
}

/// Why a session ended, or did not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// What happened, and what to try where that is known: for the user.
    pub why: String,
    /// Whether to try again, and how soon.
    pub cause: Cause,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The network or the host: it may be back in a moment.
    Network,
    /// Nobody knows the name: a slip of the finger, or a machine without network.
    Name,
    /// Only the user can mend it; knocking again and again may get them locked out.
    Refused,
}

/// A connection to a host.
#[derive(Debug)]
pub(super) struct Session {
    child: Child,
    requests: Sender<Vec<u8>>,
    answers: Receiver<Vec<u8>>,
    said: Arc<Mutex<Vec<u8>>>,
    /// Closes when stderr ended.
    silent: Receiver<Infallible>,
    stopped: Receiver<Infallible>,
    mark: String,
    number: u64,
    lost: Option<Lost>,
}

impl Session {
    /// Starts ssh and waits until the shell at the other end answers. `command` is the user's ssh with its options, `roots` the text
    /// of the function of that name.
    pub(super) fn open(command: &[String], host: &Host, roots: &[u8], stopped: Receiver<Infallible>) -> Result<Self, Lost> {
        let [program, options @ ..] = command else {
            return Err(Lost {
                why: "the setting `ssh` names no program".to_owned(),
                cause: Cause::Refused,
            });
        };
        let mut process = Command::new(program);
        process
            .args(options)
            .arg("-T")
            .args(["-o", "BatchMode=yes", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3"])
            // The user's own tunnels are not ours to open.
            .args(["-o", "ClearAllForwardings=yes"])
            .args(host.arguments())
            .arg(LOOP)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = process.spawn().map_err(|error| Lost {
            why: format!("cannot run {program}: {error}; install OpenSSH, or name yours in the setting `ssh`"),
            cause: Cause::Refused,
        })?;
        let (Some(input), Some(output), Some(complaints)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(Lost {
                why: "ssh has no pipes".to_owned(),
                cause: Cause::Refused,
            });
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let (requests, to_write) = unbounded();
        let (read, answers) = bounded(4);
        let (speaking, silent) = bounded(0);
        let kept = Arc::clone(&said);
        let threads = [
            thread::Builder::new().name("ssh-in".into()).spawn(move || write(input, &to_write)),
            thread::Builder::new().name("ssh-out".into()).spawn(move || pump(output, &read)),
            thread::Builder::new().name("ssh-err".into()).spawn(move || {
                listen(complaints, &kept);
                drop::<Sender<Infallible>>(speaking);
            }),
        ];
        let mut session = Self {
            child,
            requests,
            answers,
            said,
            silent,
            stopped,
            mark: mark(),
            number: 0,
            lost: None,
        };
        if let Some(error) = threads.into_iter().find_map(Result::err) {
            return Err(session.lose(&format!("cannot start a thread: {error}")));
        }
        session.greet(roots)
    }

    fn greet(mut self, roots: &[u8]) -> Result<Self, Lost> {
        let mut setup = b"nl=$(printf '\\nx'); nl=${nl%x}; eval ".to_vec();
        let text = format!("mark={}\n{SCRIPT}", self.mark);
        setup.extend(quote(&[text.as_bytes(), roots].concat()));
        self.send(setup);
        match self.ask("say", &[b"''"]) {
            Ok(_) => Ok(self),
            Err(_) => Err(self.lost()),
        }
    }

    fn send(&self, mut line: Vec<u8>) {
        line.push(b'\n');
        // When nobody takes it, the answer's absence tells.
        let _ = self.requests.send(line);
    }

    /// Calls a function with words that are quoted already, and waits for its answer.
    pub(super) fn ask(&mut self, function: &str, words: &[&[u8]]) -> io::Result<Answer> {
        if let Some(lost) = &self.lost {
            return Err(io::Error::new(io::ErrorKind::NotConnected, lost.why.clone()));
        }
        self.number += 1;
        let mut line = format!("{function} {}", self.number).into_bytes();
        for word in words {
            line.push(b' ');
            line.extend_from_slice(word);
        }
        self.send(line);
        let mut came = Vec::new();
        loop {
            if let Some(answer) = whole(&self.mark, self.number, &mut came) {
                return Ok(answer);
            }
            let quiet = after(SILENCE);
            let more = select_biased! {
                recv(self.stopped) -> _ => Err("stopped".to_owned()),
                recv(self.answers) -> more => more.map_err(|_| String::new()),
                recv(quiet) -> _ => Err(format!("no answer for {} s", SILENCE.as_secs())),
            };
            match more {
                Ok(bytes) if self.number > 1 || came.len() < GREETING => came.extend_from_slice(&bytes),
                Ok(_) => {
                    self.lose("the host answers with something else: does its login shell print, or run something without end?");
                    return self.ask(function, words);
                }
                Err(why) => {
                    self.lose(&why);
                    return self.ask(function, words);
                }
            }
        }
    }

    /// Why it ended, if it did.
    pub(super) fn has_ended(&self) -> Option<&Lost> {
        self.lost.as_ref()
    }

    fn lost(&self) -> Lost {
        self.lost.clone().unwrap_or_else(|| Lost {
            why: "the connection was lost".to_owned(),
            cause: Cause::Network,
        })
    }

    /// Ends it. Without a reason of ours, ssh's own last words are the reason.
    fn lose(&mut self, why: &str) -> Lost {
        if let Some(lost) = &self.lost {
            return lost.clone();
        }
        if why.is_empty() {
            // It closed its output and is about to end; its last words may still be under way.
            if self.silent.recv_timeout(LAST_WORDS) == Err(RecvTimeoutError::Timeout) {
                drop(self.child.kill());
            }
        } else {
            drop(self.child.kill());
        }
        let code = self.child.wait().ok().and_then(|status| status.code());
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost = reason(why, code, &String::from_utf8_lossy(&said));
        self.lost = Some(lost.clone());
        lost
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The shell at the other end ends with its input.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The answer to the request of this number, once its last line is here.
fn whole(mark: &str, number: u64, came: &mut Vec<u8>) -> Option<Answer> {
    if came.last() != Some(&b'\n') {
        return None;
    }
    let from = came.len().saturating_sub(ENDING);
    let at = from + memchr::memmem::rfind(&came[from..], mark.as_bytes())?;
    let ending = std::str::from_utf8(&came[at + mark.len()..]).ok()?;
    let mut words = ending.strip_suffix(" .\n")?.split_ascii_whitespace();
    let (of, length): (u64, usize) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    if of != number || words.next().is_some() {
        return None;
    }
    let start = at.checked_sub(length)?;
    let text = String::from_utf8_lossy(&came[start..at]).into_owned();
    came.truncate(start);
    Some(Answer {
        bytes: std::mem::take(came),
        text,
    })
}

/// Puts the reason into words, with what to try where that is known.
fn reason(why: &str, code: Option<i32>, said: &str) -> Lost {
    if !why.is_empty() {
        return Lost {
            why: why.to_owned(),
            cause: Cause::Network,
        };
    }
    let last = said
        .lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !line.starts_with("Warning: Permanently added"))
        .map(|line| Safe::line(line).to_string());
    let has = |words: &str| said.contains(words);
    let known = if has("Permission denied (") || has("Too many authentication failures") {
        Some((
            Cause::Refused,
            "spanscope asks for no password: set up a key or load it into the agent, until `ssh HOST true` runs without a question",
        ))
    } else if has("Host key verification failed") {
        Some((Cause::Refused, "connect once by hand, to look at the host's key and accept it"))
    } else if has("Could not resolve hostname") {
        Some((Cause::Name, "check the host's name"))
    } else if code == Some(127) {
        Some((Cause::Refused, "the host needs a POSIX shell called sh"))
    } else {
        None
    };
    let what = match (last, code) {
        (Some(last), _) => last,
        (None, Some(255) | None) => "the connection was lost".to_owned(),
        (None, Some(code)) => format!("the remote shell ended with code {code}"),
    };
    match known {
        Some((cause, hint)) => Lost {
            why: format!("{what}; {hint}"),
            cause,
        },
        None => Lost {
            why: what,
            cause: Cause::Network,
        },
    }
}

/// A word that no answer holds by chance, and nobody on the host can know beforehand.
fn mark() -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    // Keyed by the system's randomness, as every map of the standard library.
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), time);
    format!("spanscope-{random:016x}-")
}

fn write(mut input: impl Write, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if input.write_all(&line).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

fn pump(mut output: impl Read, chunks: &Sender<Vec<u8>>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if chunks.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// Keeps the last of what is said.
fn listen(mut complaints: impl Read, said: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; SAID];
    while let Ok(count @ 1..) = complaints.read(&mut buffer) {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.extend_from_slice(&buffer[..count]);
        let over = said.len().saturating_sub(SAID);
        said.drain(..over);
    }
}

/// One word of a shell, on one line, whatever its bytes: nothing in it is expanded or run. `$nl` is the line break there.
pub(super) fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut word = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => word.extend_from_slice(b"'\\''"),
            b'\n' => word.extend_from_slice(b"'\"$nl\"'"),
            other => word.push(*other),
        }
    }
    word.push(b'\'');
    word
}

#[cfg(test)]
#[path = "session/tests.rs"]
mod tests;
