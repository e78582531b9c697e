//! `GET /images`: the rows of both sources, as one JSON document that is written while the client reads it.

#![forbid(unsafe_code)]

use crate::answer::{Body, CHUNK_BYTES, answer};
use crate::bindings::image_service::inventory::{node_images, registry_images};
use crate::options::options;
use crate::route;
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt, join};
use http_body::Frame;
use http_body_util::StreamBody;
use image_model::listing::{CONTAINERD_IMAGES, ERRORS, ErrorRow, HARBOR_IMAGES, HarborRow, Listing};
use image_model::node::ImageRow;
use image_model::protocol::{self, CONTAINERD, HARBOR};
use image_model::report;
use image_model::types::{Detail, FailureCode, ListingEnd, ListingPart, NodeListing, Repository};
use spin_sdk::http::{EmptyBody, HeaderMap, HeaderName, HeaderValue, Response, StatusCode, box_body};

/// The listing, with its summary in trailers where the host takes them.
pub(crate) fn get(with_summary: bool) -> Response<Body> {
    listing(images(with_summary))
}

/// The headers of the listing. It asks no source.
pub(crate) fn head() -> Response<Body> {
    listing(box_body(EmptyBody::new()))
}

fn listing(body: Body) -> Response<Body> {
    let mut response = answer(StatusCode::OK, route::JSON, body);
    if let Some(value) = options().cache_control.clone() {
        response.headers_mut().insert("cache-control", value);
    }
    response
}

/// The listing as a body that is written while the client reads it.
fn images(with_summary: bool) -> Body {
    // The channel has no room besides the chunk being sent: a slow client slows the sources down and fills no memory.
    let (frames, receiver) = mpsc::channel(0);
    wit_bindgen::spawn(async move {
        // This fails only when the client has left.
        let _ = list(frames, with_summary).await;
    });
    box_body(StreamBody::new(receiver.map(Ok::<_, anyhow::Error>)))
}

async fn list(frames: mpsc::Sender<Frame<Bytes>>, with_summary: bool) -> Result<(), mpsc::SendError> {
    let mut out = BodyWriter { listing: Listing::new(options().pretty), frames };
    // Both sources work at the same time: Harbor's listing goes on by itself once it has begun.
    let request = registry_images::Request { detail: Detail::Tags, max_age: 0 };
    let (NodeListing { groups, failures }, registry) =
        join!(node_images::images(), async { registry_images::images(request) });

    let containerd_rows = out.nodes(&image_model::node::rows_of_groups(groups)).await?;
    let (harbor_rows, end) = out.registry(registry).await?;
    let mut errors: Vec<_> = failures.into_iter().map(|failure| (CONTAINERD, failure)).collect();
    errors.extend(end.failures.into_iter().map(|failure| (HARBOR, failure)));

    out.listing.open(ERRORS);
    for (source, failure) in &errors {
        out.listing.row(&ErrorRow { source, failure });
    }
    out.listing.close();
    out.listing.end();
    out.send().await?;
    if !with_summary {
        return Ok(());
    }
    // Clients know the item that says that there is no Harbor. To everybody else it is no error.
    let is_off = errors.iter().any(|(_, failure)| failure.code == FailureCode::NotConfigured);
    let asked = if is_off { &[CONTAINERD][..] } else { &[CONTAINERD, HARBOR] };
    let count = errors.iter().filter(|(_, failure)| failure.code != FailureCode::NotConfigured).count();
    let trailers = [
        (protocol::ERRORS_TRAILER, Some(count.to_string())),
        (protocol::ROWS_TRAILER, Some(protocol::rows_trailer(containerd_rows, harbor_rows))),
        (
            protocol::SOURCES_TRAILER,
            Some(report::trailer(asked, errors.iter().map(|(source, failure)| (*source, failure)))),
        ),
        (protocol::LISTING_TRAILER, end.method.map(protocol::listing_trailer)),
    ];
    let trailers = trailers
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::try_from(value?).ok()?)));
    out.frames.send(Frame::trailers(HeaderMap::from_iter(trailers))).await
}

/// Writes the listing into the body, chunk by chunk.
struct BodyWriter {
    listing: Listing,
    frames: mpsc::Sender<Frame<Bytes>>,
}

impl BodyWriter {
    /// Writes the nodes' rows; returns their number.
    async fn nodes(&mut self, rows: &[ImageRow]) -> Result<usize, mpsc::SendError> {
        self.listing.open(CONTAINERD_IMAGES);
        for row in rows {
            self.listing.row(row);
            if self.listing.pending() >= CHUNK_BYTES {
                self.send().await?;
            }
        }
        self.listing.close();
        Ok(rows.len())
    }

    /// Writes the registry's rows as they arrive; returns their number, and the end.
    async fn registry(&mut self, images: registry_images::Listing) -> Result<(usize, ListingEnd), mpsc::SendError> {
        self.listing.open(HARBOR_IMAGES);
        let mut count = 0;
        loop {
            let repositories = match images.next() {
                ListingPart::Begin(_) => continue,
                ListingPart::Rows(repositories) => repositories,
                ListingPart::End(end) => {
                    self.listing.close();
                    return Ok((count, end));
                }
            };
            for Repository { project, name: repository, artifacts } in &repositories {
                for artifact in artifacts {
                    count += artifact.tags.len();
                    for tag in &artifact.tags {
                        self.listing.row(&HarborRow { project, repository, artifact, tag });
                        if self.listing.pending() >= CHUNK_BYTES {
                            self.send().await?;
                        }
                    }
                }
            }
        }
    }

    /// Sends the JSON written so far as one chunk.
    async fn send(&mut self) -> Result<(), mpsc::SendError> {
        self.frames.send(Frame::data(Bytes::from(self.listing.take()))).await
    }
}
