//! Counts instructions instead of time. The count is the same on a busy machine and on an idle one, so a regression shows.
//! `cargo xtask bench instructions` runs each benchmark under valgrind, and compares the counts with bench/instructions.json.
//!
//! Arguments: the name of the benchmark to run; without one, the names are printed.

#![forbid(unsafe_code)]
#![allow(clippy::expect_used, reason = "a benchmark that does not work panics")]
#![allow(clippy::print_stdout, reason = "the names are the output")]

use bench_inventory::{Registry, ignore_file, listing, node};
use http::Request;
use http_body_util::{BodyExt, Empty};
use image_model::crictl;
use image_model::ignore::IgnoreList;
use image_model::types::Image;
use image_service::app::App;
use image_service::composition::Composition;
use image_service::lasting::Lasting;
use image_service::runtime::{Capabilities, Service};
use image_service::sources;
use image_service_http::access::Peer;
use image_service_http::response::RequestBody;
use image_service_http::server::exchange;
use image_service_tests::{Harbor, Version, composition};
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Images or lines of each run.
const COUNT: usize = 1000;
/// Requests of a run with short ones, because the first request of a second has more work than the others.
const HITS: usize = 100;

/// The benchmarks by their names, each with its input.
const BENCHMARKS: [(&str, fn()); 6] = [
    ("crictl_json_to_images", || count(crictl_json(COUNT), crictl_json_to_images)),
    ("images_to_rows", || count(node(COUNT), images_to_rows)),
    ("ignore_file_to_list", || count(ignore_file(COUNT), ignore_file_to_list)),
    ("both_sources_to_json", || count(both(COUNT), both_sources_to_json)),
    ("a_request_of_the_demonstration", || count(Demo::warm(), a_request_of_the_demonstration)),
    ("a_hundred_kept_answers", || count(CachedHost::warm(HITS), a_hundred_kept_answers)),
];

fn main() {
    // Cargo adds `--bench`.
    match std::env::args().skip(1).find(|argument| !argument.starts_with('-')) {
        None => BENCHMARKS.iter().for_each(|(name, _)| println!("{name}")),
        Some(wanted) => {
            let (_, run) = BENCHMARKS.iter().find(|(name, _)| *name == wanted).expect("a benchmark of this name");
            run();
        }
    }
}

/// Runs a benchmark on its input. Drops the output after the count.
fn count<I, O>(input: I, benchmark: fn(I) -> O) {
    let output = counted(input, benchmark);
    drop(black_box(output));
}

/// Valgrind counts only in this function; xtask knows its name.
#[inline(never)]
fn counted<I, O>(input: I, benchmark: fn(I) -> O) -> O {
    black_box(benchmark(black_box(input)))
}

fn crictl_json_to_images(text: String) -> usize {
    black_box(crictl::parse(black_box(&text))).map_or(0, |images| images.len())
}

fn crictl_json(count: usize) -> String {
    crictl::to_json(&node(count))
}

fn images_to_rows(images: Vec<Image>) -> usize {
    black_box(image_model::node::rows(black_box(images))).len()
}

fn ignore_file_to_list(text: String) -> IgnoreList {
    black_box(IgnoreList::parse(black_box(&text)))
}

fn both_sources_to_json((images, ignored, registry): (Vec<Image>, String, Registry)) -> usize {
    let mut length = 0;
    let _ = listing(images, &ignored, &registry, |piece| length += black_box(piece).len());
    length
}

fn both(images: usize) -> (Vec<Image>, String, Registry) {
    (node(images), ignore_file(images), Registry::new(1))
}

// Returns the demonstration, so that its drop is not counted.
fn a_request_of_the_demonstration(demo: Demo) -> (usize, Demo) {
    (black_box(demo.images()), demo)
}

/// The demonstration in this process, on this thread: no sockets, no other cores.
struct Demo {
    runtime: Runtime,
    service: Arc<Service>,
}

impl Demo {
    /// A demonstration that has answered before, which is the state for almost all requests.
    fn warm() -> Self {
        let runtime = runtime();
        let (config, _) = image_service_config::parse("{}", Path::new("")).expect("the defaults");
        let capabilities = Capabilities::new(config, &sources::Lasting::default()).expect("no files");
        let composition = Composition::read(&composition("demo")).expect("`cargo xtask build` makes it");
        let service =
            Service::new(&composition, Arc::new(capabilities), Arc::new(|_: &str| ())).expect("it can be loaded");
        let demo = Self { runtime, service: Arc::new(service) };
        for _ in 0..3 {
            demo.images();
        }
        demo
    }

    /// Asks for the images. Returns the number of bytes of the answer.
    fn images(&self) -> usize {
        self.runtime.block_on(async {
            let response = Arc::clone(&self.service).handle(request()).await.expect("an answer");
            response.into_body().collect().await.expect("all of it").to_bytes().len()
        })
    }
}

fn a_hundred_kept_answers((hits, kept): (usize, CachedHost)) -> (usize, CachedHost) {
    ((0..hits).map(|_| black_box(kept.images())).sum(), kept)
}

/// The host with a listing in its cache, also in this process. The listing needs a `Cache-Control`, which the demonstration
/// does not set.
struct CachedHost {
    runtime: Runtime,
    app: App,
    _harbor: Harbor,
}

impl CachedHost {
    fn warm(hits: usize) -> (usize, Self) {
        let runtime = runtime();
        let harbor = runtime.block_on(Harbor::of(Version::V2_12).repository("project/repository", 15).start());
        let harbor = harbor.expect("a Harbor double");
        let config = json!({
            "crictl_config": {"mode": "exec", "command": ["echo", r#"{"images": []}"#]},
            "harbor_config": harbor.config(),
            "cache_config": {"lifetime": 3600},
        });
        let (config, _) = image_service_config::parse(&config.to_string(), Path::new("")).expect("a configuration");
        let composition = Composition::read(&composition("native")).expect("`cargo xtask build` makes it");
        let app = {
            let _entered = runtime.enter();
            App::new(&composition, config, &Lasting::default(), Arc::new(|_: &str| ())).expect("it can be loaded")
        };
        let kept = Self { runtime, app, _harbor: harbor };
        for _ in 0..3 {
            kept.images();
        }
        let response = kept.runtime.block_on(exchange(&kept.app, request(), Peer::default()));
        assert!(response.headers().contains_key("age"), "the answer is not kept: {:?}", response.headers());
        (hits, kept)
    }

    /// Asks for the images. Returns the number of bytes of the answer.
    fn images(&self) -> usize {
        self.runtime.block_on(async {
            let response = exchange(&self.app, request(), Peer::default()).await;
            response.into_body().collect().await.expect("all of it").to_bytes().len()
        })
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn request() -> Request<RequestBody> {
    Request::get("http://localhost/images")
        .header("host", "localhost")
        .body(Empty::new().map_err(|never| match never {}).boxed_unsync())
        .expect("a request")
}
