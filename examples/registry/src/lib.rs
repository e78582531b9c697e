//! The images of an OCI registry as rows: the registry's HTTP API in, the interface `registry-images` out.

mod registry;
mod rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "harbor-component",
        with: {
            "image-service:inventory/types@0.2.0": image_model::types,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::registry_images::{
    Artifact, Failure, Guest, GuestListing, Listing, ListingPart, Request,
};
use bindings::image_service::inventory::settings;
use futures::StreamExt;
use http_get::Failed;
use image_model::types::{Detail, FailureCode, ListingEnd, Project};
use registry::Registry;
use task_channel::{Receiver, Sender, channel};

/// Repositories that the component reads at a time.
const CONCURRENCY: usize = 8;

struct Component;

impl Guest for Component {
    type Listing = Receiver<ListingPart>;

    async fn images(request: Request) -> Listing {
        let (sender, receiver) = channel();
        wit_bindgen::spawn(async move {
            let end = list(&sender, request.detail).await;
            // It fails where nobody asks any more.
            let _ = sender.send(ListingPart::End(end)).await;
        });
        Listing::new(receiver)
    }

    async fn find(project: String, repository: String, reference: String) -> Result<Option<Artifact>, Failure> {
        let name = rows::join(&project, &repository);
        let found = async { registry().await?.artifact(&name, &reference).await };
        found.await.map_err(|failed| of_repository(failed, &name))
    }
}

impl GuestListing for Receiver<ListingPart> {
    async fn next(&self) -> ListingPart {
        self.recv().await.unwrap_or_else(|| ListingPart::End(ListingEnd::default()))
    }
}

async fn registry() -> Result<Registry, Failed> {
    let setting = async |key: &str| settings::get(key.to_owned()).await;
    let (url, auth) = (setting("harbor-url").await, setting("harbor-auth").await);
    let (user, password) = (setting("harbor-user").await, setting("harbor-password").await);
    Registry::new(url, auth, user, password).map_err(|message| Failed { code: FailureCode::Misconfigured, message })
}

/// Sends all rows, and returns the end.
async fn list(parts: &Sender<ListingPart>, detail: Detail) -> ListingEnd {
    let only = |failed: Failed| {
        let failures = vec![Failure::of_source(failed.code, failed.message)];
        ListingEnd { failures, ..ListingEnd::default() }
    };
    let registry = match registry().await {
        Ok(registry) => registry,
        Err(failed) => return only(failed),
    };
    let mut repositories = match registry.repositories().await {
        Ok(repositories) => repositories,
        Err(failed) => return only(failed),
    };
    repositories.sort_by(|a, b| rows::split(a).cmp(&rows::split(b)));
    let mut failures = Vec::new();
    let read = repositories.iter().map(async |name| (name, registry.artifacts(name, detail).await));
    let mut read = futures::stream::iter(read).buffered(CONCURRENCY);
    while let Some((name, artifacts)) = read.next().await {
        match artifacts {
            Ok(artifacts) => {
                if !artifacts.is_empty()
                    && parts.send(ListingPart::Rows(vec![rows::of(name, artifacts)])).await.is_err()
                {
                    break; // Nobody wants more.
                }
            }
            Err(failed) => failures.push(of_repository(failed, name)),
        }
    }
    let projects = match detail {
        Detail::Tags => Vec::new(),
        Detail::All => projects(&repositories),
    };
    ListingEnd { projects, failures, ..ListingEnd::default() }
}

fn of_repository(failed: Failed, repository: &str) -> Failure {
    Failure::of_repository(failed.code, repository.to_owned(), failed.message)
}

/// The projects of repositories that are in order. A registry lists no untagged manifest, so no project is complete.
fn projects(repositories: &[String]) -> Vec<Project> {
    let mut names: Vec<&str> = repositories.iter().map(|name| rows::split(name).0).collect();
    names.dedup();
    names.into_iter().map(|name| Project { name: name.to_owned(), proxy_cache: false, complete: false }).collect()
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Component;
    super::bindings::export!(Component with_types_in super::bindings);
}
