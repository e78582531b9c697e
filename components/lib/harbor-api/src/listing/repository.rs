//! The last stage of a listing: the rows of one repository.

use super::endpoints;
use super::failures::Failure;
use crate::api::Api;
use crate::artifact::{Artifact, RepositoryArtifact};
use crate::dedup::DedupWindow;
use crate::page::{Limits, Page, RawPage};
use crate::paging::{self, Truncated, WholeList};
use crate::progress::{Progress, RepeatDetector};
use crate::repository_name::RepositoryName;
use crate::rows::{SortWindow, repository_rows};
use crate::sink::Sink;
use image_model::types::{HarborRepository, SourceError};

/// Most rows by which pushes may shift a streamed list during the reading.
const RECENT_ROWS: usize = 10_000;

/// The rows of a repository.
pub(super) enum RepositoryRows {
    Buffered(Vec<HarborRepository>, Option<Failure>),
    /// The repository has too many rows to buffer. [`stream`] passes them on when it is their turn.
    TooLong(RepositoryName),
}

/// Reads a repository, unless it is too long.
pub(super) async fn read(api: &impl Api, limits: Limits, repository: RepositoryName) -> RepositoryRows {
    if !endpoints::is_valid_segment(&repository.name) {
        let message = endpoints::invalid_name("repository", &repository.name);
        let error = SourceError { repository: Some(repository.full_name()), message };
        return RepositoryRows::Buffered(Vec::new(), Some(Failure::Reported(error)));
    }
    let list = endpoints::repository_artifacts(&repository);
    match paging::read_all::<RepositoryArtifact>(api, &list, limits).await {
        WholeList::TooLong => RepositoryRows::TooLong(repository),
        WholeList::Rows(artifacts, truncated) => {
            let artifacts = artifacts.into_iter().map(|RepositoryArtifact(artifact)| artifact).collect();
            let rows = repository_rows(&repository, artifacts).into_iter().collect();
            RepositoryRows::Buffered(rows, truncated.map(|truncated| Failure::of_repository(&repository, truncated)))
        }
    }
}

/// Passes on the rows of a long repository as they arrive. Returns whether the sink wants more rows, and the failure.
pub(super) async fn stream(
    api: &impl Api,
    limits: Limits,
    repository: &RepositoryName,
    sink: &mut impl Sink,
) -> (bool, Option<Failure>) {
    let list = endpoints::repository_artifacts(repository);
    let mut window = SortWindow::new(2 * limits.page_size);
    let mut recent = DedupWindow::new(RECENT_ROWS);
    let (mut wanted, mut repeats) = (true, RepeatDetector::default());
    let (mut total, mut read) = (None, 0);
    let outcome = match RawPage::get(api, &list, limits, 1).await {
        Err(error) => Err(error),
        Ok(first) => {
            paging::for_each_page(api, &list, limits, first, async |page: Page<Artifact>| {
                total = page.total.or(total);
                let new: Vec<Artifact> =
                    page.items.into_iter().filter(|artifact| recent.insert(artifact.digest.clone())).collect();
                let count = new.len();
                read += count;
                wanted = send_rows(sink, window.push(repository, new)).await;
                if wanted { repeats.count(count, read) } else { Progress::Stop }
            })
            .await
        }
    };
    wanted = wanted && send_rows(sink, window.drain(repository)).await;
    let error = outcome.err().or_else(|| repeats.error(api, &list));
    (wanted, error.map(|error| Failure::of_repository(repository, Truncated::after(error, total, read))))
}

async fn send_rows(sink: &mut impl Sink, rows: Option<HarborRepository>) -> bool {
    match rows {
        Some(rows) => sink.rows(vec![rows]).await,
        None => true,
    }
}
