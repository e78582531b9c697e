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
use bindings::image_service::inventory::settings;
use client::Client;
use futures::future::{Either, select};
use harbor_api::config::{self, Config};
use harbor_api::error::CancelReason;
use harbor_api::listing::{self, Sink};
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
            let (listing, deadline) = (listing::list(&client, &config, &mut out), wait_for(nanoseconds));
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

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Harbor;
    super::bindings::export!(Harbor with_types_in super::bindings);
}
