//! Sections in files that all applications share, and that are for others.
//!
//! A file of an application has only what the application knows: any other key is refused. `application.yml` belongs to all, and a
//! Spring repository has sections there that no process of ours knows (`logging`, `spring`). They are passed over, if they are
//! nowhere else, and if their name is not nearly that of a section that is known: that would be a typo.

use serde::de::DeserializeOwned;

use crate::bind::unknown_key;
use crate::node::Node;
use crate::tree::Tree;

/// The file that all applications share has this name, also with a profile behind it.
const SHARED: &str = "application";

/// So many letters make a typo in a name of four letters or more. In a shorter one it is one letter.
const TYPO_LETTERS: usize = 2;
const SHORT_NAME: usize = 3;

impl Tree {
    /// Removes the sections that are for others, and gives their names. `sections` are taken one by one, and `T` is everything else.
    pub fn pass_over_foreign<T: DeserializeOwned>(&mut self, sections: &[&str]) -> Vec<String> {
        let mut own = Vec::new();
        for name in sections {
            own.extend(self.root.remove_entry(*name));
        }
        let mut rest = Node::Map(std::mem::take(&mut self.root));
        let mut passed_over = Vec::new();
        while let Some((key, known)) = unknown_key::<T>(&rest) {
            let Node::Map(root) = &mut rest else { break };
            let is_shared = root.get(&key).is_some_and(|node| node.comes_only_from(is_shared));
            let is_typo = known.iter().chain(sections).any(|name| is_typo_of(&key, name));
            if !is_shared || is_typo {
                // It is refused when the settings are read.
                break;
            }
            root.remove(&key);
            passed_over.push(key);
        }
        if let Node::Map(root) = rest {
            self.root = root;
        }
        self.root.extend(own);
        passed_over
    }
}

fn is_typo_of(key: &str, name: &str) -> bool {
    let letters = if name.len() > SHORT_NAME { TYPO_LETTERS } else { 1 };
    strsim::osa_distance(key, name) <= letters
}

/// Whether the source is a file for all applications: `file:config/application-dev.yml`, `…/application.yml (document #1)`.
fn is_shared(source: &str) -> bool {
    let file = source.split(" (").next().unwrap_or(source).rsplit('/').next().unwrap_or(source);
    let Some((stem, _)) = file.rsplit_once('.') else { return false };
    stem == SHARED || stem.strip_prefix(SHARED).is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_files_are_known_by_their_names() {
        for shared in [
            "file:config/application.yml",
            "file:/etc/application-dev.yaml (document #1)",
            "https://git.example/repo/application.properties",
            "application.yml",
        ] {
            assert!(is_shared(shared), "{shared}");
        }
        for own in
            ["file:application/shop.yml", "file:config/applications.yml", "overrides", "the command line"]
        {
            assert!(!is_shared(own), "{own}");
        }
    }
}
