//! What the tests of this service stand on.

mod databases;
mod market;
mod proxy;
mod world;

pub(crate) use market::{Market, day, until};
pub(crate) use proxy::{Proxy, Trouble};
pub(crate) use world::{Member, Stock, World, one, redis_url, settle, take_up};
