//! A registry for demonstrations: the images of two projects, without a registry.

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
use image_model::types::{Detail, ListingEnd, Project, Registry, Repository};
use std::cell::Cell;

allocator::install!();

struct SampleHarbor;

/// Project, name, and artifacts: tags, digest, and bytes.
type Sample = (&'static str, &'static str, &'static [(&'static [&'static str], &'static str, u64)]);

const REGISTRY: &[Sample] = &[
    (
        "library",
        "nginx",
        &[
            (&["1.27"], "sha256:67682bda769f67682bda769f67682bda769f67682bda769f67682bda769f6768", 72_950_530),
            (&["1.26"], "sha256:a484819eb602a484819eb602a484819eb602a484819eb602a484819eb602a484", 71_005_258),
        ],
    ),
    (
        "my-project",
        "my-app",
        &[(
            &["2.1.0", "latest"],
            "sha256:f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1",
            249_600_000,
        )],
    ),
    (
        "my-project",
        "tools/backup",
        &[(&["2025.01"], "sha256:0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d", 5_120_000)],
    ),
];

impl Guest for SampleHarbor {
    type Listing = SampleListing;

    fn images(request: Request) -> Listing {
        let repositories = REGISTRY.iter().map(|sample| repository(sample, request.detail)).collect();
        let projects = match request.detail {
            Detail::Tags => Vec::new(),
            Detail::All => projects(),
        };
        let registry = Registry {
            version: Some("v2.16.0".to_owned()),
            hosts: vec!["harbor.example.com".to_owned()],
            login_counts: true,
        };
        let end = ListingEnd { registry: Some(registry), projects, ..ListingEnd::default() };
        Listing::new(SampleListing(Cell::new(vec![ListingPart::End(end), ListingPart::Rows(repositories)])))
    }

    fn find(project: String, name: String, reference: String) -> Result<Option<Artifact>, Failure> {
        let sample = REGISTRY.iter().find(|(of, called, _)| *of == project && *called == name);
        let artifacts = sample.map(|sample| repository(sample, Detail::All).artifacts).unwrap_or_default();
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

fn projects() -> Vec<Project> {
    let mut names: Vec<&str> = REGISTRY.iter().map(|(project, ..)| *project).collect();
    names.dedup();
    names.into_iter().map(|name| Project { name: name.to_owned(), proxy_cache: false, complete: true }).collect()
}

fn repository((project, name, artifacts): &Sample, detail: Detail) -> Repository {
    let artifact = |(tags, digest, size): &(&[&str], &str, u64)| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let artifact = Artifact { digest: (*digest).to_owned(), size: *size, tags, ..Artifact::default() };
        match detail {
            Detail::Tags => artifact,
            Detail::All => Artifact { kind: "IMAGE".to_owned(), media_type: IMAGE_CONFIG.to_owned(), ..artifact },
        }
    };
    let artifacts = artifacts.iter().map(artifact).collect();
    Repository { project: (*project).to_owned(), name: (*name).to_owned(), artifacts }
}

/// The media type of images.
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleHarbor;
    super::bindings::export!(SampleHarbor with_types_in super::bindings);
}
