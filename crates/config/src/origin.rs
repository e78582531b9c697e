//! An origin of the web: scheme, host and port.

use anyhow::{Context, Result, bail};
use http::Uri;
use url::Url;

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(url::Origin);

impl Origin {
    /// The origin of an http or https address.
    ///
    /// # Errors
    ///
    /// When the text is no such address, with how to write it.
    pub fn parse(text: &str) -> Result<Self> {
        let help = "write it as https://harbor.example.com, with a port or a path if needed";
        let url = Url::parse(text).with_context(|| help)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            bail!("it is no http:// or https:// address; {help}");
        }
        if !url.username().is_empty() || url.password().is_some() {
            bail!("it contains a user or a password; put them into harbor_config.user and harbor_config.password");
        }
        Ok(Self(url.origin()))
    }

    /// Whether an address belongs to this origin. An address that another parser could read as another host (an IP address
    /// written as a number, a user before an @) does not.
    pub fn contains(&self, uri: &Uri) -> bool {
        Url::parse(&uri.to_string()).is_ok_and(|url| {
            self.is_origin_of(&url)
                && uri.host().zip(url.host_str()).is_some_and(|(host, read)| host.eq_ignore_ascii_case(read))
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        })
    }

    /// Whether a parsed address has this scheme, host and port.
    pub fn is_origin_of(&self, url: &Url) -> bool {
        url.origin() == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let origin = Origin::parse("https://harbor.example.com/prefix").unwrap();
        let contains = |uri: &str| origin.contains(&uri.parse().unwrap());
        assert!(contains("https://harbor.example.com/api/v2.0/projects"));
        assert!(contains("https://HARBOR.example.com:443/"));
        for other in [
            "http://harbor.example.com/",
            "https://harbor.example.com:8443/",
            "https://harbor.example.com.evil.example/",
            "https://harbor.example.com@evil.example/",
            "https://169.254.169.254/",
            "https://user:pass@harbor.example.com/",
            "https://harbor.example.com./",
        ] {
            assert!(!contains(other), "{other}");
        }
    }

    #[test]
    fn an_address_that_parsers_read_differently_is_not_of_the_origin() {
        let origin = Origin::parse("http://127.0.0.1:8080").unwrap();
        let contains = |uri: &str| origin.contains(&uri.parse().unwrap());
        assert!(contains("http://127.0.0.1:8080/"));
        for other in ["http://2130706433:8080/", "http://0177.0.0.1:8080/", "http://127.1:8080/", "http://0x7f.1:8080/"]
        {
            assert!(!contains(other), "{other}");
        }
    }

    #[test]
    fn credentials_in_the_url_and_other_schemes_are_refused() {
        assert!(Origin::parse("https://user:secret@harbor.example.com").is_err());
        assert!(Origin::parse("harbor.example.com").is_err());
        assert!(Origin::parse("ftp://harbor.example.com").is_err());
    }
}
