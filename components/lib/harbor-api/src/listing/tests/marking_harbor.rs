//! A Harbor in memory that marks each change of a repository, as Harbor 2.16 does, and changes as a test tells it.

use super::*;
use crate::api::{Experience, Reply};
use crate::error::{Error, ErrorKind};
use crate::in_memory::InMemory;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use time::OffsetDateTime;

#[derive(Clone, Debug)]
struct Artifact {
    number: u64,
    tags: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Repository {
    id: u64,
    updated: i64,
    /// Newest first.
    artifacts: Vec<Artifact>,
}

impl Repository {
    /// The artifact at this place, counted round and round.
    fn artifact(&mut self, place: usize) -> Option<&mut Artifact> {
        let count = self.artifacts.len().max(1);
        self.artifacts.get_mut(place % count)
    }
}

/// What it holds. A copy of it is a backup.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    repositories: BTreeMap<String, Repository>,
    empty_projects: BTreeSet<String>,
    next: u64,
}

pub(super) type Meanwhile = Box<dyn FnOnce(&MarkingHarbor)>;

pub(super) struct MarkingHarbor {
    pub(super) contents: RefCell<Contents>,
    /// Seconds since 1970.
    pub(super) clock: Cell<i64>,
    pub(super) version: Cell<&'static str>,
    /// Characters that follow each new tag.
    pub(super) padding: Cell<usize>,
    /// Repositories of which it says something else in this field; `null` where it says nothing.
    pub(super) odd: RefCell<BTreeMap<String, (&'static str, Value)>>,
    /// Projects of which it counts so many repositories.
    pub(super) miscounted: RefCell<BTreeMap<String, usize>>,
    /// Projects that the user does not see.
    pub(super) hidden: RefCell<BTreeSet<String>>,
    /// Where all artifacts were pushed at one moment: whether they are listed backwards.
    pub(super) at_one_moment: Cell<Option<bool>>,
    /// Whether it ignores the filter by marks, as it does with what it can't read.
    pub(super) ignores_filter: Cell<bool>,
    /// Repositories whose lists of artifacts are empty, whatever it counts.
    pub(super) lists_nothing_of: RefCell<BTreeSet<String>>,
    /// Whether it has lists of a project's artifacts.
    pub(super) lists_projects: Cell<bool>,
    /// Requests that are answered yet; the others are cancelled.
    pub(super) answers_left: Cell<Option<usize>>,
    /// A part of paths that get 503; `^` is the beginning of a path.
    pub(super) fails: RefCell<Option<String>>,
    pub(super) asked: RefCell<Vec<String>>,
    /// Runs once, after the first request for a path with this in it.
    pub(super) meanwhile: RefCell<Option<(&'static str, Meanwhile)>>,
    /// Run one by one, each after so many more requests.
    pub(super) later: RefCell<VecDeque<(usize, Meanwhile)>>,
    /// Run one by one, each after a request for a path with this in it.
    pub(super) after_each: RefCell<Option<(&'static str, VecDeque<Meanwhile>)>>,
    /// Whether it lets other listings go on before it answers.
    pub(super) yields: Cell<bool>,
    /// What each request takes, and all of them took.
    pub(super) request_takes: Cell<Duration>,
    elapsed: Cell<Duration>,
    experience: Cell<Experience>,
}

impl MarkingHarbor {
    pub(super) fn new() -> Self {
        Self {
            contents: RefCell::default(),
            clock: Cell::new(1_795_655_000),
            version: Cell::new("v2.16.0-c50c7ddd6e"),
            padding: Cell::new(0),
            odd: RefCell::default(),
            miscounted: RefCell::default(),
            hidden: RefCell::default(),
            at_one_moment: Cell::new(None),
            ignores_filter: Cell::new(false),
            lists_nothing_of: RefCell::default(),
            lists_projects: Cell::new(false),
            answers_left: Cell::new(None),
            fails: RefCell::new(None),
            asked: RefCell::default(),
            meanwhile: RefCell::new(None),
            later: RefCell::default(),
            after_each: RefCell::default(),
            yields: Cell::new(false),
            request_takes: Cell::default(),
            elapsed: Cell::default(),
            experience: Cell::default(),
        }
    }

    /// One with so many projects, repositories of each, and artifacts of each, pushed an hour apart.
    pub(super) fn filled(projects: usize, repositories: usize, artifacts: usize) -> Self {
        let harbor = Self::new();
        for project in 0..projects {
            for repository in 0..repositories {
                for _ in 0..artifacts {
                    harbor.push(&format!("p{project}/r{repository}"));
                }
                harbor.wait(3600);
            }
        }
        harbor
    }

    /// Lets the project's own lists cost so much, in pages of a repository.
    pub(super) fn costs(&self, project_page: f64) {
        let costs = Some(Costs { project_page, repository_page: 1.0 });
        self.experience.set(Experience { costs, ..self.experience.get() });
    }

    pub(super) fn wait(&self, seconds: i64) {
        self.clock.set(self.clock.get() + seconds);
    }

    /// Changes a repository and marks it. Returns whether there is such a repository.
    fn change(&self, name: &str, change: impl FnOnce(&mut Repository)) -> bool {
        let mut contents = self.contents.borrow_mut();
        let Some(repository) = contents.repositories.get_mut(name) else { return false };
        change(repository);
        repository.updated = self.clock.get();
        true
    }

    /// Pushes a new artifact under a tag of its own.
    pub(super) fn push(&self, name: &str) {
        self.push_marked_at(name, self.clock.get());
    }

    /// The same, with this moment as the mark.
    pub(super) fn push_marked_at(&self, name: &str, updated: i64) {
        let mut contents = self.contents.borrow_mut();
        contents.next += 1;
        let number = contents.next;
        let tag = format!("t{number}{}", "x".repeat(self.padding.get()));
        let new = Repository { id: number, updated, artifacts: Vec::new() };
        let repository = contents.repositories.entry(name.to_owned()).or_insert(new);
        repository.artifacts.insert(0, Artifact { number, tags: BTreeSet::from([tag]) });
        repository.updated = updated;
    }

    /// Moves the tag `latest` to an artifact.
    pub(super) fn move_latest(&self, name: &str, place: usize) -> bool {
        self.change(name, |repository| {
            repository.artifacts.iter_mut().for_each(|artifact| artifact.tags.retain(|tag| tag != "latest"));
            if let Some(artifact) = repository.artifact(place) {
                artifact.tags.insert("latest".to_owned());
            }
        })
    }

    /// The same without a mark, as no Harbor does.
    pub(super) fn move_latest_unmarked(&self, name: &str) {
        let updated = self.contents.borrow().repositories[name].updated;
        self.move_latest(name, 0);
        self.contents.borrow_mut().repositories.get_mut(name).unwrap().updated = updated;
    }

    pub(super) fn delete_artifact(&self, name: &str, place: usize) -> bool {
        self.change(name, |repository| {
            if !repository.artifacts.is_empty() {
                let place = place % repository.artifacts.len();
                repository.artifacts.remove(place);
            }
        })
    }

    /// Removes all tags of an artifact.
    pub(super) fn untag(&self, name: &str, place: usize) -> bool {
        self.change(name, |repository| {
            if let Some(artifact) = repository.artifact(place) {
                artifact.tags.clear();
            }
        })
    }

    pub(super) fn pull(&self, name: &str) -> bool {
        self.change(name, |_| {})
    }

    pub(super) fn delete(&self, name: &str) {
        self.contents.borrow_mut().repositories.remove(name);
        // Its project stays.
        self.contents.borrow_mut().empty_projects.insert(project_of(name).to_owned());
    }

    /// Requests since the last call.
    pub(super) fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.borrow_mut())
    }

    fn sees(&self, project: &str) -> bool {
        !self.hidden.borrow().contains(project)
    }

    fn rows(&self, path: &str, query: &BTreeMap<String, String>) -> Option<Vec<Value>> {
        let contents = self.contents.borrow();
        let parts: Vec<String> = path
            .trim_matches('/')
            .split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let since = query.get("q").filter(|_| !self.ignores_filter.get()).and_then(|filter| {
            let text = filter.strip_prefix("update_time=[")?.strip_suffix("~]")?;
            let time = OffsetDateTime::parse(&format!("{text}Z"), &time::format_description::well_known::Rfc3339);
            Some(time.unwrap().unix_timestamp())
        });
        let repository = |(name, repository): (&String, &Repository)| {
            let mut row = json!({
                "id": repository.id, "name": name, "artifact_count": repository.artifacts.len(),
                "update_time": written(repository.updated),
            });
            if let Some((field, value)) = self.odd.borrow().get(name) {
                row[field] = value.clone();
            }
            row
        };
        let listed = |wanted: &dyn Fn(&str) -> bool| -> Vec<Value> {
            let mut all: Vec<(&String, &Repository)> =
                contents.repositories.iter().filter(|(name, _)| self.sees(project_of(name)) && wanted(name)).collect();
            all.retain(|(_, repository)| since.is_none_or(|since| repository.updated >= since));
            all.sort_by_key(|(_, repository)| std::cmp::Reverse(repository.id));
            all.into_iter().map(repository).collect()
        };
        match parts[..] {
            ["projects"] => {
                let names = contents.repositories.keys().map(|name| project_of(name));
                let names: BTreeSet<&str> = names.chain(contents.empty_projects.iter().map(String::as_str)).collect();
                let miscounted = self.miscounted.borrow();
                let count = |project: &str| {
                    let true_count = || contents.repositories.keys().filter(|name| project_of(name) == project).count();
                    miscounted.get(project).copied().unwrap_or_else(true_count)
                };
                let visible = names.into_iter().filter(|name| self.sees(name));
                Some(visible.map(|name| json!({"name": name, "repo_count": count(name)})).collect())
            }
            ["repositories"] => Some(listed(&|_| true)),
            ["projects", project, "repositories"] => Some(listed(&|name| project_of(name) == project)),
            ["projects", project, "repositories", name, "artifacts"] => {
                let name = format!("{project}/{}", percent_decode_str(name).decode_utf8_lossy());
                let Some(repository) = contents.repositories.get(&name) else { return Some(Vec::new()) };
                if self.lists_nothing_of.borrow().contains(&name) {
                    return Some(Vec::new());
                }
                let mut rows: Vec<Value> =
                    repository.artifacts.iter().map(|artifact| self.artifact_row(&name, artifact)).collect();
                if self.at_one_moment.get() == Some(true) {
                    rows.reverse();
                }
                Some(rows)
            }
            ["projects", project, "artifacts"] if self.lists_projects.get() => {
                let of_project = contents.repositories.iter().filter(|(name, _)| project_of(name) == project);
                let mut all: Vec<(&String, &Artifact)> = of_project
                    .flat_map(|(name, repository)| repository.artifacts.iter().map(move |artifact| (name, artifact)))
                    .collect();
                all.sort_by_key(|(_, artifact)| std::cmp::Reverse(artifact.number));
                Some(all.into_iter().map(|(name, artifact)| self.artifact_row(name, artifact)).collect())
            }
            _ => None,
        }
    }

    fn artifact_row(&self, name: &str, artifact: &Artifact) -> Value {
        let pushed = if self.at_one_moment.get().is_some() { 1 } else { artifact.number as i64 };
        let tags: Vec<Value> = artifact.tags.iter().map(|tag| json!({"name": tag})).collect();
        json!({
            "digest": format!("sha256:{}", artifact.number), "size": artifact.number, "tags": tags,
            "push_time": written(pushed), "repository_name": name,
        })
    }

    fn answer(&self, path: &str) -> Result<Reply, Error> {
        let failed = |kind| Err(Error { url: path.to_owned(), kind });
        match self.answers_left.get() {
            Some(0) => {
                return failed(ErrorKind::Cancelled(CancelReason::DeadlineExceeded(Duration::from_secs(7))));
            }
            Some(left) => self.answers_left.set(Some(left - 1)),
            None => {}
        }
        self.asked.borrow_mut().push(path.to_owned());
        let status = |status| ErrorKind::Status { status, excerpt: String::new(), absent: None, retry_after: None };
        if self.fails.borrow().as_ref().is_some_and(|part| format!("^{path}").contains(part)) {
            return failed(status(503));
        }
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        let query: BTreeMap<String, String> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8_lossy().into_owned()))
            .collect();
        if bare == "/systeminfo" {
            let info = json!({"harbor_version": self.version.get(), "registry_url": "h", "current_time": written(self.clock.get())});
            return Ok(Reply { body: info.to_string().into(), ..Reply::default() });
        }
        if let Some(rest) = bare.strip_prefix("/projects/")
            && let [project, "repositories", name] = rest.split('/').collect::<Vec<_>>()[..]
        {
            let rows = self.rows(&format!("/projects/{project}/repositories"), &BTreeMap::new()).unwrap_or_default();
            let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
            let full_name = format!("{project}/{}", percent_decode_str(&name).decode_utf8_lossy());
            let row = rows.into_iter().find(|row| row["name"] == full_name);
            return match row {
                Some(row) => Ok(Reply { body: row.to_string().into(), ..Reply::default() }),
                None => failed(status(404)),
            };
        }
        let Some(rows) = self.rows(bare, &query) else { return failed(status(404)) };
        let number = |name: &str, default| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let (page, size): (usize, usize) = (number("page", 1), number("page_size", 10));
        let shown: Vec<&Value> = rows.iter().skip((page - 1) * size).take(size).collect();
        Ok(Reply { body: json!(shown).to_string().into(), total: Some(rows.len() as u64), ..Reply::default() })
    }
}

