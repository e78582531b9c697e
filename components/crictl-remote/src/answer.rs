//! The URL of the other node, and the meaning of its answer.

#![forbid(unsafe_code)]

use image_model::types::{Failure, FailureCode, Image};
use image_model::{crictl, protocol};
use url::Url;

/// The URL of the node API, from the URL of the node.
pub(crate) fn url(node: &str) -> Result<Url, String> {
    let explain = |problem: &str| format!("crictl-url {node:?} {problem}; write it as http://node.example.com:5375");
    if node.is_empty() {
        return Err("no node is configured; set crictl-url to the address of the node's image-service, such as \
             http://node.example.com:5375"
            .to_owned());
    }
    let mut url = Url::parse(node).map_err(|error| explain(&format!("can't be read ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(explain("is no http:// or https:// address"));
    }
    let path = format!("{}{}", url.path().trim_end_matches('/'), protocol::NODE_API_PATH);
    url.set_path(&path);
    url.set_query(None);
    Ok(url)
}

/// The images, or why there are none.
pub(crate) fn images(url: &Url, status: u16, body: &[u8]) -> Result<Vec<Image>, Failure> {
    let text = String::from_utf8_lossy(body);
    let said = |advice: &str| {
        let said: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
        format!("GET {url}: the node answered {status} ({said}){advice}")
    };
    let (code, message) = match status {
        200 => match crictl::parse_json(&text) {
            Ok(images) => return Ok(images),
            Err(error) => (FailureCode::Malformed, format!("GET {url}: {error}")),
        },
        401 | 403 => {
            let advice = "; crictl-token has to be the one in the file that node_api.token_file names";
            (FailureCode::Denied, said(advice))
        }
        404 => (FailureCode::Unavailable, said("; set node_api.enabled there")),
        _ => (FailureCode::Unavailable, said("; its log says more")),
    };
    Err(Failure::of_source(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Url {
        url("http://node:5375/").unwrap()
    }

    #[test]
    fn the_url_leads_to_the_node_api() {
        assert_eq!(node().as_str(), "http://node:5375/v1/crictl/images");
        assert_eq!(url("https://gate/node-1").unwrap().as_str(), "https://gate/node-1/v1/crictl/images");
        assert!(url("").unwrap_err().contains("crictl-url"));
        assert!(url("node:5375").unwrap_err().contains("http://node.example.com:5375"));
    }

    #[test]
    fn the_json_of_crictl_is_read() {
        let body = br#"{"images":[{"id":"sha256:1","repoTags":["a:1"],"size":"7","pinned":true}]}"#;
        let images = images(&node(), 200, body).unwrap();
        assert_eq!((images[0].id.as_str(), images[0].size, images[0].pinned), ("sha256:1", 7, true));
    }

    #[test]
    fn a_refusal_says_what_to_change() {
        let error = |status| match images(&node(), status, b"no\n  way") {
            Err(failure) => failure.message,
            Ok(images) => panic!("{images:?}"),
        };
        assert!(error(401).contains("answered 401 (no way); crictl-token"), "{}", error(401));
        assert!(error(404).contains("node_api.enabled"));
        assert!(error(502).contains("502"));
        assert!(error(200).contains("not the JSON of crictl images"));
        let code = |status| images(&node(), status, b"").unwrap_err().code;
        assert_eq!([401, 404, 200].map(code), [FailureCode::Denied, FailureCode::Unavailable, FailureCode::Malformed]);
    }
}
