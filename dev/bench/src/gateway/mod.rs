//! `cargo xtask bench gateway`: the gateway beside other proxies, in turns, before the same upstream.
//!
//! The upstream is an nginx with fixed answers, so that what differs is the proxy. What counts is requests a second of the
//! proxy's processor time: it hardly depends on what else the machine does. The other proxies only forward. The gateway
//! verifies the token, asks whether its session has ended, balances, traces and measures on every request as well.
//!
//! | file | owns |
//! |---|---|
//! | [`rows`] | what is requested |
//! | [`stage`] | what the gateway needs besides the upstream: settings, and a list of instances |
//! | [`upstream`] | the answers |
//! | [`proxies`], [`others`] | starting each proxy |
//! | [`wrk`] | the load |
//! | [`idle`] | the memory of idle connections |
//! | [`limited`], [`overload`] | a service with a limit, and twice what it can answer |
//! | [`report`] | the table and the figures |

mod idle;
mod limited;
mod others;
mod overload;
mod place;
mod proxies;
mod report;
mod rows;
mod running;
mod stage;
mod upstream;
mod wrk;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use stack::{GatewayPeers, Home, Silent};
use tokio::task::spawn_blocking;

use crate::figures::Figures;
use place::{Logs, Place};
use proxies::{Kind, Proxy};
use report::{Measurement, Report};
use rows::Row;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often each proxy is measured; the proxies take turns
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long each measurement takes
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// The numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256])]
    connections: Vec<u32>,
    /// What is requested
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Row::value_variants().to_vec())]
    rows: Vec<Row>,
    /// Which proxies are measured. A proxy whose program is missing is left out
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Kind::value_variants().to_vec())]
    proxies: Vec<Kind>,
    /// Whether the proxies write access logs
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Logs::On, Logs::Off])]
    logs: Vec<Logs>,
    /// How many threads each proxy has
    #[arg(long, default_value_t = 2)]
    threads: u32,
    /// How many idle connections the memory is measured with; 0 leaves it out
    #[arg(long, default_value_t = 2_000)]
    idle: u32,
    /// How long the gateway gets twice what a service can answer, in seconds; 0 leaves it out
    #[arg(long, default_value_t = 5)]
    overload: u64,
    /// A folder with the sources of a Spring Cloud Gateway, which Maven builds
    #[arg(long, default_value = "../shared/spring/gateway")]
    spring: PathBuf,
}

pub(crate) async fn run(
    binaries: PathBuf,
    arguments: Arguments,
    figures: &mut Figures,
) -> anyhow::Result<ExitCode> {
    let home = Home::lasting(stack::checkout());
    let peers = spawn_blocking(move || GatewayPeers::find_or_fetch(&home, &Silent)).await??;
    let folder = tempfile::tempdir()?;
    let stage = stage::Stage::start(folder.path(), &peers.nginx).await?;
    let place = Place {
        folder: folder.path(),
        binaries: &binaries,
        peers: &peers,
        stage: &stage,
        spring: &arguments.spring,
    };
    let mut report = Report::default();
    for logs in &arguments.logs {
        let proxies = start(&place, &arguments, *logs).await?;
        measure(&proxies, &stage, &peers, &arguments, *logs, &mut report).await?;
        let ours = proxies.iter().find(|proxy| proxy.kind == Kind::Dalkom && *logs == Logs::On);
        if let Some(gateway) = ours.filter(|_| arguments.overload > 0) {
            let time = Duration::from_secs(arguments.overload);
            overload::measure(gateway, stage.token(), time, figures).await?;
        }
        if *logs == Logs::On && arguments.idle > 0 {
            for proxy in &proxies {
                report.idle(proxy.kind, idle::measure(proxy, arguments.idle).await?);
            }
        }
    }
    report.print(&arguments.proxies);
    report.note(figures);
    Ok(ExitCode::SUCCESS)
}

/// Starts every proxy whose program is there. All run for the whole time, and only the one that is measured has work.
async fn start(place: &Place<'_>, arguments: &Arguments, logs: Logs) -> anyhow::Result<Vec<Proxy>> {
    let mut running = Vec::new();
    for kind in &arguments.proxies {
        match Proxy::start(*kind, place, arguments.threads, logs).await {
            Ok(proxy) => running.push(proxy),
            Err(error) if *kind == Kind::Dalkom => return Err(error),
            Err(error) => println!("{kind} is left out: {error:#}"),
        }
    }
    Ok(running)
}

async fn measure(
    proxies: &[Proxy],
    stage: &stage::Stage,
    peers: &GatewayPeers,
    arguments: &Arguments,
    logs: Logs,
    report: &mut Report,
) -> anyhow::Result<()> {
    let wrk = Arc::new(peers.wrk.clone());
    for row in &arguments.rows {
        for connections in arguments.connections.iter().filter(|count| row.is_measured_with(**count)) {
            for round in 0..arguments.rounds {
                // The first of them changes, so that no proxy always meets the machine as another one has left it.
                let first = usize::try_from(round)? % proxies.len();
                for proxy in proxies[first..].iter().chain(&proxies[..first]) {
                    let load = wrk::Load {
                        url: format!("{}{}", proxy.url(), row.path()),
                        accepts: row.accepts(),
                        token: row.has_token().then(|| stage.token().to_owned()),
                        body: row.body_bytes(),
                        connections: *connections,
                        time: Duration::from_secs(arguments.seconds),
                    };
                    let before = proxy.processor_time()?;
                    let (tool, folder) = (Arc::clone(&wrk), stage.folder().to_owned());
                    let answered = spawn_blocking(move || load.run(&tool, &folder)).await??;
                    let used = proxy.processor_time()?.saturating_sub(before);
                    report.add(*row, *connections, logs, proxy.kind, Measurement::new(answered, used));
                }
            }
        }
    }
    Ok(())
}
