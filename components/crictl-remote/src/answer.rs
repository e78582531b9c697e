//! The meaning of the other node's answer.

#![forbid(unsafe_code)]

use crate::node::{Node, TOKEN};
use image_model::crictl;
use image_model::types::{Failure, FailureCode, Image};

/// The images, or why there are none.
pub(crate) fn images(node: &Node, status: u16, body: &[u8]) -> Result<Vec<Image>, Failure> {
    let url = &node.url;
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
            let advice =
                format!("; {} has to be one of the file that node_api.token_file names there", node.setting(TOKEN));
            (FailureCode::Denied, said(&advice))
        }
        404 => (FailureCode::Unavailable, said("; set node_api.enabled there")),
        _ => (FailureCode::Unavailable, said("; its log says more")),
    };
    Err(Failure::of_source(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node::read("spin", "http://node:5375/", "t0ken", "").unwrap()
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
        assert!(error(401).contains("answered 401 (no way); crictl_token has"), "{}", error(401));
        assert!(error(404).contains("node_api.enabled"));
        assert!(error(502).contains("502"));
        assert!(error(200).contains("not the JSON of crictl images"));
        let code = |status| images(&node(), status, b"").unwrap_err().code;
        assert_eq!([401, 404, 200].map(code), [FailureCode::Denied, FailureCode::Unavailable, FailureCode::Malformed]);
    }
}
