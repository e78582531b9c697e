//! Where the next page begins: the sort key of the last row, as text that a client hands back.
//!
//! It has the key and no place in a list, so it stays right when rows come and go between two pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// The longest text that is read. Names of images have 255 characters at most, and tags 128.
const MAX_LENGTH: usize = 4096;

/// The form of the bytes.
const VERSION: u8 = 1;

/// The sort key of a row, and the query whose rows these are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cursor {
    version: u8,
    query: u64,
    pub(crate) number: u64,
    pub(crate) first_digest: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) digest: Option<String>,
}

impl Cursor {
    /// Of the query with this hash.
    pub(crate) fn new(query: u64) -> Self {
        Self { version: VERSION, query, ..Self::default() }
    }

    /// Whether it is of the query with this hash.
    pub(crate) fn is_of(&self, query: u64) -> bool {
        self.query == query
    }

    pub(crate) fn write(&self) -> String {
        // Writing strings into memory can't fail.
        URL_SAFE_NO_PAD.encode(postcard::to_allocvec(self).unwrap_or_default())
    }

    /// `None` where the text is none that this program wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (cursor, rest): (Self, _) = postcard::take_from_bytes(&bytes).ok()?;
        (rest.is_empty() && cursor.version == VERSION).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_is_safe_in_a_url() {
        let cursor = Cursor { name: Some("h/a?&=é".to_owned()), number: u64::MAX, ..Cursor::new(7) };
        let text = cursor.write();
        assert_eq!(Cursor::read(&text), Some(cursor));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    }

    #[test]
    fn other_text_is_no_cursor() {
        let mut next = Cursor::new(7).write();
        next.push('A');
        for text in ["", "A", "====", "nonsense", &next, &"A".repeat(MAX_LENGTH + 1)] {
            assert_eq!(Cursor::read(text), None, "{text:.20}");
        }
    }
}
