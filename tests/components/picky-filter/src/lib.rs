//! Somebody's own filter: passes on the rows of one registry only, whatever images_to_ignore.txt says.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "filter-component", generate_all });
}

use bindings::exports::image_service::inventory::containerd::{Guest, Image, SourceError};
use bindings::image_service::inventory::containerd;
use bindings::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamReader};

struct PickyFilter;

impl Guest for PickyFilter {
    async fn images() -> (StreamReader<Image>, FutureReader<Vec<SourceError>>) {
        let (mut input, input_errors) = containerd::images().await;
        let (mut rows, rows_reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(Vec::new);
        wit_bindgen::spawn(async move {
            while let Some(image) = input.next().await {
                if image.repository.as_deref().is_some_and(|repository| repository.starts_with("quay.io/")) {
                    let row = Image { id: image.id, repository: image.repository, tag: image.tag, size: image.size };
                    rows.write_all(vec![row]).await;
                }
            }
            drop(rows);
            let _ = errors.write(input_errors.await).await;
        });
        (rows_reader, errors_reader)
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::PickyFilter;
    super::bindings::export!(PickyFilter with_types_in super::bindings);
}
