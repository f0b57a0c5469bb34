//! Copying, from the key to the bytes that arrive: in a bare terminal, over SSH, inside screen, inside tmux by each of its settings and
//! inside two of them, on an X11 and a Wayland desktop, and where no clipboard is. What arrives is every byte, or the screen says "not copied" and a file has them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use portable_pty::CommandBuilder;

use super::pty::Session;

/// As many bytes as asked for, none of them alike its neighbours for long, and not all of them ASCII.
fn text(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 16);
    let mut n = 0_u32;
    while text.len() < bytes {
        text.push_str(&format!("{n:x} é'\"$`\\\\ "));
        n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.push_str(&"x".repeat(bytes - end));
    text
}

/// A log with an answer of each size, the last one the newest.
fn log(folder: &Path, sizes: &[usize]) -> String {
    let path = folder.join("app.jsonl");
    let lines: Vec<String> = sizes
        .iter()
        .enumerate()
        .map(|(n, size)| {
            format!(
                r#"{{"timestamp":"2026-11-22T15:00:{n:02}Z","trace_id":"{n:032x}","model":"m","messages":[{{"role":"user","content":"size {n}?"}}],"response_text":{},"input_tokens":1,"output_tokens":1}}"#,
                serde_json::to_string(&text(*size)).unwrap()
            ) + "\n"
        })
        .collect();
    std::fs::write(&path, lines.concat()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The pieces that screen passes on, joined.
fn unwrapped(bytes: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(2).position(|w| w == b"\x1bP") {
        let inner = &rest[at + 2..];
        let Some(end) = inner.windows(2).position(|w| w == b"\x1b\\") else {
            break;
        };
        joined.extend_from_slice(&inner[..end]);
        rest = &inner[end + 2..];
    }
    joined
}

/// The files that copies went into, as nothing else took them.
fn files(home: &Path) -> Vec<Vec<u8>> {
    let folder = home.join(".cache/spanscope");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("copied-"))
        .map(|entry| entry.path())
        .collect();
    files.sort_by_key(|path| path.metadata().and_then(|meta| meta.modified()).unwrap());
    files.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

const SIZES: [usize; 4] = [1, 1_000, 56_000, 1_000_000];
/// More than this is too much for one OSC 52.
const OSC52: usize = 56_245;

#[test]
fn a_terminal_gets_every_byte_or_a_file_does() {
    // (what, environment, in screen's pieces, through the terminal at all)
    for (what, environment, pieces, takes) in [
        ("over ssh", &[("SSH_TTY", "/dev/pts/0")][..], false, true),
        ("no desktop", &[("SSH_TTY", "")], false, true),
        ("inside screen", &[("STY", "1.pts"), ("TERM", "screen-256color")], true, true),
        ("a console without a clipboard", &[("TERM", "linux"), ("SSH_TTY", "")], false, false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = log(folder.path(), &SIZES);
        let mut session = Session::start_with(&[&path], 120, 30, environment);
        session.wait_text("size 0?");
        session.wait_text("size 3?");
        // The newest row first.
        session.press("g");
        for (step, size) in SIZES.iter().rev().enumerate() {
            if step > 0 {
                session.press("j");
            }
            let expected = text(*size).into_bytes();
            session.press("yr");
            if takes && *size <= OSC52 {
                session.wait(what, |_, bytes| {
                    let told = if pieces { unwrapped(bytes) } else { bytes.to_vec() };
                    carried(&told).as_deref() == Some(expected.as_slice())
                });
            } else {
                session.wait(what, |screen, _| {
                    screen.contents().contains("not copied") && files(session.home.path()).last() == Some(&expected)
                });
            }
        }
        session.press("\x03");
        assert_eq!(session.end().0, 0, "{what}");
    }
}

/// Whether one of these programs is not here. That is said past the test runner, which keeps what passing tests print to itself.
fn lacks(programs: &[&str]) -> bool {
    let here = |name: &&str| ["/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists());
    let Some(missing) = programs.iter().find(|name| !here(name)) else {
        return false;
    };
    let words = format!("SKIPPED, for want of {missing}: a part of the clipboard's tests\n");
    std::io::stderr().write_all(words.as_bytes()).unwrap();
    true
}

#[test]
fn screen_itself_passes_every_byte_on() {
    if lacks(&["screen"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = log(folder.path(), &SIZES);
    let (settings, sockets) = (folder.path().join("screenrc"), folder.path().join("sockets"));
    std::fs::write(&settings, "startup_message off\ndefutf8 on\n").unwrap();
    std::fs::create_dir(&sockets).unwrap();
    std::fs::set_permissions(&sockets, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = CommandBuilder::new("screen");
    command.args(["-c", settings.to_str().unwrap(), env!("CARGO_BIN_EXE_spanscope"), &path]);
    let mut session = Session::spawn(command, 120, 30, &[("SCREENDIR", sockets.to_str().unwrap())]);
    session.wait_text("size 0?");
    session.wait_text("size 3?");
    session.press("g");
    for (step, size) in SIZES.iter().rev().enumerate() {
        if step > 0 {
            session.press("j");
        }
        let expected = text(*size).into_bytes();
        session.press("yr");
        if *size <= OSC52 {
            session.wait("what screen sends its terminal", |_, bytes| {
                carried(bytes).as_deref() == Some(expected.as_slice())
            });
        } else {
            session.wait("a file, and words that say so", |screen, _| {
                screen.contents().contains("not copied") && files(session.home.path()).last() == Some(&expected)
            });
        }
    }
    session.press("\x03");
    session.end();
}

/// A display server without a screen; it ends with the test.
struct Display(Child);

impl Display {
    /// Starts it and reads the line in which it names itself.
    fn start(command: &mut Command) -> (Self, String) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line.trim().to_owned())
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Copies answers of every size on a desktop, and compares what another program then pastes.
fn desktop_gets_every_byte(folder: &Path, environment: &[(&str, &str)], paste: &[&str]) {
    let path = log(folder, &SIZES);
    let environment = [environment, &[("SSH_TTY", "")]].concat();
    let mut session = Session::start_with(&[&path], 120, 30, &environment);
    session.wait_text("size 0?");
    session.wait_text("size 3?");
    session.press("g");
    for (step, size) in SIZES.iter().rev().enumerate() {
        if step > 0 {
            session.press("j");
        }
        session.press("yr");
        let words = format!(
            "copied response, {}: desktop clipboard",
            spanscope::model::text::bytes(*size as u64)
        );
        session.wait_text(&words);
        let pasted = Command::new(paste[0])
            .args(&paste[1..])
            .envs(environment.iter().copied())
            .output()
            .unwrap();
        assert!(pasted.stdout == text(*size).into_bytes(), "{size}: other bytes were pasted");
    }
    session.press("\x03");
    assert_eq!(session.end().0, 0);
}

#[test]
fn an_x11_desktop_gets_every_byte() {
    if lacks(&["Xvfb", "xclip"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_server, number) = Display::start(Command::new("Xvfb").args(["-displayfd", "1", "-screen", "0", "640x480x8", "-nolisten", "tcp"]));
    let display = format!(":{number}");
    desktop_gets_every_byte(folder.path(), &[("DISPLAY", &display)], &["xclip", "-o", "-selection", "clipboard"]);
}

#[test]
fn a_wayland_desktop_gets_every_byte() {
    if lacks(&["sway", "wl-paste", "setpriv"]) {
        return;
    }
    const NOBODY: u32 = 65_534;
    let folder = tempfile::tempdir().unwrap();
    let (settings, runtime) = (folder.path().join("sway"), folder.path().join("runtime"));
    std::fs::write(&settings, "exec echo $WAYLAND_DISPLAY\n").unwrap();
    std::fs::create_dir(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut sway = Command::new("sway");
    // It does not run as root.
    if folder.path().metadata().unwrap().uid() == 0 {
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        chown(&runtime, Some(NOBODY), Some(NOBODY)).unwrap();
        sway = Command::new("setpriv");
        sway.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sway"]);
    }
    let (_server, display) = Display::start(
        sway.arg("-c")
            .arg(&settings)
            .env("XDG_RUNTIME_DIR", &runtime)
            .env("WLR_BACKENDS", "headless")
            .env("WLR_LIBINPUT_NO_DEVICES", "1")
            .env("WLR_RENDERER", "pixman"),
    );
    let environment = [("XDG_RUNTIME_DIR", runtime.to_str().unwrap()), ("WAYLAND_DISPLAY", &display)];
    desktop_gets_every_byte(folder.path(), &environment, &["wl-paste", "--no-newline"]);
}

/// A command line of tmux with a server of its own.
fn tmux(folder: &Path, name: &str, rest: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new("tmux");
    command.args(["-f", folder.join(format!("{name}.conf")).to_str().unwrap()]);
    command.args(["-S", folder.join(format!("{name}.sock")).to_str().unwrap()]);
    command.args(rest);
    command
}

/// What is in the newest buffer of a server.
fn buffer(folder: &Path, name: &str) -> Vec<u8> {
    let socket = folder.join(format!("{name}.sock"));
    let shown = Command::new("tmux")
        .args(["-S", socket.to_str().unwrap(), "show-buffer"])
        .output()
        .unwrap();
    shown.stdout
}

#[test]
fn tmux_gets_every_byte_whatever_its_settings() {
    if lacks(&["tmux"]) {
        return;
    }
    const SIZES: [usize; 2] = [1, 1_000_000];
    let binary = env!("CARGO_BIN_EXE_spanscope");
    for (setting, nested) in [("off", false), ("external", false), ("on", false), ("external", true)] {
        let folder = tempfile::tempdir().unwrap();
        let path = log(folder.path(), &SIZES);
        for name in ["outer", "inner"] {
            let text = format!("set -s set-clipboard {setting}\nset -g status off\n");
            std::fs::write(folder.path().join(format!("{name}.conf")), text).unwrap();
        }
        let run = format!("{binary} {path}");
        let inner = folder.path().join("inner.sock");
        let nest = format!(
            "env -u TMUX tmux -f {} -S {} new-session '{run}'",
            folder.path().join("inner.conf").display(),
            inner.display()
        );
        let script = if nested { &nest } else { &run };
        let command = tmux(folder.path(), "outer", &["new-session", script]);
        let mut session = Session::spawn(command, 120, 30, &[("SSH_TTY", "")]);
        session.wait_text("size 1?");
        session.press("g");
        let server = if nested { "inner" } else { "outer" };
        for (step, size) in SIZES.iter().rev().enumerate() {
            if step > 0 {
                session.press("j");
            }
            let expected = text(*size).into_bytes();
            session.press("yr");
            let words = if *size == 1 { "copied response, 1 B" } else { "copied response, 1" };
            session.wait(&format!("{setting}, nested: {nested}"), |screen, _| {
                screen.contents().contains(words) && screen.contents().contains("tmux buffer")
            });
            assert!(
                buffer(folder.path(), server) == expected,
                "{setting} {nested} {size}: the buffer has other bytes"
            );
            if !nested {
                // The terminal around it gets them too: that is what `load-buffer -w` is for.
                session.wait("the outer terminal's sequence", |_, bytes| {
                    carried(bytes).as_deref() == Some(expected.as_slice())
                });
            }
        }
        for name in ["inner", "outer"] {
            let socket = folder.path().join(format!("{name}.sock"));
            // One of them may not run.
            drop(Command::new("tmux").args(["-S", socket.to_str().unwrap(), "kill-server"]).output());
        }
    }
}

/// What tmux told its terminal last: `ESC ] 52 ; … ; base64 BEL`, or ended by `ESC \`.
fn carried(bytes: &[u8]) -> Option<Vec<u8>> {
    let start = bytes.windows(5).rposition(|w| w == b"\x1b]52;")? + 5;
    let start = start + bytes[start..].iter().position(|b| *b == b';')? + 1;
    let end = start + bytes[start..].iter().position(|b| matches!(b, 7 | 0x1b))?;
    base64::engine::general_purpose::STANDARD.decode(&bytes[start..end]).ok()
}
