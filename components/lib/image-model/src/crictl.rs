//! What `crictl images` prints, as JSON (`-o json`) and as the plain table.

use crate::{NONE, size};
use serde::{Deserialize, Serialize};
use std::fmt;

/// An image as the container runtime knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The id, `sha256:` and 64 hexadecimal digits; from the plain table only 13 digits.
    pub id: String,
    /// `repository:tag`, one for each tag.
    pub repo_tags: Vec<String>,
    /// `repository@digest`; from the plain table without its digest where the table has none.
    pub repo_digests: Vec<String>,
    /// Bytes; from the plain table exact to three digits.
    pub size: u64,
    /// Whether the runtime keeps the image from garbage collection; `false` where the output does not tell.
    pub pinned: bool,
}

/// Why output is not that of `crictl images`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

/// Reads either form, told apart by the first character.
///
/// # Errors
///
/// When the output is neither, with the line and what was expected there.
pub fn parse(output: &str) -> Result<Vec<Image>, Malformed> {
    if output.trim_start().starts_with('{') { parse_json(output) } else { parse_table(output) }
}

/// Writes images as `crictl images -o json` does; what is not known of them reads as it does for images without.
pub fn to_json(images: &[Image]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Row<'a> {
        id: &'a str,
        repo_tags: &'a [String],
        repo_digests: &'a [String],
        size: String,
        username: &'static str,
        pinned: bool,
    }
    #[derive(Serialize)]
    struct Output<'a> {
        images: Vec<Row<'a>>,
    }
    let images = images.iter().map(|image| Row {
        id: &image.id,
        repo_tags: &image.repo_tags,
        repo_digests: &image.repo_digests,
        size: image.size.to_string(),
        username: "",
        pinned: image.pinned,
    });
    // Strings, numbers and lists of them can always be written.
    serde_json::to_string_pretty(&Output { images: images.collect() }).unwrap_or_default() + "\n"
}

