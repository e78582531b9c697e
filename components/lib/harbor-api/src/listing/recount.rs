//! Compares a list with the number of its rows that another list announced.

use super::endpoints;
use super::listed::{Project, Repository};
use crate::api::Api;
use crate::error::{Error, ErrorKind};
use crate::page::parse_json;
use crate::paging::Truncated;
use serde::Deserialize;

/// A project or a repository, as far as it says how much it has.
#[derive(Default, Deserialize)]
struct Counts {
    #[serde(default)]
    repo_count: Option<u64>,
    #[serde(default)]
    artifact_count: Option<u64>,
}

/// The failure where a project has more repositories than `received`.
pub(super) async fn repositories(api: &impl Api, project: &Project, received: usize) -> Option<Truncated> {
    let path = endpoints::project(&project.name);
    compare(api, path, "repositories", project.repo_count, received, |counts| counts.repo_count).await
}

/// The failure where a repository has more artifacts than `received`.
pub(super) async fn artifacts(api: &impl Api, repository: &Repository, received: usize) -> Option<Truncated> {
    let path = endpoints::repository(&repository.name);
    compare(api, path, "artifacts", repository.artifact_count, received, |counts| counts.artifact_count).await
}

/// Asks for the number once more where fewer rows came than it says: something may have been deleted meanwhile.
async fn compare(
    api: &impl Api,
    path: String,
    what: &str,
    expected: Option<u64>,
    received: usize,
    count: impl FnOnce(Counts) -> Option<u64>,
) -> Option<Truncated> {
    let received = received as u64;
    let expected = expected.filter(|expected| *expected > received)?;
    let url = api.url(&path);
    let (expected, error) = match api.get(path).await {
        // Harbor leaves zero out.
        Ok(reply) => match parse_json(&reply) {
            Ok(counts) => (count(counts).unwrap_or_default(), None),
            Err(what) => (expected, Some(what)),
        },
        Err(error) if error.cancel_reason().is_some() => {
            return Some(Truncated { error, missing: Some(expected - received) });
        }
        Err(error) => (expected, error.status().map(|status| format!("it answered {status}"))),
    };
    (expected > received).then(|| {
        let now = error.map(|error| format!(" ({error} when it was asked for its number again)")).unwrap_or_default();
        let what = format!("Harbor announces {expected} {what}{now}, and its list has {received}; rows may be missing");
        Truncated { error: Error { url, kind: ErrorKind::Inconsistent(what) }, missing: Some(expected - received) }
    })
}
