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
    /// Everything else, which the composition answers.
    Other,
}

/// Which token a route needs, where tokens are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// None: monitoring has no token.
    None,
    /// One of `access_config.token_file`.
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
            Self::Other => "other",
        }
    }

    /// Which token it needs.
    pub(crate) fn credential(self) -> Credential {
        match self {
            Self::Healthz | Self::Readyz => Credential::None,
            Self::NodeApi => Credential::NodeToken,
            Self::Images | Self::Inventory | Self::Compare | Self::Metrics | Self::OpenApi | Self::Other => {
                Credential::ClientToken
            }
        }
    }

    /// Whether the host itself answers it with a document that can only be read.
    pub fn is_read_only(self) -> bool {
        !matches!(self, Self::Images | Self::Inventory | Self::Compare | Self::Other)
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
    fn only_probes_need_no_token() {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(Route::of(path).credential(), Credential::None, "{path}");
        }
        for path in [
            "/images",
            "//images",
            "/inventory",
            "/compare",
            "/metrics",
            "/openapi.json",
            "/",
            "/healthz/",
            "/HEALTHZ",
            "//readyz",
        ] {
            assert_eq!(Route::of(path).credential(), Credential::ClientToken, "{path}");
        }
    }
}
