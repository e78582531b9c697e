//! A real nginx of Debian's, started by a test with a folder and a port of its own; nothing is installed.

use crate::debian;
use crate::tls::Authority;
use crate::wait::eventually;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// An nginx with one server. It ends when this is dropped.
pub struct Nginx {
    /// Where it listens, such as `127.0.0.1:40123`.
    pub address: String,
    process: Child,
    folder: TempDir,
}

impl Nginx {
    /// Starts one over plain HTTP, with these directives in its `server`; `None` where there is none to be had, which is said
    /// on stderr.
    ///
    /// # Errors
    ///
    /// When it does not start, or none is to be had although the environment variable `CI` is `true`.
    pub async fn start(server: &str) -> Result<Option<Self>> {
        Self::launch("", |_| Ok(server.to_owned())).await
    }

    /// Starts one that speaks TLS with a certificate of this authority for 127.0.0.1, and HTTP/2.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with_tls(authority: &Authority, server: &str) -> Result<Option<Self>> {
        Self::launch(" ssl http2", |folder| {
            let (certificate, key) = (folder.join("certificate"), folder.join("key"));
            authority.issue(&["127.0.0.1"], &certificate, &key)?;
            Ok(format!("ssl_certificate {}; ssl_certificate_key {}; {server}", certificate.display(), key.display()))
        })
        .await
    }

    async fn launch(listen: &str, server: impl FnOnce(&Path) -> Result<String>) -> Result<Option<Self>> {
        let Some(package) = debian::package("nginx")? else { return Ok(None) };
        let folder = tempfile::tempdir()?;
        // It does not tell which port it took, so one is chosen that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let server = server(folder.path())?;
        let config = include_str!("nginx/nginx.conf")
            .replace("{listen}", &format!("{address}{listen}"))
            .replace("{server}", &server)
            .replace("{folder}", &folder.path().to_string_lossy());
        std::fs::write(folder.path().join("nginx.conf"), config)?;
        let process = Command::new(package.join("usr/sbin/nginx"))
            .arg("-p")
            .arg(folder.path())
            .args(["-c", "nginx.conf", "-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nginx = Self { address, process, folder };
        let connected = async || tokio::net::TcpStream::connect(&nginx.address).await.ok();
        let said = || std::fs::read_to_string(nginx.folder.path().join("error.log")).unwrap_or_default();
        eventually("nginx' first connection", connected).await.with_context(said)?;
        Ok(Some(nginx))
    }

    /// A line for each request so far: its protocol, the status, the encoding of the answer, and the path.
    ///
    /// # Errors
    ///
    /// When there is no log.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("access.log"))?)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
