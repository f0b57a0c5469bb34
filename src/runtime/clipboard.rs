//! The clipboard ladder: tmux's buffer, the terminal itself (OSC 52), the desktop, a file. On a thread of its own,
//! since every rung may be slow. It says truthfully which way the text went, and never cuts it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::config::Clipboard;

/// Most bytes of base64 in one OSC 52: what common terminals take without dropping it.
const OSC52_LIMIT: usize = 74_994;

/// A text on its way out.
pub struct Request {
    /// What it is, in words: `prompt`.
    pub what: &'static str,
    /// Its bytes. What was logged need not be text.
    pub bytes: Vec<u8>,
}

/// How it went.
pub enum Outcome {
    /// It is there, and we know it.
    Copied(String),
    /// Bytes that the loop must write to the terminal between two frames, and what to say then.
    Terminal(Vec<u8>, String),
    /// No clipboard could be reached; it is in a file.
    Saved(String),
    /// Not even that.
    Failed(String),
}

/// Where the program runs, as far as copying is concerned.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Inside tmux.
    pub tmux: bool,
    /// Inside GNU screen.
    pub screen: bool,
    /// Over SSH.
    pub ssh: bool,
    /// A Wayland or X11 display, or macOS.
    pub desktop: bool,
    /// A terminal that takes no escape sequences.
    pub dumb: bool,
    /// Where a file goes when nothing else works.
    pub folder: PathBuf,
    /// Copying is switched off.
    pub off: bool,
}

impl Surroundings {
    /// Reads the environment.
    #[must_use]
    pub fn detect(folder: &Path, wish: Clipboard) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let term = std::env::var("TERM").unwrap_or_default();
        let found = Self {
            tmux: set("TMUX"),
            screen: set("STY"),
            ssh: set("SSH_TTY") || set("SSH_CONNECTION"),
            desktop: set("WAYLAND_DISPLAY") || set("DISPLAY") || cfg!(target_os = "macos"),
            dumb: term.is_empty() || term == "dumb" || term == "linux",
            folder: folder.to_owned(),
            off: false,
        };
        // A wish leaves one rung of the ladder, and the file below it.
        match wish {
            Clipboard::Auto => found,
            Clipboard::Tmux => Self {
                tmux: true,
                desktop: false,
                dumb: true,
                ..found
            },
            Clipboard::Osc52 => Self {
                tmux: false,
                desktop: false,
                dumb: false,
                ..found
            },
            Clipboard::Native => Self {
                tmux: false,
                desktop: true,
                ssh: false,
                dumb: true,
                ..found
            },
            Clipboard::File => Self {
                tmux: false,
                desktop: false,
                dumb: true,
                ..found
            },
            Clipboard::Off => Self { off: true, ..found },
        }
    }
}

/// Starts the clipboard thread. The desktop's clipboard object lives on it: X11 data dies with its owner.
pub fn spawn(around: Surroundings, done: impl Fn(Outcome) + Send + 'static) -> std::io::Result<Sender<Request>> {
    let (sender, receiver): (Sender<Request>, Receiver<Request>) = unbounded();
    std::thread::Builder::new().name("clipboard".into()).spawn(move || {
        let mut desktop = None;
        for request in receiver {
            done(copy(&around, &mut desktop, &request));
        }
    })?;
    Ok(sender)
}

fn copy(around: &Surroundings, desktop: &mut Option<arboard::Clipboard>, request: &Request) -> Outcome {
    let size = size(request.bytes.len());
    let what = request.what;
    if around.off {
        return Outcome::Failed(format!("{what} not copied: `clipboard` is off in the settings"));
    }
    let mut tried = Vec::new();
    if around.tmux {
        match tmux(&request.bytes) {
            Ok(()) => return Outcome::Copied(format!("copied {what}, {size}: tmux buffer")),
            Err(why) => tried.push(format!("tmux: {why}")),
        }
    }
    if around.desktop && !around.ssh && !around.tmux {
        match native(desktop, &request.bytes) {
            Ok(()) => return Outcome::Copied(format!("copied {what}, {size}: desktop clipboard")),
            Err(why) => tried.push(format!("desktop: {why}")),
        }
    }
    if !around.dumb && !around.tmux {
        match osc52(&request.bytes, around.screen) {
            Some(sequence) => {
                return Outcome::Terminal(
                    sequence,
                    format!("sent {what}, {size}, to the terminal (OSC 52: it does not confirm)"),
                );
            }
            None => tried.push("too large for OSC 52".to_owned()),
        }
    }
    match save(&around.folder, &request.bytes) {
        Ok(path) => {
            let why = if tried.is_empty() {
                String::new()
            } else {
                format!(" ({})", tried.join("; "))
            };
            Outcome::Saved(format!(
                "not copied{why}: {what}, {size}, saved to {}; p prints it on the plain screen",
                path.display()
            ))
        }
        Err(why) => Outcome::Failed(format!("{what} not copied: {}; no file either: {why}", tried.join("; "))),
    }
}

