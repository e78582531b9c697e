//! Cells of CSV that spreadsheets show and do not compute.

use crate::visible::visible;
use std::borrow::Cow;

/// A spreadsheet takes a cell that begins with one of these for a formula; in some languages the wide forms count, too. It does so
/// with a tab or a line end, which [`visible`] has written as its escape.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A text of a stranger as a cell. What a person can't see is written as [`visible`] does it, and an apostrophe stands before a
/// formula, as OWASP advises: at the beginning, and after a semicolon, with which cells end where the comma is the sign of decimals.
/// The writer of the CSV quotes commas, quotes and line ends (RFC 4180).
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = visible(text);
    if !text.starts_with([' ', '"']) && !text.starts_with(FORMULA) && !text.contains(';') {
        return text;
    }
    let mut cell = String::with_capacity(text.len() + 4);
    let mut is_beginning = true;
    for character in text.chars() {
        if is_beginning && FORMULA.contains(&character) {
            cell.push('\'');
        }
        is_beginning = character == ';' || (is_beginning && matches!(character, ' ' | '"'));
        cell.push(character);
    }
    Cow::Owned(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "\\t=1"),
            ("\r\n=1", "\\r\\n=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            (" =1", " '=1"),
            ("\"=1", "\"'=1"),
            ("a;=1;\"@b", "a;'=1;\"'@b"),
            ("a\u{202e}", "a\\u{202e}"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }

    #[test]
    fn ordinary_cells_stay_as_they_are() {
        for text in ["", "<none>", "library/nginx", "v1.2-rc+1", "sha256:a=b", "a b", "gpu-[1-41,43]", "it's"] {
            assert!(matches!(cell(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
