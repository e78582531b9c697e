//! A node for demonstrations: the images of a small Kubernetes node, without a node.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "sample-crictl-component", generate_all });
}

use bindings::exports::image_service::inventory::crictl::{Error, Guest, Image};

struct SampleCrictl;

/// Repo tags, repo digests, the first digits of the id, and bytes.
type Sample = (&'static [&'static str], &'static [&'static str], &'static str, u64);

const NODE: &[Sample] = &[
    (&["registry.k8s.io/pause:3.9"], &[], "e6f181688397", 321_520),
    (&["registry.k8s.io/kube-proxy:v1.31.2"], &[], "505d571f5fd5", 30_225_833),
    (&["registry.k8s.io/coredns/coredns:v1.11.3"], &[], "c69fa2e9cbf5", 18_562_039),
    (&["docker.io/library/nginx:1.27", "docker.io/library/nginx:latest"], &[], "3b25b682ea82", 72_950_530),
    (&["localhost:5000/team/app:1.2"], &[], "211f09577651", 117_000_000),
    (&[], &["quay.io/prometheus/node-exporter@sha256:4032c6d5bfd7"], "72c9c2088986", 11_000_000),
    (&[], &[], "c5fc72e0f43a", 1_073_741_824),
];

impl Guest for SampleCrictl {
    async fn images() -> Result<Vec<Image>, Error> {
        let strings = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Ok(NODE
            .iter()
            .map(|(tags, digests, start, size)| Image {
                id: id(start),
                repo_tags: strings(tags),
                repo_digests: strings(digests),
                size: *size,
                pinned: false,
            })
            .collect())
    }
}

/// Real ids have 64 digits; these repeat the first ones.
fn id(start: &str) -> String {
    let mut id = "sha256:".to_owned() + &start.repeat(6);
    id.truncate("sha256:".len() + 64);
    id
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::SampleCrictl;
    super::bindings::export!(SampleCrictl with_types_in super::bindings);
}
