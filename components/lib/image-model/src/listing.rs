//! The answer as JSON, written row by row: its keys, the texts of its values, and the two layouts.

use crate::node::ImageRow;
use crate::size::Text;
use crate::types::{Artifact, Failure};
use crate::{NONE, id, json};

/// Initial size of the buffer in bytes, because growing means copying.
const INITIAL_CAPACITY: usize = 4096;

/// The key of the list of the node's rows, which are [`ImageRow`]s.
pub const CONTAINERD_IMAGES: &str = "containerd_images";

/// The key of the list of the registry's rows, which are [`HarborRow`]s.
pub const HARBOR_IMAGES: &str = "harbor_images";

/// The key of the list of failures, which are [`ErrorRow`]s.
pub const ERRORS: &str = "errors";

/// An item of one of the answer's lists.
pub trait Row {
    /// Writes its keys and values, in alphabetical order.
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>);
}

impl Row for ImageRow {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("image_id", or_none(id::short(&self.id)));
        fields.text("repository", or_none(self.repository.as_deref().unwrap_or_default()));
        fields.size(self.size);
        fields.text("tag", or_none(self.tag.as_deref().unwrap_or_default()));
    }
}

/// A row of the registry: one tag of an artifact, with the repository that it is in.
pub struct HarborRow<'a> {
    /// The project's name.
    pub project: &'a str,
    /// The repository's name inside the project.
    pub repository: &'a str,
    /// The artifact.
    pub artifact: &'a Artifact,
    /// One of its tags.
    pub tag: &'a str,
}

impl Row for HarborRow<'_> {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("digest", or_none(&self.artifact.digest));
        fields.text("project", or_none(self.project));
        fields.text("repository", or_none(self.repository));
        fields.size(self.artifact.size);
        fields.text("tag", or_none(self.tag));
    }
}

/// A failure, with the source that failed.
pub struct ErrorRow<'a> {
    /// [`CONTAINERD`](crate::protocol::CONTAINERD) or [`HARBOR`](crate::protocol::HARBOR).
    pub source: &'static str,
    /// The failure.
    pub failure: &'a Failure,
}

impl Row for ErrorRow<'_> {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("error", &self.failure.message);
        if let Some(repository) = &self.failure.repository {
            fields.text("repository", repository);
        }
        fields.text("source", self.source);
    }
}

/// Writes the keys and values of a row, in the layout for people or for programs.
pub struct Fields<'a, const PRETTY: bool> {
    buffer: &'a mut Vec<u8>,
    first: bool,
}

impl<const PRETTY: bool> Fields<'_, PRETTY> {
    fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        json::string(self.buffer, value);
    }

    fn size(&mut self, bytes: u64) {
        self.key("size");
        self.buffer.push(b'"');
        // Digits and a unit need no escapes.
        self.buffer.extend_from_slice(Text::of(bytes).bytes());
        self.buffer.push(b'"');
    }

    /// Writes a key, which needs no escapes. Inlined, because the key's length is known there.
    #[inline(always)]
    fn key(&mut self, key: &'static str) {
        self.buffer.push(if std::mem::take(&mut self.first) { b'{' } else { b',' });
        self.buffer.extend_from_slice(if PRETTY { b"\n      \"" } else { b"\"" });
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(if PRETTY { b"\": " } else { b"\":" });
    }
}

/// Clients rely on strings that are never empty.
fn or_none(text: &str) -> &str {
    if text.is_empty() { NONE } else { text }
}

/// Writes the answer: an object whose values are lists of rows.
pub struct Listing {
    buffer: Vec<u8>,
    pretty: bool,
    sections: usize,
    rows: usize,
}

impl Listing {
    /// Begins the object; `pretty` indents it by two spaces.
    pub fn new(pretty: bool) -> Self {
        let mut buffer = Vec::with_capacity(INITIAL_CAPACITY);
        buffer.push(b'{');
        Self { buffer, pretty, sections: 0, rows: 0 }
    }

    /// Begins a list under this key, which needs no escapes.
    pub fn open(&mut self, key: &str) {
        if self.sections > 0 {
            self.buffer.push(b',');
        }
        self.sections += 1;
        self.rows = 0;
        self.line(1);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(key.as_bytes());
        self.buffer.extend_from_slice(if self.pretty { b"\": [" } else { b"\":[" });
    }

