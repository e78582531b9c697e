//! Logs: to stderr, and to a file that is rotated where one is configured.

use crate::config::{Level, LogFile};
use anyhow::{Context, Result};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use std::io::IsTerminal;
use std::sync::Mutex;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Begins logging, once in the life of the program.
///
/// # Errors
///
/// When the log file can't be written; said now, as later there is nowhere to say it.
pub fn start(level: Level, file: Option<&LogFile>) -> Result<()> {
    let colours = std::io::stderr().is_terminal();
    let to_stderr = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours).with_filter(level);
    let to_file = match file {
        None => None,
        Some(file) => {
            let writer = Mutex::new(rotated(file)?);
            Some(tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(file.level))
        }
    };
    tracing_subscriber::registry().with(to_stderr).with(to_file).init();
    Ok(())
}

/// Rotates as Python's `RotatingFileHandler` does, whose keys the configuration has: not at all where either number is 0.
fn rotated(file: &LogFile) -> Result<FileRotate<AppendCount>> {
    let named = || format!("app_config.log_file {} can't be written", file.path.display());
    if let Some(folder) = file.path.parent() {
        std::fs::create_dir_all(folder).with_context(named)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).open(&file.path).with_context(named)?;
    let limit = match (file.max_bytes, file.backups) {
        (0, _) | (_, 0) => ContentLimit::None,
        (bytes, _) => ContentLimit::BytesSurpassed(bytes),
    };
    Ok(FileRotate::new(&file.path, AppendCount::new(file.backups), limit, Compression::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn log_file(path: std::path::PathBuf, max_bytes: usize, backups: usize) -> LogFile {
        LogFile { path, max_bytes, backups, level: Level::INFO }
    }

    #[test]
    fn a_full_file_is_kept_beside_a_new_one_up_to_the_number_of_backups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app.log");
        let mut log = rotated(&log_file(path.clone(), 10, 2)).unwrap();
        for line in ["one one one\n", "two two two\n", "three three\n", "four four f\n", "five\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        let read = |end: &str| std::fs::read_to_string(format!("{}{end}", path.display()));
        assert_eq!(read("").unwrap(), "five\n");
        assert_eq!(read(".1").unwrap(), "four four f\n");
        assert_eq!(read(".2").unwrap(), "three three\n");
        assert!(read(".3").is_err());
    }

    #[test]
    fn without_backups_nothing_is_rotated_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let mut log = rotated(&log_file(path.clone(), 10, 0)).unwrap();
        for _ in 0..3 {
            log.write_all(b"a line of a log\n").unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = rotated(&log_file("/dev/null/app.log".into(), 0, 0)).err().unwrap();
        assert!(format!("{error:#}").contains("app_config.log_file /dev/null/app.log"), "{error:#}");
    }
}
