//! What the tests of this service share.

mod databases;
mod market;
mod world;

pub(crate) use market::{Market, day, until};
pub(crate) use testkit::{Fault, FaultProxy};
pub(crate) use world::{Member, Stock, Work, World, claim_and_run, one, redis_url, wait_until_idle};
