//! The version that a program prints.

use std::fmt;

/// The version of a program.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    mariadb: bool,
}

impl Version {
    /// Finds the first `major.minor` in a text such as `Redis server v=7.0.15 sha=…`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // MySQL begins with its path, in which a folder can have a number in its name.
        let text = text.split_once(" Ver ").map_or(text, |(_, rest)| rest);
        let (major, minor) = text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(|word| {
            let mut numbers = word.split('.').map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })?;
        Some(Self { major, minor, mariadb: text.contains("MariaDB") })
    }

    /// `10.11`.
    pub(crate) fn numbers(&self) -> String {
        format!("{}.{}", self.major, self.minor)
    }

    pub(crate) fn is_at_least(&self, least: (u32, u32)) -> bool {
        (self.major, self.minor) >= least
    }

    /// The programs of MariaDB and MySQL have the same names, but different version numbers.
    pub(crate) fn is_mariadb(&self) -> bool {
        self.mariadb
    }
}

/// For a database: `MySQL 9.7`.
impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.mariadb { "MariaDB" } else { "MySQL" };
        write!(formatter, "{name} {}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_servers_print_them() {
        let printed = [
            ("mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu on x86_64 (Debian 12)", 10, 11),
            (
                "/shop-1.5/.dalkom/tools/mysql/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))",
                9,
                7,
            ),
            ("/usr/sbin/mysqld  Ver 8.4.3 for Linux on x86_64 (MySQL Community Server - GPL)", 8, 4),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=d81bff71", 7, 0),
            ("Consul v1.8.7\nRevision 1.8.7+dfsg1\nProtocol 2 spoken by default", 1, 8),
        ];
        for (text, major, minor) in printed {
            let version = Version::read(text).unwrap();
            assert_eq!((version.major, version.minor), (major, minor), "{text}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        let version = Version::read("mariadbd  Ver 10.6.18-MariaDB").unwrap();
        assert!(version.is_mariadb());
        assert!(version.is_at_least((10, 6)));
        assert!(version.is_at_least((9, 11)));
        assert!(!version.is_at_least((10, 11)));
    }

    #[test]
    fn a_text_without_a_number_has_no_version() {
        assert!(Version::read("usage: consul [--help]").is_none());
    }
}
