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
use futures::future::{Fuse, FusedFuture, LocalBoxFuture};
use harbor_api as api;
use harbor_api::config::Config;
use harbor_api::listing::{Sink, list};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Waker};

allocator::install!();

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
        let next = Slot::default();
        let work = make(registry, Rc::clone(&next)).boxed_local().fuse();
        Listing::new(Driven { work: RefCell::new(work), next })
    }
}

/// The part that comes next, once it is made.
type Slot = Rc<Cell<Option<Part>>>;

/// A listing that goes on while it is asked: in memory nothing has to be waited for.
struct Driven {
    work: RefCell<Fuse<LocalBoxFuture<'static, ()>>>,
    next: Slot,
}

impl GuestListing for Driven {
    fn next(&self) -> Part {
        let mut work = self.work.borrow_mut();
        loop {
            if let Some(part) = self.next.take() {
                return part;
            }
            if work.is_terminated() {
                return Part::End(Vec::new());
            }
            // Often to no part yet, as it makes pauses of its own.
            let _ = work.poll_unpin(&mut Context::from_waker(Waker::noop()));
        }
    }
}

async fn make(registry: Rc<Registry>, next: Slot) {
    let mut out = Out { next, errors: Vec::new() };
    let settings = [("harbor-url", "https://harbor.example.com"), ("harbor-auth", "host")];
    let settings: HashMap<&str, String> = settings.map(|(key, value)| (key, value.to_owned())).into();
    match Config::read(&settings) {
        Ok(config) => list(&*registry, &config, &mut out).await,
        Err(message) => out.failed(api::SourceError { repository: None, message }),
    }
    out.next.set(Some(Part::End(out.errors)));
}

struct Out {
    next: Slot,
    errors: Vec<SourceError>,
}

impl Sink for Out {
    async fn rows(&mut self, rows: Vec<api::Repository>) -> bool {
        self.next.set(Some(Part::Rows(rows.into_iter().map(repository).collect())));
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
