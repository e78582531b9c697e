//! Gives the kept rows, in order, and reads from Harbor what the store lost.

use super::record::{self, Mark};
use super::{KeptRows, warn_unkept};
use crate::api::Api;
use crate::artifact::Time;
use crate::listing::failures::{Failure, Failures};
use crate::listing::overview::RepositoryCount;
use crate::listing::recount::Recount;
use crate::listing::repository::{self, Outcome, ReadRepository};
use crate::listing::validation::read_until_valid;
use crate::page::Limits;
use crate::repository_name::RepositoryName;
use crate::sink::Sink;
use crate::store::{Entry, Store};
use image_model::types::{Artifact, FailureCode, Repository};
use std::collections::BTreeMap;
use std::iter::Peekable;

/// Rows from which on repositories pass to the sink. Rows pass between components far faster in many than one by one.
const BATCH_ROWS: usize = 512;
/// Most repositories that are read from Harbor because the store lost their rows. The next listing reads the others.
const MAX_READ_AGAIN: usize = 256;

/// Gives all kept rows, and in their places these `parts` of repositories that are not kept.
///
/// The store may hold something else than at the beginning of this listing, where another one is under way. Rows count as long
/// as they have the mark that this listing compared with Harbor's.
pub(in crate::listing) async fn emit<S: Store>(
    api: &impl Api,
    limits: Limits,
    kept_rows: &mut KeptRows<'_, S>,
    parts: BTreeMap<RepositoryName, Repository>,
    failures: &mut Failures,
    sink: &mut impl Sink,
) {
    let Some(row_store) = &kept_rows.row_store else { return };
    let limits = Limits { changed_since: kept_rows.changed_since(), ..limits };
    let mut output = Output { api, limits, sink, failures, parts, ready: Vec::new(), ready_rows: 0, lost: Vec::new() };
    let mut recount = Recount::default();
    let mut marks = row_store.marks().peekable();
    let (mut after, mut scanned): (Option<Vec<u8>>, Option<Scanned>) = (None, None);
    loop {
        let (entries, more) = match kept_rows.store.scan(after).await {
            Ok(page) => (page.entries, page.more),
            Err(error) => {
                warn_unkept(kept_rows.store, &error);
                (Vec::new(), false)
            }
        };
        after = entries.last().map(|entry| entry.key.clone());
        let more = more && after.is_some();
        // Each repository is given before the next one is read, so that the first rows do not wait for a whole page.
        for entry in entries {
            let Some((name, _)) = record::parse_key(&entry.key) else { continue };
            match &mut scanned {
                Some(scanned) if scanned.name == name => scanned.add(entry),
                _ => {
                    let done = scanned.replace(Scanned::new(name, entry));
                    if let Some(done) = done
                        && !output.give_scanned(done, &mut marks, &mut recount).await
                    {
                        return;
                    }
                }
            }
        }
        if !more
            && let Some(done) = scanned.take()
            && !output.give_scanned(done, &mut marks, &mut recount).await
        {
            return;
        }
        if !more {
            break;
        }
    }
    for (name, mark) in marks {
        if !output.give(name, mark, None, &mut recount).await {
            return;
        }
    }
    let Some(lost) = output.end().await else { return };
    recount.settle(api, limits, failures, sink).await;
    if lost.is_empty() {
        return;
    }
    for name in &lost {
        kept_rows.forget(name).await;
    }
    kept_rows.meta.complete = false;
    kept_rows.finish().await;
}

/// The values of one repository, as far as they were scanned.
struct Scanned {
    name: RepositoryName,
    artifacts: Vec<Artifact>,
    values: u16,
    /// The mark that all values have; `None` where they have several, or where one is damaged.
    mark: Option<Mark>,
}

impl Scanned {
    fn new(name: RepositoryName, entry: Entry) -> Self {
        let mark = Mark::from_bytes(&entry.version);
        let mut scanned = Self { name, artifacts: Vec::new(), values: 0, mark };
        scanned.add(entry);
        scanned
    }

    fn add(&mut self, entry: Entry) {
        let mark = Mark::from_bytes(&entry.version);
        match record::artifacts(&entry.key, entry.value) {
            Ok(artifacts) if mark == self.mark => self.artifacts.extend(artifacts),
            _ => self.mark = None,
        }
        self.values = self.values.saturating_add(1);
    }

