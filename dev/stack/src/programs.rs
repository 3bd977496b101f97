//! The programs of the running instances, in a folder of the stack.
//!
//! A build overwrites the programs of the build before. A part that is started again, and a service that goes back to its old
//! program, need the one that they had. So each program is linked into a new folder `programs/{number}`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::StackError;
use crate::home::Home;

/// Links a program of a service into the folder of the stack, or copies it from another file system. Gives its new path.
pub(crate) fn keep(home: &Home, app: &str, program: &Path) -> Result<PathBuf, StackError> {
    let keep = || {
        let program = program.canonicalize()?;
        let kept = new_folder(&home.programs())?.join(app);
        if fs::hard_link(&program, &kept).is_err() {
            fs::copy(program, &kept)?;
        }
        Ok(kept)
    };
    keep().map_err(StackError::io(format!("keeping the program {}", program.display())))
}

fn new_folder(programs: &Path) -> io::Result<PathBuf> {
    fs::create_dir_all(programs)?;
    let mut number = 1_u32;
    loop {
        let folder = programs.join(number.to_string());
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            created => return created.map(|()| folder),
        }
    }
}

/// Removes the programs that are not in use.
pub(crate) fn remove_unused(home: &Home, used: &[PathBuf]) -> Result<(), StackError> {
    let remove = || -> io::Result<()> {
        for entry in fs::read_dir(home.programs())? {
            let folder = entry?.path();
            if !used.iter().any(|program| program.starts_with(&folder)) {
                fs::remove_dir_all(folder)?;
            }
        }
        Ok(())
    };
    match remove() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(StackError::io("removing programs that are not used any more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_program_outlives_a_build_and_is_removed_when_nobody_uses_it() {
        let checkout = tempfile::tempdir().unwrap();
        let home = Home::lasting(checkout.path());
        let program = checkout.path().join("order-api");
        fs::write(&program, "old").unwrap();
        let old = keep(&home, "order-api", &program).unwrap();
        // As cargo does it.
        fs::remove_file(&program).unwrap();
        fs::write(&program, "new").unwrap();
        let new = keep(&home, "order-api", &program).unwrap();

        assert_eq!(fs::read_to_string(&old).unwrap(), "old");
        assert_eq!(fs::read_to_string(&new).unwrap(), "new");

        remove_unused(&home, std::slice::from_ref(&new)).unwrap();
        assert!(!old.exists() && new.exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let checkout = tempfile::tempdir().unwrap();
        let error = keep(&Home::lasting(checkout.path()), "order-api", Path::new("/nowhere/order-api"));
        assert!(error.unwrap_err().to_string().contains("/nowhere/order-api"));
    }
}
