//! Rows as bytes, in a third of the memory of the rows themselves. The component holds a source's rows in this form until the
//! source has ended, and the host keeps them in this form.

#![forbid(unsafe_code)]

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The first byte. It changes with postcard's format and with the fields of a row.
const VERSION: u8 = 3;

/// Rows of one source, in their order.
pub(crate) struct EncodedRows(Vec<u8>);

impl Default for EncodedRows {
    fn default() -> Self {
        Self(vec![VERSION])
    }
}

impl EncodedRows {
    /// `None` where the bytes are of another version.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.first() == Some(&VERSION)).then_some(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Appends a row, or the rows of one repository.
    pub(crate) fn push(&mut self, row: &impl Serialize) {
        // postcard fails only where a list does not know its length, and rows have no such list.
        if let Ok(bytes) = postcard::to_extend(row, std::mem::take(&mut self.0)) {
            self.0 = bytes;
        }
    }

    pub(crate) fn read(self) -> RowReader {
        RowReader { rows: self, position: 1 }
    }
}

/// Reads rows one by one.
pub(crate) struct RowReader {
    rows: EncodedRows,
    /// The place of the next row in the bytes.
    position: usize,
}

impl RowReader {
    /// The next row; `None` where the bytes hold no further row.
    pub(crate) fn next<R: DeserializeOwned>(&mut self) -> Option<R> {
        let EncodedRows(bytes) = &self.rows;
        let (row, rest) = postcard::take_from_bytes(bytes.get(self.position..)?).ok()?;
        self.position = bytes.len() - rest.len();
        Some(row)
    }

    /// The rows that are not read yet.
    pub(crate) fn rest<R: DeserializeOwned>(mut self) -> impl Iterator<Item = R> {
        std::iter::from_fn(move || self.next())
    }

    /// All rows, including those already read.
    pub(crate) fn into_rows(self) -> EncodedRows {
        self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_model::types::{ContainerdImage, HarborImage, HarborRepository};

    fn node_row(id: &str, repository: Option<&str>, size: u64) -> ContainerdImage {
        ContainerdImage { id: id.to_owned(), repository: repository.map(str::to_owned), tag: None, size }
    }

    #[test]
    fn rows_of_the_node_read_back() {
        let rows =
            [node_row("a", None, 0), node_row("", Some(""), u64::MAX), node_row("ü/é", Some(&"x".repeat(1000)), 7)];
        let mut encoded = EncodedRows::default();
        rows.iter().for_each(|row| encoded.push(row));
        let encoded = EncodedRows::from_bytes(encoded.into_bytes()).unwrap();
        assert_eq!(encoded.read().rest::<ContainerdImage>().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn repositories_read_back_one_by_one() {
        let repository = |images: &[&str]| HarborRepository {
            project: "p".to_owned(),
            name: "app".to_owned(),
            images: images
                .iter()
                .map(|tag| HarborImage { tag: (*tag).to_owned(), digest: "sha256:1".to_owned(), size: 7 })
                .collect(),
        };
        let mut encoded = EncodedRows::default();
        encoded.push(&repository(&["1", "2"]));
        encoded.push(&repository(&["3"]));
        let bytes = encoded.bytes().to_vec();
        let mut reader = encoded.read();
        assert_eq!(reader.next(), Some(repository(&["1", "2"])));
        assert_eq!(reader.next(), Some(repository(&["3"])));
        assert_eq!(reader.next::<HarborRepository>(), None);
        assert_eq!(reader.into_rows().into_bytes(), bytes);
    }

    #[test]
    fn bytes_that_are_cut_short_or_of_another_version_give_no_row() {
        let mut encoded = EncodedRows::default();
        encoded.push(&node_row("abc", Some("def"), 7));
        let bytes = encoded.into_bytes();
        for length in 1..bytes.len() {
            let cut = EncodedRows::from_bytes(bytes[..length].to_vec()).unwrap();
            assert_eq!(cut.read().rest::<ContainerdImage>().count(), 0, "{length}");
        }
        assert!(EncodedRows::from_bytes(Vec::new()).is_none());
        assert!(EncodedRows::from_bytes(vec![VERSION + 1]).is_none());
    }
}
