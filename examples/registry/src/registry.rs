//! The HTTP API of OCI registries: the distribution specification, and `_catalog` as docker-registry has it.

#![forbid(unsafe_code)]

use crate::bindings::exports::image_service::inventory::harbor::Image;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_get::{Client, Response};
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
struct Manifest {
    config: Option<Descriptor>,
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
    pub async fn repositories(&self) -> Result<Vec<String>, String> {
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

    /// All tags of a repository. The size is that of the configuration and all layers, of all platforms together.
    pub async fn images(&self, repository: &str) -> Result<Vec<Image>, String> {
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
        let mut images = Vec::with_capacity(tags.len());
        for tag in tags {
            let (response, url) = self.get(&[repository, "manifests", &tag], &[], MANIFESTS).await?;
            if response.status == 404 {
                continue; // Deleted in the meantime.
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
                return Err(format!("GET {url}: the answer has no header Docker-Content-Digest; is this a registry?"));
            }
            images.push(Image { tag, digest, size });
        }
        Ok(images)
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)], accept: &str) -> Result<(Response, Url), String> {
        let mut url = self.url.clone();
        url.path_segments_mut()
            .map_err(|()| format!("{} has no path", self.url))?
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
        let response = self.http.get(&url, &headers, LIMIT).await.map_err(|error| format!("GET {url}: {error}"))?;
        Ok((response, url))
    }
}

/// The query for the names after these.
fn page_after(names: &[String]) -> Vec<(&'static str, String)> {
    let last = names.last().map(|last| ("last", last.clone()));
    [("n", PAGE.to_string())].into_iter().chain(last).collect()
}

/// Bytes of the configuration and the layers.
fn own_size(manifest: &Manifest) -> u64 {
    manifest.config.iter().chain(&manifest.layers).map(|descriptor| descriptor.size).sum()
}

fn parse<'a, T: Deserialize<'a>>(response: &'a Response, url: &Url) -> Result<T, String> {
    match response.status {
        200 => serde_json::from_slice(&response.body)
            .map_err(|error| format!("GET {url}: the answer is not what a registry says: {error}")),
        401 | 403 => Err(format!("GET {url}: status {}; check the user and the password", response.status)),
        status => Err(format!("GET {url}: status {status}")),
    }
}
