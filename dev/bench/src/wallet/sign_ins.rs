//! The cost of a sign-in.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use http::{Method, StatusCode};
use serde_json::json;
use testkit::member::PASSWORD;

use super::setup::Bench;
use crate::aim::verdict;
use crate::client::Connection;
use crate::figures::{Figures, Of};
use crate::load::median;
use crate::process::Process;

pub(super) const PATH: &str = "/api/member/sessions";
const AIM: f64 = 1.1;

/// Measures and prints. True if the aim is met.
pub(super) async fn measure(bench: &Bench, figures: &mut Figures) -> anyhow::Result<bool> {
    let member_api = Process::of(&bench.stack, "member-api")?;
    let (mut bare, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let one_bare = per_turn(cpu_of_bare_hashes(bench.sign_ins).await?, bench.sign_ins);
        let before = member_api.processor_time()?;
        sign_in(bench).await?;
        let one_of_ours = per_turn(member_api.processor_time_since(before)?, bench.sign_ins);
        bare.push(one_bare);
        ours.push(one_of_ours);
        ratios.push(one_of_ours / one_bare);
    }
    let (ratio, bare, ours) = (median(ratios), median(bare), median(ours));
    figures.cost(Of::Dalkom, "sign-in, processor time of member-api", "ms", ours);
    figures.cost(Of::Floor, "bare hash, processor time", "ms", bare);
    println!(
        "\nCPU time of member-api for a sign-in, against one bare Argon2id hash (19 MiB, t=2, p=1); {} of each in a round.\n\n  \
         bare hash {bare:.1} ms, sign-in {ours:.1} ms, ratio {ratio:.2}; aim {AIM}: {}",
        bench.sign_ins,
        verdict(ratio <= AIM)
    );
    Ok(ratio <= AIM)
}

/// In milliseconds.
fn per_turn(time: Duration, turns: u32) -> f64 {
    time.as_secs_f64() * 1_000.0 / f64::from(turns)
}

async fn sign_in(bench: &Bench) -> anyhow::Result<()> {
    let mut connection = Connection::open(&bench.stack.url("member-api")?).await?;
    for (customer, _) in bench.customers.iter().cycle().zip(0..bench.sign_ins) {
        let body = json!({ "email": customer.email, "password": PASSWORD });
        let answer = connection.send(Method::POST, PATH, None, &[], Some(&body)).await?;
        answer.expect(StatusCode::CREATED);
    }
    Ok(())
}

/// This process does nothing else at that time.
async fn cpu_of_bare_hashes(count: u32) -> anyhow::Result<Duration> {
    let hashing = tokio::task::spawn_blocking(move || {
        let params = Params::new(19 * 1024, 2, 1, None).map_err(anyhow::Error::msg)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let before = Process::this().processor_time()?;
        for _ in 0..count {
            let mut hash = [0; 32];
            argon2
                .hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes ..", &mut hash)
                .map_err(anyhow::Error::msg)?;
            std::hint::black_box(hash);
        }
        Process::this().processor_time_since(before)
    });
    hashing.await?
}
