//! How an account ends in every service that knows its member.
//!
//! member-api leads. It asks each [`Participant`] over the routes of [`router`], by a [`ClosingClient`]:
//!
//! | request | what the participant does |
//! |---|---|
//! | `GET /internal/closings/{memberId}` | says what is open; changes nothing |
//! | `PUT /internal/closings/{memberId}` | marks the member as closing, and then says what is open |
//! | `POST …/undo` | takes the mark away |
//! | `POST …/forget` | marks the member as closed for ever, and removes the personal data |
//!
//! All can be sent again. Each carries the number of member-api's attempt, which only grows. So a request of an attempt that
//! was given up changes nothing, however late it arrives.
//!
//! # Why nothing can begin unseen
//! While a member is marked, nothing new begins with the member. There are two ways to keep to that, in the transaction that
//! begins something:
//!
//! * **Write, then look.** It writes its rows, and then looks for the mark ([`is_marked`], [`NOT_MARKED`]). The participant
//!   commits the mark, and then looks for such rows with a locking read, which waits for whoever has written one. So either
//!   the transaction sees the mark and is rolled back, or the participant sees its rows.
//! * **Lock.** It locks the row of the member ([`lock_unmarked`]), which the participant locks to mark it.
//!
//! The first costs a look at a primary key, for what happens often. The second lets the participant look without locks.

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
