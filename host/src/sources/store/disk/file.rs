//! The file of the store, as redb reads and writes it: only its owner can open it, it does not grow beyond a bound, and each byte
//! of its length has its place on the disk.

use anyhow::{Result, bail};
use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};
use rustix::fs::{FallocateFlags, OFlags};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::ops::Bound;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The file, locked while it is open.
#[derive(Debug)]
pub(super) struct StoreFile {
    file: File,
    backend: FileBackend,
    /// Most bytes to which the file grows. A reload of the configuration changes it.
    max_bytes: Arc<AtomicU64>,
}

impl StoreFile {
    /// Opens the file, or makes it.
    ///
    /// A command that root runs makes a file for the service: the file belongs to the owner of the folder.
    pub(super) fn open(path: &Path, max_bytes: Arc<AtomicU64>) -> Result<Self> {
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits())?;
        let file = OpenOptions::new().read(true).write(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            bail!("it is no regular file");
        }
        let folder = path.parent().map(std::fs::metadata).transpose()?;
        if let Some(folder) = folder.filter(|folder| folder.uid() != metadata.uid()) {
            // Only root can, and the others need not.
            let _ = fchown(&file, Some(folder.uid()), Some(folder.gid()));
        }
        Ok(Self { backend: FileBackend::new(file.try_clone()?)?, file, max_bytes })
    }
}

impl StorageBackend for StoreFile {
    fn set_len(&self, length: u64) -> Result<(), Error> {
        let present = self.backend.len()?;
        if length > present {
            let most = self.max_bytes.load(Ordering::Relaxed);
            if length > most {
                return Err(Error::new(ErrorKind::QuotaExceeded, "the file of the store is full"));
            }
            // What is in the file stays readable when the disk is full: redb writes to open it, too.
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), present, length - present) {
                Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                Err(error) => {
                    self.backend.set_len(present)?;
                    return Err(error.into());
                }
            }
        }
        self.backend.set_len(length)
    }

    fn len(&self) -> Result<u64, Error> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.backend.read(offset, out)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.backend.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.backend.write(offset, data)
    }

    fn close(&self) -> Result<(), Error> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}
