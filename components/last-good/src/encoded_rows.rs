//! Rows as bytes: what is held of them until their source has ended, in a third of the memory that they take as they are,
//! and what the host keeps.

#![forbid(unsafe_code)]

/// What the bytes begin with; another one where the form changes.
const VERSION: u8 = 2;

/// The length of what is not there.
const NONE: u32 = u32::MAX;

/// A row that can be kept, or the rows of one repository.
pub(crate) trait Row: Sized {
    fn write(&self, fields: &mut Writer<'_>);

    /// `None` where the bytes are no such row.
    fn read(fields: &mut Reader<'_>) -> Option<Self>;
}

/// Rows of one source, in their order.
pub(crate) struct Rows(Vec<u8>);

impl Default for Rows {
    fn default() -> Self {
        Self(vec![VERSION])
    }
}

impl Rows {
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

    pub(crate) fn push(&mut self, row: &impl Row) {
        row.write(&mut Writer(&mut self.0));
    }

    pub(crate) fn read(self) -> Reading {
        Reading { rows: self, position: 1 }
    }
}

/// Rows that are read one by one.
pub(crate) struct Reading {
    rows: Rows,
    /// Where the next row begins.
    position: usize,
}

impl Reading {
    /// The next row; `None` where the bytes have no more.
    pub(crate) fn next<R: Row>(&mut self) -> Option<R> {
        let Rows(bytes) = &self.rows;
        let mut fields = Reader(bytes.get(self.position..).unwrap_or_default());
        let row = R::read(&mut fields)?;
        self.position = bytes.len() - fields.0.len();
        Some(row)
    }

    /// All rows that are left.
    pub(crate) fn all<R: Row>(mut self) -> impl Iterator<Item = R> {
        std::iter::from_fn(move || self.next())
    }

    /// All rows, those that were read too.
    pub(crate) fn into_rows(self) -> Rows {
        self.rows
    }
}

/// Writes the fields of a row.
pub(crate) struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn text(&mut self, text: &str) {
        self.optional(Some(text));
    }

    pub(crate) fn optional(&mut self, text: Option<&str>) {
        // No text of a row is longer than what a component of 32 bits can hold.
        let length = text.map_or(NONE, |text| u32::try_from(text.len()).unwrap_or(NONE));
        self.0.extend_from_slice(&length.to_le_bytes());
        self.0.extend_from_slice(text.filter(|_| length != NONE).unwrap_or_default().as_bytes());
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads the fields of a row; `None` where the bytes have none.
pub(crate) struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    pub(crate) fn text(&mut self) -> Option<String> {
        self.optional()?
    }

    pub(crate) fn optional(&mut self) -> Option<Option<String>> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        if length == NONE {
            self.0 = rest;
            return Some(None);
        }
        let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(String::from_utf8(text.to_vec()).ok()?))
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Sample(String, Option<String>, u64);

    impl Row for Sample {
        fn write(&self, fields: &mut Writer<'_>) {
            fields.text(&self.0);
            fields.optional(self.1.as_deref());
            fields.number(self.2);
        }

        fn read(fields: &mut Reader<'_>) -> Option<Self> {
            Some(Self(fields.text()?, fields.optional()?, fields.number()?))
        }
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let samples = [
            Sample("a".to_owned(), None, 0),
            Sample(String::new(), Some(String::new()), u64::MAX),
            Sample("ü/é".to_owned(), Some("x".repeat(1000)), 7),
        ];
        let mut rows = Rows::default();
        samples.iter().for_each(|sample| rows.push(sample));
        let again = Rows::from_bytes(rows.into_bytes()).unwrap();
        assert_eq!(again.read().all::<Sample>().collect::<Vec<_>>(), samples);
    }

    #[test]
    fn bytes_that_are_cut_short_or_of_another_version_give_no_wrong_rows() {
        let mut rows = Rows::default();
        rows.push(&Sample("abc".to_owned(), Some("def".to_owned()), 7));
        let bytes = rows.into_bytes();
        for length in 1..bytes.len() {
            let cut = Rows::from_bytes(bytes[..length].to_vec()).unwrap();
            assert_eq!(cut.read().all::<Sample>().count(), 0, "{length}");
        }
        assert!(Rows::from_bytes(Vec::new()).is_none());
        assert!(Rows::from_bytes(vec![VERSION + 1]).is_none());
    }
}
