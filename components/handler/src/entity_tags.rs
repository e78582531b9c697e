//! The entity tags of answers about one comparison: a client that has an answer already costs no search.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;

/// Most tags. A page asks for a few over and over.
const MAX_TAGS: usize = 64;
/// Most bytes of a query whose tag is kept.
const MAX_QUERY_BYTES: usize = 1024;

/// The tags of the latest answers, each by what was asked.
#[derive(Debug, Default)]
pub(crate) struct EntityTags(RefCell<VecDeque<(String, String)>>);

impl EntityTags {
    /// The tag of the answer to this, if it is known.
    pub(crate) fn get(&self, asked: &str) -> Option<String> {
        self.0.borrow().iter().find(|(known, _)| known == asked).map(|(_, tag)| tag.clone())
    }

    /// Keeps the tag of an answer.
    pub(crate) fn put(&self, asked: String, tag: &str) {
        if asked.len() > MAX_QUERY_BYTES || self.get(&asked).is_some() {
            return;
        }
        let mut tags = self.0.borrow_mut();
        if tags.len() == MAX_TAGS {
            tags.pop_front();
        }
        tags.push_back((asked, tag.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_tags_are_known_and_no_more_than_so_many() {
        let tags = EntityTags::default();
        for number in 0..=MAX_TAGS {
            tags.put(format!("q={number}"), "W/\"1\"");
        }
        tags.put("q=1".to_owned(), "W/\"1\"");
        tags.put("q".repeat(MAX_QUERY_BYTES + 1), "W/\"2\"");
        assert_eq!((tags.get("q=0"), tags.get("q=1")), (None, Some("W/\"1\"".to_owned())));
        assert_eq!(tags.0.borrow().len(), MAX_TAGS);
    }
}
