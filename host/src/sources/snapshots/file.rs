//! One file of rows. Writing replaces the whole file or nothing; reading checks it.

use super::snapshot::{Key, Snapshot};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use image_service_http::hex::hex;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The beginning of a file. The key, the time in seconds since 1970, a checksum and the rows follow.
const MAGIC: &[u8] = b"image-service snapshot 1\n";
/// Bytes before the rows.
const HEAD_BYTES: usize = MAGIC.len() + 32 + 8 + 32;

/// The file of a key in the folder.
pub(super) fn path(folder: &Path, key: &Key) -> PathBuf {
    folder.join(hex(&key[..16])).with_extension("snapshot")
}

fn checksum(key: &Key, taken: [u8; 8], bytes: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(key).chain_update(taken).chain_update(bytes).finalize().into()
}

/// Writes a new file, and replaces the old one when all bytes are on the disk.
pub(super) fn write(folder: &Path, key: &Key, snapshot: &Snapshot) -> Result<()> {
    let taken = snapshot.taken.duration_since(SystemTime::UNIX_EPOCH)?.as_secs().to_le_bytes();
    // Only its owner can read a temporary file.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for part in [MAGIC, key, &taken, &checksum(key, taken, &snapshot.bytes), &snapshot.bytes] {
        file.write_all(part)?;
    }
    file.as_file().sync_all()?;
    file.persist(path(folder, key))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Reads a file; `None` where there is none.
pub(super) fn read(path: &Path, key: &Key, max_bytes: usize) -> Result<Option<Snapshot>> {
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits())?;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        outcome => outcome.context("it can't be opened")?,
    };
    let mut bytes = Vec::new();
    let most = (HEAD_BYTES + max_bytes) as u64;
    file.take(most + 1).read_to_end(&mut bytes).context("it can't be read")?;
    if bytes.len() as u64 > most {
        bail!("it is larger than cache_config.max_stale_bytes allows");
    }
    let bytes = Bytes::from(bytes);
    let Some(rest) = bytes.strip_prefix(MAGIC) else { bail!("it is no file of this program") };
    let head = rest.split_first_chunk::<32>().and_then(|(theirs, rest)| {
        let (taken, rest) = rest.split_first_chunk::<8>()?;
        let (sum, rest) = rest.split_first_chunk::<32>()?;
        Some((theirs, *taken, sum, rest))
    });
    let Some((theirs, taken, sum, rest)) = head else { bail!("it is cut short") };
    if theirs != key || *sum != checksum(key, taken, rest) {
        bail!("its checksum is wrong, so the file is cut short or damaged");
    }
    let taken = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::from_le_bytes(taken)));
    match taken.filter(|taken| *taken <= SystemTime::now()) {
        Some(taken) => Ok(Some(Snapshot { taken, bytes: bytes.slice(HEAD_BYTES..) })),
        None => bail!("it is from the future; was this machine's clock set back?"),
    }
}
