//! The answer as JSON, written row by row: its keys, how each value reads, and the two layouts.

use crate::size::Text;
use crate::{NONE, id, json};

/// Bytes that there is room for at first: to grow is to copy.
const ROOM: usize = 4096;

/// What a list has in each of its places.
pub trait Row {
    /// Writes its keys and values, in alphabetical order.
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>);
}

/// A row of `containerd_images`.
pub struct ContainerdRow<'a> {
    image_id: &'a str,
    repository: &'a str,
    size: Text,
    tag: &'a str,
}

impl<'a> ContainerdRow<'a> {
    /// From an image's id, full or as crictl shortens it, its names where it has any, and its bytes.
    pub fn new(id: &'a str, repository: Option<&'a str>, tag: Option<&'a str>, size: u64) -> Self {
        Self {
            image_id: or_none(id::short(id)),
            repository: or_none(repository.unwrap_or_default()),
            size: Text::of(size),
            tag: or_none(tag.unwrap_or_default()),
        }
    }
}

impl Row for ContainerdRow<'_> {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("image_id", self.image_id);
        fields.text("repository", self.repository);
        fields.size(&self.size);
        fields.text("tag", self.tag);
    }
}

/// A row of `harbor_images`.
pub struct HarborRow<'a> {
    digest: &'a str,
    project: &'a str,
    repository: &'a str,
    size: Text,
    tag: &'a str,
}

impl<'a> HarborRow<'a> {
    /// From the names of a tag of an artifact, the artifact's digest, and its bytes.
    pub fn new(project: &'a str, repository: &'a str, tag: &'a str, digest: &'a str, size: u64) -> Self {
        Self {
            digest: or_none(digest),
            project: or_none(project),
            repository: or_none(repository),
            size: Text::of(size),
            tag: or_none(tag),
        }
    }
}

impl Row for HarborRow<'_> {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("digest", self.digest);
        fields.text("project", self.project);
        fields.text("repository", self.repository);
        fields.size(&self.size);
        fields.text("tag", self.tag);
    }
}

/// A row of `errors`.
pub struct ErrorRow<'a> {
    /// What was tried, on what, what came back, and what to do.
    pub error: &'a str,
    /// `project/name` where one repository failed.
    pub repository: Option<&'a str>,
    /// `containerd` or `harbor`.
    pub source: &'static str,
}

impl Row for ErrorRow<'_> {
    fn write<const PRETTY: bool>(&self, fields: &mut Fields<'_, PRETTY>) {
        fields.text("error", self.error);
        if let Some(repository) = self.repository {
            fields.text("repository", repository);
        }
        fields.text("source", self.source);
    }
}

/// Where a row writes its keys and values, in the layout for people or for programs.
pub struct Fields<'a, const PRETTY: bool> {
    buffer: &'a mut Vec<u8>,
    first: bool,
}

impl<const PRETTY: bool> Fields<'_, PRETTY> {
    fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        json::string(self.buffer, value);
    }

    fn size(&mut self, value: &Text) {
        self.key("size");
        self.buffer.push(b'"');
        // Digits and a unit need no escapes.
        self.buffer.extend_from_slice(value.bytes());
        self.buffer.push(b'"');
    }

    /// Writes a key, which needs no escapes. In place, where its length is known.
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

/// The answer as far as it is written: an object whose values are lists of rows.
pub struct Listing {
    buffer: Vec<u8>,
    pretty: bool,
    sections: usize,
    rows: usize,
}

impl Listing {
    /// Begins the object; `pretty` indents it by two spaces.
    pub fn new(pretty: bool) -> Self {
        let mut buffer = Vec::with_capacity(ROOM);
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

    /// Takes what is written so far.
    pub fn take(&mut self) -> Vec<u8> {
        // What follows is likely as long; to grow is to copy.
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
    use serde::Serialize;
    use serde_json::ser::PrettyFormatter;
    use serde_json::{Value, json};

    fn node_row() -> ContainerdRow<'static> {
        let id = "sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e";
        ContainerdRow::new(id, Some("k8s.gcr.io/kube-proxy"), None, 117_000_000)
    }

    fn written(pretty: bool) -> String {
        let mut listing = Listing::new(pretty);
        listing.open("containerd_images");
        listing.row(&node_row());
        listing.row(&node_row());
        listing.close();
        listing.open("harbor_images");
        listing.close();
        listing.open("errors");
        listing.row(&ErrorRow { error: "a \"b\"\nc", repository: None, source: "harbor" });
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
        // serde_json sorts the keys of a Value; lines are compared as a set of lines without their commas.
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
        listing.open("harbor_images");
        listing.row(&HarborRow::new("", "", "", "", 0));
        listing.close();
        listing.end();
        assert_eq!(
            serde_json::from_slice::<Value>(&listing.take()).unwrap()["harbor_images"][0],
            json!({"digest": "<none>", "project": "<none>", "repository": "<none>", "size": "0B", "tag": "<none>"})
        );
    }
}
