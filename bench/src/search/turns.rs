//! Asking the service, and asking the database.

use std::sync::Arc;

use anyhow::ensure;
use sqlx::mysql::MySqlRow;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, MySql};

use super::questions::{Asked, Bind};
use crate::client::Connection;
use crate::load::Work;

/// Asks the service.
pub(crate) struct Asker {
    connection: Connection,
    asked: Arc<[Asked]>,
    turn: usize,
}

impl Asker {
    /// Begins with the question `turn`.
    pub(crate) async fn open(url: &str, asked: Arc<[Asked]>, turn: usize) -> anyhow::Result<Self> {
        Ok(Self { connection: Connection::open(url).await?, asked, turn })
    }
}

impl Work for Asker {
    async fn once(&mut self) -> anyhow::Result<()> {
        let path = &self.asked[self.turn % self.asked.len()].path;
        self.turn += 1;
        let answer = self.connection.get(path, None).await?;
        ensure!(answer.status == 200, "{path} answered {}", answer.status);
        Ok(())
    }
}

/// Asks the database, on a connection of its own.
pub(crate) struct Raw {
    connection: PoolConnection<MySql>,
    asked: Arc<[Asked]>,
    turn: usize,
}

impl Raw {
    /// Begins with the question `turn`.
    pub(crate) fn new(connection: PoolConnection<MySql>, asked: Arc<[Asked]>, turn: usize) -> Self {
        Self { connection, asked, turn }
    }

    pub(crate) async fn ask(&mut self, asked: &Asked) -> anyhow::Result<Vec<MySqlRow>> {
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&asked.sql)));
        for bind in &asked.binds {
            query = match bind {
                Bind::Id(id) => query.bind(*id),
                Bind::Text(text) => query.bind(text.as_str()),
                Bind::Number(number) => query.bind(*number),
            };
        }
        Ok(query.fetch_all(&mut *self.connection).await?)
    }
}

impl Work for Raw {
    async fn once(&mut self) -> anyhow::Result<()> {
        let asked = Arc::clone(&self.asked);
        let turn = self.turn % asked.len();
        self.turn += 1;
        self.ask(&asked[turn]).await.map(drop)
    }
}
