//! The places that lines are written to: stderr, a rotated file, the journal.

use super::lines::{Lines, Loss, Tail};
use super::rotated_file::RotatedFile;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

/// The socket of journald (systemd.io/JOURNAL_NATIVE_PROTOCOL).
const JOURNAL_SOCKET: &str = "/run/systemd/journal/socket";

/// Writes lines.
pub(super) trait Sink: Send {
    /// Writes all lines that the place takes.
    ///
    /// # Errors
    ///
    /// How many it did not take, and why.
    fn write(&mut self, lines: &Lines) -> Result<(), Loss>;

    /// The place, in words.
    fn name(&self) -> String;
}

/// The program's stderr.
#[derive(Default)]
pub(super) struct Stderr(Tail);

impl Sink for Stderr {
    fn write(&mut self, lines: &Lines) -> Result<(), Loss> {
        self.0.write(&mut std::io::stderr().lock(), &lines.bytes, &lines.ends)
    }

    fn name(&self) -> String {
        "stderr".to_owned()
    }
}

impl Sink for RotatedFile {
    fn write(&mut self, lines: &Lines) -> Result<(), Loss> {
        // One by one, because a new file may begin after each line.
        one_by_one(lines, |line| self.write(line))
    }

    fn name(&self) -> String {
        format!("app_config.log_file {}", self.path().display())
    }
}

/// journald, by its native protocol: a datagram a record.
pub(super) struct Journal(UnixDatagram);

impl Sink for Journal {
    fn write(&mut self, lines: &Lines) -> Result<(), Loss> {
        one_by_one(lines, |record| self.0.send(record).map(drop).map_err(|error| Loss { lines: 1, error }))
    }

    fn name(&self) -> String {
        "the journal".to_owned()
    }
}

/// Writes each line, also after a loss.
fn one_by_one(lines: &Lines, mut write: impl FnMut(&[u8]) -> Result<(), Loss>) -> Result<(), Loss> {
    let mut lost: Option<Loss> = None;
    for line in lines.iter() {
        if let Err(loss) = write(line) {
            lost = Some(loss.and(lost));
        }
    }
    lost.map_or(Ok(()), Err)
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
