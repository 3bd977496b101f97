//! Invariants of the code that a search for words can check: which files may use what.

use std::fmt;
use std::fs;
use std::path::Path;

use super::files::tracked_files;

/// This file contains the words that it looks for.
const THIS_FILE: &str = "dev/xtask/src/commands/ci/conventions.rs";
/// From this line to the end of a file are its tests, which may use everything.
const TESTS: &str = "#[cfg(test)]";

/// The documentation of a file with pure rules begins with this.
const RULES_FILE: &str = "//! Rules: ";

/// Words that only some files may contain.
struct Invariant {
    text: &'static str,
    /// Any of these in a line is a breach.
    words: &'static [&'static str],
    /// It holds in files whose path ends like this.
    suffix: &'static str,
    /// It holds in files whose path contains this.
    within: &'static str,
    /// It holds in files whose text begins with this.
    beginning: &'static str,
    /// Files whose path contains any of these may contain the words.
    except: &'static [&'static str],
}

const INVARIANTS: [Invariant; 7] = [
    Invariant {
        text: "only `discovery` uses the API of Consul",
        words: &["/v1/agent", "/v1/health", "/v1/catalog", "/v1/kv"],
        suffix: ".rs",
        within: "",
        beginning: "",
        // The benchmark plays a Consul to a gateway that runs alone. The stack asks whether an instance is listed. A test makes
        // all checks fail.
        except: &[
            "crates/discovery/",
            "dev/bench/src/gateway/stage.rs",
            "dev/stack/src/probe.rs",
            "dev/system-tests/tests/rolling/servers.rs",
        ],
    },
    Invariant {
        text: "only `db/` and `db.rs` contain SQL",
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
        beginning: "",
        except: &["/db/", "/db.rs", "crates/database/", "dev/"],
    },
    Invariant {
        text: "a connection to the database comes from `database::Database`",
        words: &[
            "MySqlPool",
            "MySqlConnection",
            "PoolConnection",
            "ConnectOptions",
            "sqlx::Connection",
            "sqlx::Pool",
        ],
        suffix: ".rs",
        within: "/src/",
        beginning: "",
        except: &["crates/database/", "dev/"],
    },
    Invariant {
        text: "a file with rules is pure: no HTTP, no SQL, no Redis, no clock",
        words: &["axum::", "sqlx::", "redis::", "Clock", "Instant", "SystemTime", "tokio::", "reqwest::"],
        suffix: ".rs",
        within: "/src/",
        beginning: RULES_FILE,
        except: &[],
    },
    Invariant {
        text: "only the cart, the hot key queue, the gateway's limits and `redis-connection` use Redis",
        words: &["redis::"],
        suffix: ".rs",
        within: "/src/",
        beginning: "",
        except: &[
            "order-api/src/cart/",
            "crates/hot-key-queue/",
            "gateway/src/limits/",
            "crates/redis-connection/",
            "dev/",
        ],
    },
    Invariant {
        text: "services do not know the format of config-server",
        words: &["propertySources", "\"{cipher}"],
        suffix: ".rs",
        within: "/src/",
        beginning: "",
        except: &["crates/settings/", "crates/sealing/", "config-server/", "dev/", "crates/service-host/"],
    },
    Invariant {
        text: "no file names a package registry: each machine has its own mirrors",
        words: &["deb.debian.org", "archive.ubuntu.com", "index.crates.io", "registry.npmjs", "pypi.org"],
        suffix: "",
        within: "",
        beginning: "",
        except: &["Cargo.lock"],
    },
];

/// A line that breaks an invariant.
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

/// Searches all files.
pub(super) fn breaches(checkout: &Path) -> anyhow::Result<Vec<Breach>> {
    let mut breaches = Vec::new();
    for path in tracked_files(checkout)?.iter().filter(|path| *path != THIS_FILE) {
        // A file that is not text, or that was deleted and is not committed yet, breaks no invariant.
        if let Ok(text) = fs::read_to_string(checkout.join(path)) {
            breaches.extend(breaches_in(path, &text));
        }
    }
    Ok(breaches)
}

fn breaches_in(path: &str, text: &str) -> Vec<Breach> {
    let invariants: Vec<&Invariant> =
        INVARIANTS.iter().filter(|invariant| invariant.holds_in(path, text)).collect();
    let mut breaches = Vec::new();
    for (number, line) in text.lines().take_while(|line| *line != TESTS).enumerate() {
        let code = line.trim_start();
        for invariant in invariants.iter().filter(|invariant| invariant.is_broken_by(code)) {
            breaches.push(Breach {
                invariant: invariant.text,
                path: path.to_owned(),
                line: number + 1,
                text: code.to_owned(),
            });
        }
    }
    breaches
}

impl Invariant {
    fn holds_in(&self, path: &str, text: &str) -> bool {
        path.ends_with(self.suffix)
            && path.contains(self.within)
            && text.starts_with(self.beginning)
            && !self.except.iter().any(|part| path.contains(part))
    }

    fn is_broken_by(&self, line: &str) -> bool {
        // Documentation may name what code may not use.
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
        for path in ["src/http/wallet.rs", "src/wallet/ledger.rs", "src/wallet/http/charge_create.rs"] {
            assert!(broken(&format!("member-api/{path}"), "    sqlx::query(\"SELECT 1\")"), "{path}");
        }
        for path in ["src/db/wallets.rs", "src/wallet/db.rs", "src/wallet/db/postings.rs"] {
            assert!(!broken(&format!("member-api/{path}"), "    sqlx::query(\"SELECT 1\")"), "{path}");
        }
        assert!(!broken("member-api/tests/wallet.rs", "    sqlx::query(\"SELECT 1\")"));
    }

    #[test]
    fn tests_may_use_the_database() {
        let file = "fn sign_in() {}\n#[cfg(test)]\nmod tests {\n    sqlx::query(\"SELECT 1\")\n}\n";
        assert!(!broken("member-api/src/sign_in.rs", file));
        assert!(broken("member-api/src/sign_in.rs", &file.replace("#[cfg(test)]", "")));
    }

    #[test]
    fn documentation_may_name_what_code_may_not_use() {
        assert!(broken("gateway/src/lib.rs", "get(\"/v1/health/service\")"));
        assert!(!broken("gateway/src/lib.rs", "//! Not by `/v1/health/service`."));
    }

    #[test]
    fn a_file_with_rules_is_pure() {
        let path = "order-api/src/orders/line.rs";
        for code in ["use axum::Json;", "use clock::{Clock, Id};", "sqlx::query(\"SELECT 1\")"] {
            assert!(broken(path, &format!("//! Rules: the states of a line.\n{code}\n")), "{code}");
        }
        assert!(!broken(path, "//! Rules: the states of a line.\nuse time::OffsetDateTime;\n"));
        assert!(!broken(path, "//! The states of a line.\nuse axum::Json;\n"));
    }

    #[test]
    fn a_breach_says_where_it_is() {
        let breaches =
            breaches_in("order-api/src/orders/order.rs", "//! Rules: of orders.\nuse axum::Json;\n");
        let breach = breaches.first().unwrap().to_string();
        assert!(breach.starts_with("order-api/src/orders/order.rs:2: a file with rules is pure"), "{breach}");
    }
}
