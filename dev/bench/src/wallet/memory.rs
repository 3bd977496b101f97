//! The resident memory of member-api after sign-ins that came at the same time.

use std::thread::available_parallelism;

use futures::future::try_join_all;
use http::{Method, StatusCode};
use serde_json::json;
use stack::Stack;
use testkit::member::PASSWORD;

use super::setup::{Bench, Customer};
use super::sign_ins::PATH;
use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::process::Process;

/// As many as may wait for their hash.
const AT_ONCE: usize = 24;
/// What a hash needs, and what the rest of the process may need more than when it was idle.
const MIB_PER_PERMIT: f64 = 19.0;
const MIB_FOR_THE_REST: f64 = 5.0;

/// The resident memory of member-api.
pub(super) fn resident_mib(stack: &Stack) -> anyhow::Result<f64> {
    let (resident_kib, _) = Process::of(stack, "member-api")?.memory_kib()?;
    Ok(f64::from(u32::try_from(resident_kib)?) / 1024.0)
}

/// Signs in, measures and prints. True if the aim is met.
pub(super) async fn measure(bench: &Bench, idle: f64, figures: &mut Figures) -> anyhow::Result<bool> {
    let url = bench.stack.url("member-api")?;
    for customers in bench.customers.chunks(AT_ONCE) {
        try_join_all(customers.iter().map(|customer| sign_in(&url, customer))).await?;
    }
    let after = resident_mib(&bench.stack)?;
    // The default of `passwords.hashes-at-once`.
    let permits = u32::try_from((available_parallelism()?.get() - 1).max(1))?;
    let aim = idle + f64::from(permits) * MIB_PER_PERMIT + MIB_FOR_THE_REST;
    figures.cost(Of::Dalkom, "resident memory of member-api after sign-ins", "MiB", after);
    println!(
        "\nResident memory of member-api after all sign-ins, {AT_ONCE} at once at the end.\n\n  \
         idle {idle:.1} MiB, after {after:.1} MiB; aim {aim:.1} (idle + {permits} x {MIB_PER_PERMIT} + {MIB_FOR_THE_REST}): {}",
        verdict(after <= aim)
    );
    Ok(after <= aim)
}

async fn sign_in(url: &str, customer: &Customer) -> anyhow::Result<()> {
    let mut connection = Connection::open(url).await?;
    let body = json!({ "email": customer.email, "password": PASSWORD });
    connection.send(Method::POST, PATH, None, &[], Some(&body)).await?.expect(StatusCode::CREATED);
    Ok(())
}
