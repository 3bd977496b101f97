//! The pieces that sellers have put on sale: each change by a key counts once, however often it was sent.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;
use system_tests::databases::Databases;
use system_tests::{Client, Request};
use testkit::Answer;
use testkit::member::{Member, new_key};
use uuid::Uuid;

use crate::history::{PATIENCE, POLL};
use crate::market::{LONG_WAIT, ask};

/// Pieces that a seller adds to the stock of an option.
#[derive(Clone)]
pub(crate) struct Supply {
    seller: Member,
    item_id: String,
    option_id: String,
    pieces: i64,
    key: String,
}

/// What was supplied, which all sellers share.
#[derive(Default)]
pub(crate) struct StockBook(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    /// The pieces with which an option was listed.
    listed: BTreeMap<String, i64>,
    /// By their keys, with whether they were answered.
    supplies: BTreeMap<String, (Supply, bool)>,
}

impl Supply {
    pub(crate) fn new(seller: &Member, item_id: &str, option_id: &str, pieces: i64) -> Self {
        Self {
            seller: seller.clone(),
            item_id: item_id.to_owned(),
            option_id: option_id.to_owned(),
            pieces,
            key: new_key(),
        }
    }

    fn request(&self, client: &Client) -> Request {
        let path = format!("/api/store/items/{}/options/{}", self.item_id, self.option_id);
        let body = json!({ "quantityDelta": self.pieces });
        client.patch(&path).json(&body).bearer(&self.seller.token).key(&self.key)
    }
}

impl StockBook {
    pub(crate) fn list(&self, option_id: &str, pieces: i64) {
        self.entries().listed.insert(option_id.to_owned(), pieces);
    }

    /// Sends a supply once.
    pub(crate) async fn send(&self, client: &Client, supply: &Supply, patience: Duration) -> Option<Answer> {
        self.entries().supplies.entry(supply.key.clone()).or_insert_with(|| (supply.clone(), false));
        let answer = ask(supply.request(client), patience).await?.expect(StatusCode::OK);
        assert_eq!(answer.body["id"], supply.option_id.as_str(), "{}", answer.body);
        self.entries().supplies.insert(supply.key.clone(), (supply.clone(), true));
        Some(answer)
    }

    /// Sends every supply without an answer until it has one.
    pub(crate) async fn repeat_unanswered(&self, client: &Client) {
        let unanswered =
            self.entries().supplies.values().filter(|(_, answered)| !answered).cloned().collect::<Vec<_>>();
        for (supply, _) in unanswered {
            let begun = Instant::now();
            while self.send(client, &supply, LONG_WAIT).await.is_none() {
                assert!(begun.elapsed() < PATIENCE, "the supply with key {} gets no answer", supply.key);
                tokio::time::sleep(POLL).await;
            }
        }
    }

    /// Compares the supplied pieces of every option with the database. Returns the number of supplies.
    pub(crate) async fn check(&self, databases: &Databases) -> usize {
        let (mut expected, supplies) = {
            let entries = self.entries();
            (entries.listed.clone(), entries.supplies.values().cloned().collect::<Vec<_>>())
        };
        for (supply, _) in &supplies {
            *expected.entry(supply.option_id.clone()).or_default() += supply.pieces;
        }
        for (option_id, pieces) in expected {
            let id: Uuid = option_id.parse().unwrap_or_else(|_| panic!("{option_id} is not an id"));
            let rows = format!("FROM store.options WHERE supplied = {pieces} AND id = ?");
            assert_eq!(
                databases.count(&rows, id).await,
                1,
                "option {option_id} was not supplied with {pieces}"
            );
        }
        supplies.len()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
