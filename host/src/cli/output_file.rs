//! A file that a command writes: completely or not at all, because a running program may be reading the file that it replaces.

use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The end of the name of a file that is not complete.
const PART: &str = ".part";

/// Writes the file. What a command that was killed left of it is removed.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let context = || format!("{} can't be written", path.display());
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut begin = OsString::from(".");
    begin.push(path.file_name().unwrap_or_default());
    begin.push(".");
    remove_abandoned(folder, &begin);
    let mut file = tempfile::Builder::new()
        .prefix(&begin)
        .suffix(PART)
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .with_context(context)?;
    file.as_file().lock().with_context(context)?;
    file.write_all(bytes).with_context(context)?;
    file.persist(path).with_context(context)?;
    Ok(())
}

/// Removes the parts of this file that nobody is writing: whoever writes one has it locked.
fn remove_abandoned(folder: &Path, begin: &OsString) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let is_part = name.starts_with(begin.as_encoded_bytes()) && name.ends_with(PART.as_bytes());
        let is_file = || entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_part && is_file() && File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_command_left_is_removed_and_what_another_one_is_writing_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.wasm");
        let [left, being_written, other] =
            [".mine.wasm.aaaaaa.part", ".mine.wasm.bbbbbb.part", ".theirs.wasm.cccccc.part"]
                .map(|name| folder.path().join(name));
        for name in [&left, &being_written, &other] {
            std::fs::write(name, "part").unwrap();
        }
        let writer = File::open(&being_written).unwrap();
        writer.lock().unwrap();
        write(&path, b"whole").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!([left, being_written, other].map(|path| path.exists()), [false, true, true]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
