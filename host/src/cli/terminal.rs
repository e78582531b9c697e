//! What commands tell people on stderr. Names and errors come from strangers, so nothing in a line is invisible.

use image_model::visible::{visible, visible_lines};
use std::fmt::Display;

/// Tells a failure or a warning on one line, whatever it quotes.
pub(super) fn tell(message: impl Display) {
    eprintln!("image-service: {}", visible(&message.to_string()));
}

/// Tells an error of the program itself, which may have several lines, such as a place in a .wac file.
pub(super) fn tell_lines(message: impl Display) {
    eprintln!("image-service: {}", visible_lines(&message.to_string()));
}
