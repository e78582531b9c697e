//! A registry with 90,000 artifacts, in memory, read as the harbor component reads Harbor: for benches.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../../wit", world: "sample-harbor-component", async: false, generate_all });
}

use bench_inventory::Registry;
use bindings::exports::image_service::inventory::harbor::{
    Guest, GuestListing, Image, Listing, Part, Repository, SourceError,
};
use futures::FutureExt;
use futures::future::{FusedFuture, LocalBoxFuture};
use image_service_harbor_api as api;
use image_service_harbor_api::config::Config;
use image_service_harbor_api::listing::{Sink, list};
use std::cell::{OnceCell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::task::{Context, Waker};

image_service_allocator::install!();

struct MadeUpRegistry;

const PROJECTS: usize = 90;

thread_local! {
    /// Made once an instance: what is measured is reading it.
    static REGISTRY: OnceCell<Rc<Registry>> = const { OnceCell::new() };
}

impl Guest for MadeUpRegistry {
    type Listing = Driven;

    fn images() -> Listing {
        let registry = REGISTRY.with(|registry| Rc::clone(registry.get_or_init(|| Rc::new(Registry::new(PROJECTS)))));
        let parts = Parts::default();
        let work = make(registry, Rc::clone(&parts)).boxed_local().fuse();
        Listing::new(Driven { work: RefCell::new(work), parts })
    }
}

type Parts = Rc<RefCell<VecDeque<Part>>>;

/// A listing that goes on while it is asked: in memory nothing has to be waited for.
struct Driven {
    work: RefCell<futures::future::Fuse<LocalBoxFuture<'static, ()>>>,
    parts: Parts,
}

impl GuestListing for Driven {
    fn next(&self) -> Part {
        let mut work = self.work.borrow_mut();
        while self.parts.borrow().is_empty() && !work.is_terminated() {
            let _ = work.poll_unpin(&mut Context::from_waker(Waker::noop()));
        }
        self.parts.borrow_mut().pop_front().unwrap_or_else(|| Part::End(Vec::new()))
    }
}

async fn make(registry: Rc<Registry>, parts: Parts) {
    let mut out = Out { parts, errors: Vec::new() };
    let settings = [("harbor-url", "https://harbor.example.com"), ("harbor-auth", "host")];
    let settings: HashMap<&str, String> = settings.map(|(key, value)| (key, value.to_owned())).into();
    match Config::read(&settings) {
        Ok(config) => list(&*registry, &config, &mut out).await,
        Err(message) => out.failed(api::SourceError { repository: None, message }),
    }
    out.parts.borrow_mut().push_back(Part::End(out.errors));
}

struct Out {
    parts: Parts,
    errors: Vec<SourceError>,
}

impl Sink for Out {
    async fn rows(&mut self, rows: Vec<api::Repository>) -> bool {
        self.parts.borrow_mut().push_back(Part::Rows(rows.into_iter().map(repository).collect()));
        // The next ones when they are asked for.
        futures::pending!();
        true
    }

    fn failed(&mut self, error: api::SourceError) {
        self.errors.push(SourceError { repository: error.repository, message: error.message });
    }
}

fn repository(api::Repository { project, name, images }: api::Repository) -> Repository {
    let image = |api::Image { tag, digest, size }: api::Image| Image { tag, digest, size };
    Repository { project, name, images: images.into_iter().map(image).collect() }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpRegistry;
    super::bindings::export!(MadeUpRegistry with_types_in super::bindings);
}
