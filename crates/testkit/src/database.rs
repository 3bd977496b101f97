use sqlx::mysql::MySqlRow;
use sqlx::{MySqlPool, Row as _};

/// The statements that a server is at work on in the database of `rows`, as they were sent.
///
/// Not from `information_schema`, where MySQL makes an error of a statement which holds bytes that are no text, as every
/// UUID is that is bound to one.
pub async fn statements(rows: &MySqlPool) -> Vec<String> {
    let mut connection = rows.acquire().await.expect("a connection");
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
