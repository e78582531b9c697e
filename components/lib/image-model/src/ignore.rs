//! images_to_ignore.txt: the images that it names, and its lines that name none.

use crate::id;
use std::collections::HashMap;
use std::fmt;

/// The images that images_to_ignore.txt names.
#[derive(Debug, Default)]
pub struct IgnoreList {
    /// Ids without their algorithm, by their first [`id::MIN_LENGTH`] characters, so that a look-up reads few of them.
    ids: HashMap<String, Vec<String>>,
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

/// The id's column when no header names it: `IMAGE,TAG,IMAGE ID,SIZE`.
const USUAL_ID_COLUMN: usize = 2;

impl IgnoreList {
    /// Reads CSV with an `IMAGE ID` column, or a bare list of ids. Comments (`#`), blank lines, CRLF and a byte order mark
    /// are accepted.
    ///
    /// Each line is read by itself, so that a stray quote costs one line and not the rest of the file.
    pub fn parse(text: &str) -> Self {
        let mut list = Self::default();
        let mut id_column = None;
        let mut csv = CsvLines::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let outcome = csv.cells(line).and_then(|cells| {
                if let Some(column) = cells.iter().position(|cell| cell.eq_ignore_ascii_case("IMAGE ID")) {
                    id_column = Some(column);
                    return Ok(());
                }
                list.add(id_cell(&cells, id_column)?)
            });
            if let Err(reason) = outcome {
                list.skipped.push(Skipped { line: index + 1, reason });
            }
        }
        list
    }

    fn add(&mut self, cell: &str) -> Result<(), String> {
        let id = id::bare(cell).to_ascii_lowercase();
        if !id.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(format!("{cell:?} is no image id, which is made of hexadecimal digits"));
        }
        if id.len() < id::MIN_LENGTH {
            return Err(format!("{cell:?} is too short for an image id, which has at least {} digits", id::MIN_LENGTH));
        }
        self.ids.entry(id[..id::MIN_LENGTH].to_owned()).or_default().push(id);
        Ok(())
    }

    /// Whether the text names this image.
    pub fn contains(&self, image_id: &str) -> bool {
        let Some(start) = id::bare(image_id).get(..id::MIN_LENGTH) else { return false };
        self.ids.get(start).is_some_and(|ids| ids.iter().any(|id| id::same(id, image_id)))
    }

    /// The lines that name no image.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// Splits lines into cells. One instance reads a whole text, as making one costs more than splitting thousands of lines.
