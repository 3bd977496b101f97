//! Settings: the format in which they are sent, and how they become typed values.
//!
//! | module | owns |
//! |---|---|
//! | [`environment`] | the answer of a config server, in the JSON of Spring Cloud Config |
//! | [`flat`] | the two forms of a document: nested, and flat with dotted keys (`routes[0].path`) |
//! | [`tree`] | merging the sources of an environment, and taking typed sections from it |
//! | `shared` | sections in shared files that are for other applications |
//! | [`client`] | asking a config server, and waiting for one that does not run yet |
//! | `answer`, `fetch_error` | what it answers, and why there is no answer |
//! | [`snapshot`] | the last good settings on this machine, for a start without a config server |
//! | `transport` | the HTTP client, and which certificates it trusts |
//! | [`follow`] | asking it again and again for changes |
//! | [`live`] | values that change while the process runs |
//! | [`values`] | which keys differ between two versions |
//! | [`report`] | what a process tells the config server about the versions it has got |
//!
//! A process takes its settings section by section, so that each crate owns the type of its section:
//!
//! ```
//! use garde::Validate;
//! use serde::Deserialize;
//! use settings::{Environment, Tree};
//!
//! #[derive(Debug, Deserialize, Validate)]
//! #[serde(rename_all = "kebab-case", deny_unknown_fields)]
//! struct Pool {
//!     /// The most connections that are open at once.
//!     #[garde(range(min = 1))]
//!     max_connections: u32,
//! }
//!
//! let answer = r#"{"name": "shop", "profiles": ["default"], "propertySources": [
//!     {"name": "file:config/shop.yml", "source": {"pool.max-connections": 0}}]}"#;
//! let environment: Environment = serde_json::from_str(answer)?;
//! let mut tree = Tree::from_environment(&environment)?;
//!
//! let refusal = tree.take_section::<Pool>("pool").expect_err("zero connections");
//! assert_eq!(
//!     refusal.to_string(),
//!     "pool.max-connections: lower than 1 (from file:config/shop.yml)"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod answer;
mod bind;
pub mod client;
mod document;
pub mod environment;
mod error;
mod fetch_error;
pub mod flat;
pub mod follow;
pub mod live;
mod node;
pub mod report;
mod shared;
pub mod snapshot;
mod transport;
pub mod tree;
pub mod values;

pub use account::{Password, Username};
pub use client::ConfigClient;
pub use environment::{DocumentError, Environment, PropertySource};
pub use error::{Fault, SettingsError};
pub use fetch_error::FetchError;
pub use follow::{Follower, Version};
pub use live::Live;
pub use report::Report;
pub use snapshot::{SnapshotError, SnapshotUse};
pub use transport::TransportError;
pub use tree::Tree;
pub use values::Values;
