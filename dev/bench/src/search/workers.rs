//! Sending requests to the service, and their SQL to the database.

use std::sync::Arc;

use anyhow::ensure;
use http::StatusCode;
use sqlx::mysql::MySqlRow;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, MySql};

use super::questions::{Bind, Request};
use crate::client::Connection;
use crate::load::Work;

/// Sends the requests to the service.
pub(crate) struct ServiceWorker {
    connection: Connection,
    requests: Arc<[Request]>,
    turn: usize,
}

impl ServiceWorker {
    /// Begins with the request at `turn`.
    pub(crate) async fn open(url: &str, requests: Arc<[Request]>, turn: usize) -> anyhow::Result<Self> {
        Ok(Self { connection: Connection::open(url).await?, requests, turn })
    }
}

impl Work for ServiceWorker {
    async fn once(&mut self) -> anyhow::Result<()> {
        let path = &self.requests[self.turn % self.requests.len()].path;
        self.turn += 1;
        let answer = self.connection.get(path, None).await?;
        ensure!(answer.status == StatusCode::OK, "{path} answered {}", answer.status);
        Ok(())
    }
}

/// Runs the SQL of the requests on a connection of its own.
pub(crate) struct DatabaseWorker {
    connection: PoolConnection<MySql>,
    requests: Arc<[Request]>,
    turn: usize,
}

impl DatabaseWorker {
    /// Begins with the request at `turn`.
    pub(crate) fn new(connection: PoolConnection<MySql>, requests: Arc<[Request]>, turn: usize) -> Self {
        Self { connection, requests, turn }
    }

    pub(crate) async fn run(&mut self, request: &Request) -> anyhow::Result<Vec<MySqlRow>> {
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&request.sql)));
        for bind in &request.binds {
            query = match bind {
                Bind::Id(id) => query.bind(*id),
                Bind::Text(text) => query.bind(text.as_str()),
                Bind::Number(number) => query.bind(*number),
            };
        }
        Ok(query.fetch_all(&mut *self.connection).await?)
    }
}

impl Work for DatabaseWorker {
    async fn once(&mut self) -> anyhow::Result<()> {
        let requests = Arc::clone(&self.requests);
        let turn = self.turn % requests.len();
        self.turn += 1;
        self.run(&requests[turn]).await.map(drop)
    }
}
