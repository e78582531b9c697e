//! images_to_ignore.txt: the images that it names, by id or by name, and its lines that name none.

mod cells;
mod names;
#[cfg(test)]
mod tests;

use crate::types::Image;
use crate::{NONE, id, reference};
use cells::Cells;
use names::Names;
use std::collections::HashMap;
use std::fmt;

/// The images that images_to_ignore.txt names.
#[derive(Debug, Default)]
pub struct IgnoreList {
    /// Ids, by their first [`id::MIN_LENGTH`] characters, so that a look-up reads few of them. Those of SHA-256 are without their
    /// algorithm, as crictl prints them.
    ids: HashMap<String, Vec<String>>,
    names: Names,
    skipped: Vec<Skipped>,
}

/// A line that names no image, and the reason. Its text is `7: …`, to follow the file's name.
#[derive(Debug, PartialEq, Eq)]
pub struct Skipped {
    line: usize,
    reason: String,
}

impl Skipped {
    /// The line's number, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: skipped: {}", self.line, self.reason)
    }
}

/// The columns that count.
#[derive(Clone, Copy, Debug)]
struct Columns {
    image: Option<usize>,
    tag: Option<usize>,
    id: Option<usize>,
    /// Whether a header names them.
    is_named: bool,
}

impl Columns {
    /// Those of the usual header `IMAGE,TAG,IMAGE ID,SIZE`.
    const USUAL: Self = Self { image: Some(0), tag: Some(1), id: Some(2), is_named: false };

    /// Reads a header: of crictl, or of docker, which says `REPOSITORY`.
    fn from_header(cells: &[String]) -> Option<Self> {
        let position = |name: &str| cells.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        let (tag, id) = (position("TAG"), position("IMAGE ID"));
        if tag.is_none() && id.is_none() {
            return None;
        }
        let image = position("IMAGE").or_else(|| position("REPOSITORY"));
        (id.is_some() || (image.is_some() && tag.is_some())).then_some(Self { image, tag, id, is_named: true })
    }
}

impl IgnoreList {
    /// Reads CSV with the columns `IMAGE`, `TAG` and `IMAGE ID`, or a bare list of ids. Semicolons and tabs may stand in place of
    /// commas, as may the spaces of crictl's own table. Comments (`#`), blank lines, CRLF and a byte order mark are accepted.
    ///
    /// A row with an id counts by its id. A row without one counts by image and tag, in which `*` stands for any characters.
    ///
    /// Each line is read by itself, so that a stray quote costs one line and not the rest of the file.
    pub fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let mut columns = Columns::USUAL;
        let mut reader = Cells::default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let outcome = reader.read(line).and_then(|(cells, separator)| {
                if let Some(header) = Columns::from_header(&cells) {
                    columns = header;
                    reader.expect(separator);
                    return Ok(());
                }
                list.add_row(&cells, columns)
            });
            if let Err(reason) = outcome {
                list.skipped.push(Skipped { line: index + 1, reason });
            }
        }
        list
    }

    fn add_row(&mut self, cells: &[String], columns: Columns) -> Result<(), String> {
        let cell = |column: Option<usize>| column.and_then(|column| cells.get(column)).map_or("", String::as_str);
        if let [only] = cells {
            return self.add_id(only);
        }
        match cell(columns.id) {
            "" | NONE => {}
            id => return self.add_id(id),
        }
        if !columns.is_named && cells.len() <= 2 {
            return Err(
                "it has no IMAGE ID; to leave images out by name, begin the file with the line IMAGE,TAG".to_owned()
            );
        }
        self.names.add(cell(columns.image), cell(columns.tag))
    }

    fn add_id(&mut self, cell: &str) -> Result<(), String> {
        let id = id::bare(cell).to_ascii_lowercase();
        let digits = digits(&id).unwrap_or(&id);
        if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(format!("{cell:?} is no image id, which is made of hexadecimal digits{}", remedy(cell)));
        }
        if id.len() < id::MIN_LENGTH {
            return Err(format!("{cell:?} is too short for an image id, which has at least {} digits", id::MIN_LENGTH));
        }
        self.ids.entry(id[..id::MIN_LENGTH].to_owned()).or_default().push(id);
        Ok(())
    }

    /// Whether the text names this image by its id.
    pub fn contains(&self, image_id: &str) -> bool {
        let named = |spelling: &str| {
            let ids = spelling.get(..id::MIN_LENGTH).and_then(|start| self.ids.get(start));
            ids.is_some_and(|ids| ids.iter().any(|id| id::same(id, spelling)))
        };
        let bare = id::bare(image_id);
        named(bare) || digits(bare).is_some_and(named)
    }

    /// Removes the images that the text names by id, and the tags that it names. An image of which nothing is left goes too.
    pub fn remove_from(&self, images: &mut Vec<Image>) {
        images.retain_mut(|image| !self.contains(&image.id) && (self.names.is_empty() || self.keeps_names(image)));
    }

    fn keeps_names(&self, image: &mut Image) -> bool {
        let named = |name: &reference::Name| {
            let part = |part: &Option<String>| part.as_deref().unwrap_or(NONE).to_owned();
            self.names.contain(&part(&name.repository), &part(&name.tag))
        };
        let tags = image.repo_tags.clone();
        let names = reference::names(tags, &image.repo_digests);
        if image.repo_tags.is_empty() {
            return !names.iter().any(named);
        }
        let mut named = names.iter().map(named);
        image.repo_tags.retain(|_| named.next() != Some(true));
        !image.repo_tags.is_empty()
    }

    /// The lines that name no image.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// The digits of an id that names its algorithm, such as `sha512:211f…`.
fn digits(id: &str) -> Option<&str> {
    let (algorithm, digits) = id.split_once(':')?;
    let is_algorithm =
        !algorithm.is_empty() && algorithm.chars().all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c));
    is_algorithm.then_some(digits)
}

/// What to do about a cell that is no id.
fn remedy(cell: &str) -> &'static str {
    if cell.contains('E') && cell.chars().all(|c| c.is_ascii_digit() || ".,+E".contains(c)) {
        "; a spreadsheet took it for a number, so write it again in a column of type text"
    } else if cell.contains(' ') {
        "; separate columns with commas"
    } else if cell.contains(['/', ':']) {
        "; to leave images out by name, begin the file with the line IMAGE,TAG"
    } else {
        ""
    }
}
