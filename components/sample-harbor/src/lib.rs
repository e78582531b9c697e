//! A registry for demonstrations: the images of two projects, without a registry.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../../wit/internal"],
        world: "image-service:internal/sample-harbor-component",
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::harbor::{Guest, GuestListing, Image, Listing, Part, Repository};
use std::cell::Cell;

allocator::install!();

struct SampleHarbor;

/// Project, name, and images: tag, digest, and bytes.
type Sample = (&'static str, &'static str, &'static [(&'static str, &'static str, u64)]);

const REGISTRY: &[Sample] = &[
    (
        "library",
        "nginx",
        &[
            ("1.27", "sha256:67682bda769f67682bda769f67682bda769f67682bda769f67682bda769f6768", 72_950_530),
            ("1.26", "sha256:a484819eb602a484819eb602a484819eb602a484819eb602a484819eb602a484", 71_005_258),
        ],
    ),
    (
        "my-project",
        "my-app",
        &[
            ("2.1.0", "sha256:f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1", 249_600_000),
            ("latest", "sha256:f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1c1f4a1b2f6d1", 249_600_000),
        ],
    ),
    (
        "my-project",
        "tools/backup",
        &[("2025.01", "sha256:0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d5e7f9a1b0c3d", 5_120_000)],
    ),
];

impl Guest for SampleHarbor {
    type Listing = SampleListing;

    fn images() -> Listing {
        Listing::new(SampleListing::default())
    }
}

#[derive(Default)]
struct SampleListing {
    given: Cell<bool>,
}

impl GuestListing for SampleListing {
    fn next(&self) -> Part {
        if self.given.replace(true) {
            Part::End(Vec::new())
        } else {
            Part::Rows(REGISTRY.iter().map(repository).collect())
        }
    }
}

fn repository((project, name, images): &Sample) -> Repository {
    let image = |(tag, digest, size): &(&str, &str, u64)| Image {
        tag: (*tag).to_owned(),
        digest: (*digest).to_owned(),
        size: *size,
    };
    Repository { project: (*project).to_owned(), name: (*name).to_owned(), images: images.iter().map(image).collect() }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleHarbor;
    super::bindings::export!(SampleHarbor with_types_in super::bindings);
}
