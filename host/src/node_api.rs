//! The node API: what crictl says here, over HTTP, for compositions that run where there is no node.

use crate::content::Content;
use crate::crictl::{Crictl, Error};
use crate::problem::{answer, problem, unless_read};
use http::{Method, Response, StatusCode};
use image_model::crictl;
use std::sync::Arc;

/// Where it is asked.
pub(crate) const PATH: &str = "/v1/crictl/images";

/// Answers `GET /v1/crictl/images` with the JSON of `crictl images -o json`, to whoever was let in with its token
/// (`access`).
pub(crate) struct NodeApi {
    crictl: Arc<Crictl>,
}

impl NodeApi {
    pub(crate) fn new(crictl: Arc<Crictl>) -> Self {
        Self { crictl }
    }

    pub(crate) async fn answer(&self, method: &Method) -> Response<Content> {
        if let Some(refusal) = unless_read(method, PATH) {
            return refusal;
        }
        match self.crictl.ask().await {
            Ok(found) => answer(StatusCode::OK, "application/json", crictl::to_json(&found.images)),
            Err(error) => {
                let status = match error {
                    Error::TimedOut(_) => StatusCode::GATEWAY_TIMEOUT,
                    Error::Unavailable(_) | Error::Denied(_) | Error::Malformed(_) => StatusCode::BAD_GATEWAY,
                };
                problem(status, &error.to_string())
            }
        }
    }
}