/// The shape of `crictl images -o json`: 64-bit numbers are strings there, and lists may be null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JsonImage {
    id: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    size: Option<JsonNumber>,
    #[serde(default)]
    pinned: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonNumber {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct JsonOutput {
    images: Option<Vec<JsonImage>>,
}

/// Reads the output of `crictl images -o json`.
///
/// # Errors
///
/// When it is not JSON of that shape, with the line and column.
pub fn parse_json(output: &str) -> Result<Vec<Image>, Malformed> {
    let parsed: JsonOutput =
        serde_json::from_str(output).map_err(|error| Malformed(format!("not the JSON of crictl images: {error}")))?;
    let Some(images) = parsed.images else {
        // An empty message may leave its list out; an object about something else is no answer.
        return if output.chars().filter(|c| !c.is_whitespace()).eq("{}".chars()) {
            Ok(Vec::new())
        } else {
            Err(Malformed("not the JSON of crictl images: it has no \"images\"".to_owned()))
        };
    };
    images
        .into_iter()
        .map(|image| {
            let size = match image.size {
                None => 0,
                Some(JsonNumber::Number(size)) => size,
                Some(JsonNumber::Text(text)) => text
                    .parse()
                    .map_err(|_| Malformed(format!("image {} has size {text:?}, which is no number", image.id)))?,
            };
            Ok(Image {
                id: image.id,
                repo_tags: image.repo_tags.unwrap_or_default(),
                repo_digests: image.repo_digests.unwrap_or_default(),
                size,
                pinned: image.pinned.unwrap_or_default(),
            })
        })
        .collect()
}

/// Where each column of the table stands in a row.
struct Columns {
    count: usize,
    digest: Option<usize>,
    id: usize,
    size: usize,
    pinned: Option<usize>,
}

impl Columns {
    /// Reads the header. `IMAGE ID` is one column although it has a space.
    fn from_header(line: &str) -> Option<Self> {
        let line = line.replace("IMAGE ID", "IMAGE_ID");
        let names: Vec<&str> = line.split_whitespace().collect();
        let position = |name| names.iter().position(|candidate| *candidate == name);
        if names.first() != Some(&"IMAGE") || names.get(1) != Some(&"TAG") {
            return None;
        }
        Some(Self {
            count: names.len(),
            digest: position("DIGEST"),
            id: position("IMAGE_ID")?,
            size: position("SIZE")?,
            pinned: position("PINNED"),
        })
    }
}

/// Reads the plain table of `crictl images`, with or without the columns `DIGEST` and `PINNED`.
///
/// Lines before the header are skipped: some versions warn there.
///
/// # Errors
///
/// When there is no header, or a row does not fit it, with its line number.
pub fn parse_table(output: &str) -> Result<Vec<Image>, Malformed> {
    let mut lines = output.lines().enumerate().map(|(index, line)| (index + 1, line));
    let columns = lines.by_ref().find_map(|(_, line)| Columns::from_header(line)).ok_or_else(|| {
        Malformed(match output.lines().find(|line| !line.trim().is_empty()) {
            None => {
                "nothing was printed, where a table with the header IMAGE TAG IMAGE ID SIZE was expected".to_owned()
            }
            Some(line) => format!(
                "no table with the header IMAGE TAG IMAGE ID SIZE; the output begins with {:?}",
                line.chars().take(80).collect::<String>()
            ),
        })
    })?;
    lines.filter(|(_, line)| !line.trim().is_empty()).map(|(number, line)| parse_row(&columns, number, line)).collect()
}

fn parse_row(columns: &Columns, number: usize, line: &str) -> Result<Image, Malformed> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    // A trailing PINNED is left blank for images that are not.
    let blank_pinned = columns.pinned == Some(cells.len()) && cells.len() + 1 == columns.count;
    if cells.len() != columns.count && !blank_pinned {
        return Err(Malformed(format!(
            "line {number} of the table has {} columns where the header has {}: {:?}",
            cells.len(),
            columns.count,
            line.chars().take(120).collect::<String>()
        )));
    }
    let (repository, tag) = (cells[0], cells[1]);
    let size = size::parse(cells[columns.size])
        .ok_or_else(|| Malformed(format!("line {number} of the table has no size: {:?}", cells[columns.size])))?;
    let digest = columns.digest.map(|column| cells[column]).filter(|digest| *digest != NONE);
    let named = repository != NONE;
    Ok(Image {
        id: cells[columns.id].to_owned(),
        repo_tags: if tag == NONE { Vec::new() } else { vec![format!("{repository}:{tag}")] },
        repo_digests: match digest {
            Some(digest) if named => vec![format!("{repository}@{digest}")],
            None if named && tag == NONE => vec![repository.to_owned()],
            _ => Vec::new(),
        },
        size,
        pinned: columns.pinned.and_then(|column| cells.get(column)).is_some_and(|cell| *cell == "true"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id, reference};

    const JSON: &str = include_str!("../testdata/crictl-1.36-images.json");
    const TABLE: &str = include_str!("../testdata/crictl-1.36-images.txt");

    /// What a row shows, for comparing the two forms.
    fn rows(images: &[Image]) -> Vec<(reference::Name, String, String)> {
        let mut rows: Vec<_> = images
            .iter()
            .flat_map(|image| {
                reference::names(image.repo_tags.clone(), &image.repo_digests)
                    .into_iter()
                    .map(|name| (name, id::short(&image.id).to_owned(), size::human(image.size)))
            })
            .collect();
        rows.sort();
        rows
    }

    #[test]
    fn what_is_written_is_what_crictl_wrote() {
        assert_eq!(to_json(&parse(JSON).unwrap()), JSON);
    }

    #[test]
    fn the_json_and_the_table_of_one_node_give_the_same_rows() {
        let json = rows(&parse(JSON).unwrap());
        assert_eq!(json.len(), 10);
        assert_eq!(json, rows(&parse(TABLE).unwrap()));
    }

    #[test]
    fn json_numbers_are_strings_and_lists_may_be_null() {
        let images = parse(
            r#"{"images":[{"id":"sha256:1","repoTags":null,"repoDigests":null,"size":"797","uid":null,"spec":null}]}"#,
        )
        .unwrap();
        assert_eq!(
            images,
            [Image { id: "sha256:1".into(), repo_tags: vec![], repo_digests: vec![], size: 797, pinned: false }]
        );
    }

    #[test]
    fn a_node_without_images_is_an_empty_list() {
        assert_eq!(parse(r#"{"images":[]}"#).unwrap(), []);
        assert_eq!(parse("{}\n").unwrap(), []);
        assert_eq!(parse("IMAGE               TAG                 IMAGE ID            SIZE\n").unwrap(), []);
    }

    #[test]
    fn digest_and_pinned_columns_are_read() {
        let images = parse(
            "IMAGE        TAG      DIGEST          IMAGE ID        SIZE    PINNED\n\
             pause        3.9      f25c8d84b31ff   b9f02c9a43ced   1.2MB   true\n\
             bydigest     <none>   e3881fe11016a   7e3784052d391   151kB\n",
        )
        .unwrap();
        assert_eq!(images[0].repo_tags, ["pause:3.9"]);
        assert!(images[0].pinned);
        assert_eq!(images[1].repo_digests, ["bydigest@e3881fe11016a"]);
        assert!(!images[1].pinned);
    }

    #[test]
    fn warnings_before_the_table_are_skipped() {
        let images =
            parse("WARN[0000] image connect using default endpoints\nIMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced 1B");
        assert_eq!(images.unwrap().len(), 1);
    }

    #[test]
    fn garbage_is_refused_with_what_was_seen() {
        let message = |output| parse(output).unwrap_err().to_string();
        assert!(message("no such command").contains("begins with \"no such command\""));
        assert!(message("").contains("nothing was printed"));
        assert!(message("{\"images\": [").contains("line 1 column"));
        assert!(message("{\"repositories\": []}").contains("no \"images\""));
        assert!(message(r#"{"images":[{"id":"a","size":"big"}]}"#).contains("\"big\""));
        assert!(message("IMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced\n").contains("line 2"));
        assert!(message("IMAGE TAG IMAGE ID SIZE\na 1 b9f02c9a43ced lots\n").contains("\"lots\""));
    }
}
