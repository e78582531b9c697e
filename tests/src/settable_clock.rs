//! A date that a test sets for one program, by Debian's libfaketime; the machine's own stays.

use crate::debian;
use crate::launch::Launch;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A date that can be set.
pub struct SettableClock {
    library: PathBuf,
    folder: TempDir,
}

impl SettableClock {
    /// The machine's date so far; `None` where libfaketime can't be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When it can't be had although the environment variable `CI` is `true`.
    pub fn new() -> Result<Option<Self>> {
        let Some(package) = debian::package("libfaketime")? else { return Ok(None) };
        let folders = std::fs::read_dir(package.join("usr/lib"))?;
        let library = |folder: PathBuf| Some(folder.join("faketime/libfaketime.so.1")).filter(|path| path.exists());
        let library = folders.filter_map(|folder| library(folder.ok()?.path())).next();
        let clock = Self { library: library.context("libfaketime.so.1 in the package")?, folder: tempfile::tempdir()? };
        clock.set("+0")?;
        Ok(Some(clock))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("date")
    }

    /// Sets it so far from the machine's, such as `-1h` or `+10d`.
    ///
    /// # Errors
    ///
    /// When the file can't be written.
    pub fn set(&self, offset: &str) -> Result<()> {
        let new: &Path = &self.folder.path().join("new");
        std::fs::write(new, offset)?;
        Ok(std::fs::rename(new, self.file())?)
    }

    /// Has a program read it. Its timers stay as they are.
    pub fn given_to(&self, launch: Launch) -> Launch {
        launch
            .variable("LD_PRELOAD", &self.library)
            .variable("FAKETIME_TIMESTAMP_FILE", self.file())
            .variable("FAKETIME_NO_CACHE", "1")
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .variable("DONT_FAKE_MONOTONIC", "1")
    }
}
