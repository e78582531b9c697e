//! Another node's container runtime: asks that node's `image-service serve`, over HTTP, for the output of
//! `crictl images -o json`.

mod answer;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "crictl-remote-component",
        with: {
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Error, Guest, Image};
use bindings::image_service::inventory::settings;
use image_model::limits::MAX_CRICTL_BYTES;

allocator::install!();

struct CrictlRemote;

image_model::convert_crictl_image!(Image);

impl From<answer::Error> for Error {
    fn from(error: answer::Error) -> Self {
        match error {
            answer::Error::Unavailable(message) => Self::Unavailable(message),
            answer::Error::Denied(message) => Self::Denied(message),
            answer::Error::Malformed(message) => Self::Malformed(message),
        }
    }
}

impl Guest for CrictlRemote {
    async fn images() -> Result<Vec<Image>, Error> {
        let url = settings::get("crictl-url".to_owned()).await.unwrap_or_default();
        let token = settings::get("crictl-token".to_owned()).await.unwrap_or_default();
        let url = answer::url(&url).map_err(Error::Unavailable)?;
        let headers = [
            ("accept".to_owned(), b"application/json".to_vec()),
            ("authorization".to_owned(), format!("Bearer {token}").into_bytes()),
        ];
        let response = http_get::Client::default()
            .get(&url, &headers, MAX_CRICTL_BYTES)
            .await
            .map_err(|message| Error::Unavailable(format!("GET {url}: {message}")))?;
        let images = answer::images(&url, response.status, &response.body)?;
        Ok(images.into_iter().map(Image::from).collect())
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::CrictlRemote;
    super::bindings::export!(CrictlRemote with_types_in super::bindings);
}
