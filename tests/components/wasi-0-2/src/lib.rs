//! A handler for WASI 0.2.

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{Fields, IncomingRequest, OutgoingResponse, ResponseOutparam};

struct Handler;

impl Guest for Handler {
    fn handle(_: IncomingRequest, answer: ResponseOutparam) {
        ResponseOutparam::set(answer, Ok(OutgoingResponse::new(Fields::new())));
    }
}

#[allow(unsafe_code, reason = "generated from WASI's WIT")]
mod exported {
    use super::Handler;
    wasip2::http::proxy::export!(Handler);
}
