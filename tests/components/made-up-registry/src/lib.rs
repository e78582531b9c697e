//! A registry with 90,000 artifacts in memory, for benches. It is read as the component `harbor` reads Harbor.

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "../../../wit/internal"],
        world: "image-service:internal/sample-harbor-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        async: false,
        generate_all,
    });
}

use bench_inventory::{PROJECTS, Registry};
use bindings::exports::image_service::inventory::registry_images::{
    Artifact, Failure, Guest, GuestListing, Listing, ListingPart, Request,
};
use futures::FutureExt;
use futures::future::{Fuse, FusedFuture, LocalBoxFuture};
use harbor_api::config::Config;
use harbor_api::listing::{self, Sink, find, list};
use harbor_api::store::NoStore;
use image_model::types::{FailureCode, ListingEnd, Repository};
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

    fn images(request: Request) -> Listing {
        let next = Slot::default();
        let work = make(registry(), request, Rc::clone(&next)).boxed_local().fuse();
        Listing::new(Driven { work: RefCell::new(work), next })
    }

    fn find(project: String, repository: String, reference: String) -> Result<Option<Artifact>, Failure> {
        // In memory, nothing waits.
        let found = find(&*registry(), &project, &repository, &reference).now_or_never();
        found.unwrap_or_else(|| Err(Failure::of_source(FailureCode::Other, "the registry waits".to_owned())))
    }
}

fn registry() -> Rc<Registry> {
    REGISTRY.with(|registry| Rc::clone(registry.get_or_init(|| Rc::new(Registry::new(PROJECTS)))))
}

/// The next part, once it is made.
type Slot = Rc<Cell<Option<ListingPart>>>;

/// A listing that works only while the caller waits: in memory, it never waits itself.
struct Driven {
    work: RefCell<Fuse<LocalBoxFuture<'static, ()>>>,
    next: Slot,
}

impl GuestListing for Driven {
    fn next(&self) -> ListingPart {
        let mut work = self.work.borrow_mut();
        loop {
            if let Some(part) = self.next.take() {
                return part;
            }
            if work.is_terminated() {
                return ListingPart::End(ListingEnd::default());
            }
            // The listing also yields at places of its own, where no part is ready.
            let _ = work.poll_unpin(&mut Context::from_waker(Waker::noop()));
        }
    }
}

async fn make(registry: Rc<Registry>, Request { detail, max_age }: Request, next: Slot) {
    let mut out = SlotSink { next, failures: Vec::new() };
    let settings = [("harbor-url", "https://harbor.example.com"), ("harbor-auth", "host")];
    let settings: HashMap<&str, String> = settings.map(|(key, value)| (key, value.to_owned())).into();
    let end = match Config::read(&settings) {
        Ok(config) => list(&*registry, &NoStore, &config, listing::Request { detail, max_age }, &mut out).await,
        Err(failure) => {
            out.failed(failure);
            ListingEnd::default()
        }
    };
    out.next.set(Some(ListingPart::End(ListingEnd { failures: out.failures, ..end })));
}

struct SlotSink {
    next: Slot,
    failures: Vec<Failure>,
}

impl Sink for SlotSink {
    async fn rows(&mut self, rows: Vec<Repository>) -> bool {
        self.next.set(Some(ListingPart::Rows(rows)));
        // The listing goes on with the caller's next call.
        futures::pending!();
        true
    }

    fn failed(&mut self, failure: Failure) {
        self.failures.push(failure);
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::MadeUpRegistry;
    super::bindings::export!(MadeUpRegistry with_types_in super::bindings);
}
