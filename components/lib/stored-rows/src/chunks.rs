//! Rows that may need more than one value.

use crate::{MAX_VALUE_BYTES, Rows};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Rows in as many values as they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunks {
    chunks: Vec<Rows>,
    /// Bytes of all chunks but the last one.
    before: usize,
}

/// A place in the rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    chunk: usize,
    position: usize,
}

impl Chunks {
    /// Appends a row. A row that does not fit into the last value begins another one.
    pub fn push(&mut self, row: &impl Serialize) {
        let Some(last) = self.chunks.last_mut() else {
            self.add(Rows::default());
            return self.push(row);
        };
        let (length, count) = (last.bytes.len(), last.count);
        last.push(row);
        if last.bytes.len() > MAX_VALUE_BYTES && count > 0 {
            let mut next = Rows::default();
            next.bytes.extend_from_slice(&last.bytes[length..]);
            next.count = last.count - count;
            last.bytes.truncate(length);
            last.count = count;
            self.add(next);
        }
    }

    /// Appends the rows of a value.
    pub fn add(&mut self, rows: Rows) {
        self.before = self.bytes();
        self.chunks.push(rows);
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        self.before + self.chunks.last().map_or(0, Rows::len)
    }

    /// The rows of each value.
    pub fn into_values(self) -> Vec<Rows> {
        self.chunks
    }

    /// The row at the cursor, which moves on; `None` at the end.
    pub fn next<R: DeserializeOwned>(&self, cursor: &mut Cursor) -> Option<R> {
        loop {
            let chunk = self.chunks.get(cursor.chunk)?;
            if let Some(row) = chunk.row_at(&mut cursor.position) {
                return Some(row);
            }
            *cursor = Cursor { chunk: cursor.chunk + 1, position: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_take_several_values_and_read_back_in_one_order() {
        let rows: Vec<String> = (0..30_000).map(|number| format!("{number:0100}")).collect();
        let mut chunks = Chunks::default();
        rows.iter().for_each(|row| chunks.push(row));
        assert_eq!(chunks.bytes(), 30_000 * 101 + 4 * 16);
        let mut cursor = Cursor::default();
        let read: Vec<String> = std::iter::from_fn(|| chunks.next(&mut cursor)).collect();
        assert_eq!(read, rows);

        let values: Vec<Vec<u8>> = chunks.into_values().into_iter().map(|rows| rows.seal(1, b"")).collect();
        assert!(values.iter().all(|value| value.len() <= MAX_VALUE_BYTES));
        let mut again = Chunks::default();
        values.into_iter().for_each(|value| again.add(Rows::open(1, b"", value).unwrap()));
        assert_eq!(again.next::<String>(&mut Cursor::default()).as_ref(), rows.first());
        assert_eq!(again.bytes(), 30_000 * 101 + 4 * 16);
    }

    #[test]
    fn no_row_is_no_value() {
        let chunks = Chunks::default();
        assert_eq!((chunks.bytes(), chunks.next::<String>(&mut Cursor::default())), (0, None));
        assert!(chunks.into_values().is_empty());
    }
}
