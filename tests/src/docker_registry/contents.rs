//! What a registry holds, read through its API, as the Harbor in front of it would have it.

use super::DockerRegistry;
use crate::client::Response;
use crate::harbor::{Artifact, IMAGE, INDEX};
use anyhow::{Context, Result};
use http::Method;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

/// What a manifest may be.
const ACCEPT: [(&str, &str); 1] =
    [("accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json")];

impl DockerRegistry {
    /// The artifacts of each repository, newest first: what has a tag, and what was pushed and is still there without one. Like
    /// Harbor, it lists no children of an index beside the index.
    ///
    /// # Errors
    ///
    /// When the registry does not say.
    pub async fn artifacts(&self) -> Result<BTreeMap<String, Vec<Artifact>>> {
        let catalog: Value = self.read("/v2/_catalog?n=1000").await?.error_for_status()?.json().await?;
        let mut all = BTreeMap::new();
        for repository in texts(&catalog["repositories"]) {
            let artifacts = self.artifacts_of(&repository).await?;
            // A repository whose manifests are all deleted stays in the catalog.
            if !artifacts.is_empty() {
                all.insert(repository, artifacts);
            }
        }
        Ok(all)
    }

    async fn artifacts_of(&self, repository: &str) -> Result<Vec<Artifact>> {
        let tags = self.tags(repository).await?;
        let mut artifacts = BTreeMap::new();
        for (age, digest) in self.pushed_to(repository).into_iter().enumerate() {
            if let Some(artifact) = self.artifact(repository, &digest).await? {
                let tags = tags.get(&digest).cloned().unwrap_or_default();
                artifacts.insert(digest, Artifact { tags, pushed: age, ..artifact });
            }
        }
        let children: BTreeSet<String> = artifacts
            .values()
            .flat_map(|artifact| artifact.children.iter().map(|child| child.digest.clone()))
            .collect();
        artifacts.retain(|digest, artifact| !artifact.tags.is_empty() || !children.contains(digest));
        let mut newest: Vec<_> = artifacts.into_values().collect();
        newest.sort_by_key(|artifact| std::cmp::Reverse(artifact.pushed));
        Ok(newest)
    }

    /// The tags by the digest to which they lead.
    async fn tags(&self, repository: &str) -> Result<BTreeMap<String, Vec<String>>> {
        let listed = self.read(&format!("/v2/{repository}/tags/list")).await?;
        let mut tags = BTreeMap::<String, Vec<String>>::new();
        if listed.status() == 404 {
            return Ok(tags);
        }
        let listed: Value = listed.error_for_status()?.json().await?;
        for tag in texts(&listed["tags"]) {
            let manifest = self.read(&format!("/v2/{repository}/manifests/{tag}")).await?.error_for_status()?;
            tags.entry(manifest.header("docker-content-digest").to_owned()).or_default().push(tag);
        }
        Ok(tags)
    }

    /// The artifact with this digest and without its tags; `None` where the registry has none.
    async fn artifact(&self, repository: &str, digest: &str) -> Result<Option<Artifact>> {
        let answer = self.read(&format!("/v2/{repository}/manifests/{digest}")).await?;
        if answer.status() == 404 {
            return Ok(None);
        }
        let bytes = answer.error_for_status()?.bytes().await?;
        let manifest: Value = serde_json::from_slice(&bytes)?;
        let parts = manifest["layers"].as_array().into_iter().flatten().chain(manifest.get("config"));
        let mut artifact = Artifact {
            digest: digest.to_owned(),
            size: bytes.len() as u64 + parts.filter_map(|part| part["size"].as_u64()).sum::<u64>(),
            media_type: IMAGE.to_owned(),
            ..Artifact::numbered(0).untagged()
        };
        if let Some(children) = manifest["manifests"].as_array() {
            INDEX.clone_into(&mut artifact.media_type);
            for child in children {
                let digest = child["digest"].as_str().context("a child has a digest")?;
                let mut found =
                    Box::pin(self.artifact(repository, digest)).await?.context("an index has its children")?;
                child["platform"]["architecture"].as_str().unwrap_or_default().clone_into(&mut found.architecture);
                artifact.size += found.size;
                artifact.children.push(found);
            }
        }
        Ok(Some(artifact))
    }

    /// The digests that were pushed to this repository, oldest first.
    fn pushed_to(&self, repository: &str) -> Vec<String> {
        let pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        pushed.iter().filter(|(name, _)| name == repository).map(|(_, digest)| digest.clone()).collect()
    }

    async fn read(&self, path: &str) -> Result<Response> {
        self.client.request(Method::GET, &format!("{}{path}", self.address), &ACCEPT).await
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
}
