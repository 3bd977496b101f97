//! Private MariaDB, Redis and Consul servers and the five services, started and stopped as one.
//!
//! `cargo xtask up`, `demo`, `test` and `bench` and the system tests all stand on this crate. It blocks and
//! needs no async runtime, so that `xtask`, the first thing that a newcomer waits for, builds quickly.
//!
//! | file | owns |
//! |---|---|
//! | `tools` | finding the servers' programs on the machine, or fetching them into `.dalkom/tools` |
//! | `servers`, `accounts` | how MariaDB or MySQL, Redis and Consul are set up and started |
//! | `services` | how the five services are started |
//! | `home`, `litter` | where everything lives under `.dalkom`; what a throw-away stack leaves behind: nothing |
//! | `secrets`, `overlay` | keys and passwords, and the settings made of them |
//! | `parts`, `probe`, `process`, `keeper`, `leftovers` | the life of the child processes |
//! | `lock`, `reset` | one lasting stack for each checkout, and its removal |
//! | `stack` | all of it together |
//!
//! Nothing survives the process that holds a [`Stack`]: children are started by one thread that lives as long
//! as the process, and the kernel signals them when it ends, however it ends.

mod accounts;
mod error;
mod home;
mod interrupt;
mod keeper;
mod leftovers;
mod litter;
mod lock;
mod log_tail;
mod overlay;
mod parts;
mod ports;
mod probe;
mod process;
mod progress;
mod reset;
mod secrets;
mod servers;
mod services;
mod stack;
mod tools;

pub use error::StackError;
pub use home::{Home, Purpose};
pub use interrupt::Interrupt;
pub use lock::{Running, running};
pub use log_tail::LogTail;
pub use overlay::Override;
pub use parts::PartReport;
pub use progress::{Progress, Silent};
pub use reset::reset;
pub use servers::{Database, ServerOptions, Servers, UnknownDatabase};
pub use services::{SERVICES, ServiceKind};
pub use stack::{Options, Stack};
pub use tools::ToolsError;
