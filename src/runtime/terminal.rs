//! The terminal: entered once, left on every way out.
//!
//! `leave` may be called from anywhere and as often as one likes; the panic hook, the signal paths and the hang-up watchdog all do.
//! Nothing else in the program changes a terminal mode.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::model::text::{self, Safe};

/// The screen the loop draws on.
pub type Screen = Terminal<CrosstermBackend<io::Stdout>>;

static ENTERED: AtomicBool = AtomicBool::new(false);

/// Takes the terminal over.
pub fn enter(mouse: bool) -> io::Result<()> {
    terminal::enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
    if mouse {
        execute!(io::stdout(), EnableMouseCapture)?;
    }
    Ok(())
}

/// Shows a text on the plain screen, where the terminal's own selection reaches all of it. What would act or hide in it is shown.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout();
    execute!(out, LeaveAlternateScreen, cursor::Show)?;
    for line in text::lines(&String::from_utf8_lossy(bytes)) {
        write!(out, "{}\r\n", Safe::line(line))?;
    }
    write!(out, "\r\n── any key goes back ──\r\n")?;
    out.flush()
}

/// Back from the plain screen.
pub fn back() -> io::Result<()> {
    execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)
}

/// A blank screen that knows nothing of what was drawn before. `Terminal::clear` would ask the terminal where its cursor is,
/// and the answer would arrive among the keys.
pub fn fresh() -> io::Result<Screen> {
    execute!(io::stdout(), terminal::Clear(terminal::ClearType::All))?;
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

/// Gives the terminal back as it was. Errors have nowhere to go: the terminal may be the thing that broke.
pub fn leave() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        drop(execute!(
            out,
            DisableMouseCapture,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        ));
        drop(out.write_all(b"\x1b[0m"));
        drop(out.flush());
        drop(terminal::disable_raw_mode());
    }
}

/// Restores the terminal before a panic's message is printed. A panic on another thread ends the program:
/// a half-dead explorer that goes on drawing would hide the message and the truth.
pub fn install_panic_hook() {
    let main = std::thread::current().id();
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        leave();
        default(info);
        if std::thread::current().id() != main {
            std::process::exit(101);
        }
    }));
}

/// Calls `gone` once the terminal has hung up. The key source of crossterm would spin at 100 % instead of telling.
pub fn watch_hang_up(gone: impl FnOnce() + Send + 'static) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let tty = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .or_else(|_| io::stdout().as_fd().try_clone_to_owned().map(Into::into))?;
    std::thread::Builder::new().name("hang-up".into()).spawn(move || {
        loop {
            let mut fds = [PollFd::new(&tty, PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        gone();
    })?;
    Ok(())
}

/// Leaves the terminal to something else until that has ended.
pub fn aside<T>(mouse: bool, other: impl FnOnce() -> T) -> io::Result<T> {
    leave();
    let said = other();
    enter(mouse)?;
    Ok(said)
}

/// Stops the program's whole process group as Ctrl-Z would, and comes back when it is continued.
pub fn suspend(mouse: bool) -> io::Result<()> {
    leave();
    rustix::process::kill_current_process_group(rustix::process::Signal::STOP).map_err(io::Error::from)?;
    enter(mouse)
}
