//! `run_snapshot` on a real server: what it reads belongs to one moment.

use database::{Connection, Database};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{Executor, MySqlPool};

const COUNT: &str = "SELECT COUNT(*) FROM cakes";

async fn count(connection: &mut Connection) -> sqlx::Result<i64> {
    sqlx::query_scalar(COUNT).fetch_one(connection).await
}

#[sqlx::test(migrations = false)]
async fn a_snapshot_sees_nothing_of_what_is_committed_later(
    _: MySqlPoolOptions,
    options: MySqlConnectOptions,
) {
    let pool = MySqlPool::connect_with(options.clone()).await.unwrap();
    pool.execute("CREATE TABLE cakes (id INT NOT NULL, CONSTRAINT cakes_pk PRIMARY KEY (id))").await.unwrap();
    pool.execute("INSERT INTO cakes (id) VALUES (1)").await.unwrap();
    let database = Database::from_options(options);
    let baker = pool.clone();
    let counts = database
        .run_snapshot(move |connection| {
            Box::pin(async move {
                let before = count(connection).await?;
                baker.execute("INSERT INTO cakes (id) VALUES (2)").await?;
                Ok::<_, sqlx::Error>((before, count(connection).await?))
            })
        })
        .await
        .unwrap();
    assert_eq!(counts, (1, 1));
    // The connection is reset: the next read sees the new row.
    assert_eq!(database.read("count", |connection| Box::pin(count(connection))).await.unwrap(), 2);
}
