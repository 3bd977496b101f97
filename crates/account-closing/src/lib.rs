//! Closing an account in every service that has data about its member.
//!
//! member-api leads the saga. It calls the routes of each [`Participant`] ([`router`]) by a [`ClosingClient`]:
//!
//! | request | what the participant does |
//! |---|---|
//! | `GET /internal/closings/{memberId}` | answers what is open; changes nothing |
//! | `PUT /internal/closings/{memberId}` | marks the member as closing, and then answers what is open |
//! | `POST …/undo` | removes the mark |
//! | `POST …/forget` | marks the member as closed for ever, and removes the personal data |
//!
//! Each request can be sent again. Each carries the number of member-api's attempt, and each attempt has a larger number. So a
//! late request of an attempt that was undone changes nothing.
//!
//! # Why nothing new is missed
//! While a member is marked, nothing new can begin for the member. A transaction that begins something has two ways to ensure
//! this:
//!
//! * **Write, then look.** It writes its rows, and then looks for the mark ([`is_marked`], [`NOT_MARKED`]). The participant
//!   commits the mark, and then looks for such rows with a locking read, which waits for uncommitted ones. So either the
//!   transaction sees the mark and is rolled back, or the participant sees its rows.
//! * **Lock.** It locks the row of the member ([`lock_unmarked`]), which the participant locks to mark it.
//!
//! The first way costs one look-up of a primary key, and is used for frequent things. With the second way, the participant can
//! look without locks.

mod client;
mod db;
mod messages;
mod open;
mod router;

pub use client::ClosingClient;
pub use db::{NOT_MARKED, is_marked, lock_unmarked};
pub use messages::{ForgetRequest, Found, Marked, Numbered};
pub use open::{Open, OpenKind};
pub use router::{Participant, router};

/// The name of the participant that keeps stores, hearts and follows.
pub const STORE_API: &str = "store-api";

/// The name of the participant that keeps carts, orders and settlements.
pub const ORDER_API: &str = "order-api";

/// The name of the service that leads, and alone may call the participants.
pub const MEMBER_API: &str = "member-api";

/// The path of closings. Each is at the id of its member below it.
pub const CLOSINGS_PATH: &str = "/internal/closings";
