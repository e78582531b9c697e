//! The components' pure logic as one native function: what WebAssembly and its boundaries are measured against.

use crate::Registry;
use futures::executor::block_on;
use harbor_api::config::Config;
use harbor_api::listing::{Sink, list};
use harbor_api::{self as harbor_api, SourceError};
use image_model::crictl::Image;
use image_model::ignore::IgnoreList;
use image_model::listing::{ContainerdRow, ErrorRow, HarborRow, Listing};
use image_model::node;
use std::collections::HashMap;

/// Bytes of JSON in a piece, as in the handler.
const CHUNK: usize = 16 * 1024;

/// The answer to `GET /images`, in pieces as the handler sends them.
///
/// # Errors
///
/// When the registry's address can't be read, which is a mistake here.
pub fn listing(
    images: Vec<Image>,
    ignored: &str,
    registry: &Registry,
    mut sent: impl FnMut(Vec<u8>),
) -> Result<(), String> {
    let settings =
        HashMap::from([("harbor-url", "https://harbor.example.com".to_owned()), ("harbor-auth", "host".to_owned())]);
    let config = Config::read(&settings)?;
    let ignored = IgnoreList::parse(ignored);
    let mut listing = Listing::new(false);
    listing.open("containerd_images");
    for row in node::rows(images).into_iter().filter(|row| !ignored.contains(&row.id)) {
        listing.row(&ContainerdRow::new(&row.id, row.repository.as_deref(), row.tag.as_deref(), row.size));
        if listing.pending() >= CHUNK {
            sent(listing.take());
        }
    }
    listing.close();
    listing.open("harbor_images");
    let mut out = Out { listing, sent, errors: Vec::new() };
    block_on(list(registry, &config, &mut out));
    let Out { mut listing, mut sent, errors } = out;
    listing.close();
    listing.open("errors");
    for SourceError { message, repository } in &errors {
        listing.row(&ErrorRow { error: message, repository: repository.as_deref(), source: "harbor" });
    }
    listing.close();
    listing.end();
    sent(listing.take());
    Ok(())
}

struct Out<F> {
    listing: Listing,
    sent: F,
    errors: Vec<SourceError>,
}

impl<F: FnMut(Vec<u8>)> Sink for Out<F> {
    async fn rows(&mut self, rows: Vec<harbor_api::Repository>) -> bool {
        for harbor_api::Repository { project, name, images } in rows {
            for harbor_api::Image { tag, digest, size } in images {
                self.listing.row(&HarborRow::new(&project, &name, &tag, &digest, size));
                if self.listing.pending() >= CHUNK {
                    (self.sent)(self.listing.take());
                }
            }
        }
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.errors.push(error);
    }
}
