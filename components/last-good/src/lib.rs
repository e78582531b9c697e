//! Shows the last good rows of a failing source. The component is between the sources and the handler. It holds a
//! source's rows until the source has ended; after a success, the host keeps them. When a source fails, the component
//! gives the rows that the host kept last, and a failure that says their age.

mod encoded_rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "last-good-component",
        with: { "image-service:inventory/types@0.1.0": image_model::types },
        generate_all,
    });
}

use bindings::exports::image_service::inventory::{containerd as node, harbor as registry};
use bindings::image_service::inventory::harbor::{Part, Repository};
use bindings::image_service::inventory::{containerd, harbor, settings, snapshots};
use encoded_rows::{EncodedRows, RowReader};
use image_model::protocol::{CONTAINERD, HARBOR};
use image_model::types::SourceError;
use std::cell::Cell;

allocator::install!();

/// Least rows of one part; only the last part may have fewer.
const BATCH_ROWS: usize = 512;

struct LastGood;

impl node::Guest for LastGood {
    async fn images() -> (Vec<containerd::Image>, Vec<SourceError>) {
        let (images, mut errors) = containerd::images().await;
        if !errors.is_empty() {
            let Some((age, rows)) = kept_rows(CONTAINERD).await else { return (images, errors) };
            errors.push(age_of_rows(age));
            return (rows.read().rest().collect(), errors);
        }
        let max_bytes = max_bytes().await;
        let mut rows = EncodedRows::default();
        images.iter().for_each(|image| rows.push(image));
        if rows.bytes().len() > max_bytes {
            report_too_many_rows(CONTAINERD);
        } else {
            // Saved in a task of its own, so that the caller does not wait for it.
            wit_bindgen::spawn(async move { snapshots::save(CONTAINERD.to_owned(), rows.into_bytes()).await });
        }
        (images, errors)
    }
}

impl registry::Guest for LastGood {
    type Listing = Listing;

    async fn images() -> registry::Listing {
        registry::Listing::new(Listing(Cell::new(State::Collecting(harbor::images().await))))
    }
}

/// A listing of the registry, in one of these states.
struct Listing(Cell<State>);

#[derive(Default)]
enum State {
    /// Before the first row: the listing collects all rows of the source.
    Collecting(harbor::Listing),
    /// The listing gives the rows that it holds, and then goes on with the next step.
    Replaying(RowReader, AfterReplay),
    /// The source has more rows than the limit, and the listing passes the further ones on as they arrive.
    PassingThrough(harbor::Listing),
    #[default]
    Done,
}

/// The step after the held rows.
enum AfterReplay {
    /// Lets the host keep these rows.
    Save,
    PassThrough(harbor::Listing),
    End(Vec<SourceError>),
}

impl registry::GuestListing for Listing {
    async fn next(&self) -> Part {
        let mut state = self.0.take();
        loop {
            state = match state {
                State::Collecting(source) => collect(source).await,
                State::Replaying(mut rows, after) => {
                    let batch = batch(&mut rows);
                    if !batch.is_empty() {
                        self.0.set(State::Replaying(rows, after));
                        return Part::Rows(batch);
                    }
                    match after {
                        AfterReplay::PassThrough(source) => State::PassingThrough(source),
                        AfterReplay::End(errors) => return Part::End(errors),
                        AfterReplay::Save => {
                            snapshots::save(HARBOR.to_owned(), rows.into_rows().into_bytes()).await;
                            return Part::End(Vec::new());
                        }
                    }
                }
                State::PassingThrough(source) => {
                    let part = source.next().await;
                    if let Part::Rows(_) = part {
                        self.0.set(State::PassingThrough(source));
                    }
                    return part;
                }
                State::Done => return Part::End(Vec::new()),
            }
        }
    }
}

/// Collects all rows of the source, and decides which rows the listing gives.
async fn collect(source: harbor::Listing) -> State {
    let max_bytes = max_bytes().await;
    let mut rows = EncodedRows::default();
    let mut errors = loop {
        match source.next().await {
            Part::Rows(repositories) => repositories.iter().for_each(|repository| rows.push(repository)),
            Part::End(errors) => break errors,
        }
        if rows.bytes().len() > max_bytes {
            report_too_many_rows(HARBOR);
            return State::Replaying(rows.read(), AfterReplay::PassThrough(source));
        }
    };
    if errors.is_empty() {
        return State::Replaying(rows.read(), AfterReplay::Save);
    }
    if let Some((age, kept)) = kept_rows(HARBOR).await {
        errors.push(age_of_rows(age));
        rows = kept;
    }
    State::Replaying(rows.read(), AfterReplay::End(errors))
}

/// The next repositories, of [`BATCH_ROWS`] rows or more together; at the end, the rest.
fn batch(rows: &mut RowReader) -> Vec<Repository> {
    let (mut batch, mut count) = (Vec::new(), 0);
    while count < BATCH_ROWS
        && let Some(repository) = rows.next::<Repository>()
    {
        count += repository.images.len();
        batch.push(repository);
    }
    batch
}

/// The failure beside rows that the host kept.
fn age_of_rows(age: u64) -> SourceError {
    SourceError::of_source(format!("the rows are those of {age} s ago, when all of them could last be listed"))
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

/// The age in seconds and the rows that the host kept last, unless they are too old.
async fn kept_rows(source: &str) -> Option<(u64, EncodedRows)> {
    let snapshot = snapshots::load(source.to_owned()).await?;
    if snapshot.age > number("stale-if-error").await.unwrap_or_default() {
        return None;
    }
    let rows = EncodedRows::from_bytes(snapshot.bytes);
    if rows.is_none() {
        eprintln!("another version of this program kept the rows of {source}, so this one does not use them");
    }
    Some((snapshot.age, rows?))
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::LastGood;
    super::bindings::export!(LastGood with_types_in super::bindings);
}
