//! Private MariaDB, Redis and Consul servers and the five services, started and stopped as one.
//!
//! `cargo xtask up`, `demo`, `test` and `bench` and the system tests use this crate. Its functions block, and it needs no
//! async runtime, so that `xtask` builds quickly: it is the first thing that a newcomer waits for.
//!
//! | file | owns |
//! |---|---|
//! | `tools` | finding the servers' programs on the machine, or fetching them into `.dalkom/tools` |
//! | `servers`, `database_kind`, `accounts` | how MariaDB or MySQL, Redis and Consul are set up and started |
//! | `services` | how the five services are started |
//! | `home`, `cleanup` | the folders under `.dalkom`, and the removal of those of a throw-away stack |
//! | `secrets`, `overlay` | keys and passwords, and the settings with them |
//! | `launch`, `parts`, `probe`, `process`, `spawner`, `leftovers` | starting, watching and ending the child processes |
//! | `compose` | the keys, passwords and settings of the containers of docker-compose.yml |
//! | `lock`, `reset` | one lasting stack for each checkout, and its removal |
//! | `programs` | the programs of the running instances, which no build overwrites |
//! | `roll` | replacing the instances of a service one after another |
//! | `supervisor` | starting parts again that end by themselves |
//! | `control` | commands of other processes for the process of a stack |
//! | `stack` | all of it together |
//!
//! The processes of a [`Stack`] end together with the process that holds it, even if that is killed: one thread, which lives as
//! long as the process, starts them, and the kernel signals them when this thread ends.

mod accounts;
mod cleanup;
mod compose;
mod control;
mod database_kind;
mod error;
mod home;
mod interrupt;
mod launch;
mod leftovers;
mod lock;
mod log_tail;
mod overlay;
mod parts;
mod ports;
mod probe;
mod process;
mod programs;
mod progress;
mod reset;
mod roll;
mod rotation;
mod secrets;
mod servers;
mod services;
mod spawner;
mod stack;
mod supervisor;
mod tools;

pub use compose::write_compose_secrets;
pub use control::{Control, roll};
pub use database_kind::{Database, UnknownDatabase};
pub use error::StackError;
pub use home::{Home, Purpose, checkout};
pub use interrupt::Interrupt;
pub use lock::{Running, running};
pub use log_tail::LogTail;
pub use overlay::Override;
pub use parts::PartReport;
pub use ports::free_port;
pub use progress::{Progress, Silent};
pub use reset::reset;
pub use roll::Roll;
pub use rotation::ServiceKeyRotation;
pub use servers::{ServerOptions, Servers};
pub use services::{SERVICES, ServiceKind, create_admin};
pub use stack::{Options, Stack};
pub use supervisor::Incident;
pub use tools::{GatewayPeers, Program, ToolsError};
