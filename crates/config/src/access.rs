//! `access_config`: which clients may send requests, and how.

use anyhow::{Context, Result, bail};
use http::HeaderValue;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use url::Url;

/// Which clients may send requests, and how.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Access {
    /// The certificate to speak TLS with.
    pub tls: Option<Tls>,
    /// A file with tokens. Each request needs one of them.
    pub token_file: Option<PathBuf>,
    /// The web pages whose scripts may read answers.
    pub cors: Option<Cors>,
}

/// The files of TLS, all PEM.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// The certificate, followed by the intermediate certificates.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities of client certificates, where clients need one.
    pub client_ca: Option<PathBuf>,
}

/// The web pages whose scripts may read answers, by their origins.
#[derive(Clone, Debug, PartialEq)]
pub enum Cors {
    /// All origins.
    Any,
    /// Only these origins.
    Origins(Vec<HeaderValue>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Section {
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    token_file: Option<PathBuf>,
    cors_origins: Option<Vec<String>>,
}

impl Section {
    pub(crate) fn read(self, folder: &Path) -> Result<Access> {
        let file =
            |path: Option<PathBuf>| path.filter(|path| !path.as_os_str().is_empty()).map(|path| folder.join(path));
        let client_ca = file(self.client_ca);
        let tls = match (file(self.tls_certificate), file(self.tls_key)) {
            (Some(certificate), Some(key)) => Some(Tls { certificate, key, client_ca }),
            (None, None) if client_ca.is_some() => bail!(
                "access_config.client_ca asks clients for certificates, which needs TLS; set tls_certificate and tls_key too"
            ),
            (None, None) => None,
            (Some(_), None) => bail!("access_config.tls_certificate has no tls_key; set both or neither"),
            (None, Some(_)) => bail!("access_config.tls_key has no tls_certificate; set both or neither"),
        };
        let origins = self.cors_origins.unwrap_or_default();
        let cors = match &origins[..] {
            [] => None,
            [any] if any == "*" => Some(Cors::Any),
            origins => Some(Cors::Origins(origins.iter().map(|origin| read_origin(origin)).collect::<Result<_>>()?)),
        };
        Ok(Access { tls, token_file: file(self.token_file), cors })
    }
}

/// An origin as browsers send it: scheme, host and port, no more.
fn read_origin(origin: &str) -> Result<HeaderValue> {
    let named = || format!("access_config.cors_origins: {origin:?}");
    let example = "write an origin as https://dashboard.example.com:8443, or [\"*\"] for all";
    let url = Url::parse(origin).with_context(|| format!("{} is no origin; {example}", named()))?;
    let sent = url.origin().ascii_serialization();
    if sent != origin {
        let meant = if url.origin().is_tuple() { format!(" (is {sent} meant?)") } else { String::new() };
        bail!("{} is no origin as browsers send it{meant}; {example}", named());
    }
    HeaderValue::from_str(&sent).with_context(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(section: serde_json::Value) -> Result<Access> {
        serde_json::from_value::<Section>(section).unwrap().read(Path::new("/etc/image-service"))
    }

    fn error(section: serde_json::Value) -> String {
        format!("{:#}", read(section).unwrap_err())
    }

    #[test]
    fn empty_values_turn_everything_off() {
        let access = read(serde_json::json!({"token_file": "", "cors_origins": []})).unwrap();
        assert!(access.tls.is_none() && access.token_file.is_none() && access.cors.is_none());
    }

    #[test]
    fn relative_paths_start_at_the_folder_of_the_file() {
        let access = read(serde_json::json!({
            "tls_certificate": "tls.crt", "tls_key": "/run/tls.key", "client_ca": "ca.pem", "token_file": "tokens"
        }));
        let Access { tls: Some(tls), token_file: Some(tokens), .. } = access.unwrap() else { panic!("all is set") };
        assert_eq!(tls.certificate, Path::new("/etc/image-service/tls.crt"));
        assert_eq!(tls.key, Path::new("/run/tls.key"));
        assert_eq!(tls.client_ca.unwrap(), Path::new("/etc/image-service/ca.pem"));
        assert_eq!(tokens, Path::new("/etc/image-service/tokens"));
    }

    #[test]
    fn a_certificate_without_a_key_is_refused_and_the_reverse() {
        assert!(error(serde_json::json!({"tls_certificate": "a"})).contains("tls_certificate has no tls_key"));
        assert!(error(serde_json::json!({"tls_key": "a"})).contains("tls_key has no tls_certificate"));
        assert!(error(serde_json::json!({"client_ca": "a"})).contains("set tls_certificate and tls_key too"));
    }

    #[test]
    fn origins_must_be_written_as_browsers_send_them() {
        let Some(Cors::Origins(origins)) =
            read(serde_json::json!({"cors_origins": ["https://a.example", "http://[::1]:3000"]})).unwrap().cors
        else {
            panic!("they are set")
        };
        assert_eq!(origins, ["https://a.example", "http://[::1]:3000"]);
        assert!(matches!(read(serde_json::json!({"cors_origins": ["*"]})).unwrap().cors, Some(Cors::Any)));
        for (wrong, meant) in [
            ("https://a.example/", "is https://a.example meant?"),
            ("https://A.example", "is https://a.example meant?"),
            ("https://a.example:443", "is https://a.example meant?"),
            ("a.example", "is no origin"),
            ("null", "is no origin"),
            ("*", "is no origin"),
        ] {
            let error = error(serde_json::json!({"cors_origins": [wrong, "https://b.example"]}));
            assert!(error.contains(meant), "{error}");
        }
    }
}
