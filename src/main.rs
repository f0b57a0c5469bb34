//! `spanscope`, the program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    spanscope::runtime::main(std::env::args_os())
}
