//! The components' pure logic as one native function: the reference for the cost of WebAssembly and its boundaries.

use crate::Registry;
use futures::executor::block_on;
use harbor_api::config::Config;
use harbor_api::listing::{Request, Sink, list};
use harbor_api::store::NoStore;
use image_model::ignore::IgnoreList;
use image_model::listing::{CONTAINERD_IMAGES, ERRORS, ErrorRow, HARBOR_IMAGES, HarborRow, Listing};
use image_model::node;
use image_model::protocol::HARBOR;
use image_model::types::{Failure, Image, Repository};
use std::collections::HashMap;

/// Bytes of JSON in one chunk, as in the handler.
const CHUNK_BYTES: usize = 16 * 1024;

/// The answer to `GET /images`, in chunks as the handler sends them.
///
/// # Errors
///
/// When a setting can't be read, which would be a mistake in this function.
pub fn listing(
    images: Vec<Image>,
    ignored: &str,
    registry: &Registry,
    mut sent: impl FnMut(Vec<u8>),
) -> Result<(), String> {
    let settings =
        HashMap::from([("harbor-url", "https://harbor.example.com".to_owned()), ("harbor-auth", "host".to_owned())]);
    let config = Config::read(&settings).map_err(|failure| failure.message)?;
    let ignored = IgnoreList::parse(ignored);
    let mut listing = Listing::new(false);
    listing.open(CONTAINERD_IMAGES);
    for row in node::rows(images).into_iter().filter(|row| !ignored.contains(&row.id)) {
        listing.row(&row);
        if listing.pending() >= CHUNK_BYTES {
            sent(listing.take());
        }
    }
    listing.close();
    listing.open(HARBOR_IMAGES);
    let mut out = JsonSink { listing, sent, failures: Vec::new() };
    block_on(list(registry, &NoStore, &config, Request::TAGS_NOW, &mut out));
    let JsonSink { mut listing, mut sent, failures } = out;
    listing.close();
    listing.open(ERRORS);
    for failure in &failures {
        listing.row(&ErrorRow { source: HARBOR, failure });
    }
    listing.close();
    listing.end();
    sent(listing.take());
    Ok(())
}

struct JsonSink<F> {
    listing: Listing,
    sent: F,
    failures: Vec<Failure>,
}

impl<F: FnMut(Vec<u8>)> Sink for JsonSink<F> {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        for Repository { project, name, artifacts } in rows {
            for (artifact, tag) in
                artifacts.iter().flat_map(|artifact| artifact.tags.iter().map(move |tag| (artifact, tag)))
            {
                self.listing.row(&HarborRow { project: &project, repository: &name, artifact, tag });
                if self.listing.pending() >= CHUNK_BYTES {
                    (self.sent)(self.listing.take());
                }
            }
        }
        true
    }

    fn failed(&mut self, failure: Failure) {
        self.failures.push(failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_has_all_rows_of_both_sources_and_no_failure() {
        let mut answer = Vec::new();
        listing(crate::node(10), &crate::ignore_file(10), &Registry::new(1), |chunk| answer.extend(chunk)).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.matches("\"image_id\"").count(), 9);
        assert_eq!(answer.matches("\"digest\"").count(), Registry::rows(1));
        assert!(answer.ends_with("\"errors\":[]}\n"), "{}", &answer[answer.len() - 500..]);
    }
}
