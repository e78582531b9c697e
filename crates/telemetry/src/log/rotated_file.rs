//! A log file that begins anew at a size, in the way of Python's `RotatingFileHandler`: the older ones stand beside it as `.1`,
//! `.2`, ….
//!
//! By hand on purpose: file-rotate says nothing of lines that a full disk did not take, and panics where a name is taken away.

use super::lines::{Loss, Tail};
use anyhow::{Context, Result};
use image_service_config::LogFile;
use image_service_config::regular_file::{append, within_limit};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The file, and its place.
#[derive(Debug)]
pub(super) struct RotatedFile {
    path: PathBuf,
    /// `None` where it could not be opened anew.
    file: Option<File>,
    tail: Tail,
    bytes: u64,
    /// The size beyond which a new file begins, and the number of older ones; `None` for never.
    rotation: Option<(u64, usize)>,
}

impl RotatedFile {
    /// Opens the file, and makes it and its folder where they are not there; `None` for `/dev/null`, which takes all lines away.
    ///
    /// # Errors
    ///
    /// When it is no regular file, can't be written, or does not answer in time.
    pub(super) fn open(config: &LogFile) -> Result<Option<Self>> {
        let path = config.path.clone();
        let opened = within_limit(&config.path, move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let Some(file) = append(&path)? else { return Ok(None) };
            let bytes = file.metadata()?.len();
            Ok(Some((file, bytes)))
        });
        let opened =
            opened.with_context(|| format!("app_config.log_file {} can't be written", config.path.display()))?;
        Ok(opened.map(|(file, bytes)| Self {
            path: config.path.clone(),
            file: Some(file),
            tail: Tail::default(),
            bytes,
            rotation: match (config.max_bytes, config.backups) {
                (0, _) | (_, 0) => None,
                (bytes, backups) => Some((bytes as u64, backups)),
            },
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a line, to a new file where this one is full.
    pub(super) fn write(&mut self, line: &[u8]) -> Result<(), Loss> {
        if let Some((most, backups)) = self.rotation
            && self.bytes > most
        {
            self.rotate(backups);
        }
        let (whole, length) = ([line.len()], line.len() as u64);
        if self.file.is_none() {
            self.reopen().map_err(|error| Loss { lines: 1, error })?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let outcome = self.tail.write(file, line, &whole);
        if outcome.is_ok() {
            self.bytes = self.bytes.saturating_add(length);
        } else if let Ok(found) = file.metadata()
            && (self.bytes..self.bytes.saturating_add(length)).contains(&found.len())
            && file.set_len(self.bytes).is_ok()
        {
            // Nobody else wrote: the part of the line is gone.
            self.tail = Tail::default();
        }
        outcome
    }

    /// Renames the file, and the older ones. Where that fails, it grows on, by the same size once more.
    fn rotate(&mut self, backups: usize) {
        self.bytes = 0;
        for number in (1..backups).rev() {
            if rename(&self.beside(number), &self.beside(number + 1)).is_err() {
                return;
            }
        }
        if rename(&self.path, &self.beside(1)).is_err() {
            return;
        }
        // Those that a smaller `log_backup_count` leaves over.
        for number in backups + 1.. {
            if std::fs::remove_file(self.beside(number)).is_err() {
                break;
            }
        }
        (self.file, self.tail) = (None, Tail::default());
    }

    fn reopen(&mut self) -> io::Result<()> {
        self.file = append(&self.path)?;
        self.bytes = self.file.as_ref().map(File::metadata).transpose()?.map_or(0, |metadata| metadata.len());
        Ok(())
    }

    /// The name of an older file.
    fn beside(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

/// Renames a file, if it is there.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_config::Level;
    use std::time::{Duration, Instant};

    fn log_file(path: impl Into<PathBuf>, max_bytes: usize, backups: usize) -> LogFile {
        LogFile { path: path.into(), max_bytes, backups, level: Level::INFO }
    }

    fn write(file: &mut RotatedFile, text: &str) {
        text.split_inclusive('\n').for_each(|line| file.write(line.as_bytes()).unwrap());
    }

    #[test]
    fn a_full_file_becomes_a_backup_up_to_the_number_of_backups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app.log");
        let read = |end: &str| std::fs::read_to_string(format!("{}{end}", path.display()));
        for (backups, text, expected) in [
            (
                2,
                "one one one\ntwo two two\nthree three\nfour four f\nfive\n",
                ["five\n", "four four f\n", "three three\n"],
            ),
            // After a restart, the file goes on where it was.
            (2, "six six\nseven\n", ["seven\n", "five\nsix six\n", "four four f\n"]),
        ] {
            let mut log = RotatedFile::open(&log_file(&path, 10, backups)).unwrap().unwrap();
            write(&mut log, text);
            assert_eq!(["", ".1", ".2"].map(|end| read(end).unwrap()), expected);
            assert!(read(".3").is_err());
        }
        write(&mut RotatedFile::open(&log_file(&path, 5, 1)).unwrap().unwrap(), "eight\n");
        assert_eq!((read("").unwrap().as_str(), read(".2").is_err()), ("eight\n", true));
    }

    #[test]
    fn without_backups_no_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let mut log = RotatedFile::open(&log_file(&path, 10, 0)).unwrap().unwrap();
        write(&mut log, "a line of a log\na line of a log\na line of a log\n");
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_place_that_is_no_file_is_named_at_once_and_the_null_device_takes_all_lines() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let begun = Instant::now();
        for (path, why) in [(Path::new("/dev/null/app.log"), "File exists"), (&pipe, "it is a pipe, ")] {
            let error = format!("{:#}", RotatedFile::open(&log_file(path, 0, 0)).err().unwrap());
            assert!(
                error.starts_with(&format!("app_config.log_file {} can't be written: ", path.display())),
                "{error}"
            );
            assert!(error.contains(why), "{error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
        assert!(RotatedFile::open(&log_file("/dev/null", 1, 1)).unwrap().is_none());
    }

    #[test]
    fn a_line_that_a_full_disk_does_not_take_is_a_loss_and_the_next_one_begins_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let mut log = RotatedFile::open(&log_file(&path, 0, 0)).unwrap().unwrap();
        write(&mut log, "one\n");
        let full = File::options().append(true).open("/dev/full").unwrap();
        let file = log.file.replace(full);
        let Loss { lines, error } = log.write(b"two\n").unwrap_err();
        assert_eq!((lines, error.kind()), (1, ErrorKind::StorageFull));
        log.file = file;
        write(&mut log, "three\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\nthree\n");
    }
}
