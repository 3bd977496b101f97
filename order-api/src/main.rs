//! The process.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_host::main::<order_api::OrderApi>()
}
