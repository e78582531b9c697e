//! A node as the program sees it: its configuration and other files, and stand-ins for the programs on it. One builder makes
//! them all.

use crate::{Harbor, fixture, timing};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// crictl's JSON of a node without images.
pub const NO_IMAGES: &str = r#"{"images": []}"#;

/// A folder with all that makes a node. It goes away with the last copy of this.
#[derive(Clone, Debug)]
pub struct Node(Arc<TempDir>);

/// A node that is not there yet. Without more it has no runtime, no Harbor and no cache.
#[must_use]
pub struct NodeBuilder {
    config: Value,
    files: Vec<(String, Vec<u8>)>,
    scripts: Vec<(String, Vec<u8>)>,
}

impl NodeBuilder {
    /// Adds this to config.json: keys of sections that are there stay, `null` removes (RFC 7396), and `{node}` in a value
    /// stands for the node's folder.
    pub fn config(mut self, config: Value) -> Self {
        merge(&mut self.config, config);
        self
    }

    /// Runs the composition of this file.
    pub fn composition(self, path: impl AsRef<Path>) -> Self {
        self.config(json!({"composition": path.as_ref()}))
    }

    /// Keeps answers for so many seconds.
    pub fn cache_lifetime(self, seconds: u32) -> Self {
        self.config(json!({"cache_config": {"lifetime": seconds}}))
    }

    /// Lists this Harbor.
    pub fn harbor(self, harbor: &Harbor) -> Self {
        self.config(json!({"harbor_config": harbor.config()}))
    }

    /// Writes a file that only its owner may read, as files with secrets are.
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Puts a shell script where the program looks for programs first. It runs in the node's folder.
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.to_owned(), shell_script(text)));
        self
    }

    /// Puts a shell script in crictl's place, which root runs itself, and others through a sudo that allows everything.
    pub fn crictl_program(self, text: &str) -> Self {
        let sudo = include_str!("../fixtures/sudo.sh").replace("ALLOWED", "true");
        self.script("crictl", text).script("sudo", &sudo)
    }

    /// Writes images_to_ignore.txt.
    pub fn ignore(self, text: &str) -> Self {
        self.file(IGNORE_FILE, text)
    }

    /// Runs this in crictl's place.
    pub fn crictl(self, command: &[&str]) -> Self {
        self.config(json!({"crictl_config": {"mode": "exec", "command": command}}))
    }

    /// Runs a shell script in crictl's place, in the node's folder.
    pub fn crictl_script(self, text: &str) -> Self {
        self.file("crictl.sh", shell_script(text)).crictl(&["sh", "{node}/crictl.sh"])
    }

    /// crictl prints this JSON. The file `images.json` holds it, so that a test can change it.
    pub fn images(self, json: impl Into<Vec<u8>>) -> Self {
        self.file("images.json", json).crictl(&["cat", "{node}/images.json"])
    }

    /// crictl prints the image of `tests/fixtures/one-image.json`, whose row is [`node_row`].
    pub fn one_image(self) -> Self {
        let path = fixture("one-image.json");
        self.crictl(&["cat", &path.to_string_lossy()])
    }

    /// Some images of crictl, for tests in which it does not matter who answers. The built-in composition starts at once; a
    /// composition of a file is compiled for seconds.
    pub fn some_images(self) -> Self {
        self.images(numbered_images(3))
    }

    /// crictl prints no image.
    pub fn no_images(self) -> Self {
        self.crictl(&["echo", NO_IMAGES])
    }

    /// Asks this socket of a container runtime, in this mode of `crictl_config`.
    pub fn runtime(self, mode: &str, socket: impl AsRef<Path>) -> Self {
        let endpoint = format!("unix://{}", socket.as_ref().display());
        self.config(json!({"crictl_config": {"mode": mode, "endpoint": endpoint}}))
    }

    /// Asks a socket that is not there.
    pub fn no_runtime(self) -> Self {
        self.runtime("cri", "/nonexistent/node.sock")
    }

    /// Turns the node API on, with this token.
    pub fn node_api(self, token: &str) -> Self {
        self.file("node-api-token", token)
            .config(json!({"node_api": {"enabled": true, "token_file": "node-api-token"}}))
    }

    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// When a file can't be written.
    pub fn build(self) -> Result<Node> {
        timing::measure_this_test();
        let node = Node(Arc::new(tempfile::tempdir()?));
        for (name, content) in self.files {
            node.write(&name, content)?;
        }
        for (name, content) in self.scripts {
            node.write_program(&name, &content)?;
        }
        node.write_config(&self.config)?;
        Ok(node)
    }
}

/// Whoever runs such a file has the rights of its owner.
const SET_USER_ID: u32 = 0o4000;
const IGNORE_FILE: &str = "images_to_ignore.txt";

