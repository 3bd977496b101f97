//! What an error of the database means to the caller.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use problem::Problem;
use sqlx::mysql::MySqlDatabaseError;

/// MySQL's error numbers that we act on
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>).
mod number {
    pub(super) const DUPLICATE_ENTRY: u16 = 1062;
    pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub(super) const DEADLOCK: u16 = 1213;
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const SERVER_SHUTDOWN: u16 = 1053;
    pub(super) const CONNECTION_KILLED: u16 = 1927;
    pub(super) const QUERY_INTERRUPTED: u16 = 1317;
}

/// The name of the unique key that a write ran into, where it did: `members_email_key`, or `PRIMARY`.
pub fn duplicate_key(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    if error.number() != number::DUPLICATE_ENTRY {
        return None;
    }
    // «Duplicate entry 'x' for key 'members_email_key'»; MySQL puts the table's name before the key's. The value may
    // hold quotes itself, so the key is read from the end.
    let quoted = error.message().trim_end_matches('\'').rsplit('\'').next()?;
    Some(quoted.rsplit('.').next().unwrap_or(quoted))
}

/// Whether a transaction that failed with this error may succeed when it is run again from its start: a deadlock, a
/// lock that was waited for too long, or a connection that was lost before the commit.
pub fn is_transient(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|error| is_conflict(error) || is_lost(error))
}

/// Whether the connection is gone, and not only its transaction.
pub(crate) fn is_lost_connection(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(is_lost)
}

/// Whether the database is out of reach or overloaded, so that what failed says nothing of what was asked.
pub fn is_unavailable(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|cause| {
        is_conflict(cause) || is_lost(cause) || matches!(cause, sqlx::Error::PoolTimedOut)
    })
}

/// The answer to an error that an operation has no word for: 503 where the database [is
/// unavailable](is_unavailable), else a 500. Neither says anything of the inside.
pub fn problem(error: impl Error + Send + Sync + 'static) -> Problem {
    if is_unavailable(&error) { Problem::unavailable(error) } else { Problem::internal(error) }
}

/// An error that several hear of, who have asked together.
#[derive(Clone, Debug)]
pub struct SharedError(Arc<sqlx::Error>);

impl From<sqlx::Error> for SharedError {
    fn from(error: sqlx::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what was asked for together with others failed")
    }
}

impl Error for SharedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Two transactions stood in each other's way.
fn is_conflict(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(number::DEADLOCK | number::LOCK_WAIT_TIMEOUT))
}

/// The server went away, is going, or has no room.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => true,
        other => matches!(
            number(other),
            Some(
                number::TOO_MANY_CONNECTIONS
                    | number::SERVER_SHUTDOWN
                    | number::CONNECTION_KILLED
                    | number::QUERY_INTERRUPTED
            )
        ),
    }
}

fn number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// The database's error in a chain of causes.
fn find<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error sqlx::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
