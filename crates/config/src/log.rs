//! How much is logged, in which format, and where.

use serde::Deserialize;
use std::path::PathBuf;

/// The least severe level that is logged.
pub type Level = tracing::level_filters::LevelFilter;

/// What the operator set for logs.
#[derive(Clone, Debug)]
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
    /// For people on a terminal, the journal's fields where stderr is the journal, else JSON.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// Lines of JSON.
    Json,
    /// The fields of systemd's journal.
    Journald,
}

/// A log file that is rotated as Python's `RotatingFileHandler` does.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// The current file; older ones stand beside it as `.1`, `.2`, ….
    pub path: PathBuf,
    /// Bytes after which a new file begins; 0 for never.
    pub max_bytes: usize,
    /// Older files that are kept.
    pub backups: usize,
    /// The level of the log in the file.
    pub level: Level,
}