impl Node {
    /// A node without anything.
    pub fn builder() -> NodeBuilder {
        NodeBuilder { config: json!({"cache_config": {"lifetime": 0}}), files: Vec::new(), scripts: Vec::new() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Its config.json.
    pub fn config_file(&self) -> PathBuf {
        self.path("config.json")
    }

    /// Changes config.json: keys that are not named stay, `null` removes (RFC 7396).
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn configure(&self, changes: Value) -> Result<()> {
        let mut config = serde_json::from_str(&self.read("config.json"))?;
        merge(&mut config, changes);
        self.write_config(&config)
    }

    fn write_config(&self, config: &Value) -> Result<()> {
        // A program that reads it at this moment finds the old one or the new one.
        self.write("config.json.new", config.to_string().replace("{node}", &self.folder().to_string_lossy()))?;
        // It belongs to whom the old one belonged to.
        if let Ok(old) = std::fs::metadata(self.config_file()) {
            std::os::unix::fs::chown(self.path("config.json.new"), Some(old.uid()), Some(old.gid()))?;
        }
        Ok(std::fs::rename(self.path("config.json.new"), self.config_file())?)
    }

    /// Writes a file that only its owner may read.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        std::fs::write(self.path(name), content)?;
        self.set_mode(name, 0o600)
    }

    /// Writes a file that can be run. `cp` writes it: while this process has a file open for writing, a process that another
    /// test starts may inherit that, and the file can't be run.
    fn write_program(&self, name: &str, content: &[u8]) -> Result<()> {
        let text = format!("{name}.text");
        self.write(&text, content)?;
        self.copy_program(&self.path(&text), name)
    }

    /// Gives all of its files to this user, but no sockets, nothing else that a server made, and no programs of root.
    pub(crate) fn give_to(&self, user: u32) -> Result<()> {
        let files = std::fs::read_dir(self.folder())?.map(|entry| Ok(entry?.path()));
        for path in files.chain([Ok(self.folder().to_owned())]).collect::<Result<Vec<_>>>()? {
            let metadata = path.symlink_metadata()?;
            let is_of_root = metadata.mode() & SET_USER_ID != 0;
            if metadata.is_dir() || (metadata.is_file() && !is_of_root) {
                std::os::unix::fs::chown(&path, Some(user), Some(user))?;
            }
        }
        Ok(())
    }

    pub(crate) fn copy_program(&self, from: &Path, name: &str) -> Result<()> {
        let copied = Command::new("cp").arg(from).arg(self.path(name)).status()?;
        ensure!(copied.success(), "copying {} failed ({copied})", from.display());
        self.set_mode(name, 0o755)
    }

    /// Copies a program of this machine into the folder, and gives all who run it the rights of root. Only root can.
    ///
    /// # Errors
    ///
    /// When it can't be copied.
    pub fn program_of_root(&self, path: &str) -> Result<()> {
        let path = Path::new(path);
        let name = path.file_name().and_then(|name| name.to_str()).context("a program has a name")?;
        self.copy_program(path, name)?;
        self.set_mode(name, SET_USER_ID | 0o755)
    }

    /// Writes images_to_ignore.txt.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn ignore(&self, text: &str) -> Result<()> {
        self.write(IGNORE_FILE, text)
    }

    /// Lets users read a file as its mode says.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn set_mode(&self, name: &str, mode: u32) -> Result<()> {
        Ok(std::fs::set_permissions(self.path(name), Permissions::from_mode(mode))?)
    }

    /// A file of the folder; nothing where there is none.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What `serve` wrote to stderr since it was started last.
    pub fn log(&self) -> String {
        self.read("stderr")
    }

    /// `PATH`, beginning with the folder.
    pub(crate) fn search_path(&self) -> Result<OsString> {
        let system = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder().to_owned()).chain(std::env::split_paths(&system));
        Ok(std::env::join_paths(folders)?)
    }
}

/// The row of the image that [`NodeBuilder::one_image`] gives a node.
pub fn node_row() -> Value {
    json!({"image_id": "a24bb4013296f", "repository": "k8s.gcr.io/kube-proxy", "size": "117MB", "tag": "v1.23.5"})
}

/// crictl's JSON of so many images `app:v00000`, `app:v00001`, …, of 1 byte each.
pub fn numbered_images(count: usize) -> String {
    let image =
        |number| json!({"id": format!("sha256:{number:064x}"), "repoTags": [format!("app:v{number:05}")], "size": "1"});
    json!({"images": (0..count).map(image).collect::<Vec<_>>()}).to_string()
}

fn shell_script(text: &str) -> Vec<u8> {
    format!("#!/bin/sh\ncd \"${{0%/*}}\"\n{text}\n").into_bytes()
}

/// JSON merge patch (RFC 7396).
fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (into, changes) => *into = changes,
    }
}
