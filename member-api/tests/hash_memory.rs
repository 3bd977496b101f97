//! The memory that hashing passwords keeps. The test is alone in its process, so that the memory is its own.

#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

use std::fs;
use std::num::NonZeroUsize;

use futures::future::join_all;
use member_api::members::password_hasher::{PasswordHasher, Verdict};
use member_api::members::{HashKind, NewPassword};
use member_api::settings::Passwords;

const PERMITS: usize = 2;
const MIB_PER_PERMIT: u64 = 19;
const MIB_FOR_THE_REST: u64 = 5;

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashing_takes_its_memory_once_for_each_permit_and_uses_it_again() {
    let settings = Passwords { hashes_at_once: NonZeroUsize::new(PERMITS), ..Passwords::default() };
    let hasher = PasswordHasher::new(&settings).unwrap();
    let idle = resident_kib();
    let hash_and_verify = |n: usize| {
        let hasher = hasher.clone();
        tokio::spawn(async move {
            let turn = hasher.turn(HashKind::SignIn).await.unwrap();
            let hash = turn.hash(NewPassword::from(format!("macaron-tower-{n}"))).await.unwrap();
            let attempt = serde_json::from_value(format!("macaron-tower-{n}").into()).unwrap();
            assert_eq!(turn.verify(attempt, Some(hash)).await.unwrap(), Verdict::Right);
        })
    };
    for round in 0..10 {
        for done in join_all((0..6).map(|n| hash_and_verify(round * 6 + n))).await {
            done.unwrap();
        }
    }
    let allowed = idle + (u64::try_from(PERMITS).unwrap() * MIB_PER_PERMIT + MIB_FOR_THE_REST) * 1024;
    let after = resident_kib();
    assert!(after <= allowed, "{after} KiB, and {allowed} are allowed");
}
