//! Spring Cloud Config's protocol: what a real server answered to each request, and what ours answers.
//!
//! `cases.json` and `recorded.json` hold one request each, with the files of the repository and the real server's answer.
//! An answer that is different on purpose stands in [`exceptions::EXCEPTIONS`] with its reason.
#![expect(clippy::unwrap_used, reason = "in a test, the panic is the message")]

mod case;
mod exceptions;
#[path = "../support/git.rs"]
mod git_origin;
mod server;

use std::collections::BTreeSet;

use crate::case::Case;
use crate::exceptions::EXCEPTIONS;

#[tokio::test]
async fn every_recorded_answer_is_given() {
    let mut cases = Case::read(include_str!("cases.json"));
    cases.extend(Case::read(include_str!("recorded.json")));
    let mut failed = Vec::new();
    let mut excepted = BTreeSet::new();
    let mut agreed = 0;

    for case in &cases {
        let exception = EXCEPTIONS.iter().find(|(name, _)| *name == case.name);
        match (server::difference(case).await, exception) {
            (None, None) => agreed += 1,
            (Some(_), Some((name, _))) => {
                excepted.insert(*name);
            }
            (None, Some((name, _))) => failed.push(format!("{name}: is an exception, and agrees")),
            (Some(difference), None) => failed.push(format!("{}: {difference}", case.name)),
        }
    }

    println!("{agreed} of {} answers agree, {} differ on purpose", cases.len(), excepted.len());
    for (name, reason) in EXCEPTIONS {
        assert!(!reason.is_empty(), "{name} has no reason");
        assert!(cases.iter().any(|case| case.name == *name), "there is no case {name}");
    }
    assert!(failed.is_empty(), "{} of {} differ:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
