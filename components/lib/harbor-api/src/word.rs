//! Texts that almost all artifacts share: what Harbor takes them for, and their media types. A known one takes no memory of its
//! own, neither in a list nor in the store.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The texts of Harbor's own processors of artifacts, and of the images of Docker and OCI. Stored rows have their places, so
/// the list only grows at its end.
const KNOWN: [&str; 14] = [
    "",
    "IMAGE",
    "CHART",
    "CNAB",
    "WASM",
    "SBOM",
    "CNAI",
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.cncf.helm.config.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// A text, by its place in [`KNOWN`] where it has one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(Cow<'static, str>);

impl Word {
    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }

    pub(crate) fn of(text: &str) -> Self {
        match KNOWN.iter().find(|known| **known == text) {
            Some(known) => Self(Cow::Borrowed(known)),
            None => Self(Cow::Owned(text.to_owned())),
        }
    }
}

/// From Harbor's JSON.
impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or null")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Ok(Word::of(text))
            }

            fn visit_unit<E: Error>(self) -> Result<Word, E> {
                Ok(Word::default())
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// A word in the store: its place, or its text.
#[derive(Deserialize, Serialize)]
enum Stored<'a> {
    Known(u8),
    Text(Cow<'a, str>),
}

/// Writes a word for the store (`with` of serde).
pub(crate) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    let stored = match KNOWN.iter().position(|known| *known == text).map(u8::try_from) {
        Some(Ok(place)) => Stored::Known(place),
        _ => Stored::Text(Cow::Borrowed(text)),
    };
    stored.serialize(serializer)
}

/// Reads a word of the store (`with` of serde).
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    match Stored::deserialize(deserializer)? {
        Stored::Known(place) => match KNOWN.get(usize::from(place)) {
            Some(known) => Ok(Cow::Borrowed(known)),
            None => Err(D::Error::custom("a word that this version does not know")),
        },
        Stored::Text(text) => Ok(Cow::Owned(text.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stored_rows::{Miss, Rows};

    #[derive(Deserialize, Serialize, PartialEq, Debug)]
    struct Row(#[serde(with = "super")] Cow<'static, str>);

    #[test]
    fn words_of_the_store_read_back_and_known_ones_take_two_bytes() {
        for (text, bytes) in [("IMAGE", 2), ("", 2), ("application/vnd.oci.image.index.v1+json", 2), ("NEW", 5)] {
            let (mut rows, empty) = (Rows::default(), Rows::default().len());
            rows.push(&Row(text.into()));
            assert_eq!(rows.len() - empty, bytes, "{text}");
            assert_eq!(rows.all::<Row>().unwrap(), [Row(text.into())]);
        }
        let mut rows = Rows::default();
        rows.push(&Stored::Known(200));
        assert_eq!(rows.all::<Row>(), Err(Miss::Damaged), "a word of a later version");
    }

    #[test]
    fn known_texts_are_borrowed() {
        assert!(matches!(Word::of("CHART").0, Cow::Borrowed(_)));
        assert_eq!(Word::of("other").into_string(), "other");
    }
}
