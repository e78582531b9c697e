//! Counts instructions instead of time. Their number is the same on a busy machine and on a quiet one, so a regression shows.
//! `cargo xtask bench instructions` compares the counts with bench/instructions.json.

#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "gungraun's macros make public functions")]
#![allow(clippy::expect_used, reason = "a bench that can't work panics")]

use bench_inventory::{Registry, ignore_file, listing, node};
use bytes::Bytes;
use gungraun::prelude::*;
use http::Request;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use image_model::crictl::{self, Image};
use image_model::ignore::IgnoreList;
use image_service::app::App;
use image_service::composition::Composition;
use image_service::crictl::Crictl;
use image_service::runtime::Service;
use image_service_tests::{Harbor, Version, composition};
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// Images or lines of each run.
const COUNT: usize = 1000;
/// Requests of a run of kept answers. Each takes few instructions, and the first one in a second takes more than the others.
const HITS: usize = 100;

#[library_benchmark(setup = crictl_json)]
#[bench::images(COUNT)]
fn crictl_json_to_images(text: String) -> usize {
    black_box(crictl::parse(black_box(&text))).map_or(0, |images| images.len())
}

fn crictl_json(count: usize) -> String {
    crictl::to_json(&node(count))
}

#[library_benchmark(setup = node)]
#[bench::images(COUNT)]
fn images_to_rows(images: Vec<Image>) -> usize {
    black_box(image_model::node::rows(black_box(images))).len()
}

#[library_benchmark(setup = ignore_file)]
#[bench::lines(COUNT)]
fn ignore_file_to_list(text: String) -> IgnoreList {
    black_box(IgnoreList::parse(black_box(&text)))
}

#[library_benchmark(setup = both)]
#[bench::rows(COUNT)]
fn both_sources_to_json((images, ignored, registry): (Vec<Image>, String, Registry)) -> usize {
    let mut length = 0;
    let _ = listing(images, &ignored, &registry, |piece| length += black_box(piece).len());
    length
}

fn both(images: usize) -> (Vec<Image>, String, Registry) {
    (node(images), ignore_file(images), Registry::new(1))
}

// The functions return the service, so that the count leaves out its drop.
#[library_benchmark(setup = Demo::warm)]
#[bench::composed()]
fn a_request_of_the_demonstration(demo: Demo) -> (usize, Demo) {
    (black_box(demo.images()), demo)
}

/// The demonstration in this process, on this thread: without sockets and other cores.
struct Demo {
    runtime: Runtime,
    service: Arc<Service>,
}

impl Demo {
    /// A service that has answered before, as for almost all requests.
    fn warm() -> Self {
        let runtime = runtime();
        let (config, _) = image_service::config::parse("{}", Path::new("")).expect("the defaults");
        let crictl = Arc::new(Crictl::new(config.crictl.clone(), &config.limits));
        let composition = Composition::read(&composition("demo")).expect("`cargo xtask build` makes it");
        let service = Service::new(&composition, config, crictl, Arc::new(|_: &str| ())).expect("it can be loaded");
        let demo = Self { runtime, service: Arc::new(service) };
        for _ in 0..3 {
            demo.images();
        }
        demo
    }

    /// Requests the images; returns the bytes of the answer.
    fn images(&self) -> usize {
        self.runtime.block_on(async {
            let response = Arc::clone(&self.service).handle(request()).await.expect("an answer");
            response.into_body().collect().await.expect("all of it").to_bytes().len()
        })
    }
}

#[library_benchmark(setup = Kept::warm)]
#[bench::hits(HITS)]
fn a_hundred_kept_answers((hits, kept): (usize, Kept)) -> (usize, Kept) {
    ((0..hits).map(|_| black_box(kept.images())).sum(), kept)
}

/// The host with a listing in its cache, in this process as well.
struct Kept {
    runtime: Runtime,
    app: App,
    _harbor: Harbor,
}

impl Kept {
    fn warm(hits: usize) -> (usize, Self) {
        let runtime = runtime();
        let harbor = runtime.block_on(Harbor::of(Version::V2_12).repository("project/repository", 15).start());
        let harbor = harbor.expect("a Harbor double");
        let config = json!({
            "crictl_config": {"mode": "exec", "command": ["echo", r#"{"images": []}"#]},
            "harbor_config": harbor.config(),
            "cache_config": {"lifetime": 3600},
        });
        let (config, _) = image_service::config::parse(&config.to_string(), Path::new("")).expect("a configuration");
        let composition = Composition::read(&composition("native")).expect("`cargo xtask build` makes it");
        let app = {
            let _entered = runtime.enter();
            App::new(&composition, config, Arc::new(|_: &str| ())).expect("it can be loaded")
        };
        let kept = Self { runtime, app, _harbor: harbor };
        for _ in 0..3 {
            kept.images();
        }
        let response = kept.runtime.block_on(kept.app.answer(request(), false));
        assert!(response.headers().contains_key("age"), "it is not kept: {:?}", response.headers());
        (hits, kept)
    }

    /// Requests the images; returns the bytes of the answer.
    fn images(&self) -> usize {
        self.runtime.block_on(async {
            let response = self.app.answer(request(), false).await;
            response.into_body().collect().await.expect("all of it").to_bytes().len()
        })
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn request<E>() -> Request<UnsyncBoxBody<Bytes, E>> {
    Request::get("http://localhost/images")
        .body(Empty::new().map_err(|never| match never {}).boxed_unsync())
        .expect("a request")
}

library_benchmark_group!(
    name = pure,
    benchmarks = [crictl_json_to_images, images_to_rows, ignore_file_to_list, both_sources_to_json]
);
library_benchmark_group!(name = requests, benchmarks = [a_request_of_the_demonstration, a_hundred_kept_answers]);
main!(library_benchmark_groups = [pure, requests]);
