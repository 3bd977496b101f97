//! Redis.

use std::fs;
use std::time::Duration;

use crate::error::StackError;
use crate::home::{Home, Purpose};
use crate::parts::PartPlan;
use crate::probe::Probe;
use crate::tools::Program;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn plan(program: &Program, port: u16, home: &Home) -> Result<PartPlan, StackError> {
    let data = home.data().join("redis");
    fs::create_dir_all(&data).map_err(StackError::io(format!("making {}", data.display())))?;
    let append_only = match home.purpose() {
        Purpose::Lasting | Purpose::Measured => "yes",
        Purpose::Throwaway => "no",
    };
    let launch = program
        .launch("redis")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"])
        // With a title of its own, the process could not be found by its command line later.
        .args(["--set-proc-title", "no"])
        .args(["--save", "", "--appendonly", append_only, "--dir"])
        .arg(data);
    Ok(PartPlan {
        launch,
        probe: Probe::RedisAnswers(port),
        address: format!("127.0.0.1:{port}"),
        patience: PATIENCE,
        exit_code: 0,
    })
}
