//! The plain table of `crictl images`.

use super::malformed::Malformed;
use crate::limits::MAX_IMAGES;
use crate::types::Image;
use crate::{NONE, size};

/// The place of each column in a row.
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
/// Lines before the header are skipped: some versions warn there. It reads one image more than a listing can show.
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
    let rows = lines.filter(|(_, line)| !line.trim().is_empty()).take(MAX_IMAGES + 1);
    rows.map(|(number, line)| parse_row(&columns, number, line)).collect()
}

fn parse_row(columns: &Columns, number: usize, line: &str) -> Result<Image, Malformed> {
    let cells: Vec<&str> = line.split_whitespace().collect();
    // crictl leaves a trailing PINNED blank for images that are not pinned.
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
