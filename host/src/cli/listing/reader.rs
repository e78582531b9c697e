//! Reads the rows of an answer while it arrives.

use super::arriving::Arriving;
use super::rows::{Failure, Sink};
use anyhow::{Context, Error, Result};
use bytes::Bytes;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, de};
use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufReader};
use tokio::sync::mpsc::Receiver;

/// Reads an answer to its end, in a thread that may block. Returns the sink, and the rows of `errors`.
pub(super) fn read<S: Sink>(pieces: Receiver<Bytes>, sink: S) -> Result<(S, Vec<Failure>)> {
    let state = RefCell::new(State { sink, failed: None });
    let mut failures = Vec::new();
    let arriving = Arriving::new(pieces, |piece: &Bytes| state.borrow_mut().give(|sink| sink.bytes(piece)));
    let mut json = serde_json::Deserializer::from_reader(BufReader::new(arriving));
    let listing = ListingReader { state: &state, failures: &mut failures };
    let read = listing.deserialize(&mut json).and_then(|()| json.end());
    drop(json);
    let State { sink, failed, .. } = state.into_inner();
    if let Some(failed) = failed {
        return Err(failed);
    }
    read.context("the composition's answer to GET /images is not a listing")?;
    Ok((sink, failures))
}

/// Who takes the answer.
struct State<S> {
    sink: S,
    /// The failure of the sink, which ends the reading.
    failed: Option<Error>,
}

impl<S> State<S> {
    /// Gives something to the sink; the error says that it did not take it.
    fn give(&mut self, give: impl FnOnce(&mut S) -> Result<()>) -> io::Result<()> {
        give(&mut self.sink).map_err(|error| {
            self.failed = Some(error);
            io::Error::other("nobody takes the listing")
        })
    }
}

type Shared<'a, S> = &'a RefCell<State<S>>;

/// Reads the object of the answer.
struct ListingReader<'a, S> {
    state: Shared<'a, S>,
    failures: &'a mut Vec<Failure>,
}

impl<'de, S: Sink> DeserializeSeed<'de> for ListingReader<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: Sink> Visitor<'de> for ListingReader<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a listing")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { state, failures } = self;
        let mut missing = vec!["containerd_images", "harbor_images", "errors"];
        while let Some(key) = map.next_key::<String>()? {
            missing.retain(|name| *name != key);
            match key.as_str() {
                "containerd_images" => map.next_value_seed(Rows { state, give: S::node })?,
                "harbor_images" => map.next_value_seed(Rows { state, give: S::registry })?,
                "errors" => *failures = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match missing.first() {
            Some(name) => Err(de::Error::missing_field(name)),
            None => Ok(()),
        }
    }
}

/// Reads a list, and gives each of its rows to the sink.
struct Rows<'a, S, T> {
    state: Shared<'a, S>,
    give: fn(&mut S, T) -> Result<()>,
}

impl<'de, S: Sink, T: Deserialize<'de>> DeserializeSeed<'de> for Rows<'_, S, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, S: Sink, T: Deserialize<'de>> Visitor<'de> for Rows<'_, S, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of images")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(row) = list.next_element::<T>()? {
            self.state.borrow_mut().give(|sink| (self.give)(sink, row)).map_err(de::Error::custom)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{NodeImage, RegistryImage};
    use super::*;
    use tokio::sync::mpsc;

    /// Counts what it takes, and refuses a row after some.
    #[derive(Debug)]
    struct Counting {
        bytes: usize,
        rows: [usize; 2],
        most: usize,
    }

    impl Counting {
        fn count(&mut self, source: usize) -> Result<()> {
            self.rows[source] += 1;
            anyhow::ensure!(self.rows[source] <= self.most, "that is enough");
            Ok(())
        }
    }

    impl Sink for Counting {
        fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
            self.bytes += bytes.len();
            Ok(())
        }

        fn node(&mut self, _: NodeImage) -> Result<()> {
            self.count(0)
        }

        fn registry(&mut self, _: RegistryImage) -> Result<()> {
            self.count(1)
        }
    }

    const LISTING: &str = r#"{"containerd_images": [{"image_id": "a", "repository": "b", "size": "1B", "tag": "c"}],
        "harbor_images": [{"digest": "a", "project": "b", "repository": "c", "size": "1B", "tag": "d"},
                          {"digest": "e", "project": "b", "repository": "c", "size": "1B", "tag": "f"}],
        "more": {"rows": [1]}, "errors": [{"source": "harbor", "error": "no", "repository": "p/x"}]}"#;

    /// Reads this answer, which arrives in pieces of so many bytes.
    fn read_pieces(text: &str, length: usize, most: usize) -> Result<(Counting, Vec<Failure>)> {
        let (sender, chunks) = mpsc::channel(text.len());
        for piece in text.as_bytes().chunks(length) {
            sender.try_send(Bytes::copy_from_slice(piece)).unwrap();
        }
        drop(sender);
        read(chunks, Counting { bytes: 0, rows: [0; 2], most })
    }

    #[test]
    fn rows_and_failures_are_read_however_the_answer_arrives() {
        for length in [1, 7, 100, 10_000] {
            let (counted, failures) = read_pieces(LISTING, length, 2).unwrap();
            assert_eq!((counted.bytes, counted.rows), (LISTING.len(), [1, 2]));
            assert_eq!(failures[0].to_string(), "harbor: p/x: no");
        }
    }

    #[test]
    fn what_is_no_listing_or_half_of_one_is_an_error_and_so_is_a_sink_that_takes_no_more() {
        let error = |text: &str, most| format!("{:#}", read_pieces(text, 10, most).unwrap_err());
        assert!(error(&LISTING[..LISTING.len() - 2], 2).contains("is not a listing"));
        assert!(error(&format!("{LISTING} x"), 2).contains("is not a listing"));
        assert!(error(r#"{"containerd_images": [], "errors": []}"#, 2).contains("harbor_images"));
        assert_eq!(error(LISTING, 1), "that is enough");
    }
}
