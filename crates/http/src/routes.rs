//! Every path that the program answers itself: its label, the allowed methods, and the token it needs.

use http::Method;
use image_model::protocol;

/// A path of the program, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The composition's listing, at `/images` and `//images`.
    Images,
    /// Whether the composition is loaded.
    Healthz,
    /// Whether a source answered a short time ago.
    Readyz,
    /// Metrics for Prometheus.
    Metrics,
    /// The OpenAPI document.
    OpenApi,
    /// The node's images, for compositions that run elsewhere.
    NodeApi,
    /// The composition's rows with their verdicts.
    Inventory,
    /// The sums of its comparison.
    Compare,
    /// Begins the session of a browser.
    Login,
    /// Ends the session of a browser.
    Logout,
    /// Everything else, which the composition answers.
    Other,
}

/// Which token a route needs, where tokens are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// None: monitoring has no token, and a login brings it.
    None,
    /// None to see states. One of `access_config.token_file`, or a session that one began, to see errors too.
    Details,
    /// One of `access_config.token_file` to see rows; what is open to all needs none.
    Page,
    /// One of `access_config.token_file`, or a session that one began.
    ClientToken,
    /// One of `node_api.token_file`.
    NodeToken,
}

impl Route {
    /// The route of a request's path.
    pub fn of(path: &str) -> Self {
        match path {
            "/healthz" => Self::Healthz,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            "/openapi.json" => Self::OpenApi,
            "/inventory" => Self::Inventory,
            "/compare" => Self::Compare,
            protocol::NODE_API_PATH => Self::NodeApi,
            "/login" => Self::Login,
            "/logout" => Self::Logout,
            // A client whose configured address ends in a slash asks for `//images`.
            _ if path.starts_with('/') && path.trim_start_matches('/') == "images" => Self::Images,
            _ => Self::Other,
        }
    }

    /// The label of metrics, logs and spans: a fixed set, so clients cannot create label values.
    pub fn label(self) -> &'static str {
        match self {
            Self::Images => "/images",
            Self::Healthz => "/healthz",
            Self::Readyz => "/readyz",
            Self::Metrics => "/metrics",
            Self::OpenApi => "/openapi.json",
            Self::NodeApi => protocol::NODE_API_PATH,
            Self::Inventory => "/inventory",
            Self::Compare => "/compare",
            Self::Login => "/login",
            Self::Logout => "/logout",
            Self::Other => "other",
        }
    }

    /// Which token a request for `path`, which has this route, needs.
    pub(crate) fn credential(self, path: &str) -> Credential {
        match self {
            Self::Healthz | Self::Login | Self::Logout => Credential::None,
            Self::Readyz => Credential::Details,
            Self::NodeApi => Credential::NodeToken,
            Self::Other if is_page(path) => Credential::Page,
            Self::Images | Self::Inventory | Self::Compare | Self::Metrics | Self::OpenApi | Self::Other => {
                Credential::ClientToken
            }
        }
    }

    /// Whether a browser's session may take the place of the client token: where people look, and not where programs do.
    pub(crate) fn takes_session(self) -> bool {
        matches!(self, Self::Readyz | Self::Images | Self::Inventory | Self::Compare | Self::OpenApi | Self::Other)
    }

    /// Whether the host itself answers it with a document that can only be read.
    pub fn is_read_only(self) -> bool {
        !matches!(self, Self::Images | Self::Inventory | Self::Compare | Self::Login | Self::Logout | Self::Other)
    }

    /// Whether monitoring requests it every few seconds: its log lines have the level DEBUG.
    pub(crate) fn is_probe(self) -> bool {
        matches!(self, Self::Healthz | Self::Readyz)
    }

    /// Whether its requests may be traced. Probes and scrapes are not, as they come every few seconds.
    pub(crate) fn is_traced(self) -> bool {
        !matches!(self, Self::Healthz | Self::Readyz | Self::Metrics)
    }
}

/// The page. It holds no rows before the login: a person has to see it to log in.
pub const PAGE: &str = "/";
/// The folder of what it is made of.
const PAGE_ASSETS: &str = "/assets/";
/// The rows as a file.
const PAGE_ROWS: &str = "/inventory.csv";

/// Whether a path is the page, or what it is made of.
fn is_page(path: &str) -> bool {
    // No `..`: a composition might resolve it.
    path == PAGE || path.strip_prefix(PAGE_ASSETS).is_some_and(|name| !name.contains("..") && !name.contains('%'))
}

/// Whether the answer to a path compares the node with the registry, so that it needs a whole listing, or kept rows.
pub fn compares(path: &str) -> bool {
    matches!(Route::of(path), Route::Inventory | Route::Compare) || path == PAGE || path == PAGE_ROWS
}

/// Whether a method only reads.
pub fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_fixed_set() {
        let label = |path: &str| Route::of(path).label();
        assert_eq!((label("/images"), label("//images"), label("images")), ("/images", "/images", "other"));
        assert_eq!((label("/images/1"), label("/healthz"), label("/x\n")), ("other", "/healthz", "other"));
    }

    #[test]
    fn only_probes_logins_and_a_page_need_no_token() {
        let credential = |path: &str| Route::of(path).credential(path);
        assert_eq!(credential("/readyz"), Credential::Details);
        for path in ["/healthz", "/login", "/logout"] {
            assert_eq!(credential(path), Credential::None, "{path}");
        }
        for path in [
            "/images",
            "//images",
            "/inventory",
            "/compare",
            "/metrics",
            "/openapi.json",
            "/healthz/",
            "/HEALTHZ",
            "//readyz",
            "/login/",
        ] {
            assert_eq!(credential(path), Credential::ClientToken, "{path}");
        }
        for path in ["/", "/assets/page-1a2b.js"] {
            assert_eq!(credential(path), Credential::Page, "{path}");
        }
        for path in ["//", "/assets", "/Assets/a", "/assets/../images", "/assets/%2e%2e/images", "/x/assets/a"] {
            assert_eq!(credential(path), Credential::ClientToken, "{path}");
        }
    }
}
