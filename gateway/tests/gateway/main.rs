//! Tests of the gateway's router in front of small servers that the tests start.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod answers;
mod caller;
mod compression;
mod consul;
mod early_answers;
mod failures;
mod harness;
mod http2;
mod kept_connections;
mod limits;
mod misbehaving_clients;
mod overload;
mod pages;
mod protocol_parts;
mod replaced;
mod requests;
mod revocations;
mod route_table;
mod routing;
mod slow_clients;
mod smuggling;
mod standing_still;
