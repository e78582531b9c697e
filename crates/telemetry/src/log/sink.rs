//! The places that lines are written to: stderr, a rotated file, the journal.

use super::lines::Lines;
use anyhow::{Context, Result};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use image_service_config::LogFile;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

/// The socket of journald (systemd.io/JOURNAL_NATIVE_PROTOCOL).
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Writes lines. It ignores errors, because there is no other place to report them.
pub(super) trait Sink: Send {
    /// Writes all lines.
    fn write(&mut self, lines: &Lines);
}

/// The program's stderr.
pub(super) struct Stderr;

impl Sink for Stderr {
    fn write(&mut self, lines: &Lines) {
        let _ = std::io::stderr().lock().write_all(&lines.bytes);
    }
}

/// A rotated file.
pub(super) struct File(FileRotate<AppendCount>);

impl Sink for File {
    fn write(&mut self, lines: &Lines) {
        // One by one, because a new file may begin after each line.
        lines.iter().for_each(|line| drop(self.0.write_all(line)));
    }
}

impl File {
    /// Opens the file. It rotates in the way of Python's `RotatingFileHandler`: not at all where either number is 0.
    pub(super) fn open(file: &LogFile) -> Result<Self> {
        let named = || format!("app_config.log_file {} can't be written", file.path.display());
        if let Some(folder) = file.path.parent() {
            std::fs::create_dir_all(folder).with_context(named)?;
        }
        std::fs::OpenOptions::new().create(true).append(true).open(&file.path).with_context(named)?;
        let limit = match (file.max_bytes, file.backups) {
            (0, _) | (_, 0) => ContentLimit::None,
            (bytes, _) => ContentLimit::BytesSurpassed(bytes),
        };
        Ok(Self(FileRotate::new(&file.path, AppendCount::new(file.backups), limit, Compression::None, None)))
    }
}

/// journald, by its native protocol: a datagram a record.
pub(super) struct Journal(UnixDatagram);

impl Sink for Journal {
    fn write(&mut self, lines: &Lines) {
        lines.iter().for_each(|record| drop(self.0.send(record)));
    }
}

impl Journal {
    /// Connects to journald.
    pub(super) fn open() -> std::io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(JOURNAL_SOCKET)?;
        Ok(Self(socket))
    }

    /// Whether stderr is the journal: `JOURNAL_STREAM` names the device and inode of what systemd connected
    /// (systemd.exec(5)).
    pub(super) fn is_stderr() -> bool {
        let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
        std::fs::metadata("/proc/self/fd/2").is_ok_and(|data| stream == format!("{}:{}", data.dev(), data.ino()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_service_config::Level;

    fn log_file(path: std::path::PathBuf, max_bytes: usize, backups: usize) -> LogFile {
        LogFile { path, max_bytes, backups, level: Level::INFO }
    }

    #[test]
    fn a_full_file_becomes_a_backup_up_to_the_number_of_backups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/app.log");
        let mut log = File::open(&log_file(path.clone(), 10, 2)).unwrap();
        let text = "one one one\ntwo two two\nthree three\nfour four f\nfive\n";
        let ends = text.match_indices('\n').map(|(at, _)| at + 1).collect();
        log.write(&Lines { bytes: text.into(), ends });
        let read = |end: &str| std::fs::read_to_string(format!("{}{end}", path.display()));
        assert_eq!(read("").unwrap(), "five\n");
        assert_eq!(read(".1").unwrap(), "four four f\n");
        assert_eq!(read(".2").unwrap(), "three three\n");
        assert!(read(".3").is_err());
    }

    #[test]
    fn without_backups_no_line_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        let mut log = File::open(&log_file(path.clone(), 10, 0)).unwrap();
        for _ in 0..3 {
            log.write(&Lines { bytes: b"a line of a log\n".to_vec(), ends: vec![16] });
        }
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 3);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        let error = File::open(&log_file("/dev/null/app.log".into(), 0, 0)).err().unwrap();
        assert!(format!("{error:#}").contains("app_config.log_file /dev/null/app.log"), "{error:#}");
    }
}
