use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;
use time::Duration;
use time::macros::datetime;

use super::*;

const NOON: OffsetDateTime = datetime!(2026-11-29 12:00 UTC);
const PASSWORD: &str = "a password of many letters";

fn owner() -> Owner {
    Owner { application: "shop".to_owned(), profiles: "default".to_owned(), label: None }
}

fn file_of(folder: &TempDir, owner: Owner, password: &str) -> SnapshotFile {
    SnapshotFile::new(&folder.path().join("snapshot"), owner, &password.to_owned().into()).unwrap()
}

fn file(folder: &TempDir) -> SnapshotFile {
    file_of(folder, owner(), PASSWORD)
}

fn snapshot(body: &str, received: OffsetDateTime) -> Snapshot {
    Snapshot { received, tag: Some("\"1\"".to_owned()), body: body.as_bytes().to_vec() }
}

/// A folder with a snapshot.
fn written() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder);
    let lock = file.lock().unwrap();
    assert!(file.write(&lock, &snapshot("hunter2", NOON), NOON).unwrap());
    folder
}

fn refusal(file: &SnapshotFile) -> String {
    telemetry::chain(&file.read().unwrap_err())
}

#[test]
fn what_was_written_is_read_and_only_its_owner_can_read_the_file() {
    let folder = written();
    let path = folder.path().join("snapshot");

    assert_eq!(file(&folder).read().unwrap(), Some(snapshot("hunter2", NOON)));
    let content = fs::read(&path).unwrap();
    assert!(!content.windows(7).any(|bytes| bytes == b"hunter2"));
    for entry in fs::read_dir(&folder).unwrap() {
        let mode = entry.as_ref().unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
    }
    assert!(file(&tempfile::tempdir().unwrap()).read().unwrap().is_none());
}

#[test]
fn a_snapshot_of_another_application_profile_label_or_password_is_refused_by_name() {
    let folder = written();
    for (other, named) in [
        (
            Owner { application: "bank".to_owned(), ..owner() },
            "is the snapshot of `shop` with the profiles `default`, and not of `bank`",
        ),
        (Owner { profiles: "prod".to_owned(), ..owner() }, "and not of `shop` with the profiles `prod`"),
        (Owner { label: Some("main".to_owned()), ..owner() }, "and the label `main`"),
    ] {
        let refused = refusal(&file_of(&folder, other, PASSWORD));
        assert!(refused.contains(named), "{refused}");
    }
    let refused = refusal(&file_of(&folder, owner(), "another password of letters"));
    assert!(refused.contains("altered, or sealed with another password"), "{refused}");
}

#[test]
fn whose_it_is_can_not_be_rewritten() {
    let folder = written();
    let path = folder.path().join("snapshot");
    let content = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
    assert!(content.contains("\"application\":\"shop\""));
    let altered = fs::read(&path).unwrap();
    let at = altered.windows(4).position(|bytes| bytes == b"shop").unwrap();
    let altered = [&altered[..at], b"bank", &altered[at + 4..]].concat();
    fs::write(&path, altered).unwrap();

    let bank = Owner { application: "bank".to_owned(), ..owner() };
    let refused = refusal(&file_of(&folder, bank, PASSWORD));
    assert!(refused.contains("altered, or sealed with another password"), "{refused}");
}

#[test]
fn a_snapshot_that_was_cut_or_altered_anywhere_is_refused() {
    let folder = written();
    let path = folder.path().join("snapshot");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let refused = refusal(&file(&folder));
        assert!(refused.contains("truncated") || refused.contains("is no snapshot"), "{length}: {refused}");
    }
    for at in 0..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 1;
        fs::write(&path, altered).unwrap();
        refusal(&file(&folder));
    }
    fs::write(&path, [&*whole, b"x"].concat()).unwrap();
    assert!(refusal(&file(&folder)).contains("something follows its end"));
}

#[test]
fn what_is_no_file_or_no_snapshot_is_refused_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (path, file) = (folder.path().join("snapshot"), file(&folder));
    let lock = file.lock().unwrap();
    let new = snapshot("new", NOON);
    let refused = |word: &str| {
        assert!(refusal(&file).contains(word), "{}", refusal(&file));
        let not_written = telemetry::chain(&file.write(&lock, &new, NOON).unwrap_err());
        assert!(not_written.contains(word), "{not_written}");
    };

    fs::write(&path, "root:x:0:0").unwrap();
    refused("is no snapshot of settings");
    assert_eq!(fs::read_to_string(&path).unwrap(), "root:x:0:0");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("is no regular file");
    fs::remove_dir(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    refused("is no regular file");
    fs::remove_file(&path).unwrap();
    File::create(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
    refused("too large");
}

#[test]
fn a_snapshot_of_another_application_is_not_replaced_and_a_broken_one_is() {
    let folder = written();
    let bank = file_of(&folder, Owner { application: "bank".to_owned(), ..owner() }, PASSWORD);
    let new = snapshot("new", NOON);
    let error = bank.write(&bank.lock().unwrap(), &new, NOON).unwrap_err();
    assert!(matches!(error, SnapshotError::Foreign { .. }), "{error}");
    assert_eq!(file(&folder).read().unwrap(), Some(snapshot("hunter2", NOON)));

    // The password at the config server was changed: the old snapshot is of no use any more.
    let changed = file_of(&folder, owner(), "another password of letters");
    assert!(changed.write(&changed.lock().unwrap(), &new, NOON).unwrap());
    assert_eq!(changed.read().unwrap(), Some(new));
}

#[test]
fn older_settings_never_replace_newer_ones() {
    let folder = written();
    let file = file(&folder);
    let lock = file.lock().unwrap();
    let (second, hour) = (Duration::SECOND, Duration::HOUR);

    assert!(!file.write(&lock, &snapshot("older", NOON - second), NOON + hour).unwrap());
    assert_eq!(file.read().unwrap(), Some(snapshot("hunter2", NOON)));
    assert!(file.write(&lock, &snapshot("newer", NOON + second), NOON + hour).unwrap());
    assert_eq!(file.read().unwrap(), Some(snapshot("newer", NOON + second)));
    // The clock was wrong when this was written: it would be the newest for ever.
    assert!(file.write(&lock, &snapshot("future", NOON + hour), NOON + hour).unwrap());
    assert!(file.write(&lock, &snapshot("now", NOON + second), NOON + second).unwrap());
    assert_eq!(file.read().unwrap(), Some(snapshot("now", NOON + second)));
}

#[test]
fn one_process_at_a_time_writes() {
    let folder = written();
    let (one, other) = (file(&folder), file(&folder));
    let lock = one.lock().unwrap();
    assert!(matches!(other.lock().unwrap_err(), SnapshotError::InUse(_)));
    drop(lock);
    other.lock().unwrap();
}

#[test]
fn a_writer_that_ended_in_the_middle_leaves_the_old_snapshot_and_hinders_nobody() {
    let folder = written();
    fs::write(folder.path().join("snapshot.new"), "half of").unwrap();
    let file = file(&folder);
    assert_eq!(file.read().unwrap(), Some(snapshot("hunter2", NOON)));

    let newer = snapshot("newer", NOON + Duration::SECOND);
    assert!(file.write(&file.lock().unwrap(), &newer, NOON + Duration::HOUR).unwrap());
    assert_eq!(file.read().unwrap(), Some(newer));
    assert!(!folder.path().join("snapshot.new").exists());
}

#[test]
fn a_short_password_is_no_key() {
    let file = SnapshotFile::new(Path::new("x"), owner(), &"hunter2".to_owned().into());
    assert!(matches!(file, Err(SnapshotError::Password(_))));
}
