//! Tells an edited file from an unchanged one, without reading it.

use rustix::fs::Statx;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Inode, length and times of a file. Equal fingerprints mean equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([i64; 6]);

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        let (inode, length) = (metadata.ino().cast_signed(), metadata.len().cast_signed());
        Self([inode, length, metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()])
    }
}

impl From<&Statx> for Fingerprint {
    fn from(found: &Statx) -> Self {
        let (inode, length) = (found.stx_ino.cast_signed(), found.stx_size.cast_signed());
        let [modified, changed] = [found.stx_mtime, found.stx_ctime];
        Self([inode, length, modified.tv_sec, modified.tv_nsec.into(), changed.tv_sec, changed.tv_nsec.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::super::fingerprint;
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

    #[test]
    fn missing_new_edited_and_replaced_files_have_different_fingerprints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let missing = fingerprint(&path).unwrap();
        std::fs::write(&path, "one").unwrap();
        let new = fingerprint(&path).unwrap();
        assert_eq!(new, fingerprint(&path).unwrap());
        let by_statx = statx(CWD, &path, AtFlags::empty(), StatxFlags::BASIC_STATS).unwrap();
        assert_eq!(new, Some((&by_statx).into()), "the two ways to ask give the same");
        std::fs::write(&path, "longer").unwrap();
        let edited = fingerprint(&path).unwrap();
        let other = folder.path().join("other");
        std::fs::write(&other, "longer").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let fingerprints = [missing, new, edited, fingerprint(&path).unwrap()];
        for (index, fingerprint) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[..index].contains(fingerprint), "{fingerprints:?}");
        }
    }
}
