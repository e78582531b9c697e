//! The cache's result for a request: the header `Cache-Status` (RFC 9211), and the label of metrics and logs.

use http::{HeaderName, HeaderValue};

/// The header of RFC 9211, for which the crate `http` has no constant.
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The cache's result for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CacheStatus {
    /// The cache served a kept answer, fresh for `ttl` more seconds; negative when stale.
    Hit {
        /// Seconds.
        ttl: i64,
    },
    /// The cache asked the composition.
    Forwarded {
        /// The reason, a value of `fwd`.
        reason: &'static str,
        /// Whether it shares the answer to another request.
        collapsed: bool,
    },
}

impl CacheStatus {
    /// A request that shares no answer.
    pub(crate) fn forwarded(reason: &'static str) -> Self {
        Self::Forwarded { reason, collapsed: false }
    }

    /// The value of the header. It is never `None`, as all its parts are valid in a header.
    pub(crate) fn header_value(self) -> Option<HeaderValue> {
        let text = match self {
            Self::Hit { ttl } => format!("image-service; hit; ttl={ttl}"),
            Self::Forwarded { reason, collapsed } => {
                format!("image-service; fwd={reason}{}", if collapsed { "; collapsed" } else { "" })
            }
        };
        HeaderValue::try_from(text).ok()
    }

    /// The label `result` of `cache_requests_total`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Hit { ttl } if ttl < 0 => "stale",
            Self::Hit { .. } => "hit",
            Self::Forwarded { collapsed: true, .. } => "collapsed",
            Self::Forwarded { reason: "bypass" | "method", .. } => "bypass",
            Self::Forwarded { .. } => "miss",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_a_header_and_a_label() {
        for (status, header, label) in [
            (CacheStatus::Hit { ttl: 4 }, "image-service; hit; ttl=4", "hit"),
            (CacheStatus::Hit { ttl: -2 }, "image-service; hit; ttl=-2", "stale"),
            (CacheStatus::forwarded("uri-miss"), "image-service; fwd=uri-miss", "miss"),
            (
                CacheStatus::Forwarded { reason: "stale", collapsed: true },
                "image-service; fwd=stale; collapsed",
                "collapsed",
            ),
            (CacheStatus::forwarded("bypass"), "image-service; fwd=bypass", "bypass"),
            (CacheStatus::forwarded("method"), "image-service; fwd=method", "bypass"),
        ] {
            assert_eq!(status.header_value().unwrap(), header);
            assert_eq!(status.label(), label);
        }
    }
}
