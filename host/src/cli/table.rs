//! Tables for terminals.

use image_model::visible::visible;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

/// Each column is at least so wide, and has so many spaces after each value: as crictl does it.
const MIN_WIDTH: usize = 20;
const PADDING: usize = 3;
/// Rows that are aligned together. A table that is longer leaves in blocks, so that it needs no memory for all.
const BLOCK_ROWS: usize = 10_000;

/// Aligns columns as crictl does. The last column has no padding. Values come from strangers, so nothing in them is invisible.
pub(super) fn aligned<const N: usize>(header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut text = Vec::new();
    let mut table = Table::new(header);
    // Writing into memory can't fail.
    for row in rows {
        let _ = table.push(row, &mut text);
    }
    let _ = table.end(&mut text);
    String::from_utf8(text).unwrap_or_default()
}

/// A table whose rows leave in blocks. The columns of a later block are at least as wide as those of an earlier one.
pub(super) struct Table<const N: usize> {
    widths: [usize; N],
    block: Vec<[String; N]>,
    has_ended: bool,
}

impl<const N: usize> Table<N> {
    pub(super) fn new(header: [&str; N]) -> Self {
        Self { widths: [MIN_WIDTH; N], block: vec![header.map(str::to_owned)], has_ended: false }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: [String; N], to: &mut impl Write) -> io::Result<()> {
        self.block.push(row.map(|value| visible(&value).into_owned()));
        if self.block.len() < BLOCK_ROWS { Ok(()) } else { self.flush(to) }
    }

    /// Writes the rows that are left, once; `false` where the table has ended before.
    pub(super) fn end(&mut self, to: &mut impl Write) -> io::Result<bool> {
        if std::mem::replace(&mut self.has_ended, true) {
            return Ok(false);
        }
        self.flush(to)?;
        Ok(true)
    }

    /// Writes the rows of a block.
    fn flush(&mut self, to: &mut impl Write) -> io::Result<()> {
        for row in &self.block {
            for (width, value) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(value.width() + PADDING);
            }
        }
        for row in self.block.drain(..) {
            for (column, (width, value)) in self.widths.iter().zip(&row).enumerate() {
                // The last column needs no padding.
                let width = if column + 1 == N { 0 } else { *width };
                // In columns of the terminal: characters may take two, or none.
                write!(to, "{value}{:1$}", "", width.saturating_sub(value.width()))?;
            }
            writeln!(to)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_table_leaves_in_blocks_and_its_columns_only_become_wider() {
        let (mut table, mut text) = (Table::new(["A", "B"]), Vec::new());
        for number in 0..BLOCK_ROWS {
            table.push([number.to_string(), "x".to_owned()], &mut text).unwrap();
        }
        assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), BLOCK_ROWS, "a block has left");
        table.push(["y".repeat(30), "x".to_owned()], &mut text).unwrap();
        assert!(table.end(&mut text).unwrap() && !table.end(&mut text).unwrap());
        let text = String::from_utf8(text).unwrap();
        let places: Vec<_> = text.lines().map(|line| line.rfind(['B', 'x']).unwrap()).collect();
        assert_eq!((places[0], places[BLOCK_ROWS - 1], places[BLOCK_ROWS + 1]), (20, 20, 33));
    }

    #[test]
    fn columns_are_those_of_the_terminal() {
        let rows = ["plain", "日本語", "e\u{301}", "🦀"].map(|name| [name.to_owned(), "x".to_owned()]);
        let text = aligned(["A", "B"], rows.into_iter());
        let places: Vec<_> = text.lines().map(|line| line[..line.rfind(['B', 'x']).unwrap()].width()).collect();
        assert_eq!(places, [20; 5]);
    }
}
