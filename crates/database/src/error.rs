//! What an error of the database means to the caller.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use problem::Problem;
use sqlx::mysql::MySqlDatabaseError;

/// MySQL's error numbers that we act on
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>), and MariaDB's where it has its own
/// (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
mod number {
    pub(super) const DUPLICATE_ENTRY: u16 = 1062;
    pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub(super) const DEADLOCK: u16 = 1213;
    /// A group of MySQL servers has let another transaction win.
    pub(super) const ROLLED_BACK_IN_COMMIT: u16 = 3101;

    /// A statement ran for longer than it may, or was stopped by an operator.
    pub(super) const STOPPED: [u16; 3] = [1317, 1969, 3024];
    /// The server writes nothing now: it is a replica, or is becoming one.
    pub(super) const READ_ONLY: [u16; 3] = [1290, 1792, 1836];
    /// The server has no room for this now: threads, connections, memory, disk.
    pub(super) const NO_ROOM: [u16; 7] = [1021, 1037, 1040, 1041, 1135, 1203, 1226];
    /// The server is going, or has ended this connection, or is no member of its group now.
    pub(super) const GOING: [u16; 12] =
        [1047, 1053, 1077, 1079, 1152, 1184, 1927, 3032, 3100, 3168, 3169, 4031];
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
/// lock that was waited for too long, or a connection that was lost before the commit. Not where the time for a
/// statement was used up: the next try would use it up as well.
pub fn is_transient(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|error| is_conflict(error) || (is_lost(error) && !is_out_of_time(error)))
}

/// Whether the server has said that what was to be committed is rolled back. On one server a COMMIT meets no conflict;
/// in a group of servers (Galera, Group Replication) it is where conflicts are found. A server that became read-only
/// since rolls back, too.
pub(crate) fn is_rolled_back_in_commit(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| {
        [number::DEADLOCK, number::ROLLED_BACK_IN_COMMIT].contains(&number)
            || number::READ_ONLY.contains(&number)
    })
}

/// Whether this is the server's answer to a statement, after which it sends nothing more.
pub(crate) fn is_server_answer(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_))
}

/// Whether the server is gone or going, for this connection and for others that were opened before.
pub(crate) fn says_that_server_is_gone(error: &sqlx::Error) -> bool {
    match number(error) {
        Some(number) => number::READ_ONLY.contains(&number) || number::GOING.contains(&number),
        None => matches!(error, sqlx::Error::Io(_)),
    }
}

/// Whether the database is out of reach or overloaded, so that what failed says nothing of what was asked.
pub fn is_unavailable(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|cause| {
        is_conflict(cause)
            || is_lost(cause)
            || is_out_of_time(cause)
            || matches!(cause, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
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
    let conflicts = [number::DEADLOCK, number::LOCK_WAIT_TIMEOUT, number::ROLLED_BACK_IN_COMMIT];
    number(error).is_some_and(|number| conflicts.contains(&number))
}

/// The server went away, is going, writes nothing now, or has no room.
fn is_lost(error: &sqlx::Error) -> bool {
    says_that_server_is_gone(error) || number(error).is_some_and(|number| number::NO_ROOM.contains(&number))
}

/// A statement took too long, for the server or for this side.
fn is_out_of_time(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == std::io::ErrorKind::TimedOut,
        other => number(other).is_some_and(|number| number::STOPPED.contains(&number)),
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
