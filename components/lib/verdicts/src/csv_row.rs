//! Rows as CSV (RFC 4180).

use crate::json::instant;
use crate::row::Row;
use crate::verdict::Verdict;
use csv::{Terminator, WriterBuilder};
use image_model::size;
use image_model::spreadsheet::cell;

const COLUMNS: [&str; 20] = [
    "reference",
    "repository",
    "tag",
    "image_id",
    "digests",
    "bytes",
    "size",
    "pinned",
    "nodes",
    "node_count",
    "harbor_project",
    "harbor_repository",
    "harbor_digest",
    "harbor_bytes",
    "pushed_at",
    "pulled_at",
    "same_digest_tags",
    "verdicts",
    "reason",
    "newer",
];

/// Bytes of most rows.
const ROW_CAPACITY: usize = 1024;

/// Writes the names of the columns.
pub(crate) fn write_header(buffer: &mut Vec<u8>) {
    write(buffer, COLUMNS.map(str::to_owned));
}

/// Writes a row. Several values in a cell have spaces between them. Names come from strangers, so each is a [`cell`].
pub(crate) fn write_row(buffer: &mut Vec<u8>, row: &Row<'_>) {
    let artifact = row.artifact();
    let artifact = artifact.as_ref();
    let text = |text: Option<&str>| inert(text.unwrap_or_default());
    write(
        buffer,
        [
            inert(&row.reference().unwrap_or_default()),
            text(row.repository()),
            text(row.tag()),
            text(row.image_id()),
            inert(&joined(row.digests())),
            row.bytes().to_string(),
            size::human(row.bytes()),
            row.pinned().to_string(),
            inert(&row.nodes().join(" ")),
            row.node_count().to_string(),
            text(artifact.map(|artifact| artifact.name().0)),
            text(artifact.map(|artifact| artifact.name().1)),
            inert(&artifact.map(|artifact| artifact.digest().to_string()).unwrap_or_default()),
            artifact.map(|artifact| artifact.bytes().to_string()).unwrap_or_default(),
            artifact.and_then(|artifact| instant(artifact.pushed()?)).unwrap_or_default(),
            artifact.and_then(|artifact| instant(artifact.pulled()?)).unwrap_or_default(),
            inert(&row.same_digest_tags().join(" ")),
            joined(row.verdicts().iter().map(Verdict::label)),
            row.reason().map(|reason| reason.label().to_owned()).unwrap_or_default(),
            text(row.newer().map(|(tag, _)| tag)),
        ],
    );
}

fn write(buffer: &mut Vec<u8>, cells: [String; COLUMNS.len()]) {
    let mut writer =
        WriterBuilder::new().terminator(Terminator::CRLF).buffer_capacity(ROW_CAPACITY).from_writer(buffer);
    // Writing into memory can't fail.
    let _ = writer.write_record(cells);
    let _ = writer.flush();
}

fn inert(text: &str) -> String {
    cell(text).into_owned()
}

fn joined(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}
