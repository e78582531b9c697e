//! The node API: what crictl says here, over HTTP, for compositions that run where there is no node.

use crate::config::Secret;
use crate::crictl::{Crictl, Error};
use crate::problem::{answer, problem};
use http::header::{ALLOW, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use image_service_format::crictl;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use wasmtime_wasi_http::WasiBody;

/// Where it is asked.
pub(crate) const PATH: &str = "/v1/crictl/images";

/// Answers `GET /v1/crictl/images` to whoever has the token, with the JSON of `crictl images -o json`.
pub(crate) struct NodeApi {
    crictl: Arc<Crictl>,
    token: Secret,
}

impl NodeApi {
    pub(crate) fn new(crictl: Arc<Crictl>, token: Secret) -> Self {
        Self { crictl, token }
    }

    pub(crate) async fn answer(&self, method: &Method, headers: &HeaderMap) -> Response<WasiBody> {
        if !self.is_allowed(headers) {
            let detail =
                "The node API needs the header Authorization: Bearer TOKEN, with the token of node_api.token_file.";
            let mut response = problem(StatusCode::UNAUTHORIZED, detail);
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        if !matches!(*method, Method::GET | Method::HEAD) {
            let detail = format!("{method} can't be used on {PATH}, which can only be read. Use GET.");
            let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, &detail);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
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

    /// Compared in constant time, so that answers' delays tell nothing of the token but its length.
    fn is_allowed(&self, headers: &HeaderMap) -> bool {
        let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return false };
        let Some((scheme, token)) = value.split_once(' ') else { return false };
        let right: bool = token.trim().as_bytes().ct_eq(self.token.reveal().as_bytes()).into();
        scheme.eq_ignore_ascii_case("bearer") && right
    }
}
