//! A registry with 90,000 artifacts, in memory, read as the harbor component reads Harbor: for benches.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "sample-harbor-component", generate_all });
}

use bench_inventory::Registry;
use bindings::exports::image_service::inventory::harbor::{Guest, Image, SourceError};
use bindings::{wit_future, wit_stream};
use image_service_harbor_api as api;
use image_service_harbor_api::config::Config;
use image_service_harbor_api::listing::{Sink, list};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::rc::Rc;
use wit_bindgen::{FutureReader, StreamReader, StreamWriter};

struct MadeUpRegistry;

const PROJECTS: usize = 90;

thread_local! {
    /// Made once an instance: what is measured is reading it.
    static REGISTRY: OnceCell<Rc<Registry>> = const { OnceCell::new() };
}

impl Guest for MadeUpRegistry {
    async fn images() -> (StreamReader<Image>, FutureReader<Vec<SourceError>>) {
        let (rows, rows_reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(Vec::new);
        let registry = REGISTRY.with(|registry| Rc::clone(registry.get_or_init(|| Rc::new(Registry::new(PROJECTS)))));
        wit_bindgen::spawn(async move {
            let mut out = Out { rows, errors: Vec::new() };
            let settings = [("harbor-url", "https://harbor.example.com"), ("harbor-auth", "host")];
            let settings: HashMap<&str, String> = settings.map(|(key, value)| (key, value.to_owned())).into();
            match Config::read(&settings) {
                Ok(config) => list(&*registry, &config, &mut out).await,
                Err(message) => out.failed(api::SourceError { repository: None, message }),
            }
            drop(out.rows);
            let _ = errors.write(out.errors).await;
        });
        (rows_reader, errors_reader)
    }
}

struct Out {
    rows: StreamWriter<Image>,
    errors: Vec<SourceError>,
}

impl Sink for Out {
    async fn rows(&mut self, rows: Vec<api::Image>) -> bool {
        let row = |row: api::Image| Image {
            project: row.project,
            repository: row.repository,
            tag: row.tag,
            digest: row.digest,
            size: row.size,
        };
        self.rows.write_all(rows.into_iter().map(row).collect()).await.is_empty()
    }

    fn failed(&mut self, error: api::SourceError) {
        self.errors.push(SourceError { repository: error.repository, message: error.message });
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpRegistry;
    super::bindings::export!(MadeUpRegistry with_types_in super::bindings);
}
