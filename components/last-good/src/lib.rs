//! Shows the last good rows of a failing source. The component is between the sources and the handler. It holds a
//! source's rows until the source has ended; after a success, the host keeps them. When a source fails, the component
//! gives the rows that the host kept last, and a failure that says their age.

mod kept;

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
use bindings::image_service::inventory::{containerd, harbor, settings, store};
use image_model::protocol::{CONTAINERD, HARBOR};
use image_model::types::SourceError;
use kept::{Failure, Head, Name, Value};
use std::cell::Cell;
use stored_rows::{Chunks, Cursor};

allocator::install!();

/// Least rows of one part; only the last part may have fewer.
const BATCH_ROWS: usize = 512;
/// Bytes of one page of keys, the most that a page has.
const PAGE_BYTES: u32 = 1024 * 1024;
/// Most rows of one record. They have some 100 bytes each, and at most some 500.
const RECORD_ROWS: usize = 2000;

struct LastGood;

impl node::Guest for LastGood {
    async fn images() -> (Vec<containerd::Image>, Vec<SourceError>) {
        let (images, mut errors) = containerd::images().await;
        if !errors.is_empty() {
            let Some((age, rows)) = kept_rows(CONTAINERD).await else { return (images, errors) };
            errors.push(age_of_rows(age));
            let mut cursor = Cursor::default();
            return (std::iter::from_fn(|| rows.next(&mut cursor)).collect(), errors);
        }
        let max_bytes = max_bytes().await;
        let mut rows = Chunks::default();
        images.iter().for_each(|image| rows.push(image));
        if rows.bytes() > max_bytes {
            report_too_many_rows(CONTAINERD);
        } else {
            // Saved in a task of its own, so that the caller does not wait for it.
            wit_bindgen::spawn(async move { kept::save(&Kept(CONTAINERD), CONTAINERD, rows).await });
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
    Replaying(Chunks, Cursor, AfterReplay),
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
                State::Replaying(rows, mut cursor, after) => {
                    let batch = batch(&rows, &mut cursor);
                    if !batch.is_empty() {
                        self.0.set(State::Replaying(rows, cursor, after));
                        return Part::Rows(batch);
                    }
                    match after {
                        AfterReplay::PassThrough(source) => State::PassingThrough(source),
                        AfterReplay::End(errors) => return Part::End(errors),
                        AfterReplay::Save => {
                            kept::save(&Kept(HARBOR), HARBOR, rows).await;
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
    let mut rows = Chunks::default();
    let mut errors = loop {
        match source.next().await {
            Part::Rows(repositories) => repositories.into_iter().for_each(|repository| push(&mut rows, repository)),
            Part::End(errors) => break errors,
        }
        if rows.bytes() > max_bytes {
            report_too_many_rows(HARBOR);
            return replaying(rows, AfterReplay::PassThrough(source));
        }
    };
    if errors.is_empty() {
        return replaying(rows, AfterReplay::Save);
    }
    if let Some((age, kept)) = kept_rows(HARBOR).await {
        errors.push(age_of_rows(age));
        rows = kept;
    }
    replaying(rows, AfterReplay::End(errors))
}

fn replaying(rows: Chunks, after: AfterReplay) -> State {
    State::Replaying(rows, Cursor::default(), after)
}

/// Appends the rows of a repository. A long one takes several records, as one value of the store holds a record.
fn push(rows: &mut Chunks, Repository { project, name, mut images }: Repository) {
    while images.len() > RECORD_ROWS {
        let rest = images.split_off(RECORD_ROWS);
        rows.push(&Repository { project: project.clone(), name: name.clone(), images });
        images = rest;
    }
    rows.push(&Repository { project, name, images });
}

/// The next repositories, of [`BATCH_ROWS`] rows or more together; at the end, the rest.
fn batch(rows: &Chunks, cursor: &mut Cursor) -> Vec<Repository> {
    let (mut batch, mut count) = (Vec::new(), 0);
    while count < BATCH_ROWS
        && let Some(repository) = rows.next::<Repository>(cursor)
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
async fn kept_rows(source: &str) -> Option<(u64, Chunks)> {
    kept::load(&Kept(source), source, number("stale-if-error").await.unwrap_or_default()).await
}

/// The store's name for the rows of a source.
struct Kept<'a>(&'a str);

impl Kept<'_> {
    fn name(&self) -> String {
        format!("last-good/{}", self.0)
    }
}

impl Name for Kept<'_> {
    async fn head(&self) -> Result<Option<Head>, Failure> {
        let state = store::head(self.name()).await?;
        Ok(state.map(|store::State { revision, meta, age, .. }| Head { revision, meta, age }))
    }

    async fn keys(&self, after: Option<Vec<u8>>) -> Result<(Vec<Vec<u8>>, bool), Failure> {
        let page = store::versions(self.name(), after, PAGE_BYTES).await?;
        Ok((page.entries.into_iter().map(|entry| entry.key).collect(), page.more))
    }

    async fn get(&self, keys: Vec<Vec<u8>>) -> Result<(Option<u64>, Vec<Value>), Failure> {
        let store::Page { revision, entries, .. } = store::get(self.name(), keys).await?;
        Ok((revision, entries.into_iter().map(|store::Entry { key, value, .. }| Value { key, value }).collect()))
    }

    async fn commit(&self, base: Option<u64>, changes: kept::Changes) -> Result<u64, Failure> {
        let kept::Changes { deletes, puts, meta } = changes;
        let puts =
            puts.into_iter().map(|Value { key, value }| store::Entry { key, version: Vec::new(), value }).collect();
        Ok(store::commit(self.name(), base, store::Changes { deletes, puts, meta }).await?)
    }
}

impl From<store::Error> for Failure {
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
    use super::LastGood;
    super::bindings::export!(LastGood with_types_in super::bindings);
}
