//! A connection that knows whether the server still owes it an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use sqlx::mysql::{MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo};
use sqlx::{Connection as _, Either, Execute, Executor, MySql, MySqlConnection, SqlStr};
use tokio::time::{Instant, Sleep};

use crate::error::{is_server_answer, says_that_server_is_gone};

/// One connection of the [pool](crate::Database), lent to the work of a read or a transaction. Use it as an
/// `sqlx::Executor`.
///
/// Beyond what sqlx's connection does:
/// * Each statement ends after a time limit.
/// * It counts a statement as unanswered until the last part of the answer has arrived. A future that is dropped
///   earlier leaves the connection out of step: every later statement would read the answer to an earlier one. Such a
///   connection refuses further statements, and the pool closes it.
#[derive(Debug)]
pub struct Connection {
    inner: MySqlConnection,
    state: State,
}

#[derive(Debug)]
struct State {
    /// A statement was sent whose last answer has not been read.
    is_owed_an_answer: bool,
    /// The server, or the way to it, is gone. Other connections to it are likely to be dead as well.
    has_lost_server: bool,
    /// How long a statement may wait for the server.
    limit: Duration,
    /// One timer, used again by each statement.
    timer: Pin<Box<Sleep>>,
}

/// The steps of the answer to one statement.
struct Answer<'connection> {
    steps: BoxStream<'connection, sqlx::Result<Either<MySqlQueryResult, MySqlRow>>>,
    state: &'connection mut State,
    is_timed: bool,
}

impl Connection {
    pub(crate) fn new(inner: MySqlConnection, limit: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(limit));
        Self { inner, state: State { is_owed_an_answer: false, has_lost_server: false, limit, timer } }
    }

    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.state.limit = limit;
    }

    /// Whether every statement has been answered to its end.
    pub(crate) fn is_in_step(&self) -> bool {
        !self.state.is_owed_an_answer
    }

    pub(crate) fn has_lost_server(&self) -> bool {
        self.state.has_lost_server
    }

    /// Asks the server for a sign of life.
    pub(crate) async fn ping(&mut self) -> sqlx::Result<()> {
        self.state.until_answered(self.inner.ping()).await
    }

    /// Tells the server that this connection ends. Without this the server logs it as aborted.
    pub(crate) async fn quit(self) {
        // Nothing depends on it: the socket is closed either way.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.inner.close()).await;
    }

    fn ask<'e, 'q: 'e, E>(&'e mut self, query: E) -> Answer<'e>
    where
        E: 'q + Execute<'q, MySql>,
    {
        let steps = if self.state.is_owed_an_answer {
            futures::stream::once(async { Err(out_of_step()) }).boxed()
        } else {
            self.state.is_owed_an_answer = true;
            self.inner.fetch_many(query)
        };
        Answer { steps, state: &mut self.state, is_timed: false }
    }
}

impl State {
    /// Waits for an answer of one part.
    async fn until_answered<T>(&mut self, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        if self.is_owed_an_answer {
            return Err(out_of_step());
        }
        self.is_owed_an_answer = true;
        let answer = tokio::time::timeout(self.limit, answer).await.unwrap_or_else(|_| Err(out_of_time()));
        self.hear(answer.as_ref().err());
        answer
    }

    /// Takes note of the end of an answer.
    fn hear(&mut self, error: Option<&sqlx::Error>) {
        match error {
            None => self.is_owed_an_answer = false,
            Some(error) => {
                if is_server_answer(error) {
                    self.is_owed_an_answer = false;
                }
                if says_that_server_is_gone(error) {
                    self.has_lost_server = true;
                }
            }
        }
    }
}

impl Stream for Answer<'_> {
    type Item = sqlx::Result<Either<MySqlQueryResult, MySqlRow>>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let step = match this.steps.as_mut().poll_next(context) {
            Poll::Ready(step) => step,
            Poll::Pending => {
                if !this.is_timed {
                    this.is_timed = true;
                    let until = Instant::now() + this.state.limit;
                    this.state.timer.as_mut().reset(until);
                }
                ready!(this.state.timer.as_mut().poll(context));
                Some(Err(out_of_time()))
            }
        };
        match &step {
            None => this.state.hear(None),
            Some(Err(error)) => this.state.hear(Some(error)),
            Some(Ok(_)) => {}
        }
        Poll::Ready(step)
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = MySql;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<MySqlQueryResult, MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        self.ask(query).boxed()
    }

    /// Reads on after the first row: sqlx's own connection leaves the rest to the next statement.
    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let mut answer = self.ask(query);
        Box::pin(async move {
            let mut first = None;
            while let Some(step) = answer.try_next().await? {
                if let Either::Right(row) = step {
                    first.get_or_insert(row);
                }
            }
            Ok(first)
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [MySqlTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<MySqlStatement>>
    where
        'c: 'e,
    {
        let Connection { inner, state } = self;
        Box::pin(state.until_answered(inner.prepare_with(sql, parameters)))
    }

    /// For the `query!` macros, which this project does not use; the trait demands it.
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<MySql>>>
    where
        'c: 'e,
    {
        let Connection { inner, state } = self;
        Box::pin(state.until_answered(inner.describe(sql)))
    }
}

fn out_of_time() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the database did not answer a statement in time",
    ))
}

pub(crate) fn out_of_step() -> sqlx::Error {
    sqlx::Error::Protocol("an earlier statement on this connection was given up before its answer".to_owned())
}
