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

struct LastGood;

impl node::Guest for LastGood {
    async fn images() -> (StreamReader<node::Image>, FutureReader<Vec<SourceError>>) {
        let (input, input_errors) = containerd::images().await;
        let (output, reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(ended_early);
        wit_bindgen::spawn(async move {
            let outcome = relay("containerd", input, input_errors, output, |image| node::Image {
                id: image.id,
                repository: image.repository,
                tag: image.tag,
                size: image.size,
            });
            let _ = errors.write(outcome.await).await;
        });
        (reader, errors_reader)
    }
}

impl registry::Guest for LastGood {
    async fn images() -> (StreamReader<registry::Image>, FutureReader<Vec<SourceError>>) {
        let (input, input_errors) = harbor::images().await;
        let (output, reader) = wit_stream::new();
        let (errors, errors_reader) = wit_future::new(ended_early);
        wit_bindgen::spawn(async move {
            let outcome = relay("harbor", input, input_errors, output, |image| registry::Image {
                project: image.project,
                repository: image.repository,
                tag: image.tag,
                digest: image.digest,
                size: image.size,
            });
            let _ = errors.write(outcome.await).await;
        });
        (reader, errors_reader)
    }
}

fn failure(message: String) -> SourceError {
    SourceError { repository: None, message }
}

fn ended_early() -> Vec<SourceError> {
    vec![failure("the keeping of rows ended early".to_owned())]
}

/// A setting that is a whole number.
async fn number(key: &str) -> Option<u64> {
    settings::get(key.to_owned()).await?.parse().ok()
}

/// Passes a source's rows on, or those that were kept; returns what failed.
async fn relay<In: 'static, Out: Row + 'static>(
    source: &str,
    mut input: StreamReader<In>,
    input_errors: FutureReader<Vec<SourceError>>,
    mut output: StreamWriter<Out>,
    pass_on: fn(In) -> Out,
) -> Vec<SourceError> {
    let most = number("stale-max-bytes").await.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let mut held = Some(Rows::default());
    loop {
        let (status, batch) = input.read(Vec::with_capacity(BATCH)).await;
        let batch: Vec<Out> = batch.into_iter().map(pass_on).collect();
        if let Some(rows) = &mut held {
            batch.iter().for_each(|row| rows.push(row));
            if rows.bytes().len() > most {
                eprintln!(
                    "{source} has more rows than are kept (cache_config.max_stale_bytes); they are passed on as they come"
                );
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
        snapshots::save(source.to_owned(), rows.into_bytes()).await;
        return errors;
    }
    match kept(source).await {
        Some((age, kept)) => {
            give(&kept, &mut output).await;
            errors.push(failure(format!("the rows are those of {age} s ago, when all of them could last be listed")));
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
async fn give<Out: Row + 'static>(rows: &Rows, output: &mut StreamWriter<Out>) {
    let mut rows = rows.iter();
    loop {
        let batch: Vec<Out> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() || !output.write_all(batch).await.is_empty() {
            return;
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
