//! Tells an edited file from an unchanged one, without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Inode, length and times of a file; `None` where there is no file. Equal fingerprints mean equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileFingerprint(Option<[i64; 6]>);

impl FileFingerprint {
    /// The fingerprint of the file as it is now.
    pub(crate) fn of(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|metadata| {
            let inode = metadata.ino().cast_signed();
            let length = metadata.len().cast_signed();
            [inode, length, metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_new_edited_and_replaced_files_have_different_fingerprints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let missing = FileFingerprint::of(&path);
        std::fs::write(&path, "one").unwrap();
        let new = FileFingerprint::of(&path);
        assert_eq!(new, FileFingerprint::of(&path));
        std::fs::write(&path, "longer").unwrap();
        let edited = FileFingerprint::of(&path);
        let other = folder.path().join("other");
        std::fs::write(&other, "longer").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let fingerprints = [missing, new, edited, FileFingerprint::of(&path)];
        for (index, fingerprint) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[..index].contains(fingerprint), "{fingerprints:?}");
        }
    }
}
