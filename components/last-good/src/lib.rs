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
use bindings::image_service::inventory::types::SourceError;
use bindings::image_service::inventory::{containerd, harbor, settings, snapshots};
use bindings::{wit_future, wit_stream};
use rows::{Row, Rows};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

/// Rows read and written at a time.
const BATCH: usize = 64;

/// The names under which rows are kept, and by which messages call their sources.
const NODE: &str = "containerd";
const REGISTRY: &str = "harbor";

struct LastGood;

impl node::Guest for LastGood {
    async fn images() -> (Vec<node::Image>, Vec<SourceError>) {
        let (images, mut errors) = containerd::images().await;
        let images: Vec<_> = images.into_iter().map(node::Image::from).collect();
        if !errors.is_empty() {
            let Some((age, rows)) = kept(NODE).await else { return (images, errors) };
            errors.push(aged(age));
            return (rows.iter().collect(), errors);
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
    async fn images() -> (StreamReader<registry::Image>, FutureReader<Vec<SourceError>>) {
        let (input, input_errors) = harbor::images().await;
        let (output, reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(|| vec![failure("the keeping of rows ended early".to_owned())]);
        wit_bindgen::spawn(async move {
            let _ = errors.write(relay(input, input_errors, output).await).await;
        });
        (reader, errors_reader)
    }
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

/// Passes the registry's rows on, or those that were kept; returns what failed.
async fn relay(
    mut input: StreamReader<harbor::Image>,
    input_errors: FutureReader<Vec<SourceError>>,
    mut output: StreamWriter<registry::Image>,
) -> Vec<SourceError> {
    let most = max_bytes().await;
    let mut held = Some(Rows::default());
    loop {
        let (status, batch) = input.read(Vec::with_capacity(BATCH)).await;
        let batch: Vec<_> = batch.into_iter().map(registry::Image::from).collect();
        if let Some(rows) = &mut held {
            batch.iter().for_each(|row| rows.push(row));
            if rows.bytes().len() > most {
                say_too_many(REGISTRY);
                give(rows, &mut output).await;
                held = None;
            }
        } else if !output.write_all(batch).await.is_empty() {
            return Vec::new(); // Nobody wants more.
        }
        if !matches!(status, StreamResult::Complete(_)) {
            break;
        }
    }
    let mut errors = input_errors.await;
    let Some(rows) = held else { return errors };
    if errors.is_empty() {
        give(&rows, &mut output).await;
        drop(output);
        snapshots::save(REGISTRY.to_owned(), rows.into_bytes()).await;
        return errors;
    }
    match kept(REGISTRY).await {
        Some((age, kept)) => {
            give(&kept, &mut output).await;
            errors.push(aged(age));
        }
        None => give(&rows, &mut output).await,
    }
    errors
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

/// Writes all rows; stops where nobody wants more.
async fn give(rows: &Rows, output: &mut StreamWriter<registry::Image>) {
    let mut rows = rows.iter();
    loop {
        let batch: Vec<_> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() || !output.write_all(batch).await.is_empty() {
            return;
        }
    }
}

impl From<containerd::Image> for node::Image {
    fn from(image: containerd::Image) -> Self {
        Self { id: image.id, repository: image.repository, tag: image.tag, size: image.size }
    }
}

impl From<harbor::Image> for registry::Image {
    fn from(image: harbor::Image) -> Self {
        Self {
            project: image.project,
            repository: image.repository,
            tag: image.tag,
            digest: image.digest,
            size: image.size,
        }
    }
}

impl Row for node::Image {
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

impl Row for registry::Image {
    fn write(&self, fields: &mut rows::Writer<'_>) {
        for text in [&self.project, &self.repository, &self.tag, &self.digest] {
            fields.text(text);
        }
        fields.number(self.size);
    }

    fn read(fields: &mut rows::Reader<'_>) -> Option<Self> {
        Some(Self {
            project: fields.text()?,
            repository: fields.text()?,
            tag: fields.text()?,
            digest: fields.text()?,
            size: fields.number()?,
        })
    }
}

#[allow(unsafe_code, reason = "generated from wit/")]
mod exported {
    use super::LastGood;
    super::bindings::export!(LastGood with_types_in super::bindings);
}
