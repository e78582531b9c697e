//! Another node's container runtime: asks that node's `image-service serve`, over HTTP, for the output of
//! `crictl images -o json`.

mod answer;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "crictl-remote-component",
        with: {
            "image-service:inventory/types@0.2.0": image_model::types,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Failure, Guest, Image};
use bindings::image_service::inventory::settings;
use image_model::limits::MAX_CRICTL_BYTES;
use image_model::types::FailureCode;

allocator::install!();

struct CrictlRemote;

impl Guest for CrictlRemote {
    async fn images() -> Result<Vec<Image>, Failure> {
        let url = settings::get("crictl-url".to_owned()).await.unwrap_or_default();
        let token = settings::get("crictl-token".to_owned()).await.unwrap_or_default();
        let url = answer::url(&url).map_err(|message| Failure::of_source(FailureCode::Misconfigured, message))?;
        let headers = [
            ("accept".to_owned(), b"application/json".to_vec()),
            ("authorization".to_owned(), format!("Bearer {token}").into_bytes()),
        ];
        let response = http_get::Client::default()
            .get(&url, &headers, MAX_CRICTL_BYTES)
            .await
            .map_err(|failed| Failure::of_source(failed.code, format!("GET {url}: {}", failed.message)))?;
        answer::images(&url, response.status, &response.body)
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::CrictlRemote;
    super::bindings::export!(CrictlRemote with_types_in super::bindings);
}
