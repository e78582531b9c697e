//! The handler: routes HTTP requests, asks both sources at once and streams their rows out as one JSON answer.

mod route;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "handler-imports",
        // Only the node is waited for while something else goes on. Any other call returns once it is answered, which
        // spares it a task.
        async: ["import:image-service:inventory/containerd@0.1.0#images", "-all"],
        generate_all,
    });
}

use bindings::image_service::inventory::harbor::{Part, Repository};
use bindings::image_service::inventory::types::SourceError;
use bindings::image_service::inventory::{containerd, harbor, settings};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt, join};
use http_body::Frame;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use image_model::listing::{ContainerdRow, ErrorRow, HarborRow, Listing};
use route::Route;
use spin_sdk::http::{
    EmptyBody, FullBody, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, box_body,
};
use spin_sdk::http_service;
use std::cell::RefCell;
use std::rc::Rc;

allocator::install!();

type Body = UnsyncBoxBody<Bytes, anyhow::Error>;

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
    if let Some(control) = manner().control.clone() {
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

fn manner() -> Rc<Manner> {
    if let Some(manner) = MANNER.with_borrow(Clone::clone) {
        return manner;
    }
    let pretty = settings::get("json-pretty").is_some_and(|value| value == "true");
    let control = settings::get("cache-control").filter(|text| !text.is_empty());
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
    let mut out = Out { listing: Listing::new(manner().pretty), frames };
    // Harbor is asked while the node is: its listing goes on by itself once it has begun.
    let ((node, node_errors), registry) = join!(containerd::images(), async { harbor::images() });

    let containerd_rows = out.node(&node).await?;
    drop(node);
    let (harbor_rows, registry_errors) = out.registry(registry).await?;
    let mut errors: Vec<_> = node_errors.into_iter().map(|error| ("containerd", error)).collect();
    errors.extend(registry_errors.into_iter().map(|error| ("harbor", error)));

    out.listing.open("errors");
    for (source, error) in &errors {
        out.listing.row(&ErrorRow { error: &error.message, repository: error.repository.as_deref(), source });
    }
    out.listing.close();
    out.listing.end();
    out.send().await?;
    let mut trailers = HeaderMap::from_iter([(HeaderName::from_static(ERRORS), HeaderValue::from(errors.len()))]);
    if let Ok(rows) = HeaderValue::try_from(format!("containerd={containerd_rows}, harbor={harbor_rows}")) {
        trailers.insert(HeaderName::from_static(ROWS), rows);
    }
    out.frames.send(Frame::trailers(trailers)).await
}

/// The listing on its way to the client.
struct Out {
    listing: Listing,
    frames: mpsc::Sender<Frame<Bytes>>,
}

impl Out {
    /// Writes the node's rows; returns how many there are.
    async fn node(&mut self, images: &[containerd::Image]) -> Result<usize, mpsc::SendError> {
        self.listing.open("containerd_images");
        for image in images {
            let (repository, tag) = (image.repository.as_deref(), image.tag.as_deref());
            self.listing.row(&ContainerdRow::new(&image.id, repository, tag, image.size));
            if self.listing.pending() >= CHUNK {
                self.send().await?;
            }
        }
        self.listing.close();
        Ok(images.len())
    }

    /// Writes the registry's rows as they come; returns how many there were, and what failed.
    async fn registry(&mut self, images: harbor::Listing) -> Result<(usize, Vec<SourceError>), mpsc::SendError> {
        self.listing.open("harbor_images");
        let mut count = 0;
        loop {
            let repositories = match images.next() {
                Part::Rows(repositories) => repositories,
                Part::End(errors) => {
                    self.listing.close();
                    return Ok((count, errors));
                }
            };
            for Repository { project, name, images } in &repositories {
                count += images.len();
                for image in images {
                    self.listing.row(&HarborRow::new(project, name, &image.tag, &image.digest, image.size));
                    if self.listing.pending() >= CHUNK {
                        self.send().await?;
                    }
                }
            }
        }
    }

    async fn send(&mut self) -> Result<(), mpsc::SendError> {
        self.frames.send(Frame::data(Bytes::from(self.listing.take()))).await
    }
}
