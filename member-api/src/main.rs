//! Members, sessions, wallets and the ledger.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_host::main::<member_api::MemberApi>()
}
