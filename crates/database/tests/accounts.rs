//! The account of new connections follows the settings, and one that can't be used is refused.

use database::{Database, Settings};
use serde_json::json;
use settings::live::{self, LiveCells};
use settings::{Environment, Tree, Values};
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::{AssertSqlSafe, Executor, MySqlPool};

/// Settings with this account, their cells and their values.
fn settings(schema: &str, username: &str, password: &str) -> (Settings, LiveCells, Values) {
    let url = std::env::var("DATABASE_URL").expect("run the tests with `cargo xtask test`");
    let address = url.rsplit_once('@').map_or(url.as_str(), |(_, address)| address);
    let host = address.split('/').next().unwrap();
    let environment: Environment = serde_json::from_value(json!({
        "name": "a", "profiles": ["default"], "propertySources": [{"name": "x", "source": {
            "database.url": format!("mysql://{host}/{schema}"),
            "database.username": username,
            "database.password": password,
        }}],
    }))
    .unwrap();
    let mut tree = Tree::from_environment(&environment).unwrap();
    let values = tree.values();
    let (settings, cells) = live::collect(|| tree.take_section("database").unwrap());
    (settings, cells, values)
}

async fn current_user(database: &Database) -> String {
    let read = database.read("current_user", |connection| {
        Box::pin(async { sqlx::query_scalar::<_, String>("SELECT USER()").fetch_one(connection).await })
    });
    read.await.unwrap().split('@').next().unwrap().to_owned()
}

#[sqlx::test(migrations = false)]
async fn two_accounts_in_turn_need_no_restart(_: MySqlPoolOptions, options: MySqlConnectOptions) {
    let root = MySqlPool::connect_with(options.clone()).await.unwrap();
    let schema: String = sqlx::query_scalar("SELECT DATABASE()").fetch_one(&root).await.unwrap();
    // The names of accounts are short, and other tests run at the same time.
    let suffix: String = schema.chars().rev().take(12).filter(char::is_ascii_alphanumeric).collect();
    let [one, two] = [format!("one_{suffix}"), format!("two_{suffix}")];
    for (user, password) in [(&one, "first"), (&two, "second")] {
        for statement in [
            format!("DROP USER IF EXISTS '{user}'@'%'"),
            format!("CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'"),
            format!("GRANT ALL ON `{schema}`.* TO '{user}'@'%'"),
        ] {
            root.execute(AssertSqlSafe(statement)).await.unwrap();
        }
    }
    let (first, cells, values) = settings(&schema, &one, "first");
    let database = Database::connect(&first).await.unwrap();
    assert_eq!(current_user(&database).await, one);

    for (user, password) in [(&two, "wrong"), (&one, "second"), (&"nobody".to_owned(), "second")] {
        let (_, new_cells, new_values) = settings(&schema, user, password);
        let changed = values.changed_keys(&new_values);
        let refused = cells.prepare(&new_cells, &changed).await.unwrap_err();
        assert!(refused.to_string().contains("does not let this account in"), "{refused}");
        assert!(!refused.to_string().contains(password), "{refused}");
    }
    let (_, new_cells, new_values) = settings(&schema, &two, "second");
    let changed = values.changed_keys(&new_values);
    assert!(changed.iter().all(|key| cells.takes(&new_cells, key)), "{changed:?}");
    cells.prepare(&new_cells, &changed).await.unwrap().commit();

    // The open connection is used on. A second one at the same time is opened with the new account.
    assert_eq!(current_user(&database).await, one);
    let another = database.for_long_statements(1, std::time::Duration::from_secs(5));
    assert_eq!(current_user(&another).await, two);
    for user in [one, two] {
        root.execute(AssertSqlSafe(format!("DROP USER '{user}'@'%'"))).await.unwrap();
    }
}
