//! Nobody notices that a process is replaced, or that one of two dies: two instances of each service and two gateways on one
//! port serve a steady load, and what happens to them fails no request.
//!
//! The tests run one after the other: they share a stack.
//!
//! | file | owns |
//! |---|---|
//! | `load` | the clients, and what came of their requests |
//! | `world` | the stack, and the load on it |
//! | `rolls` | instances are replaced, and new ones that are not healthy are removed |
//! | `instances` | an instance is killed, or stands still |
//! | `servers` | Consul, its checks or Redis fail |
//! | `supervised` | parts that end by themselves are started again, for as long as it takes |

#![expect(clippy::unwrap_used, reason = "what a test can't go on without fails it")]

mod instances;
mod load;
mod rolls;
mod servers;
mod supervised;
mod world;
