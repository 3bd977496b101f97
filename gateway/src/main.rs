//! The gateway's process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_host::main::<gateway::Gateway>()
}
