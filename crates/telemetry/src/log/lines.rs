//! Log lines in one buffer, with the position of each end, and how they are written.

use std::io::{self, ErrorKind, Write};

/// Lines one after the other in one buffer, with the position of each end.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Lines {
    /// Adds a line. The line includes the line end of its format.
    pub(super) fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// Removes all lines.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The lines one by one.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).filter_map(|(begin, end)| self.bytes.get(*begin..*end))
    }
}

/// Lines that their place did not take, and why.
#[derive(Debug)]
pub(super) struct Loss {
    pub(super) lines: u64,
    pub(super) error: io::Error,
}

impl Loss {
    /// This loss after another one.
    pub(super) fn and(self, before: Option<Self>) -> Self {
        Self { lines: self.lines.saturating_add(before.map_or(0, |before| before.lines)), ..self }
    }
}

/// Whether what was written last is a part of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail {
    torn: bool,
}

impl Tail {
    /// Writes lines, `ends` of which are the positions of their ends. After a part of a line, the next one begins on a line of its
    /// own.
    pub(super) fn write(&mut self, out: &mut impl Write, bytes: &[u8], ends: &[usize]) -> Result<(), Loss> {
        let lost =
            |written: usize, error| Loss { lines: ends.iter().filter(|end| **end > written).count() as u64, error };
        if self.torn {
            write_all(out, b"\n").map_err(|(_, error)| lost(0, error))?;
            self.torn = false;
        }
        write_all(out, bytes).map_err(|(written, error)| {
            self.torn = written > 0 && !ends.contains(&written);
            lost(written, error)
        })
    }
}

/// Writes all, or says how much was written before it failed.
fn write_all(out: &mut impl Write, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match out.write(rest) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes.
    struct Place {
        taken: Vec<u8>,
        room: usize,
    }

    impl Write for Place {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let length = bytes.len().min(self.room);
            if length == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.taken.extend_from_slice(&bytes[..length]);
            self.room -= length;
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_that_was_not_taken_whole_is_counted_and_the_next_one_stands_alone() {
        let mut lines = Lines::default();
        ["one\n", "two\n", "three\n"].iter().for_each(|line| lines.push(line.as_bytes()));
        for (room, lost, then) in [
            (0, Some(3), "one\ntwo\nthree\n"),
            (4, Some(2), "one\none\ntwo\nthree\n"),
            (6, Some(2), "one\ntw\none\ntwo\nthree\n"),
            (13, Some(1), "one\ntwo\nthree\none\ntwo\nthree\n"),
            (14, None, "one\ntwo\nthree\none\ntwo\nthree\n"),
        ] {
            let (mut place, mut tail) = (Place { taken: Vec::new(), room }, Tail::default());
            let outcome = tail.write(&mut place, &lines.bytes, &lines.ends);
            assert_eq!(outcome.err().map(|loss| loss.lines), lost, "{room}");
            place.room = 1000;
            tail.write(&mut place, &lines.bytes, &lines.ends).unwrap();
            assert_eq!(String::from_utf8(place.taken).unwrap(), then, "{room}");
        }
    }
}
