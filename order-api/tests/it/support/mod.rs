//! What the tests of this service stand on.

mod databases;
mod proxy;
mod world;

pub(crate) use proxy::{Proxy, Trouble};
pub(crate) use world::{Member, Stock, World, one, redis_url, settle};
