//! OCI images made by hand, and archives of them as `ctr images import` reads them.

use anyhow::Result;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// A part of an image, which an OCI descriptor points at.
#[derive(Clone, Debug)]
struct Blob {
    media_type: &'static str,
    digest: String,
    bytes: Vec<u8>,
}

impl Blob {
    fn new(kind: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type: kind, digest: digest(&bytes), bytes }
    }

    fn of_json(kind: &'static str, value: &Value) -> Self {
        Self::new(kind, value.to_string().into_bytes())
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// An image for this machine's platform, with one layer or with none.
#[derive(Clone, Debug)]
pub struct Image {
    config: Blob,
    layer: Option<Blob>,
    manifest: Blob,
}

impl Image {
    /// An image whose one file has this content; equal content gives equal images.
    ///
    /// # Errors
    ///
    /// When the layer can't be written.
    pub fn new(content: &[u8]) -> Result<Self> {
        let layer = Blob::new("application/vnd.oci.image.layer.v1.tar", layer(content)?);
        Ok(Self::of(&json!({}), Some(layer)))
    }

    /// An image of a configuration alone, with this label: a runtime pulls it without the rights to mount, which it needs to unpack
    /// a layer.
    pub fn labelled(label: &str) -> Self {
        Self::of(&json!({"Labels": {"label": label}}), None)
    }

    fn of(config: &Value, layer: Option<Blob>) -> Self {
        let config = Blob::of_json(
            "application/vnd.oci.image.config.v1+json",
            &json!({
                // A runtime takes only images of its own platform.
                "architecture": architecture(),
                "os": "linux",
                "config": config,
                "rootfs": {"type": "layers", "diff_ids": layer.iter().map(|layer| &layer.digest).collect::<Vec<_>>()},
            }),
        );
        let manifest = Blob::of_json(
            "application/vnd.oci.image.manifest.v1+json",
            &json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.descriptor(),
                "layers": layer.iter().map(Blob::descriptor).collect::<Vec<_>>(),
            }),
        );
        Self { config, layer, manifest }
    }

    /// Bytes of the configuration and the layer: the image's size to a registry.
    pub fn content_size(&self) -> usize {
        self.parts().map(|(_, bytes)| bytes.len()).sum()
    }

    /// The manifest's media type and bytes.
    pub(crate) fn manifest(&self) -> (&'static str, &[u8]) {
        (self.manifest.media_type, &self.manifest.bytes)
    }

    /// What the manifest points at: digests and bytes.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (&str, &[u8])> {
        std::iter::once(&self.config).chain(&self.layer).map(|blob| (blob.digest.as_str(), blob.bytes.as_slice()))
    }

    /// The id by which a runtime knows the image: the digest of its config.
    pub fn id(&self) -> &str {
        &self.config.digest
    }

    /// The id as `crictl images` prints it: 13 digits.
    pub fn short_id(&self) -> &str {
        &self.id()["sha256:".len()..][..13]
    }

    /// What a name with `@sha256:…` refers to: the digest of the manifest.
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// Bytes of everything that belongs to the image, which containerd reports as its size.
    pub fn size(&self) -> usize {
        self.blobs().map(|blob| blob.bytes.len()).sum()
    }

    fn blobs(&self) -> impl Iterator<Item = &Blob> {
        [&self.config, &self.manifest].into_iter().chain(&self.layer)
    }
}

/// Writes an OCI archive of these images under these full names. One image may have several names.
///
/// # Errors
///
/// When the file can't be written.
pub fn write_archive(path: &Path, images: &[(&str, &Image)]) -> Result<()> {
    let manifests: Vec<Value> = images
        .iter()
        .map(|(name, image)| {
            let mut descriptor = image.manifest.descriptor();
            descriptor["annotations"] = json!({"io.containerd.image.name": name});
            descriptor
        })
        .collect();
    let mut files = BTreeMap::new();
    files.insert("oci-layout".to_owned(), json!({"imageLayoutVersion": "1.0.0"}).to_string().into_bytes());
    files.insert("index.json".to_owned(), json!({"schemaVersion": 2, "manifests": manifests}).to_string().into_bytes());
    for blob in images.iter().flat_map(|(_, image)| image.blobs()) {
        files.insert(format!("blobs/{}", blob.digest.replace(':', "/")), blob.bytes.clone());
    }
    let mut archive = tar::Builder::new(std::fs::File::create(path)?);
    for (name, bytes) in &files {
        append(&mut archive, name, bytes)?;
    }
    archive.into_inner()?.sync_all()?;
    Ok(())
}

fn layer(content: &[u8]) -> Result<Vec<u8>> {
    let mut layer = tar::Builder::new(Vec::new());
    append(&mut layer, "content", content)?;
    Ok(layer.into_inner()?)
}

fn append(archive: &mut tar::Builder<impl std::io::Write>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, name, bytes)?;
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Go's name of this machine's architecture.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
