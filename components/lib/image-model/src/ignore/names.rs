//! Images by name: image and tag, in which `*` stands for any characters.

use crate::{NONE, reference};
use std::collections::HashSet;
use wildmatch::WildMatchPattern;

/// No other character is special: the second wildcard is one that no line of a text holds.
type Pattern = WildMatchPattern<'*', '\n'>;

/// Names of images, as the table of crictl shows them.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashSet<(String, String)>,
    patterns: Vec<(Pattern, Pattern)>,
}

impl Names {
    /// Adds a row. A tag may also stand behind the image, as in a reference.
    pub(super) fn add(&mut self, image: &str, tag: &str) -> Result<(), String> {
        let (image, tag) = match (reference::split(image), tag) {
            (_, "") if image.is_empty() => return Err("it has neither an IMAGE ID nor an IMAGE".to_owned()),
            ((image, Some(tag)), "") => (image, tag),
            _ => (image, tag),
        };
        if image.is_empty() {
            return Err("it has neither an IMAGE ID nor an IMAGE".to_owned());
        }
        if tag.is_empty() {
            return Err(format!("it has no TAG; * stands for all tags, {NONE} for an image without one"));
        }
        if image.contains('*') || tag.contains('*') {
            self.patterns.push((Pattern::new(image), Pattern::new(tag)));
        } else {
            self.exact.insert((image.to_owned(), tag.to_owned()));
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.patterns.is_empty()
    }

    /// Whether a row names this image and tag.
    pub(super) fn contain(&self, image: &str, tag: &str) -> bool {
        let exact = (image.to_owned(), tag.to_owned());
        self.exact.contains(&exact)
            || self.patterns.iter().any(|(images, tags)| images.matches(image) && tags.matches(tag))
    }
}
