//! Invariants of the code that a search can hold: who may know of what.

use std::fmt;
use std::fs;
use std::path::Path;

use super::tracked_files;

/// This file has to say the words that it looks for.
const THIS_FILE: &str = "xtask/src/commands/ci/conventions.rs";
/// From here to the end of a file are its tests, which look at whatever they like.
const TESTS: &str = "#[cfg(test)]";

/// Something that only some files may say.
struct Rule {
    invariant: &'static str,
    /// Any of these in a line is a breach.
    words: &'static [&'static str],
    /// Where the rule holds: files whose path ends like this.
    suffix: &'static str,
    /// Where the rule holds: files whose path contains this.
    within: &'static str,
    /// Files whose path contains any of these may say it.
    except: &'static [&'static str],
}

const RULES: [Rule; 7] = [
    Rule {
        invariant: "only `discovery` knows Consul's interface",
        words: &["/v1/agent", "/v1/health", "/v1/catalog", "/v1/kv"],
        suffix: ".rs",
        within: "",
        except: &["crates/discovery/"],
    },
    Rule {
        invariant: "only `db/` contains SQL",
        words: &[
            "sqlx::query",
            "query_as(",
            "query_scalar(",
            "query_as::<",
            "query_scalar::<",
            "QueryBuilder::",
        ],
        suffix: ".rs",
        within: "/src/",
        except: &[
            "/src/db/",
            "/src/db.rs",
            "crates/database/",
            "crates/testkit/",
            "system-tests/",
            "bench/",
            "/src/tests",
        ],
    },
    Rule {
        invariant: "a connection to the database comes from `database::Database`",
        words: &["MySqlPool", "MySqlConnection", "PoolConnection", "sqlx::Connection", "sqlx::Pool"],
        suffix: ".rs",
        within: "/src/",
        except: &["crates/database/", "crates/testkit/", "system-tests/", "bench/"],
    },
    Rule {
        invariant: "`domain/` is pure: no HTTP, no SQL, no clock",
        words: &["axum::", "sqlx::query", "clock::Clock", "tokio::", "reqwest::"],
        suffix: ".rs",
        within: "/src/domain/",
        except: &[],
    },
    Rule {
        invariant: "only the cart, the lock and `redis-connection` know Redis",
        words: &["redis::"],
        suffix: ".rs",
        within: "/src/",
        except: &[
            "order-api/src/cart/",
            "crates/lock/",
            "crates/redis-connection/",
            "crates/stack/",
            "crates/testkit/",
            "bench/",
        ],
    },
    Rule {
        invariant: "services know nothing of config-server's format",
        words: &["propertySources", "\"{cipher}"],
        suffix: ".rs",
        within: "/src/",
        except: &[
            "crates/settings/",
            "crates/sealing/",
            "config-server/",
            "crates/stack/",
            "crates/service-host/",
        ],
    },
    Rule {
        invariant: "no package registry is named: each machine has its own mirrors",
        words: &["deb.debian.org", "archive.ubuntu.com", "index.crates.io", "registry.npmjs", "pypi.org"],
        suffix: "",
        within: "",
        except: &["Cargo.lock"],
    },
];

/// A line that says what it should not.
pub(super) struct Breach {
    invariant: &'static str,
    path: String,
    line: usize,
    text: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.path, self.line, self.invariant, self.text)
    }
}

/// Searches every file.
pub(super) fn breaches(checkout: &Path) -> anyhow::Result<Vec<Breach>> {
    let mut breaches = Vec::new();
    for path in tracked_files(checkout)?.iter().filter(|path| *path != THIS_FILE) {
        // What is not text, or was deleted and not yet committed, breaks no rule of words.
        if let Ok(text) = fs::read_to_string(checkout.join(path)) {
            breaches.extend(breaches_in(path, &text));
        }
    }
    Ok(breaches)
}

fn breaches_in(path: &str, text: &str) -> Vec<Breach> {
    let rules: Vec<&Rule> = RULES.iter().filter(|rule| rule.holds_in(path)).collect();
    let mut breaches = Vec::new();
    for (number, line) in text.lines().take_while(|line| *line != TESTS).enumerate() {
        let code = line.trim_start();
        for rule in rules.iter().filter(|rule| rule.is_broken_by(code)) {
            breaches.push(Breach {
                invariant: rule.invariant,
                path: path.to_owned(),
                line: number + 1,
                text: code.to_owned(),
            });
        }
    }
    breaches
}

impl Rule {
    fn holds_in(&self, path: &str) -> bool {
        path.ends_with(self.suffix)
            && path.contains(self.within)
            && !self.except.iter().any(|part| path.contains(part))
    }

    fn is_broken_by(&self, line: &str) -> bool {
        // Documentation may name what code may not.
        let is_comment = self.suffix == ".rs" && line.starts_with("//");
        !is_comment && self.words.iter().any(|word| line.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(path: &str, line: &str) -> bool {
        !breaches_in(path, line).is_empty()
    }

    #[test]
    fn sql_belongs_into_db() {
        assert!(broken("member-api/src/http/wallet.rs", "    sqlx::query(\"SELECT 1\")"));
        assert!(!broken("member-api/src/db/wallets.rs", "    sqlx::query(\"SELECT 1\")"));
        assert!(!broken("member-api/tests/wallet.rs", "    sqlx::query(\"SELECT 1\")"));
    }

    #[test]
    fn tests_may_look_at_the_database() {
        let file = "fn sign_in() {}\n#[cfg(test)]\nmod tests {\n    sqlx::query(\"SELECT 1\")\n}\n";
        assert!(!broken("member-api/src/sign_in.rs", file));
        assert!(broken("member-api/src/sign_in.rs", &file.replace("#[cfg(test)]", "")));
    }

    #[test]
    fn documentation_may_name_what_code_may_not() {
        assert!(broken("gateway/src/lib.rs", "get(\"/v1/health/service\")"));
        assert!(!broken("gateway/src/lib.rs", "//! Not by `/v1/health/service`."));
    }

    #[test]
    fn a_breach_says_where_it_is() {
        let breaches = breaches_in("order-api/src/domain/order.rs", "//! Orders.\nuse axum::Json;\n");
        let breach = breaches.first().unwrap().to_string();
        assert!(breach.starts_with("order-api/src/domain/order.rs:2: `domain/` is pure"), "{breach}");
    }
}
