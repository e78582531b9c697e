//! The other node, as the operator's settings name it.

#![forbid(unsafe_code)]

use image_model::protocol;
use image_model::setting::{self, written};
use std::time::Duration;
use url::Url;

/// The keys of the settings.
pub(crate) const URL: &str = "crictl-url";
pub(crate) const TOKEN: &str = "crictl-token";
pub(crate) const TIMEOUT: &str = "crictl-timeout";

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The other node.
#[derive(Debug)]
pub(crate) struct Node {
    /// The URL of its node API.
    pub(crate) url: Url,
    pub(crate) token: String,
    pub(crate) timeout: Duration,
    /// How messages write the names of settings.
    style: String,
}

impl Node {
    /// Reads the settings. An empty one is not set.
    pub(crate) fn read(style: &str, url: &str, token: &str, timeout: &str) -> Result<Self, String> {
        let name = |key| written(Some(style), key);
        let token = setting::trimmed(token).trim();
        if token.is_empty() && !setting::trimmed(url).trim().is_empty() {
            return Err(format!(
                "{} is not set; it has to be a token of the file that node_api.token_file names on the node",
                name(TOKEN)
            ));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{} has a space or another character that no token has", name(TOKEN)));
        }
        Ok(Self {
            url: node_api(setting::trimmed(url).trim(), &name(URL))?,
            token: token.to_owned(),
            timeout: match timeout.trim() {
                "" => DEFAULT_TIMEOUT,
                text => setting::seconds(text, &name(TIMEOUT))?,
            },
            style: style.to_owned(),
        })
    }

    /// A setting's name, as messages write it.
    pub(crate) fn setting(&self, key: &str) -> String {
        written(Some(&self.style), key)
    }

    /// The failure of a node that did not answer in time.
    pub(crate) fn timed_out(&self) -> String {
        format!(
            "GET {}: no answer within {} s; is the node's container runtime hanging, or {} too short?",
            self.url,
            self.timeout.as_secs_f64(),
            self.setting(TIMEOUT)
        )
    }
}

/// The URL of the node API, from the URL of the node, which the setting `name` has.
fn node_api(node: &str, name: &str) -> Result<Url, String> {
    const EXAMPLE: &str = "http://node.example.com:5375";
    let explain = |problem: &str| format!("{name} {node:?} {problem}; write it as {EXAMPLE}");
    if node.is_empty() {
        return Err(format!(
            "no node is configured; set {name} to the address of the node's image-service, such as {EXAMPLE}"
        ));
    }
    if !node.contains("://") {
        return Err(format!(
            "{name} {node:?} has no scheme; write it as http://{node}, or https://{node} if the node has TLS"
        ));
    }
    let mut url = Url::parse(node).map_err(|error| explain(&format!("is no address ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(explain("is no http:// or https:// address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(explain("has a login, which the node API does not know; it takes a token"));
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(protocol::NODE_API_PATH).unwrap_or(path);
    let path = format!("{path}{}", protocol::NODE_API_PATH);
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Node, String> {
        Node::read("environment", url, "t0ken", "")
    }

    fn error(url: &str) -> String {
        read(url).unwrap_err()
    }

    #[test]
    fn the_url_leads_to_the_node_api() {
        let url = |node: &str| read(node).unwrap().url.to_string();
        assert_eq!(url("http://node:5375/"), "http://node:5375/v1/crictl/images");
        assert_eq!(url("https://gate/node-1"), "https://gate/node-1/v1/crictl/images");
        assert_eq!(url("http://node:5375/v1/crictl/images#x"), "http://node:5375/v1/crictl/images");
        assert_eq!(url("\nhttp://node:5375\r\n"), "http://node:5375/v1/crictl/images");
    }

    #[test]
    fn a_mistake_in_the_url_is_told_with_what_to_write() {
        assert!(error("").starts_with("no node is configured; set CRICTL_URL to"), "{}", error(""));
        let error_of = |url: &str| error(url);
        assert!(
            error_of("node:5375")
                .ends_with("has no scheme; write it as http://node:5375, or https://node:5375 if the node has TLS")
        );
        assert!(error_of("ftp://node").contains("CRICTL_URL \"ftp://node\" is no http:// or https:// address"));
        assert!(error_of("http://u:p@node").contains("has a login"));
    }

    #[test]
    fn a_token_has_no_line_ends_around_it_and_no_spaces_in_it() {
        let token = |token: &str| Node::read("spin", "http://node", token, "").map(|node| node.token);
        assert_eq!(token("t0ken\r\n").unwrap(), "t0ken");
        assert!(token("a b").unwrap_err().starts_with("crictl_token has a space"));
        assert!(token("\n").unwrap_err().starts_with("crictl_token is not set; it has to be"));
    }

    #[test]
    fn the_time_out_is_in_seconds() {
        let timeout = |text: &str| Node::read("", "http://node", "t", text).map(|node| node.timeout);
        assert_eq!((timeout("").unwrap(), timeout("1.5").unwrap()), (DEFAULT_TIMEOUT, Duration::from_millis(1500)));
        for nonsense in ["0", "-1", "soon", "NaN", "1e99"] {
            assert!(timeout(nonsense).unwrap_err().starts_with("crictl-timeout is"), "{nonsense}");
        }
        let node = Node::read("environment", "http://node", "t", "2").unwrap();
        assert!(node.timed_out().contains("no answer within 2 s") && node.timed_out().contains("CRICTL_TIMEOUT"));
    }
}
