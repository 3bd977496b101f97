//! Tests of store-api through its routes, on a real database: the answers and the stored rows.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod crowds;
mod document;
mod entity_tags;
mod figures;
mod followers_and_hearts;
mod items;
mod keys;
mod listing;
mod look_up;
mod options;
mod prices;
mod refusals;
mod reservations;
mod search;
mod seeding;
mod shop;
mod sold;
mod spelling;
mod stock_races;
mod stores;
mod strictness;
mod texts;
