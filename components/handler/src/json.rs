//! The answer as JSON, written row by row: its keys, how each value reads, and the two layouts.

use crate::bindings::image_service::inventory::{containerd, harbor};
use image_service_format::{NONE, id, size};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;

/// A row of `containerd_images`.
#[derive(Serialize)]
pub(crate) struct ContainerdRow {
    image_id: String,
    repository: String,
    size: String,
    tag: String,
}

impl From<containerd::Image> for ContainerdRow {
    fn from(image: containerd::Image) -> Self {
        Self {
            image_id: or_none(id::short(&image.id).to_owned()),
            repository: or_none(image.repository.unwrap_or_default()),
            size: size::human(image.size),
            tag: or_none(image.tag.unwrap_or_default()),
        }
    }
}

/// A row of `harbor_images`.
#[derive(Serialize)]
pub(crate) struct HarborRow {
    digest: String,
    project: String,
    repository: String,
    size: String,
    tag: String,
}

impl From<harbor::Image> for HarborRow {
    fn from(image: harbor::Image) -> Self {
        Self {
            digest: or_none(image.digest),
            project: or_none(image.project),
            repository: or_none(image.repository),
            size: size::human(image.size),
            tag: or_none(image.tag),
        }
    }
}

/// A row of `errors`.
#[derive(Serialize)]
pub(crate) struct ErrorRow<'a> {
    pub(crate) error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repository: Option<&'a str>,
    pub(crate) source: &'static str,
}

/// Clients rely on strings that are never empty.
fn or_none(text: String) -> String {
    if text.is_empty() { NONE.to_owned() } else { text }
}

/// The answer as far as it is written: an object whose values are lists of rows.
pub(crate) struct Listing {
    buffer: Vec<u8>,
    pretty: bool,
    sections: usize,
    rows: usize,
}

impl Listing {
    /// Begins the object; `pretty` indents it by two spaces.
    pub(crate) fn new(pretty: bool) -> Self {
        Self { buffer: b"{".to_vec(), pretty, sections: 0, rows: 0 }
    }

    /// Begins a list under this key, which needs no escapes.
    pub(crate) fn open(&mut self, key: &str) {
        if self.sections > 0 {
            self.buffer.push(b',');
        }
        self.sections += 1;
        self.rows = 0;
        self.line(1);
        self.buffer.extend_from_slice(format!("\"{key}\":{}[", if self.pretty { " " } else { "" }).as_bytes());
    }

    /// Adds a row to the open list.
    pub(crate) fn row(&mut self, row: &impl Serialize) {
        if self.rows > 0 {
            self.buffer.push(b',');
        }
        self.rows += 1;
        self.line(2);
        // Writing strings into memory can't fail.
        let _ = if self.pretty {
            let mut text = Vec::new();
            let outcome = row
                .serialize(&mut serde_json::Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"  ")));
            // The formatter begins at the margin; the row stands two levels deep. Strings hold no raw line breaks.
            for byte in text {
                self.buffer.push(byte);
                if byte == b'\n' {
                    self.buffer.extend_from_slice(b"    ");
                }
            }
            outcome
        } else {
            serde_json::to_writer(&mut self.buffer, row)
        };
    }

    /// Ends the open list.
    pub(crate) fn close(&mut self) {
        if self.rows > 0 {
            self.line(1);
        }
        self.buffer.push(b']');
    }

    /// Ends the object.
    pub(crate) fn end(&mut self) {
        self.line(0);
        self.buffer.extend_from_slice(b"}\n");
    }

    /// Bytes written and not yet taken.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Takes what is written so far.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
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
    use serde_json::{Value, json};

    fn node_row() -> ContainerdRow {
        ContainerdRow::from(containerd::Image {
            id: "sha256:a24bb4013296f61e89ba57005a7b3e52274d8edd3ae2077d04395f806b63d83e".into(),
            repository: Some("k8s.gcr.io/kube-proxy".into()),
            tag: None,
            size: 117_000_000,
        })
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
        let row = HarborRow::from(harbor::Image {
            project: String::new(),
            repository: String::new(),
            tag: String::new(),
            digest: String::new(),
            size: 0,
        });
        assert_eq!(
            serde_json::to_value(&row).unwrap(),
            json!({"digest": "<none>", "project": "<none>", "repository": "<none>", "size": "0B", "tag": "<none>"})
        );
    }
}
