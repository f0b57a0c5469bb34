//! Texts in the user's own pager or editor. They get the text as the screen shows it, made safe: a pager may pass escape sequences on
//! to the terminal. What was logged byte for byte is copied instead (`y`), into the clipboard or a file.

use std::fs::{DirEntry, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, kill_current_process_group, waitpid};

use crate::app::Program;

/// How the folder of a text begins.
const PREFIX: &str = "text-";
/// In it, locked while the program runs.
const HELD: &str = "held.lock";
/// Beside the folders, and shared with temporary stores: who makes one or sweeps takes turns.
const TURN: &str = "sweep.lock";

/// Shows a text in a program and waits for its end. The file is private, in a private folder, and gone afterwards.
pub fn show(cache: &Path, program: Program, name: &str, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| format!("the text cannot be written for it: {}: {error}", cache.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    // Held until this returns: the sweep leaves the folder alone. The lock comes right behind the folder, and both while nobody sweeps.
    let turn = lock_file(&cache.join(TURN)).map_err(failed)?;
    turn.lock().map_err(failed)?;
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(cache).map_err(failed)?;
    let held = lock_file(&folder.path().join(HELD)).map_err(failed)?;
    held.lock().map_err(failed)?;
    drop(turn);
    let path = folder.path().join(format!("{name}.txt"));
    let mut file = File::create(&path).map_err(failed)?;
    file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    drop(file);
    let command = command(program, |name| std::env::var(name).ok());
    // As git does it: what the user set may hold options.
    let ended = run(Command::new("sh")
        .arg("-c")
        .arg(format!("{command} \"$@\""))
        .arg(&command)
        .arg(&path));
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => Err(format!("`{command}` ended with {code}: {} names another", variable(program))),
        Err(error) => Err(format!("`{command}` cannot be run: {error}")),
    }
}

/// Removes texts whose process is gone: they hold what was logged. What cannot be removed now is tried again at the next start.
pub fn sweep(cache: &Path) {
    let ours = |entry: &DirEntry| {
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        named && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    let Ok(entries) = std::fs::read_dir(cache) else { return };
    let folders: Vec<PathBuf> = entries.flatten().filter(ours).map(|entry| entry.path()).collect();
    if folders.is_empty() {
        return;
    }
    // One that is being made has no lock yet.
    let Ok(turn) = lock_file(&cache.join(TURN)) else { return };
    if turn.lock().is_err() {
        return;
    }
    for folder in folders {
        let free = match OpenOptions::new().write(true).open(folder.join(HELD)) {
            Ok(file) => file.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if free {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

const fn variable(program: Program) -> &'static str {
    match program {
        Program::Pager => "$PAGER",
        Program::Editor => "$EDITOR",
    }
}

fn command(program: Program, variable: impl Fn(&str) -> Option<String>) -> String {
    let (names, default): (&[&str], &str) = match program {
        Program::Pager => (&["PAGER"], "less"),
        Program::Editor => (&["VISUAL", "EDITOR"], "vi"),
    };
    let set = names
        .iter()
        .find_map(|name| variable(name).filter(|command| !command.trim().is_empty()));
    set.unwrap_or_else(|| default.to_owned())
}

/// Runs to the end; its exit code, 128 and more for a signal. Where it is stopped (Ctrl-Z), so is this program, and both go on together.
fn run(command: &mut Command) -> io::Result<i32> {
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    loop {
        let status = match waitpid(pid, WaitOptions::UNTRACED) {
            Ok(Some((_, status))) => status,
            Ok(None) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if status.stopped() {
            kill_current_process_group(Signal::STOP)?;
        } else if let Some(signal) = status.terminating_signal() {
            return Ok(128 + signal);
        } else {
            return Ok(status.exit_status().unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_users_own_program_is_asked_first() {
        let set = |known: &'static [(&str, &str)]| move |name: &str| known.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        assert_eq!(command(Program::Pager, set(&[])), "less");
        assert_eq!(command(Program::Pager, set(&[("PAGER", "most -w")])), "most -w");
        assert_eq!(command(Program::Editor, set(&[("EDITOR", "nano"), ("VISUAL", " ")])), "nano");
        assert_eq!(
            command(Program::Editor, set(&[("EDITOR", "nano"), ("VISUAL", "code -w")])),
            "code -w"
        );
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_read_is_not() {
        let cache = tempfile::tempdir().unwrap();
        let folder = |name: &str| {
            let path = cache.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("prompt.txt"), "secret").unwrap();
            path
        };
        let (left, read, others) = (folder("text-a"), folder("text-b"), folder("store-c"));
        drop(lock_file(&left.join(HELD)).unwrap());
        let held = lock_file(&read.join(HELD)).unwrap();
        held.lock().unwrap();
        sweep(cache.path());
        assert_eq!((left.exists(), read.exists(), others.exists()), (false, true, true));
        drop(held);
        sweep(cache.path());
        assert!(!read.exists());
    }

    #[test]
    fn it_ends_with_the_codes_of_a_shell() {
        assert_eq!(run(Command::new("sh").args(["-c", "exit 3"])).unwrap(), 3);
        assert_eq!(run(Command::new("sh").args(["-c", "kill -TERM $$"])).unwrap(), 128 + 15);
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
