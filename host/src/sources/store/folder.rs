//! The folder of the store's file: only the user that runs this program may write it, as whoever does decides what the program
//! answers.

use anyhow::{Context, Result, ensure};
use image_service_config::regular_file::within_limit;
use rustix::process::geteuid;
use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// The rights of the group and of others to write.
const OTHERS_WRITE: u32 = 0o022;
const ROOT: u32 = 0;

/// Makes the folder if it is missing, checks whose it is, removes what a killed program left there, and tries to write a file.
///
/// # Errors
///
/// When it can't be made or written, does not answer in time, or others may write it.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    let key = || format!("cache_config.state_dir {}", folder.display());
    let path = folder.to_owned();
    let made = within_limit(folder, move || {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        std::fs::metadata(&path)
    });
    let can_not_write = || format!("{} can't be written; is it a folder of the user that runs this program?", key());
    check(&made.with_context(can_not_write)?, geteuid().as_raw(), folder).with_context(key)?;
    let path = folder.to_owned();
    let tried = within_limit(folder, move || {
        remove_abandoned(&path);
        tempfile::tempfile_in(&path).map(drop)
    });
    tried.with_context(can_not_write)
}

/// Refuses a folder that others than this user may write. Root may use the folder of the service's user.
fn check(folder: &Metadata, user: u32, path: &Path) -> Result<()> {
    let (owner, mode, path) = (folder.uid(), folder.mode() & 0o7777, path.display());
    ensure!(
        mode & OTHERS_WRITE == 0,
        "other users may write it (mode {mode:04o}), and so decide what the program answers; chmod 700 {path}, or name a folder \
         in it, which the program makes"
    );
    ensure!(
        [user, ROOT].contains(&owner) || user == ROOT,
        "it belongs to the user {owner}, and this program runs as the user {user}; chown {user} {path}"
    );
    Ok(())
}

/// Removes the files with which a killed program tried to write. Their names are those of the crate `tempfile`.
fn remove_abandoned(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(".tmp"));
        let is_ours = random.is_some_and(|name| name.len() == 6 && name.chars().all(|c| c.is_ascii_alphanumeric()));
        if is_ours && entry.metadata().is_ok_and(|found| found.is_file() && found.len() == 0) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_that_others_may_write_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, is_refused) in [(0o700, false), (0o755, false), (0o770, true), (0o707, true), (0o1777, true)] {
            std::fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            let outcome = prepare(folder.path()).map_err(|error| format!("{error:#}"));
            assert_eq!(outcome.is_err(), is_refused, "{mode:o}: {outcome:?}");
            if let Err(error) = outcome {
                assert!(error.starts_with("cache_config.state_dir /"), "{error}");
                assert!(error.contains(&format!("(mode {mode:04o})")) && error.contains("; chmod 700 /"), "{error}");
            }
        }
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused_but_not_to_root() {
        let folder = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(1234), None).unwrap();
        }
        let metadata = std::fs::metadata(folder.path()).unwrap();
        let owner = metadata.uid();
        let check = |user| check(&metadata, user, folder.path());
        assert!(check(owner).is_ok() && check(ROOT).is_ok());
        let error = check(owner + 1).unwrap_err().to_string();
        assert!(error.contains(&format!("; chown {} /", owner + 1)), "{error}");
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [(".tmpa1B2c3", ""), (".tmpa1B2c4", "content"), (".tmpx", ""), ("store.redb", "")] {
            std::fs::write(path(name), content).unwrap();
        }
        prepare(folder.path()).unwrap();
        assert!(!path(".tmpa1B2c3").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
