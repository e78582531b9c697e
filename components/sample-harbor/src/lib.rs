//! A registry for demonstrations: the images of a small team, without a registry.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../../wit/internal"],
        world: "image-service:internal/sample-harbor-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::registry_images::{
    Artifact, Failure, Guest, GuestListing, Listing, ListingPart, Request,
};
use image_model::types::{Detail, ListingEnd, Registry, Repository};
use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

allocator::install!();

struct SampleHarbor;

impl Guest for SampleHarbor {
    type Listing = SampleListing;

    fn images(Request { detail, .. }: Request) -> Listing {
        let mut repositories = repositories();
        let projects = match detail {
            Detail::Tags => {
                repositories.iter_mut().for_each(keep_tags);
                repositories.retain(|repository| !repository.artifacts.is_empty());
                Vec::new()
            }
            Detail::All => sample_data::projects(),
        };
        let registry = Registry {
            version: Some("v2.16.0-c50c7ddd".to_owned()),
            hosts: vec![sample_data::HOST.to_owned()],
            login_counts: true,
        };
        let end = ListingEnd { registry: Some(registry), projects, ..ListingEnd::default() };
        Listing::new(SampleListing(Cell::new(vec![ListingPart::End(end), ListingPart::Rows(repositories)])))
    }

    fn find(project: String, name: String, reference: String) -> Result<Option<Artifact>, Failure> {
        let found = repositories().into_iter().find(|found| found.project == project && found.name == name);
        let artifacts = found.map(|found| found.artifacts).unwrap_or_default();
        Ok(artifacts.into_iter().find(|artifact| artifact.digest == reference || artifact.tags.contains(&reference)))
    }
}

/// The parts of a listing that were not given yet, the next one last.
struct SampleListing(Cell<Vec<ListingPart>>);

impl GuestListing for SampleListing {
    fn next(&self) -> ListingPart {
        let mut parts = self.0.take();
        let next = parts.pop();
        self.0.set(parts);
        next.unwrap_or_else(|| ListingPart::End(ListingEnd::default()))
    }
}

/// The repositories as they are now.
fn repositories() -> Vec<Repository> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    sample_data::repositories(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Leaves what a listing of tags has.
fn keep_tags(repository: &mut Repository) {
    repository.artifacts.retain(|artifact| !artifact.tags.is_empty());
    for artifact in &mut repository.artifacts {
        let Artifact { digest, size, tags, .. } = std::mem::take(artifact);
        *artifact = Artifact { digest, size, tags, ..Artifact::default() };
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleHarbor;
    super::bindings::export!(SampleHarbor with_types_in super::bindings);
}
