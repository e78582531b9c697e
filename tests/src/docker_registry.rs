//! A real docker-registry of Debian's, started by a test with a folder and a port of its own. `contents` reads what it holds.

mod contents;

use crate::client::{Client, Response};
use crate::debian;
use crate::oci;
use crate::wait::eventually;
use anyhow::{Context, Result, ensure};
use http::{Method, Request};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;

/// A registry with an empty store. It ends, and all that it wrote goes away, when this is dropped.
pub struct DockerRegistry {
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub address: String,
    process: Child,
    client: Client,
    /// Repository and digest of each manifest that was pushed: the registry itself lists only what has a tag.
    pushed: Mutex<Vec<(String, String)>>,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts one; `None` where there is none to be had, which is said on stderr.
    ///
    /// # Errors
    ///
    /// When it does not start, or none is to be had although the environment variable `CI` is `true`.
    pub async fn start() -> Result<Option<Self>> {
        let Some(package) = debian::package("docker-registry")? else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        // It does not tell which port it took, so one is chosen that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("config.yml");
        let store = folder.path().join("store");
        std::fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {store:?}}}, \
                 delete: {{enabled: true}}}}\nhttp: {{addr: '127.0.0.1:{port}'}}\n"
            ),
        )?;
        let process = Command::new(package.join("usr/bin/docker-registry"))
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let address = format!("http://127.0.0.1:{port}");
        let registry = Self { address, process, client: Client::default(), pushed: Mutex::default(), _folder: folder };
        let root = format!("{}/v2/", registry.address);
        eventually("docker-registry's first answer", async || registry.client.get(&root).await).await?;
        Ok(Some(registry))
    }

    /// Its name in references, such as `127.0.0.1:40123`.
    pub fn host(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// Pushes an image under a tag or, without a tag, under its digest, as the distribution specification says.
    ///
    /// # Errors
    ///
    /// When the registry refuses it.
    pub async fn push(&self, repository: &str, reference: &str, image: &oci::Image) -> Result<()> {
        for (digest, bytes) in image.parts() {
            let uploads = format!("{}/v2/{repository}/blobs/uploads/", self.address);
            let begun = self.client.request(Method::POST, &uploads, &[]).await?;
            let location = begun.headers().get("location").context("where to upload to")?.to_str()?.to_owned();
            self.put(&format!("{location}&digest={digest}"), "application/octet-stream", bytes.to_vec()).await?;
        }
        let (kind, bytes) = image.manifest();
        self.put_manifest(repository, reference, kind, bytes.to_vec()).await?;
        Ok(())
    }

    /// Pushes an index of images, which have to be there, under a tag. The first is for this machine, the others are for others.
    /// Returns the digest of the index.
    ///
    /// # Errors
    ///
    /// When the registry refuses it.
    pub async fn push_index(&self, repository: &str, tag: &str, images: &[&oci::Image]) -> Result<String> {
        let manifests: Vec<_> = images
            .iter()
            .zip([oci::architecture(), "s390x", "riscv64"])
            .map(|(image, architecture)| {
                let (kind, bytes) = image.manifest();
                serde_json::json!({
                    "mediaType": kind,
                    "digest": image.digest(),
                    "size": bytes.len(),
                    "platform": {"architecture": architecture, "os": "linux"},
                })
            })
            .collect();
        let kind = "application/vnd.oci.image.index.v1+json";
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": kind, "manifests": manifests});
        self.put_manifest(repository, tag, kind, index.to_string().into_bytes()).await
    }

    async fn put_manifest(&self, repository: &str, reference: &str, kind: &str, bytes: Vec<u8>) -> Result<String> {
        let put = self.put(&format!("{}/v2/{repository}/manifests/{reference}", self.address), kind, bytes).await?;
        let digest = put.header("docker-content-digest").to_owned();
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        pushed.push((repository.to_owned(), digest.clone()));
        Ok(digest)
    }

    async fn put(&self, url: &str, kind: &str, bytes: Vec<u8>) -> Result<Response> {
        let put = self.client.send(Request::put(url).header("content-type", kind).body(bytes.into())?).await?;
        ensure!(put.status() == 201, "PUT {url}: {}", put.text().await?);
        Ok(put)
    }

    /// Deletes the manifest of this digest, and with it all its tags.
    ///
    /// # Errors
    ///
    /// When the registry refuses.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<()> {
        let url = format!("{}/v2/{repository}/manifests/{digest}", self.address);
        self.client.request(Method::DELETE, &url, &[]).await?.error_for_status()?;
        Ok(())
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
