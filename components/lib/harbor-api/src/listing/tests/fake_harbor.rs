//! A Harbor in memory: lists by path, and the faults and changes that a test puts there.

use crate::api::{Api, Experience, Reply};
use crate::error::{CancelReason, Error, ErrorKind};
use crate::listing::Costs;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a test does after a request, from the request's number and path.
pub(super) type Meanwhile = Box<dyn Fn(&FakeHarbor, usize, &str)>;

/// Whether a row is taken out of its page.
pub(super) type Lacks = Box<dyn Fn(&Value) -> bool>;

/// How a request fails.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    Status(u16),
    /// The listing gave up on Harbor.
    Unresponsive,
    /// The listing's 7 s are over, and all further requests are cancelled.
    Deadline,
}

const OUT_OF_TIME: ErrorKind = ErrorKind::Cancelled(CancelReason::DeadlineExceeded(Duration::from_secs(7)));

/// A Harbor in memory.
#[derive(Default)]
pub(super) struct FakeHarbor {
    /// `None` for a Harbor that refuses the login.
    version: Option<&'static str>,
    /// Whether it has lists of a project's artifacts.
    project_artifacts: bool,
    pub(super) lists: RefCell<BTreeMap<String, Vec<Value>>>,
    /// Paths that fail, each from a page on.
    pub(super) faults: BTreeMap<String, (Fault, u64)>,
    /// How often each of them fails yet; without a number, for ever.
    pub(super) failures_left: RefCell<BTreeMap<String, usize>>,
    /// Leaves `X-Total-Count` and `Link` out.
    pub(super) without_total: bool,
    /// Names another server in `Link`.
    pub(super) foreign_link: bool,
    /// Runs after each request.
    pub(super) meanwhile: Option<Meanwhile>,
    /// The paths of all requests.
    pub(super) asked: RefCell<Vec<String>>,
    pub(super) anonymous: Cell<bool>,
    /// Whether the operator wants no login.
    pub(super) anonymous_by_choice: bool,
    pub(super) experience: Cell<Experience>,
    /// How long requests for these paths take; the others take no time.
    pub(super) times: BTreeMap<String, Duration>,
    pub(super) clock: Cell<Duration>,
    /// Answers that are no lists, by path.
    pub(super) objects: RefCell<BTreeMap<String, Value>>,
    /// Rows that are taken out of a page after it was cut.
    pub(super) lacks: Option<Lacks>,
    /// Pages of artifacts that come without tags yet.
    pub(super) bare_pages: Cell<usize>,
    /// Writes empty lists as `null`.
    pub(super) nulls: Cell<bool>,
    out_of_time: Cell<bool>,
    /// The waits before requests were sent again.
    pub(super) pauses: RefCell<Vec<Duration>>,
}

impl FakeHarbor {
    /// A Harbor with these artifacts: `project/repository`, digest, seconds of the push time, tags.
    pub(super) fn with(
        version: Option<&'static str>,
        project_artifacts: bool,
        artifacts: &[(&str, &str, u64, &[&str])],
    ) -> Self {
        let fake = Self { version, project_artifacts, ..Self::default() };
        for (name, digest, seconds, tags) in artifacts {
            fake.push(name, digest, *seconds, tags);
        }
        fake
    }

    /// Adds an artifact to the top of its lists, and its project and repository where they are new.
    pub(super) fn push(&self, name: &str, digest: &str, seconds: u64, tags: &[&str]) {
        let (project, repository) = name.split_once('/').unwrap();
        let tags: Vec<Value> = tags.iter().map(|tag| json!({"name": tag})).collect();
        let artifact = json!({
            "digest": digest, "size": 5, "tags": tags, "repository_name": name,
            "push_time": format!("2025-01-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60),
        });
        let mut lists = self.lists.borrow_mut();
        let mut add = |path: String, value: Value| {
            let list = lists.entry(path).or_default();
            if !list.iter().any(|item| item["name"] == value["name"] && !value["name"].is_null()) {
                list.insert(0, value);
            }
        };
        add("/projects".into(), json!({"name": project, "repo_count": 0}));
        let row = json!({"name": name, "artifact_count": 0});
        add("/repositories".into(), row.clone());
        add(format!("/projects/{project}/repositories"), row);
        let twice = repository.replace('/', "%252F");
        add(format!("/projects/{project}/repositories/{twice}/artifacts"), artifact.clone());
        if self.project_artifacts {
            add(format!("/projects/{project}/artifacts"), artifact);
        }
        drop(lists);
        self.count_all();
    }

    /// Counts repositories and artifacts as Harbor does.
    pub(super) fn count_all(&self) {
        self.count_all_but("");
    }

    /// The same, without this project.
    pub(super) fn count_all_but(&self, project: &str) {
        let mut lists = self.lists.borrow_mut();
        let counts: BTreeMap<String, usize> = lists.iter().map(|(path, list)| (path.clone(), list.len())).collect();
        for (path, list) in lists.iter_mut() {
            for row in list.iter_mut().filter(|row| row["name"].is_string() && row["name"] != project) {
                let name = row["name"].as_str().unwrap_or_default().to_owned();
                let count = |path: String| json!(counts.get(&path).copied().unwrap_or_default());
                if path == "/projects" {
                    row["repo_count"] = count(format!("/projects/{name}/repositories"));
                } else if let Some((project, repository)) = name.split_once('/') {
                    let twice = repository.replace('/', "%252F");
                    row["artifact_count"] = count(format!("/projects/{project}/repositories/{twice}/artifacts"));
                }
            }
        }
    }

    /// Lets the project's own lists cost so much, in pages of a repository.
    pub(super) fn with_costs(self, project_page: f64) -> Self {
        let costs = Some(Costs { project_page, repository_page: 1.0 });
        self.experience.set(Experience { costs, ..Experience::default() });
        self
    }

    /// Requests whose path has this part.
    pub(super) fn count(&self, part: &str) -> usize {
        self.asked.borrow().iter().filter(|path| path.contains(part)).count()
    }
}

impl Api for FakeHarbor {
    async fn get<T: 'static>(&self, path: String, read: impl FnOnce(Reply) -> T + 'static) -> Result<T, Error> {
        self.reply(path).map(read)
    }