fn project_of(name: &str) -> &str {
    name.split_once('/').unwrap().0
}

fn written(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.000Z",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Lets other futures go on.
pub(super) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

impl InMemory for MarkingHarbor {
    async fn wait(&self) {
        if self.yields.get() {
            yield_now().await;
        }
    }

    fn reply(&self, path: &str) -> Result<Reply, Error> {
        self.elapsed.set(self.elapsed.get().saturating_add(self.request_takes.get()));
        let reply = self.answer(path);
        let due = self.later.borrow_mut().front_mut().is_some_and(|(requests, _)| {
            *requests = requests.saturating_sub(1);
            *requests == 0
        });
        let later = due.then(|| self.later.borrow_mut().pop_front()).flatten();
        if let Some((_, later)) = later {
            later(self);
        }
        let mut after_each = self.after_each.take();
        if let Some((part, changes)) = &mut after_each
            && path.contains(*part)
            && let Some(change) = changes.pop_front()
        {
            change(self);
        }
        self.after_each.replace(after_each);
        let meanwhile = self.meanwhile.borrow_mut().take_if(|(part, _)| path.contains(*part));
        if let Some((_, meanwhile)) = meanwhile {
            meanwhile(self);
        }
        reply
    }

    fn time(&self) -> Duration {
        self.elapsed.get()
    }

    fn experience(&self) -> Experience {
        self.experience.get()
    }

    fn set_experience(&self, experience: Experience) {
        self.experience.set(experience);
    }
}
