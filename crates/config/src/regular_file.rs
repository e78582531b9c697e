//! Reads the files that an operator names: only regular files, each up to a size, and within a time limit.
//!
//! A pipe would make the program wait for a writer, a device has no end, and a network file system whose server is gone does not
//! answer. So whoever reads what an operator names reads it here.

mod fingerprint;
mod time_limit;

pub use fingerprint::Fingerprint;
pub use time_limit::{TIME_LIMIT, within_limit};

use rustix::fs::{OFlags, major, minor};
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// Most bytes of config.json.
pub const MAX_CONFIG: u64 = 1024 * 1024;
/// Most bytes of a file with one secret: a password, or a private key.
pub const MAX_SECRET: u64 = 64 * 1024;
/// Most bytes of a file with tokens.
pub const MAX_TOKENS: u64 = 1024 * 1024;
/// Most bytes of a file with certificates. The bundles of systems have a quarter of a megabyte.
pub const MAX_CERTIFICATES: u64 = 4 * 1024 * 1024;
/// Most bytes of images_to_ignore.txt: each listing holds it in the memory of its components.
pub const MAX_IGNORE_FILE: u64 = 4 * 1024 * 1024;
/// Most bytes of a component, composed or not.
pub const MAX_COMPONENT: u64 = 256 * 1024 * 1024;
/// Most bytes of text that people write by hand: a `.wac` file, crictl's configuration.
pub const MAX_TEXT: u64 = 1024 * 1024;

/// The device and its number that always read as nothing.
const NULL_DEVICE: (u32, u32) = (1, 3);

/// The bytes of a regular file. `/dev/null` reads as an empty file, as some write it to say "nothing".
///
/// # Errors
///
/// When it is no regular file, has more than `max` bytes, can't be read, or does not answer in time.
pub fn read(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>> {
    let file = path.to_owned();
    within_limit(path, move || match open(&file)? {
        Some(open) => read_open(&open, max),
        None => Ok(Zeroizing::default()),
    })
}

/// The text of a regular file.
///
/// # Errors
///
/// As [`read`], and when it is no UTF-8. The error does not repeat the file.
pub fn read_text(path: &Path, max: u64) -> Result<Zeroizing<String>> {
    let mut bytes = read(path, max)?;
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Error::new(ErrorKind::InvalidData, "it is no UTF-8 text"))
        }
    }
}

/// What the system says of a file, within the time limit.
///
/// # Errors
///
/// When there is none, or the system does not say.
pub fn metadata(path: &Path) -> Result<Metadata> {
    let file = path.to_owned();
    within_limit(path, move || std::fs::metadata(file))
}

/// Whether there is such a file. What does not answer in time counts as there: who reads it then gets the error.
pub fn exists(path: &Path) -> bool {
    match metadata(path) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::TimedOut,
    }
}

/// The fingerprint of what is there now; `None` where nothing is.
///
/// # Errors
///
/// When the system does not say.
pub fn fingerprint(path: &Path) -> Result<Option<Fingerprint>> {
    absent(metadata(path)).map(|found| found.as_ref().map(Fingerprint::from))
}

/// `None` in place of the error that there is no such file.
///
/// # Errors
///
/// Any other error.
pub fn absent<T>(outcome: Result<T>) -> Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a regular file to read it; `None` for `/dev/null`. The caller runs it [`within_limit`].
///
/// Looks first, as to open a device may do something, and wakes whoever waits at the other end of a pipe. Then opens without waiting,
/// and looks again at what it has opened: the name may mean another file by now.
///
/// # Errors
///
/// When it is no regular file, or can't be opened.
pub fn open(path: &Path) -> Result<Option<File>> {
    let found = std::fs::metadata(path)?;
    if is_null(&found) {
        return Ok(None);
    }
    check(&found)?;
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    check(&file.metadata()?)?;
    Ok(Some(file))
}

