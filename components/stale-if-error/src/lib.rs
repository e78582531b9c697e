//! Shows the last good rows of a failing source. The component is between the sources and the handler. It holds a
//! source's rows until the source has ended; after a success, the host keeps them. When a source fails, the component
//! gives the rows that the host kept last, and a failure that says their age.

mod kept;
mod rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "stale-if-error-component",
        with: { "image-service:inventory/types@0.2.0": image_model::types },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::{node_images as nodes, registry_images as registry};
use bindings::image_service::inventory::{node_images, registry_images, settings, store};
use image_model::protocol::{CONTAINERD, HARBOR};
use image_model::types::{Artifact, Detail, Failure, FailureCode, ListingBegin, ListingEnd, ListingPart, NodeListing};
use kept::{Head, Name, NotKept, Value};
use rows::Replay;
use std::cell::Cell;
use stored_rows::Chunks;

allocator::install!();

/// Least artifacts of one part; only the last part may have fewer.
const BATCH_ROWS: usize = 512;
/// Bytes of one page of keys, the most that a page has.
const PAGE_BYTES: u32 = 1024 * 1024;

struct StaleIfError;

impl nodes::Guest for StaleIfError {
    async fn images() -> NodeListing {
        let mut listing = node_images::images().await;
        let kept = Kept { source: CONTAINERD, name: "stale-if-error/containerd" };
        if !listing.failures.is_empty() {
            if let Some((age, rows)) = kept.load().await {
                listing.failures.push(age_of_rows(age));
                listing.groups = rows::nodes(&rows, age);
            }
            return listing;
        }
        let max_bytes = max_bytes().await;
        let rows = rows::of_nodes(&listing.groups);
        if rows.bytes() > max_bytes {
            report_too_many_rows(CONTAINERD);
        } else {
            // Saved in a task of its own, so that the caller does not wait for it.
            wit_bindgen::spawn(async move { kept::save(&kept, CONTAINERD, rows).await });
        }
        listing
    }
}

impl registry::Guest for StaleIfError {
    type Listing = Listing;

    async fn images(request: registry::Request) -> registry::Listing {
        let registry::Request { detail, max_age } = request;
        let source = registry_images::images(registry_images::Request { detail, max_age }).await;
        // Listings of each kind have rows of their own.
        let name = match detail {
            Detail::Tags => "stale-if-error/harbor",
            Detail::All => "stale-if-error/harbor-all",
        };
        let kept = Kept { source: HARBOR, name };
        registry::Listing::new(Listing { kept, begin: Cell::default(), state: Cell::new(State::Collecting(source)) })
    }

    async fn find(project: String, repository: String, reference: String) -> Result<Option<Artifact>, Failure> {
        registry_images::find(project, repository, reference).await
    }
}

/// A listing of the registry, in one of these states.
struct Listing {
    kept: Kept,
    /// The first part of a listing that passes through.
    begin: Cell<Option<ListingBegin>>,
    state: Cell<State>,
}

#[derive(Default)]
enum State {
    /// Before the first row: the listing collects all rows of the source.
    Collecting(registry_images::Listing),
    /// The listing gives the rows that it holds, and then goes on with the next step.
    Replaying(Box<Replay>, AfterReplay),
    /// The source has more rows than the limit, and the listing passes the further ones on as they arrive.
    PassingThrough(registry_images::Listing),
    #[default]
    Done,
}

/// The step after the held rows.
enum AfterReplay {
    /// Lets the host keep these rows, and ends so.
    Save(ListingEnd),
    PassThrough(registry_images::Listing),
    End(ListingEnd),
    /// Ends with what the held rows tell of the registry, and these failures.
    EndAsHeld(Vec<Failure>),
}

impl registry::GuestListing for Listing {
    async fn next(&self) -> ListingPart {
        let mut state = self.state.take();
        loop {
            state = match state {
                State::Collecting(source) => self.collect(source).await,
                State::Replaying(mut replay, after) => {
                    let batch = replay.next(BATCH_ROWS);
                    if !batch.is_empty() {
                        self.state.set(State::Replaying(replay, after));
                        return ListingPart::Rows(batch);
                    }
                    match after {
                        AfterReplay::PassThrough(source) => State::PassingThrough(source),
                        AfterReplay::End(end) => return ListingPart::End(end),
                        AfterReplay::EndAsHeld(failures) => {
                            return ListingPart::End(ListingEnd { failures, ..replay.end });
                        }
                        AfterReplay::Save(end) => {
                            kept::save(&self.kept, HARBOR, replay.into_rows()).await;
                            return ListingPart::End(end);
                        }
                    }
                }
                State::PassingThrough(source) => {
                    if let Some(begin) = self.begin.take() {
                        self.state.set(State::PassingThrough(source));
                        return ListingPart::Begin(begin);
                    }
                    let part = source.next().await;
                    if !matches!(part, ListingPart::End(_)) {
                        self.state.set(State::PassingThrough(source));
                    }
                    return part;
                }
                State::Done => return ListingPart::End(ListingEnd::default()),
            }
        }
    }
}

