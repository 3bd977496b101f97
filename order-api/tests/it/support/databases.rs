//! Schemas for the services that order-api calls, beside the schema that `sqlx::test` creates.

use database::Database;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Creates an empty schema. `sqlx::test` gives a test the same name each time, so the schema that the last run has left is
/// dropped here.
pub(crate) async fn create_beside(options: &MySqlConnectOptions, letter: char) -> Database {
    let name = name_beside(options, letter);
    let mut connection = MySqlConnection::connect_with(options).await.expect("the test server");
    for statement in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
        connection.execute(AssertSqlSafe(statement)).await.expect("the test account may do this");
    }
    Database::from_options(options.clone().database(&name))
}

/// The name of the schema with this letter.
pub(crate) fn name_beside(options: &MySqlConnectOptions, letter: char) -> String {
    format!("{letter}{}", options.get_database().expect("sqlx::test names its schema"))
}
