//! The images of an OCI registry as rows: the registry's HTTP API in, `harbor` out.

mod registry;
mod rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "harbor-component",
        with: {
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::harbor::{Guest, GuestListing, Listing, Part, SourceError};
use bindings::image_service::inventory::settings;
use futures::StreamExt;
use registry::Registry;
use task_channel::{Giver, Taker, handover};

/// Repositories that are read at a time.
const CONCURRENCY: usize = 8;

struct Component;

impl Guest for Component {
    type Listing = Taker<Part>;

    async fn images() -> Listing {
        let (giver, taker) = handover();
        wit_bindgen::spawn(async move {
            let failed = list(&giver).await;
            giver.give(Part::End(failed)).await;
        });
        Listing::new(taker)
    }
}

impl GuestListing for Taker<Part> {
    async fn next(&self) -> Part {
        self.take().await.unwrap_or_else(|| Part::End(Vec::new()))
    }
}

/// Gives all rows, and returns what failed.
async fn list(parts: &Giver<Part>) -> Vec<SourceError> {
    let everything = |message| vec![SourceError { repository: None, message }];
    let registry = match Registry::new(
        settings::get("harbor-url".to_owned()).await,
        settings::get("harbor-auth".to_owned()).await,
        settings::get("harbor-user".to_owned()).await,
        settings::get("harbor-password".to_owned()).await,
    ) {
        Ok(registry) => registry,
        Err(message) => return everything(message),
    };
    let mut repositories = match registry.repositories().await {
        Ok(repositories) => repositories,
        Err(message) => return everything(message),
    };
    repositories.sort_by(|a, b| rows::split(a).cmp(&rows::split(b)));
    let mut failed = Vec::new();
    let read = repositories.iter().map(async |name| (name, registry.images(name).await));
    let mut read = futures::stream::iter(read).buffered(CONCURRENCY);
    while let Some((name, images)) = read.next().await {
        match images {
            Ok(images) => {
                if !images.is_empty() && !parts.give(Part::Rows(vec![rows::of(name, images)])).await {
                    break; // Nobody wants more.
                }
            }
            Err(message) => failed.push(SourceError { repository: Some(name.clone()), message }),
        }
    }
    failed
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Component;
    super::bindings::export!(Component with_types_in super::bindings);
}
