//! The node API: the images of this node over HTTP, for compositions that run where there is no node.

use crate::sources::crictl::{Crictl, ErrorKind};
use http::{Method, Response, StatusCode};
use image_model::crictl;
use image_service_http::response::{Body, problem, refuse_unless_read, text};
use image_service_http::routes::Route;
use std::sync::Arc;

/// Answers `GET /v1/crictl/images` with the JSON of `crictl images -o json`. `access` has checked the client's token.
pub(crate) struct NodeApi {
    crictl: Arc<Crictl>,
}

impl NodeApi {
    pub(crate) fn new(crictl: Arc<Crictl>) -> Self {
        Self { crictl }
    }

    pub(crate) async fn answer(&self, method: &Method) -> Response<Body> {
        if let Some(refusal) = refuse_unless_read(method, Route::NodeApi.label()) {
            return refusal;
        }
        match self.crictl.ask().await {
            Ok(answer) => text(StatusCode::OK, "application/json", crictl::to_json(&answer.images)),
            Err(error) => {
                let status = match error.kind() {
                    ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                    ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorKind::Unavailable | ErrorKind::Denied | ErrorKind::Malformed => StatusCode::BAD_GATEWAY,
                };
                problem(status, &error.to_string())
            }
        }
    }
}
