//! A node for demonstrations: the images of a small Kubernetes node, without a node.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../wit", "../../wit/internal"],
        world: "image-service:internal/sample-crictl-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Failure, Guest, Image};

allocator::install!();

struct SampleCrictl;

/// Id, repo tags, repo digests and bytes.
type Sample = (&'static str, &'static [&'static str], &'static [&'static str], u64);

const NODE: &[Sample] = &[
    (
        "sha256:e6f181688397e6f181688397e6f181688397e6f181688397e6f181688397e6f1",
        &["registry.k8s.io/pause:3.9"],
        &[],
        321_520,
    ),
    (
        "sha256:505d571f5fd5505d571f5fd5505d571f5fd5505d571f5fd5505d571f5fd5505d",
        &["registry.k8s.io/kube-proxy:v1.31.2"],
        &[],
        30_225_833,
    ),
    (
        "sha256:c69fa2e9cbf5c69fa2e9cbf5c69fa2e9cbf5c69fa2e9cbf5c69fa2e9cbf5c69f",
        &["registry.k8s.io/coredns/coredns:v1.11.3"],
        &[],
        18_562_039,
    ),
    (
        "sha256:3b25b682ea823b25b682ea823b25b682ea823b25b682ea823b25b682ea823b25",
        &["docker.io/library/nginx:1.27", "docker.io/library/nginx:latest"],
        &[],
        72_950_530,
    ),
    (
        "sha256:211f09577651211f09577651211f09577651211f09577651211f09577651211f",
        &["localhost:5000/team/app:1.2"],
        &[],
        117_000_000,
    ),
    (
        "sha256:72c9c208898672c9c208898672c9c208898672c9c208898672c9c208898672c9",
        &[],
        &["quay.io/prometheus/node-exporter@sha256:4032c6d5bfd7"],
        11_000_000,
    ),
    ("sha256:c5fc72e0f43ac5fc72e0f43ac5fc72e0f43ac5fc72e0f43ac5fc72e0f43ac5fc", &[], &[], 1_073_741_824),
];

impl Guest for SampleCrictl {
    fn images() -> Result<Vec<Image>, Failure> {
        Ok(NODE.iter().map(image).collect())
    }
}

fn image((id, tags, digests, size): &Sample) -> Image {
    let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    Image { id: (*id).to_owned(), repo_tags: strings(tags), repo_digests: strings(digests), size: *size, pinned: false }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleCrictl;
    super::bindings::export!(SampleCrictl with_types_in super::bindings);
}
