//! The parts of an image reference, as a registry and its clients understand it (github.com/distribution/reference).

use image_model::{NONE, reference};
use std::borrow::Cow;

/// The registry of a name without one.
pub(crate) const DOCKER_HOST: &str = "docker.io";
/// Its name of old, which clients replace.
const DOCKER_INDEX: &str = "index.docker.io";
/// The folder of Docker Hub's images whose name has no folder.
const DOCKER_LIBRARY: &str = "library/";

/// The text of a reference, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// With its registry where the text has one. Never empty.
    pub(crate) repository: &'a str,
    pub(crate) tag: Option<&'a str>,
    pub(crate) digest: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Cuts `repository:tag`, `repository@digest`, and both at once. `None` where there is no repository.
    ///
    /// Runtimes write `<none>` where a part is missing.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, present(digest)),
            None => (text, None),
        };
        let (repository, tag) = reference::split(name);
        Some(Self { repository: present(repository)?, tag: tag.and_then(present), digest })
    }
}

fn present(part: &str) -> Option<&str> {
    (!matches!(part, "" | NONE)).then_some(part)
}

/// A repository by its registry's host and its path there, with the parts that clients add.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place<'a> {
    /// In lower case, with its port where it has one that is not the usual one.
    pub(crate) host: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
}

impl<'a> Place<'a> {
    /// The place of a repository such as `nginx`, `team/app` or `localhost:5000/app`.
    pub(crate) fn of(repository: &'a str) -> Self {
        match repository.split_once('/') {
            Some((first, path)) if is_host(first) => {
                let host = host(first);
                let path = if host == DOCKER_HOST { docker_path(path) } else { path.into() };
                Self { host, path }
            }
            _ => Self { host: DOCKER_HOST.into(), path: docker_path(repository) },
        }
    }
}

/// The host of a repository's registry.
pub(crate) fn registry(repository: &str) -> Cow<'_, str> {
    match repository.split_once('/') {
        Some((first, _)) if is_host(first) => host(first),
        _ => DOCKER_HOST.into(),
    }
}

/// Whether the first part of a name is a registry: it has a dot, a port or an upper-case letter, or is `localhost`.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.bytes().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_uppercase())
}

fn docker_path(path: &str) -> Cow<'_, str> {
    if path.contains('/') { path.into() } else { format!("{DOCKER_LIBRARY}{path}").into() }
}

/// A registry's host as it is compared: lower case, without the port of HTTPS.
pub(crate) fn host(text: &str) -> Cow<'_, str> {
    let text = text.strip_suffix(":443").unwrap_or(text);
    let host = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    };
    if host == DOCKER_INDEX { DOCKER_HOST.into() } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts<'a>(repository: &'a str, tag: Option<&'a str>, digest: Option<&'a str>) -> Option<Parts<'a>> {
        Some(Parts { repository, tag, digest })
    }

    #[test]
    fn the_tag_is_behind_the_last_colon_behind_the_last_slash() {
        assert_eq!(Parts::of("localhost:5000/team/app:1.2"), parts("localhost:5000/team/app", Some("1.2"), None));
        assert_eq!(Parts::of("localhost:5000/team/app"), parts("localhost:5000/team/app", None, None));
        assert_eq!(Parts::of("nginx"), parts("nginx", None, None));
        assert_eq!(Parts::of("a/b@sha256:1"), parts("a/b", None, Some("sha256:1")));
        assert_eq!(Parts::of("h:1/a:2@sha256:1"), parts("h:1/a", Some("2"), Some("sha256:1")));
    }

    #[test]
    fn a_missing_part_is_empty_or_written_as_none() {
        for text in ["", "<none>", "<none>:<none>", "<none>@<none>", "@sha256:1", ":1"] {
            assert_eq!(Parts::of(text), None, "{text:?}");
        }
        assert_eq!(Parts::of("a:<none>"), parts("a", None, None));
        assert_eq!(Parts::of("a@<none>"), parts("a", None, None));
    }

    #[test]
    fn a_repository_has_the_host_and_path_that_a_client_would_ask() {
        for (repository, host, path) in [
            ("nginx", "docker.io", "library/nginx"),
            ("team/app", "docker.io", "team/app"),
            ("docker.io/nginx", "docker.io", "library/nginx"),
            ("docker.io/library/nginx", "docker.io", "library/nginx"),
            ("index.docker.io/team/app", "docker.io", "team/app"),
            ("localhost/app", "localhost", "app"),
            ("localhost:5000/app", "localhost:5000", "app"),
            ("host:443/team/app", "host", "team/app"),
            ("host:8443/team/app", "host:8443", "team/app"),
            ("Harbor.Example.com/team/App", "harbor.example.com", "team/App"),
            ("REGISTRY/app", "registry", "app"),
            ("127.0.0.1:8085/a.b_c-d/x__y.z-w", "127.0.0.1:8085", "a.b_c-d/x__y.z-w"),
            ("[::1]:5000/app", "[::1]:5000", "app"),
        ] {
            assert_eq!(Place::of(repository), Place { host: host.into(), path: path.into() }, "{repository}");
        }
    }
}
