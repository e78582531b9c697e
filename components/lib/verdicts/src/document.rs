//! Answers, written piece by piece, so that a large one needs no large buffer.

use crate::csv_row;
use crate::inventory::Inventory;
use crate::json::{self, FailureJson, RowJson};
use crate::page::Page;
use serde::Serialize;

/// An answer under way.
pub trait Document {
    /// Writes the next piece, which is about as long as a row. `false` where there is none.
    fn write_next(&mut self, buffer: &mut Vec<u8>) -> bool;

    /// Writes until the buffer has this many bytes. `false` at the end of the document.
    fn fill(&mut self, buffer: &mut Vec<u8>, bytes: usize) -> bool {
        while buffer.len() < bytes {
            if !self.write_next(buffer) {
                return false;
            }
        }
        true
    }
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One object with everything.
    Json,
    /// One object a line, rows only.
    NdJson,
    /// Rows only, below the names of their columns.
    Csv,
}

impl Format {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::NdJson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
        }
    }

    /// Whether all rows are wanted where the query has no limit.
    pub fn is_whole(self) -> bool {
        self != Self::Json
    }
}

/// The answer of `/inventory`.
pub struct InventoryDocument<'a> {
    inventory: &'a Inventory,
    page: &'a Page,
    format: Format,
    generated_at: u64,
    part: Part,
}

#[derive(Clone, Copy)]
enum Part {
    Head,
    Row(usize),
    End,
}

#[derive(Serialize)]
struct Tail<'a> {
    next: Option<&'a str>,
    errors: Vec<FailureJson<'a>>,
}

impl<'a> InventoryDocument<'a> {
    /// The rows of the page; `generated_at` is now, in milliseconds since 1970.
    pub fn new(inventory: &'a Inventory, page: &'a Page, format: Format, generated_at: u64) -> Self {
        Self { inventory, page, format, generated_at, part: Part::Head }
    }

    fn write_head(&self, buffer: &mut Vec<u8>) {
        match self.format {
            Format::Json => {
                json::write(buffer, &self.inventory.head_json(self.generated_at, self.page.total, self.page.counts));
                reopen(buffer);
                buffer.extend_from_slice(b"\"images\":[");
            }
            Format::NdJson => {}
            Format::Csv => csv_row::write_header(buffer),
        }
    }

    fn write_tail(&self, buffer: &mut Vec<u8>) {
        if self.format == Format::Json {
            buffer.push(b']');
            let tail = Tail { next: self.page.next.as_deref(), errors: self.inventory.failures_json() };
            go_on_with(buffer, &tail);
            buffer.push(b'\n');
        }
    }
}

impl Document for InventoryDocument<'_> {
    fn write_next(&mut self, buffer: &mut Vec<u8>) -> bool {
        match self.part {
            Part::Head => {
                self.write_head(buffer);
                self.part = Part::Row(0);
            }
            Part::Row(index) => match self.page.rows.get(index) {
                Some(number) => {
                    let row = self.inventory.row(*number);
                    match self.format {
                        Format::Json => write_item(buffer, index, &RowJson::of(&row)),
                        Format::NdJson => {
                            json::write(buffer, &RowJson::of(&row));
                            buffer.push(b'\n');
                        }
                        Format::Csv => csv_row::write_row(buffer, &row),
                    }
                    self.part = Part::Row(index + 1);
                }
                None => {
                    self.write_tail(buffer);
                    self.part = Part::End;
                }
            },
            Part::End => return false,
        }
        true
    }
}

/// Writes an item of a list, with the comma before it.
pub(crate) fn write_item(buffer: &mut Vec<u8>, index: usize, item: &impl Serialize) {
    if index > 0 {
        buffer.push(b',');
    }
    json::write(buffer, item);
}

/// Opens an object again that was just written, for more keys.
pub(crate) fn reopen(buffer: &mut Vec<u8>) {
    buffer.pop();
    buffer.push(b',');
}

/// Goes on in an open object with the keys of another one, and ends it.
pub(crate) fn go_on_with(buffer: &mut Vec<u8>, object: &impl Serialize) {
    let start = buffer.len();
    json::write(buffer, object);
    buffer[start] = b',';
}
