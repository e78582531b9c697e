//! The bytes of the tables. redb checks its pages when it opens the file; each record has a checksum of its own, because a page may
//! be damaged later.

use super::super::ages::Made;
use super::fault::Fault;
use serde::{Deserialize, Serialize};

/// What a name holds besides its entries.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct NameRecord {
    pub(super) scope: [u8; 16],
    pub(super) revision: u64,
    /// The latest commit's place in the order of commits.
    pub(super) committed: u64,
    /// The commit that set `meta`.
    pub(super) meta_revision: u64,
    /// When it was made.
    pub(super) meta_set: Made,
    pub(super) bytes: u64,
    pub(super) meta: Vec<u8>,
}

impl NameRecord {
    pub(super) fn to_bytes(&self, digest: &[u8]) -> Result<Vec<u8>, Fault> {
        let bytes = postcard::to_allocvec(self).map_err(|error| Fault::Damaged(error.to_string()))?;
        Ok(sealed(digest, &bytes))
    }

    pub(super) fn from_bytes(digest: &[u8], bytes: &[u8]) -> Result<Self, Fault> {
        let bytes = opened(digest, bytes)?;
        postcard::from_bytes(bytes).map_err(|error| Fault::Damaged(format!("a name in it can't be read: {error}")))
    }
}

/// Bytes that belong to a key, behind their checksum.
pub(super) fn sealed(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&checksum(key, bytes)[..], bytes].concat()
}

/// The bytes behind a checksum that is right.
pub(super) fn opened<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8], Fault> {
    match sealed.split_first_chunk() {
        Some((sum, bytes)) if *sum == checksum(key, bytes) => Ok(bytes),
        _ => Err(Fault::Damaged("a checksum in it is wrong".to_owned())),
    }
}

fn checksum(key: &[u8], bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c_append(crc32c::crc32c(key), bytes).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_under_its_own_key_only_and_with_all_of_its_bytes() {
        let record = sealed(b"key", b"value");
        assert_eq!(opened(b"key", &record).unwrap(), b"value");
        assert!(opened(b"kez", &record).is_err());
        for place in 0..record.len() {
            let mut flipped = record.clone();
            flipped[place] ^= 1;
            assert!(opened(b"key", &flipped).is_err(), "{place}");
            assert!(opened(b"key", &record[..place]).is_err(), "{place}");
        }
    }
}