    /// Adds a row to the open list.
    pub fn row(&mut self, row: &impl Row) {
        if self.rows > 0 {
            self.buffer.push(b',');
        }
        self.rows += 1;
        self.line(2);
        let buffer = &mut self.buffer;
        if self.pretty {
            row.write(&mut Fields::<true> { buffer, first: true });
        } else {
            row.write(&mut Fields::<false> { buffer, first: true });
        }
        self.line(2);
        self.buffer.push(b'}');
    }

    /// Ends the open list.
    pub fn close(&mut self) {
        if self.rows > 0 {
            self.line(1);
        }
        self.buffer.push(b']');
    }

    /// Ends the object.
    pub fn end(&mut self) {
        self.line(0);
        self.buffer.extend_from_slice(b"}\n");
    }

    /// Bytes written and not yet taken.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// Takes the bytes written so far.
    pub fn take(&mut self) -> Vec<u8> {
        // The next piece is likely as long, and growing means copying.
        let next = Vec::with_capacity(self.buffer.len());
        std::mem::replace(&mut self.buffer, next)
    }

    fn line(&mut self, depth: usize) {
        if self.pretty {
            self.buffer.push(b'\n');
            self.buffer.extend(std::iter::repeat_n(b' ', 2 * depth));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::HARBOR;
    use crate::types::FailureCode;
    use serde::Serialize;
    use serde_json::ser::PrettyFormatter;
    use serde_json::{Value, json};

    fn node_row() -> ImageRow {
        ImageRow {
            id: "sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e".to_owned(),
            repository: Some("k8s.gcr.io/kube-proxy".to_owned()),
            tag: None,
            size: 117_000_000,
        }
    }

    fn written(pretty: bool) -> String {
        let mut listing = Listing::new(pretty);
        listing.open(CONTAINERD_IMAGES);
        listing.row(&node_row());
        listing.row(&node_row());
        listing.close();
        listing.open(HARBOR_IMAGES);
        listing.close();
        listing.open(ERRORS);
        let failure = Failure::of_source(FailureCode::Other, "a \"b\"\nc".to_owned());
        listing.row(&ErrorRow { source: HARBOR, failure: &failure });
        listing.close();
        listing.end();
        String::from_utf8(listing.take()).unwrap()
    }

    #[test]
    fn both_layouts_hold_the_same_values() {
        let row = json!({"image_id": "a24bb4013296f", "repository": "k8s.gcr.io/kube-proxy", "size": "117MB", "tag": "<none>"});
        let expected = json!({
            "containerd_images": [row, row],
            "harbor_images": [],
            "errors": [{"source": "harbor", "error": "a \"b\"\nc"}],
        });
        for pretty in [false, true] {
            assert_eq!(serde_json::from_str::<Value>(&written(pretty)).unwrap(), expected);
        }
    }

    #[test]
    fn the_pretty_layout_is_that_of_serde_json() {
        let mut text = Vec::new();
        let value: Value = serde_json::from_str(&written(true)).unwrap();
        value
            .serialize(&mut serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"  ")))
            .unwrap();
        // serde_json sorts the keys of a Value, so the test compares the lines in any order, without their commas.
        let lines = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
            lines.sort();
            lines
        };
        assert_eq!(lines(&written(true)), lines(&String::from_utf8(text).unwrap()));
    }

    #[test]
    fn the_compact_layout_is_one_line() {
        assert_eq!(written(false).lines().count(), 1);
        assert!(written(false).ends_with("}\n"));
    }

    #[test]
    fn no_string_is_empty() {
        let mut listing = Listing::new(false);
        listing.open(HARBOR_IMAGES);
        listing.row(&HarborRow { project: "", repository: "", artifact: &Artifact::default(), tag: "" });
        listing.close();
        listing.end();
        assert_eq!(
            serde_json::from_slice::<Value>(&listing.take()).unwrap()["harbor_images"][0],
            json!({"digest": "<none>", "project": "<none>", "repository": "<none>", "size": "0B", "tag": "<none>"})
        );
    }
}
