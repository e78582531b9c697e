//! images_to_ignore.txt: the images that it names, by id or by name, and its lines that name none.

mod cells;
mod names;
mod text;

pub use text::decode;

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
        let (image, tag, id) =
            (position("IMAGE").or_else(|| position("REPOSITORY")), position("TAG"), position("IMAGE ID"));
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
        let list = IgnoreList::parse("IMAGE,T,a\rb,IMAGE ID\rx,y\nb9f02c9a43ced\n");
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

    fn image(id: &str, tags: &[&str], digests: &[&str]) -> Image {
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Image { id: id.into(), repo_tags: strings(tags), repo_digests: strings(digests), size: 1, pinned: false }
    }

    /// The tags of each image that is left, or its id where it has none.
    fn left(text: &str) -> Vec<String> {
        let list = IgnoreList::parse(text);
        assert_eq!(skipped(&list), Vec::<String>::new(), "{text}");
        let mut images = vec![
            image(
                PAUSE,
                &["registry.k8s.io/pause:3.9", "localhost:5000/pause:3.9"],
                &["registry.k8s.io/pause@sha256:1"],
            ),
            image(APP, &["localhost:5000/app:1.2"], &[]),
            image("sha256:3", &[], &["localhost:5000/old@sha256:4"]),
            image("sha256:5", &[], &[]),
        ];
        list.remove_from(&mut images);
        images
            .into_iter()
            .map(|image| if image.repo_tags.is_empty() { image.id } else { image.repo_tags.join(" ") })
            .collect()
    }

    const PAUSE_TAGS: &str = "registry.k8s.io/pause:3.9 localhost:5000/pause:3.9";

    #[test]
    fn a_row_without_an_id_counts_by_image_and_tag() {
        let header = "IMAGE,TAG,IMAGE ID,SIZE\n";
        let app = [PAUSE_TAGS, "sha256:3", "sha256:5"];
        for row in
            ["localhost:5000/app,1.2,,1MB", "localhost:5000/app,1.2", "localhost:5000/app,1.2,<none>,", "*/app,1.*,,"]
        {
            assert_eq!(left(&format!("{header}{row}\n")), app, "{row}");
        }
        assert_eq!(left("localhost:5000/app,1.2,,1MB\n"), app);
        assert_eq!(left("IMAGE,TAG\nlocalhost:5000/app,1.2\n"), app);
        assert_eq!(left("image,tag\nlocalhost:5000/app:1.2,\n"), app);
        assert_eq!(left(&format!("{header}localhost:5000/app,1,,\nlocalhost:5000/ap,1.2,,\n")).len(), 4);
    }

    #[test]
    fn an_image_stays_with_the_tags_that_are_not_named() {
        let rest = ["localhost:5000/app:1.2", "sha256:3", "sha256:5"];
        assert_eq!(left("IMAGE,TAG\nregistry.k8s.io/*,*\n"), [&["localhost:5000/pause:3.9"], &rest[..]].concat());
        assert_eq!(left("IMAGE,TAG\n*/pause,*\n"), rest);
    }

    #[test]
    fn images_without_names_are_named_as_the_table_shows_them() {
        let tagged = [PAUSE_TAGS, "localhost:5000/app:1.2"];
        assert_eq!(left("IMAGE,TAG\nlocalhost:5000/old,<none>\n"), [tagged[0], tagged[1], "sha256:5"]);
        assert_eq!(left("IMAGE,TAG\n<none>,<none>\n"), [tagged[0], tagged[1], "sha256:3"]);
        assert_eq!(left("IMAGE,TAG\n*,*\n"), Vec::<String>::new());
    }

    #[test]
    fn a_row_with_an_id_counts_by_its_id_only() {
        assert_eq!(left("IMAGE,TAG,IMAGE ID\nlocalhost:5000/app,1.2,000000000000\n").len(), 4);
    }

    #[test]
    fn an_id_of_any_algorithm_counts() {
        let digits = "211f095776518581232078a9cfb5626fae340773bb07b8c1244b7fabb9bbef57";
        let id = format!("sha512:{digits}");
        // crictl cuts this id after 13 characters, of which the algorithm takes seven.
        for named in [id.as_str(), &digits[..13], "sha512:211f09", "SHA512:211F09"] {
            assert!(IgnoreList::parse(&format!("IMAGE,TAG,IMAGE ID\nx,1,{named}\n")).contains(&id), "{named}");
        }
        let list = IgnoreList::parse(&id);
        assert!(list.contains("sha512:211f09") && !list.contains("sha512:211f08") && !list.contains("blake3:211f09"));
    }

    #[test]
    fn semicolons_tabs_and_the_tables_of_crictl_and_docker_are_read() {
        let rest = ["localhost:5000/app:1.2", "sha256:3", "sha256:5"];
        for text in [
            "IMAGE;TAG;IMAGE ID;SIZE\nregistry.k8s.io/pause;3.9;b9f02c9a43ced;1,2MB\n",
            "IMAGE\tTAG\tIMAGE ID\tSIZE\nregistry.k8s.io/pause\t3.9\tb9f02c9a43ced\t1.2MB\n",
            "IMAGE                   TAG   IMAGE ID        SIZE\nregistry.k8s.io/pause   3.9   b9f02c9a43ced   1.2MB\n",
            "REPOSITORY   TAG   IMAGE ID      CREATED       SIZE\nregistry.k8s.io/pause  3.9  b9f02c9a43ce  2 years ago  1MB\n",
            "registry.k8s.io/pause;3.9;b9f02c9a43ced;1.2MB\n",
            "\"IMAGE\";\"IMAGE ID\"\n\"a;b\";\"b9f02c9a43ced\"\n",
        ] {
            assert_eq!(left(text), rest, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_remedy() {
        for (line, remedy) in [
            ("IMAGE TAG IMAGE ID SIZE", "separate columns with commas"),
            ("registry.k8s.io/pause 3.9 b9f02c9a43ced 1.2MB", "separate columns with commas"),
            ("registry.k8s.io/pause:3.9", "begin the file with the line IMAGE,TAG"),
            ("pause,3.9", "begin the file with the line IMAGE,TAG"),
            ("x,1,1.23457E+12,1MB", "a spreadsheet took it for a number"),
            ("pause,,,1MB", "it has no TAG; * stands for all tags"),
            (",3.9,,1MB", "it has neither an IMAGE ID nor an IMAGE"),
        ] {
            let list = IgnoreList::parse(line);
            let skipped = skipped(&list);
            assert!(skipped.len() == 1 && skipped[0].contains(remedy), "{line}: {skipped:?}");
        }
    }
}
