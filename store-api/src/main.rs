//! Stores, items, options, stock and its reservations, and search.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_host::main::<store_api::StoreApi>()
}
