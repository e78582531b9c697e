//! What commands tell people on stderr. Names and errors come from strangers, so nothing in a line is invisible.

use image_model::visible::{visible, visible_lines};
use std::fmt::Display;
use std::io::{self, Write};

/// Tells a failure or a warning on one line, whatever it quotes.
pub(super) fn tell(message: impl Display) {
    write(&visible(&message.to_string()));
}

/// Tells an error of the program itself, which may have several lines, such as a place in a .wac file.
pub(super) fn tell_lines(message: impl Display) {
    write(&visible_lines(&message.to_string()));
}

/// Nobody can be told that stderr takes nothing; the exit code says what happened.
fn write(text: &str) {
    let _ = writeln!(io::stderr(), "image-service: {text}");
}
