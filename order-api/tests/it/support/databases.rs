//! Schemas for the services that order-api calls, beside the one that `sqlx::test` makes.

use database::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// A new, empty schema. `sqlx::test` gives a test the same name each time, so what the last run left is dropped here, and
/// no more than that is ever left.
pub(crate) async fn create_beside(options: &MySqlConnectOptions, letter: char) -> Database {
    let name = name_beside(options, letter);
    let mut connection = MySqlConnection::connect_with(options).await.expect("the test server");
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        connection.execute(AssertSqlSafe(statement)).await.expect("the test account may do this");
    }
    Database::from_options(options.clone().database(&name))
}

/// The name of the schema of this letter: a name has room for one more.
pub(crate) fn name_beside(options: &MySqlConnectOptions, letter: char) -> String {
    format!("{letter}{}", options.get_database().expect("sqlx::test names its schema"))
}
