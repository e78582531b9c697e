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
            "image-service:inventory/types@0.1.0": image_model::types,
            "wasi:clocks/monotonic-clock@0.3.0": wasip3::clocks::monotonic_clock,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::harbor::{
    Guest, GuestListing, Listing, Part, Repository, SourceError,
};
use bindings::image_service::inventory::{settings, store};
use client::Client;
use futures::future::{Either, select};
use harbor_api::config::{self, Config};
use harbor_api::error::CancelReason;
use harbor_api::listing::{self, Sink};
use harbor_api::store::{Changes, Entry, Head, Page, Store, StoreError, VersionPage};
use std::collections::HashMap;
use std::pin::pin;
use task_channel::{Receiver, Sender, channel};
use tokio::sync::watch;
use wasip3::clocks::monotonic_clock::wait_for;

allocator::install!();

struct Harbor;

impl Guest for Harbor {
    type Listing = Receiver<Part>;

    async fn images() -> Listing {
        let (sender, receiver) = channel();
        wit_bindgen::spawn(list(sender));
        Listing::new(receiver)
    }
}

impl GuestListing for Receiver<Part> {
    async fn next(&self) -> Part {
        self.recv().await.unwrap_or_else(|| Part::End(Vec::new()))
    }
}

/// Sends all rows, then the failures.
async fn list(parts: Sender<Part>) {
    let mut out = PartSink { parts, errors: Vec::new() };
    match Config::read(&settings().await) {
        Ok(config) => {
            let (cancel, cancelled) = watch::channel(None);
            let client = Client::new(&config, cancelled);
            let timeout = config.listing_timeout;
            let nanoseconds = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
            let (listing, deadline) = (listing::list(&client, &HostStore, &config, &mut out), wait_for(nanoseconds));
            // The client cancels its requests, and the listing goes on to its end, so that it reports what is missing.
            if let Either::Right(((), listing)) = select(pin!(listing), pin!(deadline)).await {
                cancel.send_replace(Some(CancelReason::DeadlineExceeded(timeout)));
                listing.await;
            }
        }
        Err(message) => out.failed(SourceError::of_source(message)),
    }
    // This fails when the receiver is gone.
    let _ = out.parts.send(Part::End(out.errors)).await;
}

/// The operator's settings, by key.
async fn settings() -> HashMap<&'static str, String> {
    let values = config::KEYS.map(async |key| Some((key, settings::get(key.to_owned()).await?)));
    futures::future::join_all(values).await.into_iter().flatten().collect()
}

/// Sends rows as they arrive, and collects failures.
struct PartSink {
    parts: Sender<Part>,
    errors: Vec<SourceError>,
}

impl Sink for PartSink {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        self.parts.send(Part::Rows(rows)).await.is_ok()
    }

    fn failed(&mut self, error: SourceError) {
        self.errors.push(error);
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
