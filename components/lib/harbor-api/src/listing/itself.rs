//! A repository itself, asked for by its name: whether Harbor has it, whatever its lists say.

use super::endpoints;
use super::overview::{Repository, RepositoryCount};
use crate::api::Api;
use crate::error::{Error, ErrorKind};
use crate::page::parse_json;
use crate::repository_name::RepositoryName;
use crate::scope::Scope;

/// What Harbor says of a repository; `None` where it says that there is none. A proxy's page with 404 says nothing of it.
pub(super) async fn ask(api: &impl Api, name: &RepositoryName) -> Result<Option<RepositoryCount>, Error> {
    let path = endpoints::repository(name);
    let url = api.url(&path);
    let kind = match api.get(path, |reply| parse_json::<Repository>(&reply)).await {
        Ok(Ok(row)) => match Scope::Repository(name.full_name()).contradiction(std::slice::from_ref(&row)) {
            Some(contradiction) => ErrorKind::Inconsistent(contradiction),
            None => return Ok(Some(RepositoryCount::new(&name.project, &row))),
        },
        Ok(Err(what)) => ErrorKind::InvalidBody(what),
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    Err(Error { url, kind })
}

/// Whether Harbor says of what was asked for that there is none.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Status { status: 404, .. })
}
