//! The weak ETag of an answer: a hash of what it says, without instants and ages. So an answer with nothing new is a 304.

use crate::inventory::Inventory;
use crate::page::Page;
use crate::query::Query;
use crate::row::Row;
use image_model::protocol;
use std::hash::{DefaultHasher, Hash, Hasher};

impl Inventory {
    /// The value of `ETag` for these rows of the query, in this representation, such as `application/json`.
    pub fn entity_tag(&self, query: &Query, page: &Page, representation: &str) -> String {
        // The keys of this hasher are fixed, so that two instances of the program give the same tag.
        let mut hasher = DefaultHasher::new();
        (representation, query.hash(), query.limit, &page.next, page.total, page.counts).hash(&mut hasher);
        self.hash_sources(&mut hasher);
        for number in &page.rows {
            hash_row(&self.row(*number), &mut hasher);
        }
        format!("W/\"{:016x}\"", hasher.finish())
    }

    fn hash_sources(&self, hasher: &mut DefaultHasher) {
        for summary in self.nodes() {
            (&summary.node.name, summary.node.state as u8, summary.images, summary.bytes).hash(hasher);
        }
        let version = self.end.registry.as_ref().map(|registry| &registry.version);
        (&self.config.url, self.registry_state(), version).hash(hasher);
        for (source, failure) in self.failures() {
            // Messages may have durations in them.
            (source, protocol::failure_code(failure.code), &failure.node, &failure.repository).hash(hasher);
        }
    }
}

fn hash_row(row: &Row<'_>, hasher: &mut DefaultHasher) {
    (row.repository(), row.tag(), row.image_id(), row.own_digest(), row.bytes(), row.pinned(), row.nodes())
        .hash(hasher);
    row.digests().for_each(|digest| digest.hash(hasher));
    if let Some(artifact) = row.artifact() {
        (artifact.name(), artifact.digest(), artifact.bytes()).hash(hasher);
    }
    (row.same_digest_tags(), row.verdicts(), row.reason(), row.newer().map(|(tag, _)| tag)).hash(hasher);
}