fn size(bytes: usize) -> String {
    crate::model::text::bytes(bytes as u64)
}

/// `load-buffer -w` reaches the outer terminal whatever `set-clipboard` says; raw OSC 52 is dropped by tmux's default.
fn tmux(bytes: &[u8]) -> Result<(), String> {
    let mut child = Command::new("tmux")
        .args(["load-buffer", "-w", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no pipe")?;
    let written = stdin.write_all(bytes);
    drop(stdin);
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    written.map_err(|e| e.to_string())
}

fn native(kept: &mut Option<arboard::Clipboard>, bytes: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it takes text only, and this is not UTF-8".to_owned())?;
    // An X11 server that does not answer must not hold the thread for ever: the attempt gets half a second.
    let (sender, receiver) = crossbeam_channel::bounded(1);
    let mut clipboard = kept.take();
    let text = text.to_owned();
    std::thread::spawn(move || {
        let result = match clipboard.take() {
            Some(clipboard) => Ok(clipboard),
            None => arboard::Clipboard::new(),
        }
        .and_then(|mut clipboard| clipboard.set_text(text).map(|()| clipboard));
        drop(sender.send(result));
    });
    match receiver.recv_timeout(Duration::from_millis(500)) {
        Ok(Ok(clipboard)) => {
            *kept = Some(clipboard);
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 500 ms".to_owned()),
    }
}

/// The sequence, or `None` when it is larger than terminals take. Never cut: half a prompt replayed is a wrong prompt.
fn osc52(bytes: &[u8], screen: bool) -> Option<Vec<u8>> {
    let encoded = base64::engine::general_purpose::STANDARD.encode(bytes);
    if encoded.len() > OSC52_LIMIT {
        return None;
    }
    let sequence = format!("\x1b]52;c;{encoded}\x07");
    if !screen {
        return Some(sequence.into_bytes());
    }
    // GNU screen passes a device control string on, 768 bytes at a time.
    let mut wrapped = Vec::with_capacity(sequence.len() + sequence.len() / 100);
    for piece in sequence.as_bytes().chunks(512) {
        wrapped.extend_from_slice(b"\x1bP");
        wrapped.extend_from_slice(piece);
        wrapped.extend_from_slice(b"\x1b\\");
    }
    Some(wrapped)
}

fn save(folder: &Path, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix("copied-").suffix(".txt").tempfile_in(folder)?;
    file.write_all(bytes)?;
    let (_, path) = file.keep().map_err(|e| e.error)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn osc52_carries_the_text_whole_or_not_at_all() {
        let sequence = osc52("prompt ✓".as_bytes(), false).unwrap();
        let inner = sequence.strip_prefix(b"\x1b]52;c;").unwrap().strip_suffix(b"\x07").unwrap();
        assert_eq!(
            base64::engine::general_purpose::STANDARD.decode(inner).unwrap(),
            "prompt ✓".as_bytes()
        );
        assert!(osc52("x".repeat(60_000).as_bytes(), false).is_none());
    }

    #[test]
    fn screen_gets_chunks_that_join_to_the_sequence() {
        let text = "y".repeat(3_000);
        let wrapped = String::from_utf8(osc52(text.as_bytes(), true).unwrap()).unwrap();
        assert!(wrapped.split("\x1b\\").all(|chunk| chunk.len() <= 768));
        let joined = wrapped.replace("\x1bP", "").replace("\x1b\\", "");
        assert_eq!(joined.as_bytes(), osc52(text.as_bytes(), false).unwrap());
    }

    #[test]
    fn without_any_clipboard_the_text_is_in_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let around = Surroundings {
            dumb: true,
            folder: folder.path().join("deep"),
            ..Surroundings::default()
        };
        let outcome = copy(
            &around,
            &mut None,
            &Request {
                what: "prompt",
                bytes: b"secret".to_vec(),
            },
        );
        assert!(
            matches!(outcome, Outcome::Saved(_)),
            "a file is not a clipboard, and the words say so"
        );
        let file = std::fs::read_dir(&around.folder).unwrap().next().unwrap().unwrap();
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "secret");
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
