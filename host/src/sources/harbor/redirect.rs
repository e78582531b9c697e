//! Redirects: the client follows those within the configured origin, and says of each other one which address to write.

use super::error::SendError;
use super::request_policy::Refusal;
use http::header::LOCATION;
use http::{Response, Uri};
use image_service_config::Origin;
use image_service_telemetry::source::FailureKind;
use url::Url;

/// Where the API begins in a path.
const API: &str = "/api/v2.0";

/// Where an answer redirects the request for `from` to.
///
/// # Errors
///
/// When that is not within the origin, with what to do.
pub(super) fn target<B>(origin: Option<&Origin>, from: &Uri, response: &Response<B>) -> Result<Uri, SendError> {
    let failed = |message: String| SendError::failed(FailureKind::Redirect, message);
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked = Url::parse(&from.to_string()).map_err(|_| SendError::InvalidUri)?;
    let target =
        asked.join(location).map_err(|_| failed(format!("redirected to {location:?}, which is no address")))?;
    if origin.is_some_and(|origin| origin.is_origin_of(&target)) {
        return target.as_str().parse().map_err(|_| SendError::InvalidUri);
    }
    let _ = Refusal::Redirect.report(target.as_str());
    Err(failed(explain(&asked, &target)))
}

/// What a redirect to another origin means, and what to do.
fn explain(asked: &Url, target: &Url) -> String {
    let origin = target.origin().ascii_serialization();
    if let Some(address) = address(asked, target) {
        let why = match (asked.scheme(), target.scheme()) {
            ("http", "https") => "as it speaks https",
            _ => "which is not the configured Harbor, so not followed",
        };
        return format!("redirected to {origin}, {why}; set harbor_config.url to {address:?}");
    }
    format!(
        "redirected to {origin}, which is not the configured Harbor, so not followed: a proxy before Harbor seems to ask for a \
         login of its own. Have it pass requests to {API}/ without one, or set harbor_config.url to an address of Harbor's \
         without that proxy"
    )
}

/// The address of Harbor to configure, where the redirect leads to the same part of the API there, or to `https` of the same
/// host.
fn address(asked: &Url, target: &Url) -> Option<String> {
    let origin = target.origin().ascii_serialization();
    let part = asked.path().find(API).and_then(|at| asked.path().get(at..)).unwrap_or(asked.path());
    if let Some(prefix) = target.path().strip_suffix(part) {
        return Some(format!("{origin}{}", prefix.trim_end_matches('/')));
    }
    let to_https = asked.scheme() == "http" && target.scheme() == "https" && asked.host() == target.host();
    let prefix = asked.path().strip_suffix(part).unwrap_or_default();
    to_https.then(|| format!("{origin}{}", prefix.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(from: &str, location: &str) -> String {
        let response = Response::builder().status(301).header(LOCATION, location).body(()).unwrap();
        let origin = Origin::parse(from).unwrap();
        target(Some(&origin), &from.parse().unwrap(), &response).unwrap_err().to_string()
    }

    #[test]
    fn a_redirect_of_harbor_names_the_address_to_write() {
        for (from, location, address) in [
            ("http://h/api/v2.0/systeminfo", "https://h/api/v2.0/systeminfo", "https://h"),
            ("http://h/api/v2.0/systeminfo", "https://h:8443/api/v2.0/systeminfo", "https://h:8443"),
            ("http://h:8080/api/v2.0/projects?page=1", "https://h/api/v2.0/projects?page=1", "https://h"),
            ("http://h/registry/api/v2.0/systeminfo", "https://h/registry/api/v2.0/systeminfo", "https://h/registry"),
            // Without the path, as some write it.
            ("http://h/registry/api/v2.0/systeminfo", "https://h/", "https://h/registry"),
            ("https://old/api/v2.0/systeminfo", "https://new/harbor/api/v2.0/systeminfo", "https://new/harbor"),
            ("https://h/api/v2.0/systeminfo", "http://h/api/v2.0/systeminfo", "http://h"),
        ] {
            let message = said(from, location);
            assert!(message.ends_with(&format!("set harbor_config.url to {address:?}")), "{message}");
        }
    }

    #[test]
    fn a_redirect_to_a_login_is_a_proxys() {
        let message =
            said("https://h/api/v2.0/systeminfo", "https://sso.example.com/login?rd=%2Fapi%2Fv2.0%2Fsysteminfo");
        assert!(message.contains("https://sso.example.com,") && message.contains("login of its own"), "{message}");
        assert!(!message.contains("set harbor_config.url to \""), "{message}");
    }

    #[test]
    fn a_redirect_within_the_origin_is_followed() {
        let response = Response::builder().status(302).header(LOCATION, "/registry/api/v2.0/x").body(()).unwrap();
        let origin = Origin::parse("http://h").unwrap();
        let followed = target(Some(&origin), &"http://h/api/v2.0/x".parse().unwrap(), &response).unwrap();
        assert_eq!(followed, "http://h/registry/api/v2.0/x");
    }
}
