//! The HTTP API of OCI registries: the distribution specification, and `_catalog` as docker-registry has it.

#![forbid(unsafe_code)]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_get::{Client, Failed, Response};
use image_model::types::{Artifact, Detail, FailureCode};
use serde::Deserialize;
use url::Url;

/// Names of one request.
const PAGE: usize = 100;

/// Bytes of the largest response that the component reads; registries take manifests of 4 MiB at most.
const LIMIT: usize = 8 * 1024 * 1024;

/// The kinds of manifest that the component reads.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json";

/// A registry, and the login for it.
pub struct Registry {
    url: Url,
    /// `None` where the host adds it, or where the registry needs none.
    authorization: Option<String>,
    http: Client,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Vec<String>,
}

#[derive(Deserialize)]
struct Tags {
    /// `null` after all tags were deleted.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Config {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    size: u64,
}

#[derive(Deserialize)]
struct Manifest {
    #[serde(default, rename = "mediaType")]
    media_type: String,
    config: Option<Config>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    /// Of an index: one manifest for each platform.
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

impl Registry {
    /// A registry at this URL. Where `auth` is `host`, the host adds the login.
    pub fn new(
        url: Option<String>,
        auth: Option<String>,
        user: Option<String>,
        password: Option<String>,
    ) -> Result<Self, String> {
        let url = url
            .filter(|url| !url.is_empty())
            .ok_or("the setting harbor-url is missing; it is the registry's address")?;
        let parsed =
            Url::parse(&url).map_err(|error| format!("the setting harbor-url, {url}, is no address: {error}"))?;
        let authorization = match (auth.as_deref(), user, password) {
            (Some("host"), ..) => None,
            (_, Some(user), Some(password)) => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
            }
            _ => None,
        };
        Ok(Self { url: parsed, authorization, http: Client::default() })
    }

    /// The names of all repositories.
    pub async fn repositories(&self) -> Result<Vec<String>, Failed> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let (response, url) = self.get(&["_catalog"], &page_after(&all), "application/json").await?;
            let page: Catalog = parse(&response, &url)?;
            let ended = page.repositories.is_empty() || response.header("link").is_empty();
            all.extend(page.repositories);
            if ended {
                return Ok(all);
            }
        }
    }

    /// An artifact for each tag of a repository.
    pub async fn artifacts(&self, repository: &str, detail: Detail) -> Result<Vec<Artifact>, Failed> {
        let mut tags: Vec<String> = Vec::new();
        loop {
            let (response, url) =
                self.get(&[repository, "tags", "list"], &page_after(&tags), "application/json").await?;
            if response.status == 404 {
                // The catalog also names repositories without tags.
                return Ok(Vec::new());
            }
            let page = parse::<Tags>(&response, &url)?.tags.unwrap_or_default();
            let ended = page.is_empty() || response.header("link").is_empty();
            tags.extend(page);
            if ended {
                break;
            }
        }
        let mut artifacts = Vec::with_capacity(tags.len());
        for tag in tags {
            // Some may be deleted in the meantime.
            let Some(artifact) = self.artifact(repository, &tag).await? else { continue };
            let artifact = Artifact { tags: vec![tag], ..artifact };
            artifacts.push(match detail {
                Detail::All => artifact,
                Detail::Tags => {
                    let Artifact { digest, size, tags, .. } = artifact;
                    Artifact { digest, size, tags, ..Artifact::default() }
                }
            });
        }
        Ok(artifacts)
    }

    /// The artifact with this tag or digest, without its tags. The size is that of the configuration and all layers, of all
    /// platforms together.
    pub async fn artifact(&self, repository: &str, reference: &str) -> Result<Option<Artifact>, Failed> {
        let (response, url) = self.get(&[repository, "manifests", reference], &[], MANIFESTS).await?;
        if response.status == 404 {
            return Ok(None);
        }
        let manifest: Manifest = parse(&response, &url)?;
        let mut size = own_size(&manifest);
        for platform in &manifest.manifests {
            let (response, url) = self.get(&[repository, "manifests", &platform.digest], &[], MANIFESTS).await?;
            // An index may name platforms that were never pushed.
            if response.status != 404 {
                size += own_size(&parse(&response, &url)?);
            }
        }
        let digest = response.header("docker-content-digest");
        if digest.is_empty() {
            let message = format!("GET {url}: the answer has no header Docker-Content-Digest; is this a registry?");
            return Err(Failed { code: FailureCode::Malformed, message });
        }
        let media_type = manifest.config.map_or(manifest.media_type, |config| config.media_type);
        let children = manifest.manifests.into_iter().map(|child| child.digest).collect();
        Ok(Some(Artifact { digest, size, kind: "IMAGE".to_owned(), media_type, children, ..Artifact::default() }))
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)], accept: &str) -> Result<(Response, Url), Failed> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| Failed { code: FailureCode::Misconfigured, message: format!("{} has no path", self.url) })?
            .pop_if_empty()
            .push("v2")
            .extend(path.iter().flat_map(|part| part.split('/')));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = vec![("accept".to_owned(), accept.as_bytes().to_vec())];
        if let Some(authorization) = &self.authorization {
            headers.push(("authorization".to_owned(), authorization.as_bytes().to_vec()));
        }
        match self.http.get(&url, &headers, LIMIT).await {
            Ok(response) => Ok((response, url)),
            Err(Failed { code, message }) => Err(Failed { code, message: format!("GET {url}: {message}") }),
        }
    }
}

/// The query for the names after these.
fn page_after(names: &[String]) -> Vec<(&'static str, String)> {
    let last = names.last().map(|last| ("last", last.clone()));
    [("n", PAGE.to_string())].into_iter().chain(last).collect()
}

/// Bytes of the configuration and the layers.
fn own_size(manifest: &Manifest) -> u64 {
    manifest.config.iter().map(|config| config.size).chain(manifest.layers.iter().map(|layer| layer.size)).sum()
}

fn parse<'a, T: Deserialize<'a>>(response: &'a Response, url: &Url) -> Result<T, Failed> {
    let (code, message) = match response.status {
        200 => match serde_json::from_slice(&response.body) {
            Ok(value) => return Ok(value),
            Err(error) => (FailureCode::Malformed, format!("the answer is not what a registry says: {error}")),
        },
        status @ (401 | 403) => (FailureCode::Denied, format!("status {status}; check the user and the password")),
        429 => (FailureCode::Throttled, "status 429; the registry limits requests".to_owned()),
        status => (FailureCode::Unavailable, format!("status {status}")),
    };
    Err(Failed { code, message: format!("GET {url}: {message}") })
}
