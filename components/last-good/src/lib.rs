//! Between the sources and who asks them: holds a source's rows until it has ended well and has the host keep them; where it
//! fails, gives those that were kept last, with a failure that says their age.
//!
//! `rows` is how rows are kept, as bytes.

mod rows;

#[allow(missing_docs, unsafe_code, unreachable_pub, clippy::all, reason = "generated from wit/")]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "last-good-component", generate_all });
}

use bindings::exports::image_service::inventory::{containerd as node, harbor as registry};
use bindings::image_service::inventory::harbor::{Part, Repository};
use bindings::image_service::inventory::types::SourceError;
use bindings::image_service::inventory::{containerd, harbor, settings, snapshots};
use rows::{Reading, Row, Rows};
use std::cell::Cell;

allocator::install!();

/// Rows given at a time, at least.
const BATCH: usize = 512;

/// The names under which rows are kept, and by which messages call their sources.
const NODE: &str = "containerd";
const REGISTRY: &str = "harbor";

struct LastGood;

impl node::Guest for LastGood {
    async fn images() -> (Vec<containerd::Image>, Vec<SourceError>) {
        let (images, mut errors) = containerd::images().await;
        if !errors.is_empty() {
            let Some((age, rows)) = kept(NODE).await else { return (images, errors) };
            errors.push(aged(age));
            return (rows.read().all().collect(), errors);
        }
        let most = max_bytes().await;
        let mut rows = Rows::default();
        images.iter().for_each(|image| rows.push(image));
        if rows.bytes().len() > most {
            say_too_many(NODE);
        } else {
            // Who asked need not wait for it.
            wit_bindgen::spawn(async move { snapshots::save(NODE.to_owned(), rows.into_bytes()).await });
        }
        (images, errors)
    }
}

impl registry::Guest for LastGood {
    type Listing = Listing;

    async fn images() -> registry::Listing {
        registry::Listing::new(Listing(Cell::new(State::Asking(harbor::images().await))))
    }
}

/// A listing of the registry, as far as it has come.
struct Listing(Cell<State>);

#[derive(Default)]
enum State {
    /// No row is given before all are known.
    Asking(harbor::Listing),
    /// Rows that are held, and what comes after them.
    Giving(Reading, Then),
    /// More rows than are kept are passed on as they come.
    Passing(harbor::Listing),
    #[default]
    Over,
}

enum Then {
    Save,
    Pass(harbor::Listing),
    End(Vec<SourceError>),
}

impl registry::GuestListing for Listing {
    async fn next(&self) -> Part {
        let mut state = self.0.take();
        loop {
            state = match state {
                State::Asking(source) => ask(source).await,
                State::Giving(mut rows, then) => {
                    let batch = batch(&mut rows);
                    if !batch.is_empty() {
                        self.0.set(State::Giving(rows, then));
                        return Part::Rows(batch);
                    }
                    match then {
                        Then::Pass(source) => State::Passing(source),
                        Then::End(errors) => return Part::End(errors),
                        Then::Save => {
                            snapshots::save(REGISTRY.to_owned(), rows.into_rows().into_bytes()).await;
                            return Part::End(Vec::new());
                        }
                    }
                }
                State::Passing(source) => {
                    let part = source.next().await;
                    if let Part::Rows(_) = part {
                        self.0.set(State::Passing(source));
                    }
                    return part;
                }
                State::Over => return Part::End(Vec::new()),
            }
        }
    }
}

/// Asks for all of the registry's rows, and decides which ones are given.
async fn ask(source: harbor::Listing) -> State {
    let most = max_bytes().await;
    let mut rows = Rows::default();
    let mut errors = loop {
        match source.next().await {
            Part::Rows(repositories) => {
                repositories.iter().for_each(|repository| rows.push(repository));
            }
            Part::End(errors) => break errors,
        }
        if rows.bytes().len() > most {
            say_too_many(REGISTRY);
            return State::Giving(rows.read(), Then::Pass(source));
        }
    };
    if errors.is_empty() {
        return State::Giving(rows.read(), Then::Save);
    }
    if let Some((age, kept)) = kept(REGISTRY).await {
        errors.push(aged(age));
        rows = kept;
    }
    State::Giving(rows.read(), Then::End(errors))
}

/// The next repositories: together as many rows as are given at a time, or all that are left.
fn batch(rows: &mut Reading) -> Vec<Repository> {
    let (mut batch, mut count) = (Vec::new(), 0);
    while count < BATCH
        && let Some(repository) = rows.next::<Repository>()
    {
        count += repository.images.len();
        batch.push(repository);
    }
    batch
}

fn failure(message: String) -> SourceError {
    SourceError { repository: None, message }
}

/// What is said beside rows that were kept.
fn aged(age: u64) -> SourceError {
    failure(format!("the rows are those of {age} s ago, when all of them could last be listed"))
}

/// A setting that is a whole number.
async fn number(key: &str) -> Option<u64> {
    settings::get(key.to_owned()).await?.parse().ok()
}

/// Bytes of one source's rows that are kept.
async fn max_bytes() -> usize {
    number("stale-max-bytes").await.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
}

fn say_too_many(source: &str) {
    eprintln!("{source} has more rows than are kept (cache_config.max_stale_bytes); they are passed on as they come");
}

/// The rows that were kept last and their age in seconds, unless they are too old.
async fn kept(source: &str) -> Option<(u64, Rows)> {
    let snapshot = snapshots::load(source.to_owned()).await?;
    if snapshot.age > number("stale-if-error").await.unwrap_or_default() {
        return None;
    }
    let rows = Rows::from_bytes(snapshot.bytes);
    if rows.is_none() {
        eprintln!("the rows of {source} that were kept are of another version of this program, so they are not used");
    }
    Some((snapshot.age, rows?))
}

impl Row for containerd::Image {
    fn write(&self, fields: &mut rows::Writer<'_>) {
        fields.text(&self.id);
        fields.optional(self.repository.as_deref());
        fields.optional(self.tag.as_deref());
        fields.number(self.size);
    }

    fn read(fields: &mut rows::Reader<'_>) -> Option<Self> {
        Some(Self {
            id: fields.text()?,
            repository: fields.optional()?,
            tag: fields.optional()?,
            size: fields.number()?,
        })
    }
}

impl Row for Repository {
    fn write(&self, fields: &mut rows::Writer<'_>) {
        fields.text(&self.project);
        fields.text(&self.name);
        fields.number(self.images.len() as u64);
        for harbor::Image { tag, digest, size } in &self.images {
            fields.text(tag);
            fields.text(digest);
            fields.number(*size);
        }
    }

    fn read(fields: &mut rows::Reader<'_>) -> Option<Self> {
        let (project, name) = (fields.text()?, fields.text()?);
        let images = (0..fields.number()?)
            .map(|_| Some(harbor::Image { tag: fields.text()?, digest: fields.text()?, size: fields.number()? }))
            .collect::<Option<_>>()?;
        Some(Self { project, name, images })
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::LastGood;
    super::bindings::export!(LastGood with_types_in super::bindings);
}
