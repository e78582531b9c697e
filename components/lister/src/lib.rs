//! The lister: asks the node which images it has and gives them as ordered rows.

mod rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "lister-component", generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::crictl;
use bindings::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamReader};

struct Lister;

impl Guest for Lister {
    async fn images() -> (StreamReader<Image>, FutureReader<Vec<SourceError>>) {
        let (mut rows, rows_reader) = wit_stream::new();
        let (errors, errors_reader) =
            wit_future::new(|| vec![failure("the listing of the node's images ended early".to_owned())]);
        wit_bindgen::spawn(async move {
            let failed = match crictl::images().await {
                Ok(images) => {
                    rows.write_all(rows::rows(images)).await;
                    vec![]
                }
                Err(error) => vec![failure(rows::message(error))],
            };
            // The consumer asks for errors once the rows have ended.
            drop(rows);
            // It is gone when the client hung up; then nobody is left to tell.
            let _ = errors.write(failed).await;
        });
        (rows_reader, errors_reader)
    }
}

fn failure(message: String) -> SourceError {
    SourceError { repository: None, message }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::Lister;
    super::bindings::export!(Lister with_types_in super::bindings);
}