/// The bytes of a file that [`open`] gave.
///
/// # Errors
///
/// When it has more than `max` bytes, or can't be read.
pub fn read_open(file: &File, max: u64) -> Result<Zeroizing<Vec<u8>>> {
    let length = file.metadata()?.len();
    if length > max {
        return Err(too_large(length, max));
    }
    // The room at once: a vector that grows leaves copies of a secret behind.
    let room = usize::try_from(length.saturating_add(1)).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    let read = file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if read as u64 > max {
        return Err(too_large(read as u64, max));
    }
    Ok(bytes)
}

/// Opens a regular file to append to it, and makes it where there is none; `None` for `/dev/null`. The caller runs it
/// [`within_limit`].
///
/// # Errors
///
/// When it is no regular file, or can't be opened.
pub fn append(path: &Path) -> Result<Option<File>> {
    if let Some(found) = absent(std::fs::metadata(path))? {
        if is_null(&found) {
            return Ok(None);
        }
        check(&found)?;
    }
    let file = append_options().open(path)?;
    check(&file.metadata()?)?;
    Ok(Some(file))
}

/// How [`append`] opens a file: without waiting for the reader of a pipe.
pub fn append_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).custom_flags(flags());
    options
}

/// Open without waiting, and no terminal as this program's own.
fn flags() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

fn is_null(metadata: &Metadata) -> bool {
    let device = metadata.rdev();
    metadata.file_type().is_char_device() && (major(device), minor(device)) == NULL_DEVICE
}

/// Refuses what is no regular file, and not the null device.
///
/// # Errors
///
/// What it is instead.
pub fn check(metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let what = match () {
        () if kind.is_file() || is_null(metadata) => return Ok(()),
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    let error = format!("it is {what}, and no regular file; write the content into a file, and name that");
    Err(Error::new(ErrorKind::InvalidInput, error))
}

fn too_large(length: u64, max: u64) -> Error {
    Error::new(ErrorKind::FileTooLarge, format!("it has {length} bytes or more, and may have {max}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::{Duration, Instant};

    fn refused(path: &Path) -> String {
        read(path, 100).unwrap_err().to_string()
    }

    #[test]
    fn a_pipe_a_socket_a_folder_and_a_device_are_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| folder.path().join(name));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        let begun = Instant::now();
        for (path, what) in [
            (pipe.as_path(), "it is a pipe, "),
            (&link, "it is a pipe, "),
            (&socket, "it is a socket, "),
            (folder.path(), "it is a folder, "),
            (Path::new("/dev/zero"), "it is a device, "),
        ] {
            assert!(refused(path).starts_with(what), "{}", refused(path));
            let appended = append(path).unwrap_err().to_string();
            assert!(appended.starts_with(what), "{appended}");
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        // What the name meant a moment ago does not count.
        let opened = append_options().open(&pipe);
        assert!(opened.and_then(|file| check(&file.metadata()?)).is_err());
    }

    #[test]
    fn a_file_beyond_its_size_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [b'x'; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap().len(), 100);
        let sparse = File::create(&path).unwrap();
        sparse.set_len(10 * 1024 * 1024 * 1024).unwrap();
        assert_eq!(refused(&path), "it has 10737418240 bytes or more, and may have 100");
        // A file of the system has a length of 0 and a content.
        assert!(refused(Path::new("/proc/self/status")).contains("and may have 100"));
    }

    #[test]
    fn the_null_device_is_an_empty_file_and_a_link_is_what_it_leads_to() {
        assert!(read(Path::new("/dev/null"), 100).unwrap().is_empty());
        assert!(append(Path::new("/dev/null")).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        std::fs::write(&file, "content").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert_eq!(read_text(&link, 100).unwrap().as_str(), "content");
        std::fs::write(&file, b"s3cret\xff").unwrap();
        assert_eq!(read_text(&link, 100).unwrap_err().to_string(), "it is no UTF-8 text");
        assert_eq!(refused(&folder.path().join("absent")), "No such file or directory (os error 2)");
    }
}
