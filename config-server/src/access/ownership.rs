//! Rules: which files belong to an application.
//!
//! Names are joined by hyphens, so `order-api.yml` can be the file of `order-api`, or that of `order` for the profile `api`.
//! The file belongs to the longest name of an application with a password. A directory with the name of an application
//! belongs to it, too. All other files belong to nobody.

use crate::names::Name;

/// The files `application.yml` and `application-PROFILE.yml` belong to nobody.
const SHARED: &str = "application";

/// The files of this server belong to it, although it needs no password.
const SELF: &str = "config-server";

/// The applications with passwords, and the directories of each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ownership {
    /// The longest first.
    applications: Vec<String>,
    /// What is before and behind the name of an application in the name of its directory.
    affixes: Vec<(String, String)>,
}

impl Ownership {
    pub(crate) fn new<'name>(
        applications: impl Iterator<Item = &'name Name>,
        affixes: impl Iterator<Item = (String, String)>,
    ) -> Self {
        let mut applications: Vec<String> = applications.map(ToString::to_string).collect();
        applications.push(SELF.to_owned());
        applications.sort_unstable_by_key(|name| std::cmp::Reverse(name.len()));
        let affixes = std::iter::once((String::new(), String::new())).chain(affixes).collect();
        Self { applications, affixes }
    }

    /// Whether there is an application with this name that has a password.
    pub(crate) fn is_application(&self, name: &str) -> bool {
        self.applications.iter().any(|application| application == name)
    }

    /// Whether these applications may read the file with this path below its location.
    pub(crate) fn may_read(&self, applications: &[String], path: &str) -> bool {
        let is_theirs = |owner: &str| applications.iter().any(|application| application == owner);
        let (directories, file) = path.rsplit_once('/').unwrap_or(("", path));
        directories.split('/').filter_map(|directory| self.owner_of_directory(directory)).all(is_theirs)
            && self.owner_of_file(file).is_none_or(is_theirs)
    }

    fn owner_of_directory(&self, name: &str) -> Option<&str> {
        self.affixes.iter().find_map(|(before, behind)| {
            let name = name.strip_prefix(before.as_str())?.strip_suffix(behind.as_str())?;
            self.applications.iter().find(|application| *application == name).map(String::as_str)
        })
    }

    fn owner_of_file(&self, name: &str) -> Option<&str> {
        let is_of = |application: &str| {
            name.strip_prefix(application).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        };
        let owner = self.applications.iter().map(String::as_str).find(|application| is_of(application));
        owner.filter(|owner| *owner != SHARED && !(is_of(SHARED) && owner.len() < SHARED.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_read(application: &str, path: &str) -> bool {
        let names = ["order", "order-api", "member-api", "application"]
            .map(|name| Name::try_from(name.to_owned()).unwrap());
        let affixes = [("svc-".to_owned(), String::new())];
        Ownership::new(names.iter(), affixes.into_iter()).may_read(&[application.to_owned()], path)
    }

    #[test]
    fn a_file_belongs_to_the_longest_name() {
        for (path, order, order_api) in [
            ("order.yml", true, false),
            ("order-api.yml", false, true),
            ("order-api-prod.yml", false, true),
            ("order-prod.yml", true, false),
            ("orders.yml", true, true),
            ("application.yml", true, true),
            ("application-api.yml", true, true),
            ("canary/order-api.yml", false, true),
            ("order-api/application.yml", false, true),
            ("svc-order-api/application.yml", false, true),
            ("nginx.conf", true, true),
            ("order-api.pem", false, true),
            ("config-server.yml", false, false),
        ] {
            assert_eq!(may_read("order", path), order, "{path}");
            assert_eq!(may_read("order-api", path), order_api, "{path}");
        }
    }
}
