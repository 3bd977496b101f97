//! Where and how the proxies are started.

use std::path::Path;

use clap::ValueEnum;
use stack::GatewayPeers;

use super::stage::Stage;

/// Whether access logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Logs {
    /// Each request is logged
    On,
    /// Nothing is logged but errors
    Off,
}

/// Where the proxies are started.
pub(super) struct Place<'a> {
    pub(super) folder: &'a Path,
    pub(super) binaries: &'a Path,
    pub(super) peers: &'a GatewayPeers,
    pub(super) stage: &'a Stage,
    /// The folder of the program with Spring Cloud Gateway.
    pub(super) spring: &'a Path,
}
