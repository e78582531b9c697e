//! The handler: routes HTTP requests, asks both sources at once and streams their rows out as one JSON answer.

mod route;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "handler-imports", generate_all });
}

use bindings::image_service::inventory::{containerd, harbor, settings, types::SourceError};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt, join};
use http_body::Frame;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use image_service_format::listing::{ContainerdRow, ErrorRow, HarborRow, Listing};
use route::Route;
use spin_sdk::http::{
    EmptyBody, FullBody, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, box_body,
};
use spin_sdk::http_service;
use std::cell::RefCell;
use std::rc::Rc;
use wit_bindgen::{FutureReader, StreamReader, StreamResult};

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

/// Rows read from a source at a time.
const BATCH: usize = 64;

/// Bytes of JSON sent at a time: what is larger costs memory, what is smaller costs crossings to the host.
const CHUNK: usize = 16 * 1024;

/// The trailers that say how many items `errors` has, for a cache, and how many rows came from each source, for the log: both
/// are known at the end only.
const ERRORS: &str = "image-service-errors";
const ROWS: &str = "image-service-rows";

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    match Route::of(request.method(), request.uri().path()) {
        Route::Images => listing(images()).await,
        Route::ImagesHead => listing(box_body(EmptyBody::new())).await,
        Route::Problem(problem) => {
            let body = box_body(FullBody::new(Bytes::from(problem.body())));
            let mut response = answer(problem.status, route::PROBLEM_JSON, body);
            if let Some(allow) = problem.allow {
                response.headers_mut().insert("allow", HeaderValue::from_static(allow));
            }
            response
        }
    }
}

async fn listing(body: Body) -> Response<Body> {
    let mut response = answer(StatusCode::OK, route::JSON, body);
    if let Some(control) = manner().await.control.clone() {
        response.headers_mut().insert("cache-control", control);
    }
    response
}

/// How a listing is given out.
struct Manner {
    pretty: bool,
    control: Option<HeaderValue>,
}

thread_local! {
    /// Asked for once, as each call to another component costs a request about a tenth of its time.
    static MANNER: RefCell<Option<Rc<Manner>>> = const { RefCell::new(None) };
}

async fn manner() -> Rc<Manner> {
    if let Some(manner) = MANNER.with_borrow(Clone::clone) {
        return manner;
    }
    let pretty = settings::get("json-pretty".to_owned()).await.is_some_and(|value| value == "true");
    let control = settings::get("cache-control".to_owned()).await.filter(|text| !text.is_empty());
    let manner = Rc::new(Manner { pretty, control: control.and_then(|text| HeaderValue::try_from(text).ok()) });
    MANNER.set(Some(Rc::clone(&manner)));
    manner
}

fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static(content_type));
    response
}

/// The listing as a body that is made while it is read.
fn images() -> Body {
    // No chunk waits besides the one being sent: a slow client slows the sources down instead of filling memory.
    let (frames, receiver) = mpsc::channel(0);
    wit_bindgen::spawn(async move {
        // Only a client that hung up ends the listing early.
        let _ = list(frames).await;
    });
    box_body(StreamBody::new(receiver.map(Ok::<_, anyhow::Error>)))
}

async fn list(frames: mpsc::Sender<Frame<Bytes>>) -> Result<(), mpsc::SendError> {
    let mut out = Out { listing: Listing::new(manner().await.pretty), frames };
    let (node, registry) = join!(containerd::images(), harbor::images());

    let (node, mut errors) = out.section("containerd_images", "containerd", node, write_node_row).await?;
    let (registry, failed) = out.section("harbor_images", "harbor", registry, write_registry_row).await?;
    errors.extend(failed);

    out.listing.open("errors");
    for (source, error) in &errors {
        out.listing.row(&ErrorRow { error: &error.message, repository: error.repository.as_deref(), source });
    }
    out.listing.close();
    out.listing.end();
    out.send().await?;
    let mut trailers = HeaderMap::from_iter([(HeaderName::from_static(ERRORS), HeaderValue::from(errors.len()))]);
    if let Ok(rows) = HeaderValue::try_from(format!("containerd={node}, harbor={registry}")) {
        trailers.insert(HeaderName::from_static(ROWS), rows);
    }
    out.frames.send(Frame::trailers(trailers)).await
}

fn write_node_row(listing: &mut Listing, image: &containerd::Image) {
    listing.row(&ContainerdRow::new(&image.id, image.repository.as_deref(), image.tag.as_deref(), image.size));
}

fn write_registry_row(listing: &mut Listing, image: &harbor::Image) {
    listing.row(&HarborRow::new(&image.project, &image.repository, &image.tag, &image.digest, image.size));
}

/// The listing on its way to the client.
struct Out {
    listing: Listing,
    frames: mpsc::Sender<Frame<Bytes>>,
}

impl Out {
    /// Writes one source's rows as they come; returns how many there were, and what failed.
    async fn section<Image: 'static>(
        &mut self,
        key: &str,
        source: &'static str,
        (mut images, errors): (StreamReader<Image>, FutureReader<Vec<SourceError>>),
        write: impl Fn(&mut Listing, &Image),
    ) -> Result<(usize, Vec<(&'static str, SourceError)>), mpsc::SendError> {
        self.listing.open(key);
        let mut count = 0;
        loop {
            let (status, batch) = images.read(Vec::with_capacity(BATCH)).await;
            count += batch.len();
            for image in &batch {
                write(&mut self.listing, image);
                if self.listing.pending() >= CHUNK {
                    self.send().await?;
                }
            }
            if !matches!(status, StreamResult::Complete(_)) {
                break;
            }
        }
        self.listing.close();
        Ok((count, errors.await.into_iter().map(|error| (source, error)).collect()))
    }

    async fn send(&mut self) -> Result<(), mpsc::SendError> {
        self.frames.send(Frame::data(Bytes::from(self.listing.take()))).await
    }
}
