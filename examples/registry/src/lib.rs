//! The images of an OCI registry as rows: the registry's HTTP API in, the interface `harbor` out.

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
use task_channel::{Receiver, Sender, channel};

/// Repositories that the component reads at a time.
const CONCURRENCY: usize = 8;

struct Component;

impl Guest for Component {
    type Listing = Receiver<Part>;

    async fn images() -> Listing {
        let (sender, receiver) = channel();
        wit_bindgen::spawn(async move {
            let failures = list(&sender).await;
            // It fails where nobody asks any more.
            let _ = sender.send(Part::End(failures)).await;
        });
        Listing::new(receiver)
    }
}

impl GuestListing for Receiver<Part> {
    async fn next(&self) -> Part {
        self.recv().await.unwrap_or_else(|| Part::End(Vec::new()))
    }
}

/// Sends all rows, and returns the failures.
async fn list(parts: &Sender<Part>) -> Vec<SourceError> {
    let failed = |message| vec![SourceError { repository: None, message }];
    let registry = match Registry::new(
        settings::get("harbor-url".to_owned()).await,
        settings::get("harbor-auth".to_owned()).await,
        settings::get("harbor-user".to_owned()).await,
        settings::get("harbor-password".to_owned()).await,
    ) {
        Ok(registry) => registry,
        Err(message) => return failed(message),
    };
    let mut repositories = match registry.repositories().await {
        Ok(repositories) => repositories,
        Err(message) => return failed(message),
    };
    repositories.sort_by(|a, b| rows::split(a).cmp(&rows::split(b)));
    let mut failures = Vec::new();
    let read = repositories.iter().map(async |name| (name, registry.images(name).await));
    let mut read = futures::stream::iter(read).buffered(CONCURRENCY);
    while let Some((name, images)) = read.next().await {
        match images {
            Ok(images) => {
                if !images.is_empty() && parts.send(Part::Rows(vec![rows::of(name, images)])).await.is_err() {
                    break; // Nobody wants more.
                }
            }
            Err(message) => failures.push(SourceError { repository: Some(name.clone()), message }),
        }
    }
    failures
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Component;
    super::bindings::export!(Component with_types_in super::bindings);
}
