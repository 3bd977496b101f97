//! MariaDB or MySQL, Redis and Consul, as private instances of one stack.

mod consul;
mod database;
mod redis;

use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::accounts::{ADMIN, TEST_SCHEMA};
use crate::cleanup::Cleanup;
use crate::database_kind::Database;
use crate::error::StackError;
use crate::home::{Home, Purpose};
use crate::interrupt::Interrupt;
use crate::leftovers;
use crate::lock::CheckoutLock;
use crate::log_tail::LogTail;
use crate::parts::{PartReport, Parts};
use crate::ports::Ports;
use crate::process::keep_older;
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::tools::Tools;

/// How the servers are started.
#[derive(Clone)]
pub struct ServerOptions {
    /// Their folders and their purpose.
    pub home: Home,
    /// The database server.
    pub database: Database,
    /// Ends the start early.
    pub interrupt: Interrupt,
    /// Receives the progress.
    pub progress: Arc<dyn Progress>,
}

/// The ports of the servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerPorts {
    pub(crate) database: u16,
    pub(crate) redis: u16,
    pub(crate) consul: u16,
}

/// Running servers. Dropping it stops them, and removes the data of throw-away servers.
pub struct Servers {
    // They are dropped in this order: processes, then their files, then the lock.
    pub(crate) parts: Parts,
    _cleanup: Option<Cleanup>,
    pub(crate) lock: Option<CheckoutLock>,
    ports: Mutex<Ports>,
    pub(crate) addresses: ServerPorts,
    pub(crate) secrets: Secrets,
}

impl Servers {
    /// Starts them. Fetches missing programs, and creates schemas and accounts.
    pub fn start(options: ServerOptions) -> Result<Self, StackError> {
        let ServerOptions { home, database, interrupt, progress } = options;
        home.create()?;
        let (lock, cleanup) = match home.purpose() {
            Purpose::Lasting => (Some(CheckoutLock::acquire(&home)?), None),
            Purpose::Throwaway | Purpose::Measured => {
                home.sweep().map_err(StackError::io("removing what earlier throw-away stacks left"))?;
                (None, Some(Cleanup::watch(&home)?))
            }
        };
        let left = leftovers::end_all(&home)?;
        if !left.is_empty() {
            progress.note(&format!("Ended these processes of a killed stack: {}.", left.join(", ")));
        }
        keep_one_older_log(&home)?;
        let tools = Tools::find_or_fetch(database, &home, &*progress)?;
        let secrets = Secrets::open(&home);

        let mut ports = match home.purpose() {
            Purpose::Lasting => Ports::standard_when_free(),
            Purpose::Throwaway | Purpose::Measured => Ports::any(),
        };
        let no_port = || StackError::io("choosing ports");
        let addresses = ServerPorts {
            database: ports.choose(3306).map_err(no_port())?,
            redis: ports.choose(6379).map_err(no_port())?,
            consul: ports.choose(8500).map_err(no_port())?,
        };
        let consul_peers = consul::PeerPorts::choose(&mut ports).map_err(no_port())?;
        let plans = vec![
            database::plan(&tools.database, addresses.database, &home, &secrets, &*progress)?,
            redis::plan(&tools.redis, addresses.redis, &home)?,
            consul::plan(&tools.consul, addresses.consul, &consul_peers, &secrets)?,
        ];
        let running = Parts::new(home, interrupt, progress);
        running.start_together(plans)?;
        Ok(Self { parts: running, _cleanup: cleanup, lock, ports: Mutex::new(ports), addresses, secrets })
    }

    /// An address for SQL clients with all rights, in one of the schemas `member`, `store`, `orders`, `batch`.
    pub fn database_url(&self, schema: &str) -> Result<String, StackError> {
        let password = self.secrets.database_password(ADMIN)?;
        Ok(format!("mysql://{ADMIN}:{password}@127.0.0.1:{}/{schema}", self.addresses.database))
    }

    /// The address for `sqlx::test`. For throw-away servers only.
    pub fn test_database_url(&self) -> Result<String, StackError> {
        self.database_url(TEST_SCHEMA)
    }

    /// The port of MariaDB or MySQL on 127.0.0.1.
    pub fn database_port(&self) -> u16 {
        self.addresses.database
    }

    /// The address of Redis.
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.addresses.redis)
    }

    /// The address of Consul's HTTP interface.
    pub fn consul_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.addresses.consul)
    }

    /// The token with which Consul's access control can be managed.
    pub fn consul_management_token(&self) -> Result<String, StackError> {
        self.secrets.consul_token("management")
    }

    /// Their folders.
    pub fn home(&self) -> &Home {
        self.parts.home()
    }

    /// The states of the servers.
    pub fn parts(&self) -> Vec<PartReport> {
        self.parts.reports()
    }

    /// The end of a part's log.
    pub fn log_tail(&self, part: &str) -> LogTail {
        self.parts.log_tail(part)
    }

    pub(crate) fn ports(&self) -> MutexGuard<'_, Ports> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops them in order, and waits for it.
    pub fn shut_down(self) -> Result<(), StackError> {
        self.parts.stop_all()
    }
}

/// A log has one run. The log of the run before is kept as `{part}.log.1`.
fn keep_one_older_log(home: &Home) -> Result<(), StackError> {
    let rename = || -> std::io::Result<()> {
        for entry in fs::read_dir(home.logs())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                keep_older(&path)?;
            }
        }
        Ok(())
    };
    rename().map_err(StackError::io("setting older logs aside"))
}
