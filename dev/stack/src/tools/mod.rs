//! The servers' programs: found on the machine, or fetched into `.dalkom/tools`.
//!
//! A program on the `PATH` (or in the `sbin` folders, which are often not on it) is used if it is new enough. A missing
//! program comes from the packages of the distribution, unpacked into a folder of the checkout. Nothing is installed:
//! installing needs root, starts the services of the packages, and stays when the checkout is gone. MySQL comes from
//! Debian's sid, the only release with a package of it, and with all libraries including libc: those of the machine are
//! too old.

mod apt;
mod debian;
mod error;
mod version;
mod wanted;
mod wheel;

use std::path::PathBuf;

use self::wanted::{CONSUL, HAPROXY, MARIADB, MYSQL, NGINX, REDIS, WRK, Wanted};
use self::wheel::{ENVOY, TRAEFIK};
use crate::database_kind::Database;
use crate::error::StackError;
use crate::home::Home;
use crate::progress::Progress;

pub use self::error::ToolsError;
pub use self::wanted::Program;
pub(crate) use self::wanted::on_path;

/// The servers' programs.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) database: Program,
    pub(crate) redis: Program,
    pub(crate) consul: Program,
}

impl Tools {
    /// Finds all programs, and fetches the missing ones.
    pub(crate) fn find_or_fetch(
        database: Database,
        home: &Home,
        progress: &dyn Progress,
    ) -> Result<Self, ToolsError> {
        let folder = home.tools();
        let database = match database {
            Database::MariaDb => &MARIADB,
            Database::MySql => &MYSQL,
        };
        let missing: Vec<&Wanted> =
            [database, &REDIS, &CONSUL].into_iter().filter(|wanted| wanted.find(&folder).is_none()).collect();
        if !missing.is_empty() {
            debian::fetch(&missing, home, progress)?;
        }
        Ok(Self {
            database: database.found(&folder)?,
            redis: REDIS.found(&folder)?,
            consul: CONSUL.found(&folder)?,
        })
    }
}

/// The programs that `bench gateway` measures the gateway with.
#[derive(Clone, Debug)]
pub struct GatewayPeers {
    /// The load generator.
    pub wrk: Program,
    /// The upstream, and a peer.
    pub nginx: Program,
    /// A peer.
    pub haproxy: Program,
    tools: PathBuf,
    log: PathBuf,
}

impl GatewayPeers {
    /// Finds all programs, and fetches the missing ones.
    pub fn find_or_fetch(home: &Home, progress: &dyn Progress) -> Result<Self, StackError> {
        home.create()?;
        let folder = home.tools();
        let missing: Vec<&Wanted> =
            [&WRK, &NGINX, &HAPROXY].into_iter().filter(|wanted| wanted.find(&folder).is_none()).collect();
        if !missing.is_empty() {
            debian::fetch(&missing, home, progress)?;
        }
        Ok(Self {
            wrk: WRK.found(&folder)?,
            nginx: NGINX.found(&folder)?,
            haproxy: HAPROXY.found(&folder)?,
            log: home.log("fetch"),
            tools: folder,
        })
    }

    /// Envoy, which the Python index has. It is fetched if it is missing.
    pub fn envoy(&self) -> Result<Program, ToolsError> {
        ENVOY.find_or_fetch(&self.tools, &self.log)
    }

    /// Traefik, which the Python index has. It is fetched if it is missing.
    pub fn traefik(&self) -> Result<Program, ToolsError> {
        TRAEFIK.find_or_fetch(&self.tools, &self.log)
    }
}
