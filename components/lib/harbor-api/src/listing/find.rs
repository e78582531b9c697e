//! One artifact, asked for by its tag or digest.

use super::endpoints;
use crate::api::Api;
use crate::artifact::ListedArtifact;
use crate::error::{Error, ErrorKind};
use crate::page::parse_json;
use crate::repository_name::RepositoryName;
use crate::rows;
use crate::session::Session;
use image_model::types::{Artifact, Detail, Failure, FailureCode};

/// The artifact with this tag or digest; `None` where Harbor itself says that there is none, or no such repository or project.
///
/// # Errors
///
/// When Harbor does not say either. Another 404, such as a proxy's, proves nothing.
pub async fn find(
    api: &impl Api,
    project: &str,
    repository: &str,
    reference: &str,
) -> Result<Option<Artifact>, Failure> {
    let session = &Session::new(api);
    let name = RepositoryName { project: project.to_owned(), name: repository.to_owned() };
    let full_name = name.full_name();
    let failed = |code, message| Failure::of_repository(code, full_name.clone(), message);
    if let Some(part) = [project, repository, reference].into_iter().find(|part| !endpoints::is_valid_segment(part)) {
        return Err(failed(FailureCode::Misconfigured, format!("{part:?} is no name that a request can contain")));
    }
    let path = endpoints::artifact(&name, reference);
    let url = session.url(&path);
    let reply = session.get(path, |reply| parse_json::<ListedArtifact>(&reply)).await;
    let error = match reply {
        Ok(Ok(artifact)) => {
            let is_other = artifact.repository_name.as_ref().is_some_and(|found| *found != full_name);
            let is_digest = reference.starts_with("sha256:");
            if is_other || (is_digest && artifact.digest != reference) {
                let what = format!("the answer is about another artifact, {}", artifact.digest);
                Error { url, kind: ErrorKind::Inconsistent(what) }
            } else {
                return Ok(rows::rows(vec![artifact], Detail::All).pop());
            }
        }
        Ok(Err(what)) => Error { url, kind: ErrorKind::InvalidBody(what) },
        Err(error) => {
            let by_tag = format!("{full_name}:{reference}");
            let by_digest = format!("{full_name}@{reference}");
            if error.absent().is_some_and(|absent| [by_tag.as_str(), &by_digest, &full_name, project].contains(&absent))
            {
                return Ok(None);
            }
            error
        }
    };
    Err(failed(error.code(), error.to_string()))
}
