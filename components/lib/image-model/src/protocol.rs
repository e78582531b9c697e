//! Texts on which components and our host agree: sources, headers, trailers, and the path of the node API. wit/worlds.wit names
//! the headers and trailers, too.

use crate::types::{FailureCode, Method, WholeReason};

/// The node's container runtime, as a source of rows: in `errors`, in trailers and in messages.
pub const CONTAINERD: &str = "containerd";

/// The registry, as a source of rows: in `errors`, in trailers and in messages.
pub const HARBOR: &str = "harbor";

/// The message of [`FailureCode::NotConfigured`] of the registry. Clients of `/images` know this text.
pub const HARBOR_OFF: &str = "Harbor configuration incomplete";

/// The request header by which a component asks the host to send a request without the login. The host removes it.
pub const LOGIN_HEADER: &str = "image-service-login";

/// The only value of [`LOGIN_HEADER`].
pub const LOGIN_NONE: &str = "none";

/// The request header by which our host says that it takes the summary out of the answer: the trailers and the header below. Under
/// a host that does not say so, no answer has them, as they would reach clients.
pub const SUMMARY_HEADER: &str = "image-service-summary";

/// The only value of [`SUMMARY_HEADER`].
pub const SUMMARY_WANTED: &str = "wanted";

/// The trailer of a listing that says how many items `errors` has. The host's cache reads it.
pub const ERRORS_TRAILER: &str = "image-service-errors";

/// The trailer of a listing that says how many rows each source gave, as [`rows_trailer`] writes it. The host's log reads it.
pub const ROWS_TRAILER: &str = "image-service-rows";

/// The trailer of a listing that says how the registry was read, as [`listing_trailer`] writes it. The host's log and metrics
/// read it.
pub const LISTING_TRAILER: &str = "image-service-listing";

/// The trailer that says which sources were asked, and how they failed, as [`report::trailer`](crate::report::trailer) writes it. The
/// host's log reads it.
pub const SOURCES_TRAILER: &str = "image-service-sources";

/// The header of an answer that says how many rows have each verdict, such as `missing=2, drifted=5; age=12`. The host's metrics
/// have it.
pub const VERDICTS_HEADER: &str = "image-service-verdicts";

/// The path at which a node's `image-service serve` answers `crictl-remote`.
pub const NODE_API_PATH: &str = "/v1/crictl/images";

/// The name of a failure's code in answers and in the log.
pub fn failure_code(code: FailureCode) -> &'static str {
    match code {
        FailureCode::Unavailable => "unavailable",
        FailureCode::Denied => "denied",
        FailureCode::TimedOut => "timed_out",
        FailureCode::Throttled => "throttled",
        FailureCode::NotFound => "not_found",
        FailureCode::Malformed => "malformed",
        FailureCode::TooLarge => "too_large",
        FailureCode::Inconsistent => "inconsistent",
        FailureCode::Misconfigured => "misconfigured",
        FailureCode::NotConfigured => "not_configured",
        FailureCode::Stale => "stale",
        FailureCode::Other => "other",
    }
}

/// The value of [`ROWS_TRAILER`], such as `containerd=35, harbor=412`.
pub fn rows_trailer(containerd: usize, harbor: usize) -> String {
    format!("{CONTAINERD}={containerd}, {HARBOR}={harbor}")
}

/// The value of [`LISTING_TRAILER`], such as `changes` or `whole; reason=due`.
pub fn listing_trailer(method: Method) -> String {
    match method {
        Method::Whole(reason) => format!("{}; reason={}", method_name(method), reason_name(reason)),
        Method::Changes | Method::Resumed | Method::Kept => method_name(method).to_owned(),
    }
}

/// Reads a value of [`LISTING_TRAILER`]; `None` where it is none.
pub fn parse_listing_trailer(trailer: &str) -> Option<Method> {
    let whole = WholeReason::ALL.iter().map(|reason| Method::Whole(*reason));
    whole.chain([Method::Changes, Method::Resumed, Method::Kept]).find(|method| listing_trailer(*method) == trailer)
}

/// The name of a method, without its reason.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Whole(_) => "whole",
        Method::Changes => "changes",
        Method::Resumed => "resumed",
        Method::Kept => "kept",
    }
}

/// The name of a reason.
pub fn reason_name(reason: WholeReason) -> &'static str {
    match reason {
        WholeReason::Off => "off",
        WholeReason::Unmarked => "unmarked",
        WholeReason::NoStore => "no_store",
        WholeReason::First => "first",
        WholeReason::Due => "due",
        WholeReason::Distrusted => "distrusted",
    }
}

/// Reads a value of [`ROWS_TRAILER`]: sources by name, and the rows of each; `None` where they are no number. Handlers of
/// other authors may name sources of their own.
pub fn rows_by_source(trailer: &str) -> impl Iterator<Item = (&str, Option<u64>)> {
    trailer.split(',').filter_map(|item| item.trim().split_once('=')).map(|(source, rows)| (source, rows.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trailer_with_the_rows_reads_back() {
        let trailer = rows_trailer(35, 412);
        assert_eq!(trailer, "containerd=35, harbor=412");
        assert!(rows_by_source(&trailer).eq([(CONTAINERD, Some(35)), (HARBOR, Some(412))]));
    }

    #[test]
    fn the_trailer_with_the_method_reads_back() {
        for method in [Method::Changes, Method::Resumed, Method::Kept, Method::Whole(WholeReason::NoStore)] {
            assert_eq!(parse_listing_trailer(&listing_trailer(method)), Some(method));
        }
        assert_eq!(listing_trailer(Method::Whole(WholeReason::Due)), "whole; reason=due");
        assert_eq!(parse_listing_trailer("whole"), None);
    }

    #[test]
    fn items_without_a_number_have_no_count() {
        assert!(rows_by_source("containerd, harbor=many,=,").eq([("harbor", None), ("", None)]));
    }
}
