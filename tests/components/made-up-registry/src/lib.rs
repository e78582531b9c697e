//! A registry with 90,000 artifacts in memory, for benches. It is read as the component `harbor` reads Harbor.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/sample-harbor-component",
        with: { "image-service:inventory/types@0.1.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bench_inventory::{PROJECTS, Registry};
use bindings::exports::image_service::inventory::harbor::{
    Guest, GuestListing, Listing, Part, Repository, SourceError,
};
use futures::FutureExt;
use futures::future::{Fuse, FusedFuture, LocalBoxFuture};
use harbor_api::config::Config;
use harbor_api::listing::{Sink, list};
use harbor_api::store::NoStore;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::task::{Context, Waker};

allocator::install!();

struct MadeUpRegistry;

thread_local! {
    /// Made once in each instance, as the benches measure how it is read.
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

/// The next part, once it is made.
type Slot = Rc<Cell<Option<Part>>>;

/// A listing that works only while the caller waits: in memory, it never waits itself.
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
            // The listing also yields at places of its own, where no part is ready.
            let _ = work.poll_unpin(&mut Context::from_waker(Waker::noop()));
        }
    }
}

async fn make(registry: Rc<Registry>, next: Slot) {
    let mut out = SlotSink { next, errors: Vec::new() };
    let settings = [("harbor-url", "https://harbor.example.com"), ("harbor-auth", "host")];
    let settings: HashMap<&str, String> = settings.map(|(key, value)| (key, value.to_owned())).into();
    match Config::read(&settings) {
        Ok(config) => list(&*registry, &NoStore, &config, &mut out).await,
        Err(message) => out.failed(SourceError::of_source(message)),
    }
    out.next.set(Some(Part::End(out.errors)));
}

struct SlotSink {
    next: Slot,
    errors: Vec<SourceError>,
}

impl Sink for SlotSink {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        self.next.set(Some(Part::Rows(rows)));
        // The listing goes on with the caller's next call.
        futures::pending!();
        true
    }

    fn failed(&mut self, error: SourceError) {
        self.errors.push(error);
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpRegistry;
    super::bindings::export!(MadeUpRegistry with_types_in super::bindings);
}
