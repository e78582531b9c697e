//! The Harbor source: reads Harbor's API v2.0 and gives the registry's images as ordered rows.
//!
//! What is asked and what comes of it is in `harbor-api`, next door; `client` is Harbor over wasi:http.

mod client;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "harbor-component",
        with: {
            "wasi:clocks/monotonic-clock@0.3.0": wasip3::clocks::monotonic_clock,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::harbor::{
    Guest, GuestListing, Image, Listing, Part, Repository, SourceError,
};
use bindings::image_service::inventory::settings;
use client::Client;
use futures::future::{Either, select};
use harbor_api as api;
use harbor_api::api::Ended;
use harbor_api::config::{self, Config};
use harbor_api::listing::{self, Sink};
use std::collections::HashMap;
use std::pin::pin;
use task_channel::{Giver, Taker, handover};
use tokio::sync::watch;
use wasip3::clocks::monotonic_clock::wait_for;

allocator::install!();

struct Harbor;

impl Guest for Harbor {
    type Listing = Taker<Part>;

    async fn images() -> Listing {
        let (giver, taker) = handover();
        wit_bindgen::spawn(list(giver));
        Listing::new(taker)
    }
}

impl GuestListing for Taker<Part> {
    async fn next(&self) -> Part {
        self.take().await.unwrap_or_else(|| Part::End(Vec::new()))
    }
}

/// Gives all rows, then what failed.
async fn list(parts: Giver<Part>) {
    let mut out = Out { parts, errors: Vec::new() };
    match Config::read(&settings().await) {
        Ok(config) => {
            let (ending, over) = watch::channel(None);
            let client = Client::new(&config, over);
            let limit = config.listing_timeout;
            let nanoseconds = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
            let (listing, time) = (listing::list(&client, &config, &mut out), wait_for(nanoseconds));
            // Ended by the client, not by dropping it, so that it can tell what is missing.
            if let Either::Right(((), listing)) = select(pin!(listing), pin!(time)).await {
                ending.send_replace(Some(Ended::NoTime(limit)));
                listing.await;
            }
        }
        Err(message) => out.failed(api::SourceError { repository: None, message }),
    }
    out.parts.give(Part::End(out.errors)).await;
}

/// What the operator said, by key.
async fn settings() -> HashMap<&'static str, String> {
    let values = config::KEYS.map(async |key| Some((key, settings::get(key.to_owned()).await?)));
    futures::future::join_all(values).await.into_iter().flatten().collect()
}

/// Where rows and failures go.
struct Out {
    parts: Giver<Part>,
    errors: Vec<SourceError>,
}

impl Sink for Out {
    async fn rows(&mut self, rows: Vec<api::Repository>) -> bool {
        self.parts.give(Part::Rows(rows.into_iter().map(repository).collect())).await
    }

    fn failed(&mut self, api::SourceError { repository, message }: api::SourceError) {
        self.errors.push(SourceError { repository, message });
    }
}

fn repository(api::Repository { project, name, images }: api::Repository) -> Repository {
    let image = |api::Image { tag, digest, size }: api::Image| Image { tag, digest, size };
    Repository { project, name, images: images.into_iter().map(image).collect() }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Harbor;
    super::bindings::export!(Harbor with_types_in super::bindings);
}
