//! The HTTP API of OCI registries, as the distribution specification and docker-registry's own `_catalog` describe it.

#![forbid(unsafe_code)]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_get::{Answer, get};
use serde::Deserialize;
use url::Url;

/// Names asked for at a time.
const PAGE: usize = 100;

/// Bytes of the largest answer that is read; registries take manifests of 4 MiB at most.
const LIMIT: usize = 8 * 1024 * 1024;

/// The kinds of manifest that are understood.
const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json";

/// A registry, and how it is spoken to.
pub struct Registry {
    url: Url,
    /// `None` where the host adds it, or nobody logs in.
    authorization: Option<String>,
}

/// One tag.
pub struct Tagged {
    pub tag: String,
    pub digest: String,
    /// Bytes of the configuration and all layers; of all platforms together where there are several.
    pub size: u64,
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
    /// Of an index: one manifest a platform.
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

impl Registry {
    /// A registry at this address. The login is left out where the host adds it (`auth` is `host`).
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
        Ok(Self { url: parsed, authorization })
    }

    /// The names of all repositories.
    pub async fn repositories(&self) -> Result<Vec<String>, String> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let (answer, url) = self.get(&["_catalog"], &page_after(&all), "application/json").await?;
            let page: Catalog = parse(&answer, &url)?;
            let ended = page.repositories.is_empty() || answer.header("link").is_empty();
            all.extend(page.repositories);
            if ended {
                return Ok(all);
            }
        }
    }

    /// All tags of a repository.
    pub async fn images(&self, repository: &str) -> Result<Vec<Tagged>, String> {
        let mut tags: Vec<String> = Vec::new();
        loop {
            let (answer, url) = self.get(&[repository, "tags", "list"], &page_after(&tags), "application/json").await?;
            if answer.status == 404 {
                // A repository without any tag is still in the catalog.
                return Ok(Vec::new());
            }
            let page = parse::<Tags>(&answer, &url)?.tags.unwrap_or_default();
            let ended = page.is_empty() || answer.header("link").is_empty();
            tags.extend(page);
            if ended {
                break;
            }
        }
        let mut images = Vec::with_capacity(tags.len());
        for tag in tags {
            let (answer, url) = self.get(&[repository, "manifests", &tag], &[], MANIFESTS).await?;
            if answer.status == 404 {
                continue; // Deleted in the meantime.
            }
            let manifest: Manifest = parse(&answer, &url)?;
            let mut size = own_size(&manifest);
            for platform in &manifest.manifests {
                let (answer, url) = self.get(&[repository, "manifests", &platform.digest], &[], MANIFESTS).await?;
                // An index may name platforms that were never pushed.
                if answer.status != 404 {
                    size += own_size(&parse(&answer, &url)?);
                }
            }
            let digest = answer.header("docker-content-digest");
            if digest.is_empty() {
                return Err(format!("GET {url}: the answer has no header Docker-Content-Digest; is this a registry?"));
            }
            images.push(Tagged { tag, digest, size });
        }
        Ok(images)
    }

    async fn get(&self, path: &[&str], query: &[(&str, String)], accept: &str) -> Result<(Answer, Url), String> {
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
        let answer = get(&url, &headers, LIMIT).await.map_err(|error| format!("GET {url}: {error}"))?;
        Ok((answer, url))
    }
}

/// The query for the names that follow these.
fn page_after(names: &[String]) -> Vec<(&'static str, String)> {
    let last = names.last().map(|last| ("last", last.clone()));
    [("n", PAGE.to_string())].into_iter().chain(last).collect()
}

/// Bytes of the configuration and the layers.
fn own_size(manifest: &Manifest) -> u64 {
    manifest.config.iter().chain(&manifest.layers).map(|descriptor| descriptor.size).sum()
}

fn parse<'a, T: Deserialize<'a>>(answer: &'a Answer, url: &Url) -> Result<T, String> {
    match answer.status {
        200 => serde_json::from_slice(&answer.body)
            .map_err(|error| format!("GET {url}: the answer is not what a registry says: {error}")),
        401 | 403 => Err(format!("GET {url}: status {}; check the user and the password", answer.status)),
        status => Err(format!("GET {url}: status {status}")),
    }
}
