//! The team's Harbor.

use crate::digest;
use image_model::types::{Artifact, Project, Repository};

/// The registry's host.
pub const HOST: &str = "harbor.example.com";

const IMAGE: &str = "application/vnd.oci.image.config.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CHART: &str = "application/vnd.cncf.helm.config.v1+json";
const DAY: u64 = 24 * 3600 * 1000;

/// Tags, megabytes, and days since the push. An artifact's content is called by its first tag, or by the text after `was:`
/// where it has none.
type Sample = (&'static [&'static str], u64, u64);

const PROXY_CACHE: &str = "hub-proxy";

/// The platforms of the one index.
const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

const REGISTRY: &[(&str, &str, &[Sample])] = &[
    ("archive", "legacy-billing", &[(&["3.1.4"], 512, 731)]),
    ("charts", "platform", &[(&["1.14.3"], 1, 12), (&["1.14.2"], 1, 40)]),
    ("data", "etl", &[(&["5.3.0", "latest"], 318, 6), (&["5.2.1"], 317, 34)]),
    ("data", "reports", &[(&["2025.12", "latest"], 204, 2), (&["was:2025.11"], 203, 31)]),
    ("data", "warehouse/loader", &[(&["1.8.0"], 96, 57)]),
    (PROXY_CACHE, "library/postgres", &[(&["16"], 157, 19)]),
    ("infra", "backup", &[(&["2025.11"], 44, 20), (&["2025.10"], 44, 51)]),
    ("infra", "ingress/controller", &[(&["1.11.2"], 289, 26)]),
    ("library", "base/debian", &[(&["12.8", "12"], 49, 14), (&["12.7"], 49, 75)]),
    ("library", "base/python", &[(&["3.13.1"], 58, 9)]),
    ("ml", "serving", &[(&["0.8.0", "latest"], 6_871, 17)]),
    ("ml", "training", &[(&["2.4.1"], 8_902, 5), (&["2.4.0"], 8_900, 23)]),
    ("mobile", "api", &[(&["7.0.2"], 133, 11)]),
    ("platform", "auth", &[(&["3.6.0"], 71, 8), (&["3.5.9"], 71, 29)]),
    ("platform", "gateway", &[(&["1.14.3"], 88, 12), (&["1.14.2"], 88, 40)]),
    ("security", "scanner", &[(&["0.57.1"], 241, 4)]),
    ("tools", "debug", &[(&["1.3"], 35, 90)]),
    ("web", "api", &[(&["2.9.3"], 142, 1), (&["2.9.2"], 142, 7), (&["2.9.1"], 141, 16)]),
    ("web", "checkout", &[(&["stable", "1.22.0"], 127, 3), (&["1.21.4"], 126, 24)]),
    ("web", "storefront", &[(&["4.2.0", "latest"], 165, 5), (&["4.1.9"], 164, 19)]),
];

/// The digest of the content of a repository that is called so.
pub(crate) fn digest_of(repository: &str, content: &str) -> String {
    digest::of(&format!("{repository} {content}"))
}

/// The digest of the index's child for the node's platform.
pub(crate) fn child_of(repository: &str, content: &str) -> String {
    digest_of(repository, &format!("{content} {}", PLATFORMS[0]))
}

/// All projects.
pub fn projects() -> Vec<Project> {
    let mut names: Vec<&str> = REGISTRY.iter().map(|(project, ..)| *project).collect();
    names.dedup();
    let project = |name: &str| Project { name: name.to_owned(), proxy_cache: name == PROXY_CACHE, complete: true };
    names.into_iter().map(project).collect()
}

/// All repositories, in order. `now` is the present time, in milliseconds since 1970.
pub fn repositories(now: u64) -> Vec<Repository> {
    let repository = |(project, name, samples): &(&str, &str, &[Sample])| {
        let full_name = format!("{project}/{name}");
        let artifacts = samples.iter().map(|sample| artifact(&full_name, sample, now)).collect();
        Repository { project: (*project).to_owned(), name: (*name).to_owned(), artifacts }
    };
    REGISTRY.iter().map(repository).collect()
}

fn artifact(repository: &str, (tags, megabytes, days): &Sample, now: u64) -> Artifact {
    let content = tags.first().copied().unwrap_or_default();
    let (content, tags): (&str, Vec<String>) = match content.strip_prefix("was:") {
        Some(gone) => (gone, Vec::new()),
        None => (content, tags.iter().map(|tag| (*tag).to_owned()).collect()),
    };
    let mut tags = tags;
    tags.sort();
    let (kind, media_type) = match repository {
        "charts/platform" => ("CHART", CHART),
        "ml/serving" => ("IMAGE", INDEX),
        _ => ("IMAGE", IMAGE),
    };
    let children = match media_type {
        INDEX => PLATFORMS.iter().map(|platform| digest_of(repository, &format!("{content} {platform}"))).collect(),
        _ => Vec::new(),
    };
    Artifact {
        digest: digest_of(repository, content),
        size: megabytes * 1_000_000 + 4_321,
        tags,
        kind: kind.to_owned(),
        media_type: media_type.to_owned(),
        pushed: now.checked_sub(days * DAY),
        pulled: now.checked_sub(days * DAY / 2),
        children,
    }
}
