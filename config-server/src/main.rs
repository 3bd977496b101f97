//! config-server: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    config_server::main()
}
