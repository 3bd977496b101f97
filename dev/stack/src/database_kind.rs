//! Which database server runs.

use std::str::FromStr;

/// Which database server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Database {
    /// MariaDB, or the MySQL of the machine if it has that and no MariaDB.
    #[default]
    MariaDb,
    /// MySQL. The stable releases of Debian have no package of it.
    MySql,
}

impl Database {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::MySql => "mysql",
        }
    }
}

impl FromStr for Database {
    type Err = UnknownDatabase;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let all = [Self::MariaDb, Self::MySql];
        all.into_iter().find(|database| database.name() == name).ok_or(UnknownDatabase)
    }
}

/// An unknown name of a database server.
#[derive(Debug, thiserror::Error)]
#[error("the database servers are mariadb and mysql")]
pub struct UnknownDatabase;
