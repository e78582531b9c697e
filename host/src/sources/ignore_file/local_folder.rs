//! A folder on a disk of this machine: what is in it can be asked without waiting for somebody else.

use image_service_config::regular_file::Fingerprint;
use rustix::fs::{AtFlags, FileType, FsWord, Mode, OFlags, StatxFlags, fstatfs, open, statx};
use rustix::io::Errno;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::Path;

/// File systems of disks and of memory (statfs(2)). All others, such as NFS, SMB, FUSE and 9P, may wait for somebody else.
const LOCAL: [FsWord; 9] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // XFS
    0x9123_683E, // Btrfs
    0x2FC1_2FC1, // ZFS
    0xF2F5_2010, // F2FS
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
    0x794C_7630, // overlayfs, as containers have it
    0x7371_7368, // SquashFS
];

/// The folder of a file, and the file's name in it.
#[derive(Debug)]
pub(super) struct LocalFolder {
    folder: OwnedFd,
    name: OsString,
    device: (u32, u32),
}

impl LocalFolder {
    /// The folder of this path; `None` where it is not local, or the file is a link or on another file system. Blocks on the file
    /// system.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_owned();
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        let folder = open(parent, flags, Mode::empty()).ok()?;
        let kind = fstatfs(&folder).ok()?.f_type;
        let found = statx(&folder, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
        let device = (found.stx_dev_major, found.stx_dev_minor);
        let folder = LOCAL.contains(&kind).then_some(Self { folder, name, device })?;
        folder.look().is_some().then_some(folder)
    }

    /// The fingerprint of what is there now, `Some(None)` where nothing is; `None` where it can't be told at once.
    pub(super) fn look(&self) -> Option<Option<Fingerprint>> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
        match statx(&self.folder, &self.name, flags, StatxFlags::BASIC_STATS) {
            Ok(found) => {
                let is_link = FileType::from_raw_mode(found.stx_mode.into()) == FileType::Symlink;
                let is_here = (found.stx_dev_major, found.stx_dev_minor) == self.device;
                (!is_link && is_here).then(|| Some((&found).into()))
            }
            Err(Errno::NOENT) => Some(None),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_local_folder_is_looked_at_and_a_link_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        let Some(local) = LocalFolder::of(&file) else { return };
        assert_eq!(local.look(), Some(None));
        std::fs::write(&file, "one").unwrap();
        let one = local.look().unwrap();
        assert_eq!(one, Some((&std::fs::metadata(&file).unwrap()).into()));
        std::fs::write(&file, "other").unwrap();
        assert_ne!(local.look().unwrap(), one);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(LocalFolder::of(&link).is_none());
        std::fs::rename(&link, &file).unwrap();
        assert_eq!(local.look(), None);
    }

    #[test]
    fn a_folder_of_no_disk_is_not_looked_at() {
        assert!(LocalFolder::of(Path::new("/proc/self/status")).is_none());
        assert!(LocalFolder::of(Path::new("/nonexistent/file")).is_none());
    }
}
