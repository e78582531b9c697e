//! Whether Harbor accepts the login, and how it lists artifacts.

use super::failures::{Failure, MissingCounts};
use crate::api::Api;
use crate::error::{Error, ErrorKind};
use crate::page::parse_json;
use image_model::types::SourceError;
use serde::Deserialize;

/// Harbor has `/projects/{project}/artifacts` from this version on.
const PROJECT_ARTIFACTS_SINCE: (u32, u32) = (2, 12);

/// The lists in which Harbor has artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArtifactLists {
    /// One for each project, and one for each repository.
    OfProjects,
    /// One for each repository only.
    OfRepositories,
}

#[derive(Deserialize)]
struct SystemInfo {
    #[serde(default)]
    harbor_version: Option<String>,
}

/// Asks for Harbor's version. `None` where the listing need not go on.
///
/// Harbor answers a wrong password like a request without a login: with fewer fields. Only the version, which it sends to
/// logged-in users, shows the difference.
pub(super) async fn check(api: &impl Api) -> (Option<ArtifactLists>, Option<Failure>) {
    let path = "/systeminfo".to_owned();
    let url = api.url(&path);
    api.note_login(false);
    let error = match api.get(path).await {
        Ok(reply) => match parse_json::<SystemInfo>(&reply) {
            Ok(SystemInfo { harbor_version: Some(version) }) => {
                api.note_login(true);
                return (Some(artifact_lists(&version)), None);
            }
            Ok(SystemInfo { harbor_version: None }) => {
                let error = SourceError::of_source(format!(
                    "Harbor refused the login: GET {url} answered without harbor_version, as it does to a wrong user \
                     or password. Check both; only public projects are listed"
                ));
                api.go_anonymous();
                return (Some(ArtifactLists::OfRepositories), Some(Failure::Reported(error)));
            }
            Err(what) => Error { url, kind: ErrorKind::InvalidBody(what) },
        },
        Err(error) => error,
    };
    // A server error on this one page says nothing about the others.
    let go_on = error.status().is_some_and(|status| status >= 500);
    let missing = MissingCounts { uncounted: true, ..MissingCounts::default() };
    let failure = Failure::new(&error, missing, || SourceError::of_source(error.to_string()));
    (go_on.then_some(ArtifactLists::OfRepositories), Some(failure))
}

fn artifact_lists(version: &str) -> ArtifactLists {
    match release(version) {
        Some(release) if release >= PROJECT_ARTIFACTS_SINCE => ArtifactLists::OfProjects,
        _ => ArtifactLists::OfRepositories,
    }
}

/// Major and minor of `v2.12.0-9da38ae0`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.trim_start_matches('v').split(['.', '-']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert_eq!(release("v2.12.0-9da38ae0"), Some((2, 12)));
        assert_eq!(release("v2.9.4"), Some((2, 9)));
        assert_eq!(release("2.13-dev"), Some((2, 13)));
        assert_eq!(release("dev"), None);
        assert_eq!(artifact_lists("v2.12.0"), ArtifactLists::OfProjects);
        assert_eq!(artifact_lists("v2.9.4"), ArtifactLists::OfRepositories);
        assert_eq!(artifact_lists("dev"), ArtifactLists::OfRepositories);
    }
}
