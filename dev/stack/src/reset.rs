//! Removing the lasting stack of a checkout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StackError;
use crate::home::Home;
use crate::leftovers;
use crate::lock::CheckoutLock;

/// Removes data, keys, settings and logs, and the fetched programs unless `keep_tools` is set. Fails while the stack is up.
/// Gives the removed folders.
pub fn reset(checkout: &Path, keep_tools: bool) -> Result<Vec<PathBuf>, StackError> {
    let home = Home::lasting(checkout);
    home.create()?;
    let _lock = CheckoutLock::acquire(&home)?;
    leftovers::end_all(&home)?;
    home.sweep().map_err(StackError::io("removing what throw-away stacks left"))?;

    let mut folders =
        vec![home.data().to_owned(), home.secrets(), home.config(), home.run(), home.programs(), home.logs()];
    if !keep_tools {
        folders.push(home.tools());
    }
    let mut removed = Vec::new();
    for folder in folders {
        let was_empty = is_empty(&folder);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            outcome => outcome.map_err(StackError::io(format!("removing {}", folder.display())))?,
        }
        if !was_empty {
            removed.push(folder);
        }
    }
    Ok(removed)
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> (tempfile::TempDir, Home) {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        home.create().unwrap();
        for folder in [home.data().to_owned(), home.secrets(), home.tools()] {
            fs::write(folder.join("something"), "").unwrap();
        }
        (checkout, home)
    }

    #[test]
    fn data_and_keys_go_and_tools_may_stay() {
        let (checkout, home) = filled();

        let removed = reset(checkout.path(), true).unwrap();

        assert_eq!(removed, [home.data().to_owned(), home.secrets()]);
        assert!(!home.data().exists());
        assert!(home.tools().join("something").exists());

        reset(checkout.path(), false).unwrap();
        assert!(!home.tools().exists());
    }

    #[test]
    fn nothing_is_removed_while_the_stack_is_up() {
        let (checkout, home) = filled();
        let lock = CheckoutLock::acquire(&home).unwrap();

        assert!(matches!(reset(checkout.path(), false), Err(StackError::AlreadyUp { .. })));

        assert!(home.data().join("something").exists());
        drop(lock);
    }
}
