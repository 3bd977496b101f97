//! What an error of the database means: a conflict that may not happen again, an outage, a duplicate key.
//!
//! It is apart from `database` so that `problem` can turn the error of a read or transaction into an answer (its feature
//! `database`), and depends on neither of the two.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use sqlx::mysql::MySqlDatabaseError;

/// MySQL's error numbers that we act on
/// (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>), and MariaDB's where it has its own
/// (<https://mariadb.com/kb/en/mariadb-error-code-reference/>).
mod number {
    pub(super) const DUPLICATE_ENTRY: u16 = 1062;
    pub(super) const LOCK_WAIT_TIMEOUT: u16 = 1205;
    pub(super) const DEADLOCK: u16 = 1213;
    /// In a group of MySQL servers, another transaction was committed first.
    pub(super) const ROLLED_BACK_IN_COMMIT: u16 = 3101;

    /// A statement took longer than its limit, or was stopped by an operator.
    pub(super) const STOPPED: [u16; 3] = [1317, 1969, 3024];
    /// The server accepts no writes now: it is a replica, or is becoming one.
    pub(super) const READ_ONLY: [u16; 3] = [1290, 1792, 1836];
    /// The server lacks threads, connections, memory or disk space.
    pub(super) const NO_CAPACITY: [u16; 7] = [1021, 1037, 1040, 1041, 1135, 1203, 1226];
    /// The server is shutting down, has ended this connection, or is not a member of its group now.
    pub(super) const SHUTTING_DOWN: [u16; 12] =
        [1047, 1053, 1077, 1079, 1152, 1184, 1927, 3032, 3100, 3168, 3169, 4031];
}

/// The name of the unique key that a write ran into: `members_email_key`, or `PRIMARY`. `None` for every other error.
pub fn duplicate_key(error: &sqlx::Error) -> Option<&str> {
    let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    if error.number() != number::DUPLICATE_ENTRY {
        return None;
    }
    // «Duplicate entry 'x' for key 'members_email_key'»; MySQL puts the table's name before the key's. The value may
    // contain quotes itself, so the key is read from the end.
    let quoted = error.message().trim_end_matches('\'').rsplit('\'').next()?;
    Some(quoted.rsplit('.').next().unwrap_or(quoted))
}

/// Whether a transaction that failed with this error may succeed when it is run again from its start: after a deadlock, after
/// a lock wait timeout, or when the connection was lost before the commit. Not when a statement has used up its time limit:
/// the next try would use it up as well.
pub fn is_transient(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|error| is_conflict(error) || (is_lost(error) && !is_out_of_time(error)))
}

/// Whether the database can't be reached or is overloaded. Such an error says nothing about the statement that failed.
pub fn is_unavailable(error: &(dyn Error + 'static)) -> bool {
    find(error).is_some_and(|cause| {
        is_conflict(cause)
            || is_lost(cause)
            || is_out_of_time(cause)
            || matches!(cause, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed)
    })
}

/// Whether the server has answered a COMMIT with a rollback. One server finds no conflict at a COMMIT; a group of servers
/// (Galera, Group Replication) does. A server that has become read-only rolls back, too.
pub fn is_rolled_back_in_commit(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| {
        [number::DEADLOCK, number::ROLLED_BACK_IN_COMMIT].contains(&number)
            || number::READ_ONLY.contains(&number)
    })
}

/// Whether this is the server's answer to a statement, after which it sends nothing more.
pub fn is_server_answer(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_))
}

/// Whether the server is gone or shutting down, so that other connections to it are of no use either.
pub fn is_server_gone(error: &sqlx::Error) -> bool {
    match number(error) {
        Some(number) => number::READ_ONLY.contains(&number) || number::SHUTTING_DOWN.contains(&number),
        None => matches!(error, sqlx::Error::Io(_)),
    }
}

/// An error that several callers get, whose requests were served together.
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

/// Two transactions have blocked each other.
fn is_conflict(error: &sqlx::Error) -> bool {
    let conflicts = [number::DEADLOCK, number::LOCK_WAIT_TIMEOUT, number::ROLLED_BACK_IN_COMMIT];
    number(error).is_some_and(|number| conflicts.contains(&number))
}

/// The server is gone, is shutting down, accepts no writes now, or lacks capacity.
fn is_lost(error: &sqlx::Error) -> bool {
    is_server_gone(error) || number(error).is_some_and(|number| number::NO_CAPACITY.contains(&number))
}

/// A statement took too long, by the limit of the server or of this side.
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn io_error(kind: io::ErrorKind) -> sqlx::Error {
        sqlx::Error::Io(kind.into())
    }

    #[test]
    fn a_lost_connection_is_worth_another_try_and_a_used_up_time_limit_is_not() {
        let lost = io_error(io::ErrorKind::ConnectionReset);
        assert!(is_transient(&lost) && is_unavailable(&lost) && is_server_gone(&lost));
        let out_of_time = io_error(io::ErrorKind::TimedOut);
        assert!(!is_transient(&out_of_time) && is_unavailable(&out_of_time));
        assert!(!is_transient(&sqlx::Error::PoolTimedOut) && is_unavailable(&sqlx::Error::PoolTimedOut));
        assert!(!is_transient(&sqlx::Error::RowNotFound) && !is_unavailable(&sqlx::Error::RowNotFound));
    }

    #[test]
    fn the_databases_error_is_found_behind_others() {
        let shared = SharedError::from(io_error(io::ErrorKind::ConnectionReset));
        assert!(is_unavailable(&shared) && is_transient(&shared));
        assert!(!is_unavailable(&io::Error::other("no database")));
    }
}
