//! Texts in the user's own pager or editor. They get the text as the screen shows it, made safe: a pager may pass escape sequences on
//! to the terminal. What was logged byte for byte is copied instead (`y`), into the clipboard or a file.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, kill_current_process_group, waitpid};

use crate::app::Program;

/// Shows a text in a program and waits for its end. The file is private, in a private folder, and gone afterwards.
pub fn show(cache: &Path, program: Program, name: &str, text: &str) -> Result<(), String> {
    let failed = |error: io::Error| format!("the text cannot be written for it: {}: {error}", cache.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    let folder = tempfile::Builder::new().prefix("text-").tempdir_in(cache).map_err(failed)?;
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
    fn it_ends_with_the_codes_of_a_shell() {
        assert_eq!(run(Command::new("sh").args(["-c", "exit 3"])).unwrap(), 3);
        assert_eq!(run(Command::new("sh").args(["-c", "kill -TERM $$"])).unwrap(), 128 + 15);
        assert!(run(&mut Command::new("/no/such/program")).is_err());
    }
}
