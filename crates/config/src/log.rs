//! The log: its level, its format, and its places.

use serde::Deserialize;
use std::path::PathBuf;

/// The least severe level that the program logs.
pub type Level = tracing::level_filters::LevelFilter;

/// The log: its level, its format, and its places.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    /// The level of the log on stderr.
    pub level: Level,
    /// The format of the log on stderr.
    pub format: LogFormat,
    /// A second place for the log.
    pub file: Option<LogFile>,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `Human` on a terminal, `Journald` where stderr is the journal, else `Json`.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// Lines of JSON.
    Json,
    /// The fields of systemd's journal.
    Journald,
}

/// A log file, rotated in the way of Python's `RotatingFileHandler`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFile {
    /// The current file; older ones stand beside it as `.1`, `.2`, ….
    pub path: PathBuf,
    /// Size in bytes at which a new file begins; 0 for never.
    pub max_bytes: usize,
    /// The number of older files to keep.
    pub backups: usize,
    /// The level of the log in the file.
    pub level: Level,
}
