//! The images of the team's node.

use crate::digest;
use crate::registry::{HOST, child_of, digest_of};
use image_model::types::Image;

/// What came from the team's Harbor: repository, tag, the content that the tag named then, and megabytes.
const FROM_HARBOR: &[(&str, &str, &str, u64)] = &[
    ("data/etl", "5.3.0", "5.3.0", 301),
    // Its tag was deleted since; the digest is still there.
    ("data/reports", "2025.11", "2025.11", 196),
    ("infra/backup", "2025.11", "2025.11", 44),
    ("infra/ingress/controller", "1.11.2", "1.11.2", 281),
    // Deleted from Harbor.
    ("mobile/push-worker", "1.0.7", "1.0.7", 88),
    ("platform/auth", "3.6.0", "3.6.0", 71),
    ("platform/gateway", "1.14.3", "1.14.3", 88),
    // There are newer patches.
    ("web/api", "2.9.1", "2.9.1", 141),
    // The tag names another image since.
    ("web/checkout", "stable", "1.21.9", 126),
    ("web/storefront", "4.2.0", "4.2.0", 165),
];

/// What came through Harbor's proxy cache: by its own name, and by a mirror of `docker.io`.
const PROXIED: &[(&str, &str, u64)] = &[("harbor.example.com/hub-proxy/library/redis", "7.2", 41)];
const MIRRORED: &[(&str, &str, u64)] = &[("docker.io/library/postgres", "16", 152)];

/// What came from elsewhere.
const FOREIGN: &[(&str, &str, u64)] = &[
    ("registry.k8s.io/coredns/coredns", "v1.11.3", 19),
    ("registry.k8s.io/kube-proxy", "v1.31.2", 30),
    ("registry.k8s.io/pause", "3.9", 1),
    ("quay.io/prometheus/node-exporter", "v1.8.2", 12),
];

/// All images.
pub fn images() -> Vec<Image> {
    let of_harbor = |(repository, tag, content, megabytes): &(&str, &str, &str, u64)| {
        let digest = digest_of(repository, content);
        image(&format!("{HOST}/{repository}"), Some(tag), Some(&digest), *megabytes)
    };
    let elsewhere = |(repository, tag, megabytes): &(&str, &str, u64)| {
        image(repository, Some(tag), Some(&digest::of(repository)), *megabytes)
    };
    let mirrored = |(repository, tag, megabytes): &(&str, &str, u64)| {
        // What the proxy cache kept.
        let digest = digest_of(&repository.replace("docker.io", "hub-proxy"), tag);
        image(repository, Some(tag), Some(&digest), *megabytes)
    };
    let mut images: Vec<Image> = FROM_HARBOR.iter().map(of_harbor).collect();
    images.extend(PROXIED.iter().chain(FOREIGN).map(elsewhere));
    images.extend(MIRRORED.iter().map(mirrored));
    // Pulled by the digest of its platform.
    let serving = child_of("ml/serving", "0.8.0");
    images.push(image(&format!("{HOST}/ml/serving"), None, Some(&serving), 3_402));
    // Built on the node, or imported: nobody knows its digest.
    images.push(image(&format!("{HOST}/tools/debug"), Some("dev"), None, 37));
    // What a build left over.
    images.push(Image {
        id: digest::of("left over"),
        repo_tags: Vec::new(),
        repo_digests: Vec::new(),
        size: 1_073_741_824,
        pinned: false,
    });
    images
}

fn image(repository: &str, tag: Option<&str>, digest: Option<&str>, megabytes: u64) -> Image {
    Image {
        id: digest::of(&format!("config {repository} {tag:?}")),
        repo_tags: tag.iter().map(|tag| format!("{repository}:{tag}")).collect(),
        repo_digests: digest.iter().map(|digest| format!("{repository}@{digest}")).collect(),
        size: megabytes * 1_000_000 + 1_234,
        pinned: repository.ends_with("/pause"),
    }
}
