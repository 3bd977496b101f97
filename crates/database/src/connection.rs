//! A connection that knows whether every answer of the server has been read.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use database_error::{is_server_answer, is_server_gone};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use sqlx::mysql::{MySqlQueryResult, MySqlRow, MySqlStatement, MySqlTypeInfo};
use sqlx::{Connection as _, Either, Execute, Executor, MySql, MySqlConnection, SqlStr};
use tokio::time::{Instant, Sleep};

/// One connection of the [pool](crate::Database), given to the work of a read or a transaction. Use it as an
/// `sqlx::Executor`.
///
/// It adds to sqlx's connection:
/// * Each statement has a time limit.
/// * A statement counts as unanswered until the last part of its answer has been read. If its future is dropped earlier, the
///   connection is out of sync: every later statement would read the answer to an earlier one. Such a connection refuses
///   further statements, and the pool closes it.
#[derive(Debug)]
pub struct Connection {
    inner: MySqlConnection,
    state: State,
}

#[derive(Debug)]
struct State {
    /// A statement was sent, and its answer has not been read to the end.
    is_unanswered: bool,
    /// The server or the network is gone. Other connections are likely to be dead as well.
    has_lost_server: bool,
    /// How long a statement may wait for the server.
    limit: Duration,
    /// One timer, which each statement resets.
    timer: Pin<Box<Sleep>>,
}

/// The answer to one statement, in steps.
struct Answer<'connection> {
    steps: BoxStream<'connection, sqlx::Result<Either<MySqlQueryResult, MySqlRow>>>,
    state: &'connection mut State,
    is_timed: bool,
}

impl Connection {
    pub(crate) fn new(inner: MySqlConnection, limit: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(limit));
        Self { inner, state: State { is_unanswered: false, has_lost_server: false, limit, timer } }
    }

    pub(crate) fn set_limit(&mut self, limit: Duration) {
        self.state.limit = limit;
    }

    /// Whether every answer has been read to its end.
    pub(crate) fn is_in_sync(&self) -> bool {
        !self.state.is_unanswered
    }

    pub(crate) fn has_lost_server(&self) -> bool {
        self.state.has_lost_server
    }

    /// Checks that the server answers.
    pub(crate) async fn ping(&mut self) -> sqlx::Result<()> {
        self.state.until_answered(self.inner.ping()).await
    }

    /// Tells the server that this connection ends. Otherwise the server logs it as aborted.
    pub(crate) async fn close(self) {
        // A failure does no harm: the socket is closed in any case.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.inner.close()).await;
    }

    fn send<'e, 'q: 'e, E>(&'e mut self, query: E) -> Answer<'e>
    where
        E: 'q + Execute<'q, MySql>,
    {
        let steps = if self.state.is_unanswered {
            futures::stream::once(async { Err(out_of_sync()) }).boxed()
        } else {
            self.state.is_unanswered = true;
            self.inner.fetch_many(query)
        };
        Answer { steps, state: &mut self.state, is_timed: false }
    }
}

impl State {
    /// Waits for an answer that has one step.
    async fn until_answered<T>(&mut self, answer: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        if self.is_unanswered {
            return Err(out_of_sync());
        }
        self.is_unanswered = true;
        let answer = tokio::time::timeout(self.limit, answer).await.unwrap_or_else(|_| Err(out_of_time()));
        self.note_end(answer.as_ref().err());
        answer
    }

    /// Notes how an answer has ended.
    fn note_end(&mut self, error: Option<&sqlx::Error>) {
        match error {
            None => self.is_unanswered = false,
            Some(error) => {
                if is_server_answer(error) {
                    self.is_unanswered = false;
                }
                if is_server_gone(error) {
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
            None => this.state.note_end(None),
            Some(Err(error)) => this.state.note_end(Some(error)),
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
        self.send(query).boxed()
    }

    /// Reads the whole answer, also after the first row. sqlx's own connection leaves the rest to the next statement.
    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<MySqlRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, MySql>,
    {
        let mut answer = self.send(query);
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

    /// The trait needs it for the `query!` macros, which this project does not use.
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

pub(crate) fn out_of_sync() -> sqlx::Error {
    sqlx::Error::Protocol(
        "an earlier statement on this connection was cancelled before its answer".to_owned(),
    )
}
