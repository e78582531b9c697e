//! Digests in 32 bytes. A registry has many, and comparing their texts would be most of the work.

use std::collections::HashMap;
use std::fmt;

/// Characters of `sha256:`, and of a whole digest of that kind.
const PREFIX: &str = "sha256:";
const LENGTH: usize = PREFIX.len() + 64;

/// A digest. It is valid beside the [`Digests`] that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Digest {
    Sha256([u8; 32]),
    /// A digest of another algorithm, by its number.
    Other(u32),
}

/// The digests of other algorithms than sha256. They are rare.
#[derive(Debug, Default)]
pub(crate) struct Digests {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// A digest with its text. SHA-256 comes first, then the others by their texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum DigestText<'a> {
    Sha256([u8; 32]),
    Other(&'a str),
}

impl Digests {
    /// Reads `algorithm:encoded`; `None` for a text without an algorithm, such as the 13 digits in crictl's table.
    pub(crate) fn read(&mut self, text: &str) -> Option<Digest> {
        match DigestText::read(text)? {
            DigestText::Sha256(bytes) => Some(Digest::Sha256(bytes)),
            DigestText::Other(text) => {
                if let Some(number) = self.numbers.get(text) {
                    return Some(Digest::Other(*number));
                }
                let number = u32::try_from(self.texts.len()).ok()?;
                self.texts.push(text.to_owned());
                self.numbers.insert(text.to_owned(), number);
                Some(Digest::Other(number))
            }
        }
    }

    pub(crate) fn text(&self, digest: Digest) -> DigestText<'_> {
        match digest {
            Digest::Sha256(bytes) => DigestText::Sha256(bytes),
            Digest::Other(number) => DigestText::Other(&self.texts[number as usize]),
        }
    }
}

impl<'a> DigestText<'a> {
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text.len() == LENGTH
            && let Some(digits) = text.strip_prefix(PREFIX)
            && let Some(bytes) = from_hex(digits.as_bytes())
        {
            return Some(Self::Sha256(bytes));
        }
        let (algorithm, encoded) = text.split_once(':')?;
        (!algorithm.is_empty() && !encoded.is_empty()).then_some(Self::Other(text))
    }

    /// A number in the order of digests; several may have the same one.
    pub(crate) fn rough(&self) -> u64 {
        match self {
            Self::Sha256(bytes) => bytes.first_chunk().map_or(u64::MAX, |first| u64::from_be_bytes(*first)),
            Self::Other(_) => u64::MAX,
        }
    }

    /// Calls back with the text.
    pub(crate) fn with<T>(&self, use_text: impl FnOnce(&str) -> T) -> T {
        match self {
            Self::Sha256(bytes) => {
                let mut text = [0; LENGTH];
                text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
                for (pair, byte) in text[PREFIX.len()..].chunks_exact_mut(2).zip(bytes) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                // Hexadecimal digits are ASCII.
                use_text(std::str::from_utf8(&text).unwrap_or_default())
            }
            Self::Other(text) => use_text(text),
        }
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for DigestText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|text| formatter.write_str(text))
    }
}

impl serde::Serialize for DigestText<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with(|text| serializer.serialize_str(text))
    }
}

/// The value of each hexadecimal digit; 255 for any other byte. A digest's digits are lower case (OCI image-spec).
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn from_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut seen = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_to_the_same_text() {
        let mut digests = Digests::default();
        let sha512 = format!("sha512:{}", "ab".repeat(64));
        for text in [&format!("sha256:{}", "0f".repeat(32)), &sha512, "sha256:ABCDEF", "sha256:1"] {
            let digest = digests.read(text).unwrap();
            assert_eq!(digests.text(digest).to_string(), text);
            assert_eq!(digests.read(text), Some(digest));
        }
        assert!(matches!(digests.read(&sha512), Some(Digest::Other(0))));
    }

    #[test]
    fn a_text_without_an_algorithm_is_no_digest() {
        for text in ["", "e6f1816883972", "sha256:", ":ab", "<none>"] {
            assert_eq!(Digests::default().read(text), None, "{text:?}");
        }
    }
}
