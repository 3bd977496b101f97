//! The schemas and accounts of the database, as statements that the server executes at each start.

use crate::error::StackError;
use crate::home::Purpose;
use crate::secrets::Secrets;

/// The schemas. Each has an account of the same name, which can use no other schema.
pub(crate) const SCHEMAS: [&str; 4] = ["member", "store", "orders", BATCH];
/// The second schema of order-api, for its batch framework.
pub(crate) const BATCH: &str = "batch";
/// An account with all rights, for tests, seeds and benchmarks. No service knows its password.
pub(crate) const ADMIN: &str = "admin";
/// The schema in which `sqlx::test` keeps its own tables.
pub(crate) const TEST_SCHEMA: &str = "test";
const HOST: &str = "127.0.0.1";

/// The init file: one statement a line. Each can be executed again.
pub(crate) fn init_sql(secrets: &Secrets, purpose: Purpose, mariadb: bool) -> Result<String, StackError> {
    let mut lines = Vec::new();
    let admin_password = secrets.database_password(ADMIN)?;
    if !mariadb {
        // The root of MariaDB can connect only by the socket. That of MySQL has no password at first.
        lines.push(format!("ALTER USER 'root'@'localhost' IDENTIFIED BY '{admin_password}';"));
    }
    for schema in SCHEMAS {
        lines.push(create_schema(schema));
        lines.extend(create_account(schema, &secrets.database_password(schema)?));
        lines.push(format!("GRANT ALL PRIVILEGES ON `{schema}`.* TO '{schema}'@'{HOST}';"));
    }
    if purpose == Purpose::Throwaway {
        lines.push(create_schema(TEST_SCHEMA));
    }
    lines.extend(create_account(ADMIN, &admin_password));
    lines.push(format!("GRANT ALL PRIVILEGES ON *.* TO '{ADMIN}'@'{HOST}' WITH GRANT OPTION;"));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn create_schema(name: &str) -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS `{name}` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
    )
}

/// The second statement sets the current password of an existing account.
fn create_account(name: &str, password: &str) -> [String; 2] {
    [
        format!("CREATE USER IF NOT EXISTS '{name}'@'{HOST}' IDENTIFIED BY '{password}';"),
        format!("ALTER USER '{name}'@'{HOST}' IDENTIFIED BY '{password}';"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;

    #[test]
    fn each_account_can_use_its_own_schema_only() {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();

        let sql = init_sql(&Secrets::open(&home), Purpose::Lasting, true).unwrap();

        let grants: Vec<&str> = sql.lines().filter(|line| line.starts_with("GRANT")).collect();
        for schema in SCHEMAS {
            let own = format!("GRANT ALL PRIVILEGES ON `{schema}`.* TO '{schema}'@'127.0.0.1';");
            let of_account = |line: &&&str| line.contains(&format!("TO '{schema}'@"));
            assert_eq!(grants.iter().filter(of_account).collect::<Vec<_>>(), [&own.as_str()]);
        }
        assert!(!sql.contains("`test`"));
    }
}
