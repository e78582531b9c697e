//! Another node's container runtime: asks that node's `image-service serve`, over HTTP, for the output of
//! `crictl images -o json`.

mod answer;
mod node;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "crictl-remote-component",
        with: {
            "image-service:inventory/types@0.2.0": image_model::types,
            "wasi:clocks/monotonic-clock@0.3.0": wasip3::clocks::monotonic_clock,
            "wasi:clocks/types@0.3.0": wasip3::clocks::types,
            "wasi:http/types@0.3.0": wasip3::http::types,
            "wasi:http/client@0.3.0": wasip3::http::client,
        },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::crictl::{Failure, Guest, Image};
use bindings::image_service::inventory::settings;
use futures::future::{Either, select};
use image_model::limits::MAX_CRICTL_BYTES;
use image_model::setting;
use image_model::types::FailureCode;
use node::Node;
use std::pin::pin;
use wasip3::clocks::monotonic_clock::wait_for;

allocator::install!();

struct CrictlRemote;

impl Guest for CrictlRemote {
    async fn images() -> Result<Vec<Image>, Failure> {
        let mut values = Vec::new();
        for key in [setting::STYLE, node::URL, node::TOKEN, node::TIMEOUT] {
            values.push(settings::get(key.to_owned()).await.unwrap_or_default());
        }
        let [style, url, token, timeout] = &values[..] else { return Ok(Vec::new()) };
        let node = Node::read(style, url, token, timeout)
            .map_err(|message| Failure::of_source(FailureCode::Misconfigured, message))?;
        let headers = [
            ("accept".to_owned(), b"application/json".to_vec()),
            ("authorization".to_owned(), format!("Bearer {}", node.token).into_bytes()),
        ];
        let client = http_get::Client::default();
        let nanoseconds = u64::try_from(node.timeout.as_nanos()).unwrap_or(u64::MAX);
        // Hosts have time-outs of their own, of minutes or none at all.
        let response =
            match select(pin!(client.get(&node.url, &headers, MAX_CRICTL_BYTES)), pin!(wait_for(nanoseconds))).await {
                Either::Left((response, _)) => response,
                Either::Right(((), _)) => return Err(Failure::of_source(FailureCode::TimedOut, node.timed_out())),
            };
        let response = response
            .map_err(|failed| Failure::of_source(failed.code, format!("GET {}: {}", node.url, failed.message)))?;
        answer::images(&node, response.status, &response.body)
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::CrictlRemote;
    super::bindings::export!(CrictlRemote with_types_in super::bindings);
}
