//! The binary: TLS provider first, then parse, run, exit code. Everything else is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    tillwatch::stripe::install_tls();
    tillwatch::cli::main()
}
