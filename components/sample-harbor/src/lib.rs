//! A registry for demonstrations: the images of two projects, without a registry.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "sample-harbor-component", generate_all });
}

use bindings::exports::image_service::inventory::harbor::{Guest, Image, SourceError};
use bindings::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamReader};

struct SampleHarbor;

/// Project, repository, tag, the first digits of the digest, and bytes.
type Sample = (&'static str, &'static str, &'static str, &'static str, u64);

const REGISTRY: &[Sample] = &[
    ("library", "nginx", "1.27", "67682bda769f", 72_950_530),
    ("library", "nginx", "1.26", "a484819eb602", 71_005_258),
    ("my-project", "my-app", "2.1.0", "f6d1c1f4a1b2", 249_600_000),
    ("my-project", "my-app", "latest", "f6d1c1f4a1b2", 249_600_000),
    ("my-project", "tools/backup", "2025.01", "0c3d5e7f9a1b", 5_120_000),
];

impl Guest for SampleHarbor {
    async fn images() -> (StreamReader<Image>, FutureReader<Vec<SourceError>>) {
        let (mut rows, rows_reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(Vec::new);
        wit_bindgen::spawn(async move {
            let images = REGISTRY
                .iter()
                .map(|(project, repository, tag, start, size)| Image {
                    project: (*project).to_owned(),
                    repository: (*repository).to_owned(),
                    tag: (*tag).to_owned(),
                    digest: digest(start),
                    size: *size,
                })
                .collect();
            rows.write_all(images).await;
            drop(rows);
            let _ = errors.write(Vec::new()).await;
        });
        (rows_reader, errors_reader)
    }
}

/// Real digests have 64 digits; these repeat the first ones.
fn digest(start: &str) -> String {
    let mut digest = "sha256:".to_owned() + &start.repeat(6);
    digest.truncate("sha256:".len() + 64);
    digest
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleHarbor;
    super::bindings::export!(SampleHarbor with_types_in super::bindings);
}
