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
/// The accounts of containers, whose addresses are not known before.
const ANY_HOST: &str = "%";

/// The init file: one statement a line. Each can be executed again.
pub(crate) fn init_sql(secrets: &Secrets, purpose: Purpose, mariadb: bool) -> Result<String, StackError> {
    let mut lines = Vec::new();
    let admin_password = secrets.database_password(ADMIN)?;
    if !mariadb {
        // The root of MariaDB can connect only by the socket. That of MySQL has no password at first.
        lines.push(format!("ALTER USER 'root'@'localhost' IDENTIFIED BY '{admin_password}';"));
    }
    lines.extend(service_accounts(secrets, HOST)?);
    if purpose == Purpose::Throwaway {
        lines.push(create_schema(TEST_SCHEMA));
    }
    lines.extend(create_account(ADMIN, HOST, &admin_password));
    lines.push(format!("GRANT ALL PRIVILEGES ON *.* TO '{ADMIN}'@'{HOST}' WITH GRANT OPTION;"));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// The init file of a server in a container. It has no account with all rights but root, who has no way in from other
/// containers.
pub(crate) fn init_sql_for_containers(secrets: &Secrets, mariadb: bool) -> Result<String, StackError> {
    let mut lines = Vec::new();
    if !mariadb {
        let password = secrets.database_password(ADMIN)?;
        lines.push(format!("ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';"));
    }
    lines.extend(service_accounts(secrets, ANY_HOST)?);
    lines.push(String::new());
    Ok(lines.join("\n"))
}

fn service_accounts(secrets: &Secrets, host: &str) -> Result<Vec<String>, StackError> {
    let mut lines = Vec::new();
    for schema in SCHEMAS {
        lines.push(create_schema(schema));
        lines.extend(create_account(schema, host, &secrets.database_password(schema)?));
        lines.push(format!("GRANT ALL PRIVILEGES ON `{schema}`.* TO '{schema}'@'{host}';"));
    }
    Ok(lines)
}

fn create_schema(name: &str) -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS `{name}` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
    )
}

/// The second statement sets the current password of an existing account.
fn create_account(name: &str, host: &str, password: &str) -> [String; 2] {
    [
        format!("CREATE USER IF NOT EXISTS '{name}'@'{host}' IDENTIFIED BY '{password}';"),
        format!("ALTER USER '{name}'@'{host}' IDENTIFIED BY '{password}';"),
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