    fn url(&self, path: &str) -> String {
        format!("https://harbor.test/api/v2.0{path}")
    }

    fn go_anonymous(&self) {
        self.anonymous.set(true);
    }

    fn is_anonymous(&self) -> bool {
        self.anonymous_by_choice
    }

    fn is_own(&self, url: &str) -> bool {
        url.starts_with('/') || url.starts_with("https://harbor.test/")
    }

    fn now(&self) -> Duration {
        self.clock.get()
    }

    async fn pause(&self, time: Duration) {
        self.pauses.borrow_mut().push(time);
    }

    fn recall(&self) -> Experience {
        self.experience.get()
    }

    fn remember(&self, experience: Experience) {
        self.experience.set(experience);
    }
}

impl FakeHarbor {
    fn fails_again(&self, path: &str) -> bool {
        match self.failures_left.borrow_mut().get_mut(path) {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    fn reply(&self, path: String) -> Result<Reply, Error> {
        self.asked.borrow_mut().push(path.clone());
        let number = self.asked.borrow().len();
        let (bare, query) = path.split_once('?').unwrap_or((&path, ""));
        let parameter = |name: &str| {
            query
                .split('&')
                .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
                .and_then(|value| value.parse().ok())
        };
        let (page, size) = (parameter("page").unwrap_or(1), parameter("page_size").unwrap_or(10));
        let status = |status| Error {
            url: self.url(&path),
            kind: ErrorKind::Status { status, excerpt: String::new(), absent: None, retry_after: None },
        };
        self.clock.set(self.clock.get().saturating_add(self.times.get(bare).copied().unwrap_or_default()));
        let reply = |body: Value| Reply {
            content_type: "application/json".into(),
            body: body.to_string().into(),
            ..Reply::default()
        };
        if self.out_of_time.get() {
            return Err(Error { url: self.url(&path), kind: OUT_OF_TIME });
        }
        if let Some((fault, from)) = self.faults.get(bare)
            && page >= *from
            && self.fails_again(bare)
        {
            let kind = match fault {
                Fault::Status(code) => return Err(status(*code)),
                Fault::Unresponsive => ErrorKind::Cancelled(CancelReason::Unresponsive),
                Fault::Deadline => {
                    self.out_of_time.set(true);
                    OUT_OF_TIME
                }
            };
            return Err(Error { url: self.url(&path), kind });
        }
        if bare == "/systeminfo" {
            let version = self.version.filter(|_| !self.anonymous.get());
            return Ok(reply(version.map_or_else(
                || json!({}),
                |version| json!({"harbor_version": version, "registry_url": "harbor.test"}),
            )));
        }
        if let Some(object) = self.objects.borrow().get(bare) {
            return Ok(reply(object.clone()));
        }
        let reply = {
            let lists = self.lists.borrow();
            let list = lists.get(bare).ok_or_else(|| status(404))?;
            let rows = list.iter().skip(((page - 1) * size) as usize).take(size as usize);
            let lacks = |row: &&Value| self.lacks.as_ref().is_some_and(|lacks| lacks(row));
            let mut rows: Vec<Value> = rows.filter(|row| !lacks(row)).cloned().collect();
            if bare.ends_with("/artifacts") && self.bare_pages.get() > 0 {
                self.bare_pages.set(self.bare_pages.get() - 1);
                rows.iter_mut().for_each(|row| row["tags"] = Value::Null);
            }
            let next = page * size < list.len() as u64;
            let origin = if self.foreign_link { "https://evil.example" } else { "" };
            Reply {
                total: (!self.without_total).then_some(list.len() as u64),
                link: if next && !self.without_total {
                    format!("<{origin}/x?page={}>; rel=\"next\"", page + 1)
                } else {
                    String::new()
                },
                ..reply(if rows.is_empty() && self.nulls.get() { Value::Null } else { Value::Array(rows) })
            }
        };
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile(self, number, bare);
        }
        Ok(reply)
    }
}
