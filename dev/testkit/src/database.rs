//! What a database server is doing.

use sqlx::mysql::MySqlRow;
use sqlx::{MySqlPool, Row as _};

/// The statements that the server executes now in the schema of `pool`, as they were sent.
///
/// `information_schema` has them too, but there MySQL fails on a statement with bytes that are not text, such as a bound
/// UUID.
pub async fn statements(pool: &MySqlPool) -> Vec<String> {
    let mut connection = pool.acquire().await.expect("a connection");
    let database: String =
        sqlx::query_scalar("SELECT DATABASE()").fetch_one(&mut *connection).await.expect("its name");
    let all = sqlx::raw_sql("SHOW FULL PROCESSLIST").fetch_all(&mut *connection).await.expect("the list");
    let here = all.iter().filter(|row| text(row, "db").as_ref() == Some(&database));
    here.filter_map(|row| text(row, "Info")).collect()
}

fn text(row: &MySqlRow, column: &str) -> Option<String> {
    let bytes: Option<Vec<u8>> = row.get_unchecked(column);
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
