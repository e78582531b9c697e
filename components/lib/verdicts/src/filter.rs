//! Which rows a query wants.

use crate::inventory::Inventory;
use crate::query::{Filters, Source};
use crate::reference;
use crate::row::Row;
use memchr::memmem::Finder;

/// Hexadecimal digits from which a word may be a part of a digest. Shorter ones are in every other digest.
const MIN_DIGEST_WORD: usize = 6;

/// The filters of a query, prepared for many rows.
pub(crate) struct RowFilter<'a> {
    filters: &'a Filters,
    words: Vec<Word<'a>>,
    /// The groups of the nodes that are asked for.
    groups: Vec<u32>,
    text: String,
}

struct Word<'a> {
    finder: Finder<'a>,
    may_be_in_digest: bool,
    found: bool,
}

impl<'a> RowFilter<'a> {
    pub(crate) fn new(inventory: &Inventory, filters: &'a Filters) -> Self {
        let words = filters.words.iter().map(|word| {
            let digits = word.strip_prefix("sha256:").unwrap_or(word);
            Word {
                finder: Finder::new(word),
                may_be_in_digest: digits.len() >= MIN_DIGEST_WORD
                    && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
                found: false,
            }
        });
        let groups = inventory
            .nodes
            .groups
            .iter()
            .enumerate()
            .filter(|(_, group)| group.nodes.iter().any(|node| filters.nodes.contains(&node.name)));
        Self {
            filters,
            words: words.collect(),
            groups: groups.map(|(number, _)| number as u32).collect(),
            text: String::new(),
        }
    }

    /// Whether the query wants the row, whatever verdict it has.
    pub(crate) fn wants(&mut self, row: &Row<'_>) -> bool {
        let Filters { sources, nodes, projects, registries, tags, .. } = self.filters;
        any(tags, |tag| row.tag() == Some(tag.as_str()))
            && any(projects, |project| row.project() == Some(project.as_str()))
            && any(sources, |source| match source {
                Source::Containerd => row.node_set().is_some(),
                Source::Harbor => row.artifact().is_some(),
            })
            && (nodes.is_empty() || self.groups.iter().any(|group| row.is_on_group(*group)))
            && any(registries, |registry| row.repository().is_some_and(|name| reference::registry(name) == **registry))
            && self.has_words(row)
    }

    /// Whether the query wants the verdicts of the row.
    pub(crate) fn wants_verdicts(&self, row: &Row<'_>) -> bool {
        self.filters.verdicts.is_empty() || self.filters.verdicts.intersects(row.verdicts())
    }

    fn has_words(&mut self, row: &Row<'_>) -> bool {
        if self.words.is_empty() {
            return true;
        }
        self.text.clear();
        row.write_reference(&mut self.text);
        self.text.push(' ');
        self.text.push_str(row.image_id().unwrap_or_default());
        self.text.make_ascii_lowercase();
        let mut all = true;
        for word in &mut self.words {
            word.found = word.finder.find(self.text.as_bytes()).is_some();
            if !word.found && !word.may_be_in_digest {
                return false;
            }
            all &= word.found;
        }
        all || self.has_rest_in_digests(row)
    }

    fn has_rest_in_digests(&mut self, row: &Row<'_>) -> bool {
        let of_artifact = row.artifact().map(|artifact| artifact.digest());
        for digest in row.digests().chain(of_artifact) {
            digest.with(|text| {
                for word in self.words.iter_mut().filter(|word| !word.found && word.may_be_in_digest) {
                    word.found = word.finder.find(text.as_bytes()).is_some();
                }
            });
        }
        self.words.iter().all(|word| word.found)
    }
}

/// Whether one of the values fits; any row fits where there is none.
fn any<T>(values: &[T], fits: impl Fn(&T) -> bool) -> bool {
    values.is_empty() || values.iter().any(fits)
}
