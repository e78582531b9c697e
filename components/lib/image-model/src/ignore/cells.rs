//! Lines to cells. Commas separate them, or semicolons or tabs as in some spreadsheets, or the spaces of a table.

use csv_core::{Reader, ReaderBuilder, Terminator};

/// What separates the cells of a table: two spaces or more, as a cell such as `IMAGE ID` has one.
const SPACES: &str = "  ";

/// What separates the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Separator {
    Comma,
    Tab,
    Semicolon,
    Spaces,
}

impl Separator {
    const ALL: [Self; 4] = [Self::Comma, Self::Tab, Self::Semicolon, Self::Spaces];

    /// The character; `None` where it is a run of them.
    fn character(self) -> Option<char> {
        match self {
            Self::Comma => Some(','),
            Self::Tab => Some('\t'),
            Self::Semicolon => Some(';'),
            Self::Spaces => None,
        }
    }

    fn stands_in(self, line: &str) -> bool {
        self.character().map_or_else(|| line.contains(SPACES), |character| line.contains(character))
    }
}

/// Splits lines into cells. One instance reads a whole text, as making one costs more than splitting thousands of lines.
#[derive(Default)]
pub(super) struct Cells {
    /// What separates the cells of the header.
    expected: Option<Separator>,
    /// The reader of the last separator.
    reader: Option<(char, Reader)>,
    cells: Vec<u8>,
    ends: Vec<usize>,
}

impl Cells {
    /// What separates the cells from now on, as the header has it.
    pub(super) fn expect(&mut self, separator: Separator) {
        self.expected = Some(separator);
    }

    /// The cells of a line, and what separates them.
    pub(super) fn read(&mut self, line: &str) -> Result<(Vec<String>, Separator), String> {
        let stands = |separator: &Separator| separator.stands_in(line);
        let separator = self.expected.into_iter().chain(Separator::ALL).find(stands).unwrap_or(Separator::Comma);
        let Some(character) = separator.character() else {
            let cells = line.split(SPACES).map(str::trim).filter(|cell| !cell.is_empty());
            return Ok((cells.map(str::to_owned).collect(), separator));
        };
        Ok((self.csv(line, character)?, separator))
    }

    fn csv(&mut self, line: &str, separator: char) -> Result<Vec<String>, String> {
        // CSV's own rules continue an unclosed quote on the next line; here each line stands alone, so it is a mistake.
        if !line.matches('"').count().is_multiple_of(2) {
            return Err("a quote is not closed".to_owned());
        }
        if self.reader.as_ref().is_none_or(|(present, _)| *present != separator) {
            // By default csv-core also ends a line at a stray carriage return, and drops the rest.
            let reader = ReaderBuilder::new()
                .delimiter(u8::try_from(separator).unwrap_or(b','))
                .terminator(Terminator::Any(b'\n'))
                .build();
            self.reader = Some((separator, reader));
        }
        let Some((_, reader)) = &mut self.reader else { return Ok(Vec::new()) };
        reader.reset();
        // No cell is longer than the line, and each but the last ends with a separator.
        self.cells.resize(line.len(), 0);
        self.ends.resize(line.matches(separator).count() + 1, 0);
        let (_, read, written, mut ended) = reader.read_record(line.as_bytes(), &mut self.cells, &mut self.ends);
        // The end of the text ends the last cell.
        ended += reader.read_record(&line.as_bytes()[read..], &mut self.cells[written..], &mut self.ends[ended..]).3;
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let cells = starts.zip(&self.ends[..ended]).map(|(start, end)| &self.cells[start..*end]);
        Ok(cells.map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect())
    }
}