struct CsvLines {
    reader: csv_core::Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl CsvLines {
    fn new() -> Self {
        // By default csv-core also ends a line at a stray carriage return, and drops the rest.
        let reader = csv_core::ReaderBuilder::new().terminator(csv_core::Terminator::Any(b'\n')).build();
        Self { reader, cells: Vec::new(), ends: Vec::new() }
    }

    fn cells(&mut self, line: &str) -> Result<Vec<String>, String> {
        // CSV's own rules continue an unclosed quote on the next line; here each line stands alone, so it is a mistake.
        if !line.matches('"').count().is_multiple_of(2) {
            return Err("a quote is not closed".to_owned());
        }
        self.reader.reset();
        // No cell is longer than the line, and each but the last ends with a comma.
        self.cells.resize(line.len(), 0);
        self.ends.resize(line.matches(',').count() + 1, 0);
        let (_, read, written, mut ended) = self.reader.read_record(line.as_bytes(), &mut self.cells, &mut self.ends);
        // The end of the text ends the last cell.
        ended +=
            self.reader.read_record(&line.as_bytes()[read..], &mut self.cells[written..], &mut self.ends[ended..]).3;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let cells = starts.zip(&self.ends[..ended]).map(|(start, end)| &self.cells[start..*end]);
        Ok(cells.map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect())
    }
}

/// The cell with the id: in the header's column; without a header, the only cell or the one in the usual column.
fn id_cell(cells: &[String], id_column: Option<usize>) -> Result<&str, String> {
    let column = match (id_column, cells.len()) {
        (_, 1) => 0,
        (Some(column), _) => column,
        (None, _) => USUAL_ID_COLUMN,
    };
    match cells.get(column) {
        Some(cell) if !cell.is_empty() => Ok(cell),
        _ => Err("it has no IMAGE ID".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: &str = "sha256:b9f02c9a43cedefffa284a0fb5fb3e43118f5b501efbb855286bce3daf1ae90c";
    const APP: &str = "sha256:211f095776518581232078a9cfb5626fae340773bb07b8c1244b7fabb9bbef57";

    fn skipped(list: &IgnoreList) -> Vec<String> {
        list.skipped().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_image_id_column_of_a_csv_file_is_read() {
        let list = IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\n");
        assert!(list.contains(PAUSE));
        assert!(!list.contains(APP));
        assert!(list.skipped().is_empty());
    }

    #[test]
    fn quoted_cells_may_hold_commas_and_quotes() {
        let list = IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\n\"a, \"\"b\"\"\",3.9,\"b9f02c9a43ced\",1.2MB\n");
        assert!(list.contains(PAUSE) && list.skipped().is_empty(), "{list:?}");
    }

    #[test]
    fn a_header_may_put_the_id_elsewhere() {
        let list = IgnoreList::parse("IMAGE ID,IMAGE\nb9f02c9a43ced,pause\n");
        assert!(list.contains(PAUSE));
        assert!(list.skipped().is_empty());
    }

    #[test]
    fn a_bare_list_of_short_long_and_prefixed_ids_is_accepted() {
        for id in ["b9f02c9a43ced", "b9f02c9a43ce", "B9F02C9A43CED", PAUSE, "sha256:b9f02c9a43ced"] {
            assert!(IgnoreList::parse(id).contains(PAUSE), "{id}");
        }
    }

    #[test]
    fn ids_shortened_by_the_table_match_too() {
        assert!(IgnoreList::parse(PAUSE).contains("b9f02c9a43ced"));
        assert!(!IgnoreList::parse(PAUSE).contains("b9f02c9a43cee"));
        assert!(!IgnoreList::parse(PAUSE).contains("b9f0"));
    }

    #[test]
    fn comments_blank_lines_crlf_and_a_byte_order_mark_are_accepted() {
        let list = IgnoreList::parse(
            "\u{feff}IMAGE,TAG,IMAGE ID,SIZE\r\n# the sandbox\r\n\r\nregistry.k8s.io/pause,3.9,b9f02c9a43ced,1.2MB\r\n\
             \"a,b\",1, 211f095776518 ,1MB\r\n",
        );
        assert!(list.contains(PAUSE));
        assert!(list.contains(APP));
        assert!(list.skipped().is_empty());
    }

    #[test]
    fn a_carriage_return_inside_a_line_is_a_character_like_others() {
        let list = IgnoreList::parse("IMAGE,TAG,a\rb,IMAGE ID\rx,y\nb9f02c9a43ced\n");
        assert!(list.contains(PAUSE));
        assert_eq!(skipped(&list), ["1: skipped: \"a\\rb\" is no image id, which is made of hexadecimal digits"]);
    }

    #[test]
    fn a_malformed_row_is_skipped_with_its_line_and_reason_and_the_others_are_read() {
        let list = IgnoreList::parse(
            "IMAGE,TAG,IMAGE ID,SIZE\npause,3.9\n\"pause,3.9,b9f02c9a43ced\nx,y,latest,1\nx,y,b9f02,1\n\
             app,1.2,211f095776518,1MB\n",
        );
        assert!(list.contains(APP));
        assert_eq!(
            skipped(&list),
            [
                "2: skipped: it has no IMAGE ID",
                "3: skipped: a quote is not closed",
                "4: skipped: \"latest\" is no image id, which is made of hexadecimal digits",
                "5: skipped: \"b9f02\" is too short for an image id, which has at least 12 digits",
            ]
        );
    }

    #[test]
    fn an_empty_text_names_nothing() {
        assert!(!IgnoreList::parse("").contains(PAUSE));
        assert!(!IgnoreList::parse("IMAGE,TAG,IMAGE ID,SIZE\n").contains(PAUSE));
    }
}
