//! The handler: routes HTTP requests. `/images` streams the rows of both sources; `/inventory` and `/compare` say how they compare.

mod answer;
mod entity_tags;
mod images;
mod inventory;
mod negotiation;
mod options;
mod picture;
mod route;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings;

use answer::Body;
use route::Route;
use spin_sdk::http::{Request, Response};
use spin_sdk::http_service;

allocator::install!();

#[http_service]
async fn handle(request: Request) -> Response<Body> {
    match Route::of(request.method(), request.uri().path()) {
        Route::Images => images::get(negotiation::wants_summary(request.headers())),
        Route::ImagesHead => images::head(),
        Route::Inventory => inventory::inventory(&request).await,
        Route::Compare => inventory::compare(&request).await,
        Route::Problem(problem) => answer::problem(&problem),
    }
}
