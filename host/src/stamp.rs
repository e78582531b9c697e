//! What shows that a file was edited, without reading it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file's state; none where there is no file. Equal states mean the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<[i64; 6]>);

impl Stamp {
    pub(crate) fn of(path: &Path) -> Self {
        Self(std::fs::metadata(path).ok().map(|data| {
            let number = data.ino().cast_signed();
            let length = data.len().cast_signed();
            [number, length, data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec()]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_a_new_file_and_none_differ() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let none = Stamp::of(&path);
        std::fs::write(&path, "one").unwrap();
        let one = Stamp::of(&path);
        assert_eq!(one, Stamp::of(&path));
        std::fs::write(&path, "longer").unwrap();
        let longer = Stamp::of(&path);
        let other = folder.path().join("other");
        std::fs::write(&other, "longer").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let states = [none, one, longer, Stamp::of(&path)];
        for (index, state) in states.iter().enumerate() {
            assert!(!states[..index].contains(state), "{states:?}");
        }
    }
}
