//! Rows as the values of the store (wit/store.wit): postcard, a third of the memory of the rows themselves, behind a header of 16
//! bytes.
//!
//! | bytes | header                                                                     |
//! |-------|----------------------------------------------------------------------------|
//! | 4     | `rows`                                                                     |
//! | 4     | the version of the rows, which their component counts                      |
//! | 4     | the number of rows                                                         |
//! | 4     | CRC-32C of the value's key, the version, the number and the rows           |
//!
//! All numbers are little-endian. A value that does not fit its header is no failure: the component does without, as if the store
//! had lost it.

#![forbid(unsafe_code)]

mod chunks;

pub use chunks::{Chunks, Cursor};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most bytes of a value. Less than the store's 1 MiB, as the native host gives a large value a power of two of the file.
pub const MAX_VALUE_BYTES: usize = 1_000_000;

const MAGIC: [u8; 4] = *b"rows";
const HEADER_BYTES: usize = 16;

/// Why a value gives no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Miss {
    /// Another version of the component wrote the value.
    #[error("another version of this program wrote them (format {0})")]
    Version(u32),
    /// The value is damaged, or has no rows.
    #[error("they are damaged")]
    Damaged,
}

/// Rows, in their order. The header is written when they are sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    bytes: Vec<u8>,
    count: u32,
}

impl Default for Rows {
    fn default() -> Self {
        Self { bytes: vec![0; HEADER_BYTES], count: 0 }
    }
}

impl Rows {
    /// Appends a row.
    pub fn push(&mut self, row: &impl Serialize) {
        // postcard fails only where a list does not know its length, and rows have no such list.
        if let Ok(bytes) = postcard::to_extend(row, std::mem::take(&mut self.bytes)) {
            self.bytes = bytes;
            self.count += 1;
        }
    }

    /// Bytes of the value, its header included.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value for this key.
    pub fn seal(mut self, version: u32, key: &[u8]) -> Vec<u8> {
        let (version, count) = (version.to_le_bytes(), self.count.to_le_bytes());
        let sum = checksum(key, version, count, &self.bytes[HEADER_BYTES..]);
        for (place, part) in self.bytes.chunks_exact_mut(4).zip([MAGIC, version, count, sum]) {
            place.copy_from_slice(&part);
        }
        self.bytes
    }

    /// The rows of the value under this key.
    ///
    /// # Errors
    ///
    /// When the value is of another version, damaged, or another key's.
    pub fn open(version: u32, key: &[u8], value: Vec<u8>) -> Result<Self, Miss> {
        let [magic, found, count, sum] = header(&value).ok_or(Miss::Damaged)?;
        if magic != MAGIC || sum != checksum(key, found, count, &value[HEADER_BYTES..]) {
            return Err(Miss::Damaged);
        }
        match u32::from_le_bytes(found) {
            found if found == version => Ok(Self { bytes: value, count: u32::from_le_bytes(count) }),
            found => Err(Miss::Version(found)),
        }
    }

    /// All rows.
    ///
    /// # Errors
    ///
    /// When the bytes are no rows of this type, as many as the header says.
    pub fn all<R: DeserializeOwned>(&self) -> Result<Vec<R>, Miss> {
        let (mut rows, mut position) = (Vec::new(), 0);
        while let Some(row) = self.row_at(&mut position) {
            rows.push(row);
        }
        let whole = rows.len() == self.count as usize && position + HEADER_BYTES == self.bytes.len();
        whole.then_some(rows).ok_or(Miss::Damaged)
    }

    /// The row at this position, which then is that of the next row; `None` where no further row can be read.
    fn row_at<R: DeserializeOwned>(&self, position: &mut usize) -> Option<R> {
        let bytes = self.bytes.get(HEADER_BYTES + *position..).filter(|bytes| !bytes.is_empty())?;
        let (row, rest) = postcard::take_from_bytes(bytes).ok()?;
        *position += bytes.len() - rest.len();
        Some(row)
    }
}

/// The checksum of a sealed value, which tells it from other values.
pub fn checksum_of(value: &[u8]) -> [u8; 4] {
    header(value).map_or([0; 4], |[_, _, _, sum]| sum)
}

/// The four parts of a header.
fn header(value: &[u8]) -> Option<[[u8; 4]; 4]> {
    let (parts, _) = value.get(..HEADER_BYTES)?.as_chunks();
    parts.try_into().ok()
}

fn checksum(key: &[u8], version: [u8; 4], count: [u8; 4], rows: &[u8]) -> [u8; 4] {
    [&version[..], &count, rows]
        .iter()
        .fold(crc32c::crc32c(key), |sum, part| crc32c::crc32c_append(sum, part))
        .to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &[&str]) -> Rows {
        let mut rows = Rows::default();
        texts.iter().for_each(|text| rows.push(text));
        rows
    }

    #[test]
    fn rows_read_back_in_their_order() {
        let texts = ["a", "", &"ü".repeat(1000)];
        let value = rows(&texts).seal(7, b"key");
        assert_eq!(Rows::open(7, b"key", value).unwrap().all::<String>().unwrap(), texts);
        let none = Rows::default().seal(7, b"key");
        assert_eq!(none.len(), 16);
        assert_eq!(Rows::open(7, b"key", none).unwrap().all::<String>().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_value_with_any_bit_flipped_or_any_byte_missing_gives_no_row() {
        let value = rows(&["abc", "def"]).seal(7, b"key");
        for place in 0..value.len() {
            for bit in 0..8 {
                let mut flipped = value.clone();
                flipped[place] ^= 1 << bit;
                assert_eq!(Rows::open(7, b"key", flipped), Err(Miss::Damaged), "{place}, {bit}");
            }
            assert_eq!(Rows::open(7, b"key", value[..place].to_vec()), Err(Miss::Damaged), "{place}");
        }
        assert_eq!(Rows::open(7, b"key", [&value[..], b"x"].concat()), Err(Miss::Damaged));
    }

    #[test]
    fn a_value_of_another_version_or_key_gives_no_row() {
        let value = rows(&["abc"]).seal(8, b"key");
        assert_eq!(Rows::open(7, b"key", value.clone()), Err(Miss::Version(8)));
        assert_eq!(Rows::open(8, b"kex", value), Err(Miss::Damaged));
    }

    #[test]
    fn rows_of_another_type_are_a_miss() {
        let value = rows(&["abc"]).seal(7, b"key");
        let opened = Rows::open(7, b"key", value).unwrap();
        assert_eq!(opened.all::<(String, u64)>(), Err(Miss::Damaged));
        assert_eq!(opened.all::<u8>(), Err(Miss::Damaged), "four rows instead of one");
    }
}
