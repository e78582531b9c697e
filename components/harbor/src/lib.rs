//! The Harbor source: reads Harbor's API v2.0 and gives the registry's images as ordered rows.
//!
//! The library `harbor-api` plans the requests and makes the rows; `client` sends the requests over wasi:http.

mod client;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "harbor-component",
        with: {
            "image-service:inventory/types@0.2.0": image_model::types,
            "wasi:clocks/monotonic-clock@0.3.0": wasip3::clocks::monotonic_clock,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::registry_images::{Guest, GuestListing, Listing, Request};
use bindings::image_service::inventory::{settings, store};
use client::Client;
use futures::future::{Either, select};
use harbor_api::config::{self, Config};
use harbor_api::error::CancelReason;
use harbor_api::listing::{self, Sink, find};
use harbor_api::store::{Changes, Entry, Head, Page, Store, StoreError, VersionPage};
use image_model::setting;
use image_model::types::{Artifact, Failure, ListingBegin, ListingEnd, ListingPart, Repository};
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;
use task_channel::{Receiver, Sender, channel};
use tokio::sync::watch;
use wasip3::clocks::monotonic_clock::wait_for;

allocator::install!();

struct Harbor;

impl Guest for Harbor {
    type Listing = Receiver<ListingPart>;

    async fn images(request: Request) -> Listing {
        let (sender, receiver) = channel();
        let Request { detail, max_age } = request;
        wit_bindgen::spawn(list(sender, listing::Request { detail, max_age }));
        Listing::new(receiver)
    }

    async fn find(project: String, repository: String, reference: String) -> Result<Option<Artifact>, Failure> {
        let config = Config::read(&settings().await)?;
        let (cancel, cancelled) = watch::channel(None);
        let client = Client::new(&config, cancelled);
        let timeout = config.listing_timeout;
        let end = || {
            cancel.send_replace(Some(CancelReason::DeadlineExceeded(timeout)));
        };
        let found = find(&client, &project, &repository, &reference);
        within(timeout, found, end).await
    }
}

impl GuestListing for Receiver<ListingPart> {
    async fn next(&self) -> ListingPart {
        self.recv().await.unwrap_or_else(|| ListingPart::End(ListingEnd::default()))
    }
}

/// Waits for an outcome. After this time, has it end early, and waits for what it comes to.
async fn within<T>(time: Duration, outcome: impl Future<Output = T>, end: impl FnOnce()) -> T {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    match select(pin!(outcome), pin!(wait_for(nanoseconds))).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right(((), outcome)) => {
            end();
            outcome.await
        }
    }
}

/// Sends all rows, then the end.
async fn list(parts: Sender<ListingPart>, request: listing::Request) {
    let mut out = PartSink { parts, failures: Vec::new() };
    let end = match Config::read(&settings().await) {
        Ok(config) => {
            let (cancel, cancelled) = watch::channel(None);
            let client = Client::new(&config, cancelled);
            let timeout = config.listing_timeout;
            let listing = listing::list(&client, &HostStore, &config, request, &mut out);
            let end = || {
                cancel.send_replace(Some(CancelReason::DeadlineExceeded(timeout)));
            };
            // The client cancels its requests, and the listing goes on to its end, so that it reports what is missing.
            within(timeout, listing, end).await
        }
        Err(failure) => {
            out.failed(failure);
            ListingEnd::default()
        }
    };
    // This fails when the receiver is gone.
    let _ = out.parts.send(ListingPart::End(ListingEnd { failures: out.failures, ..end })).await;
}

/// The operator's settings, by key.
async fn settings() -> HashMap<&'static str, String> {
    let values = config::KEYS.map(async |key| Some((key, settings::get(key.to_owned()).await?)));
    let values: HashMap<_, _> = futures::future::join_all(values).await.into_iter().flatten().collect();
    setting::use_style(values.get(setting::STYLE).map(String::as_str));
    values
}

/// Sends rows as they arrive, and collects failures.
struct PartSink {
    parts: Sender<ListingPart>,
    failures: Vec<Failure>,
}

impl Sink for PartSink {
    async fn begin(&mut self, begin: ListingBegin) -> bool {
        // Whoever has these rows already leaves now, and the listing has nothing more to do.
        self.parts.send(ListingPart::Begin(begin)).await.is_ok() && self.parts.taken().await
    }

    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        self.parts.send(ListingPart::Rows(rows)).await.is_ok()
    }

    fn failed(&mut self, failure: Failure) {
        self.failures.push(failure);
    }
}

/// The name of Harbor's rows in the store. The host keeps names for each Harbor, login and project by itself.
const NAME: &str = "harbor/rows";
/// Bytes of a page: the most that the store gives.
const PAGE_BYTES: u32 = 1 << 20;

/// The store that the host grants.
struct HostStore;

impl Store for HostStore {
    async fn head(&self) -> Result<Option<Head>, StoreError> {
        let state = store::head(NAME.to_owned()).await.map_err(error)?;
        Ok(state.map(|state| Head { revision: state.revision, meta: state.meta, age: state.age }))
    }

    async fn versions(&self, after: Option<Vec<u8>>) -> Result<VersionPage, StoreError> {
        let page = store::versions(NAME.to_owned(), after, PAGE_BYTES).await.map_err(error)?;
        let entries = page.entries.into_iter().map(|entry| (entry.key, entry.version)).collect();
        Ok(VersionPage { entries, more: page.more })
    }

    async fn scan(&self, after: Option<Vec<u8>>) -> Result<Page, StoreError> {
        store::scan(NAME.to_owned(), after, PAGE_BYTES).await.map(page).map_err(error)
    }

    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<Page, StoreError> {
        store::get(NAME.to_owned(), keys).await.map(page).map_err(error)
    }

    async fn commit(&self, base: Option<u64>, changes: Changes) -> Result<u64, StoreError> {
        let Changes { deletes, puts, meta } = changes;
        let put = |Entry { key, version, value }: Entry| store::Entry { key, version, value };
        let changes = store::Changes { deletes, puts: puts.into_iter().map(put).collect(), meta };
        store::commit(NAME.to_owned(), base, changes).await.map_err(error)
    }

    fn warn(&self, message: &str) {
        eprintln!("{message}");
    }
}

fn page(page: store::Page) -> Page {
    let entry = |store::Entry { key, version, value }: store::Entry| Entry { key, version, value };
    Page { entries: page.entries.into_iter().map(entry).collect(), more: page.more }
}

fn error(error: store::Error) -> StoreError {
    match error {
        store::Error::Conflict => StoreError::Conflict,
        store::Error::Unavailable(_) => StoreError::Unavailable,
        store::Error::TooLarge(why) | store::Error::Full(why) | store::Error::Failed(why) => StoreError::Failed(why),
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Harbor;
    super::bindings::export!(Harbor with_types_in super::bindings);
}
