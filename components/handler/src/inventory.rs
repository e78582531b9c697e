//! `GET /inventory`: rows with their verdicts, as a query wants them; `GET /compare`: their sums.

#![forbid(unsafe_code)]

use crate::answer::{Body, CHUNK_BYTES, answer, problem};
use crate::negotiation;
use crate::picture::{self, Picture};
use crate::route::Problem;
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http_body::Frame;
use http_body_util::StreamBody;
use image_model::{protocol, report};
use spin_sdk::http::{EmptyBody, HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, box_body};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};
use verdicts::{ComparisonDocument, Document, Format, Inventory, InventoryDocument, Page, Query};

/// What is written.
#[derive(Clone, Copy, Debug)]
enum Content {
    Inventory(Format),
    Comparison,
}

impl Content {
    fn format(self) -> Format {
        match self {
            Self::Inventory(format) => format,
            Self::Comparison => Format::Json,
        }
    }

    /// The rows of the query, and the entity tag of the answer to what was `asked`.
    fn of(self, inventory: &Inventory, query: &Query, asked: &str) -> (Page, String) {
        match self {
            Self::Inventory(format) => {
                let page = if format.is_whole() { inventory.whole(query) } else { inventory.page(query) };
                let tag = inventory.entity_tag(query, &page, format.media_type());
                (page, tag)
            }
            Self::Comparison => {
                // The sums are over all rows, and the limit is that of the rows of each verdict.
                let all = query.of_all_pages();
                let page = inventory.whole(&all);
                let tag = inventory.entity_tag(&all, &page, asked);
                (page, tag)
            }
        }
    }
}

pub(crate) async fn inventory(request: &Request) -> Response<Body> {
    respond(request, Content::Inventory(negotiation::format(request.headers()))).await
}

pub(crate) async fn compare(request: &Request) -> Response<Body> {
    respond(request, Content::Comparison).await
}

async fn respond(request: &Request, content: Content) -> Response<Body> {
    let query = match Query::parse(request.uri().query().unwrap_or_default()) {
        Ok(query) => query,
        Err(error) => return problem(&Problem::bad_query(error.to_string())),
    };
    let (picture, sources) = picture::now().await;
    let inventory = &picture.inventory;
    let format = content.format();
    let asked = format!("{content:?} {}", request.uri().query().unwrap_or_default());
    let known = picture.tags.get(&asked).filter(|tag| negotiation::has(request.headers(), tag));
    let (page, tag) = match known {
        Some(tag) => (Page::default(), tag),
        None => {
            let (page, tag) = content.of(inventory, &query, &asked);
            picture.tags.put(asked, &tag);
            (page, tag)
        }
    };
    let with_summary = negotiation::wants_summary(request.headers());
    let verdicts = with_summary.then(|| inventory.verdict_summary()).flatten();
    let mut response = if negotiation::has(request.headers(), &tag) {
        answer(StatusCode::NOT_MODIFIED, format.media_type(), box_body(EmptyBody::new()))
    } else if request.method() == Method::HEAD {
        answer(StatusCode::OK, format.media_type(), box_body(EmptyBody::new()))
    } else {
        let report = with_summary.then(|| report::trailer(sources, inventory.failures()));
        answer(StatusCode::OK, format.media_type(), body(Rc::clone(&picture), query, page, content, report))
    };
    let headers = response.headers_mut();
    // Each answer is asked for anew, and costs nothing where nothing is new.
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    headers.insert("vary", HeaderValue::from_static("accept"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert("etag", tag);
    }
    if let Some(Ok(verdicts)) = verdicts.map(|verdicts| HeaderValue::try_from(verdicts.header_value())) {
        headers.insert(protocol::VERDICTS_HEADER, verdicts);
    }
    response
}

/// The answer, which is written while the client reads it. Its trailer has the report on the sources, where there is one.
fn body(picture: Rc<Picture>, query: Query, page: Page, content: Content, report: Option<String>) -> Body {
    let (mut frames, receiver) = mpsc::channel(0);
    wit_bindgen::spawn(async move {
        let inventory = &picture.inventory;
        // A failure means that the client has left.
        let sent = match content {
            Content::Inventory(format) => {
                send(&mut frames, InventoryDocument::new(inventory, &page, format, now())).await
            }
            Content::Comparison => {
                let comparison = inventory.compare(&query);
                send(&mut frames, ComparisonDocument::new(inventory, &comparison, now())).await
            }
        };
        if sent.is_ok()
            && let Some(Ok(report)) = report.map(HeaderValue::try_from)
        {
            let name = HeaderName::from_static(protocol::SOURCES_TRAILER);
            let _ = frames.send(Frame::trailers(HeaderMap::from_iter([(name, report)]))).await;
        }
    });
    box_body(StreamBody::new(receiver.map(Ok::<_, anyhow::Error>)))
}

async fn send(frames: &mut mpsc::Sender<Frame<Bytes>>, mut document: impl Document) -> Result<(), mpsc::SendError> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let more = document.fill(&mut chunk, CHUNK_BYTES);
        if !chunk.is_empty() {
            frames.send(Frame::data(Bytes::from(chunk))).await?;
        }
        if !more {
            return Ok(());
        }
    }
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
