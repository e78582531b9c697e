//! Names on which components and our host agree besides wit/: sources, headers, trailers, and the path of the node API.

/// The node's container runtime, as a source of rows: in `errors`, in trailers and in messages.
pub const CONTAINERD: &str = "containerd";

/// The registry, as a source of rows: in `errors`, in trailers and in messages.
pub const HARBOR: &str = "harbor";

/// The request header by which a component asks the host to send a request without the login. The host removes it.
pub const LOGIN_HEADER: &str = "image-service-login";

/// The only value of [`LOGIN_HEADER`].
pub const LOGIN_NONE: &str = "none";

/// The trailer of a listing that says how many items `errors` has. The host's cache reads it.
pub const ERRORS_TRAILER: &str = "image-service-errors";

/// The trailer of a listing that says how many rows each source gave, as [`rows_trailer`] writes it. The host's log reads it.
pub const ROWS_TRAILER: &str = "image-service-rows";

/// The path at which a node's `image-service serve` answers `crictl-remote`.
pub const NODE_API_PATH: &str = "/v1/crictl/images";

/// The value of [`ROWS_TRAILER`], such as `containerd=35, harbor=412`.
pub fn rows_trailer(containerd: usize, harbor: usize) -> String {
    format!("{CONTAINERD}={containerd}, {HARBOR}={harbor}")
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
    fn items_without_a_number_have_no_count() {
        assert!(rows_by_source("containerd, harbor=many,=,").eq([("harbor", None), ("", None)]));
    }
}