impl Listing {
    /// Collects all rows of the source, and decides which rows the listing gives.
    async fn collect(&self, source: registry_images::Listing) -> State {
        let max_bytes = max_bytes().await;
        let mut rows = Chunks::default();
        let mut end = loop {
            match source.next().await {
                // Nobody asked the registry, so nothing failed, and there is nothing newer to keep here.
                ListingPart::Begin(begin) if begin.age > 0 => {
                    self.begin.set(Some(begin));
                    return State::PassingThrough(source);
                }
                // The rows may be replaced by others.
                ListingPart::Begin(_) => {}
                ListingPart::Rows(repositories) => {
                    repositories.into_iter().for_each(|repository| rows::push_repository(&mut rows, repository));
                }
                ListingPart::End(end) => break end,
            }
            if rows.bytes() > max_bytes {
                report_too_many_rows(HARBOR);
                return State::Replaying(Box::new(Replay::new(rows)), AfterReplay::PassThrough(source));
            }
        };
        if end.failures.iter().any(|failure| failure.code == FailureCode::NotConfigured) {
            return State::Replaying(Box::new(Replay::new(rows)), AfterReplay::End(end));
        }
        if end.failures.is_empty() {
            rows::push_end(&mut rows, &end);
            return State::Replaying(Box::new(Replay::new(rows)), AfterReplay::Save(end));
        }
        match self.kept.load().await {
            Some((age, kept)) => {
                end.failures.push(age_of_rows(age));
                State::Replaying(Box::new(Replay::new(kept)), AfterReplay::EndAsHeld(end.failures))
            }
            None => State::Replaying(Box::new(Replay::new(rows)), AfterReplay::End(end)),
        }
    }
}

/// The failure beside rows that the host kept.
fn age_of_rows(age: u64) -> Failure {
    let message = format!("the rows are those of {age} s ago, when all of them could last be listed");
    Failure::of_source(FailureCode::Stale, message)
}

/// A setting that is a whole number.
async fn number(key: &str) -> Option<u64> {
    settings::get(key.to_owned()).await?.parse().ok()
}

/// Bytes of one source's rows that the host keeps.
async fn max_bytes() -> usize {
    number("stale-max-bytes").await.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX)
}

fn report_too_many_rows(source: &str) {
    eprintln!("the host does not keep the rows of {source}, as there are too many (cache_config.max_stale_bytes)");
}

/// The rows of a source in the store.
struct Kept {
    source: &'static str,
    name: &'static str,
}

impl Kept {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    /// The age in seconds and the rows that the host kept last, unless they are too old.
    async fn load(&self) -> Option<(u64, Chunks)> {
        kept::load(self, self.source, number("stale-if-error").await.unwrap_or_default()).await
    }
}

impl Name for Kept {
    async fn head(&self) -> Result<Option<Head>, NotKept> {
        let state = store::head(self.name()).await?;
        Ok(state.map(|store::State { revision, meta, age, .. }| Head { revision, meta, age }))
    }

    async fn keys(&self, after: Option<Vec<u8>>) -> Result<(Vec<Vec<u8>>, bool), NotKept> {
        let page = store::versions(self.name(), after, PAGE_BYTES).await?;
        Ok((page.entries.into_iter().map(|entry| entry.key).collect(), page.more))
    }

    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<(Option<u64>, Vec<Value>), NotKept> {
        let store::Page { revision, entries, .. } = store::get(self.name(), keys).await?;
        Ok((revision, entries.into_iter().map(|store::Entry { key, value, .. }| Value { key, value }).collect()))
    }

    async fn commit(&self, base: Option<u64>, changes: kept::Changes) -> Result<u64, NotKept> {
        let kept::Changes { deletes, puts, meta } = changes;
        let puts =
            puts.into_iter().map(|Value { key, value }| store::Entry { key, version: Vec::new(), value }).collect();
        Ok(store::commit(self.name(), base, store::Changes { deletes, puts, meta }).await?)
    }
}

impl From<store::Error> for NotKept {
    fn from(error: store::Error) -> Self {
        use store::Error::{Conflict, Failed, Full, TooLarge, Unavailable};
        match error {
            Conflict => Self::Conflict,
            TooLarge(why) | Full(why) | Unavailable(why) | Failed(why) => Self::Other(why),
        }
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::StaleIfError;
    super::bindings::export!(StaleIfError with_types_in super::bindings);
}