    /// The rows, if they are whole and have this mark.
    fn artifacts(self, mark: Mark) -> Option<Vec<Artifact>> {
        (self.mark == Some(mark) && self.values == mark.values).then_some(self.artifacts)
    }
}

/// Rows on their way to the sink.
struct Output<'o, A, K> {
    api: &'o A,
    limits: Limits,
    sink: &'o mut K,
    failures: &'o mut Failures,
    /// Repositories that are not kept.
    parts: BTreeMap<RepositoryName, Repository>,
    ready: Vec<Repository>,
    ready_rows: usize,
    /// Repositories whose kept rows are lost.
    lost: Vec<RepositoryName>,
}

impl<A: Api, K: Sink> Output<'_, A, K> {
    /// Gives the rows of a repository that was scanned, after the kept repositories before it, which the store lost. Returns
    /// whether the sink wants more.
    async fn give_scanned<'m>(
        &mut self,
        scanned: Scanned,
        marks: &mut Peekable<impl Iterator<Item = (&'m RepositoryName, Mark)>>,
        recount: &mut Recount,
    ) -> bool {
        while let Some((name, mark)) = marks.next_if(|(name, _)| **name < scanned.name) {
            if !self.give(name, mark, None, recount).await {
                return false;
            }
        }
        match marks.next_if(|(name, _)| **name == scanned.name) {
            Some((name, mark)) => self.give(name, mark, scanned.artifacts(mark), recount).await,
            None => true,
        }
    }

    /// Gives the rows of a kept repository, after the parts that come before it. `None` are lost rows. Returns whether the sink
    /// wants more.
    async fn give(
        &mut self,
        name: &RepositoryName,
        mark: Mark,
        artifacts: Option<Vec<Artifact>>,
        recount: &mut Recount,
    ) -> bool {
        while let Some(part) = self.parts.first_entry().filter(|part| part.key() < name) {
            let part = part.remove();
            if !self.add(part).await {
                return false;
            }
        }
        match artifacts {
            Some(artifacts) => self.add(name.with(artifacts)).await,
            None => self.read_again(name, mark, recount).await,
        }
    }

    /// Reads a repository whose kept rows are lost.
    async fn read_again(&mut self, name: &RepositoryName, mark: Mark, recount: &mut Recount) -> bool {
        self.lost.push(name.clone());
        if self.lost.len() > MAX_READ_AGAIN {
            return true;
        }
        let repository = RepositoryCount {
            name: name.clone(),
            artifacts: Some(mark.artifacts),
            updated: Some(Time::from_microseconds(mark.updated)),
        };
        match read_until_valid(self.api, self.limits, repository, None).await {
            Outcome::Whole(read) => {
                for rows in read.into_iter().filter_map(ReadRepository::into_rows) {
                    if !self.add(rows).await {
                        return false;
                    }
                }
                true
            }
            Outcome::Partial(read, problem) => {
                recount.tell(problem, name, self.failures, self.sink);
                match read.into_rows() {
                    Some(rows) => self.add(rows).await,
                    None => true,
                }
            }
            Outcome::TooLong(repository) => {
                if !self.pass().await {
                    return false;
                }
                let (wanted, problem) = repository::stream(self.api, self.limits, &repository, self.sink).await;
                recount.tell(problem, name, self.failures, self.sink);
                wanted
            }
        }
    }

    async fn add(&mut self, repository: Repository) -> bool {
        self.ready_rows += repository.artifacts.len();
        if !repository.artifacts.is_empty() {
            self.ready.push(repository);
        }
        self.ready_rows < BATCH_ROWS || self.pass().await
    }

    async fn pass(&mut self) -> bool {
        self.ready_rows = 0;
        let repositories = std::mem::take(&mut self.ready);
        repositories.is_empty() || self.sink.rows(repositories).await
    }

    /// Gives all other parts, and returns what was lost; `None` where the sink wants no more.
    async fn end(mut self) -> Option<Vec<RepositoryName>> {
        for part in std::mem::take(&mut self.parts).into_values() {
            if !self.add(part).await {
                return None;
            }
        }
        if !self.pass().await {
            return None;
        }
        let unread = self.lost.len().saturating_sub(MAX_READ_AGAIN);
        if unread > 0 {
            let message = format!(
                "the host lost the kept rows of {unread} more repositories of Harbor while they were read; the next listing \
                 reads them from Harbor"
            );
            self.failures.add(Some(Failure::anywhere(FailureCode::Other, message)), self.sink);
        }
        Some(self.lost)
    }
}
